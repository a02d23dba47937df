//! Forms of Terraform that real repositories use, through the whole program: what is found, where, and what is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;

use imdslint::engine::{self, Checked, Configuration, Input, Variables};
use imdslint::finding::Place;
use imdslint::model::Host;
use support::everything;
use tempfile::TempDir;

/// A workspace with `files`, and what asks for all of it.
fn workspace(files: &[(&str, &str)]) -> (TempDir, Input) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let input = Input { paths: vec![folder.path().to_owned()], configuration: Configuration::None, ..Input::default() };
    (folder, input)
}

/// Each host of a workspace with `files`, with its session tokens and who decides about them.
fn tokens(files: &[(&str, &str)]) -> Vec<String> {
    let (_folder, input) = workspace(files);
    let hosts = engine::hosts(&input).unwrap().assessments.hosts;
    let shown = |host: &Host| {
        let tokens = host.metadata.tokens.only_effective().unwrap();
        format!("{} {} {:?}", host.subject.address, tokens.written.meaning().unwrap_or("-"), tokens.decided_by)
    };
    hosts.iter().map(|assessment| shown(&assessment.host)).collect()
}

/// What comes of checking a workspace with `files`.
fn check(files: &[(&str, &str)]) -> Checked {
    let (_folder, input) = workspace(files);
    engine::check(&everything(input)).unwrap()
}

/// The rule and the text at the primary place of each finding.
fn findings(checked: &Checked) -> Vec<(&str, String)> {
    let files = &checked.report.files;
    let found = checked.report.findings.iter().map(|reported| {
        let span = reported.finding.primary.span;
        (reported.finding.rule, files.source(span.file).unwrap().slice(span).to_owned())
    });
    found.collect()
}

/// The text at each problem.
fn problems(checked: &Checked) -> Vec<String> {
    let files = &checked.report.files;
    let place = |place: &Place| match place {
        Place::Span(span) => files.source(span.file).unwrap().slice(*span).to_owned(),
        Place::Path(path) => path.to_string(),
    };
    checked.report.problems.iter().map(|problem| place(&problem.place)).collect()
}

#[test]
fn a_boolean_that_is_spelled_out_elsewhere_is_the_place_to_edit() {
    let module = "
        variable \"endpoint\" {
          type    = bool
          default = true
        }
        resource \"aws_instance\" \"this\" {
          metadata_options {
            http_endpoint = var.endpoint ? \"enabled\" : \"disabled\"
          }
        }";
    let root = "
        module \"web\" {
          source   = \"./module\"
          endpoint = false
        }";
    let checked = check(&[("main.tf", root), ("module/main.tf", module)]);
    assert_eq!(findings(&checked), [("IMDS101", "false".to_owned())]);
    let labels: Vec<_> = checked.report.findings[0].finding.related.iter().map(|label| &*label.message).collect();
    assert!(labels.contains(&"chosen by the condition `var.endpoint`"), "{labels:?}");
}

/// What is rendered for each of an unknown number of copies is the same text up to what differs between the copies.
#[test]
fn a_copy_of_unknown_many_is_known_but_for_its_key() {
    let source = "
        variable \"zones\" {}
        data \"cloudinit_config\" \"boot\" {
          for_each = var.zones
          part {
            content_type = \"text/x-shellscript\"
            content      = \"#!/bin/sh\\nhostname ${each.key}\\niptables -I OUTPUT -d 169.254.169.254 -j DROP\\n\"
          }
        }
        resource \"aws_launch_template\" \"nat\" {
          for_each  = var.zones
          user_data = data.cloudinit_config.boot[each.key].rendered
        }";
    let checked = check(&[("main.tf", source)]);
    assert_eq!(findings(&checked), [("IMDS103", "iptables -I OUTPUT -d 169.254.169.254 -j DROP".to_owned())]);

    let module = "output \"endpoint\" { value = \"disabled\" }";
    let root = "
        variable \"zones\" {}
        module \"options\" {
          source   = \"./module\"
          for_each = var.zones
        }
        resource \"aws_instance\" \"this\" {
          for_each = var.zones
          metadata_options {
            http_endpoint = module.options[each.key].endpoint
          }
        }";
    let checked = check(&[("main.tf", root), ("module/main.tf", module)]);
    assert_eq!(findings(&checked), [("IMDS101", "\"disabled\"".to_owned())]);
}

