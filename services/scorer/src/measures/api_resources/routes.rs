//! The measure on targets: what Services, Ingresses and routes lead to.

use hexproof_core::record::network::{Ingress, IngressBackend, IngressClass, ReferenceGrant, Route, Service};
use hexproof_core::record::scalar::IntOrString;
use hexproof_core::record::selector::Selector;
use hexproof_core::record::{Body, Kind};

use super::backends::{self, RouteBackend};
use super::services::service_type;
use crate::facts::{Facts, Item, Lookup, Part};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

const KINDS: &[Kind] =
    &[Kind::Service, Kind::Ingress, Kind::HttpRoute, Kind::GrpcRoute, Kind::TcpRoute, Kind::UdpRoute];

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "route-targets-exist", kinds: KINDS, judge: targets_exist }];

fn targets_exist(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let pod_gap = facts.pods_not_listed();
    for kind in KINDS {
        report.each(*kind, |case, item| match &item.record.body {
            Body::Service(service) => service_target(case, facts, item, service, pod_gap.as_deref()),
            Body::Ingress(ingress) => ingress_targets(case, facts, item, ingress),
            Body::Route(route) => route_targets(case, facts, item, route),
            _ => {}
        });
    }
}

fn service_target(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, service: &Service, gap: Option<&str>) {
    if service_type(service) == "ExternalName" {
        case.not_applicable("it is of type ExternalName");
        return;
    }
    if service.spec.selector.is_empty() {
        case.not_applicable("it has no selector");
        return;
    }
    let selector = Selector::Plain(service.spec.selector.clone());
    let found = || reading("spec.selector", serde_json::to_value(&service.spec.selector).ok());
    let pods: Vec<&Part<'_>> =
        facts.pods_selected(item.namespace(), &selector).map(|(_, part)| part).collect();
    let Some(first) = pods.first() else {
        let custom = facts.custom_resource_selected(item.namespace(), &selector);
        match (gap, custom) {
            (Some(gap), _) => {
                case.unknown(gap);
            }
            (None, Some(custom)) => {
                let label = custom.label();
                case.unknown(format!("the pods that the operator of {label} makes are not in the set"));
            }
            (None, None) => {
                case.fault(found(), "its selector matches no pod and no template of the namespace");
            }
        }
        return;
    };
    case.uses(first.item).read(found());
    for (index, port) in service.spec.ports.iter().enumerate() {
        let Some(IntOrString::String(name)) = &port.target_port else { continue };
        if name.parse::<u16>().is_ok() {
            continue;
        }
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let found = reading(format!("spec.ports[{index}].targetPort"), name.as_str());
        if pods.iter().any(|part| has_port(part, name, protocol)) {
            case.read(found);
        } else if let Some(gap) = gap {
            case.unknown(gap);
        } else {
            case.fault(found, format!("none of its pods has a {protocol} port named {name}"));
        }
    }
}

fn has_port(part: &Part<'_>, name: &str, protocol: &str) -> bool {
    let long_running = part.containers.iter().filter(|container| container.is_long_running());
    long_running.flat_map(|container| &container.container.ports).any(|port| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    })
}

/// The port of a Service that a backend asks for.
enum Wanted<'a> {
    Number(i64),
    Name(&'a str),
}

/// Judges one reference to a Service.
fn service_exists(
    case: &mut Case,
    facts: &Facts<'_>,
    path: &str,
    namespace: &str,
    name: &str,
    port: Option<&Wanted<'_>>,
) {
    let found = reading(format!("{path}.name"), name);
    match facts.find::<Service>(Kind::Service, namespace, name) {
        Lookup::Found(target, service) => {
            case.uses(target).read(found);
            let ports = &service.spec.ports;
            if ports.is_empty() && service_type(service) == "ExternalName" {
                return;
            }
            let (there, field, written) = match port {
                None => return,
                Some(Wanted::Number(n)) => {
                    (ports.iter().any(|p| p.port == Some(*n)), "port.number", n.to_string())
                }
                Some(Wanted::Name(n)) => {
                    (ports.iter().any(|p| p.name.as_deref() == Some(n)), "port.name", (*n).to_owned())
                }
            };
            let found = reading(format!("{path}.{field}"), written.as_str());
            if there {
                case.read(found);
            } else {
                case.fault(found, format!("{} has no port {written}", target.label()));
            }
        }
        Lookup::Implied => {
            case.read(found);
        }
        Lookup::Missing => {
            case.fault(found, format!("Service {namespace}/{name} does not exist"));
        }
        Lookup::Unseen(reason) => {
            case.unknown(reason);
        }
    }
}

