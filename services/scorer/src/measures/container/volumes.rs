//! Measures on the volumes of pods.

use std::collections::BTreeSet;

use hexproof_core::Significance;
use hexproof_core::observation::Reading;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::common::check;
use super::host_path::HostPath;
use crate::facts::Part;
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-hostpath-volume", kinds: WORKLOADS, judge: hostpath_volume },
    Entry { id: "container-runtime-socket-mount", kinds: WORKLOADS, judge: runtime_socket_mount },
    Entry { id: "container-cloud-credential-mount", kinds: WORKLOADS, judge: cloud_credential_mount },
    Entry { id: "container-volume-types", kinds: WORKLOADS, judge: volume_types },
];

/// Directories of the host that give control over it to whoever writes there.
const SENSITIVE: &[&str] = &[
    "/etc",
    "/root",
    "/proc",
    "/sys",
    "/run",
    "/boot",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/var/log",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/containerd",
    "/var/lib/docker",
];

/// Sockets of container runtimes and image builders.
const SOCKETS: &[&str] = &[
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/cri-dockerd.sock",
    "/run/podman/podman.sock",
    "/run/buildkit/buildkitd.sock",
];

/// Names of such sockets, wherever they lie.
const SOCKET_NAMES: &[&str] =
    &["docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "podman.sock"];

/// The Windows pipes of container runtimes.
const PIPES: &[&str] = &["docker_engine", "containerd-containerd"];

/// Files and directories of the host that hold credentials of the cluster or of a cloud.
const CREDENTIALS: &[&str] = &[
    "/etc/kubernetes/azure.json",
    "/etc/kubernetes/*.conf",
    "/etc/kubernetes/pki",
    "/var/lib/kubelet/pki",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/kubelet/pods",
    "/root/.kube",
    "/root/.azure",
    "/root/.aws",
    "/root/.config/gcloud",
    "/home/*/.kube",
    "/home/*/.azure",
    "/home/*/.aws",
    "/home/*/.config/gcloud",
];

/// Volume types of the restricted level.
const RESTRICTED: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Calls `judge` with name, path and reading of every hostPath volume; that others are none is kept.
fn each_host_path<'f>(
    case: &mut Case,
    part: &Part<'f>,
    mut judge: impl FnMut(&mut Case, &'f str, &'f str, Reading),
) {
    if part.spec.volumes.is_empty() {
        case.read_in(part, part.field("volumes", Found::ABSENT));
    }
    for (index, volume) in part.spec.volumes.iter().enumerate() {
        let path = volume.host_path.as_ref().map(|host| host.path.as_str());
        let reading = part.field(&format!("volumes[{index}].hostPath.path"), path);
        match path {
            Some(path) => judge(case, &volume.name, path, reading),
            None => {
                case.read_in(part, reading);
            }
        }
    }
}

/// Names of the volumes that a container mounts without `readOnly: true`.
fn written_volumes<'f>(part: &Part<'f>) -> BTreeSet<&'f str> {
    let mounts = part.containers.iter().flat_map(|at| &at.container.volume_mounts);
    mounts.filter(|mount| mount.read_only != Some(true)).map(|mount| mount.name.as_str()).collect()
}

/// Whether a path of the host in a pod amounts to control of the host.
fn gives_control(path: &str, written: bool) -> bool {
    let path = HostPath::new(path);
    path.is_root() || (written && SENSITIVE.iter().any(|directory| path.overlaps(directory)))
}

fn hostpath_volume(report: &mut Report<'_, '_>) {
    let claims = Claims::new(report.facts);
    report.each_workload(|case, workload| {
        for part in &workload.parts {
            let written = written_volumes(part);
            each_host_path(case, part, |case, volume, path, reading| {
                let reason = format!("volume {volume} is {path} of the host");
                let fault = case.fault_in(part, reading, reason);
                if gives_control(path, written.contains(volume)) {
                    fault.counts_as(Significance::Critical);
                }
            });
            for claimed in claims.of(workload, part) {
                for (item, volume) in claims.volumes(case, part, &claimed) {
                    let path = volume.spec.host_path.as_ref().map(|host| host.path.as_str());
                    let reading = reading_of(item, "spec.hostPath.path", path);
                    case.uses(item);
                    let Some(path) = path else {
                        case.read(reading);
                        continue;
                    };
                    let reason = format!(
                        "volume {} is {path} of the host, by way of PersistentVolume {}",
                        claimed.volume,
                        item.name()
                    );
                    // Admission sees the claim, never the volume behind it.
                    let fault = case.fault(reading, reason);
                    fault.not_intercepted_by("cluster-pod-security-admission-baseline");
                    if gives_control(path, !claimed.read_only && written.contains(claimed.volume)) {
                        fault.counts_as(Significance::Critical);
                    }
                }
            }
        }
    });
}

fn runtime_socket_mount(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        each_host_path(case, part, |case, volume, written, reading| {
            let path = HostPath::new(written);
            let reaches = SOCKETS.iter().any(|socket| path.is_or_holds(socket))
                || path.file_name().is_some_and(|name| SOCKET_NAMES.contains(&name))
                || path.pipe().is_some_and(|pipe| PIPES.contains(&pipe));
            let reason = format!("volume {volume} reaches the socket of the container runtime");
            check(case, part, reading, reaches.then_some(reason.as_str()));
        });
    });
}

fn cloud_credential_mount(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        each_host_path(case, part, |case, volume, written, reading| {
            let path = HostPath::new(written);
            // The root is a fault of its own measure, and says nothing about credentials.
            let reached = CREDENTIALS.iter().find(|file| !path.is_root() && path.overlaps(file));
            let reason = reached.map(|file| format!("volume {volume} reaches {file} of the host"));
            check(case, part, reading, reason.as_deref());
        });
    });
}

fn volume_types(report: &mut Report<'_, '_>) {
    report.each_part(|case, part| {
        if part.spec.volumes.is_empty() {
            case.read_in(part, part.field("volumes", Found::ABSENT));
        }
        for (index, volume) in part.spec.volumes.iter().enumerate() {
            let sources: Vec<&str> = volume.sources().collect();
            // The contents of a source are not kept; that it is there is what counts.
            let mut found = Map::from_iter([("name".to_owned(), Value::from(volume.name.as_str()))]);
            found.extend(sources.iter().map(|source| ((*source).to_owned(), Value::Object(Map::new()))));
            let refused = |source: &&&str| **source != "hostPath" && !RESTRICTED.contains(*source);
            let refused: Vec<&str> = sources.iter().filter(refused).copied().collect();
            let reason = format!("volume {} is of type {}", volume.name, refused.join(" and "));
            let reading = part.field(&format!("volumes[{index}]"), Value::Object(found));
            check(case, part, reading, (!refused.is_empty()).then_some(reason.as_str()));
        }
    });
}
