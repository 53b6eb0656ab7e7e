//! Measures on what pods reach although a policy isolates them: the metadata service, the ports of nodes.

use std::net::IpAddr;

use hexproof_core::record::Kind;
use hexproof_core::record::cluster::Node;

use super::common::SYSTEM;
use super::network_policies::{keep_isolating, labels, maybe_isolated, on_host_network, unclear};
use crate::facts::Part;
use crate::facts::policies::{Action, Direction, Reach, Standing};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "network-policy-metadata-service-blocked", kinds: WORKLOADS, judge: metadata_service },
    Entry { id: "network-policy-node-ports-blocked", kinds: WORKLOADS, judge: node_ports },
];

/// Addresses of the metadata service and of the host agent's endpoint of Azure.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(std::net::Ipv4Addr::new(168, 63, 129, 16)),
];

fn metadata_service(report: &mut Report<'_, '_>) {
    let (facts, measure) = (report.facts, report.measure.id.as_str());
    report.each_workload(|case, workload| {
        let item = workload.item;
        if facts.is_system(item.namespace()) {
            case.not_applicable(SYSTEM);
            return;
        }
        if let Some(entry) =
            facts.recorded(measure, &item.record.kind_name.name, item.namespace(), item.name())
        {
            case.passes("recorded as in need of the metadata service").cites(entry);
            return;
        }
        for part in &workload.parts {
            let host = part.field("hostNetwork", part.spec.host_network);
            if on_host_network(part) {
                case.fault_in(part, host, "the pod shares the network of the host, where no policy holds");
                continue;
            }
            let standing = facts.standing(part, Direction::Egress);
            keep_isolating(case, &standing);
            for address in METADATA {
                reaches(case, part, &standing, address);
            }
        }
        if case.has_fault() {
            case.unknown("networkProfile.podLinkLocalAccess of the managed cluster (azure-arm)");
        }
    });
}

fn reaches(case: &mut Case, part: &Part<'_>, standing: &Standing<'_, '_>, address: IpAddr) {
    match standing.reach(address, 80) {
        Some(Reach::Allowed(policy, rule)) => {
            case.uses(policy.item);
            case.fault(
                reading_of(policy.item, rule.path.as_str(), rule.written.value()),
                format!("{} of {} reaches {address}", rule.path, policy.item.label()),
            );
        }
        Some(Reach::NotIsolated) if standing.unclear.is_empty() && standing.other.is_empty() => {
            case.fault_in(part, part.meta("labels", labels(part)), "no policy isolates the pod for egress");
        }
        Some(Reach::NotIsolated) => maybe_isolated(case, standing),
        None => {
            for (policy, rule) in standing.rules.iter().filter(|(_, rule)| rule.action == Action::Deny) {
                if rule.peers.contain(address) {
                    case.read(reading_of(policy.item, rule.path.as_str(), rule.written.value()));
                }
            }
            unclear(case, standing);
        }
    }
}

/// Ports of kubelet, kube-proxy and etcd.
const NODE_PORTS: [u16; 6] = [10250, 10255, 10248, 10256, 2379, 2380];

fn node_ports(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let nodes: Vec<IpAddr> = facts
        .all::<Node>(Kind::Node)
        .flat_map(|(_, node)| node.status.iter().flat_map(|status| &status.addresses))
        .filter_map(|address| address.address.parse().ok())
        .collect();
    report.each_workload(|case, workload| {
        let namespace = workload.item.namespace();
        if facts.is_system(namespace) {
            case.not_applicable(SYSTEM);
            return;
        }
        if facts.settings().monitoring_namespaces.iter().any(|name| name == namespace) {
            case.not_applicable("a namespace recorded as monitoring");
            return;
        }
        let mut left_out = Vec::new();
        let mut judged = false;
        for part in &workload.parts {
            if on_host_network(part) {
                left_out.push("it shares the network of the host");
                continue;
            }
            let standing = facts.standing(part, Direction::Egress);
            keep_isolating(case, &standing);
            if standing.is_isolated() {
                judged = true;
                node_rules(case, &standing, &nodes);
                unclear(case, &standing);
            } else if standing.unclear.is_empty() && standing.other.is_empty() {
                left_out.push("no policy isolates it for egress, which another measure judges");
            } else {
                judged = true;
                maybe_isolated(case, &standing);
            }
        }
        if !judged {
            case.not_applicable(left_out.first().copied().unwrap_or("it has no pod"));
        }
    });
}

fn node_rules(case: &mut Case, standing: &Standing<'_, '_>, nodes: &[IpAddr]) {
    for (policy, rule) in &standing.rules {
        if rule.action == Action::Deny || rule.unclear.is_some() {
            continue;
        }
        let found = || reading_of(policy.item, rule.path.as_str(), rule.written.value());
        let rule_of = format!("{} of {}", rule.path, policy.item.label());
        if let Some(port) = NODE_PORTS.into_iter().find(|port| rule.ports.name_tcp(*port)) {
            case.fault(found(), format!("{rule_of} allows port {port}"));
        } else if rule.ports.cover_everything() && rule.peers.reach_nodes(nodes) {
            case.fault(found(), format!("{rule_of} reaches every port of the nodes"));
        } else if rule.ports.cover_everything() && rule.peers.hold_networks() && nodes.is_empty() {
            case.note(format!(
                "whether {rule_of} reaches nodes was not judged: their addresses were not seen"
            ));
        }
    }
}
