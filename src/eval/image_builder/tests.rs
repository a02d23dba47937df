//! What documents and recipes come to, written as one line for each step.

use proptest::prelude::*;

use super::*;
use crate::eval::{BuildStepKind, Interpreter, ValueKind};
use crate::finding::Place;
use crate::source::{FileId, PieceKind};

/// The value as it is written; what is not known stands as its reason between angle brackets.
fn shown(value: &Value) -> String {
    let ValueKind::String(text) = &value.kind else { return "?".into() };
    let mut shown = String::new();
    let mut start = 0;
    for piece in text.pieces() {
        match &piece.kind {
            PieceKind::Hole(reason) => shown.extend(["<", reason, ">"]),
            _ => shown.push_str(&text.as_str()[start..start + piece.length]),
        }
        start += piece.length;
    }
    shown
}

fn line(kind: &BuildStepKind) -> String {
    match kind {
        BuildStepKind::Script { text, interpreter, .. } => {
            let name = match interpreter {
                Interpreter::FirstLine => "sh",
                Interpreter::PowerShell => "ps",
                Interpreter::Batch => "cmd",
            };
            format!("{name}: {}", shown(text))
        }
        BuildStepKind::File { content, destination } => format!("file {}: {}", shown(destination), shown(content)),
        BuildStepKind::Removal(paths) => format!("remove {}", paths.iter().map(shown).collect::<Vec<_>>().join(" ")),
        BuildStepKind::Package(package) => format!("package {}", shown(package)),
        BuildStepKind::Restart => "restart".into(),
        BuildStepKind::Opaque(name) => format!("opaque {name}"),
    }
}

fn read_document(source: &str) -> (SourceFile, Components) {
    let file = SourceFile::new(FileId(0), "component.yml", source.into());
    let read = document(&file, &Limits::default());
    (file, read)
}

fn steps(source: &str) -> Vec<String> {
    let (_, read) = read_document(source);
    assert_eq!(read.problems, []);
    read.builds[0].steps.iter().map(|step| line(&step.kind)).collect()
}

/// The problems, each with the text that it points at.
fn problems(source: &str) -> Vec<(String, String)> {
    let (file, read) = read_document(source);
    let problem = |problem: &Problem| {
        let Place::Span(span) = problem.place else { panic!("it has a place") };
        (file.slice(span).to_owned(), problem.message.clone())
    };
    read.problems.iter().map(problem).collect()
}

/// A document with one phase `build` of these steps.
fn building(steps: &str) -> String {
    let indented: String = steps.lines().flat_map(|line| ["      ", line, "\n"]).collect();
    format!("name: test\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n{indented}")
}

#[test]
fn commands_of_a_step_are_one_script_and_point_at_their_lines() {
    let source = building(
        "- name: One\n  action: ExecuteBash\n  inputs:\n    commands:\n      - echo a\n      - |\n        echo b\n        echo c",
    );
    assert_eq!(steps(&source), ["sh: echo a\necho b\necho c\n\n"]);
    let (file, read) = read_document(&source);
    let step = &read.builds[0].steps[0];
    assert_eq!(file.slice(step.header), "name: One");
    let BuildStepKind::Script { text, .. } = &step.kind else { panic!("it is a script") };
    let ValueKind::String(text) = &text.kind else { panic!("it is known") };
    let at = text.as_str().find("echo c").unwrap();
    let span = text.span_of(at..at + 6).unwrap();
    assert_eq!((file.slice(span), span.start as usize), ("echo c", file.text().find("echo c").unwrap()));
}

#[test]
fn phases_before_the_image_is_taken_count_in_the_order_of_the_document() {
    let phase = |name: &str| {
        format!(
            "  - name: {name}\n    steps:\n      - action: ExecuteBash\n        inputs:\n          commands: [echo {name}]\n"
        )
    };
    let phases = ["test", "validate", "container-host-test", "build"].map(phase).concat();
    let source = format!("schemaVersion: 1.0\nphases:\n{phases}");
    assert_eq!(steps(&source), ["sh: echo validate\n", "sh: echo build\n"]);
}

