//! CloudFormation through the whole program: which files belong together, and what a stack is evaluated with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fmt::Write as _;

use serde_json::Value;
use support::Project;

/// A template with one host, whose endpoint is the parameter `Endpoint`.
const HOST: &str = "AWSTemplateFormatVersion: '2010-09-09'\nParameters: {Endpoint: {Type: String}, Other: {Type: String, Default: ''}}\n\
    Resources:\n  Host:\n    Type: AWS::EC2::Instance\n    Properties: {MetadataOptions: {HttpEndpoint: !Ref Endpoint}}\n\
    Outputs:\n  Endpoint: {Value: !Ref Endpoint}\n";

/// A template that nests others: each line is a name, the location of a template and the parameters.
fn nesting(stacks: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n");
    for (name, location, parameters) in stacks {
        let _ = writeln!(
            text,
            "  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: {location}, Parameters: {{{parameters}}}}}"
        );
    }
    text
}

/// The hosts that `line` gives, each with what its endpoint is.
fn of(project: &Project, line: &str) -> Vec<String> {
    let ran = project.run(&format!("hosts {line} --format json"));
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let host = |host: &Value| format!("{} {}", host["subject"].as_str().unwrap(), host["imds"]["endpoint"]);
    found["hosts"].as_array().unwrap().iter().map(|found| host(found).replace('"', "")).collect()
}

fn hosts(files: &[(&str, &str)]) -> Vec<String> {
    of(&Project::new(files), ".")
}

