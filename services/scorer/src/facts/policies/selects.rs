//! Whether a policy selects a pod.

use hexproof_core::record::rbac::ServiceAccount;
use hexproof_core::record::selector::{Requirement, Selector};
use hexproof_core::record::{Kind, cluster};

use super::expression::{Label, all_of};
use super::{Policy, Selects};
use crate::facts::{Facts, Lookup, Part};

/// A pod with what its namespace and account add to its labels.
struct Pod<'a, 'f> {
    facts: &'a Facts<'f>,
    part: &'a Part<'f>,
}

impl<'f> Policy<'f> {
    /// Whether the policy selects the pod; `None` where that depends on what was not seen.
    pub(super) fn selects(&self, facts: &Facts<'f>, part: &Part<'f>) -> Option<bool> {
        let pod = Pod { facts, part };
        match &self.selects {
            Selects::Kubernetes(selector) => Some(selector.is_none_or(|s| s.matches(part.labels))),
            Selects::Cilium(selector) => selector.map_or(Some(true), |s| pod.matches_cilium(s)),
            Selects::Calico(selector) => all_of(
                [
                    selector.pods.matches(&|name| pod.calico_label(name)),
                    selector.namespaces.matches(&|name| match name {
                        "projectcalico.org/name" => Label::Value(part.item.namespace()),
                        _ => pod.namespace_label(name),
                    }),
                    selector.accounts.matches(&|name| pod.account_label(name)),
                ]
                .into_iter(),
            ),
            Selects::Unread(_) => None,
        }
    }
}

impl<'f> Pod<'_, 'f> {
    fn label(&self, name: &str) -> Label<'f> {
        self.part.labels.get(name).map_or(Label::Absent, |value| Label::Value(value))
    }

    fn namespace_label(&self, name: &str) -> Label<'f> {
        let namespace = self.part.item.namespace();
        if name == "kubernetes.io/metadata.name" {
            return Label::Value(namespace);
        }
        match self.facts.find::<cluster::Namespace>(Kind::Namespace, "", namespace) {
            Lookup::Found(item, _) => {
                item.record.metadata.labels.get(name).map_or(Label::Absent, |value| Label::Value(value))
            }
            Lookup::Implied | Lookup::Missing | Lookup::Unseen(_) => Label::Unseen,
        }
    }

    fn account_label(&self, name: &str) -> Label<'f> {
        let account = self.part.spec.account();
        if name == "projectcalico.org/name" {
            return Label::Value(account);
        }
        let namespace = self.part.item.namespace();
        match self.facts.find::<ServiceAccount>(Kind::ServiceAccount, namespace, account) {
            Lookup::Found(item, _) => {
                item.record.metadata.labels.get(name).map_or(Label::Absent, |value| Label::Value(value))
            }
            Lookup::Implied | Lookup::Missing | Lookup::Unseen(_) => Label::Unseen,
        }
    }

    fn calico_label(&self, name: &str) -> Label<'f> {
        match name {
            "projectcalico.org/namespace" => Label::Value(self.part.item.namespace()),
            "projectcalico.org/orchestrator" => Label::Value("k8s"),
            "projectcalico.org/serviceaccount" => Label::Value(self.part.spec.account()),
            _ => match (name.strip_prefix("pcns."), name.strip_prefix("pcsa.")) {
                (Some(name), _) => self.namespace_label(name),
                (_, Some(name)) => self.account_label(name),
                (None, None) => self.label(name),
            },
        }
    }

    fn cilium_label(&self, name: &str) -> Label<'f> {
        let name = match name.split_once(':') {
            None => name,
            Some(("k8s" | "any", name)) => name,
            // Labels of other sources (reserved, container, ...) are on no pod.
            Some(_) => return Label::Absent,
        };
        match name {
            "io.kubernetes.pod.namespace" => Label::Value(self.part.item.namespace()),
            "io.cilium.k8s.policy.serviceaccount" => Label::Value(self.part.spec.account()),
            "io.cilium.k8s.policy.cluster" => Label::Unseen,
            _ => match name.strip_prefix("io.cilium.k8s.namespace.labels.") {
                Some(name) => self.namespace_label(name),
                None => self.label(name),
            },
        }
    }

    fn matches_cilium(&self, selector: &Selector) -> Option<bool> {
        let (labels, requirements) = match selector {
            Selector::Labels { match_labels, match_expressions } => {
                (match_labels, match_expressions.as_slice())
            }
            Selector::Plain(labels) => (labels, &[][..]),
        };
        let equal = labels.iter().map(|(name, value)| match self.cilium_label(name) {
            Label::Value(found) => Some(found == value),
            Label::Absent => Some(false),
            Label::Unseen => None,
        });
        all_of(equal.chain(requirements.iter().map(|requirement| self.meets(requirement))))
    }

    fn meets(&self, requirement: &Requirement) -> Option<bool> {
        let value = match self.cilium_label(&requirement.key) {
            Label::Value(value) => Some(value),
            Label::Absent => None,
            Label::Unseen => return None,
        };
        let listed = value.is_some_and(|value| requirement.values.iter().any(|v| v == value));
        Some(match requirement.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        })
    }
}
