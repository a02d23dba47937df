//! The packages that `cfn-init` installs.

use super::{counts, fields, texts};
use crate::eval::Value;
use crate::guest::join::merge;
use crate::guest::machine::Machine;
use crate::guest::{Dialect, Guest};
use crate::source::Text;

/// A package manager: its section, the words that install something, and what stands between a name and a version.
struct Manager {
    section: &'static str,
    words: &'static [&'static str],
    /// Nothing for those that are given addresses, under names that mean nothing.
    separator: Option<&'static str>,
}

/// The package managers in the order in which they are asked.
const MANAGERS: &[Manager] = &[
    Manager { section: "msi", words: &["msiexec", "/i"], separator: None },
    Manager { section: "rpm", words: &["rpm", "-U"], separator: None },
    Manager { section: "apt", words: &["apt-get", "install"], separator: Some("=") },
    Manager { section: "yum", words: &["yum", "install"], separator: Some("-") },
    Manager { section: "python", words: &["pip", "install"], separator: Some("==") },
    Manager { section: "rubygems", words: &["gem", "install"], separator: Some(":") },
    Manager { section: "zypper", words: &["zypper", "install"], separator: Some("-") },
];

/// Installs the packages of a section, as their package managers would.
pub(super) fn install(machine: &mut Machine, guest: Guest, section: &Value) -> Vec<Guest> {
    let given = fields(section);
    let mut ends = vec![guest];
    for manager in MANAGERS {
        let packages = given.iter().filter(|(name, _)| *name == manager.section);
        for (name, versions) in packages.flat_map(|(_, packages)| fields(packages)) {
            let mut next = Vec::new();
            for mut guest in ends {
                if counts(machine, &mut guest, versions.origin.span) {
                    next.extend(manager.install(machine, guest, name, &versions));
                } else {
                    next.push(guest);
                }
            }
            ends = merge(next, machine.limits.script_paths, Some(versions.origin.span));
        }
    }
    ends
}

impl Manager {
    fn install(&self, machine: &mut Machine, guest: Guest, name: &str, versions: &Value) -> Vec<Guest> {
        let span = versions.origin.span;
        let mut words: Vec<Text> = self.words.iter().map(|word| Text::encoded(*word, span)).collect();
        let versions = texts(versions).into_iter().filter(|version| !version.is_empty()).collect::<Vec<_>>();
        match (self.separator, versions.as_slice()) {
            (None, addresses) => words.extend(addresses.iter().cloned()),
            (Some(separator), [version]) => {
                let mut package = Text::encoded(name, span);
                package.push_encoded(separator, span);
                package.push_text(version);
                words.push(package);
            }
            // Of several versions the newest is chosen.
            (Some(_), _) => words.push(Text::encoded(name, span)),
        }
        let mut ends = if guest.shell.dialect == Dialect::Posix {
            machine.program(guest, &words, span)
        } else {
            machine.windows_program(guest, &words, span)
        };
        // That there is such a package is presumed.
        for end in &mut ends {
            end.set_status(0);
        }
        ends
    }
}
