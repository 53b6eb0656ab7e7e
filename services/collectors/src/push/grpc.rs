//! Waits for collections to be asked for, collects, and delivers.

use std::sync::Arc;

use hexproof_api::v1::intake_service_client::IntakeServiceClient;
use hexproof_api::v1::{self, submit_snapshot_request::Part};
use hexproof_core::digest::Hasher;
use hexproof_core::id::ClusterId;
use hexproof_core::port::Clock;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;

use super::{Connect, PushOptions};
use crate::{
    agent::{Agent, AgentError, Wanted, grpc::wanted},
    live::Meter,
    outflow,
};

/// Why a session with the service ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the service cannot be reached")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the service refused: {}", .0.message())]
    Refused(#[source] Box<Status>),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("the snapshot could not be compressed")]
    Compress(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// Serves the service until `stop`: whatever fails is logged and tried again after a wait that grows.
pub async fn run(
    agent: Arc<Agent>,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    options: PushOptions,
    stop: CancellationToken,
) {
    let mut pusher = Pusher { agent, connect, clock, options, delivered: None };
    let mut wait = options.first_wait;
    loop {
        let begun = Instant::now();
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            ended = pusher.session() => ended,
        };
        match ended {
            // The connection was given up on purpose.
            Ok(()) => {
                wait = options.first_wait;
                continue;
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), wait = ?wait, "not connected with the service");
            }
        }
        if begun.elapsed() > options.longest_wait {
            wait = options.first_wait;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = time::sleep(wait) => {}
        }
        wait = (wait * 2).min(options.longest_wait);
    }
}

struct Pusher {
    agent: Arc<Agent>,
    connect: Arc<dyn Connect>,
    clock: Arc<dyn Clock>,
    options: PushOptions,
    /// The interval that was delivered last.
    delivered: Option<i64>,
}

impl Pusher {
    /// One connection, from its opening to its end.
    async fn session(&mut self) -> Result<(), Ended> {
        let cluster = self.agent.cluster().await?;
        let until = Instant::now() + self.options.renew;
        let channel = time::timeout(self.options.longest_wait, self.connect.connect())
            .await
            .map_err(|error| Ended::Connect(Box::new(error)))?
            .map_err(Ended::Connect)?;
        let mut client = IntakeServiceClient::new(channel).max_decoding_message_size(1 << 20);
        let request = v1::AwaitCollectionsRequest { cluster_id: cluster.to_string() };
        let mut asked = client.await_collections(request).await?.into_inner();
        tracing::info!(%cluster, "waiting for collections to be asked for");
        loop {
            tokio::select! {
                message = asked.message() => match message? {
                    None => return Err(Status::unavailable("the service ended the stream").into()),
                    Some(message) => self.answer(&mut client, &cluster, message).await,
                },
                () = time::sleep(self.next()) => self.unasked(&mut client, &cluster).await,
                () = time::sleep_until(until) => return Ok(()),
            }
        }
    }

    /// The number of the present interval, on whatever machine.
    fn interval(&self) -> Option<i64> {
        let seconds = i64::try_from(self.options.interval?.as_secs()).unwrap_or(i64::MAX).max(1);
        Some(self.clock.now().as_second().div_euclid(seconds))
    }

    /// How long until something is to be delivered unasked.
    fn next(&self) -> time::Duration {
        let Some(interval) = self.options.interval else { return self.options.renew };
        if self.interval() != self.delivered {
            return time::Duration::ZERO;
        }
        let seconds = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX).max(1);
        let gone = self.clock.now().as_second().rem_euclid(seconds);
        time::Duration::from_secs(u64::try_from(seconds - gone).unwrap_or(1))
    }

    async fn answer(
        &self,
        client: &mut IntakeServiceClient<Channel>,
        cluster: &ClusterId,
        message: v1::AwaitCollectionsResponse,
    ) {
        let audit = message.audit_id;
        let collect = message.collect.unwrap_or_default();
        let header = v1::SubmissionHeader {
            cluster_id: cluster.to_string(),
            audit_id: audit.clone(),
            request_id: String::new(),
        };
        let delivered = async {
            if collect.cluster_id != cluster.as_str() {
                return Err(Status::failed_precondition("another cluster is meant").into());
            }
            self.deliver(client, header, &wanted(collect)?).await
        };
        // The service asks again for what did not come.
        match delivered.await {
            Ok(_) => tracing::info!(%cluster, audit = %audit.escape_default(), "snapshot delivered"),
            Err(error) => {
                let audit = audit.escape_default();
                tracing::warn!(%cluster, %audit, error = %chain(&error), "snapshot not delivered");
            }
        }
    }

    async fn unasked(&mut self, client: &mut IntakeServiceClient<Channel>, cluster: &ClusterId) {
        let Some(interval) = self.interval() else { return };
        // Delivered or not: the next one is due with the next interval.
        self.delivered = Some(interval);
        let header = v1::SubmissionHeader {
            cluster_id: cluster.to_string(),
            audit_id: String::new(),
            request_id: format!("interval-{interval}"),
        };
        let wanted = Wanted { secrets: crate::live::SecretsMode::Metadata, ..Wanted::default() };
        match self.deliver(client, header, &wanted).await {
            Ok(audit) => {
                tracing::info!(%cluster, audit = %audit.escape_default(), "snapshot delivered unasked")
            }
            Err(error) => {
                tracing::warn!(%cluster, error = %chain(&error), "snapshot not delivered unasked");
            }
        }
    }

    /// Collects and delivers; the id of the audit.
    async fn deliver(
        &self,
        client: &mut IntakeServiceClient<Channel>,
        header: v1::SubmissionHeader,
        wanted: &Wanted,
    ) -> Result<String, Ended> {
        let place = self.agent.place()?;
        let (snapshot, _turn) = self.agent.collect(wanted, place, &Arc::new(Meter::default())).await?;
        let (sender, parts) = mpsc::channel(4);
        let (mut pieces, work) = outflow::pieces(snapshot);
        let sending = async {
            let part = |part| v1::SubmitSnapshotRequest { part: Some(part) };
            let mut hasher = Hasher::default();
            let mut size = 0;
            // The service may have seen enough: its answer says why.
            if sender.send(part(Part::Header(header))).await.is_err() {
                return Ok(());
            }
            while let Some(piece) = pieces.recv().await {
                hasher.update(&piece);
                size += piece.len() as u64;
                if sender.send(part(Part::Chunk(piece.into()))).await.is_err() {
                    return Ok(());
                }
            }
            work.await
                .map_err(|error| Ended::Compress(Box::new(error)))?
                .map_err(|error| Ended::Compress(Box::new(error)))?;
            let end = v1::SnapshotEnd { size, digest: hasher.finish().to_string() };
            let _ = sender.send(part(Part::End(end))).await;
            drop(sender);
            Ok::<(), Ended>(())
        };
        let answer = client.submit_snapshot(ReceiverStream::new(parts));
        let (sent, answer) = tokio::join!(sending, answer);
        sent?;
        Ok(answer?.into_inner().audit_id)
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.chars().take(300).flat_map(char::escape_debug).collect()
}