/// With no copy there is nothing to index, and `try` takes its next argument.
#[test]
fn whether_there_is_a_copy_at_all_stays_open_under_try() {
    let source = "
        variable \"number\" {}
        resource \"terraform_data\" \"options\" {
          count = var.number
          input = \"disabled\"
        }
        resource \"aws_instance\" \"this\" {
          metadata_options {
            http_endpoint = try(terraform_data.options[0].input, \"enabled\")
          }
        }";
    let checked = check(&[("main.tf", source)]);
    assert_eq!(findings(&checked).iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), ["IMDS902"]);
}

#[test]
fn what_is_stored_is_what_was_given() {
    let source = "
        resource \"terraform_data\" \"options\" { input = { endpoint = \"disabled\" } }
        data \"null_data_source\" \"values\" { inputs = { command = \"route add -host 169.254.169.254 reject\" } }
        resource \"aws_instance\" \"this\" {
          user_data = \"#!/bin/sh\\n${data.null_data_source.values.outputs[\"command\"]}\\n\"
          metadata_options {
            http_endpoint = terraform_data.options.output.endpoint
          }
        }";
    let checked = check(&[("main.tf", source)]);
    let mut found = findings(&checked);
    found.sort();
    let expected = [("IMDS101", "\"disabled\""), ("IMDS105", "route add -host 169.254.169.254 reject")];
    assert_eq!(found, expected.map(|(rule, text)| (rule, text.to_owned())));
}

#[test]
fn a_comparison_leaves_the_literal_as_the_place_to_edit() {
    let source = "
        variable \"stage\" { default = \"test\" }
        resource \"aws_instance\" \"this\" {
          metadata_options {
            http_endpoint = var.stage == \"production\" ? \"enabled\" : \"disabled\"
          }
        }";
    assert_eq!(findings(&check(&[("main.tf", source)])), [("IMDS101", "\"disabled\"".to_owned())]);
}

#[test]
fn what_a_decoded_file_says_is_found_at_its_place_in_that_file() {
    let options = |decoded: &str| {
        format!(
            "resource \"aws_instance\" \"this\" {{
               metadata_options {{
                 http_endpoint = {decoded}.hosts[0].endpoint
               }}
             }}"
        )
    };
    let yaml = "other: disabled\nhosts:\n- endpoint: 'disabled'\n";
    let json = "{\"other\": \"disabled\", \"hosts\": [{\"endpoint\": \"disabled\"}]}";
    let source = options("yamldecode(file(\"hosts.yaml\"))");
    let checked = check(&[("main.tf", &source), ("hosts.yaml", yaml)]);
    assert_eq!(findings(&checked), [("IMDS101", "'disabled'".to_owned())]);
    let source = options("jsondecode(file(\"hosts.json\"))");
    let checked = check(&[("main.tf", &source), ("hosts.json", json)]);
    assert_eq!(findings(&checked), [("IMDS101", "\"disabled\"".to_owned())]);
    assert_eq!(checked.report.findings[0].finding.primary.span.range().start, json.rfind("\"disabled\"").unwrap());
}

#[test]
fn a_reference_may_say_that_it_is_to_a_resource() {
    let source = "
        resource \"terraform_data\" \"this\" { input = \"disabled\" }
        resource \"aws_instance\" \"this\" {
          metadata_options {
            http_endpoint = resource.terraform_data.this.input
          }
        }";
    let checked = check(&[("main.tf", source)]);
    assert_eq!(findings(&checked), [("IMDS101", "\"disabled\"".to_owned())]);
    assert_eq!(problems(&checked), Vec::<String>::new());
}

