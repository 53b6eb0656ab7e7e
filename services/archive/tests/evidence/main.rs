//! What pages read of a store is what was stored, whatever becomes of what was derived from it.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

#[path = "../support/mod.rs"]
mod support;

mod extracts;
mod reading;
mod standings;

use std::sync::Arc;

use hexproof_archive::{Archive, EvidenceStore, PackStore};
use hexproof_core::id::ClusterId;
use hexproof_core::port::Clock;
use hexproof_testkit::evidence::catalogue;
use jiff::{Timestamp, ToSpan as _};
use std::sync::Mutex;

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn at(second: i64) -> Self {
        Self(Arc::new(Mutex::new(at(second))))
    }

    fn set(&self, second: i64) {
        *self.0.lock().unwrap() = at(second);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    "2026-11-24T10:00:00Z".parse::<Timestamp>().unwrap() + second.seconds()
}

fn cluster(name: &str) -> ClusterId {
    name.parse().unwrap()
}

fn evidence(archive: &Archive, clock: &Hand) -> EvidenceStore {
    EvidenceStore::new(PackStore::new(archive.clone()), Arc::new(catalogue()), Arc::new(clock.clone()))
}
