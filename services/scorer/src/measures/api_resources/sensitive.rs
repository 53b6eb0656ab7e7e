//! The measure on administrative interfaces that are reachable from outside.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::network::{Ingress, RouteRule, Service};
use hexproof_core::record::scalar::IntOrString;
use hexproof_core::record::selector::{Labels, Selector};
use hexproof_core::record::{Kind, Meta};
use hexproof_core::settings::SensitiveInterfaces;

use super::backends;
use super::services::service_type;
use crate::facts::{Facts, Item, Part, Workload};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "service-sensitive-interface", kinds: &[Kind::Service], judge: sensitive_interface }];

/// A way from outside to a Service.
struct Way<'f> {
    item: Item<'f>,
    path: String,
    authenticated: bool,
}

type Ways<'f> = BTreeMap<(&'f str, &'f str), Vec<Way<'f>>>;

fn ways<'f>(facts: &Facts<'f>) -> Ways<'f> {
    let mut ways: Ways<'f> = BTreeMap::new();
    for (item, ingress) in facts.all::<Ingress>(Kind::Ingress) {
        let authenticated = ingress_authenticates(&item.record.metadata);
        for (path, backend) in backends::of_ingress(ingress) {
            if let Some(service) = &backend.service {
                let way = Way { item, path: format!("{path}.service.name"), authenticated };
                ways.entry((item.namespace(), &service.name)).or_default().push(way);
            }
        }
    }
    for (item, route) in backends::routes(facts) {
        for backend in backends::of_route(item, route).filter(backends::RouteBackend::is_service) {
            let authenticated = rule_authenticates(backend.rule);
            let way = Way { item, path: format!("{}.name", backend.path), authenticated };
            ways.entry((backend.namespace, &backend.reference.name)).or_default().push(way);
        }
    }
    ways
}

/// Whether the controller asks for a login or a client certificate before it passes a request on.
fn ingress_authenticates(meta: &Meta) -> bool {
    let set = |wanted: &str| {
        meta.annotations.iter().any(|(name, value)| {
            name.rsplit_once('/').is_some_and(|(_, last)| last == wanted) && value.as_deref() != Some("")
        })
    };
    let unverified = meta.annotations.iter().any(|(name, value)| {
        name.ends_with("/auth-tls-verify-client")
            && value.as_deref().is_some_and(|v| v == "off" || v.starts_with("optional"))
    });
    set("auth-url") || (set("auth-tls-secret") && !unverified)
}

/// Whether a filter of the rule asks for a login: external authentication, or an extension for it.
fn rule_authenticates(rule: &RouteRule) -> bool {
    rule.filters.iter().any(|filter| {
        filter.r#type == "ExternalAuth"
            || filter.extension_ref.as_ref().is_some_and(|reference| {
                let kind = reference.kind.to_ascii_lowercase();
                kind.contains("oidc") || kind.contains("auth")
            })
    })
}