#[test]
fn modules_become_what_they_do_to_the_machine() {
    for (module, expected) in [
        ("ExecuteBash\n  inputs: {commands: echo a}", "sh: echo a\n"),
        ("ExecutePowerShell\n  inputs: {commands: [Get-Host]}", "ps: Get-Host\n"),
        ("ExecutePowerShell\n  inputs: {file: 'C:\\a b.ps1'}", "ps: & 'C:\\a b.ps1'"),
        ("ExecuteBinary\n  inputs: {path: /a, arguments: ['-b', \"it's\"]}", "sh: '/a' '-b' 'it'\\''s'"),
        ("ExecuteBinary\n  inputs: {path: 'C:\\a.exe', arguments: [\"it's\"]}", "ps: & 'C:\\a.exe' 'it''s'"),
        ("ExecuteDocument\n  inputs: {document: s3://b/a.yml}", "opaque the component document `s3://b/a.yml`"),
        (
            "ExecuteDocument\n  inputs: {document: 'arn:aws:imagebuilder:eu-west-1:aws:component/reboot-linux/1.0.1/1'}",
            "restart",
        ),
        ("CreateFile\n  inputs: [{path: /a, content: b}]", "file /a: b"),
        ("CreateFile\n  inputs: [{path: /a}]", "file /a: "),
        ("AppendFile\n  inputs: [{path: /a, content: b}]", "sh: printf '%s' 'b' >> '/a'"),
        ("AppendFile\n  inputs: [{path: 'C:\\a', content: b}]", "ps: Add-Content -NoNewline -Path 'C:\\a' -Value 'b'"),
        ("CopyFile\n  inputs: [{source: '/a/*', destination: /b/}]", "sh: cp '/a/'*'' '/b/'"),
        ("MoveFolder\n  inputs: [{source: 'C:\\a', destination: 'D:\\'}]", "ps: Move-Item 'C:\\a' 'D:\\'"),
        ("CreateFolder\n  inputs: [{path: /a}]", "sh: mkdir -p '/a'"),
        ("CreateSymlink\n  inputs: [{path: /a, target: /b, force: true}]", "sh: ln -sf '/b' '/a'"),
        ("DeleteFile\n  inputs: [{path: '/a/*'}]", "remove /a/*"),
        ("DeleteFolder\n  inputs: [{path: /a, force: true}]", "remove /a"),
        (
            "S3Download\n  inputs: [{source: s3://b/c.sh, destination: /a/}]",
            "file /a/c.sh: <downloaded from s3://b/c.sh>",
        ),
        ("WebDownload\n  inputs: [{source: 'https://b/c', destination: /a}]", "file /a: <downloaded from https://b/c>"),
        ("InstallMSI\n  inputs: {path: 'C:\\a.msi'}", "package C:\\a.msi"),
        ("UninstallMSI\n  inputs: {path: 'C:\\a.msi'}", "ps: msiexec /quiet /x 'C:\\a.msi'"),
        ("Reboot", "restart"),
        (
            "SetRegistry\n  inputs: [{path: 'HKLM:\\A', name: b, value: 1, type: DWORD}]",
            "ps: Set-ItemProperty -Path 'HKLM:\\A' -Name 'b' -Value '1'",
        ),
        ("Unheard", "opaque Unheard"),
    ] {
        assert_eq!(steps(&building(&format!("- name: one\n  action: {module}"))), [expected], "{module}");
    }
}

#[test]
fn modules_that_leave_the_machine_as_it_is_are_no_steps() {
    for module in ["UpdateOS", "Assert", "ReadFile", "S3Upload", "SetFilePermissions"] {
        assert_eq!(steps(&building(&format!("- action: {module}\n  inputs: [{{path: /a}}]"))), [""; 0], "{module}");
    }
}

#[test]
fn a_forced_restart_follows_the_installation() {
    let source = building("- action: InstallMSI\n  inputs: {path: a.msi, reboot: Force}");
    assert_eq!(steps(&source), ["package a.msi", "restart"]);
}

