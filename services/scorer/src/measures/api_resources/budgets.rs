//! Measures on disruption budgets.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::cluster::{BudgetStatus, DisruptionBudget};

use super::replicas::{Replicas, each_with_several};
use crate::facts::{Facts, Item, Workload};
use crate::measures::Entry;
use crate::verdict::{Case, Found, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "workload-pod-disruption-budget",
    kinds: &[Kind::Deployment, Kind::StatefulSet, Kind::PodDisruptionBudget],
    judge: disruption_budget,
}];

fn disruption_budget(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let replicas = Replicas::new(facts);
    let mut budgets_of: BTreeMap<u32, Vec<Item<'_>>> = BTreeMap::new();
    for (item, budget) in facts.all::<DisruptionBudget>(Kind::PodDisruptionBudget) {
        let mut case = Case::of(item);
        let mut selected: BTreeMap<u32, &Workload<'_>> = BTreeMap::new();
        if let Some(selector) = &budget.spec.selector {
            for (workload, part) in facts.pods_selected(item.namespace(), selector) {
                selected.insert(workload.item.index, workload);
                if part.own {
                    budgets_of.entry(workload.item.index).or_default().push(item);
                }
            }
        }
        judge_budget(&mut case, facts, &replicas, item, budget, &selected);
        report.push(case);
    }
    each_with_several(report, &replicas, |case, workload| {
        let budgets = budgets_of.get(&workload.item.index).map_or(&[][..], Vec::as_slice);
        for budget in budgets {
            case.uses(*budget);
        }
        match budgets {
            [one] => {
                case.read(reading_of(*one, "spec.selector", "selects it"));
            }
            [] => match facts.not_listed(Kind::PodDisruptionBudget) {
                Some(gap) => {
                    case.unknown(gap);
                }
                None => {
                    let labels = workload
                        .template()
                        .map_or("metadata.labels".to_owned(), |part| format!("{}.labels", part.meta_prefix));
                    let found = workload.template().and_then(|part| serde_json::to_value(part.labels).ok());
                    case.fault(reading(labels, found), "no PodDisruptionBudget selects it");
                }
            },
            [first, ..] => {
                let reason =
                    format!("{} PodDisruptionBudgets select it: no eviction is possible", budgets.len());
                case.fault(reading_of(*first, "spec.selector", "selects it"), reason);
            }
        }
    });
}

fn judge_budget<'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    replicas: &Replicas<'f>,
    item: Item<'f>,
    budget: &DisruptionBudget,
    selected: &BTreeMap<u32, &Workload<'f>>,
) {
    let selector = budget.spec.selector.as_ref();
    let field = reading("spec.selector", selector.and_then(|selector| serde_json::to_value(selector).ok()));
    if selected.is_empty() {
        let custom = selector.and_then(|s| facts.custom_resource_selected(item.namespace(), s));
        if let Some(gap) = facts.pods_not_listed().filter(|_| selector.is_some()) {
            case.read(field).unknown(gap);
        } else if let Some(custom) = custom {
            case.read(field).unknown(format!("the pods of {} are not in the manifest set", custom.label()));
        } else {
            case.fault(field, "it selects no pod and no template");
        }
        return;
    }
    case.read(field);
    for workload in selected.values() {
        case.uses(workload.item);
    }
    if selected.values().all(|workload| facts.platform_owned(workload).is_some()) {
        case.not_applicable("it protects workloads of the platform alone");
        return;
    }
    let sizes: Vec<Option<i64>> = selected.values().map(|workload| size(replicas, workload)).collect();
    if sizes.iter().all(|size| *size == Some(0)) {
        case.not_applicable("what it protects is scaled to 0");
        return;
    }
    bounds(case, budget, &sizes);
    if !facts.is_manifests() {
        match &budget.status {
            Some(status) => in_effect(case, status),
            None => {
                case.read(reading("status", Found::ABSENT)).unknown("it has no status yet");
            }
        }
    }
}

fn bounds(case: &mut Case, budget: &DisruptionBudget, sizes: &[Option<i64>]) {
    let (most, least) = (&budget.spec.max_unavailable, &budget.spec.min_available);
    if let Some(most) = most {
        let field = reading("spec.maxUnavailable", most.to_string());
        match most.percent().or_else(|| most.int()) {
            Some(number) if number > 0 => case.read(field),
            Some(_) => {
                case.fault(field, "it permits no eviction");
                case
            }
            None => {
                case.fault(field, "maxUnavailable is neither a number nor a percentage");
                case
            }
        };
        return;
    }
    let Some(least) = least else {
        case.fault(
            reading("spec.minAvailable", Found::ABSENT),
            "it states neither bound and permits no eviction",
        );
        return;
    };
    let field = reading("spec.minAvailable", least.to_string());
    let known = sizes.iter().flatten().fold(0i64, |sum, size| sum.saturating_add(*size));
    let complete = sizes.iter().all(Option::is_some);
    let wanted = match (least.percent(), least.int()) {
        // A percentage of replicas that are not all known: only 100 and more is certain to block.
        (Some(percent), _) if complete || percent >= 100 => {
            let share = i128::from(known) * i128::from(percent);
            i64::try_from((share + 99).div_euclid(100)).unwrap_or(i64::MAX)
        }
        (Some(_), _) => 0,
        (None, Some(number)) => number,
        (None, None) => {
            case.fault(field, "minAvailable is neither a number nor a percentage");
            return;
        }
    };
    let percent_blocks = least.percent().is_some_and(|percent| percent >= 100);
    if wanted < known && !percent_blocks {
        case.read(field);
    } else if complete || percent_blocks {
        case.fault(field, format!("it asks for {least} of {known} replicas and permits no eviction"));
    } else {
        case.read(field).unknown("the number of pods it protects cannot be told");
    }
}

fn in_effect(case: &mut Case, status: &BudgetStatus) {
    let allowed = status.disruptions_allowed;
    let field = reading("status.disruptionsAllowed", allowed);
    let expected = status.expected_pods.unwrap_or(0);
    let healthy = expected > 0 && status.current_healthy.unwrap_or(0) == expected;
    if healthy && allowed.unwrap_or(0) <= 0 {
        case.fault(field, "all its pods are healthy and it permits no eviction");
    } else {
        case.read(field);
    }
}

/// How many pods a workload has at least; `None` if its object does not say.
fn size(replicas: &Replicas<'_>, workload: &Workload<'_>) -> Option<i64> {
    match workload.item.kind() {
        Kind::Pod => Some(1),
        Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet | Kind::ReplicationController => {
            let asked = workload.controller()?.spec.replicas.unwrap_or(1);
            Some(replicas.fewest(workload.item, asked))
        }
        Kind::DaemonSet => workload.controller()?.status.as_ref()?.desired_number_scheduled,
        _ => None,
    }
}
