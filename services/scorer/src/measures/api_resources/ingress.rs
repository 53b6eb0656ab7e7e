//! The measure on TLS of Ingresses and Gateways.

use hexproof_core::Platform;
use hexproof_core::record::network::{Gateway, Ingress, Listener, Route};
use hexproof_core::record::{Kind, Meta};

use super::common::{covers, ingress_class};
use crate::facts::{Facts, Item};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "ingress-tls", kinds: &[Kind::Ingress, Kind::Gateway], judge: tls }];

const PASSTHROUGH: &str = "nginx.ingress.kubernetes.io/ssl-passthrough";
const REDIRECT: &str = "nginx.ingress.kubernetes.io/ssl-redirect";
const FORCE_REDIRECT: &str = "nginx.ingress.kubernetes.io/force-ssl-redirect";
const KEY_VAULT: &str = "kubernetes.azure.com/tls-cert-keyvault-uri";

fn tls(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    report.each(Kind::Ingress, |case, item| {
        if let Some(ingress) = item.body::<Ingress>() {
            ingress_tls(case, facts, item, ingress);
        }
    });
    let routes_gap = [Kind::HttpRoute, Kind::GrpcRoute].into_iter().find_map(|kind| facts.not_listed(kind));
    report.each(Kind::Gateway, |case, item| {
        let Some(gateway) = item.body::<Gateway>() else { return };
        if gateway.spec.listeners.is_empty() {
            case.not_applicable("it has no listener");
        }
        for (index, listener) in gateway.spec.listeners.iter().enumerate() {
            let path = format!("spec.listeners[{index}]");
            listener_tls(case, facts, item, listener, &path, routes_gap.as_deref());
        }
    });
}

/// Whether an annotation says `true`; `None` if its value was not kept.
fn says(case: &mut Case, meta: &Meta, name: &str, wanted: &str) -> Option<bool> {
    match meta.annotations.get(name) {
        None => Some(false),
        Some(Some(value)) => {
            case.read(reading(format!("metadata.annotations[{name}]"), value.as_str()));
            Some(value == wanted)
        }
        Some(None) => {
            case.unknown(format!("the value of annotation {name} was not kept"));
            None
        }
    }
}

fn ingress_tls(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, ingress: &Ingress) {
    let (spec, meta) = (&ingress.spec, &item.record.metadata);
    if spec.rules.is_empty() && spec.default_backend.is_none() {
        case.not_applicable("it has neither rules nor a default backend");
        return;
    }
    match says(case, meta, PASSTHROUGH, "true") {
        Some(true) => {
            case.passes("TLS is passed through to the Service");
            return;
        }
        Some(false) => {}
        None => return,
    }
    if says(case, meta, REDIRECT, "false") == Some(true)
        && says(case, meta, FORCE_REDIRECT, "true") == Some(false)
    {
        let found = reading(format!("metadata.annotations[{REDIRECT}]"), "false");
        case.fault(found, "requests in plain HTTP are served and not redirected");
    }
    if facts.platform() == Platform::Aks && meta.annotations.contains_key(KEY_VAULT) {
        let found = reading(format!("metadata.annotations[{KEY_VAULT}]"), meta.annotation(KEY_VAULT));
        case.read(found).passes("its certificate comes from a key vault");
        return;
    }
    let class = ingress_class(spec.ingress_class_name.as_ref(), meta).unwrap_or_default();
    let has_default = facts.settings().default_certificate_classes.iter().any(|name| name == class);
    let mut hosts: Vec<&str> = Vec::new();
    let (mut any, mut everything) = (false, false);
    for (index, entry) in spec.tls.iter().enumerate() {
        let secret = entry.secret_name.as_deref().filter(|name| !name.is_empty());
        case.read(reading(format!("spec.tls[{index}].secretName"), secret));
        if secret.is_none() && !has_default {
            case.note(format!(
                "spec.tls[{index}] names no Secret, and class `{class}` has no recorded default certificate"
            ));
            continue;
        }
        any = true;
        everything |= entry.hosts.is_empty();
        hosts.extend(entry.hosts.iter().map(String::as_str));
    }
    for (index, rule) in spec.rules.iter().enumerate() {
        let host = rule.host.as_deref().filter(|host| !host.is_empty());
        let found = reading(format!("spec.rules[{index}].host"), host);
        match host {
            Some(host) if !everything && !hosts.iter().any(|pattern| covers(pattern, host)) => {
                case.fault(found, format!("no entry of spec.tls serves {host}"));
            }
            None if !any => {
                case.fault(found, "no entry of spec.tls serves the rule without a host");
            }
            Some(_) | None => {
                case.read(found);
            }
        }
    }
    if spec.default_backend.is_some() && !any {
        case.fault(reading("spec.tls", None::<&str>), "no entry of spec.tls serves the default backend");
    }
}

