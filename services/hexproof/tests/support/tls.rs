//! An authority of the test, and the certificate of a service on this machine.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// Files in PEM.
pub(crate) struct TlsFiles {
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Makes them in `home`.
    pub(crate) fn make(home: &Path) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "authority of the test");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut leaf = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        leaf.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let pair = KeyPair::generate().unwrap();
        let files =
            Self { ca: home.join("ca.pem"), certificate: home.join("tls.pem"), key: home.join("tls.key") };
        std::fs::write(&files.ca, authority.pem()).unwrap();
        std::fs::write(&files.certificate, leaf.signed_by(&pair, &authority).unwrap().pem()).unwrap();
        std::fs::write(&files.key, pair.serialize_pem()).unwrap();
        files
    }
}