#[test]
fn references_are_filled_in() {
    let declared = "parameters:\n  - Version: {type: string, default: '1.2'}\n  - Open: {type: string}\nconstants:\n  - Name: {type: string, value: agent}\n";
    let commands = |commands: &str| {
        let first = "- name: Get\n  action: WebDownload\n  inputs:\n    - source: https://a/{{ Name }}.sh\n      destination: /tmp/{{Name}}.sh\n- name: Fail\n  action: ExecuteBash\n  inputs: {commands: [echo 1]}\n";
        let second = format!("- name: Use\n  action: ExecuteBash\n  inputs:\n    commands:\n      - {commands}");
        let steps = steps(&format!("{declared}{}", building(&format!("{first}{second}"))));
        assert_eq!(steps[0], "file /tmp/agent.sh: <downloaded from https://a/agent.sh>");
        steps[2].clone()
    };
    for (written, expected) in [
        ("install {{ Name }}-{{Version}}", "sh: install agent-1.2\n"),
        ("'{{ Name}}{{Name }}'", "sh: agentagent\n"),
        ("echo {{ Open }}", "sh: echo <`Open` has no value in this workspace>\n"),
        ("echo {{ Other }}", "sh: echo <the document declares no `Other`>\n"),
        ("sh {{ build.Get.inputs[0].destination }}", "sh: sh /tmp/agent.sh\n"),
        ("sh {{ build.Get.inputs.destination }}", "sh: sh /tmp/agent.sh\n"),
        (
            "sh {{ build.Get.inputs[1].destination }}",
            "sh: sh <`build.Get.inputs[1].destination` is no input of that step>\n",
        ),
        ("echo {{ build.Get.outputs.stdout }}", "sh: echo <`build.Get.outputs.stdout` is known only when it runs>\n"),
        ("sh {{ build.Get.outputs[0].destination }}", "sh: sh /tmp/agent.sh\n"),
        ("echo {{ build.Get[0].outputs.x }}", "sh: echo <`build.Get[0].outputs.x` is known only when it runs>\n"),
        ("docker ps --format {{.Names}}", "sh: docker ps --format {{.Names}}\n"),
        ("echo {{ a b }} {{ x.y }} {{", "sh: echo {{ a b }} {{ x.y }} {{\n"),
        ("echo {{ loop.value }}", "sh: echo {{ loop.value }}\n"),
    ] {
        assert_eq!(commands(written), expected, "{written}");
    }
}

#[test]
fn a_file_whose_path_only_a_step_knows_is_the_same_file_wherever_it_is_named() {
    let source = building(
        "- name: Path\n  action: ExecutePowerShell\n  inputs: {commands: [Join-Path $env:TEMP agent.msi]}\n\
         - name: Get\n  action: WebDownload\n  inputs: [{source: 'https://a/agent.msi', destination: '{{build.Path.outputs.stdout}}'}]\n\
         - name: Install\n  action: InstallMSI\n  inputs: {path: '{{ build.Path.outputs.stdout }}'}",
    );
    let expected =
        ["file build.Path.outputs.stdout: <downloaded from https://a/agent.msi>", "package build.Path.outputs.stdout"];
    assert_eq!(steps(&source)[1..], expected);
}

#[test]
fn a_default_takes_its_step_along() {
    let source = format!(
        "parameters:\n  - Name: {{type: string, default: agent}}\n{}",
        building("- action: ExecuteBash\n  inputs: {commands: ['echo {{ Name }}']}")
    );
    let (file, read) = read_document(&source);
    let BuildStepKind::Script { text, .. } = &read.builds[0].steps[0].kind else { panic!("it is a script") };
    let ValueKind::String(text) = &text.kind else { panic!("it is known") };
    let (piece, span) = text.origin_of(5).unwrap();
    assert_eq!(file.slice(piece.span), "agent");
    assert_eq!(file.slice(span), "a");
    assert_eq!(piece.trail.steps()[0].to_string(), "the default of `Name`");
}

