//! The functions called as evaluation calls them: results, origins, what is not known, and limits.

use proptest::prelude::*;

use super::*;
use crate::source::{FileId, PieceKind};

fn span(start: usize) -> Span {
    Span::new(FileId(0), start..start + 1)
}

/// The call's own place in all tests.
const CALL: usize = 1_000;

fn invoke(name: &str, arguments: &[Value]) -> Result<Value, Refusal> {
    call(name, arguments, span(CALL), &Limits::default()).unwrap()
}

/// The value as JSON, to compare it with what Terraform gave.
fn as_json(value: &Value) -> serde_json::Value {
    let text = invoke("jsonencode", std::slice::from_ref(value)).unwrap();
    serde_json::from_str(text.as_str().unwrap_or("\"unknown\"")).unwrap()
}

fn string(written: &str, at: usize) -> Value {
    Value::text(Text::verbatim(written, Span::new(FileId(0), at..at + written.len())), span(at))
}

fn list(elements: &[Value]) -> Value {
    Value::list(elements.to_vec(), span(500))
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect(), span(600))
}

fn open() -> Value {
    Value::unknown(Unknown::NotGiven("var.x".into()), span(700))
}

/// `a ‹hole› b`, written at 0.
fn with_hole() -> Value {
    let mut text = Text::verbatim("a", Span::new(FileId(0), 0..1));
    text.push_text(&Text::hole(span(700), "`var.x` has no value"));
    text.push_verbatim("b", Span::new(FileId(0), 2..3));
    Value::text(text, span(0))
}

fn one_of(alternatives: &[Value]) -> Value {
    Value::one_of(alternatives.to_vec(), 8, span(800))
}

fn shown(value: &Value) -> String {
    value.to_text().unwrap().as_str().replace(crate::source::HOLE, "?")
}

fn is_open(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::Unknown(Unknown::NotGiven(name)) if &**name == "var.x")
}

fn depends_on_hole(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::Unknown(Unknown::Hole(reason)) if &**reason == "`var.x` has no value")
}

/// Where the byte of the value was written.
fn written_at(value: &Value, offset: usize) -> u32 {
    value.to_text().unwrap().origin_of(offset).unwrap().1.start
}

#[test]
fn an_unknown_argument_makes_the_result_unknown_with_its_reason() {
    for name in ["lower", "jsondecode", "length", "keys", "tostring", "flatten", "base64encode", "sum", "abs"] {
        assert!(is_open(&invoke(name, &[open()]).unwrap()), "{name}");
    }
    assert!(is_open(&invoke("merge", &[map(&[("a", open())]), open()]).unwrap()));
    assert!(is_open(&invoke("coalesce", &[open(), string("x", 0)]).unwrap()));
    assert!(is_open(&invoke("concat", &[list(&[]), open()]).unwrap()));
    assert!(is_open(&invoke("startswith", &[string("a", 0), open()]).unwrap()));
}

#[test]
fn unknown_elements_stay_elements() {
    let joined = invoke("concat", &[list(&[string("a", 0), open()]), list(&[string("b", 0)])]).unwrap();
    assert_eq!(joined.as_list().unwrap().len(), 3);
    assert!(is_open(&joined.as_list().unwrap()[1]));
    assert_eq!(invoke("length", &[joined]).unwrap().as_number(), Some(3.0));
    let flat = invoke("flatten", &[list(&[list(&[string("a", 0), open()]), list(&[string("b", 0)])])]).unwrap();
    assert_eq!(flat.as_list().unwrap().len(), 3);
    let merged = invoke("merge", &[map(&[("a", open())]), map(&[("b", string("x", 0))])]).unwrap();
    assert!(is_open(&merged.as_map().unwrap().entries["a"]));
}

#[test]
fn an_unknown_among_lists_may_be_a_list_of_any_length() {
    assert!(is_open(&invoke("flatten", &[list(&[open(), list(&[string("a", 0)])])]).unwrap()));
    assert!(is_open(&invoke("flatten", &[list(&[open()])]).unwrap()));
    assert_eq!(invoke("flatten", &[list(&[open(), string("a", 0)])]).unwrap().as_list().unwrap().len(), 2);
}

