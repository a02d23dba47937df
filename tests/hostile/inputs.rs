//! Plans, manifests of modules, files of values and scripts: what is read beside the sources themselves.

use std::path::PathBuf;

use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, host_of, nesting, outcome, place_of_limit};

/// A plan with `count` hosts whose endpoint is disabled, each with `more` among its values.
fn plan(count: usize, more: &str) -> String {
    let host = |number: usize| {
        format!(
            r#"{{"address":"aws_instance.x{number}","mode":"managed","type":"aws_instance","name":"x{number}","provider_name":"registry.terraform.io/hashicorp/aws","values":{{"metadata_options":[{{"http_endpoint":"disabled"}}]{more}}}}}"#
        )
    };
    let hosts: Vec<String> = (0..count).map(host).collect();
    planned(&format!(r#"{{"resources":[{}]}}"#, hosts.join(",")))
}

fn planned(root_module: &str) -> String {
    format!(
        r#"{{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{{"root_module":{root_module}}},"configuration":{{"root_module":{{}}}}}}"#
    )
}

#[test]
fn a_plan_with_more_hosts_than_the_limit_is_cut_at_the_next() {
    let project = Project::new(&[("plan.json", &plan(20, ""))]);
    let limits = Limits { instances: 7, ..Limits::default() };
    assert_eq!(place_of_limit(&project, limits), ("plan.json".into(), "\"aws_instance.x7\"".into()));
    assert_eq!(outcome(&project, Limits { instances: 20, ..limits }).0, []);
}

#[test]
fn values_of_a_plan_are_parsed_up_to_the_limit() {
    let long = format!(r#","user_data":"{}""#, "x".repeat(10_000));
    let project = Project::new(&[("plan.json", &plan(20, &long))]);
    let (path, text) = place_of_limit(&project, Limits { built_bytes: 200_000, ..Limits::default() });
    assert_eq!(path, "plan.json");
    assert!(text.starts_with("\"xxx"), "{text}");
    assert_eq!(outcome(&project, Limits { built_bytes: 500_000, ..Limits::default() }), (Vec::new(), 20));
}

#[test]
fn values_of_a_plan_count_as_what_they_take_in_memory() {
    let limits = Limits { built_bytes: 200_000, ..Limits::default() };
    let forms = [(r"\n".repeat(500), false), ("0,".repeat(500), true), (r"\\".repeat(500), false)];
    for (values, is_list) in forms {
        let (open, close) = if is_list { ("[", "0]") } else { ("\"", "\"") };
        let dense = format!(r#","user_data":{open}{values}{close}"#);
        let plain = format!(r#","user_data":"{}""#, "x".repeat(1_000));
        assert_eq!(outcome(&Project::new(&[("plan.json", &plan(20, &plain))]), limits).0, []);
        let (path, _) = place_of_limit(&Project::new(&[("plan.json", &plan(20, &dense))]), limits);
        assert_eq!(path, "plan.json", "{values}");
    }
}

#[test]
fn a_plan_that_nests_deeply_is_a_problem() {
    let modules = format!("{}{{}}{}", r#"{"child_modules":["#.repeat(50_000), "]}".repeat(50_000));
    let values = format!(r#","user_data":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
    for text in [planned(&modules), plan(1, &values)] {
        let project = Project::new(&[("host/main.tf", HOST), ("plan.json", &text)]);
        let (problems, found) = outcome(&project, Limits::default());
        assert!(found >= 1, "the host beside it");
        assert!(problems.iter().any(|(code, _)| matches!(*code, "limit" | "syntax")), "{problems:?}");
    }
    // What decides nothing about a host is not looked into.
    let unread = values.replace("user_data", "tags");
    assert_eq!(outcome(&Project::new(&[("plan.json", &plan(1, &unread))]), Limits::default()), (Vec::new(), 1));
}

#[test]
fn the_search_for_planned_values_in_the_sources_is_paid_for() {
    let list = |count: usize, mark: &str| {
        let items: Vec<String> =
            (0..count).map(|number| format!(r#""a long enough argument {number}{mark}""#)).collect();
        items.join(",")
    };
    let source = |block: &str, count: usize| {
        format!("{block} {{\n  source = \"a/b/c\"\n  user_data = [{}]\n}}\n", list(count, ""))
    };
    let call = source("module \"m\"", 600);
    let resource = source("resource \"aws_instance\" \"x0\"", 599);
    let values = format!(r#","user_data":[{}]"#, list(600, "!"));
    let root = plan(1, &values);
    let host = root.split_once('[').and_then(|(_, rest)| rest.split_once("]}},\"configuration\"")).unwrap().0;
    let host = host.replace("\"aws_instance.x0\"", "\"module.m.aws_instance.x0\"");
    let behind = planned(&format!(r#"{{"child_modules":[{{"address":"module.m","resources":[{host}]}}]}}"#));
    for (sources, text) in [(&call, behind), (&resource, root)] {
        let project = Project::new(&[("main.tf", sources), ("plan.json", &text)]);
        for steps in [3_000, 5_000_000] {
            let (problems, found) = outcome(&project, Limits { steps, ..Limits::default() });
            assert_eq!((problems, found), (Vec::new(), 1), "{steps}: what is planned is known either way");
        }
    }
}

/// A root module with one call of a module from a registry, which the manifest says is in `folder`.
fn fetched(folder: &str) -> Project {
    let project = Project::new(&[("main.tf", &format!("{HOST}module \"m\" {{\n  source = \"a/b/c\"\n}}\n"))]);
    let record = format!(r#"{{"Key":"m","Source":"registry.terraform.io/a/b/c","Version":"1.0.0","Dir":"{folder}"}}"#);
    project.write(".terraform/modules/modules.json", format!(r#"{{"Modules":[{record}]}}"#));
    project
}

#[test]
fn a_manifest_leads_neither_outside_nor_in_circles() {
    let outside = Project::new(&[("main.tf", &host_of("\"disabled\""))]);
    let outside = outside.path("");
    for folder in ["../../../../../../etc", "/etc", outside.to_str().unwrap()] {
        assert_eq!(outcome(&fetched(folder), Limits::default()).1, 1, "{folder}: only the host of the root");
    }
    let (problems, found) = outcome(&fetched("."), Limits::default());
    assert!(found <= 2, "{found}: {problems:?}");
    let project = fetched(".terraform/modules/m");
    project.write(".terraform/modules/m/main.tf", format!("{HOST}module \"m\" {{\n  source = \"../m\"\n}}\n"));
    let (problems, _) = outcome(&project, Limits::default());
    assert!(problems.iter().any(|(code, _)| *code == "cycle"), "{problems:?}");
}

#[test]
#[cfg(unix)]
fn nested_and_included_files_behind_links_that_leave_the_root_are_not_read() {
    let outside = Project::new(&[
        ("t.yaml", TEMPLATE),
        ("p.json", r#"[{"ParameterKey": "E", "ParameterValue": "disabled"}]"#),
        ("plan.json", &plan(1, "")),
        ("part.yaml", "HttpEndpoint: disabled\n"),
    ]);
    let include = "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: part.yaml}}}";
    let with_include = TEMPLATE.replace("\n          HttpEndpoint: disabled", &format!(" {include}"));
    let with_values = TEMPLATE.replace("disabled", "!Ref E") + "Parameters: {E: {Type: String}}\n";
    let nesting = nesting(&["A"], "t.yaml").replace("disabled", "enabled");
    let project = Project::new(&[("a.yaml", &nesting), ("b.yaml", &with_include), ("c.yaml", &with_values)]);
    for name in ["t.yaml", "p.json", "plan.json", "part.yaml"] {
        std::os::unix::fs::symlink::<PathBuf, PathBuf>(outside.path(name), project.path(name)).unwrap();
    }
    let (problems, found) = outcome(&project, Limits::default());
    assert_eq!(found, 0, "{problems:?}");
    assert!(problems.iter().any(|(code, _)| *code == "outside-root"), "{problems:?}");
}

#[test]
fn stacks_and_includes_in_circles_end() {
    let include = "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: part.yaml}}}";
    let project = Project::new(&[
        ("a.yaml", &nesting(&["A", "B"], "b.yaml")),
        ("b.yaml", &nesting(&["A", "B"], "a.yaml")),
        ("c.yaml", &format!("{TEMPLATE}  X: {include}\n")),
        ("part.yaml", &format!("A: {include}\nB: {include}\n")),
    ]);
    let (problems, found) = outcome(&project, Limits { instances: 100, ..Limits::default() });
    assert!(found >= 1 && problems.iter().any(|(code, _)| *code == "cycle"), "{problems:?}");
}

#[test]
fn resources_of_nested_stacks_count_among_the_instances() {
    let project = Project::new(&[("a.yaml", &nesting(&["A", "B", "C", "D"], "b.yaml")), ("b.yaml", TEMPLATE)]);
    assert_eq!(outcome(&project, Limits::default()).0, []);
    let (problems, found) = outcome(&project, Limits { instances: 6, ..Limits::default() });
    assert!(found >= 1 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
}

#[test]
fn roots_share_what_the_run_may_spend() {
    let hostile = host_of("[for a in range(1000) : [for b in range(1000) : a]]");
    let project = Project::new(&[("host/main.tf", HOST)]);
    for number in 0..40 {
        project.write(&format!("r{number}/main.tf"), &hostile);
    }
    let limits = Limits { run_steps: 4_000_000, run_built_bytes: 1 << 30, ..Limits::default() };
    let (problems, found) = outcome(&project, limits);
    assert_eq!(found, 1, "the host beside them");
    let shares = problems.iter().filter_map(|(_, message)| {
        let rest = message.split_once("evaluation stops after ")?.1;
        rest.split_once(" steps")?.0.parse::<u64>().ok()
    });
    let shares: Vec<u64> = shares.collect();
    assert_eq!(shares.len(), 40, "{problems:?}");
    assert!(shares.iter().sum::<u64>() <= limits.run_steps, "{shares:?}");
}

#[test]
fn long_files_and_scripts_are_problems_or_doubts() {
    let long = format!("# {}\n{HOST}", "x".repeat(1_000));
    let project = Project::new(&[("main.tf", &long)]);
    assert_eq!(outcome(&project, Limits { hcl_bytes: long.len(), ..Limits::default() }), (Vec::new(), 1));
    let (problems, found) = outcome(&project, Limits { hcl_bytes: long.len() - 1, ..Limits::default() });
    assert!(found == 0 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    let project = Project::new(&[("t.yaml", &format!("{TEMPLATE}Metadata: [{}]\n", "1, ".repeat(1_000)))]);
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1));
    let (problems, found) = outcome(&project, Limits { tree_nodes: 500, ..Limits::default() });
    assert!(found == 1 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
}

#[test]
fn scripts_that_nest_or_repeat_without_end_come_to_one() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(5_000), close.repeat(5_000));
    let scripts = [
        deep("if x; then ", "y", "; fi"),
        deep("$(", "x", ")"),
        deep("{ ", "x;", " }"),
        deep("(", "x", ")"),
        deep("${a:-", "x", "}"),
        format!("echo $(({}))", deep("(", "1", ")")),
        "cat <<A <<B <<C\n".repeat(2_000),
        "while true; do for i in 1 2 3; do echo $i; done; done\n".repeat(100),
        "a=x\n".to_owned() + &"a=$a$a\n".repeat(60),
        "a='eval \"$a\"; eval \"$a\"'\neval \"$a\"\n".to_owned(),
        format!("aws ec2 run-instances --cli-input-json '{}'\n", deep("{\"a\":", "1", "}")),
        format!("aws ec2 run-instances --metadata-options '{}'\n", deep("a={", "b=1", "}")),
    ];
    let project = Project::new(&[("host/main.tf", HOST)]);
    for (number, script) in scripts.iter().enumerate() {
        project.write(&format!("s{number}.sh"), format!("#!/bin/bash\ncurl 169.254.169.254\n{script}\n"));
    }
    let powershell = [deep("if ($a) { ", "x", " }"), deep("(", "1", ")"), deep("@{a=", "1", "}")];
    for (number, script) in powershell.iter().enumerate() {
        project.write(&format!("s{number}.ps1"), format!("Invoke-RestMethod http://169.254.169.254/\n$b = {script}\n"));
    }
    for (number, body) in
        [deep("{% if a %}", "x", "{% endif %}"), deep("{% if not ", "a", " %}{% endif %}")].iter().enumerate()
    {
        project.write(&format!("j{number}/ud"), format!("## template: jinja\n#!/bin/bash\n{body}\n"));
        project
            .write(&format!("j{number}/main.tf"), "resource \"aws_instance\" \"x\" {\n  user_data = file(\"ud\")\n}\n");
    }
    assert_eq!(outcome(&project, Limits { script_steps: 2_000, ..Limits::default() }).1, 1);
}
