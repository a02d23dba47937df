//! The steps of a document, each as what it does to a host.

use std::sync::Arc;

use super::parameters::Parameters;
use super::{Budget, Given};
use crate::catalog;
use crate::eval::{BuildStep, BuildStepKind, Interpreter, Unknown, Value};
use crate::source::{Span, Text};

/// Actions that run on a host and change nothing that matters here.
const HARMLESS: &[&str] = &[
    "aws:cloudWatch",
    "aws:configureDocker",
    "aws:domainJoin",
    "aws:refreshAssociation",
    "aws:softwareInventory",
    "aws:updateAgent",
    "aws:updateSsmAgent",
];

/// Actions that run on a host and may do anything to it.
const UNKNOWN: &[&str] = &["aws:downloadContent", "aws:psModule", "aws:runDockerAction", "aws:runDocument"];

/// What a document does, in order.
pub(super) fn of_document(root: &Value, given: &Given, budget: &mut Budget) -> Vec<BuildStep> {
    let mut parameters = Parameters::of(field(root, "parameters").as_ref(), given, budget);
    let mut steps = Vec::new();
    for step in field(root, "mainSteps").as_ref().map(elements).unwrap_or_default() {
        let Some(action) = field(&step, "action") else { continue };
        let inputs = field(&step, "inputs").unwrap_or_else(|| Value::null(step.origin.span));
        let header = field(&step, "name").map_or(action.origin.span, |name| name.origin.span);
        match runs(&step, action.as_str().unwrap_or_default(), &mut parameters) {
            Some(true) => steps.extend(of_action(&action, &inputs, header, &mut parameters)),
            Some(false) => {}
            None => steps.push(opaque("a step under a condition that is not known", header)),
        }
    }
    // The older form: actions by name, each with what it is done with.
    let config = field(root, "runtimeConfig");
    for (action, plugin) in config.iter().filter_map(Value::as_map).flat_map(|map| &map.entries) {
        let action = Value::encoded(&**action, plugin.origin.span);
        for properties in field(plugin, "properties").as_ref().map(elements).unwrap_or_default() {
            steps.extend(of_action(&action, &properties, properties.origin.span, &mut parameters));
        }
    }
    steps
}

/// What Amazon's document `name` does, which is given `given` at `place`; nothing when it is not known.
#[must_use]
pub fn managed(name: &str, given: &Given, place: Span, budget: &mut Budget) -> Option<Vec<BuildStep>> {
    let known = catalog::systems_manager().managed_document(name)?;
    let Some(action) = &known.action else { return Some(Vec::new()) };
    let mut parameters = Parameters::of_managed(given, budget);
    let inputs =
        known.inputs.iter().map(|(name, input)| (Arc::from(name.as_str()), Value::encoded(input.as_str(), place)));
    let is_given =
        |(_, input): &(Arc<str>, Value)| input.to_text().is_some_and(|input| parameters.whole(&input).is_some());
    let inputs = Value::map(inputs.filter(is_given).collect(), place);
    Some(of_action(&Value::encoded(action.as_str(), place), &inputs, place, &mut parameters))
}

