//! The queue that audits wait in.
//!
//! The store is the truth about what is to be done, the queue only a hint who does it next: an entry that is lost is
//! pushed again from [`Runs::unfinished`](hexproof_core::port::Runs::unfinished), an entry that is there twice is
//! found to be done. [`LocalQueue`] serves one process; [`nats::NatsQueue`] any number of them.
//!
//! An entry is handed out to one worker at a time. A worker that vanishes without a word is taken for dead, and the
//! entry is handed out again with one more death on it.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_core::audit::AuditKey;
use tokio_util::sync::CancellationToken;

mod local;
pub mod nats;

pub use local::LocalQueue;

/// Why the queue did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The queue does not answer: try again later.
    #[error("the queue does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The queue takes no more at present.
    #[error("the queue holds {0} audits and takes no more")]
    Full(usize),
    /// The address of the queue, or a file that it names, cannot be used.
    #[error("queue address: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
        /// The cause.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// How much there is in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Audits that wait for a worker.
    pub waiting: u64,
    /// Audits that a worker has, or gave back for a while.
    pub taken: u64,
}

/// Where audits wait for a worker.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts an audit at the end. One that is there already, or in the hands of a worker, is left as it is.
    async fn push(&self, key: &AuditKey) -> Result<(), QueueError>;

    /// Waits for the next audit; `None` once `stop` is cancelled. Let it run to its end rather than dropping it: an
    /// audit may just be on its way.
    async fn pull(&self, stop: &CancellationToken) -> Result<Option<Delivery>, QueueError>;

    /// How much there is.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// Every audit that waits or is in the hands of a worker.
    async fn holds(&self) -> Result<BTreeSet<AuditKey>, QueueError>;

    /// Whether an unfinished audit that this queue does not hold is surely in nobody's hands. A queue of one process
    /// knows nothing about what other processes do, but it knows when it had to refuse an audit.
    fn speaks_for_all(&self) -> bool;
}

/// An audit in the hands of a worker. Dropping it means that the worker died.
pub struct Delivery {
    /// The audit.
    pub key: AuditKey,
    /// How often it has been handed out, this time included.
    pub attempt: u32,
    /// How many workers died with it.
    pub deaths: u32,
    hold: Box<dyn Hold>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, attempt, deaths, hold: _ } = self;
        f.debug_struct("Delivery")
            .field("key", key)
            .field("attempt", attempt)
            .field("deaths", deaths)
            .finish_non_exhaustive()
    }
}

impl Delivery {
    /// Takes the audit out of the queue.
    ///
    /// # Errors
    /// If the queue does not answer; the audit may then be handed out once more.
    pub async fn ack(self) -> Result<(), QueueError> {
        self.hold.settle(Settle::Done).await
    }

    /// Gives the audit back, to be handed out again after `delay`. Nobody is to blame.
    ///
    /// # Errors
    /// If the queue does not answer; it takes the worker for dead after a while.
    pub async fn nak(self, delay: Duration) -> Result<(), QueueError> {
        self.hold.settle(Settle::Back { delay, death: false }).await
    }

    /// Gives the audit back after `delay` because the work on it crashed: counts as a death.
    ///
    /// # Errors
    /// As [`Delivery::nak`].
    pub async fn crashed(self, delay: Duration) -> Result<(), QueueError> {
        self.hold.settle(Settle::Back { delay, death: true }).await
    }

    /// Says that the worker is alive and at work. To be said a few times within [`nats::NatsSettings::ack_wait`].
    ///
    /// # Errors
    /// If the queue does not answer.
    pub async fn alive(&self) -> Result<(), QueueError> {
        self.hold.alive().await
    }
}

/// What becomes of an entry.
enum Settle {
    Done,
    Back { delay: Duration, death: bool },
}

/// The queue's side of a [`Delivery`].
#[async_trait]
trait Hold: Send + Sync {
    async fn settle(self: Box<Self>, how: Settle) -> Result<(), QueueError>;
    async fn alive(&self) -> Result<(), QueueError>;
}
