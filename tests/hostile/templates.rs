//! CloudFormation templates that nest, import, repeat and include.

use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, nesting, outcome};

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
