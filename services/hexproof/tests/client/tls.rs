//! Certificates: the server's is checked, the client's is shown.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::support;

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Chain and key in PEM.
fn leaf(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_certificates_and_strangers_are_refused() {
    // Fails only if another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (chain, key) = leaf(&ours, "localhost");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(chain, key))
        .client_ca_root(Certificate::from_pem(ours.pem()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Server::builder()
        .tls_config(tls)
        .unwrap()
        .add_routes(super::register::services())
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(served);

    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    let (chain, key) = leaf(&ours, "client");
    write("chain.pem", &chain);
    write("key.pem", &key);
    write("ours.pem", &ours.pem());
    write("theirs.pem", &theirs.pem());
    let ask = async |args: &[&str]| {
        let mut command = support::hexproof(home.path());
        command.env("HEXPROOF_TOKEN", "ada").args(["--server", &format!("https://localhost:{port}")]);
        command.args(args).args(["clusters", "list"]);
        super::run(command).await
    };
    let client = ["--client-certificate", "chain.pem", "--client-key", "key.pem"];
    let known = ask(&[&["--ca", "ours.pem"][..], &client].concat()).await;
    assert_eq!(known.code, 0, "{}", known.err);
    let stranger = ask(&[&["--ca", "theirs.pem"][..], &client].concat()).await;
    assert!(stranger.code == 2 && stranger.err.contains("certificate"), "{}", stranger.err);
    let system = ask(&client).await;
    assert_eq!(system.code, 2, "the authorities of the system do not know the server");
    let nameless = ask(&["--ca", "ours.pem"]).await;
    assert_eq!(nameless.code, 2, "{}", nameless.err);
    let broken = ask(&["--ca", "key.pem"]).await;
    assert_eq!(broken.code, 2, "{}", broken.err);
    let missing = ask(&["--ca", "no-such.pem"]).await;
    assert!(missing.code == 2 && missing.err.contains("no-such.pem"), "{}", missing.err);
}
