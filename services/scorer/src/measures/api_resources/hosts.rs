//! The measure on host names that stand for many.

use hexproof_core::record::Kind;
use hexproof_core::record::network::{Gateway, Ingress, Route};

use crate::facts::{Facts, Item};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "ingress-no-wildcard-host",
    kinds: &[Kind::Ingress, Kind::Gateway, Kind::HttpRoute, Kind::GrpcRoute, Kind::TlsRoute],
    judge: no_wildcard_host,
}];

fn no_wildcard_host(report: &mut Report<'_, '_>) {
    let (facts, measure) = (report.facts, report.measure.id.as_str());
    let hosts = Hosts { facts, measure };
    report.each(Kind::Ingress, |case, item| {
        let Some(ingress) = item.body::<Ingress>() else { return };
        for (index, rule) in ingress.spec.rules.iter().enumerate() {
            hosts.judge(case, item, &format!("spec.rules[{index}].host"), rule.host.as_deref());
        }
        let backend = ingress.spec.default_backend.as_ref().and_then(|b| serde_json::to_value(b).ok());
        let there = backend.is_some();
        let found = reading("spec.defaultBackend", backend);
        match facts.recorded(measure, "Host", item.namespace(), "*") {
            Some(entry) if there => {
                case.read(found).cites(entry);
            }
            None if there => {
                case.fault(found, "a default backend serves every host");
            }
            Some(_) | None => {
                case.read(found);
            }
        }
    });
    report.each(Kind::Gateway, |case, item| {
        let Some(gateway) = item.body::<Gateway>() else { return };
        let mut judged = false;
        for (index, listener) in gateway.spec.listeners.iter().enumerate() {
            if matches!(listener.protocol.as_str(), "HTTP" | "HTTPS" | "TLS") {
                judged = true;
                let path = format!("spec.listeners[{index}].hostname");
                hosts.judge(case, item, &path, listener.hostname.as_deref());
            }
        }
        if !judged {
            case.not_applicable("it has no HTTP, HTTPS or TLS listener");
        }
    });
    for kind in [Kind::HttpRoute, Kind::GrpcRoute, Kind::TlsRoute] {
        report.each(kind, |case, item| {
            let Some(route) = item.body::<Route>() else { return };
            if route.spec.hostnames.is_empty() {
                case.read(reading("spec.hostnames", None::<&str>));
                case.passes("it names no host: those of the listener are judged there");
            }
            for (index, host) in route.spec.hostnames.iter().enumerate() {
                hosts.judge(case, item, &format!("spec.hostnames[{index}]"), Some(host));
            }
        });
    }
}

/// Judges host names; a recorded one passes, under `*` where there is none.
struct Hosts<'m, 'f> {
    facts: &'m Facts<'f>,
    measure: &'m str,
}

impl Hosts<'_, '_> {
    fn judge(&self, case: &mut Case, item: Item<'_>, path: &str, host: Option<&str>) {
        let host = host.filter(|host| !host.is_empty());
        let found = reading(path, host);
        let reason = match host {
            None => "a rule without a host serves every host".to_owned(),
            Some("*") => "the host * stands for every host".to_owned(),
            Some(name) if name.starts_with("*.") => format!("the host {name} stands for many"),
            Some(_) => {
                case.read(found);
                return;
            }
        };
        match self.facts.recorded(self.measure, "Host", item.namespace(), host.unwrap_or("*")) {
            Some(entry) => {
                case.read(found).cites(entry);
            }
            None => {
                case.fault(found, reason);
            }
        }
    }
}
