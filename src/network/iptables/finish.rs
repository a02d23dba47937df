//! The end of an iptables command line: what can be said only when all options are read.

use std::sync::Arc;

use super::{Action, Command, LONGEST_CHAIN_NAME, Loaded, Parser, bad};
use crate::network::address::Block;
use crate::network::chain::TableName;
use crate::network::extension::{self, Given};
use crate::network::extension_table;
use crate::network::rule::{Extension, Not, Rule, Spec, Target, protocol};
use crate::network::{Failure, Trouble, Word};

/// The most rules that one command makes; what a command with more addresses does is in doubt.
const MOST_RULES: usize = 1_000;

impl Parser<'_> {
    pub(super) fn finish(mut self) -> Result<Command, Trouble> {
        let Some(command) = self.command else {
            return if self.words.contains(&Word::Unknown) {
                Err(Trouble::Unclear)
            } else {
                bad("there is no command")
            };
        };
        let table = self.table.unwrap_or(TableName::Filter);
        let chain = self.chain.clone();
        let second = self.second.clone().unwrap_or_default();
        let number = self.number;
        let takes_rule = "ADIRC".contains(command) && !(command == 'D' && number.is_some());
        if !takes_rule && !self.seen.is_empty() {
            return bad(format!("-{command} takes no rule"));
        }
        if chain.as_ref().is_some_and(|chain| chain.len() > LONGEST_CHAIN_NAME) {
            return bad(format!("the name of a chain has at most {LONGEST_CHAIN_NAME} bytes"));
        }
        let rules = if takes_rule { self.rules(table)? } else { Vec::new() };
        let required = chain.clone().unwrap_or_default();
        let action = match command {
            'A' => Action::Append { chain: required, rules },
            // Each rule of a list is put before the one that was put there just before it.
            'I' => {
                let rules = rules.into_iter().rev().collect();
                Action::Insert { chain: required, number: number.unwrap_or(1), rules }
            }
            'R' => match <[Arc<Rule>; 1]>::try_from(rules) {
                Ok([rule]) => Action::Replace { chain: required, number: number.unwrap_or(1), rule },
                Err(_) => return bad("-R takes one rule"),
            },
            'D' => match number {
                Some(number) => Action::DeleteNumber { chain: required, number },
                None => Action::Delete { chain: required, rules },
            },
            'C' => Action::Check { chain: required, rules },
            'L' | 'S' | 'Z' => Action::Look { chain },
            'F' => Action::Flush { chain },
            'N' if required.starts_with(['-', '!']) || is_standard(&required) => {
                return bad(format!("`{required}` is no name for a chain"));
            }
            'N' => Action::Create { chain: required },
            'X' => Action::Remove { chain },
            'P' => match second.as_str() {
                "ACCEPT" => Action::Policy { chain: required, accept: true },
                "DROP" if table == TableName::Nat => return bad("the table nat does not take DROP"),
                "DROP" => Action::Policy { chain: required, accept: false },
                _ => return Err(Failure::exits(1, format!("`{second}` is no policy")).into()),
            },
            'E' => Action::Rename { old: required, new: second },
            _ => Action::Nothing,
        };
        Ok(Command { table, action })
    }

    /// The rules of the command: one for each pair of a source and a destination.
    fn rules(&mut self, table: TableName) -> Result<Vec<Arc<Rule>>, Trouble> {
        self.check_protocol()?;
        if let Some(name) = self.target
            && !matches!(self.spec.target, Target::Open(_))
        {
            let options = std::mem::take(&mut self.target_options);
            let given: Vec<Given> = options
                .iter()
                .map(|(option, negated, arguments)| Given { option, negated: *negated, arguments })
                .collect();
            let plain = self.spec.protocol.as_ref().filter(|protocol| !protocol.negated).map(|protocol| protocol.value);
            let protocol = if self.open_protocol { Some(protocol::TCP) } else { plain };
            self.spec.target = self.reader().target(name, &given, protocol)?;
        }
        // An unknown word may have been the target.
        if self.spec.target == Target::None && self.words.contains(&Word::Unknown) && !self.seen.contains(&'j') {
            self.spec.target = Target::Open("an unknown word of the command".to_owned());
        }
        if table != TableName::Filter && matches!(self.spec.target, Target::Open(_)) && self.target.is_none() {
            return Err(Trouble::Unclear);
        }
        if table == TableName::Nat && self.spec.target == Target::Drop {
            return bad("the table nat does not take DROP");
        }
        let chain = self.chain.as_deref().unwrap_or_default();
        if self.spec.in_interface.is_some() && matches!(chain, "OUTPUT" | "POSTROUTING") {
            return bad(format!("-i cannot be used in {chain}"));
        }
        if self.spec.out_interface.is_some() && matches!(chain, "INPUT" | "PREROUTING") {
            return bad(format!("-o cannot be used in {chain}"));
        }
        let negated = self.spec.source.is_some() || self.spec.destination.is_some();
        if negated && (self.sources.len() > 1 || self.destinations.len() > 1) {
            return bad("`!` cannot stand beside several addresses");
        }
        self.settle_extensions();
        let optional = |blocks: &[Block], negated: &Option<Not<Block>>| -> Vec<Option<Not<Block>>> {
            match blocks {
                [] => vec![negated.clone()],
                blocks => blocks.iter().map(|block| (!block.is_all()).then(|| Not::new(false, *block))).collect(),
            }
        };
        let (sources, destinations) = (self.sources.len().max(1), self.destinations.len().max(1));
        if sources.saturating_mul(destinations) > MOST_RULES {
            return Err(Trouble::Unclear);
        }
        let text: Arc<str> = self.setting.text.into();
        let mut rules = Vec::new();
        for source in optional(&self.sources, &self.spec.source) {
            for destination in optional(&self.destinations, &self.spec.destination) {
                let spec = Spec { source: source.clone(), destination: destination.clone(), ..self.spec.clone() };
                let (span, text) = (self.setting.span, Arc::clone(&text));
                let (conditions, may_be_several) = (self.conditions.clone(), self.open_addresses);
                rules.push(Arc::new(Rule { spec, span, text, conditions, may_be_several }));
            }
        }
        Ok(rules)
    }

    /// Matches of a protocol need it to be given.
    fn check_protocol(&self) -> Result<(), Trouble> {
        if self.open_protocol {
            return Ok(());
        }
        let given = self.spec.protocol.as_ref().filter(|protocol| !protocol.negated).map(|protocol| protocol.value);
        for Loaded { name, used, .. } in self.loaded.iter().filter(|loaded| !loaded.is_target) {
            let fits = match *name {
                "multiport" => given.is_some_and(extension::has_ports),
                "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmp6" => {
                    given.and_then(extension_table::protocol_match) == Some(name)
                }
                _ => true,
            };
            if !fits {
                return bad(format!("the match {name} needs `-p` with its protocol"));
            }
            if *name == "multiport" && used.is_empty() {
                return bad("multiport needs its ports");
            }
        }
        Ok(())
    }

    /// Options that are about the whole match, and matches that are one question however many options they have.
    fn settle_extensions(&mut self) {
        let ends: Vec<usize> =
            self.loaded.iter().skip(1).map(|next| next.first).chain([self.spec.extensions.len()]).collect();
        for (loaded, end) in self.loaded.iter().zip(ends).rev() {
            let Some(tests) = self.spec.extensions.get_mut(loaded.first..end) else { continue };
            if loaded.used.contains(&"suppl-groups") {
                for test in tests.iter_mut() {
                    if let Extension::Group { supplementary, .. } = &mut test.value {
                        *supplementary = true;
                    }
                }
            }
            let open = tests.iter().filter(|test| matches!(test.value, Extension::Open { .. })).count();
            if open == tests.len() && open > 1 {
                let parts = tests.iter().filter_map(|test| match &test.value {
                    Extension::Open { text, .. } => Some(text.as_str()),
                    _ => None,
                });
                let text = parts.collect::<Vec<_>>().join(" ");
                let varies = tests.iter().any(|test| matches!(test.value, Extension::Open { varies: true, .. }));
                let merged = Not::new(false, Extension::Open { text, varies });
                self.spec.extensions.splice(loaded.first..end, [merged]);
            }
        }
    }
}

fn is_standard(name: &str) -> bool {
    matches!(name, "ACCEPT" | "DROP" | "RETURN" | "QUEUE")
}
