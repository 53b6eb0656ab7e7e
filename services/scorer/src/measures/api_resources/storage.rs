//! Measures on claims: who shares them, and whether they work.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Significance;
use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::storage::{Claim, StorageClass, Volume, VolumeAttachment};
use jiff::SignedDuration;

use super::backup::phase;
use super::common::some_of;
use crate::facts::{Facts, Item, Lookup, Part, Workload};
use crate::measures::Entry;
use crate::verdict::{Case, Found, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "pvc-access-modes", kinds: &[Kind::PersistentVolumeClaim], judge: access_modes },
    Entry { id: "pvc-bound-and-healthy", kinds: &[Kind::PersistentVolumeClaim], judge: healthy },
];

/// Modes under which at most one node writes.
const ONE_WRITER: &[&str] = &["ReadWriteOncePod", "ReadWriteOnce", "ReadOnlyMany"];

/// Workloads that mount a claim, by namespace and claim, with the field that mounts it.
type Mounts<'m, 'f> = BTreeMap<(&'f str, &'f str), BTreeMap<u32, (&'m Workload<'f>, Reading)>>;

fn access_modes(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let measure = report.measure.id.as_str();
    let writers = writers(facts);
    let gap = facts.pods_not_listed();
    for (item, claim) in facts.all::<Claim>(Kind::PersistentVolumeClaim) {
        let mut case = Case::of(item);
        let modes = &claim.spec.access_modes;
        let field = reading("spec.accessModes", modes.as_slice());
        let shared = modes.iter().find(|mode| !ONE_WRITER.contains(&mode.as_str()));
        match (shared, facts.recorded(measure, "PersistentVolumeClaim", item.namespace(), item.name())) {
            (Some(_), Some(entry)) => {
                case.read(field).cites(entry);
            }
            (Some(mode), None) => {
                case.fault(field, format!("{mode} lets any number of nodes write"));
            }
            (None, _) if modes.is_empty() => {
                case.fault(field, "it names no access mode");
            }
            (None, _) => {
                case.read(field);
            }
        }
        let writing = writers.get(&(item.namespace(), item.name()));
        let names: Vec<String> = writing
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|(workload, _)| workload.item.label())
            .collect();
        for (workload, mount) in writing.into_iter().flat_map(BTreeMap::values) {
            case.uses(workload.item);
            if names.len() > 1 {
                case.fault(
                    mount.clone(),
                    format!("{} workloads mount it writable: {}", names.len(), some_of(&names)),
                );
            } else {
                case.read(mount.clone());
            }
        }
        if let Some(gap) = &gap {
            case.unknown(gap.as_str());
        }
        if claim.spec.volume_mode.as_deref() == Some("Block") {
            case.read(reading("spec.volumeMode", "Block"))
                .note("a raw device: no file system guards who writes");
        }
        report.push(case);
    }
}

fn writers<'m, 'f>(facts: &'m Facts<'f>) -> Mounts<'m, 'f> {
    let mut writers = Mounts::new();
    for workload in facts.workloads() {
        for part in &workload.parts {
            for (place, volume) in part.spec.volumes.iter().enumerate() {
                let Some(source) = &volume.persistent_volume_claim else { continue };
                if source.read_only == Some(true) || !written(part, &volume.name) {
                    continue;
                }
                let path = format!("{}.volumes[{place}].persistentVolumeClaim.claimName", part.prefix);
                let mount = reading_of(part.item, path, source.claim_name.as_str());
                writers
                    .entry((part.item.namespace(), source.claim_name.as_str()))
                    .or_default()
                    .entry(workload.item.index)
                    .or_insert((workload, mount));
            }
        }
    }
    writers
}

/// Whether a container mounts a volume writable or has it as a device.
fn written(part: &Part<'_>, volume: &str) -> bool {
    part.containers.iter().any(|container| {
        let mounts = &container.container.volume_mounts;
        mounts.iter().any(|mount| mount.name == volume && mount.read_only != Some(true))
            || container.container.volume_devices.iter().any(|device| device.name == volume)
    })
}

fn healthy(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let measure = report.measure.id.as_str();
    let mounted = mounted(facts);
    let mut broken: BTreeMap<&str, Item<'_>> = BTreeMap::new();
    for (item, attachment) in facts.all::<VolumeAttachment>(Kind::VolumeAttachment) {
        let failed = attachment.status.as_ref().is_some_and(|status| status.attach_error.is_some());
        if let (true, Some(volume)) = (failed, attachment.spec.source.persistent_volume_name.as_deref()) {
            broken.entry(volume).or_insert(item);
        }
    }
    for (item, claim) in facts.all::<Claim>(Kind::PersistentVolumeClaim) {
        let mut case = Case::of(item);
        let state = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        match state.filter(|_| !facts.is_manifests()) {
            None => {
                case.not_applicable("it has no status");
            }
            Some("Pending") => {
                pending(&mut case, facts, item, claim, mounted.contains(&(item.namespace(), item.name())));
            }
            Some("Bound") => {
                case.read(phase(claim));
                bound(&mut case, facts, measure, item, claim, &broken);
            }
            Some(other) => {
                let reason = format!("the claim is {other}: its volume is gone");
                case.fault(phase(claim), reason).counts_as(Significance::High);
            }
        }
        report.push(case);
    }
}

