//! The queue of any number of processes: a JetStream work queue.
//!
//! `connect` reads the address and its files, `stream` names and makes what has to be there, `pull` asks for one
//! audit, `tally` counts the workers that died with it. Each audit has a subject of its own and is in the stream once:
//! a second one is refused by the server, for as long as the first waits or is worked on.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::{AckKind, PublishMessage};
use async_nats::jetstream::{self, Message};
use async_trait::async_trait;
use futures::TryStreamExt as _;
use hexproof_core::audit::AuditKey;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Delivery, Depth, Hold, Queue, QueueError, Settle};

mod connect;
mod pull;
mod stream;
mod tally;

pub use connect::connect;
use stream::{Place, Places};
use tally::Tally;

/// How the queue behaves.
#[derive(Debug, Clone)]
pub struct NatsSettings {
    /// Stream and subjects begin with this name: letters, digits, `-` and `_`.
    pub name: String,
    /// A worker that says nothing for so long is taken for dead.
    pub ack_wait: Duration,
    /// How long an answer of the server may take.
    pub timeout: Duration,
    /// Servers that keep a copy of the stream: 1, or 3 or 5 in a cluster of servers.
    pub replicas: usize,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            name: "hexproof".to_owned(),
            ack_wait: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            replicas: 1,
        }
    }
}

/// A queue in a NATS server with JetStream. Stream and consumer are made when they are needed first, and again when a
/// server has lost them.
pub struct NatsQueue {
    context: jetstream::Context,
    settings: NatsSettings,
    place: tokio::sync::Mutex<Option<Arc<Place>>>,
    taken: Arc<Taken>,
}

/// The stream sequences of the audits that this process has.
#[derive(Default)]
struct Taken(Mutex<BTreeSet<u64>>);

impl Taken {
    fn add(&self, sequence: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence)
    }

    fn remove(&self, sequence: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
    }
}

impl NatsQueue {
    /// A queue behind a connection that [`connect`] made.
    pub fn new(client: async_nats::Client, settings: NatsSettings) -> Self {
        let mut context = jetstream::new(client);
        context.set_timeout(settings.timeout);
        Self { context, settings, place: tokio::sync::Mutex::default(), taken: Arc::default() }
    }

    /// What has to be there at the server; made if it is not known to be.
    async fn place(&self) -> Result<Arc<Place>, QueueError> {
        let mut known = self.place.lock().await;
        if let Some(place) = &*known {
            return Ok(place.clone());
        }
        let place = Arc::new(Places(&self.settings).open(&self.context).await?);
        Ok(known.insert(place).clone())
    }

    /// After a failure nothing is known to be there: a server may have come back empty.
    async fn doubt(&self, error: QueueError) -> QueueError {
        *self.place.lock().await = None;
        error
    }

