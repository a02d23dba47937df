//! The exit codes, and which of them wins: the one place where they are decided.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing at or above the severity that fails a run.
    Clean,
    /// Findings at or above that severity.
    Findings,
    /// The command line, the configuration or a path is wrong, or the program failed.
    Failed,
    /// Some input could not be read or parsed.
    InputLost,
    /// There was nothing to check.
    NothingToCheck,
}

impl Exit {
    /// How a run ends to which all of `conditions` apply: the gravest of them.
    ///
    /// With `exit_zero` findings do not count; all other trouble does.
    pub fn of(conditions: impl IntoIterator<Item = Self>, exit_zero: bool) -> Self {
        let counts = |condition: &Self| !(exit_zero && *condition == Self::Findings);
        conditions.into_iter().filter(counts).max_by_key(|condition| condition.gravity()).unwrap_or(Self::Clean)
    }

    /// The code that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Failed => 2,
            Self::InputLost => 3,
            Self::NothingToCheck => 4,
        }
    }

    fn gravity(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::NothingToCheck => 1,
            Self::InputLost => 2,
            Self::Findings => 3,
            Self::Failed => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_condition_wins() {
        let from_gravest = [Exit::Failed, Exit::Findings, Exit::InputLost, Exit::NothingToCheck, Exit::Clean];
        assert_eq!(from_gravest.map(Exit::code), [2, 1, 3, 4, 0]);
        for (index, gravest) in from_gravest.iter().enumerate() {
            assert_eq!(Exit::of(from_gravest[index..].iter().copied(), false), *gravest);
            assert_eq!(Exit::of(from_gravest[index..].iter().rev().copied(), false), *gravest);
        }
        assert_eq!(Exit::of([], false), Exit::Clean);
    }

    #[test]
    fn exit_zero_forgives_findings_only() {
        assert_eq!(Exit::of([Exit::Findings], true), Exit::Clean);
        assert_eq!(Exit::of([Exit::Findings, Exit::InputLost], true), Exit::InputLost);
        assert_eq!(Exit::of([Exit::Failed, Exit::Findings], true), Exit::Failed);
    }
}
