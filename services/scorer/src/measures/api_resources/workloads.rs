//! Measures on workloads: priority, owners of pods, labels.

use std::collections::BTreeMap;

use hexproof_core::record::cluster::{PriorityClass, ResourceQuota};
use hexproof_core::record::pod::Pod;
use hexproof_core::record::selector::Labels;
use hexproof_core::record::{Kind, workload};

use super::common::SYSTEM;
use crate::facts::{Facts, Item, Lookup, Workload, is_finished};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "workload-priority-class", kinds: WORKLOADS, judge: priority_class },
    Entry { id: "workload-no-naked-pods", kinds: &[Kind::Pod], judge: naked_pods },
    Entry { id: "workload-ownership-labels", kinds: LABELLED, judge: ownership_labels },
];

/// The kinds that hold pod specs, and namespaces.
const LABELLED: &[Kind] = &[
    Kind::Pod,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::Job,
    Kind::CronJob,
    Kind::PodTemplate,
    Kind::Namespace,
];

/// Priorities that preempt every other pod.
const RESERVED: &[&str] = &["system-node-critical", "system-cluster-critical"];

fn priority_class(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let default = facts
        .all::<PriorityClass>(Kind::PriorityClass)
        .find(|(_, class)| class.global_default == Some(true))
        .map(|(item, _)| item);
    let quotas = reserved_quotas(facts);
    report.each_part(|case, part| {
        let name = part.spec.priority_class_name.as_deref().filter(|name| !name.is_empty());
        let reading = part.field("priorityClassName", name);
        let Some(name) = name else {
            match (default, facts.not_listed(Kind::PriorityClass)) {
                (Some(item), _) => {
                    case.read_in(part, reading).uses(item);
                    case.read(reading_of(item, "globalDefault", true));
                }
                (None, Some(gap)) => {
                    case.read_in(part, reading).unknown(gap);
                }
                (None, None) => {
                    case.fault_in(part, reading, "no priority is named, and no PriorityClass is the default");
                }
            }
            return;
        };
        let namespace = part.item.namespace();
        if !RESERVED.contains(&name) || facts.is_system(namespace) {
            case.read_in(part, reading);
            return;
        }
        match (quotas.get(&(namespace, name)), facts.not_listed(Kind::ResourceQuota)) {
            (Some((item, path)), _) => {
                case.read_in(part, reading).uses(*item);
                case.read(reading_of(*item, path.as_str(), name));
            }
            (None, Some(gap)) => {
                case.read_in(part, reading).unknown(gap);
            }
            (None, None) => {
                let reason = format!("{name} is used outside the namespaces of the platform");
                case.fault_in(part, reading, reason);
            }
        }
    });
}

/// ResourceQuotas that name a priority, by namespace and priority, with the field that names it.
fn reserved_quotas<'f>(facts: &Facts<'f>) -> BTreeMap<(&'f str, &'f str), (Item<'f>, String)> {
    let mut quotas = BTreeMap::new();
    for (item, quota) in facts.all::<ResourceQuota>(Kind::ResourceQuota) {
        let requirements = quota.spec.scope_selector.iter().flat_map(|selector| &selector.match_expressions);
        for (place, requirement) in requirements.enumerate() {
            if requirement.scope_name != "PriorityClass" || requirement.operator != "In" {
                continue;
            }
            let path = format!("spec.scopeSelector.matchExpressions[{place}].values");
            for name in &requirement.values {
                quotas.entry((item.namespace(), name.as_str())).or_insert_with(|| (item, path.clone()));
            }
        }
    }
    quotas
}

fn naked_pods(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let mut owners: BTreeMap<u32, &Workload<'_>> = BTreeMap::new();
    for workload in facts.workloads() {
        owners.extend(workload.parts.iter().map(|part| (part.item.index, workload)));
    }
    for (item, pod) in facts.all::<Pod>(Kind::Pod) {
        let mut case = Case::of(item);
        let meta = &item.record.metadata;
        let of_node = meta.controller().is_some_and(|owner| owner.kind == "Node");
        let platform = owners.get(&item.index).and_then(|workload| facts.platform_owned(workload));
        if meta.annotations.contains_key("kubernetes.io/config.mirror") && of_node {
            case.not_applicable("the mirror of a static pod");
        } else if is_finished(pod) {
            case.not_applicable("the pod has finished");
        } else if let Some(reason) = platform {
            case.not_applicable(reason);
        } else {
            controlled(&mut case, facts, item);
        }
        report.push(case);
    }
}

