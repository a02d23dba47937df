//! The ways in which a script reaches a host: each byte of what the host runs is where it was written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use imdslint::assess::Asked;
use imdslint::engine::{Analysis, Configuration, Input, analyse};
use imdslint::eval::{Value, ValueKind};
use imdslint::source::{Limits, Text};
use imdslint::syntax::user_data::{self, Part};

/// The word whose place is asked for. It stands once in the files of a case.
const MARK: &str = "MARK";

/// A workspace that was evaluated, and its files as they were given.
struct Estate {
    analysis: Analysis,
    files: Vec<(String, String)>,
}

impl Estate {
    fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let input =
            Input { paths: vec![folder.path().to_owned()], configuration: Configuration::None, ..Input::default() };
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { analysis: analyse(&input, Asked::Nobody).unwrap(), files }
    }

    /// The user data of the only host, each alternative with its parts.
    fn alternatives(&self) -> Vec<Vec<Part>> {
        let [host] = self.analysis.assessments.hosts.as_slice() else {
            panic!("{} hosts", self.analysis.assessments.hosts.len())
        };
        let values = host.host.user_data.iter().flat_map(|value| value.alternatives().into_owned());
        values.map(|value| user_data::parse(&text_of(&value), &Limits::default())).collect()
    }

    /// The parts of user data that has one alternative.
    fn parts(&self) -> Vec<Part> {
        self.alternatives().concat()
    }

    /// Where the mark in `text` was written: the path and the offset.
    fn place_of_mark(&self, text: &Text) -> (String, usize, usize) {
        let at = text.as_str().find(MARK).unwrap_or_else(|| panic!("no mark in {:?}", text.as_str()));
        let span = text.span_of(at..at + MARK.len()).unwrap();
        let path = self.analysis.workspace.source(span.file).path.to_string();
        (path, span.range().start, span.range().end)
    }

    /// Where the mark stands in the files as they were given.
    fn written_mark(&self) -> (String, usize, usize) {
        let marks: Vec<_> = self
            .files
            .iter()
            .flat_map(|(path, text)| {
                text.match_indices(MARK).map(move |(at, mark)| (path.clone(), at, at + mark.len()))
            })
            .collect();
        let [mark] = marks.as_slice() else { panic!("{marks:?}") };
        mark.clone()
    }

    /// The messages of the problems.
    fn problems(&self) -> Vec<&str> {
        self.analysis.problems.iter().map(|problem| &*problem.message).collect()
    }
}

fn text_of(value: &Value) -> Text {
    let ValueKind::String(text) = &value.kind else { panic!("{value:?}") };
    text.clone()
}

/// What of a host's user data is known, with each hole as a question mark.
fn shown(part: &Part) -> String {
    part.text.as_str().replace(imdslint::source::HOLE, "?")
}

/// Checks that the host has one script, that it is `script`, and that the mark in it is where it was written.
fn check(files: &[(&str, &str)], script: &str) {
    let estate = Estate::of(files);
    let parts = estate.parts();
    assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), [script], "{files:?}");
    assert_eq!(estate.place_of_mark(&parts[0].text), estate.written_mark(), "{files:?}");
    assert_eq!(estate.problems(), Vec::<&str>::new(), "{files:?}");
}

/// An instance whose user data is `expression`, followed by `rest`.
fn instance(expression: &str, rest: &str) -> String {
    format!("resource \"aws_instance\" \"a\" {{\n  user_data = {expression}\n}}\n{rest}")
}

#[test]
fn data_sources_render_templates() {
    let rest = "data \"template_file\" \"a\" {\n  template = file(\"${path.module}/a.tpl\")\n  vars = {\n    port = 80\n  }\n}\n";
    let template = "#!/bin/sh\nport ${port} $${HOME}\nMARK\n";
    let script = "#!/bin/sh\nport 80 ${HOME}\nMARK\n";
    let source = instance("data.template_file.a.rendered", rest);
    check(&[("main.tf", &source), ("a.tpl", template)], script);
}

#[test]
fn data_sources_that_are_repeated_render_templates() {
    let rest = "data \"template_file\" \"a\" {\n  count    = 2\n  template = <<-EOT\n    #!/bin/sh\n    MARK $${number}\n  EOT\n  \
                vars     = { number = count.index }\n}\n";
    check(&[("main.tf", &instance("data.template_file.a[1].rendered", rest))], "#!/bin/sh\nMARK 1\n");
    check(&[("main.tf", &instance("element(data.template_file.a.*.rendered, 0)", rest))], "#!/bin/sh\nMARK 0\n");
}