#[test]
fn the_number_of_elements_of_a_set_with_an_unknown_one_is_not_known() {
    let set = invoke("toset", &[list(&[string("a", 0), open()])]).unwrap();
    assert!(is_open(&invoke("length", std::slice::from_ref(&set)).unwrap()));
    assert!(is_open(&invoke("tolist", &[set]).unwrap()));
    let only = invoke("toset", &[list(&[open()])]).unwrap();
    assert_eq!(invoke("length", &[only]).unwrap().as_number(), Some(1.0));
}

#[test]
fn what_might_be_dropped_leaves_the_length_open() {
    for name in ["compact", "distinct", "sort"] {
        assert!(is_open(&invoke(name, &[list(&[string("a", 0), open()])]).unwrap()), "{name}");
    }
    let kept = invoke("compact", &[list(&[with_hole(), string("", 0)])]).unwrap();
    assert_eq!(kept.as_list().unwrap().len(), 1, "a text with a known part is not empty");
}

#[test]
fn truth_is_three_valued() {
    let truth = |value: bool| Value::bool(value, span(0));
    let all = |elements: &[Value]| invoke("alltrue", &[list(elements)]).unwrap();
    assert_eq!(all(&[open(), truth(false)]).as_bool(), Some(false));
    assert!(is_open(&all(&[open(), truth(true)])));
    assert_eq!(invoke("anytrue", &[list(&[open(), truth(true)])]).unwrap().as_bool(), Some(true));
    let contains =
        |element: Value, wanted: &str| invoke("contains", &[list(&[element, string("a", 0)]), string(wanted, 0)]);
    assert_eq!(contains(open(), "a").unwrap().as_bool(), Some(true));
    assert!(is_open(&contains(open(), "b").unwrap()));
    assert!(depends_on_hole(&contains(with_hole(), "axb").unwrap()));
    assert_eq!(contains(with_hole(), "b").unwrap().as_bool(), Some(false), "the known part is longer");
}

#[test]
fn coalesce_passes_a_text_on_only_when_it_cannot_be_empty() {
    assert_eq!(shown(&invoke("coalesce", &[with_hole(), string("x", 0)]).unwrap()), "a?b");
    let only_hole = Value::text(Text::hole(span(700), "`var.x` has no value"), span(0));
    assert!(depends_on_hole(&invoke("coalesce", &[only_hole, string("x", 0)]).unwrap()));
}

#[test]
fn holes_pass_through_texts() {
    assert_eq!(
        shown(&invoke("join", &[string("-", 0), list(&[string("x", 0), open(), with_hole()])]).unwrap()),
        "x-?-a?b"
    );
    assert_eq!(shown(&invoke("format", &[string("<%s|%5d>", 0), open(), open()]).unwrap()), "<?|?>");
    assert_eq!(shown(&invoke("upper", &[with_hole()]).unwrap()), "A?B");
    assert_eq!(shown(&invoke("replace", &[with_hole(), string("b", 0), string("c\n", 0)]).unwrap()), "a?c\n");
    assert_eq!(shown(&invoke("indent", &[Value::number(2.0, span(0)), with_hole()]).unwrap()), "a?b");
    assert_eq!(
        shown(&invoke("jsonencode", &[map(&[("k", open()), ("l", with_hole())])]).unwrap()),
        r#"{"k":?,"l":"a?b"}"#
    );
    assert_eq!(
        shown(&invoke("yamlencode", &[map(&[("k", open()), ("l", with_hole())])]).unwrap()),
        "\"k\": ?\n\"l\": \"a?b\"\n"
    );
    assert_eq!(shown(&invoke("trimsuffix", &[with_hole(), string("b", 0)]).unwrap()), "a?");
}

