//! What the collector asks for is what it must be allowed to do, and what the ClusterRole grants.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::body::Body;
use common::real;
use hexproof_collectors::{
    Collection, access,
    live::{Api, LiveOptions, SecretsMode, collect_cluster},
    redact::Redactor,
};
use hexproof_core::permissions::Permission;
use hexproof_core::record::Kind;
use hexproof_testkit::FakeCluster;
use serde_json::{Value, json};
use tower::ServiceExt;

const MODES: [(SecretsMode, &str); 3] = [
    (SecretsMode::Metadata, "clusterrole.yaml"),
    (SecretsMode::Keys, "clusterrole-keys.yaml"),
    (SecretsMode::None, "clusterrole-no-secrets.yaml"),
];

async fn collect(cluster: &FakeCluster, secrets: SecretsMode) -> Collection {
    let service =
        cluster.router().map_request(|request: http::Request<kube::client::Body>| request.map(Body::new));
    let api = Api::Live(kube::Client::new(service, "default"));
    let options = LiveOptions { secrets, tries: 1, ..LiveOptions::default() };
    collect_cluster(&api, &Redactor::default(), options).await.unwrap()
}

/// A server that serves everything on the list. Events are served in one group alone, as they are read in one.
fn whole() -> FakeCluster {
    let mut cluster = FakeCluster::new();
    for (group, resources) in access::resources(SecretsMode::Keys) {
        for resource in resources {
            if (group, resource.as_str()) == ("", "events") {
                continue;
            }
            let known =
                Kind::ALL.iter().find(|k| k.group_kind().0 == group && access::plural(**k) == resource);
            let kind = known.map_or_else(|| format!("Kind{resource}"), |kind| kind.group_kind().1.to_owned());
            let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
            cluster = cluster.serving(&api_version, &kind, &resource);
        }
    }
    cluster
}

/// Method, group and resource of a request; a path that is no resource has no group.
fn asked(method: &str, path: &str) -> (String, Option<String>, String) {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, resource) = match parts.as_slice() {
        ["api", _, resource] => (Some(String::new()), (*resource).to_owned()),
        ["apis", group, _, resource] => (Some((*group).to_owned()), (*resource).to_owned()),
        _ => (None, path.to_owned()),
    };
    let verb = match (method, &group) {
        ("GET", Some(_)) => "list",
        ("GET", None) => "get",
        ("POST", _) => "create",
        (other, _) => other,
    };
    (verb.to_owned(), group, resource)
}

fn granted(secrets: SecretsMode) -> BTreeSet<(String, Option<String>, String)> {
    let mut all = BTreeSet::new();
    for (group, resources) in access::resources(secrets) {
        for resource in resources {
            all.insert((access::VERB.to_owned(), Some(group.to_owned()), resource));
        }
    }
    // A server with both reads events in one group: the other is needed where that one is not served.
    all.remove(&("list".to_owned(), Some(String::new()), "events".to_owned()));
    for (group, resource) in access::REVIEWS {
        all.insert(("create".to_owned(), Some(group.to_owned()), resource.to_owned()));
    }
    for path in access::PATHS.iter().filter(|path| !path.ends_with('*')) {
        all.insert(("get".to_owned(), None, (*path).to_owned()));
    }
    all
}

#[tokio::test]
async fn what_is_asked_for_is_what_the_list_says_both_ways() {
    for (mode, _) in MODES {
        let cluster = whole();
        let collection = collect(&cluster, mode).await;
        let asked: BTreeSet<_> =
            cluster.asked().iter().map(|request| asked(&request.method, &request.path)).collect();
        let granted = granted(mode);
        let missing: Vec<_> = asked.difference(&granted).collect();
        let needless: Vec<_> = granted.difference(&asked).collect();
        assert!(missing.is_empty() && needless.is_empty(), "{mode:?}: {missing:?} {needless:?}");
        let not_listed = &collection.population.not_listed;
        match mode {
            SecretsMode::None => {
                assert_eq!((not_listed.len(), not_listed[0].kind.as_str()), (1, "Secret"), "{not_listed:?}");
            }
            SecretsMode::Keys | SecretsMode::Metadata => assert!(not_listed.is_empty(), "{not_listed:?}"),
        }
    }
}

#[tokio::test]
async fn an_old_server_is_asked_by_paths_of_the_list() {
    let cluster = whole().with_legacy_discovery();
    collect(&cluster, SecretsMode::Metadata).await;
    for request in cluster.asked() {
        let (verb, group, path) = asked(&request.method, &request.path);
        if group.is_some() {
            continue;
        }
        let covered = access::PATHS.iter().any(|rule| match rule.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == *rule,
        });
        assert!(covered && verb == "get", "{verb} {path}");
    }
}

