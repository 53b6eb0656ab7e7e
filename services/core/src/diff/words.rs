//! What a comparison comes to, in a sentence: the second sentence of summaries.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::{Cause, Diff, Shares};
use crate::assessment::whole_low;

/// What stands in the place of [`sentence`] where there is no earlier pack.
pub const FIRST: &str = "First pack of this cluster; nothing to compare with.";

/// What stands in the place of [`sentence`] where the earlier pack cannot be read.
pub const UNREADABLE: &str = "The pack before could not be read; nothing is compared.";

/// How the low end moved, and through what, for example: "Since October the low end moved from 68 to 73: the cluster
/// gained 7 points, changed rules took 2."
pub fn sentence(diff: &Diff) -> String {
    let (before, after) = (whole_low(diff.before.overall.score_low), whole_low(diff.after.overall.score_low));
    if !diff.same_cluster {
        return format!("Another cluster: its low end is {before}, here it is {after}.");
    }
    let since = since(diff.before.collected_at, diff.after.collected_at);
    let moved = if before == after {
        format!("Since {since} the low end stayed at {after}")
    } else {
        format!("Since {since} the low end moved from {before} to {after}")
    };
    match diff.low.as_ref().map(parts).filter(|parts| !parts.is_empty()) {
        Some(parts) => format!("{moved}: {}.", parts.join(", ")),
        None if diff.changes.is_empty() => format!("{moved}; no verdict differs."),
        None => format!("{moved}."),
    }
}

/// The instant of the earlier pack in the words nearest to people: a month where that is clear, else a day.
fn since(before: Timestamp, after: Timestamp) -> String {
    let (before, after) = (Offset::UTC.to_datetime(before), Offset::UTC.to_datetime(after));
    let months = |at: jiff::civil::DateTime| i32::from(at.year()) * 12 + i32::from(at.month());
    match months(after) - months(before) {
        1..=11 => before.strftime("%B").to_string(),
        _ if before.date() == after.date() => before.strftime("%H:%M UTC").to_string(),
        _ => before.strftime("%-d %B %Y").to_string(),
    }
}

/// One part a cause, without those of less than a whole point: "the cluster gained 7 points", "changed rules took 2".
fn parts(shares: &Shares) -> Vec<String> {
    let mut words = Vec::new();
    for (cause, points) in whole(shares) {
        let gained = points > 0;
        let subject = match cause {
            Cause::Cluster => "the cluster",
            Cause::Rules => "changed rules",
            Cause::Settings => "changed settings",
            Cause::Waivers => "waivers",
            Cause::Seen => "what was seen",
        };
        let verb = match (cause, gained) {
            (Cause::Cluster, true) => "gained",
            (Cause::Cluster, false) => "lost",
            (_, true) => "gave",
            (_, false) => "took",
        };
        let points = points.unsigned_abs();
        let unit = match (words.is_empty(), points) {
            (false, _) => "",
            (true, 1) => " point",
            (true, _) => " points",
        };
        words.push(format!("{subject} {verb} {points}{unit}"));
    }
    words
}

/// The parts in whole points, so that they add up to the difference of the whole low ends that people read; those of
/// none are left out.
pub fn whole(shares: &Shares) -> Vec<(Cause, i32)> {
    let shown = i64::from(whole_low(shares.after)) - i64::from(whole_low(shares.before));
    let mut parts: Vec<(Cause, f64, i64)> = Cause::ALL
        .iter()
        .map(|cause| {
            let points = shares.of(*cause);
            (*cause, points, floor(points))
        })
        .collect();
    // Largest remainder: the parts that lose most by rounding down get the points that are left.
    let mut left = shown - parts.iter().map(|(_, _, whole)| whole).sum::<i64>();
    let mut order: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].1 != 0.0).collect();
    let remainder = |part: &(Cause, f64, i64)| part.1 - part.1.floor();
    order.sort_by(|a, b| remainder(&parts[*b]).total_cmp(&remainder(&parts[*a])).then(a.cmp(b)));
    let steps = order.iter().cycle().take(order.len() * 2).copied().collect::<Vec<_>>();
    for at in steps {
        if left <= 0 {
            break;
        }
        parts[at].2 += 1;
        left -= 1;
    }
    parts
        .into_iter()
        .filter(|(_, _, whole)| *whole != 0)
        .map(|(cause, _, whole)| (cause, i32::try_from(whole).unwrap_or_default()))
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "shares lie between -100 and 100")]
fn floor(points: f64) -> i64 {
    // Sums of fractions are off by far less than this; true parts differ by far more.
    (points + 1e-9).floor().clamp(-200.0, 200.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(before: f64, parts: [f64; 5]) -> Shares {
        let [cluster, rules, settings, waivers, seen] = parts;
        Shares { before, after: before + parts.iter().sum::<f64>(), cluster, rules, settings, waivers, seen }
    }

    #[test]
    fn whole_points_add_up_to_the_ends_that_people_read() {
        assert_eq!(
            whole(&shares(68.2, [7.0, -2.0, 0.0, 0.0, 0.0])),
            [(Cause::Cluster, 7), (Cause::Rules, -2)]
        );
        // 68.9 to 73.1 reads 68 to 73: five points of 4.2.
        let sum = |shares: &Shares| whole(shares).iter().map(|(_, points)| points).sum::<i32>();
        assert_eq!(sum(&shares(68.9, [6.3, -2.1, 0.0, 0.0, 0.0])), 5);
        assert_eq!(sum(&shares(68.1, [-0.3, 0.1, 0.0, 0.0, 0.0])), -1);
        assert!(whole(&shares(68.1, [0.3, -0.1, 0.0, 0.0, 0.2])).iter().map(|p| p.1).sum::<i32>() == 0);
    }

    #[test]
    fn a_part_says_who_gained_and_who_took() {
        let parts = parts(&shares(68.0, [7.0, -2.0, 0.0, 0.0, 1.0]));
        assert_eq!(parts, ["the cluster gained 7 points", "changed rules took 2", "what was seen gave 1"]);
        assert_eq!(self::parts(&shares(68.0, [0.0, 0.0, -1.0, 0.0, 0.0])), ["changed settings took 1 point"]);
    }

    #[test]
    fn the_earlier_pack_is_named_by_month_by_day_or_by_hour() {
        let since = |before: &str, after: &str| since(before.parse().unwrap(), after.parse().unwrap());
        assert_eq!(since("2026-10-24T06:00:00Z", "2026-11-23T06:00:00Z"), "October");
        assert_eq!(since("2025-11-24T06:00:00Z", "2026-11-23T06:00:00Z"), "24 November 2025");
        assert_eq!(since("2026-11-02T06:00:00Z", "2026-11-23T06:00:00Z"), "2 November 2026");
        assert_eq!(since("2026-11-23T02:05:00Z", "2026-11-23T06:00:00Z"), "02:05 UTC");
    }
}
