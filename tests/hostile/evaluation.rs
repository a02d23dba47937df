//! What evaluation would repeat, build or nest without end.

use imdslint::finding::Place;
use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, bomb, check_with, codes, host_of, outcome};

/// A thousand archives with `parts`, which may use half a megabyte of text, and a host that gets them all.
fn archives(parts: &str) -> String {
    let text = bomb("\"0123456789abcdef\"", "\"${LAST}${LAST}\"", 15);
    text + "data \"cloudinit_config\" \"x\" {\n  count = 1000\n  "
        + parts
        + "\n}\nresource \"aws_instance\" \"y\" {\n  user_data = join(\"\", data.cloudinit_config.x[*].rendered)\n}\n"
}

#[test]
fn what_grows_without_end_is_stopped() {
    let nested = (0..10).fold("0".to_owned(), |inner, level| format!("[for x{level} in range(100) : {inner}]"));
    let cases = [
        host_of("[for x in range(1000000) : x]"),
        host_of(&nested),
        bomb("\"0123456789abcdef\"", "\"${LAST}${LAST}\"", 40),
        bomb("\"0123456789abcdef\"", "join(LAST, [LAST, LAST, LAST])", 30),
        bomb("\"0123456789abcdef\"", "replace(LAST, \"a\", LAST)", 30),
        bomb("\"0123456789abcdef\"", "format(\"%s%s%s\", LAST, LAST, LAST)", 30),
        bomb("[1, 2, 3]", "concat(LAST, LAST)", 40),
        host_of("format(\"%1000000000d\", 1)"),
        host_of("indent(1000000000, \"a\\nb\")"),
        "resource \"aws_instance\" \"x\" {\n  count = 1e9\n}\n".to_owned(),
        archives("part {\n    content = local.a15\n  }"),
        archives(
            "dynamic \"part\" {\n    for_each = range(1000)\n    content {\n      content = local.a15\n    }\n  }",
        ),
    ];
    for text in cases {
        let codes = codes(&text);
        assert!(codes.iter().any(|code| matches!(*code, "limit" | "evaluation")), "{codes:?}: {}", &text[..80]);
    }
}

/// Locals with a text of half a megabyte (`local.a15`), and a host that is made of `expression`.
fn with_large_text(expression: &str) -> String {
    bomb("\"0123456789,bcdef\"", "\"${LAST}${LAST}\"", 15).replace("\"x\"", "\"y\"") + &host_of(expression)
}

/// Locals with a list of 19,000 strings (`local.f`), and a host that is made of `expression`.
fn with_long_list(expression: &str) -> String {
    let list = "flatten([for a in range(19) : [for b in range(1000) : \"${a}-${b}\"]])";
    format!("locals {{\n  f = {list}\n}}\n{}", host_of(expression))
}

/// Locals with an object that stands for 2^13 leaves (`local.a13`), and a host that is made of `expression`.
fn with_deep_object(expression: &str) -> String {
    bomb("{ x = \"y\" }", "{ a = LAST, b = LAST }", 13).replace("\"x\" {", "\"y\" {") + &host_of(expression)
}

#[test]
fn what_is_repeated_at_great_cost_is_stopped() {
    let thousand = |inner: &str| format!("[for i in range(1000) : {inner}]");
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]";
    let cases = [
        host_of(&thousand("setproduct(range(100), range(100))")),
        host_of(&thousand("chunklist(range(1000), 1)")),
        host_of(&thousand("formatlist(\"%1000000s\", [\"a\", \"b\", \"c\"])")),
        host_of("formatlist(\"%1000000s\", range(1000))"),
        host_of(&thousand("[for j in range(1000) : can(regex(\"\\\\pL{1,90}${i}x${j}\", \"a\"))]")),
        host_of(&thousand("[for j in range(1000) : fileset(\".\", \"**\")]")),
        host_of(&thousand("[for j in range(1000) : terraform.workspace == \"a\" ? i : j]")),
        host_of(&thousand(&format!("yamldecode(\"{aliases}\")"))),
        with_large_text(&thousand("split(\",\", local.a12)")),
        with_large_text(&thousand("base64encode(local.a14)")),
        with_large_text(&thousand("base64gzip(local.a14)")),
        with_large_text(&thousand("[for j in range(1000) : sha512(local.a15)]")),
        with_large_text(&thousand("[for j in range(1000) : length(local.a15)]")),
        with_large_text(&thousand("replace(local.a15, \"b\", \"\")")),
        with_large_text(&thousand("can(csvdecode(replace(local.a12, \",\", \"\\n\")))")),
        with_large_text(&thousand("can(yamldecode(\"[${local.a12}\"))")),
        with_large_text(&thousand("can(jsondecode(\"[\\\"${local.a14}\\\"\"))")),
        with_long_list(&thousand("can(chunklist([local.f], [local.f]))")),
        with_long_list("[for a in local.f : contains(local.f, a)]"),
        with_long_list("[for a in local.f : [for b in local.f : a]]"),
        with_long_list("[for a in local.f : local.f[18000]]"),
        with_long_list(&thousand("distinct(local.f)")),
        with_long_list(&thousand("jsondecode(jsonencode(local.f))")),
        with_deep_object(&thousand("jsonencode(local.a13)")),
        with_deep_object(&thousand("yamlencode(local.a13)")),
        with_deep_object(&thousand("[for j in range(1000) : local.a13 == merge(local.a13, {})]")),
    ];
    // What these stop at is what the program's own limits stop at later.
    let limits = Limits { steps: 400_000, built_bytes: 8 << 20, ..Limits::default() };
    for text in cases {
        let project = Project::new(&[("host/main.tf", HOST), ("x/main.tf", &text)]);
        let report = check_with(&project, limits).report;
        let limit = report.problems.iter().find(|problem| problem.code.name() == "limit");
        let limit = limit.unwrap_or_else(|| panic!("{:?}: {}", report.problems, &text[text.len() - 150..]));
        let Place::Span(span) = limit.place else { panic!("{limit:?}") };
        assert_eq!(&*report.files.source(span.file).unwrap().path, "x/main.tf");
        assert_eq!(report.findings.iter().filter(|reported| reported.finding.rule == "IMDS101").count(), 1);
    }
}

