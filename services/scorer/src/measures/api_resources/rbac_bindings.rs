//! Measures on bindings to the roles of administrators, and on how many bindings one identity has.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::rbac::{Rule, ServiceAccount};
use hexproof_core::settings::Recorded;
use hexproof_core::{Platform, Significance};

use crate::facts::rbac::{BindingFacts, BoundSubject, Identity, RoleRefState};
use crate::facts::{Facts, Lookup};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The kinds of bindings.
pub(super) const BINDINGS: &[Kind] = &[Kind::ClusterRoleBinding, Kind::RoleBinding];

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "rbac-cluster-admin-bindings", kinds: BINDINGS, judge: cluster_admin },
    Entry { id: "rbac-cluster-wide-admin-edit", kinds: &[Kind::ClusterRoleBinding], judge: admin_edit },
    Entry { id: "rbac-roles-per-subject", kinds: BINDINGS, judge: roles_per_subject },
];

/// A reading of the role a binding names.
pub(super) fn role_ref(binding: &BindingFacts<'_>) -> Reading {
    let reference = &binding.body.role_ref;
    reading("roleRef", format!("{} {}", reference.kind, reference.name))
}

/// A reading of one subject of a binding.
pub(super) fn subject(subject: &BoundSubject<'_>) -> Reading {
    reading(format!("subjects[{}]", subject.place), subject.identity.to_string())
}

/// Judges every binding of these kinds.
pub(super) fn each_binding<'f>(
    report: &mut Report<'_, 'f>,
    kinds: &[Kind],
    mut judge: impl FnMut(&mut Case, &Report<'_, 'f>, &BindingFacts<'f>),
) {
    let facts = report.facts;
    for binding in facts.rbac().bindings().iter().filter(|b| kinds.contains(&b.item.kind())) {
        let mut case = Case::of(binding.item);
        judge(&mut case, report, binding);
        report.push(case);
    }
}

/// The recorded exception for an identity.
pub(super) fn recorded<'f>(report: &Report<'_, 'f>, identity: Identity<'_>) -> Option<&'f Recorded> {
    report.recorded(identity.kind, identity.namespace, identity.name)
}

fn cluster_admin(report: &mut Report<'_, '_>) {
    each_binding(report, BINDINGS, |case, report, binding| {
        if binding.subjects.is_empty() {
            case.not_applicable("the binding has no subject");
            return;
        }
        case.read(role_ref(binding));
        let by_name = is_cluster_role(binding, "cluster-admin");
        if binding.default && !by_name && binding.added().next().is_none() {
            case.not_applicable("a default binding of another role");
            return;
        }
        let rule = if by_name { None } else { equal_to_cluster_admin(case, report.facts, binding) };
        if !by_name && rule.is_none() {
            case.passes("the role does not equal cluster-admin");
            return;
        }
        let role = if by_name { "cluster-admin" } else { "a role that equals cluster-admin" };
        if let Some(rule) = rule {
            case.read(rule);
        }
        let at_home = binding.is_cluster_wide() || report.facts.is_system(binding.item.namespace());
        for bound in &binding.subjects {
            if is_usual_admin(report.facts, binding, bound) {
                case.read(subject(bound));
            } else if let Some(entry) = recorded(report, bound.identity) {
                case.cites(entry).read(subject(bound));
            } else {
                let fault = case.fault(subject(bound), format!("{} holds {role}", bound.identity));
                if !at_home {
                    fault.counts_as(Significance::High);
                }
            }
        }
        case.passes("every subject is recorded or a default one");
    });
}

/// Whether a binding names a ClusterRole.
fn is_cluster_role(binding: &BindingFacts<'_>, name: &str) -> bool {
    binding.role_key().is_some_and(|key| key.0 == Kind::ClusterRole && key.2 == name)
}

/// A rule of the role that equals cluster-admin. Says what is not known of the role.
fn equal_to_cluster_admin(case: &mut Case, facts: &Facts<'_>, binding: &BindingFacts<'_>) -> Option<Reading> {
    match facts.rbac().role_of(binding) {
        Some(role) => {
            if let Some(item) = role.item {
                case.uses(item);
            }
            let holder = role.item.map(|item| item.label()).unwrap_or_default();
            let equal = role.rules.iter().find(|rule| allows_everything(rule.rule));
            match (&equal, &role.gap) {
                (None, Some(gap)) => {
                    case.unknown(gap.as_str());
                }
                (None, None) => {
                    let place = reading("rules", role.rules.len());
                    case.read(Reading { object: role.subject().label(), ..place });
                }
                (Some(_), _) => {}
            }
            equal.map(|rule| rule.reading_from(&holder))
        }
        None => {
            case.note(match binding.role {
                RoleRefState::Invalid => {
                    "roleRef names no role that such a binding can have: it grants nothing"
                }
                RoleRefState::Missing | RoleRefState::Role(_) => "the role does not exist: it grants nothing",
            });
            None
        }
    }
}

