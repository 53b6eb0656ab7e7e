//! The keys of the index: what lists are made of. Everything here is derived from the runs and can be made again.
//!
//! ```text
//! index/open/<day>/<time>-<run>.<cluster>                          an order without an end
//! index/audits/all/<day>/<time>-<run>.<cluster>                    when an audit was ordered
//! index/audits/clusters/<cluster>/<day>/<time>-<run>.<cluster>     the same, by cluster
//! index/packs/all/<day>/<time>-<run>.<rating>.<whole|part>.<bytes>.<sha256>.[<score>.]<cluster>
//! index/packs/clusters/<cluster>/<day>/...
//! index/evidence/<cluster>/<run>.{summary,table,blocks}            what pages read instead of an assessment
//! ```
//!
//! A key carries all that a row of a list needs, so that a list reads no objects.

use hexproof_core::audit::AuditKey;
use hexproof_core::port::evidence::{PackEntry, ScoreEntry};
use hexproof_core::scale::Rating;
use jiff::Timestamp;

use super::time::{parse, place};
use super::{ClusterId, Key, RunId};
use crate::record::Overall;

/// What is listed by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Index {
    /// Audits, by when they were ordered.
    Audits,
    /// Packs, by when they were finished.
    Packs,
}

impl Index {
    fn word(self) -> &'static str {
        match self {
            Self::Audits => "audits",
            Self::Packs => "packs",
        }
    }

    /// What stands over the entries of every cluster.
    pub(crate) fn of_all(self) -> Key {
        Key(format!("index/{}/all", self.word()))
    }

    /// What stands over the clusters that have entries.
    pub(crate) fn of_clusters(self) -> Key {
        Key(format!("index/{}/clusters", self.word()))
    }

    /// What stands over the entries of one cluster.
    pub(crate) fn of_cluster(self, cluster: &ClusterId) -> Key {
        Key(format!("index/{}/clusters/{cluster}", self.word()))
    }
}

/// Prefix of the orders without an end.
pub(crate) fn open() -> Key {
    Key("index/open".to_owned())
}

/// Prefix of everything that is derived and may be deleted.
pub(crate) fn derived() -> Key {
    Key("index".to_owned())
}

/// What is made of an assessment for its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extract {
    /// Everything but the observations.
    Summary,
    /// What observations are found by.
    Table,
    /// The observations, in blocks that can be read one by one.
    Blocks,
}

impl Extract {
    /// Its key.
    pub(crate) fn of(self, cluster: &ClusterId, run: RunId) -> Key {
        let word = match self {
            Self::Summary => "summary",
            Self::Table => "table",
            Self::Blocks => "blocks",
        };
        Key(format!("index/evidence/{cluster}/{run}.{word}"))
    }
}

/// An audit in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditRow {
    /// The audit.
    pub key: AuditKey,
    /// When it was ordered.
    pub created: Timestamp,
}

impl AuditRow {
    /// The end of its keys.
    pub(crate) fn tail(&self) -> String {
        format!("{}-{}.{}", place(self.created), self.key.run, self.key.cluster)
    }

    /// Reads the end of a key.
    pub(crate) fn parse(tail: &str) -> Option<Self> {
        let (created, rest) = parse(tail)?;
        let (run, cluster) = rest.strip_prefix('-')?.split_once('.')?;
        Some(Self { key: AuditKey { cluster: cluster.parse().ok()?, run: run.parse().ok()? }, created })
    }
}

/// The keys under which the index has a pack: among all, and among those of its cluster.
pub fn pack_entries(pack: &PackEntry) -> [Key; 2] {
    entries(Index::Packs, &pack.key.cluster, &pack_tail(pack))
}

/// The end of the keys of a pack.
fn pack_tail(pack: &PackEntry) -> String {
    let PackEntry { key: AuditKey { cluster, run }, finished, rating, score, complete, size, digest } = pack;
    let whole = if *complete { "whole" } else { "part" };
    let score = score.map(|score| format!(".{}", Overall::from(score))).unwrap_or_default();
    format!("{}-{run}.{}.{whole}.{size}.{}{score}.{cluster}", place(*finished), letter(*rating), digest.hex())
}

