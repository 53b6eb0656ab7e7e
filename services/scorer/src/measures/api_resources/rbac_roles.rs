//! Measures on roles themselves: wildcards, and dangerous roles that wait for a binding.

use hexproof_core::Significance;
use hexproof_core::record::Kind;

use super::rbac_grants::{self as grants, Effect, Spec};
use super::rbac_powers::{self as powers, Bound};
use crate::facts::Facts;
use crate::facts::rbac::{EffectiveRule, Identity, RoleFacts, Standing};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading};

const ROLES: &[Kind] = &[Kind::Role, Kind::ClusterRole];

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "rbac-wildcards", kinds: ROLES, judge: |report| each_role(report, wildcards) },
    Entry { id: "rbac-unbound-privileged-roles", kinds: ROLES, judge: |report| each_role(report, unbound) },
];

/// Judges the roles of the set; those of Kubernetes and of the platform are not applicable.
fn each_role(report: &mut Report<'_, '_>, judge: fn(&mut Case, &Facts<'_>, &RoleFacts<'_>)) {
    let facts = report.facts;
    for role in facts.rbac().roles() {
        let Some(item) = role.item else { continue };
        let mut case = Case::of(item);
        for copy in &role.copies {
            case.uses(*copy);
        }
        match role.standing {
            Standing::Default => {
                case.not_applicable("a default role of Kubernetes");
            }
            Standing::Platform(reason) => {
                case.not_applicable(reason);
            }
            Standing::Custom => judge(&mut case, facts, role),
        }
        report.push(case);
    }
}

/// Whether a binding with a subject names the role; `None` if that cannot be told.
fn is_bound(facts: &Facts<'_>, role: &RoleFacts<'_>) -> Result<bool, String> {
    if facts.rbac().bindings_of(role).any(|binding| !binding.subjects.is_empty()) {
        return Ok(true);
    }
    facts.bindings_not_listed(role.kind()).map_or(Ok(false), Err)
}

fn wildcards(case: &mut Case, facts: &Facts<'_>, role: &RoleFacts<'_>) {
    if let Some(gap) = &role.gap {
        case.unknown(gap.as_str());
    }
    let bound = is_bound(facts, role);
    for rule in &role.rules {
        let found = wildcards_of(rule, role.kind());
        if found.is_empty() {
            continue;
        }
        let fault = case.fault(rule.reading(), format!("rules[{}] has {}", rule.place, found.join(", ")));
        if bound == Ok(false) {
            fault.counts_as(Significance::Low);
        }
    }
    if !case.has_fault() {
        case.read(reading("rules", role.rules.len())).passes("no rule has a wildcard");
    } else if bound == Ok(false) {
        case.note("no binding with a subject names the role");
    }
}

/// The wildcards of a rule, in words. A rule that grants nothing has none that matter.
fn wildcards_of(rule: &EffectiveRule<'_>, kind: Kind) -> Vec<String> {
    let rule = rule.rule;
    let has = |list: &[String]| list.iter().any(|word| word == "*");
    let mut found = Vec::new();
    let complete = !rule.api_groups.is_empty() && !rule.resources.is_empty() && !rule.verbs.is_empty();
    // A Role cannot grant paths outside the resources of its namespace.
    let paths = kind == Kind::ClusterRole && !rule.non_resource_urls.is_empty() && !rule.verbs.is_empty();
    if complete && has(&rule.api_groups) {
        found.push("* in apiGroups".to_owned());
    }
    if complete && has(&rule.resources) {
        found.push("* in resources".to_owned());
    }
    if complete {
        let subresources = rule.resources.iter().filter(|word| word.starts_with("*/"));
        found.extend(subresources.map(|word| format!("{word} in resources")));
    }
    if (complete || paths) && has(&rule.verbs) {
        found.push("* in verbs".to_owned());
    }
    if paths && has(&rule.non_resource_urls) {
        found.push("* in nonResourceURLs".to_owned());
    }
    found
}

fn unbound(case: &mut Case, facts: &Facts<'_>, role: &RoleFacts<'_>) {
    if role.aggregated {
        case.not_applicable(
            "an aggregationRule selects the role: its rules count in the role that aggregates",
        );
        return;
    }
    match is_bound(facts, role) {
        Ok(true) => {
            case.not_applicable("bound: measures on its rights judge it");
            return;
        }
        Ok(false) => {}
        Err(gap) => {
            case.unknown(format!("whether a binding names the role is not known: {gap}"));
        }
    }
    if let Some(gap) = &role.gap {
        case.unknown(gap.as_str());
    }
    case.read(reading("rules", role.rules.len()));
    let known = is_bound(facts, role).is_ok();
    for spec in grants::ALL {
        for (rule, rights) in dangerous(facts, spec, role) {
            if known {
                case.fault(rule.reading(), format!("would fail {}: {rights}", spec.id));
            } else {
                case.read(rule.reading());
            }
        }
    }
    case.passes("no rule would fail another measure on roles");
}

/// The rules that would fail a measure if a binding of the role's own kind gave them to a ServiceAccount.
fn dangerous<'r>(
    facts: &Facts<'_>,
    spec: &Spec,
    role: &'r RoleFacts<'_>,
) -> Vec<(&'r EffectiveRule<'r>, String)> {
    if spec.cluster_wide_only && role.kind() == Kind::Role {
        return Vec::new();
    }
    let to = Bound {
        cluster_wide: role.kind() == Kind::ClusterRole,
        namespace: role.namespace(),
        identity: Identity::account("", "anyone"),
    };
    let hits = powers::hits(spec, &role.rules);
    let failing = hits.iter().filter(|hit| matches!(hit.effect(spec, facts, to), Some(Effect::Fails(_))));
    failing.map(|hit| (hit.rule, hit.rights())).collect()
}
