//! Fixes: what is offered holds, what is written is only what was offered, and all else stays byte for byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use imdslint::engine::{self, Input, Request};
use imdslint::finding::Safety;
use imdslint::fix;
use imdslint::suppress::Date;
use proptest::prelude::*;
use serde_json::Value;
use support::{Project, Ran, everything, is_missing};

/// A host whose endpoint is `expression`, with session tokens required, below `head`.
fn host(head: &str, expression: &str) -> String {
    format!(
        "{head}resource \"aws_instance\" \"web\" {{\n  metadata_options {{\n    http_endpoint = {expression}\n    http_tokens   = \"required\"\n  }}\n}}\n"
    )
}

fn variable(rest: &str) -> String {
    format!("variable \"endpoint\" {{\n  {rest}\n}}\n")
}

fn template(parameters: &str, endpoint: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'\n{parameters}Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions:\n        HttpTokens: required\n        HttpEndpoint: {endpoint}\n"
    )
}

/// Fixes the one file `path`, expects that nothing is left to find or to fix, and gives what became of it.
#[track_caller]
fn fixed(path: &str, text: &str, others: &[(&str, &str)], options: &str) -> String {
    let project = Project::new(others);
    project.write(path, text);
    let ran = project.run(&format!("check --fix {options}"));
    assert_eq!(ran.code, 0, "{text}\n{ran:?}");
    let once = project.read(path);
    let again = project.run(&format!("check --fix {options}"));
    assert_eq!((again.code, project.read(path)), (0, once.clone()), "fixing twice changes nothing");
    for (other, content) in others {
        assert_eq!(project.read(other), *content, "{other} is not touched");
    }
    once
}

/// Paths and contents.
type Files<'a> = Vec<(&'a str, &'a str)>;

/// A path, bytes in the file, and what takes their place.
type Edit = (String, [usize; 2], String);

/// The title, the safety and the edits of a fix.
type Fix = (String, String, Vec<Edit>);

/// The fixes of each finding that a JSON report has.
fn offered(ran: &Ran) -> Vec<Vec<Fix>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bytes = |edit: &Value| [0, 1].map(|end| usize::try_from(edit["byte_range"][end].as_u64().unwrap()).unwrap());
    let edit = |edit: &Value| (text(&edit["path"]), bytes(edit), text(&edit["text"]));
    let fix = |fix: &Value| {
        (text(&fix["title"]), text(&fix["safety"]), fix["edits"].as_array().unwrap().iter().map(edit).collect())
    };
    let fixes = |finding: &Value| finding["fixes"].as_array().unwrap().iter().map(fix).collect();
    ran.json()["findings"].as_array().unwrap().iter().map(fixes).collect()
}

