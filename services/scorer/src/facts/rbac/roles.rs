//! Roles with the rules they come to.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::observation::{Reading, Subject};
use hexproof_core::record::rbac::{Role, Rule};
use hexproof_core::record::selector::Selector;
use hexproof_core::record::{Bodied as _, Kind, Record};

use super::{BindingFacts, Key, defaults};
use crate::facts::{Facts, Item};
use crate::verdict::reading;

/// A Role or ClusterRole.
#[derive(Debug)]
pub struct RoleFacts<'f> {
    /// Kind, namespace and name.
    pub key: Key<'f>,
    /// The object; `None` for a role outside the set that a binding names.
    pub item: Option<Item<'f>>,
    /// More objects of that name in a manifest set. Which of them is applied last is not known: their rules count too.
    pub copies: Vec<Item<'f>>,
    /// What it grants, aggregation resolved.
    pub rules: Vec<EffectiveRule<'f>>,
    /// Why not all of its rules are known, if they are not.
    pub gap: Option<String>,
    /// Whose it is.
    pub standing: Standing,
    /// An aggregationRule selects it: its rules count in the role that aggregates.
    pub aggregated: bool,
    /// Places of the bindings that name it.
    pub(super) bindings: Vec<usize>,
}

/// Whose a role is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Made for this cluster.
    Custom,
    /// Kubernetes makes it itself: label and name say so.
    Default,
    /// Provider or distribution own it, and why.
    Platform(&'static str),
}

/// A rule that a role holds, and where it stands.
#[derive(Debug, Clone)]
pub struct EffectiveRule<'f> {
    /// The rule.
    pub rule: &'f Rule,
    /// Place in `rules` of the object that holds it.
    pub place: usize,
    /// The object that holds it, where it is not the role itself.
    pub holder: String,
}

impl EffectiveRule<'_> {
    /// A reading of the rule, seen from the role.
    pub fn reading(&self) -> Reading {
        self.reading_from(&self.holder)
    }

    /// A reading of the rule, seen from another object than `holder`.
    pub fn reading_from(&self, holder: &str) -> Reading {
        let value = serde_json::to_value(self.rule).ok();
        let object = if self.holder.is_empty() { holder } else { &self.holder };
        Reading { object: object.to_owned(), ..reading(format!("rules[{}]", self.place), value) }
    }
}

impl<'f> RoleFacts<'f> {
    /// `Role` or `ClusterRole`.
    pub fn kind(&self) -> Kind {
        self.key.0
    }

    /// Namespace of a Role; empty for a ClusterRole.
    pub fn namespace(&self) -> &'f str {
        self.key.1
    }

    /// Name.
    pub fn name(&self) -> &'f str {
        self.key.2
    }

    /// The role as a subject, also where it is outside the set.
    pub fn subject(&self) -> Subject {
        match self.item {
            Some(item) => item.subject(),
            None => Subject {
                kind: self.kind().to_string(),
                namespace: self.namespace().to_owned(),
                name: self.name().to_owned(),
                api_version: "rbac.authorization.k8s.io/v1".into(),
                ..Subject::default()
            },
        }
    }

    fn add_copy(&mut self, item: Item<'f>, copy: Self) {
        self.copies.push(item);
        self.rules.extend(copy.rules);
        self.gap = self.gap.take().or(copy.gap);
        self.aggregated &= copy.aggregated;
        if self.standing != copy.standing {
            self.standing = Standing::Custom;
        }
    }

    /// One of the default roles that are made to be given to people; measures on bindings judge them.
    pub fn is_user_facing(&self) -> bool {
        self.standing == Standing::Default
            && self.kind() == Kind::ClusterRole
            && matches!(self.name(), "cluster-admin" | "admin" | "edit" | "view")
    }
}

pub(super) fn gather<'f>(facts: &Facts<'f>, bindings: &[BindingFacts<'f>]) -> Vec<RoleFacts<'f>> {
    let pool = Pool::new(facts);
    let mut roles: BTreeMap<Key<'f>, RoleFacts<'f>> = BTreeMap::new();
    for kind in [Kind::Role, Kind::ClusterRole] {
        for (item, body) in facts.all::<Role>(kind) {
            let key = (kind, item.namespace(), item.name());
            let role = RoleFacts {
                key,
                item: Some(item),
                copies: Vec::new(),
                rules: pool.effective(facts, item.record, body),
                gap: pool.gap(facts, body),
                standing: standing(facts, item),
                aggregated: kind == Kind::ClusterRole && pool.is_selected(item.record),
                bindings: Vec::new(),
            };
            match roles.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(role);
                }
                Entry::Occupied(mut place) => place.get_mut().add_copy(item, role),
            }
        }
    }
    for key in bindings.iter().filter_map(BindingFacts::role_key) {
        if !roles.contains_key(&key)
            && let Some(role) = outside(facts, &pool, key)
        {
            roles.insert(key, role);
        }
    }
    roles.into_values().collect()
}

