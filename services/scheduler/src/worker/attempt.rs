//! One try at one audit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending, Progress, Stage};
use hexproof_core::port::{AuditError, Executed, StorageError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{LET_GO, Shared, chain};
use super::{Observe, Outcome};
use crate::bus::{News, say};
use crate::queue::{Delivery, QueueError};

/// How the work on an audit came out, before anything is written of it.
enum Work {
    Done(Ending),
    Failed(String),
    Cancelled(String),
    Awaiting,
    Retry,
    Crashed,
    Interrupted,
}

/// Carries one audit as far as it comes, and says to the queue what became of it. Every way out settles the delivery.
pub(super) async fn attempt(shared: &Arc<Shared>, delivery: Delivery, kill: &CancellationToken) {
    let key = delivery.key.clone();
    let begun = Instant::now();
    let record = match shared.runs.find(&key).await {
        Ok(Some(record)) => record,
        Ok(None) => {
            // Orders are recorded before they are queued: this one belongs to another store.
            warn!(cluster = %key.cluster, run = %key.run, "queue names an audit that the store does not know");
            return settled(&key, delivery.ack().await);
        }
        Err(error) => return back_off(shared, delivery, &error).await,
    };
    if record.ended.is_some() {
        shared.waiting.over(&key);
        return settled(&key, delivery.ack().await);
    }
    let (work, stage) = if let Some(subject) = record.cancel_requested.clone() {
        (Work::Cancelled(subject), Stage::Waiting)
    } else if delivery.deaths >= shared.limits.deaths {
        let reason = format!("its worker died {} times while it ran", delivery.deaths);
        (Work::Failed(reason), Stage::Waiting)
    } else {
        info!(cluster = %key.cluster, run = %key.run, attempt = delivery.attempt, "audit begins");
        let running = Running::begin(shared, &key);
        run(shared, &record, &delivery, &running.look, kill).await
    };
    finish(shared, delivery, work, stage, begun).await;
}

/// Writes down what became of an audit, first in the store, then in the queue.
async fn finish(shared: &Arc<Shared>, delivery: Delivery, work: Work, stage: Stage, begun: Instant) {
    let key = delivery.key.clone();
    let took = begun.elapsed();
    let ending = match work {
        Work::Done(ending) => ending,
        Work::Failed(reason) => Ending::Failed { reason },
        Work::Cancelled(subject) => Ending::Cancelled { subject },
        Work::Awaiting => {
            shared.observe.attempt(Outcome::Awaiting, stage, took);
            return awaiting(shared, delivery).await;
        }
        Work::Retry => {
            shared.observe.attempt(Outcome::Retried, stage, took);
            let pause = shared.limits.pause(&key, delivery.attempt);
            return back(shared, &key, delivery.nak(pause).await).await;
        }
        Work::Crashed => {
            shared.observe.attempt(Outcome::Crashed, stage, took);
            let pause = shared.limits.pause(&key, delivery.attempt);
            return back(shared, &key, delivery.crashed(pause).await).await;
        }
        Work::Interrupted => {
            shared.observe.attempt(Outcome::Interrupted, stage, took);
            return back(shared, &key, delivery.nak(Duration::ZERO).await).await;
        }
    };
    // The pipeline has written a success itself; that this one counts is seen here, too.
    let counts = match shared.runs.end(&key, &ending, shared.clock.now()).await {
        Ok(counts) => counts,
        Err(error) => {
            shared.observe.attempt(Outcome::Retried, stage, took);
            return back_off(shared, delivery, &error).await;
        }
    };
    let outcome = Outcome::from(&counts);
    shared.observe.attempt(outcome, stage, took);
    shared.waiting.over(&key);
    info!(
        cluster = %key.cluster, run = %key.run, outcome = outcome.word(), stage = stage.word(),
        milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "audit ended"
    );
    settled(&key, delivery.ack().await);
    say(&shared.bus, &key, News::Ended).await;
}

/// The audit leaves the queue until its snapshot comes, and is looked after by the reconciler.
async fn awaiting(shared: &Arc<Shared>, delivery: Delivery) {
    let key = delivery.key.clone();
    shared.waiting.begin(&key);
    settled(&key, delivery.ack().await);
    say(&shared.bus, &key, News::Awaiting).await;
    // What came while this worker still had the audit was not queued: it was in the queue.
    let news = async {
        let cancelled = shared.runs.find(&key).await?.is_some_and(|record| record.cancel_requested.is_some());
        Ok::<_, StorageError>(cancelled || shared.runs.snapshot(&key).await?.is_some())
    };
    match news.await {
        Ok(false) => {}
        Ok(true) => {
            if let Err(error) = shared.queue.push(&key).await {
                warn!(error = chain(&error), cluster = %key.cluster, run = %key.run, "audit not queued yet");
            }
        }
        Err(error) => debug!(error = chain(&error), "snapshot not looked for; the reconciler will"),
    }
}

async fn back_off(shared: &Arc<Shared>, delivery: Delivery, error: &StorageError) {
    let key = delivery.key.clone();
    let pause = shared.limits.pause(&key, delivery.attempt);
    let seconds = pause.as_secs_f64();
    warn!(error = chain(error), cluster = %key.cluster, run = %key.run, seconds, "audit waits for the store");
    back(shared, &key, delivery.nak(pause).await).await;
}

async fn back(shared: &Arc<Shared>, key: &AuditKey, result: Result<(), QueueError>) {
    settled(key, result);
    say(&shared.bus, key, News::Progress(Progress::begin(Stage::Waiting))).await;
}

/// Whatever the queue did not take will be handed out again, which does no harm.
fn settled(key: &AuditKey, result: Result<(), QueueError>) {
    if let Err(error) = result {
        warn!(error = chain(&error), cluster = %key.cluster, run = %key.run, "queue does not hear what became of an audit");
    }
}

/// Marks an audit as being at work here.
struct Running<'a> {
    shared: &'a Shared,
    key: &'a AuditKey,
    look: Arc<Notify>,
}

