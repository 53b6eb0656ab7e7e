//! Two assessments compared: what differs, and through what.
//!
//! `pair` finds the observations that belong together, `judge` says what became of a verdict, `cause` through what,
//! `shares` computes by the formula how much of the score each cause moved, `rest` compares what verdicts rest on.
//! `docs/diff.md` tells users the rules by which all that is decided.
//!
//! Observations → pairs → changes with causes → counts and shares

mod cause;
mod judge;
mod pair;
mod rest;
mod shares;
mod side;

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Significance;
use hexproof_core::assessment::Assessment;
use hexproof_core::diff::{
    Change, ChangeCount, Diff, GateChange, MeasureChange, OutcomeCounts, PackRef, Turn, Verdict,
};
use hexproof_core::measure::MeasureId;
use hexproof_core::observation::Observation;
use hexproof_core::port::{Compare, CompareError};

use crate::score::number;
use cause::Causes;
use pair::Pair;
use side::Side;

/// Compares assessments by the rules of this program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Comparer;

impl Compare for Comparer {
    fn compare(&self, before: &Assessment, after: &Assessment) -> Result<Diff, CompareError> {
        compare(before, after)
    }
}

/// What is different in `after`. Time and memory are linear in the number of observations.
///
/// # Errors
/// An assessment whose observations, counts and scores do not fit one another.
pub fn compare(before: &Assessment, after: &Assessment) -> Result<Diff, CompareError> {
    let (earlier, later) = (Side::new("earlier", before)?, Side::new("later", after)?);
    let causes = Causes::new(&earlier, &later);
    let mut same = 0u32;
    let mut changes: Vec<Change> = Vec::new();
    for pair in pair::pairs(&before.observations, &after.observations) {
        match change(pair, &earlier, &later, &causes) {
            Some(change) => changes.push(change),
            None => same = same.saturating_add(1),
        }
    }
    let order = order(before, after);
    changes.sort_by_cached_key(|change| {
        let group = match change {
            change if change.is_new_failure() => 0u8,
            change if change.is_gone_failure() => 1,
            _ => 2,
        };
        let place = |verdict: &Option<Verdict>| verdict.as_ref().map(|verdict| verdict.place);
        (
            group,
            std::cmp::Reverse(change.significance()),
            order.get(&change.measure_id).copied().unwrap_or(u32::MAX),
            place(&change.after).is_none(),
            place(&change.after).or(place(&change.before)),
        )
    });
    let moved = shares::shares(&earlier, &later, &changes)?;
    Ok(Diff {
        before: reference(before),
        after: reference(after),
        same_cluster: before.cluster.id == after.cluster.id,
        other_rules: before.catalogue.digest != after.catalogue.digest,
        other_settings: before.settings_digest != after.settings_digest,
        low: moved.as_ref().map(|moved| moved.low),
        high: moved.as_ref().map(|moved| moved.high),
        accepted_low: moved.as_ref().map(|moved| moved.accepted_low),
        cells: rest::cells(before, after),
        gates: gates(before, after, &changes, &order),
        counts: counts(changes.iter()),
        same,
        measures: measures(&earlier, &later, &changes, &order),
        sources: rest::sources(before, after),
        permissions: rest::permissions(before, after),
        not_listed: rest::not_listed(before, after),
        waivers: rest::waivers(before, after),
        changes,
    })
}

fn reference(assessment: &Assessment) -> PackRef {
    PackRef {
        cluster_name: assessment.cluster.name.clone(),
        cluster_id: assessment.cluster.id.clone(),
        audit_id: String::new(),
        snapshot_digest: assessment.snapshot.digest,
        collected_at: assessment.snapshot.collected_at,
        catalogue_digest: assessment.catalogue.digest,
        settings_digest: assessment.settings_digest,
        overall: assessment.overall.clone(),
        observations: number(assessment.observations.len()),
    }
}

/// The change of a pair; `None` if its verdict is the same.
fn change(pair: Pair<'_>, earlier: &Side<'_>, later: &Side<'_>, causes: &Causes<'_>) -> Option<Change> {
    let verdict = |place: u32, observation: &Observation| Verdict {
        place,
        outcome: observation.outcome,
        significance: observation.significance,
        reason: observation.reason.clone(),
        waived_by: observation.waived_by.clone(),
        evidence_digest: observation.evidence_digest,
    };
    let (before, after) = (pair.before.map(|(_, o)| o), pair.after.map(|(_, o)| o));
    let kind = judge::kind(before, after)?;
    let (cause, because) = match (before, after) {
        (Some(before), Some(after)) => causes.of_other_verdict(before, after),
        (Some(before), None) => causes.of_absent(before, earlier, later, false),
        (None, Some(after)) => causes.of_absent(after, later, earlier, true),
        (None, None) => return None,
    };
    let shown = after.or(before)?;
    // Objects of two clusters have nothing to do with one another, whatever their names.
    let uids = before
        .zip(after)
        .filter(|_| earlier.assessment.cluster.id == later.assessment.cluster.id)
        .map(|(before, after)| (&before.subject.uid, &after.subject.uid));
    Some(Change {
        kind,
        cause,
        because,
        measure_id: shown.measure_id.clone(),
        subject: shown.subject.clone(),
        recreated: uids.is_some_and(|(old, new)| !old.is_empty() && !new.is_empty() && old != new),
        before: pair.before.map(|(place, observation)| verdict(place, observation)),
        after: pair.after.map(|(place, observation)| verdict(place, observation)),
    })
}

