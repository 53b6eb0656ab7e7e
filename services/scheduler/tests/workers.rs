//! Workers in one process: every audit ends once, whatever happens on the way.
#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use hexproof_core::audit::{Ending, Stage};
use hexproof_core::port::Runs;
use hexproof_scheduler::bus::{Bus, LocalBus, News, Signal};
use hexproof_scheduler::queue::{LocalQueue, Queue};
use hexproof_scheduler::worker::{Limits, Observe, Outcome, Workers};
use hexproof_testkit::MemoryRuns;
use support::work::{Act, Work, success};
use support::{all_ended, clock, limits, now, order, order_all, until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// One process: its queue and bus go with it, the store stays.
struct Process {
    queue: Arc<LocalQueue>,
    bus: Arc<LocalBus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Process {
    fn start(runs: &MemoryRuns, work: &Arc<Work>, limits: Limits) -> Self {
        let (queue, bus) = (Arc::new(LocalQueue::default()), Arc::new(LocalBus::new()));
        let workers =
            Workers::new(queue.clone(), Arc::new(runs.clone()), work.clone(), bus.clone(), clock(), limits);
        let stop = CancellationToken::new();
        let token = stop.clone();
        let task = tokio::spawn(async move { workers.run(token).await });
        Self { queue, bus, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As `kill -9` would: nothing is given back.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

fn work(
    runs: &MemoryRuns,
    act: impl Fn(&hexproof_core::audit::AuditOrder, usize) -> Act + Send + Sync + 'static,
) -> Arc<Work> {
    Work::new(Arc::new(runs.clone()), act)
}

async fn ending(runs: &MemoryRuns, key: &hexproof_core::audit::AuditKey) -> Option<Ending> {
    runs.find(key).await.unwrap().unwrap().ended.map(|(ending, _)| ending)
}

fn failure(reason: &str) -> Option<Ending> {
    Some(Ending::Failed { reason: reason.into() })
}

#[tokio::test]
async fn audits_that_were_under_way_at_a_kill_are_resumed_at_the_next_start() {
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 30).await;
    // The first two that begin hang; the process is killed with them.
    let first = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &first, limits());
    until("two audits are under way", || async { first.begun().len() == 2 }).await;
    process.kill().await;
    until("their work is gone", || async { first.dropped() == 2 }).await;

    let second = work(&runs, |_, _| Act::Succeed);
    let process = Process::start(&runs, &second, limits());
    all_ended(&runs).await;
    process.stop().await;
    assert_eq!(second.begun().len(), 30, "each audit is run once");
    for key in &keys {
        assert_eq!(ending(&runs, key).await, Some(success()));
    }
}

#[tokio::test]
async fn a_stop_lets_audits_finish_within_the_grace() {
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 2).await;
    let work = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &work, Limits { grace: Duration::from_secs(30), ..limits() });
    until("both are under way", || async { work.begun().len() == 2 }).await;
    process.stop.cancel();
    work.release(2);
    process.task.await.unwrap();
    for key in &keys {
        assert_eq!(ending(&runs, key).await, Some(success()));
    }
    assert_eq!(work.dropped(), 0);
}

#[tokio::test]
async fn a_stop_gives_back_what_does_not_finish_and_blames_nobody() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &work, limits());
    until("it is under way", || async { work.begun().len() == 1 }).await;
    let queue = process.queue.clone();
    process.stop().await;
    assert_eq!((work.dropped(), ending(&runs, &key).await), (1, None));
    let delivery = queue.pull(&CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!((delivery.key.clone(), delivery.deaths), (key, 0));
}

#[tokio::test]
async fn nothing_is_lost_while_the_store_is_down() {
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 20).await;
    let work = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &work, limits());
    until("audits are under way", || async { work.begun().len() == 2 }).await;
    runs.set_down(true);
    let calls = runs.calls();
    work.release(40);
    until("the workers try again and again", || async { runs.calls() > calls + 20 }).await;
    assert!(runs.all().iter().filter(|record| record.ended.is_some()).count() == 0);
    runs.set_down(false);
    all_ended(&runs).await;
    process.stop().await;
    for key in &keys {
        assert_eq!(ending(&runs, key).await, Some(success()));
    }
}

