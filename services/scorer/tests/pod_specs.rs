//! Claims about every measure of the container layer, on pod specs nobody wrote.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use hexproof_core::measure::Example;
use hexproof_core::record::Record;
use hexproof_core::settings::Settings;
use hexproof_core::{Layer, Outcome};
use hexproof_scorer::facts::Facts;
use hexproof_scorer::{builtin, examples, measures};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Values that mean something somewhere, and some that mean nothing anywhere.
const WORDS: &[&str] = &[
    "",
    "*",
    "a",
    "data",
    "Always",
    "Unconfined",
    "RuntimeDefault",
    "Localhost",
    "Unmasked",
    "None",
    "ALL",
    "CAP_",
    "cap_net_raw",
    "SYS_ADMIN",
    "NT AUTHORITY\\SYSTEM",
    "\\",
    "windows",
    "spc_t",
    "kernel.msgmax",
    "/",
    "..",
    "/etc/../..",
    "//./pipe/",
    "C:",
    "/var/run/docker.sock",
    "ä:@sha256:",
    "registry.example/app@sha256:zz",
    ":5000//",
];

fn word() -> impl Strategy<Value = Value> {
    select(WORDS).prop_map(Value::from)
}

fn flag() -> impl Strategy<Value = Value> {
    any::<bool>().prop_map(Value::from)
}

fn number() -> impl Strategy<Value = Value> {
    select(&[i64::MIN, -1, 0, 1, 65_535, 10_000, i64::MAX][..]).prop_map(Value::from)
}

fn quantity() -> impl Strategy<Value = Value> {
    select(&["", "0", "-1", "100m", "1e999", "5E", "Gi", "1.5Gi"][..]).prop_map(Value::from)
}

fn list(of: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop::collection::vec(of, 0..3).prop_map(Value::from).boxed()
}

/// An object in which every field may be absent, null or there.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let mut built = Just(Map::new()).boxed();
    for (name, value) in fields {
        let field = prop_oneof![3 => Just(None), 1 => Just(Some(Value::Null)), 4 => value.prop_map(Some)];
        built = (built, field)
            .prop_map(move |(mut map, value)| {
                if let Some(value) = value {
                    map.insert(name.to_owned(), value);
                }
                map
            })
            .boxed();
    }
    built.prop_map(Value::Object).boxed()
}

fn profile() -> BoxedStrategy<Value> {
    object(vec![("type", word().boxed()), ("localhostProfile", word().boxed())])
}

/// Fields that pods and containers share.
fn shared_security() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    let selinux = object(vec![("type", word().boxed()), ("user", word().boxed()), ("role", word().boxed())]);
    let windows = object(vec![("hostProcess", flag().boxed()), ("runAsUserName", word().boxed())]);
    vec![
        ("runAsUser", number().boxed()),
        ("runAsGroup", number().boxed()),
        ("runAsNonRoot", flag().boxed()),
        ("seccompProfile", profile()),
        ("appArmorProfile", profile()),
        ("seLinuxOptions", selinux),
        ("windowsOptions", windows),
    ]
}

fn container_security() -> BoxedStrategy<Value> {
    let mut fields = shared_security();
    fields.extend([
        ("privileged", flag().boxed()),
        ("allowPrivilegeEscalation", flag().boxed()),
        ("readOnlyRootFilesystem", flag().boxed()),
        ("procMount", word().boxed()),
        ("capabilities", object(vec![("add", list(word())), ("drop", list(word()))])),
    ]);
    object(fields)
}

fn handler() -> BoxedStrategy<Value> {
    let http = object(vec![("host", word().boxed()), ("port", number().boxed()), ("path", word().boxed())]);
    object(vec![
        ("httpGet", http),
        ("tcpSocket", object(vec![("host", word().boxed()), ("port", word().boxed())])),
        ("exec", Just(json!({})).boxed()),
        ("periodSeconds", number().boxed()),
        ("initialDelaySeconds", number().boxed()),
        ("failureThreshold", number().boxed()),
        ("timeoutSeconds", number().boxed()),
    ])
}

fn container() -> BoxedStrategy<Value> {
    let amounts =
        prop::collection::btree_map(select(&["cpu", "memory", "ephemeral-storage"][..]), quantity(), 0..3)
            .prop_map(|amounts| json!(amounts))
            .boxed();
    let source =
        object(vec![("secretKeyRef", object(vec![("name", word().boxed()), ("key", word().boxed())]))]);
    object(vec![
        ("name", word().boxed()),
        ("image", word().boxed()),
        ("imagePullPolicy", word().boxed()),
        ("restartPolicy", word().boxed()),
        ("securityContext", container_security()),
        ("ports", list(object(vec![("hostPort", number().boxed()), ("containerPort", number().boxed())]))),
        ("volumeMounts", list(object(vec![("name", word().boxed()), ("readOnly", flag().boxed())]))),
        ("env", list(object(vec![("name", word().boxed()), ("valueFrom", source)]))),
        ("resources", object(vec![("limits", amounts.clone()), ("requests", amounts)])),
        ("livenessProbe", handler()),
        ("readinessProbe", handler()),
        ("startupProbe", handler()),
        ("lifecycle", object(vec![("postStart", handler()), ("preStop", handler())])),
    ])
}

