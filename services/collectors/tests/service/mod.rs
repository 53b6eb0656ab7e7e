//! The service around the collectors, in memory: audits, registrations, connections on loopback.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use hexproof_api::v1::intake_service_client::IntakeServiceClient;
use hexproof_collectors::{
    agent::{Agent, AgentOptions, grpc::Collector},
    intake::{Board, Intake, IntakeParts},
    live::{Api, LiveOptions, SecretsMode},
    received::Bounds,
    source::{ReadTerms, Terms},
};
use hexproof_core::access::{Authentication, Caller, Clusters, Role, Scope};
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending, Trigger};
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::port::{
    Audits, Cursor, FixedClock, Ordered, Page, Records, Register, Runs, StartError, StorageError,
};
use hexproof_core::register::{ClusterEntry, ClusterSource, RecordKind, Version};
use hexproof_testkit::FakeCluster;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, transport::Channel};
use tower::ServiceExt;

pub const UID: &str = "3f1e9f6e-6b6b-4c57-9d8e-0a4d2f3b1c5d";

pub fn id() -> ClusterId {
    UID.parse().unwrap()
}

pub fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

pub fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock(now()))
}

/// A cluster with pods that hold what must not leave it.
pub fn cluster(pods: usize) -> FakeCluster {
    let system =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": UID}});
    (0..pods).fold(FakeCluster::new().with(system), |cluster, number| {
        cluster.with(
            json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{number:05}"), "namespace": "shop", "uid": format!("uid-{number}"),
                "annotations": {"example.com/note": "s3cr3t-note", "example.com/team": "blue"}},
            "spec": {"containers": [{"name": "c", "image": format!("registry.example/{number}"),
                "env": [{"name": "PASSWORD", "value": "hunter2"}]}]}}),
        )
    })
}

pub fn api(cluster: &FakeCluster) -> Api {
    let service =
        cluster.router().map_request(|request: http::Request<kube::client::Body>| request.map(Body::new));
    Api::Live(kube::Client::new(service, "default"))
}

pub fn agent(cluster: &FakeCluster) -> Arc<Agent> {
    agent_with(cluster, 4)
}

pub fn agent_with(cluster: &FakeCluster, waiting: usize) -> Arc<Agent> {
    let live = LiveOptions { tries: 1, ..LiveOptions::default() };
    let options = AgentOptions { cluster: None, collector: "hexproof test".into(), live, waiting };
    Agent::new(api(cluster), clock(), options)
}

pub fn caller(roles: &[Role], clusters: Clusters) -> Caller {
    Caller {
        subject: format!("spiffe://example.org/cluster/{UID}/collector"),
        authentication: Authentication::Mtls,
        roles: roles.iter().copied().collect(),
        scope: Scope { clusters, ..Scope::ALL },
    }
}

pub fn own() -> Caller {
    caller(&[Role::Collector], Clusters::Only(BTreeSet::from([id()])))
}

/// Puts a caller beside each request, as the layer of access does.
fn with(caller: Option<Caller>) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + Send {
    move |mut request| {
        if let Some(caller) = &caller {
            request.extensions_mut().insert(caller.clone());
        }
        Ok(request)
    }
}

async fn serve(routes: tonic::service::Routes) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming));
    address
}

pub async fn serve_agent(agent: Arc<Agent>, caller: Option<Caller>) -> SocketAddr {
    let service =
        tonic::service::interceptor::InterceptedService::new(Collector::service(agent), with(caller));
    serve(tonic::service::Routes::new(service)).await
}

