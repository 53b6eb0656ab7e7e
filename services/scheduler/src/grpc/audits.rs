//! AuditService: starts, shows, follows and stops audits.
//!
//! `list` reads lists, `watch` follows one audit.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use hexproof_api::convert::audit::audit as message;
use hexproof_api::request::{Mask, request_id};
use hexproof_api::status::{self, caller, invalid_id, not_found, trail, unavailable, within};
use hexproof_api::v1;
use hexproof_api::v1::audit_service_server::{AuditService, AuditServiceServer};
use hexproof_core::access::{Caller, Scope};
use hexproof_core::audit::{AuditKey, AuditRecord, Trigger};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Audits, Clock, Runs, StartError, StorageError};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};
use tracing::error;

use crate::bus::{Bus, Live, News, say};
use crate::worker::chain;

mod list;
mod watch;

/// The fields of an audit that a mask may name.
const FIELDS: [&str; 11] = [
    "cluster_id",
    "audit_id",
    "state",
    "stage",
    "trigger",
    "create_time",
    "finish_time",
    "done",
    "total",
    "failure",
    "result",
];

/// Serves audits.
pub struct AuditApi {
    audits: Arc<dyn Audits>,
    runs: Arc<dyn Runs>,
    live: Arc<Live>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

impl AuditApi {
    /// Serves the audits of `runs`. [`Live::run`] has to be running for progress to be seen; streams end when `stop` is
    /// cancelled, and their clients come back to another server.
    pub fn new(
        audits: Arc<dyn Audits>,
        runs: Arc<dyn Runs>,
        live: Arc<Live>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> Self {
        Self { audits, runs, live, bus, clock, stop }
    }

    /// The service to be mounted.
    pub fn into_server(self) -> AuditServiceServer<Self> {
        AuditServiceServer::new(self)
    }

    /// The audit that a request names, if the caller may see it.
    async fn find(&self, caller: &Caller, key: &AuditKey) -> Result<AuditRecord, Status> {
        within(caller, &key.cluster)?;
        let found = self.runs.find(key).await.map_err(storage)?;
        let visible = found.filter(|record| visible(&caller.scope, record));
        visible.ok_or_else(|| not_found("audit", key.run))
    }

    fn message(&self, record: &AuditRecord, mask: &Mask) -> v1::Audit {
        masked(message(record, self.live.progress(&record.order.key)), mask)
    }
}

#[async_trait]
impl AuditService for AuditApi {
    async fn start_audit(
        &self,
        request: Request<v1::StartAuditRequest>,
    ) -> Result<Response<v1::StartAuditResponse>, Status> {
        let caller = caller(&request)?;
        let v1::StartAuditRequest { cluster_id, request_id: id } = request.get_ref();
        let cluster = cluster(cluster_id)?;
        within(caller, &cluster)?;
        let trail = trail(&request);
        trail.touches(Some(&cluster), "");
        let trigger =
            Trigger::Request { request: request_id("request_id", id)?, subject: caller.subject.clone() };
        trail.touches(Some(&cluster), trigger.run(&cluster).to_string());
        let record = self.audits.start(&cluster, trigger).await.map_err(|error| not_started(&error))?;
        if !visible(&caller.scope, &record) {
            return Err(not_found("audit", record.order.key.run));
        }
        let audit = message(&record, self.live.progress(&record.order.key));
        Ok(Response::new(v1::StartAuditResponse { audit: Some(audit) }))
    }

    async fn get_audit(
        &self,
        request: Request<v1::GetAuditRequest>,
    ) -> Result<Response<v1::GetAuditResponse>, Status> {
        let caller = caller(&request)?;
        let v1::GetAuditRequest { cluster_id, audit_id, read_mask } = request.get_ref();
        let key = key(cluster_id, audit_id)?;
        let mask = Mask::read("read_mask", read_mask.as_ref(), &FIELDS)?;
        let record = self.find(caller, &key).await?;
        Ok(Response::new(v1::GetAuditResponse { audit: Some(self.message(&record, &mask)) }))
    }

    async fn list_audits(
        &self,
        request: Request<v1::ListAuditsRequest>,
    ) -> Result<Response<v1::ListAuditsResponse>, Status> {
        self.list(caller(&request)?, request.get_ref()).await.map(Response::new)
    }

    type WatchAuditStream = BoxStream<'static, Result<v1::WatchAuditResponse, Status>>;

