//! Measures on Secrets and on credentials in ConfigMaps.

use std::collections::BTreeSet;

use hexproof_core::record::config::Secret;
use hexproof_core::record::network::{Gateway, Ingress};
use hexproof_core::record::pod::PodSpec;
use hexproof_core::record::rbac::ServiceAccount;
use hexproof_core::record::{Kind, Meta};

use crate::facts::{Facts, Item};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "configmap-no-secrets", kinds: &[Kind::ConfigMap], judge: config_maps },
    Entry { id: "secret-rotation-age", kinds: &[Kind::Secret], judge: rotation },
];

fn config_maps(report: &mut Report<'_, '_>) {
    report.each(Kind::ConfigMap, |case, item| {
        if item.name() == "kube-root-ca.crt" {
            case.not_applicable("the public root certificate of the cluster");
            return;
        }
        let found = item.record.derived.as_deref().map_or(&[][..], |derived| derived.credentials.as_slice());
        for finding in found {
            let reading = reading(&finding.path, format!("dropped; {}", finding.detector));
            let key =
                if finding.key.is_empty() { String::new() } else { format!("`{}` holds ", finding.key) };
            let reason = match finding.detector.as_str() {
                "sensitive-name" => format!("{key}a value, and by its name that is a credential"),
                detector => format!("{key}a credential in plain text ({detector})"),
            };
            case.fault(reading, reason);
        }
        case.passes("the collector found no credential in its values");
    });
}

/// Types of Secrets that people and tools write and must renew.
const RENEWED: &[&str] =
    &["Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/dockerconfigjson"];

fn rotation(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let named = named_secrets(facts);
    let consumers = [Kind::ServiceAccount, Kind::Ingress, Kind::Gateway];
    let gap = WORKLOADS.iter().chain(&consumers).find_map(|kind| facts.not_listed(*kind));
    for (item, secret) in facts.all::<Secret>(Kind::Secret) {
        let mut case = Case::of(item);
        let kind = secret.r#type.as_deref().filter(|kind| !kind.is_empty());
        if facts.is_system(item.namespace()) {
            case.not_applicable(super::common::SYSTEM);
        } else if kind.is_none() && secret.keys_not_read == Some(true) {
            case.read(reading("type", Found::ABSENT)).unknown("only its metadata was read, not its type");
        } else if let Some(other) = kind.filter(|kind| !RENEWED.contains(kind)) {
            case.not_applicable(format!("a Secret of type {other}"));
        } else {
            case.read(reading("type", kind));
            judge_age(&mut case, facts, item);
            if named.contains(&(item.namespace(), item.name())) {
                case.read(reading("metadata.name", item.name()));
            } else if let Some(entry) = report.recorded("Secret", item.namespace(), item.name()) {
                case.read(reading("metadata.name", item.name())).cites(entry);
            } else if let Some(gap) = &gap {
                case.unknown(gap.as_str());
            } else {
                case.fault(
                    reading("metadata.name", item.name()),
                    "no pod, template, ServiceAccount, Ingress or Gateway names it",
                );
            }
        }
        report.push(case);
    }
}

fn judge_age(case: &mut Case, facts: &Facts<'_>, item: Item<'_>) {
    if facts.is_manifests() {
        return;
    }
    let changed = item.record.derived.as_deref().and_then(|derived| derived.data_changed);
    let (path, time) = match changed {
        Some(time) => ("metadata.managedFields", Some(time)),
        None => ("metadata.creationTimestamp", item.record.metadata.creation_timestamp),
    };
    let reading = reading(path, time.map(|time| time.to_string()));
    let Some(time) = time else {
        case.read(reading).unknown("when it was changed last cannot be told");
        return;
    };
    let limit = facts.settings().secrets.max_age_days;
    let age = facts.at().duration_since(time);
    if age > jiff::SignedDuration::from_hours(limit.saturating_mul(24).clamp(0, 24 * 36_500)) {
        let days = age.as_hours() / 24;
        case.fault(reading, format!("its data was changed {days} days ago, more than {limit}"));
    } else {
        case.read(reading);
    }
}

/// Namespace and name of every Secret that an object names.
fn named_secrets<'f>(facts: &Facts<'f>) -> BTreeSet<(&'f str, &'f str)> {
    let mut named = BTreeSet::new();
    for workload in facts.workloads() {
        for part in &workload.parts {
            let namespace = part.item.namespace();
            named.extend(secrets_of(part.spec).into_iter().map(|name| (namespace, name)));
        }
    }
    for (item, account) in facts.all::<ServiceAccount>(Kind::ServiceAccount) {
        let references = account.secrets.iter().chain(&account.image_pull_secrets);
        named.extend(references.map(|reference| (item.namespace(), reference.name.as_str())));
    }
    for (item, ingress) in facts.all::<Ingress>(Kind::Ingress) {
        let hosts = ingress.spec.tls.iter().filter_map(|tls| tls.secret_name.as_deref());
        named.extend(hosts.map(|name| (item.namespace(), name)));
        named.extend(annotated(&item.record.metadata, item.namespace()));
    }
    for (item, gateway) in facts.all::<Gateway>(Kind::Gateway) {
        let tls = gateway.spec.listeners.iter().filter_map(|listener| listener.tls.as_ref());
        for reference in tls.flat_map(|tls| &tls.certificate_refs) {
            if matches!(reference.kind.as_deref(), None | Some("" | "Secret")) {
                let namespace = reference.namespace.as_deref().unwrap_or(item.namespace());
                named.insert((namespace, reference.name.as_str()));
            }
        }
    }
    named
}

/// Secrets that annotations of the nginx controller name, where their value was kept.
fn annotated<'f>(meta: &'f Meta, namespace: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
    ["auth-secret", "auth-tls-secret", "proxy-ssl-secret"].into_iter().filter_map(move |name| {
        let value = meta.annotation(&format!("nginx.ingress.kubernetes.io/{name}"))?;
        Some(value.split_once('/').unwrap_or((namespace, value)))
    })
}

/// The Secrets that a pod spec names.
fn secrets_of(spec: &PodSpec) -> Vec<&str> {
    let mut names: Vec<&str> = spec.image_pull_secrets.iter().map(|secret| secret.name.as_str()).collect();
    let containers = spec.containers.iter().chain(&spec.init_containers).chain(&spec.ephemeral_containers);
    for container in containers {
        let sources = container.env.iter().filter_map(|variable| variable.value_from.as_ref());
        let keys = sources.filter_map(|source| source.secret_key_ref.as_ref());
        names.extend(keys.map(|key| key.name.as_str()));
        let whole = container.env_from.iter().filter_map(|source| source.secret_ref.as_ref());
        names.extend(whole.map(|secret| secret.name.as_str()));
    }
    for volume in &spec.volumes {
        names.extend(volume.secret.as_ref().map(|secret| secret.secret_name.as_str()));
        names.extend(volume.azure_file.as_ref().map(|share| share.secret_name.as_str()));
        let of_driver = volume.csi.as_ref().and_then(|csi| csi.node_publish_secret_ref.as_ref());
        names.extend(of_driver.map(|secret| secret.name.as_str()));
        let projected = volume.projected.iter().flat_map(|projected| &projected.sources);
        names.extend(projected.filter_map(|source| Some(source.secret.as_ref()?.name.as_str())));
    }
    names
}
