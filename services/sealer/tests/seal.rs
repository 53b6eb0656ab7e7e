//! What a seal adds, what it leaves alone, and what the verifier says about a good one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{PACK, at, check, find, identity, noon, sealed, trust};
use hexproof_sealer::{
    Permission, SealError, SealOptions, StepName, TrustStore, Verdict, attachments, seal, verify,
};

#[test]
fn a_sealed_pack_is_valid_in_every_step() {
    let identity = identity();
    let verification = check(&sealed(&identity), &identity);
    for step in &verification.steps {
        assert_eq!(step.verdict, Verdict::Valid, "{step:?}");
    }
    assert_eq!(verification.steps.len(), StepName::ALL.len());
    assert_eq!(
        verification.sentence(),
        format!("Valid: signed by {}; covers the whole file.", identity.signer_name())
    );
    let signer = verification.signer.unwrap();
    assert_eq!(signer.signed_at, Some(noon()));
    assert_eq!(signer.fingerprint, identity.leaf_fingerprint());
    assert_eq!(verification.permission, Some(Permission::Countersignable));
}

#[test]
fn the_original_stays_an_exact_prefix_and_its_id_stays() {
    let sealed = sealed(&identity());
    assert!(sealed.starts_with(PACK));
    let added = &sealed[PACK.len()..];
    find(added, "/ID[(WJY6FT+WXIDpjyOjyt9QTA==)".replace("[(", " [(").as_str());
    find(added, "/Tabs /S");
    find(added, "/S /Form");
    find(added, "/SigFlags 3");
    find(added, "/F 132");
}

#[test]
fn two_seals_have_the_same_length_and_differ_only_in_the_signature() {
    let identity = identity();
    let (first, second) = (sealed(&identity), sealed(&identity));
    assert_eq!(first.len(), second.len());
    let start = find(&first, "/Contents <3");
    let end = start + first[start..].iter().position(|&byte| byte == b'>').unwrap();
    assert_ne!(first[start..end], second[start..end]);
    assert_eq!(first[..start], second[..start]);
    assert_eq!(first[end..], second[end..]);
}

#[test]
fn attachments_come_back_with_name_type_and_bytes() {
    let identity = identity();
    let sealed = sealed(&identity);
    let files = attachments(&sealed).unwrap();
    let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.mime.as_str())).collect();
    assert_eq!(names, [("assessment.json", "application/json"), ("population.json", "application/json")]);
    assert_eq!(files[1].bytes, br#"{"population":[{"kind":"Pod","listed":12}]}"#);
    let reported = check(&sealed, &identity).attachments;
    assert_eq!(reported.len(), 2);
    assert_eq!(reported[0].size, files[0].bytes.len() as u64);
    let digest = ring::digest::digest(&ring::digest::SHA256, &files[1].bytes);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(reported[1].sha256, digest);
}

#[test]
fn a_final_seal_says_so() {
    let identity = identity();
    let mut options = SealOptions::new(noon());
    options.permission = Permission::Final;
    options.reason = Some("Prüfung (Q4)".to_owned());
    let verification = check(&seal(PACK, &identity, &options).unwrap(), &identity);
    assert!(verification.is_valid(), "{verification:?}");
    assert_eq!(verification.permission, Some(Permission::Final));
}

#[test]
fn a_sealed_pack_cannot_be_sealed_again() {
    let identity = identity();
    let again = seal(&sealed(&identity), &identity, &SealOptions::new(noon()));
    assert!(matches!(again, Err(SealError::AlreadySealed)), "{again:?}");
}

#[test]
fn a_seal_outside_the_certificates_validity_is_refused() {
    let identity = identity();
    for time in ["2026-11-22T12:00:00Z", "2029-11-24T12:00:00Z"] {
        let error = seal(PACK, &identity, &SealOptions::new(at(time))).unwrap_err();
        assert!(matches!(error, SealError::OutsideValidity { .. }), "{error}");
    }
}

#[test]
fn what_is_no_pack_cannot_be_sealed() {
    let identity = identity();
    for pdf in [&b""[..], b"hello", b"%PDF-1.7\n", &PACK[..PACK.len() - 20], &PACK[..9_000]] {
        assert!(seal(pdf, &identity, &SealOptions::new(noon())).is_err());
    }
}

#[test]
fn without_a_trusted_authority_a_seal_is_unknown_not_valid() {
    let (identity, stranger) = (identity(), identity());
    let sealed = sealed(&identity);
    for store in [TrustStore::default(), trust(&stranger)] {
        let verification = verify(&sealed, &store, noon());
        assert_eq!(verification.verdict(), Verdict::Unknown);
        assert_eq!(verification.step(StepName::Certificate).unwrap().verdict, Verdict::Unknown);
        assert_eq!(verification.step(StepName::Signature).unwrap().verdict, Verdict::Valid);
        assert_eq!(
            verification.sentence(),
            format!("Unknown: `{}` is not a trusted authority.", identity.issuer_name())
        );
    }
}

#[test]
fn an_ended_certificate_is_unknown_and_a_future_seal_too() {
    let identity = identity();
    let sealed = sealed(&identity);
    let later = verify(&sealed, &trust(&identity), at("2030-01-01T00:00:00Z"));
    assert_eq!(later.verdict(), Verdict::Unknown);
    assert!(later.sentence().contains("ended on 2029-11-22"), "{}", later.sentence());
    let earlier = verify(&sealed, &trust(&identity), at("2026-11-23T11:54:00Z"));
    assert_eq!(earlier.verdict(), Verdict::Unknown);
    assert!(earlier.sentence().contains("in the future"), "{}", earlier.sentence());
}