#[test]
fn data_sources_read_files() {
    for attribute in ["content", "content_base64"] {
        let rest = "data \"local_file\" \"a\" {\n  filename = \"${path.module}/a.sh\"\n}\n";
        let source = instance(&format!("data.local_file.a.{attribute}"), rest);
        check(&[("main.tf", &source), ("a.sh", "#!/bin/sh\nMARK\n")], "#!/bin/sh\nMARK\n");
    }
}

#[test]
fn a_file_that_is_made_has_the_content_that_is_written() {
    let rest = "resource \"local_file\" \"a\" {\n  filename = \"a.sh\"\n  content  = <<-EOT\n    #!/bin/sh\n    MARK\n  EOT\n}\n";
    check(&[("main.tf", &instance("local_file.a.content", rest))], "#!/bin/sh\nMARK\n");
}

/// An archive with a configuration and the script `a.sh`, made by a block with `header` and `arguments`.
fn archive(header: &str, arguments: &str) -> String {
    format!(
        "{header} \"a\" {{
           {arguments}
           part {{
             content_type = \"text/cloud-config\"
             content      = \"#cloud-config\\nruncmd: []\\n\"
           }}
           part {{
             filename     = \"a.sh\"
             content_type = \"text/x-shellscript\"
             merge_type   = \"list(append)\"
             content      = file(\"a.sh\")
           }}
         }}"
    )
}

#[test]
fn an_archive_of_parts_has_the_parts_whatever_it_is_encoded_as() {
    for (header, reference) in [
        ("data \"cloudinit_config\"", "data.cloudinit_config.a.rendered"),
        ("data \"template_cloudinit_config\"", "data.template_cloudinit_config.a.rendered"),
        ("resource \"cloudinit_config\"", "cloudinit_config.a.rendered"),
    ] {
        for arguments in [
            "",
            "gzip = false",
            "gzip = false\nbase64_encode = false",
            "gzip = var.open",
            "gzip = false\nboundary = \"//\"",
        ] {
            let source = instance(reference, &archive(header, arguments));
            let source = format!("{source}\nvariable \"open\" {{}}\n");
            let script = "#!/bin/sh\nMARK --MIMEBOUNDARY--";
            let estate = Estate::of(&[("main.tf", &source), ("a.sh", script)]);
            let parts = estate.parts();
            let found: Vec<_> = parts.iter().map(|part| (part.name.as_deref(), part.text.as_str())).collect();
            let expected = [(None, "#cloud-config\nruncmd: []\n"), (Some("a.sh"), script)];
            assert_eq!(found, expected, "{header} {arguments}");
            assert_eq!(estate.place_of_mark(&parts[1].text), estate.written_mark());
        }
    }
}

#[test]
fn an_archive_has_the_bytes_that_the_provider_writes() {
    let rest = archive("data \"cloudinit_config\"", "gzip = false\nbase64_encode = false");
    let files = [("main.tf", &*instance("data.cloudinit_config.a.rendered", &rest)), ("a.sh", "MARK")];
    let estate = Estate::of(&files);
    let text = text_of(&estate.analysis.assessments.hosts[0].host.user_data[0]);
    assert_eq!(
        text.as_str(),
        "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"\nMIME-Version: 1.0\r\n\r\n--MIMEBOUNDARY\r\n\
         Content-Transfer-Encoding: 7bit\r\nContent-Type: text/cloud-config\r\nMime-Version: 1.0\r\n\r\n\
         #cloud-config\nruncmd: []\n\r\n--MIMEBOUNDARY\r\nContent-Disposition: attachment; filename=\"a.sh\"\r\n\
         Content-Transfer-Encoding: 7bit\r\nContent-Type: text/x-shellscript\r\nMime-Version: 1.0\r\n\
         X-Merge-Type: list(append)\r\n\r\nMARK\r\n--MIMEBOUNDARY--\r\n"
    );
    assert_eq!(estate.place_of_mark(&text), estate.written_mark());
}

