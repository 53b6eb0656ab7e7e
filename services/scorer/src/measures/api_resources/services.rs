//! Measures on Services: how far they reach, and whose traffic they claim.

use std::net::IpAddr;

use hexproof_core::Platform;
use hexproof_core::record::Kind;
use hexproof_core::record::network::Service;
use ipnet::IpNet;

use crate::facts::policies::{parse_net, whole_families};
use crate::facts::{Facts, Item};
use crate::measures::Entry;
use crate::verdict::{Case, Found, Report, reading};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "service-node-port", kinds: &[Kind::Service], judge: node_port },
    Entry { id: "service-load-balancer-restricted", kinds: &[Kind::Service], judge: load_balancer },
    Entry { id: "service-external-ips", kinds: &[Kind::Service], judge: external_ips },
];

/// The type; ClusterIP where absent.
pub(super) fn service_type(service: &Service) -> &str {
    service.spec.r#type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP")
}

fn node_port(report: &mut Report<'_, '_>) {
    report.each(Kind::Service, |case, item| {
        let Some(service) = item.body::<Service>() else { return };
        let found = reading("spec.type", service.spec.r#type.clone());
        if service_type(service) == "NodePort" {
            case.fault(found, "the Service opens a port on every node");
            for (index, port) in service.spec.ports.iter().enumerate() {
                case.read(reading(format!("spec.ports[{index}].nodePort"), port.node_port));
            }
            return;
        }
        case.read(found);
        if service_type(service) == "LoadBalancer" {
            let allocate = service.spec.allocate_load_balancer_node_ports;
            case.read(reading("spec.allocateLoadBalancerNodePorts", allocate));
            if allocate != Some(false) {
                case.note("the load balancer's node ports are open as well: allocateLoadBalancerNodePorts is not false");
            }
        }
    });
}

const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const AZURE_RANGES: &str = "service.beta.kubernetes.io/azure-allowed-ip-ranges";
const AZURE_INTERNAL: &str = "service.beta.kubernetes.io/azure-load-balancer-internal";

fn load_balancer(report: &mut Report<'_, '_>) {
    let (facts, measure) = (report.facts, report.measure.id.as_str());
    for (item, service) in facts.all::<Service>(Kind::Service) {
        if service_type(service) != "LoadBalancer" {
            continue;
        }
        let mut case = Case::of(item);
        case.read(reading("spec.type", "LoadBalancer"));
        if let Some(entry) = facts.recorded(measure, "Service", item.namespace(), item.name()) {
            case.passes("recorded as a public entry").cites(entry);
        } else {
            restricted(&mut case, facts, item, service);
        }
        report.push(case);
    }
}

/// A list of ranges that a Service declares, and where.
struct Ranges {
    path: String,
    texts: Vec<String>,
}

/// The lists that count: the annotation of Kubernetes only where the field is empty, Azure's on AKS only. Second,
/// whether one of them was dropped.
fn ranges(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, service: &Service) -> (Vec<Ranges>, bool) {
    let mut lists = Vec::new();
    let mut dropped = false;
    let field = &service.spec.load_balancer_source_ranges;
    let mut names = Vec::new();
    if field.is_empty() {
        names.push(RANGES);
    } else {
        lists.push(Ranges { path: "spec.loadBalancerSourceRanges".into(), texts: field.clone() });
    }
    if facts.platform() == Platform::Aks {
        names.push(AZURE_RANGES);
    }
    for name in names {
        match item.record.metadata.annotations.get(name) {
            None => {}
            Some(None) => {
                dropped = true;
                case.unknown(format!("the value of annotation {name} was not kept"));
            }
            Some(Some(value)) => {
                let texts: Vec<String> =
                    value.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect();
                if !texts.is_empty() {
                    lists.push(Ranges { path: format!("metadata.annotations[{name}]"), texts });
                }
            }
        }
    }
    (lists, dropped)
}

fn restricted(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, service: &Service) {
    let aks = facts.platform() == Platform::Aks;
    if aks {
        let path = format!("metadata.annotations[{AZURE_INTERNAL}]");
        match item.record.metadata.annotations.get(AZURE_INTERNAL) {
            Some(Some(value)) if value == "true" => {
                case.read(reading(path, value.as_str()));
                return;
            }
            Some(None) => {
                case.unknown(format!("the value of annotation {AZURE_INTERNAL} was not kept"));
                return;
            }
            found => {
                case.read(reading(path, found.cloned().flatten()));
            }
        }
    }
    let (lists, dropped) = ranges(case, facts, item, service);
    let nets: Vec<Option<IpNet>> = lists.iter().flat_map(|l| &l.texts).map(|text| parse_net(text)).collect();
    let open = whole_families(nets.iter().flatten()) != (false, false);
    if !open && (dropped || !lists.is_empty()) {
        for list in lists {
            case.read(reading(list.path, list.texts));
        }
        if nets.contains(&None) {
            case.unknown("a source range is no network");
        }
        return;
    }
    let (shown, why) = match lists.into_iter().next() {
        Some(list) => (reading(list.path, list.texts), "its source ranges hold every address"),
        None => (reading("spec.loadBalancerSourceRanges", Found::ABSENT), "no source range restricts it"),
    };
    if aks {
        case.fault(shown, format!("the load balancer is public and {why}"));
    } else if service.status.as_ref().is_some_and(|status| !status.load_balancer.ingress.is_empty()) {
        case.read(shown);
        addresses(case, service, why);
    } else if facts.is_manifests() {
        case.fault(shown, format!("the load balancer is not known to be internal and {why}"));
    } else {
        case.read(shown);
        case.unknown(format!("the load balancer has no address yet, and {why}"));
    }
}

/// Judges the addresses that a balancer on-premise was given.
fn addresses(case: &mut Case, service: &Service, why: &str) {
    let given = service.status.iter().flat_map(|status| &status.load_balancer.ingress);
    for (index, address) in given.enumerate() {
        let path = format!("status.loadBalancer.ingress[{index}]");
        let Some(ip) = &address.ip else {
            case.read(reading(format!("{path}.hostname"), address.hostname.clone()));
            case.unknown(format!("the addresses of the name in {path} were not seen"));
            continue;
        };
        let found = reading(format!("{path}.ip"), ip.as_str());
        match ip.parse::<IpAddr>().map(is_private) {
            Ok(true) => {
                case.read(found);
            }
            Ok(false) => {
                case.fault(found, format!("the load balancer has a public address and {why}"));
            }
            Err(_) => {
                case.unknown(format!("{path}.ip is no address"));
            }
        }
    }
}

/// Whether an address is one of the private ranges that the catalogue lists.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(IpAddr::V4(v4)),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

fn external_ips(report: &mut Report<'_, '_>) {
    let domain = report.facts.settings().cluster_domain.trim_matches('.').to_ascii_lowercase();
    report.each(Kind::Service, |case, item| {
        let Some(service) = item.body::<Service>() else { return };
        let found = reading("spec.externalIPs", service.spec.external_ips.as_slice());
        if service.spec.external_ips.is_empty() {
            case.read(found);
        } else {
            case.fault(found, "the Service claims traffic to addresses outside the cluster");
        }
        if service_type(service) != "ExternalName" {
            return;
        }
        let written = service.spec.external_name.as_deref().unwrap_or_default();
        let found = reading("spec.externalName", service.spec.external_name.clone());
        match foreign_name(written, item.namespace(), &domain) {
            Some(reason) => {
                case.fault(found, reason).not_intercepted_by("cluster-admission-deny-external-ips");
            }
            None => {
                case.read(found);
            }
        }
    });
}

/// What is wrong with the target of an ExternalName Service.
fn foreign_name(written: &str, own: &str, domain: &str) -> Option<String> {
    let name = written.trim().trim_end_matches('.').to_ascii_lowercase();
    if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Some("externalName is an address".into());
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return Some("externalName is the local host".into());
    }
    let inside = name.strip_suffix(".svc").or_else(|| name.strip_suffix(&format!(".svc.{domain}")))?;
    let namespace = inside.rsplit('.').next().unwrap_or_default();
    (namespace != own).then(|| format!("externalName leads to a Service of namespace {namespace}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_ranges_end_where_they_should() {
        for (address, private) in [
            ("10.1.2.3", true),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("192.168.0.1", true),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("169.254.1.1", true),
            ("127.0.0.1", true),
            ("203.0.113.7", false),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::1", true),
            ("2001:db8::1", false),
            ("::ffff:8.8.8.8", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }
}
