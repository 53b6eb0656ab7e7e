//! The authorities that a verifier trusts.

use crate::certificate::Certificate;
use crate::{Identity, SealError, purpose};

/// Certificates of authorities. An empty store trusts nobody, and then no seal is valid.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    anchors: Vec<Certificate>,
}

impl TrustStore {
    /// A store of every certificate in some PEM files.
    ///
    /// # Errors
    /// As [`TrustStore::add_pem`].
    pub fn from_pems<T: AsRef<[u8]>>(pems: impl IntoIterator<Item = T>) -> Result<Self, SealError> {
        let mut store = Self::default();
        for pem in pems {
            store.add_pem(pem.as_ref(), "the trusted certificates")?;
        }
        Ok(store)
    }

    /// Adds every certificate of a PEM file; `origin` names the file in errors.
    ///
    /// # Errors
    /// [`SealError::Certificate`] where the file is no PEM, holds no certificate, or holds one that is no
    /// authority's: trusting a signer directly would also trust whatever else is made with its key.
    pub fn add_pem(&mut self, pem: &[u8], origin: &str) -> Result<(), SealError> {
        for certificate in Certificate::from_pem(pem, origin)? {
            purpose::check_authority(&certificate, 0).map_err(|reason| SealError::Certificate {
                certificate: format!("the certificate of `{}` in `{origin}`", certificate.subject()),
                reason,
            })?;
            if !self.anchors.contains(&certificate) {
                self.anchors.push(certificate);
            }
        }
        Ok(())
    }

    /// Adds the root of an identity, where the identity knows it.
    ///
    /// # Errors
    /// As [`TrustStore::add_pem`].
    pub fn add_identity(&mut self, identity: &Identity) -> Result<(), SealError> {
        match identity.ca_pem() {
            Some(pem) => self.add_pem(pem.as_bytes(), "the identity's `ca.pem`"),
            None => Ok(()),
        }
    }

    /// Number of authorities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether it trusts nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    pub(super) fn anchors(&self) -> &[Certificate] {
        &self.anchors
    }
}
