//! The ways in which EC2 Image Builder gets its components: what is built of them, in which order, and where each byte
//! of a script was written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::path::PathBuf;

use imdslint::assess::{Asked, ImageAssessment};
use imdslint::discover::Kind;
use imdslint::engine::{Analysis, Configuration, Input, analyse};
use imdslint::eval::{BuildStepKind, Language, Value, ValueKind};
use imdslint::model::Image;
use support::Project;

/// The word whose place is asked for. It stands once in the files of a case.
const MARK: &str = "MARK";

/// A document with one step, whose command is `echo NAME`.
fn document(name: &str) -> String {
    format!(
        "name: {name}\nschemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - name: Say\n        \
         action: ExecuteBash\n        inputs:\n          commands:\n            - echo {name}\n"
    )
}

fn indented(text: &str, by: usize) -> String {
    let indent = " ".repeat(by);
    text.lines().flat_map(|line| [indent.as_str(), line, "\n"]).collect()
}

fn analysis_of(project: &Project, paths: Vec<PathBuf>) -> Analysis {
    let root = Some(project.path(""));
    let input = Input { paths, root, configuration: Configuration::None, ..Input::default() };
    analyse(&input, Asked::Nobody).unwrap()
}

fn analysis(files: &[(&str, &str)]) -> Analysis {
    let project = Project::new(files);
    analysis_of(&project, vec![project.path("")])
}

/// Each build with what its steps do, one after the other.
fn builds(analysis: &Analysis) -> Vec<(String, String)> {
    {
        let images = analysis.assessments.images.iter().map(|assessment| &assessment.image);
        images.map(|image| (image.subject.address.to_string(), steps(image).join("; "))).collect()
    }
}

fn steps(build: &Image) -> Vec<String> {
    let step = |kind: &BuildStepKind| match kind {
        BuildStepKind::Script { text, .. } => shown(text).trim_end().to_owned(),
        BuildStepKind::Opaque(name) => format!("? {name}"),
        BuildStepKind::Restart => "restart".into(),
        BuildStepKind::Package(name) => format!("package {}", shown(name)),
        other => panic!("{other:?}"),
    };
    build.steps.iter().map(|each| step(&each.kind)).collect()
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => text.as_str().replace('\u{fffc}', "<?>"),
        other => format!("{other:?}"),
    }
}

fn problems(analysis: &Analysis) -> Vec<&str> {
    analysis.problems.iter().map(|problem| &*problem.message).collect()
}

/// Asserts that the only build says `echo MARK`, and that the mark is where it stands in `files`.
fn assert_traced(files: &[(&str, &str)]) {
    let analysis = analysis(files);
    assert_eq!(problems(&analysis), [""; 0], "{files:?}");
    let [ImageAssessment { image: build, .. }] = analysis.assessments.images.as_slice() else {
        panic!("{files:?}: {:?}", builds(&analysis))
    };
    let [BuildStepKind::Script { text: value, .. }] = build.steps.iter().map(|step| &step.kind).collect::<Vec<_>>()[..]
    else {
        panic!("{files:?}: {:?}", steps(build))
    };
    let ValueKind::String(text) = &value.kind else { panic!("{value:?}") };
    assert_eq!(text.as_str().trim_end(), format!("echo {MARK}"), "{files:?}");
    let at = text.as_str().find(MARK).unwrap();
    let span = text.span_of(at..at + MARK.len()).unwrap();
    let file = analysis.workspace.source(span.file);
    assert_eq!(file.slice(span), MARK, "{files:?}");
    let expected = files.iter().find_map(|(path, text)| Some(((*path).to_owned(), text.find(MARK)?))).unwrap();
    assert_eq!((file.path.to_string(), span.range().start), expected);
}

const RECIPE: &str = "resource \"aws_imagebuilder_image_recipe\" \"web\" {\n  component {\n    component_arn = aws_imagebuilder_component.agent.arn\n  }\n}\n";

fn component(data: &str) -> String {
    format!("resource \"aws_imagebuilder_component\" \"agent\" {{\n  name = \"agent\"\n  data = {data}\n}}\n")
}

