use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(cron: &str, catch_up: CatchUp) -> ScheduleEntry {
    ScheduleEntry {
        id: "nightly".parse().unwrap(),
        cluster: "shop".parse().unwrap(),
        cron: cron.to_owned(),
        time_zone: "UTC".to_owned(),
        jitter_seconds: 0,
        catch_up,
        paused: false,
        deleted: false,
        since: at("2026-01-01T00:00:00Z"),
    }
}

/// A plan of a process that was started just now.
fn planned(schedule: &ScheduleEntry, recorded: Option<&str>, now: &str) -> Plan {
    let cron = Cron::parse(&schedule.cron, &schedule.time_zone).unwrap();
    let watch = Watch { now: at(now), awake_since: at(now), grace: SignedDuration::from_secs(60) };
    plan(schedule, &cron, recorded.map(at), watch)
}

fn runs(plan: &Plan) -> Vec<String> {
    let run = |step: &&Step| step.decision == Decision::Run;
    plan.steps.iter().filter(run).map(|step| step.slot.to_string()).collect()
}

#[test]
fn catch_up_policies_pick_from_what_was_missed() {
    // (policy, missed hours, of which run)
    let table = [
        (CatchUp::Skip, 1, 0),
        (CatchUp::Skip, 30, 0),
        (CatchUp::Latest, 1, 1),
        (CatchUp::Latest, 30, 1),
        (CatchUp::All, 1, 1),
        (CatchUp::All, 24, 24),
        (CatchUp::All, 30, 24),
    ];
    for (policy, missed, run) in table {
        let schedule = schedule("0 * * * *", policy);
        let now = at("2026-02-01T00:30:00Z");
        let recorded = at("2026-02-01T00:00:00Z") - SignedDuration::from_hours(missed);
        let plan = planned(&schedule, Some(&recorded.to_string()), &now.to_string());
        assert_eq!(plan.steps.len(), missed as usize, "{policy:?} {missed}");
        assert_eq!(runs(&plan).len(), run, "{policy:?} {missed}");
        assert!(plan.steps.iter().rev().take(run).all(|step| step.decision == Decision::Run));
        assert!(plan.steps.windows(2).all(|pair| pair[0].slot < pair[1].slot));
        assert_eq!(plan.wake, Some(at("2026-02-01T01:00:00Z")));
    }
}

#[test]
fn a_slot_within_the_grace_runs_whatever_the_policy() {
    let schedule = schedule("0 2 * * *", CatchUp::Skip);
    let day_before = Some("2026-02-01T02:00:00Z");
    assert_eq!(runs(&planned(&schedule, day_before, "2026-02-02T02:00:00Z")).len(), 1);
    assert_eq!(runs(&planned(&schedule, day_before, "2026-02-02T02:01:00Z")).len(), 1);
    let late = planned(&schedule, day_before, "2026-02-02T02:01:01Z");
    assert_eq!(late.steps[0].decision, Decision::Gap(Gap::Missed));
    assert!(planned(&schedule, day_before, "2026-02-02T01:59:59.9Z").steps.is_empty());
}

#[test]
fn a_slot_that_came_due_while_the_store_was_down_runs_late() {
    let schedule = schedule("0 * * * *", CatchUp::Skip);
    let cron = Cron::parse(&schedule.cron, "UTC").unwrap();
    let watch = Watch {
        now: at("2026-02-02T06:30:00Z"),
        awake_since: at("2026-02-02T03:30:00Z"),
        grace: SignedDuration::from_secs(60),
    };
    let plan = plan(&schedule, &cron, Some(at("2026-02-02T01:00:00Z")), watch);
    let gaps: Vec<_> = plan.steps.iter().map(|step| step.decision != Decision::Run).collect();
    assert_eq!(gaps, [true, true, false, false, false], "02:00 and 03:00 were missed");
    // Never a storm: of a day of minutes the newest run.
    let minutes = ScheduleEntry { cron: "* * * * *".to_owned(), ..schedule };
    let cron = Cron::parse(&minutes.cron, "UTC").unwrap();
    let watch = Watch { now: at("2026-02-03T03:30:00Z"), ..watch };
    let plan = super::plan(&minutes, &cron, Some(at("2026-02-02T03:29:00Z")), watch);
    // The slot of this minute and that of the minute before are not late at all.
    assert_eq!(runs(&plan).len(), CATCH_UP + 2);
    assert!(plan.steps.len() <= SINGLE_GAPS + 2 * CATCH_UP + 1);
}

#[test]
fn what_does_not_count_leaves_no_trace() {
    let mut entry = schedule("0 * * * *", CatchUp::All);
    entry.since = at("2026-02-02T02:00:00Z");
    let plan = planned(&entry, Some("2026-02-01T00:00:00Z"), "2026-02-02T03:30:00Z");
    assert_eq!(runs(&plan), ["2026-02-02T02:00:00Z", "2026-02-02T03:00:00Z"]);
    entry.paused = true;
    let idle = Plan { steps: Vec::new(), wake: None };
    assert_eq!(planned(&entry, None, "2026-02-02T03:30:00Z"), idle);
    (entry.paused, entry.deleted) = (false, true);
    assert_eq!(planned(&entry, None, "2026-02-02T03:30:00Z"), idle);
}