#[test]
fn tests_of_texts_with_holes_decide_what_the_known_parts_decide() {
    let ask = |name: &str, part: &str| invoke(name, &[with_hole(), string(part, 0)]).unwrap();
    assert_eq!(ask("startswith", "a").as_bool(), Some(true));
    assert_eq!(ask("startswith", "x").as_bool(), Some(false));
    assert!(depends_on_hole(&ask("startswith", "ab")));
    assert_eq!(ask("endswith", "b").as_bool(), Some(true));
    assert_eq!(ask("endswith", "xa").as_bool(), Some(false));
    assert!(depends_on_hole(&ask("endswith", "xb")));
    assert_eq!(ask("strcontains", "b").as_bool(), Some(true));
    assert!(depends_on_hole(&ask("strcontains", "ab")));
    assert!(depends_on_hole(&invoke("regexall", &[string("a", 0), with_hole()]).unwrap()));
    assert!(depends_on_hole(&invoke("length", &[with_hole()]).unwrap()));
    assert!(depends_on_hole(&invoke("basename", &[with_hole()]).unwrap()));
    assert!(depends_on_hole(&invoke("split", &[string(",", 0), with_hole()]).unwrap()));
    let number = |value: f64| Value::number(value, span(0));
    assert_eq!(shown(&invoke("substr", &[with_hole(), number(0.0), number(1.0)]).unwrap()), "a");
    assert!(depends_on_hole(&invoke("substr", &[with_hole(), number(0.0), number(2.0)]).unwrap()));
}

#[test]
fn a_call_is_made_for_each_alternative() {
    let value = invoke("upper", &[one_of(&[string("a", 0), string("b", 5)])]).unwrap();
    let results: Vec<String> = value.alternatives().iter().map(shown).collect();
    assert_eq!(results, ["A", "B"]);
    let value =
        invoke("join", &[string("-", 0), list(&[one_of(&[string("a", 0), string("b", 5)]), string("c", 0)])]).unwrap();
    let results: Vec<String> = value.alternatives().iter().map(shown).collect();
    assert_eq!(results, ["a-c", "b-c"]);
    let same = invoke("length", &[one_of(&[string("a", 0), string("b", 5)])]).unwrap();
    assert_eq!(same.as_number(), Some(1.0), "equal results are one");
}

#[test]
fn too_many_combinations_are_unknown() {
    let many: Vec<Value> = (0..5).map(|index| string(&index.to_string(), index)).collect();
    let limits = Limits::default();
    assert!(limits.alternatives < 25);
    let value = invoke("format", &[string("%s%s", 0), one_of(&many), one_of(&many)]).unwrap();
    assert_eq!(value.as_unknown(), Some(&Unknown::Limit("alternatives".into())));
}

#[test]
fn a_call_that_fails_for_one_alternative_only_is_not_decided() {
    let value = invoke("tonumber", &[one_of(&[string("1", 0), string("x", 5)])]).unwrap();
    assert_eq!(value.as_unknown(), Some(&Unknown::NotEvaluated("tonumber".into())));
    invoke("tonumber", &[one_of(&[string("y", 0), string("x", 5)])]).unwrap_err();
}

#[test]
fn texts_keep_where_their_parts_were_written() {
    let joined = invoke("join", &[string("-", 90), list(&[string("ab", 10), string("cd", 20)])]).unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|offset| written_at(&joined, offset)), [10, 11, 90, 20, 21]);
    let formatted = invoke("format", &[string("<%s>", 30), string("ab", 10)]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|offset| written_at(&formatted, offset)), [30, 10, 11, 33]);
    let replaced = invoke("replace", &[string("abc", 10), string("b", 20), string("xy", 30)]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|offset| written_at(&replaced, offset)), [10, 30, 31, 12]);
    let replaced = invoke("replace", &[string("abc", 10), string("/(b)c/", 20), string("<$1>", 30)]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|offset| written_at(&replaced, offset)), [10, 30, 11, 33]);
    let parts = invoke("split", &[string(",", 0), string("ab,cd", 10)]).unwrap();
    assert_eq!(parts.as_list().unwrap()[1].origin.span.range(), 13..15);
    let trimmed = invoke("trimspace", &[string("  ab ", 10)]).unwrap();
    assert_eq!(written_at(&trimmed, 0), 12);
    let json = invoke("jsonencode", &[list(&[string("a\nb", 10)])]).unwrap();
    assert_eq!(json.as_str(), Some(r#"["a\nb"]"#));
    assert_eq!([2, 3, 4, 5].map(|offset| written_at(&json, offset)), [10, 11, 11, 12]);
    let indented = invoke("indent", &[Value::number(1.0, span(0)), string("a\nb", 10)]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|offset| written_at(&indented, offset)), [10, 11, u32::try_from(CALL).unwrap(), 12]);
}