#[test]
fn hosts_that_boot_with_the_same_are_booted_once() {
    let script = (0..40)
        .map(|number| {
            format!("    if curl -f http://x{number}/; then iptables -A OUTPUT -d 10.0.0.{number} -j REJECT; fi\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "resource \"aws_instance\" \"x\" {{\n  count = 4900\n  user_data = <<-EOT\n    #!/bin/bash\n{script}  EOT\n}}\n"
    );
    assert_eq!(codes(&text), Vec::<&str>::new());
}

#[test]
fn templates_do_not_render_templates() {
    for function in ["templatefile(\"t.tpl\", {})", "templatestring(\"$${a}\", { a = 1 })"] {
        let project = Project::new(&[
            ("main.tf", &format!("{HOST}{}", host_of("templatefile(\"t.tpl\", {})").replace("\"x\"", "\"y\""))),
            ("t.tpl", &format!("${{{function}}}")),
        ]);
        let (problems, found) = outcome(&project, Limits::default());
        assert!(problems.iter().any(|(code, _)| *code == "evaluation") && found == 1, "{problems:?}");
    }
}

#[test]
fn a_limit_is_met_at_a_place_that_says_which() {
    let cases: [(&str, Limits, &str); 6] = [
        (
            "[for x in range(100) : [for y in range(100) : x]]",
            Limits { steps: 1_000, ..Limits::default() },
            "1000 steps",
        ),
        ("range(11)", Limits { elements: 10, ..Limits::default() }, "10 elements"),
        ("join(\"\", [for x in range(100) : \"${x}\"])", Limits { text_bytes: 64, ..Limits::default() }, "64 bytes"),
        ("[for x in range(100) : [x, x, x]]", Limits { built_bytes: 4_096, ..Limits::default() }, "4096 bytes"),
        ("((((((((((1))))))))))", Limits { evaluation_depth: 8, ..Limits::default() }, "8 levels"),
        ("distinct([for x in range(100) : x])[0]", Limits { nodes: 10, ..Limits::default() }, "parts"),
    ];
    for (expression, limits, message) in cases {
        let project = Project::new(&[("main.tf", &host_of(expression))]);
        let problems = outcome(&project, limits).0;
        assert!(problems.iter().any(|(_, found)| found.contains(message)), "{expression}: {problems:?}");
    }
}

#[test]
fn what_shares_its_parts_is_not_taken_apart() {
    let doubled = bomb("{ x = \"y\" }", "{ a = LAST, b = LAST }", 60);
    let uses = [
        "jsonencode(local.a60)",
        "yamlencode(local.a60)",
        "local.a60 == merge(local.a60, {}) ? \"disabled\" : \"enabled\"",
        "distinct([local.a60, local.a60])",
        "contains([local.a59], local.a60)",
        "toset([local.a60, local.a60])",
        "terraform.workspace == \"a\" ? local.a60 : merge(local.a60, {})",
        "aws_instance.x.id == \"a\" ? local.a60 : { a = local.a59, b = merge(local.a59, {}) }",
    ];
    for used in uses {
        codes(&format!("{doubled}{}", host_of(used).replace("\"x\"", "\"y\"")));
    }
}

#[test]
fn many_of_everything_is_read() {
    let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    let arguments = many(20_000, &|_| "\"a\", ".into());
    codes(&host_of(&format!("join(\"\", {arguments} \"b\")")));
    codes(&host_of(&format!("coalesce({arguments} \"b\")")));
    codes(&many(5_000, &|number| format!("locals {{\n  a{number} = nope()\n}}\n")));
    codes(&many(20_000, &|_| "}\n".into()));
    codes(&"/*".repeat(50_000));
    codes(&"x = <<A\n".repeat(10_000));
    codes(&format!("locals {{\n  a = [{}] = =\n}}\n", "\"\u{e9}\", ".repeat(20_000)));
    let blocks = "  metadata_options {\n    http_endpoint = \"disabled\"\n  }\n".repeat(2_000);
    codes(&format!("resource \"aws_instance\" \"r\" {{\n{blocks}}}\n"));
    let shared = many(2_000, &|number| host_of("local.e").replace("\"x\"", &format!("\"x{number}\"")));
    codes(&format!("locals {{\n  e = \"disabled\"\n}}\n{shared}"));
}

#[test]
fn deep_nesting_is_a_problem_and_not_the_end() {
    for depth in [60, 200, 10_000] {
        for (open, inner, close) in [
            ("[", "", "]"),
            ("{ a = ", "1", "}"),
            ("(", "1", ")"),
            ("upper(", "\"a\"", ")"),
            ("true ? ", "1", " : 2"),
            ("!", "true", ""),
            ("\"${", "\"a\"", "}\""),
            ("[for x in [1] : ", "1", "]"),
        ] {
            let expression = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let codes = codes(&host_of(&expression));
            assert!(depth < 100 || !codes.is_empty(), "{depth} × {open}");
        }
    }
    let brackets = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let project = Project::new(&[
        ("main.tf", HOST),
        ("a.tf.json", &format!("{{\"locals\": {{\"a\": {brackets}}}}}")),
        ("b.json", &format!("{{\"AWSTemplateFormatVersion\": \"2010-09-09\", \"Resources\": {brackets}}}")),
        ("c.yaml", &format!("{TEMPLATE}  X: {brackets}\n")),
        ("d.yaml", &format!("{TEMPLATE}  X:\n    {}\n", "- ".repeat(10_000))),
    ]);
    let (problems, found) = outcome(&project, Limits::default());
    assert!(found >= 1 && problems.iter().filter(|(code, _)| *code == "limit").count() >= 3, "{problems:?}");
}

#[test]
fn of_many_copies_only_those_are_evaluated_that_are_asked_for() {
    let costly = "join(\"\", [for number in range(100) : \"${number}\"])";
    let module = format!(
        "variable \"number\" {{}}\noutput \"cost\" {{\n  value = {costly}\n}}\noutput \"endpoint\" {{\n  value = var.number == 7 ? \"disabled\" : {costly}\n}}\n"
    );
    let call = |key: &str, repetition: &str, number: &str| {
        format!(
            "module \"m\" {{\n  {repetition}\n  source = \"./m\"\n  number = {number}\n}}\n{}",
            host_of(&format!("module.m[{key}].endpoint"))
        )
    };
    let keys = "for_each = toset([for number in range(200) : tostring(number)])";
    let block = |key: &str, repetition: &str, number: &str| {
        format!(
            "resource \"x_y\" \"m\" {{\n  {repetition}\n  value = {number} == 7 ? \"disabled\" : {costly}\n}}\n{}",
            host_of(&format!("x_y.m[{key}].value"))
        )
    };
    for text in [
        call("7", "count = 200", "count.index"),
        call("\"7\"", keys, "tonumber(each.key)"),
        block("7", "count = 200", "count.index"),
        block("\"7\"", keys, "tonumber(each.key)"),
    ] {
        let project = Project::new(&[("main.tf", &text), ("m/main.tf", &module)]);
        let limits = Limits { steps: 20_000, ..Limits::default() };
        assert_eq!(outcome(&project, limits), (Vec::new(), 1), "{text}");
    }
}

#[test]
fn copies_that_are_asked_for_as_a_whole_are_put_together_once() {
    let hosts = "resource \"x_y\" \"a\" {\n  count = 400\n  value = \"disabled\"\n}\nresource \"aws_instance\" \"x\" {\n  count = 400\n  metadata_options {\n    http_endpoint = element(x_y.a, count.index).value\n  }\n}\n";
    let project = Project::new(&[("main.tf", hosts)]);
    // Four hundred lists of four hundred copies would take more.
    let limits = Limits { built_bytes: 4 << 20, ..Limits::default() };
    assert_eq!(outcome(&project, limits), (Vec::new(), 1));
    let (problems, _) = outcome(&project, Limits { built_bytes: 300_000, ..limits });
    assert!(problems.iter().any(|(_, message)| message.contains("300000 bytes")), "{problems:?}");
}

#[test]
fn modules_that_call_each_other_twice_are_cut() {
    let project = Project::new(&[("main.tf", &format!("{HOST}module \"m\" {{\n  source = \"./m0\"\n}}\n"))]);
    for level in 0..30 {
        let calls = ["a", "b"].map(|name| format!("module \"{name}\" {{\n  source = \"../m{}\"\n}}\n", level + 1));
        project.write(&format!("m{level}/main.tf"), calls.concat());
    }
    project.write("m30/main.tf", HOST);
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    assert!(found >= 1);
}