#[test]
fn a_script_in_a_component_is_traced_to_where_it_is_written() {
    let marked = document("x").replace("echo x", "echo MARK");
    assert_traced(&[("c/agent.yml", &marked)]);
    assert_traced(&[("c/agent.yml", &format!("\u{feff}{}", marked.replace('\n', "\r\n")))]);
    let json = "{\"schemaVersion\": 1.0, \"phases\": [{\"name\": \"build\", \"steps\": [{\"action\": \"ExecuteBash\", \"inputs\": {\"commands\": [\"echo MARK\"]}}]}]}";
    assert_traced(&[("agent.json", json)]);

    let in_terraform = |data: &str, more: &[(&str, &str)]| {
        let main = format!("{}{RECIPE}", component(data));
        let files: Vec<(&str, &str)> = [("main.tf", main.as_str())].into_iter().chain(more.iter().copied()).collect();
        assert_traced(&files);
        // Without a recipe the component is an image of its own.
        let main = component(data);
        assert_traced(&[[("main.tf", main.as_str())].as_slice(), more].concat());
    };
    in_terraform(&format!("<<EOT\n{marked}EOT"), &[]);
    in_terraform(&format!("<<-EOT\n{}  EOT", indented(&marked, 4)), &[]);
    in_terraform("file(\"${path.module}/agent.yml\")", &[("agent.yml", &marked)]);
    in_terraform(
        "templatefile(\"${path.module}/agent.yml.tftpl\", { word = \"echo\" })",
        &[("agent.yml.tftpl", &marked.replace("echo MARK", "${word} MARK"))],
    );
    in_terraform(
        "yamlencode({ schemaVersion = 1.0, phases = [{ name = \"build\", steps = [{ action = \"ExecuteBash\", inputs = { commands = [\"echo MARK\"] } }] }] })",
        &[],
    );
    in_terraform(
        "jsonencode({ schemaVersion = 1.0, phases = [{ name = \"build\", steps = [{ action = \"ExecuteBash\", inputs = { commands = file(\"run.sh\") } }] }] })",
        &[("run.sh", "echo MARK\n")],
    );

    let in_cloudformation = |data: &str| {
        let template = format!(
            "Resources:\n  Agent:\n    Type: AWS::ImageBuilder::Component\n    Properties:\n      Name: agent\n      Data: {data}\n  \
             Web:\n    Type: AWS::ImageBuilder::ImageRecipe\n    Properties:\n      Components:\n        - ComponentArn: !Ref Agent\n"
        );
        assert_traced(&[("t.yaml", &template)]);
    };
    in_cloudformation(&format!("|\n{}", indented(&marked, 8)));
    in_cloudformation(&format!("!Sub |\n{}", indented(&marked, 8)));
    in_cloudformation(&format!("\n        Fn::Sub:\n          - |\n{}          - {{Word: x}}", indented(&marked, 12)));
}

#[test]
fn a_recipe_runs_its_components_in_order_with_their_parameters() {
    let components: String = ["one", "two"]
        .map(|name| {
            let text = document(name).replace("echo", "echo {{ Word }}");
            let text = format!("parameters:\n  - Word: {{type: string, default: default}}\n{text}");
            format!("resource \"aws_imagebuilder_component\" \"{name}\" {{\n  name = \"{name}\"\n  data = <<EOT\n{text}EOT\n}}\n")
        })
        .concat();
    let recipe = "resource \"aws_imagebuilder_image_recipe\" \"web\" {
  parent_image     = \"ami-1\"
  user_data_base64 = base64encode(\"#!/bin/sh\\necho first\")
  component {
    component_arn = aws_imagebuilder_component.two.arn
    parameter {
      name  = \"Word\"
      value = \"given\"
    }
  }
  component {
    component_arn = aws_imagebuilder_component.one.arn
  }
  component {
    component_arn = \"arn:aws:imagebuilder:eu-west-1:aws:component/reboot-linux/x.x.x\"
  }
  component {
    component_arn = \"arn:${data.aws_partition.current.partition}:imagebuilder:eu-west-1:aws:component/amazon-cloudwatch-agent-linux/1.0.1/1\"
  }
  component {
    component_arn = \"arn:aws:imagebuilder:eu-west-1:aws:component/update-linux/x.x.x\"
  }
  component {
    component_arn = data.aws_imagebuilder_component.theirs.arn
  }
  component {
    component_arn = \"arn:aws:imagebuilder:eu-west-1:123456789012:component/one/1.0.0\"
  }
  component {
    component_arn = \"arn:aws:imagebuilder:eu-west-1:123456789012:component/other/1.0.0\"
  }
  component {
    component_arn = var.more
  }
}
variable \"more\" {}
data \"aws_partition\" \"current\" {}
data \"aws_imagebuilder_component\" \"theirs\" {
  arn = \"arn:aws:imagebuilder:eu-west-1:aws:component/unheard/x.x.x\"
}
";
    let analysis = analysis(&[("main.tf", &format!("{components}{recipe}"))]);
    assert_eq!(problems(&analysis), [""; 0]);
    let expected = "echo given two; echo default one; restart; package amazon-cloudwatch-agent; ? the component `unheard`; \
                    echo default one; ? the component `other`; ? the component `var.more`";
    assert_eq!(builds(&analysis), [("aws_imagebuilder_image_recipe.web".to_owned(), expected.to_owned())]);
    assert_eq!(analysis.assessments.images[0].image.user_data().len(), 1);
}

