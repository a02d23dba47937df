//! Ways out of the root, circles of files, and what is no file.

use std::path::PathBuf;

use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, codes, host_of, outcome};

#[test]
fn nothing_outside_the_root_is_read() {
    for path in ["/etc/passwd", "../../../../../../etc/passwd", "~/.bashrc"] {
        for function in ["file", "filebase64", "filesha1", "fileexists"] {
            assert!(codes(&host_of(&format!("{function}(\"{path}\")"))).contains(&"outside-root"), "{function} {path}");
        }
        assert!(codes(&host_of(&format!("templatefile(\"{path}\", {{}})"))).contains(&"outside-root"));
    }
    assert_eq!(codes(&format!("{HOST}module \"up\" {{\n  source = \"../../../..\"\n}}\n")), ["outside-root"]);
}

#[test]
#[cfg(unix)]
fn links_that_leave_the_root_and_pipes_are_not_opened() {
    let outside = Project::new(&[("secret.tf", &host_of("\"disabled\"")), ("t.tpl", "disabled")]);
    let project = Project::new(&[("a.tf", HOST), ("b.tf", &host_of("templatefile(\"t.tpl\", {})"))]);
    let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
    link(outside.path("secret.tf"), project.path("main.tf")).unwrap();
    link(outside.path("t.tpl"), project.path("t.tpl")).unwrap();
    link(".".into(), project.path("loop")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(project.path("pipe.tf")).status().unwrap().success());
    let (problems, found) = outcome(&project, Limits::default());
    let codes: Vec<_> = problems.iter().map(|(code, _)| *code).collect();
    assert_eq!(found, 1);
    assert!(codes.contains(&"unreadable"), "the pipe: {problems:?}");
    assert!(codes.iter().filter(|code| **code == "outside-root").count() >= 2, "both links: {problems:?}");
}

#[test]
fn circles_are_cut() {
    let call = |source: &str| format!("{HOST}module \"m\" {{\n  source = \"{source}\"\n}}\n");
    let circles: [&[(&str, &str)]; 3] =
        [&[("a", "../a")], &[("a", "../b"), ("b", "../a")], &[("a", "../b"), ("b", "../c"), ("c", "../a")]];
    for circle in circles {
        let project = Project::new(&[]);
        for (folder, source) in circle {
            project.write(&format!("{folder}/main.tf"), call(source));
        }
        let (problems, found) = outcome(&project, Limits::default());
        assert!(problems.iter().any(|(code, _)| *code == "cycle"), "{problems:?}");
        assert_eq!(found, circle.len(), "each module is read once");
    }
    let values = ["locals {\n  a = local.b\n  b = local.a\n}\n", "locals {\n  a = local.a\n}\n"];
    for value in values {
        assert!(codes(&format!("{value}{}", host_of("local.a"))).contains(&"cycle"));
    }
    let template = Project::new(&[
        ("main.tf", &format!("{HOST}{}", host_of("templatefile(\"t.tpl\", {})"))),
        ("t.tpl", "${templatefile(\"t.tpl\", {})}"),
    ]);
    let (problems, found) = outcome(&template, Limits::default());
    assert!(!problems.is_empty() && found == 1, "{problems:?}");
}