fn allows_everything(rule: &Rule) -> bool {
    const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let has = |list: &[String], word: &str| list.iter().any(|w| w == word);
    has(&rule.api_groups, "*")
        && has(&rule.resources, "*")
        && (has(&rule.verbs, "*") || VERBS.iter().all(|verb| has(&rule.verbs, verb)))
        && rule.resource_names.is_empty()
}

/// Whether Kubernetes, kubeadm or AKS bind cluster-admin to the subject.
fn is_usual_admin(facts: &Facts<'_>, binding: &BindingFacts<'_>, bound: &BoundSubject<'_>) -> bool {
    if bound.shipped {
        return true;
    }
    if !binding.is_cluster_wide() || !is_cluster_role(binding, "cluster-admin") {
        return false;
    }
    let Identity { kind, name, .. } = bound.identity;
    match binding.item.name() {
        "kubeadm:cluster-admins" => (kind, name) == ("Group", "kubeadm:cluster-admins"),
        "aks-cluster-admin-binding" => {
            facts.platform() == Platform::Aks
                && kind == "User"
                && matches!(name, "clusterAdmin" | "clusterUser")
        }
        // The groups are those of Entra ID that the cluster was created with, named by object id.
        "aks-cluster-admin-binding-aad" => {
            facts.platform() == Platform::Aks && kind == "Group" && is_guid(name)
        }
        _ => false,
    }
}

fn is_guid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn admin_edit(report: &mut Report<'_, '_>) {
    each_binding(report, &[Kind::ClusterRoleBinding], |case, report, binding| {
        if binding.subjects.is_empty() {
            case.not_applicable("the binding has no subject");
            return;
        }
        if binding.default && binding.added().next().is_none() {
            case.not_applicable("a default binding of Kubernetes");
            return;
        }
        case.read(role_ref(binding));
        let Some(role) = ["admin", "edit"].into_iter().find(|name| is_cluster_role(binding, name)) else {
            case.passes("the role is neither admin nor edit");
            return;
        };
        for bound in &binding.subjects {
            match recorded(report, bound.identity) {
                Some(entry) => {
                    case.cites(entry).read(subject(bound));
                }
                None => {
                    case.fault(subject(bound), format!("{} holds {role} in every namespace", bound.identity));
                }
            }
        }
        case.passes("every subject is recorded");
    });
}

fn roles_per_subject(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    for identity in facts.rbac().identities() {
        let account = identity
            .is_account()
            .then(|| facts.find::<ServiceAccount>(Kind::ServiceAccount, identity.namespace, identity.name));
        let mut case = match account {
            Some(Lookup::Found(item, _)) => Case::of(item),
            _ => Case::on(identity.subject(), None),
        };
        if identity.is_account() && facts.is_system(identity.namespace) {
            case.not_applicable("a ServiceAccount of a system namespace");
        } else if !identity.is_account() && identity.name.starts_with("system:") {
            case.not_applicable("an identity of Kubernetes itself");
        } else {
            count_bindings(&mut case, facts, identity);
        }
        report.push(case);
    }
}

fn count_bindings(case: &mut Case, facts: &Facts<'_>, identity: Identity<'_>) {
    let limit = facts.settings().rbac.max_bindings_per_subject;
    // ClusterRoleBindings have no namespace: they are counted under the empty one.
    let mut places: BTreeMap<&str, Vec<&BindingFacts<'_>>> = BTreeMap::new();
    for binding in facts.rbac().bindings_to(identity) {
        places.entry(binding.item.namespace()).or_default().push(binding);
    }
    for (namespace, bindings) in places {
        let number = bindings.len();
        let (kind, place) = if namespace.is_empty() {
            ("ClusterRoleBindings", String::new())
        } else {
            ("RoleBindings", format!(" in namespace {namespace}"))
        };
        for binding in bindings {
            let bound = binding.subjects.iter().find(|bound| bound.identity == identity);
            let path = format!("subjects[{}]", bound.map_or(0, |bound| bound.place));
            let reading = reading_of(binding.item, path, identity.to_string());
            case.uses(binding.item);
            if number > limit {
                case.fault(reading, format!("{number} {kind}{place} name it, {limit} are allowed"));
            } else {
                case.read(reading);
            }
        }
    }
    for gap in BINDINGS.iter().filter_map(|kind| facts.not_listed(*kind)) {
        case.unknown(gap);
    }
}
