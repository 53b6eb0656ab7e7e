//! NetworkPolicy of Kubernetes (networking.k8s.io/v1).

use hexproof_core::record::network::{NetworkPolicy, Peer as WrittenPeer, PolicyPort};

use super::rules::{Action, Peer, Peers, Ports, Protocol, Rule, Written, range};
use super::{Policy, Selects, Side};
use crate::facts::Item;

/// The place of these policies between those of Calico.
pub(super) const RANK: f64 = 1000.0;

pub(super) fn policy<'f>(item: Item<'f>, policy: &'f NetworkPolicy) -> Policy<'f> {
    let spec = &policy.spec;
    let named = |kind: &str| spec.policy_types.iter().any(|listed| listed == kind);
    let defaulted = spec.policy_types.is_empty();
    let rule = |path: String, peers: &[WrittenPeer], listed: &[PolicyPort], written| Rule {
        path,
        action: Action::Allow,
        peers: side(peers),
        ports: ports(listed),
        rank: RANK,
        unclear: None,
        written,
    };
    let ingress = Side {
        isolates: defaulted || named("Ingress"),
        rules: (spec.ingress.iter().enumerate())
            .map(|(i, r)| rule(format!("spec.ingress[{i}]"), &r.from, &r.ports, Written::Ingress(r)))
            .collect(),
    };
    let egress = Side {
        isolates: if defaulted { !spec.egress.is_empty() } else { named("Egress") },
        rules: (spec.egress.iter().enumerate())
            .map(|(i, r)| rule(format!("spec.egress[{i}]"), &r.to, &r.ports, Written::Egress(r)))
            .collect(),
    };
    Policy {
        item,
        selects: Selects::Kubernetes(spec.pod_selector.as_ref()),
        ingress: ingress.only_if_isolating(),
        egress: egress.only_if_isolating(),
        unclear: None,
    }
}

fn side(peers: &[WrittenPeer]) -> Peers {
    if peers.is_empty() {
        return Peers::Any;
    }
    let peer = |peer: &WrittenPeer| match &peer.ip_block {
        Some(block) => Peer::block(&block.cidr, &block.except, true),
        None => Peer::Selected,
    };
    Peers::Listed(peers.iter().map(peer).collect())
}

fn ports(listed: &[PolicyPort]) -> Ports {
    if listed.is_empty() {
        return Ports::default();
    }
    let ranges =
        listed.iter().filter_map(|p| range(Protocol::of(p.protocol.as_deref()), p.port.as_ref(), p.end_port));
    Ports { ranges: Some(ranges.collect()), except: Vec::new() }
}
