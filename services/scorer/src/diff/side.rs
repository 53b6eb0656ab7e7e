//! One of the two assessments, indexed and checked against itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hexproof_core::Outcome;
use hexproof_core::assessment::{Assessment, MeasureCount};
use hexproof_core::measure::{MeasureId, MeasureRule};
use hexproof_core::observation::Subject;
use hexproof_core::port::CompareError;

use crate::score::formula::Tally;

/// An assessment with what the comparison looks up.
pub(super) struct Side<'a> {
    /// `earlier` or `later`.
    pub(super) word: &'static str,
    pub(super) assessment: &'a Assessment,
    measures: BTreeMap<&'a MeasureId, &'a MeasureCount>,
    /// Every subject by kind, namespace and name, whichever measure judges it.
    subjects: HashSet<(&'a str, &'a str, &'a str)>,
    /// Measures that lack evidence as a whole: they have an unknown verdict on the cluster.
    gaps: BTreeSet<&'a MeasureId>,
}

impl<'a> Side<'a> {
    pub(super) fn new(word: &'static str, assessment: &'a Assessment) -> Result<Self, CompareError> {
        let contradiction = |reason: String| CompareError::Contradiction { which: word, reason };
        let mut side = Self {
            word,
            assessment,
            measures: BTreeMap::new(),
            subjects: HashSet::with_capacity(assessment.observations.len() / 8),
            gaps: BTreeSet::new(),
        };
        for count in &assessment.measures {
            if side.measures.insert(&count.measure_id, count).is_some() {
                return Err(contradiction(format!("it counts measure `{}` twice", count.measure_id)));
            }
        }
        let mut tallies: BTreeMap<&MeasureId, Tally> = BTreeMap::new();
        for observation in &assessment.observations {
            let (id, subject) = (&observation.measure_id, &observation.subject);
            let tally = tallies.entry(id).or_default();
            match observation.outcome {
                Outcome::Pass => tally.pass += 1,
                Outcome::Unknown => tally.unknown += 1,
                Outcome::NotApplicable => tally.not_applicable += 1,
                Outcome::Fail => {
                    tally.fail += 1;
                    tally.waived += u32::from(!observation.waived_by.is_empty());
                }
            }
            side.subjects.insert(name(subject));
            if observation.outcome == Outcome::Unknown && is_cluster(subject) {
                side.gaps.insert(id);
            }
        }
        if let Some(id) = tallies.keys().find(|id| !side.measures.contains_key(*id)) {
            return Err(contradiction(format!(
                "it has observations of measure `{id}`, which it does not count"
            )));
        }
        for (id, count) in &side.measures {
            let tally = tallies.get(id).copied().unwrap_or_default();
            let counted = [count.pass, count.fail, count.unknown, count.not_applicable, count.waived];
            if counted != [tally.pass, tally.fail, tally.unknown, tally.not_applicable, tally.waived] {
                return Err(contradiction(format!(
                    "it counts other outcomes of measure `{id}` than it lists"
                )));
            }
        }
        Ok(side)
    }

    pub(super) fn measure(&self, id: &MeasureId) -> Option<&'a MeasureCount> {
        self.measures.get(id).copied()
    }

    pub(super) fn measures(&self) -> impl Iterator<Item = (&'a MeasureId, &'a MeasureCount)> + '_ {
        self.measures.iter().map(|(id, count)| (*id, *count))
    }

    pub(super) fn rule(&self, id: &MeasureId) -> Option<&'a MeasureRule> {
        self.measure(id)?.rule.as_ref()
    }

    /// Whether any measure judges a subject of that kind, namespace and name.
    pub(super) fn knows(&self, subject: &Subject) -> bool {
        self.subjects.contains(&name(subject))
    }

    /// Whether a measure as a whole lacks evidence.
    pub(super) fn lacks_evidence(&self, id: &MeasureId) -> bool {
        self.gaps.contains(id)
    }

    /// Why a kind could not be listed, if so.
    pub(super) fn not_listed(&self, subject: &Subject) -> Option<&'a str> {
        self.assessment
            .not_listed
            .iter()
            .filter(|gap| !gap.inconsistent)
            .find(|gap| match gap.kind.as_str() {
                "" => group(&gap.api_version) == group(&subject.api_version),
                kind => kind == subject.kind && group(&gap.api_version) == group(&subject.api_version),
            })
            .map(|gap| gap.reason.as_str())
    }

    /// Objects of the subject's kind and namespace that were announced and could not be read.
    pub(super) fn unread(&self, subject: &Subject) -> u64 {
        self.assessment
            .population
            .iter()
            .filter(|row| row.kind == subject.kind && row.namespace == subject.namespace)
            .map(|row| u64::from(row.unreadable) + u64::from(row.gap.max(0).unsigned_abs()))
            .sum()
    }
}

/// Whether a measure decides otherwise. Where an assessment does not say, other catalogues mean other measures.
pub(super) fn rule_differs(earlier: &Side<'_>, later: &Side<'_>, id: &MeasureId) -> bool {
    match (earlier.rule(id), later.rule(id)) {
        (Some(old), Some(new)) => old.digest != new.digest,
        _ => earlier.assessment.catalogue.digest != later.assessment.catalogue.digest,
    }
}

pub(super) fn is_cluster(subject: &Subject) -> bool {
    subject.kind == "Cluster" && subject.api_version.is_empty()
}

fn name(subject: &Subject) -> (&str, &str, &str) {
    (&subject.kind, &subject.namespace, &subject.name)
}

/// The group of an `apiVersion`; empty for the core group.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
