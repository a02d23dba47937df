//! What documents come to, in each of their forms.

use super::*;
use crate::eval::{BuildStepKind, Interpreter, ValueKind};
use crate::source::{FileId, SourceFile};

/// What a document does that is given some parameters, one line for each step; a part that is not known is `<?>`.
fn steps_given(source: &str, given: &[(&str, &[&str])]) -> Vec<String> {
    let limits = Limits::default();
    let file = SourceFile::new(FileId(0), "document.yaml", source.into());
    let read = document(&file, &limits);
    assert_eq!(read.problems, [], "{source}");
    let span = file.span(0..0);
    let value = |texts: &[&str]| Value::list(texts.iter().map(|text| Value::encoded(*text, span)).collect(), span);
    let given = given.iter().map(|(name, texts)| (Arc::from(*name), value(texts))).collect();
    let mut budget = Budget::new(&limits);
    read.documents.iter().flat_map(|document| document.steps(&given, &mut budget)).map(|step| shown(&step)).collect()
}

fn steps(source: &str) -> Vec<String> {
    steps_given(source, &[])
}

fn shown(step: &BuildStep) -> String {
    let text = |value: &Value| match &value.kind {
        ValueKind::String(text) => text.as_str().replace('\u{fffc}', "<?>").trim_end().replace('\n', "; "),
        _ => "unknown".to_owned(),
    };
    match &step.kind {
        BuildStepKind::Script { text: script, interpreter: Interpreter::PowerShell, .. } => {
            format!("powershell {}", text(script))
        }
        BuildStepKind::Script { text: script, .. } => format!("sh {}", text(script)),
        BuildStepKind::Package(package) => format!("package {}", text(package)),
        BuildStepKind::Opaque(what) => format!("opaque {what}"),
        other => format!("{other:?}"),
    }
}

/// A document whose steps have these lines, with three parameters.
fn with_steps(steps: &str) -> String {
    format!(
        "schemaVersion: '2.2'\nparameters:\n  A: {{type: String, default: a}}\n  L: {{type: StringList, default: [x, y]}}\n  \
         Free: {{type: String}}\nmainSteps:\n{steps}"
    )
}

fn one(step: &str) -> Vec<String> {
    steps(&with_steps(&format!("- {{name: s, {step}}}\n")))
}

#[test]
fn scripts_are_put_together_of_their_lines() {
    assert_eq!(one("action: 'aws:runShellScript', inputs: {runCommand: [b, c]}"), ["sh b; c"]);
    assert_eq!(one("action: 'aws:runPowerShellScript', inputs: {runCommand: [b]}"), ["powershell b"]);
    assert_eq!(one("action: 'aws:runShellScript', inputs: {runCommand: b}"), ["sh b"]);
    assert_eq!(
        one("action: 'aws:runShellScript', inputs: {workingDirectory: /opt, runCommand: [b]}"),
        ["sh cd '/opt'; b"]
    );
    let named = "action: 'aws:runShellScript', inputs: {workingDirectory: /opt, runCommand: ['#!/bin/bash', b]}";
    assert_eq!(one(named), ["sh #!/bin/bash; cd '/opt'; b"]);
    assert_eq!(one("action: 'aws:runShellScript', inputs: {}"), ["sh unknown"]);
}

#[test]
fn parameters_are_filled_in_with_what_is_given_and_else_with_their_defaults() {
    let script = |line: &str| one(&format!("action: 'aws:runShellScript', inputs: {{runCommand: {line}}}")).remove(0);
    assert_eq!(script("['b {{ A }} {{A}}']"), "sh b a a");
    assert_eq!(script("['b {{ Free }}']"), "sh b <?>");
    assert_eq!(script("'{{ L }}'"), "sh x; y");
    assert_eq!(script("['{{ L }}', z]"), "sh x; y; z");
    assert_eq!(script("'{{ Free }}'"), "sh unknown");
    assert_eq!(script("['b {{ ssm:/a/b }} {{ step.Output }}']"), "sh b <?> <?>");
    assert_eq!(script("['b {{ other }} {{.State}} {{']"), "sh b {{ other }} {{.State}} {{");
    let document = with_steps(
        "- {name: s, action: 'aws:runShellScript', inputs: {runCommand: ['{{ A }} {{ Free }}', '{{ L }}']}}\n",
    );
    let given: [(&str, &[&str]); 3] = [("A", &["1"]), ("Free", &["2"]), ("L", &["3", "4"])];
    assert_eq!(steps_given(&document, &given), ["sh 1 2; 3; 4"]);
}

