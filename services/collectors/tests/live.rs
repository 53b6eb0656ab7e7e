//! How an API server is read, good and bad.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use axum::body::Body;
use common::real;
use hexproof_collectors::{
    CollectError, Collection,
    live::{Api, LiveOptions, Recording, SecretsMode, Target, collect_cluster, connect},
    redact::Redactor,
};
use hexproof_core::{
    Platform,
    population::NotListed,
    record::Body as RecordBody,
    snapshot::{Source, State},
};
use hexproof_testkit::{FakeCluster, Fault};
use serde_json::{Value, json};
use tower::ServiceExt;

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}")}})
}

fn pods(count: usize) -> FakeCluster {
    let shop = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "the-uid"}});
    (0..count).fold(FakeCluster::new().with(shop), |cluster, number| {
        let mut pod = object("v1", "Pod", "shop", &format!("pod-{number}"));
        pod["spec"] = json!({"containers": [{"name": "c", "env": [{"name": "A", "value": "hunter2"}]}]});
        cluster.with(pod)
    })
}

fn api(cluster: &FakeCluster) -> Api {
    let service =
        cluster.router().map_request(|request: http::Request<kube::client::Body>| request.map(Body::new));
    Api::Live(kube::Client::new(service, "default"))
}

fn quick() -> LiveOptions {
    LiveOptions { page_size: 2, request_timeout: Duration::from_secs(5), tries: 2, ..LiveOptions::default() }
}

async fn collect_with(cluster: &FakeCluster, options: LiveOptions) -> Result<Collection, CollectError> {
    // A scenario that waits for a call which never comes must fail, not hang.
    tokio::time::timeout(
        Duration::from_secs(60),
        collect_cluster(&api(cluster), &Redactor::default(), options),
    )
    .await
    .expect("the collection ends")
}

async fn collect(cluster: &FakeCluster) -> Collection {
    collect_with(cluster, quick()).await.unwrap()
}

fn pods_read(collection: &Collection) -> u64 {
    collection.population.rows.iter().filter(|row| row.kind == "Pod").map(|row| row.read).sum()
}

fn refused(collection: &Collection, kind: &str) -> NotListed {
    let found: Vec<_> = collection.population.not_listed.iter().filter(|list| list.kind == kind).collect();
    assert_eq!(found.len(), 1, "{:?}", collection.population.not_listed);
    found[0].clone()
}

