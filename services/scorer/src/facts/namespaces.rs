//! Namespaces: which are the platform's, which hold workloads, and who owns a workload.

use std::collections::BTreeMap;

use hexproof_core::record::{Kind, cluster};
use hexproof_core::settings::Settings;

use super::{Facts, Item, Workload};

/// One namespace that exists or that an object names.
#[derive(Debug, Clone)]
pub struct NamespaceFacts<'f> {
    /// Its name.
    pub name: &'f str,
    /// The Namespace object, if it is there.
    pub item: Option<Item<'f>>,
    /// It belongs to the platform.
    pub system: bool,
    /// Places in [`Facts::workloads`] of the workloads in it.
    pub workloads: Vec<usize>,
}

pub(super) fn gather<'f>(
    by_kind: &BTreeMap<Kind, Vec<Item<'f>>>,
    workloads: &[Workload<'f>],
    settings: &Settings,
) -> BTreeMap<&'f str, NamespaceFacts<'f>> {
    let mut namespaces: BTreeMap<&'f str, NamespaceFacts<'f>> = BTreeMap::new();
    let entry = |name: &'f str| NamespaceFacts {
        name,
        item: None,
        system: settings.system_namespaces.iter().any(|n| n == name),
        workloads: Vec::new(),
    };
    for item in by_kind.values().flatten() {
        let name = if item.kind() == Kind::Namespace { item.name() } else { item.namespace() };
        if name.is_empty() {
            continue;
        }
        let facts = namespaces.entry(name).or_insert_with(|| entry(name));
        if item.kind() == Kind::Namespace && item.body::<cluster::Namespace>().is_some() {
            facts.item = Some(*item);
        }
    }
    for (place, workload) in workloads.iter().enumerate() {
        if let Some(facts) = namespaces.get_mut(workload.item.namespace()) {
            facts.workloads.push(place);
        }
    }
    namespaces
}

impl<'f> Facts<'f> {
    /// Every namespace that exists or is named, by name.
    pub fn namespaces(&self) -> impl Iterator<Item = &NamespaceFacts<'f>> {
        self.namespaces.values()
    }

    /// Facts of one namespace.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceFacts<'f>> {
        self.namespaces.get(name)
    }

    /// Whether a namespace belongs to the platform; every other one is a user namespace.
    pub fn is_system(&self, namespace: &str) -> bool {
        self.settings.system_namespaces.iter().any(|name| name == namespace)
    }

    /// The workloads of a namespace.
    pub fn workloads_in(&self, namespace: &str) -> impl Iterator<Item = &Workload<'f>> {
        let places = self.namespace(namespace).map_or(&[][..], |facts| facts.workloads.as_slice());
        places.iter().filter_map(|place| self.workloads.get(*place))
    }

    /// Why provider or distribution run a workload; `None` if they do not.
    ///
    /// In a system namespace: a mirror pod, an object with a label of the AKS add-on manager, or one of the list in
    /// the settings.
    pub fn platform_owned(&self, workload: &Workload<'f>) -> Option<&'static str> {
        let item = workload.item;
        if !self.is_system(item.namespace()) {
            return None;
        }
        let meta = &item.record.metadata;
        if meta.annotations.contains_key("kubernetes.io/config.mirror") {
            return Some("owned by the platform: a mirror pod");
        }
        if meta.labels.contains_key("kubernetes.azure.com/managedby")
            || meta.labels.contains_key("addonmanager.kubernetes.io/mode")
        {
            return Some("owned by the platform: labelled by its add-on manager");
        }
        let kind = &item.record.kind_name.name;
        self.settings
            .platform_owned
            .iter()
            .any(|selector| selector.matches(kind, item.namespace(), item.name()))
            .then_some("owned by the platform: on the list in the settings")
    }
}
