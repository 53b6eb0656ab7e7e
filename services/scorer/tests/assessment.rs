//! Claims about whole assessments.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use hexproof_core::assessment::Assessment;
use hexproof_core::measure::{Catalogue, Example};
use hexproof_core::record::Record;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_core::waiver::Waiver;
use hexproof_core::{Goal, Layer, Outcome, Rating};
use hexproof_scorer::{Input, assess, builtin, examples};
use proptest::prelude::*;
use serde_json::{Value, json};

fn pod(name: &str, privileged: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "a", "securityContext": {"privileged": privileged}}]}})
}

fn snapshot(objects: Vec<Value>) -> Snapshot {
    let example: Example =
        serde_json::from_value(json!({"name": "e", "objects": objects, "outcome": "pass"})).unwrap();
    examples::snapshot(&example, &Settings::default(), &|raw, _| Record::decode(raw)).unwrap()
}

fn judge(snapshot: &Snapshot, waivers: &[Waiver]) -> Assessment {
    let (catalogue, settings): (Catalogue, Settings) = (builtin().unwrap(), Settings::default());
    assess(Input { snapshot, digest: snapshot.digest(), catalogue: &catalogue, settings: &settings, waivers })
}

fn cell(assessment: &Assessment, layer: Layer, goal: Goal) -> &hexproof_core::assessment::Cell {
    assessment.matrix.iter().find(|c| c.layer == Some(layer) && c.goal == Some(goal)).unwrap()
}

#[test]
fn a_privileged_container_gates_its_goals_until_a_waiver_covers_it() {
    let snapshot = snapshot(vec![pod("a", true), pod("b", false)]);
    let open = judge(&snapshot, &[]);
    let gated = cell(&open, Layer::Container, Goal::Confidentiality);
    assert!(gated.rating >= Rating::D && gated.gated_by.iter().any(|m| m.as_str() == "container-privileged"));
    assert!(
        !cell(&open, Layer::Container, Goal::Possession)
            .gated_by
            .iter()
            .any(|m| m.as_str() == "container-privileged")
    );
    let waiver: Waiver = serde_json::from_value(json!({
        "id": "w", "measure": "container-privileged", "subject": {"kind": "Pod", "namespace": "shop", "name": "a"},
        "reason": "r", "compensatingControl": "c", "owner": "o", "approver": "p", "expiry": "2030-01-01"}))
    .unwrap();
    let accepted = judge(&snapshot, &[waiver]);
    assert!(!accepted.gates.iter().any(|g| g.measure_id.as_str() == "container-privileged"));
    assert_eq!(accepted.overall.score_low, open.overall.score_low, "a waiver never changes the score");
    assert!(accepted.overall.accepted_low > accepted.overall.score_low);
}

#[test]
fn a_layer_without_measures_is_not_assessed() {
    let assessment = judge(&snapshot(vec![pod("a", false)]), &[]);
    let node = cell(&assessment, Layer::Node, Goal::Utility);
    if node.measures == 0 {
        assert_eq!((node.rating, node.score_low), (Rating::NotAssessed, 0.0));
    }
}

#[test]
fn an_empty_cluster_passes_nothing_it_has_not() {
    let assessment = judge(&snapshot(vec![]), &[]);
    let passes: Vec<_> = assessment
        .observations
        .iter()
        .filter(|o| o.outcome == Outcome::Pass && o.measure_id.as_str().starts_with("container-"))
        .collect();
    assert!(passes.is_empty(), "{passes:?}");
}

#[test]
fn an_assessment_reads_back_from_its_json() {
    let assessment = judge(&snapshot(vec![pod("a", true), pod("b", false)]), &[]);
    let text = serde_json::to_string(&assessment).unwrap();
    let again: Assessment = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}

#[test]
fn every_object_of_the_snapshot_stands_in_one_column() {
    let mut snapshot = snapshot(vec![
        pod("a", true),
        json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "shop"}}),
    ]);
    snapshot.population.rows = [("v1", "Pod"), ("x.io/v1", "Widget")]
        .map(|(api_version, kind)| hexproof_core::population::Row {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: "shop".into(),
            listed: if kind == "Pod" { 2 } else { 1 },
            read: 1,
            ..Default::default()
        })
        .to_vec();
    let assessment = judge(&snapshot, &[]);
    let row = |kind: &str| assessment.population.iter().find(|r| r.kind == kind).unwrap().clone();
    assert_eq!((row("Pod").evaluated, row("Pod").gap), (1, 1));
    assert!(row("Pod").reasons.iter().any(|r| r.column == "gap"));
    assert_eq!((row("Widget").not_applicable, row("Widget").gap), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_order_of_input_never_changes_a_byte(order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle()) {
        let objects: Vec<Value> = (0..8).map(|n| pod(&format!("p{n}"), n % 3 == 0)).collect();
        let straight = judge(&snapshot(objects.clone()), &[]);
        let shuffled_objects = order.iter().map(|n| objects[*n].clone()).collect();
        // Origins carry the place in the file; the same objects keep theirs wherever they come from.
        let mut shuffled_snapshot = snapshot(shuffled_objects);
        for record in &mut shuffled_snapshot.records {
            let line = record.metadata.name[1..].parse::<u64>().unwrap() + 1;
            record.origin = Some(hexproof_core::record::Origin { file: "example.yaml".into(), line });
        }
        let resealed = Snapshot::seal(shuffled_snapshot.header, shuffled_snapshot.population, shuffled_snapshot.records);
        let shuffled = judge(&resealed, &[]);
        prop_assert_eq!(serde_json::to_vec(&straight).unwrap(), serde_json::to_vec(&shuffled).unwrap());
    }
}
