//! No byte of a sealed pack can change, go or come unnoticed: the signature's own bytes included.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::ops::Range;

use common::{PACK, check, identity, noon, sealed, trust};
use hexproof_sealer::{Identity, StepName, TrustStore, Verdict, verify};

/// Flips the bits of `mask` at every offset of `offsets` in turn; none of the results may be valid.
fn flip_all(pdf: &[u8], trust: &TrustStore, offsets: Range<usize>, step: usize, mask: u8) {
    let middle = offsets.start + offsets.len() / 2;
    let judge = |range: Range<usize>| {
        let mut flipped = pdf.to_vec();
        for offset in range.step_by(step) {
            flipped[offset] ^= mask;
            let verification = verify(&flipped, trust, noon());
            assert_ne!(verification.verdict(), Verdict::Valid, "offset {offset}, mask {mask:#04x}");
            flipped[offset] ^= mask;
        }
        assert_eq!(flipped, pdf);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| judge(offsets.start..middle));
        judge(middle..offsets.end);
    });
}

fn gap(pdf: &[u8]) -> Range<usize> {
    let start = common::find(pdf, "/Contents <3") + "/Contents ".len();
    start..start + pdf[start..].iter().position(|&byte| byte == b'>').unwrap() + 1
}

fn prepared() -> (Identity, Vec<u8>) {
    let identity = identity();
    let pdf = sealed(&identity);
    assert!(check(&pdf, &identity).is_valid());
    (identity, pdf)
}

#[test]
fn no_single_flipped_byte_verifies() {
    let (identity, pdf) = prepared();
    flip_all(&pdf, &trust(&identity), 0..pdf.len(), 1, 0x01);
}

#[test]
fn no_bit_of_the_signature_itself_can_change() {
    let (identity, pdf) = prepared();
    // Bits 0 and 5 are flipped by the tests beside this one.
    for bit in [1, 2, 3, 4, 6, 7] {
        flip_all(&pdf, &trust(&identity), gap(&pdf), 1, 1 << bit);
    }
}

#[test]
fn no_change_of_case_and_no_inverted_byte_verifies() {
    let (identity, pdf) = prepared();
    for mask in [0x20, 0xff] {
        flip_all(&pdf, &trust(&identity), 0..pdf.len(), 7, mask);
        flip_all(&pdf, &trust(&identity), gap(&pdf), 1, mask);
    }
}

#[test]
fn appended_bytes_are_seen_whatever_they_are() {
    let (identity, pdf) = prepared();
    for tail in
        [&b"\n"[..], b" ", b"%%EOF\n", b"\0", b"% a comment\n", &pdf[PACK.len()..], &pdf, &[b' '; 100_000]]
    {
        let mut longer = pdf.clone();
        longer.extend_from_slice(tail);
        let verification = check(&longer, &identity);
        assert_ne!(verification.verdict(), Verdict::Valid, "{} bytes", tail.len());
    }
    let mut longer = pdf.clone();
    longer.extend_from_slice(b"hidden");
    assert_eq!(
        check(&longer, &identity).sentence(),
        format!("Not valid: 6 bytes from offset {} on are covered by no signature.", pdf.len())
    );
}

#[test]
fn truncated_packs_are_refused_at_every_length() {
    let (identity, pdf) = prepared();
    for length in (0..pdf.len()).step_by(101).chain(pdf.len() - 300..pdf.len()) {
        assert!(!check(&pdf[..length], &identity).is_valid(), "{length} bytes");
    }
    let unsealed = check(PACK, &identity);
    assert_eq!(unsealed.sentence(), "Not valid: the document carries no seal.");
}

#[test]
fn bytes_put_in_or_taken_out_are_seen() {
    let (identity, pdf) = prepared();
    for offset in (0..pdf.len()).step_by(211).chain(gap(&pdf).step_by(37)) {
        let mut longer = pdf.clone();
        longer.insert(offset, b'0');
        assert!(!check(&longer, &identity).is_valid(), "put in at {offset}");
        let mut shorter = pdf.clone();
        shorter.remove(offset);
        assert!(!check(&shorter, &identity).is_valid(), "taken out at {offset}");
    }
}

#[test]
fn the_signature_of_another_pack_does_not_fit() {
    let (identity, pdf) = prepared();
    let mut other = PACK.to_vec();
    let title = common::find(PACK, "/Title(Sign-off)");
    other[title + 7] = b'R';
    let other = hexproof_sealer::seal(&other, &identity, &hexproof_sealer::SealOptions::new(noon())).unwrap();
    assert!(check(&other, &identity).is_valid());
    let mut mixed = pdf.clone();
    mixed[gap(&pdf)].copy_from_slice(&other[gap(&other)]);
    let verification = check(&mixed, &identity);
    assert_eq!(verification.sentence(), "Not valid: the document differs from what was signed.");
    assert_eq!(verification.step(StepName::Signature).unwrap().verdict, Verdict::Valid);
}