#[test]
fn dynamic_parts_and_parts_in_json_are_parts() {
    let rest = "
        data \"cloudinit_config\" \"a\" {
          part {
            content = \"#!/bin/sh\\nfirst\"
          }
          dynamic \"part\" {
            for_each = [for name in [\"a.sh\", \"b.sh\"] : { name = name, content = file(name) }]
            iterator = script
            content {
              filename = script.value.name
              content  = script.value.content
            }
          }
        }";
    let json = "{\"data\": {\"cloudinit_config\": {\"a\": {\"part\": [{\"content\": \"#!/bin/sh\\nfirst\"},
        {\"filename\": \"a.sh\", \"content\": \"${file(\\\"a.sh\\\")}\"},
        {\"filename\": \"b.sh\", \"content\": \"${file(\\\"b.sh\\\")}\"}]}}}}";
    let reference = "data.cloudinit_config.a.rendered";
    let source = instance(reference, "");
    for (main, more) in [(instance(reference, rest), "{}"), (source, json)] {
        let estate = Estate::of(&[
            ("main.tf", &*main),
            ("more.tf.json", more),
            ("a.sh", "#!/bin/sh\nsecond"),
            ("b.sh", "#!/bin/sh\n\nMARK\n"),
        ]);
        let parts = estate.parts();
        let scripts: Vec<_> = parts.iter().map(shown).collect();
        assert_eq!(scripts, ["#!/bin/sh\nfirst", "#!/bin/sh\nsecond", "#!/bin/sh\n\nMARK\n"]);
        assert_eq!(estate.place_of_mark(&parts[2].text), estate.written_mark());
        assert_eq!(estate.problems(), Vec::<&str>::new());
    }
}

#[test]
fn what_is_not_known_of_an_archive_leaves_the_rest_known() {
    let rest = "
        variable \"scripts\" {}
        variable \"script\" {}
        data \"cloudinit_config\" \"a\" {
          part {
            content_type = \"text/x-shellscript\"
            content      = var.script
          }
          dynamic \"part\" {
            for_each = var.scripts
            content {
              content = part.value
            }
          }
          part {
            content = \"#!/bin/sh\\nMARK\"
          }
        }";
    let estate = Estate::of(&[("main.tf", &instance("data.cloudinit_config.a.rendered", rest))]);
    let parts = estate.parts();
    assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), ["?", "?", "#!/bin/sh\nMARK"]);
    assert_eq!(estate.place_of_mark(&parts[2].text), estate.written_mark());
}

#[test]
fn an_archive_with_a_choice_of_parts_is_a_choice_of_archives() {
    let rest = "
        data \"aws_region\" \"here\" {}
        data \"cloudinit_config\" \"a\" {
          part {
            content = \"#!/bin/sh\\nMARK\"
          }
          dynamic \"part\" {
            for_each = data.aws_region.here.name == \"eu-west-1\" ? [] : [1]
            content {
              content = \"#!/bin/sh\\nelsewhere\"
            }
          }
        }";
    let estate = Estate::of(&[("main.tf", &instance("data.cloudinit_config.a.rendered", rest))]);
    let alternatives: Vec<Vec<_>> =
        estate.alternatives().iter().map(|parts| parts.iter().map(shown).collect()).collect();
    assert_eq!(alternatives, [vec!["#!/bin/sh\nMARK"], vec!["#!/bin/sh\nMARK", "#!/bin/sh\nelsewhere"]]);
}

#[test]
fn a_fault_in_a_text_of_several_lines_is_a_hole_and_a_problem() {
    let heredoc = |line: &str| format!("<<-EOT\n    #!/bin/sh\n    {line}\n    MARK\n  EOT");
    let template = |line: &str| format!("#!/bin/sh\n{line}\nMARK\n");
    let locals = "locals {\n  list = []\n  bad = local.list[0]\n}";
    for (line, shown_line, message) in [
        ("echo ${PORT}!", "echo ?!", "`PORT`"),
        ("echo ${local.bad}", "echo ?", "has no element"),
        ("%{ if PORT }a%{ endif }b", "?b", "`PORT`"),
        ("%{ for each in PORT }a%{ endfor }b", "?b", "`PORT`"),
        ("%{ for each in [1] }a${PORT}%{ endfor }b", "a?b", "`PORT`"),
        ("echo ${null}", "echo ?", "null cannot be part of a string"),
    ] {
        let source = instance(&heredoc(line), locals);
        let estate = Estate::of(&[("main.tf", &source), ("b/main.tf", &source.replace("aws_instance", "aws_ebs"))]);
        let parts = estate.parts();
        assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), [template(shown_line)], "{line}");
        assert_eq!(estate.place_of_mark(&parts[0].text).0, "main.tf");
        let [problem] = estate.problems()[..] else { panic!("{line}: {:?}", estate.problems()) };
        assert!(problem.contains(message), "{line}: {problem}");
    }
}

