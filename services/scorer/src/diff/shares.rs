//! How much of a score's movement each cause made.
//!
//! A set of causes that took effect gives a score by the one formula: outcomes of the earlier pack, with the changes of
//! these causes applied, under the weights of the later catalogue if the rules are among them. The part of a cause is
//! the mean of what it adds, over all orders in which the five can take effect (the Shapley value of that function).
//! It needs no order of replacement that somebody chose, the parts add up to the whole difference, and the comparison
//! the other way round gives the same parts with the other sign. Five causes make 32 scores of some hundred measures.

use std::collections::BTreeMap;

use hexproof_core::Outcome;
use hexproof_core::diff::{Cause, Change, Shares, Verdict};
use hexproof_core::measure::MeasureId;
use hexproof_core::port::CompareError;

use super::side::Side;
use crate::score::formula::{self, Score, Tally};

const CAUSES: usize = Cause::ALL.len();
/// Scores in assessments have two decimals, rounded down at the bound of a letter.
const ROUNDING: f64 = 0.011;

/// The three figures of which the movement is told.
pub(super) struct Moved {
    pub(super) low: Shares,
    pub(super) high: Shares,
    pub(super) accepted_low: Shares,
}

/// What the changes of one cause do to the tally of a measure.
#[derive(Clone, Copy, Default)]
struct Delta {
    pass: i64,
    fail: i64,
    unknown: i64,
    waived: i64,
}

impl Delta {
    fn add(&mut self, verdict: &Verdict, sign: i64) {
        match verdict.outcome {
            Outcome::Pass => self.pass += sign,
            Outcome::Unknown => self.unknown += sign,
            Outcome::NotApplicable => {}
            Outcome::Fail => {
                self.fail += sign;
                self.waived += sign * i64::from(!verdict.waived_by.is_empty());
            }
        }
    }
}

/// A measure: its outcomes and weight before, its weight after, and what each cause did to its outcomes.
struct Moving {
    before: Tally,
    weight_before: u32,
    weight_after: u32,
    deltas: [Delta; CAUSES],
}

impl Moving {
    /// Weight and outcomes when the causes of `set` have taken effect.
    fn under(&self, set: usize) -> (u32, Tally) {
        let has = |at: usize| set & (1 << at) != 0;
        let sum = |start: u32, of: fn(&Delta) -> i64| {
            let moved: i64 = (0..CAUSES).filter(|at| has(*at)).map(|at| of(&self.deltas[at])).sum();
            u32::try_from(i64::from(start) + moved).unwrap_or_default()
        };
        let tally = Tally {
            pass: sum(self.before.pass, |delta| delta.pass),
            fail: sum(self.before.fail, |delta| delta.fail),
            unknown: sum(self.before.unknown, |delta| delta.unknown),
            waived: sum(self.before.waived, |delta| delta.waived),
            ..Tally::default()
        };
        let weight = if has(index(Cause::Rules)) { self.weight_after } else { self.weight_before };
        (weight, tally)
    }
}

fn index(cause: Cause) -> usize {
    Cause::ALL.iter().position(|each| *each == cause).unwrap_or_default()
}

/// The movement by cause; `None` where the weights of a measure are not known.
pub(super) fn shares(
    earlier: &Side<'_>,
    later: &Side<'_>,
    changes: &[Change],
) -> Result<Option<Moved>, CompareError> {
    let Some(mut measures) = moving(earlier, later) else { return Ok(None) };
    for change in changes {
        let Some(measure) = measures.get_mut(&change.measure_id) else { continue };
        let delta = &mut measure.deltas[index(change.cause)];
        if let Some(before) = &change.before {
            delta.add(before, -1);
        }
        if let Some(after) = &change.after {
            delta.add(after, 1);
        }
    }
    let scores: Vec<Score> = (0..1usize << CAUSES)
        .map(|set| formula::score(measures.values().map(|measure| measure.under(set))))
        .collect();
    let (Some(first), Some(last)) = (scores.first(), scores.last()) else { return Ok(None) };
    for (side, score) in [(earlier, first), (later, last)] {
        let said = side.assessment.overall.score_low;
        if (said - score.low).abs() > ROUNDING {
            let reason = format!("its observations give {:.2} points, and it says {said:.2}", score.low);
            return Err(CompareError::Contradiction { which: side.word, reason });
        }
    }
    Ok(Some(Moved {
        low: divide(&scores, |score| score.low),
        high: divide(&scores, |score| score.high),
        accepted_low: divide(&scores, |score| score.accepted_low),
    }))
}

fn moving<'a>(earlier: &Side<'a>, later: &Side<'a>) -> Option<BTreeMap<&'a MeasureId, Moving>> {
    // Of one and the same catalogue it is enough that one of the assessments tells the weights.
    let same_catalogue = earlier.assessment.catalogue.digest == later.assessment.catalogue.digest;
    let weight = |side: &Side<'_>, other: &Side<'_>, id: &MeasureId| {
        let rule =
            side.rule(id).or_else(|| other.rule(id).filter(|_| same_catalogue || side.measure(id).is_none()));
        rule.map(|rule| rule.whole_weight())
    };
    let ids = earlier.measures().chain(later.measures()).map(|(id, _)| id);
    let mut measures = BTreeMap::new();
    for id in ids {
        if measures.contains_key(id) {
            continue;
        }
        let before = earlier.measure(id);
        measures.insert(
            id,
            Moving {
                before: before.map_or(Tally::default(), |count| Tally {
                    pass: count.pass,
                    fail: count.fail,
                    unknown: count.unknown,
                    waived: count.waived,
                    ..Tally::default()
                }),
                weight_before: weight(earlier, later, id)?,
                weight_after: weight(later, earlier, id)?,
                deltas: [Delta::default(); CAUSES],
            },
        );
    }
    Some(measures)
}

/// Divides the difference of a figure among the causes.
fn divide(scores: &[Score], figure: fn(&Score) -> f64) -> Shares {
    let mut parts = [0.0; CAUSES];
    for (at, part) in parts.iter_mut().enumerate() {
        for set in (0..scores.len()).filter(|set| set & (1 << at) == 0) {
            let (without, with) = (&scores[set], &scores[set | (1 << at)]);
            *part += probability(set.count_ones()) * (figure(with) - figure(without));
        }
    }
    let of = |cause| parts[index(cause)];
    Shares {
        before: scores.first().map_or(0.0, figure),
        after: scores.last().map_or(0.0, figure),
        cluster: of(Cause::Cluster),
        rules: of(Cause::Rules),
        settings: of(Cause::Settings),
        waivers: of(Cause::Waivers),
        seen: of(Cause::Seen),
    }
}

/// Of all orders of five causes, the part in which exactly `size` given ones precede a given one: `size! (4 - size)! / 5!`.
fn probability(size: u32) -> f64 {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let causes = u32::try_from(CAUSES).unwrap_or_default();
    factorial(size) * factorial(causes - 1 - size) / factorial(causes)
}
