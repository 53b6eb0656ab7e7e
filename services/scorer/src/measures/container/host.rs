//! Measures on namespaces, ports and addresses of the host.

use hexproof_core::record::pod::{Container, Handler, HttpGet, Probe, TcpSocket};

use super::common::{check, refuse};
use super::privilege::is_host_process;
use crate::facts::{ContainerRole, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-host-pid", kinds: WORKLOADS, judge: host_pid },
    Entry { id: "container-host-ipc", kinds: WORKLOADS, judge: host_ipc },
    Entry { id: "container-host-network", kinds: WORKLOADS, judge: host_network },
    Entry { id: "container-share-process-namespace", kinds: WORKLOADS, judge: share_process_namespace },
    Entry { id: "container-host-port", kinds: WORKLOADS, judge: host_port },
    Entry { id: "container-host-probe-target", kinds: WORKLOADS, judge: host_probe_target },
    Entry { id: "container-host-aliases", kinds: WORKLOADS, judge: host_aliases },
];

fn host_pid(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        let reason = "the pod shares the process namespace of the host";
        refuse(case, part, "hostPID", part.spec.host_pid, reason);
    });
}

fn host_ipc(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        let reason = "the pod shares the IPC namespace of the host";
        refuse(case, part, "hostIPC", part.spec.host_ipc, reason);
    });
}

fn host_network(report: &mut Report<'_, '_>) {
    let host_process = |part: &Part<'_>| {
        is_host_process(part)
            .then_some("a HostProcess pod needs the host network; container-host-process fails")
    };
    report.each_part_unless(host_process, |case, part| {
        let reason = "the pod shares the network of the host";
        refuse(case, part, "hostNetwork", part.spec.host_network, reason);
    });
}

fn share_process_namespace(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        let reason = "the containers of the pod see each other's processes";
        refuse(case, part, "shareProcessNamespace", part.spec.share_process_namespace, reason);
    });
}

fn host_port(report: &mut Report<'_, '_>) {
    let on_host_network = |part: &Part<'_>| {
        (part.spec.host_network == Some(true))
            .then_some("with hostNetwork every port is one of the host; container-host-network fails")
    };
    report.each_part_unless(on_host_network, |case, part| {
        read_if_no_containers(case, part);
        for at in part.containers.iter().filter(|at| at.role != ContainerRole::Ephemeral) {
            if at.container.ports.is_empty() {
                case.read_in(part, at.field("ports", Found::ABSENT));
            }
            for (index, port) in at.container.ports.iter().enumerate() {
                let reading = at.field(&format!("ports[{index}].hostPort"), port.host_port);
                let open = port.host_port.filter(|number| *number != 0);
                let fault = open.map(|number| format!("opens port {number} of the host"));
                check(case, part, reading, fault.as_deref());
            }
        }
    });
}

/// A probe or hook, by the ways it can reach a host.
type Target<'f> = (&'static str, Option<&'f HttpGet>, Option<&'f TcpSocket>);

fn probe<'f>(field: &'static str, probe: Option<&'f Probe>) -> Target<'f> {
    (field, probe.and_then(|p| p.http_get.as_ref()), probe.and_then(|p| p.tcp_socket.as_ref()))
}

fn hook<'f>(field: &'static str, hook: Option<&'f Handler>) -> Target<'f> {
    (field, hook.and_then(|h| h.http_get.as_ref()), hook.and_then(|h| h.tcp_socket.as_ref()))
}

fn targets(container: &Container) -> [Target<'_>; 5] {
    let lifecycle = container.lifecycle.as_ref();
    [
        probe("livenessProbe", container.liveness_probe.as_ref()),
        probe("readinessProbe", container.readiness_probe.as_ref()),
        probe("startupProbe", container.startup_probe.as_ref()),
        hook("lifecycle.postStart", lifecycle.and_then(|l| l.post_start.as_ref())),
        hook("lifecycle.preStop", lifecycle.and_then(|l| l.pre_stop.as_ref())),
    ]
}

fn host_probe_target(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        read_if_no_containers(case, part);
        for at in part.containers.iter().filter(|at| at.role != ContainerRole::Ephemeral) {
            for (field, http, tcp) in targets(at.container) {
                let http = http.map(|get| ("httpGet", get.host.as_deref()));
                let tcp = tcp.map(|socket| ("tcpSocket", socket.host.as_deref()));
                if http.is_none() && tcp.is_none() {
                    case.read_in(part, at.field(&format!("{field}.httpGet.host"), Found::ABSENT));
                }
                for (way, host) in http.into_iter().chain(tcp) {
                    let elsewhere = host.filter(|host| !host.is_empty());
                    let fault = elsewhere.map(|host| format!("{field} sends the kubelet to {host}"));
                    check(case, part, at.field(&format!("{field}.{way}.host"), host), fault.as_deref());
                }
            }
        }
    });
}

fn host_aliases(report: &mut Report<'_, '_>) {
    let resolvers = &report.facts.settings().resolvers;
    report.each_part(|case, part| {
        if part.spec.host_aliases.is_empty() {
            case.read_in(part, part.field("hostAliases", Found::ABSENT));
        }
        for (index, alias) in part.spec.host_aliases.iter().enumerate() {
            let reading = part.field(&format!("hostAliases[{index}].hostnames"), alias.hostnames.as_slice());
            case.fault_in(part, reading, "hostAliases overrule the resolver of the cluster");
        }
        if part.spec.dns_policy.as_deref() != Some("None") {
            return;
        }
        let servers = part.spec.dns_config.iter().flat_map(|config| &config.nameservers);
        for server in servers.filter(|server| !resolvers.contains(server)) {
            case.note(format!(
                "with dnsPolicy None the pod asks {server}, which is not recorded as a resolver"
            ));
        }
    });
}

/// A pod without containers was looked at nevertheless.
fn read_if_no_containers(case: &mut Case, part: &Part<'_>) {
    if part.spec.containers.is_empty() {
        case.read_in(part, part.field("containers", Found::ABSENT));
    }
}
