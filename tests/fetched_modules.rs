//! Modules that `terraform init` fetched, through the whole program: their code is evaluated, and what is at fault in it
//! is shown where it is called.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::Value;
use support::Project;

/// A module as others publish it: with an instance, and a call of a further module.
const APP: &str = "
variable \"endpoint\" { default = \"disabled\" }
resource \"aws_instance\" \"this\" {
  metadata_options {
    http_endpoint = var.endpoint
  }
}
module \"inner\" {
  source  = \"acme/inner/aws\"
  version = \"~> 2.0\"
}";
const INNER: &str = "
resource \"aws_launch_template\" \"this\" {
  user_data = filebase64(\"${path.module}/boot.sh\")
}";
const BOOT: &str = "#!/bin/sh\niptables -A OUTPUT -d 169.254.169.254 -j DROP\n";

/// A call of [`APP`] with further `arguments`.
fn call(arguments: &str) -> String {
    format!("module \"app\" {{\n  source = \"acme/app/aws\"\n{arguments}}}\n")
}

/// The manifest with an entry for the call `app`, and those for the modules below it.
fn manifest(source: &str, version: &str, dir: &str) -> String {
    format!(
        "{{\"Modules\":[{{\"Key\":\"\",\"Source\":\"\",\"Dir\":\".\"}},\
         {{\"Key\":\"app\",\"Source\":\"{source}\",\"Version\":\"{version}\",\"Dir\":\"{dir}\"}},\
         {{\"Key\":\"app.inner\",\"Source\":\"registry.terraform.io/acme/inner/aws\",\"Version\":\"2.3.0\",\
           \"Dir\":\".terraform/modules/app.inner\"}}]}}"
    )
}

/// A workspace in which [`APP`] was fetched for a call with `arguments`.
fn fetched(arguments: &str, manifest: &str) -> Project {
    Project::new(&[
        ("main.tf", &call(arguments)),
        (".gitignore", ".terraform\n"),
        (".terraform/modules/modules.json", manifest),
        (".terraform/modules/app/main.tf", APP),
        (".terraform/modules/app.inner/main.tf", INNER),
        (".terraform/modules/app.inner/boot.sh", BOOT),
    ])
}

fn good_manifest() -> String {
    manifest("registry.terraform.io/acme/app/aws", "1.4.0", ".terraform/modules/app")
}

fn json(project: &Project, line: &str) -> Value {
    serde_json::from_str(&project.run(line).stdout).unwrap()
}

/// Each host with its settings.
fn hosts(project: &Project) -> Vec<String> {
    let document = json(project, "hosts --root . --format json .");
    let shown = |host: &Value| {
        let imds = &host["imds"];
        let word = |name: &str| imds[name].to_string().replace('"', "");
        format!("{} {} {} {}", host["subject"], word("endpoint"), word("tokens"), word("hop_limit")).replace('"', "")
    };
    document["hosts"].as_array().unwrap().iter().map(shown).collect()
}

