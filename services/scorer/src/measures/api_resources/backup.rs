//! Backups of claims.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Platform;
use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::storage::{
    Claim, PodVolumeBackup, VeleroBackup, VeleroBackupSpec, VeleroStatus, VolumeSnapshot,
};
use jiff::{SignedDuration, Timestamp};

use super::common::SYSTEM;
use crate::facts::{Facts, Item};
use crate::measures::Entry;
use crate::verdict::{Found, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "pvc-backup-coverage", kinds: &[Kind::PersistentVolumeClaim], judge: covered }];

fn covered(report: &mut Report<'_, '_>) {
    let backups = Backups::new(report.facts);
    report.each(Kind::PersistentVolumeClaim, |case, item| {
        let Some(claim) = item.body::<Claim>() else {
            case.unknown("its fields were not read");
            return;
        };
        match backups.of(item, claim) {
            Coverage::By(by, field) => {
                case.uses(by).read(field);
            }
            Coverage::NotJudged(reason) => {
                case.not_applicable(reason);
            }
            Coverage::Untold(reason) => {
                case.read(reading("status.phase", "Bound")).unknown(reason);
            }
            Coverage::None => {
                let hours = backups.facts.settings().backup.max_age_hours;
                let reason = format!("no backup or snapshot of the last {hours} hours holds it");
                case.fault(reading("status.phase", "Bound"), reason);
            }
        }
    });
}

/// Whether a claim is backed up.
pub(super) enum Coverage<'f> {
    /// By this object; the field that says when.
    By(Item<'f>, Reading),
    /// By nothing that was seen.
    None,
    /// It cannot be told, and why.
    Untold(String),
    /// The measure does not concern the claim, and why.
    NotJudged(String),
}

/// The recent backups of a cluster.
pub(super) struct Backups<'m, 'f> {
    facts: &'m Facts<'f>,
    /// Completed backups of Velero, newest fields first looked at.
    velero: Vec<(Item<'f>, &'f VeleroBackup, Timestamp)>,
    /// Names of completed recent backups that hold the files of a claim, by UID of the claim.
    files: BTreeMap<&'f str, BTreeSet<&'f str>>,
    /// Snapshots stored outside the cluster, by namespace and claim.
    snapshots: BTreeMap<(&'f str, &'f str), (Item<'f>, Timestamp)>,
    gap: Option<String>,
}

/// Why a claim by that namespace and labels holds nothing worth keeping; `None` if it does.
pub(super) fn not_judged(facts: &Facts<'_>, namespace: &str, item: Option<Item<'_>>) -> Option<String> {
    if facts.is_system(namespace) {
        return Some(SYSTEM.into());
    }
    let labels = &item?.record.metadata.labels;
    let scratch =
        facts.settings().labels.scratch.iter().find(|(name, value)| labels.get(*name) == Some(*value));
    scratch.map(|(name, value)| format!("labelled {name}: {value}, data that may be lost"))
}

impl<'m, 'f> Backups<'m, 'f> {
    /// Gathers what is recent enough to count.
    pub(super) fn new(facts: &'m Facts<'f>) -> Self {
        let limit = facts.settings().backup.max_age_hours.clamp(0, 24 * 36_500);
        let recent = |time: &Timestamp| facts.at().duration_since(*time) <= SignedDuration::from_hours(limit);
        let done = |status: &Option<VeleroStatus>| {
            let status = status.as_ref().filter(|status| status.phase.as_deref() == Some("Completed"))?;
            status.completion_timestamp.or(status.start_timestamp).filter(recent)
        };
        let velero = facts
            .all::<VeleroBackup>(Kind::VeleroBackup)
            .filter_map(|(item, backup)| Some((item, backup, done(&backup.status)?)))
            .collect();
        let mut files: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (item, backup) in facts.all::<PodVolumeBackup>(Kind::PodVolumeBackup) {
            if let (Some(uid), Some(_)) = (backup.spec.tags.pvc_uid.as_deref(), done(&backup.status)) {
                let of = item.record.metadata.labels.get("velero.io/backup-name");
                files.entry(uid).or_default().insert(of.map_or("", String::as_str));
            }
        }
        let classes = &facts.settings().backup.external_snapshot_classes;
        let mut snapshots = BTreeMap::new();
        for (item, snapshot) in facts.all::<VolumeSnapshot>(Kind::VolumeSnapshot) {
            let (spec, status) = (&snapshot.spec, snapshot.status.as_ref());
            let outside = spec.volume_snapshot_class_name.as_ref().is_some_and(|name| classes.contains(name));
            let taken = status
                .filter(|status| status.ready_to_use == Some(true))
                .and_then(|status| status.creation_time)
                .filter(recent);
            if let (true, Some(taken), Some(claim)) =
                (outside, taken, spec.source.persistent_volume_claim_name.as_deref())
            {
                snapshots.entry((item.namespace(), claim)).or_insert((item, taken));
            }
        }
        let gap = [Kind::VeleroBackup, Kind::PodVolumeBackup, Kind::VolumeSnapshot]
            .into_iter()
            .find_map(|kind| facts.not_listed(kind));
        Self { facts, velero, files, snapshots, gap }
    }

