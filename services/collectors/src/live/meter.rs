//! How far a collection is.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts objects while they are read; may be looked at meanwhile.
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    announced: AtomicU64,
}

impl Meter {
    /// Objects read, and objects that the lists begun so far hold as far as the server said.
    #[must_use]
    pub fn now(&self) -> (u64, u64) {
        let read = self.read.load(Ordering::Relaxed);
        // A list that is begun anew is counted twice, on both sides.
        (read, self.announced.load(Ordering::Relaxed).max(read))
    }

    pub(super) fn read(&self, objects: u64) {
        self.read.fetch_add(objects, Ordering::Relaxed);
    }

    pub(super) fn announce(&self, objects: u64) {
        self.announced.fetch_add(objects, Ordering::Relaxed);
    }
}