/// A role that a binding names and the set does not hold; `None` if the cluster has none.
fn outside<'f>(facts: &Facts<'f>, pool: &Pool<'f>, key: Key<'f>) -> Option<RoleFacts<'f>> {
    let (kind, namespace, name) = key;
    let refused = facts.not_listed(kind);
    if refused.is_none() && !facts.is_manifests() {
        return None;
    }
    let shipped = defaults::shipped(key);
    // In a cluster a default role may have got rules beside the shipped ones.
    let gap = match (&refused, shipped) {
        (Some(reason), _) => Some(reason.clone()),
        (None, Some(_)) => None,
        (None, None) => {
            let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            Some(format!("{kind} {place}{name} is not in the manifest set"))
        }
    };
    let rules = shipped
        .and_then(|record| Some(pool.effective(facts, record, Role::of(&record.body)?)))
        .unwrap_or_default();
    let rules =
        rules.into_iter().map(|rule| EffectiveRule { holder: holder(&rule.holder, kind, name), ..rule });
    Some(RoleFacts {
        key,
        item: None,
        copies: Vec::new(),
        rules: rules.collect(),
        gap,
        standing: if shipped.is_some() { Standing::Default } else { Standing::Custom },
        aggregated: false,
        bindings: Vec::new(),
    })
}

fn holder(holder: &str, kind: Kind, name: &str) -> String {
    if holder.is_empty() { format!("{kind} {name}") } else { holder.to_owned() }
}

fn standing(facts: &Facts<'_>, item: Item<'_>) -> Standing {
    const LABELS: [&str; 2] = ["kubernetes.azure.com/managedby", "addonmanager.kubernetes.io/mode"];
    let labels = &item.record.metadata.labels;
    if defaults::is_default(item.record) {
        Standing::Default
    } else if LABELS.iter().any(|label| labels.contains_key(*label))
        && (item.namespace().is_empty() || facts.is_system(item.namespace()))
    {
        Standing::Platform("owned by the platform: labelled by its add-on manager")
    } else {
        Standing::Custom
    }
}

/// The ClusterRoles that aggregation draws from: those of the set, and from manifests the shipped ones beside them.
struct Pool<'f> {
    roles: Vec<(&'f Record, &'f Role)>,
    selectors: Vec<&'f Selector>,
}

impl<'f> Pool<'f> {
    fn new(facts: &Facts<'f>) -> Self {
        let mut roles: Vec<(&'f Record, &'f Role)> =
            facts.all::<Role>(Kind::ClusterRole).map(|(item, role)| (item.record, role)).collect();
        let own: BTreeSet<&str> = roles.iter().map(|(record, _)| record.metadata.name.as_str()).collect();
        let shipped: Vec<_> = defaults::cluster_roles()
            .filter(|(record, _)| !own.contains(record.metadata.name.as_str()))
            .collect();
        roles.extend(shipped);
        let selectors = roles.iter().filter_map(|(_, role)| role.aggregation_rule.as_ref());
        let selectors = selectors.flat_map(|rule| &rule.cluster_role_selectors).collect();
        Self { roles, selectors }
    }

    fn is_selected(&self, record: &Record) -> bool {
        self.selectors.iter().any(|selector| selector.matches(&record.metadata.labels))
    }

    /// Why an aggregated role may have rules that were not seen.
    fn gap(&self, facts: &Facts<'f>, role: &Role) -> Option<String> {
        // In a cluster the control plane has filled the rules in.
        role.aggregation_rule.as_ref().filter(|_| facts.is_manifests())?;
        facts.not_listed(Kind::ClusterRole)
    }

    /// The rules a role comes to. In a cluster they stand in the role; from manifests the control plane is yet to
    /// fill in those of the roles it aggregates.
    fn effective(&self, facts: &Facts<'f>, record: &'f Record, role: &'f Role) -> Vec<EffectiveRule<'f>> {
        let mut rules = Vec::new();
        let mut seen = BTreeSet::from([record.metadata.name.as_str()]);
        let mut waiting = vec![(record, role, String::new())];
        while let Some((record, role, holder)) = waiting.pop() {
            rules.extend(role.rules.iter().enumerate().map(|(place, rule)| EffectiveRule {
                rule,
                place,
                holder: holder.clone(),
            }));
            let filled_in = record.origin.is_none() && !facts.is_manifests();
            let selectors = role.aggregation_rule.iter().flat_map(|rule| &rule.cluster_role_selectors);
            for selector in selectors.filter(|_| !filled_in || role.rules.is_empty()) {
                for (other, other_role) in &self.roles {
                    let name = other.metadata.name.as_str();
                    if selector.matches(&other.metadata.labels) && seen.insert(name) {
                        waiting.push((other, other_role, format!("ClusterRole {name}")));
                    }
                }
            }
        }
        rules
    }
}