#[tokio::test]
async fn a_store_that_is_down_at_the_start_leaves_nothing_behind() {
    let runs = MemoryRuns::new();
    order_all(&runs, 5).await;
    runs.set_down(true);
    let work = work(&runs, |_, _| Act::Succeed);
    let process = Process::start(&runs, &work, limits());
    until("it was asked", || async { runs.calls() > 7 }).await;
    runs.set_down(false);
    all_ended(&runs).await;
    process.stop().await;
    assert_eq!(work.begun().len(), 5);
}

#[tokio::test]
async fn an_audit_that_kills_its_workers_fails_with_that_reason_and_leaves_the_others_alone() {
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 4).await;
    let bad = keys[1].clone();
    let crashing = bad.clone();
    let work = work(&runs, move |order, _| match order.key == crashing {
        true => Act::Panic,
        false => Act::Succeed,
    });
    let process = Process::start(&runs, &work, limits());
    all_ended(&runs).await;
    process.stop().await;
    assert_eq!(ending(&runs, &bad).await, failure("its worker died 3 times while it ran"));
    assert_eq!(work.begun().iter().filter(|key| **key == bad).count(), 3);
    for key in keys.iter().filter(|key| **key != bad) {
        assert_eq!(ending(&runs, key).await, Some(success()));
    }
}

#[tokio::test]
async fn an_audit_that_meets_a_store_that_is_down_is_tried_until_it_works() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, earlier| if earlier < 6 { Act::Retry } else { Act::Succeed });
    let process = Process::start(&runs, &work, limits());
    all_ended(&runs).await;
    process.stop().await;
    assert_eq!((ending(&runs, &key).await, work.begun().len()), (Some(success()), 7));
}

#[tokio::test]
async fn a_failure_ends_the_audit_with_its_reason() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Fail);
    let process = Process::start(&runs, &work, limits());
    all_ended(&runs).await;
    process.stop().await;
    assert_eq!((ending(&runs, &key).await, work.begun().len()), (failure("it rained"), 1));
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_takes_too_long_is_dropped_and_has_failed() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &work, Limits::default());
    all_ended_late(&runs, 31 * 60).await;
    process.stop().await;
    assert_eq!(ending(&runs, &key).await, failure("it took longer than 30 minutes"));
    assert_eq!(work.dropped(), 1);
}

/// With paused time, waiting costs nothing.
async fn all_ended_late(runs: &MemoryRuns, seconds: u64) {
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if runs.unfinished().await.unwrap().is_empty() {
            return;
        }
    }
    panic!("audits did not end within {seconds} seconds");
}

#[tokio::test]
async fn a_cancelled_audit_stops_at_once_and_says_who_wanted_it() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Wait);
    // Only the signal can be so fast.
    let slow = Limits { heartbeat: Duration::from_secs(3600), ..limits() };
    let process = Process::start(&runs, &work, slow);
    until("it is under way", || async { work.begun().len() == 1 }).await;
    runs.request_cancel(&key, "ada", now()).await.unwrap();
    process.bus.say(Signal { key: key.clone(), news: News::Cancel }).await;
    all_ended(&runs).await;
    assert_eq!(ending(&runs, &key).await, Some(Ending::Cancelled { subject: "ada".into() }));
    assert_eq!(work.dropped(), 1);
    process.stop().await;
}

#[tokio::test]
async fn a_lost_cancel_signal_is_made_up_for_by_the_store() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Wait);
    let process = Process::start(&runs, &work, limits());
    until("it is under way", || async { work.begun().len() == 1 }).await;
    runs.request_cancel(&key, "ada", now()).await.unwrap();
    all_ended(&runs).await;
    assert_eq!(ending(&runs, &key).await, Some(Ending::Cancelled { subject: "ada".into() }));
    process.stop().await;
}

