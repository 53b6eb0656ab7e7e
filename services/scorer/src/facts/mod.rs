//! A snapshot, indexed for judging.
//!
//! `workloads` joins pods with their topmost owners, `lookup` answers whether a named object exists, `namespaces`
//! tells user from system namespaces and who owns a workload, `rbac` joins roles with their bindings, `services` which
//! Services select a pod, `selection` finds pods by label, `policies` knows what network policies let through, `image`
//! splits image references.

mod image;
mod lookup;
mod namespaces;
pub mod policies;
pub mod rbac;
mod selection;
mod services;
mod workloads;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use hexproof_core::Platform;
use hexproof_core::digest::Digest;
use hexproof_core::observation::Subject;
use hexproof_core::record::{Kind, Record};
use hexproof_core::settings::{Recorded, Settings};
use hexproof_core::snapshot::Snapshot;
use jiff::Timestamp;

pub use hexproof_core::record::Bodied;
pub use image::{ImageRef, is_sha256};
pub use lookup::Lookup;
pub use namespaces::NamespaceFacts;
pub use services::ServiceIndex;
pub(crate) use workloads::is_finished;
pub use workloads::{ContainerAt, ContainerRole, Part, Workload};

/// One record of the snapshot, by its place.
#[derive(Debug, Clone, Copy)]
pub struct Item<'f> {
    /// Place in the snapshot.
    pub index: u32,
    /// The record.
    pub record: &'f Record,
}

impl<'f> Item<'f> {
    /// Name of the object.
    pub fn name(&self) -> &'f str {
        &self.record.metadata.name
    }

    /// Namespace of the object; empty for cluster-scoped ones.
    pub fn namespace(&self) -> &'f str {
        &self.record.metadata.namespace
    }

    /// Kind of the object.
    pub fn kind(&self) -> Kind {
        self.record.kind()
    }

    /// `Kind namespace/name`.
    pub fn label(&self) -> String {
        self.subject().label()
    }

    /// The object as a subject.
    pub fn subject(&self) -> Subject {
        Subject {
            kind: self.record.kind_name.name.clone(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
            api_version: self.record.api_version.clone(),
            container: String::new(),
            uid: self.record.metadata.uid.clone(),
        }
    }

    /// The typed fields, if the object is of that type.
    pub fn body<T: Bodied>(&self) -> Option<&'f T> {
        T::of(&self.record.body)
    }
}

/// The facts of one cluster.
pub struct Facts<'f> {
    snapshot: &'f Snapshot,
    settings: &'f Settings,
    by_kind: BTreeMap<Kind, Vec<Item<'f>>>,
    by_name: BTreeMap<(Kind, &'f str, &'f str), Item<'f>>,
    workloads: Vec<Workload<'f>>,
    namespaces: BTreeMap<&'f str, NamespaceFacts<'f>>,
    digests: Vec<OnceLock<Digest>>,
    rbac: OnceLock<Box<rbac::RbacFacts<'f>>>,
    pod_index: OnceLock<selection::PodIndex<'f>>,
    policies: OnceLock<policies::Policies<'f>>,
}

impl<'f> Facts<'f> {
    /// Indexes a snapshot.
    pub fn new(snapshot: &'f Snapshot, settings: &'f Settings) -> Self {
        let mut by_kind: BTreeMap<Kind, Vec<Item<'f>>> = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for (index, record) in snapshot.records.iter().enumerate() {
            let item = Item { index: u32::try_from(index).unwrap_or(u32::MAX), record };
            let kind = record.kind();
            by_kind.entry(kind).or_default().push(item);
            by_name.entry((kind, item.namespace(), item.name())).or_insert(item);
        }
        let workloads = workloads::join(&by_kind, &by_name);
        let namespaces = namespaces::gather(&by_kind, &workloads, settings);
        let digests = snapshot.records.iter().map(|_| OnceLock::new()).collect();
        Self {
            snapshot,
            settings,
            by_kind,
            by_name,
            workloads,
            namespaces,
            digests,
            pod_index: OnceLock::new(),
            policies: OnceLock::new(),
            rbac: OnceLock::new(),
        }
    }

    /// What the operator states.
    pub fn settings(&self) -> &'f Settings {
        self.settings
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &'f Snapshot {
        self.snapshot
    }

    /// When the state was collected: ages are measured against it.
    pub fn at(&self) -> Timestamp {
        self.snapshot.header.collected_at
    }

    /// Whether the objects are manifests, without status.
    pub fn is_manifests(&self) -> bool {
        self.snapshot.is_manifests()
    }

    /// Where the cluster runs; on-premise where nothing says otherwise.
    pub fn platform(&self) -> Platform {
        self.snapshot.header.cluster.platform.unwrap_or(Platform::OnPremise)
    }

    /// The objects of a kind, in canonical order.
    pub fn items(&self, kind: Kind) -> &[Item<'f>] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The objects of a kind with their typed fields.
    pub fn all<T: Bodied + 'f>(&self, kind: Kind) -> impl Iterator<Item = (Item<'f>, &'f T)> + '_ {
        self.items(kind).iter().filter_map(|item| Some((*item, item.body::<T>()?)))
    }

    /// Every Pod and workload template: one entry per topmost owner.
    pub fn workloads(&self) -> &[Workload<'f>] {
        &self.workloads
    }

    /// Roles and bindings, joined when they are first asked for.
    pub fn rbac(&self) -> &rbac::RbacFacts<'f> {
        self.rbac.get_or_init(|| Box::new(rbac::RbacFacts::new(self)))
    }

    /// The digest of a record.
    pub fn digest(&self, index: u32) -> Digest {
        let place = index as usize;
        match (self.digests.get(place), self.snapshot.records.get(place)) {
            (Some(cell), Some(record)) => *cell.get_or_init(|| record.digest()),
            _ => Digest::of(b""),
        }
    }

    /// The recorded exception for a subject of a measure, if one is in force at the time of collection.
    pub fn recorded(&self, measure: &str, kind: &str, namespace: &str, name: &str) -> Option<&'f Recorded> {
        self.settings.recorded.iter().find(|entry| entry.covers(measure, kind, namespace, name, self.at()))
    }
}
