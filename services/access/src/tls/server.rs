//! The server's end.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hexproof_core::port::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Files, PROTOCOLS, Peer, PeerCertificates, Time, TlsError, VERSIONS};
use super::{certificates, private_key, provider, roots};
use crate::AccessError;
use crate::spiffe::Rules;

/// TLS of a port.
pub struct ServerTls {
    certificate: PathBuf,
    key: PathBuf,
    peers: Option<PeerCertificates>,
    clock: Arc<dyn Clock>,
    present: RwLock<(Files, Arc<ServerConfig>)>,
}

impl ServerTls {
    pub(crate) fn new(
        certificate: PathBuf,
        key: PathBuf,
        peers: Option<PeerCertificates>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccessError> {
        let files = read(&certificate, &key, peers.as_ref())?;
        let config = build(&files, &certificate, &key, peers.as_ref(), &clock)?;
        Ok(Self { certificate, key, peers, clock, present: RwLock::new((files, Arc::new(config))) })
    }

    /// Takes over certificates, key and authority if their files have changed: true if so. New connections use them,
    /// present ones go on. Call it every minute or so; it reads a few small files.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit: those in use stay.
    pub fn reload(&self) -> Result<bool, AccessError> {
        let files = read(&self.certificate, &self.key, self.peers.as_ref())?;
        if self.present.read().unwrap_or_else(PoisonError::into_inner).0 == files {
            return Ok(false);
        }
        let config = build(&files, &self.certificate, &self.key, self.peers.as_ref(), &self.clock)?;
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = (files, Arc::new(config));
        Ok(true)
    }

    /// What is in use now.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Makes a TLS stream of an accepted connection, and says who is at its other end.
    ///
    /// # Errors
    /// A handshake that takes longer than `limit` or fails; a certificate that names nobody we know.
    pub async fn accept<IO>(&self, stream: IO, limit: Duration) -> Result<(TlsStream<IO>, Peer), TlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = TlsAcceptor::from(self.config()).accept(stream);
        let stream = tokio::time::timeout(limit, handshake).await.map_err(|_| TlsError::Slow(limit))??;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identity = match (certificate, &self.peers) {
            (Some(certificate), Some(peers)) => Some(peers.rules.read(certificate)?),
            _ => None,
        };
        Ok((stream, Peer { identity }))
    }
}

fn read(
    certificate: &PathBuf,
    key: &PathBuf,
    peers: Option<&PeerCertificates>,
) -> Result<Files, AccessError> {
    let mut paths = vec![certificate, key];
    paths.extend(peers.map(|peers| &peers.ca));
    Files::read(&paths)
}

fn build(
    files: &Files,
    certificate: &std::path::Path,
    key: &std::path::Path,
    peers: Option<&PeerCertificates>,
    clock: &Arc<dyn Clock>,
) -> Result<ServerConfig, AccessError> {
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(Time(clock.clone())))
        .with_protocol_versions(VERSIONS)?;
    let builder = match (peers, files.0.get(2)) {
        (Some(peers), Some(pem)) => {
            let roots = Arc::new(roots(&peers.ca, pem)?);
            let chain = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let chain = if peers.required { chain } else { chain.allow_unauthenticated() };
            let chain = chain.build().map_err(|error| AccessError::Content {
                path: peers.ca.clone(),
                reason: format!("is no authority: {error}"),
            })?;
            builder.with_client_cert_verifier(Arc::new(Agents { chain, rules: peers.rules.clone() }))
        }
        _ => builder.with_no_client_auth(),
    };
    let chain = certificates(certificate, &files.0[0])?;
    let mut config = builder.with_single_cert(chain, private_key(key, &files.0[1])?)?;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Takes certificates of the authority that name an agent or the service.
#[derive(Debug)]
struct Agents {
    chain: Arc<dyn ClientCertVerifier>,
    rules: Rules,
}

impl ClientCertVerifier for Agents {
    fn offer_client_auth(&self) -> bool {
        self.chain.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        match self.rules.read(end_entity) {
            Ok(_) => Ok(verified),
            Err(error) => Err(CertificateError::Other(OtherError(Arc::new(error))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
