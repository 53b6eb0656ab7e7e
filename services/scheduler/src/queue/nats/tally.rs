//! Counts how often an audit was handed out, and how many workers died with it.
//!
//! The server counts deliveries too, but servers before 2.10 forget them when an audit comes back while no worker
//! waits for one. Here every hand-out counts as a death until the worker says otherwise, and what it says is kept at
//! the server like the audit itself.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, LastRawMessageErrorKind, StorageType, Stream};
use hexproof_core::audit::AuditKey;
use serde::{Deserialize, Serialize};

use super::{NatsSettings, QueueError, unavailable, within};

/// Forgotten after this long without a hand-out, should a worker not have done so.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// The count of one audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) attempts: u32,
    pub(super) deaths: u32,
}

/// The counts of all audits that are in the queue.
pub(super) struct Tallies {
    stream: Stream,
    context: Context,
    name: String,
    timeout: Duration,
}

impl Tallies {
    pub(super) async fn open(context: &Context, settings: &NatsSettings) -> Result<Self, QueueError> {
        let name = settings.name.clone();
        let config = Config {
            name: format!("{name}-attempts"),
            subjects: vec![format!("{name}.attempts.*.*")],
            storage: StorageType::File,
            num_replicas: settings.replicas,
            // The newest count of each audit.
            max_messages_per_subject: 1,
            max_message_size: 256,
            max_age: KEEP,
            ..Config::default()
        };
        let stream = within(settings.timeout, context.get_or_create_stream(config)).await?;
        let stream = stream.map_err(unavailable)?;
        Ok(Self { stream, context: context.clone(), name, timeout: settings.timeout })
    }

    fn subject(&self, key: &AuditKey) -> String {
        format!("{}.attempts.{}.{}", self.name, key.cluster, key.run)
    }

    /// The count of an audit; nothing yet for one that was never handed out.
    pub(super) async fn get(&self, key: &AuditKey) -> Result<Tally, QueueError> {
        let subject = self.subject(key);
        match within(self.timeout, self.stream.get_last_raw_message_by_subject(&subject)).await? {
            Ok(message) => Ok(serde_json::from_slice(&message.payload).unwrap_or_default()),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(Tally::default()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Keeps a count; returns where. Whoever has the audit in hand is the only one who counts.
    pub(super) async fn put(&self, key: &AuditKey, tally: Tally) -> Result<u64, QueueError> {
        let payload = serde_json::to_vec(&tally).map_err(unavailable)?;
        let ack = within(self.timeout, self.context.publish(self.subject(key), payload.into())).await?;
        Ok(ack.map_err(unavailable)?.await.map_err(unavailable)?.sequence)
    }

    /// Forgets a count by its place.
    pub(super) async fn forget(&self, place: u64) -> Result<(), QueueError> {
        within(self.timeout, self.stream.delete_message(place)).await?.map_err(unavailable)?;
        Ok(())
    }
}
