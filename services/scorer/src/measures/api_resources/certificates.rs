//! The measure on certificates that Ingresses and Gateways serve, and on those of cert-manager.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::Kind;
use hexproof_core::record::config::Secret;
use hexproof_core::record::derived;
use hexproof_core::record::network::{CertManagerCertificate, Gateway, Ingress};
use hexproof_core::settings::Recorded;
use jiff::{SignedDuration, Timestamp};

use super::backends::is_kind;
use super::certificate_strength as strength;
use super::common::{covers, subject};
use crate::facts::{Facts, Item, Lookup};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "ingress-certificate-valid",
    kinds: &[Kind::Ingress, Kind::Gateway, Kind::Certificate],
    judge: certificate_valid,
}];

/// How long a certificate must still last.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Places that name a Secret and are kept as evidence; a wildcard certificate may serve thousands.
const SHOWN: usize = 20;

/// Who names a Secret, and for which hosts.
#[derive(Default)]
struct Use<'f> {
    named_by: Vec<(Item<'f>, String)>,
    hosts: BTreeSet<&'f str>,
}

type Uses<'f> = BTreeMap<(&'f str, &'f str), Use<'f>>;

fn uses<'f>(facts: &Facts<'f>) -> Uses<'f> {
    let mut uses: Uses<'f> = BTreeMap::new();
    for (item, ingress) in facts.all::<Ingress>(Kind::Ingress) {
        for (index, entry) in ingress.spec.tls.iter().enumerate() {
            let Some(name) = entry.secret_name.as_deref().filter(|name| !name.is_empty()) else { continue };
            let secret = uses.entry((item.namespace(), name)).or_default();
            secret.named_by.push((item, format!("spec.tls[{index}].secretName")));
            if entry.hosts.is_empty() {
                let rules = ingress.spec.rules.iter().filter_map(|rule| rule.host.as_deref());
                secret.hosts.extend(rules.filter(|host| !host.is_empty()));
            } else {
                secret.hosts.extend(entry.hosts.iter().map(String::as_str));
            }
        }
    }
    for (item, gateway) in facts.all::<Gateway>(Kind::Gateway) {
        for (index, listener) in gateway.spec.listeners.iter().enumerate() {
            let Some(tls) = &listener.tls else { continue };
            if tls.mode.as_deref() == Some("Passthrough") {
                continue;
            }
            let secrets = tls.certificate_refs.iter().enumerate().filter(|(_, r)| is_kind(r, "Secret"));
            for (place, reference) in secrets {
                let namespace = reference.namespace.as_deref().unwrap_or(item.namespace());
                let secret = uses.entry((namespace, &reference.name)).or_default();
                let path = format!("spec.listeners[{index}].tls.certificateRefs[{place}].name");
                secret.named_by.push((item, path));
                secret.hosts.extend(listener.hostname.as_deref().filter(|host| !host.is_empty()));
            }
        }
    }
    uses
}

