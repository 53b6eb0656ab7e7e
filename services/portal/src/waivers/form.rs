//! The form that proposes a waiver.

use hexproof_api::v1;
use hexproof_core::Layer;
use hexproof_core::measure::Catalogue;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::forms::{Choice, Errors, Fields, Input, cleaned, filled};
use crate::words;

/// Fields of the message and of the form.
pub(crate) const PATHS: &[(&str, &str)] = &[
    ("cluster_id", "cluster"),
    ("waiver.measure", "measure"),
    ("waiver.subject.kind", "kind"),
    ("waiver.subject.namespace", "namespace"),
    ("waiver.subject.name", "name"),
    // That all three are empty is said at the first.
    ("waiver.subject", "kind"),
    ("waiver.reason", "reason"),
    ("waiver.compensating_control", "control"),
    ("waiver.owner", "owner"),
    ("waiver.expiry", "expiry"),
];

/// Fields of the form in their order.
pub(crate) const LABELS: &[(&str, &str)] = &[
    ("cluster", "Cluster"),
    ("measure", "Measure"),
    ("kind", "Kind"),
    ("namespace", "Namespace"),
    ("name", "Name"),
    ("reason", "Reason"),
    ("control", "Compensating control"),
    ("owner", "Owner of the risk"),
    ("expiry", "Last day"),
];

/// What is typed; what a query may fill in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WaiverForm {
    pub(crate) request: String,
    pub(crate) cluster: String,
    pub(crate) measure: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) control: String,
    pub(crate) owner: String,
    pub(crate) expiry: String,
}

impl WaiverForm {
    /// The request.
    pub(crate) fn message(&self) -> v1::ProposeWaiverRequest {
        v1::ProposeWaiverRequest {
            cluster_id: cleaned(&self.cluster),
            waiver: Some(v1::Waiver {
                measure: cleaned(&self.measure),
                subject: Some(v1::SubjectSelector {
                    kind: filled(&self.kind),
                    namespace: filled(&self.namespace),
                    name: filled(&self.name),
                }),
                reason: cleaned(&self.reason),
                compensating_control: cleaned(&self.control),
                owner: cleaned(&self.owner),
                expiry: cleaned(&self.expiry),
                ..v1::Waiver::default()
            }),
            request_id: self.request.clone(),
        }
    }

    /// What is missing, told at once: the service tells one field after the other.
    pub(crate) fn missing(&self) -> Errors {
        let mut errors = Errors::default();
        for (field, value, wanted) in [
            ("cluster", &self.cluster, "Name the cluster."),
            ("measure", &self.measure, "Choose the measure whose failures are accepted."),
            ("reason", &self.reason, "Say why the failure is accepted."),
            ("control", &self.control, "Say what limits the risk meanwhile."),
            ("owner", &self.owner, "Name who answers for the risk."),
            ("expiry", &self.expiry, "Name the last day on which it counts."),
        ] {
            if cleaned(value).is_empty() {
                errors.add(field, wanted);
            }
        }
        if [&self.kind, &self.namespace, &self.name].iter().all(|part| cleaned(part).is_empty()) {
            errors.add("kind", "Name a kind, a namespace or a name.");
        }
        errors
    }

    /// Its fields.
    pub(crate) fn fields(&self, clusters: &[String], catalogue: &Catalogue, errors: &Errors) -> Markup {
        let fields = Fields(errors);
        html! {
            (fields.input(&Input {
                name: "cluster",
                label: "Cluster",
                hint: "The id of a registered cluster.",
                value: &self.cluster,
                code: true,
                suggestions: clusters,
                ..Input::default()
            }))
            (fields.choice(&Choice {
                name: "measure",
                label: "Measure",
                hint: "The measure whose failures are accepted.",
                value: &self.measure,
                optional: false,
                groups: &measures(catalogue),
            }))
            fieldset {
                legend { "Subjects" span.note { "at least one of the three" } }
                p.hint { "A star at the end stands for any rest. What is empty is not asked for." }
                (self.part(fields, "kind", "Kind", &self.kind))
                (self.part(fields, "namespace", "Namespace", &self.namespace))
                (self.part(fields, "name", "Name", &self.name))
            }
            (fields.input(&Input {
                name: "reason",
                label: "Reason",
                hint: "Why the failure is accepted; the ticket where it is mended, if there is one.",
                value: &self.reason,
                lines: 4,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "control",
                label: "Compensating control",
                hint: "What limits the risk meanwhile.",
                value: &self.control,
                lines: 3,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "owner",
                label: "Owner of the risk",
                hint: "Who answers for it. The owner cannot approve the waiver.",
                value: &self.owner,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "expiry",
                label: "Last day",
                hint: "The last day on which it counts, in UTC, at most one year from today.",
                value: &self.expiry,
                day: true,
                ..Input::default()
            }))
        }
    }

    fn part(&self, fields: Fields<'_>, name: &'static str, label: &str, value: &str) -> Markup {
        fields.input(&Input { name, label, value, optional: true, code: true, ..Input::default() })
    }
}

/// Measures by layer, outermost first.
fn measures(catalogue: &Catalogue) -> Vec<(String, Vec<(String, String)>)> {
    let of = |layer: Layer| {
        let measures = catalogue.measures.iter().filter(|measure| measure.layer == layer);
        measures.map(|measure| (measure.id.to_string(), measure.title.clone())).collect()
    };
    Layer::ALL.iter().map(|&layer| (words::layer(layer).to_owned(), of(layer))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_told_at_once_and_never_sent_as_a_pattern() {
        let errors = WaiverForm::default().missing();
        for field in ["cluster", "measure", "kind", "reason", "control", "owner", "expiry"] {
            assert_eq!(errors.at(field).count(), 1, "{field}");
        }
        let form = WaiverForm { namespace: " shop ".into(), ..Default::default() };
        let subject = form.message().waiver.unwrap().subject.unwrap();
        assert_eq!((subject.kind, subject.namespace.as_deref(), subject.name), (None, Some("shop"), None));
    }
}
