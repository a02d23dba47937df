//! CloudFormation templates that nest, import, repeat and include.

use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, check_with, nesting, outcome, place_of_limit};

#[test]
fn stacks_that_nest_each_other_twice_are_cut() {
    let project = Project::new(&[("t30.yaml", TEMPLATE)]);
    for level in 0..30 {
        let template = nesting(&["A", "B"], &format!("t{}.yaml", level + 1));
        let output = "Outputs:\n  X: {Value: [!GetAtt A.Outputs.X, !GetAtt B.Outputs.X]}\n";
        project.write(&format!("t{level}.yaml"), format!("{template}{output}"));
    }
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    assert!(found >= 1);
}

#[test]
fn exports_that_import_each_other_twice_are_cut() {
    let project = Project::new(&[("x.yaml", &TEMPLATE.replace("disabled", "!ImportValue e0"))]);
    for level in 0..40 {
        let value = format!("!Join ['', [!ImportValue e{0}, !ImportValue e{0}]]", level + 1);
        let output = format!("Outputs:\n  X: {{Value: {value}, Export: {{Name: e{level}}}}}\n");
        project.write(&format!("e{level}.yaml"), format!("{TEMPLATE}{output}"));
    }
    project.write("e40.yaml", format!("{TEMPLATE}Outputs:\n  X: {{Value: abc, Export: {{Name: e40}}}}\n"));
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(found == 41 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
}

#[test]
fn loops_in_templates_are_cut() {
    let items = ["x"; 100].join(", ");
    let body = |inner: String, level: usize| format!("{{'Fn::ForEach::L{level}': [I{level}, [{items}], {inner}]}}");
    let nested = (0..8).fold("{'R${I0}${I1}': {Type: A::B::C}}".to_owned(), body);
    let in_condition = format!("{TEMPLATE}Conditions: {nested}\n");
    let aliased = format!(
        "{TEMPLATE}  X: &x\n    Type: A::B::C\n    Properties:\n      'Fn::ForEach::L': [I, [{items}], {{'a${{I}}': &y [*x, *x]}}]\n"
    );
    let own = format!("AWSTemplateFormatVersion: '2010-09-09'\nResources: {nested}\n");
    for text in [&own, &in_condition, &aliased] {
        let project = Project::new(&[("main.tf", HOST), ("x.yaml", text)]);
        let (problems, found) = outcome(&project, Limits { nodes: 50_000, ..Limits::default() });
        assert!(found >= 1 && !problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn a_file_that_is_included_very_often_is_cut() {
    let include = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: part.json}}}";
    let long = format!("[\"{}\"]", "x".repeat(1_000_000));
    for part in ["[1, 2, 3, 4, 5, 6, 7, 8]", &long] {
        let text = format!("{TEMPLATE}Outputs: {{A: {{Value: [{}]}}}}\n", vec![include; 10_000].join(", "));
        let project = Project::new(&[("x.yaml", &text), ("part.json", part)]);
        let (problems, found) = outcome(&project, Limits { nodes: 20_000, ..Limits::default() });
        assert!(found == 1 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    }
}

#[test]
fn a_template_with_very_many_files_of_values_ends() {
    let template = TEMPLATE.replace("disabled", "!Ref E") + "Parameters: {E: {Type: String}}\n";
    let project = Project::new(&[("web.yaml", &template)]);
    for number in 0..300 {
        project.write(&format!("params/{number}.json"), format!("{{\"Parameters\": {{\"E\": \"{number}\"}}}}"));
    }
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 0), "more values than are told apart");
    project.write("params/0.json", "{\"Parameters\": {\"E\": \"disabled\"}}");
    project.write("params/1.json", "- ".repeat(10_000) + "ParameterKey: E");
    assert_eq!(outcome(&project, Limits { alternatives: 1_000, ..Limits::default() }).1, 1);
}

/// A template with a host whose endpoint the export `name` of another template decides, and an output.
fn importing(name: &str, output: &str) -> String {
    format!("{}Outputs:\n  X: {output}\n", TEMPLATE.replace("disabled", &format!("!ImportValue {name}")))
}

#[test]
fn exports_in_a_long_chain_are_followed_to_the_end() {
    let project = Project::new(&[(
        "e200.yaml",
        "AWSTemplateFormatVersion: '2010-09-09'\nResources: {}\nOutputs:\n  X: {Value: disabled, Export: {Name: e200}}\n",
    )]);
    for level in 0..200 {
        let output = format!("{{Value: !ImportValue e{}, Export: {{Name: e{level}}}}}", level + 1);
        project.write(&format!("e{level}.yaml"), importing(&format!("e{}", level + 1), &output));
    }
    // One level takes some ten steps, whoever needs it: far more than this if each template went down by itself.
    let checked = check_with(&project, Limits { steps: 20_000, ..Limits::default() });
    assert_eq!(checked.report.problems, []);
    let messages: Vec<&str> =
        checked.report.findings.iter().map(|reported| reported.finding.message.as_str()).collect();
    assert!(matches!(messages.as_slice(), [only] if only.contains("199 other hosts")), "{messages:?}");
}

