//! Forms of Packer templates that real repositories use: which builds they are, and what is done in each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fmt::Write as _;

use imdslint::assess::Asked;
use imdslint::engine::{self, Analysis, Configuration, Input, Variables};
use imdslint::eval::{BuildStepKind, Interpreter, Language, Value, ValueKind};
use imdslint::model::Image;
use imdslint::source::{HOLE, Limits};
use support::Project;

fn analyse_with(project: &Project, adapt: impl FnOnce(&mut Input)) -> Analysis {
    let mut input = Input {
        paths: vec![project.path("")],
        root: Some(project.path("")),
        configuration: Configuration::None,
        ..Input::default()
    };
    adapt(&mut input);
    engine::analyse(&input, Asked::Nobody).unwrap()
}

fn analyse(files: &[(&str, &str)]) -> Analysis {
    analyse_with(&Project::new(files), |_| {})
}

/// The images in the order of their addresses, which says nothing about that of the source.
fn images(analysis: &Analysis) -> Vec<&Image> {
    analysis.assessments.images.iter().map(|assessment| &assessment.image).collect()
}

/// What is written of the machine of each build.
fn machines(files: &[(&str, &str)]) -> Vec<String> {
    images(&analyse(files)).iter().map(|image| shown(&image.machine)).collect()
}

