//! Measures on network policies: whether they isolate the pods of a namespace, and whether they select any.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::network::{NetworkPolicy, Peer};
use hexproof_core::record::selector::{Labels, Selector};

use super::common::{each_user_namespace, some_of};
use crate::facts::policies::{Direction, Policy, Rule, Standing};
use crate::facts::{Facts, Item, Part};
use crate::measures::Entry;
use crate::verdict::{Case, Found, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "network-policy-default-deny-ingress",
        kinds: &[Kind::Namespace],
        judge: |report| default_deny(report, Direction::Ingress),
    },
    Entry {
        id: "network-policy-default-deny-egress",
        kinds: &[Kind::Namespace],
        judge: |report| default_deny(report, Direction::Egress),
    },
    Entry { id: "network-policy-selects-pods", kinds: &[Kind::NetworkPolicy], judge: selects_pods },
];

const NOT_ENFORCED: &str =
    "whether the network plugin enforces policies was not seen: they are judged as written";

pub(super) fn on_host_network(part: &Part<'_>) -> bool {
    part.spec.host_network == Some(true)
}

/// The labels of a pod, as found.
pub(super) fn labels(part: &Part<'_>) -> Found {
    let value = serde_json::to_value(part.labels).unwrap_or_default();
    (!part.labels.is_empty()).then_some(value).into()
}

/// Says why it is not known what the policies let through.
pub(super) fn unclear(case: &mut Case, standing: &Standing<'_, '_>) {
    for reason in &standing.unclear {
        case.unknown(reason.as_str());
    }
}

/// Says which policies could isolate a pod that none of the known kinds isolates.
pub(super) fn maybe_isolated(case: &mut Case, standing: &Standing<'_, '_>) {
    unclear(case, standing);
    for label in &standing.other {
        case.unknown(format!("the effect of {label} was not judged"));
    }
}

/// Policies that isolate one pod and are kept as evidence: one is enough, a few help.
const SHOWN: usize = 5;

/// Keeps the policies that isolate a pod.
pub(super) fn keep_isolating(case: &mut Case, standing: &Standing<'_, '_>) {
    for policy in standing.isolating.iter().take(SHOWN) {
        case.uses(policy.item).read(policy.declared());
    }
    if standing.is_isolated() {
        case.note(NOT_ENFORCED);
    }
}

fn default_deny(report: &mut Report<'_, '_>, direction: Direction) {
    let gap = report.facts.pods_not_listed();
    each_user_namespace(report, |case, namespace, facts| {
        let mut concerned = false;
        let mut not_isolated: Vec<(Item<'_>, &Part<'_>)> = Vec::new();
        let mut open: BTreeMap<(String, String), (&Policy<'_>, &Rule<'_>, Vec<String>)> = BTreeMap::new();
        for workload in facts.workloads_in(namespace.name) {
            case.uses(workload.item);
            let mut seen = false;
            for part in workload.parts.iter().filter(|part| !on_host_network(part)) {
                concerned = true;
                let standing = facts.standing(part, direction);
                keep_isolating(case, &standing);
                if let Some((policy, rule)) = standing.open() {
                    let key = (policy.item.label(), rule.path.clone());
                    let names = &mut open.entry(key).or_insert((policy, rule, Vec::new())).2;
                    let name = workload.item.label();
                    if names.last() != Some(&name) {
                        names.push(name);
                    }
                } else if standing.is_isolated() {
                    unclear(case, &standing);
                } else if standing.unclear.is_empty() && standing.other.is_empty() {
                    if !seen {
                        not_isolated.push((workload.item, part));
                    }
                    seen = true;
                } else {
                    maybe_isolated(case, &standing);
                }
            }
        }
        if let Some(gap) = &gap {
            case.unknown(gap.as_str());
        } else if !concerned {
            case.not_applicable("all of its pods share the network of the host");
        }
        let word = direction.word();
        let names: Vec<String> = not_isolated.iter().map(|(item, _)| item.label()).collect();
        for (place, (_, part)) in not_isolated.iter().enumerate() {
            let mut found = reading_of(part.item, format!("{}.labels", part.meta_prefix), labels(part));
            if place == 0 {
                case.fault(found, format!("no policy isolates {} for {word}", some_of(&names)));
            } else {
                found.fault = true;
                case.read(found);
            }
        }
        for ((label, path), (policy, rule, names)) in open {
            let side = match direction {
                Direction::Ingress => "from everywhere",
                Direction::Egress => "to everywhere",
            };
            case.fault(
                reading_of(policy.item, path, rule.written.value()),
                format!("{label} allows all {word} of {} {side}", some_of(&names)),
            );
        }
    });
}

fn selects_pods(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let gap = facts.pods_not_listed();
    report.each(Kind::NetworkPolicy, |case, item| {
        let Some(policy) = item.body::<NetworkPolicy>() else { return };
        let everything = Selector::default();
        let selector = policy.spec.pod_selector.as_ref().unwrap_or(&everything);
        let written = policy.spec.pod_selector.as_ref().and_then(|s| serde_json::to_value(s).ok());
        let found = crate::verdict::reading("spec.podSelector", written);
        if let Some((_, part)) = facts.pods_selected(item.namespace(), selector).next() {
            case.uses(part.item).read(found);
            case.read(reading_of(part.item, format!("{}.labels", part.meta_prefix), labels(part)));
        } else if let Some(gap) = &gap {
            case.unknown(gap.as_str());
        } else if selector.is_empty() {
            case.not_applicable("it selects every pod of its namespace, which holds none");
        } else if let Some(custom) = facts.custom_resource_selected(item.namespace(), selector) {
            case.unknown(format!(
                "the pods that the operator of {} makes are not in the set",
                custom.label()
            ));
        } else {
            case.fault(found, "its podSelector matches no pod and no template of the namespace");
        }
        let inbound =
            policy.spec.ingress.iter().enumerate().map(|(i, r)| (format!("ingress[{i}].from"), &r.from));
        let outbound = policy.spec.egress.iter().enumerate().map(|(i, r)| (format!("egress[{i}].to"), &r.to));
        for (path, peers) in inbound.chain(outbound) {
            for (place, peer) in peers.iter().enumerate() {
                if peer.ip_block.is_none() && gap.is_none() && !peer_exists(facts, item.namespace(), peer) {
                    case.note(format!("spec.{path}[{place}] matches nothing that was seen"));
                }
            }
        }
    });
}

/// Whether a peer by selector matches a namespace (with a pod, if it asks for pods).
fn peer_exists(facts: &Facts<'_>, own: &str, peer: &Peer) -> bool {
    let pod_in = |namespace: &str| match &peer.pod_selector {
        Some(selector) => facts.pods_selected(namespace, selector).next().is_some(),
        None => true,
    };
    let Some(selector) = &peer.namespace_selector else { return pod_in(own) };
    facts.namespaces().any(|namespace| {
        let mut labels: Labels =
            namespace.item.map(|item| item.record.metadata.labels.clone()).unwrap_or_default();
        labels.entry("kubernetes.io/metadata.name".into()).or_insert_with(|| namespace.name.to_owned());
        selector.matches(&labels) && pod_in(namespace.name)
    })
}
