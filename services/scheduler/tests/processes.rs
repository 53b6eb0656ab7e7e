//! Workers at one NATS server, in this process and in others, some of which are killed.
#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_core::audit::{AuditOrder, Ending, Progress, Stage};
use hexproof_core::port::{AuditError, Execute, Executed, Runs};
use hexproof_scheduler::bus::{Bus, NatsBus};
use hexproof_scheduler::queue::Queue;
use hexproof_scheduler::queue::nats::connect;
use hexproof_scheduler::worker::{Limits, Workers};
use hexproof_testkit::MemoryRuns;
use support::folder::FolderRuns;
use support::nats::{NatsServer, queue};
use support::work::{Act, Work, success};
use support::{all_ended, clock, limits, now, order_all, until};
use tokio_util::sync::CancellationToken;

async fn workers(url: &str, runs: Arc<dyn Runs>, work: Arc<dyn Execute>, limits: Limits) -> Workers {
    let bus = NatsBus::new(connect(url).await.unwrap(), "hexproof");
    Workers::new(Arc::new(queue(url).await), runs, work, Arc::new(bus), clock(), limits)
}

/// Several worker sets in this process.
async fn start(
    server: &NatsServer,
    runs: &MemoryRuns,
    work: &Arc<Work>,
    sets: usize,
    stop: &CancellationToken,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = Vec::new();
    for _ in 0..sets {
        let workers = workers(&server.url(), Arc::new(runs.clone()), work.clone(), limits()).await;
        let stop = stop.clone();
        tasks.push(tokio::spawn(async move { workers.run(stop).await }));
    }
    tasks
}

