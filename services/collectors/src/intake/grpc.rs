//! IntakeService: agents wait for work here, and bring what they collected.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, stream};
use hexproof_api::v1::intake_service_server::{IntakeService, IntakeServiceServer};
use hexproof_api::v1::{self, submit_snapshot_request::Part};
use hexproof_api::{request, status};
use hexproof_core::access::{Caller, Role, Trail};
use hexproof_core::audit::{AuditKey, Trigger};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Audits, Clock, Register, Runs, StartError, StorageError};
use hexproof_core::register::{ClusterEntry, ClusterSource};
use tokio::sync::{Semaphore, watch};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};

use super::Board;
use crate::{
    inflow::Inflow,
    received::{Bounds, Received, Unfit},
    source::{ReadTerms, grpc as asking},
};

/// How long an agent may send nothing in the middle of a snapshot.
const SILENT: Duration = Duration::from_secs(60);
/// How long a delivery may take.
const DELIVERY: Duration = Duration::from_secs(15 * 60);
/// Deliveries that are read at the same time: each takes memory.
const AT_ONCE: usize = 4;
/// An agent that was asked and did not deliver is asked again after this time.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// How long an audit waits, as agents are told.
const PATIENCE: i64 = 30 * 60;

/// What the service works with.
#[derive(Clone)]
pub struct IntakeParts {
    /// The audits.
    pub runs: Arc<dyn Runs>,
    /// How audits begin and go on.
    pub audits: Arc<dyn Audits>,
    /// The clusters.
    pub register: Register,
    /// How their settings are read.
    pub terms: ReadTerms,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is taken.
    pub bounds: Bounds,
    /// Ends the streams of waiting agents when the service goes down.
    pub stop: CancellationToken,
}

/// The service.
pub struct Intake {
    parts: IntakeParts,
    board: Arc<Board>,
    slots: Semaphore,
    busy: Arc<Mutex<BTreeSet<ClusterId>>>,
}

/// A delivery of one cluster; another one is refused until it is dropped.
struct Delivery(Arc<Mutex<BTreeSet<ClusterId>>>, ClusterId);

impl Drop for Delivery {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Intake {
    /// The service over a board; whoever calls this runs [`Board::run`] too.
    #[must_use]
    pub fn service(parts: IntakeParts, board: Arc<Board>) -> IntakeServiceServer<Self> {
        let intake = Self { parts, board, slots: Semaphore::new(AT_ONCE), busy: Arc::default() };
        IntakeServiceServer::new(intake).max_decoding_message_size(1 << 20)
    }

    /// The registration of a cluster whose agent may call: one that is registered as such.
    async fn entry(&self, cluster: &ClusterId) -> Result<ClusterEntry, Status> {
        let entry = self.parts.register.latest::<ClusterEntry>(&cluster.clone().into()).await;
        let entry = entry.map_err(|error| stored(&error))?.map(|version| version.value);
        let entry =
            entry.filter(|entry| !entry.retired).ok_or_else(|| status::not_found("cluster", cluster))?;
        match entry.source {
            ClusterSource::Push => Ok(entry),
            ClusterSource::Agent { .. }
            | ClusterSource::Kubeconfig { .. }
            | ClusterSource::Manifests { .. } => {
                let message = format!("cluster `{cluster}` is not registered as one whose agent calls");
                Err(status::status(Code::FailedPrecondition, "NOT_PUSHED", message))
            }
        }
    }

    fn begin(&self, cluster: &ClusterId) -> Result<Delivery, Status> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        match busy.insert(cluster.clone()) {
            true => Ok(Delivery(self.busy.clone(), cluster.clone())),
            false => {
                let message = format!("another delivery of cluster `{cluster}` is under way");
                Err(status::status(Code::ResourceExhausted, "BUSY", message))
            }
        }
    }

    /// The audit that asked for a snapshot, if it still waits.
    async fn asked(&self, cluster: &ClusterId, audit: &str) -> Result<AuditKey, Status> {
        let run = audit.parse().map_err(|error| status::invalid_id("header.audit_id", &error))?;
        let key = AuditKey { cluster: cluster.clone(), run };
        let record = self.parts.runs.find(&key).await.map_err(|error| stored(&error))?;
        let record = record.ok_or_else(|| status::not_found("audit", run))?;
        if record.ended.is_some() || record.cancel_requested.is_some() {
            let message = "the audit does not wait for a snapshot any more";
            return Err(status::status(Code::FailedPrecondition, "AUDIT_OVER", message));
        }
        Ok(key)
    }

