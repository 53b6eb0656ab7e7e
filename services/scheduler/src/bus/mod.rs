//! What workers and servers tell one another while audits run: how far one is, that it ended, that it shall stop.
//!
//! Messages may be lost, doubled or late, and nothing depends on them but how soon something is seen: everything that
//! counts stands in the store and is read there from time to time. [`LocalBus`] serves one process, [`NatsBus`] any
//! number; [`Live`] remembers what was said, for those who ask and for those who watch.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use hexproof_core::audit::{AuditKey, Progress};

mod live;
mod local;
mod nats;

pub(crate) use live::next;
pub use live::{Live, Seen};
pub use local::LocalBus;
pub use nats::NatsBus;

use crate::queue::QueueError;

/// Something that is said of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The audit.
    pub key: AuditKey,
    /// What is said.
    pub news: News,
}

/// What is said of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is so far.
    Progress(Progress),
    /// It waits for a snapshot, and the process that says so looks after it.
    Awaiting,
    /// It has ended; the store says how.
    Ended,
    /// It shall stop; the store says who wants that.
    Cancel,
}

/// Carries signals to everyone who listens.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Says something. Returns soon, whether anybody hears it or not.
    async fn say(&self, signal: Signal);

    /// Everything that is said from now on. Whoever reads too slowly misses some.
    ///
    /// # Errors
    /// If the way of the signals is closed for the moment.
    async fn listen(&self) -> Result<BoxStream<'static, Signal>, QueueError>;
}

/// Says something of an audit.
pub(crate) async fn say(bus: &Arc<dyn Bus>, key: &AuditKey, news: News) {
    bus.say(Signal { key: key.clone(), news }).await;
}
