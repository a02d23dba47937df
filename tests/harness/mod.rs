//! The harness that reviews rules: runs a fixture, compares what is found with what its carets expect, and checks what
//! every finding of every rule owes its reader. `fixtures/README.md` describes the notation.

mod case;
mod compare;
mod notation;
mod review;
mod suppression;
mod tests;

pub(crate) use case::Case;
use compare::compare;
pub(crate) use notation::expectations;
use review::review;

/// Everything that is wrong with a case, one complaint each; nothing when all is as it should be.
pub(crate) fn verify(case: &Case) -> Vec<String> {
    let mut complaints = Vec::new();
    let expected = expectations(&case.files, case.sidecar.as_deref(), &mut complaints);
    match case.run() {
        Ok(outcome) => {
            complaints.extend(compare(&expected, &outcome));
            // A finding that is not expected has its own trouble; the review of it would only repeat that.
            if complaints.is_empty() {
                complaints.extend(review(case, &outcome));
            }
        }
        Err(error) => complaints.push(format!("the check refuses to run: {error}")),
    }
    complaints
}
