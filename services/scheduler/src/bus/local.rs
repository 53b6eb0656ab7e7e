//! Signals within one process.

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use super::{Bus, Signal};
use crate::queue::QueueError;

/// Signals that wait for a slow listener at most.
const BACKLOG: usize = 1024;

/// A bus within one process.
pub struct LocalBus(broadcast::Sender<Signal>);

impl LocalBus {
    /// A bus to which nobody listens yet.
    pub fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn say(&self, signal: Signal) {
        // An error only says that nobody listens.
        let _ = self.0.send(signal);
    }

    async fn listen(&self) -> Result<BoxStream<'static, Signal>, QueueError> {
        // What was missed is missed.
        Ok(BroadcastStream::new(self.0.subscribe()).filter_map(|signal| async { signal.ok() }).boxed())
    }
}
