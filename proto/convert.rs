//! From the types of the core to messages. Nothing is decided here: each field goes where its name says.
//!
//! Every source is taken apart by a pattern without `..`, so that a field added to the core does not compile
//! until it has its place in the API.

pub mod access;
pub mod audit;
pub mod cluster;
pub mod pack;
pub mod waiver_record;

use hexproof_core::assessment::{
    Assessment, CatalogueRef, Cell, ClusterFacts, Gate, MeasureCount, PopulationRow, RowReason, SnapshotRef,
    WaiverState, WorkStep, two_decimals, two_decimals_high,
};
use hexproof_core::measure::MeasureRule;
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::permissions::{Permission, Permissions};
use hexproof_core::population::{NotListed, UnreadableFile};
use hexproof_core::snapshot::{Redaction, Source, SourceState, State};
use hexproof_core::waiver::{SubjectSelector, Waiver};
use hexproof_core::{Goal, Layer, Outcome, Platform, Rating, Significance};
use prost_types::value::Kind;

use crate::v1;

mod diff;
mod schedule;

impl From<&Assessment> for v1::Assessment {
    fn from(assessment: &Assessment) -> Self {
        let Assessment {
            cluster,
            snapshot,
            catalogue,
            settings_digest,
            matrix,
            goals,
            layers,
            overall,
            gates,
            measures,
            observations,
            population,
            not_listed,
            unreadable_files,
            skipped_files,
            sources,
            redaction,
            permissions,
            work_list,
            waivers,
        } = assessment;
        Self {
            cluster: Some(cluster.into()),
            snapshot: Some(snapshot.into()),
            catalogue: Some(catalogue.into()),
            settings_digest: settings_digest.to_string(),
            matrix: all(matrix),
            goals: all(goals),
            layers: all(layers),
            overall: Some(overall.into()),
            gates: all(gates),
            measures: all(measures),
            observations: all(observations),
            population: all(population),
            not_listed: all(not_listed),
            unreadable_files: all(unreadable_files),
            skipped_files: all(skipped_files),
            sources: all(sources),
            redaction: Some(redaction.into()),
            work_list: all(work_list),
            waivers: all(waivers),
            permissions: permissions.as_ref().map(Into::into),
        }
    }
}

impl From<&ClusterFacts> for v1::Cluster {
    fn from(facts: &ClusterFacts) -> Self {
        let ClusterFacts { name, id, version, platform, platform_reason, nodes, namespaces } = facts;
        Self {
            name: name.clone(),
            id: id.clone(),
            version: version.clone(),
            platform: platform.map(|platform| v1::Platform::from(platform).into()),
            platform_reason: platform_reason.clone(),
            nodes: *nodes,
            namespaces: *namespaces,
        }
    }
}

impl From<&SnapshotRef> for v1::SnapshotRef {
    fn from(snapshot: &SnapshotRef) -> Self {
        let SnapshotRef { digest, collected_from, collected_at, collector, identity, origin, records } =
            snapshot;
        Self {
            digest: digest.to_string(),
            collected_from: Some(timestamp(*collected_from)),
            collected_at: Some(timestamp(*collected_at)),
            collector: collector.clone(),
            identity: identity.clone(),
            origin: v1::Origin::from(*origin).into(),
            records: *records,
        }
    }
}

impl From<&Permissions> for v1::CollectorPermissions {
    fn from(permissions: &Permissions) -> Self {
        let Permissions { granted, refused, excess, unanswered } = permissions;
        Self {
            granted: all(granted),
            refused: all(refused),
            excess: all(excess),
            unanswered: unanswered.clone(),
        }
    }
}

impl From<&Permission> for v1::Permission {
    fn from(permission: &Permission) -> Self {
        let Permission { api_group, resource, verb, namespace } = permission;
        Self {
            api_group: api_group.clone(),
            resource: resource.clone(),
            verb: verb.clone(),
            namespace: namespace.clone(),
        }
    }
}

impl From<&CatalogueRef> for v1::CatalogueRef {
    fn from(catalogue: &CatalogueRef) -> Self {
        let CatalogueRef { digest, measures, applicable } = catalogue;
        Self { digest: digest.to_string(), measures: *measures, applicable: *applicable }
    }
}

impl From<&Cell> for v1::Cell {
    fn from(cell: &Cell) -> Self {
        let Cell {
            layer,
            goal,
            measures,
            score_low,
            score_high,
            coverage,
            rating,
            rating_by_score,
            gated_by,
            residual_low,
            accepted_low,
            accepted_high,
        } = cell;
        Self {
            layer: layer.map(|layer| v1::Layer::from(layer).into()),
            goal: goal.map(|goal| v1::Goal::from(goal).into()),
            measures: *measures,
            score_low: two_decimals(*score_low),
            score_high: two_decimals_high(*score_high),
            coverage: two_decimals(*coverage),
            rating: v1::Rating::from(*rating).into(),
            rating_by_score: v1::Rating::from(*rating_by_score).into(),
            gated_by: gated_by.iter().map(ToString::to_string).collect(),
            residual_low: two_decimals(*residual_low),
            accepted_low: two_decimals(*accepted_low),
            accepted_high: two_decimals_high(*accepted_high),
        }
    }
}

