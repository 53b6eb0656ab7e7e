//! Claims about container measures that an example cannot state: what is not noted, and what intercepts.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use hexproof_core::measure::Example;
use hexproof_core::record::Record;
use hexproof_core::settings::Settings;
use hexproof_scorer::facts::Facts;
use hexproof_scorer::verdict::Verdict;
use hexproof_scorer::{builtin, examples, measures};
use serde_json::{Value, json};

const ADMISSION: &str = "cluster-pod-security-admission-baseline";
const KUBELET: &str = "node-kubelet-seccomp-default";

/// The verdict of a measure on the first subject.
fn verdict(measure: &str, objects: Vec<Value>, settings: Value) -> Verdict {
    let example = json!({"name": "e", "objects": objects, "outcome": "pass"});
    let example: Example = serde_json::from_value(example).unwrap();
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let snapshot = examples::snapshot(&example, &settings, &|raw, _| Record::decode(raw)).unwrap();
    let facts = Facts::new(&snapshot, &settings);
    let catalogue = builtin().unwrap();
    measures::judge_one(&facts, catalogue.get(measure).unwrap()).remove(0)
}

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}

#[test]
fn recorded_resolvers_and_those_beside_another_policy_are_not_noted() {
    let notes = |policy: &str, recorded: Value| {
        let spec =
            json!({"dnsPolicy": policy, "dnsConfig": {"nameservers": ["10.0.0.53"]}, "containers": [{}]});
        let settings = json!({"resolvers": recorded});
        verdict("container-host-aliases", vec![pod(spec)], settings).observation.notes.len()
    };
    assert_eq!(notes("None", json!([])), 1);
    assert_eq!(notes("None", json!(["10.0.0.53"])), 0);
    assert_eq!(notes("ClusterFirst", json!([])), 0);
}

#[test]
fn admission_intercepts_a_host_path_of_the_pod_and_none_behind_a_claim() {
    let spec = json!({"volumes": [{"name": "h", "hostPath": {"path": "/srv"}}], "containers": [{}]});
    let direct = verdict("container-hostpath-volume", vec![pod(spec)], json!({}));
    assert!(!direct.not_by.contains(&ADMISSION));
    let spec = json!({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}], "containers": [{}]});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"}, "spec": {"volumeName": "pv"}});
    let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"},
        "spec": {"hostPath": {"path": "/srv"}}});
    let behind = verdict("container-hostpath-volume", vec![pod(spec), claim, volume], json!({}));
    assert!(behind.not_by.contains(&ADMISSION));
    assert_eq!(behind.touched.len(), 3, "claim and volume count as evaluated");
}

#[test]
fn the_default_of_the_kubelet_intercepts_an_absent_profile_and_no_explicit_one() {
    let not_by = |profile: Value| {
        let spec = json!({"containers": [{"name": "a", "securityContext": {"seccompProfile": profile}}]});
        verdict("container-seccomp-profile", vec![pod(spec)], json!({})).not_by.contains(&KUBELET)
    };
    assert!(!not_by(Value::Null));
    assert!(not_by(json!({"type": "Unconfined"})));
    assert!(not_by(json!({"type": "Localhost"})));
}

#[test]
fn a_finding_in_one_container_names_it_and_one_in_two_names_none() {
    let privileged = |name: &str| json!({"name": name, "securityContext": {"privileged": true}});
    let named = |containers: Value| {
        let judged = verdict("container-privileged", vec![pod(json!({"containers": containers}))], json!({}));
        judged.observation.subject.container
    };
    assert_eq!(named(json!([{"name": "a"}, privileged("b")])), "b");
    assert_eq!(named(json!([privileged("a"), privileged("b")])), "");
}
