use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn few(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression, zone).unwrap();
    cron.slots(at(after)).take(count).map(|slot| slot.to_string()).collect()
}

#[test]
fn a_skipped_time_counts_once_right_after_the_jump() {
    assert_eq!(
        few("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    // Four skipped times, and one on the wall at the same instant, are one slot.
    assert_eq!(
        few("*/15 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
        ["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:30:00Z"]
    );
    // Lord Howe Island moves its clocks by half an hour.
    assert_eq!(
        few("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
        ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]
    );
    // Samoa left out a whole day.
    assert_eq!(
        few("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3),
        ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]
    );
}

#[test]
fn a_repeated_time_counts_the_first_time_only() {
    assert_eq!(
        few("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // Asked within the repeated hour, it has been.
    assert_eq!(few("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1), ["2026-10-26T01:30:00Z"]);
    assert_eq!(few("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", 1), ["2026-11-01T05:30:00Z"]);
}

#[test]
fn elapsed_time_counts_if_every_hour_is_named() {
    assert_eq!(
        few("30 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 4),
        ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
    );
    assert_eq!(
        few("30 0-23 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
        ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"]
    );
    let minutes = Cron::parse("* * * * *", "Europe/Berlin").unwrap();
    let slots: Vec<_> = minutes.slots(at("2026-10-25T00:00:00Z")).take(180).collect();
    assert!(slots.windows(2).all(|pair| pair[1].as_second() - pair[0].as_second() == 60));
}

#[test]
fn rare_days_are_found_and_days_that_never_come_are_refused() {
    // 2100 is no leap year.
    assert_eq!(
        few("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 2),
        ["2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"]
    );
    assert_eq!(few("0 0 31 12 *", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-12-31T00:00:00Z"]);
    for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"] {
        assert_eq!(Cron::parse(never, "UTC").unwrap_err(), CronError::Never, "{never}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let told = |expression: &str, zone: &str| Cron::parse(expression, zone).unwrap_err().to_string();
    assert!(told("0 2 * *", "UTC").contains("has 4 fields"));
    assert!(told("0 0 2 * * *", "UTC").contains("has 6 fields"));
    assert!(told("60 2 * * *", "UTC").starts_with("the minute `60` cannot be read: "));
    assert!(told("0 25 * * *", "UTC").contains("hour `25`"));
    assert!(told("0 2 * FOO *", "UTC").contains("month `FOO`"));
    assert!(told("0 2 * * 5L", "UTC").contains("day of week"));
    for odd in
        ["0 2 L * *", "0 2 15W * *", "0 2 * * 5#3", "H 2 * * *", "@daily", "", "0 2 * * é", "5-1 * * * *"]
    {
        assert!(Cron::parse(odd, "UTC").is_err(), "{odd}");
    }
    assert_eq!(Cron::parse(&"1,".repeat(300), "UTC").unwrap_err(), CronError::Long);
    for zone in ["Europe/Atlantis", "../etc/passwd", "+02:00", " ", "Europe/Berlin\0", &"a".repeat(500)] {
        assert!(matches!(Cron::parse("* * * * *", zone), Err(CronError::Zone(_))), "{zone}");
    }
    assert_eq!(Cron::parse("0  2\t* * mon-fri", "europe/berlin").unwrap().expression(), "0 2 * * mon-fri");
    assert_eq!(Cron::parse("0 2 * * *", "europe/berlin").unwrap().zone_name(), "Europe/Berlin");
    assert_eq!(Cron::parse("0 2 * * *", "").unwrap().zone_name(), "UTC");
}

#[test]
fn the_newest_slots_of_a_long_time_are_found_without_walking_through_it() {
    let cron = Cron::parse("* * * * *", "UTC").unwrap();
    let newest = cron.newest(Timestamp::UNIX_EPOCH, at("2026-01-01T00:00:00Z"), 3);
    let texts: Vec<_> = newest.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["2025-12-31T23:58:00Z", "2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z"]);
    assert_eq!(cron.newest(at("2025-12-31T23:59:00Z"), at("2026-01-01T00:00:59Z"), 9).len(), 1);
}

fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (min..=max).prop_map(|value| value.to_string()),
        1 => (1..=max).prop_map(|step| format!("*/{step}")),
        1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn slots_ascend_by_whole_minutes_and_agree_with_each_other(
        minute in field(0, 59), hour in field(0, 23), day in field(1, 31),
        month in field(1, 12), weekday in field(0, 7),
        zone in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
            "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll",
        ]),
        start in 946_684_800_i64..2_524_608_000,
    ) {
        let expression = format!("{minute} {hour} {day} {month} {weekday}");
        let start = Timestamp::from_second(start).unwrap();
        match Cron::parse(&expression, zone) {
            Err(CronError::Never) => {}
            Err(other) => prop_assert!(false, "{expression}: {other}"),
            Ok(cron) => {
                let slots: Vec<_> = cron.slots(start).take(30).collect();
                prop_assert_eq!(slots.len(), 30);
                prop_assert!(slots[0] > start);
                for pair in slots.windows(2) {
                    prop_assert!(pair[1].as_second() - pair[0].as_second() >= 60, "{expression} {zone} {pair:?}");
                    // The series is the same wherever one enters it.
                    prop_assert_eq!(cron.next(pair[0]), Some(pair[1]), "{} {}", expression, zone);
                    let between = Timestamp::from_second((pair[0].as_second() + pair[1].as_second()) / 2).unwrap();
                    prop_assert_eq!(cron.next(between), Some(pair[1]), "{} {} {}", expression, zone, between);
                    prop_assert_eq!(cron.previous(pair[1], pair[0]), Some(pair[0]), "{} {}", expression, zone);
                }
            }
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,40}", zone in "\\PC{0,20}") {
        let _ = Cron::parse(&text, "UTC");
        let _ = Cron::parse("* * * * *", &zone);
    }
}
