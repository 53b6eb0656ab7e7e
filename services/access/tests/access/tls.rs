//! TLS 1.3 with the right certificates, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hexproof_access::{Access, AccessConfig, ClientTls, Peer, ServerTls, SpiffeId, TlsError};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsConnector;

use crate::support::{Store, TestClock};

const PATIENCE: Duration = Duration::from_secs(5);
const SHOP: &str = "spiffe://example.org/cluster/shop/collector";
const SERVER: &str = "spiffe://example.org/server";

/// An authority with a folder of what it has issued.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Agents");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Writes `<name>.pem` and `<name>.key` for the days of November 2026 from and to which it is valid.
    fn issue(&self, name: &str, sans: &[SanType], days: (u8, u8)) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = sans.to_vec();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2026, 11, days.0);
        params.not_after = date_time_ymd(2026, 11, days.1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (pem, secret) = (self.path(name, "pem"), self.path(name, "key"));
        std::fs::write(&pem, certificate.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        (pem, secret)
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{ending}"))
    }

    fn access(&self) -> Access {
        let mtls = json!({"mtls": {"ca": self.ca(), "trustDomain": "example.org"}});
        let config: AccessConfig = serde_json::from_value(mtls).unwrap();
        let store = Arc::new(Store::default());
        Access::new(&config, TestClock::noon(), store.register(), store).unwrap()
    }

    fn server(&self, required: bool) -> ServerTls {
        let sans = [uri(SERVER), SanType::DnsName("localhost".try_into().unwrap())];
        let (pem, key) = self.issue("server", &sans, (1, 30));
        self.access().server_tls(pem, key, required).unwrap()
    }

    fn client(&self, sans: &[SanType], days: (u8, u8)) -> ClientTls {
        let (pem, key) = self.issue("client", sans, days);
        self.access().client_tls(pem, key).unwrap()
    }

    /// A client that has no certificate and goes by the DNS name.
    fn stranger(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(Noon))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

#[derive(Debug)]
struct Noon;

impl rustls::time_provider::TimeProvider for Noon {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let noon = crate::support::NOON.parse::<jiff::Timestamp>().unwrap().as_second();
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(noon.unsigned_abs())))
    }
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn id(text: &str) -> SpiffeId {
    text.parse().unwrap()
}

/// Both ends of one connection: what the server came to, and whether a byte came back to the client.
async fn meet(server: &ServerTls, client: &ClientTls, expected: &SpiffeId) -> (Result<Peer, TlsError>, bool) {
    let (near, far) = duplex(64 << 10);
    let serve = async {
        let (mut stream, peer) = server.accept(far, PATIENCE).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        Ok(peer)
    };
    let call = async {
        let Ok(mut stream) = client.connect(expected, near, PATIENCE).await else { return false };
        stream.read_u8().await.is_ok()
    };
    tokio::join!(serve, call)
}

#[tokio::test]
async fn an_agent_is_known_by_its_certificate() {
    let authority = Authority::new();
    for required in [true, false] {
        let (server, client) = (authority.server(required), authority.client(&[uri(SHOP)], (24, 25)));
        let (peer, heard) = meet(&server, &client, &client.server()).await;
        let (found, ends) = peer.unwrap().identity.unwrap();
        assert_eq!((found, heard), (id(SHOP), true));
        assert_eq!(ends.to_string(), "2026-11-25T00:00:00Z");
    }
}

#[tokio::test]
async fn certificates_that_name_nobody_or_live_too_long_are_refused() {
    let authority = Authority::new();
    let server = authority.server(false);
    let bank = "spiffe://example.org/cluster/bank/collector";
    let dns = SanType::DnsName("agent.example".try_into().unwrap());
    let cases = [
        ("a day", vec![uri(SHOP)], (24, 25), true),
        ("a name beside the URI", vec![uri(SHOP), dns.clone()], (24, 25), true),
        ("two days", vec![uri(SHOP)], (24, 26), false),
        ("expired", vec![uri(SHOP)], (23, 24), false),
        ("not valid yet", vec![uri(SHOP)], (25, 26), false),
        ("two URIs", vec![uri(SHOP), uri(bank)], (24, 25), false),
        ("no URI", vec![dns], (24, 25), false),
        ("another trust domain", vec![uri("spiffe://other.org/cluster/shop/collector")], (24, 25), false),
        ("another form", vec![uri("spiffe://example.org/ns/a/sa/b")], (24, 25), false),
    ];
    for (what, sans, days, good) in cases {
        let client = authority.client(&sans, days);
        let (peer, heard) = meet(&server, &client, &client.server()).await;
        assert_eq!((peer.is_ok(), heard), (good, good), "{what}: {peer:?}");
    }
}

