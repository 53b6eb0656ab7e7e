use hexproof_api::v1;
use hexproof_api::v1::cluster_service_server::ClusterService as _;
use hexproof_api::v1::cluster_source::From as Way;
use hexproof_core::access::{Scope, Trail};
use prost_types::FieldMask;
use tonic::{Code, Request};

use super::{World, asked, code, refusal, within, wrong};

fn cluster(id: &str) -> v1::RegisteredCluster {
    v1::RegisteredCluster {
        cluster_id: id.into(),
        display_name: "Shop".into(),
        labels: [("team".to_owned(), "red".to_owned())].into(),
        source: Some(way(Way::Push(v1::PushSource {}))),
        ..v1::RegisteredCluster::default()
    }
}

fn way(way: Way) -> v1::ClusterSource {
    v1::ClusterSource { from: Some(way) }
}

fn register(cluster: v1::RegisteredCluster, request: &str) -> v1::RegisterClusterRequest {
    v1::RegisterClusterRequest { cluster: Some(cluster), request_id: request.into() }
}

impl World {
    pub(crate) async fn registered(&self, id: &str) -> v1::RegisteredCluster {
        let answer = self.clusters.register_cluster(asked("ada", register(cluster(id), "r"))).await;
        answer.unwrap().into_inner().cluster.unwrap()
    }
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

#[tokio::test]
async fn registering_again_changes_nothing_and_otherwise_is_refused() {
    let world = World::new();
    let first = world.registered("shop").await;
    assert_eq!((first.version, first.changed_by.as_str(), first.retired), (1, "ada", false));
    assert_eq!(first.latest.as_ref().unwrap().rating(), v1::Rating::B);
    let same = world.clusters.register_cluster(asked("bob", register(cluster("shop"), "other"))).await;
    assert_eq!(same.unwrap().into_inner().cluster.unwrap(), first, "equal content");
    let mut other = cluster("shop");
    other.display_name = "Other".into();
    let refused = world.clusters.register_cluster(asked("ada", register(other.clone(), "r"))).await;
    assert_eq!(refusal(refused), code(Code::AlreadyExists));
    // The same request finds its registration though it has been changed since.
    let mut update = first.clone();
    update.display_name = "Renamed".into();
    let update = v1::UpdateClusterRequest { cluster: Some(update), update_mask: mask(&["display_name"]) };
    world.clusters.update_cluster(asked("ada", update)).await.unwrap();
    let repeated = world.registered("shop").await;
    assert_eq!((repeated.version, repeated.display_name.as_str()), (2, "Renamed"));
}

#[tokio::test]
async fn of_registrations_at_once_one_is_made() {
    let world = World::new();
    let call = |request| world.clusters.register_cluster(asked("ada", register(cluster("shop"), request)));
    let (one, two) = tokio::join!(call("r"), call("r"));
    assert_eq!(one.unwrap().into_inner().cluster, two.unwrap().into_inner().cluster);
}

#[tokio::test]
async fn a_retired_cluster_is_hidden_keeps_its_versions_and_can_come_back() {
    let world = World::new();
    world.registered("shop").await;
    let retire = || v1::RetireClusterRequest { cluster_id: "shop".into() };
    for _ in 0..2 {
        let answer = world.clusters.retire_cluster(asked("ada", retire())).await.unwrap().into_inner();
        let retired = answer.cluster.unwrap();
        assert_eq!((retired.version, retired.retired), (2, true));
    }
    let list = |include_retired| v1::ListClustersRequest { include_retired, ..Default::default() };
    let listed = async |all| {
        world.clusters.list_clusters(asked("ada", list(all))).await.unwrap().into_inner().clusters.len()
    };
    assert_eq!((listed(false).await, listed(true).await), (0, 1));
    let update = v1::RegisteredCluster { version: 2, ..cluster("shop") };
    let update = v1::UpdateClusterRequest { cluster: Some(update), update_mask: mask(&["labels"]) };
    assert_eq!(
        refusal(world.clusters.update_cluster(asked("a", update)).await),
        code(Code::FailedPrecondition)
    );
    // A late repetition of the request that registered it does not bring it back.
    let late = world.registered("shop").await;
    assert!(late.retired);
    let again = world.clusters.register_cluster(asked("ada", register(cluster("shop"), "r-2"))).await;
    let again = again.unwrap().into_inner().cluster.unwrap();
    assert_eq!((again.version, again.retired), (3, false));
}

#[tokio::test]
async fn lists_are_paged_by_id_and_picked_by_label_and_scope() {
    let world = World::new();
    for number in 0..5 {
        world.registered(&format!("c-{number}")).await;
    }
    let mut blue = cluster("c-9");
    blue.labels.insert("team".into(), "blue".into());
    world.clusters.register_cluster(asked("ada", register(blue, "b"))).await.unwrap();
    let mut list = v1::ListClustersRequest {
        labels: [("team".to_owned(), "red".to_owned())].into(),
        page_size: 2,
        read_mask: mask(&["cluster_id"]),
        ..Default::default()
    };
    let mut ids = Vec::new();
    loop {
        let page = world.clusters.list_clusters(asked("ada", list.clone())).await.unwrap().into_inner();
        assert!(
            page.clusters.iter().all(|cluster| cluster.display_name.is_empty() && cluster.source.is_none())
        );
        ids.extend(page.clusters.into_iter().map(|cluster| cluster.cluster_id));
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids, ["c-0", "c-1", "c-2", "c-3", "c-4"]);
    let scope = Scope::cluster("c-9".parse().unwrap());
    let all = v1::ListClustersRequest::default();
    let seen = world.clusters.list_clusters(within(scope, "eve", all)).await.unwrap().into_inner();
    assert_eq!(seen.clusters.len(), 1);
    let token =
        |page_token: &str| v1::ListClustersRequest { page_token: page_token.into(), ..Default::default() };
    assert_eq!(refusal(world.clusters.list_clusters(asked("a", token("x"))).await), wrong("page_token"));
    let list = v1::ListClustersRequest { page_size: -1, ..Default::default() };
    assert_eq!(refusal(world.clusters.list_clusters(asked("a", list)).await), wrong("page_size"));
    let list = v1::ListClustersRequest { read_mask: mask(&["nonsense"]), ..Default::default() };
    assert_eq!(refusal(world.clusters.list_clusters(asked("a", list)).await), wrong("read_mask"));
    let list = v1::ListClustersRequest { labels: [(" ".into(), "x".into())].into(), ..Default::default() };
    assert_eq!(refusal(world.clusters.list_clusters(asked("a", list)).await), wrong("labels"));
}

#[tokio::test]
async fn large_registrations_make_short_pages() {
    let world = World::new();
    for number in 0..7 {
        let large =
            v1::RegisteredCluster { settings: "# ".repeat(128 << 10), ..cluster(&format!("c-{number}")) };
        world.clusters.register_cluster(asked("ada", register(large, "r"))).await.unwrap();
    }
    let list = v1::ListClustersRequest::default();
    let page = world.clusters.list_clusters(asked("ada", list)).await.unwrap().into_inner();
    assert!(page.clusters.len() < 7 && !page.next_page_token.is_empty(), "{}", page.clusters.len());
}

#[tokio::test]
async fn a_change_names_its_fields_and_the_version_that_was_read() {
    let world = World::new();
    let first = world.registered("shop").await;
    let change = |version: u64, name: &str, paths: &[&str]| v1::UpdateClusterRequest {
        cluster: Some(v1::RegisteredCluster {
            version,
            display_name: name.into(),
            cluster_id: "shop".into(),
            ..Default::default()
        }),
        update_mask: mask(paths),
    };
    let answer = world.clusters.update_cluster(asked("bob", change(1, "New", &["display_name"]))).await;
    let changed = answer.unwrap().into_inner().cluster.unwrap();
    assert_eq!(
        (changed.version, changed.changed_by.as_str(), changed.display_name.as_str()),
        (2, "bob", "New")
    );
    assert_eq!(
        (&changed.labels, &changed.source),
        (&first.labels, &first.source),
        "what the mask leaves out stays"
    );
    let repeated = world.clusters.update_cluster(asked("bob", change(1, "New", &["display_name"]))).await;
    assert_eq!(
        repeated.unwrap().into_inner().cluster.unwrap().version,
        2,
        "the answer was lost, the change was not"
    );
    let refused = async |subject, version, name, paths: &[&str]| {
        refusal(world.clusters.update_cluster(asked(subject, change(version, name, paths))).await)
    };
    assert_eq!(refused("eve", 1, "New", &["display_name"]).await, code(Code::Aborted));
    assert_eq!(refused("bob", 1, "Newer", &["display_name"]).await, code(Code::Aborted));
    assert_eq!(refused("bob", 7, "Newer", &["display_name"]).await, code(Code::Aborted));
    assert_eq!(refused("bob", 0, "Newer", &["display_name"]).await, wrong("cluster.version"));
    assert_eq!(refused("bob", 2, "Newer", &["retired"]).await, wrong("update_mask"));
    assert_eq!(refused("bob", 2, "Newer", &["source.agent"]).await, wrong("update_mask"));
    assert_eq!(refused("bob", 2, "", &["display_name"]).await, wrong("cluster.display_name"));
    assert_eq!(
        refused("bob", 2, "Newer", &[]).await,
        wrong("cluster.source"),
        "an empty mask names every field"
    );
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::new();
    type Change = fn(&mut v1::RegisteredCluster);
    let table: &[(&str, Change)] = &[
        ("cluster.cluster_id", |c| c.cluster_id = "../x".into()),
        ("cluster.display_name", |c| c.display_name.clear()),
        ("cluster.display_name", |c| c.display_name = "x".repeat(121)),
        ("cluster.display_name", |c| c.display_name = "Shop \u{202e}evil".into()),
        ("cluster.display_name", |c| c.display_name = "Shop\u{1b}[2J".into()),
        ("cluster.display_name", |c| c.display_name = "Shop\n".into()),
        ("cluster.labels", |c| c.labels = (0..33).map(|n| (format!("l{n}"), String::new())).collect()),
        ("cluster.labels", |c| c.labels = [("bad name".into(), String::new())].into()),
        ("cluster.labels[team]", |c| c.labels = [("team".into(), "r\u{e9}d".into())].into()),
        ("cluster.platform", |c| c.platform = Some(99)),
        ("cluster.source", |c| c.source = None),
        ("cluster.source", |c| c.source = Some(v1::ClusterSource { from: None })),
        ("cluster.source.agent.address", |c| {
            c.source = Some(way(Way::Agent(v1::AgentSource {
                address: "http://a".into(),
                spiffe_id: String::new(),
            })));
        }),
        ("cluster.source.agent.spiffe_id", |c| {
            c.source =
                Some(way(Way::Agent(v1::AgentSource { address: "https://a".into(), spiffe_id: "x".into() })));
        }),
        ("cluster.source.kubeconfig.context", |c| {
            c.source = Some(way(Way::Kubeconfig(v1::KubeconfigSource { context: "a\0".into() })));
        }),
        ("cluster.source.manifests", |c| {
            c.source = Some(way(Way::Manifests(v1::ManifestSource { path: "shop".into() })));
        }),
        ("cluster.settings", |c| c.settings = "unknownField: 1".into()),
        ("cluster.settings", |c| c.settings = "#".repeat((256 << 10) + 1)),
    ];
    for (field, change) in table {
        let mut message = cluster("shop");
        change(&mut message);
        let answer = world.clusters.register_cluster(asked("ada", register(message, "r"))).await;
        assert_eq!(refusal(answer), wrong(field));
    }
    let answer = world.clusters.register_cluster(asked("ada", register(cluster("shop"), "a b"))).await;
    assert_eq!(refusal(answer), wrong("request_id"));
    let none = v1::RegisterClusterRequest { cluster: None, request_id: "r".into() };
    assert_eq!(refusal(world.clusters.register_cluster(asked("ada", none)).await), wrong("cluster"));
    let list = world.clusters.list_clusters(asked("ada", v1::ListClustersRequest::default())).await.unwrap();
    assert!(list.into_inner().clusters.is_empty(), "nothing that was refused is kept");
}

#[tokio::test]
async fn scope_and_identity_come_before_everything() {
    let world = World::new();
    world.registered("shop").await;
    let get = |id: &str| v1::GetClusterRequest { cluster_id: id.into(), read_mask: None };
    let nobody = world.clusters.get_cluster(Request::new(get("shop"))).await;
    assert_eq!(refusal(nobody), code(Code::Unauthenticated));
    let scope = || Scope::cluster("bank".parse().unwrap());
    for id in ["shop", "no-such"] {
        let beyond = world.clusters.get_cluster(within(scope(), "eve", get(id))).await;
        assert_eq!(refusal(beyond), code(Code::PermissionDenied), "{id}");
    }
    assert_eq!(refusal(world.clusters.get_cluster(asked("ada", get("bank"))).await), code(Code::NotFound));
    let retire = v1::RetireClusterRequest { cluster_id: "bank".into() };
    assert_eq!(refusal(world.clusters.retire_cluster(asked("ada", retire)).await), code(Code::NotFound));
    // The newest pack is evidence: it is seen within the period alone.
    let past = Scope { until: Some("2026-10-01T00:00:00Z".parse().unwrap()), ..Scope::ALL };
    let seen = world.clusters.get_cluster(within(past, "eve", get("shop"))).await.unwrap().into_inner();
    assert_eq!(seen.cluster.unwrap().latest, None);
    let seen = world.clusters.get_cluster(asked("ada", get("shop"))).await.unwrap().into_inner();
    assert!(seen.cluster.unwrap().latest.is_some());
}

#[tokio::test]
async fn a_refused_change_leaves_its_trail() {
    let world = World::new();
    let retire = v1::RetireClusterRequest { cluster_id: "shop".into() };
    let request = within(Scope::none(), "eve", retire);
    let trail = request.extensions().get::<Trail>().unwrap().clone();
    assert_eq!(refusal(world.clusters.retire_cluster(request).await), code(Code::PermissionDenied));
    assert_eq!(trail.touched(), (Some("shop".parse().unwrap()), "shop".to_owned()));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable_and_nothing_is_lost() {
    let world = World::new();
    world.registered("shop").await;
    world.records.set_down(true);
    let get = || v1::GetClusterRequest { cluster_id: "shop".into(), read_mask: None };
    assert_eq!(refusal(world.clusters.get_cluster(asked("ada", get())).await), code(Code::Unavailable));
    let retire = v1::RetireClusterRequest { cluster_id: "shop".into() };
    assert_eq!(refusal(world.clusters.retire_cluster(asked("ada", retire)).await), code(Code::Unavailable));
    world.records.set_down(false);
    let cluster =
        world.clusters.get_cluster(asked("ada", get())).await.unwrap().into_inner().cluster.unwrap();
    assert_eq!((cluster.version, cluster.retired), (1, false));
}