#[test]
fn a_variable_of_the_shell_in_a_template_is_a_hole_and_one_problem() {
    for (written, message) in [("${PORT}", "`PORT`"), ("${PORT:-80}", "")] {
        let source = "
            resource \"aws_instance\" \"a\" { user_data = templatefile(\"a.tpl\", {}) }
            resource \"aws_launch_template\" \"a\" { user_data = base64encode(templatefile(\"a.tpl\", {})) }
            resource \"aws_ebs_volume\" \"a\" { tags = { a = templatefile(\"b.tpl\", {}) } }";
        let template = format!("#!/bin/sh\nport {written}\nexit\n");
        let estate = Estate::of(&[("main.tf", source), ("a.tpl", &template), ("b.tpl", &template)]);
        for host in &estate.analysis.assessments.hosts {
            let [part] = &user_data::parse(&text_of(&host.host.user_data[0]), &Limits::default())[..] else { panic!() };
            assert_eq!(shown(part), "#!/bin/sh\nport ?\nexit\n");
        }
        let [problem] = estate.problems()[..] else { panic!("{written}: {:?}", estate.problems()) };
        assert!(problem.contains(message), "{problem}");
    }
}

#[test]
fn what_asks_for_a_fault_gets_it() {
    let expression = "try(templatefile(\"a.tpl\", {}), <<-EOT\n    #!/bin/sh\n    MARK\n  EOT\n  )";
    for template in ["#!/bin/sh\n${PORT}\n", "#!/bin/sh\n${PORT:-80}\n"] {
        check(&[("main.tf", &instance(expression, "")), ("a.tpl", template)], "#!/bin/sh\nMARK\n");
    }
}

#[test]
fn a_fault_in_a_name_leaves_nothing_of_it() {
    let source = "resource \"aws_instance\" \"a\" {
        ami = \"ami-${nothing.here}\"
        metadata_options { http_endpoint = \"${nothing.here}abled\" }
    }";
    let estate = Estate::of(&[("main.tf", source)]);
    assert_eq!(estate.problems().len(), 2);
    let host = &estate.analysis.assessments.hosts[0].host;
    assert!(host.image.as_unknown().is_some(), "{:?}", host.image);
}

/// A template with an instance whose user data is `user_data`, as YAML that follows the colon.
fn stack(user_data: &str) -> String {
    format!(
        "Parameters:
  Port: {{Type: String, Default: '80'}}
  Lines: {{Type: CommaDelimitedList, Default: 'a,b'}}
  Free: {{Type: String}}
Mappings:
  Texts:
    web: {{Command: 'echo web'}}
  Places:
    eu-west-1: {{Command: 'echo here'}}
    us-east-1: {{Command: 'echo there'}}
Conditions:
  IsHere: !Equals [!Ref AWS::Region, eu-west-1]
  IsWeb: !Equals [!Ref Port, '80']
Resources:
  Instance:
    Type: AWS::EC2::Instance
    Properties:
      UserData: {user_data}
"
    )
}

#[test]
fn user_data_of_a_stack_is_where_it_is_written() {
    for (user_data, script) in [
        ("!Base64 |\n        #!/bin/sh\n        MARK\n", "#!/bin/sh\nMARK\n"),
        (
            "\n        Fn::Base64: !Sub |\n          #!/bin/sh\n          port ${Port} ${!Port}\n          MARK ${Free}\n",
            "#!/bin/sh\nport 80 ${Port}\nMARK ?\n",
        ),
        (
            "\n        Fn::Base64:\n          Fn::Sub:\n            - |\n              #!/bin/sh\n              ${Line}\n              exit\n            - Line: !Sub 'port ${Port} MARK'\n",
            "#!/bin/sh\nport 80 MARK\nexit\n",
        ),
        (
            "\n        Fn::Base64: !Join\n          - \"\\n\"\n          - - '#!/bin/sh'\n            - !Join [' ', [port, !Ref Port]]\n            - !Sub '${Port} MARK'\n            - !Ref AWS::NoValue\n            - ''\n",
            "#!/bin/sh\nport 80\n80 MARK\n",
        ),
        (
            "\n        Fn::Base64: !Sub\n          - \"#!/bin/sh\\n${Lines}\\nMARK \\u0041\\n\"\n          - Lines: !Join [\"\\n\", !Ref Lines]\n",
            "#!/bin/sh\na\nb\nMARK A\n",
        ),
        (
            "{'Fn::Base64': {'Fn::Join': ['', [\"#!/bin/sh\\n\", {'Fn::FindInMap': [Texts, web, Command]}, \"\\nMARK\\n\"]]}}",
            "#!/bin/sh\necho web\nMARK\n",
        ),
        (
            "!Base64\n        Fn::If:\n          - IsWeb\n          - !Sub |\n            #!/bin/sh\n            port ${Port} MARK\n          - |\n            #!/bin/sh\n",
            "#!/bin/sh\nport 80 MARK\n",
        ),
        (
            "!Base64\n        Fn::Join:\n          - ''\n          - - \"#!/bin/sh\\n\"\n            - !Select [1, !Split [';', 'no;MARK ;no']]\n            - !Select [1, !Ref Lines]\n",
            "#!/bin/sh\nMARK b",
        ),
        ("!Base64\n        Fn::Join: [\"\\n\", !Split [';', '#!/bin/sh;a MARK;b']]\n", "#!/bin/sh\na MARK\nb"),
        (
            "!Base64\n        Fn::Sub: >\n          #!/bin/sh\n\n          a\n          MARK ${Port}\n",
            "#!/bin/sh\na MARK 80\n",
        ),
    ] {
        check(&[("stack.yaml", &stack(user_data))], script);
    }
}

