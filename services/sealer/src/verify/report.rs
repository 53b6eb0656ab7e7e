//! Verdicts and the sentences that go with them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::{AttachmentDigest, Permission};

/// The outcome of a step, or of all. There is no degree between: what was not checked is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Checked, and as it must be.
    Valid,
    /// It could not be checked.
    Unknown,
    /// Checked, and not as it must be.
    Invalid,
}

/// What is checked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepName {
    /// A PDF with exactly one certification seal, before any other signature.
    Structure,
    /// The ByteRange leaves out exactly the signature, and the last one reaches the end of the file.
    Coverage,
    /// The digest of the covered bytes is the one that was signed.
    Digest,
    /// The signature over the digest verifies, and its container has the one permitted form.
    Signature,
    /// The certificate leads to a trusted authority and may sign documents at that time.
    Certificate,
    /// Each attachment can be read and has the size and checksum that the file states.
    Attachments,
    /// What was added after the seal is permitted, and signed by somebody trusted.
    Revisions,
}

impl StepName {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Structure,
        Self::Coverage,
        Self::Digest,
        Self::Signature,
        Self::Certificate,
        Self::Attachments,
        Self::Revisions,
    ];

    /// The step in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Coverage => "coverage",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Certificate => "certificate",
            Self::Attachments => "attachments",
            Self::Revisions => "revisions",
        }
    }
}

/// One step with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// What was checked.
    pub name: StepName,
    /// The outcome.
    pub verdict: Verdict,
    /// Why, as a clause without capital and full stop; fit for one line.
    pub sentence: String,
}

/// Who sealed, as the certificate says. Believe it where the certificate step is valid.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// Common name of the certificate's subject.
    pub name: String,
    /// Common name of its issuer.
    pub issuer: String,
    /// SHA-256 of the certificate, 64 lowercase hexadecimal digits.
    pub fingerprint: String,
    /// Start of the certificate's validity.
    pub not_before: Timestamp,
    /// End of the certificate's validity.
    pub not_after: Timestamp,
    /// The time that the seal claims; no authority confirms it.
    pub signed_at: Option<Timestamp>,
}

impl Signer {
    pub(super) fn new(leaf: &Certificate, signed_at: Option<Timestamp>) -> Self {
        Self {
            name: leaf.subject(),
            issuer: leaf.issuer(),
            fingerprint: leaf.fingerprint(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            signed_at,
        }
    }
}

/// A signature that was added after the seal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Countersignature {
    /// Name of its field.
    pub field: String,
    /// Who signed, where the container could be read.
    pub signer: Option<Signer>,
    /// Whether it verifies on its own.
    pub verdict: Verdict,
    /// Why.
    pub sentence: String,
}

/// Everything that verification found out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// All steps of [`StepName::ALL`], in that order.
    pub steps: Vec<Step>,
    /// Who sealed, where the signature container could be read.
    pub signer: Option<Signer>,
    /// What the seal permits to be added, where the structure is valid.
    pub permission: Option<Permission>,
    /// Length of the sealed pack; shorter than the file where countersignatures follow.
    pub covered_bytes: Option<u64>,
    /// The attachments of the sealed pack. Believe them where the overall verdict is valid.
    pub attachments: Vec<AttachmentDigest>,
    /// Signatures after the seal, in order.
    pub countersignatures: Vec<Countersignature>,
}

impl Verification {
    /// The worst verdict of all steps.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.steps.iter().map(|step| step.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// Whether every step is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.verdict() == Verdict::Valid
    }

    /// The verdict of one step.
    #[must_use]
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The outcome in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let verdict = self.verdict();
        let first = self.steps.iter().find(|step| step.verdict == verdict);
        let reason = first.map_or("nothing was checked", |step| &step.sentence);
        match (verdict, &self.signer) {
            (Verdict::Valid, Some(signer)) => {
                let more = match self.countersignatures.as_slice() {
                    [] => String::new(),
                    [one] => match &one.signer {
                        Some(auditor) => format!("; countersigned by {}", auditor.name),
                        None => String::new(),
                    },
                    several => format!("; countersigned {} times", several.len()),
                };
                format!("Valid: signed by {}; covers the whole file{more}.", signer.name)
            }
            (Verdict::Invalid, _) => format!("Not valid: {reason}."),
            (Verdict::Valid | Verdict::Unknown, _) => format!("Unknown: {reason}."),
        }
    }
}

/// A verification in the making. Steps that are never set end as unknown.
#[derive(Default)]
pub(super) struct Report {
    steps: BTreeMap<StepName, (Verdict, String)>,
    pub(super) signer: Option<Signer>,
    pub(super) permission: Option<Permission>,
    pub(super) covered_bytes: Option<u64>,
    pub(super) attachments: Vec<AttachmentDigest>,
    pub(super) countersignatures: Vec<Countersignature>,
}

impl Report {
    pub(super) fn valid(&mut self, step: StepName, sentence: impl Into<String>) {
        self.set(step, Verdict::Valid, sentence);
    }

    pub(super) fn unknown(&mut self, step: StepName, sentence: impl Into<String>) {
        self.set(step, Verdict::Unknown, sentence);
    }

    pub(super) fn invalid(&mut self, step: StepName, sentence: impl Into<String>) {
        self.set(step, Verdict::Invalid, sentence);
    }

    /// Sets a step. A step that was set before can only get worse.
    pub(super) fn set(&mut self, step: StepName, verdict: Verdict, sentence: impl Into<String>) {
        let known = self.steps.entry(step).or_insert_with(|| (Verdict::Valid, String::new()));
        if known.1.is_empty() || verdict > known.0 {
            *known = (verdict, sentence.into());
        }
    }

    pub(super) fn finish(mut self) -> Verification {
        let steps = StepName::ALL.map(|name| match self.steps.remove(&name) {
            Some((verdict, sentence)) => Step { name, verdict, sentence },
            None => {
                let sentence = "not checked, because an earlier step failed".to_owned();
                Step { name, verdict: Verdict::Unknown, sentence }
            }
        });
        Verification {
            steps: steps.into(),
            signer: self.signer,
            permission: self.permission,
            covered_bytes: self.covered_bytes,
            attachments: self.attachments,
            countersignatures: self.countersignatures,
        }
    }
}
