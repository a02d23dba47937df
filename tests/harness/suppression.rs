//! Every finding can be suppressed where its reader would try to, in every language, and a suppression that hides
//! nothing is found.

use std::collections::BTreeMap;

use imdslint::finding::SuppressionKind;
use serde_json::{Value, json};

use super::case::{Case, Found, Mark, Outcome};

/// What reports suppressions is not suppressed itself.
const UNUSED_SUPPRESSION: &str = "IMDS901";

const REASON: &str = "written by the harness";

/// Where a language holds suppressions.
enum Place {
    Comment,
    TerraformJson,
    CloudFormationJson,
    PackerJson,
}

/// What is wrong with the suppressions of a case's findings.
pub(super) fn review(case: &Case, outcome: &Outcome) -> Vec<String> {
    let mut complaints = Vec::new();
    for found in outcome.findings.iter().filter(|found| !found.suppressed && found.rule != UNUSED_SUPPRESSION) {
        // Nothing is written beside what a plan says, which Terraform prints.
        if std::iter::once(&found.primary).chain(&found.related).all(|mark| is_in_plan(case, mark)) {
            continue;
        }
        // A value of the command line cannot carry a suppression, but any label of a finding will do.
        let mut labels = std::iter::once(&found.primary).chain(&found.related);
        let Some((mark, place)) = labels.find_map(|mark| Some((mark, place_in(case, mark)?))) else {
            complaints.push(format!("{} can be suppressed nowhere", found.rule));
            continue;
        };
        let variants = match place {
            Place::Comment => beside_code(case, found, mark),
            Place::TerraformJson => in_terraform_json(case, found, mark),
            Place::CloudFormationJson => in_template_json(case, found, mark),
            Place::PackerJson => in_packer_json(case, found, mark),
        };
        for (name, files) in variants {
            let variant = Case { files, ..case.clone() };
            complaints.extend(hides(&variant, found, outcome).map(|why| format!("{}, {name}: {why}", found.rule)));
        }
    }
    complaints.extend(hides_nothing(case, outcome));
    complaints
}

fn is_in_plan(case: &Case, mark: &Mark) -> bool {
    case.files.get(&mark.place.path).is_some_and(|text| text.contains("\"planned_values\""))
}

fn place_in(case: &Case, mark: &Mark) -> Option<Place> {
    let path = mark.place.path.as_str();
    let text = case.files.get(path)?;
    // A plan has scripts with the comments that they had when it was made.
    let is_planned = case.files.values().any(|text| text.contains("\"planned_values\""));
    match path {
        _ if is_planned && is_user_data(path, text) => None,
        _ if path.ends_with(".tf.json") || path.ends_with(".tfvars.json") => Some(Place::TerraformJson),
        _ if path.ends_with(".json") && text.contains("\"builders\"") => Some(Place::PackerJson),
        _ if path.ends_with(".json") => text.contains("\"Resources\"").then_some(Place::CloudFormationJson),
        _ => (path.ends_with(".tfvars") || holds_comments(path, text) || is_user_data(path, text))
            .then_some(Place::Comment),
    }
}

/// Whether it is a file that hosts are given at boot.
fn is_user_data(path: &str, text: &str) -> bool {
    [".sh", ".tftpl", ".tpl", ".ps1", ".cmd", ".cfg", ".config"].iter().any(|ending| path.ends_with(ending))
        || text.starts_with("#cloud-config")
}

/// Whether it is a module's file, a template, a part of one, its values or a document in a language that has comments.
fn holds_comments(path: &str, text: &str) -> bool {
    let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    let sections = ["Resources:", "Parameters:", "MetadataOptions:", "phases:", "mainSteps:"];
    let is_read = text.lines().any(|line| sections.iter().any(|section| line.starts_with(section)));
    path.ends_with(".tf") || path.ends_with(".pkr.hcl") || is_yaml && is_read
}

