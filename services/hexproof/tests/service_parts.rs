//! The programs of others that the service is tested with do what its tests need of them.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use support::parts::{Azurite, Client, IdentityProvider, Nats, S3, http, present, tool, until};

fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[test]
fn the_identity_provider_signs_tokens_with_groups_and_rotates_its_key() {
    if !present(&["oidc-provider"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let clients = [
        Client { id: "alice", groups: &["auditors", "staff"], audience: "urn:hexproof" },
        Client { id: "stray", groups: &[], audience: "urn:other" },
    ];
    let mut provider = IdentityProvider::start(home.path(), &clients);
    let before = provider.token("alice");
    let claims = part(&before, 1);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["aud"], "urn:hexproof");
    assert_eq!(claims["iss"], provider.issuer.as_str());
    assert_eq!(claims["groups"], serde_json::json!(["auditors", "staff"]));
    assert_eq!(part(&provider.token("stray"), 1)["aud"], "urn:other");

    provider.rotate();
    let after = provider.token("alice");
    assert_ne!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
    let (_, keys) = http(provider.issuer.trim_start_matches("http://"), "GET", "/jwks", &[], "").unwrap();
    assert!(keys.contains(part(&after, 0)["kid"].as_str().unwrap()), "{keys}");
    assert!(!keys.contains(part(&before, 0)["kid"].as_str().unwrap()), "{keys}");

    provider.clock(-3600);
    let old = part(&provider.token("alice"), 1);
    assert!(old["exp"].as_i64().unwrap() < claims["iat"].as_i64().unwrap());
}

#[test]
fn the_program_keeps_packs_on_an_s3_endpoint_that_can_be_cut_off() {
    if !present(&["moto_server"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let s3 = S3::start(home.path());
    let mut command = support::hexproof(home.path());
    command.args(["audit", "--cluster", "shop", "--store", &s3.store()]).envs(s3.environment());
    let (code, out, err) = support::run(command.arg(support::root().join("examples/weak-shop")));
    assert_eq!(code, 0, "{out}{err}");
    let keys = s3.keys();
    assert!(keys.iter().any(|key| key.starts_with("audits/packs/") && key.ends_with(".pdf")), "{keys:?}");

    // Cut off, nobody gets through; what was stored is there when the connection is mended.
    let ask = || http(&s3.proxy.address, "GET", "/evidence?list-type=2", &[], "");
    assert!(ask().is_some_and(|(status, _)| status == 200));
    s3.proxy.cut();
    assert_eq!(ask(), None);
    s3.proxy.mend();
    assert!(ask().is_some_and(|(status, body)| status == 200 && body.contains(&keys[0])));
}

#[test]
fn the_program_keeps_packs_on_an_azure_endpoint() {
    if !present(&["azurite-blob", "python3"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let azurite = Azurite::start(home.path());
    let mut command = support::hexproof(home.path());
    command.args(["audit", "--cluster", "shop", "--store", &azurite.store()]).envs(azurite.environment());
    let (code, out, err) = support::run(command.arg(support::root().join("examples/weak-shop")));
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn nats_offers_jetstream() {
    if !present(&["nats-server"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let nats = Nats::start(home.path());
    let log = until("JetStream", Duration::from_secs(10), || {
        Some(nats.process.messages()).filter(|log| log.contains("Server is ready"))
    });
    assert!(log.contains("Starting JetStream"), "{log}");
}

#[test]
fn grpcurl_and_the_python_client_explain_themselves() {
    if !present(&["grpcurl", "python"]) {
        return;
    }
    let (code, out, err) = support::run(Command::new(tool("grpcurl").unwrap()).arg("-version"));
    assert!(code == 0 && (out + &err).contains("grpcurl"));
    let client = support::root().join("examples/clients/python/audit.py");
    let (code, out, err) = support::run(Command::new(tool("python").unwrap()).arg(client).arg("--help"));
    assert!(code == 0 && out.contains("--trust"), "{out}{err}");
}
