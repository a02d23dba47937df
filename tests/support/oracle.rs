//! The scripts of the oracle, what its laboratory is like, and what the guest says of a script run there.

use std::fs;
use std::path::{Path, PathBuf};

use imdslint::guest::{self, Guest};
use imdslint::network::{Answer, Assumptions, Backend, Docker, Family, Layout, Network, Principal, Step, User};
use imdslint::source::{FileId, Limits, SourceFile, Text};
use imdslint::syntax::shell;

/// The columns of the kernel's answers that are compared: a principal, and the version of the protocol.
pub const COLUMNS: [&str; 7] = ["root4", "svc4", "usr4", "root6", "svc6", "usr6", "ctr4"];

/// One script, with the kernel's answers as they were saved.
pub struct Case {
    /// The name of its file, without the extension.
    pub name: String,
    /// Its text.
    pub script: String,
    /// The kernel's word in each column that was asked.
    pub columns: Vec<(&'static str, String)>,
}

impl Case {
    /// Where its script is.
    pub fn path(&self) -> PathBuf {
        path(&self.name)
    }
}

/// What the guest says about one column.
pub struct Said {
    /// The answer.
    pub answer: Answer,
    /// What it depends on, for people.
    pub reasons: String,
    /// What the packets of each end meet first.
    pub first_steps: Vec<Step>,
}

/// The folder with the scripts, the answers, and the programs that ask the kernel.
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle"))
}

fn path(name: &str) -> PathBuf {
    folder().join("cases").join(format!("{name}.sh"))
}

/// All scripts, in the order of the table of answers.
pub fn cases() -> Vec<Case> {
    let table = fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let case = |line: &str| {
        let mut fields = line.split('\t');
        let name = fields.next().unwrap().to_owned();
        let script = fs::read_to_string(path(&name)).unwrap();
        let columns = COLUMNS.into_iter().zip(fields.skip(1).map(str::to_owned));
        Case { name, script, columns: columns.filter(|(_, word)| word != "-").collect() }
    };
    table.lines().skip(1).map(case).collect()
}

/// What the laboratory is like, with the directives of one script.
pub fn assumptions(script: &str) -> Assumptions {
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

/// The version of the protocol in a column.
pub fn family(column: &str) -> Family {
    if column.ends_with('6') { Family::V6 } else { Family::V4 }
}

/// Whose connection a column is about.
pub fn principal(column: &str) -> Principal {
    match &column[..3] {
        "roo" => Principal::Process { uid: 0, gid: 0, groups: Vec::new() },
        "svc" => Principal::Process { uid: 48, gid: 48, groups: Vec::new() },
        "usr" => Principal::Process { uid: 1000, gid: 1000, groups: vec![1600] },
        _ => Principal::Container,
    }
}

/// What a word of the kernel's answers means.
pub fn kernel_says(word: &str) -> Answer {
    match word {
        "ok" => Answer::Reachable,
        "other" => Answer::Diverted,
        _ => Answer::Blocked,
    }
}

/// Every end of a script that is run in the laboratory.
pub fn ends(script: &str) -> Vec<Guest> {
    let limits = Limits::default();
    let file = SourceFile::new(FileId(0), "user-data.sh", script.into());
    let (parsed, _, _) = shell::parse(&Text::verbatim(script, file.span(0..script.len())), &limits);
    let ends = guest::run(&parsed, Guest::new(Network::new(&assumptions(script))), &limits);
    assert!(!ends.is_empty(), "a script has an end:\n{script}");
    ends
}

/// The answer in a column that all ends have in common.
pub fn said(ends: &[Guest], column: &str) -> Said {
    let verdicts: Vec<_> = ends.iter().map(|end| end.network.verdict(family(column), &principal(column))).collect();
    let mut answers: Vec<Answer> = verdicts.iter().map(|verdict| verdict.answer).collect();
    answers.sort();
    answers.dedup();
    let conditions = verdicts.iter().flat_map(|verdict| &verdict.depends_on);
    let reasons: Vec<&str> = conditions.map(|condition| condition.text.as_str()).collect();
    let first_steps = verdicts.iter().filter_map(|verdict| verdict.proof.first().cloned()).collect();
    match answers.as_slice() {
        [one] => Said { answer: *one, reasons: reasons.join("; "), first_steps },
        _ => {
            let reasons = format!("{} ends that differ; {}", ends.len(), reasons.join("; "));
            Said { answer: Answer::Depends, reasons, first_steps }
        }
    }
}