#[test]
fn what_is_passed_on_keeps_its_origin() {
    let step = Step { span: span(900), role: StepRole::Local, name: "local.table".into() };
    let table = map(&[("eu", string("x", 10))]).then(step.clone());
    let found = invoke("lookup", &[table.clone(), string("eu", 0), string("y", 20)]).unwrap();
    assert_eq!(found.origin.span, span(10));
    let roles: Vec<StepRole> = found.origin.trail.steps().iter().map(|step| step.role).collect();
    assert_eq!(roles, [StepRole::Local, StepRole::Lookup]);
    for (name, arguments) in [
        ("merge", vec![table.clone()]),
        ("values", vec![table.clone()]),
        ("coalesce", vec![Value::null(span(0)), string("x", 10).then(step.clone())]),
        ("one", vec![list(&[string("x", 10)]).then(step.clone())]),
        ("element", vec![list(&[string("x", 10)]).then(step.clone()), Value::number(0.0, span(0))]),
        ("flatten", vec![list(&[list(&[string("x", 10)]).then(step.clone())])]),
        ("concat", vec![list(&[string("x", 10)]).then(step.clone())]),
        ("tostring", vec![string("x", 10).then(step)]),
    ] {
        let value = invoke(name, &arguments).unwrap();
        let inner = match &value.kind {
            ValueKind::Map(map) => map.entries["eu"].clone(),
            ValueKind::List(elements) => elements[0].clone(),
            _ => value,
        };
        assert_eq!(inner.origin.span, span(10), "{name}");
        assert_eq!(inner.origin.trail.len(), 1, "{name}");
    }
}

