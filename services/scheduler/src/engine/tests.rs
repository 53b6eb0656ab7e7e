use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hexproof_core::audit::Trigger;
use hexproof_core::id::RunId;
use hexproof_core::port::Records as _;
use hexproof_core::register::{CatchUp, RecordKind, SlotOutcome, SlotRecord, Version};
use proptest::prelude::*;
use tokio::time::sleep;

use super::*;
use crate::fakes::{Fault, World, Wrist, schedule};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const T0: &str = "2026-02-01T00:00:00Z";

fn engine(world: &Arc<World>, clock: &Arc<Wrist>, pace: Pace) -> Engine {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Engine::new(world.register(), world.clone(), world.clone(), world.clone(), clock, pace)
}

/// Runs an engine for some time and then kills it where it stands.
async fn run_for(world: &Arc<World>, clock: &Arc<Wrist>, pace: Pace, time: Duration) {
    let _ = tokio::time::timeout(time, engine(world, clock, pace).run(CancellationToken::new())).await;
}

fn split(records: &[SlotRecord]) -> (Vec<RunId>, Vec<&str>) {
    let mut runs = Vec::new();
    let mut gaps = Vec::new();
    for record in records {
        match &record.outcome {
            SlotOutcome::Run(run) => runs.push(*run),
            SlotOutcome::Gap(reason) => gaps.push(reason.as_str()),
        }
    }
    (runs, gaps)
}

/// Every run has its record, every record of a run its run, each ordered once.
fn assert_consistent(world: &World) {
    let records = world.recorded();
    let recorded: BTreeSet<_> = split(&records).0.into_iter().collect();
    let ordered: BTreeSet<_> = world.runs.lock().unwrap().keys().map(|key| key.run).collect();
    assert_eq!(recorded, ordered);
    assert_eq!(world.orders.load(Ordering::SeqCst), ordered.len());
}

async fn world(cron: &str, policy: CatchUp) -> (Arc<World>, Arc<Wrist>) {
    let world = World::new();
    world.cluster("shop", false).await;
    let entry = schedule(cron, policy, T0);
    world.keep(&entry.id.clone(), entry).await;
    (world, Wrist::new(T0))
}

#[tokio::test(start_paused = true)]
async fn four_replicas_with_wrong_clocks_run_each_slot_once() {
    let (world, clock) = world("* * * * *", CatchUp::Latest).await;
    let pace = Pace::default();
    let (a, b, c) = (clock.wrong(-7), clock.wrong(3), clock.wrong(40));
    let time = 100 * MINUTE;
    tokio::join!(
        run_for(&world, &clock, pace, time),
        run_for(&world, &a, pace, time),
        run_for(&world, &b, pace, time),
        run_for(&world, &c, pace, time),
    );
    assert_consistent(&world);
    let records = world.recorded();
    let (runs, gaps) = split(&records);
    assert_eq!(gaps, [""; 0]);
    // The first slot is at the very start, the last that of the clock that is ahead.
    assert_eq!(runs.len(), 101);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_firings_of_one_slot_are_one_audit() {
    let (world, _) = world("0 2 * * *", CatchUp::Latest).await;
    let slot: Timestamp = "2026-02-01T02:00:00Z".parse().unwrap();
    // All claim to have just been started, with opinions from on time to far too late.
    let engines = (0..100).map(|at| {
        let clock = Wrist::new("2026-02-01T01:59:59Z").wrong(at * 2);
        let world = world.clone();
        async move { run_for(&world, &clock, Pace::default(), 5 * MINUTE).await }
    });
    futures::future::join_all(engines).await;
    assert_consistent(&world);
    let records = world.recorded();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].slot, slot);
    let trigger = Trigger::Slot { schedule: "nightly".parse().unwrap(), slot };
    assert_eq!(split(&records).0, [trigger.run(&"shop".parse().unwrap())]);
}