#[tokio::test]
async fn certificates_of_another_authority_are_refused_at_both_ends() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = ours.server(false);
    // A client of theirs that trusts our server: only the server can refuse.
    let (pem, key) = theirs.issue("client", &[uri(SHOP)], (24, 25));
    let client = ours.access().client_tls(pem, key).unwrap();
    let (peer, heard) = meet(&server, &client, &client.server()).await;
    assert!(peer.is_err() && !heard);
    // A server of theirs.
    let client = ours.client(&[uri(SHOP)], (24, 25));
    let (peer, heard) = meet(&theirs.server(false), &client, &client.server()).await;
    assert!(peer.is_err() && !heard);
}

#[tokio::test]
async fn the_service_calls_the_agent_that_it_means() {
    let authority = Authority::new();
    let (pem, key) = authority.issue("agent", &[uri(SHOP)], (24, 25));
    let agent = authority.access().server_tls(pem, key, true).unwrap();
    let service = authority.client(&[uri(SERVER)], (1, 30));
    let (peer, heard) = meet(&agent, &service, &service.collector(&"shop".parse().unwrap())).await;
    assert_eq!((peer.unwrap().identity.unwrap().0, heard), (id(SERVER), true));
    for other in
        ["spiffe://example.org/cluster/bank/collector", SERVER, "spiffe://o.org/cluster/shop/collector"]
    {
        let (peer, heard) = meet(&agent, &service, &id(other)).await;
        assert!(peer.is_err() && !heard, "{other}");
    }
    // An agent whose certificate has expired.
    let (pem, key) = authority.issue("agent", &[uri(SHOP)], (23, 24));
    let agent = authority.access().server_tls(pem, key, true).unwrap();
    let (peer, heard) = meet(&agent, &service, &id(SHOP)).await;
    assert!(peer.is_err() && !heard);
}

async fn stranger(server: &ServerTls, connector: &TlsConnector) -> (Result<Peer, TlsError>, bool) {
    let (near, far): (DuplexStream, DuplexStream) = duplex(64 << 10);
    let serve = async {
        let (mut stream, peer) = server.accept(far, PATIENCE).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        Ok(peer)
    };
    let call = async {
        let name = ServerName::try_from("localhost").unwrap();
        let Ok(mut stream) = connector.connect(name, near).await else { return false };
        stream.read_u8().await.is_ok()
    };
    tokio::join!(serve, call)
}

#[tokio::test]
async fn old_versions_and_callers_without_a_certificate_are_refused_where_one_is_demanded() {
    let authority = Authority::new();
    let new = authority.stranger(&[&rustls::version::TLS13]);
    let old = authority.stranger(&[&rustls::version::TLS12]);
    let (peer, heard) = stranger(&authority.server(false), &new).await;
    assert_eq!((peer.unwrap(), heard), (Peer::default(), true), "others prove who they are by a token");
    let (peer, heard) = stranger(&authority.server(true), &new).await;
    assert!(peer.is_err() && !heard, "an agent demands a certificate");
    for required in [true, false] {
        let (peer, heard) = stranger(&authority.server(required), &old).await;
        assert!(peer.is_err() && !heard, "TLS 1.2");
    }
}

#[tokio::test]
async fn plain_text_and_silence_are_refused() {
    let server = Authority::new().server(false);
    let (mut near, far) = duplex(64 << 10);
    near.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(matches!(server.accept(far, PATIENCE).await, Err(TlsError::Handshake(_))));
    let (_near, far) = duplex(64 << 10);
    let slow = server.accept(far, Duration::from_millis(20)).await;
    assert!(matches!(slow, Err(TlsError::Slow(_))));
}

#[tokio::test]
async fn renewed_files_are_taken_over_and_broken_ones_are_not() {
    let authority = Authority::new();
    let server = authority.server(false);
    let client = authority.client(&[uri(SHOP)], (24, 25));
    assert!(!server.reload().unwrap(), "nothing has changed");
    let serial = |server: &ServerTls| format!("{:?}", Arc::as_ptr(&server.config()));
    let before = serial(&server);
    std::fs::write(authority.path("server", "key"), "no key").unwrap();
    let error = server.reload().unwrap_err().to_string();
    assert!(error.contains("server.key") && !error.contains("no key"), "{error}");
    assert_eq!(serial(&server), before);
    assert!(meet(&server, &client, &client.server()).await.1, "those in use stay");
    // A certificate that does not belong to the key.
    authority.issue("other", &[uri(SERVER)], (1, 30));
    copy(&authority, "other.key", "server.key");
    assert!(server.reload().is_err());
    copy(&authority, "other.pem", "server.pem");
    assert!(server.reload().unwrap());
    assert!(meet(&server, &client, &client.server()).await.1);
    // Another authority: its agents get in, the old ones do not.
    let successor = Authority::new();
    std::fs::copy(successor.ca(), authority.ca()).unwrap();
    assert!(server.reload().unwrap());
    assert!(meet(&server, &client, &client.server()).await.0.is_err());
}

fn copy(authority: &Authority, from: &str, to: &str) {
    let folder: &Path = authority.folder.path();
    std::fs::copy(folder.join(from), folder.join(to)).unwrap();
}