#[test]
fn an_argument_that_is_null_is_left_to_the_cloud() {
    let source = "
        resource \"aws_instance\" \"one\" { ami = null }
        resource \"aws_instance\" \"two\" { ami = coalesce(null, aws_instance.one.ami) }
        resource \"aws_instance\" \"three\" {
          count = 1
          ami   = coalesce(null, aws_instance.four[0].ami)
        }
        resource \"aws_instance\" \"four\" {
          count = 1
          ami   = null
        }";
    assert_eq!(problems(&check(&[("main.tf", source)])), Vec::<String>::new());
}

#[test]
fn a_fault_is_a_problem_only_where_it_decides_something_about_a_host() {
    let silent = "
        locals { digest = filebase64sha256(\"build/function.zip\") }
        output \"digest\" { value = local.digest }
        resource \"aws_lambda_function\" \"this\" { source_code_hash = local.digest }
        resource \"aws_instance\" \"this\" { tags = { digest = local.digest } }
        resource \"aws_eks_node_group\" \"this\" {
          launch_template {
            version = local.digest
          }
        }";
    assert_eq!(problems(&check(&[("main.tf", silent)])), Vec::<String>::new());

    let endpoint = "
        locals { options = jsondecode(file(\"options.json\")) }
        resource \"aws_instance\" \"this\" {
          metadata_options {
            http_endpoint = local.options.endpoint
          }
        }";
    let checked = check(&[("main.tf", endpoint)]);
    assert_eq!(problems(&checked), ["file(\"options.json\")"]);
    assert_eq!(findings(&checked), [("IMDS902", "local.options.endpoint".to_owned())]);

    let user_data = "resource \"aws_instance\" \"this\" { user_data = file(\"boot.sh\") }";
    assert_eq!(problems(&check(&[("main.tf", user_data)])), ["file(\"boot.sh\")"]);
}

#[test]
fn what_is_declared_twice_is_a_problem_only_where_hosts_are_described() {
    let twice = "
        variable \"a\" {}
        variable \"a\" {}
        output \"o\" { value = 1 }
        output \"o\" { value = 1 }";
    let files = |main: &'static str| [("main.tf", main), ("twice.tf", twice)];
    assert_eq!(problems(&check(&files(""))), Vec::<String>::new());
    assert_eq!(problems(&check(&files("resource \"aws_instance\" \"this\" {}"))), ["variable \"a\""]);
}

#[test]
fn an_account_default_holds_for_hosts_of_its_provider_configuration_and_region() {
    let root = "
        resource \"aws_ec2_instance_metadata_defaults\" \"each\" {
          for_each    = toset([\"us-east-1\", \"eu-west-1\"])
          region      = each.key
          http_tokens = each.key == \"us-east-1\" ? \"required\" : \"optional\"
        }
        resource \"aws_ec2_instance_metadata_defaults\" \"west\" {
          provider    = aws.west
          http_tokens = \"required\"
        }
        resource \"aws_ec2_instance_metadata_defaults\" \"open\" {
          region      = var.region
          http_tokens = \"required\"
        }
        variable \"region\" {}
        resource \"aws_instance\" \"eu\" { region = \"eu-west-1\" }
        resource \"aws_instance\" \"here\" {}
        resource \"aws_instance\" \"open\" { region = var.region }
        resource \"aws_instance\" \"us\" { region = \"us-east-1\" }
        module \"called\" {
          source    = \"./module\"
          providers = { aws.other = aws.west }
        }
        module \"fetched\" {
          source    = \"terraform-aws-modules/autoscaling/aws\"
          version   = \"~> 8.0\"
          providers = { aws = aws.west }
        }";
    let module = "
        resource \"aws_instance\" \"here\" {}
        resource \"aws_instance\" \"other\" { provider = aws.other }";
    let expected = [
        "aws_instance.eu optional Account(\"aws_ec2_instance_metadata_defaults.each[\\\"eu-west-1\\\"]\")",
        "aws_instance.here - Service",
        "aws_instance.open required Account(\"aws_ec2_instance_metadata_defaults.open\")",
        "aws_instance.us required Account(\"aws_ec2_instance_metadata_defaults.each[\\\"us-east-1\\\"]\")",
        "module.called.aws_instance.here - Service",
        "module.called.aws_instance.other required Account(\"aws_ec2_instance_metadata_defaults.west\")",
        "module.fetched required Account(\"aws_ec2_instance_metadata_defaults.west\")",
    ];
    assert_eq!(tokens(&[("main.tf", root), ("module/main.tf", module)]), expected);
}