/// A value in short: `?` for what is not known, `|` between alternatives.
fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::Null => "null".into(),
        ValueKind::Bool(value) => value.to_string(),
        ValueKind::Number(value) => value.to_string(),
        ValueKind::String(text) => text.as_str().replace(HOLE, "?").replace('\n', "\\n"),
        ValueKind::List(values) | ValueKind::Set(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Map(map) => {
            let entries = map.entries.iter().map(|(key, value)| format!("{key}: {}", shown(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        ValueKind::OneOf(values) => values.iter().map(shown).collect::<Vec<_>>().join(" | "),
        ValueKind::Unknown(_) => "?".into(),
    }
}

/// All builds: a line for each, and an indented one for each of its steps. Packer's own variables are left out.
fn shown_builds(analysis: &Analysis) -> String {
    let mut all = String::new();
    for image in images(analysis) {
        assert_eq!(image.language, Language::Packer);
        writeln!(all, "{}: {}", image.subject.project, image.subject.address).unwrap();
        for step in &image.steps {
            let line = match &step.kind {
                BuildStepKind::Script { text, interpreter, environment } => {
                    let interpreter = match interpreter {
                        Interpreter::FirstLine => "script",
                        Interpreter::PowerShell => "powershell",
                        Interpreter::Batch => "batch",
                    };
                    let own = environment.iter().filter(|(name, _)| !name.starts_with("PACKER_"));
                    let environment: Vec<_> = own.map(|(name, value)| format!(" {name}={}", shown(value))).collect();
                    format!("{interpreter}{}: {}", environment.concat(), shown(text))
                }
                BuildStepKind::File { content, destination } => {
                    format!("file {}: {}", shown(destination), shown(content))
                }
                BuildStepKind::Restart => "restart".into(),
                BuildStepKind::Opaque(title) => format!("opaque {title}"),
                kind => format!("{kind:?}"),
            };
            writeln!(all, "  {line}").unwrap();
        }
    }
    all
}

fn problems(analysis: &Analysis) -> Vec<String> {
    analysis.problems.iter().map(|problem| problem.message.clone()).collect()
}

/// Checks that `files` give the builds `expected`, indented as one likes, and no problem.
#[track_caller]
fn assert_builds(files: &[(&str, &str)], expected: &str) {
    let analysis = analyse(files);
    assert_eq!(problems(&analysis), Vec::<String>::new());
    let lines = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&shown_builds(&analysis)), lines(expected));
}

const SOURCE: &str = "source \"amazon-ebs\" \"web\" {\n  region = \"eu-west-1\"\n}\n";

/// A folder with one source and a build of it that holds `body`.
fn build_of(body: &str) -> String {
    format!("{SOURCE}build {{\n  sources = [\"source.amazon-ebs.web\"]\n{body}\n}}\n")
}

#[test]
fn inline_commands_are_one_script_under_their_first_line() {
    let text = build_of(
        r##"
        provisioner "shell" {
          environment_vars = ["A=1", "B=x=y", "NAME=${source.name}-${build.name}-${build.ID}"]
          env              = { C = "2" }
          inline           = ["echo one", "echo ${source.type}", "echo {{ build `ID` }}"]
        }
        provisioner "shell" {
          inline_shebang = "/bin/bash -eux"
          inline         = ["true"]
        }
        provisioner "shell" { inline = ["#!/usr/bin/python3", "print()"] }
        provisioner "powershell" { inline = ["Get-Service", "exit 0"] }
        provisioner "windows-shell" { inline = ["dir"] }
        provisioner "windows-restart" {}
        "##,
    );
    assert_builds(
        &[("packer/web.pkr.hcl", &text)],
        r"
        packer: amazon-ebs.web
          script A=1 B=x=y NAME=web--? C=2: #!/bin/sh -e\necho one\necho amazon-ebs\necho ?\n
          script: #!/bin/bash -eux\ntrue\n
          script: #!/usr/bin/python3\nprint()\n
          powershell: Get-Service\nexit 0\n
          batch: dir\n
          restart
        ",
    );
}

#[test]
fn packer_tells_scripts_which_build_they_are_part_of() {
    let text = build_of("provisioner \"shell\" { inline = [] }\n");
    let analysis = analyse(&[("web.pkr.hcl", &text)]);
    let BuildStepKind::Script { environment, .. } = &images(&analysis)[0].steps[0].kind else { panic!("a script") };
    let environment: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
    assert_eq!(environment, ["PACKER_BUILD_NAME=web", "PACKER_BUILDER_TYPE=amazon-ebs"]);
}

#[test]
fn scripts_are_looked_for_from_the_folder_of_the_template_upwards() {
    let text = build_of(
        r#"
        provisioner "shell" { script = "a.sh" }
        provisioner "shell" { scripts = ["${path.root}/../scripts/b.sh", "scripts/b.sh", "./images/a.sh"] }
        provisioner "powershell" { script = "${path.cwd}/scripts/c.ps1" }
        "#,
    );
    assert_builds(
        &[
            ("images/web.pkr.hcl", &text),
            ("images/a.sh", "#!/bin/sh\r\necho a\r\n"),
            ("scripts/b.sh", "echo b\n"),
            ("scripts/c.ps1", "echo c\r\n"),
        ],
        "
        images: amazon-ebs.web
          script: #!/bin/sh\\necho a\\n
          script: echo b\\n
          script: echo b\\n
          script: #!/bin/sh\\necho a\\n
          powershell: echo c\r\\n
        ",
    );
}

#[test]
fn a_finding_in_a_script_would_land_on_its_line() {
    let text =
        build_of("provisioner \"shell\" {\n script = \"a.sh\"\n execute_command = \"bash -eux '{{.Path}}'\"\n}\n");
    let project = Project::new(&[("web.pkr.hcl", &text), ("a.sh", "#!/bin/sh\necho a\n")]);
    let analysis = analyse_with(&project, |_| {});
    let BuildStepKind::Script { text, .. } = &images(&analysis)[0].steps[0].kind else { panic!("a script") };
    let ValueKind::String(text) = &text.kind else { panic!("a text") };
    assert_eq!(text.as_str(), "#!/bin/bash -eux\necho a\n");
    let place = text.span_of(17..21).unwrap();
    let file = analysis.workspace.source(place.file);
    assert_eq!((&*file.path, file.slice(place)), ("a.sh", "echo"));
}

#[test]
fn what_runs_a_script_may_be_said_by_its_command() {
    let text = build_of(
        r#"
        provisioner "shell" {
          execute_command = "sudo sh -c '{{ .Vars }} {{ .Path }}'"
          inline = ["a"]
        }
        provisioner "shell" {
          execute_command = "echo x | {{.Vars}} sudo -S -E bash '{{ .Path }}'"
          inline = ["b"]
        }
        provisioner "shell" {
          execute_command = "sudo pwsh -f {{.Path}}"
          script = "c.ps1"
        }
        "#,
    );
    assert_builds(
        &[("web.pkr.hcl", &text), ("c.ps1", "c")],
        r"
        : amazon-ebs.web
          script: #!/bin/sh -e\na\n
          script: #!/bin/bash\nb\n
          powershell: #!/bin/sh
        "
        .replace("powershell: #!/bin/sh", "powershell: c")
        .as_str(),
    );
}

#[test]
fn values_come_from_variables_locals_and_the_files_that_are_read_by_themselves() {
    let variables = r#"
        variable "os" { default = "ubuntu" }
        variable "given" { type = string }
        variables {
          one = 1
          two = "${env("HOME")}"
        }
        local "single" { expression = "single-${var.os}" }
        locals {
          scripts = [for name in ["a", "b"] : "${path.root}/${name}.sh"]
          now     = formatdate("YYYY", timestamp())
          list    = convert(["${file("${path.cwd}/above/x")}"], set(string))
        }
    "#;
    let text = build_of(
        r#"
        provisioner "shell" { scripts = local.scripts }
        provisioner "shell" { inline = ["${var.given} ${local.single} ${var.one} ${var.two} ${local.now} ${packer.version}"] }
        provisioner "shell" { inline = local.list }
        provisioner "shell" { inline = ["echo ${data.amazon-ami.base.id}"] }
        "#,
    ) + "data \"amazon-ami\" \"base\" {\n  owners = [\"self\"]\n}\n";
    assert_builds(
        &[
            ("p/variables.pkr.hcl", variables),
            ("p/web.pkr.hcl", &text),
            ("p/x.auto.pkrvars.hcl", "given = \"given\"\n"),
            ("p/a.sh", "a"),
            ("p/b.sh", "b"),
            ("above/x", "x"),
        ],
        r"
        p: amazon-ebs.web
          script: a
          script: b
          script: #!/bin/sh -e\ngiven single-ubuntu 1 ? ? ?\n
          script: #!/bin/sh -e\nx\n
          script: #!/bin/sh -e\necho ?\n
        ",
    );
}

#[test]
fn functions_are_those_of_packer() {
    let machine = |expression: &str| {
        let source = format!(
            "source \"amazon-ebs\" \"web\" {{\n  ami_name = {expression}\n}}\nbuild {{\n  sources = [\"amazon-ebs.web\"]\n}}\n"
        );
        let analysis = analyse(&[("a.pkr.hcl", &source)]);
        (images(&analysis).iter().map(|image| shown(&image.machine)).collect::<String>(), problems(&analysis))
    };
    for (expression, expected) in [
        ("replace(\"a/b/c\", \"/b/\", \"-\")", "a-c"),
        ("regex_replace(\"a1b22\", \"[0-9]+\", \"-\")", "a-b-"),
        ("regex_replace(\"ab\", \"(a)(b)\", \"$2$1\")", "ba"),
        ("convert(\"1\", number)", "1"),
        ("strrev(\"ab\")", "ba"),
        ("legacy_isotime(\"2006\")", "?"),
        ("legacy_strftime(\"%Y\")", "?"),
        ("vault(\"a\", \"b\")", "?"),
        ("consul_key(\"a\")", "?"),
        ("aws_secretsmanager(\"a\", \"b\")", "?"),
        ("aws_secretsmanager_raw(\"a\")", "?"),
        ("uuidv4()", "?"),
        ("timestamp()", "?"),
        ("rfc3339_parse(\"2026-01-02T03:04:05Z\").year", "?"),
        ("unix_timestamp_parse(0).year", "?"),
        ("packer.version", "?"),
        ("build.ID", "?"),
        ("\"${build.name}/${source.type}.${source.name}\"", "/amazon-ebs.web"),
        ("\"{{ build_name }}-{{ build_type | upper }}-{{ timestamp }}\"", "web-AMAZON-EBS-?"),
        ("try(tostring(1), \"none\")", "none"),
    ] {
        assert_eq!(machine(expression), (format!("{{ami_name: {expected}}}"), Vec::new()), "{expression}");
    }
    for (expression, message) in [
        ("tostring(1)", "Packer has no function `tostring`, only Terraform has; `convert` does this"),
        ("sensitive(\"a\")", "Packer has no function `sensitive`"),
        ("filemd5(\"a\")", "Packer has no function `filemd5`"),
    ] {
        let source = build_of(&format!("provisioner \"shell\" {{ inline = [{expression}] }}\n"));
        let problems = problems(&analyse(&[("a.pkr.hcl", &source)]));
        assert!(problems.len() == 1 && problems[0].contains(message), "{problems:?}");
    }
}

#[test]
fn actions_in_the_older_form_are_pipelines() {
    let template = r#"{
  "variables": {"name": "web", "long": "{{ user `name` | upper }}-{{ env `STAGE` }}", "sudo": "sudo -E"},
  "builders": [{"type": "amazon-ebs", "name": "b", "ami_name": "{{ user `long` | lower }}", "ami_description": "{{ replace_all `-` `_` `a-b` }}"}],
  "provisioners": [
    {"type": "shell", "inline": ["systemctl start {{ user `name` }}-{{ build_name }}"], "execute_command": "{{ .Vars }} {{ user `sudo` }} bash -x {{ .Path }}"}
  ]
}
"#;
    let files = [("a.json", template)];
    assert_eq!(machines(&files), ["{ami_description: a_b, ami_name: web-?, name: b, type: amazon-ebs}"]);
    assert_builds(&files, "a.json: b\n  script: #!/bin/bash -x\\nsystemctl start web-b\\n\n");
}

