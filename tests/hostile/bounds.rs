//! Each limit, at its value and above.

use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, bomb, host_of, nesting, outcome};

/// Each limit: what just fits gives no limit problem, and with one less there is one that names the number.
#[test]
fn each_limit_holds_at_its_value_and_not_above() {
    let default = Limits::default();
    let exact = |files: &[(&str, &str)], at: Limits, above: Limits, what: &str| {
        let limit_problems = |limits| {
            let (problems, _) = outcome(&Project::new(files), limits);
            problems.into_iter().filter(|(code, _)| matches!(*code, "limit" | "evaluation")).collect::<Vec<_>>()
        };
        assert_eq!(limit_problems(at), [], "{what} at the limit");
        assert_ne!(limit_problems(above), [], "{what} above the limit");
    };
    let length = HOST.len() as u64;
    let file = |bytes| Limits { file_bytes: bytes, ..default };
    exact(&[("main.tf", HOST)], file(length), file(length - 1), "file_bytes");
    let plan = r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}"#;
    let plans = |bytes| Limits { plan_bytes: bytes, ..file(10) };
    let length = plan.len() as u64;
    exact(&[("plan.json", plan)], plans(length), plans(length - 1), "plan_bytes");
    let files = |files| Limits { files, ..default };
    exact(&[("a.tf", HOST), ("b.tf", "")], files(2), files(1), "files");
    let instances = |instances| Limits { instances, ..default };
    let three = "resource \"aws_instance\" \"x\" {\n  count = 3\n}\n";
    exact(&[("main.tf", three)], instances(3), instances(2), "instances");
    let elements = |elements| Limits { elements, ..default };
    exact(&[("main.tf", &host_of("[for x in range(5) : x][0]"))], elements(5), elements(4), "elements");
    let text = |text_bytes| Limits { text_bytes, ..default };
    exact(&[("main.tf", &host_of("join(\"\", [\"abc\", \"def\"])"))], text(6), text(5), "text_bytes");
    let depth = |depth| Limits { depth, ..default };
    let nested = format!("{TEMPLATE}Metadata: {}{}\n", "[".repeat(30), "]".repeat(30));
    exact(&[("t.yaml", &nested)], depth(40), depth(20), "depth");
    let evaluation = |evaluation_depth| Limits { evaluation_depth, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], evaluation(60), evaluation(10), "evaluation_depth");
    let steps = |steps| Limits { steps, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], steps(200), steps(10), "steps");
    let built = |built_bytes| Limits { built_bytes, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], built(10_000), built(100), "built_bytes");
    let call = "module \"m\" {\n  source = \"./m\"\n}\n";
    let modules = |module_depth| Limits { module_depth, ..default };
    exact(&[("main.tf", call), ("m/main.tf", HOST)], modules(1), modules(0), "module_depth");
    let parent = nesting(&["A"], "t.yaml");
    exact(&[("main.yaml", &parent), ("t.yaml", TEMPLATE)], modules(1), modules(0), "module_depth of stacks");
    let nodes = |nodes| Limits { nodes, ..default };
    exact(&[("main.tf", &host_of("distinct([1, 2, 3])[0]"))], nodes(10), nodes(2), "nodes");
}

#[test]
fn more_alternatives_or_problems_than_the_limit_are_left_out() {
    let default = Limits::default();
    let choice = "terraform.workspace == \"a\" ? \"disabled\" : (terraform.workspace == \"b\" ? \"enabled\" : \"x\")";
    let project = Project::new(&[("main.tf", &host_of(choice))]);
    assert_eq!(outcome(&project, Limits { alternatives: 3, ..default }).1, 1);
    assert_eq!(outcome(&project, Limits { alternatives: 2, ..default }).1, 0, "unknown then");
    let faulty = Project::new(&[("main.tf", &"locals {\n  a = = 1\n}\n".repeat(10))]);
    let count = |problems_per_file| outcome(&faulty, Limits { problems_per_file, ..default }).0.len();
    assert_eq!(count(10), 10);
    assert!(count(3) <= 4, "three, and that there are more");
}
