//! The keys of the store. No other module formats or takes apart a key.
//!
//! ```text
//! clusters/<cluster-id>/runs/<run-id>/{claim,cancel}.json
//! clusters/<cluster-id>/runs/<run-id>/{snapshot.ndjson.zst,population.json,assessment.json.zst,result.json}
//! packs/<sha256>.pdf
//! ```
//!
//! `index` and `service` name the rest, `time` makes keys that put the newest first.
//!
//! Every variable piece is a type that admits neither a separator nor a dot, so no input can name a key
//! outside its place.

mod index;
mod service;
mod time;

use std::fmt;

use hexproof_core::digest::Digest;
pub use hexproof_core::id::{ClusterId, InvalidId, RunId};
pub use index::{AuditRow, Index, pack_entries};
pub(crate) use index::{Extract, derived, entries, open, parse_pack};
pub(crate) use service::{
    KINDS, access, access_of, access_tail, parse_version, probe, records, slot_tail, slots, version, versions,
};
pub(crate) use time::{is_day, parse as parse_place, place};

use object_store::path::Path;

/// The objects of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Who took the run on, and when.
    Claim,
    /// That somebody wants it stopped.
    Cancel,
    /// The redacted records: NDJSON, zstd.
    Snapshot,
    /// What was listed, evaluated, unreadable and excluded: JSON.
    Population,
    /// Observations, matrix and work list: JSON, zstd.
    Assessment,
    /// What the run came to: a pack, or why there is none. Its presence alone makes the run finished.
    Result,
}

impl Part {
    /// Every part, in the order in which a run writes them.
    pub const ALL: [Part; 6] =
        [Part::Claim, Part::Cancel, Part::Snapshot, Part::Population, Part::Assessment, Part::Result];

    /// The last piece of the key.
    pub fn file_name(self) -> &'static str {
        match self {
            Part::Claim => "claim.json",
            Part::Cancel => "cancel.json",
            Part::Snapshot => "snapshot.ndjson.zst",
            Part::Population => "population.json",
            Part::Assessment => "assessment.json.zst",
            Part::Result => "result.json",
        }
    }
}

/// A key of the store; made here only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    pub(crate) fn path(&self) -> Path {
        Path::from(self.0.as_str())
    }

    /// A key below this one. `tail` is of the making of this module.
    pub(crate) fn below(&self, tail: &str) -> Self {
        Self(format!("{}/{tail}", self.0))
    }

    /// What of a key lies below this one.
    pub(crate) fn tail_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(self.0.as_str())?.strip_prefix('/')
    }

    /// The key as text, relative to the store's prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Key of one object of a run.
pub fn part(cluster: &ClusterId, run: RunId, part: Part) -> Key {
    Key(format!("clusters/{cluster}/runs/{run}/{}", part.file_name()))
}

/// Key of the pack with this digest.
pub fn pack(digest: &Digest) -> Key {
    Key(format!("packs/{}.pdf", digest.hex()))
}

/// Prefix of everything that belongs to the runs of a cluster.
pub(crate) fn runs(cluster: &ClusterId) -> Key {
    Key(format!("clusters/{cluster}/runs"))
}

/// Prefix of everything that belongs to clusters.
pub(crate) fn clusters() -> Key {
    Key("clusters".to_owned())
}

/// Takes apart the key of an object of a run; `None` for a key that [`part`] does not make.
pub(crate) fn parse_part(key: &str) -> Option<(ClusterId, RunId, Part)> {
    let mut pieces = key.split('/');
    let (Some("clusters"), Some(cluster), Some("runs"), Some(run), Some(name), None) =
        (pieces.next(), pieces.next(), pieces.next(), pieces.next(), pieces.next(), pieces.next())
    else {
        return None;
    };
    let part = Part::ALL.into_iter().find(|part| part.file_name() == name)?;
    Some((cluster.parse().ok()?, run.parse().ok()?, part))
}

/// Takes apart the prefix `clusters/<cluster-id>`.
pub(crate) fn parse_cluster(prefix: &str) -> Option<ClusterId> {
    prefix.strip_prefix("clusters/")?.parse().ok()
}

/// Takes apart the prefix `index/packs/clusters/<cluster-id>`.
pub(crate) fn parse_listed(prefix: &str) -> Option<ClusterId> {
    Index::Packs.of_clusters().tail_of(prefix)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_contract_and_are_read_back() {
        let cluster: ClusterId = "3f1e9f6e-6b6b-4c57-9d8e-0a4d2f3b1c5d".parse().unwrap();
        let run = RunId::from_random([7; 16]);
        for wanted in Part::ALL {
            let key = part(&cluster, run, wanted);
            assert_eq!(key.as_str(), format!("clusters/{cluster}/runs/{run}/{}", wanted.file_name()));
            assert_eq!(key.path().as_ref(), key.as_str(), "the store must not re-encode the key");
            assert_eq!(parse_part(key.as_str()), Some((cluster.clone(), run, wanted)));
        }
        let digest = Digest::of(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(pack(&digest).as_str(), format!("packs/{hex}.pdf"));
        assert_eq!(parse_part("clusters/shop/runs/x/claim.json"), None);
        assert_eq!(parse_part(&format!("clusters/shop/runs/{run}/claim.json/x")), None);
    }
}
