//! Bindings with the identities they name.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::rbac::RoleBinding;

use super::{Identity, Key, defaults};
use crate::facts::{Facts, Item};

/// A RoleBinding or ClusterRoleBinding.
#[derive(Debug)]
pub struct BindingFacts<'f> {
    /// The object.
    pub item: Item<'f>,
    /// Its fields.
    pub body: &'f RoleBinding,
    /// One that Kubernetes makes itself, to the role it makes it for.
    pub default: bool,
    /// The subjects, in the order of the object.
    pub subjects: Vec<BoundSubject<'f>>,
    /// The role it names.
    pub role: RoleRefState,
}

/// A subject of a binding.
#[derive(Debug, Clone, Copy)]
pub struct BoundSubject<'f> {
    /// Who it is.
    pub identity: Identity<'f>,
    /// Place in `subjects`.
    pub place: usize,
    /// A default binding has it by default.
    pub shipped: bool,
}

/// What is known of the role that a binding names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleRefState {
    /// Place in `RbacFacts::roles`.
    Role(usize),
    /// There is no such role in the cluster: the binding grants nothing.
    Missing,
    /// The reference is none that the API server accepts: the binding grants nothing.
    Invalid,
}

impl<'f> BindingFacts<'f> {
    /// Whether it binds in every namespace.
    pub fn is_cluster_wide(&self) -> bool {
        self.item.kind() == Kind::ClusterRoleBinding
    }

    /// The role it names.
    pub fn role_key(&self) -> Option<Key<'f>> {
        let reference = &self.body.role_ref;
        match reference.kind.as_str() {
            "ClusterRole" => Some((Kind::ClusterRole, "", reference.name.as_str())),
            "Role" if !self.is_cluster_wide() => {
                Some((Kind::Role, self.item.namespace(), reference.name.as_str()))
            }
            _ => None,
        }
    }

    /// The subjects that somebody added: all but those that a default binding has by default.
    pub fn added(&self) -> impl Iterator<Item = &BoundSubject<'f>> {
        self.subjects.iter().filter(|subject| !subject.shipped)
    }

    pub(super) fn resolve(&mut self, by_key: &BTreeMap<Key<'f>, usize>) {
        self.role = match self.role_key() {
            None => RoleRefState::Invalid,
            Some(key) => by_key.get(&key).map_or(RoleRefState::Missing, |place| RoleRefState::Role(*place)),
        };
    }
}

pub(super) fn gather<'f>(facts: &Facts<'f>) -> Vec<BindingFacts<'f>> {
    let kinds = [Kind::ClusterRoleBinding, Kind::RoleBinding];
    kinds
        .into_iter()
        .flat_map(|kind| facts.all::<RoleBinding>(kind))
        .map(|(item, body)| of(item, body))
        .collect()
}

fn of<'f>(item: Item<'f>, body: &'f RoleBinding) -> BindingFacts<'f> {
    let shipped = defaults::binding(item.record).filter(|shipped| {
        defaults::is_default(item.record)
            && shipped.role_ref.kind == body.role_ref.kind
            && shipped.role_ref.name == body.role_ref.name
    });
    let usual: Vec<Identity<'_>> = shipped
        .iter()
        .flat_map(|shipped| &shipped.subjects)
        .map(|subject| Identity::of(subject, item.namespace()))
        .collect();
    let subjects = body
        .subjects
        .iter()
        .enumerate()
        .map(|(place, subject)| {
            let identity = Identity::of(subject, item.namespace());
            BoundSubject { identity, place, shipped: usual.contains(&identity) }
        })
        .collect();
    BindingFacts { item, body, default: shipped.is_some(), subjects, role: RoleRefState::Invalid }
}