#[test]
fn other_variables_files_are_alternatives_unless_the_command_line_chooses() {
    let text = build_of(
        r#"
        provisioner "shell" { script = "${var.os}.sh" }
        provisioner "shell" { scripts = var.scripts }
        provisioner "shell" { inline = ["echo ${var.os}", "exit"] }
        "#,
    ) + "variable \"os\" {}\nvariable \"scripts\" { default = [] }\n";
    let files = [
        ("p/web.pkr.hcl", text.as_str()),
        ("p/vars/a.pkrvars.hcl", "os = \"a\"\nscripts = [\"a.sh\"]\n"),
        ("p/vars/b.pkrvars.json", "{\"os\": \"b\", \"scripts\": [\"a.sh\", \"b.sh\"]}"),
        ("p/a.sh", "a"),
        ("p/b.sh", "b"),
    ];
    assert_builds(
        &files,
        r"
        p: amazon-ebs.web
          script: a | b
          script: a
          script:  | b
          script: #!/bin/sh -e\necho a\nexit\n | #!/bin/sh -e\necho b\nexit\n
        ",
    );
    let project = Project::new(&files);
    for chosen in [
        analyse_with(&project, |input| input.variables = vec![Variables::File(project.path("p/vars/b.pkrvars.json"))]),
        analyse_with(&project, |input| input.variables = vec![Variables::Value("os".into(), "b".into())]),
    ] {
        assert!(shown_builds(&chosen).contains("  script: b\n"), "{}", shown_builds(&chosen));
        assert!(shown_builds(&chosen).contains("echo b\\nexit\\n\n"), "{}", shown_builds(&chosen));
    }
}

