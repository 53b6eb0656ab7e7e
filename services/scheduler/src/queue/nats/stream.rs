//! Names of what the queue keeps at the server, and how it is made.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use hexproof_core::audit::AuditKey;

use super::{NatsSettings, QueueError, unavailable, within};

/// Returns are counted for this long after the last one: longer than any audit is tried.
const KEEP_RETURNS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is there at the server.
pub(super) struct Place {
    pub(super) stream: Stream,
    pub(super) consumer: Consumer<pull::Config>,
    /// How often each entry was given back in order, by its stream sequence. Not a bucket of the client: making one
    /// needs a newer server.
    returns: Stream,
    context: Context,
    name: String,
}

impl Place {
    fn subject(&self, sequence: u64) -> String {
        format!("{}.returns.{sequence}", self.name)
    }

    /// How often an entry was given back in order.
    pub(super) async fn returns(&self, sequence: u64, timeout: Duration) -> Result<u32, QueueError> {
        let subject = self.subject(sequence);
        match within(timeout, self.returns.get_last_raw_message_by_subject(&subject)).await? {
            Ok(count) => {
                Ok(std::str::from_utf8(&count.payload).ok().and_then(|count| count.parse().ok()).unwrap_or(0))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Counts one more return. Whoever has the entry in hand is the only one who does.
    pub(super) async fn count_return(&self, sequence: u64, timeout: Duration) -> Result<(), QueueError> {
        let count = self.returns(sequence, timeout).await?.saturating_add(1).to_string();
        let ack = self.context.publish(self.subject(sequence), count.into());
        let ack = within(timeout, ack).await?.map_err(unavailable)?;
        ack.await.map_err(unavailable)?;
        Ok(())
    }
}

/// The names.
pub(super) struct Places<'a>(pub(super) &'a NatsSettings);

impl Places<'_> {
    /// One subject for each audit: neither part of a key has a dot.
    pub(super) fn subject(&self, key: &AuditKey) -> String {
        format!("{}.audits.{}.{}", self.0.name, key.cluster, key.run)
    }

    /// The audit of a subject.
    pub(super) fn key(&self, subject: &str) -> Option<AuditKey> {
        let rest = subject.strip_prefix(&self.0.name)?.strip_prefix(".audits.")?;
        let (cluster, run) = rest.split_once('.')?;
        Some(AuditKey { cluster: cluster.parse().ok()?, run: run.parse().ok()? })
    }

    /// The subjects of all audits.
    pub(super) fn subjects(&self) -> String {
        format!("{}.audits.*.*", self.0.name)
    }

    /// Makes what is not there.
    pub(super) async fn open(&self, context: &Context) -> Result<Place, QueueError> {
        let name = &self.0.name;
        let stream = context
            .get_or_create_stream(Config {
                name: format!("{name}-audits"),
                subjects: vec![self.subjects()],
                retention: RetentionPolicy::WorkQueue,
                storage: StorageType::File,
                discard: DiscardPolicy::New,
                num_replicas: self.0.replicas,
                max_message_size: 1024,
                ..Config::default()
            })
            .await
            .map_err(unavailable)?;
        let consumer = stream
            .create_consumer(pull::Config {
                durable_name: Some(format!("{name}-workers")),
                ack_policy: AckPolicy::Explicit,
                ack_wait: self.0.ack_wait,
                // Deaths are bounded by the workers, who also write down that the audit failed: the server would only
                // stop to hand it out.
                max_deliver: -1,
                // Audits that were given back for a while count as pending too.
                max_ack_pending: -1,
                ..pull::Config::default()
            })
            .await
            .map_err(unavailable)?;
        let returns = context
            .get_or_create_stream(Config {
                name: format!("{name}-returns"),
                subjects: vec![format!("{name}.returns.*")],
                storage: StorageType::File,
                num_replicas: self.0.replicas,
                // The newest count of each entry.
                max_messages_per_subject: 1,
                max_message_size: 64,
                max_age: KEEP_RETURNS,
                ..Config::default()
            })
            .await
            .map_err(unavailable)?;
        let (context, name) = (context.clone(), name.clone());
        Ok(Place { context, name, stream, consumer, returns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_its_audit() {
        let settings = NatsSettings::default();
        let cluster = "shop".parse().unwrap();
        let key = AuditKey { run: hexproof_core::id::RunId::derive(&cluster, &["x"]), cluster };
        let places = Places(&settings);
        assert_eq!(places.key(&places.subject(&key)), Some(key));
        for foreign in ["", "other.audits.a.b", "hexproof.audits.shop", "hexproof.audits.shop.x.y"] {
            assert_eq!(places.key(foreign), None, "{foreign}");
        }
    }
}
