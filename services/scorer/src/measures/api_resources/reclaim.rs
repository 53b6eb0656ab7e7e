//! What becomes of the data when a claim is deleted.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::storage::{Claim, ClaimSpec, StorageClass, Volume};
use hexproof_core::record::workload;
use jiff::SignedDuration;

use super::backup::{Backups, Coverage, not_judged};
use super::storage::is_default;
use crate::facts::{Facts, Item, Lookup, Workload};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: "pv-reclaim-policy-retain",
    kinds: &[Kind::PersistentVolume, Kind::StorageClass, Kind::StatefulSet],
    judge: retained,
}];

fn retained(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let backups = Backups::new(facts);
    for (item, body) in facts.all::<Volume>(Kind::PersistentVolume) {
        let mut case = Case::of(item);
        volume(&mut case, facts, &backups, body);
        report.push(case);
    }
    let users = class_users(facts);
    for (item, body) in facts.all::<StorageClass>(Kind::StorageClass) {
        let mut case = Case::of(item);
        let claims = users.get(item.name()).map_or(&[][..], Vec::as_slice);
        class(&mut case, facts, &backups, body, claims);
        report.push(case);
    }
    for workload in facts.workloads().iter().filter(|workload| workload.item.kind() == Kind::StatefulSet) {
        let Some(controller) = workload.controller() else { continue };
        if controller.spec.volume_claim_templates.is_empty() {
            continue;
        }
        let mut case = Case::of(workload.item);
        stateful_set(&mut case, facts, workload, controller);
        report.push(case);
    }
}

fn volume<'f>(case: &mut Case, facts: &Facts<'f>, backups: &Backups<'_, 'f>, volume: &Volume) {
    let Some(claim) = &volume.spec.claim_ref else {
        case.not_applicable("no claim holds the volume");
        return;
    };
    let found = facts.find::<Claim>(Kind::PersistentVolumeClaim, &claim.namespace, &claim.name);
    let item = match &found {
        Lookup::Found(item, _) => Some(*item),
        _ => None,
    };
    if let Some(reason) = not_judged(facts, &claim.namespace, item) {
        case.not_applicable(reason);
        return;
    }
    released(case, facts, volume);
    // A volume that a person made keeps its data where it says nothing.
    let policy = volume.spec.persistent_volume_reclaim_policy.as_deref();
    let field = reading("spec.persistentVolumeReclaimPolicy", policy);
    if matches!(policy, None | Some("" | "Retain")) {
        case.read(field);
        return;
    }
    match found {
        Lookup::Found(item, body) => weigh(case, field, std::iter::once((item, backups.of(item, body)))),
        Lookup::Unseen(_) | Lookup::Missing | Lookup::Implied => {
            match facts.not_listed(Kind::PersistentVolumeClaim) {
                Some(gap) => {
                    case.read(field).unknown(gap);
                }
                None => {
                    case.fault(field, LOST);
                }
            }
        }
    }
}

const LOST: &str = "its data is deleted with the claim, and no recent backup holds it";

fn released(case: &mut Case, facts: &Facts<'_>, volume: &Volume) {
    let Some(status) = &volume.status else { return };
    let since = status.last_phase_transition_time.filter(|_| status.phase.as_deref() == Some("Released"));
    if let Some(since) = since
        && facts.at().duration_since(since) > SignedDuration::from_hours(30 * 24)
    {
        case.note(format!("released since {since}: data that nobody controls"));
    }
}

/// Passes where a backup holds every bound claim, fails where one has none.
fn weigh<'f>(case: &mut Case, field: Reading, claims: impl Iterator<Item = (Item<'f>, Coverage<'f>)>) {
    let (mut any, mut lost, mut untold) = (false, false, None);
    for (claim, coverage) in claims {
        case.uses(claim);
        match coverage {
            Coverage::By(by, field) => {
                any = true;
                case.uses(by).read(field);
            }
            Coverage::None => lost = true,
            Coverage::Untold(reason) => untold = Some(reason),
            // A claim without a volume has nothing to lose.
            Coverage::NotJudged(_) => {}
        }
    }
    match untold {
        _ if lost => {
            case.fault(field, LOST);
        }
        Some(reason) => {
            case.read(field).unknown(reason);
        }
        None if any => {
            case.read(field);
        }
        None => {
            case.fault(field, LOST);
        }
    }
}