#[test]
fn a_clock_that_goes_back_does_nothing_twice() {
    let schedule = schedule("0 * * * *", CatchUp::All);
    let plan = planned(&schedule, Some("2026-02-02T03:00:00Z"), "2026-02-01T03:30:00Z");
    assert!(plan.steps.is_empty());
    assert_eq!(plan.wake, Some(at("2026-02-02T04:00:00Z")));
}

#[test]
fn a_year_of_missed_minutes_is_a_short_plan() {
    for policy in [CatchUp::Skip, CatchUp::Latest, CatchUp::All] {
        let schedule = schedule("* * * * *", policy);
        let plan = planned(&schedule, Some("2026-01-01T00:00:00Z"), "2027-01-01T00:00:30Z");
        assert!(plan.steps.len() <= SINGLE_GAPS + 2 * CATCH_UP + 1, "{}", plan.steps.len());
        let Decision::Gap(many @ Gap::Many { from, count, exact }) = &plan.steps[0].decision else {
            panic!("the first step stands for many: {:?}", plan.steps[0]);
        };
        assert_eq!((*from, *count, *exact), (at("2026-01-01T00:01:00Z"), COUNTED, false));
        assert!(many.reason().starts_with("at least 10000 slots from 2026-01-01T00:01:00Z"));
        // Nothing is left out between the record of many and the first single one.
        let minutes = |pair: &[Step]| pair[1].slot.as_second() - pair[0].slot.as_second() == 60;
        assert!(plan.steps.windows(2).all(minutes));
        assert_eq!(plan.steps.last().unwrap().slot, at("2027-01-01T00:00:00Z"));
    }
}

#[test]
fn the_record_of_many_counts_each_slot_once() {
    let schedule = schedule("* * * * *", CatchUp::Skip);
    for missed in [999_i64, 1000, 1001, 1002, 1040, 1047, 1048, 1049, 1050, 1100, 5000] {
        let now = at("2026-06-01T00:00:30Z");
        let recorded = at("2026-06-01T00:00:00Z") - SignedDuration::from_mins(missed + 1);
        let plan = planned(&schedule, Some(&recorded.to_string()), &now.to_string());
        let counted: u64 = plan
            .steps
            .iter()
            .map(|step| match &step.decision {
                Decision::Gap(gap) => gap.slots(),
                Decision::Run => 1,
            })
            .sum();
        // Those within the grace run.
        assert_eq!(counted, missed.unsigned_abs() + 1, "{missed}");
    }
}

#[test]
fn jitter_is_fixed_bounded_and_keeps_the_order() {
    let id: RecordId = "nightly".parse().unwrap();
    let cron = Cron::parse("*/5 * * * *", "UTC").unwrap();
    let slots: Vec<_> = cron.slots(at("2026-01-01T00:00:00Z")).take(500).collect();
    let starts: Vec<_> = slots.windows(2).map(|pair| start(&id, 3_600, pair[0], Some(pair[1]))).collect();
    for (start, pair) in starts.iter().zip(slots.windows(2)) {
        assert!(*start >= pair[0] && *start < pair[1]);
    }
    let distinct: std::collections::BTreeSet<_> =
        starts.iter().zip(&slots).map(|(start, slot)| start.as_second() - slot.as_second()).collect();
    assert!(distinct.len() > 100, "{}", distinct.len());
    let slot = slots[0];
    let day_after = slot.checked_add(SignedDuration::from_hours(24)).unwrap();
    assert_eq!(start(&id, 900, slot, Some(day_after)), start(&id, 900, slot, Some(day_after)));
    assert!(start(&id, 900, slot, Some(day_after)).duration_since(slot) <= SignedDuration::from_secs(900));
    assert_eq!(start(&id, 0, slot, None), slot);
}

#[test]
fn a_slot_waits_for_its_jitter_and_is_missed_by_its_start() {
    let mut schedule = schedule("0 2 * * *", CatchUp::Skip);
    schedule.jitter_seconds = 3_600;
    let slot = at("2026-02-02T02:00:00Z");
    let starts = start(&schedule.id, 3_600, slot, Some(at("2026-02-03T02:00:00Z")));
    let recorded = Some("2026-02-01T02:00:00Z");
    let early = starts - SignedDuration::from_secs(1);
    let plan = planned(&schedule, recorded, &early.to_string());
    assert_eq!((plan.steps.len(), plan.wake), (0, Some(starts)));
    let on_time = starts + SignedDuration::from_secs(60);
    assert_eq!(runs(&planned(&schedule, recorded, &on_time.to_string())).len(), 1);
    let late = starts + SignedDuration::from_secs(61);
    assert_eq!(runs(&planned(&schedule, recorded, &late.to_string())).len(), 0);
}