#[test]
fn each_source_of_each_build_is_a_build() {
    let text = r#"
        source "amazon-ebs" "one" { instance_type = "t3.micro" }
        source "amazon-ebs" "two" {}
        source "docker" "other" {}
        source "amazon-ebssurrogate" "chroot" {}
        build {
          name    = "first"
          sources = ["source.amazon-ebs.one", "amazon-ebs.two", "source.docker.other"]
          source "amazon-ebs.one" {
            name          = "large"
            instance_type = "m5.large"
          }
          provisioner "shell" {
            inline = ["a"]
            only   = ["amazon-ebs.two", "amazon-ebs.large"]
          }
          provisioner "shell" {
            inline = ["b"]
            except = ["amazon-ebs.large"]
            override = {
              two = { inline = ["only two"] }
            }
          }
          provisioner "shell-local" { inline = ["c"] }
          error-cleanup-provisioner "shell" { inline = ["d"] }
          post-processor "manifest" {}
          hcp_packer_registry {}
        }
        build {
          source "source.amazon-ebssurrogate.chroot" {}
          provisioner "shell" { inline = ["e"] }
        }
    "#;
    let files = [("web.pkr.hcl", text)];
    assert_builds(
        &files,
        r"
        : amazon-ebssurrogate.chroot
          opaque provisioners of a surrogate machine
        : first.amazon-ebs.large
          script: #!/bin/sh -e\na\n
        : first.amazon-ebs.one
          script: #!/bin/sh -e\nb\n
        : first.amazon-ebs.two
          script: #!/bin/sh -e\na\n
          script: #!/bin/sh -e\nonly two\n
        ",
    );
    assert_eq!(machines(&files), ["{}", "{instance_type: m5.large}", "{instance_type: t3.micro}", "{}"]);
}

#[test]
fn the_machine_has_what_is_written_of_its_source() {
    let text = r#"
        source "amazon-ebs" "web" {
          ami_name       = "web-{{timestamp}}"
          imds_support   = "v2.0"
          user_data_file = "${path.root}/user-data.sh"
          metadata_options { http_tokens = "required" }
          source_ami_filter {
            filters = { name = "al2023-*" }
            owners  = ["amazon"]
          }
        }
        build { sources = ["amazon-ebs.web"] }
    "#;
    assert_eq!(
        machines(&[("p/web.pkr.hcl", text), ("p/user-data.sh", "#!/bin/sh\n")]),
        ["{ami_name: web-?, imds_support: v2.0, metadata_options: [{http_tokens: required}], source_ami_filter: \
         [{filters: {name: al2023-*}, owners: [amazon]}], user_data: #!/bin/sh\\n, user_data_file: ./user-data.sh}"]
    );
}

