//! The one formula.
//!
//! A measure with P passes, F failures and U unknowns has `low = P/(P+F+U)`, `high = (P+U)/(P+F+U)` and
//! `seen = (P+F)/(P+F+U)`. With `W = weight x significance` a set of measures has
//! `score_low = 100 sum(W low) / sum(W)`, and so on. A measure without any of the three is left out.

use hexproof_core::measure::Measure;
use hexproof_core::{Goal, Rating};

use super::Judged;

/// Rounding errors of sums of fractions stay far below this; true scores differ by far more.
const EPSILON: f64 = 1e-9;

/// Outcomes of one measure, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Subjects that pass.
    pub pass: u32,
    /// Subjects that fail.
    pub fail: u32,
    /// Subjects of which evidence is missing.
    pub unknown: u32,
    /// Subjects the measure does not concern.
    pub not_applicable: u32,
    /// Failures under a valid waiver.
    pub waived: u32,
    /// Failures that an outer layer intercepts.
    pub intercepted: u32,
}

impl Tally {
    /// Subjects that count.
    pub fn judged(&self) -> u32 {
        self.pass + self.fail + self.unknown
    }
}

/// Score of a set of measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Measures that count.
    pub measures: u32,
    /// If all that was not seen fails.
    pub low: f64,
    /// If all that was not seen passes.
    pub high: f64,
    /// Percent of the weight that was seen.
    pub coverage: f64,
    /// `low` with intercepted failures counted one half.
    pub residual_low: f64,
    /// `low` with waived failures left out.
    pub accepted_low: f64,
    /// `high` with waived failures left out.
    pub accepted_high: f64,
}

/// Scores a set: weight `W` and outcomes of each measure, in a fixed order.
pub fn score(set: impl IntoIterator<Item = (u32, Tally)>) -> Score {
    let (mut weight, mut accepted_weight, mut measures) = (0.0, 0.0, 0);
    let (mut low, mut high, mut seen, mut residual) = (0.0, 0.0, 0.0, 0.0);
    let (mut accepted_low, mut accepted_high) = (0.0, 0.0);
    for (w, tally) in set {
        if w == 0 || tally.judged() == 0 {
            continue;
        }
        measures += 1;
        let (w, n) = (f64::from(w), f64::from(tally.judged()));
        weight += w;
        low += w * f64::from(tally.pass) / n;
        high += w * f64::from(tally.pass + tally.unknown) / n;
        seen += w * f64::from(tally.pass + tally.fail) / n;
        residual += w * (f64::from(tally.pass) + 0.5 * f64::from(tally.intercepted)) / n;
        let kept = f64::from(tally.judged() - tally.waived.min(tally.fail));
        if kept > 0.0 {
            accepted_weight += w;
            accepted_low += w * f64::from(tally.pass) / kept;
            accepted_high += w * f64::from(tally.pass + tally.unknown) / kept;
        }
    }
    let percent = |sum: f64, of: f64| if of > 0.0 { 100.0 * sum / of } else { 0.0 };
    Score {
        measures,
        low: percent(low, weight),
        high: percent(high, weight),
        coverage: percent(seen, weight),
        residual_low: percent(residual, weight),
        accepted_low: percent(accepted_low, accepted_weight),
        accepted_high: percent(accepted_high, accepted_weight),
    }
}

/// The letter of a score: by its low end; none under 50 % coverage or without any measure.
pub fn rating(score: &Score) -> Rating {
    if score.measures == 0 || score.coverage + EPSILON < 50.0 {
        return Rating::NotAssessed;
    }
    let at_least = |bound: f64| score.low + EPSILON >= bound;
    if at_least(90.0) {
        Rating::A
    } else if at_least(75.0) {
        Rating::B
    } else if at_least(60.0) {
        Rating::C
    } else if at_least(40.0) {
        Rating::D
    } else {
        Rating::E
    }
}

/// The letter under a gate: D at best.
pub fn gated(rating: Rating) -> Rating {
    match rating {
        Rating::A | Rating::B | Rating::C | Rating::D => Rating::D,
        Rating::E => Rating::E,
        Rating::NotAssessed => Rating::NotAssessed,
    }
}

/// `W` of a measure for one goal.
pub fn weight(measure: &Measure, goal: Goal) -> u32 {
    measure.weight(goal) * measure.significance.factor()
}

/// `W` of a measure over all goals: its weights added up.
pub fn whole_weight(measure: &Measure) -> u32 {
    Goal::ALL.iter().map(|goal| weight(measure, *goal)).sum()
}

