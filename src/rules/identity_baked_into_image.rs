//! IMDS201: an image keeps the identity that an agent got while it was built.

use super::image_identity::IdentityRule;
use crate::assess::Assessments;
use crate::finding::Finding;

pub(super) const ID: &str = "IMDS201";

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    IdentityRule { id: ID, is_mine: |left| left.removed.is_empty(), what: ("keeps", "keep", "the identity of") }
        .check(assessments)
}