#[test]
fn user_data_in_json_is_where_it_is_written() {
    let source =
        "{\"Resources\": {\"A\": {\"Type\": \"AWS::EC2::Instance\", \"Properties\": {\"UserData\": {\"Fn::Base64\":
        {\"Fn::Join\": [\"\", [\"#!/bin/sh\\n\", \"\\\"a\\\"\\tMARK\\n\", {\"Ref\": \"AWS::Region\"}, \"\\n\"]]}}}}}}";
    check(&[("stack.json", source)], "#!/bin/sh\n\"a\"\tMARK\n?\n");
}

#[test]
fn user_data_that_the_region_decides_has_an_alternative_for_each() {
    let here = "#!/bin/sh\necho here\nMARK\n";
    let there = "#!/bin/sh\necho there\nMARK\n";
    for (user_data, alternatives) in [
        (
            "!Base64\n        Fn::Sub:\n          - \"#!/bin/sh\\n${Line}\\nMARK\\n\"\n          - Line: !If [IsHere, echo here, echo there]\n",
            vec![here, there],
        ),
        (
            "!Base64\n        Fn::Join: [\"\\n\", ['#!/bin/sh', !If [IsHere, echo here, echo there], \"MARK\\n\"]]\n",
            vec![here, there],
        ),
        (
            "!Base64\n        Fn::If:\n          - IsHere\n          - |\n            #!/bin/sh\n            echo here\n            MARK\n          - \"#!/bin/sh\\n\"\n",
            vec![here, "#!/bin/sh\n"],
        ),
        (
            "!Base64\n        Fn::Sub:\n          - \"#!/bin/sh\\n${Line} ${Line}\\nMARK\\n\"\n          - Line: !FindInMap [Places, !Ref AWS::Region, Command]\n",
            vec!["#!/bin/sh\necho here echo here\nMARK\n", "#!/bin/sh\necho there echo there\nMARK\n"],
        ),
        (
            "!Base64\n        Fn::Join: [\"\\n\", ['#!/bin/sh', !If [IsHere, a, !Ref AWS::NoValue], \"MARK\\n\"]]\n",
            vec!["#!/bin/sh\na\nMARK\n", "#!/bin/sh\nMARK\n"],
        ),
        (
            "!Base64\n        Fn::Join: [\"\\n\", !If [IsHere, ['#!/bin/sh', a, \"MARK\\n\"], ['#!/bin/sh', \"b\\n\"]]]\n",
            vec!["#!/bin/sh\na\nMARK\n", "#!/bin/sh\nb\n"],
        ),
        // Which of the two go together is not known.
        (
            "!Base64\n        Fn::Join: [\"\\n\", ['#!/bin/sh', !If [IsHere, a, b], !If [IsHere, c, d], \"MARK\\n\"]]\n",
            vec!["#!/bin/sh\n?\n?\nMARK\n"],
        ),
    ] {
        let estate = Estate::of(&[("stack.yaml", &stack(user_data))]);
        let parts = estate.parts();
        assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), alternatives, "{user_data}");
        for part in parts.iter().filter(|part| part.text.as_str().contains(MARK)) {
            assert_eq!(estate.place_of_mark(&part.text), estate.written_mark(), "{user_data}");
        }
        assert_eq!(estate.problems(), Vec::<&str>::new(), "{user_data}");
    }
}