#[test]
fn the_literal_is_replaced_where_it_is_written() {
    let through_variable = host("", "var.endpoint");
    let conditional = host("", "var.endpoint ? \"enabled\" : \"disabled\"");
    let child = format!("{}{}", variable("type = string"), host("", "var.endpoint"));
    let object =
        "variable \"options\" {\n  type = object({ endpoint = optional(string, \"disabled\") })\n  default = {}\n}\n";
    let dynamic = "resource \"aws_instance\" \"web\" {\n  dynamic \"metadata_options\" {\n    for_each = [{ endpoint = \"disabled\" }]\n    content {\n      http_endpoint = metadata_options.value.endpoint\n      http_tokens   = \"required\"\n    }\n  }\n}\n";
    let module_input = "module \"bastion\" {\n  source  = \"cloudposse/ec2-instance/aws\"\n  version = \"1.6.1\"\n\n  metadata_http_endpoint_enabled = false\n}\n";
    let json = "{\"resource\":{\"aws_instance\":{\"web\":{\"metadata_options\":{\"http_endpoint\":\"disabled\",\"http_tokens\":\"required\"}}}}}";
    let template_json = "{\n  \"Resources\": { \"Web\": { \"Type\": \"AWS::EC2::Instance\", \"Properties\": {\n    \"MetadataOptions\": { \"HttpEndpoint\": \"disabled\", \"HttpTokens\": \"required\" } } } } }\n";
    let parameter = |default: &str| format!("Parameters:\n  State:\n    Type: String\n    Default: {default}\n");
    let mapping = "Mappings:\n  States:\n    all: { web: disabled }\n";
    let through = ("main.tf", through_variable.as_str());
    let through_object = host("", "var.options.endpoint");
    let cases: Vec<(&str, &str, String, Files<'_>, &str)> = vec![
        ("a literal", "main.tf", host("", "\"disabled\""), vec![], ""),
        ("a default", "variables.tf", variable("default = \"disabled\""), vec![through], ""),
        (
            "a variables file",
            "terraform.tfvars",
            "endpoint = \"disabled\"\n".into(),
            vec![through, ("v.tf", "variable \"endpoint\" {}\n")],
            "",
        ),
        (
            "a variables file in JSON",
            "a.auto.tfvars.json",
            "{ \"endpoint\": \"disabled\" }\n".into(),
            vec![through, ("v.tf", "variable \"endpoint\" {}\n")],
            "",
        ),
        (
            "an argument of a module",
            "main.tf",
            "module \"web\" {\n  source   = \"./web\"\n  endpoint = \"disabled\"\n}\n".into(),
            vec![("web/main.tf", &child)],
            "",
        ),
        ("an input of a module that is known", "main.tf", module_input.into(), vec![], ""),
        ("a default within a type", "variables.tf", object.into(), vec![("main.tf", &through_object)], ""),
        ("the object of a dynamic block", "main.tf", dynamic.into(), vec![], ""),
        (
            "the truth value of a condition",
            "variables.tf",
            variable("default = false"),
            vec![("main.tf", &conditional)],
            "--unsafe-fixes",
        ),
        ("a branch of a condition", "main.tf", host("", "true ? \"disabled\" : \"enabled\""), vec![], ""),
        ("an argument of a function", "main.tf", host("", "lower(\"Disabled\")"), vec![], ""),
        ("Terraform in JSON", "main.tf.json", json.into(), vec![], ""),
        ("a plain scalar", "web.yaml", template("", "disabled # off"), vec![], ""),
        ("a scalar in quotes", "web.yaml", template("", "'disabled'"), vec![], ""),
        ("a scalar in double quotes", "web.yaml", template("", "\"disabled\""), vec![], ""),
        ("a template in JSON", "web.json", template_json.into(), vec![], ""),
        ("the default of a parameter", "web.yaml", template(&parameter("disabled"), "!Ref State"), vec![], ""),
        ("a mapping", "web.yaml", template(mapping, "!FindInMap [States, all, web]"), vec![], ""),
    ];
    for (name, path, text, others, options) in cases {
        let expected = text.replace("\"disabled\"", "\"enabled\"").replace("'disabled'", "'enabled'");
        let expected = expected.replace("\"Disabled\"", "\"Enabled\"").replace("= false", "= true");
        let expected = expected.replace(": disabled", ": enabled");
        assert_ne!(text, expected, "{name}");
        assert_eq!(fixed(path, &text, &others, options), expected, "{name}");
    }
}

