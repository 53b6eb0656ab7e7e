//! Measures on what roles allow those who are bound to them.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Significance;
use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;

use super::rbac_grants::{self as grants, Effect, Power, Spec, Use};
use crate::facts::Facts;
use crate::facts::rbac::{BindingFacts, EffectiveRule, Grant, Identity, Match, Reach, RoleFacts, Standing};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

const ROLES: &[Kind] = &[Kind::Role, Kind::ClusterRole];
const CLUSTER_ROLES: &[Kind] = &[Kind::ClusterRole];

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: grants::SECRETS.id, kinds: ROLES, judge: |report| judge(report, &grants::SECRETS) },
    Entry { id: grants::ESCALATION.id, kinds: ROLES, judge: |report| judge(report, &grants::ESCALATION) },
    Entry { id: grants::WORKLOADS.id, kinds: ROLES, judge: |report| judge(report, &grants::WORKLOADS) },
    Entry { id: grants::EXEC.id, kinds: ROLES, judge: |report| judge(report, &grants::EXEC) },
    Entry {
        id: grants::NODES_PROXY.id,
        kinds: CLUSTER_ROLES,
        judge: |report| judge(report, &grants::NODES_PROXY),
    },
    Entry { id: grants::CREDENTIALS.id, kinds: ROLES, judge: |report| judge(report, &grants::CREDENTIALS) },
    Entry { id: grants::ADMISSION.id, kinds: ROLES, judge: |report| judge(report, &grants::ADMISSION) },
    Entry { id: grants::VOLUMES.id, kinds: CLUSTER_ROLES, judge: |report| judge(report, &grants::VOLUMES) },
    Entry { id: grants::DESTRUCTION.id, kinds: ROLES, judge: |report| judge(report, &grants::DESTRUCTION) },
    Entry { id: grants::NETWORK.id, kinds: ROLES, judge: |report| judge(report, &grants::NETWORK) },
];

/// A rule that holds rights a measure looks for.
pub(super) struct Hit<'r> {
    pub rule: &'r EffectiveRule<'r>,
    pub power: Power,
    pub grant: &'static Grant,
    /// Verbs and resources, as the rule has them.
    verbs: Vec<&'r str>,
    resources: Vec<&'r str>,
}

impl Hit<'_> {
    /// What it comes to where it is bound so; `None` if the binding cannot give it.
    pub(super) fn effect(&self, spec: &Spec, facts: &Facts<'_>, to: Bound<'_>) -> Option<Effect> {
        if self.grant.reach == Reach::Cluster && !to.cluster_wide {
            return None;
        }
        Some((spec.effect)(&Use {
            facts,
            power: self.power,
            verbs: &self.verbs,
            rule: self.rule.rule,
            cluster_wide: to.cluster_wide,
            namespace: to.namespace,
            identity: to.identity,
        }))
    }

    /// The rights, as `verbs on resources`.
    pub(super) fn rights(&self) -> String {
        format!("{} on {}", self.verbs.join(", "), self.resources.join(", "))
    }
}

/// How a role is bound to a subject.
#[derive(Clone, Copy)]
pub(super) struct Bound<'b> {
    pub cluster_wide: bool,
    pub namespace: &'b str,
    pub identity: Identity<'b>,
}

