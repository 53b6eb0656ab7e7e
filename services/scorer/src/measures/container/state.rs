//! Measures on state that must outlive the pod.

use std::collections::BTreeSet;

use hexproof_core::record::Kind;
use hexproof_core::record::pod::Volume;
use hexproof_core::settings::Images;

use super::findings::{container_at, findings};
use super::image::image_of;
use crate::facts::{ContainerAt, Part, Workload};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::Report;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "container-stateful-data-on-volume", kinds: WORKLOADS, judge: stateful_data }];

fn stateful_data(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let images = &facts.settings().images;
    let measure = report.measure.id.as_str();
    report.each_workload(|case, workload| {
        let kind = workload.item.kind();
        if !matches!(
            kind,
            Kind::StatefulSet | Kind::Pod | Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet
        ) {
            case.not_applicable(format!("a {kind} is not meant to keep state"));
            return;
        }
        if workload.is_mirror() {
            case.not_applicable("a mirror pod");
            return;
        }
        let item = workload.item;
        if kind == Kind::StatefulSet
            && let Some(entry) = facts.recorded(measure, "StatefulSet", item.namespace(), item.name())
        {
            case.cites(entry).passes("recorded as needing only a stable identity");
            return;
        }
        let mut concerned = kind == Kind::StatefulSet;
        for part in &workload.parts {
            let lasting = lasting_volumes(workload, part);
            for (container, name) in stateful_containers(part, images) {
                concerned = true;
                let mounts = mounted_volumes(container);
                let image = container.field("image", container.container.image.clone());
                if mounts.iter().any(|mount| lasting.contains(mount.as_str())) {
                    case.read_in(part, image).read_in(part, container.field("volumeMounts[].name", mounts));
                } else {
                    case.read_in(part, image);
                    let reading = container.field("volumeMounts[].name", mounts.as_slice());
                    case.fault_in(
                        part,
                        reading,
                        format!("{name} keeps its data on no volume that outlives the pod"),
                    );
                }
            }
            if kind == Kind::StatefulSet {
                let names: Vec<String> = lasting.iter().map(|name| (*name).to_owned()).collect();
                let reading = part.field("volumes[].name", names.as_slice());
                if lasting.is_empty() {
                    case.fault_in(part, reading, "the StatefulSet has no volume that outlives its pods");
                } else {
                    case.read_in(part, reading);
                }
            }
        }
        if !concerned {
            case.not_applicable("no StatefulSet, and no known database or queue runs in it");
        }
    });
}

/// Names of the volumes of a pod that outlive it.
fn lasting_volumes<'f>(workload: &Workload<'f>, part: &Part<'f>) -> BTreeSet<&'f str> {
    let volumes =
        part.spec.volumes.iter().filter(|volume| outlives_pod(volume)).map(|volume| volume.name.as_str());
    // Pods show their claims as volumes; a template does not.
    let claims = workload
        .controller()
        .filter(|_| part.own && workload.item.kind() == Kind::StatefulSet)
        .into_iter()
        .flat_map(|controller| &controller.spec.volume_claim_templates)
        .map(|claim| claim.metadata.name.as_str());
    volumes.chain(claims).collect()
}

/// Whether the storage behind a volume stays when the pod goes. emptyDir, hostPath, ephemeral claims and inline csi
/// volumes end with the pod or stay on its node.
fn outlives_pod(volume: &Volume) -> bool {
    matches!(
        volume.source(),
        "persistentVolumeClaim"
            | "nfs"
            | "iscsi"
            | "fc"
            | "rbd"
            | "cephfs"
            | "azureFile"
            | "azureDisk"
            | "awsElasticBlockStore"
            | "gcePersistentDisk"
            | "cinder"
            | "vsphereVolume"
            | "portworxVolume"
    )
}

/// The containers that run a known database or queue, with its name.
fn stateful_containers<'p, 'f>(part: &'p Part<'f>, images: &Images) -> Vec<(&'p ContainerAt<'f>, String)> {
    let persistent: BTreeSet<&str> = findings(part, |derived| &derived.persistence)
        .iter()
        .filter_map(|finding| container_at(part, &finding.path))
        .map(|container| container.path.as_str())
        .collect();
    let known = |list: &[String], name: &str| list.iter().any(|known| known == name);
    part.containers
        .iter()
        .filter(|container| container.is_long_running())
        .filter_map(|container| {
            let image = image_of(container).1?;
            let name = image.short_name();
            let stateful = known(&images.stateful, name)
                || (known(&images.stateful_with_persistence, name)
                    && persistent.contains(container.path.as_str()));
            stateful.then(|| (container, name.to_owned()))
        })
        .collect()
}

/// Names of the volumes that a container mounts, as files or as devices.
fn mounted_volumes(container: &ContainerAt<'_>) -> Vec<String> {
    let mounts = container.container.volume_mounts.iter().map(|mount| mount.name.clone());
    let devices = container.container.volume_devices.iter().map(|device| device.name.clone());
    mounts.chain(devices).collect()
}
