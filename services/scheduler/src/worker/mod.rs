//! The workers: take audits from the queue and carry each to its end.
//!
//! `attempt` is one try at one audit, `reconcile` brings back what the queue has lost and ends what waited too long,
//! `limits` says how long everything may take, `observe` who is told of it.
//!
//! An audit ends in the store and nowhere else, and the first ending counts. Everything a worker does can therefore be
//! done twice, and a worker may die at any point: what it had goes back to the queue, and what the queue loses is found
//! in the store as unfinished.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hexproof_core::audit::AuditKey;
use hexproof_core::port::{Clock, Execute, Runs};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bus::{Bus, News, Signal, next};
use crate::queue::Queue;

mod attempt;
mod limits;
mod observe;
mod reconcile;

pub use limits::Limits;
pub use observe::{Observe, Outcome, Unobserved};
use reconcile::Waiting;

/// How long work that was dropped may take until it is gone.
const LET_GO: Duration = Duration::from_secs(5);
/// Longest pause while the queue does not answer.
const QUEUE_PAUSE: Duration = Duration::from_secs(5);

/// The workers of one process.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    queue: Arc<dyn Queue>,
    runs: Arc<dyn Runs>,
    execute: Arc<dyn Execute>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    observe: Arc<dyn Observe>,
    limits: Limits,
    /// The audits at work here, with what tells each to look into the store whether it shall stop.
    running: Mutex<BTreeMap<AuditKey, Arc<tokio::sync::Notify>>>,
    waiting: Waiting,
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<AuditKey, Arc<tokio::sync::Notify>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workers {
    /// Workers that do nothing until they are run.
    pub fn new(
        queue: Arc<dyn Queue>,
        runs: Arc<dyn Runs>,
        execute: Arc<dyn Execute>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        let (running, waiting) = (Mutex::default(), Waiting::default());
        let observe = Arc::new(Unobserved);
        Self(Arc::new(Shared { queue, runs, execute, bus, clock, observe, limits, running, waiting }))
    }

    /// Tells `observe` what happens.
    #[must_use]
    pub fn observed_by(self, observe: Arc<dyn Observe>) -> Self {
        let Shared { queue, runs, execute, bus, clock, limits, .. } = &*self.0;
        let (queue, runs, execute) = (queue.clone(), runs.clone(), execute.clone());
        let (bus, clock, limits) = (bus.clone(), clock.clone(), limits.clone());
        let (running, waiting) = (Mutex::default(), Waiting::default());
        Self(Arc::new(Shared { queue, runs, execute, bus, clock, observe, limits, running, waiting }))
    }

    /// Works until `stop` is cancelled. Then takes no more audits, lets those at work go on for [`Limits::grace`], drops
    /// the rest and gives them back to the queue. Returns when all that is done.
    pub async fn run(&self, stop: CancellationToken) {
        let shared = &self.0;
        let kill = CancellationToken::new();
        let mut helpers = JoinSet::new();
        helpers.spawn(listen(shared.clone(), stop.clone()));
        helpers.spawn(reconcile::run(shared.clone(), stop.clone()));
        let mut workers = JoinSet::new();
        for _ in 0..shared.limits.workers.max(1) {
            workers.spawn(work(shared.clone(), stop.clone(), kill.clone()));
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = workers.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "worker died; another one takes its place");
                    }
                    workers.spawn(work(shared.clone(), stop.clone(), kill.clone()));
                }
            }
        }
        info!(running = shared.running().len(), "workers stop");
        if tokio::time::timeout(shared.limits.grace, drain(&mut workers)).await.is_err() {
            warn!(running = shared.running().len(), "audits are given back unfinished");
            kill.cancel();
            if tokio::time::timeout(LET_GO * 2, drain(&mut workers)).await.is_err() {
                error!("work on audits does not let go");
            }
        }
        workers.shutdown().await;
        helpers.shutdown().await;
    }
}

async fn drain(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            error!(%error, "worker died");
        }
    }
}

/// One worker: one audit after the other.
async fn work(shared: Arc<Shared>, stop: CancellationToken, kill: CancellationToken) {
    let mut failures = 0_u32;
    loop {
        match shared.queue.pull(&stop).await {
            Ok(None) => return,
            // It was on its way when the stop came.
            Ok(Some(delivery)) if stop.is_cancelled() => {
                if let Err(error) = delivery.nak(Duration::ZERO).await {
                    warn!(error = chain(&error), "audit comes back to the queue later");
                }
                return;
            }
            Ok(Some(delivery)) => {
                failures = 0;
                attempt::attempt(&shared, delivery, &kill).await;
            }
            Err(error) => {
                warn!(error = chain(&error), "queue does not hand out audits");
                let pause = Duration::from_millis(100).saturating_mul(1 << failures.min(6)).min(QUEUE_PAUSE);
                failures = failures.saturating_add(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// Hears who shall stop, and what waits elsewhere.
async fn listen(shared: Arc<Shared>, stop: CancellationToken) {
    let mut signals = None;
    loop {
        if signals.is_none() {
            match shared.bus.listen().await {
                Ok(heard) => signals = Some(heard),
                Err(error) => warn!(error = chain(&error), "requests to stop cannot be heard at once"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(QUEUE_PAUSE), if signals.is_none() => {}
            signal = next(&mut signals) => match signal {
                None => signals = None,
                Some(Signal { key, news: News::Cancel }) => {
                    if let Some(look) = shared.running().get(&key) {
                        look.notify_one();
                    }
                }
                Some(Signal { key, news: News::Awaiting }) => shared.waiting.heard(key),
                Some(Signal { news: News::Progress(_) | News::Ended, .. }) => {}
            },
        }
    }
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
