//! The keys of the index: what lists are made of. Everything here is derived from the runs and can be made again.
//!
//! ```text
//! index/open/<day>/<time>-<run>.<cluster>                          an order without an end
//! index/audits/all/<day>/<time>-<run>.<cluster>                    when an audit was ordered
//! index/audits/clusters/<cluster>/<day>/<time>-<run>.<cluster>     the same, by cluster
//! index/packs/all/<day>/<time>-<run>.<rating>.<whole|part>.<bytes>.<sha256>.<cluster>
//! index/packs/clusters/<cluster>/<day>/...
//! ```
//!
//! A key carries all that a row of a list needs, so that a list reads no objects.

use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::scale::Rating;
use jiff::Timestamp;

use super::time::{parse, place};
use super::{ClusterId, Key};

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

/// A pack in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRow {
    /// The audit that made it.
    pub key: AuditKey,
    /// When that was finished.
    pub finished: Timestamp,
    /// The rating of the cluster.
    pub rating: Rating,
    /// Whether everything that was asked could be read.
    pub complete: bool,
    /// Bytes of the PDF.
    pub size: u64,
    /// SHA-256 of the PDF.
    pub digest: Digest,
}

impl PackRow {
    /// The keys under which the index has the row: among all, and among those of its cluster.
    pub fn keys(&self) -> [Key; 2] {
        entries(Index::Packs, &self.key.cluster, &self.tail())
    }

    /// The end of its keys.
    pub(crate) fn tail(&self) -> String {
        let Self { key: AuditKey { cluster, run }, finished, rating, complete, size, digest } = self;
        let whole = if *complete { "whole" } else { "part" };
        format!("{}-{run}.{}.{whole}.{size}.{}.{cluster}", place(*finished), letter(*rating), digest.hex())
    }

    /// Reads the end of a key.
    pub(crate) fn parse(tail: &str) -> Option<Self> {
        let (finished, rest) = parse(tail)?;
        let mut pieces = rest.strip_prefix('-')?.split('.');
        let mut next = || pieces.next();
        let (run, rating, whole, size, digest, cluster) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let complete = match whole {
            "whole" => true,
            "part" => false,
            _ => return None,
        };
        let row = Self {
            key: AuditKey { cluster: cluster.parse().ok()?, run: run.parse().ok()? },
            finished,
            rating: *Rating::ALL.iter().find(|known| letter(**known) == rating)?,
            complete,
            size: size.parse().ok()?,
            digest: format!("sha256:{digest}").parse().ok()?,
        };
        // One row has one key; any other spelling is not ours.
        (row.tail() == tail).then_some(row)
    }
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
    use super::*;

    fn row() -> PackRow {
        PackRow {
            key: AuditKey {
                cluster: "a".repeat(63).parse().unwrap(),
                run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
            },
            finished: "2026-11-24T10:00:02.123456789Z".parse().unwrap(),
            rating: Rating::NotAssessed,
            complete: false,
            size: u64::MAX,
            digest: Digest::of(b"pack"),
        }
    }

    #[test]
    fn a_row_comes_back_from_its_key_and_fits_a_file_name() {
        for rating in Rating::ALL {
            let row = PackRow { rating: *rating, ..row() };
            let keys = entries(Index::Packs, &row.key.cluster, &row.tail());
            for key in keys {
                assert_eq!(key.path().as_ref(), key.as_str(), "the store must not re-encode the key");
                assert!(key.as_str().split('/').all(|piece| piece.len() <= 255), "{key}");
                assert!(key.as_str().len() < 512, "{key}");
            }
            assert_eq!(PackRow::parse(&row.tail()), Some(row));
        }
        let audit = AuditRow { key: row().key, created: row().finished };
        assert_eq!(AuditRow::parse(&audit.tail()), Some(audit));
    }

    #[test]
    fn keys_of_others_are_no_rows() {
        let good = row().tail();
        for tail in [
            good.replace(".part.", ".half."),
            good.replace("not-assessed", "z"),
            good.to_uppercase(),
            format!("{good}.x"),
            good.replacen('-', "_", 1),
            String::new(),
        ] {
            assert_eq!(PackRow::parse(&tail), None, "{tail}");
        }
        assert_eq!(AuditRow::parse(&good), None);
    }
}