impl From<&Gate> for v1::Gate {
    fn from(gate: &Gate) -> Self {
        let Gate { number, measure_id, layer, goals, failing, judged } = gate;
        Self {
            number: *number,
            measure_id: measure_id.to_string(),
            layer: v1::Layer::from(*layer).into(),
            goals: goals.iter().map(|goal| v1::Goal::from(*goal).into()).collect(),
            failing: *failing,
            judged: *judged,
        }
    }
}

impl From<&MeasureCount> for v1::MeasureCount {
    fn from(count: &MeasureCount) -> Self {
        let MeasureCount {
            measure_id,
            pass,
            fail,
            unknown,
            not_applicable,
            waived,
            intercepted,
            gain,
            reason,
            rule,
        } = count;
        Self {
            measure_id: measure_id.to_string(),
            pass: *pass,
            fail: *fail,
            unknown: *unknown,
            not_applicable: *not_applicable,
            waived: *waived,
            intercepted: *intercepted,
            gain: two_decimals(*gain),
            reason: reason.clone(),
            rule: rule.as_ref().map(Into::into),
        }
    }
}

impl From<&MeasureRule> for v1::MeasureRule {
    fn from(rule: &MeasureRule) -> Self {
        let MeasureRule { digest, layer, significance, weights } = rule;
        Self {
            digest: digest.to_string(),
            layer: v1::Layer::from(*layer).into(),
            significance: v1::Significance::from(*significance).into(),
            weights: weights.to_vec(),
        }
    }
}

impl From<&WorkStep> for v1::WorkStep {
    fn from(step: &WorkStep) -> Self {
        let WorkStep { number, measure_id, layer, significance, failing, judged, gain, gate } = step;
        Self {
            number: *number,
            measure_id: measure_id.to_string(),
            layer: v1::Layer::from(*layer).into(),
            significance: v1::Significance::from(*significance).into(),
            failing: *failing,
            judged: *judged,
            gain: two_decimals(*gain),
            gate: *gate,
        }
    }
}

impl From<&Subject> for v1::Subject {
    fn from(subject: &Subject) -> Self {
        let Subject { kind, namespace, name, api_version, container, uid } = subject;
        Self {
            api_version: api_version.clone(),
            kind: kind.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
            container: container.clone(),
            uid: uid.clone(),
        }
    }
}

impl From<&Reading> for v1::Reading {
    fn from(reading: &Reading) -> Self {
        let Reading { path, value, absent, object, container, fault, alike } = reading;
        Self {
            path: path.clone(),
            value: value.as_ref().map(json_value),
            absent: *absent,
            object: object.clone(),
            container: container.clone(),
            fault: *fault,
            alike: *alike,
        }
    }
}

impl From<&Observation> for v1::Observation {
    fn from(observation: &Observation) -> Self {
        let Observation {
            measure_id,
            outcome,
            significance,
            subject,
            readings,
            reason,
            notes,
            evidence_digest,
            intercepted,
            intercepted_by,
            waived_by,
        } = observation;
        Self {
            measure_id: measure_id.to_string(),
            outcome: v1::Outcome::from(*outcome).into(),
            significance: v1::Significance::from(*significance).into(),
            subject: Some(subject.into()),
            readings: all(readings),
            reason: reason.clone(),
            notes: notes.clone(),
            evidence_digest: evidence_digest.map(|digest| digest.to_string()),
            intercepted: *intercepted,
            intercepted_by: intercepted_by.clone(),
            waived_by: waived_by.clone(),
        }
    }
}

impl From<&PopulationRow> for v1::PopulationRow {
    fn from(row: &PopulationRow) -> Self {
        let PopulationRow {
            api_version,
            kind,
            namespace,
            listed,
            evaluated,
            not_applicable,
            waived,
            unreadable,
            excluded,
            gap,
            reasons,
        } = row;
        Self {
            api_version: api_version.clone(),
            kind: kind.clone(),
            namespace: namespace.clone(),
            listed: *listed,
            evaluated: *evaluated,
            not_applicable: *not_applicable,
            waived: *waived,
            unreadable: *unreadable,
            excluded: *excluded,
            gap: *gap,
            reasons: all(reasons),
        }
    }
}

impl From<&RowReason> for v1::RowReason {
    fn from(row: &RowReason) -> Self {
        let RowReason { column, count, reason, names } = row;
        Self { column: column.clone(), count: *count, reason: reason.clone(), names: names.clone() }
    }
}

