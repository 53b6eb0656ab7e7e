//! Which clusters are shown, and in which order.

use std::cmp::Ordering;

use hexproof_core::Rating;

use super::Asked;
use super::gather::Row;

impl Row {
    /// Its rating; `None` without a pack.
    pub(super) fn rating(&self) -> Option<Rating> {
        self.packs.first().map(|pack| pack.rating)
    }

    /// Where it stands among the worst: what is not known is no good news, and stands behind what is known to be bad.
    fn rank(&self) -> u8 {
        match self.rating() {
            Some(Rating::E) => 0,
            Some(Rating::D) => 1,
            Some(Rating::NotAssessed) => 2,
            None => 3,
            Some(Rating::C) => 4,
            Some(Rating::B) => 5,
            Some(Rating::A) => 6,
        }
    }

    fn low(&self) -> f64 {
        self.packs.first().and_then(|pack| pack.score).map_or(0.0, |score| score.low)
    }

    fn has(&self, word: &str) -> bool {
        let within = |text: &str| text.to_lowercase().contains(word);
        within(&self.name)
            || within(self.id.as_str())
            || self.labels.iter().any(|(name, value)| within(&format!("{name}={value}")))
    }
}

/// The clusters that were asked for.
pub(super) fn fitting(rows: Vec<Row>, asked: &Asked) -> Vec<Row> {
    let words: Vec<String> = asked.q.split_whitespace().take(8).map(str::to_lowercase).collect();
    let rating = |row: &Row| match asked.rating.as_str() {
        "none" => row.packs.is_empty(),
        word => match word.parse::<Rating>() {
            Ok(rating) => row.rating() == Some(rating),
            Err(_) => true,
        },
    };
    rows.into_iter().filter(|row| rating(row) && words.iter().all(|word| row.has(word))).collect()
}

/// Brings them into the order that was asked for: worst first if none was.
pub(super) fn sort(rows: &mut [Row], by: &str) {
    let name = |a: &Row, b: &Row| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id));
    match by {
        "name" => rows.sort_by(name),
        "age" => rows.sort_by(|a, b| {
            let made = |row: &Row| row.packs.first().map(|pack| pack.finished);
            // Without a pack comes first: it is the oldest of all.
            made(a).cmp(&made(b)).then_with(|| name(a, b))
        }),
        _ => rows.sort_by(|a, b| {
            let low = a.low().partial_cmp(&b.low()).unwrap_or(Ordering::Equal);
            a.rank().cmp(&b.rank()).then(low).then_with(|| name(a, b))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hexproof_core::audit::AuditKey;
    use hexproof_core::digest::Digest;
    use hexproof_core::port::evidence::{PackEntry, ScoreEntry};

    use super::*;

    fn row(id: &str, rating: Option<Rating>, low: f64) -> Row {
        let pack = |rating| PackEntry {
            key: AuditKey {
                cluster: id.parse().unwrap(),
                run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
            },
            finished: "2026-11-23T06:00:00Z".parse().unwrap(),
            rating,
            score: Some(ScoreEntry { low, high: 100.0, coverage: low, gates: 0 }),
            complete: true,
            size: 1,
            digest: Digest::of(b"x"),
        };
        Row {
            id: id.parse().unwrap(),
            name: id.to_uppercase(),
            labels: BTreeMap::from([("team".to_owned(), "Payments".to_owned())]),
            retired: false,
            packs: rating.map(pack).into_iter().collect(),
            schedules: None,
        }
    }

    fn ids(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn the_worst_come_first_and_the_unknown_before_the_good() {
        let mut rows = vec![
            row("good", Some(Rating::A), 95.0),
            row("none", None, 0.0),
            row("better", Some(Rating::D), 70.0),
            row("worse", Some(Rating::D), 50.0),
            row("dark", Some(Rating::NotAssessed), 10.0),
            row("worst", Some(Rating::E), 39.0),
        ];
        sort(&mut rows, "");
        assert_eq!(ids(&rows), ["worst", "worse", "better", "dark", "none", "good"]);
        sort(&mut rows, "name");
        assert_eq!(ids(&rows)[0], "better");
        sort(&mut rows, "age");
        assert_eq!(ids(&rows)[0], "none");
    }

    #[test]
    fn words_are_looked_for_in_name_id_and_labels() {
        let rows = || vec![row("shop", Some(Rating::A), 95.0), row("bank", None, 0.0)];
        let asked = |q: &str, rating: &str| Asked { q: q.into(), rating: rating.into(), ..Asked::default() };
        assert_eq!(ids(&fitting(rows(), &asked("SHOP", ""))), ["shop"]);
        assert_eq!(ids(&fitting(rows(), &asked("team=pay", ""))), ["shop", "bank"]);
        assert_eq!(ids(&fitting(rows(), &asked("pay shop", ""))), ["shop"]);
        assert_eq!(ids(&fitting(rows(), &asked("", "none"))), ["bank"]);
        assert_eq!(ids(&fitting(rows(), &asked("", "A"))), ["shop"]);
        assert_eq!(ids(&fitting(rows(), &asked("", "x"))), ["shop", "bank"]);
    }
}
