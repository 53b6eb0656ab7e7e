//! Makes a local identity: a certification authority that signs one certificate and is then forgotten.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use ring::rand::{SecureRandom, SystemRandom};

use crate::SealError;

/// Validity of the signing certificate; document signing certificates last 3 years at most.
const SIGNER_DAYS: u64 = 3 * 365;
/// Validity of the authority: packs stay verifiable against it after their certificate has ended.
const AUTHORITY_DAYS: u64 = 20 * 365;
/// Certificates start earlier than now: clocks of machines differ.
const SKEW: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// id-kp-documentSigning, RFC 9336.
const DOCUMENT_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 36];

/// The three files of a new identity, as PEM.
pub(super) struct Issued {
    pub(super) authority: String,
    /// Leaf first, then the authority.
    pub(super) chain: String,
    pub(super) key: String,
}

/// Makes both key pairs and both certificates. The authority's key is dropped here: nothing can be
/// issued in its name later, neither by us nor by a thief.
pub(super) fn issue(now: Timestamp) -> Result<Issued, SealError> {
    let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(SealError::Issue)?;
    let authority_id = short_id(&authority_key);
    let mut params = params(&format!("Hexproof local CA {authority_id}"), now, AUTHORITY_DAYS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, authority_key).map_err(SealError::Issue)?;

    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(SealError::Issue)?;
    let mut params = self::params(&format!("Hexproof local signer {}", short_id(&key)), now, SIGNER_DAYS)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    // Readers built on NSS (pdfsig, Okular, Evince) know no document signing and call a certificate
    // without emailProtection corrupt; for everybody else the first purpose is the one that counts.
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec()),
        ExtendedKeyUsagePurpose::EmailProtection,
    ];
    params.use_authority_key_identifier_extension = true;
    let signer = params.signed_by(&key, &authority).map_err(SealError::Issue)?;

    Ok(Issued {
        chain: normalised(&signer.pem()) + &normalised(&authority.pem()),
        authority: normalised(&authority.pem()),
        key: normalised(&key.serialize_pem()),
    })
}

fn params(name: &str, now: Timestamp, days: u64) -> Result<CertificateParams, SealError> {
    let mut params = CertificateParams::default();
    let start = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)).saturating_sub(SKEW);
    params.not_before = date_time_ymd(1970, 1, 1) + start;
    params.not_after = params.not_before + DAY * u32::try_from(days).unwrap_or(u32::MAX);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(serial()?);
    Ok(params)
}

/// 16 random bytes; the first is 0x40 to 0x7f, so that the number is positive and has a fixed length.
fn serial() -> Result<SerialNumber, SealError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Crypto)?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Eight digits that tell two identities apart, and nothing about the machine.
fn short_id(key: &KeyPair) -> String {
    crate::hex(&crate::sha256(key.public_key_raw()).as_ref()[..4])
}

fn normalised(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}