/// The rules that hold rights of a measure.
pub(super) fn hits<'r>(spec: &Spec, rules: &'r [EffectiveRule<'_>]) -> Vec<Hit<'r>> {
    let mut hits = Vec::new();
    for rule in rules {
        for (power, grant) in spec.powers {
            if let Match::Granted { verbs, resources } = grant.matched(rule.rule) {
                hits.push(Hit { rule, power: *power, grant, verbs, resources });
            }
        }
    }
    hits
}

/// Why a role is no subject of measures on roles, whatever it grants.
pub(super) fn exempt(role: &RoleFacts<'_>) -> Option<&'static str> {
    match role.standing {
        Standing::Platform(reason) => Some(reason),
        Standing::Default if role.is_user_facing() => Some(
            "a default role of Kubernetes that is made to be given to people: measures on bindings judge it",
        ),
        Standing::Default | Standing::Custom => None,
    }
}

fn judge(report: &mut Report<'_, '_>, spec: &Spec) {
    let facts = report.facts;
    for role in facts.rbac().roles() {
        let concerned = !spec.cluster_wide_only || role.kind() == Kind::ClusterRole;
        // In a cluster a role that is not in the set is one whose list was refused: that is said once.
        if !concerned || (role.item.is_none() && (!facts.is_manifests() || exempt(role).is_some())) {
            continue;
        }
        let mut case = match role.item {
            Some(item) => Case::of(item),
            None => Case::on(role.subject(), None),
        };
        for copy in &role.copies {
            case.uses(*copy);
        }
        decide(&mut case, report, spec, role);
        report.push(case);
    }
}

fn decide<'f>(case: &mut Case, report: &Report<'_, 'f>, spec: &Spec, role: &RoleFacts<'f>) {
    let facts = report.facts;
    if let Some(reason) = exempt(role) {
        case.not_applicable(reason);
        return;
    }
    let hits = hits(spec, &role.rules);
    if role.kind() == Kind::Role
        && spec.id == grants::ADMISSION.id
        && !hits.iter().any(|hit| hit.power == Power::Namespaces)
    {
        case.not_applicable("a Role without rights on its namespace");
        return;
    }
    let Some(bound) = bound(case, facts, role) else { return };
    if let Some(gap) = &role.gap {
        case.unknown(gap.as_str());
    }
    remark(case, spec, role);
    let unrecorded = unrecorded(case, facts, spec, &bound);
    let mut holders = Holders::new();
    for hit in &hits {
        weigh(case, report, spec, hit, &unrecorded, &mut holders);
    }
    for (binding, identities) in holders.into_values() {
        let names: Vec<String> = identities.iter().map(ToString::to_string).collect();
        case.read(Reading { fault: true, ..reading_of(binding.item, "subjects", names) });
    }
    if case.has_fault() {
        return;
    }
    for hit in &hits {
        case.read(hit.rule.reading());
    }
    let gap = if spec.cluster_wide_only {
        facts.not_listed(Kind::ClusterRoleBinding)
    } else {
        facts.bindings_not_listed(role.kind())
    };
    if let (false, Some(gap)) = (hits.is_empty(), gap) {
        case.unknown(format!("who else is bound to the role is not known: {gap}"));
    }
    case.read(reading("rules", role.rules.len()));
    case.passes(match (hits.is_empty(), unrecorded.is_empty()) {
        (true, _) => "no rule grants it",
        (false, true) => "every subject is recorded",
        (false, false) => "no binding gives it in a way that counts",
    });
}

/// A binding with those of its subjects that a measure looks at.
type BoundTo<'b, 'f> = (&'b BindingFacts<'f>, Vec<Identity<'f>>);

/// The subjects that hold a right they should not, by place of the binding that gives it.
type Holders<'b, 'f> = BTreeMap<u32, (&'b BindingFacts<'f>, BTreeSet<Identity<'f>>)>;

/// The bindings that somebody made, with their subjects. Decides the case if there are none.
fn bound<'b, 'f>(
    case: &mut Case,
    facts: &'b Facts<'f>,
    role: &'b RoleFacts<'f>,
) -> Option<Vec<BoundTo<'b, 'f>>> {
    let is_default = role.standing == Standing::Default;
    let mut bound = Vec::new();
    for binding in facts.rbac().bindings_of(role) {
        let counted = binding.subjects.iter().filter(|subject| !is_default || !subject.shipped);
        let identities: BTreeSet<Identity<'f>> = counted.map(|subject| subject.identity).collect();
        if !identities.is_empty() {
            case.uses(binding.item);
            bound.push((binding, identities.into_iter().collect()));
        }
    }
    if !bound.is_empty() {
        return Some(bound);
    }
    match (facts.bindings_not_listed(role.kind()), is_default) {
        (Some(gap), _) => {
            case.read(reading("rules", role.rules.len()));
            case.unknown(format!("whether a binding names the role is not known: {gap}"));
        }
        (None, true) => {
            case.not_applicable("a default role of Kubernetes, bound by nothing but its default bindings");
        }
        (None, false) => {
            case.not_applicable("no binding with a subject names the role");
        }
    }
    None
}

/// Leaves out the subjects that are recorded for the measure, and cites the entries.
fn unrecorded<'b, 'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    spec: &Spec,
    bound: &[BoundTo<'b, 'f>],
) -> Vec<BoundTo<'b, 'f>> {
    let mut known: BTreeMap<Identity<'f>, bool> = BTreeMap::new();
    let mut left = Vec::new();
    for (binding, identities) in bound {
        let mut open = Vec::new();
        for identity in identities {
            let recorded = *known.entry(*identity).or_insert_with(|| {
                let entry = facts.recorded(spec.id, identity.kind, identity.namespace, identity.name);
                if let Some(entry) = entry {
                    case.cites(entry);
                }
                entry.is_some()
            });
            if !recorded {
                open.push(*identity);
            }
        }
        if !open.is_empty() {
            left.push((*binding, open));
        }
    }
    left
}

/// Records the fault that a rule is, for all bindings that give it.
fn weigh<'b, 'f>(
    case: &mut Case,
    report: &Report<'_, '_>,
    spec: &Spec,
    hit: &Hit<'_>,
    bound: &[BoundTo<'b, 'f>],
    holders: &mut Holders<'b, 'f>,
) {
    let mut worst: Option<Significance> = None;
    let mut failing: BTreeSet<Identity<'f>> = BTreeSet::new();
    let mut places: BTreeSet<&str> = BTreeSet::new();
    let mut powerless = false;
    for (binding, identities) in bound {
        let (cluster_wide, namespace) = (binding.is_cluster_wide(), binding.item.namespace());
        for identity in identities {
            match hit.effect(spec, report.facts, Bound { cluster_wide, namespace, identity: *identity }) {
                None => powerless = true,
                Some(Effect::Accepted) => {}
                Some(Effect::Fails(significance)) => {
                    worst = worst.max(Some(significance.unwrap_or(report.measure.significance)));
                    failing.insert(*identity);
                    places.insert(namespace);
                    let held = holders.entry(binding.item.index).or_insert((binding, BTreeSet::new()));
                    held.1.insert(*identity);
                }
            }
        }
    }
    if let Some(worst) = worst {
        let reason = format!("grants {}{} to {}", hit.rights(), place(hit, &places), holder(&failing));
        case.fault(hit.rule.reading(), reason).counts_as(worst);
    } else if powerless {
        let place = hit.rule.place;
        case.note(format!(
            "rules[{place}] names {}, which are cluster-scoped: a RoleBinding grants nothing of them",
            hit.resources.join(", ")
        ));
    }
}

/// Where a right holds; a ClusterRoleBinding has the empty namespace.
fn place(hit: &Hit<'_>, namespaces: &BTreeSet<&str>) -> String {
    match (namespaces.len(), namespaces.first()) {
        (_, Some(&"")) if hit.grant.reach == Reach::Namespaced => " in every namespace".into(),
        (_, Some(&"")) => String::new(),
        (1, Some(only)) => format!(" in namespace {only}"),
        (number, _) => format!(" in {number} namespaces"),
    }
}

fn holder(identities: &BTreeSet<Identity<'_>>) -> String {
    match (identities.len(), identities.first()) {
        (1, Some(only)) => only.to_string(),
        (number, _) => format!("{number} subjects"),
    }
}

/// Notes rules that name what the measure looks for and grant nothing, and reads those limited to names.
fn remark(case: &mut Case, spec: &Spec, role: &RoleFacts<'_>) {
    for rule in &role.rules {
        let mut wrong_group = false;
        let mut granted = false;
        for (_, grant) in spec.powers {
            match grant.matched(rule.rule) {
                Match::None => {}
                Match::WrongGroup => wrong_group = true,
                Match::Named => {
                    case.read(rule.reading());
                }
                Match::Granted { .. } => granted = true,
            }
        }
        if wrong_group && !granted {
            let (place, resources) = (rule.place, rule.rule.resources.join(", "));
            let groups: Vec<String> =
                rule.rule.api_groups.iter().map(|group| format!("\"{group}\"")).collect();
            let groups = groups.join(", ");
            case.note(format!(
                "rules[{place}] grants nothing of {resources}: they are not in API group {groups}"
            ));
        }
    }
}