    async fn try_push(&self, key: &AuditKey) -> Result<(), QueueError> {
        self.place().await?;
        let payload = serde_json::to_vec(key).map_err(unavailable)?;
        // Only if the subject has no message: one entry for each audit.
        let message = PublishMessage::build().payload(payload.into()).expected_last_subject_sequence(0);
        let subject = Places(&self.settings).subject(key);
        let ack = self.context.send_publish(subject, message).await.map_err(unavailable)?;
        match ack.await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn try_pull(&self, stop: &CancellationToken) -> Result<Option<Delivery>, QueueError> {
        // Not even asked for after the stop: what this worker just gave back would come to it again.
        while !stop.is_cancelled() {
            let place = self.place().await?;
            let Some(message) = pull::one(&self.context, &place, stop, self.settings.timeout).await? else {
                continue;
            };
            if let Some(delivery) = self.delivery(&place, message).await? {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    /// `None` for a message that is no audit, and for one that is being worked on right here.
    async fn delivery(&self, place: &Arc<Place>, message: Message) -> Result<Option<Delivery>, QueueError> {
        let Ok(key) = serde_json::from_slice::<AuditKey>(&message.payload) else {
            warn!(subject = message.subject.as_str().escape_debug().to_string(), "queue holds no audit key");
            self.answer(&message, AckKind::Term).await?;
            return Ok(None);
        };
        let sequence = message.info().map_err(QueueError::Unavailable)?.stream_sequence;
        let (place, taken, timeout) = (place.clone(), self.taken.clone(), self.settings.timeout);
        if !taken.add(sequence) {
            // The server lost patience while it was out of reach; the work goes on and will be acknowledged.
            debug!(cluster = %key.cluster, run = %key.run, "audit handed out again while it is at work here");
            return Ok(None);
        }
        let tally = Tally::default();
        let mut hold = NatsHold { message, key, place, sequence, taken, timeout, tally, tally_at: 0 };
        let Tally { attempts, deaths } = hold.place.tallies.get(&hold.key).await?;
        // A death until the worker says otherwise.
        hold.tally = Tally { attempts: attempts.saturating_add(1), deaths: deaths.saturating_add(1) };
        hold.tally_at = hold.place.tallies.put(&hold.key, hold.tally).await?;
        let (key, attempt) = (hold.key.clone(), hold.tally.attempts);
        Ok(Some(Delivery { key, attempt, deaths, hold: Box::new(hold) }))
    }

    async fn answer(&self, message: &Message, kind: AckKind) -> Result<(), QueueError> {
        within(self.settings.timeout, message.double_ack_with(kind)).await?.map_err(QueueError::Unavailable)
    }

    async fn try_depth(&self) -> Result<Depth, QueueError> {
        let info = self.place().await?.consumer.get_info().await.map_err(unavailable)?;
        Ok(Depth { waiting: info.num_pending, taken: info.num_ack_pending as u64 })
    }

    async fn try_holds(&self) -> Result<BTreeSet<AuditKey>, QueueError> {
        let place = self.place().await?;
        let places = Places(&self.settings);
        let subjects: Vec<(String, usize)> = within(self.settings.timeout * 4, async {
            place
                .stream
                .info_with_subjects(places.subjects())
                .await
                .map_err(unavailable)?
                .try_collect()
                .await
                .map_err(unavailable)
        })
        .await??;
        Ok(subjects.into_iter().filter_map(|(subject, _)| places.key(&subject)).collect())
    }
}

#[async_trait]
impl Queue for NatsQueue {
    async fn push(&self, key: &AuditKey) -> Result<(), QueueError> {
        match self.try_push(key).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.doubt(error).await),
        }
    }

    async fn pull(&self, stop: &CancellationToken) -> Result<Option<Delivery>, QueueError> {
        match self.try_pull(stop).await {
            Ok(delivery) => Ok(delivery),
            Err(error) => Err(self.doubt(error).await),
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        match self.try_depth().await {
            Ok(depth) => Ok(depth),
            Err(error) => Err(self.doubt(error).await),
        }
    }

    async fn holds(&self) -> Result<BTreeSet<AuditKey>, QueueError> {
        match self.try_holds().await {
            Ok(keys) => Ok(keys),
            Err(error) => Err(self.doubt(error).await),
        }
    }

    fn speaks_for_all(&self) -> bool {
        true
    }
}

struct NatsHold {
    message: Message,
    key: AuditKey,
    place: Arc<Place>,
    sequence: u64,
    taken: Arc<Taken>,
    timeout: Duration,
    /// With the death of this worker in it.
    tally: Tally,
    tally_at: u64,
}

#[async_trait]
impl Hold for NatsHold {
    async fn settle(self: Box<Self>, how: Settle) -> Result<(), QueueError> {
        // The count first: should the rest fail, the audit comes again, and nobody is blamed for it.
        let tallies = &self.place.tallies;
        let kind = match how {
            Settle::Done => {
                tallies.forget(self.tally_at).await?;
                AckKind::Ack
            }
            Settle::Back { delay, death } => {
                let Tally { attempts, deaths } = self.tally;
                if !death {
                    tallies.put(&self.key, Tally { attempts, deaths: deaths.saturating_sub(1) }).await?;
                }
                AckKind::Nak(Some(delay).filter(|delay| !delay.is_zero()))
            }
        };
        let answered = within(self.timeout, self.message.double_ack_with(kind)).await?;
        answered.map_err(QueueError::Unavailable)
    }

    async fn alive(&self) -> Result<(), QueueError> {
        let said = within(self.timeout, self.message.ack_with(AckKind::Progress)).await?;
        said.map_err(QueueError::Unavailable)
    }
}

impl Drop for NatsHold {
    fn drop(&mut self) {
        self.taken.remove(self.sequence);
    }
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> QueueError {
    QueueError::Unavailable(Box::new(error))
}

/// Bounds what waits for the server: a client that is cut off would wait for as long as that lasts.
async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T, QueueError> {
    tokio::time::timeout(limit, call).await.map_err(unavailable)
}
