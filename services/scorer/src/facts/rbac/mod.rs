//! Roles and bindings, joined: what each role grants, who is bound to it and where.
//!
//! `identity` says who a subject is, `grant` what a rule allows, `defaults` which objects Kubernetes makes itself,
//! `roles` resolves roles and `bindings` joins them with subjects.

mod bindings;
mod defaults;
mod grant;
mod identity;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::Kind;

use super::Facts;

pub use bindings::{BindingFacts, BoundSubject, RoleRefState};
pub use defaults::Key;
pub use grant::{Grant, Match, Names, Reach};
pub use identity::Identity;
pub use roles::{EffectiveRule, RoleFacts, Standing};

/// All roles and bindings of a cluster.
#[derive(Debug)]
pub struct RbacFacts<'f> {
    roles: Vec<RoleFacts<'f>>,
    bindings: Vec<BindingFacts<'f>>,
    by_identity: BTreeMap<Identity<'f>, Vec<usize>>,
}

impl<'f> RbacFacts<'f> {
    pub(super) fn new(facts: &Facts<'f>) -> Self {
        let mut bindings = bindings::gather(facts);
        let mut roles = roles::gather(facts, &bindings);
        let by_key: BTreeMap<Key<'f>, usize> =
            roles.iter().enumerate().map(|(place, role)| (role.key, place)).collect();
        let mut by_identity: BTreeMap<Identity<'f>, Vec<usize>> = BTreeMap::new();
        for (place, binding) in bindings.iter_mut().enumerate() {
            binding.resolve(&by_key);
            if let RoleRefState::Role(role) = binding.role
                && let Some(role) = roles.get_mut(role)
            {
                role.bindings.push(place);
            }
            let identities: BTreeSet<Identity<'f>> = binding.subjects.iter().map(|s| s.identity).collect();
            for identity in identities {
                by_identity.entry(identity).or_default().push(place);
            }
        }
        let mut rbac = Self { roles, bindings, by_identity };
        rbac.find_platform_roles(facts);
        rbac
    }

    /// Every Role and ClusterRole of the set, and those that bindings of the set name, by kind, namespace and name.
    pub fn roles(&self) -> &[RoleFacts<'f>] {
        &self.roles
    }

    /// Every RoleBinding and ClusterRoleBinding, in canonical order.
    pub fn bindings(&self) -> &[BindingFacts<'f>] {
        &self.bindings
    }

    /// The bindings of a role.
    pub fn bindings_of<'s>(&'s self, role: &'s RoleFacts<'f>) -> impl Iterator<Item = &'s BindingFacts<'f>> {
        role.bindings.iter().filter_map(|place| self.bindings.get(*place))
    }

    /// The role a binding names, if it is known.
    pub fn role_of(&self, binding: &BindingFacts<'f>) -> Option<&RoleFacts<'f>> {
        match binding.role {
            RoleRefState::Role(place) => self.roles.get(place),
            RoleRefState::Missing | RoleRefState::Invalid => None,
        }
    }

    /// The bindings that name an identity as subject.
    pub fn bindings_to<'s>(&'s self, identity: Identity<'s>) -> impl Iterator<Item = &'s BindingFacts<'f>> {
        let places = self.by_identity.get(&identity).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.bindings.get(*place))
    }

    /// Every identity that bindings name.
    pub fn identities(&self) -> impl Iterator<Item = Identity<'f>> {
        self.by_identity.keys().copied()
    }

    /// A role bound only to ServiceAccounts of workloads that the platform owns is the platform's as well.
    fn find_platform_roles(&mut self, facts: &Facts<'f>) {
        let accounts: BTreeSet<Identity<'f>> = facts
            .workloads()
            .iter()
            .filter(|workload| facts.platform_owned(workload).is_some())
            .flat_map(|workload| &workload.parts)
            .map(|part| Identity::account(part.item.namespace(), part.spec.account()))
            .collect();
        let bindings = &self.bindings;
        for role in &mut self.roles {
            if !matches!(role.standing, Standing::Custom) {
                continue;
            }
            let mut subjects = role
                .bindings
                .iter()
                .filter_map(|place| bindings.get(*place))
                .flat_map(|b| &b.subjects)
                .peekable();
            if subjects.peek().is_some() && subjects.all(|subject| accounts.contains(&subject.identity)) {
                role.standing = Standing::Platform(
                    "owned by the platform: bound only to ServiceAccounts of its workloads",
                );
            }
        }
    }
}

impl Facts<'_> {
    /// Why not every binding that could name a role of `kind` is known; `None` if all are.
    pub fn bindings_not_listed(&self, kind: Kind) -> Option<String> {
        let of_cluster = if kind == Kind::Role { None } else { self.not_listed(Kind::ClusterRoleBinding) };
        of_cluster.or_else(|| self.not_listed(Kind::RoleBinding))
    }
}
