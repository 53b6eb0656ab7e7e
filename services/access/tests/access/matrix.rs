//! Every RPC by every role, within the scope and beyond it. What is expected stands here once more, by hand: the table
//! of the crate is not asked.

use hexproof_access::{Access, Peer};
use serde_json::json;

use crate::support::{Issuer, SigningKey, TestClock, World, code, empty, rpc};

/// RPC; who may call of C collector, O operator, A auditor, M admin, S the service's certificate, N somebody without a
/// role, - nobody known; whether it is logged.
const TABLE: &[(&str, &str, bool)] = &[
    ("hexproof.v1.AccessLogService/ListAccessEntries", "M", false),
    ("hexproof.v1.AuditService/StartAudit", "OM", true),
    ("hexproof.v1.AuditService/GetAudit", "OAM", false),
    ("hexproof.v1.AuditService/ListAudits", "OAM", false),
    ("hexproof.v1.AuditService/WatchAudit", "OAM", false),
    ("hexproof.v1.AuditService/CancelAudit", "OM", true),
    ("hexproof.v1.ClusterService/RegisterCluster", "M", true),
    ("hexproof.v1.ClusterService/GetCluster", "OAM", false),
    ("hexproof.v1.ClusterService/ListClusters", "OAM", false),
    ("hexproof.v1.ClusterService/UpdateCluster", "M", true),
    ("hexproof.v1.ClusterService/RetireCluster", "M", true),
    ("hexproof.v1.CollectorService/Collect", "S", false),
    ("hexproof.v1.IntakeService/AwaitCollections", "C", false),
    ("hexproof.v1.IntakeService/SubmitSnapshot", "C", true),
    ("hexproof.v1.MeasureService/ListMeasures", "OAM", false),
    ("hexproof.v1.MeasureService/GetMeasure", "OAM", false),
    ("hexproof.v1.PackService/ListPacks", "OAM", false),
    ("hexproof.v1.PackService/GetPack", "AM", false),
    ("hexproof.v1.PackService/DownloadPack", "AM", true),
    ("hexproof.v1.PackService/CreateDownloadLink", "AM", true),
    ("hexproof.v1.PackService/RevokeDownloadLink", "AM", true),
    ("hexproof.v1.PackService/VerifyPack", "AM", false),
    ("hexproof.v1.PackService/ComparePacks", "AM", false),
    ("hexproof.v1.ScheduleService/CreateSchedule", "OM", true),
    ("hexproof.v1.ScheduleService/GetSchedule", "OAM", false),
    ("hexproof.v1.ScheduleService/ListSchedules", "OAM", false),
    ("hexproof.v1.ScheduleService/UpdateSchedule", "OM", true),
    ("hexproof.v1.ScheduleService/DeleteSchedule", "OM", true),
    ("hexproof.v1.ScheduleService/ListSlots", "OAM", false),
    ("hexproof.v1.WaiverService/ProposeWaiver", "OM", true),
    ("hexproof.v1.WaiverService/ApproveWaiver", "OM", true),
    ("hexproof.v1.WaiverService/RevokeWaiver", "OM", true),
    ("hexproof.v1.WaiverService/GetWaiver", "OAM", false),
    ("hexproof.v1.WaiverService/ListWaivers", "OAM", false),
    ("grpc.health.v1.Health/Check", "COAMSN-", false),
    ("grpc.health.v1.Health/List", "COAMSN", false),
    ("grpc.health.v1.Health/Watch", "COAMSN", false),
    ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "COAMSN", false),
    ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "COAMSN", false),
    ("hexproof.v1.AuditService/DeleteAudit", "", false),
    ("hexproof.v2.AuditService/GetAudit", "", false),
];

const OK: i32 = 0;
const NOT_FOUND: i32 = 5;
const DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;

fn peer(id: &str) -> Peer {
    Peer { identity: Some((id.parse().unwrap(), "2026-11-25T00:00:00Z".parse().unwrap())) }
}

