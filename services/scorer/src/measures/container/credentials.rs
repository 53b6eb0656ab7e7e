//! Measures on Secrets, credentials and ways in.

use std::collections::BTreeSet;

use hexproof_core::record::Kind;
use hexproof_core::record::network::ServicePort;
use hexproof_core::record::pod::{KeyToPath, Volume};
use hexproof_core::record::scalar::IntOrString;

use super::findings::{findings, reading_at};
use crate::facts::{Part, ServiceIndex};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-secrets-as-files", kinds: WORKLOADS, judge: secrets_as_files },
    Entry { id: "container-no-plaintext-credentials", kinds: WORKLOADS, judge: plaintext_credentials },
    Entry { id: "container-no-remote-shell", kinds: WORKLOADS, judge: remote_shell },
];

fn secrets_as_files(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        for container in &part.containers {
            let mut handed_over = false;
            for (place, variable) in container.container.env.iter().enumerate() {
                let source = variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref());
                if let Some(key) = source {
                    let path = format!("env[{place}].valueFrom.secretKeyRef");
                    let reading = container.field(&path, format!("{}, key {}", key.name, key.key));
                    let reason = format!("the variable {} is filled from a Secret", variable.name);
                    case.fault_in(part, reading, reason);
                    handed_over = true;
                }
            }
            for (place, source) in container.container.env_from.iter().enumerate() {
                if let Some(secret) = &source.secret_ref {
                    let reading =
                        container.field(&format!("envFrom[{place}].secretRef"), secret.name.as_str());
                    case.fault_in(
                        part,
                        reading,
                        format!("all keys of the Secret {} become variables", secret.name),
                    );
                    handed_over = true;
                }
            }
            if !handed_over {
                case.read_in(part, container.field("env[].valueFrom.secretKeyRef", Found::ABSENT));
                case.read_in(part, container.field("envFrom[].secretRef", Found::ABSENT));
            }
        }
        for volume in &part.spec.volumes {
            if let Some(mode) = mode_open_to_others(volume) {
                case.note(format!(
                    "files of the volume {} have mode {mode:04o}, which others may use",
                    volume.name
                ));
            }
        }
    });
}

/// The first mode of Secret files in a volume that has a bit for others.
fn mode_open_to_others(volume: &Volume) -> Option<i64> {
    let mut modes: Vec<i64> = Vec::new();
    let mut look_at = |items: &[KeyToPath], default: Option<i64>| {
        let default = default.unwrap_or(0o644);
        if items.is_empty() {
            modes.push(default);
        }
        modes.extend(items.iter().map(|item| item.mode.unwrap_or(default)));
    };
    if let Some(secret) = &volume.secret {
        look_at(&secret.items, secret.default_mode);
    }
    if let Some(projected) = &volume.projected {
        for secret in projected.sources.iter().filter_map(|source| source.secret.as_ref()) {
            look_at(&secret.items, projected.default_mode);
        }
    }
    modes.into_iter().find(|mode| mode & 0o007 != 0)
}

fn plaintext_credentials(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        let found = findings(part, |derived| &derived.credentials);
        for finding in found {
            let reading = reading_at(part, &finding.path, format!("dropped; {}", finding.detector));
            let key =
                if finding.key.is_empty() { String::new() } else { format!("`{}` holds ", finding.key) };
            let reason = match finding.detector.as_str() {
                "sensitive-name" => format!("{key}a value, and by its name that is a credential"),
                detector => format!("{key}a credential in plain text ({detector})"),
            };
            case.fault_in(part, reading, reason);
        }
        if found.is_empty() {
            case.passes("the collector found no credential in values, commands, annotations and headers");
        }
    });
}

/// Ports of SSH.
const SHELL_PORTS: [i64; 2] = [22, 2222];

fn remote_shell(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let services = ServiceIndex::new(facts);
    let gap = facts.not_listed(Kind::Service);
    report.each_part(|case, part| {
        for finding in findings(part, |derived| &derived.remote_shell) {
            let reading = reading_at(part, &finding.path, format!("the word {}", finding.detector));
            case.fault_in(part, reading, format!("the command holds the word {}", finding.detector));
        }
        for container in &part.containers {
            let ports = &container.container.ports;
            for (place, port) in ports.iter().enumerate() {
                let reading = container.field(&format!("ports[{place}].containerPort"), port.container_port);
                if is_tcp(port.protocol.as_deref()) && port.container_port.is_some_and(is_shell_port) {
                    case.fault_in(part, reading, "the container declares a port of SSH");
                } else {
                    case.read_in(part, reading);
                }
            }
            if ports.is_empty() {
                case.read_in(part, container.field("ports", Found::ABSENT));
            }
        }
        forwarded(case, part, &services);
        if let Some(gap) = &gap {
            case.unknown(gap.as_str());
        }
        case.passes("no port of SSH, and the collector found no word of a remote shell");
    });
}

/// Ports of SSH that a Service forwards to.
fn forwarded(case: &mut Case, part: &Part<'_>, services: &ServiceIndex<'_>) {
    for (item, service) in services.selecting(part.item.namespace(), part.labels) {
        case.uses(item);
        for (place, port) in service.spec.ports.iter().enumerate() {
            if !is_tcp(port.protocol.as_deref()) {
                continue;
            }
            let target = targets(part, port).into_iter().find(|target| is_shell_port(*target));
            if let Some(target) = target {
                let (field, found) = match &port.target_port {
                    Some(target) => ("targetPort", Found::from(target.to_string())),
                    None => ("port", Found::from(port.port)),
                };
                let reading = reading_of(item, format!("spec.ports[{place}].{field}"), found);
                case.fault(reading, format!("the Service {} forwards to port {target}", item.name()));
            }
        }
    }
}

/// The ports of a pod that a port of a Service forwards to: a name stands for every port of that name.
fn targets(part: &Part<'_>, port: &ServicePort) -> BTreeSet<i64> {
    match &port.target_port {
        None => port.port.into_iter().collect(),
        Some(target) => match (target.int(), target) {
            (Some(number), _) => BTreeSet::from([number]),
            (None, IntOrString::String(name)) => part
                .containers
                .iter()
                .flat_map(|container| &container.container.ports)
                .filter(|port| port.name.as_ref() == Some(name) && is_tcp(port.protocol.as_deref()))
                .filter_map(|port| port.container_port)
                .collect(),
            (None, IntOrString::Int(_)) => BTreeSet::new(),
        },
    }
}

fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

fn is_shell_port(port: i64) -> bool {
    SHELL_PORTS.contains(&port)
}
