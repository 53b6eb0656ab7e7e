//! Signals between processes, by NATS: `<name>.<word>.<cluster>.<run>`, such as `hexproof.progress.shop.<uuid>`.

use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use hexproof_core::audit::{AuditKey, Progress};
use tracing::debug;

use super::{Bus, News, Signal};
use crate::queue::QueueError;

/// A message that cannot be handed to the client within this time is dropped.
const PATIENCE: Duration = Duration::from_millis(200);

/// A bus of all processes at one NATS server. Signals are not kept.
pub struct NatsBus {
    client: Client,
    name: String,
}

impl NatsBus {
    /// A bus behind a connection that [`connect`](crate::queue::nats::connect) made; `name` as in
    /// [`NatsSettings`](crate::queue::nats::NatsSettings).
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    fn subject(&self, key: &AuditKey, news: News) -> String {
        let word = match news {
            News::Progress(_) => "progress",
            News::Awaiting => "awaiting",
            News::Ended => "ended",
            News::Cancel => "cancel",
        };
        format!("{}.{word}.{}.{}", self.name, key.cluster, key.run)
    }
}

/// The signal of a subject and its payload; `None` for what no process of ours says.
fn heard(name: &str, subject: &str, payload: &[u8]) -> Option<Signal> {
    let rest = subject.strip_prefix(name)?.strip_prefix('.')?;
    let mut parts = rest.splitn(3, '.');
    let (word, cluster, run) = (parts.next()?, parts.next()?, parts.next()?);
    let news = match word {
        "progress" => News::Progress(serde_json::from_slice::<Progress>(payload).ok()?),
        "awaiting" => News::Awaiting,
        "ended" => News::Ended,
        "cancel" => News::Cancel,
        _ => return None,
    };
    Some(Signal { key: AuditKey { cluster: cluster.parse().ok()?, run: run.parse().ok()? }, news })
}

#[async_trait]
impl Bus for NatsBus {
    async fn say(&self, signal: Signal) {
        // The client would keep it until it is connected again; by then it is stale.
        if self.client.connection_state() != State::Connected {
            return;
        }
        let payload = match signal.news {
            News::Progress(progress) => serde_json::to_vec(&progress).unwrap_or_default(),
            News::Awaiting | News::Ended | News::Cancel => Vec::new(),
        };
        let subject = self.subject(&signal.key, signal.news);
        let publish = self.client.publish(subject, payload.into());
        match tokio::time::timeout(PATIENCE, publish).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "signal not sent"),
            Err(_) => debug!("signal not sent in time"),
        }
    }

    async fn listen(&self) -> Result<BoxStream<'static, Signal>, QueueError> {
        let mut streams = Vec::new();
        for word in ["progress", "awaiting", "ended", "cancel"] {
            let subscribe = self.client.subscribe(format!("{}.{word}.*.*", self.name));
            let subscribed = tokio::time::timeout(Duration::from_secs(5), subscribe)
                .await
                .map_err(|error| QueueError::Unavailable(Box::new(error)))?;
            streams.push(subscribed.map_err(|error| QueueError::Unavailable(Box::new(error)))?);
        }
        let name = self.name.clone();
        let signals = stream::select_all(streams)
            .filter_map(move |message| std::future::ready(heard(&name, &message.subject, &message.payload)));
        Ok(signals.boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_of_ours_says_is_not_heard() {
        let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
        assert!(heard("hexproof", &format!("hexproof.ended.shop.{run}"), b"").is_some());
        let progress = br#"{"stage":"scoring","done":1,"total":2}"#;
        assert!(heard("hexproof", &format!("hexproof.progress.shop.{run}"), progress).is_some());
        for (subject, payload) in [
            ("hexproof.progress.shop.x", &progress[..]),
            ("hexproof.ended.SHOP.0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b", b""),
            ("hexproof.other.shop.0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b", b""),
            ("hexproof.progress.shop.0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b", b"{}"),
            ("hexproof", b""),
        ] {
            assert_eq!(heard("hexproof", subject, payload), None, "{subject}");
        }
    }
}