fn listener_tls(
    case: &mut Case,
    facts: &Facts<'_>,
    gateway: Item<'_>,
    listener: &Listener,
    path: &str,
    routes_gap: Option<&str>,
) {
    let found = reading(format!("{path}.protocol"), listener.protocol.as_str());
    match listener.protocol.as_str() {
        "HTTPS" | "TLS" => {
            case.read(found);
            let tls = listener.tls.as_ref();
            let mode = tls.and_then(|tls| tls.mode.as_deref()).filter(|mode| !mode.is_empty());
            let mode_found = reading(format!("{path}.tls.mode"), mode);
            match mode.unwrap_or("Terminate") {
                "Passthrough" => {
                    case.read(mode_found);
                }
                "Terminate" => {
                    let names: Vec<String> =
                        tls.iter().flat_map(|tls| &tls.certificate_refs).map(|r| r.name.clone()).collect();
                    let refs = reading(format!("{path}.tls.certificateRefs"), names.as_slice());
                    if names.is_empty() {
                        case.fault(refs, format!("listener {} names no certificate", listener.name));
                    } else {
                        case.read(refs);
                    }
                }
                other => {
                    case.fault(mode_found, format!("listener {} has TLS mode {other}", listener.name));
                }
            }
        }
        "HTTP" => redirects_only(case, facts, gateway, listener, path, routes_gap),
        "TCP" | "UDP" => {
            case.read(found);
            let protocol = &listener.protocol;
            case.note(format!(
                "listener {} is {protocol}: whether it is encrypted was not judged",
                listener.name
            ));
        }
        other => {
            let reason =
                format!("listener {} has protocol {other}, which is not known to be TLS", listener.name);
            case.fault(found, reason);
        }
    }
}

/// An HTTP listener may only serve routes that redirect to https.
fn redirects_only(
    case: &mut Case,
    facts: &Facts<'_>,
    gateway: Item<'_>,
    listener: &Listener,
    path: &str,
    routes_gap: Option<&str>,
) {
    let found = reading(format!("{path}.protocol"), listener.protocol.as_str());
    let mut attached = false;
    for kind in [Kind::HttpRoute, Kind::GrpcRoute] {
        for (item, route) in facts.all::<Route>(kind).filter(|(i, r)| attaches(*i, r, gateway, listener)) {
            attached = true;
            case.uses(item);
            let redirects = !route.spec.rules.is_empty()
                && route.spec.rules.iter().all(|rule| {
                    let to_https = rule.filters.iter().any(|filter| {
                        filter.request_redirect.as_ref().and_then(|r| r.scheme.as_deref()) == Some("https")
                    });
                    to_https && rule.backend_refs.is_empty()
                });
            let rules = reading_of(item, "spec.rules", serde_json::to_value(&route.spec.rules).ok());
            if redirects {
                case.read(rules);
            } else {
                let reason = format!("listener {} serves {} in plain HTTP", listener.name, item.label());
                case.fault(rules, reason);
            }
        }
    }
    match routes_gap {
        Some(gap) => {
            case.unknown(gap);
        }
        None if !attached => {
            case.fault(found, format!("listener {} is plain HTTP without a redirect", listener.name));
        }
        None => {
            case.read(found);
        }
    }
}

/// Whether a route attaches to a listener: by its parents, the namespaces the listener admits, and host names.
fn attaches(item: Item<'_>, route: &Route, gateway: Item<'_>, listener: &Listener) -> bool {
    let from = listener.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    let same_only = matches!(from.and_then(|n| n.from.as_deref()), None | Some("Same" | ""));
    if same_only && item.namespace() != gateway.namespace() {
        return false;
    }
    let names_it = route.spec.parent_refs.iter().any(|parent| {
        parent.name == gateway.name()
            && parent.kind.as_deref().is_none_or(|kind| kind == "Gateway")
            && parent.namespace.as_deref().unwrap_or(item.namespace()) == gateway.namespace()
            && parent.section_name.as_deref().is_none_or(|section| section == listener.name)
            && parent.port.is_none_or(|port| Some(port) == listener.port)
    });
    let host = listener.hostname.as_deref().filter(|host| !host.is_empty());
    let hosts_meet = host.is_none_or(|host| {
        route.spec.hostnames.is_empty() || route.spec.hostnames.iter().any(|named| meet(host, named))
    });
    names_it && hosts_meet
}

/// Whether two host names of the Gateway API have a name in common: there a star stands for several labels.
fn meet(one: &str, other: &str) -> bool {
    let ends = |pattern: &str, host: &str| {
        pattern.strip_prefix('*').is_some_and(|domain| {
            domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain)
        })
    };
    one == other || ends(one, other) || ends(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_of_the_gateway_api_meet_over_several_labels() {
        assert!(meet("*.example.com", "a.b.example.com"));
        assert!(meet("a.example.com", "*.example.com"));
        assert!(meet("*.example.com", "*.b.example.com"));
        assert!(!meet("*.example.com", "example.com"));
        assert!(!meet("a.example.com", "b.example.com"));
    }
}
