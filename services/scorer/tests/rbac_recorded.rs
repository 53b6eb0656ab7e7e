//! The measures on roles and bindings, on what a real API server answered.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hexproof_core::Outcome;
use hexproof_core::measure::Example;
use hexproof_core::observation::Observation;
use hexproof_core::record::rbac::{Role, Rule};
use hexproof_core::record::{Bodied as _, Record};
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_scorer::facts::Facts;
use hexproof_scorer::{builtin, examples, measures};
use serde_json::{Value, json};

const LISTS: [(&str, &str, &str); 9] = [
    ("rbac.authorization.k8s.io_v1_clusterroles.json", "rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io_v1_roles.json", "rbac.authorization.k8s.io/v1", "Role"),
    (
        "rbac.authorization.k8s.io_v1_clusterrolebindings.json",
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
    ),
    ("rbac.authorization.k8s.io_v1_rolebindings.json", "rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("core_v1_serviceaccounts.json", "v1", "ServiceAccount"),
    ("core_v1_pods.json", "v1", "Pod"),
    ("core_v1_namespaces.json", "v1", "Namespace"),
    ("apps_v1_deployments.json", "apps/v1", "Deployment"),
    ("apps_v1_daemonsets.json", "apps/v1", "DaemonSet"),
];

/// The objects of the recording; `None` where it is absent.
fn recording() -> Option<Vec<Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real/api-recording");
    if !folder.exists() {
        eprintln!("skipped: the recording is not here");
        return None;
    }
    let mut objects = Vec::new();
    for (file, api_version, kind) in LISTS {
        let text = fs::read_to_string(folder.join(file)).expect(file);
        let list: Value = serde_json::from_str(&text).expect(file);
        for item in list["items"].as_array().expect(file) {
            let mut object = item.clone();
            object["apiVersion"] = json!(api_version);
            object["kind"] = json!(kind);
            objects.push(object);
        }
    }
    Some(objects)
}

fn snapshot(objects: &[Value], live: bool) -> Snapshot {
    let example = json!({"name": "recorded", "outcome": "pass", "live": live, "objects": objects});
    let example: Example = serde_json::from_value(example).expect("an example");
    examples::snapshot(&example, &Settings::default(), &|raw, _| Record::decode(raw)).expect("a snapshot")
}

fn judged(objects: &[Value]) -> Vec<Observation> {
    let snapshot = snapshot(objects, true);
    let settings = Settings::default();
    let facts = Facts::new(&snapshot, &settings);
    let catalogue = builtin().expect("the catalogue");
    let concerned = catalogue.measures.iter().filter(|measure| {
        let id = measure.id.as_str();
        id.starts_with("rbac-") || id.contains("service-account")
    });
    concerned
        .flat_map(|measure| measures::judge_one(&facts, measure))
        .map(|verdict| verdict.observation)
        .collect()
}

fn labels(all: &[Observation], measure: &str, outcome: Outcome) -> BTreeSet<String> {
    let of_measure = all.iter().filter(|o| o.measure_id.as_str() == measure && o.outcome == outcome);
    of_measure.map(|o| o.subject.label()).collect()
}

/// Every rule as text, for comparing sets of rules.
fn texts<'r>(rules: impl Iterator<Item = &'r Rule>) -> BTreeSet<String> {
    rules.map(|rule| serde_json::to_string(rule).expect("a rule")).collect()
}

#[test]
fn every_default_of_the_recorded_version_is_known() {
    let Some(objects) = recording() else { return };
    let all = judged(&objects);
    let known = labels(&all, "rbac-wildcards", Outcome::NotApplicable);
    let bound = labels(&all, "rbac-authenticated-group-bindings", Outcome::Fail);
    assert!(bound.is_empty(), "{bound:?}");
    let mut defaults = 0;
    for object in &objects {
        let meta = &object["metadata"];
        let kind = object["kind"].as_str().expect("a kind");
        if meta["labels"]["kubernetes.io/bootstrapping"] != "rbac-defaults" || kind.ends_with("Binding") {
            continue;
        }
        let name = meta["name"].as_str().expect("a name");
        let label = match meta["namespace"].as_str() {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}"),
        };
        assert!(known.contains(&label), "{label}");
        defaults += 1;
    }
    assert_eq!(defaults, known.len());
}

