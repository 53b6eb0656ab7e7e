//! Seals evidence packs and verifies the seals.
//!
//! `identity` is who seals: a key and its certificates. `seal` appends one revision to a finished PDF,
//! of which `form` makes the objects and `container` the signature (CMS). `verify` takes a file apart
//! again and gives one verdict a step; `attachments` reads the files inside. `pdf` is the strict reader
//! and append-only writer under all of them, `certificate` and `purpose` the X.509 part.
//!
//! Identity + PDF → form → digest → container → sealed PDF → verify → verdicts
//!
//! Standards: PAdES baseline B-B (ETSI EN 319 142-1), CMS (RFC 5652), ISO 32000-1 §12.8, RFC 5280,
//! RFC 9336. The crate never reads a clock and never touches the network; only `identity` touches files.

mod attachments;
mod certificate;
mod container;
mod error;
mod form;
mod identity;
mod pdf;
mod purpose;
mod seal;
mod verify;

pub use attachments::{Attachment, AttachmentDigest, attachment_head, attachments};
pub use error::SealError;
pub use identity::Identity;
pub use seal::{Permission, SealOptions, seal};
pub use verify::{Countersignature, Signer, Step, StepName, TrustStore, Verdict, Verification, verify};

use std::ops::Range;

use ring::digest::{Context, Digest, SHA256, digest};

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes)
}

/// SHA-256 of everything but a gap.
pub(crate) fn sha256_without(bytes: &[u8], gap: &Range<usize>) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(bytes.get(..gap.start).unwrap_or_default());
    context.update(bytes.get(gap.end..).unwrap_or_default());
    context.finish()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = Vec::with_capacity(2 * bytes.len());
    pdf::object::write_hex(bytes, &mut digits);
    digits.into_iter().map(char::from).collect()
}