#[test]
fn dynamic_blocks_are_provisioners_and_sources_too() {
    let text = r#"
        source "amazon-ebs" "web" {}
        variable "open" {}
        build {
          dynamic "source" {
            for_each = ["x", "y"]
            labels   = ["amazon-ebs.web"]
            content { name = source.value }
          }
          dynamic "provisioner" {
            for_each = { a = "one", b = "two" }
            iterator = step
            labels   = ["shell"]
            content { inline = ["${step.key} ${step.value}"] }
          }
          dynamic "provisioner" {
            for_each = var.open
            labels   = ["shell"]
            content { inline = ["c"] }
          }
        }
    "#;
    let steps = r"
          script: #!/bin/sh -e\na one\n
          script: #!/bin/sh -e\nb two\n
          opaque provisioners that are not known
    ";
    assert_builds(&[("web.pkr.hcl", text)], &format!(": amazon-ebs.x{steps}: amazon-ebs.y{steps}"));
}

#[test]
fn of_several_possible_lists_of_sources_each_source_counts_once() {
    let text = r#"
        source "amazon-ebs" "a" {}
        source "amazon-ebs" "b" {}
        variable "sources" { type = list(string) }
        build { sources = [for name in var.sources : "amazon-ebs.${name}"] }
    "#;
    assert_builds(
        &[
            ("web.pkr.hcl", text),
            ("one.pkrvars.hcl", "sources = [\"a\"]\n"),
            ("two.pkrvars.hcl", "sources = [\"a\", \"b\"]\n"),
        ],
        ": amazon-ebs.a\n: amazon-ebs.b\n",
    );
}

#[test]
fn files_are_uploaded_as_packer_does_it() {
    let text = build_of(
        r#"
        provisioner "file" {
          source      = "one.conf"
          destination = "/tmp/two.conf"
        }
        provisioner "file" {
          sources     = ["one.conf", "./missing.tar"]
          destination = "/tmp/"
        }
        provisioner "file" {
          content     = "a\n"
          destination = "/tmp/content"
        }
        provisioner "file" {
          source      = "files"
          destination = "/tmp"
        }
        provisioner "file" {
          source      = "${path.root}/files/"
          destination = "/opt/"
        }
        provisioner "file" {
          source      = "./files"
          destination = "/srv/files"
        }
        provisioner "file" {
          direction   = "download"
          source      = "/tmp/x"
          destination = "x"
        }
        provisioner "file" {
          source      = "${timestamp()}.conf"
          destination = "/etc/"
        }
        "#,
    );
    assert_builds(
        &[("p/web.pkr.hcl", &text), ("p/one.conf", "one"), ("p/files/x.sh", "x"), ("p/files/deep/y.sh", "y")],
        r"
        p: amazon-ebs.web
          file /tmp/two.conf: one
          file /tmp/one.conf: one
          file /tmp/missing.tar: ?
          file /tmp/content: a\n
          file /tmp/files/deep/y.sh: y
          file /tmp/files/x.sh: x
          file /opt/deep/y.sh: y
          file /opt/x.sh: x
          file /srv/files/files/deep/y.sh: y
          file /srv/files/deep/y.sh: y
          file /srv/files/files/x.sh: x
          file /srv/files/x.sh: x
          file /etc/?: ?
        ",
    );
}

#[test]
fn what_is_not_followed_is_named() {
    let text = build_of(
        r#"
        provisioner "ansible" { playbook_file = "./playbooks/site.yml" }
        provisioner "ansible-local" { playbook_files = ["a.yml", "b.yml"] }
        provisioner "chef-client" { run_list = ["recipe[base]"] }
        provisioner "puppet-masterless" { manifest_file = "site.pp" }
        provisioner "windows-update" {}
        provisioner "goss" {}
        provisioner "breakpoint" {}
        provisioner "shell" {
          only   = var.only
          inline = ["a"]
        }
        "#,
    ) + "variable \"only\" { type = list(string) }\n";
    assert_builds(
        &[("web.pkr.hcl", &text)],
        "
        : amazon-ebs.web
          opaque ansible site.yml
          opaque ansible-local a.yml
          opaque chef-client recipe[base]
          opaque puppet-masterless site.pp
          opaque windows-update
          opaque shell, perhaps
        ",
    );
}