/// Measures in the order of the later catalogue; those that only the earlier one has come last, in its order.
fn order<'a>(before: &'a Assessment, after: &'a Assessment) -> BTreeMap<&'a MeasureId, u32> {
    let mut order = BTreeMap::new();
    for count in after.measures.iter().chain(&before.measures) {
        let next = number(order.len());
        order.entry(&count.measure_id).or_insert(next);
    }
    order
}

fn counts<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<ChangeCount> {
    let mut counts = BTreeMap::new();
    for change in changes {
        *counts.entry((change.kind, change.cause)).or_insert(0u32) += 1;
    }
    counts.into_iter().map(|((kind, cause), count)| ChangeCount { kind, cause, count }).collect()
}

fn measures(
    earlier: &Side<'_>,
    later: &Side<'_>,
    changes: &[Change],
    order: &BTreeMap<&MeasureId, u32>,
) -> Vec<MeasureChange> {
    let mut by_measure: BTreeMap<&MeasureId, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_measure.entry(&change.measure_id).or_default().push(change);
    }
    let mut ids: Vec<(&MeasureId, u32)> = order.iter().map(|(id, place)| (*id, *place)).collect();
    ids.sort_by_key(|(_, place)| *place);
    ids.into_iter()
        .filter_map(|(id, _)| {
            let (old, new) = (earlier.measure(id), later.measure(id));
            let rule = match (old, new) {
                (None, Some(_)) => Some(Turn::Begun),
                (Some(_), None) => Some(Turn::Ended),
                _ => side::rule_differs(earlier, later, id).then_some(Turn::Altered),
            };
            let of = by_measure.get(id).map_or(&[][..], Vec::as_slice);
            if rule.is_none() && of.is_empty() {
                return None;
            }
            let counted = |count: &hexproof_core::assessment::MeasureCount| OutcomeCounts {
                pass: count.pass,
                fail: count.fail,
                unknown: count.unknown,
                not_applicable: count.not_applicable,
                waived: count.waived,
            };
            Some(MeasureChange {
                measure_id: id.clone(),
                rule,
                before: old.map(counted),
                after: new.map(counted),
                new_failures: number(of.iter().filter(|change| change.is_new_failure()).count()),
                gone_failures: number(of.iter().filter(|change| change.is_gone_failure()).count()),
                counts: counts(of.iter().copied()),
            })
        })
        .collect()
}

fn gates(
    before: &Assessment,
    after: &Assessment,
    changes: &[Change],
    order: &BTreeMap<&MeasureId, u32>,
) -> Vec<GateChange> {
    let find =
        |of: &'_ Assessment, id: &MeasureId| of.gates.iter().find(|gate| &gate.measure_id == id).cloned();
    let mut ids: Vec<&MeasureId> =
        after.gates.iter().chain(&before.gates).map(|gate| &gate.measure_id).collect();
    ids.sort_by_key(|id| (order.get(id).copied().unwrap_or(u32::MAX), *id));
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| {
            let (old, new) = (find(before, id), find(after, id));
            let shown = new.as_ref().or(old.as_ref())?;
            let turn = match (&old, &new) {
                (None, _) => Some(Turn::Begun),
                (_, None) => Some(Turn::Ended),
                (Some(_), Some(_)) => None,
            };
            let critical = |verdict: &Option<Verdict>| {
                verdict
                    .as_ref()
                    .is_some_and(|v| v.is_open_failure() && v.significance == Significance::Critical)
            };
            let causes: BTreeSet<_> = changes
                .iter()
                .filter(|change| turn.is_some() && &change.measure_id == id)
                .filter(|change| critical(&change.before) != critical(&change.after))
                .map(|change| change.cause)
                .collect();
            Some(GateChange {
                turn,
                measure_id: id.clone(),
                layer: shown.layer,
                goals: shown.goals.clone(),
                number_before: old.as_ref().map_or(0, |gate| gate.number),
                number_after: new.as_ref().map_or(0, |gate| gate.number),
                failing_before: old.as_ref().map_or(0, |gate| gate.failing),
                failing_after: new.as_ref().map_or(0, |gate| gate.failing),
                causes: causes.into_iter().collect(),
            })
        })
        .collect()
}