    async fn watch_audit(
        &self,
        request: Request<v1::WatchAuditRequest>,
    ) -> Result<Response<Self::WatchAuditStream>, Status> {
        let caller = caller(&request)?;
        let v1::WatchAuditRequest { cluster_id, audit_id, min_interval } = request.get_ref();
        let key = key(cluster_id, audit_id)?;
        let interval = watch::interval(min_interval.as_ref())?;
        let record = self.find(caller, &key).await?;
        let seen = self.live.follow(record);
        Ok(Response::new(watch::stream(seen, interval, caller.scope.clone(), self.stop.clone())))
    }

    async fn cancel_audit(
        &self,
        request: Request<v1::CancelAuditRequest>,
    ) -> Result<Response<v1::CancelAuditResponse>, Status> {
        let caller = caller(&request)?;
        let v1::CancelAuditRequest { cluster_id, audit_id } = request.get_ref();
        let key = key(cluster_id, audit_id)?;
        within(caller, &key.cluster)?;
        trail(&request).touches(Some(&key.cluster), key.run.to_string());
        let mut record = self.find(caller, &key).await?;
        if record.ended.is_none() {
            let wanted = self.runs.request_cancel(&key, &caller.subject, self.clock.now());
            wanted.await.map_err(storage)?;
            say(&self.bus, &key, News::Cancel).await;
            // One that waits for a snapshot is in nobody's hands: a worker has to see it to end it.
            if let Err(error) = self.audits.snapshot_arrived(&key).await {
                error!(error = chain(&error), cluster = %key.cluster, run = %key.run, "cancelled audit not queued");
            }
            record = self.find(caller, &key).await?;
        }
        let audit = message(&record, self.live.progress(&key));
        Ok(Response::new(v1::CancelAuditResponse { audit: Some(audit) }))
    }
}

/// Evidence is within reach by the time when it was made; what has not ended is no evidence yet.
fn visible(scope: &Scope, record: &AuditRecord) -> bool {
    let cluster = &record.order.key.cluster;
    match &record.ended {
        Some((_, at)) => scope.admits_at(cluster, *at),
        None => scope.admits(cluster),
    }
}

fn cluster(text: &str) -> Result<ClusterId, Status> {
    text.parse().map_err(|error| invalid_id("cluster_id", &error))
}

fn key(cluster_id: &str, audit_id: &str) -> Result<AuditKey, Status> {
    let run = audit_id.parse().map_err(|error| invalid_id("audit_id", &error))?;
    Ok(AuditKey { cluster: cluster(cluster_id)?, run })
}

fn storage(failure: StorageError) -> Status {
    error!(error = chain(&failure), "store fails");
    status::storage(&failure)
}

fn not_started(failure: &StartError) -> Status {
    match failure {
        StartError::NotRegistered(cluster) => not_found("cluster", cluster),
        StartError::Taken => status::status(Code::AlreadyExists, "REQUEST_ID_TAKEN", failure.to_string()),
        StartError::Storage(storage) => {
            error!(error = chain(storage), "store fails");
            status::storage(storage)
        }
        StartError::Queue(_) => {
            error!(error = chain(failure), "queue fails");
            unavailable("the audit is recorded and starts as soon as the queue answers")
        }
        _ => {
            error!(error = chain(failure), "audit not started");
            status::status(Code::Internal, "INTERNAL", "the audit was not started; the log says why")
        }
    }
}

/// Leaves the fields that a mask names.
fn masked(audit: v1::Audit, mask: &Mask) -> v1::Audit {
    if mask.is_all() {
        return audit;
    }
    let v1::Audit {
        cluster_id,
        audit_id,
        state,
        stage,
        trigger,
        create_time,
        finish_time,
        done,
        total,
        failure,
        result,
    } = audit;
    let text = |path, value: String| if mask.has(path) { value } else { String::new() };
    let number = |path, value: u64| if mask.has(path) { value } else { 0 };
    v1::Audit {
        cluster_id: text("cluster_id", cluster_id),
        audit_id: text("audit_id", audit_id),
        state: if mask.has("state") { state } else { 0 },
        stage: if mask.has("stage") { stage } else { 0 },
        trigger: trigger.filter(|_| mask.has("trigger")),
        create_time: create_time.filter(|_| mask.has("create_time")),
        finish_time: finish_time.filter(|_| mask.has("finish_time")),
        done: number("done", done),
        total: number("total", total),
        failure: text("failure", failure),
        result: result.filter(|_| mask.has("result")),
    }
}