#[test]
fn a_recipe_of_cloudformation_runs_its_components_in_order() {
    let component = |name: &str| {
        format!(
            "  {name}:\n    Type: AWS::ImageBuilder::Component\n    Properties:\n      Name: {name}\n      Data: |\n{}",
            indented(&format!("parameters:\n  - Word: {{type: string}}\n{}", document("{{ Word }}")), 8)
        )
    };
    let template = format!(
        "Resources:\n{}{}  Far:\n    Type: AWS::ImageBuilder::Component\n    Properties: {{Uri: s3://b/c.yml}}\n  \
         Web:\n    Type: AWS::ImageBuilder::ImageRecipe\n    Properties:\n      Components:\n        - ComponentArn: !Ref B\n          \
         Parameters: [{{Name: Word, Value: [b]}}]\n        - ComponentArn: !GetAtt A.Arn\n          \
         Parameters:\n            - {{Name: Word, Value: [!Ref Given]}}\n        - ComponentArn: !Ref Far\n        \
         - ComponentArn: !Sub 'arn:${{AWS::Partition}}:imagebuilder:${{AWS::Region}}:aws:component/reboot-windows/x.x.x'\n      \
         AdditionalInstanceConfiguration: {{UserDataOverride: IyEvYmluL3NoCmVjaG8gZmlyc3Q=}}\nParameters:\n  Given: {{Type: String, Default: a}}\n",
        component("A"),
        component("B")
    );
    let analysis = analysis(&[("t.yaml", &template)]);
    assert_eq!(problems(&analysis), [""; 0]);
    let expected = "echo b; echo a; ? the component `Far`; restart";
    assert_eq!(builds(&analysis), [("Web".to_owned(), expected.to_owned())]);
    assert_eq!(analysis.assessments.images[0].image.language, Language::CloudFormation);
}

