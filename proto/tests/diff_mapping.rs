//! The JSON of a comparison is the JSON mapping of its message, and the message says the same.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod full;
mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use hexproof_api::v1;
use hexproof_core::diff::{
    Cause, CellChange, Change, ChangeCount, ChangeKind, Diff, GateChange, MeasureChange, NotListedChange,
    OutcomeCounts, PackRef, PermissionChange, Shares, SourceChange, Turn, Verdict, WaiverChange,
};
use hexproof_core::snapshot::State;
use hexproof_core::{Outcome, Significance};
use mapping::{POOL, assert_same, collect, descriptor, from_json, messages_of, to_json};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Kind};

const DIFF: &str = "hexproof.v1.Diff";

/// A comparison in which every field says something.
fn diff() -> Diff {
    let a = full::assessment();
    let pack = || PackRef {
        cluster_name: a.cluster.name.clone(),
        cluster_id: a.cluster.id.clone(),
        audit_id: "6b1f0c52-9e37-5d0a-a451-2c83d71e90b6".into(),
        snapshot_digest: a.snapshot.digest,
        collected_at: a.snapshot.collected_at,
        catalogue_digest: a.catalogue.digest,
        settings_digest: a.settings_digest,
        overall: a.overall.clone(),
        observations: 7,
    };
    let shares = Shares {
        before: 68.0,
        after: 73.25,
        cluster: 7.125,
        rules: -2.5,
        settings: 0.375,
        waivers: -0.25,
        seen: 0.5,
    };
    let counts = || vec![ChangeCount { kind: ChangeKind::Better, cause: Cause::Seen, count: 3 }];
    let outcomes = OutcomeCounts { pass: 1, fail: 2, unknown: 3, not_applicable: 4, waived: 1 };
    let verdict = |place| Verdict {
        place,
        outcome: Outcome::Fail,
        significance: Significance::High,
        reason: "privileged is true".into(),
        waived_by: "w-1".into(),
        evidence_digest: Some(a.snapshot.digest),
    };
    let measure_id = || a.gates[0].measure_id.clone();
    Diff {
        before: pack(),
        after: pack(),
        same_cluster: true,
        other_rules: true,
        other_settings: true,
        low: Some(shares),
        high: Some(shares),
        accepted_low: Some(shares),
        cells: vec![CellChange {
            layer: a.matrix[0].layer,
            goal: a.matrix[0].goal,
            before: Some(a.matrix[0].clone()),
            after: Some(a.matrix[0].clone()),
        }],
        gates: vec![GateChange {
            turn: Some(Turn::Ended),
            measure_id: measure_id(),
            layer: a.gates[0].layer,
            goals: a.gates[0].goals.clone(),
            number_before: 1,
            number_after: 2,
            failing_before: 3,
            failing_after: 4,
            causes: Cause::ALL.to_vec(),
        }],
        counts: counts(),
        same: 41,
        measures: vec![MeasureChange {
            measure_id: measure_id(),
            rule: Some(Turn::Altered),
            before: Some(outcomes),
            after: Some(outcomes),
            new_failures: 1,
            gone_failures: 2,
            counts: counts(),
        }],
        changes: vec![Change {
            kind: ChangeKind::Worse,
            cause: Cause::Cluster,
            because: "`spec.a` was `1`, is `2`".into(),
            measure_id: measure_id(),
            subject: a.observations[0].subject.clone(),
            recreated: true,
            before: Some(verdict(5)),
            after: Some(verdict(6)),
        }],
        sources: vec![SourceChange {
            name: "node-agent".into(),
            before: Some(State::Complete),
            after: Some(State::Refused),
            reason: "403".into(),
        }],
        permissions: vec![PermissionChange {
            turn: Turn::Begun,
            permission: a.permissions.as_ref().unwrap().granted.iter().chain(&a.permissions.as_ref().unwrap().refused)
                .find(|permission| !permission.namespace.is_empty()).unwrap().clone(),
            excess: true,
        }],
        not_listed: vec![NotListedChange { turn: Turn::Begun, not_listed: a.not_listed[0].clone() }],
        waivers: vec![WaiverChange {
            turn: Turn::Ended,
            waiver: a.waivers[0].waiver.clone(),
            reason: "it expired".into(),
            covers_before: 1,
            covers_after: 2,
        }],
    }
}

/// One in which nothing is said that can be left out.
fn smallest() -> Diff {
    let mut diff = diff();
    (diff.low, diff.high, diff.accepted_low) = (None, None, None);
    diff.before.audit_id.clear();
    diff.changes[0].before = None;
    diff.gates[0].turn = None;
    diff.measures[0].rule = None;
    diff.measures[0].before = None;
    diff.sources[0].before = None;
    diff.cells[0].layer = None;
    diff.changes[0].because.clear();
    diff
}

#[test]
fn the_json_of_the_core_is_read_as_the_message_and_back() {
    for diff in [diff(), smallest()] {
        let json = serde_json::to_value(&diff).unwrap();
        let message =
            from_json(&descriptor(DIFF), &json).unwrap_or_else(|error| panic!("{error} in {json:#}"));
        let again: Diff = serde_json::from_value(to_json(&message, false)).unwrap();
        assert_same(&serde_json::to_value(again).unwrap(), &json);
    }
    let ours = serde_json::to_value(diff()).unwrap();
    assert_same(&to_json(&from_json(&descriptor(DIFF), &ours).unwrap(), true), &ours);
}

#[test]
fn the_conversion_says_what_the_json_says() {
    for diff in [diff(), smallest()] {
        let converted = v1::Diff::from(&diff).encode_to_vec();
        let converted = DynamicMessage::decode(descriptor(DIFF), converted.as_slice()).unwrap();
        let read = from_json(&descriptor(DIFF), &serde_json::to_value(&diff).unwrap()).unwrap();
        assert_same(&to_json(&converted, false), &to_json(&read, false));
    }
}

#[test]
fn the_full_example_leaves_no_field_out() {
    let message = from_json(&descriptor(DIFF), &serde_json::to_value(diff()).unwrap()).unwrap();
    let mut seen = BTreeMap::new();
    collect(&message, &mut seen);
    // What an assessment is made of, its own test looks at.
    let others: BTreeSet<String> =
        messages_of(&descriptor("hexproof.v1.Assessment")).iter().map(|m| m.full_name().to_owned()).collect();
    for message in messages_of(&descriptor(DIFF)).iter().filter(|m| !others.contains(m.full_name())) {
        for field in message.fields() {
            assert!(seen.contains_key(field.full_name()), "`{}` has no counterpart in the core", field.full_name());
            let wide = matches!(field.kind(), Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64);
            assert!(!wide, "{}: 64-bit integers are strings in the mapping", field.full_name());
        }
    }
}

#[test]
fn every_scale_has_the_same_values_in_the_same_order() {
    fn written<T: serde::Serialize>(all: &[T]) -> Vec<String> {
        all.iter().map(|value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()).collect()
    }
    for (name, values) in [
        ("ChangeKind", written(ChangeKind::ALL)),
        ("Cause", written(Cause::ALL)),
        ("Turn", written(Turn::ALL)),
    ] {
        let scale = POOL.get_enum_by_name(&format!("hexproof.v1.{name}")).unwrap();
        let described: Vec<String> = scale.values().skip(1).map(|value| value.name().to_owned()).collect();
        assert_eq!(described, values, "{name}");
    }
}