#[tokio::test(flavor = "multi_thread")]
async fn three_worker_sets_end_every_audit_once() {
    let Some(server) = NatsServer::start() else { return };
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 40).await;
    let work = Work::new(Arc::new(runs.clone()), |_, _| Act::Succeed);
    let stop = CancellationToken::new();
    let tasks = start(&server, &runs, &work, 3, &stop).await;
    all_ended(&runs).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(work.begun().len(), keys.len(), "each audit is run once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_worker_set_costs_no_audit() {
    let Some(server) = NatsServer::start() else { return };
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 12).await;
    let hanging = Work::new(Arc::new(runs.clone()), |_, _| Act::Wait);
    let stop = CancellationToken::new();
    let victim = start(&server, &runs, &hanging, 1, &stop).await.remove(0);
    until("the victim has two audits", || async { hanging.begun().len() == 2 }).await;
    victim.abort();
    let _ = victim.await;
    let work = Work::new(Arc::new(runs.clone()), |_, _| Act::Succeed);
    let tasks = start(&server, &runs, &work, 2, &stop).await;
    all_ended(&runs).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(work.begun().len(), keys.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_hands_audits_over_at_once_and_blames_nobody() {
    let Some(server) = NatsServer::start() else { return };
    let runs = MemoryRuns::new();
    let key = order_all(&runs, 1).await.remove(0);
    let hanging = Work::new(Arc::new(runs.clone()), |_, _| Act::Wait);
    for _ in 0..4 {
        let stop = CancellationToken::new();
        let begun = hanging.begun().len();
        let task = start(&server, &runs, &hanging, 1, &stop).await.remove(0);
        until("it is under way", || async { hanging.begun().len() > begun }).await;
        stop.cancel();
        task.await.unwrap();
    }
    // More often than an audit may kill its worker.
    let delivery = server.queue().await.pull(&CancellationToken::new()).await.unwrap().unwrap();
    assert_eq!((&delivery.key, delivery.attempt, delivery.deaths), (&key, 5, 0));
    delivery.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_loses_nothing() {
    let Some(mut server) = NatsServer::start() else { return };
    let runs = MemoryRuns::new();
    let keys = order_all(&runs, 30).await;
    let work = Work::new(Arc::new(runs.clone()), |_, _| Act::Wait);
    let stop = CancellationToken::new();
    let tasks = start(&server, &runs, &work, 3, &stop).await;
    until("all workers are busy", || async { work.begun().len() == 6 }).await;
    work.release(4);
    until("some audits are done", || async { runs.unfinished().await.unwrap().len() <= 26 }).await;
    server.kill();
    // Ordered while the queue is down: only the store knows of them.
    let late = support::order("late", "1");
    runs.order(&late).await.unwrap();
    work.release(100);
    server.start_again();
    all_ended(&runs).await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    for key in keys.iter().chain([&late.key]) {
        let (ending, _) = runs.find(key).await.unwrap().unwrap().ended.unwrap();
        assert_eq!(ending, success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_reach_the_other_process() {
    use futures::StreamExt as _;
    use hexproof_scheduler::bus::{News, Signal};
    let Some(server) = NatsServer::start() else { return };
    let bus = async || NatsBus::new(connect(&server.url()).await.unwrap(), "hexproof");
    let (here, there) = (bus().await, bus().await);
    let mut heard = there.listen().await.unwrap();
    let key = support::order("shop", "1").key;
    let progress = Progress { stage: Stage::Scoring, done: 1, total: 2 };
    for news in [News::Progress(progress), News::Awaiting, News::Cancel, News::Ended] {
        let signal = Signal { key: key.clone(), news };
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        let got = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                tokio::select! {
                    _ = pause.tick() => here.say(signal.clone()).await,
                    got = heard.next() => match got.unwrap() {
                        got if got == signal => return got,
                        // Said more than once before.
                        _ => {}
                    }
                }
            }
        });
        assert_eq!(got.await.unwrap(), signal);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_of_nats_is_not_what_bounds_the_audits_of_a_second() {
    let Some(server) = NatsServer::start() else { return };
    let runs = MemoryRuns::new();
    let count = 1_000;
    order_all(&runs, count).await;
    let work = Work::new(Arc::new(runs.clone()), |_, _| Act::Succeed);
    let stop = CancellationToken::new();
    let begun = std::time::Instant::now();
    let workers = workers(&server.url(), Arc::new(runs.clone()), work, Limits::default()).await;
    let token = stop.clone();
    let task = tokio::spawn(async move { workers.run(token).await });
    all_ended(&runs).await;
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    stop.cancel();
    task.await.unwrap();
    println!("{rate:.0} audits a second through NATS");
    assert!(rate > 60.0, "{rate:.0} audits a second");
}

/// The variable that makes this program a worker: address of the queue, folder of the store, name.
const WORKER: &str = "HEXPROOF_TEST_WORKER";

/// Work that leaves a trace in the folder. That of the victim never ends.
struct Traced {
    runs: Arc<dyn Runs>,
    folder: PathBuf,
    name: String,
}

#[async_trait]
impl Execute for Traced {
    async fn execute(
        &self,
        order: &AuditOrder,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Executed, AuditError> {
        progress(Progress::begin(Stage::Rendering));
        let mut trace =
            std::fs::File::options().create(true).append(true).open(self.folder.join("trace")).unwrap();
        writeln!(trace, "{} {}", self.name, order.key.run).unwrap();
        match self.name.as_str() {
            "victim" => std::future::pending().await,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        let counts = self.runs.end(&order.key, &success(), now()).await.map_err(|error| {
            AuditError::Retry { reason: "no store".into(), source: Some(Box::new(error)) }
        })?;
        Ok(Executed::Ended(counts))
    }
}

/// Not a test: what the other processes run. Ends when its standard input does.
#[tokio::test(flavor = "multi_thread")]
async fn worker_process() {
    let Ok(told) = std::env::var(WORKER) else { return };
    let [url, folder, name] = told.split('|').collect::<Vec<_>>().try_into().unwrap();
    let runs: Arc<dyn Runs> = Arc::new(FolderRuns::new(Path::new(folder)));
    let work = Arc::new(Traced { runs: runs.clone(), folder: folder.into(), name: name.into() });
    let workers = workers(url, runs, work, limits()).await;
    let stop = CancellationToken::new();
    let token = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::read_to_string(std::io::stdin());
        token.cancel();
    });
    workers.run(stop).await;
}

fn spawn(server: &NatsServer, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker_process", "--nocapture"])
        .env(WORKER, format!("{}|{}|{name}", server.url(), folder.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_processes_one_is_killed_and_no_audit_is_lost() {
    let Some(server) = NatsServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let runs = FolderRuns::new(folder.path());
    let keys = order_all(&runs, 36).await;
    let traces = || std::fs::read_to_string(folder.path().join("trace")).unwrap_or_default();
    let of = |name: &str| traces().lines().filter(|line| line.starts_with(name)).count();

    let mut victim = spawn(&server, folder.path(), "victim");
    until("the victim has two audits", || async { of("victim") == 2 }).await;
    let mut others = [spawn(&server, folder.path(), "left"), spawn(&server, folder.path(), "right")];
    until("the others work", || async { of("left") > 3 && of("right") > 3 }).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    all_ended(&runs).await;

    for other in &mut others {
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
    }
    let all = runs.all();
    assert_eq!(all.len(), keys.len());
    for record in all {
        assert_eq!(record.ended.map(|(ending, _)| ending), Some(success()));
    }
    assert_eq!(traces().lines().count(), keys.len() + 2, "only what the victim had is run twice");
    let left = server.queue().await.depth().await.unwrap();
    assert_eq!((left.waiting, left.taken), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_kills_three_processes_has_failed() {
    let Some(server) = NatsServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let runs = FolderRuns::new(folder.path());
    order_all(&runs, 1).await;
    let begun = || {
        let traces = std::fs::read_to_string(folder.path().join("trace")).unwrap_or_default();
        traces.lines().count()
    };
    for death in 1..=3 {
        let mut victim = spawn(&server, folder.path(), "victim");
        until("the victim has the audit", || async { begun() == death }).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    let mut last = spawn(&server, folder.path(), "last");
    all_ended(&runs).await;
    drop(last.stdin.take());
    assert!(last.wait().unwrap().success());
    let (ending, _) = runs.all().remove(0).ended.unwrap();
    assert_eq!(ending, Ending::Failed { reason: "its worker died 3 times while it ran".into() });
    assert_eq!(begun(), 3);
}