    async fn submit(
        &self,
        caller: &Caller,
        trail: &Trail,
        mut parts: Streaming<v1::SubmitSnapshotRequest>,
    ) -> Result<v1::SubmitSnapshotResponse, Status> {
        let header = match next(&mut parts).await? {
            Some(Part::Header(header)) => header,
            Some(Part::Chunk(_) | Part::End(_)) | None => {
                return Err(status::invalid("header", "must be sent first"));
            }
        };
        let cluster: ClusterId =
            header.cluster_id.parse().map_err(|error| status::invalid_id("header.cluster_id", &error))?;
        status::within(caller, &cluster)?;
        trail.touches(Some(&cluster), header.audit_id.chars().take(64).collect::<String>());
        let entry = self.entry(&cluster).await?;
        let terms = (self.parts.terms)(&entry).map_err(|reason| {
            status::status(
                Code::FailedPrecondition,
                "SETTINGS",
                format!("the settings cannot be used: {reason}"),
            )
        })?;
        let (key, trigger) = match (header.audit_id.as_str(), header.request_id.as_str()) {
            ("", id) => {
                let request = request::request_id("header.request_id", id)?;
                let trigger = Trigger::Submission { request, subject: caller.subject.clone() };
                (AuditKey { run: trigger.run(&cluster), cluster: cluster.clone() }, Some(trigger))
            }
            (audit, "") => (self.asked(&cluster, audit).await?, None),
            (_, _) => {
                return Err(status::invalid("header.request_id", "may not be set together with `audit_id`"));
            }
        };
        trail.touches(Some(&cluster), key.run.to_string());
        let _delivery = self.begin(&cluster)?;
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await.ok();
        let expected = asking::expected(&entry, &terms, self.parts.clock.as_ref());
        let received = receive(parts, Inflow::start(expected, self.parts.bounds)).await?;
        self.keep(key, trigger, received).await
    }

    /// Stores a snapshot and lets its audit go on.
    async fn keep(
        &self,
        key: AuditKey,
        trigger: Option<Trigger>,
        received: Received,
    ) -> Result<v1::SubmitSnapshotResponse, Status> {
        let answer = v1::SubmitSnapshotResponse { audit_id: key.run.to_string() };
        if let Some(trigger) = trigger {
            match self.parts.audits.start(&key.cluster, trigger).await {
                // Delivered before: its snapshot stands.
                Ok(record) if record.ended.is_some() => return Ok(answer),
                Ok(_) => {}
                Err(StartError::Queue(error)) => {
                    tracing::warn!(%error, "an audit is recorded and will be queued later");
                }
                Err(error) => return Err(not_started(&error)),
            }
        }
        let records = received.records;
        match self.parts.runs.put_snapshot(&key, received.bytes).await {
            // The first snapshot counts, and its audit goes on with it.
            Ok(()) | Err(StorageError::Conflict) => {}
            Err(error) => return Err(stored(&error)),
        }
        self.board.deliver(key.clone());
        match self.parts.audits.snapshot_arrived(&key).await {
            Ok(()) => {}
            Err(StartError::Queue(error)) => {
                tracing::warn!(%error, "an audit has its snapshot and will be queued later");
            }
            Err(error) => return Err(not_started(&error)),
        }
        tracing::info!(cluster = %key.cluster, run = %key.run, records, "snapshot taken");
        Ok(answer)
    }
}

type Asked = Pin<Box<dyn Stream<Item = Result<v1::AwaitCollectionsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IntakeService for Intake {
    type AwaitCollectionsStream = Asked;

    async fn await_collections(
        &self,
        request: Request<v1::AwaitCollectionsRequest>,
    ) -> Result<Response<Asked>, Status> {
        let caller = collector(status::caller(&request)?)?;
        let cluster = &request.get_ref().cluster_id;
        let cluster: ClusterId = cluster.parse().map_err(|error| status::invalid_id("cluster_id", &error))?;
        status::within(caller, &cluster)?;
        status::trail(&request).touches(Some(&cluster), "");
        self.entry(&cluster).await?;
        let waiter = Waiter {
            changes: self.board.follow(),
            board: self.board.clone(),
            parts: self.parts.clone(),
            cluster,
            asked: BTreeMap::new(),
        };
        let asked = stream::unfold(waiter, |mut waiter| async move {
            let message = waiter.next().await?;
            Some((message, waiter))
        });
        Ok(Response::new(Box::pin(asked)))
    }

    async fn submit_snapshot(
        &self,
        request: Request<Streaming<v1::SubmitSnapshotRequest>>,
    ) -> Result<Response<v1::SubmitSnapshotResponse>, Status> {
        let caller = collector(status::caller(&request)?)?.clone();
        let trail = status::trail(&request);
        let work = self.submit(&caller, &trail, request.into_inner());
        let done = time::timeout(DELIVERY, work).await.unwrap_or_else(|_| Err(too_slow()));
        done.map(Response::new)
    }
}