#[tokio::test]
async fn every_listed_object_is_read_over_all_pages() {
    let cluster = pods(5).serving("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets");
    let collection = collect(&cluster).await;
    assert_eq!(pods_read(&collection), 5);
    assert_eq!(cluster.asked_for("/api/v1/pods").len(), 3);
    assert!(collection.population.is_complete(), "{:?}", collection.population);
    assert_eq!((collection.origin, collection.sources[0].state), (Source::Live, State::Complete));
    assert_eq!(collection.cluster.id, "the-uid");
    assert_eq!(collection.cluster.version, "v1.36.2");
    assert_eq!(collection.cluster.identity, "auditor");
    let empty = collection.population.rows.iter().find(|row| row.kind == "PodDisruptionBudget").unwrap();
    assert_eq!((empty.listed, empty.read), (0, 0));
    assert!(!serde_json::to_string(&collection.records).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn nothing_but_reads_and_reviews_of_oneself_is_asked() {
    let cluster = pods(3);
    collect(&cluster).await;
    for asked in cluster.asked() {
        assert!(asked.method == "GET" || asked.path.contains("/v1/selfsubject"), "{asked:?}");
    }
}

#[tokio::test]
async fn a_refused_list_is_named_with_the_servers_reason_and_the_rest_is_read() {
    for (fault, reason) in [
        (
            Fault::Forbidden,
            "403 Forbidden: secrets is forbidden: User \"auditor\" cannot list resource \"secrets\"",
        ),
        (Fault::Unauthorized, "401 Unauthorized: Unauthorized"),
        (Fault::NotFound, "404 Not Found: 404 page not found"),
        (
            Fault::MethodNotAllowed,
            "405 MethodNotAllowed: the server does not allow this method on the requested resource",
        ),
        (Fault::Unavailable(99), "503 Service Unavailable: service unavailable"),
        (Fault::Garbage, "the answer is not a JSON list: expected a JSON object"),
        (Fault::Html, "the answer is not a JSON list: expected a JSON object"),
        (Fault::Truncated, "the answer ends inside the list"),
        (Fault::Missing(7), "the server announced 8 objects and sent 1"),
    ] {
        let cluster = pods(3).with(object("v1", "Secret", "shop", "s")).failing("secrets", fault.clone());
        let collection = collect(&cluster).await;
        assert_eq!(refused(&collection, "Secret").reason, reason, "{fault:?}");
        assert_eq!(pods_read(&collection), 3, "{fault:?}");
        assert_eq!(collection.sources[0].state, State::Partial, "{fault:?}");
        let asked = cluster.asked_for("secrets").len();
        let patient =
            matches!(fault, Fault::Unavailable(_) | Fault::Garbage | Fault::Html | Fault::Truncated);
        assert_eq!(asked, if patient { 2 } else { 1 }, "{fault:?}");
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_overcome() {
    for fault in [Fault::Unavailable(1), Fault::Throttled(1)] {
        let cluster = pods(3).failing("pods", fault);
        let collection = collect(&cluster).await;
        assert_eq!(pods_read(&collection), 3);
        assert!(collection.population.is_complete());
    }
}

#[tokio::test]
async fn a_list_whose_token_expired_is_begun_anew() {
    let cluster = pods(5).failing("pods", Fault::Expired { times: 1, resumable: true });
    let collection = collect(&cluster).await;
    assert_eq!(pods_read(&collection), 5);
    assert!(collection.population.is_complete(), "{:?}", collection.population);
    assert_eq!(collection.records.iter().filter(|record| record.kind_name.name == "Pod").count(), 5);
}

#[tokio::test]
async fn a_list_that_keeps_expiring_is_taken_with_its_rest_and_said_to_be_inconsistent() {
    let cluster = pods(5).failing("pods", Fault::Expired { times: 3, resumable: true });
    let collection = collect(&cluster).await;
    assert_eq!(pods_read(&collection), 5);
    assert!(refused(&collection, "Pod").inconsistent);
    let cluster = pods(5).failing("pods", Fault::Expired { times: 99, resumable: false });
    let collection = collect(&cluster).await;
    let list = refused(&collection, "Pod");
    assert!(!list.inconsistent && list.reason.starts_with("410 Expired"), "{list:?}");
    assert_eq!(pods_read(&collection), 2);
}

#[tokio::test]
async fn a_server_that_ignores_the_limit_is_read_all_the_same() {
    let cluster = pods(5).failing("pods", Fault::IgnoresLimit);
    assert_eq!(pods_read(&collect(&cluster).await), 5);
}

#[tokio::test]
async fn a_list_that_never_ends_does_end() {
    let collection = collect(&pods(5).failing("pods", Fault::SameToken)).await;
    assert!(refused(&collection, "Pod").reason.contains("does not end"));
    let options = LiveOptions { deadline: Duration::from_millis(600), ..quick() };
    let collection = collect_with(&pods(5).failing("pods", Fault::Endless), options).await.unwrap();
    let reason = refused(&collection, "Pod").reason;
    assert!(
        reason.contains("the time for the whole collection was over") || reason.contains("announced"),
        "{reason}"
    );
}

#[tokio::test]
async fn endless_items_in_one_page_end_with_the_time_for_a_page() {
    let options = LiveOptions { page_timeout: Duration::from_millis(500), tries: 1, ..quick() };
    let collection = collect_with(&pods(1).failing("pods", Fault::EndlessItems), options).await.unwrap();
    assert_eq!(refused(&collection, "Pod").reason, "the answer took too long");
    assert_eq!(pods_read(&collection), 0);
}

#[tokio::test]
async fn slow_and_stalled_answers_run_into_their_timeouts() {
    for (fault, reason) in [
        (Fault::Silent(Duration::from_secs(30)), "no answer within 0.3 s"),
        (Fault::Stalled, "the answer stopped half-way"),
    ] {
        let options = LiveOptions { request_timeout: Duration::from_millis(300), tries: 1, ..quick() };
        let cluster = pods(2).with(object("v1", "Secret", "shop", "s")).failing("secrets", fault);
        let collection = collect_with(&cluster, options).await.unwrap();
        assert_eq!(refused(&collection, "Secret").reason, reason);
        assert_eq!(pods_read(&collection), 2);
    }
}

#[tokio::test]
async fn an_api_group_without_a_server_is_not_covered_and_hides_nothing() {
    for cluster in [pods(2), pods(2).with_legacy_discovery()] {
        let cluster = cluster
            .with(object("apps/v1", "Deployment", "shop", "web"))
            .with_stale_group("metrics.k8s.io", "v1beta1");
        let collection = collect(&cluster).await;
        let missing = &collection.population.not_listed;
        assert_eq!((missing.len(), missing[0].api_version.as_str()), (1, "metrics.k8s.io/v1beta1"));
        assert_eq!(collection.records.len(), 4);
    }
}

#[tokio::test]
async fn a_resource_served_in_two_versions_is_read_once() {
    let cluster = pods(1)
        .with(object("autoscaling/v1", "HorizontalPodAutoscaler", "shop", "web"))
        .with(object("autoscaling/v2", "HorizontalPodAutoscaler", "shop", "web"))
        .with(object("v1", "Event", "shop", "e"))
        .with(object("events.k8s.io/v1", "Event", "shop", "e"));
    let collection = collect(&cluster).await;
    assert_eq!(collection.records.len(), 4, "{:?}", collection.records);
    assert!(
        cluster.asked_for("autoscaling/v1/").is_empty() && cluster.asked_for("/api/v1/events").is_empty()
    );
    let row = collection.population.rows.iter().find(|row| row.api_version == "autoscaling/v1").unwrap();
    assert_eq!(row.excluded[0].reason, "the same objects are read as autoscaling/v2");
    assert!(collection.population.is_complete());
}

#[tokio::test]
async fn bodies_of_unknown_kinds_and_secrets_on_request_never_travel() {
    let mut secret = object("v1", "Secret", "shop", "s");
    secret["data"] = json!({"password": "aHVudGVyMg=="});
    let mut widget = object("example.com/v1", "Widget", "shop", "w");
    widget["spec"] = json!({"token": "hunter2"});
    let cluster = FakeCluster::new().with(secret).with(widget);
    let collection =
        collect_with(&cluster, LiveOptions { secrets: SecretsMode::Metadata, ..quick() }).await.unwrap();
    for part in ["secrets", "widgets"] {
        assert!(
            cluster.asked_for(part)[0].accept.starts_with("application/json;as=PartialObjectMetadataList")
        );
    }
    let kinds: Vec<_> =
        collection.records.iter().map(|r| (r.api_version.as_str(), r.kind_name.name.as_str())).collect();
    assert_eq!(kinds, [("v1", "Secret"), ("example.com/v1", "Widget")]);
    let RecordBody::Secret(body) = &collection.records[0].body else { panic!() };
    assert_eq!((body.keys_not_read, body.keys.len()), (Some(true), 0));
    let collection = collect(&cluster).await;
    let RecordBody::Secret(body) = &collection.records[0].body else { panic!() };
    assert_eq!((body.keys_not_read, body.keys.as_slice()), (None, &["password".to_owned()][..]));
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_an_error_with_its_reason() {
    let error = collect_with(&pods(1).refusing_everybody(), quick()).await.unwrap_err();
    assert_eq!(error.to_string(), "the API server cannot be asked: 401 Unauthorized: Unauthorized");
}

#[tokio::test]
async fn nodes_show_the_platform() {
    let node = |label: &str| {
        json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "n", "labels": {label: "x"}}, "spec": {"providerID": "azure:///subscriptions/x"}})
    };
    let aks = collect(&pods(1).with(node("kubernetes.azure.com/cluster"))).await.cluster;
    assert_eq!((aks.nodes, aks.platform.unwrap().0), (1, Platform::Aks));
    let other = collect(&pods(1).with(node("kubernetes.io/os"))).await.cluster;
    assert_eq!(other.platform.unwrap().0, Platform::OnPremise);
    assert_eq!(collect(&pods(1)).await.cluster.platform, None);
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_server_with_our_own_agent() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = pods(3);
    let address = cluster.listen().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(
        &kubeconfig,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts: [{{name: test, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        ),
    )
    .unwrap();
    let target = Target { kubeconfig: Some(kubeconfig), context: None };
    let connected = connect(&target, "hexproof/0.1.0", Duration::from_secs(5)).await.unwrap();
    assert_eq!(connected.name, "test");
    let collection = collect_cluster(&connected.api, &Redactor::default(), quick()).await.unwrap();
    assert_eq!(pods_read(&collection), 3);
    assert!(cluster.asked().iter().all(|asked| asked.agent == "hexproof/0.1.0"), "{:?}", cluster.asked());

    let nowhere = Target { context: Some("other".to_owned()), ..target };
    assert!(matches!(
        connect(&nowhere, "hexproof/0.1.0", Duration::from_secs(5)).await,
        Err(CollectError::Kubeconfig { .. })
    ));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_and_no_panic() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let api = Api::Live(kube::Client::try_from(config).unwrap());
    let error = collect_cluster(&api, &Redactor::default(), quick()).await.unwrap_err();
    assert!(error.to_string().contains("no answer"), "{error}");
}

#[tokio::test]
async fn the_real_recording_loses_nothing() {
    let Some(folder) = real("api-recording") else { return };
    assert!(Recording::is_one(&folder));
    let recorded = Api::Recorded(Recording::open_folder(&folder).unwrap().into());
    let started = std::time::Instant::now();
    let collection = collect_cluster(&recorded, &Redactor::default(), LiveOptions::default()).await.unwrap();
    println!("{} records in {:?}", collection.records.len(), started.elapsed());
    let totals: std::collections::BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("_totals.json")).unwrap()).unwrap();
    let mut objects = 0;
    for (list, total) in &totals {
        let (api_version, _) = list.rsplit_once('/').unwrap();
        let api_version = api_version.strip_prefix("core/").unwrap_or(api_version);
        let kind = total["kind"].as_str().unwrap();
        let rows = collection
            .population
            .rows
            .iter()
            .filter(|row| row.api_version == api_version && row.kind == kind);
        let rows: Vec<_> = rows.collect();
        let read_elsewhere = rows.iter().any(|row| row.excluded.iter().any(|reason| reason.count == 0));
        let expected = if read_elsewhere { 0 } else { total["objects"].as_u64().unwrap() };
        objects += expected;
        assert_eq!(rows.iter().map(|row| row.listed).sum::<u64>(), expected, "{list}");
        assert_eq!(rows.iter().map(|row| row.read).sum::<u64>(), expected, "{list}");
        assert!(!rows.is_empty(), "{list}");
    }
    assert_eq!(collection.records.len() as u64, objects);
    assert_eq!(totals.len(), 71);
    // 844 less the events and the autoscaler that are served twice.
    assert!(objects > 700, "{objects}");
    assert_eq!(collection.cluster.version, "v1.36.2");
    assert_eq!(collection.cluster.identity, "kapi-token-admin");
    assert!(!collection.cluster.id.is_empty() && collection.cluster.nodes == 2, "{:?}", collection.cluster);
    let missing = &collection.population.not_listed;
    assert_eq!((missing.len(), missing[0].api_version.as_str()), (1, "metrics.k8s.io/v1beta1"));

    // The same answers over HTTP give the same records.
    let cluster = FakeCluster::replaying(&folder).unwrap();
    let live = collect_with(&cluster, LiveOptions::default()).await.unwrap();
    let lines = |collection: &Collection| {
        collection.records.iter().map(|record| serde_json::to_string(record).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&live), lines(&collection));
    assert_eq!(live.population, collection.population);
}

#[tokio::test]
async fn no_secret_of_the_real_recording_leaves_the_collector() {
    let Some(folder) = real("api-recording") else { return };
    let recorded = Api::Recorded(Recording::open_folder(&folder).unwrap().into());
    let collection = collect_cluster(&recorded, &Redactor::default(), LiveOptions::default()).await.unwrap();
    let text = serde_json::to_string(&collection.records).unwrap()
        + &serde_json::to_string(&collection.population).unwrap();
    let secrets: Value =
        serde_json::from_slice(&std::fs::read(folder.join("core_v1_secrets.json")).unwrap()).unwrap();
    let mut looked_for = 0;
    for secret in secrets["items"].as_array().unwrap() {
        for value in secret["data"].as_object().unwrap().values() {
            let encoded = value.as_str().unwrap();
            let decoded =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap();
            let decoded = String::from_utf8_lossy(&decoded).trim().to_owned();
            assert!(!text.contains(encoded) && !text.contains(&decoded), "{}", secret["metadata"]["name"]);
            looked_for += 1;
        }
    }
    assert_eq!(looked_for, 6);
}

#[tokio::test]
async fn a_recording_names_no_file_outside_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let index = json!([{"name": "v", "file": "../../etc/passwd", "method": "GET", "path": "/version", "status": 200}]);
    std::fs::write(folder.path().join("_index.json"), index.to_string()).unwrap();
    let api = Api::Recorded(Recording::open_folder(folder.path()).unwrap().into());
    let error = collect_cluster(&api, &Redactor::default(), quick()).await.unwrap_err();
    assert!(error.to_string().contains("outside of its folder"), "{error}");
}