/// Reads the end of the key of a pack; one without a score is as good, but older.
pub(crate) fn parse_pack(tail: &str) -> Option<PackEntry> {
    let (finished, rest) = parse(tail)?;
    let mut pieces = rest.strip_prefix('-')?.split('.');
    let mut next = || pieces.next();
    let (run, rating, whole, size, digest) = (next()?, next()?, next()?, next()?, next()?);
    let (score, cluster) = match (next()?, next()) {
        (cluster, None) => (None, cluster),
        (score, Some(cluster)) => (Some(score.parse::<Overall>().ok()?), cluster),
    };
    let complete = match whole {
        "whole" => true,
        "part" => false,
        _ => return None,
    };
    let pack = PackEntry {
        key: AuditKey { cluster: cluster.parse().ok()?, run: run.parse().ok()? },
        finished,
        rating: *Rating::ALL.iter().find(|known| letter(**known) == rating)?,
        score: score.map(ScoreEntry::from),
        complete,
        size: size.parse().ok()?,
        digest: format!("sha256:{digest}").parse().ok()?,
    };
    // One pack has one key; any other spelling is not ours.
    (pack_tail(&pack) == tail).then_some(pack)
}

/// A rating as it stands in keys.
fn letter(rating: Rating) -> String {
    rating.word().to_lowercase().replace(' ', "-")
}

/// The two keys of an entry: among all, and among those of its cluster.
pub(crate) fn entries(index: Index, cluster: &ClusterId, tail: &str) -> [Key; 2] {
    [index.of_all().below(tail), index.of_cluster(cluster).below(tail)]
}

#[cfg(test)]
mod tests {
    use hexproof_core::digest::Digest;

    use super::*;

    fn pack() -> PackEntry {
        PackEntry {
            key: AuditKey {
                cluster: "a".repeat(63).parse().unwrap(),
                run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
            },
            finished: "2026-11-24T10:00:02.123456789Z".parse().unwrap(),
            rating: Rating::NotAssessed,
            score: Some(ScoreEntry { low: 12.34, high: 100.0, coverage: 99.99, gates: u32::MAX }),
            complete: false,
            size: u64::MAX,
            digest: Digest::of(b"pack"),
        }
    }

    #[test]
    fn a_row_comes_back_from_its_key_and_fits_a_file_name() {
        for rating in Rating::ALL {
            let row = PackEntry { rating: *rating, ..pack() };
            for key in pack_entries(&row) {
                assert_eq!(key.path().as_ref(), key.as_str(), "the store must not re-encode the key");
                assert!(key.as_str().split('/').all(|piece| piece.len() <= 255), "{key}");
                assert!(key.as_str().len() < 512, "{key}");
            }
            assert_eq!(parse_pack(&pack_tail(&row)), Some(row));
        }
        let older = PackEntry { score: None, ..pack() };
        assert_eq!(parse_pack(&pack_tail(&older)), Some(older), "written before scores were");
        let audit = AuditRow { key: pack().key, created: pack().finished };
        assert_eq!(AuditRow::parse(&audit.tail()), Some(audit));
    }

    #[test]
    fn keys_of_others_are_no_rows() {
        let good = pack_tail(&pack());
        for tail in [
            good.replace(".part.", ".half."),
            good.replace("not-assessed", "z"),
            good.replace(".1234-", ".01234-"),
            good.replace("-10000-", "-10001-"),
            good.replace("-9999-", "-+999-"),
            good.to_uppercase(),
            format!("{good}.x"),
            good.replacen('-', "_", 1),
            String::new(),
        ] {
            assert_eq!(parse_pack(&tail), None, "{tail}");
        }
        assert_eq!(AuditRow::parse(&good), None);
    }
}
