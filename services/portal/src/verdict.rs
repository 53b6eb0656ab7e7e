//! The sentences that say the result of a pack, in the words of the packs themselves.

use hexproof_core::assessment::{Assessment, Cell, MeasureCount, whole_high, whole_low};
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::ScoreEntry;
use hexproof_core::{Layer, Rating, Significance};

use crate::words::{self, THIN};

/// `73–85`, or one number where everything was seen.
pub(crate) fn interval(score: &ScoreEntry) -> String {
    match is_certain(score) {
        true => whole_low(score.low).to_string(),
        false => format!("{}–{}", whole_low(score.low), whole_high(score.high)),
    }
}

/// Whether everything was seen.
pub(crate) fn is_certain(score: &ScoreEntry) -> bool {
    (score.high - score.low).abs() < 1e-9
}

/// The result: `rated D: five critical measures fail, and 11 % was not seen`; to follow `weak-shop is`.
pub(crate) fn result(assessment: &Assessment, catalogue: &Catalogue) -> String {
    let overall = &assessment.overall;
    if overall.measures == 0 {
        return "not assessed: no measure of the catalogue applies to what was read".to_owned();
    }
    if overall.rating == Rating::NotAssessed {
        return format!("not assessed: only {}{THIN}% of the weight was seen", whole_low(overall.coverage));
    }
    let critical = critical(assessment, catalogue);
    match unseen(assessment) {
        Some(unseen) => format!("rated {}: {critical}, and {unseen}", overall.rating),
        None => format!("rated {}: {critical}; all of it was seen", overall.rating),
    }
}

/// What the critical measures say.
fn critical(assessment: &Assessment, catalogue: &Catalogue) -> String {
    let gates = assessment.gates.len();
    if gates > 0 {
        let verb = if gates == 1 { "measure fails" } else { "measures fail" };
        return format!("{} critical {verb}", words::number(gates));
    }
    let critical = |count: &&MeasureCount| {
        let measure = catalogue.get(count.measure_id.as_str());
        measure.is_some_and(|measure| measure.significance == Significance::Critical)
    };
    let (mut waived, mut fails, mut unseen) = (0, 0, 0);
    for count in assessment.measures.iter().filter(critical) {
        fails += usize::from(count.fail > count.waived);
        waived += usize::from(count.fail > 0 && count.fail == count.waived);
        unseen += usize::from(count.fail == 0 && count.unknown > 0);
    }
    let measures = |n: usize| if n == 1 { "critical measure" } else { "critical measures" };
    match (fails, waived, unseen) {
        (0, 0, 0) => "every critical measure passes".to_owned(),
        (0, 0, n) => format!("no critical measure fails, {} could not be seen", words::number(n)),
        (0, n, _) => format!("the failures of {} {} are accepted", words::number(n), measures(n)),
        (n, _, _) => {
            let verb = if n == 1 { "fails" } else { "fail" };
            format!("{} {} {verb} in part", words::number(n), measures(n))
        }
    }
}

/// A layer of which more was not seen is named.
const MUCH: f64 = 25.0;

/// What was not seen, or not judged at all; nothing if all was.
fn unseen(assessment: &Assessment) -> Option<String> {
    let empty = empty_layers(assessment).len();
    if empty > 0 {
        let verb = if empty == 1 { "was" } else { "were" };
        return Some(format!("{} of five layers {verb} not judged", words::number(empty)));
    }
    let least = assessment.layers.iter().min_by(|one, other| one.coverage.total_cmp(&other.coverage));
    if let Some(unseen) = least.and_then(unseen_of) {
        return Some(unseen);
    }
    let missing = whole_high(100.0 - assessment.overall.coverage);
    (missing > 0).then(|| format!("{missing}{THIN}% was not seen"))
}

/// `half of the environment was not seen`, where it is much.
fn unseen_of(cell: &Cell) -> Option<String> {
    let missing = 100.0 - cell.coverage;
    let of = match cell.layer.filter(|_| missing >= MUCH)? {
        Layer::Environment => "the environment",
        Layer::Cluster => "the cluster layer",
        Layer::Node => "the node layer",
        Layer::Container => "the container layer",
        Layer::ApiResources => "the API resources",
    };
    Some(match whole_high(missing) {
        100 => format!("nothing of {of} was seen"),
        45..=55 => format!("half of {of} was not seen"),
        percent => format!("{percent}{THIN}% of {of} was not seen"),
    })
}