#[test]
fn conditions_on_the_platform_are_decided_by_the_action() {
    let shell = |condition: &str| {
        one(&format!("action: 'aws:runShellScript', precondition: {condition}, inputs: {{runCommand: [b]}}"))
    };
    assert_eq!(shell("{StringEquals: [platformType, Linux]}"), ["sh b"]);
    assert_eq!(shell("{StringEquals: [Windows, platformType]}"), Vec::<String>::new());
    assert_eq!(shell("{StringEquals: ['{{ A }}', a]}"), ["sh b"]);
    assert_eq!(shell("{StringEquals: ['{{ A }}', b]}"), Vec::<String>::new());
    let open = ["opaque a step under a condition that is not known"];
    assert_eq!(shell("{StringEquals: ['{{ Free }}', b]}"), open);
    assert_eq!(shell("{Else: [a]}"), open);
}

#[test]
fn other_actions_are_packages_unknown_or_nothing() {
    for (step, expected) in [
        (
            "action: 'aws:configurePackage', inputs: {action: Install, name: AmazonCloudWatchAgent}",
            "package amazon-cloudwatch-agent",
        ),
        ("action: 'aws:configurePackage', inputs: {action: Install, name: other}", "package other"),
        ("action: 'aws:configurePackage', inputs: {action: Uninstall, name: other}", ""),
        (
            "action: 'aws:applications', inputs: {action: Install, source: 'https://example.com/a.msi'}",
            "package https://example.com/a.msi",
        ),
        ("action: 'aws:downloadContent', inputs: {sourceType: S3}", "opaque the action `aws:downloadContent`"),
        ("action: 'aws:softwareInventory', inputs: {}", ""),
        ("action: 'aws:executeAwsApi', inputs: {Service: ec2}", ""),
        (
            "action: 'aws:runCommand', inputs: {DocumentName: AWS-RunShellScript, Parameters: {commands: ['b {{ A }}']}}",
            "sh b a",
        ),
        (
            "action: 'aws:runCommand', inputs: {DocumentName: AWS-RunShellScript, Parameters: {commands: '{{ L }}', workingDirectory: /w}}",
            "sh cd '/w'; x; y",
        ),
        ("action: 'aws:runCommand', inputs: {DocumentName: AWS-RunShellScript}", "sh unknown"),
        ("action: 'aws:runCommand', inputs: {DocumentName: AWS-UpdateSSMAgent}", ""),
        ("action: 'aws:runCommand', inputs: {DocumentName: mine}", "opaque the document `mine`"),
    ] {
        assert_eq!(one(step).first().map_or("", String::as_str), expected, "{step}");
    }
}

#[test]
fn the_older_form_names_actions_by_their_keys() {
    let source = "{\"schemaVersion\": \"1.2\", \"parameters\": {\"c\": {\"type\": \"StringList\"}}, \"runtimeConfig\": \
                  {\"aws:runShellScript\": {\"properties\": [{\"id\": \"0\", \"runCommand\": \"{{ c }}\"}]}}}";
    assert_eq!(steps_given(source, &[("c", &["a", "b"])]), ["sh a; b"]);
    let one = source.replace("[{", "{").replace("}]", "}");
    assert_eq!(steps_given(&one, &[("c", &["a"])]), ["sh a"]);
}

#[test]
fn what_is_no_document_is_nothing() {
    for source in ["", "a: 1", "schemaVersion: '1.0'\nsessionType: Port\n", "schemaVersion: '2.2'\nmainSteps: 1\n"] {
        assert_eq!(steps(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn references_that_grow_are_bounded() {
    let long = "x".repeat(100_000);
    let lines = "'{{ A }}', ".repeat(2_000);
    let source = format!(
        "schemaVersion: '2.2'\nparameters: {{A: {{type: String, default: {long}}}}}\nmainSteps:\n- {{name: s, action: \
         'aws:runShellScript', inputs: {{runCommand: [{lines} b]}}}}\n"
    );
    assert_eq!(steps(&source), ["sh unknown"]);
}

#[test]
fn calls_that_switch_endpoints_become_commands() {
    let call = |inputs: &str| one(&format!("action: 'aws:executeAwsApi', inputs: {{{inputs}}}"));
    assert_eq!(
        call("Service: ec2, Api: ModifyInstanceMetadataOptions, InstanceId: '{{ Free }}', HttpEndpoint: disabled"),
        ["sh aws ec2 modify-instance-metadata-options --instance-id '<?>' --http-endpoint 'disabled'"]
    );
    assert_eq!(
        call("Service: EC2, Api: ModifyInstanceMetadataDefaults, HttpEndpoint: '{{ A }}', HttpTokens: required"),
        ["sh aws ec2 modify-instance-metadata-defaults --http-endpoint 'a' --http-tokens 'required'"]
    );
    for other in ["Service: ec2, Api: StopInstances", "Service: ssm, Api: ModifyInstanceMetadataOptions", "Api: a", ""]
    {
        assert_eq!(call(other), [""; 0], "{other}");
    }
}