fn certificate_valid(report: &mut Report<'_, '_>) {
    let (facts, measure) = (report.facts, report.measure.id.as_str());
    for ((namespace, name), used) in uses(facts) {
        let found = facts.find::<Secret>(Kind::Secret, namespace, name);
        let mut case = match &found {
            Lookup::Found(item, _) => Case::of(*item),
            Lookup::Implied | Lookup::Missing | Lookup::Unseen(_) => {
                Case::on(subject("Secret", namespace, name), None)
            }
        };
        for (place, (item, path)) in used.named_by.iter().enumerate() {
            case.uses(*item);
            if place < SHOWN {
                case.read(reading_of(*item, path.as_str(), name));
            }
        }
        if used.named_by.len() > SHOWN {
            case.note(format!("{} places name it", used.named_by.len()));
        }
        match found {
            Lookup::Found(item, secret) => {
                let recorded = facts.recorded(measure, "Secret", namespace, name);
                judge_secret(&mut case, facts.at(), item, secret, &used, recorded);
            }
            Lookup::Implied | Lookup::Missing => {
                if let Some((item, path)) = used.named_by.first() {
                    case.fault(reading_of(*item, path.as_str(), name), "the Secret does not exist");
                }
            }
            Lookup::Unseen(reason) => {
                case.unknown(reason);
            }
        }
        report.push(case);
    }
    report.each(Kind::Certificate, |case, item| {
        let Some(certificate) = item.body::<CertManagerCertificate>() else { return };
        if facts.is_manifests() {
            case.not_applicable("its condition is in its status, which manifests do not have");
            return;
        }
        let conditions = certificate.status.iter().flat_map(|status| &status.conditions);
        let ready = conditions.into_iter().find(|condition| condition.r#type == "Ready");
        let found = reading("status.conditions[Ready].status", ready.map(|c| c.status.clone()));
        let not_after = certificate.status.as_ref().and_then(|status| status.not_after);
        case.read(reading("status.notAfter", not_after.map(|at| at.to_string())));
        match ready {
            Some(condition) if condition.status == "True" => {
                case.read(found);
            }
            Some(condition) => {
                let why = condition.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                case.fault(found, format!("cert-manager holds the certificate for not ready{why}"));
            }
            None => {
                case.fault(found, "cert-manager has not issued the certificate");
            }
        }
    });
}

fn judge_secret(
    case: &mut Case,
    at: Timestamp,
    item: Item<'_>,
    secret: &Secret,
    used: &Use<'_>,
    recorded: Option<&Recorded>,
) {
    let kind = secret.r#type.as_deref();
    let found = reading("type", kind);
    if kind == Some("kubernetes.io/tls") {
        case.read(found);
    } else {
        case.fault(found, "the Secret is not of type kubernetes.io/tls");
    }
    let derived = item.record.derived.as_deref();
    let Some(certificate) = derived.and_then(|derived| derived.certificate.as_ref()) else {
        let keys_known = secret.keys_not_read != Some(true);
        let error = derived.and_then(|derived| derived.certificate_error.as_deref());
        if keys_known && !secret.keys.iter().any(|key| key == "tls.crt") {
            case.fault(reading("keys", secret.keys.as_slice()), "the Secret has no key tls.crt");
        } else {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            case.unknown(format!("the certificate in tls.crt was not read{why}"));
        }
        return;
    };
    validity(case, at, certificate);
    hosts(case, certificate, used);
    strength::judge(case, certificate);
    match (certificate.self_signed, recorded) {
        (Some(true), Some(entry)) => {
            case.read(reading("derived.certificate.selfSigned", true)).cites(entry);
        }
        (Some(true), None) => {
            case.fault(reading("derived.certificate.selfSigned", true), "the certificate is self-signed");
        }
        (Some(false), _) => {
            case.read(reading("derived.certificate.selfSigned", false));
        }
        (None, _) => {
            case.unknown("whether the certificate is self-signed was not seen");
        }
    }
}

fn validity(case: &mut Case, at: Timestamp, certificate: &derived::Certificate) {
    let field = |name: &str, at: Option<Timestamp>| {
        reading(format!("derived.certificate.{name}"), at.map(|at| at.to_string()))
    };
    let begin = field("notBefore", certificate.not_before);
    match certificate.not_before {
        Some(not_before) if not_before > at => {
            case.fault(begin, "the certificate is not valid yet");
        }
        Some(_) => {
            case.read(begin);
        }
        None => {
            case.unknown("the begin of its validity was not seen");
        }
    }
    let end = field("notAfter", certificate.not_after);
    match certificate.not_after {
        Some(not_after) if not_after < at => {
            case.fault(end, "the certificate has expired");
        }
        Some(not_after) if not_after.duration_since(at) < AHEAD => {
            case.fault(end, "the certificate expires within 14 days");
        }
        Some(_) => {
            case.read(end);
        }
        None => {
            case.unknown("the end of its validity was not seen");
        }
    }
}

fn hosts(case: &mut Case, certificate: &derived::Certificate, used: &Use<'_>) {
    let names: Vec<&str> =
        certificate.subject_alt_names.iter().map(|name| name.strip_prefix("DNS:").unwrap_or(name)).collect();
    let found = reading("derived.certificate.subjectAltNames", certificate.subject_alt_names.as_slice());
    let missed: Vec<String> = used
        .hosts
        .iter()
        .filter(|host| !names.iter().any(|name| covers(name, host)))
        .map(|host| (*host).to_owned())
        .collect();
    if missed.is_empty() {
        case.read(found);
    } else {
        let hosts = super::common::some_of(&missed);
        case.fault(found, format!("the certificate does not cover {hosts}"));
    }
}
