//! The kernel of this machine is the judge: the oracle's scripts and random rulesets, run by Linux and by the guest.
//!
//! `tests/oracle/oracle.py` and `fuzz.py` ask the kernel, in network namespaces of their own that have no way out, and
//! refuse to make a connection where they find one. That takes root and the tools of packet filters: without them
//! nothing is compared, which is a failure where `IMDSLINT_REQUIRE_KERNEL` is set. `IMDSLINT_KERNEL_SEED` and
//! `IMDSLINT_KERNEL_RULESETS` choose other random rulesets, and how many.
//!
//! A decided answer has to be this kernel's. Where this kernel differs from the one that the saved table is from, that
//! is said and is no failure by itself: an answer that holds for one of them only should have been that it depends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imdslint::network::{Answer, Place, Step};
use serde_json::Value;
use support::oracle::{self, Case, Said};

/// How many laboratories there are at a time. Most of their time they wait for packets that do not come.
const LABORATORIES: usize = 16;

/// What the kernel did with one script.
struct Ran {
    /// The kernel's word in each column.
    words: BTreeMap<String, String>,
    /// For each column the rules and policies that counted a packet, as `filter OUTPUT#2` or `filter OUTPUT#policy`.
    counted: BTreeMap<String, Vec<String>>,
}

/// How often guest and kernel were compared, and where they differ.
#[derive(Default)]
struct Comparison {
    columns: usize,
    decided: usize,
    /// The blocked columns of which the rule that blocks was looked up among those that counted.
    proofs: usize,
    wrong: Vec<String>,
}

impl Comparison {
    /// Compares the ends of a script with what the kernel did.
    fn of(name: &str, script: &str, ran: &Ran) -> Self {
        let ends = oracle::ends(script);
        let mut comparison = Self::default();
        for (column, word) in &ran.words {
            comparison.columns += 1;
            let Said { answer, first_steps, .. } = oracle::said(&ends, column);
            if answer == Answer::Depends {
                continue;
            }
            comparison.decided += 1;
            if answer != oracle::kernel_says(word) {
                comparison.wrong.push(format!("{name} {column}: {answer:?}, the kernel {word}: {first_steps:?}"));
                continue;
            }
            let counted = &ran.counted[column];
            for (step, counter) in first_steps.iter().filter_map(|step| Some((step, counter(step)?))) {
                comparison.proofs += 1;
                if !counted.contains(&counter) {
                    comparison.wrong.push(format!(
                        "{name} {column}: {word}, by `{}`, {counter}; the kernel counted at {counted:?}",
                        step.text
                    ));
                }
            }
        }
        comparison
    }

    fn add(&mut self, other: Self) {
        self.columns += other.columns;
        self.decided += other.decided;
        self.proofs += other.proofs;
        self.wrong.extend(other.wrong);
    }

    fn finish(&self, what: &str) {
        let Self { columns, decided, proofs, wrong } = self;
        tell(&format!(
            "{what}: {decided} of {columns} columns decided, {proofs} proofs compared, {} wrong",
            wrong.len()
        ));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // Who never decides is never wrong.
        assert!(decided * 10 >= columns * 7, "{decided} of {columns} columns are decided");
        assert!(*proofs > 100, "{proofs} proofs");
    }
}

/// The counter of the rule or policy that a step is about.
fn counter(step: &Step) -> Option<String> {
    match &step.place {
        Place::Rule { table, chain, number } => Some(format!("{table} {chain}#{number}")),
        Place::Policy { table, chain } => Some(format!("{table} {chain}#policy")),
        _ => None,
    }
}

/// Says something even when the test passes.
fn tell(text: &str) {
    io::stderr().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// The right to ask the kernel, of which there is one at a time; `None` when it cannot be asked here.
fn kernel() -> Option<MutexGuard<'static, ()>> {
    static KERNEL: Mutex<()> = Mutex::new(());
    let guard = KERNEL.lock().unwrap_or_else(PoisonError::into_inner);
    let reason = match program("oracle.py").arg("--ready").output() {
        Err(error) => format!("python3 cannot be started: {error}"),
        Ok(output) if output.status.success() => return Some(guard),
        Ok(output) => format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    };
    let reason = format!("NOT RUN: {}", reason.trim());
    assert!(env::var_os("IMDSLINT_REQUIRE_KERNEL").is_none(), "{reason}");
    tell(&reason);
    None
}

fn program(name: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(oracle::folder().join(name)).stdin(Stdio::null());
    command
}

