//! The kernel is the judge of `imdslint hosts` too: the oracle's scripts through the command line, and its JSON read as
//! another program reads it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use imdslint::network::{Answer, Backend, Docker, Layout};
use serde_json::Value;
use support::oracle::{self, Case};
use support::{Ran, command};

/// The columns that are decided: it may only rise.
const COLUMNS_DECIDED: usize = 1_487;

/// Scripts that block by what they take away: the rules that docker laid for its containers. No
/// command is named for that yet; the list may only shrink.
const BLOCKED_BY_REMOVAL: [&str; 5] = [
    "b13-flush-keeps-policy",
    "g04-restore-other-table-keeps-filter",
    "g12-flush-docker",
    "i11-nft-flush-ruleset-removes-iptables-nft",
    "p02-legacy-and-nft-both",
];

/// Who is asked about: the first letters of a column, and the option's value.
const PRINCIPALS: [(&str, &str); 4] =
    [("root", "root"), ("svc", "uid=48"), ("usr", "uid=1000,groups=1600"), ("ctr", "container")];

const VERDICTS: [&str; 4] = ["reachable", "blocked", "diverted", "depends"];

/// What is assumed of the laboratory in which `script` ran, as values of `--assume`.
///
/// The options cannot state all that [`oracle::assumptions`] does: not the name of the interface, not the host's
/// addresses, no group by its name that is no user's first one, and not that the users named are all there are. What
/// turns on one of these is left open.
fn assumed(script: &str) -> Vec<String> {
    let laboratory = oracle::assumptions(script);
    let docker = match laboratory.docker.unwrap() {
        Docker::Absent => "absent",
        Docker::Before => "before",
        Docker::After => "after",
    };
    let routes = if laboratory.layout == Some(Layout::OnLink) { "on-link" } else { "gateway" };
    let iptables = if laboratory.backend == Some(Backend::Legacy) { "legacy" } else { "nft" };
    let ports: Vec<String> = laboratory.listen.unwrap().iter().map(u16::to_string).collect();
    let users: Vec<String> =
        laboratory.users.iter().map(|(name, user)| format!("{name}:{}:{}", user.uid, user.gid)).collect();
    vec![
        format!("docker={docker}"),
        format!("routes={routes}"),
        format!("iptables={iptables}"),
        format!("hop-limit={}", laboratory.hop_limit.unwrap()),
        format!("listen={}", ports.join(",")),
        format!("users={}", users.join(",")),
    ]
}

/// What the program says about `scripts`, files of the oracle's, under `assumptions`.
fn hosts(scripts: &[String], assumptions: &[String]) -> Value {
    let mut arguments: Vec<&str> =
        vec!["hosts", "--format", "json", "--kind", "user-data", "--no-config", "--root", "."];
    arguments.extend(assumptions.iter().flat_map(|assumption| ["--assume", assumption]));
    arguments.extend(PRINCIPALS.iter().flat_map(|(_, principal)| ["--principal", principal]));
    arguments.extend(scripts.iter().map(String::as_str));
    let ran = Ran::of(command(&oracle::folder().join("cases"), arguments).output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.json()
}

fn file_name(case: &Case) -> String {
    format!("{}.sh", case.name)
}

/// The documents about all cases, one for each set of assumptions, which saves some 280 processes.
fn documents(cases: &[Case]) -> Vec<Value> {
    let mut groups: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for case in cases {
        groups.entry(assumed(&case.script)).or_default().push(file_name(case));
    }
    assert!(groups.len() > 5, "the directives are read");
    groups.into_iter().map(|(assumptions, scripts)| hosts(&scripts, &assumptions)).collect()
}

/// The hosts of `documents`, by their subjects.
fn by_subject(documents: &[Value]) -> BTreeMap<&str, &Value> {
    let hosts = documents.iter().flat_map(|document| list(&document["hosts"]));
    hosts.map(|host| (host["subject"].as_str().unwrap(), host)).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The answer about `column`.
fn answer<'a>(host: &'a Value, column: &str) -> &'a Value {
    let family = if column.ends_with('6') { "ipv6" } else { "ipv4" };
    let (_, principal) = PRINCIPALS.iter().find(|(letters, _)| column.starts_with(letters)).unwrap();
    let answers = list(&host["reachability"]);
    let mut asked = answers.iter().filter(|answer| answer["family"] == family && answer["principal"] == *principal);
    let answer = asked.next().unwrap_or_else(|| panic!("nothing about {column}: {host}"));
    assert!(asked.next().is_none(), "two answers about {column}: {host}");
    answer
}

fn in_words(answer: Answer) -> &'static str {
    match answer {
        Answer::Reachable => "reachable",
        Answer::Blocked => "blocked",
        Answer::Diverted => "diverted",
        Answer::Depends => "depends",
    }
}

