//! CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (cilium.io/v2).
//!
//! A rule that names nobody lets nobody in; one that names ports alone lets everybody in on them. What is denied
//! stays denied whatever another policy allows.

use hexproof_core::record::network::{CiliumCidr, CiliumPolicy, CiliumPorts, CiliumRule};
use hexproof_core::record::pod::Present;
use hexproof_core::record::selector::Selector;

use super::rules::{Action, Peer, Peers, Ports, Protocol, Range, Rule, Written, range};
use super::{Policy, Selects, Side, kubernetes};
use crate::facts::Item;

pub(super) fn policies<'f>(item: Item<'f>, policy: &'f CiliumPolicy) -> Vec<Policy<'f>> {
    let single = policy.spec.iter().map(|rule| ("spec".to_owned(), rule));
    let several = policy.specs.iter().enumerate().map(|(i, rule)| (format!("specs[{i}]"), rule));
    // A rule for nodes selects no pods.
    let for_pods = single.chain(several).filter(|(_, rule)| rule.node_selector.is_none());
    for_pods.map(|(path, rule)| one(item, &path, rule)).collect()
}

fn one<'f>(item: Item<'f>, path: &str, rule: &'f CiliumRule) -> Policy<'f> {
    let mut ingress = Vec::new();
    for (field, list, action) in
        [("ingress", &rule.ingress, Action::Allow), ("ingressDeny", &rule.ingress_deny, Action::Deny)]
    {
        for (i, r) in list.iter().flatten().enumerate() {
            let parts = Parts {
                endpoints: r.from_endpoints.as_deref(),
                entities: &r.from_entities,
                cidr: &r.from_cidr,
                cidr_set: &r.from_cidr_set,
                requires: r.from_requires.is_some(),
                named: [&r.from_groups, &[], &[]],
                nodes: &r.from_nodes,
                ports: &r.to_ports,
                icmps: &r.icmps,
            };
            ingress.push(parts.rule(format!("{path}.{field}[{i}]"), action, Written::CiliumIngress(r)));
        }
    }
    let mut egress = Vec::new();
    for (field, list, action) in
        [("egress", &rule.egress, Action::Allow), ("egressDeny", &rule.egress_deny, Action::Deny)]
    {
        for (i, r) in list.iter().flatten().enumerate() {
            let parts = Parts {
                endpoints: r.to_endpoints.as_deref(),
                entities: &r.to_entities,
                cidr: &r.to_cidr,
                cidr_set: &r.to_cidr_set,
                requires: r.to_requires.is_some(),
                named: [&r.to_groups, &r.to_fqdns, &r.to_services],
                nodes: &r.to_nodes,
                ports: &r.to_ports,
                icmps: &r.icmps,
            };
            egress.push(parts.rule(format!("{path}.{field}[{i}]"), action, Written::CiliumEgress(r)));
        }
    }
    let default = rule.enable_default_deny.clone().unwrap_or_default();
    Policy {
        item,
        selects: Selects::Cilium(rule.endpoint_selector.as_ref()),
        ingress: Side { isolates: default.ingress.unwrap_or(!ingress.is_empty()), rules: ingress },
        egress: Side { isolates: default.egress.unwrap_or(!egress.is_empty()), rules: egress },
        unclear: None,
    }
}

/// The fields that both directions have.
struct Parts<'a> {
    endpoints: Option<&'a [Selector]>,
    entities: &'a [String],
    cidr: &'a [String],
    cidr_set: &'a [CiliumCidr],
    requires: bool,
    named: [&'a [Present]; 3],
    nodes: &'a [Present],
    ports: &'a [CiliumPorts],
    icmps: &'a [Present],
}

impl Parts<'_> {
    fn rule<'f>(&self, path: String, action: Action, written: Written<'f>) -> Rule<'f> {
        let rank = if action == Action::Deny { f64::NEG_INFINITY } else { kubernetes::RANK };
        Rule { path, action, peers: self.peers(), ports: self.port_list(), rank, unclear: None, written }
    }

    fn peers(&self) -> Peers {
        let mut list = Vec::new();
        for entity in self.entities {
            match entity.as_str() {
                "all" => return Peers::Any,
                "world" => list.push(Peer::World { v4: true, v6: true }),
                "world-ipv4" => list.push(Peer::World { v4: true, v6: false }),
                "world-ipv6" => list.push(Peer::World { v4: false, v6: true }),
                "host" | "remote-node" | "cluster" | "kube-apiserver" => list.push(Peer::Nodes),
                _ => list.push(Peer::Selected),
            }
        }
        list.extend(self.cidr.iter().map(|cidr| Peer::block(cidr, &[], false)));
        list.extend(self.cidr_set.iter().map(|set| {
            if set.cidr_group_ref.is_some() || set.cidr_group_selector.is_some() {
                Peer::Unread
            } else {
                Peer::block(&set.cidr, &set.except, false)
            }
        }));
        let selected = self.endpoints.is_some_and(|endpoints| !endpoints.is_empty())
            || self.requires
            || self.named.iter().any(|list| !list.is_empty());
        if selected {
            list.push(Peer::Selected);
        }
        if !self.nodes.is_empty() {
            list.push(Peer::Nodes);
        }
        let on_ports = !self.ports.is_empty() || !self.icmps.is_empty();
        if list.is_empty() && self.endpoints.is_none() && on_ports {
            return Peers::Any;
        }
        Peers::Listed(list)
    }

    fn port_list(&self) -> Ports {
        if self.ports.is_empty() {
            return if self.icmps.is_empty() { Ports::default() } else { Ports::none() };
        }
        let mut ranges = Vec::new();
        for group in self.ports {
            if group.ports.is_empty() {
                ranges.push(every_port(Protocol::Any));
            }
            for port in &group.ports {
                let protocol = match port.protocol.as_deref() {
                    None | Some("") => Protocol::Any,
                    named => Protocol::of(named),
                };
                // Port 0 stands for every port.
                match port.port.as_ref().filter(|number| number.int() != Some(0)) {
                    None => ranges.push(every_port(protocol)),
                    some => ranges.extend(range(protocol, some, port.end_port)),
                }
            }
        }
        Ports { ranges: Some(ranges), except: Vec::new() }
    }
}

fn every_port(protocol: Protocol) -> Range {
    Range { protocol, first: 0, last: u16::MAX, named: false }
}
