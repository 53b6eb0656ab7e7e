//! Packs of a believable cluster, of any size.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hexproof_core::access::Artifact;
use hexproof_core::assessment::{
    Assessment, CatalogueRef, ClusterFacts, PopulationRow, RowReason, SnapshotRef, WaiverState,
};
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::{ClusterId, RunId};
use hexproof_core::observation::Observation;
use hexproof_core::population::NotListed;
use hexproof_core::port::evidence::{PackEntry, ScoreEntry};
use hexproof_core::scale::{Goal, Layer, Outcome, Platform};
use hexproof_core::snapshot::{Redaction, Source, SourceState, State};
use hexproof_core::waiver::{SubjectSelector, Waiver};
use jiff::{Timestamp, ToSpan as _};

use super::observations::{self, Plan};
use super::score::{self, cell};
use super::{KeptPack, catalogue};

/// Names that attack whoever prints them: markup, attributes, paths, direction and length.
pub const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "shop\u{202e}gpj.exe",
    "a\u{200b}b\u{0}c\nd",
    "../../../etc/passwd",
    "'; DROP TABLE packs; --",
    "javascript:alert(1)//%2e%2e%2f&amp;?a=b#c",
    // As long as an object's name may be.
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// A pack to be made. The same sample makes the same pack every time.
#[derive(Debug, Clone)]
pub struct Sample {
    cluster: ClusterId,
    finished: Timestamp,
    name: String,
    plan: Plan,
    pdf: usize,
}

impl Sample {
    /// A cluster in which a third of everything fails and not all could be read: gates, waivers, unknowns.
    pub fn weak(cluster: &ClusterId, finished: Timestamp) -> Self {
        let plan = Plan { subjects: 40, failing: 30, unknown: 5, hostile: false, waiver: true };
        Self { cluster: cluster.clone(), finished, name: cluster.to_string(), plan, pdf: 20_000 }
    }

    /// A cluster in which next to nothing fails and everything was read.
    pub fn strong(cluster: &ClusterId, finished: Timestamp) -> Self {
        let mut sample = Self::weak(cluster, finished);
        sample.plan = Plan { failing: 0, unknown: 0, waiver: false, ..sample.plan };
        sample
    }

    /// So many subjects of each measure of workloads, claims and the like.
    #[must_use]
    pub fn subjects(mut self, subjects: u32) -> Self {
        self.plan.subjects = subjects;
        self
    }

    /// So many of a hundred subjects fail.
    #[must_use]
    pub fn failing(mut self, percent: u32) -> Self {
        self.plan.failing = percent;
        self
    }

    /// Names of objects, of namespaces and of the cluster are [`HOSTILE`].
    #[must_use]
    pub fn hostile(mut self) -> Self {
        self.plan.hostile = true;
        self.name = HOSTILE[0].to_owned();
        self
    }

    /// Bytes of the PDF, which is none but for its first line.
    #[must_use]
    pub fn pdf_bytes(mut self, bytes: usize) -> Self {
        self.pdf = bytes;
        self
    }

    /// The audit.
    pub fn key(&self) -> AuditKey {
        let run = RunId::derive(&self.cluster, &["sample", &self.finished.to_string()]);
        AuditKey { cluster: self.cluster.clone(), run }
    }

    /// What was found.
    pub fn assessment(&self) -> Assessment {
        let catalogue = catalogue();
        let (observations, mut measures) = observations::observe(&catalogue, self.plan);
        let gains: Vec<f64> = {
            let counted = score::counted(&catalogue, &measures);
            counted.iter().map(|(measure, count)| score::gain(&counted, measure, count)).collect()
        };
        for (count, gain) in measures.iter_mut().zip(gains) {
            count.gain = gain;
        }
        let counted = score::counted(&catalogue, &measures);
        let gates = score::gates(&counted);
        let goals = || Goal::ALL.iter().copied();
        let layers = || Layer::ALL.iter().copied();
        let matrix = layers()
            .flat_map(|layer| goals().map(move |goal| (layer, goal)))
            .map(|(layer, goal)| cell(&counted, &gates, Some(layer), Some(goal)))
            .collect();
        let complete = self.plan.unknown == 0;
        Assessment {
            cluster: ClusterFacts {
                name: self.name.clone(),
                id: self.cluster.to_string(),
                version: "v1.34.1".to_owned(),
                platform: Some(Platform::OnPremise),
                platform_reason: "no node names a provider".to_owned(),
                nodes: 5,
                namespaces: 6,
            },
            snapshot: SnapshotRef {
                digest: Digest::of(self.finished.to_string().as_bytes()),
                collected_from: self.finished.saturating_sub(90.seconds()).unwrap_or(self.finished),
                collected_at: self.finished.saturating_sub(60.seconds()).unwrap_or(self.finished),
                collector: "hexproof 0.1.0".to_owned(),
                identity: "system:serviceaccount:hexproof:collector".to_owned(),
                origin: Source::Live,
                records: self.plan.subjects.saturating_mul(6),
            },
            catalogue: CatalogueRef {
                digest: catalogue.digest,
                measures: u32::try_from(catalogue.measures.len()).unwrap_or(u32::MAX),
                applicable: u32::try_from(catalogue.measures.len()).unwrap_or(u32::MAX),
            },
            settings_digest: Digest::of(b"settings"),
            matrix,
            goals: goals().map(|goal| cell(&counted, &gates, None, Some(goal))).collect(),
            layers: layers().map(|layer| cell(&counted, &gates, Some(layer), None)).collect(),
            overall: cell(&counted, &gates, None, None),
            work_list: score::work(&counted, &gates),
            gates,
            waivers: self.waivers(&observations),
            population: population(&observations),
            not_listed: match complete {
                true => Vec::new(),
                false => vec![NotListed {
                    api_version: "v1".to_owned(),
                    kind: "LimitRange".to_owned(),
                    reason: "403 Forbidden: limitranges is forbidden".to_owned(),
                    inconsistent: false,
                }],
            },
            measures,
            observations,
            unreadable_files: Vec::new(),
            skipped_files: Vec::new(),
            sources: vec![SourceState {
                name: "cluster-api".to_owned(),
                state: if complete { State::Complete } else { State::Partial },
                objects: u64::from(self.plan.subjects) * 6,
                reason: if complete { String::new() } else { "limitranges could not be listed".to_owned() },
            }],
            redaction: Redaction { secret_values: 12, env_values: 40, ..Redaction::default() },
            permissions: None,
        }
    }