fn sensitive_interface(report: &mut Report<'_, '_>) {
    let (facts, measure) = (report.facts, report.measure.id.as_str());
    let ways = ways(facts);
    let pod_gap = facts.pods_not_listed();
    let route_gaps: Vec<String> = std::iter::once(&Kind::Ingress)
        .chain(backends::ROUTES)
        .filter_map(|kind| facts.not_listed(*kind))
        .collect();
    report.each(Kind::Service, |case, item| {
        let Some(service) = item.body::<Service>() else { return };
        let leading = ways.get(&(item.namespace(), item.name())).map_or(&[][..], Vec::as_slice);
        let outward = matches!(service_type(service), "NodePort" | "LoadBalancer");
        let found = reading("spec.type", service.spec.r#type.clone());
        if !outward && leading.is_empty() && route_gaps.is_empty() {
            case.read(found).passes("nothing leads to it from outside the cluster");
            return;
        }
        let hits = on_the_list(facts, item, service);
        if hits.is_empty() {
            case.read(found).passes("nothing about it is on the list of administrative interfaces");
            if let Some(gap) = &pod_gap {
                case.unknown(gap.as_str());
            }
            return;
        }
        for (hit, _) in &hits {
            case.read(hit.clone());
        }
        if let Some(entry) = facts.recorded(measure, "Service", item.namespace(), item.name()) {
            case.read(found).passes("recorded").cites(entry);
            return;
        }
        let what = hits.first().map(|(_, what)| what.as_str()).unwrap_or_default();
        if outward {
            case.fault(
                found,
                format!("{what}, and its type {} opens it to the outside", service_type(service)),
            );
        } else {
            case.read(found);
        }
        judge_ways(case, leading, item.name(), what);
        for gap in &route_gaps {
            case.unknown(gap.as_str());
        }
    });
}

fn judge_ways(case: &mut Case, leading: &[Way<'_>], name: &str, what: &str) {
    for way in leading {
        case.uses(way.item);
        let found = reading_of(way.item, way.path.as_str(), name);
        if way.authenticated {
            case.read(found);
        } else {
            let label = way.item.label();
            case.fault(found, format!("{what}, and {label} leads to it without authentication"));
        }
    }
    if !case.has_fault() {
        case.passes("every Ingress and route that leads to it demands authentication");
    }
}

/// What about a Service is on the list: the field, and a sentence.
fn on_the_list(facts: &Facts<'_>, item: Item<'_>, service: &Service) -> Vec<(Reading, String)> {
    let list = &facts.settings().sensitive_interfaces;
    let mut hits = Vec::new();
    if let Some(entry) = listed(list, item.name()) {
        hits.push((reading("metadata.name", item.name()), format!("its name stands for {entry}")));
    }
    let of_label = |labels: &Labels| {
        ["app.kubernetes.io/name", "app"].into_iter().find_map(|label| {
            let value = labels.get(label)?;
            Some((label, value.clone(), listed(list, value)?.to_owned()))
        })
    };
    if let Some((label, value, entry)) = of_label(&item.record.metadata.labels) {
        let found = reading(format!("metadata.labels[{label}]"), value);
        hits.push((found, format!("its label {label} stands for {entry}")));
    }
    let selector = Selector::Plain(service.spec.selector.clone());
    let pods: Vec<(&Workload<'_>, &Part<'_>)> = facts.pods_selected(item.namespace(), &selector).collect();
    for (workload, part) in &pods {
        if let Some(entry) = listed(list, workload.item.name()) {
            let found = reading_of(workload.item, "metadata.name", workload.item.name());
            hits.push((found, format!("the workload it selects stands for {entry}")));
        }
        for labels in [&workload.item.record.metadata.labels, part.labels] {
            if let Some((label, value, entry)) = of_label(labels) {
                let found = reading_of(part.item, format!("{}.labels[{label}]", part.meta_prefix), value);
                hits.push((found, format!("the label {label} of its pods stands for {entry}")));
            }
        }
        for container in &part.containers {
            let image = container.container.image.as_deref().unwrap_or_default();
            if let Some(entry) = listed(list, repository_name(image)) {
                let found = reading_of(part.item, format!("{}.image", container.path), image);
                hits.push((found, format!("an image of its pods stands for {entry}")));
            }
        }
        // One pod that is on the list says it all.
        if !hits.is_empty() {
            break;
        }
    }
    for (index, port) in service.spec.ports.iter().enumerate() {
        let number = match &port.target_port {
            None => port.port,
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(name)) => pods.iter().find_map(|(_, part)| named_port(part, name)),
        };
        if let Some(number) = number.filter(|number| list.ports.contains(number)) {
            let written = port.target_port.as_ref().map(ToString::to_string);
            let found = reading(format!("spec.ports[{index}].targetPort"), written);
            hits.push((found, format!("port {number} is that of an administrative interface")));
        }
    }
    hits
}

fn named_port(part: &Part<'_>, name: &str) -> Option<i64> {
    let ports = part.containers.iter().flat_map(|container| &container.container.ports);
    ports.into_iter().find(|port| port.name.as_deref() == Some(name))?.container_port
}

/// The entry that a name equals, or goes on from with a dash.
fn listed<'l>(list: &'l SensitiveInterfaces, name: &str) -> Option<&'l str> {
    let stands_for = |entry: &&String| {
        name.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    list.names.iter().find(stands_for).map(String::as_str)
}

/// Last part of the repository of an image, without tag and digest.
fn repository_name(image: &str) -> &str {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_repository_is_found_beside_ports_tags_and_digests() {
        for image in ["grafana", "grafana:1", "reg:5000/a/grafana@sha256:ab", "reg:5000/grafana:1@sha256:ab"]
        {
            assert_eq!(repository_name(image), "grafana", "{image}");
        }
    }

    #[test]
    fn a_name_goes_on_with_a_dash_only() {
        let list = SensitiveInterfaces { names: vec!["nifi".into()], ports: vec![] };
        assert!(listed(&list, "nifi").is_some() && listed(&list, "nifi-web").is_some());
        assert!(listed(&list, "nifiweb").is_none() && listed(&list, "my-nifi").is_none());
    }
}