/// What a program writes, a JSON value in each line.
fn lines(command: &mut Command) -> Vec<Value> {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?} ends with {}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Runs scripts; with time to spare when some of them ran and were not understood.
fn run(cases: &[&Case], patient: bool) -> BTreeMap<String, Ran> {
    let mut command = program("oracle.py");
    let (laboratories, seconds) = if patient { (1, "2") } else { (LABORATORIES, "0.3") };
    command.args(["--json", "--proof", "-j", &laboratories.to_string()]).env("ORACLE_TIMEOUT", seconds);
    command.args(cases.iter().map(|case| case.path()));
    let mut all = BTreeMap::new();
    for (case, line) in cases.iter().zip(lines(&mut command)) {
        assert_eq!(line[0].as_str().unwrap(), case.path().to_str().unwrap());
        let words = line[1]["res"].as_object().unwrap();
        assert!(!words.is_empty(), "{}: {}", case.name, line[1]["out"]);
        let words: BTreeMap<String, String> = words
            .iter()
            .filter(|(column, _)| oracle::COLUMNS.contains(&column.as_str()))
            .map(|(column, word)| (column.clone(), text(word)))
            .collect();
        let counted = words.keys().map(|column| {
            let program = if column.ends_with('6') { "ip6tables" } else { "iptables" };
            let rules = line[1]["why"][column].as_array().unwrap().iter().filter(|rule| rule[0] == program);
            (column.clone(), rules.map(|rule| format!("{} {}", text(&rule[1]), text(&rule[2]))).collect())
        });
        let counted = counted.collect();
        all.insert(case.name.clone(), Ran { words, counted });
    }
    assert_eq!(all.len(), cases.len());
    all
}

#[test]
fn no_script_is_decided_in_another_way_than_by_this_kernel() {
    let Some(_alone) = kernel() else { return };
    let cases = oracle::cases();
    let mut ran = run(&cases.iter().collect::<Vec<_>>(), false);
    // On a busy machine a packet may be late: what differs is asked once more.
    let differs = |case: &&Case| !Comparison::of(&case.name, &case.script, &ran[&case.name]).wrong.is_empty();
    let again: Vec<&Case> = cases.iter().filter(differs).collect();
    if !again.is_empty() {
        ran.extend(run(&again, true));
    }
    let mut all = Comparison::default();
    for case in &cases {
        let ran = &ran[&case.name];
        for (column, saved) in &case.columns {
            if ran.words.get(*column) != Some(saved) {
                tell(&format!("{} {column}: {:?}, the saved table {saved}", case.name, ran.words.get(*column)));
            }
        }
        all.add(Comparison::of(&case.name, &case.script, ran));
    }
    all.finish(&format!("{} scripts", cases.len()));
}

#[test]
fn no_random_ruleset_is_decided_in_another_way_than_by_this_kernel() {
    let Some(_alone) = kernel() else { return };
    let setting = |name: &str, default: usize| env::var(name).map_or(default, |value| value.parse().unwrap());
    let seed = setting("IMDSLINT_KERNEL_SEED", 1);
    let rulesets = setting("IMDSLINT_KERNEL_RULESETS", 1_000).div_ceil(LABORATORIES);
    let mut command = program("fuzz.py");
    let numbers = [("-j", LABORATORIES), ("-n", rulesets), ("--seed", seed)];
    command.arg("--json").args(numbers.iter().flat_map(|(name, number)| [(*name).to_owned(), number.to_string()]));
    let lines = lines(&mut command);
    assert_eq!(lines.len(), rulesets * LABORATORIES);
    let mut all = Comparison::default();
    for line in &lines {
        assert_eq!(line["refused"], Value::Null, "{line}");
        let script = format!("# oracle: docker=off\n{} <<'END'\n{}END\n", text(&line["command"]), text(&line["rules"]));
        let column = |user: &str| format!("{user}4");
        let words = line["res"].as_object().unwrap().iter().map(|(user, word)| (column(user), text(word)));
        let counted = line["why"].as_object().unwrap().iter();
        let counted = counted.map(|(user, rules)| (column(user), rules.as_array().unwrap().iter().map(text).collect()));
        let ran = Ran { words: words.collect(), counted: counted.collect() };
        let mut comparison = Comparison::of(&format!("seed {} #{}", line["seed"], line["number"]), &script, &ran);
        if let Some(last) = comparison.wrong.last_mut() {
            *last = format!("{last}\n{script}");
        }
        all.add(comparison);
    }
    all.finish(&format!("{} rulesets from seed {seed}", lines.len()));
}
