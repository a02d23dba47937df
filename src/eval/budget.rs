//! What one run may spend on all roots or templates together. It is shared out, so that many hostile ones cost no more
//! than one, and so that neither their order nor the number of threads decides what is evaluated.

use rayon::prelude::*;

use crate::source::{Limits, PORTION};

/// The fewest steps, bytes and instances that each may spend, however many there are: more than most real roots need, so
/// that an estate of many is evaluated whole.
const LEAST: Cost = Cost { steps: 50_000, built_bytes: 1 << 20, instances: 100 };

/// What an evaluation cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) steps: u64,
    /// The memory of texts and collections that were built, in bytes.
    pub(super) built_bytes: usize,
    pub(super) instances: usize,
}

impl Cost {
    /// What one may spend when `count` share this; not more than `limits` allow.
    fn share(self, count: usize, limits: &Limits) -> Self {
        let count = count.max(1);
        Self {
            steps: (self.steps / count as u64).max(LEAST.steps).min(limits.steps),
            built_bytes: (self.built_bytes / count).max(LEAST.built_bytes).min(limits.built_bytes),
            instances: (self.instances / count).max(LEAST.instances).min(limits.instances),
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_sub(other.steps),
            built_bytes: self.built_bytes.saturating_sub(other.built_bytes),
            instances: self.instances.saturating_sub(other.instances),
        }
    }

    fn reaches(self, share: Self) -> bool {
        self.steps >= share.steps || self.built_bytes >= share.built_bytes || self.instances >= share.instances
    }

    /// Whether one that cost this, and so reached the share `first`, comes noticeably further with the share `second`.
    fn gains(self, first: Self, second: Self) -> bool {
        let grows = |spent: u64, first: u64, second: u64| spent < first || second > first.saturating_add(first / 8);
        grows(self.steps, first.steps, second.steps)
            && grows(self.built_bytes as u64, first.built_bytes as u64, second.built_bytes as u64)
            && grows(self.instances as u64, first.instances as u64, second.instances as u64)
    }

    fn limits(self, limits: &Limits) -> Limits {
        Limits { steps: self.steps, built_bytes: self.built_bytes, instances: self.instances, ..*limits }
    }
}

/// What `evaluate` makes of each of `items`, in parallel and in their order.
///
/// Each may first spend an even share of half of what the run may. Those that needed more are evaluated again, and share
/// what is left; when nearly all needed more, that is as much again, and what they came to is kept.
pub(super) fn shared<T: Sync, R: Send>(
    items: &[T],
    limits: &Limits,
    evaluate: impl Fn(&T, &Limits) -> (R, Cost) + Sync,
) -> Vec<R> {
    let half = Cost {
        steps: limits.run_steps / 2,
        built_bytes: limits.run_built_bytes / 2,
        instances: limits.run_instances / 2,
    };
    let whole = Cost { steps: limits.run_steps, built_bytes: limits.run_built_bytes, instances: limits.run_instances };
    if items.len() < 2 {
        let limits = whole.share(1, limits).limits(limits);
        return items.iter().map(|item| evaluate(item, &limits).0).collect();
    }
    let first = half.share(items.len(), limits);
    let within = first.limits(limits);
    let evaluated: Vec<(R, Cost)> =
        items.par_iter().with_max_len(PORTION).map(|item| evaluate(item, &within)).collect();
    let left = evaluated.iter().fold(whole, |left, (_, cost)| left.less(*cost));
    let count = evaluated.iter().filter(|(_, cost)| cost.reaches(first)).count();
    let second = left.share(count, limits);
    let within = second.limits(limits);
    // What is incomplete is not kept while it is evaluated again.
    let is_final = |(result, cost): (R, Cost)| (!cost.reaches(first) || !cost.gains(first, second)).then_some(result);
    let evaluated: Vec<(&T, Option<R>)> = items.iter().zip(evaluated.into_iter().map(is_final)).collect();
    evaluated.into_par_iter().map(|(item, result)| result.unwrap_or_else(|| evaluate(item, &within).0)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Evaluates items that would take so many steps each: how many each took, and how many all took together.
    fn spend(wanted: &[u64], limits: &Limits) -> (Vec<u64>, u64) {
        let all = AtomicU64::new(0);
        let taken = shared(wanted, limits, |wanted, limits| {
            let steps = (*wanted).min(limits.steps);
            all.fetch_add(steps, Ordering::Relaxed);
            (steps, Cost { steps, ..Cost::default() })
        });
        (taken, all.into_inner())
    }

    #[test]
    fn one_gets_all_that_one_may_have() {
        let limits = Limits::default();
        assert_eq!(spend(&[u64::MAX], &limits).0, [limits.steps]);
        assert_eq!(spend(&[], &limits).0, [] as [u64; 0]);
    }

    #[test]
    fn many_small_ones_leave_enough_for_a_large_one() {
        let limits = Limits { steps: 10_000_000, run_steps: 20_000_000, ..Limits::default() };
        let mut wanted = vec![1_000; 999];
        wanted.push(9_000_000);
        assert_eq!(spend(&wanted, &limits).0, wanted);
    }

    #[test]
    fn many_hostile_ones_cost_no_more_than_the_run_may() {
        let limits = Limits { steps: 10_000_000, run_steps: 20_000_000, ..Limits::default() };
        for count in [2, 10, 300] {
            let (taken, all) = spend(&vec![u64::MAX; count], &limits);
            assert!(taken.iter().all(|steps| *steps >= LEAST.steps), "{count}");
            // Nobody would come further at a second attempt, and so there is none.
            assert_eq!(all, taken.iter().sum::<u64>(), "{count}");
            let least = LEAST.steps * u64::try_from(count).unwrap();
            assert!(all <= limits.run_steps.max(least), "{count}: {all}");
        }
    }

    #[test]
    fn who_reaches_a_share_that_grows_is_evaluated_again() {
        let limits = Limits { steps: 10_000_000, run_steps: 20_000_000, ..Limits::default() };
        // A share is 2,500,000 steps; the last two may spend half of what is left after all have tried.
        let (taken, all) = spend(&[1_000, 1_000, 6_000_000, u64::MAX], &limits);
        assert_eq!(taken, [1_000, 1_000, 6_000_000, 7_499_000]);
        assert_eq!(all, taken.iter().sum::<u64>() + 2 * 2_500_000);
    }
}