#[tokio::test]
async fn every_rpc_admits_its_roles_within_their_scope_and_nobody_else() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let grants: Vec<_> = ["operator", "auditor", "admin"]
        .map(|role| {
            json!({"group": role, "roles": [role], "clusters": ["shop"],
                "from": "2026-01-01T00:00:00Z", "until": "2026-07-01T00:00:00Z"})
        })
        .into();
    let world = World::new(&issuer.config(grants.into()), None);
    // The cluster that is asked for, and when the evidence was made.
    let (within, last) = ("2026-01-01T00:00:00Z", "2026-06-30T23:59:59Z");
    let (before, after) = ("2025-12-31T23:59:59Z", "2026-07-01T00:00:00Z");
    let places = [
        ("shop", ""),
        ("shop", within),
        ("shop", last),
        ("shop", before),
        ("shop", after),
        ("bank", within),
        ("", ""),
    ];
    let mut walked = 0;
    for &(path, admitted, logged) in TABLE {
        for who in "COAMSN-".chars() {
            for (cluster, made) in places {
                let open = path.starts_with("grpc.");
                if open && !cluster.is_empty() {
                    continue; // Health and reflection name no cluster.
                }
                world.store.clear();
                let mut builder = rpc(&format!("/{path}"));
                if !cluster.is_empty() {
                    builder = builder.header("x-cluster", cluster);
                }
                if !made.is_empty() {
                    builder = builder.header("x-made", made);
                }
                let group = match who {
                    'O' => Some("operator"),
                    'A' => Some("auditor"),
                    'M' => Some("admin"),
                    'N' => Some("guests"),
                    'C' => {
                        builder = builder.extension(peer("spiffe://example.org/cluster/shop/collector"));
                        None
                    }
                    'S' => {
                        builder = builder.extension(peer("spiffe://example.org/server"));
                        None
                    }
                    _ => None,
                };
                if let Some(group) = group {
                    let token = key.token(&issuer.claims("ann", &[group]));
                    builder = builder.header("authorization", format!("Bearer {token}"));
                }
                // The service's certificate reaches every agent: which cluster it asks for is the agent's to check.
                let beyond = cluster == "bank" && who != 'S';
                // Agents and the service have no period.
                let untimely = (made == before || made == after) && "OAM".contains(who);
                let expected = match (admitted.contains(who), who) {
                    (true, _) if !beyond && untimely => NOT_FOUND,
                    (true, _) if !beyond => OK,
                    (false, '-') => UNAUTHENTICATED,
                    _ => DENIED,
                };
                let response = world.send(empty(builder)).await;
                assert_eq!(code(&response), expected, "{path} by {who} for `{cluster}` at `{made}`");
                assert_eq!(response.status(), 200, "{path}: gRPC errors are no HTTP errors");
                let outcomes: Vec<_> =
                    world.entries().await.into_iter().map(|entry| format!("{:?}", entry.outcome)).collect();
                if expected == OK {
                    let wanted: &[&str] = if logged { &["Done"] } else { &[] };
                    assert_eq!(outcomes, wanted, "{path} by {who}");
                }
                walked += 1;
                world.clock.pass(1);
            }
        }
    }
    assert_eq!(walked, 36 * 7 * 7 + 5 * 7);
}

#[tokio::test]
async fn figures_of_all_clusters_are_for_those_who_may_see_all() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let grants = json!([
        {"group": "one", "roles": ["admin"], "clusters": ["shop"]},
        {"group": "all", "roles": ["operator"], "clusters": "all"},
        {"group": "readers", "roles": ["auditor"], "clusters": "all"},
        {"group": "past", "roles": ["operator"], "clusters": "all", "until": "2026-01-01T00:00:00Z"},
    ]);
    let world = World::new(&issuer.config(grants), None);
    for (group, status) in [("all", 200), ("one", 403), ("readers", 403), ("past", 403)] {
        let token = key.token(&issuer.claims("ann", &[group]));
        let request = http::Request::get("/metrics").header("authorization", format!("Bearer {token}"));
        assert_eq!(world.send(empty(request)).await.status(), status, "{group}");
    }
    for (method, path, status) in [
        ("GET", "/metrics", 401),
        ("GET", "/livez", 200),
        ("HEAD", "/readyz", 200),
        ("POST", "/readyz", 405),
        ("GET", "/", 401),
        ("GET", "/livez/", 401),
    ] {
        let request = http::Request::builder().method(method).uri(path);
        let response = world.send(empty(request)).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401, "{path}");
    }
}

#[tokio::test]
async fn an_agent_serves_the_service_alone() {
    let mtls = serde_json::from_value(json!({"ca": "ca.pem", "trustDomain": "example.org"})).unwrap();
    let world = World { access: Access::agent(&mtls, TestClock::noon()).unwrap(), ..World::dev() };
    let collect = || rpc("/hexproof.v1.CollectorService/Collect").header("x-cluster", "shop");
    assert_eq!(code(&world.send(empty(collect().extension(peer("spiffe://example.org/server")))).await), OK);
    let agent = peer("spiffe://example.org/cluster/shop/collector");
    assert_eq!(code(&world.send(empty(collect().extension(agent))).await), DENIED);
    assert_eq!(code(&world.send(empty(collect())).await), UNAUTHENTICATED);
    let token = collect().header("authorization", "Bearer a.b.c");
    assert_eq!(code(&world.send(empty(token)).await), UNAUTHENTICATED);
    assert_eq!(world.send(empty(http::Request::get("/links/a.b"))).await.status(), 403);
}
