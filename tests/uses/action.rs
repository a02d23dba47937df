//! The steps of `action.yml`, run with Bash in the environment that GitHub gives them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::Value;

use crate::support::{Project, Ran};
use crate::{DISABLED, bash, document, enabled, root, search_path};

/// The action as GitHub reads it.
pub(crate) fn action() -> Value {
    serde_saphyr::from_str(&document("action.yml")).unwrap()
}

/// What the action was given and what it left behind.
pub(crate) struct Used {
    pub(crate) ran: Ran,
    /// The outputs of the action.
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    /// What the action added to the search path.
    added_path: String,
}

/// Runs the step number `step` of the action in `workspace` with `inputs`, where GitHub would; further `variables`
/// beat those of the environment.
fn run_step(workspace: &Project, step: usize, inputs: &[(&str, &str)], variables: &[(&str, OsString)]) -> Option<Used> {
    let action = action();
    let step = &action["runs"]["steps"][step];
    let runner = Project::new(&[("outputs", ""), ("summary", ""), ("path", "")]);
    let path = |name: &str| runner.path(name).into_os_string();
    let mut environment = vec![
        ("PATH", search_path(None)),
        ("HOME", path("")),
        ("RUNNER_TEMP", path("")),
        ("CI", "true".into()),
        ("GITHUB_ACTIONS", "true".into()),
        ("GITHUB_ACTION_PATH", root().into()),
        ("GITHUB_WORKSPACE", workspace.path("").into()),
        ("GITHUB_OUTPUT", path("outputs")),
        ("GITHUB_STEP_SUMMARY", path("summary")),
        ("GITHUB_PATH", path("path")),
    ];
    let given = |name: &str| inputs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
    for (name, _) in inputs {
        assert!(action["inputs"][name].is_object(), "the action has no input `{name}`");
    }
    let no_variables = serde_json::Map::new();
    for (variable, value) in step["env"].as_object().unwrap_or(&no_variables) {
        let input = value.as_str().and_then(|value| value.strip_prefix("${{ inputs.")?.strip_suffix(" }}"));
        let input = input.unwrap_or_else(|| panic!("{variable}: {value} is no input"));
        let value = given(input).or_else(|| action["inputs"][input]["default"].as_str());
        environment.push((variable, value.unwrap_or_else(|| panic!("there is no input `{input}`")).into()));
    }
    environment.extend(variables.iter().cloned());
    let ran = bash(&workspace.path(""), step["run"].as_str().unwrap(), &environment)?;
    let left = runner.read("outputs");
    let of_step: BTreeMap<&str, &str> = left.lines().map(|line| line.split_once('=').unwrap()).collect();
    let outputs = action["outputs"].as_object().unwrap().iter().map(|(name, output)| {
        let output = output["value"].as_str().unwrap();
        let of_check = output.strip_prefix("${{ steps.check.outputs.").and_then(|rest| rest.strip_suffix(" }}"));
        let value = of_step.get(of_check.expect("it is an output of the step `check`"));
        (name.clone(), value.copied().unwrap_or_default().to_owned())
    });
    Some(Used { ran, outputs: outputs.collect(), summary: runner.read("summary"), added_path: runner.read("path") })
}

/// Runs the step that checks in `workspace` with `inputs`.
pub(crate) fn check(workspace: &Project, inputs: &[(&str, &str)]) -> Option<Used> {
    assert_eq!(action()["runs"]["steps"][1]["id"], "check");
    run_step(workspace, 1, inputs, &[])
}

fn outputs(exit_code: &str, sarif_file: &str) -> BTreeMap<String, String> {
    [("exit-code", exit_code), ("sarif-file", sarif_file)].map(|(name, value)| (name.into(), value.into())).into()
}

#[test]
fn nothing_is_interpolated_into_a_script() {
    let action = action();
    assert_eq!(action["runs"]["using"], "composite");
    let steps = action["runs"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for step in steps {
        assert_eq!(step["shell"], "bash");
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
    }
    for (name, input) in action["inputs"].as_object().unwrap() {
        assert!(input["description"].is_string() && input["default"].is_string(), "{name}");
    }
}

#[test]
fn a_fault_is_annotated_and_fails_the_step() {
    let workspace = Project::new(&[("infra/main.tf", DISABLED)]);
    let Some(used) = check(&workspace, &[]) else { return };
    assert_eq!((used.ran.code, used.outputs), (1, outputs("1", "")), "{:?}", used.ran);
    let annotation = "::warning file=infra/main.tf,line=3,endLine=3,col=21,endColumn=31,title=imdslint (IMDS101)::";
    assert_eq!(used.ran.stdout.matches(annotation).count(), 1, "{}", used.ran.stdout);
    assert!(used.ran.stdout.contains("1 finding (1 warning), 1 file"), "the log has the text: {}", used.ran.stdout);
    assert!(used.summary.starts_with("### imdslint\n\nThere are findings.\n\n```text\ninfra/main.tf:3:21: warning: ["));
    assert!(used.summary.ends_with("\n```\n"), "{}", used.summary);
}

#[test]
fn every_way_to_end_is_told() {
    let expect = |files: &[(&str, &str)], inputs: &[(&str, &str)], code: i32, told: &str| {
        let Some(used) = check(&Project::new(files), inputs) else { return };
        assert_eq!((used.ran.code, &used.outputs["exit-code"]), (code, &code.to_string()), "{:?}", used.ran);
        assert!(used.summary.contains(told), "{}", used.summary);
    };
    expect(&[("main.tf", &enabled())], &[], 0, "Nothing fails this run.");
    expect(&[("main.tf", DISABLED)], &[("fail-on", "error")], 0, "main.tf:3:21: warning");
    expect(&[("main.tf", DISABLED)], &[("fail-on", "note")], 1, "There are findings.");
    expect(&[("main.tf", DISABLED)], &[("fail-on", "sometimes")], 2, "It could not run (exit code 2)");
    expect(&[("main.tf", "locals {\n  a = [1\n}\n")], &[], 3, "main.tf:2:7: error: [syntax]");
    expect(&[("README.md", "")], &[], 4, "There is nothing to check.");
    expect(&[("main.tf", DISABLED)], &[("arguments", "--require-agent\nmackerel-agent\n")], 1, "3:21: error");
    let baseline = "{\"format\": \"baseline\", \"version\": 1, \"findings\": []}";
    expect(&[("main.tf", DISABLED), ("old b.json", baseline)], &[("baseline", "old b.json")], 1, "IMDS101");
    expect(&[("main.tf", DISABLED)], &[("baseline", "missing.json")], 2, "It could not run");
}

#[test]
fn a_sarif_report_is_an_output_when_it_was_written() {
    let workspace = Project::new(&[("main.tf", DISABLED)]);
    let Some(used) = check(&workspace, &[("sarif-file", "a b.sarif")]) else { return };
    assert_eq!((used.ran.code, used.outputs), (1, outputs("1", "a b.sarif")));
    let log: Value = serde_json::from_str(&workspace.read("a b.sarif")).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "IMDS101");
    let used = check(&workspace, &[("sarif-file", "missing/x.sarif")]).unwrap();
    assert_eq!((used.ran.code, used.outputs), (2, outputs("2", "")));
}

