//! IMDS202: an identity that is removed while an image is built comes into being again before the image is taken.

use super::image_identity::IdentityRule;
use crate::assess::Assessments;
use crate::finding::Finding;

pub(super) const ID: &str = "IMDS202";

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let rule =
        IdentityRule { id: ID, is_mine: |left| !left.removed.is_empty(), what: ("gets", "get", "a new identity of") };
    rule.check(assessments)
}