fn volume() -> BoxedStrategy<Value> {
    let empty = || Just(json!({})).boxed();
    let template = object(vec![("spec", object(vec![("volumeName", word().boxed())]))]);
    object(vec![
        ("name", word().boxed()),
        ("hostPath", object(vec![("path", word().boxed())])),
        ("emptyDir", object(vec![("sizeLimit", quantity().boxed())])),
        ("persistentVolumeClaim", object(vec![("claimName", word().boxed()), ("readOnly", flag().boxed())])),
        ("ephemeral", object(vec![("volumeClaimTemplate", template)])),
        ("secret", object(vec![("secretName", word().boxed())])),
        ("nfs", empty()),
        ("otherSources", list(word())),
    ])
}

fn pod_spec() -> BoxedStrategy<Value> {
    let mut security = shared_security();
    security.extend([
        ("fsGroup", number().boxed()),
        ("supplementalGroups", list(number())),
        ("sysctls", list(object(vec![("name", word().boxed())]))),
    ]);
    object(vec![
        ("os", object(vec![("name", word().boxed())])),
        ("nodeSelector", word().prop_map(|os| json!({"kubernetes.io/os": os})).boxed()),
        ("hostPID", flag().boxed()),
        ("hostIPC", flag().boxed()),
        ("hostNetwork", flag().boxed()),
        ("hostUsers", flag().boxed()),
        ("shareProcessNamespace", flag().boxed()),
        ("hostAliases", list(object(vec![("ip", word().boxed()), ("hostnames", list(word()))]))),
        ("dnsPolicy", word().boxed()),
        ("dnsConfig", object(vec![("nameservers", list(word()))])),
        ("serviceAccountName", word().boxed()),
        ("automountServiceAccountToken", flag().boxed()),
        ("terminationGracePeriodSeconds", number().boxed()),
        ("securityContext", object(security)),
        ("containers", list(container())),
        ("initContainers", list(container())),
        ("ephemeralContainers", list(container())),
        ("volumes", list(volume())),
    ])
}

/// The same pod spec under a kind, with claims and volumes that its words may name.
fn objects(kind: usize, spec: &Value, volume_name: &Value, path: &Value) -> Vec<Value> {
    let meta = json!({"name": "web", "namespace": "shop"});
    let workload = match kind {
        0 => json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}),
        1 => json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta,
            "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}),
        2 => json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": {
            "template": {"spec": spec},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"volumeName": volume_name}}]}}),
        _ => json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": meta, "template": {"spec": spec}}),
    };
    vec![
        workload,
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"}, "spec": {"volumeName": volume_name}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "a"},
            "spec": {"hostPath": {"path": path}}}),
    ]
}

/// What every measure of the layer says: id, subject, outcome and significance, and that it says why.
fn outcomes(objects: &[Value], live: bool) -> Vec<String> {
    let example = json!({"name": "e", "objects": objects, "outcome": "pass", "live": live});
    let example: Example = serde_json::from_value(example).unwrap();
    let settings = Settings::default();
    let snapshot = examples::snapshot(&example, &settings, &|raw, _| Record::decode(raw)).unwrap();
    let facts = Facts::new(&snapshot, &settings);
    let catalogue = builtin().unwrap();
    let mut said = Vec::new();
    for measure in catalogue.measures.iter().filter(|measure| measure.layer == Layer::Container) {
        for verdict in measures::judge_one(&facts, measure) {
            let seen = verdict.observation;
            let fault = seen.readings.iter().any(|reading| reading.fault);
            assert_eq!(fault, seen.outcome == Outcome::Fail, "{}: {seen:?}", measure.id);
            assert!(!seen.readings.is_empty() || !seen.reason.is_empty(), "{}: {seen:?}", measure.id);
            said.push(format!(
                "{} {} {} {}",
                measure.id,
                seen.subject.label(),
                seen.outcome,
                seen.significance
            ));
        }
    }
    said.sort();
    said
}

/// Puts the entries of a list of a pod spec into an order of chance.
fn shuffle(spec: &mut Value, field: &str, draws: &[Index]) {
    let Some(list) = spec.get_mut(field).and_then(Value::as_array_mut) else { return };
    for (place, draw) in (1..list.len()).rev().zip(draws) {
        list.swap(place, draw.index(place + 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_pod_spec_is_judged_and_the_order_of_its_lists_changes_no_outcome(
        spec in pod_spec(),
        kind in 0usize..4,
        live in any::<bool>(),
        volume_name in word(),
        path in word(),
        draws in prop::collection::vec(any::<Index>(), 4),
    ) {
        let straight = outcomes(&objects(kind, &spec, &volume_name, &path), live);
        let mut shuffled = spec;
        for field in ["containers", "initContainers", "ephemeralContainers", "volumes"] {
            shuffle(&mut shuffled, field, &draws);
        }
        let mut turned = objects(kind, &shuffled, &volume_name, &path);
        turned.reverse();
        prop_assert_eq!(straight, outcomes(&turned, live));
    }
}
