//! Measures on namespaces: what belongs in which, and what one may consume.

use hexproof_core::record::cluster::{LimitRange, ResourceQuota};
use hexproof_core::record::{Bodied, Kind};

use super::common::{each_user_namespace, namespace_case, some_of};
use crate::facts::{Facts, Item};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "namespace-separation", kinds: &[Kind::Namespace], judge: separation },
    Entry { id: "namespace-resource-quota", kinds: &[Kind::Namespace], judge: resource_quota },
    Entry { id: "namespace-limit-range", kinds: &[Kind::Namespace], judge: limit_range },
];

/// What `default` must not hold beside workloads, and the one object of the kind that is always there.
const APPLICATION_KINDS: &[(Kind, &str)] = &[
    (Kind::Service, "kubernetes"),
    (Kind::Secret, ""),
    (Kind::ConfigMap, "kube-root-ca.crt"),
    (Kind::Role, ""),
    (Kind::RoleBinding, ""),
    (Kind::ServiceAccount, "default"),
    (Kind::Ingress, ""),
    (Kind::PersistentVolumeClaim, ""),
    (Kind::HorizontalPodAutoscaler, ""),
    (Kind::PodDisruptionBudget, ""),
];

fn separation(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let mut case = namespace_case("default", facts.namespace("default"));
    let mut held: Vec<Item<'_>> = facts.workloads_in("default").map(|workload| workload.item).collect();
    for (kind, always_there) in APPLICATION_KINDS {
        let of_kind = facts.items(*kind).iter().filter(|item| item.namespace() == "default");
        held.extend(of_kind.filter(|item| item.name() != *always_there));
    }
    misplaced(&mut case, &held, "objects of applications stand in default");
    let kinds = WORKLOADS.iter().chain(APPLICATION_KINDS.iter().map(|(kind, _)| kind));
    for gap in kinds.filter_map(|kind| facts.not_listed(*kind)) {
        case.unknown(gap);
    }
    if facts.is_manifests() && facts.snapshot().records.iter().all(|record| record.kind() == Kind::Other) {
        case.not_applicable("the set holds no object that could stand there");
    }
    case.passes("default holds no object of an application");
    report.push(case);
    for name in ["kube-system", "kube-public", "kube-node-lease"] {
        let case = kube_namespace(report, name);
        report.push(case);
    }
}

fn kube_namespace(report: &Report<'_, '_>, name: &str) -> Case {
    let facts = report.facts;
    let mut case = namespace_case(name, facts.namespace(name));
    let mut foreign = Vec::new();
    let mut count = 0usize;
    for workload in facts.workloads_in(name) {
        count += 1;
        case.uses(workload.item);
        if facts.platform_owned(workload).is_some() {
            continue;
        }
        let item = workload.item;
        match report.recorded(&item.record.kind_name.name, name, item.name()) {
            Some(entry) => {
                case.note(format!("{} is recorded", item.label())).cites(entry);
            }
            None => foreign.push(item),
        }
    }
    misplaced(&mut case, &foreign, "workloads that the platform does not own stand in it");
    match facts.pods_not_listed() {
        Some(gap) => {
            case.unknown(gap);
        }
        None if count == 0 => {
            case.not_applicable("it holds no workload");
        }
        None => {
            case.passes(format!("each of its {count} workloads is owned by the platform or recorded"));
        }
    }
    case
}

