//! What `README.md` says about the uses, done as it is said.

use std::path::Path;

use serde_json::Value;

use crate::hook::{Repository, source_hook_is_tested};
use crate::support::{Project, tools};
use crate::{DISABLED, action, bash, document, enabled, root, search_path};

/// What stands in the README for the address of this repository.
const ADDRESS: &str = "<where this repository is>";

/// The one block in the section `name` of the README.
fn snippet(name: &str) -> String {
    let readme = document("README.md");
    let (_, rest) = readme.split_once(&format!("<!-- {name}:begin")).unwrap_or_else(|| panic!("no `{name}`"));
    let (section, _) = rest.split_once(&format!("<!-- {name}:end -->")).unwrap();
    let (_, block) = section.split_once("```").unwrap();
    let (block, after) = block.split_once("```").unwrap();
    assert!(after.trim().is_empty(), "{name}");
    block.split_once('\n').unwrap().1.to_owned()
}

/// A folder with a program called `name` that is the Bash script `text`.
fn program(name: &str, text: &str) -> Project {
    let project = Project::new(&[(name, &format!("#!/bin/bash\n{text}"))]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(project.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    project
}

fn schema(name: &str) -> jsonschema::Validator {
    let text = document(&format!("tests/formats/schemas/{name}.json"));
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn the_hook_of_the_readme_is_one_of_ours_and_guards_a_repository() {
    let snippet = snippet("hook");
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    assert!(snippet.contains(ADDRESS) && snippet.contains(version) && snippet.contains("imdslint-src"), "{snippet}");
    let configuration = |hooks: &str, revision: &str| {
        let configuration = snippet.replace(ADDRESS, hooks).replace(version, revision);
        if source_hook_is_tested() { configuration } else { configuration.replace("imdslint-src", "imdslint-system") }
    };
    let Some(repository) = Repository::with(&configuration) else { return };
    repository.write("main.tf", DISABLED);
    let (committed, said) = repository.commit();
    assert!(!committed && said.contains("IMDS101"), "{said}");
    repository.write("main.tf", &enabled());
    assert!(repository.commit().0);
}

#[test]
fn the_workflow_of_the_readme_uses_the_action_as_it_is() {
    let workflow: Value = serde_saphyr::from_str(&snippet("github")).unwrap();
    let steps = workflow["jobs"]["imdslint"]["steps"].as_array().unwrap();
    let address = format!("{ADDRESS}@v{}", env!("CARGO_PKG_VERSION"));
    let step = steps.iter().find(|step| step["uses"] == address.as_str()).expect("it uses this action");
    let inputs: Vec<(&str, &str)> = step["with"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let workspace = Project::new(&[("main.tf", DISABLED)]);
    let required = [("arguments", "--require-agent=mackerel-agent")];
    let Some(used) = action::check(&workspace, &[inputs.as_slice(), &required].concat()) else { return };
    assert_eq!(used.ran.code, 1, "{:?}", used.ran);
    assert!(used.ran.stdout.starts_with("::error file=main.tf,line=3,"), "{:?}", used.ran);

    let upload = steps.last().unwrap();
    let output = upload["with"]["sarif_file"].as_str().unwrap();
    assert_eq!(output, "${{ steps.imdslint.outputs.sarif-file }}");
    assert_eq!(step["id"], "imdslint");
    assert!(upload["if"].as_str().unwrap().contains("always() && steps.imdslint.outputs.sarif-file"));
    let log: Value = serde_json::from_str(&workspace.read(&used.outputs["sarif-file"])).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1);
    assert_eq!(workflow["permissions"]["security-events"], "write");
}

#[test]
fn the_job_for_gitlab_leaves_the_reports_that_it_names() {
    let job: Value = serde_saphyr::from_str(&snippet("gitlab")).unwrap();
    let job = &job["imdslint"];
    let lines = job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let script = lines.collect::<Vec<_>>().join("\n").replace(ADDRESS, root().to_str().unwrap());
    let cargo = program("cargo", "printf '%s ' \"$@\" >\"${0%/*}/called\"\n");
    let workspace = Project::new(&[("main.tf", DISABLED), ("broken.tf", "locals {\n  a = [1\n}\n")]);
    let path = search_path(Some(&cargo.path("")));
    let Some(ran) = bash(&workspace.path(""), &script, &[("PATH", path)]) else { return };
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("warning[IMDS101]"), "the log has the text: {ran:?}");
    let installs = format!("install --git {} --tag v{} --locked ", root().display(), env!("CARGO_PKG_VERSION"));
    assert_eq!(cargo.read("called"), installs);

    let reports = &job["artifacts"]["reports"];
    assert_eq!(job["artifacts"]["when"], "always", "they are kept when the job fails");
    let issues: Value = serde_json::from_str(&workspace.read(reports["codequality"].as_str().unwrap())).unwrap();
    assert!(schema("gitlab").is_valid(&issues));
    assert_eq!(issues.as_array().unwrap().len(), 2);
    assert!(workspace.read(reports["junit"].as_str().unwrap()).contains("tests=\"2\" failures=\"1\" errors=\"1\""));
}

#[test]
fn reviewdog_is_given_what_it_reads_and_decides() {
    let reviewdog = program("reviewdog", "printf '%s\\n' \"$@\" >\"${0%/*}/called\"\ncat >\"${0%/*}/read\"\n");
    let path = search_path(Some(&reviewdog.path("")));
    let workspace = Project::new(&[("main.tf", DISABLED)]);
    let snippet = snippet("reviewdog");
    let Some(ran) = bash(&workspace.path(""), &snippet, &[("PATH", path.clone())]) else { return };
    assert_eq!(ran.code, 0, "it is for reviewdog to fail: {ran:?}");
    let called = reviewdog.read("called");
    assert!(called.lines().any(|argument| argument == "-f=rdjson"), "{called}");
    let result: Value = serde_json::from_str(&reviewdog.read("read")).unwrap();
    assert!(schema("rdjson").is_valid(&result));
    assert_eq!(result["diagnostics"][0]["location"]["range"]["start"], serde_json::json!({"line": 3, "column": 21}));
    workspace.write("main.tf", "locals {\n  a = [1\n}\n");
    let ran = bash(&workspace.path(""), &snippet, &[("PATH", path)]).unwrap();
    assert_eq!(ran.code, 3, "what cannot be read is no pass: {ran:?}");
}

#[test]
fn the_baseline_of_the_readme_hides_what_is_there_and_nothing_else() {
    let workspace = Project::new(&[("main.tf", DISABLED)]);
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        tools::run(command.args(arguments).current_dir(workspace.path("")))
    };
    let Some(_) = tools::required(git(&["init", "--quiet"])) else { return };
    let variables = [("PATH", search_path(None)), ("HOME", Path::new("/").into())];
    let Some(ran) = bash(&workspace.path(""), &snippet("baseline"), &variables) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "0 findings, 1 in the baseline, 1 file\n"), "{ran:?}");
    assert_eq!(git(&["diff", "--cached", "--name-only"]).unwrap(), "imdslint-baseline.json\n");
    workspace.write("new.tf", DISABLED.replace("web", "new"));
    assert_eq!(workspace.run("check --baseline imdslint-baseline.json").code, 1);
}