#[tokio::test]
async fn an_audit_waits_for_its_snapshot_outside_the_queue() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Await);
    let process = Process::start(&runs, &work, Limits { reconcile: Duration::from_secs(3600), ..limits() });
    let idle = || async { work.begun().len() == 1 && process.queue.holds().await.unwrap().is_empty() };
    until("it left the queue", idle).await;
    runs.put_snapshot(&key, "snapshot".into()).await.unwrap();
    process.queue.push(&key).await.unwrap();
    all_ended(&runs).await;
    assert_eq!(ending(&runs, &key).await, Some(success()));
    process.stop().await;
}

#[tokio::test]
async fn a_snapshot_that_nobody_announced_is_found() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Await);
    let process = Process::start(&runs, &work, Limits { reconcile: Duration::from_millis(30), ..limits() });
    until("it waits", || async { work.begun().len() == 1 }).await;
    runs.put_snapshot(&key, "snapshot".into()).await.unwrap();
    all_ended(&runs).await;
    assert_eq!(ending(&runs, &key).await, Some(success()));
    process.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_audit_that_waits_too_long_for_its_snapshot_has_failed() {
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let work = work(&runs, |_, _| Act::Await);
    let process = Process::start(&runs, &work, Limits::default());
    all_ended_late(&runs, 16 * 60).await;
    process.stop().await;
    assert_eq!(ending(&runs, &key).await, failure("no snapshot was delivered within 15 minutes"));
    // Looked at now and then, not all the time.
    assert!(work.begun().len() <= 10, "{} attempts", work.begun().len());
}

#[tokio::test]
async fn an_audit_that_ended_elsewhere_is_not_run() {
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 2).await;
    let work = work(&runs, |_, _| Act::Succeed);
    runs.end(&keys[0], &success(), now()).await.unwrap();
    let process = Process::start(&runs, &work, limits());
    process.queue.push(&keys[0]).await.unwrap();
    process.queue.push(&order("nowhere", "unknown").key).await.unwrap();
    all_ended(&runs).await;
    until("the queue is empty", || async { process.queue.holds().await.unwrap().is_empty() }).await;
    process.stop().await;
    assert_eq!(work.begun(), [keys[1].clone()]);
}

#[derive(Default)]
struct Counted(std::sync::Mutex<Vec<(Outcome, Stage)>>);

impl Observe for Counted {
    fn running(&self, _: usize) {}
    fn stage(&self, _: Stage, _: Duration) {}
    fn attempt(&self, outcome: Outcome, stage: Stage, _: Duration) {
        self.0.lock().unwrap().push((outcome, stage));
    }
    fn depth(&self, _: Option<hexproof_scheduler::queue::Depth>) {}
}

#[tokio::test]
async fn every_attempt_is_counted_with_its_outcome_and_stage() {
    let runs = MemoryRuns::new();
    order_all(&runs, 1).await;
    let acts = [Act::Retry, Act::Panic, Act::Fail];
    let work = work(&runs, move |_, earlier| acts[earlier]);
    let (queue, bus) = (Arc::new(LocalQueue::default()), Arc::new(LocalBus::new()));
    let counted = Arc::new(Counted::default());
    let workers = Workers::new(queue, Arc::new(runs.clone()), work, bus, clock(), limits());
    let workers = workers.observed_by(counted.clone());
    let stop = CancellationToken::new();
    let token = stop.clone();
    let task = tokio::spawn(async move { workers.run(token).await });
    all_ended(&runs).await;
    stop.cancel();
    task.await.unwrap();
    let stage = Stage::Rendering;
    let expected = [(Outcome::Retried, stage), (Outcome::Crashed, stage), (Outcome::Failed, stage)];
    assert_eq!(*counted.0.lock().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_not_what_bounds_the_audits_of_a_second() {
    let runs = MemoryRuns::new();
    let count = 2_000;
    order_all(&runs, count).await;
    let work = work(&runs, |_, _| Act::Succeed);
    let begun = std::time::Instant::now();
    let process = Process::start(&runs, &work, Limits::default());
    all_ended(&runs).await;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    process.stop().await;
    println!("{rate:.0} audits a second in one process");
    assert!(rate > 200.0, "{rate:.0} audits a second");
}
