//! Which observations of a pack are listed: one meaning for whoever stores, searches or imitates them.

use std::collections::BTreeSet;

use crate::measure::{Catalogue, MeasureId};
use crate::observation::{Observation, Subject};
use crate::scale::{Goal, Layer, Outcome};

/// Which observations of a pack are listed. What is empty or `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservationFilter {
    /// Of a measure in this layer.
    pub layer: Option<Layer>,
    /// Of a measure with weight for this goal.
    pub goal: Option<Goal>,
    /// Of this measure.
    pub measure: Option<MeasureId>,
    /// Of a subject in this namespace; `Some("")` are subjects without one.
    pub namespace: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Failures that a waiver covers, or does not.
    pub waived: Option<bool>,
    /// Words that all occur in the subject (kind, namespace, name, container), the measure's id or the reason, upper and
    /// lower case alike.
    pub words: Vec<String>,
}

impl ObservationFilter {
    /// The measures that layer, goal and measure admit; `None` for every measure. A measure that the catalogue does not
    /// know has neither layer nor goal.
    pub fn measures(&self, catalogue: &Catalogue) -> Option<BTreeSet<MeasureId>> {
        let placed = self.layer.is_some() || self.goal.is_some();
        if !placed {
            return self.measure.clone().map(|measure| BTreeSet::from([measure]));
        }
        let admitted = catalogue.measures.iter().filter(|measure| {
            self.layer.is_none_or(|layer| measure.layer == layer)
                && self.goal.is_none_or(|goal| measure.weight(goal) > 0)
                && self.measure.as_ref().is_none_or(|wanted| measure.id == *wanted)
        });
        Some(admitted.map(|measure| measure.id.clone()).collect())
    }

    /// Whether outcome and waiver are of those asked for.
    pub fn admits(&self, outcome: Outcome, waived: bool) -> bool {
        self.outcome.is_none_or(|wanted| outcome == wanted)
            && self.waived.is_none_or(|wanted| outcome == Outcome::Fail && waived == wanted)
    }

    /// The words as they are looked for in [`ObservationFilter::texts`].
    pub fn needles(&self) -> Vec<String> {
        self.words.iter().map(|word| word.to_lowercase()).filter(|word| !word.is_empty()).collect()
    }

    /// What words are looked for in, in lower case: the subject, the measure's id, the reason. A word is found where
    /// one of the three contains it.
    pub fn texts(observation: &Observation) -> [String; 3] {
        let Subject { kind, namespace, name, container, .. } = &observation.subject;
        let subject = [kind.as_str(), namespace, name, container].join("\n");
        [
            subject.to_lowercase(),
            observation.measure_id.as_str().to_owned(),
            observation.reason.to_lowercase(),
        ]
    }

    /// Whether an observation is listed; `measures` are those of [`ObservationFilter::measures`].
    pub fn fits(&self, measures: Option<&BTreeSet<MeasureId>>, observation: &Observation) -> bool {
        if measures.is_some_and(|measures| !measures.contains(&observation.measure_id))
            || !self.admits(observation.outcome, !observation.waived_by.is_empty())
            || self.namespace.as_ref().is_some_and(|namespace| observation.subject.namespace != *namespace)
        {
            return false;
        }
        let needles = self.needles();
        if needles.is_empty() {
            return true;
        }
        let texts = Self::texts(observation);
        needles.iter().all(|needle| texts.iter().any(|text| text.contains(needle)))
    }
}