#[test]
fn a_fault_in_the_user_data_of_a_stack_is_a_hole_and_a_problem() {
    let source =
        stack("\n        Fn::Base64: !Sub |\n          #!/bin/sh\n          echo ${Nothing} ${x:-y}\n          MARK\n");
    let estate = Estate::of(&[("stack.yaml", &source)]);
    let parts = estate.parts();
    assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), ["#!/bin/sh\necho ? ?\nMARK\n"]);
    assert_eq!(estate.place_of_mark(&parts[0].text), estate.written_mark());
    let [missing, syntax] = estate.problems()[..] else { panic!("{:?}", estate.problems()) };
    assert!(missing.contains("`Nothing`") && syntax.contains("${!…}"));
}

#[test]
fn every_argument_for_user_data_brings_the_script() {
    let script = "#!/bin/sh\necho \u{e9}\nMARK\n";
    for (header, argument) in [
        ("resource \"aws_instance\" \"a\"", "user_data = file(\"a.sh\")"),
        ("resource \"aws_instance\" \"a\"", "user_data = filebase64(\"a.sh\")"),
        ("resource \"aws_instance\" \"a\"", "user_data_base64 = filebase64(\"a.sh\")"),
        ("resource \"aws_instance\" \"a\"", "user_data_base64 = base64encode(file(\"a.sh\"))"),
        ("resource \"aws_instance\" \"a\"", "user_data_base64 = base64gzip(file(\"a.sh\"))"),
        ("resource \"aws_spot_instance_request\" \"a\"", "user_data = file(\"a.sh\")"),
        ("resource \"aws_launch_template\" \"a\"", "user_data = filebase64(\"a.sh\")"),
        ("resource \"aws_launch_configuration\" \"a\"", "user_data = file(\"a.sh\")"),
        ("resource \"aws_launch_configuration\" \"a\"", "user_data_base64 = base64gzip(file(\"a.sh\"))"),
        ("resource \"awscc_ec2_instance\" \"a\"", "user_data = filebase64(\"a.sh\")"),
        ("resource \"awscc_ec2_launch_template\" \"a\"", "launch_template_data = { user_data = filebase64(\"a.sh\") }"),
        ("module \"a\"", "source = \"terraform-aws-modules/ec2-instance/aws\"\nuser_data = file(\"a.sh\")"),
        ("module \"a\"", "source = \"terraform-aws-modules/autoscaling/aws\"\nuser_data = filebase64(\"a.sh\")"),
        ("module \"a\"", "source = \"terraform-aws-modules/autoscaling/aws\"\nuser_data_base64 = filebase64(\"a.sh\")"),
        ("module \"a\"", "source = \"cloudposse/ec2-instance/aws\"\nuser_data_base64 = filebase64(\"a.sh\")"),
        (
            "module \"a\"",
            "source = \"terraform-aws-modules/eks/aws\"\neks_managed_node_groups = {
               a = { pre_bootstrap_user_data = file(\"a.sh\") }
             }",
        ),
        (
            "module \"a\"",
            "source = \"terraform-aws-modules/eks/aws\"\neks_managed_node_groups = { a = {} }
             eks_managed_node_group_defaults = { pre_bootstrap_user_data = file(\"a.sh\") }",
        ),
        (
            "module \"a\"",
            "source = \"terraform-aws-modules/eks/aws//modules/self-managed-node-group\"
             cloudinit_pre_nodeadm = [{ content_type = \"text/x-shellscript\", content = file(\"a.sh\") }]",
        ),
    ] {
        let source = format!("{header} {{\n{argument}\n}}\n");
        check(&[("main.tf", &source), ("a.sh", script)], script);
    }
}

#[test]
fn lines_that_a_module_puts_into_its_script_are_scripts_in_their_order() {
    let source = "
        module \"a\" {
          source = \"cloudposse/eks-node-group/aws\"
          before_cluster_joining_userdata = [\"echo first\", \"echo MARK\"]
          after_cluster_joining_userdata  = [\"#!/bin/sh\\necho last\"]
        }";
    let estate = Estate::of(&[("main.tf", source)]);
    let parts = estate.parts();
    let scripts = ["#!/bin/bash\necho first", "#!/bin/bash\necho MARK", "#!/bin/sh\necho last"];
    assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), scripts);
    assert!(parts.iter().all(|part| part.kind == user_data::PartKind::Script));
    assert_eq!(estate.place_of_mark(&parts[1].text), estate.written_mark());
}

#[test]
fn base64_that_is_written_out_stands_for_the_script() {
    let encoded = "IyEvYmluL3NoCmVjaG8gTUFSSwo=";
    let terraform = format!("resource \"aws_launch_template\" \"a\" {{\n  user_data = \"{encoded}\"\n}}\n");
    for (path, source) in [("main.tf", terraform), ("stack.yaml", stack(encoded))] {
        let estate = Estate::of(&[(path, &source)]);
        let parts = estate.parts();
        assert_eq!(parts.iter().map(shown).collect::<Vec<_>>(), ["#!/bin/sh\necho MARK\n"]);
        let at = source.find(encoded).unwrap();
        assert_eq!(estate.place_of_mark(&parts[0].text), (path.to_owned(), at, at + encoded.len()));
    }
}

#[test]
fn texts_of_terraform_are_where_they_are_written() {
    let rest = "
        locals {
          lines  = [\"#!/bin/sh\", \"echo a\"]
          script = <<-EOT
            #!/bin/sh
            echo local
          EOT
        }
        variable \"open\" {}";
    for (expression, script) in [
        ("<<EOT\n#!/bin/sh\n  MARK $${HOME} %%{x}\nEOT\n", "#!/bin/sh\n  MARK ${HOME} %{x}\n"),
        ("<<-EOT\n    #!/bin/sh\n      a\n    MARK\n    EOT\n", "#!/bin/sh\n  a\nMARK\n"),
        ("\"#!/bin/sh\\n\\tMARK \\\"a\\\"\\n\"", "#!/bin/sh\n\tMARK \"a\"\n"),
        ("join(\"\\n\", concat(local.lines, [\"MARK\", \"\"]))", "#!/bin/sh\necho a\nMARK\n"),
        ("format(\"#!/bin/sh\\n%s %03d MARK\\n\", \"a\", 7)", "#!/bin/sh\na 007 MARK\n"),
        ("format(\"#!/bin/sh\\n%s\\n\", \"echo MARK\")", "#!/bin/sh\necho MARK\n"),
        ("join(\"\\n\", formatlist(\"%s # MARK\", [\"#!/bin/sh\"]))", "#!/bin/sh # MARK"),
        ("indent(2, \"#!/bin/sh\\na\\nMARK\")", "#!/bin/sh\n  a\n  MARK"),
        ("replace(\"#!/bin/sh\\r\\na MARK b\\r\\n\", \"\\r\\n\", \"\\n\")", "#!/bin/sh\na MARK b\n"),
        ("replace(\"#!/bin/sh\\nHERE\\n\", \"HERE\", \"a MARK\")", "#!/bin/sh\na MARK\n"),
        ("replace(\"#!/bin/sh\\nMARK 12\\n\", \"/[0-9]+/\", \"x\")", "#!/bin/sh\nMARK x\n"),
        ("trimspace(\"  #!/bin/sh\\nMARK \\n\")", "#!/bin/sh\nMARK"),
        ("chomp(\"#!/bin/sh\\nMARK\\n\")", "#!/bin/sh\nMARK"),
        ("substr(\"x#!/bin/sh\\nMARK\\ny\", 1, 14)", "#!/bin/sh\nMARK"),
        ("split(\";\", \"a;#!/bin/sh\\nMARK;b\")[1]", "#!/bin/sh\nMARK"),
        ("trimprefix(\"x#!/bin/sh\\nMARK\", \"x\")", "#!/bin/sh\nMARK"),
        ("coalesce(\"\", <<-EOT\n    #!/bin/sh\n    MARK\n  EOT\n  )", "#!/bin/sh\nMARK\n"),
        ("base64encode(<<-EOT\n    #!/bin/sh\n    MARK\n  EOT\n  )", "#!/bin/sh\nMARK\n"),
        ("base64gzip(<<-EOT\n    #!/bin/sh\n    MARK ${local.lines[1]}\n  EOT\n  )", "#!/bin/sh\nMARK echo a\n"),
        ("base64encode(base64decode(base64encode(\"#!/bin/sh\\nMARK\")))", "#!/bin/sh\nMARK"),
        ("local.open != \"\" ? local.open : null", "#!/bin/sh\n? MARK"),
        ("coalesce(null, \"\", base64encode(local.open), \"other\")", "#!/bin/sh\n? MARK"),
        ("\"${local.script}MARK\"", "#!/bin/sh\necho local\nMARK"),
        ("templatestring(local.script, {}) == \"\" ? null : \"${local.script} MARK\"", "#!/bin/sh\necho local\n MARK"),
        (
            "<<-EOT\n    #!/bin/sh\n    %{ for each in local.lines ~}\n    ${each}\n    %{ endfor ~}\n    MARK\n  EOT\n",
            "#!/bin/sh\n    #!/bin/sh\n    echo a\n    MARK\n",
        ),
        (
            "join(\"\\n\", [\"#cloud-config\", yamlencode({ runcmd = [\"echo MARK\"] })])",
            "#cloud-config\n\"runcmd\":\n- \"echo MARK\"\n",
        ),
        (
            "\"#cloud-config\\n${jsonencode({ runcmd = [\"echo MARK\"] })}\"",
            "#cloud-config\n{\"runcmd\":[\"echo MARK\"]}",
        ),
    ] {
        let open = "\n        locals { open = \"#!/bin/sh\\n${var.open} MARK\" }";
        let rest = if expression.contains(MARK) { rest.to_owned() } else { format!("{rest}{open}") };
        check(&[("main.tf", &instance(expression, &rest))], script);
    }
}

#[test]
fn texts_of_template_files_are_where_they_are_written() {
    let template = "#!/bin/sh\n%{ for name in names ~}\nadd ${name}\n%{ endfor ~}\n%{ if secure ~}\nMARK $${HOME}\n\
                    %{ else ~}\nnothing\n%{ endif ~}\nend\n";
    let rendered = "#!/bin/sh\nadd a\nadd b\nMARK ${HOME}\nend\n";
    let variables = "{ names = [\"a\", \"b\"], secure = true }";
    for function in ["templatefile(\"a.tpl\", VARIABLES)", "templatestring(file(\"a.tpl\"), VARIABLES)"] {
        let expression = function.replace("VARIABLES", variables);
        for expression in [expression.clone(), format!("base64encode({expression})")] {
            check(&[("main.tf", &instance(&expression, "")), ("a.tpl", template)], rendered);
        }
    }
    // Of a template whose variables are not known, the rest is.
    let expression = "templatefile(\"a.tpl\", merge({ a = 1 }, var.more))";
    let source = instance(expression, "variable \"more\" {}\n");
    check(&[("main.tf", &source), ("a.tpl", "#!/bin/sh\n${a} MARK\n${upper(b)}\n")], "#!/bin/sh\n? MARK\n?\n");
    // A value that is given to a template is where it was written, not where the template uses it.
    let expression = "templatefile(\"${path.module}/a.tpl\", { line = \"echo MARK\" })";
    check(&[("main.tf", &instance(expression, "")), ("a.tpl", "#!/bin/sh\n${line}\n")], "#!/bin/sh\necho MARK\n");
}

#[test]
fn texts_that_modules_pass_on_are_where_they_are_written() {
    let root = "module \"a\" {\n  source = \"./m\"\n  script = file(\"${path.module}/a.sh\")\n}\n";
    let module = "
        variable \"script\" {}
        data \"cloudinit_config\" \"a\" {
          part {
            content = templatefile(\"${path.module}/a.tpl\", { script = var.script })
          }
        }
        resource \"aws_launch_template\" \"a\" {
          user_data = data.cloudinit_config.a.rendered
        }
        resource \"aws_autoscaling_group\" \"a\" {
          launch_template { id = aws_launch_template.a.id }
        }";
    let files =
        [("main.tf", root), ("a.sh", "echo MARK"), ("m/main.tf", module), ("m/a.tpl", "#!/bin/sh\n${script}\n")];
    check(&files, "#!/bin/sh\necho MARK\n");
}

#[test]
fn an_installer_of_a_known_agent_is_no_assumption() {
    let script = "#!/bin/bash\ncurl -fsSL https://mackerel.io/file/script/amznlinux/setup-all-yum-v2.sh | sh\n\
                  curl -fsSL https://example.com/other.sh | sh\n";
    let estate = Estate::of(&[
        ("boot.sh", script),
        ("main.tf", "resource \"aws_instance\" \"web\" {\n  user_data = file(\"${path.module}/boot.sh\")\n}\n"),
    ]);
    let boot = &estate.analysis.assessments.hosts[0].boot;
    let assumed: Vec<&str> = boot.assumes.iter().map(|step| &*step.text).collect();
    assert_eq!(assumed, ["a script from https://example.com/other.sh is run"]);
}
