//! Clusters and waivers: the real services.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use hexproof_api::v1::cluster_service_server::ClusterServiceServer;
use hexproof_api::v1::waiver_service_server::WaiverServiceServer;
use hexproof_archive::grpc::clusters::{ClusterRegister, LatestPacks, NewestPack};
use hexproof_archive::grpc::waivers::WaiverRegister;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Register, StorageError};
use hexproof_testkit::{FixedClock, MemoryRecords};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use super::{access, ask};

struct NoPacks;

#[async_trait]
impl LatestPacks for NoPacks {
    async fn latest(&self, _: &ClusterId) -> Result<Option<NewestPack>, StorageError> {
        Ok(None)
    }
}

pub(crate) fn services() -> tonic::service::Routes {
    let clock = Arc::new(FixedClock("2026-11-24T10:00:00Z".parse().unwrap()));
    let register = Register::new(Arc::new(MemoryRecords::new()));
    let clusters =
        ClusterRegister::new(register.clone(), clock.clone(), Arc::new(NoPacks), Arc::new(|_| Ok(())), false);
    let waivers = WaiverRegister::new(register, clock, Arc::new(|id| id.as_str() == "container-privileged"));
    tonic::service::Routes::new(ClusterServiceServer::with_interceptor(clusters, access))
        .add_service(WaiverServiceServer::with_interceptor(waivers, access))
}

async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the runtime of the test.
    tokio::spawn(
        Server::builder().add_routes(services()).serve_with_incoming(TcpListenerStream::new(listener)),
    );
    address
}

