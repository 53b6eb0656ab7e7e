//! AuditService as its clients see it, with workers in the same process.
#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use hexproof_api::v1;
use hexproof_api::v1::audit_service_server::AuditService as _;
use hexproof_core::access::{Authentication, Caller, Clusters, Role, Scope, Trail};
use hexproof_core::audit::{AuditKey, Ending, Progress, Stage};
use hexproof_core::id::RecordId;
use hexproof_core::port::{Audits as _, Records, Register, Runs, StartError, StorageError};
use hexproof_core::register::{ClusterEntry, ClusterSource, RecordKind, Version};
use hexproof_scheduler::bus::{Bus, Live, LocalBus, News, Signal};
use hexproof_scheduler::dispatch::Dispatcher;
use hexproof_scheduler::grpc::audits::AuditApi;
use hexproof_scheduler::queue::{LocalQueue, Queue};
use hexproof_scheduler::worker::Workers;
use hexproof_testkit::MemoryRuns;
use serde_json::Value;
use support::work::{Act, Work, success};
use support::{all_ended, clock, limits, now, order, order_all, until};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

/// A register of the clusters `shop`, `bank` and, retired, `attic`.
struct Registered;

#[async_trait]
impl Records for Registered {
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        assert_eq!(kind, RecordKind::Clusters);
        if !["shop", "bank", "attic"].contains(&id.as_str()) {
            return Ok(None);
        }
        let entry = ClusterEntry {
            id: id.as_str().parse().unwrap(),
            display_name: id.to_string(),
            labels: Default::default(),
            platform: None,
            source: ClusterSource::Push,
            settings: String::new(),
            retired: id.as_str() == "attic",
        };
        let value = serde_json::to_value(entry).unwrap();
        let changed_by = "ada".to_owned();
        Ok(Some(Version { number: 1, changed_by, changed_at: now(), request: String::new(), value }))
    }

    async fn all_json(&self, _: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        Ok(Vec::new())
    }

    async fn history_json(&self, _: RecordKind, _: &RecordId) -> Result<Vec<Version<Value>>, StorageError> {
        Ok(Vec::new())
    }

    async fn put_json(&self, _: RecordKind, _: &RecordId, _: Version<Value>) -> Result<(), StorageError> {
        Err(StorageError::Conflict)
    }

    async fn refresh(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

struct Server {
    runs: MemoryRuns,
    queue: Arc<LocalQueue>,
    bus: Arc<dyn Bus>,
    api: AuditApi,
    live: Arc<Live>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Server {
    fn start() -> Self {
        let (runs, queue) = (MemoryRuns::new(), Arc::new(LocalQueue::default()));
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
        let store: Arc<dyn Runs> = Arc::new(runs.clone());
        let live = Arc::new(Live::new(store.clone(), clock()));
        let register = Register::new(Arc::new(Registered));
        let audits = Arc::new(Dispatcher::new(register, store.clone(), queue.clone(), clock()));
        let stop = CancellationToken::new();
        let api = AuditApi::new(audits, store, live.clone(), bus.clone(), clock(), stop.clone());
        let mut tasks = JoinSet::new();
        let (listening, heard, token) = (live.clone(), bus.clone(), stop.clone());
        tasks.spawn(async move { listening.run(heard, token).await });
        Self { runs, queue, bus, api, live, stop, tasks }
    }

    fn work(&mut self, act: Act) -> Arc<Work> {
        let runs: Arc<dyn Runs> = Arc::new(self.runs.clone());
        let work = Work::new(runs.clone(), move |_, _| act);
        let workers =
            Workers::new(self.queue.clone(), runs, work.clone(), self.bus.clone(), clock(), limits());
        let stop = self.stop.clone();
        self.tasks.spawn(async move { workers.run(stop).await });
        work
    }

    async fn start_audit(&self, cluster: &str, request: &str) -> Result<v1::Audit, Status> {
        let message = v1::StartAuditRequest { cluster_id: cluster.into(), request_id: request.into() };
        let response = self.api.start_audit(by(Scope::ALL, message)).await?;
        Ok(response.into_inner().audit.unwrap())
    }

    async fn list(
        &self,
        scope: Scope,
        request: v1::ListAuditsRequest,
    ) -> Result<v1::ListAuditsResponse, Status> {
        Ok(self.api.list_audits(by(scope, request)).await?.into_inner())
    }

    async fn watch(
        &self,
        key: &AuditKey,
        interval: Option<Duration>,
    ) -> impl futures::Stream<Item = Result<v1::WatchAuditResponse, Status>> + Unpin + Send + use<> {
        let min_interval = interval.map(|interval| interval.try_into().unwrap());
        let (cluster_id, audit_id) = (key.cluster.to_string(), key.run.to_string());
        let message = v1::WatchAuditRequest { cluster_id, audit_id, min_interval };
        self.api.watch_audit(by(Scope::ALL, message)).await.unwrap().into_inner()
    }

    async fn say(&self, key: &AuditKey, stage: Stage, done: u64) {
        let news = News::Progress(Progress { stage, done, total: 100 });
        // Again until it is heard: the server may not listen yet.
        let heard = || async {
            self.bus.say(Signal { key: key.clone(), news }).await;
            tokio::task::yield_now().await;
            self.live.progress(key).is_some_and(|seen| (seen.stage, seen.done) == (stage, done))
        };
        until("the progress is heard", heard).await;
    }
}

fn by<T>(scope: Scope, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        subject: "ada".into(),
        authentication: Authentication::Dev,
        roles: [Role::Admin].into(),
        scope,
    });
    request.extensions_mut().insert(Trail::default());
    request
}