/// An agent that waits to be asked.
struct Waiter {
    changes: watch::Receiver<Arc<BTreeMap<ClusterId, BTreeSet<AuditKey>>>>,
    board: Arc<Board>,
    parts: IntakeParts,
    cluster: ClusterId,
    /// When the agent was asked for what.
    asked: BTreeMap<AuditKey, Instant>,
}

impl Waiter {
    /// The next thing to ask for; nothing when the service goes down.
    async fn next(&mut self) -> Option<Result<v1::AwaitCollectionsResponse, Status>> {
        loop {
            let waiting = self.changes.borrow_and_update().get(&self.cluster).cloned().unwrap_or_default();
            self.asked.retain(|key, _| waiting.contains(key));
            for key in waiting {
                if self.asked.get(&key).is_some_and(|at| at.elapsed() < AGAIN) {
                    continue;
                }
                match self.ask(&key).await {
                    Ok(None) => {}
                    Ok(Some(message)) => {
                        self.asked.insert(key, Instant::now());
                        return Some(Ok(message));
                    }
                    Err(status) => return Some(Err(status)),
                }
            }
            let stop = self.parts.stop.clone();
            tokio::select! {
                () = stop.cancelled() => return None,
                changed = self.changes.changed() => changed.ok()?,
                () = time::sleep(AGAIN) => {}
            }
        }
    }

    /// What to ask for an audit; nothing if its snapshot is there.
    async fn ask(&self, key: &AuditKey) -> Result<Option<v1::AwaitCollectionsResponse>, Status> {
        if self.board.is_delivered(key).await.map_err(|error| stored(&error))? {
            return Ok(None);
        }
        let entry = self.parts.register.latest::<ClusterEntry>(&self.cluster.clone().into()).await;
        let Some(entry) = entry.map_err(|error| stored(&error))? else { return Ok(None) };
        let Ok(terms) = (self.parts.terms)(&entry.value) else { return Ok(None) };
        Ok(Some(v1::AwaitCollectionsResponse {
            audit_id: key.run.to_string(),
            collect: Some(asking::request(&entry.value, &terms)),
            patience: Some(prost_types::Duration { seconds: PATIENCE, nanos: 0 }),
        }))
    }
}

/// Only a collector delivers, whatever else a caller may do.
fn collector(caller: &Caller) -> Result<&Caller, Status> {
    match caller.roles.contains(&Role::Collector) {
        true => Ok(caller),
        false => Err(status::denied("only a collector delivers snapshots")),
    }
}

async fn next(parts: &mut Streaming<v1::SubmitSnapshotRequest>) -> Result<Option<Part>, Status> {
    let message = time::timeout(SILENT, parts.message()).await.map_err(|_| too_slow())??;
    Ok(message.and_then(|message| message.part))
}

async fn receive(
    mut parts: Streaming<v1::SubmitSnapshotRequest>,
    mut inflow: Inflow,
) -> Result<Received, Status> {
    let end = loop {
        match next(&mut parts).await? {
            Some(Part::Chunk(piece)) => inflow.piece(piece.into()).await.map_err(|unfit| refused(&unfit))?,
            Some(Part::End(end)) => break end,
            Some(Part::Header(_)) => return Err(status::invalid("header", "may be sent only once")),
            None => return Err(status::invalid("end", "is missing: the snapshot was cut off")),
        }
    };
    if next(&mut parts).await?.is_some() {
        return Err(status::invalid("end", "must be sent last"));
    }
    inflow.end(end.size, &end.digest).await.map_err(|unfit| refused(&unfit))
}

fn refused(unfit: &Unfit) -> Status {
    tracing::warn!(%unfit, "a snapshot was refused");
    match unfit {
        Unfit::TooLarge(_) => {
            status::status(Code::ResourceExhausted, "SNAPSHOT_TOO_LARGE", unfit.to_string())
        }
        Unfit::Wrong(reason) => status::invalid("chunk", reason.clone()),
        Unfit::Stopped => status::status(Code::Cancelled, "STOPPED", unfit.to_string()),
    }
}

fn too_slow() -> Status {
    status::status(Code::DeadlineExceeded, "TOO_SLOW", "the snapshot comes too slowly")
}

fn stored(error: &StorageError) -> Status {
    tracing::error!(error = ?error, "the store failed");
    status::storage(error)
}

fn not_started(error: &StartError) -> Status {
    match error {
        StartError::NotRegistered(cluster) => status::not_found("cluster", cluster),
        StartError::Taken => status::status(Code::AlreadyExists, "REQUEST_ID_TAKEN", error.to_string()),
        StartError::Storage(error) => stored(error),
        _ => {
            tracing::error!(error = ?error, "an audit could not go on");
            status::unavailable("the audit cannot go on now; try again")
        }
    }
}