    /// The pack with its files.
    pub fn pack(&self) -> KeptPack {
        let assessment = self.assessment();
        let mut pdf = b"%PDF-1.7\n".to_vec();
        pdf.extend_from_slice(self.key().run.to_string().as_bytes());
        // Not all alike: whoever mixes up two stretches shall notice.
        pdf.extend(
            (0_u32..)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .take(self.pdf.saturating_sub(pdf.len())),
        );
        let entry = PackEntry {
            key: self.key(),
            finished: self.finished,
            rating: assessment.overall.rating,
            score: Some(ScoreEntry::of(&assessment)),
            complete: assessment.not_listed.is_empty(),
            size: pdf.len() as u64,
            digest: Digest::of(&pdf),
        };
        let json = |value: Result<Vec<u8>, serde_json::Error>| Bytes::from(value.unwrap_or_default());
        let files = BTreeMap::from([
            (Artifact::Pack, Bytes::from(pdf)),
            (Artifact::Assessment, json(serde_json::to_vec(&assessment))),
            (Artifact::Population, json(serde_json::to_vec(&assessment.population))),
            (Artifact::Snapshot, Bytes::from_static(b"\x28\xb5\x2f\xfd a snapshot, compressed")),
        ]);
        KeptPack { entry, assessment: Arc::new(assessment), files }
    }

    fn waivers(&self, observations: &[Observation]) -> Vec<WaiverState> {
        let covers = observations.iter().filter(|one| !one.waived_by.is_empty()).count();
        let Some(measure) = "container-resource-limits".parse().ok().filter(|_| self.plan.waiver) else {
            return Vec::new();
        };
        let waiver = Waiver {
            id: "limits-of-batch".to_owned(),
            measure,
            subject: SubjectSelector { kind: Some("StatefulSet".to_owned()), ..SubjectSelector::default() },
            reason: "batch jobs take what is left over".to_owned(),
            compensating_control: "quotas of the namespaces".to_owned(),
            owner: "ada@example.org".to_owned(),
            approver: "grace@example.org".to_owned(),
            expiry: jiff::civil::date(2027, 3, 31),
        };
        let covers = u32::try_from(covers).unwrap_or(u32::MAX);
        vec![WaiverState { waiver, valid: true, void_reason: String::new(), covers }]
    }
}

/// A row for each kind and namespace that was observed.
fn population(observations: &[Observation]) -> Vec<PopulationRow> {
    let mut rows: BTreeMap<(String, String, String), PopulationRow> = BTreeMap::new();
    for observation in observations.iter().filter(|one| one.subject.kind != "Cluster") {
        let subject = &observation.subject;
        let key = (subject.api_version.clone(), subject.kind.clone(), subject.namespace.clone());
        let row = rows.entry(key).or_insert_with(|| PopulationRow {
            api_version: subject.api_version.clone(),
            kind: subject.kind.clone(),
            namespace: subject.namespace.clone(),
            ..PopulationRow::default()
        });
        row.listed += 1;
        match observation.outcome {
            Outcome::NotApplicable => row.not_applicable += 1,
            Outcome::Fail if !observation.waived_by.is_empty() => row.waived += 1,
            Outcome::Pass | Outcome::Fail | Outcome::Unknown => row.evaluated += 1,
        }
    }
    let mut rows: Vec<PopulationRow> = rows.into_values().collect();
    for row in rows.iter_mut().filter(|row| row.not_applicable > 0) {
        row.reasons = vec![RowReason {
            column: "notApplicable".to_owned(),
            count: row.not_applicable,
            reason: "runs on Windows".to_owned(),
            names: Vec::new(),
        }];
    }
    rows
}