#[test]
fn files_that_declare_the_same_are_templates_of_their_own() {
    let text = |name: &str| {
        format!("variable \"name\" {{ default = \"{name}\" }}\n")
            + &build_of("provisioner \"shell\" { inline = [var.name] }\n")
    };
    assert_builds(
        &[("p/a.pkr.hcl", &text("a")), ("p/b.pkr.hcl", &text("b"))],
        r"
        p/a.pkr.hcl: amazon-ebs.web
          script: #!/bin/sh -e\na\n
        p/b.pkr.hcl: amazon-ebs.web
          script: #!/bin/sh -e\nb\n
        ",
    );
}

#[test]
fn templates_in_the_json_of_hcl_are_read() {
    let text = r#"{
        "variable": { "a": { "type": "string", "default": "b" } },
        "variables": { "c": "d" },
        "source": { "amazon-ebs": { "web": { "ami_name": "${var.a}" } } },
        "build": [{
            "sources": ["source.amazon-ebs.web"],
            "provisioner": [
                { "shell": { "inline": ["${var.a} ${var.c}"] } },
                { "ansible": { "playbook_file": "site.yml" } }
            ]
        }]
    }"#;
    assert_builds(
        &[("web.pkr.json", text)],
        r"
        : amazon-ebs.web
          script: #!/bin/sh -e\nb d\n
          opaque ansible site.yml
        ",
    );
}

const LEGACY: &str = r#"{
    "_comment": "web",
    "variables": { "dir": "scripts", "name": "{{user `dir`}}/a.sh", "region": "{{env `AWS_REGION`}}", "given": null },
    "builders": [
        { "type": "amazon-ebs", "region": "{{user `region`}}", "ami_name": "web {{timestamp}}", "_note": 1 },
        { "type": "amazon-ebs", "name": "arm", "imds_support": "v2.0" },
        { "type": "docker" }
    ],
    "provisioners": [
        { "type": "shell", "script": "{{template_dir}}/{{user `name`}}", "environment_vars": ["REGION={{user `region`}}", "DIR={{user `dir`}}"] },
        { "type": "shell", "_comment": "x", "inline": ["echo {{user `given`}}", "docker ps -f '{{`{{`}}.Name}}'"], "only": ["arm"] },
        { "type": "shell", "inline": ["a"], "execute_command": "{{.Vars}} sudo -E bash '{{.Path}}'", "override": { "arm": { "inline": "b" } } },
        { "type": "file", "source": "scripts", "destination": "/tmp", "except": ["arm"] },
        { "type": "ansible", "playbook_file": "{{user `dir`}}/site.yml" }
    ]
}"#;

#[test]
fn templates_in_the_older_form_are_read() {
    let files = [("p/web.json", LEGACY), ("p/scripts/a.sh", "a")];
    assert_builds(
        &files,
        r"
        p/web.json: amazon-ebs
          script REGION=? DIR=scripts: a
          script: #!/bin/bash\na\n
          file /tmp/scripts/a.sh: a
          opaque ansible site.yml
        p/web.json: arm
          script REGION=? DIR=scripts: a
          script: #!/bin/sh -e\necho ?\ndocker ps -f '{{.Name}}'\n
          script: #!/bin/bash\nb\n
          opaque ansible site.yml
        ",
    );
    assert_eq!(
        machines(&files),
        ["{ami_name: web ?, region: ?, type: amazon-ebs}", "{imds_support: v2.0, name: arm, type: amazon-ebs}"]
    );
}

#[test]
fn the_command_line_gives_user_variables() {
    let project = Project::new(&[
        ("p/web.json", LEGACY),
        ("p/scripts/a.sh", "a"),
        ("p/other/a.sh", "other"),
        ("p/vars.json", "{ \"dir\": \"other\", \"given\": \"vars\" }"),
    ]);
    let analysis = analyse_with(&project, |input| {
        let file = Variables::File(project.path("p/vars.json"));
        input.variables = vec![Variables::Value("given".into(), "typed".into()), file];
    });
    let shown = shown_builds(&analysis);
    assert!(shown.contains("DIR=other: other\n") && shown.contains("echo typed\\n"), "{shown}");
}

