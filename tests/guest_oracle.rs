//! The kernel is the judge: every script of the oracle through shell, guest and packet machine, against what Linux did.
//!
//! What the scripts' directives say of the laboratory is given as assumptions. Where the guest is unsure the answer is
//! that it depends; an answer that is decided never differs from the kernel's.

mod support;

use std::collections::BTreeMap;

use imdslint::network::Answer;
use support::oracle::{self, Said};

/// The columns that are decided: it may only rise.
const COLUMNS_DECIDED: usize = 1_523;

#[test]
fn no_decided_verdict_differs_from_the_kernel() {
    let mut decided = 0;
    let mut wrong = Vec::new();
    let mut open = Vec::new();
    let mut groups: BTreeMap<char, [usize; 4]> = BTreeMap::new();
    for case in oracle::cases() {
        let ends = oracle::ends(&case.script);
        let group = groups.entry(case.name.chars().next().unwrap_or_default()).or_default();
        for (column, word) in &case.columns {
            let Said { answer, reasons, .. } = oracle::said(&ends, column);
            let at = if *column == "ctr4" { 2 } else { 0 };
            group[at + 1] += 1;
            if answer == Answer::Depends {
                open.push(format!("{} {column}: {reasons}", case.name));
                continue;
            }
            group[at] += 1;
            decided += 1;
            if answer != oracle::kernel_says(word) {
                wrong.push(format!("{} {column}: {answer:?}, the kernel {word}", case.name));
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