#[test]
fn session_tokens_are_required_where_nothing_says_so_yet() {
    let cases = [
        (
            "main.tf",
            "resource \"aws_instance\" \"web\" {\n\tmetadata_options {\n\t\thttp_endpoint               = \"disabled\" # 監視 😀\n\t\thttp_put_response_hop_limit = 2\n\t}\n}\n",
            "resource \"aws_instance\" \"web\" {\n\tmetadata_options {\n\t\thttp_endpoint               = \"enabled\" # 監視 😀\n\t\thttp_tokens                 = \"required\"\n\t\thttp_put_response_hop_limit = 2\n\t}\n}\n",
        ),
        (
            "main.tf",
            "resource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = \"disabled\"\n    http_tokens   = \"optional\"\n  }\n}\n",
            "resource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = \"enabled\"\n    http_tokens   = \"required\"\n  }\n}\n",
        ),
        (
            "main.tf",
            "resource \"aws_instance\" \"web\" {\n  metadata_options { http_endpoint = \"disabled\" }\n}\n",
            "resource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = \"enabled\"\n    http_tokens   = \"required\"\n  }\n}\n",
        ),
        (
            "main.tf",
            "module \"web\" {\n  source  = \"terraform-aws-modules/ec2-instance/aws\"\n  version = \"4.0.0\"\n\n  metadata_options = { http_endpoint = \"disabled\", http_tokens = \"optional\" }\n}\n",
            "module \"web\" {\n  source  = \"terraform-aws-modules/ec2-instance/aws\"\n  version = \"4.0.0\"\n\n  metadata_options = { http_endpoint = \"enabled\", http_tokens = \"required\" }\n}\n",
        ),
        (
            "main.tf.json",
            "{ \"resource\": { \"aws_instance\": { \"web\": { \"metadata_options\": {\n  \"http_endpoint\": \"disabled\"\n} } } } }",
            "{ \"resource\": { \"aws_instance\": { \"web\": { \"metadata_options\": {\n  \"http_endpoint\": \"enabled\",\n  \"http_tokens\": \"required\"\n} } } } }",
        ),
        (
            "web.yaml",
            "Resources:\r\n  Web:\r\n    Type: AWS::EC2::Instance\r\n    Properties:\r\n      MetadataOptions:\r\n        HttpEndpoint: 'disabled'",
            "Resources:\r\n  Web:\r\n    Type: AWS::EC2::Instance\r\n    Properties:\r\n      MetadataOptions:\r\n        HttpEndpoint: 'enabled'\r\n        HttpTokens: 'required'",
        ),
        (
            "web.yaml",
            "Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions: { HttpEndpoint: disabled }\n",
            "Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions: { HttpEndpoint: enabled, HttpTokens: required }\n",
        ),
    ];
    for (path, text, expected) in cases {
        assert_eq!(fixed(path, text, &[], ""), expected);
    }
}

#[test]
fn session_tokens_that_are_written_elsewhere_stay() {
    let head = "variable \"tokens\" {}\n";
    let text = format!(
        "{head}resource \"aws_instance\" \"web\" {{\n  metadata_options {{\n    http_endpoint = \"disabled\"\n    http_tokens   = var.tokens\n  }}\n}}\n"
    );
    let project = Project::new(&[("main.tf", &text)]);
    let fixes = offered(&project.run("check --format json"));
    assert_eq!(fixes[0][0].0, "enable the metadata endpoint and leave session tokens as they are");
    assert_eq!(fixes[0][0].2.len(), 1);
    assert_eq!(fixed("main.tf", &text, &[], ""), text.replace("\"disabled\"", "\"enabled\""));
}

#[test]
fn a_default_of_the_account_is_enabled_and_says_nothing_new_about_tokens() {
    let text = "resource \"aws_ec2_instance_metadata_defaults\" \"this\" {\n  http_endpoint = \"disabled\"\n}\n";
    assert_eq!(fixed("main.tf", text, &[], ""), text.replace("disabled", "enabled"));
}

#[test]
fn bytes_outside_the_edits_stay() {
    let lines = [
        "\u{feff}# \u{65e5}\u{672c} \u{1f600}",
        "resource \"aws_instance\" \"web\" {",
        "\tmetadata_options {",
        "\t\thttp_tokens = \"required\"",
        "\t\t/* \u{1f600} */ http_endpoint=\"disabled\"  # \u{e9}  ",
        "\t}",
        "}",
    ];
    for ending in ["\n", "\r\n"] {
        for last in ["", ending] {
            let text = format!("{}{last}", lines.join(ending));
            assert_eq!(fixed("main.tf", &text, &[], ""), text.replace("disabled", "enabled"));
        }
    }
}