#[test]
fn a_script_that_is_named_is_part_of_the_templates_that_use_it() {
    let hcl = build_of(
        "provisioner \"shell\" { script = \"${path.root}/../scripts/a.sh\" }\n\
         provisioner \"file\" {\n  source = \"files/\"\n  destination = \"/tmp\"\n}\n",
    );
    let legacy = LEGACY.replace("{{user `name`}}", "a.sh").replace("{{template_dir}}", "{{template_dir}}/../scripts");
    let project = Project::new(&[
        ("hcl/web.pkr.hcl", &hcl),
        ("legacy/web.json", &legacy),
        ("other/web.pkr.hcl", &build_of("")),
        ("hcl/files/etc/b.sh", "echo 169.254.169.254\n"),
        ("scripts/a.sh", "echo 169.254.169.254\n"),
    ]);
    let used = |path: &str| -> Vec<String> {
        let analysis = analyse_with(&project, |input| input.paths = vec![project.path(path)]);
        assert!(analysis.assessments.hosts.is_empty(), "a script of a build is judged by itself: {path}");
        let name = |image: &&Image| format!("{} {}", image.subject.project, image.subject.address);
        images(&analysis).iter().map(name).collect()
    };
    assert_eq!(used("scripts/a.sh"), ["hcl amazon-ebs.web", "legacy/web.json amazon-ebs", "legacy/web.json arm"]);
    assert_eq!(used("hcl/files/etc/b.sh"), ["hcl amazon-ebs.web"]);
    assert_eq!(used("other"), ["other amazon-ebs.web"]);
    let listed = project.run("files scripts/a.sh");
    assert!(listed.stdout.contains("amazon-ebs.web") && listed.stdout.contains("legacy/web.json"), "{listed:?}");
}

