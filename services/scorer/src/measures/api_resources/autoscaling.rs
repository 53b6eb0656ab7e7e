//! Measures on autoscalers.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::cluster::{Autoscaler, ScaleTarget, ScaledObject};
use hexproof_core::record::pod::Condition;
use hexproof_core::record::{Kind, workload};

use super::replicas::target_kind;
use crate::facts::{Facts, Item, Lookup, Workload};
use crate::measures::Entry;
use crate::measures::container::resources::{LimitRanges, Requested, requested_by_all};
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "workload-autoscaler-valid",
    kinds: &[Kind::HorizontalPodAutoscaler, Kind::ScaledObject],
    judge: valid,
}];

fn valid(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let ranges = LimitRanges::gather(facts);
    let workloads: BTreeMap<u32, &Workload<'_>> =
        facts.workloads().iter().map(|workload| (workload.item.index, workload)).collect();
    for (item, scaler) in facts.all::<Autoscaler>(Kind::HorizontalPodAutoscaler) {
        let mut case = Case::of(item);
        if let Some(made_by) = scaled_object(facts, item) {
            case.uses(made_by)
                .not_applicable(format!("made by {}, which is judged instead", made_by.label()));
        }
        let target = target(&mut case, facts, item, &scaler.spec.scale_target_ref, "");
        let workload = target.and_then(|(found, _)| workloads.get(&found.index).copied());
        if let Some(reason) = workload.and_then(|workload| facts.platform_owned(workload)) {
            case.not_applicable(reason);
        }
        if let Some((found, body)) = target
            && found.record.origin.is_some()
            && let Some(fixed) = body.spec.replicas
        {
            case.note(format!(
                "{} fixes spec.replicas at {fixed}: each apply undoes the autoscaler",
                found.label()
            ));
        }
        horizontal_range(&mut case, scaler);
        let conditions = scaler.status.as_ref().map_or(&[][..], |status| status.conditions.as_slice());
        in_state(&mut case, facts, conditions, &["AbleToScale", "ScalingActive"]);
        if let Some(workload) = workload {
            metrics(&mut case, &ranges, scaler, workload);
        }
        report.push(case);
    }
    for (item, scaled) in facts.all::<ScaledObject>(Kind::ScaledObject) {
        let mut case = Case::of(item);
        target(&mut case, facts, item, &scaled.spec.scale_target_ref, "Deployment");
        let (least, most) = (scaled.spec.min_replica_count, scaled.spec.max_replica_count);
        case.read(reading("spec.minReplicaCount", least));
        range(&mut case, "spec.maxReplicaCount", most, least.unwrap_or(0), most.unwrap_or(100));
        let conditions = scaled.status.as_ref().map_or(&[][..], |status| status.conditions.as_slice());
        in_state(&mut case, facts, conditions, &["Ready"]);
        report.push(case);
    }
}

/// The ScaledObject that made an autoscaler, if it is there: a reference alone hides nothing.
fn scaled_object<'f>(facts: &Facts<'f>, item: Item<'f>) -> Option<Item<'f>> {
    let owner = item.record.metadata.controller()?;
    if Kind::of(&owner.api_version, &owner.kind) != Kind::ScaledObject {
        return None;
    }
    match facts.find::<ScaledObject>(Kind::ScaledObject, item.namespace(), &owner.name) {
        Lookup::Found(found, _) if owner.uid == found.record.metadata.uid => Some(found),
        _ => None,
    }
}

fn target<'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    item: Item<'f>,
    target: &ScaleTarget,
    otherwise: &str,
) -> Option<(Item<'f>, &'f workload::Workload)> {
    let kind = target_kind(target, otherwise);
    let named = target.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(otherwise);
    let label = format!("{named} {}", target.name);
    let field = reading("spec.scaleTargetRef", label.as_str());
    if !kind.is_workload() {
        case.read(field).note(format!("whether its target {label} exists was not looked for"));
        return None;
    }
    match facts.find::<workload::Workload>(kind, item.namespace(), &target.name) {
        Lookup::Found(found, body) => {
            case.read(field).uses(found);
            return Some((found, body));
        }
        Lookup::Implied => {
            case.read(field);
        }
        Lookup::Missing => {
            case.fault(field, format!("its target {label} does not exist"));
        }
        Lookup::Unseen(reason) => {
            case.read(field).unknown(reason);
        }
    }
    None
}

fn horizontal_range(case: &mut Case, scaler: &Autoscaler) {
    let (least, most) = (scaler.spec.min_replicas, scaler.spec.max_replicas);
    let field = reading("spec.minReplicas", least);
    if least.unwrap_or(1) < 2 {
        case.fault(field, "it may leave fewer than two replicas");
    } else {
        case.read(field);
    }
    range(case, "spec.maxReplicas", most, least.unwrap_or(1), most.unwrap_or(0));
}

fn range(case: &mut Case, path: &str, found: Option<i64>, least: i64, most: i64) {
    let field = reading(path, found);
    if least < most {
        case.read(field);
    } else {
        case.fault(field, "the upper bound is not above the lower one");
    }
}

fn in_state(case: &mut Case, facts: &Facts<'_>, conditions: &[Condition], wanted: &[&str]) {
    if facts.is_manifests() {
        return;
    }
    for name in wanted {
        let path = format!("status.conditions[{name}].status");
        let Some(condition) = conditions.iter().find(|condition| condition.r#type == *name) else {
            case.read(reading(path, None::<&str>)).unknown(format!("the condition {name} is not there yet"));
            continue;
        };
        let field = reading(path, condition.status.as_str());
        if condition.status == "True" {
            case.read(field);
        } else {
            let why = condition.reason.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
            case.fault(field, format!("the condition {name} is {}{why}", condition.status));
        }
    }
}

fn metrics<'f>(case: &mut Case, ranges: &LimitRanges<'f>, scaler: &Autoscaler, workload: &Workload<'f>) {
    let names: BTreeSet<&str> = scaler
        .spec
        .metrics
        .iter()
        .filter(|metric| metric.r#type == "Resource")
        .filter_map(|metric| Some(metric.resource.as_ref()?.name.as_str()))
        .collect();
    for name in names {
        for part in &workload.parts {
            match requested_by_all(ranges, part, name) {
                Requested::ByAll => {
                    case.read(reading("spec.metrics[].resource.name", name));
                }
                Requested::NotBy(container) => {
                    let path = format!("{}.resources.requests.{name}", container.path);
                    let reason = format!("the container {} has no {name} request", container.container.name);
                    case.fault(reading_of(part.item, path, None::<&str>), reason);
                }
                Requested::Untold(gap) => {
                    case.unknown(gap);
                }
            }
        }
    }
}