type Variants = Vec<(&'static str, BTreeMap<String, String>)>;

fn with(case: &Case, path: &str, text: String) -> BTreeMap<String, String> {
    let mut files = case.files.clone();
    files.insert(path.to_owned(), text);
    files
}

/// A comment above the marked line, and one at its end.
fn beside_code(case: &Case, found: &Found, mark: &Mark) -> Variants {
    let path = &mark.place.path;
    let text = &case.files[path];
    let number = mark.place.start.0 - 1;
    let line = text.lines().nth(number).unwrap_or_default();
    let indentation: String = line.chars().take_while(|character| character.is_whitespace()).collect();
    let (sign, sign_beside) =
        if text.contains("<script>") || path.ends_with(".cmd") { ("rem", "& rem") } else { ("#", "#") };
    let comment = |sign: &str| format!("{sign} imdslint: ignore[{}] {REASON}", found.rule);
    let edited = |edit: &dyn Fn(&str) -> String| {
        let line = |(index, line): (usize, &str)| if index == number { edit(line) } else { format!("{line}\n") };
        text.lines().enumerate().map(line).collect::<String>()
    };
    let above = edited(&|line| format!("{indentation}{}\n{line}\n", comment(sign)));
    let beside = edited(&|line| format!("{line} {}\n", comment(sign_beside)));
    let mut variants = vec![("with a comment above the line", with(case, path, above))];
    // A line holds one suppression.
    if !line.contains("imdslint:") {
        variants.push(("with a comment at the end of the line", with(case, path, beside)));
    }
    variants
}

/// The property `"//"` of the object around the marked place.
fn in_terraform_json(case: &Case, found: &Found, mark: &Mark) -> Variants {
    let path = &mark.place.path;
    let text = &case.files[path];
    let start: usize = text.split_inclusive('\n').take(mark.place.start.0 - 1).map(str::len).sum();
    let line = text.get(start..).unwrap_or_default();
    let column = line.char_indices().nth(mark.place.start.1 - 1).map_or(0, |(at, _)| at);
    let mut open = Vec::new();
    let mut quoted = false;
    for (at, character) in text.char_indices().take_while(|(at, _)| *at < start + column) {
        match character {
            '"' => quoted = !quoted,
            '{' if !quoted => open.push(at),
            '}' if !quoted => drop(open.pop()),
            _ => {}
        }
    }
    let Some(at) = open.last().map(|at| at + 1) else { return Vec::new() };
    let comment = format!("\"//\": \"imdslint: ignore[{}] {REASON}\",", found.rule);
    let edited = format!("{}{comment}{}", &text[..at], &text[at..]);
    vec![("with a property `//`", with(case, path, edited))]
}

/// The metadata of the resource, and those of the template.
fn in_template_json(case: &Case, found: &Found, mark: &Mark) -> Variants {
    let path = &mark.place.path;
    let template: Value = serde_json::from_str(&case.files[path]).expect("the template is JSON");
    let ignore = json!({ "ignore": [{ "rule": found.rule, "reason": REASON }] });
    let mut variants = Vec::new();
    if let Some(subject) = found.subjects.first().and_then(|subject| subject.split(['.', '[']).next()) {
        let mut template = template.clone();
        let resource = resource_called(subject, &template);
        template["Resources"][resource]["Metadata"]["imdslint"] = ignore.clone();
        variants.push(("with metadata of the resource", with(case, path, template.to_string())));
    }
    let mut template = template;
    template["Metadata"]["imdslint"] = ignore;
    variants.push(("with metadata of the template", with(case, path, template.to_string())));
    variants
}

/// The key of the resource that is called so, or that the CDK made of the construct with that path.
fn resource_called(subject: &str, template: &Value) -> String {
    let resources = template["Resources"].as_object().expect("the template has resources");
    let is_made_of = |resource: &Value| resource["Metadata"]["aws:cdk:path"] == subject;
    let made = resources.iter().find(|(_, resource)| is_made_of(resource)).map(|(key, _)| key.as_str());
    made.unwrap_or(subject).to_owned()
}

/// The list `_imdslint` of the template.
fn in_packer_json(case: &Case, found: &Found, mark: &Mark) -> Variants {
    let path = &mark.place.path;
    let mut template: Value = serde_json::from_str(&case.files[path]).expect("the template is JSON");
    template["_imdslint"] = json!([{ "rule": found.rule, "reason": REASON }]);
    vec![("with the property `_imdslint`", with(case, path, template.to_string()))]
}

/// Whether a finding of `before` is hidden in `variant`, and nothing else changes.
fn hides(variant: &Case, found: &Found, before: &Outcome) -> Option<String> {
    let after = match variant.run() {
        Ok(outcome) => outcome,
        Err(error) => return Some(error.to_string()),
    };
    let same = |reported: &&imdslint::report::Reported| {
        reported.finding.rule == found.rule && reported.fingerprint == found.fingerprint
    };
    let Some(reported) = after.report.findings.iter().find(same) else {
        return Some("the finding is gone or has another fingerprint".to_owned());
    };
    let Some(suppression) = &reported.finding.suppressed else {
        return Some("the finding is not suppressed".to_owned());
    };
    if suppression.kind != SuppressionKind::Inline || suppression.reason.as_deref() != Some(REASON) {
        return Some(format!("it is suppressed by something else: {suppression:?}"));
    }
    if after.findings.len() != before.findings.len() {
        return Some(format!("there are {} findings instead of {}", after.findings.len(), before.findings.len()));
    }
    if after.problems.len() != before.problems.len() {
        return Some(format!("there are problems: {:?}", after.problems));
    }
    None
}

/// A suppression at the end of a file covers nothing, and that is found.
fn hides_nothing(case: &Case, outcome: &Outcome) -> Option<String> {
    let (path, text) = case.files.iter().find(|(path, text)| holds_comments(path, text))?;
    // Where the rule may not run on this file, it is not judged.
    let is_whole = case.options.select.is_empty() && case.options.paths.is_empty();
    if !is_whole || case.files.contains_key("imdslint.yaml") {
        return None;
    }
    let text = format!("{}\n# imdslint: ignore[IMDS101] {REASON}\n", text.trim_end());
    let line = text.lines().count();
    let variant = Case { files: with(case, path, text), ..case.clone() };
    let after = match variant.run() {
        Ok(outcome) => outcome,
        Err(error) => return Some(error.to_string()),
    };
    let is_it = |found: &&Found| {
        found.rule == UNUSED_SUPPRESSION && found.primary.place.path == *path && found.primary.place.start.0 == line
    };
    let found = after.findings.iter().filter(is_it).count();
    let others = after.findings.len() - found;
    (found != 1 || others != outcome.findings.len())
        .then(|| format!("a suppression that hides nothing, at {path}:{line}, gives {found} findings of its own"))
}