fn of_action(action: &Value, inputs: &Value, header: Span, parameters: &mut Parameters<'_>) -> Vec<BuildStep> {
    let text = |parameters: &mut Parameters<'_>, name: &str| {
        let text = field(inputs, name)?.to_text()?;
        Some(parameters.resolve(&text, header))
    };
    let is = |text: Option<Text>, expected: &str| {
        text.as_ref().and_then(Text::known).is_some_and(|text| text.eq_ignore_ascii_case(expected))
    };
    let name = action.as_str().unwrap_or_default();
    let kind = match name {
        "aws:runShellScript" => script(inputs, Interpreter::FirstLine, header, parameters),
        "aws:runPowerShellScript" => script(inputs, Interpreter::PowerShell, header, parameters),
        "aws:configurePackage" if is(text(parameters, "action"), "Install") => {
            let Some(name) = text(parameters, "name") else { return Vec::new() };
            let known = catalog::systems_manager().packages.iter().find(|row| name.known() == Some(row.name.as_str()));
            let place = name.span_of(0..name.len()).unwrap_or(header);
            BuildStepKind::Package(match known {
                Some(row) => Value::encoded(row.package.as_str(), place),
                None => Value::text(name, place),
            })
        }
        "aws:applications" if is(text(parameters, "action"), "Install") => {
            let Some(source) = text(parameters, "source") else { return Vec::new() };
            let place = source.span_of(0..source.len()).unwrap_or(header);
            BuildStepKind::Package(Value::text(source, place))
        }
        // An automation has another document run on hosts.
        "aws:runCommand" => return of_command(inputs, header, parameters),
        "aws:executeAwsApi" => match of_call(inputs, header, parameters) {
            Some(kind) => kind,
            None => return Vec::new(),
        },
        name if UNKNOWN.contains(&name) => BuildStepKind::Opaque(format!("the action `{name}`").into()),
        // The other actions of automations run elsewhere.
        _ => return Vec::new(),
    };
    vec![BuildStep { kind, header }]
}

/// What the document does that a step of an automation names.
fn of_command(inputs: &Value, header: Span, parameters: &mut Parameters<'_>) -> Vec<BuildStep> {
    let document = field(inputs, "DocumentName").and_then(|name| name.to_text());
    let document = document.map(|name| parameters.resolve(&name, header)).unwrap_or_default();
    let mut given = Given::new();
    let values = field(inputs, "Parameters");
    for (name, value) in values.iter().filter_map(Value::as_map).flat_map(|map| &map.entries) {
        let lines = parameters.lines(value).map(|lines| {
            let line = |text: Text| Value::text(text, value.origin.span);
            Value::list(lines.into_iter().map(line).collect(), value.origin.span)
        });
        let unknown = || Value::unknown(Unknown::NotGiven(name.clone()), value.origin.span);
        given.insert(name.clone(), lines.unwrap_or_else(unknown));
    }
    let place = document.span_of(0..document.len()).unwrap_or(header);
    match managed(document.as_str(), &given, place, parameters.budget) {
        Some(steps) => steps.into_iter().map(|step| BuildStep { header, ..step }).collect(),
        None => vec![opaque(&format!("the document `{}`", document.as_str()), header)],
    }
}

/// The calls of the cloud that say whether metadata endpoints answer, as AWS's own program names them.
const CALLS: &[(&str, &str)] = &[
    ("ModifyInstanceMetadataDefaults", "modify-instance-metadata-defaults"),
    ("ModifyInstanceMetadataOptions", "modify-instance-metadata-options"),
];

/// The members of such calls that matter, and the options that mean the same.
const MEMBERS: &[(&str, &str)] =
    &[("InstanceId", "instance-id"), ("HttpEndpoint", "http-endpoint"), ("HttpTokens", "http-tokens")];

/// A call of the cloud, as the command that makes the same call.
fn of_call(inputs: &Value, header: Span, parameters: &mut Parameters<'_>) -> Option<BuildStepKind> {
    let named = |name: &str| field(inputs, name).filter(|value| value.as_str().is_some());
    named("Service").filter(|service| service.as_str().is_some_and(|service| service.eq_ignore_ascii_case("ec2")))?;
    let api = named("Api")?;
    let (_, operation) = CALLS.iter().find(|(name, _)| api.as_str() == Some(name))?;
    let mut text = Text::encoded(format!("aws ec2 {operation}"), api.origin.span);
    for (member, option) in MEMBERS {
        let Some(value) = field(inputs, member).and_then(|value| value.to_text()) else { continue };
        text.push_encoded(&format!(" --{option} '"), api.origin.span);
        text.push_text(&parameters.resolve(&value, header));
        text.push_encoded("'", api.origin.span);
    }
    let interpreter = Interpreter::FirstLine;
    Some(BuildStepKind::Script { text: Value::text(text, api.origin.span), interpreter, environment: Vec::new() })
}