#[test]
fn inputs_that_refer_to_each_other_come_to_an_end() {
    let source = building(
        "- name: a\n  action: ExecuteBash\n  inputs: {commands: ['{{ build.b.inputs.commands[0] }}']}\n\
         - name: b\n  action: ExecuteBash\n  inputs: {commands: ['{{ build.a.inputs.commands[0] }}x']}",
    );
    assert_eq!(steps(&source)[0], "sh: <`build.b.inputs.commands[0]` is no input of that step>xxxx\n");
}

#[test]
fn loops_run_once_for_each_value() {
    let looped = |of: &str| {
        steps(&building(&format!(
            "- action: ExecuteBash\n  loop:\n    name: each\n{of}\n  inputs: {{commands: ['{{{{ loop.index }}}}{{{{ each.value }}}}']}}"
        )))
    };
    assert_eq!(looped("    forEach: [a, b]"), ["sh: 0a\n", "sh: 1b\n"]);
    assert_eq!(looped("    forEach: {list: 'a,b'}"), ["sh: 0a\n", "sh: 1b\n"]);
    assert_eq!(looped("    forEach: {list: \"a\\nb\", delimiter: \"\\n\"}"), ["sh: 0a\n", "sh: 1b\n"]);
    assert_eq!(looped("    for: {start: 3, end: 1, updateBy: -2}"), ["sh: 03\n", "sh: 11\n"]);
    let open = "sh: <the values of the loop are not known><the values of the loop are not known>\n";
    assert_eq!(looped("    forEach: {list: '{{ build.x.outputs.stdout }}{{ Open }}'}"), [open]);
    assert_eq!(looped("    for: {start: 1, end: 1000000000, updateBy: 1}"), [open]);
    assert_eq!(looped("    for: {start: 1, end: 2, updateBy: 0}"), [""; 0]);
    assert_eq!(looped("    other: 1"), [open]);
}

#[test]
fn a_condition_that_is_known_decides() {
    let runs = |condition: &str| {
        let source = building(&format!("- action: Reboot\n  if:\n{condition}"));
        !steps(&format!("parameters:\n  - Stage: {{type: string, default: Live}}\n{source}")).is_empty()
    };
    for (condition, expected) in [
        ("    stringEquals: live\n    value: '{{ Stage }}'", true),
        ("    stringEquals: test\n    value: '{{ Stage }}'", false),
        ("    - stringEquals: test\n      value: '{{ Stage }}'\n      else: Execute", true),
        ("    stringEquals: live\n    value: '{{ Stage }}'\n    then: Skip", false),
        ("    not:\n      stringIsEmpty: '{{ Stage }}'", true),
        ("    stringIsWhitespace: ''", false),
        ("    numberEquals: 1\n    value: '1.0'", true),
        ("    and:\n      - binaryExists: yum\n      - stringIsEmpty: a", false),
        ("    and:\n      - binaryExists: yum\n      - stringIsEmpty: ''", true),
        ("    or:\n      - stringIsEmpty: a\n      - stringIsEmpty: b", false),
        ("    binaryExists: yum", true),
        ("    binaryExists: yum\n    then: Skip", false),
        ("    []", true),
        ("    stringEquals: '{{ loop.value }}'\n    value: a", true),
        ("    x", true),
    ] {
        assert_eq!(runs(condition), expected, "{condition}");
    }
}

#[test]
fn faults_have_a_place() {
    assert_eq!(problems("schemaVersion: 1.0\n")[0].0, "schemaVersion: 1.0\n");
    for (source, place, message) in [
        ("schemaVersion: 1.0\nphases: build\n", "build", "must be a list"),
        ("schemaVersion: 1.0\nphases:\n  - steps: []\n", "steps: []", "no `name`"),
        ("schemaVersion: 1.0\nphases:\n  - name: build\n", "name: build", "no list of `steps`"),
        (&building("- name: a"), "name: a", "no `action`"),
        (&building("- name: a\n  action: ExecuteBash"), "name: a", "no `inputs`"),
        (&building("- name: a\n  action: CreateFile\n  inputs: [{content: b}]"), "name: a", "no `path`"),
    ] {
        let problems = problems(source);
        assert_eq!(problems.len(), 1, "{source}");
        assert_eq!(problems[0].0, place);
        assert!(problems[0].1.contains(message), "{}", problems[0].1);
    }
}

