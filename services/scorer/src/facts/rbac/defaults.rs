//! The roles and bindings that every API server makes, as Kubernetes 1.36 has them, with those of newer features
//! that are off by default.
//!
//! They are recognised by label and name together; what they grant counts where a manifest set refers to them
//! without holding them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hexproof_core::record::rbac::{Role, RoleBinding};
use hexproof_core::record::{Bodied as _, Kind, Record};

/// Kind, namespace and name.
pub type Key<'f> = (Kind, &'f str, &'f str);

static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| {
    include_str!("defaults.jsonl")
        .lines()
        .filter_map(|line| Record::decode(&serde_json::from_str(line).ok()?).ok())
        .collect()
});

static BY_KEY: LazyLock<BTreeMap<Key<'static>, &'static Record>> =
    LazyLock::new(|| RECORDS.iter().map(|record| (key(record), record)).collect());

fn key(record: &Record) -> Key<'_> {
    (record.kind(), &record.metadata.namespace, &record.metadata.name)
}

/// The shipped object of that key.
pub(super) fn shipped(key: Key<'_>) -> Option<&'static Record> {
    BY_KEY.get(&key).copied()
}

/// The shipped ClusterRoles.
pub(super) fn cluster_roles() -> impl Iterator<Item = (&'static Record, &'static Role)> {
    let roles = BY_KEY.values().filter(|record| record.kind() == Kind::ClusterRole);
    roles.filter_map(|record| Some((*record, Role::of(&record.body)?)))
}

/// Whether an object is one of Kubernetes itself: label and name together, never one alone.
pub(super) fn is_default(record: &Record) -> bool {
    const LABEL: &str = "kubernetes.io/bootstrapping";
    record.metadata.labels.get(LABEL).is_some_and(|value| value == "rbac-defaults")
        && shipped(key(record)).is_some()
}

/// The shipped fields of a binding.
pub(super) fn binding(record: &Record) -> Option<&'static RoleBinding> {
    RoleBinding::of(&shipped(key(record))?.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(RECORDS.len(), include_str!("defaults.jsonl").lines().count());
        assert_eq!(BY_KEY.len(), RECORDS.len());
        assert!(RECORDS.iter().all(|r| Role::of(&r.body).is_some() || RoleBinding::of(&r.body).is_some()));
    }

    #[test]
    fn neither_label_nor_name_alone_makes_a_default() {
        let decode = |name: &str, labels: serde_json::Value| {
            Record::decode(
                &serde_json::json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": name, "labels": labels}}),
            )
            .unwrap()
        };
        let label = serde_json::json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        assert!(is_default(&decode("system:node", label.clone())));
        assert!(!is_default(&decode("system:foo", label)));
        assert!(!is_default(&decode("system:node", serde_json::json!({}))));
    }
}
