//! Whether a named object exists, and whether that can be told.

use hexproof_core::record::Kind;

use super::{Bodied, Facts, Item};

/// The answer to "does it exist?".
#[derive(Debug, Clone)]
pub enum Lookup<'f, T> {
    /// It is there.
    Found(Item<'f>, &'f T),
    /// It exists in every cluster, although it is not in the set.
    Implied,
    /// It was looked for where it would be, and is not there.
    Missing,
    /// It cannot be told, and why.
    Unseen(String),
}

impl<'f> Facts<'f> {
    /// Looks up an object by name.
    ///
    /// From manifests a missing object may exist outside the set: it is `Unseen`. In a cluster it is `Missing`,
    /// unless its kind could not be listed.
    pub fn find<T: Bodied>(&self, kind: Kind, namespace: &str, name: &str) -> Lookup<'f, T> {
        if let Some(item) = self.by_name.get(&(kind, namespace, name))
            && let Some(body) = item.body::<T>()
        {
            return Lookup::Found(*item, body);
        }
        if is_always_there(kind, namespace, name) {
            return Lookup::Implied;
        }
        if let Some(reason) = self.not_listed(kind) {
            return Lookup::Unseen(reason);
        }
        if self.is_manifests() {
            let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            return Lookup::Unseen(format!("{kind} {place}{name} is not in the manifest set"));
        }
        Lookup::Missing
    }

    /// Why the objects of a kind are not all known; `None` if they are.
    pub fn not_listed(&self, kind: Kind) -> Option<String> {
        let (group, name) = kind.group_kind();
        let population = &self.snapshot().population;
        let of_group =
            |api_version: &str| api_version.split_once('/').map_or("", |(group, _)| group) == group;
        let refused = population
            .not_listed
            .iter()
            .find(|entry| of_group(&entry.api_version) && (entry.kind == name || entry.kind.is_empty()));
        if let Some(entry) = refused {
            return Some(format!("{} could not be listed: {}", kind.plural(), entry.reason));
        }
        let unreadable: u64 = population
            .rows
            .iter()
            .filter(|row| row.kind == name && of_group(&row.api_version))
            .flat_map(|row| &row.unreadable)
            .map(|reason| reason.count)
            .sum();
        (unreadable > 0).then(|| format!("{unreadable} {} could not be read", kind.plural()))
    }
}

/// Objects that exist in every cluster (catalogue rule for manifest sets).
fn is_always_there(kind: Kind, namespace: &str, name: &str) -> bool {
    match kind {
        Kind::Namespace => matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease"),
        Kind::ServiceAccount => name == "default",
        Kind::ConfigMap => name == "kube-root-ca.crt",
        Kind::Service => namespace == "default" && name == "kubernetes",
        Kind::PriorityClass => matches!(name, "system-node-critical" | "system-cluster-critical"),
        _ => false,
    }
}
