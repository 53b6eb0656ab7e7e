//! What is known of the audits that run: the newest progress of each, and one shared channel for all who watch it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use hexproof_core::audit::{AuditKey, AuditRecord, Progress, Stage};
use hexproof_core::port::{Clock, Runs};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Bus, News, Signal};

/// Watched audits are read again from the store this often, whatever is said of them.
const READ_EVERY: Duration = Duration::from_secs(5);
/// A progress that nobody repeated for so long is forgotten: its worker is gone.
const STALE_AFTER: Duration = Duration::from_secs(120);
/// Audits that are read from the store at the same time at most.
const READS: usize = 16;

/// An audit as it is seen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the store says.
    pub record: Arc<AuditRecord>,
    /// How far a worker has come; `None` if none was heard of.
    pub progress: Option<Progress>,
    /// When it was so.
    pub at: Timestamp,
}

impl Seen {
    /// Whether it has ended: nothing changes any more.
    pub fn ended(&self) -> bool {
        self.record.ended.is_some()
    }
}

/// What is known of the audits that run. One for each server; [`Live::run`] keeps it up to date.
pub struct Live {
    runs: Arc<dyn Runs>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    progress: BTreeMap<AuditKey, (Progress, Instant)>,
    watched: BTreeMap<AuditKey, watch::Sender<Seen>>,
}

impl Live {
    /// Nothing is known yet.
    pub fn new(runs: Arc<dyn Runs>, clock: Arc<dyn Clock>) -> Self {
        Self { runs, clock, known: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far an audit is, if a worker was heard of.
    pub fn progress(&self, key: &AuditKey) -> Option<Progress> {
        self.lock().progress.get(key).map(|(progress, _)| *progress)
    }

    /// Follows an audit whose record was just read. All who follow one audit share one channel, which holds the newest
    /// state only.
    pub fn follow(&self, record: AuditRecord) -> watch::Receiver<Seen> {
        let mut known = self.lock();
        let key = record.order.key.clone();
        let progress = known.progress.get(&key).map(|(progress, _)| *progress);
        let seen = Seen { record: Arc::new(record), progress, at: self.clock.now() };
        match known.watched.get(&key) {
            Some(sender) => {
                // What was just read may be newer than what the others saw.
                update(sender, |now| now.record = seen.record);
                sender.subscribe()
            }
            None => known.watched.entry(key).or_insert(watch::Sender::new(seen)).subscribe(),
        }
    }

    /// Listens to the bus and reads the store, until `stop` is cancelled.
    pub async fn run(&self, bus: Arc<dyn Bus>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(READ_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut signals: Option<BoxStream<'static, Signal>> = None;
        let mut ended = BTreeSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                signal = next(&mut signals) => match signal {
                    Some(signal) => ended.extend(self.hear(signal)),
                    None => signals = None,
                },
                // Only when no signal waits, so that many endings are read together.
                () = std::future::ready(()), if !ended.is_empty() => {
                    self.read(std::mem::take(&mut ended), &stop).await;
                }
                _ = tick.tick() => {
                    let watched = self.sweep();
                    self.read(watched, &stop).await;
                    // The first tick comes at once.
                    if signals.is_none() {
                        match bus.listen().await {
                            Ok(heard) => signals = Some(heard),
                            Err(error) => warn!(%error, "progress of audits cannot be heard"),
                        }
                    }
                }
            }
        }
    }

    /// Takes a signal in; returns the audit if it has to be read from the store.
    fn hear(&self, Signal { key, news }: Signal) -> Option<AuditKey> {
        let mut known = self.lock();
        let progress = match news {
            News::Progress(progress) => progress,
            News::Awaiting => Progress::begin(Stage::Waiting),
            News::Cancel => return None,
            News::Ended => {
                known.progress.remove(&key);
                return known.watched.contains_key(&key).then_some(key);
            }
        };
        if let Some(sender) = known.watched.get(&key) {
            let at = self.clock.now();
            update(sender, |now| (now.progress, now.at) = (Some(progress), at));
        }
        known.progress.insert(key, (progress, Instant::now()));
        None
    }

    /// Forgets what is stale and whom nobody watches; returns what is watched and has not ended.
    fn sweep(&self) -> BTreeSet<AuditKey> {
        let mut known = self.lock();
        known.progress.retain(|_, (_, heard)| heard.elapsed() < STALE_AFTER);
        known.watched.retain(|_, sender| sender.receiver_count() > 0);
        let open = known.watched.iter().filter(|(_, sender)| !sender.borrow().ended());
        open.map(|(key, _)| key.clone()).collect()
    }

    /// Reads audits from the store and tells those who watch them.
    async fn read(&self, keys: BTreeSet<AuditKey>, stop: &CancellationToken) {
        let reads = stream::iter(keys).for_each_concurrent(READS, |key| async move {
            let record = match self.runs.find(&key).await {
                Ok(Some(record)) => Arc::new(record),
                Ok(None) => return,
                Err(error) => {
                    debug!(%error, cluster = %key.cluster, run = %key.run, "watched audit cannot be read");
                    return;
                }
            };
            let known = self.lock();
            if let Some(sender) = known.watched.get(&key) {
                let progress = known.progress.get(&key).map(|(progress, _)| *progress);
                let at = self.clock.now();
                update(sender, |now| *now = Seen { record, progress, at });
            }
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = reads => {}
        }
    }
}

/// The next signal; never comes while there is nothing to listen to.
pub(crate) async fn next(signals: &mut Option<BoxStream<'static, Signal>>) -> Option<Signal> {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// Changes what is seen, and tells only if something changed. An ending is the last word.
fn update(sender: &watch::Sender<Seen>, change: impl FnOnce(&mut Seen)) {
    sender.send_if_modified(|now| {
        if now.ended() {
            return false;
        }
        let before = now.clone();
        change(now);
        now.record != before.record || now.progress != before.progress
    });
}