/// Claims that running pods mount.
fn mounted<'f>(facts: &Facts<'f>) -> BTreeSet<(&'f str, &'f str)> {
    let parts = facts.workloads().iter().flat_map(|workload| &workload.parts).filter(|part| part.running);
    parts
        .flat_map(|part| {
            let claims =
                part.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
            claims.map(|claim| (part.item.namespace(), claim.claim_name.as_str()))
        })
        .collect()
}

fn pending(case: &mut Case, facts: &Facts<'_>, item: Item<'_>, claim: &Claim, mounted: bool) {
    let Some(created) = item.record.metadata.creation_timestamp else {
        case.read(phase(claim)).unknown("how long it has been pending cannot be told");
        return;
    };
    let age = facts.at().duration_since(created);
    if age <= SignedDuration::from_mins(15) {
        case.not_applicable("pending for less than 15 minutes");
        return;
    }
    if !mounted {
        match class_of(facts, claim) {
            Ok(Some((_, class))) if class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer") => {
                match facts.not_listed(Kind::Pod) {
                    Some(gap) => case.read(phase(claim)).unknown(gap),
                    None => case.not_applicable("its class waits for the first pod, and no pod mounts it"),
                };
                return;
            }
            Err(gap) => {
                case.read(phase(claim)).unknown(gap);
                return;
            }
            Ok(_) => {}
        }
    }
    case.fault(phase(claim), format!("pending for {} minutes", age.as_mins()));
}

/// The class of a claim: the one it names, else the default; `Err` says why it cannot be told.
pub(super) fn class_of<'f>(
    facts: &Facts<'f>,
    claim: &Claim,
) -> Result<Option<(Item<'f>, &'f StorageClass)>, String> {
    let Some(name) = claim.spec.storage_class_name.as_deref() else {
        let default = facts.all::<StorageClass>(Kind::StorageClass).find(|(item, _)| is_default(*item));
        return match (default, facts.not_listed(Kind::StorageClass)) {
            (None, Some(gap)) => Err(gap),
            (default, _) => Ok(default),
        };
    };
    match facts.find::<StorageClass>(Kind::StorageClass, "", name) {
        Lookup::Found(item, class) => Ok(Some((item, class))),
        Lookup::Unseen(reason) => Err(reason),
        Lookup::Missing | Lookup::Implied => Ok(None),
    }
}

/// Whether a class is the default one.
pub(super) fn is_default(item: Item<'_>) -> bool {
    item.record.metadata.annotation("storageclass.kubernetes.io/is-default-class") == Some("true")
}

fn bound(
    case: &mut Case,
    facts: &Facts<'_>,
    measure: &str,
    item: Item<'_>,
    claim: &Claim,
    broken: &BTreeMap<&str, Item<'_>>,
) {
    case.note("how full the volume is was not seen");
    let name = claim.spec.volume_name.as_deref().filter(|name| !name.is_empty());
    case.read(reading("spec.volumeName", name));
    let Some(name) = name else {
        case.unknown("it names no volume");
        return;
    };
    match broken.get(name) {
        Some(attachment) => {
            let field = reading_of(*attachment, "status.attachError", "present");
            case.fault(field, format!("PersistentVolume {name} could not be attached"));
        }
        None => {
            if let Some(gap) = facts.not_listed(Kind::VolumeAttachment) {
                case.unknown(gap);
            }
        }
    }
    let (volume, body) = match facts.find::<Volume>(Kind::PersistentVolume, "", name) {
        Lookup::Found(volume, body) => (volume, body),
        Lookup::Unseen(reason) => {
            case.unknown(reason);
            return;
        }
        Lookup::Missing | Lookup::Implied => {
            case.unknown(format!("PersistentVolume {name} does not exist"));
            return;
        }
    };
    let state = body.status.as_ref().and_then(|status| status.phase.as_deref());
    let field = reading_of(volume, "status.phase", state);
    case.uses(volume);
    if state == Some("Failed") {
        case.fault(field, format!("PersistentVolume {name} has failed"));
    } else {
        case.read(field);
    }
    let on_node = if body.spec.local.is_some() {
        "local"
    } else if body.spec.host_path.is_some() {
        "hostPath"
    } else {
        case.read(reading_of(volume, "spec.local", Found::ABSENT));
        return;
    };
    let field = reading_of(volume, format!("spec.{on_node}"), "present");
    let recorded = [("PersistentVolumeClaim", item.namespace(), item.name()), ("PersistentVolume", "", name)]
        .into_iter()
        .find_map(|(kind, namespace, name)| facts.recorded(measure, kind, namespace, name));
    match recorded {
        Some(entry) => {
            case.read(field).cites(entry);
        }
        None => {
            case.fault(field, "its data stands on the disk of one node and is not recorded as replaceable");
        }
    }
}