#[tokio::test(start_paused = true)]
async fn a_death_or_failure_at_any_call_loses_and_doubles_nothing() {
    let pace = Pace { refresh: Duration::from_secs(600), ..Pace::default() };
    for fault in [Fault::FailsBefore, Fault::FailsAfter, Fault::DiesBefore, Fault::DiesAfter] {
        let mut call = 0;
        loop {
            let (world, clock) = world("0 * * * *", CatchUp::All).await;
            let clock = clock.wrong(5 * 3_600 + 1_800);
            let from = world.calls.load(Ordering::SeqCst);
            world.fail(Some((from + call, fault)));
            // Six slots were missed, three come while it runs.
            tokio::select! {
                () = run_for(&world, &clock, pace, 3 * HOUR) => {}
                () = world.died.notified() => {}
            }
            let spared = world.fail(None);
            // Not a multiple of the refresh, so that the end is at no slot.
            sleep(11 * MINUTE).await;
            run_for(&world, &clock, pace, 4 * HOUR).await;
            assert_consistent(&world);
            let records = world.recorded();
            let (runs, gaps) = split(&records);
            assert_eq!(gaps, [""; 0], "{fault:?} at call {call}");
            let passed = clock.now().as_second() - T0.parse::<Timestamp>().unwrap().as_second();
            assert_eq!(runs.len() as i64, passed / 3_600 + 1, "{fault:?} at call {call}");
            if spared {
                break;
            }
            call += 1;
        }
        assert!(call > 40, "only {call} calls were tried");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_delays_slots_and_misses_none() {
    let (world, clock) = world("* * * * *", CatchUp::Skip).await;
    let engine = engine(&world, &clock, Pace::default());
    let overview = engine.overview();
    let stop = CancellationToken::new();
    tokio::join!(engine.run(stop.clone()), async {
        sleep(Duration::from_secs(90)).await;
        world.down.store(true, Ordering::SeqCst);
        sleep(10 * MINUTE).await;
        assert!(!overview.borrow().store_answers);
        world.down.store(false, Ordering::SeqCst);
        sleep(Duration::from_secs(10)).await;
        let overview = overview.borrow().clone();
        assert!(overview.store_answers);
        assert_eq!((overview.runs, overview.gaps.len()), (12, 0));
        stop.cancel();
    });
    assert_consistent(&world);
    assert_eq!(split(&world.recorded()).0.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_cannot_be_read_does_not_stop_the_others() {
    let (world, clock) = world("0 * * * *", CatchUp::Latest).await;
    let nonsense = Version {
        number: 1,
        changed_by: String::new(),
        changed_at: T0.parse().unwrap(),
        request: String::new(),
        value: serde_json::json!({"cron": 7}),
    };
    world.put_json(RecordKind::Schedules, &"broken".parse().unwrap(), nonsense).await.unwrap();
    run_for(&world, &clock, Pace::default(), 3 * HOUR).await;
    assert_consistent(&world);
    assert!(split(&world.recorded()).0.len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn missed_slots_are_gaps_that_metrics_show() {
    let (world, clock) = world("0 * * * *", CatchUp::Latest).await;
    let clock = clock.wrong(10 * 3_600 + 1_800);
    let engine = engine(&world, &clock, Pace::default());
    let overview = engine.overview();
    let _ = tokio::time::timeout(MINUTE, engine.run(CancellationToken::new())).await;
    let records = world.recorded();
    let (runs, gaps) = split(&records);
    assert_eq!((runs.len(), gaps.len()), (1, 10));
    assert!(gaps.iter().all(|reason| *reason == "the service did not run when it was due"));
    assert_eq!(records.last().unwrap().slot.to_string(), "2026-02-01T10:00:00Z");
    let overview = overview.borrow().clone();
    assert_eq!(overview.gaps, BTreeMap::from([("missed", 10)]));
    let view = &overview.schedules[&"nightly".parse().unwrap()];
    assert_eq!(view.next, Some("2026-02-01T11:00:00Z".parse().unwrap()));
    assert_eq!(view.lag.as_secs(), 1_800);
    assert_consistent(&world);
}

#[tokio::test(start_paused = true)]
async fn a_year_of_downtime_leaves_a_bounded_number_of_records() {
    let (world, clock) = world("* * * * *", CatchUp::Latest).await;
    let clock = clock.wrong(365 * 86_400);
    run_for(&world, &clock, Pace::default(), MINUTE / 2).await;
    let records = world.recorded();
    let (runs, gaps) = split(&records);
    assert!(
        gaps[0].starts_with("at least 10000 slots from 2026-02-01T00:00:00Z up to this one"),
        "{}",
        gaps[0]
    );
    assert!(gaps.len() <= 1_049 && runs.len() <= 3, "{} gaps, {} runs", gaps.len(), runs.len());
    assert_consistent(&world);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_registered_is_a_gap_with_the_reason() {
    let (world, clock) = world("0 * * * *", CatchUp::Latest).await;
    world.cluster("shop", true).await;
    run_for(&world, &clock, Pace::default(), 90 * MINUTE).await;
    let records = world.recorded();
    assert_eq!(split(&records), (vec![], vec!["its cluster was not registered when it was due"; 2]));
    assert_eq!(world.orders.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_leaves_neither_runs_nor_gaps() {
    let (world, clock) = world("0 * * * *", CatchUp::All).await;
    let entry = schedule("0 * * * *", CatchUp::All, T0);
    let engine = engine(&world, &clock, Pace::default());
    let _ = tokio::time::timeout(
        6 * HOUR,
        futures::future::join(engine.run(CancellationToken::new()), async {
            sleep(90 * MINUTE).await;
            world.keep(&entry.id, ScheduleEntry { paused: true, ..entry.clone() }).await;
            sleep(3 * HOUR).await;
            world.keep(&entry.id, ScheduleEntry { since: clock.now(), ..entry.clone() }).await;
        }),
    )
    .await;
    let slots: Vec<_> =
        world.recorded().iter().map(|record| record.slot.to_string()[11..13].to_owned()).collect();
    assert_eq!(slots, ["00", "01", "05"]);
    assert_eq!(world.orders.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_ahead_and_returns_makes_no_false_gaps() {
    let (world, clock) = world("0 * * * *", CatchUp::Latest).await;
    let engine = engine(&world, &clock, Pace::default());
    let _ = tokio::time::timeout(
        5 * HOUR - MINUTE,
        futures::future::join(engine.run(CancellationToken::new()), async {
            // Across a slot, so that this one has to wait as well.
            sleep(2 * HOUR - MINUTE).await;
            clock.set_wrong(86_400);
            sleep(Duration::from_secs(100)).await;
            clock.set_wrong(0);
            sleep(HOUR).await;
            clock.set_wrong(-86_400);
            sleep(30 * MINUTE).await;
            clock.set_wrong(0);
        }),
    )
    .await;
    let records = world.recorded();
    let (runs, gaps) = split(&records);
    assert_eq!((runs.len(), gaps.len()), (5, 0), "{records:?}");
    assert_consistent(&world);
}

#[tokio::test(start_paused = true)]
async fn what_a_machine_slept_through_is_missed() {
    let (world, clock) = world("0 * * * *", CatchUp::Latest).await;
    let engine = engine(&world, &clock, Pace::default());
    let _ = tokio::time::timeout(
        HOUR - MINUTE,
        futures::future::join(engine.run(CancellationToken::new()), async {
            sleep(30 * MINUTE).await;
            clock.set_wrong(8 * 3_600);
        }),
    )
    .await;
    let records = world.recorded();
    let (runs, gaps) = split(&records);
    assert_eq!((runs.len(), gaps.len()), (2, 7), "{records:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replicas_that_come_and_go_agree_on_every_slot(
        lives in prop::collection::vec(prop::collection::vec((1_u64..900, 1_u64..900), 1..5), 4),
        policy in prop::sample::select(vec![CatchUp::Skip, CatchUp::Latest, CatchUp::All]),
        skews in prop::collection::vec(-90_i64..90, 4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (world, clock) = world("*/2 * * * *", policy).await;
            let replicas = lives.iter().zip(&skews).map(|(lives, skew)| {
                let (world, clock) = (world.clone(), clock.wrong(*skew));
                async move {
                    for (off, on) in lives {
                        sleep(Duration::from_secs(*off)).await;
                        run_for(&world, &clock, Pace::default(), Duration::from_secs(*on)).await;
                    }
                }
            });
            futures::future::join_all(replicas).await;
            // Whatever was left half done is taken up by the next.
            run_for(&world, &clock, Pace::default(), 2 * MINUTE).await;
            assert_consistent(&world);
            let records = world.recorded();
            assert!(records.windows(2).all(|pair| pair[1].slot.as_second() - pair[0].slot.as_second() == 120));
            assert_eq!(records[0].slot, T0.parse().unwrap());
        });
    }
}