fn shop() -> Scope {
    Scope::cluster("shop".parse().unwrap())
}

fn get(key: &AuditKey) -> v1::GetAuditRequest {
    let (cluster_id, audit_id) = (key.cluster.to_string(), key.run.to_string());
    v1::GetAuditRequest { cluster_id, audit_id, read_mask: None }
}

fn code<T>(result: Result<T, Status>) -> Code {
    result.map(|_| ()).map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn a_request_id_starts_one_audit_of_each_cluster() {
    let server = Server::start();
    let first = server.start_audit("shop", "ci-1").await.unwrap();
    let second = server.start_audit("shop", "ci-1").await.unwrap();
    let other = server.start_audit("bank", "ci-1").await.unwrap();
    assert_eq!((first.audit_id.clone(), first.state()), (second.audit_id, v1::AuditState::Queued));
    assert_ne!(first.audit_id, other.audit_id);
    assert_eq!(server.runs.all().len(), 2);
    assert_eq!(server.queue.holds().await.unwrap().len(), 2);
}

#[tokio::test]
async fn only_registered_clusters_are_audited_and_bad_fields_are_named() {
    let server = Server::start();
    for cluster in ["nowhere", "attic"] {
        assert_eq!(code(server.start_audit(cluster, "1").await), Code::NotFound, "{cluster}");
    }
    for (cluster, request) in [("../x", "1"), ("", "1"), ("shop", ""), ("shop", "a b")] {
        let refused = server.start_audit(cluster, request).await;
        assert_eq!(code(refused), Code::InvalidArgument, "{cluster:?} {request:?}");
    }
    assert!(server.runs.all().is_empty());
    let stranger = Request::new(v1::StartAuditRequest::default());
    assert_eq!(code(server.api.start_audit(stranger).await), Code::Unauthenticated);
}

#[tokio::test]
async fn what_is_touched_is_said_for_the_access_log() {
    let server = Server::start();
    let message = v1::StartAuditRequest { cluster_id: "shop".into(), request_id: "1".into() };
    let request = by(shop(), message);
    let trail = request.extensions().get::<Trail>().unwrap().clone();
    let audit = server.api.start_audit(request).await.unwrap().into_inner().audit.unwrap();
    assert_eq!(trail.touched(), (Some("shop".parse().unwrap()), audit.audit_id));
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_and_a_queue_that_is_full_is_not() {
    let server = Server::start();
    server.runs.set_down(true);
    assert_eq!(code(server.start_audit("shop", "1").await), Code::Unavailable);
    server.runs.set_down(false);
    let queue: Arc<dyn Queue> = Arc::new(LocalQueue::new(0));
    let runs: Arc<dyn Runs> = Arc::new(server.runs.clone());
    let audits = Dispatcher::new(Register::new(Arc::new(Registered)), runs, queue, clock());
    let wanted = order("shop", "1");
    let record = audits.start(&wanted.key.cluster, wanted.trigger.clone()).await.unwrap();
    assert_eq!(record.order, wanted);
    assert_eq!(server.runs.unfinished().await.unwrap().len(), 1);
    let nowhere = "nowhere".parse().unwrap();
    let refused = audits.start(&nowhere, wanted.trigger).await;
    assert!(matches!(refused, Err(StartError::NotRegistered(cluster)) if cluster == nowhere));
}

#[tokio::test]
async fn beyond_the_scope_nothing_is_told() {
    let server = Server::start();
    let bank = order("bank", "1");
    server.runs.order(&bank).await.unwrap();
    let refused = server.api.get_audit(by(shop(), get(&bank.key))).await;
    assert_eq!(code(refused), Code::PermissionDenied);
    let unknown = server.api.get_audit(by(shop(), get(&order("nowhere", "1").key))).await;
    assert_eq!(code(unknown), Code::PermissionDenied, "whether it exists or not");
    let cancel = v1::CancelAuditRequest { cluster_id: "bank".into(), audit_id: bank.key.run.to_string() };
    assert_eq!(code(server.api.cancel_audit(by(shop(), cancel)).await), Code::PermissionDenied);
    assert_eq!(server.runs.all()[0].cancel_requested, None);

    let ended = order("shop", "1");
    server.runs.order(&ended).await.unwrap();
    server.runs.end(&ended.key, &success(), now()).await.unwrap();
    let later = Scope { from: Some(now() + Duration::from_secs(1)), ..shop() };
    let outside = server.api.get_audit(by(later.clone(), get(&ended.key))).await.unwrap_err();
    let unknown = server.api.get_audit(by(shop(), get(&order("shop", "2").key))).await.unwrap_err();
    assert_eq!((outside.code(), unknown.code()), (Code::NotFound, Code::NotFound));
    assert_eq!(
        outside.message().replace(&ended.key.run.to_string(), ""),
        unknown.message().replace(&order("shop", "2").key.run.to_string(), "")
    );
    assert!(server.list(later, Default::default()).await.unwrap().audits.is_empty());
    let all = server.list(Scope::ALL, Default::default()).await.unwrap();
    let own = server.list(shop(), Default::default()).await.unwrap();
    assert_eq!((all.audits.len(), own.audits.len()), (2, 1));
    assert!(server.list(Scope::none(), Default::default()).await.unwrap().audits.is_empty());
}

#[tokio::test]
async fn a_list_has_pages_states_and_masks() {
    let server = Server::start();
    let keys = order_all(&server.runs, 12).await;
    for key in &keys[..4] {
        let failed = Ending::Failed { reason: "it rained".into() };
        server.runs.end(key, &failed, now()).await.unwrap();
    }
    server.say(&keys[5], Stage::Scoring, 1).await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListAuditsRequest { page_size: 5, page_token: token.clone(), ..Default::default() };
        let page = server.list(Scope::ALL, request).await.unwrap();
        assert!(page.audits.len() <= 5);
        seen.extend(page.audits.into_iter().map(|audit| audit.audit_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 12);

    for (state, count) in
        [(v1::AuditState::Failed, 4), (v1::AuditState::Running, 1), (v1::AuditState::Queued, 7)]
    {
        let states = vec![state.into()];
        let request = v1::ListAuditsRequest { page_size: 50, states, ..Default::default() };
        let page = server.list(Scope::ALL, request).await.unwrap();
        assert_eq!(page.audits.len(), count, "{state:?}");
        assert!(page.audits.iter().all(|audit| audit.state() == state));
    }
    let paths = vec!["state".to_owned()];
    let read_mask = Some(prost_types::FieldMask { paths });
    let page = server.list(Scope::ALL, v1::ListAuditsRequest { read_mask, ..Default::default() }).await;
    let audit = page.unwrap().audits.remove(0);
    assert_eq!(audit, v1::Audit { state: audit.state, ..Default::default() });

    let wrong = [
        v1::ListAuditsRequest { page_size: -1, ..Default::default() },
        v1::ListAuditsRequest { page_token: "x.y".into(), ..Default::default() },
        v1::ListAuditsRequest { states: vec![0], ..Default::default() },
        v1::ListAuditsRequest { states: vec![99], ..Default::default() },
        v1::ListAuditsRequest { cluster_id: "A/B".into(), ..Default::default() },
    ];
    for request in wrong {
        assert_eq!(
            code(server.list(Scope::ALL, request.clone()).await),
            Code::InvalidArgument,
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_watch_begins_with_the_present_and_ends_with_the_ending() {
    let mut server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    let mut watch = server.watch(&key, None).await;
    let first = watch.next().await.unwrap().unwrap();
    assert!(first.at.is_some());
    assert_eq!(first.audit.unwrap().state(), v1::AuditState::Queued);
    let work = server.work(Act::Wait);
    let running = loop {
        let audit = watch.next().await.unwrap().unwrap().audit.unwrap();
        if audit.stage() == v1::AuditStage::Rendering {
            break audit;
        }
    };
    assert_eq!((running.state(), running.done, running.total), (v1::AuditState::Running, 1, 2));
    work.release(1);
    let rest: Vec<_> = watch.map(|response| response.unwrap().audit.unwrap()).collect().await;
    assert_eq!(rest.last().unwrap().state(), v1::AuditState::Succeeded);
    // Whoever comes back after the end gets it at once.
    let again: Vec<_> = server.watch(&key, None).await.collect().await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].as_ref().unwrap().audit.as_ref().unwrap().state(), v1::AuditState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn within_a_stage_messages_keep_their_distance_and_the_newest_counts() {
    let server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    let mut watch = server.watch(&key, Some(Duration::from_secs(2))).await;
    watch.next().await.unwrap().unwrap();
    server.say(&key, Stage::Collecting, 1).await;
    let audit = watch.next().await.unwrap().unwrap().audit.unwrap();
    assert_eq!((audit.stage(), audit.done), (v1::AuditStage::Collecting, 1), "at once");
    let sent = tokio::time::Instant::now();
    for done in 2..50 {
        server.say(&key, Stage::Collecting, done).await;
    }
    let audit = watch.next().await.unwrap().unwrap().audit.unwrap();
    assert!(sent.elapsed() >= Duration::from_secs(2) - Duration::from_millis(600), "{:?}", sent.elapsed());
    assert_eq!(audit.done, 49);
    server.say(&key, Stage::Scoring, 0).await;
    let sent = tokio::time::Instant::now();
    let audit = watch.next().await.unwrap().unwrap().audit.unwrap();
    assert_eq!(audit.stage(), v1::AuditStage::Scoring);
    assert!(sent.elapsed() < Duration::from_secs(1), "another stage is sent at once");
}

#[tokio::test(start_paused = true)]
async fn an_ending_that_nobody_announced_is_seen() {
    let server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    let watch = server.watch(&key, None).await;
    server.runs.end(&key, &success(), now()).await.unwrap();
    let all: Vec<_> = watch.map(|response| response.unwrap().audit.unwrap().state()).collect().await;
    assert_eq!(all, [v1::AuditState::Queued, v1::AuditState::Succeeded]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_watch_one_audit_by_one_read_of_the_store() {
    let mut server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    let mut watches = JoinSet::new();
    for _ in 0..500 {
        let watch = server.watch(&key, None).await;
        watches.spawn(watch.fold(None, |_, response| async { Some(response.unwrap()) }));
    }
    let before = server.runs.calls();
    server.work(Act::Succeed);
    all_ended(&server.runs).await;
    while let Some(last) = watches.join_next().await {
        let last = last.unwrap().unwrap().audit.unwrap();
        assert_eq!(last.state(), v1::AuditState::Succeeded);
    }
    // The test itself, the workers and one read for all.
    assert!(server.runs.calls() - before < 200, "{} calls", server.runs.calls() - before);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    let mut watch = server.watch(&key, None).await;
    watch.next().await.unwrap().unwrap();
    server.stop.cancel();
    assert_eq!(code(watch.next().await.unwrap()), Code::Unavailable);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_cancelled_audit_ends_wherever_it_is() {
    let mut server = Server::start();
    let work = server.work(Act::Await);
    let cancel = |request: &str| {
        let key = order("shop", request).key;
        v1::CancelAuditRequest { cluster_id: "shop".into(), audit_id: key.run.to_string() }
    };
    // In nobody's hands: it waits for its snapshot.
    server.start_audit("shop", "waits").await.unwrap();
    let idle = || async { work.begun().len() == 1 && server.queue.holds().await.unwrap().is_empty() };
    until("it waits", idle).await;
    server.api.cancel_audit(by(shop(), cancel("waits"))).await.unwrap();
    all_ended(&server.runs).await;
    let (ending, _) = server.runs.all().remove(0).ended.unwrap();
    assert_eq!(ending, Ending::Cancelled { subject: "ada".into() });
    // One that has ended is returned as it is.
    let again = server.api.cancel_audit(by(shop(), cancel("waits"))).await.unwrap().into_inner();
    assert_eq!(again.audit.unwrap().state(), v1::AuditState::Cancelled);
    assert_eq!(code(server.api.cancel_audit(by(shop(), cancel("unknown"))).await), Code::NotFound);
    let period = Scope { clusters: Clusters::All, from: Some(now()), until: Some(now()) };
    assert_eq!(code(server.api.cancel_audit(by(period, cancel("waits"))).await), Code::NotFound);
}

#[tokio::test]
async fn a_bad_interval_is_refused() {
    let server = Server::start();
    let key = order("shop", "1").key;
    server.start_audit("shop", "1").await.unwrap();
    for (seconds, nanos) in [(-1, 0), (3601, 0), (0, -1), (i64::MAX, 0)] {
        let min_interval = Some(prost_types::Duration { seconds, nanos });
        let (cluster_id, audit_id) = ("shop".to_owned(), key.run.to_string());
        let message = v1::WatchAuditRequest { cluster_id, audit_id, min_interval };
        let refused = server.api.watch_audit(by(shop(), message)).await;
        assert_eq!(code(refused), Code::InvalidArgument, "{seconds} {nanos}");
    }
}