#[test]
fn components_of_a_loop_and_of_a_module_are_found() {
    let main = "
module \"agent\" {
  source = \"./component\"
}
resource \"aws_imagebuilder_component\" \"each\" {
  for_each = toset([\"a\", \"b\"])
  name     = each.key
  data     = templatefile(\"${path.module}/each.yml\", { word = each.key })
}
resource \"aws_imagebuilder_image_recipe\" \"web\" {
  dynamic \"component\" {
    for_each = [module.agent.arn, aws_imagebuilder_component.each[\"b\"].arn]
    content {
      component_arn = component.value
    }
  }
}
";
    let module = format!(
        "{}output \"arn\" {{\n  value = aws_imagebuilder_component.agent.arn\n}}\n",
        component("file(\"${path.module}/agent.yml\")")
    );
    let analysis = analysis(&[
        ("main.tf", main),
        ("each.yml", &document("x").replace("echo x", "echo ${word}")),
        ("component/main.tf", &module),
        ("component/agent.yml", &document("agent")),
    ]);
    assert_eq!(problems(&analysis), [""; 0]);
    let expected = [
        ("aws_imagebuilder_component.each[\"a\"]", "echo a"),
        ("aws_imagebuilder_image_recipe.web", "echo agent; echo b"),
    ];
    assert_eq!(builds(&analysis), expected.map(|(address, steps)| (address.to_owned(), steps.to_owned())));
}

#[test]
fn a_component_for_containers_is_no_image_of_its_own() {
    let recipe = RECIPE.replace("image_recipe", "container_recipe");
    let main = format!("{}{recipe}", component(&format!("<<EOT\n{}EOT", document("x"))));
    assert_eq!(builds(&analysis(&[("main.tf", &main)])), []);
}

#[test]
fn a_document_that_terraform_loads_is_no_image_of_its_own_also_when_it_alone_is_named() {
    let main = format!("{}{RECIPE}", component("file(\"agent.yml\")"));
    let project = Project::new(&[("main.tf", &main), ("agent.yml", &document("a")), ("alone.yml", &document("b"))]);
    let named = |name: &str| builds(&analysis_of(&project, vec![project.path(name)]));
    assert_eq!(named("agent.yml"), [("aws_imagebuilder_image_recipe.web".to_owned(), "echo a".to_owned())]);
    assert_eq!(named("alone.yml"), [("alone.yml".to_owned(), "echo b".to_owned())]);
}

#[test]
fn files_are_listed_with_the_images_that_they_decide_about() {
    let main = format!("{}{RECIPE}", component("file(\"agent.yml\")"));
    let project = Project::new(&[("main.tf", &main), ("agent.yml", &document("a")), ("alone.yml", &document("b"))]);
    let listed = project.run("files --format json").json();
    let files: Vec<String> = listed["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            format!("{} {} {}", file["path"].as_str().unwrap(), file["kind"].as_str().unwrap(), file["used_by"])
        })
        .collect();
    let recipe = "[\"aws_imagebuilder_image_recipe.web\"]";
    let expected = [
        format!("agent.yml image-builder {recipe}"),
        "alone.yml image-builder [\"alone.yml\"]".to_owned(),
        format!("main.tf terraform {recipe}"),
    ];
    assert_eq!(files, expected);
}

#[test]
fn whatever_is_named_is_a_component_document_when_the_user_says_so() {
    let project = Project::new(&[("agent", &document("a")), ("no.yml", "a: 1\n")]);
    let input = |name: &str| Input {
        paths: vec![project.path(name)],
        root: Some(project.path("")),
        kind: Some(Kind::ImageBuilder),
        ..Input::default()
    };
    assert_eq!(builds(&analyse(&input("agent"), Asked::Nobody).unwrap()), [("agent".to_owned(), "echo a".to_owned())]);
    let other = analyse(&input("no.yml"), Asked::Nobody).unwrap();
    assert_eq!(builds(&other), []);
    assert_eq!(problems(&other).len(), 1);
    assert_eq!(project.run("files agent --kind image-builder").code, 0);
}

#[test]
fn an_image_of_a_host_knows_the_host_and_who_uses_the_image() {
    let main = "
resource \"aws_instance\" \"seed\" {
  ami = \"ami-1\"
}
resource \"aws_ami_from_instance\" \"golden\" {
  name               = \"golden\"
  source_instance_id = aws_instance.seed.id
}
resource \"aws_ami_copy\" \"there\" {
  source_ami_id = aws_ami_from_instance.golden.id
}
resource \"aws_launch_template\" \"web\" {
  image_id = aws_ami_copy.there.id
}
resource \"aws_instance\" \"other\" {
  ami = aws_ami_from_instance.golden.id
}
resource \"aws_ami_from_instance\" \"theirs\" {
  source_instance_id = \"i-0123456789abcdef0\"
}
";
    let analysis = analysis(&[("main.tf", main)]);
    let addresses = |subjects: &[imdslint::model::Subject]| -> Vec<String> {
        subjects.iter().map(|subject| subject.address.to_string()).collect()
    };
    let copies: Vec<_> = analysis
        .assessments
        .copies
        .iter()
        .map(|copy| {
            (
                copy.subject.address.to_string(),
                addresses(&copy.made_of),
                addresses(&copy.used_by),
                copy.unresolved.is_some(),
            )
        })
        .collect();
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        (
            "aws_ami_from_instance.golden".to_owned(),
            words(&["aws_instance.seed"]),
            words(&["aws_instance.other", "aws_launch_template.web"]),
            false,
        ),
        ("aws_ami_from_instance.theirs".to_owned(), Vec::new(), Vec::new(), true),
    ];
    assert_eq!(copies, expected);
}

