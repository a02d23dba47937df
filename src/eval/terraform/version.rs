//! Versions of modules, and the constraints by which calls choose among them.

/// Whether `version` is one that `constraint` allows, such as `~> 5.0, != 5.2.1`. A constraint of which something is not
/// understood allows every version.
pub(super) fn satisfies(version: &str, constraint: &str) -> bool {
    let Some(version) = Version::parse(version) else { return true };
    constraint.split(',').all(|part| allows(part, &version).unwrap_or(true))
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
}

fn allows(part: &str, version: &Version) -> Option<bool> {
    let part = part.trim();
    let operator: String = part.chars().take_while(|character| "=!<>~".contains(*character)).collect();
    let bound = Version::parse(part.get(operator.len()..)?)?;
    let order = version.key().cmp(&bound.key());
    // A pre-release is meant only where it is named.
    if version.before_release.is_some() || bound.before_release.is_some() {
        let same = order.is_eq() && version.before_release == bound.before_release;
        return Some(if operator == "!=" { !same } else { same });
    }
    Some(match &*operator {
        "" | "=" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        // All numbers but the last one that is written stay.
        "~>" => {
            let fixed = bound.numbers.len().saturating_sub(1).min(3);
            order.is_ge() && version.key().iter().zip(&bound.key()).take(fixed).all(|(left, right)| left == right)
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
            assert!(satisfies(version, constraint), "{version} {constraint}");
        }
        for (version, constraint) in [
            ("6.0.0", "~> 5.0"),
            ("5.1.0", "~> 5.0.1"),
            ("5.1.0", "5.1.1"),
            ("5.1.0", ">= 5.0, != 5.1.0"),
            ("4.9.0", ">= 5"),
            ("6.0.0-beta1", "~> 6.0"),
        ] {
            assert!(!satisfies(version, constraint), "{version} {constraint}");
        }
    }
}
