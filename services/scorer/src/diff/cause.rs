//! Through what a verdict changed.
//!
//! Evidence decides, and in doubt the cluster gets no credit: it is the cause only where a field that a measure read in
//! both packs differs, where objects came or went, or where nothing else changed. The same rules hold in both
//! directions, so that the comparison the other way round names the same causes.

use std::collections::BTreeMap;

use hexproof_core::Outcome;
use hexproof_core::diff::Cause;
use hexproof_core::observation::{Observation, Reading};
use serde_json::Value;

use super::side::{Side, is_cluster, rule_differs};

/// Characters of a value in a sentence at most.
const LONGEST_VALUE: usize = 60;

/// What the two packs rest on, compared.
pub(super) struct Causes<'a> {
    earlier: &'a Side<'a>,
    later: &'a Side<'a>,
    other_settings: bool,
    /// Sources, rights, lists or files were read in another way.
    other_sight: bool,
}

type Decided = (Cause, String);

impl<'a> Causes<'a> {
    pub(super) fn new(earlier: &'a Side<'a>, later: &'a Side<'a>) -> Self {
        let (old, new) = (earlier.assessment, later.assessment);
        let states = |side: &Side<'_>| -> BTreeMap<String, _> {
            side.assessment.sources.iter().map(|source| (source.name.clone(), source.state)).collect()
        };
        let refused = |side: &Side<'_>| side.assessment.permissions.as_ref().map(|p| p.refused.clone());
        let kinds = |side: &Side<'_>| -> Vec<_> {
            side.assessment.not_listed.iter().map(|n| (n.api_version.clone(), n.kind.clone())).collect()
        };
        Self {
            earlier,
            later,
            other_settings: old.settings_digest != new.settings_digest,
            other_sight: states(earlier) != states(later)
                || refused(earlier) != refused(later)
                || kinds(earlier) != kinds(later)
                || old.unreadable_files != new.unreadable_files,
        }
    }

    /// The cause of another verdict on one subject.
    pub(super) fn of_other_verdict(&self, before: &Observation, after: &Observation) -> Decided {
        let other_rule = rule_differs(self.earlier, self.later, &after.measure_id);
        if before.outcome == after.outcome && before.significance == after.significance {
            return (Cause::Waivers, waived(before, after));
        }
        let has = |outcome| before.outcome == outcome || after.outcome == outcome;
        if has(Outcome::Unknown) {
            let words = match after.outcome {
                Outcome::Unknown => "what decides it is no longer seen",
                _ => "what decides it is seen now",
            };
            return match (self.other_sight, other_rule, self.other_settings) {
                (true, _, _) => (Cause::Seen, words.into()),
                (false, true, _) => (Cause::Rules, "the measure asks for something else".into()),
                (false, false, true) => (Cause::Settings, "only the settings differ".into()),
                (false, false, false) => (Cause::Seen, words.into()),
            };
        }
        if let Some(because) = field_that_differs(before, after) {
            return (Cause::Cluster, because);
        }
        if other_rule {
            return (
                Cause::Rules,
                "the measure asks for something else, and no field it read in both packs differs".into(),
            );
        }
        // A subject that is not concerned has no readings to compare.
        let compared = !has(Outcome::NotApplicable);
        if compared && !same_readings(before, after) && before.evidence_digest != after.evidence_digest {
            return (Cause::Cluster, "the object has other parts than before".into());
        }
        if compared && objects(before) != objects(after) {
            return (Cause::Cluster, "other objects take part than before".into());
        }
        if self.other_settings {
            return (Cause::Settings, "no field it read differs, the settings do".into());
        }
        let because = match before.evidence_digest == after.evidence_digest {
            true => "what it read is the same, the state is of another time",
            false => "the object differs, rules and settings do not",
        };
        (Cause::Cluster, because.into())
    }

    /// The cause of a verdict that one pack has (`there`) and the other has not (`other`).
    pub(super) fn of_absent(
        &self,
        observation: &Observation,
        there: &Side<'_>,
        other: &Side<'_>,
        appeared: bool,
    ) -> Decided {
        let (id, subject) = (&observation.measure_id, &observation.subject);
        let which = other.word;
        if other.measure(id).is_none() {
            return (Cause::Rules, format!("the {which} catalogue has no such measure"));
        }
        if observation.outcome == Outcome::Unknown && is_cluster(subject) {
            let because = match appeared {
                true => "evidence is missing that was there before",
                false => "evidence that was missing is there now",
            };
            return (Cause::Seen, because.into());
        }
        let (platform, others) = (&there.assessment.cluster, &other.assessment.cluster);
        if platform.platform != others.platform {
            let given = [platform, others].iter().any(|c| c.platform_reason.starts_with("given"));
            let cause = if given { Cause::Settings } else { Cause::Cluster };
            return (cause, "the cluster is taken to run on another platform".into());
        }
        if let Some(reason) = other.not_listed(subject).filter(|_| there.not_listed(subject).is_none()) {
            let reason: String = reason.chars().take(LONGEST_VALUE).collect();
            return (Cause::Seen, format!("its kind could not be listed in the {which} pack: {reason}"));
        }
        let is_object = !subject.api_version.is_empty();
        if !is_cluster(subject) && other.knows(subject) {
            let (rule, what) = (rule_differs(self.earlier, self.later, id), "the subject is in both packs");
            return match (rule, self.other_settings) {
                (true, _) => (Cause::Rules, format!("{what}, the measure asks for something else")),
                (false, true) => (Cause::Settings, format!("{what}, the settings differ")),
                (false, false) => (Cause::Cluster, format!("{what}, the measure concerns it in one alone")),
            };
        }
        if other.unread(subject) > there.unread(subject)
            || (other.lacks_evidence(id) && !there.lacks_evidence(id))
        {
            let because = format!("the {which} pack lacks evidence of objects such as this one");
            return (Cause::Seen, because);
        }
        if !is_object {
            if rule_differs(self.earlier, self.later, id) {
                return (Cause::Rules, "the measure asks for something else".into());
            }
            if self.other_settings && is_cluster(subject) {
                return (Cause::Settings, "the settings differ".into());
            }
        }
        let because = match appeared {
            true => "it is new in the cluster",
            false => "it is no longer in the cluster",
        };
        (Cause::Cluster, because.into())
    }
}