/// A claim that uses a class.
enum User<'f> {
    /// A claim that is there.
    Claim(Item<'f>, &'f Claim),
    /// A claim that a StatefulSet of a manifest set will make.
    ToBeMade(Item<'f>),
}

/// The claims of user namespaces with data worth keeping, by the class they name or fall to.
fn class_users<'f>(facts: &Facts<'f>) -> BTreeMap<&'f str, Vec<User<'f>>> {
    let default = facts
        .all::<StorageClass>(Kind::StorageClass)
        .find(|(item, _)| is_default(*item))
        .map(|(item, _)| item.name());
    let class = |spec: &'f ClaimSpec| spec.storage_class_name.as_deref().or(default);
    let mut users: BTreeMap<&str, Vec<User<'f>>> = BTreeMap::new();
    for (item, claim) in facts.all::<Claim>(Kind::PersistentVolumeClaim) {
        let judged = not_judged(facts, item.namespace(), Some(item)).is_none();
        if let Some(class) = class(&claim.spec).filter(|_| judged) {
            users.entry(class).or_default().push(User::Claim(item, claim));
        }
    }
    if facts.is_manifests() {
        for (item, controller) in facts.all::<workload::Workload>(Kind::StatefulSet) {
            for template in &controller.spec.volume_claim_templates {
                let judged =
                    !facts.is_system(item.namespace()) && !is_scratch(facts, &template.metadata.labels);
                if let Some(class) = class(&template.spec).filter(|_| judged) {
                    users.entry(class).or_default().push(User::ToBeMade(item));
                }
            }
        }
    }
    users
}

fn is_scratch(facts: &Facts<'_>, labels: &BTreeMap<String, String>) -> bool {
    facts.settings().labels.scratch.iter().any(|(name, value)| labels.get(name) == Some(value))
}

fn class<'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    backups: &Backups<'_, 'f>,
    class: &StorageClass,
    users: &[User<'f>],
) {
    let policy = class.reclaim_policy.as_deref();
    let field = reading("reclaimPolicy", policy);
    if users.is_empty() {
        match facts.not_listed(Kind::PersistentVolumeClaim) {
            Some(gap) => case.read(field).unknown(gap),
            None => case.not_applicable("no claim of a user namespace uses it"),
        };
        return;
    }
    if policy == Some("Retain") {
        case.read(field);
        return;
    }
    let mut claims = Vec::new();
    for user in users {
        match user {
            User::Claim(item, claim) => claims.push((*item, backups.of(*item, claim))),
            User::ToBeMade(item) => {
                case.uses(*item).read(reading_of(*item, "spec.volumeClaimTemplates", "uses the class"));
            }
        }
    }
    weigh(case, field, claims.into_iter());
}

fn stateful_set<'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    workload: &Workload<'f>,
    controller: &workload::Workload,
) {
    let templates = &controller.spec.volume_claim_templates;
    if let Some(reason) = facts.platform_owned(workload) {
        case.not_applicable(reason);
        return;
    }
    if let Some(reason) = not_judged(facts, workload.item.namespace(), None) {
        case.not_applicable(reason);
        return;
    }
    if templates.iter().all(|template| is_scratch(facts, &template.metadata.labels)) {
        case.not_applicable("all its claims are labelled as data that may be lost");
        return;
    }
    let policy = controller.spec.persistent_volume_claim_retention_policy.as_ref();
    for (name, value, when) in [
        (
            "whenDeleted",
            policy.and_then(|policy| policy.when_deleted.as_deref()),
            "the StatefulSet is deleted",
        ),
        ("whenScaled", policy.and_then(|policy| policy.when_scaled.as_deref()), "it is scaled down"),
    ] {
        let field = reading(format!("spec.persistentVolumeClaimRetentionPolicy.{name}"), value);
        if matches!(value, None | Some("" | "Retain")) {
            case.read(field);
        } else {
            case.fault(field, format!("its claims are deleted when {when}"));
        }
    }
}
