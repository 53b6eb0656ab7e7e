//! What binds an extract to the assessment it was made of, and shows when either is not what it was.
//!
//! ```text
//! "HXEV" | version | kind | 0 | 0 | SHA-256 of the stored assessment | SHA-256 of the content | content
//! ```

use bytes::Bytes;
use hexproof_core::digest::Digest;

use crate::layout::Extract;

const MAGIC: [u8; 4] = *b"HXEV";
/// Of the layout of all extracts together: whatever another version wrote is made again.
const VERSION: u8 = 1;
const HEADER: usize = 8 + 32 + 32;

/// Why an extract is not used. It is made again then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it is of another version or kind")]
    Format,
    #[error("it was made of another assessment")]
    Foreign,
    #[error("it is damaged")]
    Damaged,
}

/// Puts content into an envelope.
pub(super) fn seal(kind: Extract, assessment: &Digest, content: &[u8]) -> Bytes {
    let mut sealed = Vec::with_capacity(HEADER + content.len());
    sealed.extend_from_slice(&head(kind));
    sealed.extend_from_slice(assessment.bytes());
    sealed.extend_from_slice(Digest::of(content).bytes());
    sealed.extend_from_slice(content);
    sealed.into()
}

/// Takes content out of an envelope, if it belongs to this assessment.
pub(super) fn open(kind: Extract, assessment: &Digest, sealed: &Bytes) -> Result<Bytes, Unfit> {
    let (header, content) = sealed.split_at_checked(HEADER).ok_or(Unfit::Damaged)?;
    if header[..8] != head(kind) {
        return Err(Unfit::Format);
    }
    if header[8..40] != *assessment.bytes() {
        return Err(Unfit::Foreign);
    }
    match header[40..] == *Digest::of(content).bytes() {
        true => Ok(sealed.slice(HEADER..)),
        false => Err(Unfit::Damaged),
    }
}

fn head(kind: Extract) -> [u8; 8] {
    let [a, b, c, d] = MAGIC;
    let kind = match kind {
        Extract::Summary => 1,
        Extract::Table => 2,
        Extract::Blocks => 3,
    };
    [a, b, c, d, VERSION, kind, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_assessment_comes_out() {
        let (ours, other) = (Digest::of(b"ours"), Digest::of(b"other"));
        let sealed = seal(Extract::Table, &ours, b"content");
        assert_eq!(open(Extract::Table, &ours, &sealed).unwrap(), "content");
        assert_eq!(open(Extract::Table, &other, &sealed), Err(Unfit::Foreign));
        assert_eq!(open(Extract::Summary, &ours, &sealed), Err(Unfit::Format));
        for cut in 0..sealed.len() {
            assert!(open(Extract::Table, &ours, &sealed.slice(..cut)).is_err(), "{cut}");
        }
        for at in 0..sealed.len() {
            let mut flipped = sealed.to_vec();
            flipped[at] ^= 1;
            assert!(open(Extract::Table, &ours, &flipped.into()).is_err(), "{at}");
        }
    }
}