#[test]
fn paths_are_lines_and_nothing_else() {
    let files =
        [("a b/main.tf", DISABLED), ("*/main.tf", DISABLED), ("$(touch ran)/main.tf", DISABLED), ("c.tf", DISABLED)];
    let workspace = Project::new(&files);
    let Some(used) = check(&workspace, &[("paths", "a b\n\n$(touch ran)/main.tf\n*\n")]) else { return };
    let found: Vec<&str> =
        used.summary.lines().filter_map(|line| line.split_once(":3:21: ")).map(|found| found.0).collect();
    assert_eq!(found, ["$(touch ran)/main.tf", "*/main.tf", "a b/main.tf"], "{:?}", used.ran);
    assert!(!workspace.path("ran").exists());
}

#[test]
fn hostile_inputs_run_nothing_and_make_no_outputs_of_their_own() {
    let hostile = [
        "$(touch ran)",
        "`touch ran`",
        "; touch ran;",
        "\"; touch ran; \"",
        "'$(touch ran)'",
        "x\ntouch ran",
        "x\nexit-code=0",
        "--exit-zero",
        "${IFS}touch${IFS}ran",
        "a[$(touch ran)]",
    ];
    for input in ["paths", "fail-on", "baseline", "sarif-file", "arguments"] {
        for value in hostile {
            let workspace = Project::new(&[("main.tf", DISABLED)]);
            let Some(used) = check(&workspace, &[(input, value)]) else { return };
            assert!(!workspace.path("ran").exists(), "{input}: {value}");
            // A SARIF file may be called anything, and an argument may be anything.
            let expected = match (input, value) {
                ("arguments", "--exit-zero") => 0,
                ("sarif-file", value) if !value.contains('\n') => 1,
                _ => 2,
            };
            assert_eq!(used.ran.code, expected, "{input}: {value}: {:?}", used.ran);
            let told = &used.outputs["exit-code"];
            assert!(told.is_empty() || *told == expected.to_string(), "{input}: {value}: {told}");
        }
    }
}

#[test]
fn what_is_linted_cannot_write_the_summary() {
    let name = "```\n# injected\n<img>.tf";
    let workspace = Project::new(&[(name, DISABLED), ("~~~~.tf", &DISABLED.replace("web", "other"))]);
    let Some(used) = check(&workspace, &[]) else { return };
    assert_eq!(used.ran.code, 1, "{:?}", used.ran);
    let lines: Vec<&str> = used.summary.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("```") && line.trim_end_matches('`').is_empty()).count(), 1);
    assert_eq!(lines.last(), Some(&"```"));
    assert!(!lines.contains(&"# injected"), "{}", used.summary);
}

#[test]
fn the_program_is_built_from_the_action_and_only_where_it_is_missing() {
    let workspace = Project::new(&[("rust-toolchain.toml", "[toolchain]\npath = '/hostile'\n")]);
    let tools = Project::new(&[("bin/cargo", "#!/bin/bash\nprintf '%s\\n' \"$PWD\" \"$@\" >\"${0%/*}/../called\"\n")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(tools.path("bin/cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_imdslint")).parent().unwrap();
    let there = std::env::join_paths([tools.path("bin"), program.to_owned(), "/bin".into()]).unwrap();
    let Some(used) = run_step(&workspace, 0, &[], &[("PATH", there)]) else { return };
    assert_eq!((used.ran.code, used.added_path.as_str()), (0, ""), "{:?}", used.ran);
    assert!(!tools.path("called").exists(), "it is there already");

    let missing = std::env::join_paths([tools.path("bin"), "/bin".into()]).unwrap();
    let used = run_step(&workspace, 0, &[], &[("PATH", missing)]).unwrap();
    assert_eq!(used.ran.code, 0, "{:?}", used.ran);
    let called = tools.read("called");
    let called: Vec<&str> = called.lines().collect();
    assert_eq!(called[..6], [root().to_str().unwrap(), "install", "--path", ".", "--locked", "--root"]);
    assert_eq!(used.added_path, format!("{}/bin\n", called[6]));
}