#[test]
fn an_image_counts_where_neither_the_launch_nor_the_account_says_anything() {
    let image = "
        resource \"aws_ami\" \"golden\" { imds_support = \"v2.0\" }
        resource \"aws_ami_copy\" \"copy\" { source_ami_id = aws_ami.golden.id }
        resource \"aws_launch_template\" \"a\" { image_id = aws_ami_copy.copy.id }
        resource \"aws_instance\" \"b\" {
          launch_template {
            id = aws_launch_template.a.id
          }
        }
        resource \"aws_instance\" \"c\" {
          ami = \"ami-0123456789abcdef0\"
          launch_template {
            id = aws_launch_template.a.id
          }
        }
        resource \"aws_instance\" \"d\" {
          ami = aws_ami.golden.id
          metadata_options {
            http_tokens = \"optional\"
          }
        }";
    let expected = [
        "aws_instance.b required Image(\"aws_ami.golden\")",
        "aws_instance.c - Service",
        "aws_instance.d optional Host",
        "aws_launch_template.a required Image(\"aws_ami.golden\")",
    ];
    assert_eq!(tokens(&[("main.tf", image)]), expected);

    let account = "resource \"aws_ec2_instance_metadata_defaults\" \"all\" { http_tokens = \"optional\" }";
    let with_account = tokens(&[("main.tf", image), ("account.tf", account)]);
    assert_eq!(with_account[0], "aws_instance.b optional Account(\"aws_ec2_instance_metadata_defaults.all\")");
    let no_preference = account.replace("optional", "no-preference");
    assert_eq!(tokens(&[("main.tf", image), ("account.tf", &no_preference)]), expected);
}

#[test]
fn the_defaults_of_a_known_module_are_those_of_the_version_that_is_called() {
    let call = |source: &str, arguments: &str| {
        let text = format!("module \"eks\" {{\n  source = \"{source}\"\n{arguments}\n}}");
        tokens(&[("main.tf", &text)])
    };
    let groups = "  eks_managed_node_groups = { a = {} }\n  worker_groups = [{}]";
    let registry = "terraform-aws-modules/eks/aws";
    for (version, expected) in [("~> 21.0", "required"), ("18.0", "required"), (">= 17", "required")] {
        let hosts = call(registry, &format!("  version = \"{version}\"\n{groups}"));
        assert_eq!(hosts[0], format!("module.eks.eks_managed_node_groups[\"a\"] {expected} Module"), "{version}");
        assert_eq!(hosts[1], "module.eks.worker_groups optional Module", "worker groups ended before 18.0.0");
    }
    let tag = "git::https://github.com/terraform-aws-modules/terraform-aws-ec2-instance.git?ref=v5.7.1";
    assert_eq!(call(tag, ""), ["module.eks optional Module"]);
    assert_eq!(call(&tag.replace("v5.7.1", "master"), ""), ["module.eks required Module"]);
    assert_eq!(call(tag, "  metadata_options = null"), ["module.eks - Service"]);
}

