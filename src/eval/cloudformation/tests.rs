//! Whole templates, and what becomes of their values.

use super::*;
use crate::finding::Place;
use crate::source::FileId;
use crate::syntax::tree::parse;

/// A template that was evaluated, with its file to look up spans in.
struct Template {
    file: SourceFile,
    evaluation: Evaluation,
}

impl Template {
    fn with(source: &str, parameters: &[(&str, &str)]) -> Self {
        let file = SourceFile::new(FileId(0), "stack.yaml", source.into());
        let limits = Limits::default();
        let parsed = parse(&file, &limits);
        assert_eq!(parsed.problems, []);
        let command_line = Span::new(FileId(1), 0..0);
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::encoded(*value, command_line))).collect();
        let root = &parsed.documents[0];
        let evaluation = evaluate(&Inputs { file: &file, root, parameters: &parameters, limits: &limits });
        Self { file, evaluation }
    }

    fn of(source: &str) -> Self {
        Self::with(source, &[])
    }

    /// The property `name` of the first resource.
    fn property(&self, name: &str) -> &Value {
        self.evaluation.resources[0].properties.as_map().unwrap().entries.get(name).unwrap()
    }

    fn source_of(&self, span: Span) -> &str {
        self.file.slice(span)
    }

    /// The codes of the problems and the sources they point at.
    fn problems(&self) -> Vec<(&str, &str)> {
        self.evaluation.problems.iter().map(|problem| self.code_and_source(problem)).collect()
    }

    fn code_and_source(&self, problem: &Problem) -> (&str, &str) {
        match problem.place {
            Place::Span(span) => (problem.code.name(), self.source_of(span)),
            Place::Path(_) => panic!("{problem:?}"),
        }
    }
}

/// A template with parameters, mappings and conditions to try `expression` as the property `P`.
fn property_source(expression: &str) -> String {
    format!(
        "
Parameters:
  Given: {{Type: String, Default: given}}
  Free: {{Type: String}}
  Flag: {{Type: String, Default: 'true'}}
  Names: {{Type: CommaDelimitedList, Default: 'a, b,c'}}
  Image: {{Type: 'AWS::SSM::Parameter::Value<String>', Default: /aws/service/ami}}
Mappings:
  Table:
    eu-west-1: {{Value: x, Flag: true}}
    us-east-1: {{Value: y, Flag: true}}
  Short: {{row: {{column: [p, q]}}}}
Conditions:
  Yes: !Equals [!Ref Flag, true]
  No: !Not [{{Condition: Yes}}]
  Choice: !Equals [!Ref Free, x]
  Region: !Equals [!Ref AWS::Region, eu-west-1]
  Both: !And [!Condition Choice, !Condition No]
  Either: !Or [!Condition Choice, !Condition Yes]
  Same: !And [!Equals [x, !Ref Free], !Condition Choice]
  Different: !Not [!Equals [!Ref Free, x]]
  Opposite: !Equals [!Ref Free, y]
  Elsewhere: !Equals [us-east-1, !Ref AWS::Region]
Resources:
  First:
    Type: AWS::EC2::Instance
    Properties:
      P: {expression}
      Other: 1
  Role: {{Type: AWS::IAM::Role}}
"
    )
}