/// Layers that no measure judged.
pub(crate) fn empty_layers(assessment: &Assessment) -> Vec<Layer> {
    let judged =
        |layer: &Layer| assessment.layers.iter().any(|cell| cell.layer == Some(*layer) && cell.measures > 0);
    Layer::ALL.iter().copied().filter(|layer| !judged(layer)).collect()
}

/// The sentence on the score: `By score alone 73–85 (C), seen 89. Gates hold the rating at D until they are mended or
/// accepted.`
pub(crate) fn score(assessment: &Assessment) -> String {
    let overall = &assessment.overall;
    if overall.measures == 0 {
        return String::new();
    }
    let (interval, seen) = (overall.interval("–"), whole_low(overall.coverage));
    let gates = assessment.gates.len();
    let held = overall.rating != overall.rating_by_score && overall.rating != Rating::NotAssessed;
    if held && gates > 0 {
        let (verb, they) = if gates == 1 { ("A gate holds", "it is") } else { ("Gates hold", "they are") };
        return format!(
            "By score alone {interval} ({}), seen {seen}{THIN}%. {verb} the rating at {} until {they} mended or accepted.",
            overall.rating_by_score, overall.rating
        );
    }
    format!("Score {interval} of 100, seen {seen}{THIN}%.")
}

/// What the cluster is: `Kubernetes 1.33.4, 9 nodes, 14 namespaces`.
pub(crate) fn facts(assessment: &Assessment) -> String {
    let cluster = &assessment.cluster;
    let mut parts = Vec::new();
    if !cluster.version.is_empty() {
        parts.push(format!("Kubernetes {}", cluster.version.trim_start_matches('v')));
    }
    if cluster.nodes > 0 {
        parts.push(words::count(cluster.nodes, "node", "nodes"));
    }
    parts.push(words::count(cluster.namespaces, "namespace", "namespaces"));
    parts.join(", ")
}

/// What moved since the pack before: `Since 23 October 2026 the low end moved from 68 to 73`; without a stop.
pub(crate) fn moved(before: &ScoreEntry, at: jiff::Timestamp, now: &ScoreEntry) -> String {
    let (was, is) = (whole_low(before.low), whole_low(now.low));
    let since = words::day(at);
    match was == is {
        true => format!("Since {since} the low end stands at {is}"),
        false => format!("Since {since} the low end moved from {was} to {is}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(low: f64, high: f64) -> ScoreEntry {
        ScoreEntry { low, high, coverage: 100.0 - (high - low), gates: 0 }
    }

    #[test]
    fn an_interval_is_one_number_where_everything_was_seen() {
        assert_eq!(interval(&score(73.2, 84.9)), "73–85");
        assert_eq!(interval(&score(89.97, 89.97)), "89");
    }

    #[test]
    fn what_moved_is_said_with_both_ends_of_the_way() {
        let at = "2026-10-23T06:00:00Z".parse().unwrap();
        assert_eq!(
            moved(&score(68.4, 81.0), at, &score(73.0, 85.0)),
            "Since 23 October 2026 the low end moved from 68 to 73"
        );
        assert_eq!(
            moved(&score(73.4, 81.0), at, &score(73.0, 85.0)),
            "Since 23 October 2026 the low end stands at 73"
        );
    }

    #[test]
    fn a_layer_of_which_much_was_not_seen_is_named() {
        let at = "2026-11-23T06:00:00Z".parse().unwrap();
        let mut a = hexproof_testkit::evidence::Sample::weak(&"shop".parse().unwrap(), at).assessment();
        let full =
            |layer: &Layer| Cell { layer: Some(*layer), measures: 3, coverage: 100.0, ..a.overall.clone() };
        a.layers = Layer::ALL.iter().map(full).collect();
        a.overall.coverage = 89.0;
        assert_eq!(unseen(&a).unwrap(), "11\u{202f}% was not seen");
        a.layers[0].coverage = 51.2;
        assert_eq!(unseen(&a).unwrap(), "half of the environment was not seen");
        a.layers[2].coverage = 0.0;
        assert_eq!(unseen(&a).unwrap(), "nothing of the node layer was seen");
        a.layers[3].measures = 0;
        assert_eq!(unseen(&a).unwrap(), "one of five layers was not judged");
        a.layers[3].measures = 3;
        a.overall.coverage = 100.0;
        a.layers.iter_mut().for_each(|cell| cell.coverage = 100.0);
        assert_eq!(unseen(&a), None);
    }
}
