//! Identifiers that become part of keys and addresses. Each is a type that admits neither a separator nor a dot, so
//! no input can name anything outside its place.

use std::fmt;
use std::str::FromStr;

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

/// Declares a name of 1 to 63 characters `a-z`, `0-9` and `-`, first and last not `-`.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as it stands in keys.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match is_label(text) {
                    true => Ok(Self(text.to_owned())),
                    false => {
                        let rule =
                            "1 to 63 characters `a-z`, `0-9` and `-`, beginning and ending with a letter or digit";
                        Err(InvalidId::new($kind, rule, text))
                    }
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

label! {
    /// Names a cluster. The UID of the `kube-system` namespace is of this form, and so is a DNS label.
    ClusterId, "cluster id"
}

label! {
    /// Names a record that is kept in versions: a schedule, a waiver, a registration, a link.
    RecordId, "id"
}

impl From<ClusterId> for RecordId {
    fn from(id: ClusterId) -> Self {
        Self(id.0)
    }
}

impl From<RunId> for RecordId {
    fn from(id: RunId) -> Self {
        // A UUID in lower case is of the form of a label.
        Self(id.to_string())
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
}
