//! Files that travel inside the pack (PDF/A-3: associated files).

use std::collections::BTreeSet;

use hexproof_core::Digest;

use crate::error::RenderError;

/// What an attachment is to the document (`AFRelationship`, ISO 32000-2 table 43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relationship {
    /// What the document was made from: the snapshot.
    Source,
    /// The data the pages show: assessment, population.
    Data,
    /// What helps to judge the document: the list of the catalogue.
    Supplement,
}

impl Relationship {
    const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Data => "data",
            Self::Supplement => "supplement",
        }
    }
}

/// A file to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name: 1 to 100 of `A-Z a-z 0-9 . _ -`, not starting with a dot, unique in the pack.
    pub name: String,
    /// Media type, for example `application/json`.
    pub mime: String,
    /// What it is to the document.
    pub relationship: Relationship,
    /// One sentence for the reader's list of attachments.
    pub description: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What the templates are told about an attachment.
#[derive(serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Attached<'a> {
    name: &'a str,
    mime: &'a str,
    relationship: &'static str,
    description: &'a str,
    sha256: String,
    size: String,
}

/// Checks names and media types, and digests the bytes.
///
/// # Errors
/// A name or type that a reader could stumble over, or a name used twice.
pub(crate) fn describe(attachments: &[Attachment]) -> Result<Vec<Attached<'_>>, RenderError> {
    let mut seen = BTreeSet::new();
    attachments
        .iter()
        .map(|file| {
            if !is_safe_name(&file.name) || !seen.insert(&file.name) {
                return Err(RenderError::AttachmentName(file.name.chars().take(120).collect()));
            }
            if !is_media_type(&file.mime) {
                return Err(RenderError::MediaType { name: file.name.clone(), mime: file.mime.clone() });
            }
            Ok(Attached {
                name: &file.name,
                mime: &file.mime,
                relationship: file.relationship.word(),
                description: &file.description,
                sha256: Digest::of(&file.bytes).hex(),
                size: size(file.bytes.len()),
            })
        })
        .collect()
}

fn is_safe_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_media_type(mime: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    mime.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub))
}

/// A size for people: three figures at most, decimal units.
fn size(bytes: usize) -> String {
    const THIN: char = '\u{202F}';
    match bytes {
        0..1_000 => format!("{bytes}{THIN}B"),
        1_000..1_000_000 => format!("{}{THIN}kB", bytes.div_ceil(1_000)),
        _ => {
            let tenths = bytes.div_ceil(100_000);
            format!("{}.{}{THIN}MB", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Attachment {
        Attachment {
            name: name.into(),
            mime: "application/json".into(),
            relationship: Relationship::Data,
            description: String::new(),
            bytes: b"{}".to_vec(),
        }
    }

    #[test]
    fn names_that_leave_the_folder_or_hide_are_refused() {
        for bad in ["", ".", "..", "../a", "a/b", "a\\b", ".hidden", "a\u{202E}b", "a b", &"a".repeat(101)] {
            assert!(matches!(describe(&[named(bad)]), Err(RenderError::AttachmentName(_))), "{bad}");
        }
        assert!(describe(&[named("a"), named("a")]).is_err());
        assert!(describe(&[named("assessment.json"), named("snapshot.ndjson.zst")]).is_ok());
    }

    #[test]
    fn a_media_type_has_two_tokens() {
        for bad in ["", "json", "application/", "a/b/c", "text/plain; charset=x"] {
            let file = Attachment { mime: bad.into(), ..named("a") };
            assert!(matches!(describe(&[file]), Err(RenderError::MediaType { .. })), "{bad}");
        }
    }

    #[test]
    fn sizes_are_rounded_up() {
        assert_eq!(size(999), "999\u{202F}B");
        assert_eq!(size(1_001), "2\u{202F}kB");
        assert_eq!(size(1_900_001), "2.0\u{202F}MB");
    }
}
