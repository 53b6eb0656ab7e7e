//! The keys of the store. No other module formats or takes apart a key.
//!
//! ```text
//! clusters/<cluster-id>/runs/<run-id>/{claim.json,snapshot.ndjson.zst,population.json,assessment.json.zst,result.json}
//! packs/<sha256>.pdf
//! ```
//!
//! Every variable piece is a type that admits neither a separator nor a dot, so no input can name a key
//! outside its place.

use std::fmt;
use std::str::FromStr;

use hexproof_core::digest::Digest;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

/// An identifier that is not of the form its place in a key requires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct InvalidId {
    kind: &'static str,
    rule: &'static str,
    text: String,
}

impl InvalidId {
    fn new(kind: &'static str, rule: &'static str, text: &str) -> Self {
        // Hostile input ends up in a message: keep it short and printable.
        let text = text.chars().take(80).flat_map(char::escape_default).collect();
        Self { kind, rule, text }
    }
}

/// Names a cluster in keys: 1 to 63 characters `a-z`, `0-9` and `-`, first and last not `-`.
/// The UID of the `kube-system` namespace is of this form, and so is a DNS label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(String);

impl ClusterId {
    /// The identifier as it stands in keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        match fits {
            true => Ok(Self(text.to_owned())),
            false => {
                let rule =
                    "1 to 63 characters `a-z`, `0-9` and `-`, beginning and ending with a letter or digit";
                Err(InvalidId::new("cluster id", rule, text))
            }
        }
    }
}

impl TryFrom<String> for ClusterId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ClusterId> for String {
    fn from(id: ClusterId) -> Self {
        id.0
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a run: a UUID in its canonical lower-case form (RFC 9562, section 4), and in no other, so that
/// one run has one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId([u8; 16]);

impl RunId {
    /// The run id that belongs to `names` within `cluster`: a UUID of version 5 (RFC 9562, section 5.5).
    ///
    /// The same cluster and names always give the same id, so that a command or a schedule slot that is
    /// run again takes up its earlier run instead of starting another one.
    pub fn derive(cluster: &ClusterId, names: &[&str]) -> Self {
        /// Namespace of run ids, itself random once and fixed forever.
        const NAMESPACE: [u8; 16] =
            [0x6b, 0x1f, 0x0c, 0x52, 0x9e, 0x37, 0x4d, 0x0a, 0xa4, 0x51, 0x2c, 0x83, 0xd7, 0x1e, 0x90, 0xb6];
        let mut name = NAMESPACE.to_vec();
        for piece in std::iter::once(cluster.as_str()).chain(names.iter().copied()) {
            // Length first: ("ab", "c") and ("a", "bc") are different names.
            name.extend_from_slice(&(piece.len() as u64).to_be_bytes());
            name.extend_from_slice(piece.as_bytes());
        }
        let hash = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &name);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_ref()[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x50;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// A run id of 16 random bytes: a UUID of version 4 (RFC 9562, section 5.4).
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }
}

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("run id", "a UUID in lower case with hyphens", text);
        let raw = text.as_bytes();
        if raw.len() != 36 {
            return Err(invalid());
        }
        let mut bytes = [0; 16];
        let mut nibbles = 0;
        for (at, &byte) in raw.iter().enumerate() {
            let nibble = match (at, byte) {
                (8 | 13 | 18 | 23, b'-') => continue,
                (8 | 13 | 18 | 23, _) => return Err(invalid()),
                (_, b'0'..=b'9') => byte - b'0',
                (_, b'a'..=b'f') => byte - b'a' + 10,
                (_, _) => return Err(invalid()),
            };
            bytes[nibbles / 2] |= if nibbles % 2 == 0 { nibble << 4 } else { nibble };
            nibbles += 1;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The objects of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Who took the run on, and when.
    Claim,
    /// The redacted records: NDJSON, zstd.
    Snapshot,
    /// What was listed, evaluated, unreadable and excluded: JSON.
    Population,
    /// Observations, matrix and work list: JSON, zstd.
    Assessment,
    /// What the run came to. Its presence alone makes the run finished.
    Result,
}

impl Part {
    /// Every part, in the order in which a run writes them.
    pub const ALL: [Part; 5] =
        [Part::Claim, Part::Snapshot, Part::Population, Part::Assessment, Part::Result];

    /// The last piece of the key.
    pub fn file_name(self) -> &'static str {
        match self {
            Part::Claim => "claim.json",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_their_place_are_refused() {
        let long = "a".repeat(64);
        let hostile = [
            "", ".", "..", "../x", "a/b", "a\\b", "%2e%2e", "a%2Fb", "A", "a b", "a.b", "a\0", "-a", "a-",
            "ä", &long,
        ];
        for text in hostile {
            assert!(text.parse::<ClusterId>().is_err(), "cluster id {text:?}");
            assert!(text.parse::<RunId>().is_err(), "run id {text:?}");
            assert!(serde_json::from_value::<ClusterId>(text.into()).is_err(), "cluster id {text:?} in JSON");
            assert!(serde_json::from_value::<RunId>(text.into()).is_err(), "run id {text:?} in JSON");
        }
    }

    #[test]
    fn a_run_id_has_one_spelling() {
        let text = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
        assert_eq!(text.parse::<RunId>().unwrap().to_string(), text);
        for other in
            [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), text.replacen('-', "0", 1)]
        {
            assert!(other.parse::<RunId>().is_err(), "{other}");
        }
    }

    #[test]
    fn derived_ids_depend_on_every_name_and_its_borders() {
        let cluster: ClusterId = "shop".parse().unwrap();
        let id = RunId::derive(&cluster, &["ab", "c"]);
        assert_eq!(id, RunId::derive(&cluster, &["ab", "c"]));
        assert_ne!(id, RunId::derive(&cluster, &["a", "bc"]));
        assert_ne!(id, RunId::derive(&"shop-2".parse().unwrap(), &["ab", "c"]));
        let text = id.to_string();
        assert_eq!(&text[14..15], "5", "version of {text}");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "variant of {text}");
        assert_eq!(text.parse::<RunId>(), Ok(id));
    }

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