#[test]
fn exports_in_a_circle_are_not_known() {
    let project = Project::new(&[]);
    for (own, other) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")] {
        let output = format!("{{Value: !Sub ['x${{y}}', {{y: !ImportValue {other}}}], Export: {{Name: {own}}}}}");
        project.write(&format!("{own}.yaml"), importing(other, &output));
    }
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 0));
}

#[test]
fn exports_that_take_too_much_are_left_out() {
    let project = Project::new(&[("b.yaml", &importing("n999", "{Value: x}"))]);
    let outputs = (0..1_000)
        .map(|number| format!("  O{number}: {{Value: !Join ['', [disabled]], Export: {{Name: n{number}}}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    project.write("a.yaml", format!("AWSTemplateFormatVersion: '2010-09-09'\nResources: {{}}\nOutputs:\n{outputs}"));
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1));
    let limits = Limits { steps: 9_000, ..Limits::default() };
    let (path, text) = place_of_limit(&project, limits);
    assert!(path == "a.yaml" && text.starts_with('O'), "{path}: {text}");
    assert_eq!(outcome(&project, limits).1, 0);
}

#[test]
fn included_files_are_read_up_to_the_longest_template() {
    let include = |name: usize| {
        format!(
            "  W{name}: {{Type: 'A::B::C', 'Fn::Transform': {{Name: AWS::Include, Parameters: {{Location: part.yaml}}}}}}\n"
        )
    };
    let text = format!("{TEMPLATE}{}", (0..100).map(include).collect::<String>());
    let part = format!("Properties: {{A: {}}}\n", "x".repeat(10_000));
    let project = Project::new(&[("t.yaml", &text), ("part.yaml", &part)]);
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1));
    let limits = Limits { template_bytes: 100_000, ..Limits::default() };
    assert_eq!(place_of_limit(&project, limits), ("part.yaml".into(), "x".repeat(10_000)));
    assert_eq!(outcome(&project, limits).1, 1);
}

#[test]
fn very_many_variables_in_one_text_are_too_long() {
    let text = |count: usize| {
        TEMPLATE
            .replace("disabled", "disabled\n        UserData: !Sub 'VARIABLES'")
            .replace("VARIABLES", &"${Other.a}".repeat(count))
            + "  Other: {Type: 'A::B::C'}\n"
    };
    let project = Project::new(&[("t.yaml", &text(1_000))]);
    let limits = Limits { text_bytes: 16_000, ..Limits::default() };
    assert_eq!(outcome(&project, limits), (Vec::new(), 1));
    project.write("t.yaml", text(1_100));
    let (path, place) = place_of_limit(&project, limits);
    assert!(path == "t.yaml" && place.starts_with("'${Other.a}"), "{place}");
}

#[test]
fn lists_that_are_cut_and_joined_very_often_stop_at_a_limit() {
    let list = "a,".repeat(5_000);
    for (kind, use_of_it) in [
        ("String", "!Select [0, !Split [',', !Ref P]]"),
        ("CommaDelimitedList", "!Join ['', !Ref P]"),
        ("CommaDelimitedList", "{'Fn::ToJsonString': !Ref P}"),
        ("String", "!Cidr [10.0.0.0/8, 256, 8]"),
    ] {
        let uses = format!("      - {use_of_it}\n").repeat(1_000);
        let text = format!(
            "{TEMPLATE}  X:\n    Type: AWS::EC2::Instance\n    Metadata:\n{uses}Parameters: {{P: {{Type: {kind}, Default: '{list}'}}}}\n"
        );
        let project = Project::new(&[("t.yaml", &text)]);
        let (path, place) = place_of_limit(&project, Limits::default());
        assert!(path == "t.yaml" && !place.is_empty(), "{use_of_it}: {place}");
        assert_eq!(outcome(&project, Limits::default()).1, 1, "{use_of_it}");
    }
}

