//! Editors, with the real other side: Neovim shows each finding under the text that it is about, and the problem
//! matcher for VS Code catches every line of `concise`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;
use support::{Project, is_missing};

const LIMIT: Duration = Duration::from_mins(1);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a user's configuration says, with the adapter of this repository and the program that is tested.
fn setup() -> String {
    format!(
        "vim.opt.runtimepath:append({:?})\nrequire(\"imdslint\").setup({{ command = {{ {:?} }} }})",
        root().join("editors/neovim").to_str().unwrap(),
        env!("CARGO_BIN_EXE_imdslint")
    )
}

/// Has Neovim open `paths` of `project` one after another and gives what it shows for each.
fn shown(project: &Project, paths: &[&str], setup: &str, variables: &[(&str, &str)]) -> Vec<Value> {
    let files: Vec<String> = paths.iter().map(|path| project.path(path).to_str().unwrap().to_owned()).collect();
    let result = project.path("neovim-result");
    let folder = Path::new(env!("CARGO_BIN_EXE_imdslint")).parent().unwrap().to_str().unwrap();
    let mut command = Command::new("nvim");
    command
        .args(["--headless", "--clean", "-c"])
        .arg(format!("luafile {}", root().join("tests/editors/neovim.lua").display()))
        .current_dir(project.path(""))
        .env("FILES", files.join("\n"))
        .env("RESULT", &result)
        .env("SETUP", setup)
        .env("HOME", project.path(""))
        .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("nvim did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = std::fs::read_to_string(&result).unwrap();
    assert!(!text.starts_with("failed: "), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A host without an endpoint, where `before` stands in the same line as what disables it.
fn host(before: &str) -> String {
    format!(
        "resource \"aws_instance\" \"web\" {{\n\tmetadata_options {{\n{before}http_endpoint = \"disabled\" # \u{e9}\n\t}}\n}}\n"
    )
}

#[test]
fn neovim_underlines_what_is_wrong_whatever_stands_before_it() {
    if is_missing("nvim") {
        return;
    }
    let lines = [
        ("tabs/main.tf", host("\t\t")),
        ("emoji/main.tf", host("  /* \u{1f600}\u{1f468}\u{200d}\u{1f469} */ ")),
        ("wide/main.tf", host("\t/* \u{65e5}\u{672c} \u{ff21} */ ")),
        ("combining/main.tf", host("/* e\u{301} */ ")),
        ("dos/main.tf", host("\t/* \u{1f600} */ ").replace('\n', "\r\n")),
        ("bom/main.tf", format!("\u{feff}{}", host("\t\t"))),
        ("bom-dos/main.tf", format!("\u{feff}{}", host("\t\t").replace('\n', "\r\n"))),
        ("no-final-newline/main.tf", host("\t").trim_end().to_owned()),
        ("first-line/terraform.tfvars", "\u{feff}/* \u{1f600} */ endpoint = \"disabled\"".to_owned()),
        ("template.yaml", "Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions: { HttpTokens: required, HttpEndpoint: disabled } # \u{1f600}\n".to_owned()),
        ("boot/boot.sh", "#!/bin/sh\necho '\u{1f600}'; iptables -A OUTPUT -d 169.254.169.254 -j DROP\r\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = lines.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let project = Project::new(&files);
    let user = host("\t").replace("\"disabled\"", "var.endpoint");
    project.write("first-line/main.tf", format!("variable \"endpoint\" {{}}\n{user}"));
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let all = shown(&project, &paths, &setup(), &[("SARIF", "1")]);
    assert_eq!(all.len(), files.len());
    for ((path, text), result) in files.iter().zip(all) {
        let found = result["found"].as_array().unwrap();
        assert_eq!(result["problem"], Value::Null, "{path}");
        assert_eq!(result["fileformat"] == "dos", path.contains("dos"), "{path}");
        assert_eq!(result["bomb"], text.starts_with('\u{feff}'), "{path}");
        let expected = match *path {
            "template.yaml" => "disabled",
            "boot/boot.sh" => "iptables -A OUTPUT -d 169.254.169.254 -j DROP",
            _ => "\"disabled\"",
        };
        // The only place of that text, in bytes of its line, without the mark.
        let (number, line) = text.lines().enumerate().find(|(_, line)| line.contains(expected)).unwrap();
        let line = line.trim_start_matches('\u{feff}');
        if *path == "boot/boot.sh" {
            assert_eq!(found.len(), 1, "{path}: {result}");
        }
        let shown =
            found.iter().find(|shown| shown["source"] == "imdslint").unwrap_or_else(|| panic!("{path}: {result}"));
        assert_eq!(shown["text"].as_str().unwrap().trim_end_matches('\r'), expected, "{path}");
        assert_eq!(
            (&shown["line"], &shown["column"]),
            (&number.into(), &line.find(expected).unwrap().into()),
            "{path}"
        );
        let sarif = result["sarif"].as_array().unwrap();
        assert_eq!(sarif.len(), found.len(), "{path}");
        assert_eq!(sarif[0].as_str().unwrap().trim_end_matches('\r'), expected, "{path}");
    }
}

#[test]
fn neovim_is_told_severity_code_and_what_belongs_to_a_finding() {
    if is_missing("nvim") {
        return;
    }
    let text = format!(
        "variable \"endpoint\" {{\n  default = \"disabled\"\n}}\n{}",
        host("\t\t").replace("\"disabled\"", "var.endpoint")
    );
    let broken = "locals {\n  a = [1\n}\n";
    let project = Project::new(&[("main.tf", &text), ("broken/main.tf", broken)]);
    let all = shown(&project, &["main.tf", "broken/main.tf"], &setup(), &[]);
    let finding = &all[0]["found"][0];
    assert_eq!((finding["code"].as_str(), finding["severity"].as_str()), (Some("IMDS101"), Some("WARN")));
    assert!(finding["message"].as_str().unwrap().contains("`aws_instance.web` is disabled"), "{finding}");
    assert!(finding["labels"].as_u64().unwrap() > 1, "{finding}");
    assert_eq!(finding["fixes"], 1, "{finding}");
    let problem = &all[1]["found"][0];
    assert_eq!((problem["code"].as_str(), problem["severity"].as_str()), (Some("syntax"), Some("ERROR")));
}

#[test]
fn neovim_shows_what_is_not_saved_yet_and_nothing_of_other_files() {
    if is_missing("nvim") {
        return;
    }
    let good = host("\t\t").replace("disabled", "enabled");
    let variable = "variable \"endpoint\" {\n  default = \"disabled\"\n}\n";
    let other =
        "resource \"aws_instance\" \"other\" {\n  metadata_options {\n    http_endpoint = \"disabled\"\n  }\n}\n";
    let project = Project::new(&[("main.tf", &good), ("variables.tf", variable), ("other.tf", other)]);
    let change = [("CHANGE", "%s/enabled/disabled/")];
    let found = shown(&project, &["main.tf"], &setup(), &change);
    assert_eq!(found[0]["found"].as_array().unwrap().len(), 1, "{}", found[0]);
    assert_eq!(found[0]["found"][0]["text"], "\"disabled\"");
    let change = [("CHANGE", "%s/\"enabled\"/var.endpoint/")];
    let found = shown(&project, &["main.tf"], &setup(), &change);
    assert_eq!(found[0]["found"][0]["text"], "http_endpoint", "the step that lies in the buffer");
    assert_eq!(project.read("main.tf"), good);
}

#[test]
fn neovim_says_so_when_the_program_cannot_be_run_or_refuses() {
    if is_missing("nvim") {
        return;
    }
    let project = Project::new(&[("main.tf", &host("\t\t"))]);
    let missing = setup().replace(env!("CARGO_BIN_EXE_imdslint"), "/nonexistent/imdslint");
    let found = shown(&project, &["main.tf"], &missing, &[]);
    assert!(found[0]["problem"].as_str().unwrap().contains("cannot be run"), "{}", found[0]);
    project.write("imdslint.yaml", "no-such-key: 1\n");
    let found = shown(&project, &["main.tf"], &setup(), &[]);
    assert!(found[0]["problem"].as_str().unwrap().contains("imdslint.yaml:1"), "{}", found[0]);
}

/// The task for VS Code, and the regular expression of its problem matcher.
fn task() -> (Value, Regex) {
    let text = std::fs::read_to_string(root().join("editors/vscode/tasks.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&file["version"], file["tasks"].as_array().unwrap().len()), (&"2.0.0".into(), 1));
    let task = file["tasks"][0].clone();
    let regexp = Regex::new(task["problemMatcher"]["pattern"]["regexp"].as_str().unwrap()).unwrap();
    (task, regexp)
}

#[test]
fn the_problem_matcher_catches_every_line_of_the_task_that_it_belongs_to() {
    let (task, regexp) = task();
    assert_eq!(task["command"], "imdslint");
    let arguments: Vec<&str> = task["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let broken = "locals {\n  a = [1\n}\n";
    let unused = format!("# imdslint: ignore[IMDS103]\n{}", host("\t").replace("disabled", "enabled"));
    let project = Project::new(&[
        ("a b/main.tf", &host("\t/* \u{65e5}\u{672c} */ ")),
        ("c:4:2: error: [X]/main.tf", &host("")),
        ("unused/main.tf", &unused),
        ("broken/main.tf", broken),
        ("missing/main.tf", "module \"a\" {\n  source = \"./nowhere\"\n}\n"),
    ]);
    let run = |format: &[&str]| {
        let ran = project.command(format).stdin(Stdio::null()).output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run(&["check", "--format", "json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = |code: &str, kind: &str| -> Vec<[String; 6]> {
        let entry = |entry: &Value| {
            let start = &entry["range"]["start"];
            let [line, column] = ["line", "column"].map(|part| start[part].to_string());
            [text(&entry["path"]), line, column, text(&entry["severity"]), text(&entry[code]), text(&entry["message"])]
        };
        report[kind].as_array().unwrap().iter().map(entry).collect()
    };
    let mut expected = [expected("rule", "findings"), expected("code", "problems")].concat();
    assert!(expected.len() >= 5 && expected.iter().any(|entry| entry[4] == "syntax"), "{expected:?}");

    let output = run(&arguments);
    let group = |name: &str| usize::try_from(task["problemMatcher"]["pattern"][name].as_u64().unwrap()).unwrap();
    let groups = ["file", "line", "column", "severity", "code", "message"].map(group);
    let mut caught: Vec<[String; 6]> = output
        .lines()
        .map(|line| {
            let captures = regexp.captures(line).unwrap_or_else(|| panic!("not caught: {line}"));
            groups.map(|group| captures[group].to_owned())
        })
        .collect();
    caught.sort();
    expected.sort();
    assert_eq!(caught, expected);
    // VS Code knows these names; a note is shown as information.
    assert!(caught.iter().all(|entry| ["error", "warning", "note"].contains(&entry[3].as_str())));
}

#[test]
fn the_problem_matcher_catches_nothing_else() {
    let (_, regexp) = task();
    let project = Project::new(&[("main.tf", &host("\t"))]);
    let ran = project.run("check --statistics");
    let counts = ran.stdout.lines().rev().take(2).collect::<Vec<_>>();
    assert!(counts[0].starts_with("1 finding (") && counts[1].contains("IMDS101"), "{ran:?}");
    let fixed = project.run("check --fix --format concise");
    assert_eq!(fixed.stderr, "imdslint: 1 finding fixed in 1 file\n");
    let nothing = project.run("check --exclude *.tf");
    assert!(!nothing.stderr.is_empty(), "{nothing:?}");
    for line in ran.stdout.lines().chain(fixed.stderr.lines()).chain(nothing.stderr.lines()) {
        assert!(!regexp.is_match(line), "{line}");
    }
}

/// The blocks of README's section `### title`: what stands after the opening fence, and the lines between.
fn readme_blocks(title: &str) -> Vec<(String, String)> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("\n### {title}\n")).unwrap();
    let section = rest.split("\n#").next().unwrap();
    let mut blocks = Vec::new();
    for part in section.split("```").skip(1).step_by(2) {
        let (info, body) = part.split_once('\n').unwrap();
        blocks.push((info.to_owned(), body.to_owned()));
    }
    blocks
}

#[test]
fn what_the_readme_says_about_neovim_works() {
    if is_missing("nvim") {
        return;
    }
    let (_, snippet) = readme_blocks("In an editor").into_iter().find(|(info, _)| info == "lua").unwrap();
    assert!(snippet.contains("\"/path/to/imdslint/editors/neovim\""), "{snippet}");
    let setup = snippet.replace("/path/to/imdslint", root().to_str().unwrap());
    let project = Project::new(&[("main.tf", &host("\t\t"))]);
    let found = shown(&project, &["main.tf"], &setup, &[("BY_ITSELF", "1")]);
    assert_eq!(found[0]["found"][0]["text"], "\"disabled\"");
}

#[test]
fn what_the_readme_says_about_standard_input_works() {
    let (_, snippet) = readme_blocks("In an editor").into_iter().find(|(info, _)| info == "sh").unwrap();
    let project =
        Project::new(&[("buffer", &host("\t\t")), ("infra/web.tf", &host("").replace("disabled", "enabled"))]);
    let folder = Path::new(env!("CARGO_BIN_EXE_imdslint")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let ran =
        Command::new("sh").args(["-ec", &snippet]).current_dir(project.path("")).env("PATH", path).output().unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["findings"][0]["path"], "infra/web.tf");
    assert_eq!(report["findings"][0]["fixes"].as_array().unwrap().len(), 1);
}