#[test]
fn what_is_said_to_be_a_template_is_read_as_one() {
    let project = Project::new(&[("web", &build_of("")), ("old", LEGACY), ("scripts/a.sh", "")]);
    let ran = |path: &str| {
        let ran = project.run(&format!("files --kind packer {path}"));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    assert!(ran("web").contains("packer "), "{}", ran("web"));
    assert!(ran("old").contains("packer-legacy"), "{}", ran("old"));
}

#[test]
fn mistakes_in_templates_are_problems() {
    for (name, text, expected) in [
        ("a.pkr.hcl", "build {\n", "a brace"),
        ("a.pkrvars.hcl", "a = \n", "a value"),
        ("a.json", "{\"builders\": [{\"type\": \"amazon-ebs\"}]", "JSON"),
    ] {
        let analysis = analyse(&[(name, text)]);
        assert_eq!(analysis.problems.len(), 1, "{expected}: {:?}", problems(&analysis));
    }
}

#[test]
fn suppressions_are_read_in_templates_and_scripts() {
    let text = build_of("# imdslint: ignore[IMDS901] a\nprovisioner \"shell\" { script = \"a.sh\" }\n");
    let legacy = LEGACY.replace(
        "\"_comment\": \"web\",",
        "\"_imdslint\": [{ \"rule\": \"IMDS901\", \"reason\": \"b\", \"until\": \"2030-01-01\" }],",
    );
    let analysis = analyse(&[
        ("web.pkr.hcl", &text),
        ("old.json", &legacy),
        ("a.sh", "# imdslint: ignore[IMDS901] c\ntrue\n"),
        ("scripts/a.sh", ""),
    ]);
    let mut reasons: Vec<_> =
        analysis.directives.iter().map(|directive| directive.reason.clone().unwrap_or_default()).collect();
    reasons.sort();
    assert_eq!(reasons, ["a", "b", "c"]);
}

#[test]
fn a_script_that_is_not_there_is_a_problem_and_an_upload_is_none() {
    let text = build_of(
        r#"
        provisioner "shell" { script = "${path.root}/missing.sh" }
        provisioner "shell" { script = "scripts/${var.name}.sh" }
        provisioner "shell" { inline = ["echo ${var.missing}"] }
        provisioner "file" {
          source      = "artifact.tar"
          destination = "/tmp/artifact.tar"
        }
        "#,
    ) + "variable \"name\" { default = \"\" }\n";
    let found = problems(&analyse(&[("p/web.pkr.hcl", &text)]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("`shell` cannot read `./missing.sh`") && found[1].contains("no variable `missing`"));
}

/// The codes of the problems and the number of builds and steps of hostile files.
fn outcome(files: &[(&str, &str)], limits: Limits) -> (Vec<&'static str>, usize, usize) {
    let analysis = analyse_with(&Project::new(files), |input| input.limits = limits);
    let mut codes: Vec<_> = analysis.problems.iter().map(|problem| problem.code.name()).collect();
    codes.dedup();
    let images = images(&analysis);
    (codes, images.len(), images.iter().map(|image| image.steps.len()).sum())
}

#[test]
fn hostile_templates_meet_limits() {
    let limits = Limits { instances: 100, uploaded_files: 2, built_bytes: 10_000, ..Limits::default() };
    let provisioner = |body: &str| build_of(&format!("provisioner \"shell\" {{ {body} }}\n"));
    let cycle = provisioner("inline = [local.a]") + "locals {\n a = local.b\n b = local.a\n}\n";
    assert_eq!(outcome(&[("a.pkr.hcl", &cycle)], limits), (vec!["cycle"], 1, 1));
    let long = provisioner("inline = [for x in range(1000000) : x]");
    assert_eq!(outcome(&[("a.pkr.hcl", &long)], Limits::default()).1, 1);
    let list: String = (0..1_000).map(|_| "\"source.amazon-ebs.web\",").collect();
    let many = provisioner("inline = [\"a\"]").replace("\"source.amazon-ebs.web\"", &list);
    let (codes, builds, steps) = outcome(&[("a.pkr.hcl", &many)], limits);
    assert!(codes == ["limit"] && builds + steps <= 100, "{codes:?} {builds} {steps}");
    let builders: String = (0..1_000).map(|_| "{\"type\": \"amazon-ebs\"},").collect();
    let legacy = LEGACY.replace("{ \"type\": \"docker\" }", builders.trim_end_matches(','));
    let (codes, builds, steps) = outcome(&[("a.json", &legacy), ("scripts/a.sh", "")], limits);
    assert!(codes == ["limit"] && builds + steps <= 100, "{codes:?} {builds} {steps}");
    let circle = "{\"variables\": {\"a\": \"{{user `b`}}\", \"b\": \"{{user `a`}}{{user `a`}}\"},
        \"builders\": [{\"type\": \"amazon-ebs\", \"name\": \"{{user `a`}}\"}]}";
    assert_eq!(outcome(&[("a.json", circle)], limits), (vec![], 1, 0));
    let upload = build_of("provisioner \"file\" {\n source = \"f\"\n destination = \"/\"\n}\n");
    let folder = [("a.pkr.hcl", &*upload), ("f/1", "1"), ("f/2", "2")];
    assert_eq!(outcome(&folder, limits), (vec![], 1, 2));
    let folder = [&folder[..], &[("f/3", "3")]].concat();
    assert_eq!(outcome(&folder, limits), (vec![], 1, 1));
    let analysis = analyse_with(&Project::new(&folder), |input| input.limits = limits);
    assert!(!shown_builds(&analysis).contains("opaque"), "{}", shown_builds(&analysis));
    let large = "x".repeat(11_000);
    let files = [("a.pkr.hcl", &*provisioner("script = \"a.sh\"")), ("a.sh", &large)];
    assert_eq!(outcome(&files, limits), (vec!["limit"], 1, 1));
    let outside =
        provisioner("scripts = [\"/etc/passwd\", \"../../../etc/passwd\", \"~/x\", \"C:\\\\x\", \"\", \".\"]");
    let analysis = analyse(&[("a.pkr.hcl", &outside)]);
    assert!(images(&analysis)[0].steps.iter().all(|step| matches!(&step.kind,
        BuildStepKind::Script { text, .. } if text.as_unknown().is_some())));
}

#[test]
fn what_the_user_data_of_the_machine_starts_becomes_part_of_the_image() {
    let template = |user_data: &str, command: &str| {
        format!(
            "source \"amazon-ebs\" \"web\" {{\n  {user_data}\n}}\nbuild {{\n  sources = [\"source.amazon-ebs.web\"]\n  \
             provisioner \"shell\" {{\n    inline = [\"{command}\"]\n  }}\n}}\n"
        )
    };
    let script = "#!/bin/sh\nsystemctl start mackerel-agent\n";
    let cleanup = "rm /var/lib/mackerel-agent/id";
    for (user_data, command, left) in [
        ("user_data_file = \"boot.sh\"", "true", "Left"),
        ("user_data = \"#!/bin/sh\\nsystemctl start mackerel-agent\"", "true", "Left"),
        ("user_data_file = \"boot.sh\"", cleanup, "Cleaned"),
        ("user_data = var.unknown", cleanup, ""),
    ] {
        let text = template(user_data, command);
        let analysis = analyse(&[("a.pkr.hcl", &text), ("boot.sh", script)]);
        let [image] = analysis.assessments.images.as_slice() else { panic!("{user_data}") };
        let found = image.agents.first().map(|agent| format!("{:?}", agent.identity)).unwrap_or_default();
        assert!(found.starts_with(left) && found.is_empty() == left.is_empty(), "{user_data}: {found}");
        // The file is no host of its own where a machine boots with it.
        assert_eq!(analysis.assessments.hosts.is_empty(), user_data.contains("boot.sh"), "{user_data}");
    }
}
