//! Network policies of Kubernetes, Cilium and Calico as one model: which of them select a pod in a direction, whether
//! they isolate it, and what they let through.
//!
//! `kubernetes`, `cilium` and `calico` turn their policies into `rules`; `expression` reads the selectors of Calico;
//! `standing` decides on the rules that concern one pod. What cannot be told is said, never guessed.

mod calico;
mod cilium;
mod expression;
mod kubernetes;
mod rules;
mod selects;
mod standing;

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::selector::Selector;
use hexproof_core::record::{Kind, network};

use super::{Facts, Item, Part};
use crate::verdict::reading_of;
use expression::Expression;

pub use rules::{Action, Peers, Rule, parse_net, whole_families};
pub use standing::{Reach, Standing};

/// A direction of traffic, seen from the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl Direction {
    /// As Kubernetes writes it in sentences.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// One policy; a Cilium policy with several rules is several.
#[derive(Debug)]
pub struct Policy<'f> {
    /// The object.
    pub item: Item<'f>,
    selects: Selects<'f>,
    ingress: Side<'f>,
    egress: Side<'f>,
    /// Why its effect is not known.
    unclear: Option<String>,
}

impl Policy<'_> {
    /// The field that declares its directions.
    pub fn declared(&self) -> Reading {
        if let Some(policy) = self.item.body::<network::NetworkPolicy>() {
            return reading_of(self.item, "spec.policyTypes", policy.spec.policy_types.as_slice());
        }
        if let Some(policy) = self.item.body::<network::CalicoPolicy>() {
            return reading_of(self.item, "spec.types", policy.spec.types.as_slice());
        }
        let rule = self.ingress.rules.iter().chain(&self.egress.rules).next();
        match rule {
            Some(rule) => reading_of(self.item, rule.path.as_str(), rule.written.value()),
            None => reading_of(self.item, "spec.enableDefaultDeny", true),
        }
    }
}

/// What a policy does in one direction.
#[derive(Debug, Default)]
struct Side<'f> {
    /// What no rule allows is denied.
    isolates: bool,
    rules: Vec<Rule<'f>>,
}

impl Side<'_> {
    /// Rules of a direction that the policy does not declare have no effect.
    fn only_if_isolating(self) -> Self {
        if self.isolates { self } else { Self::default() }
    }
}

/// Which pods a policy selects.
#[derive(Debug)]
enum Selects<'f> {
    /// Pods of the namespace, by label; absent selects all.
    Kubernetes(Option<&'f Selector>),
    /// Pods by labels that Cilium adds to; absent selects all.
    Cilium(Option<&'f Selector>),
    /// Pods by expressions.
    Calico(CalicoSelector),
    /// Cannot be told, and why.
    Unread(String),
}

/// The three expressions of a Calico policy; an absent one selects everything.
#[derive(Debug)]
struct CalicoSelector {
    pods: Expression,
    namespaces: Expression,
    accounts: Expression,
}

/// All network policies.
#[derive(Debug)]
pub(super) struct Policies<'f> {
    all: Vec<Policy<'f>>,
    /// Places of cluster-wide policies.
    everywhere: Vec<usize>,
    /// Places by namespace, of policies that no label finds.
    by_namespace: BTreeMap<&'f str, Vec<usize>>,
    /// Places by namespace and one label that the selected pods must have.
    by_label: BTreeMap<(&'f str, &'f str, &'f str), Vec<usize>>,
    /// Objects of policy kinds that are not modelled.
    other: Vec<Item<'f>>,
    /// Kinds that could not be listed.
    not_listed: Vec<String>,
}

const KINDS: &[Kind] = &[
    Kind::NetworkPolicy,
    Kind::CiliumNetworkPolicy,
    Kind::CiliumClusterwideNetworkPolicy,
    Kind::CalicoNetworkPolicy,
    Kind::CalicoGlobalNetworkPolicy,
    Kind::CalicoCrdNetworkPolicy,
    Kind::CalicoCrdGlobalNetworkPolicy,
];

impl<'f> Policies<'f> {
    pub(super) fn new(facts: &Facts<'f>) -> Self {
        let mut all = Vec::new();
        for kind in KINDS {
            all.extend(facts.all::<network::NetworkPolicy>(*kind).map(|(i, p)| kubernetes::policy(i, p)));
            all.extend(facts.all::<network::CiliumPolicy>(*kind).flat_map(|(i, p)| cilium::policies(i, p)));
            all.extend(facts.all::<network::CalicoPolicy>(*kind).filter_map(|(i, p)| calico::policy(i, p)));
        }
        let mut policies = Self {
            all: Vec::new(),
            everywhere: Vec::new(),
            by_namespace: BTreeMap::new(),
            by_label: BTreeMap::new(),
            other: others(facts),
            not_listed: KINDS.iter().filter_map(|kind| facts.not_listed(*kind)).collect(),
        };
        for (place, policy) in all.iter().enumerate() {
            let namespace = policy.item.namespace();
            if namespace.is_empty() {
                policies.everywhere.push(place);
                continue;
            }
            let label = match policy.selects {
                Selects::Kubernetes(Some(Selector::Labels { match_labels, .. })) => {
                    match_labels.iter().next()
                }
                Selects::Kubernetes(_) | Selects::Cilium(_) | Selects::Calico(_) | Selects::Unread(_) => None,
            };
            match label {
                Some((name, value)) => {
                    policies.by_label.entry((namespace, name, value)).or_default().push(place);
                }
                None => policies.by_namespace.entry(namespace).or_default().push(place),
            }
        }
        policies.all = all;
        policies
    }

    /// Policies that may select a pod, in canonical order.
    fn candidates(&self, part: &Part<'_>) -> Vec<&Policy<'f>> {
        let namespace = part.item.namespace();
        let mut places = self.everywhere.clone();
        places.extend(self.by_namespace.get(namespace).into_iter().flatten());
        for (name, value) in part.labels {
            places.extend(self.by_label.get(&(namespace, name, value)).into_iter().flatten());
        }
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.all.get(place)).collect()
    }
}

/// Objects of other policy kinds: of the admin policies, and of plugins that are not modelled.
fn others<'f>(facts: &Facts<'f>) -> Vec<Item<'f>> {
    let admin = [Kind::AdminNetworkPolicy, Kind::BaselineAdminNetworkPolicy];
    let foreign = facts.items(Kind::Other).iter().filter(|item| {
        let kind = &item.record.kind_name.name;
        // Staged policies of Calico are only rehearsed.
        kind.ends_with("NetworkPolicy") && !kind.starts_with("Staged")
    });
    admin.iter().flat_map(|kind| facts.items(*kind)).chain(foreign).copied().collect()
}

impl<'f> Facts<'f> {
    /// How a pod stands towards the network policies, in one direction.
    pub fn standing<'s>(&'s self, part: &Part<'f>, direction: Direction) -> Standing<'s, 'f> {
        let policies = self.policies.get_or_init(|| Policies::new(self));
        Standing::new(self, policies, part, direction)
    }
}
