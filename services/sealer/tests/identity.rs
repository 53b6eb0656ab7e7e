//! Where identities come from, and which ones are refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{at, noon};
use hexproof_sealer::{Identity, SealError, TrustStore};
use rcgen::{
    CertificateParams, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_use_makes_an_identity_and_the_next_one_finds_it() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/identity");
    let (first, created) = Identity::load_or_create(&dir, noon()).unwrap();
    assert!(created);
    assert_eq!((mode(&dir), mode(&dir.join("signer.key"))), (0o700, 0o600));
    let names: Vec<_> =
        fs::read_dir(parent.path().join("deep")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["identity"], "the staging directory is gone");
    let (second, created) = Identity::load_or_create(&dir, at("2027-01-01T00:00:00Z")).unwrap();
    assert!(!created);
    assert_eq!(first.leaf_fingerprint(), second.leaf_fingerprint());
    assert_eq!(first.ca_pem().unwrap(), fs::read_to_string(dir.join("ca.pem")).unwrap());
    assert_eq!(first.chain_pem(), fs::read_to_string(dir.join("signer.pem")).unwrap());
    assert!(first.signer_name().starts_with("Hexproof local signer "));
    assert!(first.issuer_name().starts_with("Hexproof local CA "));
    assert_eq!(first.not_before(), at("2026-11-23T11:00:00Z"));
    assert_eq!(first.not_after(), at("2029-11-22T11:00:00Z"));
    assert_eq!(TrustStore::from_pems(first.ca_pem()).unwrap().len(), 1);
}

#[test]
fn an_empty_directory_is_used_and_a_foreign_one_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Identity::load_or_create(dir.path(), noon()).unwrap().1);
    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("notes.txt"), "mine").unwrap();
    let error = Identity::load_or_create(foreign.path(), noon()).unwrap_err();
    assert!(error.to_string().contains("has no `signer.pem`"), "{error}");
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1);
}

#[test]
fn of_many_first_uses_at_once_one_creates_and_all_agree() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("identity");
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Identity::load_or_create(&dir, noon()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|(_, created)| *created).count(), 1);
    let first = results[0].0.leaf_fingerprint();
    assert!(results.iter().all(|(identity, _)| identity.leaf_fingerprint() == first));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "no staging directory is left");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Identity::load_or_create(dir.path(), noon()).unwrap();
    for exposed in [0o640, 0o604, 0o660] {
        fs::set_permissions(dir.path().join("signer.key"), fs::Permissions::from_mode(exposed)).unwrap();
        let error = Identity::load_or_create(dir.path(), noon()).unwrap_err();
        assert!(matches!(error, SealError::KeyExposed { mode, .. } if mode == exposed), "{error}");
    }
}

#[test]
fn a_missing_file_is_named_and_never_replaced() {
    for missing in ["signer.pem", "signer.key"] {
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_create(dir.path(), noon()).unwrap();
        fs::remove_file(dir.path().join(missing)).unwrap();
        let error = Identity::load_or_create(dir.path(), noon()).unwrap_err();
        assert!(matches!(error, SealError::Incomplete { missing: named, .. } if named == missing), "{error}");
        assert!(!dir.path().join(missing).exists());
    }
    // The root is a convenience: the chain ends in it anyway.
    let dir = tempfile::tempdir().unwrap();
    let (before, _) = Identity::load_or_create(dir.path(), noon()).unwrap();
    fs::remove_file(dir.path().join("ca.pem")).unwrap();
    assert_eq!(Identity::load(dir.path()).unwrap().ca_pem(), before.ca_pem());
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_with_its_path() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("file"), "").unwrap();
    let error = Identity::load_or_create(&parent.path().join("file/identity"), noon()).unwrap_err();
    assert!(matches!(error, SealError::File { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}

fn self_signed(key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::ContentCommitment];
    change(&mut params);
    params.self_signed(key).unwrap().pem()
}

#[track_caller]
fn refused(chain: &str, key: &str, words: &str) {
    let error = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn keys_of_other_kinds_are_refused_with_the_command_that_helps() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let chain = self_signed(&key, |_| {});
    assert!(Identity::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).is_ok());
    let body = "MHcCAQEEIA==";
    let block = |tag: &str| format!("-----BEGIN {tag}-----\n{body}\n-----END {tag}-----\n");
    refused(&chain, &block("EC PRIVATE KEY"), "openssl pkcs8 -topk8 -nocrypt");
    refused(&chain, &block("ENCRYPTED PRIVATE KEY"), "it is encrypted");
    refused(&chain, &block("RSA PRIVATE KEY"), "no `BEGIN PRIVATE KEY` block");
    refused(&chain, &block("PRIVATE KEY"), "no PKCS#8 key for ECDSA P-256");
    refused(&chain, "", "no `BEGIN PRIVATE KEY` block");
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    refused(&self_signed(&p384, |_| {}), &p384.serialize_pem(), "no PKCS#8 key for ECDSA P-256");
}

#[test]
fn certificates_that_do_not_fit_are_refused() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let pem = key.serialize_pem();
    refused(&self_signed(&other, |_| {}), &pem, "belongs to another private key");
    refused(&self_signed(&key, |leaf| leaf.key_usages.clear()), &pem, "lacks nonRepudiation");
    let ca = |leaf: &mut CertificateParams| leaf.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    refused(&self_signed(&key, ca), &pem, "sign certificates, not documents");
    let unrelated = self_signed(&key, |_| {}) + &self_signed(&other, |_| {});
    refused(&unrelated, &pem, "its signature was not made by");
    refused("no certificate", &pem, "no `BEGIN CERTIFICATE` block");
    refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &pem, "is not DER");
}

#[test]
fn only_authorities_can_be_trusted() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let leaf = self_signed(&key, |_| {});
    let error = TrustStore::from_pems([leaf]).unwrap_err();
    assert!(error.to_string().contains("no authority's certificate"), "{error}");
    assert!(TrustStore::from_pems(["rubbish"]).is_err());
    assert!(TrustStore::default().is_empty());
}