#[test]
fn hostile_documents_come_to_an_end() {
    let limits = Limits { instances: 50, built_bytes: 10_000, ..Limits::default() };
    let long = "x".repeat(3_000);
    let values = vec!["a"; 90].join(",");
    for source in [
        building(&format!("- action: Reboot\n  loop: {{forEach: [{values}]}}")),
        building(&format!("- action: ExecuteBash\n  inputs: {{commands: ['{}']}}", "{{a}}".repeat(5_000))),
        format!(
            "parameters: [{{Long: {{default: {long}}}}}]\n{}",
            building("- action: ExecuteBash\n  inputs: {commands: ['{{Long}}{{Long}}{{Long}}{{Long}}']}")
        ),
        building(&format!("- action: ExecuteBash\n  inputs: {{commands: ['{}}}}}']}}", "{{".repeat(1_000))),
        building(
            &(0..9)
                .map(|step| {
                    let input = format!("{{{{ build.s{}.inputs.commands }}}}", step + 1).repeat(40);
                    format!("- name: s{step}\n  action: ExecuteBash\n  inputs: {{commands: '{input}'}}\n")
                })
                .collect::<Vec<_>>()
                .concat(),
        ),
        "schemaVersion: 1\nphases: &a [*a]\n".to_owned(),
        "schemaVersion: 1\nphases: [[[[{".to_owned(),
        "\u{feff}{\"schemaVersion\": 1, \"phases\": [1, null, {\"name\": \"build\", \"steps\": [1, {}]}]}".to_owned(),
        String::new(),
    ] {
        let file = SourceFile::new(FileId(0), "component.yml", source.clone().into_bytes());
        let read = document(&file, &limits);
        assert!(read.builds.iter().all(|build| build.steps.len() <= 51), "{source}");
        let bytes: usize = read.builds.iter().flat_map(|build| &build.steps).map(|step| line(&step.kind).len()).sum();
        assert!(bytes < 40_000, "{source}");
    }
}

/// A document with about everything in it.
const SAMPLE: &str = "name: all\nschemaVersion: 1.0\nparameters:\n  - Name: {type: string, default: a}\nconstants:\n  \
    - Path: {type: string, value: '/tmp/{{ Name }}'}\nphases:\n  - name: build\n    steps:\n      - name: One\n        \
    action: ExecuteBash\n        if: {stringEquals: a, value: '{{ Name }}'}\n        loop: {forEach: [x, y]}\n        \
    inputs:\n          commands:\n            - |\n              echo {{ loop.value }}\n              {{Path}}\n      \
    - name: Two\n        action: WebDownload\n        inputs:\n          - source: https://a/{{ Name }}\n            \
    destination: '{{ build.One.outputs.stdout }}'\n      - action: DeleteFile\n        \
    inputs: [{path: \"{{ build.Two.inputs[0].destination }}\"}]\n";

proptest! {
    #[test]
    fn no_change_of_a_document_makes_a_panic_or_a_place_outside(at in 0..SAMPLE.len(), length in 0..20_usize, new in ".{0,12}") {
        let end = (at + length).min(SAMPLE.len());
        let source = format!("{}{new}{}", &SAMPLE[..at], &SAMPLE[end..]);
        let (file, read) = read_document(&source);
        let steps = read.builds.iter().flat_map(|build| &build.steps).map(|step| step.header);
        let problems = read.problems.iter().filter_map(|problem| match problem.place {
            Place::Span(span) => Some(span),
            Place::Path(_) => None,
        });
        for span in steps.chain(problems) {
            prop_assert!(file.text().get(span.range()).is_some(), "{span:?} in {source}");
        }
    }
}