#[tokio::test]
async fn a_kind_beyond_the_list_is_asked_for_and_its_refusal_is_told() {
    let cluster = whole().serving("example.com/v1", "Widget", "widgets").forbidding("widgets");
    let collection = collect(&cluster, SecretsMode::Metadata).await;
    assert_eq!(collection.population.not_listed[0].kind, "Widget");
    let widgets = Permission {
        api_group: "example.com".into(),
        resource: "widgets".into(),
        verb: "list".into(),
        namespace: String::new(),
    };
    assert_eq!(collection.permissions.unwrap().refused, [widgets]);
}

#[test]
fn the_files_are_what_the_list_makes() {
    let deploy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    // A chart reads no files but its own.
    for folder in ["agent", "helm/hexproof/files/rbac"] {
        for (mode, name) in MODES {
            let path = deploy.join(folder).join(name);
            let made = access::cluster_role(mode);
            if std::env::var_os("HEXPROOF_RENEW").is_some() {
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == made,
                "`{folder}/{name}` is not what the list makes: renew it with HEXPROOF_RENEW=1"
            );
        }
    }
}

#[test]
fn a_role_reads_and_does_nothing_else() {
    for (mode, _) in MODES {
        let text = access::cluster_role(mode);
        let verbs: BTreeSet<&str> =
            text.lines().filter_map(|line| line.trim().strip_prefix("verbs: ")).collect();
        assert_eq!(verbs, BTreeSet::from(["[get]", "[list]"]));
        let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!rules.iter().any(|line| line.contains("\"*\"") || line.trim() == "- *"), "{text}");
        assert_eq!(rules.iter().any(|line| line.trim() == "- secrets"), mode != SecretsMode::None);
        assert_eq!(text.matches("[get]").count(), 1, "only paths of the server are read by get");
    }
}

#[test]
fn a_real_server_has_no_resource_of_its_own_that_is_not_on_the_list() {
    let Some(folder) = real("api-recording") else { return };
    let totals: std::collections::BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("_totals.json")).unwrap()).unwrap();
    let list = access::resources(SecretsMode::Keys);
    let mut compared = 0;
    for name in totals.keys() {
        let parts: Vec<&str> = name.split('/').collect();
        let group = if parts[0] == "core" { "" } else { parts[0] };
        if group == "monitoring.coreos.com" {
            continue;
        }
        assert!(list.get(group).is_some_and(|resources| resources.contains(parts[2])), "{name}");
        compared += 1;
    }
    assert!(compared > 55, "{compared}");
}

#[tokio::test]
async fn the_rights_of_the_collector_are_told() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}});
    let cluster = FakeCluster::new()
        .with(pod)
        .serving("v1", "Secret", "secrets")
        .serving("apps/v1", "Deployment", "deployments")
        .forbidding("secrets")
        .allowing("", &["get", "list", "watch"], "", &["pods", "secrets"])
        .allowing("kube-system", &["patch"], "apps", &["deployments"])
        .allowing("", &["*"], "example.com", &["*"]);
    let collection = collect(&cluster, SecretsMode::Metadata).await;
    assert_eq!(collection.cluster.identity, "auditor");
    let permissions = collection.permissions.unwrap();
    let words = |rights: &[Permission]| {
        let word = |r: &Permission| format!("{} {}/{} {}", r.verb, r.api_group, r.resource, r.namespace);
        rights.iter().map(|right| word(right).trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(words(&permissions.granted), ["list /pods", "list apps/deployments"]);
    assert_eq!(words(&permissions.refused), ["list /secrets"]);
    assert_eq!(
        words(&permissions.excess),
        ["get /secrets", "watch /secrets", "patch apps/deployments kube-system", "* example.com/*"]
    );
    assert!(permissions.unanswered.is_empty(), "{permissions:?}");
}

#[tokio::test]
async fn a_server_that_does_not_say_leaves_the_rights_unknown_and_the_collection_whole() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}});
    let collection = collect(&FakeCluster::new().with(pod).without_reviews(), SecretsMode::Metadata).await;
    assert!(collection.population.is_complete() && collection.records.len() == 1);
    let permissions = collection.permissions.unwrap();
    assert!(permissions.granted.is_empty() && permissions.refused.is_empty());
    assert_eq!(permissions.unanswered.len(), 3, "{permissions:?}");
    assert!(permissions.unanswered.iter().all(|reason| reason.contains("403 Forbidden")), "{permissions:?}");
}
