//! Names of what the queue keeps at the server, and how it is made.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use hexproof_core::audit::AuditKey;

use super::tally::Tallies;
use super::{NatsSettings, QueueError, unavailable};

/// What is there at the server.
pub(super) struct Place {
    pub(super) stream: Stream,
    pub(super) consumer: Consumer<pull::Config>,
    pub(super) tallies: Tallies,
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
        let workers = format!("{name}-workers");
        let consumer = stream
            .get_or_create_consumer(
                &workers,
                pull::Config {
                    durable_name: Some(workers.clone()),
                    ack_policy: AckPolicy::Explicit,
                    ack_wait: self.0.ack_wait,
                    // Deaths are bounded by the workers, who also write down that the audit failed: the server would only
                    // stop to hand it out.
                    max_deliver: -1,
                    // Audits that were given back for a while count as pending too.
                    max_ack_pending: -1,
                    ..pull::Config::default()
                },
            )
            .await
            .map_err(unavailable)?;
        let tallies = Tallies::open(context, self.0).await?;
        Ok(Place { stream, consumer, tallies })
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