    /// Whether a claim is backed up.
    pub(super) fn of(&self, item: Item<'f>, claim: &Claim) -> Coverage<'f> {
        if self.facts.is_manifests() {
            return Coverage::NotJudged("manifests show no backups".into());
        }
        if let Some(reason) = not_judged(self.facts, item.namespace(), Some(item)) {
            return Coverage::NotJudged(reason);
        }
        if claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound") {
            return Coverage::NotJudged("the claim is not bound".into());
        }
        if let Some((snapshot, taken)) = self.snapshots.get(&(item.namespace(), item.name())) {
            return Coverage::By(*snapshot, reading_of(*snapshot, "status.creationTime", taken.to_string()));
        }
        let labels = &item.record.metadata.labels;
        if labels.get("velero.io/exclude-from-backup").map(String::as_str) != Some("true") {
            let holds = |(backup, body, _): &&(Item<'f>, &'f VeleroBackup, Timestamp)| {
                includes(&body.spec, item) && self.holds_data(*backup, &body.spec, item)
            };
            if let Some((backup, _, at)) = self.velero.iter().find(holds) {
                let field = reading_of(*backup, "status.completionTimestamp", at.to_string());
                return Coverage::By(*backup, field);
            }
        }
        match &self.gap {
            Some(gap) => Coverage::Untold(gap.clone()),
            None if self.facts.platform() == Platform::Aks => {
                Coverage::Untold("the recovery points of Azure Backup were not read".into())
            }
            None => Coverage::None,
        }
    }

    /// Whether a backup holds the data of the claim, not its object alone.
    fn holds_data(&self, backup: Item<'_>, spec: &VeleroBackupSpec, claim: Item<'_>) -> bool {
        let files = self.files.get(claim.record.metadata.uid.as_str());
        if files.is_some_and(|names| names.contains(backup.name()) || names.contains("")) {
            return true;
        }
        let labels = &claim.record.metadata.labels;
        let selected = spec.label_selector.as_ref().is_none_or(|selector| selector.matches(labels))
            && (spec.or_label_selectors.is_empty()
                || spec.or_label_selectors.iter().any(|s| s.matches(labels)));
        selected && (spec.snapshot_volumes != Some(false) || spec.default_volumes_to_fs_backup == Some(true))
    }
}

/// Whether a backup takes the namespace of a claim, and claims at all.
fn includes(spec: &VeleroBackupSpec, claim: Item<'_>) -> bool {
    let names = |list: &[String], name: &str| list.iter().any(|entry| entry == "*" || entry == name);
    let resource = |list: &[String], wanted: &[&str]| {
        list.iter().any(|entry| {
            let bare = entry.split_once('.').map_or(entry.as_str(), |(bare, _)| bare);
            bare == "*" || wanted.contains(&bare.to_ascii_lowercase().as_str())
        })
    };
    let claims = ["persistentvolumeclaims", "persistentvolumeclaim", "pvc"];
    let data = [
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        "pvc",
        "persistentvolumes",
        "persistentvolume",
        "pv",
    ];
    let namespace = claim.namespace();
    (spec.included_namespaces.is_empty() || names(&spec.included_namespaces, namespace))
        && !names(&spec.excluded_namespaces, namespace)
        && (spec.included_resources.is_empty() || resource(&spec.included_resources, &claims))
        && !resource(&spec.excluded_resources, &data)
}

/// The phase of a claim.
pub(super) fn phase(claim: &Claim) -> Reading {
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
    reading("status.phase", phase.map_or(Found::ABSENT, Found::from))
}