#[test]
fn suppressions_count_in_documents_wherever_they_are_held() {
    // One that hides nothing is a finding: it was read.
    let marked =
        |text: &str| text.replace("        action:", "        # imdslint: ignore[IMDS101] no reason\n        action:");
    let unused =
        |files: &[(&str, &str)]| -> Vec<(String, String)> { Project::new(files).run("check --format json").findings() };
    let found = |path: &str| vec![("IMDS901".to_owned(), path.to_owned())];
    assert_eq!(unused(&[("agent.yml", &marked(&document("a")))]), found("agent.yml"));
    let in_script = document("a")
        .replace("- echo a", "- |\n              # imdslint: ignore[IMDS101] no reason\n              echo a");
    assert_eq!(unused(&[("agent.yml", &in_script)]), found("agent.yml"));
    let main = format!("{}{RECIPE}", component("file(\"agent.yml\")"));
    assert_eq!(unused(&[("main.tf", &main), ("agent.yml", &marked(&document("a")))]), found("agent.yml"));
    let main = component(&format!("<<EOT\n{}EOT", marked(&document("a"))));
    assert_eq!(unused(&[("main.tf", &main)]), found("main.tf"));
}

#[test]
fn a_broken_document_is_a_problem_and_does_not_stop_the_others() {
    let project = Project::new(&[
        ("a.yml", "schemaVersion: 1.0\nphases:\n  - name: build\n    steps: [\n"),
        ("b.yml", &document("b")),
    ]);
    let ran = project.run("check --format json");
    assert_eq!(ran.code, 3, "{ran:?}");
    let analysis = analysis_of(&project, vec![project.path("")]);
    assert_eq!(builds(&analysis).last().unwrap().1, "echo b");
}

#[test]
fn what_a_template_leaves_out_is_not_followed() {
    let begin = "schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n";
    let step = "      - action: ExecuteBash\n        inputs: {commands: [echo a]}\n";
    for (template, expected) in [
        (format!("{begin}      ${{steps}}\n"), "? a part of the document that is not known"),
        (format!("{begin}{step}      ${{steps}}\n"), "echo a; ? a part of the document that is not known"),
        (format!("{begin}{step}      - action: ${{steps}}\n"), "echo a; ? an action that is not known"),
        (format!("{begin}{}", step.replace("echo a", "echo ${steps}")), "echo <?>"),
    ] {
        let data = "templatefile(\"a.yml.tftpl\", { steps = var.steps })";
        let main = format!("variable \"steps\" {{}}\n{}", component(data));
        let analysis = analysis(&[("main.tf", &main), ("a.yml.tftpl", &template)]);
        assert_eq!(problems(&analysis), [""; 0], "{template}");
        assert_eq!(builds(&analysis)[0].1, expected, "{template}");
    }
}

#[test]
fn an_installer_that_starts_an_agent_is_no_registration_when_a_start_is_none() {
    let document = |command: &str| document("x").replace("echo x", command);
    let findings = |command: &str| -> Vec<String> {
        let ran = Project::new(&[("agent.yml", &document(command))]).run("check --format json");
        ran.findings().into_iter().map(|(rule, _)| rule).collect()
    };
    for command in [
        "yum install -y https://s3.amazonaws.com/ec2-downloads-windows/SSMAgent/latest/linux_amd64/amazon-ssm-agent.rpm",
        "curl -fsSL https://tailscale.com/install.sh | sh && systemctl enable --now tailscaled",
    ] {
        assert_eq!(findings(command), [""; 0], "{command}");
    }
    assert_eq!(findings("curl -fsSL https://tailscale.com/install.sh | sh && tailscale up --authkey k"), ["IMDS201"]);
}