fn waived(before: &Observation, after: &Observation) -> String {
    match (before.waived_by.as_str(), after.waived_by.as_str()) {
        ("", new) => format!("waiver {new} covers it"),
        (old, "") => format!("waiver {old} does not cover it any more"),
        (old, new) => format!("waiver {new} takes the place of waiver {old}"),
    }
}

/// Which field a reading is of.
fn place(reading: &Reading) -> (&str, &str, &str) {
    (&reading.object, &reading.container, &reading.path)
}

fn found(reading: &Reading) -> (Option<&Value>, bool) {
    (reading.value.as_ref(), reading.absent)
}

/// A field that was read in both packs with another value, as a sentence.
fn field_that_differs(before: &Observation, after: &Observation) -> Option<String> {
    let mut old: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for reading in &before.readings {
        old.entry(place(reading)).or_default().push(reading);
    }
    let mut new: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for reading in &after.readings {
        new.entry(place(reading)).or_default().push(reading);
    }
    let (_, one, other) =
        old.iter().filter_map(|(place, old)| Some((place, old, new.get(place)?))).find(|(_, old, new)| {
            old.iter().any(|one| new.iter().all(|other| found(one) != found(other)))
                || new.iter().any(|one| old.iter().all(|other| found(one) != found(other)))
        })?;
    let (one, other) = (one.first()?, other.first()?);
    Some(format!("`{}` was {}, is {}", one.path, value(one), value(other)))
}

fn value(reading: &Reading) -> String {
    match &reading.value {
        Some(value) => {
            let text = value.to_string();
            let short: String = text.chars().take(LONGEST_VALUE).collect();
            if short.len() < text.len() { format!("`{short}...`") } else { format!("`{short}`") }
        }
        None if reading.absent => "absent".into(),
        None => "not kept".into(),
    }
}

fn same_readings(before: &Observation, after: &Observation) -> bool {
    let all = |of: &Observation| -> Vec<_> {
        let mut all: Vec<_> =
            of.readings.iter().map(|r| (r.object.clone(), r.container.clone(), r.path.clone())).collect();
        all.sort();
        all.dedup();
        all
    };
    all(before) == all(after)
}

/// Objects other than the subject that took part.
fn objects(of: &Observation) -> Vec<&str> {
    let mut objects: Vec<&str> = of
        .readings
        .iter()
        .map(|reading| reading.object.as_str())
        .filter(|object| !object.is_empty())
        .collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}