/// What a value is, in one line.
fn text_of(value: &Value) -> String {
    match &value.kind {
        ValueKind::Null => "null".to_owned(),
        ValueKind::Bool(truth) => truth.to_string(),
        ValueKind::Number(number) => number_text(*number),
        ValueKind::String(text) => format!("{:?}", text.as_str().replace(crate::source::HOLE, "<?>")),
        ValueKind::List(items) | ValueKind::Set(items) => {
            format!("[{}]", items.iter().map(text_of).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Map(map) => {
            let entries: Vec<_> = map.entries.iter().map(|(key, value)| format!("{key}: {}", text_of(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        ValueKind::OneOf(values) => format!("({})", values.iter().map(text_of).collect::<Vec<_>>().join(" | ")),
        ValueKind::Unknown(Unknown::Computed(computed)) => {
            format!("Computed({:?}, {:?})", computed.resource, computed.attribute)
        }
        ValueKind::Unknown(why) => format!("{why:?}"),
    }
}

#[test]
fn expressions_have_the_expected_values() {
    for (expression, expected) in [
        ("true", "true"),
        ("'true'", "\"true\""),
        ("yes", "\"yes\""),
        ("80", "80"),
        ("0755", "\"0755\""),
        ("[1, ~, !Ref AWS::NoValue, a]", "[1, \"a\"]"),
        ("!Ref Given", "\"given\""),
        ("{Ref: Given}", "\"given\""),
        ("!Ref Free", "NotGiven(\"Free\")"),
        ("!Ref Names", "[\"a\", \"b\", \"c\"]"),
        ("!Ref Image", "NotEvaluated(\"{{resolve:ssm:/aws/service/ami}}\")"),
        ("!Ref AWS::Region", "RunTime(\"AWS::Region\")"),
        ("!Ref Role", "Computed(\"Role\", \"Ref\")"),
        ("!GetAtt Role.Arn", "Computed(\"Role\", \"Arn\")"),
        ("{'Fn::GetAtt': [Role, Arn]}", "Computed(\"Role\", \"Arn\")"),
        ("!Sub 'a-${Given}-${Free}-${Role.Arn}-${!Given}-${AWS::Region}'", "\"a-given-<?>-<?>-${Given}-<?>\""),
        ("!Sub '${Free}'", "NotGiven(\"Free\")"),
        ("!Sub ['${a}${Given}$', {a: !Ref Flag}]", "\"truegiven$\""),
        ("{'Fn::Sub': ['${a}', {a: {'Fn::Join': ['-', [1, x]]}}]}", "\"1-x\""),
        ("!Join [',', !Ref Names]", "\"a,b,c\""),
        ("!Join ['', [a, !Ref Free, 1, !Ref AWS::NoValue]]", "\"a<?>1\""),
        ("!Join ['', !Ref Free]", "NotGiven(\"Free\")"),
        ("!Select [1, !Ref Names]", "\"b\""),
        ("!Select ['0', [!Ref Free, b]]", "NotGiven(\"Free\")"),
        ("!Select [1, !Split ['-', !Sub 'x-${Given}']]", "\"given\""),
        ("!Split ['-', a-b]", "[\"a\", \"b\"]"),
        ("!Base64 {'Fn::Sub': 'x ${Given}'}", "\"x given\""),
        ("{'Fn::Base64': !Sub 'x ${Given}'}", "\"x given\""),
        ("!FindInMap [Short, row, column]", "[\"p\", \"q\"]"),
        ("!FindInMap [Table, !Ref AWS::Region, Value]", "(\"x\" | \"y\")"),
        ("!FindInMap [Table, !Ref AWS::Region, Flag]", "true"),
        ("!FindInMap [Table, !Ref Free, Value]", "NotGiven(\"Free\")"),
        ("!FindInMap [Table, none, Value, {DefaultValue: z}]", "\"z\""),
        ("!If [Yes, a, !Ref Nowhere]", "\"a\""),
        ("!If [No, a, {b: !If [No, c, !Ref AWS::NoValue], d: e}]", "{d: \"e\"}"),
        ("!If [Both, a, b]", "\"b\""),
        ("!If [Either, a, b]", "\"a\""),
        ("!If [Choice, a, b]", "NotGiven(\"Free\")"),
        ("!If [Choice, a, a]", "\"a\""),
        ("!If [Choice, {a: 1, b: 2}, {a: 1, b: 3, c: 4}]", "{a: 1, b: NotGiven(\"Free\"), c: NotGiven(\"Free\")}"),
        ("!If [Region, a, b]", "(\"a\" | \"b\")"),
        ("!If [Region, a, !Ref AWS::NoValue]", "(\"a\" | null)"),
        ("!If [Region, a, !Ref Free]", "NotGiven(\"Free\")"),
        ("!ImportValue x", "NotEvaluated(\"Fn::ImportValue\")"),
        ("!FindInMap [Table, !Ref AWS::Region, Value, {DefaultValue: z}]", "(\"x\" | \"y\" | \"z\")"),
        ("!FindInMap [Table, !Ref AWS::Region, None]", "RunTime(\"AWS::Region\")"),
        ("!FindInMap [Short, !Select [0, [row]], !Sub 'col${Flag}umn', {DefaultValue: !Ref Given}]", "\"given\""),
        ("{'Fn::Length': !Ref Names}", "3"),
        ("{'Fn::Length': [!Ref Free, a]}", "2"),
        ("{'Fn::Length': !Ref Free}", "NotGiven(\"Free\")"),
        ("!GetAZs ''", "RunTime(\"Fn::GetAZs\")"),
        ("!Select [0, {'Fn::GetAZs': !Ref AWS::Region}]", "RunTime(\"Fn::GetAZs\")"),
        ("!Cidr [10.0.0.0/24, 3, 5]", "[\"10.0.0.0/27\", \"10.0.0.32/27\", \"10.0.0.64/27\"]"),
        ("!Select [1, !Cidr [10.0.0.0/16, '2']]", "\"10.0.1.0/24\""),
        ("!Cidr ['2001:db8::/56', 1, 64]", "[\"2001:db8::/64\"]"),
        ("!Cidr [!Ref Free, 3, 5]", "NotGiven(\"Free\")"),
        ("{'Fn::ToJsonString': {a: !Ref Given, b: [1, !Ref Free]}}", "\"{\\\"a\\\":\\\"given\\\",\\\"b\\\":[1,<?>]}\""),
        ("'{{resolve:ssm:/x:1}}'", "NotEvaluated(\"{{resolve:ssm:/x:1}}\")"),
        ("'a {{resolve:ssm:x}} b {{resolve:secretsmanager:y}} c {{resolve'", "\"a <?> b <?> c {{resolve\""),
        ("!Sub 'a {{resolve:ssm:${Free}}} ${Given}'", "\"a <?> given\""),
        ("{'Fn::Sub': ['a {{resolve:ssm:${b}}} ${b}', {b: !Ref Given}]}", "\"a <?> given\""),
        ("!Join ['', ['{{resolve:ssm:', !Ref Given, '}}']]", "NotEvaluated(\"{{resolve:ssm:given}}\")"),
        ("!If [Choice, !If [Choice, a, b], a]", "\"a\""),
        ("!If [Choice, !If [Same, a, b], !If [Same, b, a]]", "\"a\""),
        ("!If [Choice, a, !If [Different, a, b]]", "\"a\""),
        ("!If [Choice, !If [Opposite, b, a], a]", "\"a\""),
        ("!If [Region, !If [Elsewhere, b, a], a]", "\"a\""),
        ("{a: 1, 'Fn::Transform': {Name: AWS::Include}}", "{Fn::Transform: NotEvaluated(\"Fn::Transform\"), a: 1}"),
        ("!!str 1", "\"1\""),
    ] {
        let template = Template::of(&property_source(expression));
        assert_eq!(text_of(template.property("P")), expected, "{expression}");
        assert_eq!(template.problems(), [], "{expression}");
    }
}

#[test]
fn a_fault_in_a_text_leaves_a_hole_that_says_why() {
    for (expression, reason) in [
        ("!Sub 'a ${Nowhere} b'", "there is no parameter or resource `Nowhere`"),
        ("!Sub 'a ${x:-y} b'", "has no such variable"),
    ] {
        let template = Template::of(&property_source(expression));
        assert_eq!(template.problems(), [], "{expression}");
        let value = template.property("P");
        let ValueKind::String(text) = &value.kind else { panic!("{expression}: {value:?}") };
        assert_eq!(text.as_str().replace(crate::source::HOLE, "<?>"), "a <?> b", "{expression}");
        let found = text.hole_reason().unwrap();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn faults_go_along_with_the_value_and_know_their_place() {
    for (expression, code, place) in [
        ("!Ref Nowhere", "missing", "!Ref Nowhere"),
        ("!GetAtt Nowhere.Arn", "missing", "!GetAtt Nowhere.Arn"),
        ("!FindInMap [None, a, b]", "missing", "!FindInMap [None, a, b]"),
        ("!FindInMap [Short, a, b]", "missing", "!FindInMap [Short, a, b]"),
        ("!If [Nowhere, a, b]", "missing", "Nowhere"),
        ("!If [Yes, a]", "evaluation", "!If [Yes, a]"),
        ("!Select [3, !Ref Names]", "evaluation", "!Select [3, !Ref Names]"),
        ("!Join ['', [{a: b}]]", "evaluation", "!Join ['', [{a: b}]]"),
        ("!Split [x]", "evaluation", "!Split [x]"),
        ("!Base64 [x]", "evaluation", "!Base64 [x]"),
        ("!Cidr [10.0.0.0/24, 300, 5]", "evaluation", "!Cidr [10.0.0.0/24, 300, 5]"),
        ("!Cidr [10.0.0.0/24, 3, 30]", "evaluation", "!Cidr [10.0.0.0/24, 3, 30]"),
        ("{'Fn::Length': a}", "evaluation", "{'Fn::Length': a}"),
    ] {
        let template = Template::of(&property_source(expression));
        assert_eq!(template.problems(), [], "{expression}");
        let value = template.property("P");
        let Some(Unknown::Fault(problem)) = value.as_unknown() else { panic!("{expression}: {value:?}") };
        assert_eq!(template.code_and_source(problem), (code, place), "{expression}");
        assert_eq!(text_of(template.property("Other")), "1");
    }
}

#[test]
fn a_default_can_be_followed_to_where_it_is_used() {
    let template = Template::of(&property_source("!Ref Given"));
    let origin = &template.property("P").origin;
    assert_eq!(template.source_of(origin.span), "given");
    let steps: Vec<_> =
        origin.trail.steps().iter().map(|step| (step.role, &*step.name, template.source_of(step.span))).collect();
    assert_eq!(steps, [(StepRole::Default, "Given", "Given"), (StepRole::Function, "Ref", "!Ref Given")]);
}

#[test]
fn each_byte_of_a_substituted_text_has_its_place() {
    let template = Template::of(&property_source("!Sub 'a ${Given} ${!b}'"));
    let ValueKind::String(text) = &template.property("P").kind else { panic!() };
    assert_eq!(text.as_str(), "a given ${b}");
    let sources: Vec<_> = text.pieces().iter().map(|piece| template.source_of(piece.span)).collect();
    assert_eq!(sources, ["a ", "given", " ${", "b}"]);
    assert_eq!(text.pieces()[1].trail.steps()[1].name.as_ref(), "Fn::Sub");
    assert_eq!(template.source_of(text.pieces()[1].trail.steps()[1].span), "${Given}");
}

#[test]
fn the_command_line_wins_over_defaults() {
    let source = property_source("!If [Choice, !Ref Given, !Select [1, !Ref Names]]");
    let template = Template::with(&source, &[("Free", "x"), ("Given", "old"), ("Given", "new")]);
    assert_eq!(template.property("P").as_str(), Some("new"));
    let template = Template::with(&source, &[("Free", "y"), ("Names", "p,q")]);
    assert_eq!(template.property("P").as_str(), Some("q"));
}

#[test]
fn resources_of_false_conditions_do_not_exist() {
    let template = Template::of(
        "{\"Parameters\": {\"P\": {\"Type\": \"String\", \"Default\": \"a\"}, \"Q\": {\"Type\": \"String\"}},
          \"Conditions\": {\"No\": {\"Fn::Equals\": [{\"Ref\": \"P\"}, \"b\"]}, \"Maybe\": {\"Fn::Equals\": [{\"Ref\": \"Q\"}, \"b\"]}},
          \"Resources\": {\"A\": {\"Type\": \"X::Y::Z\", \"Condition\": \"No\"}, \"B\": {\"Type\": \"X::Y::Z\", \"Condition\": \"Maybe\"},
            \"C\": {\"Type\": \"X::Y::Z\", \"Metadata\": {\"AWS::CloudFormation::Init\": {\"config\": {\"Ref\": \"P\"}}}}}}",
    );
    let names: Vec<_> = template.evaluation.resources.iter().map(|resource| &*resource.address).collect();
    assert_eq!(names, ["B", "C"]);
    assert_eq!(template.source_of(template.evaluation.resources[0].header), "\"B\"");
    let metadata = template.evaluation.resources[1].metadata.as_ref().unwrap();
    assert_eq!(text_of(metadata), "{AWS::CloudFormation::Init: {config: \"a\"}}");
    assert_eq!(template.problems(), []);
}

#[test]
fn cycles_are_problems() {
    let template = Template::of(
        "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\n\
         Resources:\n  X: {Type: A::B::C, Properties: {P: !Ref Y}}\n  Y: {Type: A::B::C, Properties: {P: !GetAtt X.Z}}\n",
    );
    assert_eq!(template.problems(), [("cycle", "A"), ("cycle", "!GetAtt X.Z")]);
}

#[test]
fn names_that_a_macro_may_define_are_no_problem() {
    let template = Template::of(
        "Transform: [AWS::LanguageExtensions, OwnMacro]\n\
         Resources:\n  X: {Type: A::B::C, Properties: {P: !Ref Made, Q: !Sub '${Made.Arn}', R: !If [Made, 1, 2]}}\n",
    );
    assert_eq!(template.problems(), []);
    assert_eq!(text_of(template.property("P")), "NotEvaluated(\"Made\")");
}

#[test]
fn the_serverless_transform_makes_names_that_begin_with_those_of_its_resources() {
    let template = Template::of(
        "Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions]\n\
         Resources:\n  X: {Type: A::B::C, Properties: {P: !Ref FunRole, Q: !Ref ServerlessRestApi, R: !Ref Role}}\n\
         \x20 Fun: {Type: 'AWS::Serverless::Function'}\n",
    );
    assert_eq!(text_of(template.property("P")), "NotEvaluated(\"FunRole\")");
    assert_eq!(text_of(template.property("Q")), "NotEvaluated(\"ServerlessRestApi\")");
    let Some(Unknown::Fault(problem)) = template.property("R").as_unknown() else { panic!() };
    assert_eq!(template.code_and_source(problem), ("missing", "!Ref Role"));
}

#[test]
fn loops_are_written_out_for_each_item() {
    let template = Template::with(
        "Parameters: {Names: {Type: CommaDelimitedList, Default: 'a,b'}, Free: {Type: CommaDelimitedList}}\n\
         Mappings: {Inner: {a: {Sizes: ['1', '2']}, b: {Sizes: [3-x]}}}\n\
         Conditions:\n  'Fn::ForEach::C': [N, !Ref Names, {'Is${N}': !Equals [!Ref N, a]}]\n\
         Resources:\n\
         \x20 'Fn::ForEach::Outer':\n\
         \x20   - Name\n\
         \x20   - !Ref Names\n\
         \x20   - 'Fn::ForEach::Inner':\n\
         \x20       - Size\n\
         \x20       - !FindInMap [Inner, !Ref Name, Sizes]\n\
         \x20       - 'R${Name}&{Size}':\n\
         \x20           Type: A::B::C\n\
         \x20           Condition: Isa\n\
         \x20           Properties: {P: !Ref Size, Q: {Ref: Name}, S: 'x-${Name}', T: !Sub '${Name}${AWS::Region}', U: !If ['Is${Name}', 1, 2]}\n\
         \x20 'Fn::ForEach::Open': [F, !Ref Free, {'O${F}': {Type: A::B::C, Properties: {P: !Ref F, Q: 'x ${F}', S: !GetAtt 'O${F}.Arn'}}}]\n",
        &[],
    );
    assert_eq!(template.problems(), [("cycle", "!GetAtt 'O${F}.Arn'")]);
    let shown: Vec<_> = template
        .evaluation
        .resources
        .iter()
        .map(|resource| format!("{} {}", resource.address, text_of(&resource.properties)))
        .collect();
    assert_eq!(
        shown,
        [
            "Ra1 {P: \"1\", Q: \"a\", S: \"x-a\", T: \"a<?>\", U: 1}",
            "Ra2 {P: \"2\", Q: \"a\", S: \"x-a\", T: \"a<?>\", U: 1}",
            "Rb3x {P: \"3-x\", Q: \"b\", S: \"x-b\", T: \"b<?>\", U: 2}",
            "O${F} {P: NotGiven(\"Free\"), Q: \"x <?>\", S: Computed(\"O${F}\", \"Arn\")}",
        ]
    );
}

#[test]
fn loops_that_make_too_much_stop_at_a_limit() {
    let items = vec!["x"; 100].join(", ");
    let body = |inner: String| format!("{{'Fn::ForEach::L': [I, [{items}], {inner}]}}");
    let nested = (0..6).fold("{'R${I}': {Type: A::B::C}}".to_owned(), |inner, _| body(inner));
    let long = "y".repeat(100_000);
    let many = "${I}".repeat(1_000);
    for source in [
        format!("Resources: {nested}\n"),
        format!(
            "Resources: {{'Fn::ForEach::L': [I, [{long}], {{R: {{Type: A::B::C, Properties: {{P: '{many}'}}}}}}]}}\n"
        ),
    ] {
        let template = Template::of(&source);
        let codes: Vec<_> = template.evaluation.problems.iter().map(|problem| problem.code).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| *code == ProblemCode::Limit), "{codes:?}");
    }
}

#[test]
fn resources_that_a_preprocessor_puts_in_are_left_out() {
    for module in ["!Rain::Module vpc.yml", "{'Rain::Module': vpc.yml}"] {
        let template = Template::of(&format!(
            "Resources:\n  X: {{Type: A::B::C, Properties: {{P: !Ref NetVpc, Q: !Sub {{'Rain::Embed': a.sh}}}}}}\n\
             \x20 Net: {{Type: {module}}}\n"
        ));
        assert_eq!(template.problems(), []);
        assert_eq!(template.evaluation.resources.len(), 1);
        assert_eq!(text_of(template.property("Q")), "NotEvaluated(\"Rain::Embed\")");
    }
}

#[test]
fn large_mappings_are_looked_into_as_small_ones_are() {
    let columns = (0..40).map(|number| format!("c{number}: v{number}, ")).collect::<Vec<_>>().concat();
    let rows: Vec<_> = (0..40).map(|number| format!("r{number}: &r{number} {{{columns} c7: last}}, ")).collect();
    let rows = rows.concat();
    let template = |expression: &str| {
        Template::of(&format!(
            "Mappings: {{M: {{{rows} aliased: *r3, merged: {{<<: *r3, c5: own}}}}}}\n\
             Resources: {{R: {{Type: A::B::C, Properties: {{P: !FindInMap [M, {expression}]}}}}}}\n"
        ))
    };
    for (expression, expected) in
        [("r39, c39", "v39"), ("r1, c7", "last"), ("aliased, c2", "v2"), ("merged, c5", "own"), ("merged, c6", "v6")]
    {
        assert_eq!(template(expression).property("P").as_str(), Some(expected), "{expression}");
    }
    assert_eq!(template("!Ref 'AWS::Region', c9").property("P").as_str(), Some("v9"));
    assert!(template("r1, c40").property("P").as_unknown().is_some());
}

#[test]
fn identifiers_of_open_loops_are_holes_wherever_they_stand() {
    let template = Template::of(
        "Parameters: {L: {Type: CommaDelimitedList}}\nResources:\n  Fn::ForEach::A:\n    - X\n    - !Ref L\n    \
         - 'R${X}': {Type: A::B::C, Properties: {P: 'a${X}b${Y}${${X}${X', Q: '${Y}'}}\n",
    );
    let ValueKind::String(text) = &template.property("P").kind else { panic!("no text") };
    assert_eq!(text.as_str(), "a\u{fffc}b${Y}${\u{fffc}${X");
    assert_eq!(template.property("Q").as_str(), Some("${Y}"));
}

#[test]
fn an_alias_bomb_is_one_problem() {
    let line = |level| format!("  a{level}: &a{level} [{}]\n", [&*format!("*a{}", level - 1); 9].join(", "));
    let levels: String = (1..60).map(line).collect();
    let template = Template::of(&format!(
        "X:\n  a0: &a0 [x]\n{levels}Resources:\n  R: {{Type: A::B::C, Properties: {{P: *a59}}}}\n"
    ));
    let problems = template.problems();
    assert!(matches!(problems.as_slice(), [("limit", "x" | "[x]")]), "{problems:?}");
}

#[test]
fn texts_that_grow_without_end_are_one_problem() {
    let long = "x".repeat(100_000);
    let many = "${P}".repeat(100_000);
    let template = Template::of(&format!(
        "Parameters: {{P: {{Type: String, Default: {long}}}}}\n\
         Resources: {{R: {{Type: A::B::C, Properties: {{P: !Sub '{many}', Q: 1}}}}}}\n"
    ));
    assert_eq!(template.evaluation.problems.len(), 1);
    assert_eq!(template.evaluation.problems[0].code, ProblemCode::Limit);
}

#[test]
fn deep_expressions_and_long_chains_end() {
    let nested = format!("{}x{}", "!If [Yes, ".repeat(195), ", y]".repeat(195));
    let template = Template::of(&property_source(&nested));
    assert_eq!(template.property("P").as_str(), Some("x"));
    let tagged = format!("{}x{}", "{'Fn::Base64': ".repeat(195), "}".repeat(195));
    assert_eq!(Template::of(&property_source(&tagged)).property("P").as_str(), Some("x"));
    let line = |level| format!("  C{level:05}: !Not [!Condition C{:05}]\n", level + 1);
    let chain = (1..5_000).map(line).collect::<Vec<_>>().concat();
    let template = Template::of(&format!("Conditions:\n{chain}  C05000: !Equals [a, a]\nResources: {{}}\n"));
    assert!(template.evaluation.problems.iter().all(|problem| problem.code == ProblemCode::Limit));
    assert!(!template.evaluation.problems.is_empty());
}

#[test]
fn templates_are_told_from_other_documents() {
    let is = |source: &str| {
        let file = SourceFile::new(FileId(0), "a.yaml", source.into());
        is_template(&parse(&file, &Limits::default()).documents[0])
    };
    assert!(is("AWSTemplateFormatVersion: 2010-09-09\n"));
    assert!(is("Resources: {A: {Type: AWS::S3::Bucket}}\n"));
    assert!(!is("Resources: {A: {Type: bucket}}\n"));
    assert!(!is("Resources: [a]\n"));
    assert!(!is("- a\n"));
}