#[test]
fn texts_of_one_deployment_stop_at_its_memory() {
    let hosts = (0..50)
        .map(|number| {
            format!("  W{number}: {{Type: AWS::EC2::Instance, Properties: {{UserData: !Sub '${{P}} {number}'}}}}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let default = "x".repeat(1_000);
    let project = Project::new(&[(
        "t.yaml",
        &format!("{TEMPLATE}{hosts}Parameters: {{P: {{Type: String, Default: '{default}'}}}}\n"),
    )]);
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1));
    let limits = Limits { built_bytes: 10_000, ..Limits::default() };
    let (path, place) = place_of_limit(&project, limits);
    assert!(path == "t.yaml" && place.starts_with("'${P}"), "{place}");
    assert_eq!(outcome(&project, limits).0.len(), 1, "it is said once");
}

#[test]
fn large_templates_that_are_nested_very_often_stop_at_a_limit() {
    let resources = (0..2_000)
        .map(|number| format!("  R{number}: {{Type: 'A::B::C', Condition: N}}\n"))
        .collect::<Vec<_>>()
        .concat();
    let names: Vec<String> = (0..200).map(|number| format!("S{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let project = Project::new(&[
        ("a.yaml", &nesting(&names, "b.yaml")),
        (
            "b.yaml",
            &format!(
                "Conditions: {{N: !Equals [a, b]}}\nAWSTemplateFormatVersion: '2010-09-09'\nResources:\n{resources}"
            ),
        ),
    ]);
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1));
    let limits = Limits { steps: 100_000, ..Limits::default() };
    let (path, place) = place_of_limit(&project, limits);
    assert!(path == "a.yaml" && place.starts_with('S') || path == "b.yaml", "{path}: {place}");
    assert_eq!(outcome(&project, limits).1, 1);
}

#[test]
fn entries_that_are_merged_very_often_count_as_values() {
    let base = (0..1_000).map(|number| format!("k{number}: 1, ")).collect::<Vec<_>>().concat();
    let resources =
        (0..500).map(|number| format!("  R{number}: {{<<: *base, Type: 'A::B::C'}}\n")).collect::<Vec<_>>().concat();
    let text = format!("Base: &base {{{base}}}\n{TEMPLATE}{resources}");
    let project = Project::new(&[("t.yaml", &text)]);
    let (path, place) = place_of_limit(&project, Limits::default());
    assert!(path == "t.yaml" && place.starts_with("{<<: *base"), "{place}");
    assert_eq!(outcome(&project, Limits::default()).1, 1, "what stands before");
    assert_eq!(outcome(&project, Limits { tree_nodes: 1_000_000, ..Limits::default() }), (Vec::new(), 1));
}

#[test]
fn files_of_values_find_their_templates_among_very_many() {
    let project = Project::new(&[]);
    for number in 0..100 {
        let parameters = format!("Parameters: {{E: {{Type: String}}, F{number}: {{Type: String, Default: x}}}}\n");
        project.write(&format!("t{number}.yaml"), TEMPLATE.replace("disabled", "!Ref E") + &parameters);
        let values = format!("{{\"Parameters\": {{\"E\": \"disabled\", \"F{number}\": \"x\"}}}}");
        project.write(&format!("params/{number}.json"), values);
    }
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 100));
}

#[test]
fn the_end_of_an_address_leads_to_one_template_only() {
    let stack = |name: &str, address: &str| {
        format!("  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {address}\n")
    };
    let project = Project::new(&[("x/b.yaml", TEMPLATE), ("y/b.yaml", TEMPLATE), ("c.yaml", TEMPLATE)]);
    let steep = format!("https://example.com/{}c.yaml", "a/".repeat(10_000));
    let stacks = [("A", "https://example.com/x/b.yaml"), ("B", "https://example.com/b.yaml?v=1"), ("C", &steep)];
    let stacks: String = stacks.iter().map(|(name, address)| stack(name, address)).collect();
    project.write("a.yaml", format!("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n{stacks}"));
    let checked = check_with(&project, Limits::default());
    let messages: Vec<&str> =
        checked.report.findings.iter().map(|reported| reported.finding.message.as_str()).collect();
    let nested = |name: &str| messages.iter().any(|message| message.contains(&format!("`{name}/Web`")));
    assert!(nested("A") && nested("C") && !nested("B"), "{messages:?}");
}

#[test]
fn values_that_aliases_and_functions_make_count_as_memory() {
    let long = format!(
        "X: [&list [{}], &text '{}', &csv '{}']\n",
        "a, ".repeat(1_000),
        "{{resolve:x}}".repeat(500),
        "a,".repeat(500)
    );
    for (value, start) in [("*list", "["), ("!Split [',', *csv]", "!Split"), ("*text", "'{{resolve:x}}")] {
        let uses = format!("      - {value}\n").repeat(100);
        let padding = "#".repeat(150_000);
        let text = format!("{long}{TEMPLATE}  X:\n    Type: AWS::EC2::Instance\n    Metadata:\n{uses}{padding}\n");
        let project = Project::new(&[("t.yaml", &text)]);
        assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 1), "{value}");
        let limits = Limits { built_bytes: 1_000_000, ..Limits::default() };
        let (path, place) = place_of_limit(&project, limits);
        assert!(path == "t.yaml" && place.starts_with(start), "{value}: {place}");
        assert_eq!(outcome(&project, limits).1, 1, "{value}: what stands before");
    }
}
