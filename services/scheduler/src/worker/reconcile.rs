//! Brings back what the queue has lost, and ends audits that waited too long for their snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hexproof_core::audit::{AuditKey, Ending};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::attempt::spelled;
use super::{Outcome, Shared, chain};
use crate::bus::{News, say};
use crate::queue::QueueError;

/// An audit that waits is queued again after so many rounds, in case nobody said that its snapshot is there.
const LOOK_AGAIN: u32 = 4;

/// Audits that wait for a snapshot and are therefore not in the queue.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Audits>);

#[derive(Default)]
struct Audits {
    /// Those whose last attempt was here: since when, and how many rounds ago they were looked at.
    here: BTreeMap<AuditKey, (Instant, u32)>,
    /// Those that another process looks after: when it last said so.
    elsewhere: BTreeMap<AuditKey, Instant>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Audits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An audit waits. The first time counts, however often it is tried meanwhile.
    pub(super) fn begin(&self, key: &AuditKey) {
        self.lock().here.entry(key.clone()).or_insert((Instant::now(), 0)).1 = 0;
    }

    /// An audit does not wait any more.
    pub(super) fn over(&self, key: &AuditKey) {
        let mut audits = self.lock();
        audits.here.remove(key);
        audits.elsewhere.remove(key);
    }

    /// Some process, perhaps this one, looks after an audit.
    pub(super) fn heard(&self, key: AuditKey) {
        self.lock().elsewhere.insert(key, Instant::now());
    }

    fn has(&self, key: &AuditKey) -> bool {
        let audits = self.lock();
        audits.here.contains_key(key) || audits.elsewhere.contains_key(key)
    }

    /// Those that this process looks after, one round later.
    fn round(&self, forget: Duration) -> Vec<(AuditKey, Instant, bool)> {
        let mut audits = self.lock();
        audits.elsewhere.retain(|_, heard| heard.elapsed() < forget);
        let round = audits.here.iter_mut().map(|(key, (since, rounds))| {
            *rounds += 1;
            (key.clone(), *since, *rounds % LOOK_AGAIN == 0)
        });
        round.collect()
    }
}

/// Goes round until `stop` is cancelled, the first time at once.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(shared.limits.reconcile);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A store or queue that does not answer at the start must not leave audits behind until something else happens.
    let mut everything = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let round = async {
            shared.observe.depth(shared.queue.depth().await.ok());
            sweep(&shared).await;
            everything |= shared.queue.speaks_for_all();
            if bring_back(&shared, everything).await {
                everything = false;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = round => {}
        }
    }
}

/// Queues unfinished audits that the queue does not hold; whether that was done. A queue that does not speak for all
/// gets `everything` once; later only what is so old that no other process can still be at it.
async fn bring_back(shared: &Shared, everything: bool) -> bool {
    let unfinished = match shared.runs.unfinished().await {
        Ok(unfinished) => unfinished,
        Err(error) => {
            warn!(error = chain(&error), "unfinished audits cannot be listed");
            return false;
        }
    };
    let held = match shared.queue.holds().await {
        Ok(held) => held,
        Err(error) => {
            warn!(error = chain(&error), "queue does not say what it holds");
            return false;
        }
    };
    let now = shared.clock.now();
    let mut brought = 0_u32;
    for record in unfinished {
        let key = &record.order.key;
        let age = Duration::try_from(now.duration_since(record.order.created)).unwrap_or_default();
        let ours = everything || age > shared.limits.audit + shared.limits.reconcile;
        if held.contains(key) || shared.waiting.has(key) || shared.running().contains_key(key) || !ours {
            continue;
        }
        match shared.queue.push(key).await {
            Ok(()) => brought += 1,
            Err(error @ QueueError::Full(_)) => {
                warn!(error = chain(&error), "the rest of the unfinished audits waits");
                return false;
            }
            Err(error) => {
                warn!(error = chain(&error), "unfinished audits cannot be queued");
                return false;
            }
        }
    }
    if brought > 0 {
        info!(audits = brought, "unfinished audits queued again");
    }
    true
}

/// Looks after the audits that wait for a snapshot.
async fn sweep(shared: &Arc<Shared>) {
    for (key, since, look_again) in shared.waiting.round(shared.limits.reconcile * 3) {
        let record = match shared.runs.find(&key).await {
            Ok(record) => record,
            Err(error) => {
                warn!(error = chain(&error), "audits that wait for a snapshot cannot be read");
                return;
            }
        };
        let Some(record) = record.filter(|record| record.ended.is_none()) else {
            shared.waiting.over(&key);
            continue;
        };
        if record.cancel_requested.is_none() && since.elapsed() >= shared.limits.patience {
            give_up(shared, &key).await;
            continue;
        }
        if (record.cancel_requested.is_some() || look_again)
            && let Err(error) = shared.queue.push(&key).await
        {
            warn!(error = chain(&error), cluster = %key.cluster, run = %key.run, "audit not queued yet");
        }
        say(&shared.bus, &key, News::Awaiting).await;
    }
}

async fn give_up(shared: &Arc<Shared>, key: &AuditKey) {
    let reason = format!("no snapshot was delivered within {}", spelled(shared.limits.patience));
    match shared.runs.end(key, &Ending::Failed { reason }, shared.clock.now()).await {
        Ok(counts) => {
            let stage = hexproof_core::audit::Stage::Waiting;
            shared.observe.attempt(Outcome::from(&counts), stage, shared.limits.patience);
            warn!(cluster = %key.cluster, run = %key.run, "audit waited in vain for a snapshot");
            shared.waiting.over(key);
            say(&shared.bus, key, News::Ended).await;
        }
        Err(error) => warn!(error = chain(&error), "audit that waited in vain cannot be ended yet"),
    }
}
