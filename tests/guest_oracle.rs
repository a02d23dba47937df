//! The kernel is the judge: every script of the oracle through shell, guest and packet machine, against what Linux did.
//!
//! What the scripts' directives say of the laboratory is given as assumptions. Where the guest is unsure the answer is
//! that it depends; an answer that is decided never differs from the kernel's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imdslint::guest::{self, Guest};
use imdslint::network::{Answer, Assumptions, Backend, Docker, Family, Layout, Network, Principal, User};
use imdslint::source::{FileId, Limits, SourceFile, Text};
use imdslint::syntax::shell;

/// The columns that are decided: it may only rise.
const COLUMNS_DECIDED: usize = 1_469;

const COLUMNS: [&str; 7] = ["root4", "svc4", "usr4", "root6", "svc6", "usr6", "ctr4"];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle"))
}

/// What the oracle's laboratory is like, with the directives of one script.
fn assumptions(script: &str) -> Assumptions {
    let users = [("root", 0), ("apache", 48), ("svc", 48), ("www-data", 33), ("ec2-user", 1000), ("ubuntu", 1000)];
    let more = [("trustworthy-user", 1000), ("cwagent", 995), ("dd-agent", 996), ("nobody", 65_534)];
    let groups = [("root", 0), ("apache", 48), ("ec2-user", 1000), ("docker", 998), ("trustworthy-group", 1600)];
    let user = |(name, number): &(&str, u32)| ((*name).to_owned(), User { uid: *number, gid: *number });
    let mut assumptions = Assumptions {
        docker: Some(Docker::Before),
        layout: Some(Layout::Gateway),
        backend: Some(Backend::Nft),
        hop_limit: Some(64),
        listen: Some(Vec::new()),
        users: users.iter().chain(&more).map(user).collect(),
        groups: groups.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect(),
        all_users_known: true,
        names: std::collections::BTreeSet::new(),
        interface: Some("eth0".to_owned()),
        addresses: vec!["10.0.1.23".parse().unwrap(), "2001:db8:1::23".parse().unwrap()],
    };
    for directive in script.lines().filter_map(|line| line.strip_prefix("# oracle:")).flat_map(str::split_whitespace) {
        match directive.split_once('=').unwrap() {
            ("docker", "off") => assumptions.docker = Some(Docker::Absent),
            ("docker", "after") => assumptions.docker = Some(Docker::After),
            ("onlink", _) => assumptions.layout = Some(Layout::OnLink),
            ("listen", ports) => {
                assumptions.listen = Some(ports.split(',').map(|port| port.parse().unwrap()).collect());
            }
            ("ttl", hops) => assumptions.hop_limit = Some(hops.parse().unwrap()),
            ("legacy", _) => assumptions.backend = Some(Backend::Legacy),
            _ => {}
        }
    }
    assumptions
}

fn principal(column: &str) -> Principal {
    match &column[..3] {
        "roo" => Principal::Process { uid: 0, gid: 0, groups: Vec::new() },
        "svc" => Principal::Process { uid: 48, gid: 48, groups: Vec::new() },
        "usr" => Principal::Process { uid: 1000, gid: 1000, groups: vec![1600] },
        _ => Principal::Container,
    }
}

fn kernel_says(value: &str) -> Option<Answer> {
    match value {
        "-" => None,
        "ok" => Some(Answer::Reachable),
        "other" => Some(Answer::Diverted),
        _ => Some(Answer::Blocked),
    }
}

fn ends(script: &str) -> Vec<Guest> {
    let limits = Limits::default();
    let file = SourceFile::new(FileId(0), "user-data.sh", script.into());
    let (parsed, _, _) = shell::parse(&Text::verbatim(script, file.span(0..script.len())), &limits);
    guest::run(&parsed, Guest::new(Network::new(&assumptions(script))), &limits)
}

/// The answer and, where it depends, on what.
fn answer(ends: &[Guest], family: Family, principal: &Principal) -> (Answer, String) {
    let verdicts: Vec<_> = ends.iter().map(|end| end.network.verdict(family, principal)).collect();
    let mut answers: Vec<Answer> = verdicts.iter().map(|verdict| verdict.answer).collect();
    answers.sort();
    answers.dedup();
    let reasons: Vec<_> =
        verdicts.iter().flat_map(|it| &it.depends_on).map(|condition| condition.text.as_str()).collect();
    match answers.as_slice() {
        [one] => (*one, reasons.join("; ")),
        _ => (Answer::Depends, format!("{} ends that differ; {}", ends.len(), reasons.join("; "))),
    }
}

#[test]
fn no_decided_verdict_differs_from_the_kernel() {
    let table = fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let mut decided = 0;
    let mut wrong = Vec::new();
    let mut open = Vec::new();
    let mut groups: BTreeMap<char, [usize; 4]> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let mut fields = line.split('\t');
        let case = fields.next().unwrap();
        let script = fs::read_to_string(folder().join("cases").join(format!("{case}.sh"))).unwrap();
        let ends = ends(&script);
        assert!(!ends.is_empty(), "{case} has no end");
        let group = groups.entry(case.chars().next().unwrap()).or_default();
        for (column, value) in COLUMNS.iter().zip(fields.skip(1)) {
            let Some(expected) = kernel_says(value) else { continue };
            let family = if column.ends_with('6') { Family::V6 } else { Family::V4 };
            let (answer, reasons) = answer(&ends, family, &principal(column));
            let at = if *column == "ctr4" { 2 } else { 0 };
            group[at + 1] += 1;
            if answer == Answer::Depends {
                open.push(format!("{case} {column}: {reasons}"));
                continue;
            }
            group[at] += 1;
            decided += 1;
            if answer != expected {
                wrong.push(format!("{case} {column}: {answer:?}, the kernel {value}"));
            }
        }
    }
    println!("{}", open.join("\n"));
    for (group, [host, hosts, container, containers]) in groups {
        println!("group {group}: {host} of {hosts} host columns decided, {container} of {containers} containers'");
    }
    println!("{decided} columns decided");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided >= COLUMNS_DECIDED, "{decided} columns are decided, fewer than before");
}