/// Points that the cluster's `score_low` gains if `failures` of a measure pass.
pub(crate) fn gain(measure: &Measure, tally: &Tally, failures: u32, all: &[Judged<'_>]) -> f64 {
    let total: f64 = all
        .iter()
        .filter(|judged| judged.tally().judged() > 0)
        .map(|judged| f64::from(whole_weight(judged.measure)))
        .sum();
    if total == 0.0 || tally.judged() == 0 {
        return 0.0;
    }
    100.0 * f64::from(whole_weight(measure)) * f64::from(failures) / f64::from(tally.judged()) / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 0.005, "{got} is not {expected}");
    }

    /// Three measures of one cell: a (critical, weight 3), b (medium, weight 2), c (not applicable).
    fn worked_example(intercepted: u32, waived: u32) -> Score {
        let a = Tally { pass: 9, fail: 1, intercepted, waived, ..Tally::default() };
        let b = Tally { pass: 5, unknown: 5, ..Tally::default() };
        let c = Tally { not_applicable: 3, ..Tally::default() };
        score([(3 * 8, a), (2 * 2, b), (1, c)])
    }

    #[test]
    fn the_worked_example_is_computed_as_published() {
        let score = worked_example(0, 0);
        assert_eq!(score.measures, 2);
        close(score.low, 84.29);
        close(score.high, 91.43);
        close(score.coverage, 92.86);
        assert_eq!(rating(&score), Rating::B);
        assert_eq!(gated(rating(&score)), Rating::D);
        close(worked_example(1, 0).residual_low, 88.57);
        close(worked_example(0, 1).accepted_low, 92.86);
        close(worked_example(0, 1).low, 84.29);
    }

    #[test]
    fn no_data_is_never_a_score() {
        let nothing = score([]);
        assert_eq!((nothing.low, nothing.measures), (0.0, 0));
        assert_eq!(rating(&nothing), Rating::NotAssessed);
        let unseen = score([(24, Tally { unknown: 1, ..Tally::default() })]);
        assert_eq!((unseen.low, unseen.high, unseen.coverage), (0.0, 100.0, 0.0));
        assert_eq!(rating(&unseen), Rating::NotAssessed);
    }

    #[test]
    fn letters_change_exactly_at_their_bounds() {
        let of = |pass| rating(&score([(1, Tally { pass, fail: 100 - pass, ..Tally::default() })]));
        let letters: Vec<Rating> = [90, 89, 75, 74, 60, 59, 40, 39].map(of).to_vec();
        use Rating::{A, B, C, D, E};
        assert_eq!(letters, [A, B, B, C, C, D, D, E]);
    }

    #[test]
    fn half_seen_is_enough_for_a_letter_and_less_is_not() {
        let of = |unknown| rating(&score([(1, Tally { pass: 5, unknown, ..Tally::default() })]));
        assert_eq!(of(5), Rating::D);
        assert_eq!(of(6), Rating::NotAssessed);
    }

    prop_compose! {
        fn tally()(pass in 0u32..40, fail in 0u32..40, unknown in 0u32..40)
            (intercepted in 0..=fail, waived in 0..=fail, pass in Just(pass), fail in Just(fail), unknown in Just(unknown))
            -> Tally {
            Tally { pass, fail, unknown, not_applicable: 0, waived, intercepted }
        }
    }

    proptest! {
        #[test]
        fn the_interval_is_as_wide_as_what_was_not_seen(set in prop::collection::vec((1u32..96, tally()), 1..20)) {
            let score = score(set);
            if score.measures > 0 {
                prop_assert!(((score.high - score.low) - (100.0 - score.coverage)).abs() < 1e-9);
                prop_assert!(score.low <= score.residual_low + 1e-9);
                prop_assert!(score.residual_low <= score.high + 50.0);
                prop_assert!((0.0..=100.0 + 1e-9).contains(&score.low) && (0.0..=100.0 + 1e-9).contains(&score.high));
            }
        }

        #[test]
        fn an_unknown_more_never_raises_the_low_end(
            set in prop::collection::vec((1u32..96, tally()), 1..20), place in any::<prop::sample::Index>()
        ) {
            let before = score(set.clone());
            let mut after = set;
            let place = place.index(after.len());
            // A measure that nothing was known of enters the sum as nothing seen, which cannot raise it either.
            after[place].1.unknown += 1;
            prop_assert!(score(after).low <= before.low + 1e-9);
        }
    }
}
