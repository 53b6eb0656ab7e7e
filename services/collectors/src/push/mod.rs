//! The agent that dials out: for clusters that nobody can call.
//!
//! [`grpc`] waits for collections to be asked for and delivers them, and delivers unasked ones at an interval.

pub mod grpc;

use std::time::Duration;

use async_trait::async_trait;
use tonic::transport::Channel;

pub use grpc::run;

/// Opens connections to the service. Each time anew, so that a certificate that was renewed meanwhile is used.
#[async_trait]
pub trait Connect: Send + Sync {
    /// A connection with which the service knows who is calling.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn connect(&self) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>>;
}

/// How an agent that dials out behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushOptions {
    /// How often it delivers without being asked; never, if nothing.
    pub interval: Option<Duration>,
    /// A connection is given up after this time and opened anew, with the certificate of then.
    pub renew: Duration,
    /// First wait before a connection is tried again; it doubles.
    pub first_wait: Duration,
    /// Longest wait before a connection is tried again.
    pub longest_wait: Duration,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self {
            interval: None,
            renew: Duration::from_secs(15 * 60),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
        }
    }
}
