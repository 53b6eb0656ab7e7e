//! TLS 1.3 and nothing older, with certificates that are taken over from their files while the program runs.
//!
//! No session is resumed: a resumed one would not check the client's certificate again.

mod client;
mod server;

use std::path::PathBuf;
use std::sync::Arc;

use hexproof_core::port::Clock;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, SupportedProtocolVersion};

use crate::AccessError;
use crate::error::read_file;
use crate::spiffe::{Rules, SpiffeError, SpiffeId};

pub use client::ClientTls;
pub use server::ServerTls;

/// The only versions spoken.
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
/// HTTP/2 first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Which certificates of clients are taken.
#[derive(Debug, Clone)]
pub(crate) struct PeerCertificates {
    pub(crate) ca: PathBuf,
    pub(crate) rules: Rules,
    /// Nobody connects without one.
    pub(crate) required: bool,
}

/// Who is at the other end of a connection. Put it into the extensions of every request of the connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// The SPIFFE id of the client's certificate and when that ends, if there was one.
    pub identity: Option<(SpiffeId, Timestamp)>,
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The other end took too long.
    #[error("the TLS handshake took longer than {0:?}")]
    Slow(std::time::Duration),
    /// It speaks no TLS 1.3, or its certificate is refused.
    #[error("the TLS handshake failed")]
    Handshake(#[from] std::io::Error),
    /// Its certificate names nobody we know.
    #[error("the peer is refused")]
    Peer(#[from] SpiffeError),
}

/// Certificate validity is judged by the clock of the program.
struct Time(Arc<dyn Clock>);

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The bytes of PEM files, to see whether they have changed.
#[derive(PartialEq, Eq)]
struct Files(Vec<Vec<u8>>);

impl Files {
    fn read(paths: &[&PathBuf]) -> Result<Self, AccessError> {
        paths.iter().map(|path| read_file(path)).collect::<Result<_, _>>().map(Self)
    }
}

fn certificates(path: &std::path::Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let wrong = |reason: String| AccessError::Content { path: path.to_owned(), reason };
    let list = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(format!("is no PEM file of certificates: {error}")))?;
    match list.is_empty() {
        true => Err(wrong("holds no certificate".to_owned())),
        false => Ok(list),
    }
}

fn private_key(path: &std::path::Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, AccessError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        // The error names a form, never bytes of the key.
        AccessError::Content { path: path.to_owned(), reason: format!("is no PEM file of a key: {error}") }
    })
}

fn roots(path: &std::path::Path, pem: &[u8]) -> Result<RootCertStore, AccessError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}
