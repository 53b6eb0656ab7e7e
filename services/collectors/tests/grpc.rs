//! Agents that are called, agents that call, and the service on the other side: over real connections.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod service;
#[path = "service/snapshots.rs"]
mod snapshots;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hexproof_api::v1::collector_service_client::CollectorServiceClient;
use hexproof_api::v1::collector_service_server::{CollectorService, CollectorServiceServer};
use hexproof_api::v1::{self, collect_response, submit_snapshot_request::Part};
use hexproof_collectors::live::LiveOptions;
use hexproof_collectors::push::{self, Connect, PushOptions};
use hexproof_collectors::received::Bounds;
use hexproof_collectors::source::{Dial, SourceOptions, grpc::Sources};
use hexproof_core::access::{Clusters, Role};
use hexproof_core::audit::{AuditKey, Progress, Trigger};
use hexproof_core::digest::Digest;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{AuditError, Collect, Collected};
use hexproof_core::register::ClusterSource;
use hexproof_core::snapshot::{Snapshot, Source};
use hexproof_testkit::Fault;
use service::{
    Service, Store, UID, agent, agent_with, caller, channel, clock, cluster, entry, id, now, own,
    serve_agent, terms,
};
use snapshots::{honest, pack, unpack};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

/// The longest a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it comes soon")
}

fn asked(cluster: &str) -> v1::CollectRequest {
    v1::CollectRequest { cluster_id: cluster.into(), display_name: "shop".into(), ..Default::default() }
}

type Answer = Result<(Vec<u8>, Vec<usize>, v1::SnapshotEnd, u64), Status>;

/// All that an agent sends: bytes, sizes of pieces, the end, objects of the last progress.
async fn all(address: SocketAddr, request: v1::CollectRequest) -> Answer {
    let mut client = CollectorServiceClient::new(channel(address).await);
    let mut stream = client.collect(request).await?.into_inner();
    let (mut bytes, mut sizes, mut objects) = (Vec::new(), Vec::new(), 0);
    while let Some(message) = soon(stream.message()).await? {
        match message.part.unwrap() {
            collect_response::Part::Progress(progress) => objects = progress.objects,
            collect_response::Part::Chunk(piece) => {
                sizes.push(piece.len());
                bytes.extend(piece);
            }
            collect_response::Part::End(end) => {
                assert!(stream.message().await?.is_none(), "something follows the end");
                return Ok((bytes, sizes, end, objects));
            }
        }
    }
    panic!("no end");
}

