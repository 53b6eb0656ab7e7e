//! The examples inside measure files: small clusters with the outcome the measure must give.

use hexproof_core::digest::Digest;
use hexproof_core::measure::{Example, Measure};
use hexproof_core::observation::Observation;
use hexproof_core::population::{NotListed, Population};
use hexproof_core::record::{DecodeError, Kind, Record};
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::{Cluster, Header, Redaction, Snapshot, Source, SourceState, State};
use hexproof_core::{Outcome, Platform};
use jiff::Timestamp;
use serde_json::Value;

use crate::facts::Facts;
use crate::measures;

/// Turns a manifest into a record, as a collector does. [`Record::decode`] is one, without detectors.
pub type Project<'a> = &'a dyn Fn(&Value, &Settings) -> Result<Record, DecodeError>;

/// Runs every example of a measure and says what is wrong, one sentence an example.
pub fn failures(measure: &Measure, project: Project<'_>) -> Vec<String> {
    measure
        .examples
        .iter()
        .filter_map(|example| {
            check(measure, example, project)
                .err()
                .map(|why| format!("{}: example `{}`: {why}", measure.id, example.name))
        })
        .collect()
}

fn check(measure: &Measure, example: &Example, project: Project<'_>) -> Result<(), String> {
    let settings = settings(example)?;
    let snapshot = snapshot(example, &settings, project)?;
    let facts = Facts::new(&snapshot, &settings);
    let verdicts = measures::judge_one(&facts, measure);
    let observations: Vec<&Observation> = verdicts.iter().map(|verdict| &verdict.observation).collect();
    let subject = match &example.subject {
        Some(subject) => subject.clone(),
        None => first_subject(&snapshot, example)?,
    };
    let found: Vec<&&Observation> = observations.iter().filter(|o| o.subject.label() == subject).collect();
    let [observation] = found.as_slice() else {
        let known: Vec<String> = observations.iter().map(|o| o.subject.label()).collect();
        return Err(format!("{} verdicts on `{subject}`; there are [{}]", found.len(), known.join(", ")));
    };
    if observation.outcome != example.outcome {
        return Err(format!(
            "`{subject}` gives {}, not {}: {} {:?}",
            observation.outcome, example.outcome, observation.reason, observation.readings
        ));
    }
    let significance = example.significance.unwrap_or(measure.significance);
    if observation.outcome == Outcome::Fail && observation.significance != significance {
        return Err(format!("the finding counts as {}, not {significance}", observation.significance));
    }
    if let Some(text) = &example.says {
        let said = format!("{}\n{}", observation.reason, observation.notes.join("\n"));
        if !said.contains(text.as_str()) {
            return Err(format!("`{text}` is not said: {said}"));
        }
    }
    evidence(observation)
}

/// Rules that hold for every observation.
fn evidence(observation: &Observation) -> Result<(), String> {
    match observation.outcome {
        Outcome::Fail if observation.reason.is_empty() => Err("a failure without a reason".into()),
        Outcome::Fail if !observation.readings.iter().any(|reading| reading.fault) => {
            Err("a failure that names no field".into())
        }
        Outcome::Unknown | Outcome::NotApplicable if observation.reason.is_empty() => {
            Err(format!("{} without a reason", observation.outcome))
        }
        Outcome::Pass if observation.readings.is_empty() && observation.reason.is_empty() => {
            Err("a pass that names neither a field nor a reason".into())
        }
        Outcome::Pass | Outcome::Fail | Outcome::Unknown | Outcome::NotApplicable => Ok(()),
    }
}

fn settings(example: &Example) -> Result<Settings, String> {
    if example.settings.is_null() {
        return Ok(Settings::default());
    }
    serde_json::from_value(example.settings.clone()).map_err(|error| format!("its settings: {error}"))
}

fn first_subject(snapshot: &Snapshot, example: &Example) -> Result<String, String> {
    let first = example.objects.first().ok_or("it has no object and names no subject")?;
    let (kind, name) = (&first["kind"], &first["metadata"]["name"]);
    snapshot
        .records
        .iter()
        .find(|r| *kind == r.kind_name.name.as_str() && *name == r.metadata.name.as_str())
        .map(|r| crate::facts::Item { index: 0, record: r }.label())
        .ok_or_else(|| "its first object has no kind and name".into())
}

/// The snapshot an example stands for.
///
/// # Errors
/// An object that cannot be projected.
pub fn snapshot(example: &Example, settings: &Settings, project: Project<'_>) -> Result<Snapshot, String> {
    let mut records = Vec::new();
    for (index, object) in example.objects.iter().enumerate() {
        let mut record =
            project(object, settings).map_err(|error| format!("object {}: {error}", index + 1))?;
        if record.metadata.namespace.is_empty() && record.kind().is_cluster_scoped() == Some(false) {
            record.metadata.namespace = "default".into();
        }
        if !example.live {
            record.origin =
                Some(hexproof_core::record::Origin { file: "example.yaml".into(), line: index as u64 + 1 });
        }
        records.push(record);
    }
    let at = example.at.unwrap_or_else(default_time);
    let not_listed = example.refused.iter().map(|kind| NotListed {
        api_version: api_version(kind),
        kind: kind.clone(),
        reason: "403 Forbidden".into(),
        inconsistent: false,
    });
    let population = Population { not_listed: not_listed.collect(), ..Population::default() };
    let header = Header {
        format: String::new(),
        cluster: Cluster {
            name: "example".into(),
            platform: Some(example.platform.unwrap_or(Platform::OnPremise)),
            ..Cluster::default()
        },
        collected_from: at,
        collected_at: at,
        collector: "example".into(),
        identity: String::new(),
        origin: if example.live { Source::Live } else { Source::Manifests },
        sources: vec![SourceState {
            name: "cluster-api".into(),
            state: State::Complete,
            objects: records.len() as u64,
            reason: String::new(),
        }],
        redaction: Redaction::default(),
        permissions: None,
        records: 0,
        records_digest: Digest::of(b""),
    };
    Ok(Snapshot::seal(header, population, records))
}

fn api_version(kind: &str) -> String {
    let group = Kind::ALL
        .iter()
        .map(|k| k.group_kind())
        .find(|(_, name)| *name == kind)
        .map_or("", |(group, _)| group);
    if group.is_empty() { "v1".into() } else { format!("{group}/v1") }
}

fn default_time() -> Timestamp {
    // 2026-06-01T00:00:00Z: examples are as true in ten years as today.
    Timestamp::constant(1_780_272_000, 0)
}