/// What is open has a side, at least, on which it is as the kernel says.
#[test]
fn no_decided_verdict_differs_from_the_kernel() {
    let cases = oracle::cases();
    let documents = documents(&cases);
    let hosts = by_subject(&documents);
    assert_eq!(hosts.len(), cases.len());
    let (mut decided, mut open, mut wrong) = (0, Vec::new(), Vec::new());
    for case in &cases {
        let host = hosts[file_name(case).as_str()];
        for (column, word) in &case.columns {
            let answer = answer(host, column);
            let verdict = answer["verdict"].as_str().unwrap();
            if verdict == "depends" {
                let conditions = list(&answer["depends_on"]).iter();
                let mut sides = conditions.flat_map(|condition| [&condition["if_true"], &condition["if_false"]]);
                let arrives = oracle::kernel_says(word) == Answer::Reachable;
                if !sides.any(|side| side == "depends" || (side == "reachable") == arrives) {
                    wrong.push(format!("{} {column}: {}, the kernel {word}", case.name, answer["depends_on"]));
                }
                open.push(format!("{} {column}: {}", case.name, answer["depends_on"]));
                continue;
            }
            decided += 1;
            if verdict != in_words(oracle::kernel_says(word)) {
                wrong.push(format!("{} {column}: {verdict}, the kernel {word}", case.name));
            }
        }
    }
    println!("{}\n{decided} columns decided, {} open", open.join("\n"), open.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided >= COLUMNS_DECIDED, "{decided} columns are decided, fewer than before");
}

#[test]
fn every_verdict_names_what_decides_it_or_what_it_depends_on() {
    let cases = oracle::cases();
    let documents = documents(&cases);
    let hosts = by_subject(&documents);
    let mut seen = BTreeSet::new();
    let mut without_a_place = BTreeSet::new();
    for case in &cases {
        let name = file_name(case);
        let lines: Vec<&str> = case.script.lines().map(str::trim).collect();
        let is_command = |place: &Value| {
            let number = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
            let line = number.checked_sub(1).and_then(|index| lines.get(index));
            place["path"] == name.as_str() && line.is_some_and(|line| !line.is_empty() && !line.starts_with('#'))
        };
        for answer in list(&hosts[name.as_str()]["reachability"]) {
            let (verdict, because) = (answer["verdict"].as_str().unwrap(), list(&answer["because"]));
            let conditions = list(&answer["depends_on"]);
            assert!(VERDICTS.contains(&verdict), "{name}: {answer}");
            seen.insert(verdict);
            for place in because {
                assert!(is_command(place), "{name}: {place}");
                assert!(!place["text"].as_str().unwrap().is_empty(), "{name}: {place}");
            }
            // Containers on docker's default bridge have no IPv6, whatever the script does.
            let has_network = answer["principal"] != "container" || answer["family"] == "ipv4";
            if verdict == "blocked" && because.is_empty() && has_network {
                without_a_place.insert(case.name.as_str());
            }
            assert_eq!(verdict == "depends", !conditions.is_empty(), "{name}: {answer}");
            for condition in conditions {
                let sides = [&condition["if_true"], &condition["if_false"]].map(|side| side.as_str().unwrap());
                assert!(sides.iter().all(|side| VERDICTS.contains(side)), "{name}: {condition}");
                assert!(!condition["text"].as_str().unwrap().is_empty(), "{name}: {condition}");
                let is_of_the_image = condition["path"] == "" && condition["line"] == 0;
                assert!(is_of_the_image || is_command(condition), "{name}: {condition}");
            }
        }
    }
    assert_eq!(seen, BTreeSet::from(VERDICTS), "each verdict occurs");
    assert_eq!(without_a_place, BTreeSet::from(BLOCKED_BY_REMOVAL), "other scripts block without a command");
}

#[test]
fn a_script_alone_gives_what_it_gives_among_others() {
    let cases = oracle::cases();
    let documents = documents(&cases);
    let hosts_by_subject = by_subject(&documents);
    for case in cases.iter().step_by(cases.len() / 8) {
        let name = file_name(case);
        let alone = hosts(std::slice::from_ref(&name), &assumed(&case.script));
        assert_eq!(list(&alone["hosts"]), [hosts_by_subject[name.as_str()].clone()], "{name}");
    }
}

#[test]
fn the_documents_are_as_their_schema_says() {
    let ran = Ran::of(command(oracle::folder(), ["schema", "hosts"]).output().unwrap());
    let validator = jsonschema::validator_for(&ran.json()).expect("the schema is one");
    let documents = documents(&oracle::cases());
    for document in &documents {
        let faults: Vec<String> = validator.iter_errors(document).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0]);
        assert_eq!((&document["format"], &document["version"]), (&Value::from("hosts"), &Value::from(1)));
        assert_eq!(list(&document["problems"]), [] as [Value; 0]);
    }
    let mut broken = documents[0].clone();
    broken["hosts"][0]["reachability"][0]["because"] = Value::Null;
    assert!(!validator.is_valid(&broken), "the schema looks into the answers");
}
