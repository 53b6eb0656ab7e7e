//! What of a measure decides verdicts and weights, apart from its words for readers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Measure, MeasureId};
use crate::digest::Digest;
use crate::scale::{Goal, Layer, Platform, Significance};

/// What decides the verdicts and the weight of a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureRule {
    /// SHA-256 over the parts of the measure that decide: see [`Measure::rule`].
    pub digest: Digest,
    /// Its layer.
    pub layer: Layer,
    /// Its significance.
    pub significance: Significance,
    /// Its weights, 0 to 3, one a goal in the order of the Hexad.
    pub weights: [u32; 6],
}

impl MeasureRule {
    /// The weight `W` of the measure in the score of the cluster: significance times weights, over all goals.
    pub fn whole_weight(&self) -> u32 {
        // A file that somebody else made may hold any number.
        self.weights
            .iter()
            .fold(0u32, |sum, weight| sum.saturating_add(*weight))
            .saturating_mul(self.significance.factor())
    }
}

/// The deciding parts, in the order in which they are digested.
#[derive(Serialize)]
struct Deciding<'a> {
    id: &'a MeasureId,
    layer: Layer,
    significance: Significance,
    platforms: &'a BTreeSet<Platform>,
    weights: [u32; 6],
    subject: &'a str,
    evidence: &'a [String],
    condition: &'a str,
    mitigated_by: &'a [MeasureId],
    decided_in_collector: bool,
}

impl Measure {
    /// What of it decides verdicts and weights, with a digest over that: layer, significance, platforms, weights,
    /// subject, sources, condition, mitigating measures. Texts for readers and references may change without it.
    pub fn rule(&self) -> MeasureRule {
        let mut weights = [0; 6];
        for (weight, goal) in weights.iter_mut().zip(Goal::ALL) {
            *weight = self.weight(*goal);
        }
        let deciding = Deciding {
            id: &self.id,
            layer: self.layer,
            significance: self.significance,
            platforms: &self.platforms,
            weights,
            subject: &self.subject,
            evidence: &self.evidence,
            condition: &self.condition,
            mitigated_by: &self.mitigated_by,
            decided_in_collector: self.decided_in_collector,
        };
        // Texts, numbers and lists alone: this cannot fail.
        let digest = Digest::of(&serde_json::to_vec(&deciding).unwrap_or_default());
        MeasureRule { digest, layer: self.layer, significance: self.significance, weights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_readers_are_no_part_of_the_rule() {
        let measure = |condition: &str, why: &str| -> Measure {
            serde_json::from_value(serde_json::json!({
                "id": "a-b", "layer": "container", "title": "t", "claim": {"one": "a", "many": "b"},
                "unit": {"one": "a", "many": "b"}, "significance": "high", "platforms": ["aks"],
                "goals": {"integrity": 3, "utility": 1}, "subject": "s", "evidence": ["cluster-api"],
                "condition": condition, "why": why, "mend": {"text": "m"}, "references": {}
            }))
            .unwrap()
        };
        let rule = measure("c", "w").rule();
        assert_eq!(rule, measure("c", "other words").rule());
        assert_ne!(rule.digest, measure("another condition", "w").rule().digest);
        assert_eq!((rule.weights, rule.whole_weight()), ([0, 3, 0, 0, 0, 1], 16));
    }
}