/// What passes the string `disabled` on, whole or as a part of something, and gives it back.
const PASSED_ON: &[&str] = &[
    "replace(\"disabled-x\", \"-x\", \"\")",
    "replace(\"-disabled\", \"/^-/\", \"\")",
    "replace(\"NAME\", \"NAME\", \"disabled\")",
    "format(\"%s\", \"disabled\")",
    "format(\"disabled%s\", \"\")",
    "formatlist(\"%s\", [\"disabled\"])[0]",
    "join(\"\", [\"disabled\"])",
    "join(\"abled\", [\"dis\", \"\"]) == \"\" ? \"x\" : \"disabled\"",
    "split(\",\", \"x,disabled\")[1]",
    "trim(\"--disabled--\", \"-\")",
    "trimspace(\" disabled \")",
    "trimprefix(\"x-disabled\", \"x-\")",
    "trimsuffix(\"disabled-x\", \"-x\")",
    "chomp(\"disabled\\n\")",
    "substr(\"x-disabled\", 2, -1)",
    "lower(\"DISABLED\")",
    "indent(2, \"disabled\")",
    "regex(\"[a-z]+$\", \"1 disabled\")",
    "regexall(\"[a-z]+\", \"1 disabled\")[0]",
    "regex(\"(?P<word>[a-z]+)\", \"1 disabled\").word",
    "jsondecode(jsonencode({ a = \"disabled\" })).a",
    "jsondecode(\"{\\\"a\\\": \\\"disabled\\\"}\").a",
    "yamldecode(yamlencode({ a = \"disabled\" })).a",
    "yamldecode(\"a: disabled\").a",
    "csvdecode(\"a\\ndisabled\\n\")[0].a",
    "base64decode(base64encode(\"disabled\"))",
    "textdecodebase64(textencodebase64(\"disabled\", \"UTF-16LE\"), \"UTF-16LE\")",
    "templatefile(\"given.tftpl\", { value = \"disabled\" })",
    "templatefile(\"own.tftpl\", {})",
    "templatefile(\"loop.tftpl\", { values = [\"disabled\"] })",
    "templatestring(local.template, { value = \"disabled\" })",
    "trimspace(file(\"disabled.txt\"))",
    "merge({ a = \"x\" }, { a = \"disabled\" }).a",
    "lookup({ a = \"disabled\" }, \"a\", \"x\")",
    "lookup({}, \"a\", \"disabled\")",
    "element([\"x\", \"disabled\"], 1)",
    "coalesce(null, \"\", \"disabled\")",
    "coalescelist([], [\"disabled\"])[0]",
    "one([\"disabled\"])",
    "one(toset([\"disabled\"]))",
    "flatten([[\"x\"], [[\"disabled\"]]])[1]",
    "zipmap([\"a\"], [\"disabled\"]).a",
    "values({ a = \"disabled\" })[0]",
    "keys({ \"disabled\" = 1 })[0]",
    "try(jsondecode(\"{\"), \"disabled\")",
    "try({ a = \"disabled\" }.a, \"x\")",
    "tolist([\"disabled\"])[0]",
    "tomap({ a = \"disabled\" }).a",
    "tostring(\"disabled\")",
    "nonsensitive(sensitive(\"disabled\"))",
    "reverse([\"disabled\", \"x\"])[1]",
    "sort([\"x\", \"disabled\"])[0]",
    "slice([\"x\", \"disabled\"], 1, 2)[0]",
    "concat([\"x\"], [\"disabled\"])[1]",
    "distinct([\"disabled\", \"disabled\"])[0]",
    "compact([\"\", \"disabled\"])[0]",
    "chunklist([\"disabled\"], 1)[0][0]",
    "one(setunion([\"disabled\"], [\"disabled\"]))",
    "one(setintersection([\"disabled\"], [\"disabled\", \"x\"]))",
    "one(setsubtract([\"disabled\", \"x\"], [\"x\"]))",
    "setproduct([\"disabled\"], [\"x\"])[0][0]",
    "matchkeys([\"disabled\"], [\"a\"], [\"a\"])[0]",
    "transpose({ a = [\"disabled\"] }) == {} ? \"x\" : \"disabled\"",
    "[for value in [\"disabled\"] : value][0]",
    "{ for value in [\"disabled\"] : \"a\" => value }.a",
    "{ for value in [\"disabled\"] : \"a\" => value... }.a[0]",
    "one([{ a = \"disabled\" }][*].a)",
    "true ? \"disabled\" : \"x\"",
    "\"${\"disabled\"}\"",
    "\"%{ if true }disabled%{ endif }\"",
    "\"%{ for value in [\"disabled\"] }${value}%{ endfor }\"",
    "trimspace(<<-EOT\n    disabled\n  EOT\n  )",
];