pub async fn channel(address: SocketAddr) -> Channel {
    tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Everything the intake works with.
pub struct Service {
    pub store: Arc<Store>,
    pub board: Arc<Board>,
    pub stop: CancellationToken,
    pub address: SocketAddr,
}

impl Service {
    pub async fn start(caller: Option<Caller>, bounds: Bounds) -> Self {
        let store = Arc::new(Store::default());
        store.register(entry(id(), ClusterSource::Push));
        let board = Board::new(store.clone(), Register::new(store.clone()));
        let stop = CancellationToken::new();
        let parts = IntakeParts {
            runs: store.clone(),
            audits: store.clone(),
            register: Register::new(store.clone()),
            terms: terms(),
            clock: clock(),
            bounds,
            stop: stop.clone(),
        };
        let service = Intake::service(parts, board.clone());
        let service = tonic::service::interceptor::InterceptedService::new(service, with(caller));
        let address = serve(tonic::service::Routes::new(service)).await;
        Self { store, board, stop, address }
    }

    pub async fn client(&self) -> IntakeServiceClient<Channel> {
        IntakeServiceClient::new(channel(self.address).await)
    }
}

pub fn terms() -> ReadTerms {
    Arc::new(|entry: &ClusterEntry| {
        if entry.settings == "broken" {
            return Err("they are broken".to_owned());
        }
        Ok(Terms { secrets: SecretsMode::Metadata, ..Terms::default() })
    })
}

pub fn entry(id: ClusterId, source: ClusterSource) -> ClusterEntry {
    ClusterEntry {
        id,
        display_name: "The shop".into(),
        labels: BTreeMap::new(),
        platform: Some(hexproof_core::Platform::Aks),
        source,
        settings: String::new(),
        retired: false,
    }
}

/// Audits and registrations in memory.
#[derive(Default)]
pub struct Store {
    audits: Mutex<BTreeMap<AuditKey, (AuditRecord, Option<Bytes>)>>,
    clusters: Mutex<BTreeMap<RecordId, Value>>,
    arrived: Mutex<Vec<AuditKey>>,
    pub arrival: Notify,
    pub down: Mutex<bool>,
}

impl Store {
    pub fn register(&self, entry: ClusterEntry) {
        let value = serde_json::to_value(&entry).unwrap();
        self.clusters.lock().unwrap().insert(entry.id.into(), value);
    }

    pub fn ordered(&self, cluster: &ClusterId, request: &str) -> AuditKey {
        let trigger = Trigger::Request { request: request.into(), subject: "ada".into() };
        let key = AuditKey { cluster: cluster.clone(), run: trigger.run(cluster) };
        self.add(key.clone(), trigger);
        key
    }

    fn add(&self, key: AuditKey, trigger: Trigger) -> AuditRecord {
        let record = AuditRecord {
            order: AuditOrder { key: key.clone(), trigger, created: now() },
            ended: None,
            cancel_requested: None,
        };
        self.audits.lock().unwrap().entry(key).or_insert((record, None)).0.clone()
    }

    pub fn fail(&self, key: &AuditKey) {
        let ending = Ending::Failed { reason: "test".into() };
        self.audits.lock().unwrap().get_mut(key).unwrap().0.ended = Some((ending, now()));
    }

    pub fn arrived(&self) -> Vec<AuditKey> {
        self.arrived.lock().unwrap().clone()
    }

    pub fn snapshot_of(&self, key: &AuditKey) -> Option<Bytes> {
        self.audits.lock().unwrap().get(key)?.1.clone()
    }

    pub fn audits(&self) -> Vec<AuditRecord> {
        self.audits.lock().unwrap().values().map(|(record, _)| record.clone()).collect()
    }

    fn up(&self) -> Result<(), StorageError> {
        match *self.down.lock().unwrap() {
            true => Err(StorageError::Unavailable("down".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Runs for Store {
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError> {
        self.add(order.key.clone(), order.trigger.clone());
        Ok(Ordered::New)
    }
    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError> {
        self.up()?;
        Ok(self.audits.lock().unwrap().get(key).map(|(record, _)| record.clone()))
    }
    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError> {
        self.up()?;
        Ok(self.audits().into_iter().filter(|record| record.ended.is_none()).collect())
    }
    async fn list(
        &self,
        _: &Clusters,
        _: Option<&Cursor>,
        _: usize,
    ) -> Result<Page<AuditRecord>, StorageError> {
        Ok(Page { items: self.audits(), next: None })
    }
    async fn end(&self, _: &AuditKey, ending: &Ending, _: Timestamp) -> Result<Ending, StorageError> {
        Ok(ending.clone())
    }
    async fn request_cancel(&self, key: &AuditKey, subject: &str, _: Timestamp) -> Result<(), StorageError> {
        self.audits.lock().unwrap().get_mut(key).unwrap().0.cancel_requested = Some(subject.into());
        Ok(())
    }
    async fn put_snapshot(&self, key: &AuditKey, snapshot: Bytes) -> Result<(), StorageError> {
        self.up()?;
        self.audits.lock().unwrap().get_mut(key).unwrap().1.get_or_insert(snapshot);
        Ok(())
    }
    async fn snapshot(&self, key: &AuditKey) -> Result<Option<Bytes>, StorageError> {
        self.up()?;
        Ok(self.snapshot_of(key))
    }
}

#[async_trait]
impl Audits for Store {
    async fn start(&self, cluster: &ClusterId, trigger: Trigger) -> Result<AuditRecord, StartError> {
        let key = AuditKey { cluster: cluster.clone(), run: trigger.run(cluster) };
        Ok(self.add(key, trigger))
    }
    async fn snapshot_arrived(&self, key: &AuditKey) -> Result<(), StartError> {
        assert!(self.snapshot_of(key).is_some(), "an audit goes on without its snapshot");
        self.arrived.lock().unwrap().push(key.clone());
        self.arrival.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Records for Store {
    async fn latest_json(
        &self,
        _: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        self.up()?;
        let value = self.clusters.lock().unwrap().get(id).cloned();
        Ok(value.map(|value| Version {
            number: 1,
            changed_by: "ada".into(),
            changed_at: now(),
            request: String::new(),
            value,
        }))
    }
    async fn all_json(&self, _: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        Ok(vec![])
    }
    async fn history_json(&self, _: RecordKind, _: &RecordId) -> Result<Vec<Version<Value>>, StorageError> {
        Ok(vec![])
    }
    async fn put_json(&self, _: RecordKind, _: &RecordId, _: Version<Value>) -> Result<(), StorageError> {
        Ok(())
    }
    async fn refresh(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
