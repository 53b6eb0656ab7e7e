//! Who seals: an ECDSA P-256 key and the certificate chain that speaks for it.
//!
//! `issue` makes a local identity, `store` keeps it in a directory, this file holds one in memory and
//! checks that key and chain fit their purpose.

mod issue;
mod store;

use std::fmt;

use der::oid::ObjectIdentifier;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use crate::SealError;
use crate::certificate::Certificate;
use crate::purpose;

/// secp256r1, RFC 5480 §2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A signer: certificate chain, leaf first, and the private key of the leaf.
pub struct Identity {
    chain: Vec<Certificate>,
    root: Option<Certificate>,
    key: EcdsaKeyPair,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("leaf", &self.leaf_fingerprint()).finish_non_exhaustive()
    }
}

impl Identity {
    /// An identity from a certificate chain (PEM, leaf first, the root may be absent) and its private
    /// key (PEM, PKCS#8, unencrypted, ECDSA P-256).
    ///
    /// # Errors
    /// [`SealError::Key`] for any other kind of key, with the command that converts a SEC1 key;
    /// [`SealError::Certificate`] where the key is not the leaf's, where a certificate does not sign the
    /// one before it, or where the leaf may not sign documents (CA, key usage without nonRepudiation,
    /// extended key usage without document signing). Validity is checked when sealing.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, SealError> {
        Self::from_parts(Certificate::from_pem(chain, "the certificate chain")?, key, None)
    }

    fn from_parts(chain: Vec<Certificate>, key: &[u8], root: Option<Certificate>) -> Result<Self, SealError> {
        let key = private_key(key)?;
        let leaf = chain.first().ok_or(SealError::Key { reason: "there is no certificate for it" })?;
        let refuse = |certificate: &Certificate, reason: String| SealError::Certificate {
            certificate: format!("the certificate of `{}`", certificate.subject()),
            reason,
        };
        let public = &leaf.parsed.tbs_certificate.subject_public_key_info;
        if purpose::curve(public) != Some(P256)
            || public.subject_public_key.as_bytes() != Some(key.public_key().as_ref())
        {
            return Err(refuse(leaf, "it belongs to another private key".to_owned()));
        }
        purpose::check_leaf(leaf).map_err(|reason| refuse(leaf, reason))?;
        for pair in chain.windows(2) {
            purpose::check_issued(&pair[0], &pair[1]).map_err(|reason| refuse(&pair[0], reason))?;
        }
        let last = chain.last().filter(|last| chain.len() > 1 && last.is_self_issued()).cloned();
        Ok(Self { root: root.or(last), chain, key })
    }

    /// Common name of the certificate that signs.
    #[must_use]
    pub fn signer_name(&self) -> String {
        self.leaf().subject()
    }

    /// Common name of the certificate's issuer.
    #[must_use]
    pub fn issuer_name(&self) -> String {
        self.leaf().issuer()
    }

    /// SHA-256 of the signing certificate, 64 lowercase hexadecimal digits.
    #[must_use]
    pub fn leaf_fingerprint(&self) -> String {
        self.leaf().fingerprint()
    }

    /// SHA-256 of the root certificate, 64 lowercase hexadecimal digits, where the root is known.
    #[must_use]
    pub fn root_fingerprint(&self) -> Option<String> {
        self.root.as_ref().map(Certificate::fingerprint)
    }

    /// The root certificate as PEM, where it is known: what a verifier has to trust.
    #[must_use]
    pub fn ca_pem(&self) -> Option<String> {
        self.root.as_ref().map(Certificate::to_pem)
    }

    /// The certificate chain as PEM, leaf first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::to_pem).collect()
    }

    /// Start of the signing certificate's validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.leaf().not_before()
    }

    /// End of the signing certificate's validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.leaf().not_after()
    }

    /// The signature algorithm in words.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        "ECDSA P-256 with SHA-256"
    }

    /// The format and level of the seals it makes, in words.
    #[must_use]
    pub fn level(&self) -> &'static str {
        "PAdES baseline B-B"
    }

    /// An identity that no check has seen, for the forgeries that tests make.
    #[cfg(test)]
    pub(crate) fn unchecked(chain: &str, key: &str) -> Self {
        let chain = Certificate::from_pem(chain.as_bytes(), "chain").unwrap();
        Self { chain, root: None, key: private_key(key.as_bytes()).unwrap() }
    }

    pub(crate) fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }

    pub(crate) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Signs a message; the result is an ASN.1 ECDSA-Sig-Value of 70 to 72 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        let signature = self.key.sign(&SystemRandom::new(), message).map_err(|_| SealError::Crypto)?;
        Ok(signature.as_ref().to_vec())
    }
}

fn private_key(text: &[u8]) -> Result<EcdsaKeyPair, SealError> {
    let blocks = pem::parse_many(text).map_err(|_| SealError::Key { reason: "it is not PEM" })?;
    let find = |tag: &str| blocks.iter().find(|block| block.tag() == tag);
    let Some(block) = find("PRIVATE KEY") else {
        return Err(SealError::Key {
            reason: if find("EC PRIVATE KEY").is_some() {
                "it is in SEC1 form; convert it with `openssl pkcs8 -topk8 -nocrypt -in key.pem -out signer.key`"
            } else if find("ENCRYPTED PRIVATE KEY").is_some() {
                "it is encrypted; decrypt it with `openssl pkcs8 -in key.pem -out signer.key`"
            } else {
                "there is no `BEGIN PRIVATE KEY` block (PKCS#8)"
            },
        });
    };
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, block.contents(), &SystemRandom::new()).map_err(
        |_| SealError::Key { reason: "it is no PKCS#8 key for ECDSA P-256 that holds its public key" },
    )
}
