//! Versions of modules, and the constraints by which calls choose among them.

use std::cmp::Ordering;

/// Whether `constraint`, such as `~> 5.0, != 5.2.1`, allows `version`. What is not understood allows every version.
#[must_use]
pub fn allows_version(constraint: &str, version: &str) -> bool {
    let Some(version) = Version::parse(version) else { return true };
    constraint.split(',').all(|part| allows(part, &version).unwrap_or(true))
}

/// Whether `constraint` allows the version `since` or a later one. Terraform takes the latest one that is allowed.
#[must_use]
pub fn allows_since(constraint: &str, since: &str) -> bool {
    let Some(since) = Version::parse(since) else { return true };
    let reaches = |part: &str| {
        let (operator, bound) = split(part)?;
        let order = bound.key().cmp(&since.key());
        Some(match operator {
            "" | "=" | "<=" => order.is_ge(),
            "<" => order.is_gt(),
            "~>" => bound
                .key()
                .iter()
                .zip(&since.key())
                .take(bound.fixed())
                .map(|(left, right)| left.cmp(right))
                .find(|order| order.is_ne())
                .is_none_or(Ordering::is_gt),
            _ => true,
        })
    };
    constraint.split(',').all(|part| reaches(part).unwrap_or(true))
}

/// The numbers of a version, and whether it is a pre-release.
#[derive(PartialEq)]
struct Version {
    numbers: Vec<u64>,
    before_release: Option<String>,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let text = text.split('+').next().unwrap_or_default();
        let (numbers, before_release) = match text.split_once('-') {
            Some((numbers, rest)) => (numbers, Some(rest.to_owned())),
            None => (text, None),
        };
        let numbers: Option<Vec<u64>> = numbers.split('.').map(|part| part.parse().ok()).collect();
        Some(Self { numbers: numbers?, before_release })
    }

    /// The first three numbers, of which those that are not written count as zero.
    fn key(&self) -> [u64; 3] {
        let number = |index: usize| self.numbers.get(index).copied().unwrap_or(0);
        [number(0), number(1), number(2)]
    }

    /// How many numbers `~>` leaves as they are: all that are written but the last one.
    fn fixed(&self) -> usize {
        self.numbers.len().saturating_sub(1)
    }
}

/// The operator of a part of a constraint, and the version after it.
fn split(part: &str) -> Option<(&str, Version)> {
    let part = part.trim();
    let version = part.trim_start_matches(['=', '!', '<', '>', '~']);
    let operator = part.strip_suffix(version)?;
    Some((operator, Version::parse(version)?))
}

fn allows(part: &str, version: &Version) -> Option<bool> {
    let (operator, bound) = split(part)?;
    let order = version.key().cmp(&bound.key());
    // A pre-release is meant only where it is named.
    if version.before_release.is_some() || bound.before_release.is_some() {
        let same = order.is_eq() && version.before_release == bound.before_release;
        return Some(if operator == "!=" { !same } else { same });
    }
    Some(match operator {
        "" | "=" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        "~>" => {
            let mut numbers = version.key().into_iter().zip(bound.key()).take(bound.fixed());
            order.is_ge() && numbers.all(|(left, right)| left == right)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_allow_versions_as_terraform_does() {
        for (version, constraint) in [
            ("5.1.0", "5.1.0"),
            ("5.1.0", "= 5.1"),
            ("5.1.0", "~> 5.0"),
            ("5.0.9", "~> 5.0.1"),
            ("5.1.0", ">= 5.0, < 6.0.0, != 5.2.0"),
            ("6.0.0", "> 5"),
            ("6.0.0-beta1", "6.0.0-beta1"),
            ("5.1.0", "latest"),
        ] {
            assert!(allows_version(constraint, version), "{version} {constraint}");
        }
        for (version, constraint) in [
            ("6.0.0", "~> 5.0"),
            ("5.1.0", "~> 5.0.1"),
            ("5.1.0", "5.1.1"),
            ("5.1.0", ">= 5.0, != 5.1.0"),
            ("4.9.0", ">= 5"),
            ("6.0.0-beta1", "~> 6.0"),
        ] {
            assert!(!allows_version(constraint, version), "{version} {constraint}");
        }
    }

    #[test]
    fn a_constraint_allows_what_is_new_since_a_version_unless_it_ends_before() {
        for (constraint, since) in [
            ("~> 5.0", "5.8.0"),
            ("~> 5.8.1", "5.8.0"),
            (">= 3", "21.0.0"),
            ("~> 21.0", "21.0.0"),
            ("5.8", "5.8.0"),
            ("<= 5.8.0", "5.8.0"),
            ("~> 17", "21.0.0"),
            ("latest", "21.0.0"),
        ] {
            assert!(allows_since(constraint, since), "{constraint} {since}");
        }
        for (constraint, since) in [
            ("~> 5.0", "6.0.0"),
            ("~> 5.7.2", "5.8.0"),
            ("5.7.1", "5.8.0"),
            (">= 3, < 5.8.0", "5.8.0"),
            ("~> 20.1", "21.0.0"),
        ] {
            assert!(!allows_since(constraint, since), "{constraint} {since}");
        }
    }
}
