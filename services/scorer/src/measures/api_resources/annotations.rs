//! The measure on configuration that is injected through annotations of the nginx controllers.

use hexproof_core::record::derived::nginx_character;
use hexproof_core::record::network::{Ingress, IngressClass};
use hexproof_core::record::{Kind, Meta};

use super::common::ingress_class;
use crate::facts::{Facts, Item, Lookup};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "ingress-nginx-annotations", kinds: &[Kind::Ingress], judge: nginx_annotations }];

/// Below `nginx.ingress.kubernetes.io/`: text that goes into the configuration as it is.
const SNIPPETS: &[&str] =
    &["configuration-snippet", "server-snippet", "auth-snippet", "stream-snippet", "modsecurity-snippet"];
/// The same: values that went into the configuration unescaped.
const VALUES: &[&str] = &["auth-url", "auth-tls-match-cn", "mirror-target", "mirror-host"];
const PREFIX: &str = "nginx.ingress.kubernetes.io/";

fn is_snippet(name: &str) -> bool {
    match (name.strip_prefix(PREFIX), name.strip_prefix("nginx.org/")) {
        (Some(rest), _) => SNIPPETS.contains(&rest),
        (_, Some(rest)) => rest.ends_with("-snippets"),
        (None, None) => false,
    }
}

fn is_risky_value(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| VALUES.contains(&rest))
}

fn nginx_annotations(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let default_class = default_class(facts);
    report.each(Kind::Ingress, |case, item| {
        let Some(ingress) = item.body::<Ingress>() else { return };
        let meta = &item.record.metadata;
        let named = ingress_class(ingress.spec.ingress_class_name.as_ref(), meta);
        let class_dropped = named.is_none() && meta.annotations.contains_key("kubernetes.io/ingress.class");
        let class = if class_dropped { None } else { named.or(default_class) };
        if let Some(reason) = of_another_controller(case, facts, meta, class, class_dropped) {
            case.not_applicable(reason);
            return;
        }
        for (name, value) in &meta.annotations {
            let path = format!("metadata.annotations[{name}]");
            if is_snippet(name) {
                // The value may hold anything; that it is there is what counts.
                case.fault(reading(path, "present"), format!("annotation {name} injects configuration"));
            } else if is_risky_value(name) {
                judge_value(case, item, name, value.as_deref());
            }
        }
        case.passes("no annotation injects configuration");
    });
}

fn judge_value(case: &mut Case, item: Item<'_>, name: &str, value: Option<&str>) {
    let path = format!("metadata.annotations[{name}]");
    let findings = item.record.derived.iter().flat_map(|derived| &derived.annotation_characters);
    let detected: Vec<&str> =
        findings.filter(|finding| finding.key == name).map(|finding| finding.detector.as_str()).collect();
    let seen = value.and_then(|value| value.chars().find_map(nginx_character));
    match (detected.first().copied().or(seen), value) {
        (Some(what), _) => {
            // Such a value is no address: it is not shown.
            let reason = format!("the value of annotation {name} holds what can end a directive: {what}");
            case.fault(reading(path, "present"), reason);
        }
        (None, Some(value)) => {
            case.read(reading(path, value));
        }
        (None, None) => {
            case.unknown(format!("the value of annotation {name} was not kept"));
        }
    }
}

/// The class of Ingresses that name none, if there is exactly one.
fn default_class<'f>(facts: &Facts<'f>) -> Option<&'f str> {
    let mut defaults = facts.items(Kind::IngressClass).iter().filter(|item| {
        item.record.metadata.annotation("ingressclass.kubernetes.io/is-default-class") == Some("true")
    });
    match (defaults.next(), defaults.next()) {
        (Some(only), None) => Some(only.name()),
        (None | Some(_), _) => None,
    }
}

/// Why another controller than nginx serves the Ingress, if one does.
fn of_another_controller(
    case: &mut Case,
    facts: &Facts<'_>,
    meta: &Meta,
    class: Option<&str>,
    class_dropped: bool,
) -> Option<String> {
    let name = class.unwrap_or_default();
    if let Lookup::Found(item, body) = facts.find::<IngressClass>(Kind::IngressClass, "", name) {
        let controller = body.spec.controller.as_deref();
        case.uses(item).read(reading_of(item, "spec.controller", controller));
        let controller = controller.unwrap_or_default();
        return (!controller.contains("nginx"))
            .then(|| format!("class {name} belongs to controller `{controller}`, which is not nginx"));
    }
    let annotated = meta.annotations.keys().any(|name| is_snippet(name) || is_risky_value(name));
    if annotated || class_dropped || name.contains("nginx") || name.contains("webapprouting") {
        case.read(reading("spec.ingressClassName", class));
        return None;
    }
    Some(if name.is_empty() {
        "it names no class and has no annotation of nginx".into()
    } else {
        format!("class {name} is not one of nginx, and it has no annotation of nginx")
    })
}
