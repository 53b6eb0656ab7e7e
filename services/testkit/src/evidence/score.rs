//! Cells of the samples, by the same formula as everywhere: what passes, of what counts, weighed.

use hexproof_core::assessment::{Cell, Gate, MeasureCount, WorkStep};
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::scale::{Goal, Layer, Rating, Significance};

/// Measures with their counts, in the order of the catalogue.
pub(super) type Counted<'a> = Vec<(&'a Measure, &'a MeasureCount)>;

pub(super) fn counted<'a>(catalogue: &'a Catalogue, counts: &'a [MeasureCount]) -> Counted<'a> {
    let found = |count: &'a MeasureCount| Some((catalogue.get(count.measure_id.as_str())?, count));
    counts.iter().filter_map(found).collect()
}

fn weight(measure: &Measure, goal: Option<Goal>) -> f64 {
    let goals = Goal::ALL.iter().filter(|one| goal.is_none_or(|goal| goal == **one));
    f64::from(goals.map(|goal| measure.weight(*goal)).sum::<u32>() * measure.significance.factor())
}

fn letter(low: f64, coverage: f64) -> Rating {
    match low {
        _ if coverage < 50.0 => Rating::NotAssessed,
        90.0.. => Rating::A,
        75.0.. => Rating::B,
        60.0.. => Rating::C,
        40.0.. => Rating::D,
        _ => Rating::E,
    }
}

pub(super) fn cell(counted: &Counted<'_>, gates: &[Gate], layer: Option<Layer>, goal: Option<Goal>) -> Cell {
    let (mut total, mut low, mut high, mut seen, mut residual, mut measures) = (0.0, 0.0, 0.0, 0.0, 0.0, 0);
    let (mut kept_total, mut kept_low, mut kept_high) = (0.0, 0.0, 0.0);
    for (measure, count) in counted {
        let weight = weight(measure, goal);
        if weight == 0.0 || count.judged() == 0 || layer.is_some_and(|layer| layer != measure.layer) {
            continue;
        }
        let judged = f64::from(count.judged());
        let passed = f64::from(count.pass);
        let unknown = f64::from(count.unknown);
        measures += 1;
        total += weight;
        low += weight * passed / judged;
        high += weight * (passed + unknown) / judged;
        seen += weight * (judged - unknown) / judged;
        residual += weight * (passed + 0.5 * f64::from(count.intercepted)) / judged;
        let kept = judged - f64::from(count.waived);
        if kept > 0.0 {
            kept_total += weight;
            kept_low += weight * passed / kept;
            kept_high += weight * (passed + unknown) / kept;
        }
    }
    let percent = |part: f64, of: f64| if of > 0.0 { 100.0 * part / of } else { 0.0 };
    let gated_by: Vec<_> = gates
        .iter()
        .filter(|gate| layer.is_none_or(|layer| gate.layer == layer))
        .filter(|gate| goal.is_none_or(|goal| gate.goals.contains(&goal)))
        .map(|gate| gate.measure_id.clone())
        .collect();
    let by_score = letter(percent(low, total), percent(seen, total));
    let rating = match (gated_by.is_empty(), by_score) {
        (false, Rating::A | Rating::B | Rating::C) => Rating::D,
        (_, rating) => rating,
    };
    Cell {
        layer,
        goal,
        measures,
        score_low: percent(low, total),
        score_high: percent(high, total),
        coverage: percent(seen, total),
        rating,
        rating_by_score: by_score,
        gated_by,
        residual_low: percent(residual, total),
        accepted_low: percent(kept_low, kept_total),
        accepted_high: percent(kept_high, kept_total),
    }
}

/// What opening failures of each measure would gain, and critical ones as gates.
pub(super) fn gates(counted: &Counted<'_>) -> Vec<Gate> {
    let open = |count: &MeasureCount| count.fail - count.waived;
    let critical = counted
        .iter()
        .filter(|(measure, count)| measure.significance == Significance::Critical && open(count) > 0);
    (1..)
        .zip(critical)
        .map(|(number, (measure, count))| Gate {
            number,
            measure_id: measure.id.clone(),
            layer: measure.layer,
            goals: measure.primary_goals().collect(),
            failing: open(count),
            judged: count.judged(),
        })
        .collect()
}

pub(super) fn gain(counted: &Counted<'_>, measure: &Measure, count: &MeasureCount) -> f64 {
    let total: f64 = counted
        .iter()
        .filter(|(_, count)| count.judged() > 0)
        .map(|(measure, _)| weight(measure, None))
        .sum();
    match total > 0.0 && count.judged() > 0 {
        true => 100.0 * weight(measure, None) * f64::from(count.fail) / f64::from(count.judged()) / total,
        false => 0.0,
    }
}

pub(super) fn work(counted: &Counted<'_>, gates: &[Gate]) -> Vec<WorkStep> {
    let mut steps: Vec<WorkStep> = counted
        .iter()
        .filter(|(_, count)| count.fail > count.waived)
        .map(|(measure, count)| WorkStep {
            number: 0,
            measure_id: measure.id.clone(),
            layer: measure.layer,
            significance: measure.significance,
            failing: count.fail - count.waived,
            judged: count.judged(),
            gain: gain(counted, measure, count),
            gate: gates.iter().find(|gate| gate.measure_id == measure.id).map_or(0, |gate| gate.number),
        })
        .collect();
    steps.sort_by(|one, other| {
        (other.significance, one.layer)
            .cmp(&(one.significance, other.layer))
            .then(other.gain.total_cmp(&one.gain))
    });
    for (number, step) in (1..).zip(&mut steps) {
        step.number = number;
    }
    steps
}