#[test]
fn findings_in_one_file_are_fixed_together_and_one_literal_serves_several_hosts() {
    let block = |name: &str, expression: &str| {
        format!(
            "resource \"aws_instance\" \"{name}\" {{\n  metadata_options {{\n    http_endpoint = {expression}\n    http_tokens   = \"required\"\n  }}\n}}\n"
        )
    };
    let text = format!(
        "{}{}{}{}",
        variable("default = \"disabled\""),
        block("a", "\"disabled\""),
        block("b", "var.endpoint"),
        block("c", "var.endpoint")
    );
    let project = Project::new(&[("main.tf", &text)]);
    let ran = project.run("check --format json");
    assert_eq!(offered(&ran).iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    let ran = project.run("check --fix");
    assert_eq!((ran.code, project.read("main.tf")), (0, text.replace("disabled", "enabled")));
    assert!(ran.stderr.contains("2 findings fixed in 1 file"), "{ran:?}");
}

#[test]
fn what_is_suppressed_is_not_fixed() {
    let text = host("", "\"disabled\" # imdslint: ignore[IMDS101] no agent");
    let project = Project::new(&[("main.tf", &text)]);
    assert!(offered(&project.run("check --format json"))[0].is_empty());
    assert_eq!(project.run("check --fix --unsafe-fixes").code, 0);
    assert_eq!(project.read("main.tf"), text);
}

#[test]
fn a_finding_that_an_edit_does_not_remove_has_no_fix() {
    let rows = "locals {\n  hosts = { a = { state = \"disabled\" }, b = { state = \"disabled\" } }\n}\nvariable \"which\" {}\n";
    let text = host(rows, "local.hosts[terraform.workspace].state");
    let project = Project::new(&[("main.tf", &text)]);
    let ran = project.run("check --format json");
    assert_eq!(ran.findings().len(), 1, "{ran:?}");
    assert_eq!(offered(&ran), [Vec::new()]);
    assert_eq!(project.run("check --fix --unsafe-fixes").code, 1);
    assert_eq!(project.read("main.tf"), text);

    let given = Project::new(&[("main.tf", &host("variable \"endpoint\" {}\n", "var.endpoint"))]);
    let ran = given.run("check --format json --var endpoint=disabled");
    assert_eq!((ran.findings().len(), offered(&ran)), (1, vec![Vec::new()]), "the command line is no file");
}

#[test]
fn a_truth_value_that_may_decide_more_is_turned_only_when_that_is_asked_for() {
    let text = host(&variable("default = false"), "var.endpoint ? \"enabled\" : \"disabled\"");
    let project = Project::new(&[("main.tf", &text)]);
    assert_eq!(offered(&project.run("check --format json"))[0][0].1, "unsafe");
    assert_eq!(project.run("check --fix").code, 1);
    assert_eq!(project.read("main.tf"), text);
    assert_eq!(project.run("check --fix --unsafe-fixes").code, 0);
    assert_eq!(project.read("main.tf"), text.replace("default = false", "default = true"));
}

#[test]
fn what_hosts_boot_with_is_changed_only_when_that_is_asked_for() {
    let text = "resource \"aws_instance\" \"web\" {\n  user_data = <<-EOT\n    #!/bin/sh\n    echo a # imdslint: ignore[IMDS103] old\n    # imdslint: ignore[IMDS103] old too\n    echo b\n  EOT\n}\n";
    let project = Project::new(&[("main.tf", text)]);
    let fixes = offered(&project.run("check --format json"));
    assert_eq!(fixes.iter().map(|fixes| fixes[0].1.as_str()).collect::<Vec<_>>(), ["unsafe", "unsafe"]);
    assert_eq!(project.run("check --fix").code, 1);
    assert_eq!(project.read("main.tf"), text);
    assert_eq!(project.run("check --fix --unsafe-fixes").code, 0);
    let expected = text.replace(" # imdslint: ignore[IMDS103] old\n", "\n");
    assert_eq!(project.read("main.tf"), expected.replace("    # imdslint: ignore[IMDS103] old too\n", ""));
}

#[test]
fn suppressions_that_hide_nothing_are_removed_whole_or_in_part() {
    let used = "\"disabled\" # imdslint: ignore[IMDS103, IMDS101, IMDS102] no agent";
    let expected = "\"disabled\" # imdslint: ignore[IMDS101] no agent";
    assert_eq!(fixed("main.tf", &host("", used), &[], ""), host("", expected));
    let cases = [
        ("# imdslint: ignore[IMDS101]\n", ""),
        ("# imdslint: ignore[IMDS101, IMDS103, until=2030-01-01] both\n", ""),
        ("# kept # imdslint: ignore[IMDS101, until=2020-01-01] expired\n", "# kept\n"),
        ("/* imdslint: ignore-file[IMDS101] */\n", ""),
    ];
    for (written, left) in cases {
        assert_eq!(fixed("main.tf", &host(written, "\"enabled\""), &[], ""), host(left, "\"enabled\""));
    }
    // What is misspelt was meant to hide something.
    for written in ["# imdslint: ignore[IMDS999]\n", "# imdslint: ignroe[IMDS101]\n"] {
        let project = Project::new(&[("main.tf", &host(written, "\"enabled\""))]);
        assert_eq!(offered(&project.run("check --format json")), [Vec::new()], "{written}");
    }
}

#[test]
fn suppressions_without_comments_are_removed_too() {
    let json =
        "{\n  \"//\": \"imdslint: ignore[IMDS101] old\",\n  \"resource\": { \"aws_instance\": { \"web\": {} } }\n}\n";
    let expected = "{\n  \"resource\": { \"aws_instance\": { \"web\": {} } }\n}\n";
    assert_eq!(fixed("main.tf.json", json, &[], ""), expected);
    let template = "{ \"Metadata\": { \"imdslint\": { \"ignore\": [{ \"rule\": \"IMDS101\", \"reason\": \"old\" }] } },\n  \"Resources\": { \"Web\": { \"Type\": \"AWS::EC2::Instance\" } } }\n";
    let expected = template.replace("{ \"rule\": \"IMDS101\", \"reason\": \"old\" }", "");
    assert_eq!(fixed("web.json", template, &[], ""), expected);
}

#[test]
fn only_what_is_checked_is_written() {
    let files = [("main.tf", host("", "var.endpoint")), ("variables.tf", variable("default = \"disabled\""))];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let project = Project::new(&files);
    let ran = project.run("check --format json main.tf");
    assert_eq!(offered(&ran)[0][0].2[0].0, "variables.tf", "it is offered");
    assert_eq!(project.run("check --fix main.tf").code, 1);
    assert_eq!(project.run("check --fix --exclude variables.tf").code, 1);
    assert_eq!(project.read("variables.tf"), files[1].1);
    assert_eq!(project.run("check --fix variables.tf").code, 0);
    assert_ne!(project.read("variables.tf"), files[1].1);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let text = host("", "\"disabled\"");
    let project = Project::new(&[("real/a.txt", &text), ("stack/.keep", "")]);
    std::os::unix::fs::symlink(project.path("real/a.txt"), project.path("stack/main.tf")).unwrap();
    let ran = project.run("check --format json --root . stack");
    assert_eq!((ran.findings().len(), offered(&ran)), (1, vec![Vec::new()]));
    assert_eq!(project.run("check --fix --root . stack").code, 1);
    assert_eq!(project.read("real/a.txt"), text);
    assert!(std::fs::symlink_metadata(project.path("stack/main.tf")).unwrap().is_symlink());
}

#[test]
fn a_diff_changes_nothing_and_applies() {
    let texts = [
        host("", "\"disabled\""),
        host("# \u{65e5}\u{672c}\n", "\"disabled\"").replace('\n', "\r\n"),
        template("", "disabled"),
    ];
    let texts = [texts[0].clone(), texts[1].trim_end().to_owned(), texts[2].clone()];
    let files = [("a/main.tf", texts[0].as_str()), ("b c/main.tf", &texts[1]), ("web.yaml", &texts[2])];
    let project = Project::new(&files);
    let ran = project.run("check --diff");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("3 findings would be fixed in 3 files"), "{ran:?}");
    assert_eq!(project.run("check --diff --exit-zero").code, 0);
    for (path, text) in files {
        assert_eq!(project.read(path), text);
    }
    if is_missing("git") {
        return;
    }
    project.write("fixes.diff", &ran.stdout);
    let apply = Command::new("git").args(["apply", "fixes.diff"]).current_dir(project.path("")).output().unwrap();
    assert!(apply.status.success(), "{}\n{}", String::from_utf8_lossy(&apply.stderr), ran.stdout);
    for (path, text) in files {
        assert_eq!(project.read(path), text.replace("disabled", "enabled"));
    }
    let ran = project.run("check --diff");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
}