#[test]
fn a_table_looked_up_by_what_is_known_at_run_time_gives_each_entry() {
    let table = map(&[("eu", string("a", 10)), ("us", string("b", 20))]);
    let region = Value::unknown(Unknown::RunTime("data.aws_region.this".into()), span(0));
    let value = invoke("lookup", &[table.clone(), region, string("c", 30)]).unwrap();
    assert_eq!(value.alternatives().iter().map(shown).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(is_open(&invoke("lookup", &[table, open(), string("c", 30)]).unwrap()), "a free choice stays one");
}

#[test]
fn attributes_that_the_cloud_computes_are_not_missing() {
    let written: Map =
        Map { entries: [("a".into(), string("x", 0))].into(), computed_by: Some("aws_instance.web".into()) };
    let resource = Value::new(ValueKind::Map(written.into()), span(0));
    let computed = |attribute: &str| Unknown::computed("aws_instance.web", attribute);
    let id = invoke("lookup", &[resource.clone(), string("id", 0), string("none", 0)]).unwrap();
    assert_eq!(id.as_unknown(), Some(&computed("id")));
    assert_eq!(invoke("length", std::slice::from_ref(&resource)).unwrap().as_unknown(), Some(&computed("")));
    let merged = invoke("merge", &[map(&[("b", string("y", 0))]), resource, map(&[("c", string("z", 0))])]).unwrap();
    let merged = merged.as_map().unwrap();
    assert_eq!(merged.entries["b"].as_unknown(), Some(&computed("b")), "the resource may have such an attribute");
    assert_eq!(shown(&merged.entries["a"]), "x");
    assert_eq!(shown(&merged.entries["c"]), "z");
    assert_eq!(merged.computed_by.as_deref(), Some("aws_instance.web"));
}

#[test]
fn encoded_texts_keep_what_they_stand_for() {
    for (name, more) in
        [("base64encode", None), ("base64gzip", None), ("textencodebase64", Some(string("UTF-16LE", 0)))]
    {
        let arguments: Vec<Value> = [with_hole()].into_iter().chain(more).collect();
        let encoded = invoke(name, &arguments).unwrap();
        let ValueKind::String(text) = &encoded.kind else { panic!("{name} gives a string") };
        assert_eq!(text.known(), None, "{name}");
        assert_eq!(text.decoded().unwrap().origin_of(0).unwrap().1.start, 0, "{name}");
        assert!(matches!(text.decoded().unwrap().pieces()[1].kind, PieceKind::Hole(_)), "{name}");
    }
    let encoded = invoke("base64encode", &[string("echo", 10)]).unwrap();
    assert_eq!(encoded.as_str(), Some("ZWNobw=="));
    let passed = invoke("trimspace", std::slice::from_ref(&encoded)).unwrap();
    assert_eq!(written_at(&invoke("base64decode", &[passed]).unwrap(), 1), 11);
    let wide = invoke("textencodebase64", &[string("a", 10), string("UTF-16LE", 0)]).unwrap();
    assert_eq!(
        invoke("base64decode", &[wide]).unwrap().as_str(),
        Some("a\0"),
        "the bytes decide, not what was encoded"
    );
}

#[test]
fn results_that_change_with_each_run_are_not_evaluated() {
    for name in ["timestamp", "plantimestamp", "uuid"] {
        assert_eq!(invoke(name, &[]).unwrap().as_unknown(), Some(&Unknown::NotEvaluated(name.into())));
    }
}

#[test]
fn the_old_list_and_map_functions_still_make_lists_and_maps() {
    assert_eq!(as_json(&invoke("list", &[string("a", 0), string("b", 0)]).unwrap()), serde_json::json!(["a", "b"]));
    assert_eq!(as_json(&invoke("map", &[string("a", 0), string("b", 0)]).unwrap()), serde_json::json!({"a": "b"}));
    invoke("map", &[string("a", 0)]).unwrap_err();
}

#[test]
fn results_end_at_the_limits() {
    let limits = Limits { elements: 4, text_bytes: 8, nodes: 20, ..Limits::default() };
    let limited = |name: &str, arguments: &[Value]| call(name, arguments, span(CALL), &limits).unwrap();
    let number = |value: f64| Value::number(value, span(0));
    limited("range", &[number(4.0)]).unwrap();
    limited("range", &[number(5.0)]).unwrap_err();
    limited("split", &[string(",", 0), string("a,b,c,d", 0)]).unwrap();
    limited("split", &[string(",", 0), string("a,b,c,d,e", 0)]).unwrap_err();
    let four = list(&[number(1.0), number(2.0), number(3.0), number(4.0)]);
    limited("concat", &[four.clone(), list(&[])]).unwrap();
    limited("concat", &[four.clone(), list(&[number(1.0)])]).unwrap_err();
    limited("setproduct", &[list(&[number(1.0), number(2.0)]), list(&[number(1.0), number(2.0)])]).unwrap();
    limited("setproduct", &[four.clone(), list(&[number(1.0), number(2.0)])]).unwrap_err();
    limited("join", &[string("-", 0), list(&[string("abcd", 0), string("efg", 0)])]).unwrap();
    limited("join", &[string("-", 0), list(&[string("abcd", 0), string("efgh", 0)])]).unwrap_err();
    limited("format", &[string("%8s", 0), string("a", 0)]).unwrap();
    limited("format", &[string("%9s", 0), string("a", 0)]).unwrap_err();
    limited("format", &[string("%99999999999999999999s", 0), string("a", 0)]).unwrap_err();
    limited("replace", &[string("aaaa", 0), string("a", 0), string("bb", 0)]).unwrap();
    limited("replace", &[string("aaaa", 0), string("a", 0), string("bbb", 0)]).unwrap_err();
    limited("base64encode", &[string("abcdef", 0)]).unwrap();
    limited("base64encode", &[string("abcdefg", 0)]).unwrap_err();
    limited("indent", &[number(6.0), string("\n", 0)]).unwrap();
    limited("indent", &[number(1e15), string("\n", 0)]).unwrap_err();
    let doubled = (0..60).fold(list(&[]), |inner, _| list(&[inner.clone(), inner]));
    for name in ["flatten", "jsonencode", "yamlencode", "distinct", "toset", "tolist"] {
        limited(name, std::slice::from_ref(&doubled)).unwrap_err();
    }
    let contains = invoke("contains", &[list(std::slice::from_ref(&doubled)), doubled.clone()]).unwrap();
    assert!(contains.as_unknown().is_some(), "what is too large to compare is not known");
    let deep = (0..300).fold(list(&[]), |inner, _| list(&[inner]));
    for name in ["flatten", "jsonencode", "yamlencode", "distinct", "toset"] {
        invoke(name, std::slice::from_ref(&deep)).unwrap_err();
    }
}

#[test]
fn all_matches_are_not_looked_for_in_very_long_texts() {
    let long = string(&"a".repeat(40_000), 0);
    let pattern = |at| string("/(a*)*b/", at);
    assert!(invoke("regexall", &[string("(a*)*b", 0), long.clone()]).unwrap().as_unknown().is_some());
    assert!(invoke("replace", &[long, pattern(0), string("x", 0)]).unwrap().as_unknown().is_some());
    let short = string(&"a".repeat(1_000), 0);
    assert_eq!(invoke("replace", &[short.clone(), pattern(0), string("x", 0)]).unwrap().as_str(), short.as_str());
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    assert_eq!(invoke("upper", &[]).unwrap_err().message, "`upper` takes 1 argument(s), but 0 are given");
    assert_eq!(
        invoke("upper", &[Value::null(span(0))]).unwrap_err().message,
        "argument 1 of `upper`: it must not be null"
    );
    assert!(call("nosuch", &[], span(0), &Limits::default()).is_none());
}

/// Values of all kinds, among them such as single functions look at closely.
fn any_value() -> impl Strategy<Value = Value> {
    let written = prop_oneof![
        Just("%05.2f%[2]s%"),
        Just("/(a)|b*/"),
        Just("$1${x}"),
        Just("10.0.0.0/8"),
        Just("::/0"),
        Just("2020-02-29T23:59:59.9-23:59"),
        Just("../a//./b/.."),
        Just("-1h30.5m"),
        Just("YYYY'x"),
        Just("a,b\n\"c\",d\n"),
        Just("{\"a\": [1, null]}"),
        Just("a: &b [x]\nc: *b\n"),
        Just("UTF-16LE"),
        Just("YQ=="),
        Just("\u{1f600} e\u{301}\r\n "),
        Just("12"),
        Just("true"),
        Just(""),
    ];
    let number = prop_oneof![
        (-3..70).prop_map(f64::from),
        Just(0.5),
        Just(-1e300),
        Just(1e300),
        Just(9_007_199_254_740_993.0),
        Just(-9_007_199_254_740_992.0),
        Just(5e-324),
    ];
    let leaf = prop_oneof![
        Just(Value::null(span(0))),
        any::<bool>().prop_map(|truth| Value::bool(truth, span(1))),
        number.prop_map(|number| Value::number(number, span(2))),
        written.prop_map(|written| string(written, 3)),
        Just(with_hole()),
        Just(open()),
        Just(Value::unknown(Unknown::RunTime("terraform.workspace".into()), span(4))),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let several = prop::collection::vec(inner, 0..4);
        prop_oneof![
            several.clone().prop_map(|elements| list(&elements)),
            several.clone().prop_map(|elements| { Value::new(set_of(elements, &Limits::default()).unwrap(), span(5)) }),
            several.clone().prop_map(|elements| {
                let keys = ["a", "b", "10.0.0.0/8", ""];
                map(&keys.into_iter().zip(elements).collect::<Vec<_>>())
            }),
            several.prop_map(|elements| one_of(&elements)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_call_panics_and_results_keep_the_limits(arguments in prop::collection::vec(any_value(), 0..4)) {
        let limits = Limits { elements: 50, text_bytes: 500, nodes: 1_000, ..Limits::default() };
        for function in FAMILIES.iter().copied().flatten() {
            let Some(Ok(value)) = call(function.name, &arguments, span(CALL), &limits) else { continue };
            for value in &*value.alternatives() {
                let passed_on = |part: &Value| arguments.iter().any(|argument| argument.kind == part.kind);
                let length = value.as_list().map_or(0, <[Value]>::len);
                prop_assert!(length <= limits.elements || passed_on(value), "{}", function.name);
                let length = value.to_text().map_or(0, |text| text.len());
                prop_assert!(length <= limits.text_bytes, "{}", function.name);
            }
        }
    }
}

#[test]
fn each_function_is_in_the_table_once() {
    let mut names: Vec<&str> = FAMILIES.iter().copied().flatten().map(|function| function.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
