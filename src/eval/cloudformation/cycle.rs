//! Resources that refer to each other in a circle, which no deployment can create.

use std::collections::BTreeMap;

use super::Evaluator;
use crate::finding::ProblemCode;

/// How far the search has come with a resource.
#[derive(Clone, Copy, PartialEq)]
enum Search {
    OnThePath,
    Done,
}

impl Evaluator<'_> {
    /// Reports each reference that closes a circle.
    pub(super) fn check_cycles(&mut self) {
        // A macro may replace what the references are written in.
        if !self.sections.generated.is_nothing() {
            return;
        }
        let references = std::mem::take(&mut self.references);
        let mut searched: BTreeMap<&str, Search> = BTreeMap::new();
        for root in references.keys() {
            if searched.contains_key(root) {
                continue;
            }
            let mut path = vec![(*root, 0)];
            searched.insert(root, Search::OnThePath);
            while let Some((name, next)) = path.last_mut() {
                let name = *name;
                let Some((target, span)) = references.get(name).and_then(|targets| targets.get(*next)) else {
                    searched.insert(name, Search::Done);
                    path.pop();
                    continue;
                };
                *next += 1;
                match searched.get(target) {
                    Some(Search::Done) => {}
                    // More would not be reported.
                    Some(Search::OnThePath) if self.problems.len() >= self.inputs.limits.problems_per_file => return,
                    Some(Search::OnThePath) => {
                        let message = format!("`{name}` and `{target}` need each other to exist; remove a reference");
                        self.warn(ProblemCode::Cycle, *span, message);
                    }
                    None => {
                        searched.insert(target, Search::OnThePath);
                        path.push((target, 0));
                    }
                }
            }
        }
    }
}
