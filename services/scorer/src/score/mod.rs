//! From verdicts to an assessment.
//!
//! `formula` is the one formula, `waive` applies waivers, `intercept` the outer layers, `cells` rates layers and
//! goals, `gates` numbers what holds a rating, `work` orders what to mend, `reconcile` accounts for every object.

pub mod formula;

mod cells;
mod gates;
mod intercept;
mod reconcile;
#[cfg(test)]
mod testing;
mod waive;
mod work;

use hexproof_core::Outcome;
use hexproof_core::assessment::{Assessment, CatalogueRef, ClusterFacts, MeasureCount, SnapshotRef};
use hexproof_core::digest::Digest;
use hexproof_core::measure::Measure;
use hexproof_core::record::Kind;

use crate::Input;
use crate::facts::Facts;
use crate::verdict::Verdict;
use formula::Tally;

/// A measure with its verdicts.
pub(crate) struct Judged<'a> {
    pub(crate) measure: &'a Measure,
    pub(crate) verdicts: Vec<Verdict>,
}

impl Judged<'_> {
    /// Counts the outcomes.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for verdict in &self.verdicts {
            let observation = &verdict.observation;
            match observation.outcome {
                Outcome::Pass => tally.pass += 1,
                Outcome::Unknown => tally.unknown += 1,
                Outcome::NotApplicable => tally.not_applicable += 1,
                Outcome::Fail => {
                    tally.fail += 1;
                    tally.waived += u32::from(!observation.waived_by.is_empty());
                    tally.intercepted += u32::from(observation.intercepted);
                }
            }
        }
        tally
    }
}

/// Rates the verdicts, which stand in the order of the catalogue.
pub fn assessment(input: Input<'_>, facts: &Facts<'_>, verdicts: Vec<Vec<Verdict>>) -> Assessment {
    let mut judged: Vec<Judged<'_>> = input
        .catalogue
        .measures
        .iter()
        .zip(verdicts)
        .map(|(measure, verdicts)| Judged { measure, verdicts })
        .collect();
    let waivers = waive::apply(input.waivers, &mut judged, facts.at());
    intercept::apply(&mut judged);

    let gates = gates::number(&judged);
    let cells = cells::Cells::rate(&judged, &gates);
    let work_list = work::order(&judged, &gates);
    let population = reconcile::rows(input.snapshot, facts, &judged);
    let measures = judged.iter().map(|j| count(j, &judged)).collect();
    let observations =
        judged.into_iter().flat_map(|j| j.verdicts).map(|verdict| verdict.observation).collect();

    let header = &input.snapshot.header;
    let platform = facts.platform();
    Assessment {
        cluster: ClusterFacts {
            name: header.cluster.name.clone(),
            id: header.cluster.id.clone(),
            version: header.cluster.version.clone(),
            platform: Some(platform),
            platform_reason: header.cluster.platform_reason.clone(),
            nodes: number(facts.items(Kind::Node).len()),
            namespaces: number(facts.namespaces().count()),
        },
        snapshot: SnapshotRef {
            digest: input.digest,
            collected_from: header.collected_from,
            collected_at: header.collected_at,
            collector: header.collector.clone(),
            identity: header.identity.clone(),
            origin: header.origin,
            records: number(input.snapshot.records.len()),
        },
        catalogue: CatalogueRef {
            digest: input.catalogue.digest,
            measures: number(input.catalogue.measures.len()),
            applicable: number(
                input.catalogue.measures.iter().filter(|m| m.platforms.contains(&platform)).count(),
            ),
        },
        settings_digest: Digest::of(&serde_json::to_vec(input.settings).unwrap_or_default()),
        matrix: cells.matrix,
        goals: cells.goals,
        layers: cells.layers,
        overall: cells.overall,
        gates,
        measures,
        observations,
        population,
        not_listed: input.snapshot.population.not_listed.clone(),
        unreadable_files: input.snapshot.population.unreadable_files.clone(),
        skipped_files: input.snapshot.population.skipped_files.clone(),
        sources: header.sources.clone(),
        redaction: header.redaction.clone(),
        permissions: header.permissions.clone(),
        work_list,
        waivers,
    }
}

fn count(judged: &Judged<'_>, all: &[Judged<'_>]) -> MeasureCount {
    let tally = judged.tally();
    let only = match judged.verdicts.as_slice() {
        [only] if only.observation.outcome == Outcome::NotApplicable => only.observation.reason.clone(),
        _ => String::new(),
    };
    MeasureCount {
        measure_id: judged.measure.id.clone(),
        pass: tally.pass,
        fail: tally.fail,
        unknown: tally.unknown,
        not_applicable: tally.not_applicable,
        waived: tally.waived,
        intercepted: tally.intercepted,
        gain: formula::gain(judged.measure, &tally, tally.fail, all),
        reason: only,
        rule: Some(judged.measure.rule()),
    }
}

pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