#[test]
fn what_is_left_is_reported_and_decides_the_exit_code() {
    let blocked = "#!/bin/sh\niptables -A OUTPUT -d 169.254.169.254 -j DROP\n";
    let project = Project::new(&[("main.tf", &host("", "\"disabled\"")), ("boot.sh", blocked)]);
    let ran = project.run("check --fix --format json");
    assert_eq!((ran.code, ran.findings()), (1, vec![("IMDS103".into(), "boot.sh".into())]));
    assert_eq!(ran.stderr, "imdslint: 1 finding fixed in 1 file\n");
    assert_eq!(project.run("check --fix --quiet --format concise").stderr, "");
}

#[test]
fn a_buffer_is_offered_fixes_in_its_own_bytes() {
    let saved = host("", "\"enabled\"");
    let project = Project::new(&[("infra/main.tf", &saved)]);
    let buffer = host("# \u{1f600} unsaved\n", "\"disabled\"");
    let ran = project.run_with_input("check - --stdin-filename infra/main.tf --format json", &buffer);
    let start = buffer.find("\"disabled\"").unwrap();
    let edits = &offered(&ran)[0][0].2;
    assert_eq!(edits, &[("infra/main.tf".into(), [start, start + 10], "\"enabled\"".into())]);
    let new = project.run_with_input("check - --stdin-filename new/main.tf --format json", &buffer);
    assert_eq!(offered(&new)[0].len(), 1, "a file that was never saved");
    assert_eq!(project.read("infra/main.tf"), saved);

    let sarif = project.run_with_input("check - --stdin-filename infra/main.tf --format sarif", &buffer);
    let change = &sarif.json()["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "infra/main.tf");
    let replacement = &change["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "\"enabled\"");
    assert_eq!(
        replacement["deletedRegion"],
        serde_json::json!({
        "startLine": 4, "startColumn": 21, "endLine": 4, "endColumn": 31 })
    );
}

/// Copies the folder `from`, and gives the text of each file by its path.
fn copied(from: &Path, below: &str, project: &Project, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            copied(&entry.path(), &format!("{path}/"), project, files);
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            project.write(&path, &bytes);
            files.insert(path, bytes);
        }
    }
}