fn controlled(case: &mut Case, facts: &Facts<'_>, item: Item<'_>) {
    let path = "metadata.ownerReferences";
    let Some(owner) = item.record.metadata.controller() else {
        case.fault(reading(path, Found::ABSENT), "no controller owns the pod");
        return;
    };
    let label = format!("{} {}", owner.kind, owner.name);
    let field = reading(path, label.as_str());
    let kind = Kind::of(&owner.api_version, &owner.kind);
    if !kind.is_workload() {
        case.read(field).note(format!("whether its owner {label} exists was not looked for"));
        return;
    }
    match facts.find::<workload::Workload>(kind, item.namespace(), &owner.name) {
        Lookup::Found(found, _) => {
            let (wanted, uid) = (&owner.uid, &found.record.metadata.uid);
            if !wanted.is_empty() && !uid.is_empty() && wanted != uid {
                case.fault(field, format!("its owner {label} is gone; another of that name took its place"));
                return;
            }
            case.read(field).uses(found);
            if matches!(kind, Kind::ReplicaSet | Kind::ReplicationController)
                && found.record.metadata.controller().is_none()
            {
                case.note(format!("{label} stands alone, without a Deployment that rolls updates"));
            }
        }
        Lookup::Implied => {
            case.read(field);
        }
        Lookup::Missing => {
            case.fault(field, format!("its owner {label} does not exist"));
        }
        Lookup::Unseen(reason) => {
            case.read(field).unknown(reason);
        }
    }
}

fn ownership_labels(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let names = &facts.settings().labels;
    let groups = [
        ("application", &names.name),
        ("instance", &names.instance),
        ("version", &names.version),
        ("managing tool", &names.managed_by),
    ];
    report.each_workload(|case, workload| {
        let release = facts.settings().releases.get(workload.item.namespace());
        let own = (&workload.item.record.metadata.labels, "metadata");
        let template = workload
            .template()
            .filter(|_| workload.item.kind() != Kind::Pod)
            .map(|part| (part.labels, part.meta_prefix));
        for (labels, place) in std::iter::once(own).chain(template) {
            for (what, alternatives) in groups {
                let Some((name, value)) = labelled(labels, alternatives) else {
                    let wanted = alternatives.first().map_or("", String::as_str);
                    let field = reading(format!("{place}.labels[{wanted}]"), Found::ABSENT);
                    case.fault(field, format!("no label of {place} names the {what}"));
                    continue;
                };
                let field = reading(format!("{place}.labels[{name}]"), value);
                match release.filter(|release| what == "instance" && *release != value) {
                    Some(release) => {
                        case.fault(field, format!("the instance is {value}, not the release {release}"));
                    }
                    None => {
                        case.read(field);
                    }
                }
            }
        }
    });
    report.each(Kind::Namespace, |case, item| {
        if facts.is_system(item.name()) {
            case.not_applicable(SYSTEM);
            return;
        }
        let meta = &item.record.metadata;
        let says_owner = |name: &str| {
            let bare = name.rsplit_once('/').map_or(name, |(_, bare)| bare);
            names.owner.iter().any(|owner| owner == name || owner == bare)
        };
        let label = meta.labels.iter().find(|(name, value)| !value.is_empty() && says_owner(name));
        let annotation = meta
            .annotations
            .iter()
            .find(|(name, value)| value.as_ref().is_none_or(|value| !value.is_empty()) && says_owner(name));
        if let Some((name, value)) = label {
            case.read(reading(format!("metadata.labels[{name}]"), value.as_str()));
        } else if let Some((name, value)) = annotation {
            let value = value.as_deref().unwrap_or("present");
            case.read(reading(format!("metadata.annotations[{name}]"), value));
        } else {
            let wanted = names.owner.first().map_or("", String::as_str);
            let field = reading(format!("metadata.labels[{wanted}]"), Found::ABSENT);
            case.fault(field, "no label or annotation names the owner of the namespace");
        }
    });
}

/// The first of some labels that is there with a value.
fn labelled<'l>(labels: &'l Labels, names: &'l [String]) -> Option<(&'l str, &'l str)> {
    names.iter().find_map(|name| {
        let value = labels.get(name).filter(|value| !value.is_empty())?;
        Some((name.as_str(), value.as_str()))
    })
}