#[tokio::test]
async fn an_agent_streams_its_cluster_in_pieces_that_add_up() {
    let cluster = cluster(3000);
    let address = serve_agent(agent(&cluster), Some(own())).await;
    let (bytes, sizes, end, _) = all(address, asked(UID)).await.unwrap();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size <= 64 << 10), "{sizes:?}");
    assert_eq!((end.size, end.digest), (bytes.len() as u64, Digest::of(&bytes).to_string()));
    let (snapshot, _) = Snapshot::read(unpack(&bytes).as_slice()).unwrap();
    assert_eq!((snapshot.records.len(), snapshot.header.origin), (3001, Source::Live));
    assert_eq!((snapshot.header.cluster.id.as_str(), snapshot.header.cluster.name.as_str()), (UID, "shop"));
    assert_eq!(snapshot.header.identity, "auditor");
    assert_eq!(snapshot.header.permissions.unwrap().granted.len(), 2);
    let text = unpack(&bytes);
    assert!(!String::from_utf8(text).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn annotations_are_kept_as_the_caller_asks_and_secrets_are_read_as_the_agent_may() {
    let cluster = cluster(1).serving("v1", "Secret", "secrets");
    let address = serve_agent(agent(&cluster), Some(own())).await;
    let request = v1::CollectRequest {
        secrets: v1::SecretsMode::Metadata.into(),
        kept_annotations: vec!["example.com/note".into()],
        ..asked(UID)
    };
    let (bytes, ..) = all(address, request).await.unwrap();
    assert!(String::from_utf8(unpack(&bytes)).unwrap().contains("s3cr3t-note"));
    assert!(cluster.asked_for("/secrets")[0].accept.contains("PartialObjectMetadataList"));
}

#[tokio::test]
async fn an_agent_serves_only_known_callers_its_own_cluster_and_sense() {
    let cluster = cluster(1);
    let code = |answer: Answer| answer.map(|_| ()).unwrap_err().code();
    let open = serve_agent(agent(&cluster), None).await;
    assert_eq!(code(all(open, asked(UID)).await), Code::Unauthenticated);
    let other = "11111111-2222-4333-8444-555555555555";
    let narrow = caller(&[Role::Collector], Clusters::Only(BTreeSet::from([other.parse().unwrap()])));
    let address = serve_agent(agent(&cluster), Some(narrow)).await;
    assert_eq!(code(all(address, asked(UID)).await), Code::PermissionDenied);
    // Within reach of the caller, but not the cluster of this agent.
    assert_eq!(code(all(address, asked(other)).await), Code::FailedPrecondition);
    let address = serve_agent(agent(&cluster), Some(own())).await;
    assert_eq!(code(all(address, asked("../x")).await), Code::InvalidArgument);
    let strange = v1::CollectRequest { secrets: 9, ..asked(UID) };
    assert_eq!(code(all(address, strange).await), Code::InvalidArgument);
    let many = v1::CollectRequest { allowed_names: vec!["x".into(); 1001], ..asked(UID) };
    assert_eq!(code(all(address, many).await), Code::InvalidArgument);
}

#[tokio::test]
async fn a_busy_agent_refuses_and_a_caller_that_leaves_ends_the_collection() {
    let cluster = cluster(1).failing("pods", Fault::Endless);
    let address = serve_agent(agent_with(&cluster, 0), Some(own())).await;
    let mut client = CollectorServiceClient::new(channel(address).await);
    let mut first = client.collect(asked(UID)).await.unwrap().into_inner();
    soon(first.message()).await.unwrap().unwrap();
    let busy = client.collect(asked(UID)).await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted);
    drop(first);
    // The place is free again, and the endless list is read no further once nobody waits for it.
    let again = async {
        loop {
            match client.collect(asked(UID)).await {
                Ok(stream) => return drop(stream),
                Err(status) => assert_eq!(status.code(), Code::ResourceExhausted),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(again).await;
    let quiet = async {
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = cluster.asked().len();
            if now == before {
                return;
            }
            before = now;
        }
    };
    soon(quiet).await;
}

struct Direct(Mutex<Vec<(String, String)>>, Option<SocketAddr>);

#[async_trait]
impl Dial for Direct {
    async fn dial(
        &self,
        _: &ClusterId,
        address: &str,
        spiffe_id: &str,
    ) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        self.0.lock().unwrap().push((address.into(), spiffe_id.into()));
        Ok(channel(self.1.ok_or("nobody there")?).await)
    }
}

fn sources(
    agent: Option<SocketAddr>,
    store: &Arc<Store>,
    change: impl FnOnce(&mut SourceOptions),
) -> Sources {
    let mut options = SourceOptions {
        collector: "hexproof test".into(),
        user_agent: "hexproof/test".into(),
        kubeconfig: None,
        may_read_clusters: false,
        manifest_folders: vec![],
        live: LiveOptions { tries: 1, ..LiveOptions::default() },
        bounds: Bounds::default(),
    };
    change(&mut options);
    Sources::new(Arc::new(Direct(Mutex::default(), agent)), store.clone(), terms(), clock(), options)
}

fn some_key() -> AuditKey {
    let trigger = Trigger::Request { request: "r".into(), subject: "ada".into() };
    AuditKey { run: trigger.run(&id()), cluster: id() }
}

async fn collect(sources: &Sources, source: ClusterSource) -> Result<Collected, AuditError> {
    soon(sources.collect(&entry(id(), source), &some_key(), &|_: Progress| {})).await
}

fn called() -> ClusterSource {
    ClusterSource::Agent { address: "https://agent.example:7443".into(), spiffe_id: String::new() }
}

#[tokio::test]
async fn the_service_calls_an_agent_and_keeps_what_it_states_itself() {
    let address = serve_agent(agent(&cluster(3)), Some(own())).await;
    let store = Arc::new(Store::default());
    let told = Mutex::new(0);
    let sources = sources(Some(address), &store, |_| {});
    let told_one = |_: Progress| *told.lock().unwrap() += 1;
    let collected = soon(sources.collect(&entry(id(), called()), &some_key(), &told_one)).await.unwrap();
    let Collected::Snapshot(bytes) = collected else { panic!("awaited") };
    let (snapshot, _) = Snapshot::read(unpack(&bytes).as_slice()).unwrap();
    assert_eq!(snapshot.records.len(), 4);
    let facts = snapshot.header.cluster;
    assert_eq!((facts.name.as_str(), facts.platform_reason.as_str()), ("The shop", "given"));
    assert!(*told.lock().unwrap() >= 2);
}

/// An agent that sends what it likes.
struct Rogue(Vec<collect_response::Part>);

#[tonic::async_trait]
impl CollectorService for Rogue {
    type CollectStream = futures::stream::Iter<std::vec::IntoIter<Result<v1::CollectResponse, Status>>>;

    async fn collect(&self, _: Request<v1::CollectRequest>) -> Result<Response<Self::CollectStream>, Status> {
        let parts: Vec<_> =
            self.0.iter().map(|part| Ok(v1::CollectResponse { part: Some(part.clone()) })).collect();
        Ok(Response::new(futures::stream::iter(parts)))
    }
}

async fn rogue(parts: Vec<collect_response::Part>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = tonic::transport::Server::builder().add_service(CollectorServiceServer::new(Rogue(parts)));
    tokio::spawn(server.serve_with_incoming(incoming));
    address
}

#[tokio::test]
async fn what_a_rogue_agent_sends_fails_its_audit_with_a_reason() {
    use collect_response::Part::{Chunk, End};
    let good = pack(&honest());
    let end =
        |bytes: &[u8]| v1::SnapshotEnd { size: bytes.len() as u64, digest: Digest::of(bytes).to_string() };
    let foreign = pack(&snapshots::lines(
        |header| header["cluster"]["id"] = "other".into(),
        &serde_json::json!({}),
        &[],
    ));
    let bomb = snapshots::run_of(0, 1000);
    let cases = [
        (vec![], "ended before its snapshot"),
        (vec![Chunk(good.clone())], "ended before its snapshot"),
        (
            vec![Chunk(good.clone()), End(v1::SnapshotEnd { size: 1, ..end(&good) })],
            "bytes came, the end says 1",
        ),
        (
            vec![Chunk(good.clone()), End(v1::SnapshotEnd { digest: "sha256:0".into(), ..end(&good) })],
            "not to what the end says",
        ),
        (vec![Chunk(foreign.clone()), End(end(&foreign))], "of cluster `other`"),
        (vec![Chunk(vec![0; (64 << 10) + 1])], "a chunk is larger than"),
        (vec![Chunk(bomb.clone()), End(end(&bomb))], "a header is longer than"),
        (
            vec![Chunk(good[..good.len() / 2].to_vec()), End(end(&good[..good.len() / 2]))],
            "not one whole zstd",
        ),
    ];
    let store = Arc::new(Store::default());
    for (parts, reason) in cases {
        let sources = sources(Some(rogue(parts).await), &store, |_| {});
        let error = collect(&sources, called()).await.unwrap_err();
        let AuditError::Failed { reason: given, .. } = error else { panic!("{error}") };
        assert!(given.contains(reason), "{given}");
    }
    let good_one = rogue(vec![Chunk(good.clone()), End(end(&good))]).await;
    assert!(collect(&sources(Some(good_one), &store, |_| {}), called()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_there_is_called_a_few_times_and_fails_the_audit() {
    let dial = Arc::new(Direct(Mutex::default(), None));
    let store = Arc::new(Store::default());
    let options = SourceOptions {
        collector: String::new(),
        user_agent: String::new(),
        kubeconfig: None,
        may_read_clusters: false,
        manifest_folders: vec![],
        live: LiveOptions::default(),
        bounds: Bounds::default(),
    };
    let sources = Sources::new(dial.clone(), store, terms(), clock(), options);
    let source = ClusterSource::Agent { address: "https://a:1".into(), spiffe_id: "spiffe://x/agent".into() };
    let error = sources.collect(&entry(id(), source), &some_key(), &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "the agent cannot be reached");
    let dialled = dial.0.lock().unwrap().clone();
    assert_eq!(dialled, vec![("https://a:1".to_owned(), "spiffe://x/agent".to_owned()); 4]);
}

#[tokio::test]
async fn a_cluster_that_is_pushed_is_awaited_until_its_snapshot_is_there() {
    let store = Arc::new(Store::default());
    let sources = sources(None, &store, |_| {});
    let key = store.ordered(&id(), "r");
    assert_eq!(collect(&sources, ClusterSource::Push).await.unwrap(), Collected::Awaited);
    let bytes = bytes::Bytes::from_static(b"x");
    hexproof_core::port::Runs::put_snapshot(store.as_ref(), &key, bytes.clone()).await.unwrap();
    assert_eq!(collect(&sources, ClusterSource::Push).await.unwrap(), Collected::Snapshot(bytes));
    *store.down.lock().unwrap() = true;
    let down = collect(&sources, ClusterSource::Push).await.unwrap_err();
    assert!(matches!(down, AuditError::Retry { .. }), "{down}");
}

#[tokio::test]
async fn manifests_are_read_below_the_folders_of_the_service_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    let pod = snapshots::pod("web");
    std::fs::write(folder.path().join("shop/web.json"), pod).unwrap();
    let store = Arc::new(Store::default());
    let folders: Vec<PathBuf> = vec![folder.path().to_owned()];
    let allowed = sources(None, &store, |options| options.manifest_folders = folders);
    let manifests = |path: &str| ClusterSource::Manifests { path: path.into() };
    let Collected::Snapshot(bytes) = collect(&allowed, manifests("shop")).await.unwrap() else { panic!() };
    let (snapshot, _) = Snapshot::read(unpack(&bytes).as_slice()).unwrap();
    assert_eq!((snapshot.records.len(), snapshot.header.origin), (1, Source::Manifests));
    assert_eq!(snapshot.header.cluster.id, UID);
    for outside in ["../x", "/etc", "absent"] {
        let error = collect(&allowed, manifests(outside)).await.unwrap_err().to_string();
        assert!(error.contains("is not below a folder of the service"), "{error}");
    }
    let none = sources(None, &store, |_| {});
    let error = collect(&none, manifests("shop")).await.unwrap_err().to_string();
    assert_eq!(error, "the service was started without a folder for manifests");
}

#[tokio::test]
async fn a_kubeconfig_reads_the_registered_cluster_and_no_other() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = cluster(2);
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
    let store = Arc::new(Store::default());
    let reading = sources(None, &store, |options| {
        options.kubeconfig = Some(kubeconfig);
        options.may_read_clusters = true;
    });
    let by = || ClusterSource::Kubeconfig { context: "test".into() };
    let Collected::Snapshot(bytes) = collect(&reading, by()).await.unwrap() else { panic!() };
    assert_eq!(Snapshot::read(unpack(&bytes).as_slice()).unwrap().0.records.len(), 3);
    let other: ClusterId = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let error = reading.collect(&entry(other, by()), &some_key(), &|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("is not that of cluster"), "{error}");
    let refused = collect(&sources(None, &store, |_| {}), by()).await.unwrap_err().to_string();
    assert!(refused.contains("without a kubeconfig"), "{refused}");
}

#[tokio::test]
async fn settings_that_cannot_be_read_fail_the_audit() {
    let sources = sources(None, &Arc::new(Store::default()), |_| {});
    let broken = hexproof_core::register::ClusterEntry {
        settings: "broken".into(),
        ..entry(id(), ClusterSource::Push)
    };
    let error = sources.collect(&broken, &some_key(), &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "they are broken");
}

fn header(audit: &str, request: &str) -> Part {
    Part::Header(v1::SubmissionHeader {
        cluster_id: UID.into(),
        audit_id: audit.into(),
        request_id: request.into(),
    })
}

fn whole(bytes: &[u8]) -> Vec<Part> {
    let mut parts: Vec<Part> = bytes.chunks(64 << 10).map(|piece| Part::Chunk(piece.to_vec())).collect();
    let digest = Digest::of(bytes).to_string();
    parts.push(Part::End(v1::SnapshotEnd { size: bytes.len() as u64, digest }));
    parts
}

async fn submit(service: &Service, parts: Vec<Part>) -> Result<String, Status> {
    let parts: Vec<_> =
        parts.into_iter().map(|part| v1::SubmitSnapshotRequest { part: Some(part) }).collect();
    let mut client = service.client().await;
    let answer = soon(client.submit_snapshot(futures::stream::iter(parts))).await?;
    Ok(answer.into_inner().audit_id)
}

fn with(first: Part, rest: Vec<Part>) -> Vec<Part> {
    std::iter::once(first).chain(rest).collect()
}

#[tokio::test]
async fn an_asked_and_an_unasked_delivery_let_their_audits_go_on() {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let key = service.store.ordered(&id(), "ci-1");
    let bytes = pack(&honest());
    let answer = submit(&service, with(header(&key.run.to_string(), ""), whole(&bytes))).await.unwrap();
    assert_eq!(answer, key.run.to_string());
    let stored = service.store.snapshot_of(&key).unwrap();
    assert_eq!(Snapshot::read(unpack(&stored).as_slice()).unwrap().0.records.len(), 2);

    let unasked = submit(&service, with(header("", "interval-7"), whole(&bytes))).await.unwrap();
    let repeated = submit(&service, with(header("", "interval-7"), whole(&bytes))).await.unwrap();
    assert_eq!(unasked, repeated);
    let submissions = service.store.audits().into_iter().filter(|audit| {
        matches!(&audit.order.trigger, Trigger::Submission { request, subject }
            if request == "interval-7" && *subject == own().subject)
    });
    assert_eq!(submissions.count(), 1);
    assert_eq!(service.store.arrived().len(), 3);
}

#[tokio::test]
async fn a_delivery_is_refused_by_who_brings_it_and_what_it_is_for() {
    let bytes = pack(&honest());
    let code = |answer: Result<String, Status>| answer.unwrap_err().code();
    for (caller, expected) in [
        (None, Code::Unauthenticated),
        (Some(caller(&[Role::Admin, Role::Operator, Role::Auditor], Clusters::All)), Code::PermissionDenied),
        (
            Some(caller(&[Role::Collector], Clusters::Only(BTreeSet::from(["other".parse().unwrap()])))),
            Code::PermissionDenied,
        ),
    ] {
        let service = Service::start(caller, Bounds::default()).await;
        assert_eq!(code(submit(&service, with(header("", "r"), whole(&bytes))).await), expected);
        let awaiting = v1::AwaitCollectionsRequest { cluster_id: UID.into() };
        let waited = service.client().await.await_collections(awaiting).await;
        assert_eq!(waited.map(|_| ()).unwrap_err().code(), expected);
        assert!(service.store.audits().is_empty());
    }

    let service = Service::start(Some(caller(&[Role::Collector], Clusters::All)), Bounds::default()).await;
    let ended = service.store.ordered(&id(), "ended");
    service.store.fail(&ended);
    let cancelled = service.store.ordered(&id(), "cancelled");
    let waiting = service.store.ordered(&id(), "waiting");
    hexproof_core::port::Runs::request_cancel(service.store.as_ref(), &cancelled, "ada", now())
        .await
        .unwrap();
    service.store.register(entry("called".parse().unwrap(), called()));
    let unknown = "00000000-0000-4000-8000-000000000000";
    let named = |cluster: &str| {
        Part::Header(v1::SubmissionHeader {
            cluster_id: cluster.into(),
            request_id: "r".into(),
            ..Default::default()
        })
    };
    let run = waiting.run.to_string();
    let part = |index: usize| whole(&bytes).remove(index);
    let cases: Vec<(&str, Vec<Part>, Code)> = vec![
        ("nothing", vec![], Code::InvalidArgument),
        ("no header", whole(&bytes), Code::InvalidArgument),
        ("a header twice", vec![header(&run, ""), header(&run, "")], Code::InvalidArgument),
        ("no end", vec![header(&run, ""), part(0)], Code::InvalidArgument),
        (
            "behind the end",
            with(header(&run, ""), [whole(&bytes), vec![part(0)]].concat()),
            Code::InvalidArgument,
        ),
        ("both ids", with(header(&run, "r"), whole(&bytes)), Code::InvalidArgument),
        ("no id", with(header("", ""), whole(&bytes)), Code::InvalidArgument),
        ("an id that is none", with(header("../x", ""), whole(&bytes)), Code::InvalidArgument),
        ("a cluster that is none", vec![named("../x")], Code::InvalidArgument),
        ("an unknown cluster", vec![named("unknown")], Code::NotFound),
        ("a cluster that is called", vec![named("called")], Code::FailedPrecondition),
        ("an unknown audit", with(header(unknown, ""), whole(&bytes)), Code::NotFound),
        ("an ended audit", with(header(&ended.run.to_string(), ""), whole(&bytes)), Code::FailedPrecondition),
        (
            "a cancelled audit",
            with(header(&cancelled.run.to_string(), ""), whole(&bytes)),
            Code::FailedPrecondition,
        ),
        (
            "an empty chunk alone",
            vec![header(&run, ""), Part::Chunk(vec![]), whole(&[]).remove(0)],
            Code::InvalidArgument,
        ),
    ];
    for (name, parts, expected) in cases {
        let status = submit(&service, parts).await.unwrap_err();
        assert_eq!(status.code(), expected, "{name}: {}", status.message());
    }
    assert!(service.store.arrived().is_empty());
    // After all that, the audit still waits and takes the right one.
    submit(&service, with(header(&run, ""), whole(&bytes))).await.unwrap();

    *service.store.down.lock().unwrap() = true;
    assert_eq!(code(submit(&service, with(header("", "r"), whole(&bytes))).await), Code::Unavailable);
}

#[tokio::test]
async fn a_second_delivery_of_a_cluster_waits_for_nobody() {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let (sender, parts) = tokio::sync::mpsc::channel(2);
    let send = |part| sender.send(v1::SubmitSnapshotRequest { part: Some(part) });
    let mut client = service.client().await;
    send(header("", "slow")).await.unwrap();
    let mut slow = Box::pin(client.submit_snapshot(tokio_stream::wrappers::ReceiverStream::new(parts)));
    let bytes = pack(&honest());
    let refused = async {
        loop {
            tokio::select! {
                answer = &mut slow => panic!("{answer:?}"),
                answer = submit(&service, with(header("", "fast"), whole(&bytes))) => match answer {
                    // The slow one had not begun.
                    Ok(_) => continue,
                    Err(status) => return status,
                },
            }
        }
    };
    assert_eq!(soon(refused).await.code(), Code::ResourceExhausted);
    drop(slow);
    // One that went away leaves its place.
    let taken = async {
        while submit(&service, with(header("", "fast"), whole(&bytes))).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(taken).await;
}

struct Again(SocketAddr, Mutex<u32>);

#[async_trait]
impl Connect for Again {
    async fn connect(&self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        let count = {
            let mut count = self.1.lock().unwrap();
            *count += 1;
            *count
        };
        if count == 1 {
            return Err("not yet".into());
        }
        Ok(channel(self.0).await)
    }
}

fn quick() -> PushOptions {
    PushOptions { first_wait: Duration::from_millis(5), ..PushOptions::default() }
}

#[tokio::test]
async fn an_agent_that_dials_out_delivers_what_is_asked_for_and_asks_nothing_twice() {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let cluster = cluster(5);
    let connect = Arc::new(Again(service.address, Mutex::new(0)));
    let stop = CancellationToken::new();
    let pushing = tokio::spawn(push::run(agent(&cluster), connect.clone(), clock(), quick(), stop.clone()));
    let polling = tokio::spawn({
        let (board, stop) = (service.board.clone(), stop.clone());
        async move { board.run(stop).await }
    });
    let first = service.store.ordered(&id(), "ci-1");
    soon(service.store.arrival.notified()).await;
    assert_eq!(service.store.arrived(), std::slice::from_ref(&first));
    let stored = service.store.snapshot_of(&first).unwrap();
    let (snapshot, _) = Snapshot::read(unpack(&stored).as_slice()).unwrap();
    assert_eq!((snapshot.records.len(), snapshot.header.cluster.name.as_str()), (6, "The shop"));
    // The first audit is still unfinished, and is not asked for again beside the second one.
    let second = service.store.ordered(&id(), "ci-2");
    soon(service.store.arrival.notified()).await;
    assert_eq!(service.store.arrived(), [first, second]);
    assert_eq!(*connect.1.lock().unwrap(), 2, "one failure and one connection");
    stop.cancel();
    soon(pushing).await.unwrap();
    soon(polling).await.unwrap();
}

#[tokio::test]
async fn an_agent_delivers_unasked_once_an_interval_across_new_connections() {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let connect = Arc::new(Again(service.address, Mutex::new(0)));
    let stop = CancellationToken::new();
    let options = PushOptions {
        interval: Some(Duration::from_secs(3600)),
        // A connection is opened anew all the time, with the certificate of then.
        renew: Duration::from_millis(20),
        ..quick()
    };
    let pushing =
        tokio::spawn(push::run(agent(&cluster(1)), connect.clone(), clock(), options, stop.clone()));
    soon(service.store.arrival.notified()).await;
    let renewed = async {
        while *connect.1.lock().unwrap() < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(renewed).await;
    let audits = service.store.audits();
    assert_eq!(audits.len(), 1, "{audits:?}");
    let Trigger::Submission { request, .. } = &audits[0].order.trigger else { panic!() };
    assert_eq!(*request, format!("interval-{}", now().as_second() / 3600));
    stop.cancel();
    soon(pushing).await.unwrap();
}

#[tokio::test]
async fn waiting_streams_end_when_the_service_goes_down() {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let awaiting = v1::AwaitCollectionsRequest { cluster_id: UID.into() };
    let mut waiting = service.client().await.await_collections(awaiting).await.unwrap().into_inner();
    service.stop.cancel();
    assert!(soon(waiting.message()).await.unwrap().is_none());
}