/// All of `project`, on a day.
fn request(project: &Project) -> Request {
    let input = Input { paths: vec![project.path("")], root: Some(project.path("")), ..Input::default() };
    Request { strict_unknown: false, today: Date::parse("2026-11-22").unwrap(), ..everything(input) }
}

#[test]
fn each_fix_of_the_fixtures_holds_by_itself_and_fixing_comes_to_an_end() {
    let mut tried = 0;
    for rule in ["IMDS101", "IMDS102", "IMDS901"] {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules").join(rule);
        for case in cases.read_dir().unwrap() {
            let case = case.unwrap().path();
            let (project, mut files) = (Project::new(&[]), BTreeMap::new());
            copied(&case, "", &project, &mut files);
            // What was planned stays so until it is planned anew.
            if files.contains_key("plan.json") {
                continue;
            }
            let request = request(&project);
            let report = engine::check_with_fixes(&request).unwrap().report;
            for fix in report.findings.iter().filter_map(|reported| reported.fixes.first()) {
                for edit in fix.edits.iter().rev() {
                    let path = report.files.source(edit.span.file).unwrap().path.to_string();
                    let mut text = project.read(&path);
                    text.replace_range(edit.span.range(), &edit.text);
                    project.write(&path, text);
                }
                let after = engine::check(&request).unwrap().report;
                assert_eq!(after.summary.findings, report.summary.findings - 1, "{}: {fix:?}", case.display());
                assert_eq!(after.problems.len(), report.problems.len(), "{}: {fix:?}", case.display());
                for (path, bytes) in &files {
                    project.write(path, bytes);
                }
                tried += 1;
            }
            for change in engine::mend(&request, Safety::Unsafe).unwrap().changes {
                fix::write(&change).unwrap();
            }
            let again = engine::mend(&request, Safety::Unsafe).unwrap();
            assert_eq!((again.fixed, again.changes), (0, Vec::new()), "{}", case.display());
        }
    }
    assert!(tried > 80, "{tried}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn only_the_literal_changes_whatever_stands_around_it(
        mark in "\u{feff}?",
        indentation in "[ \t]{0,6}",
        before in "[a-z \t\u{e9}\u{65e5}\u{1f600}]{0,12}",
        spaces in "[ \t]{0,3}",
        after in "[a-z \t\u{e9}\u{65e5}\u{1f600}\\[\\]]{0,12}",
        ending in "\r?\n",
        is_closed in any::<bool>(),
    ) {
        let lines = [
            format!("{mark}# {before}"),
            "resource \"aws_instance\" \"web\" {".into(),
            format!("{indentation}metadata_options {{"),
            format!("{indentation}/*{before}*/ http_endpoint{spaces}={spaces}\"disabled\"{spaces}# {after}"),
            format!("{indentation}http_tokens = \"required\"{indentation}"),
            "}".into(),
            format!("}}{}", if is_closed { ending.as_str() } else { "" }),
        ];
        let text = lines.join(&ending);
        let project = Project::new(&[("main.tf", &text)]);
        let mended = engine::mend(&request(&project), Safety::Safe).unwrap();
        prop_assert_eq!(mended.fixed, 1, "{}", text);
        fix::write(&mended.changes[0]).unwrap();
        prop_assert_eq!(project.read("main.tf"), text.replace("\"disabled\"", "\"enabled\""));
        prop_assert!(engine::mend(&request(&project), Safety::Unsafe).unwrap().changes.is_empty());
    }
}

#[test]
fn the_readme_shows_what_fixing_does() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n### Fixes\n").unwrap();
    let blocks: Vec<&str> = section.split("\n#").next().unwrap().split("```").skip(1).step_by(2).collect();
    let [commands, shown] = blocks.as_slice() else { panic!("{blocks:?}") };
    let project = Project::new(&[]);
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/story/broken");
    copied(&story, "", &project, &mut BTreeMap::new());
    let commands: Vec<&str> = commands.lines().skip(1).map(|line| line.strip_prefix("imdslint ").unwrap()).collect();
    let [diff, fix, unsafe_too] = commands.as_slice() else { panic!("{commands:?}") };

    let ran = project.run(diff);
    assert_eq!(ran.code, 1);
    for part in shown.strip_prefix("diff\n").unwrap().split("[...]\n") {
        assert!(ran.stdout.contains(part), "not in the output:\n{part}\n{}", ran.stdout);
    }
    assert!(project.run(fix).stderr.contains("3 findings fixed in 2 files"));
    assert!(project.run(unsafe_too).stderr.contains("2 findings fixed in 2 files"));
    assert_eq!(project.run("check").code, 0);
}