#[test]
fn aggregation_gives_what_the_control_plane_filled_in() {
    let Some(objects) = recording() else { return };
    // In the recorded cluster this custom role feeds three of the defaults.
    let feeder = objects.iter().find(|o| o["metadata"]["name"] == "system:aggregated-metrics-reader");
    for name in ["admin", "edit", "view"] {
        let recorded = objects.iter().find(|o| o["kind"] == "ClusterRole" && o["metadata"]["name"] == name);
        let recorded = Record::decode(recorded.expect(name)).expect(name);
        let expected = Role::of(&recorded.body).expect(name);
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "Group", "name": "g"}]});
        let set = [binding, feeder.expect("the feeder").clone()];
        let snapshot = snapshot(&set, false);
        let settings = Settings::default();
        let facts = Facts::new(&snapshot, &settings);
        let role = facts.rbac().roles().iter().find(|role| role.name() == name).expect(name);
        assert_eq!(texts(role.rules.iter().map(|rule| rule.rule)), texts(expected.rules.iter()), "{name}");
    }
}

#[test]
fn what_the_recorded_cluster_does_wrong_is_found() {
    let Some(objects) = recording() else { return };
    let all = judged(&objects);
    let failing =
        |measure: &str| labels(&all, measure, Outcome::Fail).into_iter().collect::<Vec<_>>().join("; ");
    assert_eq!(failing("rbac-cluster-admin-bindings"), "ClusterRoleBinding superadmin");
    assert_eq!(failing("rbac-anonymous-bindings"), "");
    assert_eq!(failing("rbac-nodes-proxy"), "ClusterRole kapi-auditor");
    assert_eq!(
        failing("rbac-secrets-read"),
        "ClusterRole kapi-auditor; ClusterRole kube-state-metrics; ClusterRole prometheus-operator; \
         Role big-monolith/secret-reader"
    );
    assert_eq!(failing("rbac-workload-create"), "ClusterRole prometheus-operator");
    assert!(
        all.iter().all(|o| o.outcome != Outcome::Unknown || o.measure_id.as_str() == "rbac-system-masters")
    );
}

#[test]
fn roles_that_select_each_other_come_to_an_end() {
    let role = |name: &str, own: &str, other: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name, "labels": {own: "true"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {other: "true"}}, {}]},
            "rules": [{"apiGroups": [name], "resources": ["x"], "verbs": ["get"]}]})
    };
    let snapshot = snapshot(&[role("a", "to-b", "to-a"), role("b", "to-a", "to-b")], false);
    let settings = Settings::default();
    let facts = Facts::new(&snapshot, &settings);
    for role in facts.rbac().roles() {
        let own = role.rules.iter().filter(|rule| rule.rule.resources == ["x"]);
        assert_eq!(texts(own.map(|rule| rule.rule)).len(), 2, "{}", role.name());
    }
}

#[test]
fn thousands_of_bindings_are_judged_in_seconds() {
    let mut objects = vec![json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "r"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]})];
    for i in 0..2000 {
        let namespace = format!("n{i}");
        objects.push(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": namespace}, "roleRef": {"kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "default"}]}));
        objects.push(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
            "spec": {"containers": [{"name": "a"}]}}),
        );
        objects.push(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace}, "roleRef": {"kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "Group", "name": "system:serviceaccounts"}]}));
    }
    let started = std::time::Instant::now();
    let all = judged(&objects[..3001]);
    assert!(!labels(&all, "workload-service-account-powers", Outcome::Fail).is_empty());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
