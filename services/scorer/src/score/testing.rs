//! Smallest measures and verdicts for the tests of this folder.

use hexproof_core::measure::Measure;
use hexproof_core::observation::{Observation, Subject};
use hexproof_core::{Layer, Outcome, Significance};

use crate::verdict::Verdict;

/// A measure of weight 3 for confidentiality.
pub(super) fn measure(id: &str, layer: Layer, significance: Significance, mitigated_by: &[&str]) -> Measure {
    serde_json::from_value(serde_json::json!({
        "id": id, "layer": layer, "title": "t", "claim": {"one": "a", "many": "b"},
        "unit": {"one": "a", "many": "b"}, "significance": significance, "platforms": ["aks", "on-premise"],
        "goals": {"confidentiality": 3}, "subject": "s", "evidence": ["cluster-api"], "condition": "c", "why": "w",
        "mend": {"text": "m"}, "mitigatedBy": mitigated_by, "references": {}
    }))
    .unwrap()
}

/// A verdict on `kind namespace/name`.
pub(super) fn verdict(
    measure: &Measure,
    outcome: Outcome,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Verdict {
    Verdict {
        observation: Observation {
            measure_id: measure.id.clone(),
            outcome,
            significance: measure.significance,
            subject: Subject {
                kind: kind.into(),
                namespace: namespace.into(),
                name: name.into(),
                ..Subject::default()
            },
            readings: vec![],
            reason: String::new(),
            notes: vec![],
            evidence_digest: None,
            intercepted: false,
            intercepted_by: String::new(),
            waived_by: String::new(),
        },
        never_intercepted: false,
        not_by: vec![],
        running_violation: false,
        nodes: vec![],
        touched: vec![],
    }
}
