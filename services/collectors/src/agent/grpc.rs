//! CollectorService: collects for a caller and streams the snapshot as fast as it is taken.
//!
//! Who may call is decided by the layer in front: a request without a caller is refused.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use hexproof_api::status;
use hexproof_api::v1::collector_service_server::{CollectorService, CollectorServiceServer};
use hexproof_api::v1::{self, collect_response::Part};
use hexproof_core::digest::Hasher;
use hexproof_core::id::ClusterId;
use tokio::{sync::mpsc, task::JoinSet, time};
use tonic::{Code, Request, Response, Status};

use super::{Agent, AgentError, Place, Wanted};
use crate::{
    live::{Meter, SecretsMode},
    outflow,
};

/// How often progress is told; it also shows that the collection is alive.
const TOLD: Duration = Duration::from_secs(1);
/// How long a caller may take nothing before its stream ends: it holds the only turn.
const STALLED: Duration = Duration::from_secs(60);

/// The service of one agent.
pub struct Collector(Arc<Agent>);

impl Collector {
    /// Serves an agent.
    #[must_use]
    pub fn service(agent: Arc<Agent>) -> CollectorServiceServer<Self> {
        CollectorServiceServer::new(Self(agent)).max_decoding_message_size(1 << 20)
    }
}

/// What a caller reads, and the work behind it: dropping one ends the other.
pub struct Collecting {
    parts: mpsc::Receiver<Result<v1::CollectResponse, Status>>,
    _work: JoinSet<()>,
}

impl Stream for Collecting {
    type Item = Result<v1::CollectResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.parts.poll_recv(context)
    }
}

#[tonic::async_trait]
impl CollectorService for Collector {
    type CollectStream = Collecting;

    async fn collect(
        &self,
        request: Request<v1::CollectRequest>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        let caller = status::caller(&request)?.clone();
        let trail = status::trail(&request);
        let request = request.into_inner();
        let cluster: ClusterId =
            request.cluster_id.parse().map_err(|error| status::invalid_id("cluster_id", &error))?;
        status::within(&caller, &cluster)?;
        trail.touches(Some(&cluster), "");
        let wanted = wanted(request)?;
        let place = self.0.place().map_err(|error| refused(&error))?;
        self.0.is(&cluster).await.map_err(|error| refused(&error))?;

        let (sender, parts) = mpsc::channel(4);
        let mut work = JoinSet::new();
        let agent = self.0.clone();
        work.spawn(async move {
            if let Err(Some(status)) = serve(&agent, &wanted, place, &sender).await {
                // A caller that is gone needs no reason.
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Response::new(Collecting { parts, _work: work }))
    }
}

type Parts = mpsc::Sender<Result<v1::CollectResponse, Status>>;

/// Collects and sends; an error without a status is a caller that is gone.
async fn serve(agent: &Agent, wanted: &Wanted, place: Place, parts: &Parts) -> Result<(), Option<Status>> {
    let meter = Arc::new(Meter::default());
    let collection = agent.collect(wanted, place, &meter);
    tokio::pin!(collection);
    let mut told = time::interval(TOLD);
    let (snapshot, _turn) = loop {
        tokio::select! {
            done = &mut collection => break done.map_err(|error| Some(refused(&error)))?,
            _ = told.tick() => {
                let (objects, total) = meter.now();
                // Progress waits for nobody: the next one says more.
                let _ = parts.try_send(Ok(part(Part::Progress(v1::CollectProgress { objects, total }))));
            }
        }
    };
    let (mut pieces, work) = outflow::pieces(snapshot);
    let mut hasher = Hasher::default();
    let mut size = 0;
    while let Some(piece) = pieces.recv().await {
        hasher.update(&piece);
        size += piece.len() as u64;
        send(parts, Part::Chunk(piece.into())).await?;
    }
    let failed = || {
        let message = "the snapshot could not be compressed; the agent's log says why";
        Some(status::status(Code::Internal, "INTERNAL", message))
    };
    match work.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "a snapshot could not be compressed");
            return Err(failed());
        }
        Err(error) => {
            tracing::error!(%error, "a snapshot could not be compressed");
            return Err(failed());
        }
    }
    send(parts, Part::End(v1::SnapshotEnd { size, digest: hasher.finish().to_string() })).await
}

async fn send(parts: &Parts, sent: Part) -> Result<(), Option<Status>> {
    match time::timeout(STALLED, parts.send(Ok(part(sent)))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => {
            tracing::warn!("a caller takes nothing of its snapshot: given up");
            Err(None)
        }
    }
}

fn part(part: Part) -> v1::CollectResponse {
    v1::CollectResponse { part: Some(part) }
}

/// What a request wants.
///
/// # Errors
/// INVALID_ARGUMENT that names the field.
pub(crate) fn wanted(request: v1::CollectRequest) -> Result<Wanted, Status> {
    /// Names in one request.
    const NAMES: usize = 1000;
    /// Longest name.
    const LONGEST: usize = 317;
    let v1::CollectRequest { cluster_id: _, display_name, secrets, kept_annotations, allowed_names } =
        request;
    let secrets = match v1::SecretsMode::try_from(secrets) {
        Ok(v1::SecretsMode::Unspecified | v1::SecretsMode::Metadata) => SecretsMode::Metadata,
        Ok(v1::SecretsMode::Keys) => SecretsMode::Keys,
        Err(_) => return Err(status::invalid("secrets", "is none of the modes")),
    };
    if display_name.len() > 1024 {
        return Err(status::invalid("display_name", "is longer than 1024 bytes"));
    }
    for (field, names) in [("kept_annotations", &kept_annotations), ("allowed_names", &allowed_names)] {
        if names.len() > NAMES || names.iter().any(|name| name.len() > LONGEST) {
            return Err(status::invalid(field, format!("at most {NAMES} names of at most {LONGEST} bytes")));
        }
    }
    Ok(Wanted { name: display_name, secrets, allowed_names, kept_annotations })
}

fn refused(error: &AgentError) -> Status {
    match error {
        AgentError::OtherCluster { .. } => {
            status::status(Code::FailedPrecondition, "OTHER_CLUSTER", error.to_string())
        }
        AgentError::NoCluster => status::status(Code::FailedPrecondition, "NO_CLUSTER", error.to_string()),
        AgentError::Busy => status::status(Code::ResourceExhausted, "BUSY", error.to_string()),
        AgentError::Collect(cause) => {
            tracing::warn!(error = %cause, "the collection failed");
            // The reason of the API server is what the operator of the cluster needs.
            status::unavailable(cause.to_string())
        }
    }
}