fn ingress_targets(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, ingress: &Ingress) {
    if item.record.api_version != "networking.k8s.io/v1" {
        case.unknown(format!("backends of {} are not read", item.record.api_version));
        return;
    }
    for (path, backend) in backends::of_ingress(ingress) {
        ingress_target(case, facts, item, &path, backend);
    }
    let class = ingress.spec.ingress_class_name.as_deref().unwrap_or_default();
    let found = reading("spec.ingressClassName", ingress.spec.ingress_class_name.clone());
    if class.is_empty() {
        case.read(found);
        return;
    }
    match facts.find::<IngressClass>(Kind::IngressClass, "", class) {
        Lookup::Found(target, _) => {
            case.uses(target).read(found);
        }
        Lookup::Implied => {
            case.read(found);
        }
        Lookup::Missing => {
            case.fault(found, format!("IngressClass {class} does not exist"));
        }
        Lookup::Unseen(reason) => {
            case.unknown(reason);
        }
    }
}

fn ingress_target(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, path: &str, backend: &IngressBackend) {
    let Some(service) = &backend.service else {
        match &backend.resource {
            Some(resource) => {
                case.read(reading(format!("{path}.resource.name"), resource.name.as_str()));
                case.note(format!(
                    "{path} leads to {} {}, which was not looked up",
                    resource.kind, resource.name
                ));
            }
            None => {
                case.fault(reading(format!("{path}.service"), None::<&str>), "a backend names no Service");
            }
        }
        return;
    };
    let path = format!("{path}.service");
    let port = service.port.as_ref().and_then(|port| match (&port.name, port.number) {
        (Some(name), _) if !name.is_empty() => Some(Wanted::Name(name)),
        (_, Some(number)) => Some(Wanted::Number(number)),
        (_, None) => None,
    });
    if port.is_none() {
        case.fault(reading(format!("{path}.port"), None::<&str>), "a backend names no port of its Service");
    }
    service_exists(case, facts, &path, item.namespace(), &service.name, port.as_ref());
}

fn route_targets(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, route: &Route) {
    let mut any = false;
    for backend in backends::of_route(item, route) {
        any = true;
        let RouteBackend { path, reference, namespace, .. } = &backend;
        if !backend.is_service() {
            let kind = reference.kind.as_deref().unwrap_or_default();
            case.read(reading(format!("{path}.name"), reference.name.as_str()));
            case.note(format!("{path} leads to {kind} {}, which was not looked up", reference.name));
            continue;
        }
        let port = reference.port.map(Wanted::Number);
        service_exists(case, facts, path, namespace, &reference.name, port.as_ref());
        if *namespace != item.namespace() {
            granted(case, facts, item, &backend);
        }
    }
    if !any {
        case.read(reading("spec.rules", None::<&str>)).passes("no rule has a backend");
    }
}

/// Judges whether the other namespace lets the route in.
fn granted(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, backend: &RouteBackend<'_>) {
    let grant = facts.all::<ReferenceGrant>(Kind::ReferenceGrant).find(|(grant, body)| {
        grant.namespace() == backend.namespace
            && body.spec.from.iter().any(|from| {
                from.group == item.record.group()
                    && from.kind == item.record.kind_name.name
                    && from.namespace == item.namespace()
            })
            && body.spec.to.iter().any(|to| {
                to.group.is_empty()
                    && to.kind == "Service"
                    && to.name.as_deref().is_none_or(|name| name.is_empty() || name == backend.reference.name)
            })
    });
    let found = reading(format!("{}.namespace", backend.path), backend.namespace);
    match (grant, facts.not_listed(Kind::ReferenceGrant)) {
        (Some((grant, _)), _) => {
            case.uses(grant).read(found).read(reading_of(grant, "metadata.name", grant.name()));
        }
        (None, Some(gap)) => {
            case.unknown(gap);
        }
        (None, None) => {
            case.fault(
                found,
                format!("no ReferenceGrant of namespace {} lets the route in", backend.namespace),
            );
        }
    }
}
