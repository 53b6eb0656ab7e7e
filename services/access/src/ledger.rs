//! Writes what was done or refused into the access log.
//!
//! What was done is written before the caller gets its answer. Refusals are written beside it, at most a few a minute,
//! so that a flood of them neither fills the store nor keeps anybody waiting; how many were left out stands in the
//! program's own log.

use std::sync::{Arc, Mutex, PoisonError};

use hexproof_core::access::{AccessEntry, AccessOutcome, Caller, Trail};
use hexproof_core::port::{AccessLog, Clock, StorageError};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

/// Refusals of one kind that are written in a minute.
const REFUSALS: u32 = 60;
/// Entries that may wait for the store without anybody waiting for them.
const WAITING: usize = 256;

/// Who is refused: one bucket each, so that strangers cannot drown the refusals of known callers.
#[derive(Debug, Default)]
struct Bucket {
    minute: i64,
    written: u32,
    left_out: u64,
}

/// Writes entries.
pub(crate) struct Ledger {
    /// Agents keep none.
    log: Option<Arc<dyn AccessLog>>,
    clock: Arc<dyn Clock>,
    strangers: Mutex<Bucket>,
    known: Mutex<Bucket>,
    tasks: TaskTracker,
}

impl Ledger {
    pub(crate) fn new(log: Option<Arc<dyn AccessLog>>, clock: Arc<dyn Clock>) -> Self {
        let (strangers, known) = (Mutex::default(), Mutex::default());
        Self { log, clock, strangers, known, tasks: TaskTracker::new() }
    }

    /// What is to be written of a call.
    pub(crate) fn entry(
        &self,
        caller: Option<&Caller>,
        action: &str,
        trail: &Trail,
        outcome: AccessOutcome,
    ) -> AccessEntry {
        let (cluster, object) = trail.touched();
        AccessEntry {
            at: self.clock.now(),
            subject: caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.subject.clone()),
            authentication: caller.map(|caller| caller.authentication),
            action: action.to_owned(),
            cluster,
            object,
            outcome,
        }
    }

    /// Writes an entry; it is durable when this returns.
    pub(crate) async fn write(&self, entry: &AccessEntry) -> Result<(), StorageError> {
        match &self.log {
            Some(log) => log.append(entry).await,
            None => Ok(()),
        }
    }

    /// Writes an entry for which nobody waits.
    pub(crate) fn leave(&self, entry: AccessEntry) {
        let Some(log) = self.log.clone() else { return };
        let runtime = tokio::runtime::Handle::try_current();
        let (Ok(runtime), true) = (runtime, self.tasks.len() < WAITING) else {
            error!(action = entry.action, subject = entry.subject, "an entry of the access log is lost");
            return;
        };
        self.tasks.spawn_on(
            async move {
                if let Err(error) = log.append(&entry).await {
                    let (action, subject) = (&entry.action, &entry.subject);
                    error!(action, subject, error = chain(&error), "an entry of the access log is lost");
                }
            },
            &runtime,
        );
    }

    /// Notes a refusal.
    pub(crate) fn refused(&self, caller: Option<&Caller>, action: &str, trail: &Trail) {
        let entry = self.entry(caller, action, trail, AccessOutcome::Refused);
        let bucket = if caller.is_some() { &self.known } else { &self.strangers };
        let minute = entry.at.as_second().div_euclid(60);
        let (write, left_out) = {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            let mut left_out = 0;
            if bucket.minute != minute {
                left_out = bucket.left_out;
                *bucket = Bucket { minute, ..Bucket::default() };
            }
            let write = bucket.written < REFUSALS;
            match write {
                true => bucket.written += 1,
                false => bucket.left_out += 1,
            }
            (write, left_out)
        };
        if left_out > 0 {
            warn!(
                left_out,
                known = caller.is_some(),
                "refusals of an earlier minute are not in the access log"
            );
        }
        if write {
            self.leave(entry);
        }
    }

    /// Waits until everything is written.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