impl<'a> Running<'a> {
    fn begin(shared: &'a Shared, key: &'a AuditKey) -> Self {
        let look = Arc::new(Notify::new());
        let mut running = shared.running();
        running.insert(key.clone(), look.clone());
        shared.observe.running(running.len());
        drop(running);
        Self { shared, key, look }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.shared.running();
        running.remove(self.key);
        self.shared.observe.running(running.len());
    }
}

/// Measures stages and keeps the newest progress. The pipeline calls it as often as it likes.
struct Gauge {
    observe: Arc<dyn Observe>,
    stage: Mutex<(Stage, Instant)>,
    newest: watch::Sender<Progress>,
}

impl Gauge {
    fn told(&self, progress: Progress) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if stage.0 != progress.stage {
            self.observe.stage(stage.0, stage.1.elapsed());
            *stage = (progress.stage, Instant::now());
        }
        drop(stage);
        self.newest.send_if_modified(|newest| std::mem::replace(newest, progress) != progress);
    }

    fn stage(&self) -> Stage {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Runs the pipeline in a task of its own, so that neither its panics nor its idle loops reach the worker.
async fn run(
    shared: &Arc<Shared>,
    record: &AuditRecord,
    delivery: &Delivery,
    look: &Notify,
    kill: &CancellationToken,
) -> (Work, Stage) {
    let key = &delivery.key;
    let begin = Progress::begin(Stage::Collecting);
    let (newest, mut heard) = watch::channel(begin);
    let stage = Mutex::new((begin.stage, Instant::now()));
    let gauge = Arc::new(Gauge { observe: shared.observe.clone(), stage, newest });
    let mut task = Task(spawn(shared, &record.order, gauge.clone()));
    say(&shared.bus, key, News::Progress(begin)).await;

    let deadline = Instant::now() + shared.limits.audit;
    let mut beat = tokio::time::interval(shared.limits.heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    let (mut said, mut said_at) = (begin, Instant::now());
    let work = loop {
        tokio::select! {
            biased;
            ended = &mut task.0 => match ended {
                Ok(Ok(Executed::Ended(ending))) => break Work::Done(ending),
                Ok(Ok(Executed::Awaiting)) => break Work::Awaiting,
                Ok(Err(error)) => break refused(key, &error),
                Err(error) => {
                    let panicked = error.is_panic();
                    error!(cluster = %key.cluster, run = %key.run, panicked, "work on an audit crashed");
                    break Work::Crashed;
                }
            },
            () = kill.cancelled() => break Work::Interrupted,
            () = tokio::time::sleep_until(deadline) => {
                break Work::Failed(format!("it took longer than {}", spelled(shared.limits.audit)));
            }
            () = look.notified() => {
                if let Some(work) = told_to_stop(shared, key).await {
                    break work;
                }
            }
            _ = beat.tick() => {
                if let Err(error) = delivery.alive().await {
                    debug!(error = chain(&error), "queue does not hear that the worker is alive");
                }
                let newest = *heard.borrow();
                say(&shared.bus, key, News::Progress(newest)).await;
                if let Some(work) = told_to_stop(shared, key).await {
                    break work;
                }
            }
            // The sender lives as long as the gauge; a change within a stage waits for its time.
            () = changed(&mut heard, said, said_at + shared.limits.progress) => {
                said = *heard.borrow_and_update();
                said_at = Instant::now();
                say(&shared.bus, key, News::Progress(said)).await;
            }
        }
    };
    let stage = gauge.stage();
    if !matches!(work, Work::Done(_) | Work::Awaiting | Work::Retry | Work::Crashed) {
        task.let_go(key).await;
    }
    (work, stage)
}

/// Waits until there is something to say: at once for another stage, not before `due` for the same.
async fn changed(heard: &mut watch::Receiver<Progress>, said: Progress, due: Instant) {
    loop {
        let newest = *heard.borrow_and_update();
        let now = Instant::now();
        if newest.stage != said.stage || (newest != said && now >= due) {
            return;
        }
        let more = async {
            if heard.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = more => {}
            () = tokio::time::sleep_until(due), if newest != said => {}
        }
    }
}

/// Whether the audit has to stop: somebody wants it to, or another worker brought it to its end.
async fn told_to_stop(shared: &Shared, key: &AuditKey) -> Option<Work> {
    match shared.runs.find(key).await {
        Ok(Some(AuditRecord { ended: Some((ending, _)), .. })) => Some(Work::Done(ending)),
        Ok(Some(AuditRecord { cancel_requested: Some(subject), .. })) => Some(Work::Cancelled(subject)),
        Ok(_) => None,
        // The work goes on: whether the store answers will show when it has something to store.
        Err(error) => {
            debug!(error = chain(&error), "store does not say whether an audit shall stop");
            None
        }
    }
}

fn refused(key: &AuditKey, error: &AuditError) -> Work {
    match error {
        AuditError::Failed { reason, .. } => {
            warn!(error = chain(error), cluster = %key.cluster, run = %key.run, "audit failed");
            Work::Failed(reason.clone())
        }
        // What a newer core adds is no reason to lose an audit.
        _ => {
            warn!(error = chain(error), cluster = %key.cluster, run = %key.run, "audit will be tried again");
            Work::Retry
        }
    }
}

type Tried = Result<Executed, AuditError>;

fn spawn(shared: &Arc<Shared>, order: &AuditOrder, gauge: Arc<Gauge>) -> JoinHandle<Tried> {
    let (execute, order) = (shared.execute.clone(), order.clone());
    tokio::spawn(async move { execute.execute(&order, &|progress| gauge.told(progress)).await })
}

/// The pipeline's task; ends with whoever holds it.
struct Task(JoinHandle<Tried>);

impl Task {
    /// Drops the work and waits until it is gone, so that it does not go on beside the next attempt.
    async fn let_go(&mut self, key: &AuditKey) {
        self.0.abort();
        if self.0.is_finished() {
            return;
        }
        match tokio::time::timeout(LET_GO, &mut self.0).await {
            Ok(Err(error)) if error.is_panic() => {
                error!(cluster = %key.cluster, run = %key.run, "work on an audit crashed while it was dropped");
            }
            Ok(_) => {}
            Err(_) => error!(cluster = %key.cluster, run = %key.run, "work on an audit does not let go"),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A length of time in words.
pub(super) fn spelled(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        1 => "1 second".to_owned(),
        0 => format!("{} milliseconds", time.as_millis()),
        seconds => format!("{seconds} seconds"),
    }
}