fn script(inputs: &Value, interpreter: Interpreter, header: Span, parameters: &mut Parameters<'_>) -> BuildStepKind {
    let place = field(inputs, "runCommand").map_or(header, |commands| commands.origin.span);
    let lines = field(inputs, "runCommand").and_then(|commands| parameters.lines(&commands));
    let text = match lines.and_then(|lines| whole(&lines, parameters)) {
        Some(text) => {
            let directory = field(inputs, "workingDirectory").and_then(|directory| directory.to_text());
            let directory = directory.map(|directory| parameters.resolve(&directory, header));
            let directory = directory.filter(|directory| !directory.is_empty());
            Value::text(
                directory.map_or_else(|| text.clone(), |directory| within(&text, &directory, interpreter)),
                place,
            )
        }
        None => Value::unknown(Unknown::NotEvaluated("the commands of a document".into()), place),
    };
    BuildStepKind::Script { text, interpreter, environment: Vec::new() }
}

/// The lines as one script; nothing when they are too long.
fn whole(lines: &[Text], parameters: &mut Parameters<'_>) -> Option<Text> {
    let mut script = Text::new();
    for line in lines {
        if !parameters.budget.pay(line) {
            return None;
        }
        script.push_text(line);
        if let Some(span) = line.span_of(0..line.len()) {
            script.push_encoded("\n", Span { start: span.end, ..span });
        }
    }
    Some(script)
}

/// The script with a command before it that changes into a folder. A first line that names an interpreter stays first.
fn within(script: &Text, directory: &Text, interpreter: Interpreter) -> Text {
    let Some(place) = directory.span_of(0..directory.len()) else { return script.clone() };
    let first = if script.as_str().starts_with("#!") {
        script.as_str().find('\n').map_or(script.len(), |end| end + 1)
    } else {
        0
    };
    let command = if interpreter == Interpreter::PowerShell { "Set-Location" } else { "cd" };
    let mut text = script.slice(0..first);
    text.push_encoded(&format!("{command} '"), place);
    text.push_text(directory);
    text.push_encoded("'\n", place);
    text.push_text(&script.slice(first..script.len()));
    text
}

/// Whether a step runs where its action can: only conditions on the platform are decided by the action itself.
fn runs(step: &Value, action: &str, parameters: &mut Parameters<'_>) -> Option<bool> {
    if HARMLESS.contains(&action) {
        return Some(false);
    }
    let Some(condition) = field(step, "precondition") else { return Some(true) };
    let operands = field(&condition, "StringEquals").as_ref().map(elements).unwrap_or_default();
    let texts = operands.iter().filter_map(Value::to_text).map(|text| parameters.resolve(&text, step.origin.span));
    let texts: Vec<Text> = texts.collect();
    let [left, right] = texts.as_slice() else { return None };
    let platform = match (left.as_str(), right.as_str()) {
        ("platformType", platform) | (platform, "platformType") => platform,
        (left, right) => return (!texts.iter().any(Text::has_holes)).then_some(left == right),
    };
    Some(match action {
        "aws:runShellScript" => platform.eq_ignore_ascii_case("Linux"),
        "aws:runPowerShellScript" | "aws:applications" | "aws:psModule" => platform.eq_ignore_ascii_case("Windows"),
        _ => true,
    })
}

fn opaque(name: &str, header: Span) -> BuildStep {
    BuildStep { kind: BuildStepKind::Opaque(name.into()), header }
}

fn field(value: &Value, name: &str) -> Option<Value> {
    let found = value.as_map()?.entries.get(name)?;
    Some(found.clone().through(&value.origin.trail)).filter(|found| !found.is_null())
}

/// The elements of a list, or the only one that stands without a list.
fn elements(value: &Value) -> Vec<Value> {
    match value.as_list() {
        Some(items) => items.iter().map(|item| item.clone().through(&value.origin.trail)).collect(),
        None => vec![value.clone()],
    }
}