#[test]
fn each_form_of_a_file_with_values_is_read() {
    for (name, values) in [
        ("web-params.json", r#"[{"ParameterKey": "Endpoint", "ParameterValue": "disabled"}]"#),
        ("web.json", r#"{"Parameters": {"Endpoint": "disabled"}, "Tags": {"a": "b"}}"#),
        ("web.prod.yaml", "Parameters:\n  Endpoint: disabled\n"),
        ("params/web.yml", "- ParameterKey: Endpoint\n  ParameterValue: disabled\n"),
        (
            "parameters/any.json",
            r#"{"StackName": "x", "Parameters": [{"ParameterKey": "Endpoint", "ParameterValue": "disabled"}]}"#,
        ),
        ("overrides.json", r#"["Other=a=b c", "Endpoint=disabled"]"#),
        ("web.ini", "# for the command line\nOther=a\nEndpoint=disabled\n"),
        ("params/prod.properties", "Endpoint=disabled Other=\r\n"),
        ("web.params", "Other=\"a\"\nEndpoint=disabled"),
    ] {
        assert_eq!(hosts(&[("web.yaml", HOST), (name, values)]), ["Host disabled"], "{name}");
    }
}

#[test]
fn assignments_whose_meaning_is_open_stay_unknown() {
    for (name, values) in [
        ("web.ini", "Endpoint=\"disabled\"\n"),
        ("web.ini", "Endpoint = disabled\n"),
        ("web.ini", "[default]\nEndpoint=disabled\n"),
        ("web.ini", "Endpoint=disabled\nGone=x\n"),
        ("web.json", r#"["Endpoint=disabled", "Gone=x"]"#),
        ("web.json", r#"["Endpoint=\"disabled\""]"#),
        ("web.env", "Endpoint=disabled\n"),
    ] {
        assert_eq!(hosts(&[("web.yaml", HOST), (name, values)]), ["Host unknown"], "{name} {values}");
    }
}

#[test]
fn the_configuration_of_sam_gives_values_in_each_environment() {
    let template = |name, configuration| hosts(&[(name, HOST), ("samconfig.toml", configuration)]);
    for (name, configuration) in [
        ("template.yaml", "[default.deploy.parameters]\nparameter_overrides = \"Endpoint=disabled\"\n"),
        (
            "template.yml",
            "[default.deploy.parameters]\nparameter_overrides = ['Other=\"a b\" Endpoint=\"disabled\"']\n",
        ),
        (
            "host.yaml",
            "[a.global.parameters]\ntemplate_file = './host.yaml'\nparameter_overrides = '''\nEndpoint=disabled\n'''\n",
        ),
        (
            "template.yaml",
            "[a.deploy]\nparameters = {template = \".aws-sam/build/template.yaml\", parameter_overrides = \
             [\"ParameterKey=Endpoint,ParameterValue=disabled\"]}\n",
        ),
        ("template.yaml", "[a.deploy.parameters.parameter_overrides]\nEndpoint = 'disabled'\nGone = 'x'\n"),
    ] {
        assert_eq!(template(name, configuration), ["Host disabled"], "{configuration}");
    }
    let yaml = "default:\n  deploy:\n    parameters:\n      parameter_overrides:\n        - Endpoint=disabled\n";
    assert_eq!(hosts(&[("template.yaml", HOST), ("samconfig.yaml", yaml)]), ["Host disabled"]);
    let both = "[a.deploy.parameters]\nparameter_overrides = 'Endpoint=enabled'\n\
        [b.deploy.parameters]\nparameter_overrides = 'Endpoint=disabled'\n";
    let project = Project::new(&[("template.yaml", HOST), ("samconfig.toml", both)]);
    let found = project.run("check . --format json").findings();
    assert_eq!(found, [("IMDS101".to_owned(), "samconfig.toml".to_owned())]);
    for configuration in [
        "[a.deploy.parameters]\nparameter_overrides = \"Endpoint=disabled\"\ntemplate_file = 'packaged.yaml'\n",
        "[a.build.parameters]\nparameter_overrides = \"Endpoint=disabled\"\n",
        "[a.deploy.parameters]\nparameter_overrides = 1\n",
        "[a.deploy.parameters\n",
    ] {
        assert_eq!(template("template.yaml", configuration), ["Host unknown"], "{configuration}");
    }
    let project = Project::new(&[("template.yaml", HOST), ("samconfig.toml", "a = [\n")]);
    assert!(project.run("check .").stdout.contains("samconfig.toml:"), "a faulty one is a problem");
}

#[test]
fn values_are_given_to_the_template_that_they_are_meant_for() {
    let values = r#"{"Parameters": {"Endpoint": "disabled"}}"#;
    let unknown = ["Host unknown"];
    assert_eq!(hosts(&[("web.yaml", HOST), ("far/params.json", values)]), unknown, "in a folder of something else");
    let stale = r#"{"Parameters": {"Endpoint": "disabled", "Gone": "x"}}"#;
    assert_eq!(hosts(&[("web.yaml", HOST), ("web.json", stale)]), unknown, "with a parameter that is not declared");
    let previous = r#"[{"ParameterKey": "Endpoint", "UsePreviousValue": true}]"#;
    assert_eq!(
        hosts(&[
            ("web.yaml", &HOST.replace("Endpoint: {Type: String}", "Endpoint: {Type: String, Default: disabled}")),
            ("web.json", previous)
        ]),
        unknown,
        "what the stack has already"
    );
    let two = [("web.yaml", HOST), ("api.yaml", HOST), ("params.json", values)];
    assert_eq!(hosts(&two), ["Host unknown", "Host unknown"], "it fits both");
    let named = [("web.yaml", HOST), ("web-api.yaml", HOST), ("web-api-params.json", values)];
    assert_eq!(hosts(&named), ["Host disabled", "Host unknown"], "the longer name is meant");
}

#[test]
fn values_of_one_file_stay_together() {
    let template = "AWSTemplateFormatVersion: '2010-09-09'\nParameters: {Env: {Type: String}, Endpoint: {Type: String}}\n\
        Conditions: {IsProduction: !Equals [!Ref Env, prod]}\nResources:\n  A:\n    Type: AWS::EC2::Instance\n    \
        Condition: IsProduction\n    Properties: {MetadataOptions: {HttpEndpoint: !Ref Endpoint}}\n";
    let files = [
        ("web.yaml", template),
        ("env/prod.json", r#"{"Parameters": {"Env": "prod", "Endpoint": "enabled"}}"#),
        ("env/trial.json", r#"{"Parameters": {"Env": "trial", "Endpoint": "disabled"}}"#),
    ];
    assert_eq!(hosts(&files), ["A enabled"]);
    let all = template.replace("    Condition: IsProduction\n", "");
    let ran = Project::new(&[("web.yaml", &all), files[1], files[2]]).run("check . --format concise");
    assert!(ran.stdout.starts_with("env/trial.json:1:") && ran.stdout.contains("in one of the cases"), "{ran:?}");
    let project = Project::new(&files);
    assert_eq!(of(&project, ". --parameter Endpoint=disabled"), ["A disabled"], "the command line wins");
}

#[test]
fn what_is_named_leads_to_the_templates_that_it_decides_about() {
    let project = Project::new(&[
        ("main.yaml", &nesting(&[("Web", "web.yaml", "Endpoint: disabled")])),
        ("web.yaml", HOST),
        ("api.yaml", HOST),
        ("api-params.json", r#"{"Parameters": {"Endpoint": "disabled"}}"#),
        ("part.yaml", "HttpEndpoint: disabled\n"),
        (
            "including.yaml",
            "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  X:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: part.yaml}}}\n",
        ),
    ]);
    std::fs::create_dir(project.path(".git")).unwrap();
    for (path, subject) in [("web.yaml", "Web/Host"), ("api-params.json", "Host"), ("part.yaml", "X")] {
        let ran = project.run(&format!("check {path} --format json"));
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = found["findings"].as_array().unwrap();
        let subjects: Vec<_> = findings.iter().map(|finding| finding["subjects"].clone()).collect();
        assert_eq!(subjects, [serde_json::json!([subject])], "{path}: {}", ran.stdout);
    }
}

#[test]
fn a_template_that_is_nested_is_judged_through_its_calls() {
    let default = HOST.replace("Endpoint: {Type: String}", "Endpoint: {Type: String, Default: disabled}");
    for (location, expected) in [
        ("web.yaml", "Web/Host enabled"),
        ("./web.yaml", "Web/Host enabled"),
        ("https://s3.amazonaws.com/bucket/x/web.yaml?versionId=1", "Web/Host enabled"),
        ("!Sub 'https://${B}.s3.amazonaws.com/${P}web.yaml'", "Web/Host enabled"),
        ("!Join ['', [!Ref P, /, web.yaml]]", "Web/Host enabled"),
        ("!Ref P", "Host disabled"),
        ("https://s3.amazonaws.com/bucket/other.yaml", "Host disabled"),
        ("../web.yaml", "Host disabled"),
    ] {
        let parent = nesting(&[("Web", location, "Endpoint: enabled")]);
        let parent = format!("{parent}Parameters: {{B: {{Type: String}}, P: {{Type: String}}}}\n");
        assert_eq!(hosts(&[("main.yaml", &parent), ("web.yaml", &default)]), [expected], "{location}");
    }
    let two = [
        ("a/web.yaml", &*default),
        ("b/web.yaml", &default),
        ("main.yaml", &nesting(&[("Web", "https://x/web.yaml", "")])),
    ];
    assert_eq!(hosts(&two), ["Host disabled", "Host disabled"], "the address may mean either");
}

#[test]
fn a_stack_whose_condition_is_false_is_not_there() {
    let parent = nesting(&[("Web", "web.yaml", "Endpoint: disabled")]);
    let with = |condition: &str| {
        let parent = parent.replace("  Web:\n", "  Web:\n    Condition: C\n");
        hosts(&[("main.yaml", &format!("{parent}{condition}")), ("web.yaml", HOST)])
    };
    assert_eq!(with("Conditions: {C: !Equals [a, b]}\n"), Vec::<String>::new());
    assert_eq!(with("Conditions: {C: !Equals [a, a]}\n"), ["Web/Host disabled"]);
    assert_eq!(with("Parameters: {P: {Type: String}}\nConditions: {C: !Equals [!Ref P, a]}\n"), ["Web/Host disabled"]);
}

#[test]
fn values_pass_in_and_out_of_nested_stacks() {
    let parent = nesting(&[
        ("Second", "web.yaml", "Endpoint: !GetAtt First.Outputs.Endpoint"),
        ("First", "web.yaml", "Endpoint: !If [Yes, disabled, enabled]"),
        ("Third", "web.yaml", "Endpoint: !Sub '${First.Outputs.Endpoint}'"),
        ("Fourth", "web.yaml", "Endpoint: !GetAtt First.Outputs.None"),
    ]);
    let parent = format!("{parent}Conditions: {{Yes: !Equals [a, a]}}\n");
    assert_eq!(
        hosts(&[("main.yaml", &parent), ("web.yaml", HOST)]),
        ["First/Host disabled", "Fourth/Host unknown", "Second/Host disabled", "Third/Host disabled"]
    );
}

#[test]
fn what_a_host_in_a_nested_stack_initialises_itself_with_is_that_of_its_stack() {
    let host = |address: &str| {
        format!(
            "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Host:\n    Type: AWS::EC2::Instance\n    Metadata:\n      \
             AWS::CloudFormation::Init:\n        config:\n          commands:\n            a:\n              command: iptables -A OUTPUT -d {address} -j DROP\n    \
             Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          #!/bin/bash\n          /opt/aws/bin/cfn-init -s ${{AWS::StackName}} -r Host\n"
        )
    };
    let parent = nesting(&[("Blocked", "a.yaml", ""), ("Free", "b.yaml", "")]);
    let project =
        Project::new(&[("main.yaml", &parent), ("a.yaml", &host("169.254.169.254")), ("b.yaml", &host("192.0.2.1"))]);
    let found: Value = serde_json::from_str(&project.run("hosts . --format json").stdout).unwrap();
    let verdict = |index: usize| found["hosts"][index]["reachability"][0]["verdict"].as_str().unwrap().to_owned();
    assert_eq!([verdict(0), verdict(1)], ["blocked", "reachable"]);
}

#[test]
fn stacks_that_nest_each_other_end() {
    let own = nesting(&[("Again", "main.yaml", "")]);
    let ran = Project::new(&[("main.yaml", &own)]).run("check .");
    assert!(
        ran.stdout.contains("nests itself without end") || ran.stderr.contains("nests itself without end"),
        "{ran:?}"
    );
    let (a, b) =
        (nesting(&[("B", "b.yaml", "")]), nesting(&[("A", "a.yaml", ""), ("Host", "host.yaml", "Endpoint: disabled")]));
    assert_eq!(hosts(&[("a.yaml", &a), ("b.yaml", &b), ("host.yaml", HOST)]), ["B/Host/Host disabled"]);
    let circle = nesting(&[
        ("A", "host.yaml", "Endpoint: !GetAtt B.Outputs.Endpoint"),
        ("B", "host.yaml", "Endpoint: !GetAtt A.Outputs.Endpoint"),
    ]);
    assert_eq!(hosts(&[("main.yaml", &circle), ("host.yaml", HOST)]), ["A/Host unknown", "B/Host unknown"]);
}

#[test]
fn only_what_lies_in_the_workspace_is_nested_or_included() {
    let project = Project::new(&[("secret.yaml", HOST), ("part.yaml", "HttpEndpoint: disabled\n")]);
    project.write(
        "in/main.yaml",
        nesting(&[("Web", "link.yaml", "Endpoint: disabled"), ("Api", "../secret.yaml", "Endpoint: disabled")]),
    );
    project.write("in/include.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  X:\n    Type: AWS::EC2::Instance\n    Properties:\n      MetadataOptions: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: ../part.yaml}}}\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink(project.path("secret.yaml"), project.path("in/link.yaml")).unwrap();
    let found = of(&project, "in --root in");
    assert_eq!(found, ["X unknown"]);
    let ran = project.run("check in --root in");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("lies outside the workspace"), "{said}");
}

#[test]
fn synthesised_templates_that_git_ignores_are_read_when_they_are_named() {
    let template = r#"{"Resources": {"Host1A": {"Type": "AWS::EC2::Instance", "Metadata": {"aws:cdk:path": "Web/Host/Resource"},
        "Properties": {"MetadataOptions": {"HttpEndpoint": "disabled"}}}}}"#;
    let project = Project::new(&[(".gitignore", "cdk.out\n"), ("cdk.out/Web.template.json", template)]);
    std::fs::create_dir(project.path(".git")).unwrap();
    assert_eq!(of(&project, "."), Vec::<String>::new());
    assert_eq!(of(&project, "cdk.out"), ["Web/Host/Resource disabled"]);
    assert_eq!(of(&project, "cdk.out/Web.template.json"), ["Web/Host/Resource disabled"]);
}

/// A template that exports `value` under `name`.
fn exporting(name: &str, value: &str) -> String {
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nResources: {{}}\nOutputs:\n  X: {{Value: {value}, Export: {{Name: {name}}}}}\n"
    )
}

#[test]
fn imports_are_followed_from_template_to_template() {
    let user = HOST.replace("HttpEndpoint: !Ref Endpoint", "HttpEndpoint: !ImportValue first");
    let with = |first: &str, others: &[(&str, &str)]| {
        let mut files = vec![("web.yaml", &*user), ("first.yaml", first)];
        files.extend(others);
        hosts(&files)
    };
    assert_eq!(with(&exporting("first", "disabled"), &[]), ["Host disabled"]);
    assert_eq!(with(&exporting("!Sub 'fir${A}'", "disabled"), &[]), ["Host unknown"], "a name that is not known");
    let second = exporting("second", "disabled");
    assert_eq!(with(&exporting("first", "!ImportValue second"), &[("second.yaml", &second)]), ["Host disabled"]);
    let circle = exporting("second", "!ImportValue first");
    assert_eq!(with(&exporting("first", "!ImportValue second"), &[("second.yaml", &circle)]), ["Host unknown"]);
    let nested = nesting(&[("F", "first.yaml", "")]);
    assert_eq!(with(&exporting("first", "disabled"), &[("main.yaml", &nested)]), ["Host unknown"], "which stack?");
    let asked = Project::new(&[("web.yaml", &user)]).run("check . --strict-unknown");
    assert!(asked.stdout.contains("no template of this workspace exports `first`"), "{}", asked.stdout);
}

#[test]
fn whole_sections_and_parts_of_them_are_included() {
    let part = "Resources:\n  Host:\n    Type: AWS::EC2::Instance\n    Properties: {MetadataOptions: {HttpEndpoint: !Ref Endpoint}}\n";
    let parameters =
        "Parameters: {Endpoint: {Type: String, Default: disabled}, Part: {Type: String, Default: part.yaml}}\n";
    let include = "{Name: AWS::Include, Parameters: {Location: !Ref Part}}";
    for template in [
        format!("AWSTemplateFormatVersion: '2010-09-09'\n{parameters}Transform: {include}\n"),
        format!(
            "AWSTemplateFormatVersion: '2010-09-09'\n{parameters}Transform: [AWS::LanguageExtensions, {include}]\nResources: {{}}\n"
        ),
    ] {
        assert_eq!(hosts(&[("web.yaml", &template), ("part.yaml", part)]), ["Host disabled"], "{template}");
    }
    let resources = part.strip_prefix("Resources:\n").unwrap();
    for include in [
        format!("{{'Fn::Transform': {include}}}"),
        format!("!Transform {include}"),
        format!("{{Other: {{Type: A::B::C}}, 'Fn::Transform': {include}}}"),
    ] {
        let template = format!("AWSTemplateFormatVersion: '2010-09-09'\n{parameters}Resources: {include}\n");
        assert_eq!(hosts(&[("web.yaml", &template), ("part.yaml", resources)]), ["Host disabled"], "{template}");
    }
}