impl From<&NotListed> for v1::NotListed {
    fn from(kind: &NotListed) -> Self {
        let NotListed { api_version, kind, reason, inconsistent } = kind;
        Self {
            api_version: api_version.clone(),
            kind: kind.clone(),
            reason: reason.clone(),
            inconsistent: *inconsistent,
        }
    }
}

impl From<&UnreadableFile> for v1::UnreadableFile {
    fn from(file: &UnreadableFile) -> Self {
        let UnreadableFile { file, line, reason } = file;
        Self { file: file.clone(), line: count(*line), reason: reason.clone() }
    }
}

impl From<&SourceState> for v1::Source {
    fn from(source: &SourceState) -> Self {
        let SourceState { name, state, objects, reason } = source;
        Self {
            name: name.clone(),
            state: v1::SourceState::from(*state).into(),
            objects: count(*objects),
            reason: reason.clone(),
        }
    }
}

impl From<&Redaction> for v1::Redaction {
    fn from(redaction: &Redaction) -> Self {
        let Redaction {
            secret_values,
            config_map_values,
            env_values,
            command_words,
            annotation_values,
            managed_fields,
            bodies,
        } = redaction;
        Self {
            secret_values: count(*secret_values),
            config_map_values: count(*config_map_values),
            env_values: count(*env_values),
            command_words: count(*command_words),
            annotation_values: count(*annotation_values),
            managed_fields: count(*managed_fields),
            bodies: count(*bodies),
        }
    }
}

impl From<&WaiverState> for v1::WaiverState {
    fn from(state: &WaiverState) -> Self {
        let WaiverState { waiver, valid, void_reason, covers } = state;
        Self { waiver: Some(waiver.into()), valid: *valid, void_reason: void_reason.clone(), covers: *covers }
    }
}

impl From<&Waiver> for v1::Waiver {
    fn from(waiver: &Waiver) -> Self {
        let Waiver { id, measure, subject, reason, compensating_control, owner, approver, expiry } = waiver;
        Self {
            id: id.clone(),
            measure: measure.to_string(),
            subject: Some(subject.into()),
            reason: reason.clone(),
            compensating_control: compensating_control.clone(),
            owner: owner.clone(),
            approver: approver.clone(),
            expiry: expiry.to_string(),
        }
    }
}

impl From<&SubjectSelector> for v1::SubjectSelector {
    fn from(selector: &SubjectSelector) -> Self {
        let SubjectSelector { kind, namespace, name } = selector;
        Self { kind: kind.clone(), namespace: namespace.clone(), name: name.clone() }
    }
}

/// An enum of the core and that of the API, value by value.
macro_rules! scale {
    ($($from:ident => $to:ident { $($value:ident),+ $(,)? })+) => {$(
        impl From<$from> for v1::$to {
            fn from(from: $from) -> Self {
                match from { $($from::$value => Self::$value),+ }
            }
        }
    )+};
}

scale! {
    Layer => Layer { Environment, Cluster, Node, Container, ApiResources }
    Goal => Goal { Confidentiality, Integrity, Availability, Authenticity, Possession, Utility }
    Significance => Significance { Low, Medium, High, Critical }
    Outcome => Outcome { Pass, Fail, Unknown, NotApplicable }
    Rating => Rating { A, B, C, D, E, NotAssessed }
    Platform => Platform { Aks, OnPremise }
    Source => Origin { Manifests, Recording, Live }
    State => SourceState { Complete, Partial, Refused, NotCollected }
}

fn all<'a, F, T: From<&'a F>>(from: &'a [F]) -> Vec<T> {
    from.iter().map(T::from).collect()
}

/// A count of the API: what does not fit stands at the largest number that does.
fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn timestamp(at: jiff::Timestamp) -> prost_types::Timestamp {
    // Seconds and nanoseconds of a `Timestamp` of before 1970 count backwards together; on the wire
    // nanoseconds always count forwards.
    let nanos = at.subsec_nanosecond();
    match nanos < 0 {
        true => prost_types::Timestamp { seconds: at.as_second() - 1, nanos: nanos + 1_000_000_000 },
        false => prost_types::Timestamp { seconds: at.as_second(), nanos },
    }
}

/// Numbers become doubles, as in the JSON of most other languages: integers are exact up to 2^53.
fn json_value(value: &serde_json::Value) -> prost_types::Value {
    use serde_json::Value as Json;
    let kind = match value {
        Json::Null => Kind::NullValue(prost_types::NullValue::NullValue.into()),
        Json::Bool(bool) => Kind::BoolValue(*bool),
        // Without serde_json's arbitrary precision every number has a double.
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => {
            Kind::ListValue(prost_types::ListValue { values: items.iter().map(json_value).collect() })
        }
        Json::Object(fields) => Kind::StructValue(prost_types::Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), json_value(value))).collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}
