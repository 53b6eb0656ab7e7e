//! What the core asks of the world: time. Everything else is a function of the input.

use jiff::Timestamp;

/// Tells the time. The program has one clock; tests have a fixed one.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// A clock that always tells the same time: for tests and for reproducible runs.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
