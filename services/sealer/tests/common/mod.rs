//! What the tests share: a small pack as Typst writes it (PDF/A-3a, PDF/UA-1, two attachments), a time,
//! and identities.

#![allow(dead_code, reason = "each test file uses its own part")]

use hexproof_sealer::{Identity, SealOptions, TrustStore, Verification, seal, verify};
use jiff::Timestamp;

/// Two pages with a link, tags and the attachments `assessment.json` and `population.json`.
pub(crate) const PACK: &[u8] = include_bytes!("../fixtures/pack.pdf");

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the tests make identities and seals.
pub(crate) fn noon() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

/// A local identity, its directory already gone.
pub(crate) fn identity() -> Identity {
    let dir = tempfile::tempdir().unwrap();
    let (identity, created) = Identity::load_or_create(&dir.path().join("identity"), noon()).unwrap();
    assert!(created);
    identity
}

pub(crate) fn trust(identity: &Identity) -> TrustStore {
    TrustStore::from_pems(identity.ca_pem()).unwrap()
}

pub(crate) fn sealed(identity: &Identity) -> Vec<u8> {
    seal(PACK, identity, &SealOptions::new(noon())).unwrap()
}

/// Verifies at noon, trusting the identity's own authority.
pub(crate) fn check(pdf: &[u8], identity: &Identity) -> Verification {
    verify(pdf, &trust(identity), noon())
}

/// Offset of a string in a file, which must be there exactly once.
pub(crate) fn find(haystack: &[u8], needle: &str) -> usize {
    let mut found =
        haystack.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle.as_bytes());
    let (offset, _) = found.next().unwrap_or_else(|| panic!("`{needle}` is missing"));
    assert!(found.next().is_none(), "`{needle}` is there twice");
    offset
}
