//! Measures on start and end: variables, termination.

use std::collections::BTreeSet;

use hexproof_core::Significance;
use hexproof_core::record::Kind;
use hexproof_core::record::config::{ConfigMap, Secret};
use hexproof_core::record::pod::EnvFrom;

use crate::facts::{Facts, Lookup};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::Report;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-graceful-termination", kinds: WORKLOADS, judge: graceful_termination },
    Entry { id: "container-unique-environment", kinds: WORKLOADS, judge: unique_environment },
];

/// Seconds a container needs at the least to finish writing.
const SHORTEST_GRACE: i64 = 10;

fn graceful_termination(report: &mut Report<'_, '_>) {
    report.each_workload(|case, workload| {
        for part in &workload.parts {
            let grace = part.spec.termination_grace_period_seconds;
            let reading = part.field("terminationGracePeriodSeconds", grace);
            match grace {
                Some(seconds) if seconds < SHORTEST_GRACE => {
                    let fault = case.fault_in(part, reading, format!("the pod is killed after {seconds} s"));
                    if seconds == 0 && workload.item.kind() == Kind::StatefulSet {
                        fault.counts_as(Significance::High);
                    }
                }
                Some(_) | None => {
                    case.read_in(part, reading);
                }
            }
            for container in &part.containers {
                let probe = container.container.liveness_probe.as_ref();
                if let Some(seconds) = probe.and_then(|probe| probe.termination_grace_period_seconds)
                    && seconds < 5
                {
                    let name = &container.container.name;
                    case.note(format!(
                        "after a failed liveness check the container {name} is killed after {seconds} s"
                    ));
                }
            }
        }
    });
}

fn unique_environment(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    report.each_container(false, |case, part, container| {
        let mut names = BTreeSet::new();
        for (place, variable) in container.container.env.iter().enumerate() {
            let name = variable.name.as_str();
            if !names.insert(name) {
                let reading = container.field(&format!("env[{place}].name"), name);
                case.fault_in(part, reading, format!("the variable {name} is defined more than once"));
            }
        }
        let list: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        case.read_in(part, container.field("env[].name", list.as_slice()));
        for source in &container.container.env_from {
            let prefix = source.prefix.as_deref().unwrap_or_default();
            for (label, key) in imported(facts, part.item.namespace(), source) {
                let name = format!("{prefix}{key}");
                if names.contains(name.as_str()) {
                    case.note(format!("the variable {name} hides the one that envFrom takes from {label}"));
                }
            }
        }
    });
}

/// The keys that a source imports, with the object that has them, as far as they are known.
fn imported<'f>(facts: &Facts<'f>, namespace: &str, source: &EnvFrom) -> Vec<(String, &'f str)> {
    let mut keys = Vec::new();
    if let Some(reference) = &source.config_map_ref
        && let Lookup::Found(item, map) = facts.find::<ConfigMap>(Kind::ConfigMap, namespace, &reference.name)
    {
        keys.extend(map.keys.iter().map(|key| (item.label(), key.as_str())));
    }
    if let Some(reference) = &source.secret_ref
        && let Lookup::Found(item, secret) = facts.find::<Secret>(Kind::Secret, namespace, &reference.name)
    {
        keys.extend(secret.keys.iter().map(|key| (item.label(), key.as_str())));
    }
    keys
}
