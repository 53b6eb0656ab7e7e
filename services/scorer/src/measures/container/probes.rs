//! Measures on probes.

use hexproof_core::Significance;
use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::pod::Probe;

use crate::facts::{ContainerAt, ContainerRole, ServiceIndex, Workload};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-liveness-probe", kinds: WORKLOADS, judge: liveness },
    Entry { id: "container-readiness-probe", kinds: WORKLOADS, judge: readiness },
];

/// Judges workloads that are meant to run for ever.
fn each_service<'f>(report: &mut Report<'_, 'f>, mut judge: impl FnMut(&mut Case, &Workload<'f>)) {
    report.each_workload(|case, workload| {
        let policy = workload.template().and_then(|part| part.spec.restart_policy.as_deref());
        match (workload.item.kind(), policy) {
            (Kind::Job | Kind::CronJob | Kind::PodTemplate, _) => {
                case.not_applicable(format!("a {} needs no probe", workload.item.kind()));
            }
            (Kind::Pod, Some(policy)) if policy != "Always" => {
                case.not_applicable(format!("a pod with restartPolicy {policy} runs to an end"));
            }
            _ => judge(case, workload),
        }
    });
}

/// The handlers of a probe, by field name.
fn handlers(probe: &Probe) -> Vec<String> {
    let known = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()).collect()
}

/// The reading of a probe, and what is wrong with it.
fn look_at(
    container: &ContainerAt<'_>,
    field: &'static str,
    probe: Option<&Probe>,
) -> (Reading, Option<String>) {
    let Some(probe) = probe else {
        return (container.field(field, Found::ABSENT), Some(format!("the container has no {field}")));
    };
    let handlers = handlers(probe);
    let reason = (handlers.len() != 1).then(|| format!("the {field} has {} handlers", handlers.len()));
    (container.field(field, handlers), reason)
}

fn liveness(report: &mut Report<'_, '_>) {
    each_service(report, |case, workload| {
        for part in &workload.parts {
            for container in part.containers.iter().filter(|container| container.is_long_running()) {
                let probe = container.container.liveness_probe.as_ref();
                let (reading, wrong) = look_at(container, "livenessProbe", probe);
                if let Some(reason) = wrong {
                    case.fault_in(part, reading, reason);
                    continue;
                }
                let readiness = container.container.readiness_probe.as_ref();
                match probe.zip(readiness).map_or(Some(false), |(probe, readiness)| equal(probe, readiness)) {
                    Some(true) => {
                        case.fault_in(part, reading, "the livenessProbe equals the readinessProbe");
                    }
                    Some(false) => {
                        case.read_in(part, reading);
                    }
                    None => {
                        case.read_in(part, reading);
                        case.unknown("the commands of livenessProbe and readinessProbe were not compared");
                    }
                }
                let delay = probe.and_then(|probe| probe.initial_delay_seconds).unwrap_or(0);
                if delay > 60 && container.container.startup_probe.is_none() {
                    case.note(format!(
                        "the container {} waits {delay} s before its first liveness check and has no startupProbe",
                        container.container.name
                    ));
                }
            }
        }
    });
}

/// Whether two probes do the same at the same pace; `None` if it cannot be told.
fn equal(liveness: &Probe, readiness: &Probe) -> Option<bool> {
    // The API server takes 0 for absent.
    let given = |value: Option<i64>, default: i64| value.filter(|value| *value != 0).unwrap_or(default);
    let same_pace = given(liveness.period_seconds, 10) == given(readiness.period_seconds, 10)
        && given(liveness.failure_threshold, 3) == given(readiness.failure_threshold, 3);
    if !same_pace || handlers(liveness) != handlers(readiness) {
        return Some(false);
    }
    if let Some(same) = liveness.handler_equals_readiness {
        return Some(same);
    }
    if liveness.exec.is_some() {
        return None;
    }
    let http = |probe: &Probe| {
        probe.http_get.as_ref().map(|get| {
            let path = get.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".into());
            let scheme = get.scheme.clone().unwrap_or_else(|| "HTTP".into());
            (get.host.clone().unwrap_or_default(), path, get.port.clone(), scheme)
        })
    };
    let grpc =
        |probe: &Probe| probe.grpc.as_ref().map(|grpc| (grpc.port, grpc.service.clone().unwrap_or_default()));
    Some(
        http(liveness) == http(readiness)
            && liveness.tcp_socket == readiness.tcp_socket
            && grpc(liveness) == grpc(readiness),
    )
}

fn readiness(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let services = ServiceIndex::new(facts);
    let gap = facts.not_listed(Kind::Service);
    each_service(report, |case, workload| {
        let has_port = workload
            .parts
            .iter()
            .flat_map(|part| &part.containers)
            .any(|container| !container.container.ports.is_empty());
        let selected = workload
            .parts
            .iter()
            .any(|part| services.selecting(part.item.namespace(), part.labels).next().is_some());
        let gets_traffic = has_port || selected || gap.is_some();
        for part in &workload.parts {
            for container in &part.containers {
                let concerned = match container.role {
                    ContainerRole::Main => true,
                    ContainerRole::Sidecar => !container.container.ports.is_empty(),
                    ContainerRole::Init | ContainerRole::Ephemeral => false,
                };
                if !concerned {
                    continue;
                }
                let probe = container.container.readiness_probe.as_ref();
                let (reading, wrong) = look_at(container, "readinessProbe", probe);
                let Some(reason) = wrong else {
                    case.read_in(part, reading);
                    continue;
                };
                let fault = case.fault_in(part, reading, reason);
                if !gets_traffic {
                    fault.counts_as(Significance::Low);
                }
            }
        }
        if case.has_fault() && !has_port && !selected {
            match &gap {
                Some(gap) => case.note(format!("whether a Service selects it was not seen: {gap}")),
                None => case.note("no Service selects it, and no container declares a port"),
            };
        }
    });
}
