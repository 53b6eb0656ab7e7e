use std::path::PathBuf;

/// What can go wrong while making an identity, sealing, or reading a PDF.
///
/// The verifier never returns this: whatever it meets becomes a verdict with a sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The bytes are no PDF that ISO 32000 allows.
    #[error("not a well-formed PDF at offset {offset}: {reason}")]
    Malformed {
        /// Byte offset from the start of the file.
        offset: usize,
        /// What was expected there.
        reason: &'static str,
    },
    /// The PDF is in order but uses something that packs never use.
    #[error("the PDF uses {feature}, which packs never use")]
    Unsupported {
        /// The feature, as ISO 32000 names it.
        feature: &'static str,
    },
    /// A bound against hostile input was reached.
    #[error("the PDF exceeds a limit: {what}")]
    Limit {
        /// The bound, with its figure.
        what: &'static str,
    },
    /// The PDF already carries a form, hence possibly a seal; a certification is made once, and first.
    #[error("the PDF already has a form or a signature; a seal must be the first")]
    AlreadySealed,
    /// A file of the identity could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason given by the system.
        source: std::io::Error,
    },
    /// The directory holds other things than an identity, or only a part of one.
    #[error(
        "`{}` has no `{missing}`; name a directory that holds `signer.pem` and `signer.key`, or an empty or new one",
        dir.display()
    )]
    Incomplete {
        /// The directory.
        dir: PathBuf,
        /// The file that is not there.
        missing: &'static str,
    },
    /// The private key can be read by other users of the machine.
    #[error(
        "`{}` has mode {mode:04o} and can be read by others; run `chmod 600` on it, and replace the key if others use this machine",
        path.display()
    )]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key is not a usable PKCS#8 key for ECDSA P-256.
    #[error("the private key cannot be used: {reason}")]
    Key {
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A certificate cannot be read or does not fit its purpose.
    #[error("{certificate} cannot be used: {reason}")]
    Certificate {
        /// Which certificate.
        certificate: String,
        /// Why.
        reason: String,
    },
    /// The signer's certificate is not valid at the time of the seal.
    #[error(
        "the certificate of `{signer}` is valid from {not_before} until {not_after}, not at {at}; \
         move its directory away to get a new identity, and keep its `ca.pem` to verify earlier packs"
    )]
    OutsideValidity {
        /// Common name of the signer.
        signer: String,
        /// Start of validity.
        not_before: jiff::Timestamp,
        /// End of validity.
        not_after: jiff::Timestamp,
        /// The time that was asked for.
        at: jiff::Timestamp,
    },
    /// A certificate could not be issued.
    #[error("cannot issue a certificate")]
    Issue(#[source] rcgen::Error),
    /// An ASN.1 structure could not be encoded.
    #[error("cannot encode the signature container")]
    Encode(#[from] der::Error),
    /// `ring` failed to produce a signature or random bytes.
    #[error("the system's random number generator or the signer failed")]
    Crypto,
}

impl SealError {
    pub(crate) fn malformed(offset: usize, reason: &'static str) -> Self {
        Self::Malformed { offset, reason }
    }
}
