//! Verifies a seal, step by step, with one verdict each.
//!
//! `signatures` finds the signatures of a file and what their ByteRanges cover, `chain` follows
//! certificates to a trusted authority (`trust`), `revisions` judges what was added after the seal, and
//! `report` holds the verdicts. Whatever the bytes are, the result is a [`Verification`]: no error, no
//! panic, and work proportional to the size of the file. What could not be checked is unknown, and
//! unknown is never valid.

mod chain;
mod report;
mod revisions;
mod signatures;
#[cfg(test)]
mod tests;
mod trust;

use jiff::Timestamp;

pub use report::{Countersignature, Signer, Step, StepName, Verdict, Verification};
pub use trust::TrustStore;

use crate::container::Container;
use crate::pdf::Document;
use crate::{SealError, attachments};
use report::Report;
use signatures::{Covered, Signature};

/// Clocks differ; a seal from further in the future than this is not believed.
const SKEW_SECONDS: i64 = 300;

/// Verifies the seal of a pack against trusted authorities.
///
/// `at` is the time at which the pack is known to exist: now, or an earlier moment that something else
/// proves, such as a ledger entry. A certificate that has ended by then makes the verdict unknown,
/// because nothing in a B-B seal shows that it was made before (ETSI EN 319 102-1, "no POE").
#[must_use]
pub fn verify(pdf: &[u8], trust: &TrustStore, at: Timestamp) -> Verification {
    let mut report = Report::default();
    if let Err(error) = run(pdf, trust, at, &mut report) {
        // Only reading the structure fails this way; later steps report for themselves.
        match error {
            SealError::Unsupported { .. } | SealError::Limit { .. } => {
                report.unknown(StepName::Structure, error.to_string());
            }
            other => report.invalid(StepName::Structure, other.to_string()),
        }
    }
    report.finish()
}

fn run(pdf: &[u8], trust: &TrustStore, at: Timestamp, report: &mut Report) -> Result<(), SealError> {
    let document = Document::open(pdf)?;
    let found = signatures::find(&document)?;
    let Some(seal) = found.first() else {
        report.invalid(StepName::Structure, "the document carries no seal");
        return Ok(());
    };
    // What the seal covers is a document of its own: the pack as it was when it was sealed. Everything
    // about the seal is read from there, so later revisions cannot change what is said about it.
    let end = match &seal.covered {
        Ok(covered) => covered.end,
        Err(_) => pdf.len(),
    };
    let sealed = Document::open(pdf.get(..end).unwrap_or(pdf))?;
    let inner = signatures::find(&sealed)?;
    match inner.as_slice() {
        [one] if one.contents == seal.contents => match signatures::check_certification(&sealed, one)? {
            Ok(permission) => {
                report.permission = Some(permission);
                report.valid(
                    StepName::Structure,
                    format!("one certification seal in the field `{}`", one.field),
                );
            }
            Err(reason) => report.invalid(StepName::Structure, reason),
        },
        _ => report.invalid(StepName::Structure, "the sealed part does not carry exactly one seal"),
    }
    coverage(pdf, &found, report);
    seal_steps(pdf, seal, trust, at, report);
    match attachments::digests(&sealed) {
        Ok(Ok(digests)) => {
            let count = digests.len();
            report.valid(
                StepName::Attachments,
                match count {
                    1 => "1 attachment is whole".to_owned(),
                    _ => format!("{count} attachments are whole"),
                },
            );
            report.attachments = digests;
        }
        Ok(Err(reason)) => report.invalid(StepName::Attachments, reason),
        Err(error @ SealError::Malformed { .. }) => report.invalid(StepName::Attachments, error.to_string()),
        Err(error) => report.unknown(StepName::Attachments, error.to_string()),
    }
    revisions::check(pdf, &found, trust, at, report);
    Ok(())
}

/// The last signature must reach the end of the file: readers ignore bytes after it, this one does not.
fn coverage(pdf: &[u8], found: &[Signature], report: &mut Report) {
    let mut reached = 0;
    for signature in found {
        match &signature.covered {
            Ok(covered) => reached = covered.end,
            Err(reason) => {
                report.invalid(StepName::Coverage, format!("signature `{}`: {reason}", signature.field));
                return;
            }
        }
    }
    report.covered_bytes =
        found.first().and_then(|seal| seal.covered.as_ref().ok()).map(|covered| covered.end as u64);
    if reached == pdf.len() {
        report.valid(StepName::Coverage, "covers the whole file");
    } else {
        let after = pdf.len() - reached;
        report.invalid(
            StepName::Coverage,
            format!("{after} bytes from offset {reached} on are covered by no signature"),
        );
    }
}

/// Digest, signature and certificate of the seal.
fn seal_steps(pdf: &[u8], seal: &Signature, trust: &TrustStore, at: Timestamp, report: &mut Report) {
    let Ok(covered) = &seal.covered else { return };
    let container = match Container::parse(&seal.contents) {
        Ok(container) => container,
        Err(reason) => {
            report.invalid(StepName::Signature, format!("the signature container {reason}"));
            return;
        }
    };
    match digest_matches(pdf, covered, &container) {
        true => report.valid(StepName::Digest, "the document is what was signed"),
        false => report.invalid(StepName::Digest, "the document differs from what was signed"),
    }
    let checks = container
        .check_signature()
        .and_then(|()| signatures::check_hex(pdf, covered, true))
        .and_then(|()| container.check_form(&seal.contents));
    match checks {
        Ok(()) => report.valid(
            StepName::Signature,
            format!("signed by the key of `{}` (ECDSA P-256 with SHA-256)", container.leaf.subject()),
        ),
        Err(reason) => report.invalid(StepName::Signature, format!("the signature container {reason}")),
    }
    report.signer = Some(Signer::new(&container.leaf, seal.signed_at));
    let (verdict, sentence) = chain::check(&container, seal.signed_at, trust, at);
    report.set(StepName::Certificate, verdict, sentence);
}

fn digest_matches(pdf: &[u8], covered: &Covered, container: &Container) -> bool {
    let signed = pdf.get(..covered.end).unwrap_or_default();
    crate::sha256_without(signed, &covered.gap).as_ref() == container.digest
}
