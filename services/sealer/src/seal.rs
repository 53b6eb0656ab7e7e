//! Seals a finished PDF: one incremental update that certifies everything before it.

use jiff::Timestamp;

use crate::pdf::object::write_hex;
use crate::pdf::write::Update;
use crate::pdf::{Document, Object};
use crate::{Identity, SealError, container, form};

/// What a seal says. More may be added; start from [`SealOptions::new`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SealOptions {
    /// The time the seal claims, `/M`, to the second. No authority confirms it at level B-B.
    pub at: Timestamp,
    /// What may be added to the pack later.
    pub permission: Permission,
    /// Why it was sealed, for readers that show it.
    pub reason: Option<String>,
}

impl SealOptions {
    /// A countersignable seal of this time, without a reason.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { at, permission: Permission::Countersignable, reason: None }
    }
}

/// What a certification signature permits afterwards (ISO 32000-1 §12.8.2.2, DocMDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// `P` 1: nothing. An auditor signs beside the file.
    Final,
    /// `P` 2: further signatures, such as an auditor's.
    Countersignable,
}

impl Permission {
    pub(crate) fn value(self) -> i64 {
        match self {
            Self::Final => 1,
            Self::Countersignable => 2,
        }
    }
}

/// Signatures tried until one has the canonical form; one in four has it.
const MAX_TRIES: usize = 256;

/// Seals a PDF by a PAdES baseline B-B certification signature (ETSI EN 319 142-1).
///
/// The input, `pdf`, stays an exact prefix of the result. It has a classic cross-reference table and no
/// form, as Typst writes it; PDF/A-3 and PDF/UA-1 conformance is kept. The signature covers every byte
/// of the result but its own, and its own have one permitted form, so there is no byte that could change
/// unnoticed. Two seals of the same input differ: ECDSA signatures are random.
///
/// # Errors
/// [`SealError::OutsideValidity`] where the certificate is not valid at `options.at`,
/// [`SealError::AlreadySealed`] for a PDF with a form, [`SealError::Malformed`] and its neighbours for
/// anything that is no PDF of that kind.
pub fn seal(pdf: &[u8], identity: &Identity, options: &SealOptions) -> Result<Vec<u8>, SealError> {
    let leaf = identity.leaf();
    if options.at < leaf.not_before() || options.at > leaf.not_after() {
        return Err(SealError::OutsideValidity {
            signer: leaf.subject(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            at: options.at,
        });
    }
    let document = Document::open(pdf)?;
    let length = container::length(identity.chain())?;
    let mut update = Update::new(document.next_number()?);
    let signature_at = update.allocate();
    form::place(&document, &mut update, signature_at)?;
    let signature = form::signature(&leaf.subject(), options, length)?;
    update.set_raw(signature_at, signature.body);

    let mut trailer = document.trailer().without(&["Prev"]);
    let mut id = document.get_array(&trailer, "ID")?;
    if let [_, last] = id.as_mut_slice() {
        // §14.4: the first part stays, the second changes with the contents.
        *last = Object::string(&crate::sha256(pdf).as_ref()[..16]);
        trailer.set("ID", id);
    }
    let appended = update.append(pdf, document.xref(), trailer);
    let body = appended.bodies[&signature_at.number];
    let mut sealed = appended.bytes;

    let gap = body + signature.contents..body + signature.contents + 2 * length + 2;
    let byte_range = format!("[0 {} {} {}]", gap.start, gap.end, sealed.len() - gap.end);
    let place = body + signature.byte_range;
    sealed[place..place + byte_range.len()].copy_from_slice(byte_range.as_bytes());

    let digest = crate::sha256_without(&sealed, &gap);
    let attributes = container::signed_attributes(digest.as_ref(), leaf)?;
    let value = sign(identity, &attributes)?;
    let bytes = container::build(identity.chain(), digest.as_ref(), &value)?;
    let mut hex = Vec::with_capacity(2 * length);
    write_hex(&bytes, &mut hex);
    if hex.len() != 2 * length {
        return Err(SealError::Crypto);
    }
    sealed[gap.start + 1..gap.end - 1].copy_from_slice(&hex);
    Ok(sealed)
}

pub(crate) fn sign(identity: &Identity, message: &[u8]) -> Result<Vec<u8>, SealError> {
    for _ in 0..MAX_TRIES {
        let signature = identity.sign(message)?;
        if container::is_canonical_signature(&signature) {
            return Ok(signature);
        }
    }
    Err(SealError::Crypto)
}
