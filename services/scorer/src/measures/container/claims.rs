//! From the claims of a pod to the PersistentVolumes behind them.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::storage::{Claim, ClaimSpec, Volume};

use crate::facts::{Facts, Item, Lookup, Part, Workload};
use crate::verdict::{Case, reading, reading_of};

/// A volume of a pod that is a claim.
pub(super) struct Claimed<'f> {
    /// Name of the volume in the pod.
    pub(super) volume: &'f str,
    /// The claim is mounted read-only whatever the mounts say.
    pub(super) read_only: bool,
    source: Source<'f>,
}

enum Source<'f> {
    /// A claim by name.
    Named(&'f str),
    /// A claim that was found by the name a controller gives it.
    Made(Item<'f>, &'f Claim),
    /// A claim that a controller will make of a template: the volume it names, and the field.
    ToBeMade(Option<&'f str>, Reading),
}

/// Claims and volumes of a cluster.
pub(super) struct Claims<'m, 'f> {
    facts: &'m Facts<'f>,
    claims: BTreeMap<(&'f str, &'f str), (Item<'f>, &'f Claim)>,
    /// Volumes that name their claim, by namespace and name of the claim.
    reserved: BTreeMap<(&'f str, &'f str), Vec<(Item<'f>, &'f Volume)>>,
}

impl<'m, 'f> Claims<'m, 'f> {
    /// Indexes the claims and volumes of a cluster.
    pub(super) fn new(facts: &'m Facts<'f>) -> Self {
        let claims = facts
            .all::<Claim>(Kind::PersistentVolumeClaim)
            .map(|(item, claim)| ((item.namespace(), item.name()), (item, claim)))
            .collect();
        let mut reserved: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (item, volume) in facts.all::<Volume>(Kind::PersistentVolume) {
            if let Some(claim) = &volume.spec.claim_ref {
                let key = (claim.namespace.as_str(), claim.name.as_str());
                reserved.entry(key).or_default().push((item, volume));
            }
        }
        Self { facts, claims, reserved }
    }

    /// The volumes of a pod spec that are claims, those that StatefulSets and ephemeral volumes make with them.
    pub(super) fn of(&self, workload: &Workload<'f>, part: &Part<'f>) -> Vec<Claimed<'f>> {
        let namespace = part.item.namespace();
        let mut claimed = Vec::new();
        for (index, volume) in part.spec.volumes.iter().enumerate() {
            if let Some(claim) = &volume.persistent_volume_claim {
                let read_only = claim.read_only == Some(true);
                let source = Source::Named(&claim.claim_name);
                claimed.push(Claimed { volume: &volume.name, read_only, source });
            }
            let Some(template) = volume.ephemeral.as_ref().and_then(|e| e.volume_claim_template.as_ref())
            else {
                continue;
            };
            let name = format!("{}-{}", part.item.name(), volume.name);
            let made = match part.item.kind() {
                Kind::Pod => self.claims.get(&(namespace, name.as_str())),
                _ => None,
            };
            let source = match made {
                Some((item, claim)) => Source::Made(*item, claim),
                None => {
                    let name = volume_named(&template.spec);
                    let path = format!("volumes[{index}].ephemeral.volumeClaimTemplate.spec.volumeName");
                    Source::ToBeMade(name, part.field(&path, name))
                }
            };
            claimed.push(Claimed { volume: &volume.name, read_only: false, source });
        }
        if part.own && part.item.kind() == Kind::StatefulSet {
            claimed.extend(self.of_templates(workload, part));
        }
        claimed
    }

    /// Claims of volumeClaimTemplates: the template itself, and `<template>-<set>-<ordinal>`.
    fn of_templates(&self, workload: &Workload<'f>, part: &Part<'f>) -> Vec<Claimed<'f>> {
        let templates = workload.controller().map_or(&[][..], |c| c.spec.volume_claim_templates.as_slice());
        let mut claimed = Vec::new();
        for (index, template) in templates.iter().enumerate() {
            let volume = template.metadata.name.as_str();
            let name = volume_named(&template.spec);
            let path = format!("spec.volumeClaimTemplates[{index}].spec.volumeName");
            let source = Source::ToBeMade(name, reading(path, name));
            claimed.push(Claimed { volume, read_only: false, source });
            let stem = format!("{volume}-{}-", part.item.name());
            let namespace = part.item.namespace();
            let made = self
                .claims
                .range((namespace, stem.as_str())..)
                .take_while(|((space, name), _)| *space == namespace && name.starts_with(&stem))
                .filter(|((_, name), _)| is_ordinal(name.get(stem.len()..)))
                .map(|(_, (item, claim))| Source::Made(*item, claim));
            claimed.extend(made.map(|source| Claimed { volume, read_only: false, source }));
        }
        claimed
    }

    /// The PersistentVolumes a claim is bound to, or will be. What was read is kept; what cannot be told is unknown.
    pub(super) fn volumes(
        &self,
        case: &mut Case,
        part: &Part<'f>,
        claimed: &Claimed<'f>,
    ) -> Vec<(Item<'f>, &'f Volume)> {
        match &claimed.source {
            Source::ToBeMade(name, reading) => {
                if reading.path.starts_with(part.prefix) {
                    case.read_in(part, reading.clone());
                } else {
                    case.read(reading.clone());
                }
                name.map_or_else(Vec::new, |name| self.named(case, name))
            }
            Source::Made(item, claim) => self.bound(case, *item, claim),
            Source::Named(name) => {
                let namespace = part.item.namespace();
                let claim = self.facts.find::<Claim>(Kind::PersistentVolumeClaim, namespace, name);
                let found = found(case, claim, |case| {
                    case.note(format!("PersistentVolumeClaim {namespace}/{name} does not exist"));
                });
                found.map_or_else(Vec::new, |(item, claim)| self.bound(case, item, claim))
            }
        }
    }

    fn bound(&self, case: &mut Case, item: Item<'f>, claim: &'f Claim) -> Vec<(Item<'f>, &'f Volume)> {
        let name = volume_named(&claim.spec);
        case.uses(item).read(reading_of(item, "spec.volumeName", name));
        if let Some(name) = name {
            return self.named(case, name);
        }
        // A volume that names the claim waits for it: the binder takes no other.
        let uid = &item.record.metadata.uid;
        let same = |volume: &Volume| {
            let wanted = volume.spec.claim_ref.as_ref().and_then(|claim| claim.uid.as_deref()).unwrap_or("");
            wanted.is_empty() || uid.is_empty() || wanted == uid
        };
        let waiting = self.reserved.get(&(item.namespace(), item.name())).map_or(&[][..], Vec::as_slice);
        waiting.iter().filter(|(_, volume)| same(volume)).copied().collect()
    }

    fn named(&self, case: &mut Case, name: &str) -> Vec<(Item<'f>, &'f Volume)> {
        let volume = self.facts.find::<Volume>(Kind::PersistentVolume, "", name);
        let found = found(case, volume, |case| {
            case.unknown(format!("PersistentVolume {name} is named by a claim and does not exist"));
        });
        found.into_iter().collect()
    }
}

/// What was found; what cannot be seen is unknown, and `missing` says what an object that does not exist means.
fn found<'f, T>(
    case: &mut Case,
    lookup: Lookup<'f, T>,
    missing: impl FnOnce(&mut Case),
) -> Option<(Item<'f>, &'f T)> {
    match lookup {
        Lookup::Found(item, body) => return Some((item, body)),
        Lookup::Missing => missing(case),
        Lookup::Unseen(reason) => {
            case.unknown(reason);
        }
        Lookup::Implied => {}
    }
    None
}

/// The volume a claim names; an empty name is none.
fn volume_named(spec: &ClaimSpec) -> Option<&str> {
    spec.volume_name.as_deref().filter(|name| !name.is_empty())
}

fn is_ordinal(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}