/// Each problem with the line that it is in.
fn problems(project: &Project) -> Vec<String> {
    let document = json(project, "hosts --root . --format json .");
    let shown = |problem: &Value| {
        let path = problem["path"].as_str().unwrap();
        format!("{path}:{} {}", problem["range"]["start"]["line"], problem["message"].as_str().unwrap())
    };
    document["problems"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn what_was_fetched_is_evaluated_with_the_arguments_of_its_calls() {
    let project = fetched("  version = \"~> 1.2\"\n  endpoint = \"enabled\"\n", &good_manifest());
    let expected = [
        "module.app.aws_instance.this enabled unset unset",
        "module.app.module.inner.aws_launch_template.this enabled unset unset",
    ];
    assert_eq!(hosts(&project), expected);
    assert_eq!(problems(&project), Vec::<String>::new());
}

#[test]
fn what_is_fetched_for_a_call_in_a_local_module_is_found_by_the_manifest_of_the_root() {
    let project = fetched("", &good_manifest());
    project.write("main.tf", "module \"local\" {\n  source = \"./local\"\n}\n");
    project.write("local/main.tf", call("  endpoint = \"enabled\"\n"));
    let manifest = good_manifest().replace("\"Key\":\"app", "\"Key\":\"local.app");
    project.write(".terraform/modules/modules.json", manifest);
    assert_eq!(
        hosts(&project),
        [
            "module.local.module.app.aws_instance.this enabled unset unset",
            "module.local.module.app.module.inner.aws_launch_template.this enabled unset unset"
        ]
    );
    // The folder's own manifest counts only where Terraform is run in that folder.
    project.write("local/.terraform/modules/modules.json", "{\"Modules\": []}");
    assert_eq!(hosts(&project).len(), 2);
}

#[test]
fn a_call_that_has_changed_since_is_not_taken_for_what_was_fetched() {
    for (arguments, source, version) in [
        ("", "registry.terraform.io/acme/other/aws", "1.4.0"),
        ("  version = \"~> 1.5\"\n", "registry.terraform.io/acme/app/aws", "1.4.0"),
        ("  version = \"2.0.0\"\n", "registry.terraform.io/acme/app/aws", "1.4.0"),
        ("  version = \"1.4.0\"\n", "registry.terraform.io/acme/app/aws", ""),
    ] {
        let project = fetched(arguments, &manifest(source, version, ".terraform/modules/app"));
        assert_eq!(hosts(&project), Vec::<String>::new(), "{arguments} {source} {version}");
        assert_eq!(problems(&project), Vec::<String>::new());
    }
}

#[test]
fn a_known_module_without_its_code_has_the_defaults_of_the_version_that_was_fetched() {
    let source = "module \"web\" {\n  source = \"terraform-aws-modules/ec2-instance/aws\"\n  version = \"~> 5.0\"\n}\n";
    let project = Project::new(&[("main.tf", source)]);
    assert_eq!(hosts(&project), ["module.web enabled required 1"], "what would be fetched today");
    let entry = "{\"Modules\":[{\"Key\":\"web\",\"Source\":\"registry.terraform.io/terraform-aws-modules/ec2-instance/aws\",\
                 \"Version\":\"5.7.1\",\"Dir\":\".terraform/modules/web\"}]}";
    project.write(".terraform/modules/modules.json", entry);
    assert_eq!(hosts(&project), ["module.web enabled optional 1"]);
}

#[test]
fn nothing_outside_the_workspace_is_read_for_a_module() {
    for dir in ["../app", "/etc", "C:/app", ".terraform/modules/../../../app", ".terraform/modules/missing"] {
        let project = fetched("", &manifest("registry.terraform.io/acme/app/aws", "1.4.0", dir));
        project.write("../app.tf", "");
        assert_eq!(hosts(&project), Vec::<String>::new(), "{dir}");
        assert_eq!(problems(&project), Vec::<String>::new(), "{dir}");
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_a_problem_with_a_place_and_a_way_out() {
    let twice = good_manifest().replace("app.inner\",\"Source", "app\",\"Source");
    for (manifest, line, why) in [
        ("{\n\"Modules\": [\n", 2, "is not used"),
        ("{ \"Modules\": {} }", 1, "no list `Modules`"),
        ("[]", 1, "no list `Modules`"),
        ("", 1, "no list `Modules`"),
        ("{\"Modules\": [\n{\"Key\": \"app\"}]}", 2, "no `Dir`"),
        (twice.as_str(), 1, "two entries"),
    ] {
        let project = fetched("", manifest);
        let problems = problems(&project);
        assert_eq!(problems.len(), 1, "{manifest} {problems:?}");
        assert!(problems[0].starts_with(&format!(".terraform/modules/modules.json:{line} ")), "{problems:?}");
        assert!(
            problems[0].contains(why) && problems[0].ends_with("run `terraform init` to write it anew"),
            "{problems:?}"
        );
        assert_eq!(hosts(&project), Vec::<String>::new());
    }
}

#[test]
fn fetched_modules_that_call_each_other_in_a_circle_end() {
    let project = fetched("", &good_manifest());
    let circle = good_manifest().replace("modules/app.inner", "modules/app");
    project.write(".terraform/modules/modules.json", circle);
    assert_eq!(hosts(&project), ["module.app.aws_instance.this disabled unset unset"]);
    let problems = problems(&project);
    assert!(problems.len() == 1 && problems[0].contains("calls itself"), "{problems:?}");
}

#[test]
fn a_finding_in_a_fetched_file_is_shown_at_the_call_and_nothing_fetched_is_edited() {
    let project = fetched("", &good_manifest());
    let report = json(&project, "check --no-config --root . --format json .");
    let findings = report["findings"].as_array().unwrap();
    let primary = |finding: &Value| {
        let line = &finding["range"]["start"]["line"];
        format!("{} {}:{line}", finding["rule"], finding["path"]).replace('"', "")
    };
    let shown: Vec<String> = findings.iter().map(primary).collect();
    assert_eq!(shown, ["IMDS101 main.tf:1", "IMDS103 main.tf:1"]);
    for (finding, path) in
        findings.iter().zip([".terraform/modules/app/main.tf", ".terraform/modules/app.inner/boot.sh"])
    {
        assert_eq!(finding["labels"][0]["path"], path, "the cause comes first");
        assert!(finding["help"].as_str().unwrap().contains("call another version"));
        assert_eq!(finding["fixes"].as_array().unwrap().len(), 0);
    }

    let fixed = project.run("check --no-config --root . --fix --unsafe-fixes .");
    assert_eq!(fixed.code, 1, "{}", fixed.stdout);
    assert_eq!(project.read(".terraform/modules/app/main.tf"), APP);
    assert_eq!(project.read("main.tf"), call(""));

    project.write("main.tf", format!("# imdslint: ignore[IMDS101, IMDS103] the vendor's module\n{}", call("")));
    assert_eq!(project.run("check --no-config --root . .").code, 0);
}

#[test]
fn a_fetched_file_that_cannot_be_parsed_fails_no_run() {
    let project = fetched("  endpoint = \"enabled\"\n", &good_manifest());
    project.write(".terraform/modules/app.inner/main.tf", "resource {{{\n");
    let checked = project.run("check --no-config --root . .");
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert_eq!(problems(&project).len(), 1);
}

#[test]
fn a_suppression_in_a_fetched_file_is_no_concern_of_those_who_call_it() {
    let project = fetched("  endpoint = \"enabled\"\n", &good_manifest());
    project
        .write(".terraform/modules/app.inner/boot.sh", "#!/bin/sh\ntrue # imdslint: ignore[IMDS103] of the vendor\n");
    assert_eq!(project.run("check --no-config --root . .").code, 0);
}

#[test]
fn an_argument_that_disables_the_endpoint_is_the_place_to_edit_and_is_fixed() {
    let project = fetched("  endpoint = \"disabled\"\n", &good_manifest());
    let concise = project.run("check --no-config --root . --select IMDS101 --format concise .").stdout;
    assert!(concise.starts_with("main.tf:3:14: warning: [IMDS101]"), "{concise}");
    project.run("check --no-config --root . --select IMDS101 --fix .");
    assert_eq!(project.read("main.tf"), call("  endpoint = \"enabled\"\n"));
}

#[test]
fn the_files_of_fetched_modules_are_listed_with_the_hosts_that_they_decide_about() {
    let project = fetched("", &good_manifest());
    let listed = project.run("files --root . .").stdout;
    assert!(
        listed.contains(".terraform/modules/app/main.tf  terraform (part of a module that was fetched, not linted)"),
        "{listed}"
    );
    assert!(listed.contains("main.tf  terraform (ends in .tf)"), "{listed}");
}