const REGISTER: &[&str] =
    &["clusters", "register", "shop", "--name", "The shop", "--push", "--label", "team=red"];

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_registered_labelled_listed_and_retired() {
    let (server, home) = (serve().await, tempfile::tempdir().unwrap());
    let ada = async |args: &[&str]| ask(server, home.path(), "ada", args).await;
    let made = ada(REGISTER).await.done();
    assert!(
        made.out.contains("name       The shop") && made.out.contains("version    1 by ada"),
        "{}",
        made.out
    );
    ada(&["clusters", "register", "bank", "--agent", "https://agent.example:7443", "--platform", "aks"])
        .await
        .done();
    let shown =
        ada(&["clusters", "label", "shop", "tier=gold", "team-", "--format", "json"]).await.done().json();
    assert_eq!(shown["cluster"]["labels"], serde_json::json!({"tier": "gold"}));
    assert_eq!(shown["cluster"]["version"], "2");
    let list = ada(&["clusters", "list"]).await.done().out;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    let column = lines[0].find("SOURCE").unwrap();
    assert!(lines[1][column..].starts_with("agent") && lines[2][column..].starts_with("push"), "{list}");
    let picked = ada(&["clusters", "list", "--label", "tier=gold", "--format", "json"]).await.done().json();
    assert_eq!(picked["clusters"].as_array().unwrap().len(), 1);
    assert_eq!(picked["clusters"][0]["retired"], false);
    let one = ada(&["clusters", "list", "--limit", "1"]).await.done();
    assert!(one.out.lines().count() == 2 && one.err.contains("more than 1"), "{}{}", one.out, one.err);
    ada(&["clusters", "retire", "shop"]).await.done();
    assert_eq!(ada(&["clusters", "list"]).await.done().out.lines().count(), 2);
    assert!(ada(&["clusters", "list", "--retired"]).await.done().out.contains("The shop (retired)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_takes_two_people() {
    let (server, home) = (serve().await, tempfile::tempdir().unwrap());
    let run = async |person: &str, args: &[&str]| ask(server, home.path(), person, args).await;
    run("ada", REGISTER).await.done();
    let propose = [
        "waivers",
        "propose",
        "shop",
        "--measure",
        "container-privileged",
        "--namespace",
        "web",
        "--reason",
        "replaced in January",
        "--compensating-control",
        "network policy",
        "--owner",
        "olga",
        "--expiry",
        "2027-01-31",
        "--request-id",
        "r-1",
        "--format",
        "json",
    ];
    let made = run("pia", &propose).await.done().json();
    assert_eq!(run("pia", &propose).await.done().json(), made, "the same request, the same waiver");
    let id = made["waiver"]["waiver"]["id"].as_str().unwrap();
    let own = run("pia", &["waivers", "approve", "shop", id]).await;
    assert!(
        own.code == 2 && own.err.contains("FAILED_PRECONDITION") && own.err.contains("SAME_PERSON"),
        "{}",
        own.err
    );
    let stale = run("mia", &["waivers", "approve", "shop", id, "--version", "7"]).await;
    assert!(stale.code == 2 && stale.err.contains("ABORTED"), "{}", stale.err);
    let approved = run("mia", &["waivers", "approve", "shop", id]).await.done();
    assert!(approved.err.contains("replaced in January"), "what is approved is shown: {}", approved.err);
    assert!(approved.out.contains("approver              mia"), "{}", approved.out);
    let list = run("ada", &["waivers", "list", "--stage", "approved"]).await.done().out;
    assert!(list.contains("* web/*") && list.contains("approved"), "{list}");
    run("ada", &["waivers", "revoke", "shop", id, "--comment", "fixed"]).await.done();
    assert_eq!(run("ada", &["waivers", "list", "--stage", "approved"]).await.done().out.lines().count(), 1);
    let wrong = run(
        "pia",
        &[
            "waivers",
            "propose",
            "shop",
            "--measure",
            "no-such",
            "--name",
            "x",
            "--reason",
            "r",
            "--compensating-control",
            "c",
            "--owner",
            "o",
            "--expiry",
            "2027-01-31",
        ],
    )
    .await;
    assert!(wrong.code == 2 && wrong.err.contains("INVALID_ARGUMENT: `waiver.measure`"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_and_a_server_that_is_not_there_too() {
    let (server, home) = (serve().await, tempfile::tempdir().unwrap());
    let run = async |args: &[&str]| ask(server, home.path(), "ada", args).await;
    let unknown = run(&["clusters", "show", "nowhere"]).await;
    assert!(
        unknown.code == 2 && unknown.err.contains("NOT_FOUND: there is no cluster `nowhere`"),
        "{}",
        unknown.err
    );
    let unserved = run(&["schedules", "list"]).await;
    assert!(unserved.code == 2 && unserved.err.contains("UNIMPLEMENTED"), "{}", unserved.err);
    let anonymous = ask(server, home.path(), "", &["clusters", "list"]).await;
    assert!(anonymous.code == 2 && anonymous.err.contains("UNAUTHENTICATED"), "{}", anonymous.err);
    let missing = run(&["--token-file", "no-such", "clusters", "list"]).await;
    assert!(missing.code == 2 && missing.err.contains("cannot read `no-such`"), "{}", missing.err);
    let file = home.path().join("token");
    std::fs::write(&file, "kim\n").unwrap();
    let args = ["--token-file", file.to_str().unwrap(), "clusters", "register", "k", "--context"];
    let by_file = run(&args).await.done();
    assert!(by_file.out.contains("by kim"), "{}", by_file.out);
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = nobody.local_addr().unwrap();
    drop(nobody);
    let away = ask(closed, home.path(), "ada", &["clusters", "list"]).await;
    assert!(away.code == 2 && away.err.contains("UNAVAILABLE"), "{}", away.err);
    let open = run(&["--server", "http://hexproof.example", "clusters", "list"]).await;
    assert!(open.code == 2 && open.err.contains("use https://"), "{}", open.err);
    let mut unset = super::support::hexproof(home.path());
    unset.env_remove("HEXPROOF_SERVER").args(["clusters", "list"]);
    let unset = super::run(unset).await;
    assert!(unset.code == 2 && unset.err.contains("--server URL"), "{}", unset.err);
}