#[test]
fn a_string_leads_back_to_where_it_was_written_through_whatever_passed_it_on() {
    let host = |(number, expression): (usize, &&str)| {
        format!(
            "resource \"aws_instance\" \"h{number:03}\" {{\n  metadata_options {{\n    http_endpoint = {expression}\n  }}\n}}\n"
        )
    };
    let hosts: Vec<String> = PASSED_ON.iter().enumerate().map(host).collect();
    let checked = check(&[
        ("main.tf", &hosts.concat()),
        ("locals.tf", "locals {\n  template = \"$${value}\"\n}\n"),
        ("given.tftpl", "${value}"),
        ("own.tftpl", "disabled"),
        ("loop.tftpl", "%{ for value in values ~}\n${value}\n%{~ endfor ~}"),
        ("disabled.txt", "disabled\n"),
    ]);
    let mut lost = Vec::new();
    for (number, expression) in PASSED_ON.iter().enumerate() {
        let start: usize = hosts.iter().take(number).map(String::len).sum();
        let own = start..start + hosts[number].len();
        let is_there = checked.report.findings.iter().any(|reported| {
            let span = reported.finding.primary.span;
            let file = checked.report.files.source(span.file).unwrap();
            let is_own = &*file.path != "main.tf" && expression.contains(&*file.path)
                || &*file.path == "main.tf" && own.contains(&span.range().start);
            is_own && reported.finding.rule == "IMDS101" && file.slice(span).to_lowercase().contains("disabled")
        });
        if !is_there {
            lost.push(expression);
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// What is not known, and what Terraform may make of it: nothing of it may be taken for certain.
const OPEN: &[&str] = &[
    "var.open ? \"disabled\" : \"enabled\"",
    "var.open == \"a\" ? \"disabled\" : \"enabled\"",
    "[\"disabled\", \"enabled\"][var.open]",
    "{ a = \"disabled\", b = \"enabled\" }[var.open]",
    "lookup({ a = \"disabled\" }, var.open, \"enabled\")",
    "element([\"disabled\", \"enabled\"], var.open)",
    "try(var.open.x, \"disabled\")",
    "can(var.open.x) ? \"disabled\" : \"enabled\"",
    "coalesce(var.open, \"disabled\")",
    "[for value in var.open : \"disabled\"][0]",
    "[for value in [\"enabled\", \"disabled\"] : value if value != var.open][0]",
    "{ for value in [\"disabled\"] : var.open => value }.a",
    "\"${var.open}disabled\"",
    "trimprefix(\"${var.open}disabled\", var.open)",
    "\"%{ if var.open }disabled%{ else }enabled%{ endif }\"",
    "\"%{ for value in var.open }disabled%{ endfor }\"",
    "merge({ a = \"disabled\" }, var.open).a",
    "one(compact([var.open, \"disabled\"]))",
    "concat(var.open, [\"disabled\"])[0]",
    "sort([var.open, \"disabled\"])[0]",
    "length(var.open) > 0 ? \"disabled\" : \"enabled\"",
    "contains([var.open], \"a\") ? \"disabled\" : \"enabled\"",
    "templatefile(var.open, {})",
    "jsondecode(var.open).a",
    "provider::aws::arn_parse(\"arn:aws:iam::1:root\") == \"\" ? \"enabled\" : \"disabled\"",
    "timestamp() == \"\" ? \"enabled\" : \"disabled\"",
    "join(\"\", [\"dis\", var.open])",
    "var.open[*].a == [] ? \"enabled\" : \"disabled\"",
    "tolist([\"a\"]) == [\"a\"] ? \"disabled\" : \"enabled\"",
];

#[test]
fn nothing_is_certain_of_what_is_not_known() {
    let host = |(number, expression): (usize, &&str)| {
        format!(
            "resource \"aws_instance\" \"h{number:03}\" {{\n  metadata_options {{\n    http_endpoint = {expression}\n  }}\n}}\n"
        )
    };
    let hosts: String = OPEN.iter().enumerate().map(host).collect();
    let checked = check(&[("main.tf", &hosts), ("variables.tf", "variable \"open\" {}\n")]);
    let certain: Vec<_> = findings(&checked).into_iter().filter(|(rule, _)| *rule == "IMDS101").collect();
    assert!(certain.is_empty(), "{certain:#?}");
}

#[test]
fn variables_files_count_in_the_order_in_which_terraform_reads_them() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let declared: String = names.map(|name| format!("variable \"{name}\" {{ default = \"1\" }}\n")).concat();
    let image: String = names.map(|name| format!("${{var.{name}}}")).concat();
    let main = format!("{declared}resource \"aws_instance\" \"this\" {{ ami = \"{image}\" }}");
    let of = |names: &[&str], value: &str| -> String {
        names.iter().map(|name| format!("{name} = \"{value}\"\n")).collect::<Vec<_>>().concat()
    };
    let in_json = |names: &[&str], value: &str| {
        let entries: Vec<_> = names.iter().map(|name| format!("\"{name}\": \"{value}\"")).collect();
        format!("{{{}}}", entries.join(", "))
    };
    let (_folder, mut input) = workspace(&[
        ("main.tf", &main),
        ("terraform.tfvars", &of(&names[1..], "2")),
        ("terraform.tfvars.json", &in_json(&names[2..], "3")),
        ("a.auto.tfvars", &of(&names[3..], "4")),
        ("a.auto.tfvars.json", &in_json(&names[4..], "5")),
        ("b.auto.tfvars", &of(&names[5..], "6")),
        ("given.tfvars", &of(&names[4..], "7")),
    ]);
    let image = |input: &Input| {
        let hosts = engine::hosts(input).unwrap().assessments.hosts;
        hosts[0].host.image.as_str().unwrap().to_owned()
    };
    let value = |name: &str| Variables::Value(name.into(), "8".into());
    let file = Variables::File(input.paths[0].join("given.tfvars"));
    input.variables = vec![value("a"), value("e"), file.clone()];
    assert_eq!(image(&input), "823477");
    input.variables = vec![file, value("e")];
    assert_eq!(image(&input), "123487");
}

#[test]
fn of_several_copies_the_one_that_is_asked_for_counts() {
    let module = "
variable \"endpoint\" {}
output \"endpoint\" { value = var.endpoint }
";
    let main = "
locals { endpoints = { a = \"enabled\", b = \"disabled\", c = \"enabled\" } }
module \"named\" {
  source   = \"./module\"
  for_each = local.endpoints
  endpoint = each.value
}
resource \"terraform_data\" \"numbered\" {
  count = 3
  input = [\"enabled\", \"enabled\", \"disabled\"][count.index]
}
resource \"terraform_data\" \"keyed\" {
  for_each = local.endpoints
  input    = each.value
}
resource \"aws_instance\" \"this\" {
  for_each = {
    module    = [module.named[\"a\"].endpoint, module.named[\"b\"].endpoint, module.named[\"c\"].endpoint]
    by_number = [terraform_data.numbered[0].input, terraform_data.numbered[2].input, terraform_data.numbered[1].input]
    by_key    = [terraform_data.keyed[\"a\"].input, terraform_data.keyed[\"b\"].input, terraform_data.keyed[\"c\"].input]
  }
  metadata_options { http_endpoint = join(\",\", each.value) == \"enabled,disabled,enabled\" ? \"enabled\" : \"disabled\" }
}
";
    let (_folder, input) = workspace(&[("main.tf", main), ("module/main.tf", module)]);
    let hosts = engine::hosts(&input).unwrap().assessments.hosts;
    let endpoints: Vec<_> = hosts
        .iter()
        .map(|assessment| assessment.host.metadata.endpoint.only_effective().unwrap().written.meaning().unwrap_or("-"))
        .collect();
    assert_eq!(endpoints, ["enabled"; 3]);
}