/// One fault that names every object.
fn misplaced(case: &mut Case, held: &[Item<'_>], what: &str) {
    for item in held {
        case.uses(*item);
        let mut reading = reading_of(*item, "metadata.namespace", item.namespace());
        reading.fault = true;
        case.read(reading);
    }
    if let Some(first) = held.first() {
        let names: Vec<String> = held.iter().map(Item::label).collect();
        case.fault(
            reading_of(*first, "metadata.namespace", first.namespace()),
            format!("{what}: {}", some_of(&names)),
        );
    }
}

/// The objects of a kind in one namespace.
fn in_namespace<'f, T: Bodied + 'f>(
    facts: &Facts<'f>,
    kind: Kind,
    namespace: &str,
) -> Vec<(Item<'f>, &'f T)> {
    // The items of a kind are in canonical order: those of one namespace are neighbours.
    let items = facts.items(kind);
    let start = items.partition_point(|item| item.namespace() < namespace);
    let of_namespace = items.iter().skip(start).take_while(|item| item.namespace() == namespace);
    of_namespace.filter_map(|item| Some((*item, item.body::<T>()?))).collect()
}

fn resource_quota(report: &mut Report<'_, '_>) {
    let gap = report.facts.not_listed(Kind::ResourceQuota);
    each_user_namespace(report, |case, namespace, facts| {
        let wanted: [(&str, &[&str]); 3] = [
            ("cpu", &["cpu", "requests.cpu", "limits.cpu"]),
            ("memory", &["memory", "requests.memory", "limits.memory"]),
            ("the number of pods", &["pods", "count/pods"]),
        ];
        let mut capped = [false; 3];
        for (item, quota) in in_namespace::<ResourceQuota>(facts, Kind::ResourceQuota, namespace.name) {
            case.uses(item);
            let spec = &quota.spec;
            if spec.scope_selector.is_some() || !spec.scopes.is_empty() {
                case.note(format!("{} has scopes and does not count", item.label()));
                case.read(reading_of(item, "spec.scopes", spec.scopes.as_slice()));
                continue;
            }
            for (done, (_, keys)) in capped.iter_mut().zip(&wanted) {
                for key in *keys {
                    if let Some(amount) = spec.hard.get(*key) {
                        *done = true;
                        case.read(reading_of(item, format!("spec.hard[{key}]"), amount.to_string()));
                    }
                }
            }
            quota_notes(case, item, quota);
        }
        let missing: Vec<&str> =
            capped.iter().zip(&wanted).filter(|(done, _)| !**done).map(|(_, (what, _))| *what).collect();
        if missing.is_empty() {
            return;
        }
        match &gap {
            Some(gap) => {
                case.unknown(gap.as_str());
            }
            None => {
                let object = format!("ResourceQuotas of {}", namespace.name);
                let mut reading = crate::verdict::reading("spec.hard", Found::ABSENT);
                reading.object = object;
                case.fault(reading, format!("no ResourceQuota caps {}", missing.join(" and ")));
            }
        }
    });
}

fn quota_notes(case: &mut Case, item: Item<'_>, quota: &ResourceQuota) {
    for (key, used) in quota.status.iter().flat_map(|status| &status.used) {
        let hard = quota.status.as_ref().and_then(|s| s.hard.get(key)).or_else(|| quota.spec.hard.get(key));
        if hard.and_then(|hard| used.compare(hard)).is_some_and(std::cmp::Ordering::is_ge) {
            case.note(format!("{} is used up for {key}: {used}", item.label()));
        }
    }
    for key in ["services.loadbalancers", "services.nodeports"] {
        if let Some(amount) = quota.spec.hard.get(key) {
            case.note(format!("{} caps {key} at {amount}", item.label()));
        }
    }
}

fn limit_range(report: &mut Report<'_, '_>) {
    let gap = report.facts.not_listed(Kind::LimitRange);
    each_user_namespace(report, |case, namespace, facts| {
        let (mut memory, mut cpu) = (false, false);
        for (item, range) in in_namespace::<LimitRange>(facts, Kind::LimitRange, namespace.name) {
            case.uses(item);
            for (index, entry) in range.spec.limits.iter().enumerate() {
                if entry.r#type != "Container" {
                    continue;
                }
                // The API server makes a default of max, and a default request of default or min.
                let places = [
                    ("default", &entry.default, "memory"),
                    ("max", &entry.max, "memory"),
                    ("defaultRequest", &entry.default_request, "cpu"),
                    ("default", &entry.default, "cpu"),
                    ("max", &entry.max, "cpu"),
                    ("min", &entry.min, "cpu"),
                ];
                for (field, list, resource) in places {
                    let Some(amount) = list.get(resource) else { continue };
                    if resource == "memory" {
                        memory = true
                    } else {
                        cpu = true
                    }
                    let path = format!("spec.limits[{index}].{field}.{resource}");
                    case.read(reading_of(item, path, amount.to_string()));
                }
            }
        }
        let mut missing = Vec::new();
        if !memory {
            missing.push("a default or maximum of memory");
        }
        if !cpu {
            missing.push("a default of cpu");
        }
        match &gap {
            _ if missing.is_empty() => {}
            Some(gap) => {
                case.unknown(gap.as_str());
            }
            None => {
                let mut reading = crate::verdict::reading("spec.limits", Found::ABSENT);
                reading.object = format!("LimitRanges of {}", namespace.name);
                case.fault(reading, format!("no LimitRange gives containers {}", missing.join(" and ")));
            }
        }
    });
}
