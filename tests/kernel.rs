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
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use imdslint::network::{Answer, Place, Step};
use serde_json::Value;
use support::oracle::{self, Case, Said};

/// How many laboratories there are at a time. Most of their time they wait for packets that do not come.
const LABORATORIES: usize = 16;

/// So many wrong columns are no accident: what else differs is not run again.
const ENOUGH: usize = 20;

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
        if let Some(last) = comparison.wrong.last_mut() {
            *last = format!("{last}\n{script}");
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

/// A script that is run by the kernel: its name, its file, and its text.
struct Script {
    name: String,
    path: PathBuf,
    text: String,
}

impl Ran {
    /// What is told of one script.
    fn of(value: &Value) -> Self {
        let words = value["res"].as_object().unwrap().iter();
        let words = words.filter(|(column, _)| oracle::COLUMNS.contains(&column.as_str()));
        let words: BTreeMap<String, String> = words.map(|(column, word)| (column.clone(), text(word))).collect();
        assert!(!words.is_empty(), "{}", value["out"]);
        let counted = words.keys().map(|column| {
            let program = if column.ends_with('6') { "ip6tables" } else { "iptables" };
            let rules = value["why"][column].as_array().unwrap().iter().filter(|rule| rule[0] == program);
            (column.clone(), rules.map(|rule| format!("{} {}", text(&rule[1]), text(&rule[2]))).collect())
        });
        Self { counted: counted.collect(), words }
    }
}

/// Runs scripts, each in a laboratory of its own: many at a time, or one by one with time to spare.
fn run(scripts: &[&Script], one_by_one: bool) -> Vec<Ran> {
    let mut command = program("oracle.py");
    let (laboratories, seconds) = if one_by_one { (1, "2") } else { (LABORATORIES, "0.3") };
    command.args(["--json", "--proof", "-j", &laboratories.to_string()]).env("ORACLE_TIMEOUT", seconds);
    command.args(scripts.iter().map(|script| &script.path));
    let lines = lines(&mut command);
    assert_eq!(lines.len(), scripts.len());
    let told = scripts.iter().zip(&lines).map(|(script, line)| {
        assert_eq!(line[0].as_str(), script.path.to_str());
        Ran::of(&line[1])
    });
    told.collect()
}

/// Compares all scripts. On a busy machine a packet may be late: what differs is run once more, alone.
fn compare(scripts: &[Script], ran: &mut [Ran]) -> Comparison {
    let mut all = Comparison::default();
    for (script, ran) in scripts.iter().zip(ran) {
        let mut comparison = Comparison::of(&script.name, &script.text, ran);
        if !comparison.wrong.is_empty() && all.wrong.len() < ENOUGH {
            fs::write(&script.path, &script.text).unwrap();
            let [again] = <[Ran; 1]>::try_from(run(&[script], true)).ok().unwrap();
            *ran = again;
            comparison = Comparison::of(&script.name, &script.text, ran);
        }
        all.add(comparison);
    }
    all
}

/// Has `name` make random scripts, and compares them.
fn compare_random(name: &str, count: usize) {
    let Some(_alone) = kernel() else { return };
    let setting = |name: &str, default: usize| env::var(name).map_or(default, |value| value.parse().unwrap());
    let seed = setting("IMDSLINT_KERNEL_SEED", 1);
    let each = setting("IMDSLINT_KERNEL_RULESETS", count).div_ceil(LABORATORIES);
    let numbers = [("-j", LABORATORIES), ("-n", each), ("--seed", seed)];
    let numbers = numbers.iter().flat_map(|(option, number)| [(*option).to_owned(), number.to_string()]);
    let mut lines = lines(program(name).arg("--json").args(numbers));
    assert_eq!(lines.len(), each * LABORATORIES);
    lines.sort_by_key(|line| text(&line["name"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.sh");
    let script = |line: &Value| Script { name: text(&line["name"]), path: path.clone(), text: text(&line["script"]) };
    let scripts: Vec<Script> = lines.iter().map(script).collect();
    let mut ran: Vec<Ran> = lines.iter().map(Ran::of).collect();
    compare(&scripts, &mut ran).finish(&format!("{name}, {} scripts from seed {seed}", scripts.len()));
}

#[test]
fn no_script_is_decided_in_another_way_than_by_this_kernel() {
    let Some(_alone) = kernel() else { return };
    let cases = oracle::cases();
    let script = |case: &Case| Script { name: case.name.clone(), path: case.path(), text: case.script.clone() };
    let scripts: Vec<Script> = cases.iter().map(script).collect();
    let mut ran = run(&scripts.iter().collect::<Vec<_>>(), false);
    let comparison = compare(&scripts, &mut ran);
    for (case, ran) in cases.iter().zip(&ran) {
        for (column, saved) in &case.columns {
            let word = &ran.words[*column];
            if word != saved {
                tell(&format!("{} {column}: {word}, {saved} in the saved table", case.name));
            }
        }
    }
    comparison.finish(&format!("{} scripts", cases.len()));
}

#[test]
fn no_random_ruleset_is_decided_in_another_way_than_by_this_kernel() {
    compare_random("fuzz.py", 1_000);
}

#[test]
fn no_random_commands_are_decided_in_another_way_than_by_this_kernel() {
    compare_random("fuzz_commands.py", 500);
}
