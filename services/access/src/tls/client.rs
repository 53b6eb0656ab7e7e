//! The caller's end of connections between the service and its agents.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hexproof_core::port::Clock;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Files, Time, TlsError, VERSIONS, certificates, private_key, provider, roots};
use crate::AccessError;
use crate::spiffe::{Rules, SpiffeId};

/// Calls peers whose certificate names an expected SPIFFE id; their DNS name does not matter.
pub struct ClientTls {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    rules: Rules,
    clock: Arc<dyn Clock>,
}

impl ClientTls {
    pub(crate) fn new(
        ca: PathBuf,
        certificate: PathBuf,
        key: PathBuf,
        rules: Rules,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccessError> {
        let client = Self { ca, certificate, key, rules, clock };
        // Files that do not fit are found at the start and not at the first call.
        let trust_domain = client.rules.trust_domain.clone();
        client.config(&SpiffeId::Server { trust_domain })?;
        Ok(client)
    }

    /// The id that the agent of a cluster must have unless its registration names another one.
    pub fn collector(&self, cluster: &hexproof_core::id::ClusterId) -> SpiffeId {
        SpiffeId::Collector { trust_domain: self.rules.trust_domain.clone(), cluster: cluster.clone() }
    }

    /// The id that the service must have towards agents.
    pub fn server(&self) -> SpiffeId {
        SpiffeId::Server { trust_domain: self.rules.trust_domain.clone() }
    }

    /// The configuration for calls to one peer. The files are read anew each time, so that renewed certificates are
    /// used from the next connection on.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit.
    pub fn config(&self, expected: &SpiffeId) -> Result<Arc<ClientConfig>, AccessError> {
        let files = Files::read(&[&self.ca, &self.certificate, &self.key])?;
        let verifier = Expected {
            roots: roots(&self.ca, &files.0[0])?,
            rules: self.rules.clone(),
            id: expected.clone(),
            provider: provider(),
        };
        let chain = certificates(&self.certificate, &files.0[1])?;
        let key = private_key(&self.key, &files.0[2])?;
        let mut config = ClientConfig::builder_with_details(provider(), Arc::new(Time(self.clock.clone())))
            .with_protocol_versions(VERSIONS)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// Makes a TLS stream of a connection to `expected`.
    ///
    /// # Errors
    /// A handshake that takes longer than `limit` or fails; another peer; files that do not fit.
    pub async fn connect<IO>(
        &self,
        expected: &SpiffeId,
        stream: IO,
        limit: Duration,
    ) -> Result<TlsStream<IO>, TlsError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let config = self.config(expected).map_err(std::io::Error::other)?;
        // The name is not sent as SNI, being an address, and not compared: the SPIFFE id is.
        let name = ServerName::IpAddress(IpAddr::from(std::net::IpAddr::from([0, 0, 0, 0])));
        let handshake = TlsConnector::from(config).connect(name, stream);
        Ok(tokio::time::timeout(limit, handshake).await.map_err(|_| TlsError::Slow(limit))??)
    }
}

/// Takes one peer: its chain is checked against the authority, its URI SAN in place of a DNS name.
#[derive(Debug)]
struct Expected {
    roots: RootCertStore,
    rules: Rules,
    id: SpiffeId,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Expected {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        match self.rules.read(end_entity) {
            Ok((id, _)) if id == self.id => Ok(ServerCertVerified::assertion()),
            Ok(_) => Err(CertificateError::NotValidForName.into()),
            Err(error) => Err(CertificateError::Other(OtherError(Arc::new(error))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
