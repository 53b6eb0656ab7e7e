//! What a certificate may be used for (RFC 5280 §4.2, §6.1; RFC 9336), and signatures between
//! certificates. Reasons are written to follow "the certificate of `x`: ".

use der::Encode;
use der::oid::ObjectIdentifier;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;

use crate::certificate::Certificate;

/// Extensions that are understood here; any other one that is critical makes a certificate unusable.
const UNDERSTOOD: [ObjectIdentifier; 6] = [
    ObjectIdentifier::new_unwrap("2.5.29.14"), // subjectKeyIdentifier
    ObjectIdentifier::new_unwrap("2.5.29.15"), // keyUsage
    ObjectIdentifier::new_unwrap("2.5.29.19"), // basicConstraints
    ObjectIdentifier::new_unwrap("2.5.29.32"), // certificatePolicies: no policy is asked for
    ObjectIdentifier::new_unwrap("2.5.29.35"), // authorityKeyIdentifier
    ObjectIdentifier::new_unwrap("2.5.29.37"), // extKeyUsage
];

/// Restricts an authority to some names, and binds even where it is not marked critical.
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

/// Purposes that cover the signing of documents.
const DOCUMENT_PURPOSES: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"), // id-kp-documentSigning, RFC 9336
    ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.5"), // Adobe authentic documents
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"), // Microsoft document signing
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),        // anyExtendedKeyUsage
];

/// Checks that a certificate may sign documents: not an authority, nonRepudiation among its key
/// usages, document signing among its extended ones (or none named, which RFC 5280 reads as any).
pub(crate) fn check_leaf(leaf: &Certificate) -> Result<(), String> {
    check_extensions(leaf)?;
    if leaf.basic_constraints().map_err(unreadable)?.is_some_and(|basic| basic.ca) {
        return Err("it is an authority's certificate; those sign certificates, not documents".to_owned());
    }
    match leaf.key_usage().map_err(unreadable)? {
        Some(usage) if usage.0.contains(KeyUsages::NonRepudiation) => {}
        _ => return Err("its key usage lacks nonRepudiation (contentCommitment)".to_owned()),
    }
    check_extended_usage(leaf)
}

/// Checks that a certificate may issue others with `below` authorities between it and the leaf.
pub(crate) fn check_authority(authority: &Certificate, below: usize) -> Result<(), String> {
    check_extensions(authority)?;
    let basic = authority.basic_constraints().map_err(unreadable)?;
    match basic {
        Some(basic) if basic.ca => {
            if basic.path_len_constraint.is_some_and(|most| usize::from(most) < below) {
                return Err(format!("it allows fewer than {below} authorities below it"));
            }
        }
        _ => return Err("it is no authority's certificate (basicConstraints)".to_owned()),
    }
    match authority.key_usage().map_err(unreadable)? {
        Some(usage) if !usage.0.contains(KeyUsages::KeyCertSign) => {
            return Err("its key usage lacks keyCertSign".to_owned());
        }
        _ => {}
    }
    check_extended_usage(authority)
}

/// Checks that `issuer` issued `subject`: names, and the signature over the certificate.
pub(crate) fn check_issued(subject: &Certificate, issuer: &Certificate) -> Result<(), String> {
    let tbs = &subject.parsed.tbs_certificate;
    if tbs.issuer != issuer.parsed.tbs_certificate.subject {
        return Err(format!("it was not issued by `{}`", issuer.subject()));
    }
    if tbs.signature != subject.parsed.signature_algorithm {
        return Err("it names two signature algorithms".to_owned());
    }
    let message = tbs.to_der().map_err(unreadable)?;
    let signature = subject.parsed.signature.as_bytes().ok_or("its signature is malformed")?;
    let key = &issuer.parsed.tbs_certificate.subject_public_key_info;
    match verify(key, &subject.parsed.signature_algorithm, &message, signature) {
        Some(true) => Ok(()),
        Some(false) => Err(format!("its signature was not made by `{}`", issuer.subject())),
        None => Err("its signature algorithm is not among those accepted here".to_owned()),
    }
}

fn check_extensions(certificate: &Certificate) -> Result<(), String> {
    let extensions = certificate.parsed.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let binding = |extension: &&Extension| extension.critical || extension.extn_id == NAME_CONSTRAINTS;
    match extensions.iter().filter(binding).find(|extension| !UNDERSTOOD.contains(&extension.extn_id)) {
        Some(extension) => Err(format!("its extension {} is not understood here", extension.extn_id)),
        None => Ok(()),
    }
}

fn check_extended_usage(certificate: &Certificate) -> Result<(), String> {
    match certificate.extended_key_usage().map_err(unreadable)? {
        Some(usage) if !usage.0.iter().any(|purpose| DOCUMENT_PURPOSES.contains(purpose)) => {
            Err("its extended key usage does not cover the signing of documents".to_owned())
        }
        _ => Ok(()),
    }
}

fn unreadable(error: der::Error) -> String {
    format!("it is malformed ({error})")
}

/// The named curve of an elliptic-curve key.
pub(crate) fn curve(key: &SubjectPublicKeyInfoOwned) -> Option<ObjectIdentifier> {
    key.algorithm.parameters.as_ref()?.decode_as().ok()
}

/// Verifies a signature; `None` where the algorithm is not accepted or does not fit the key.
/// SHA-1 and RSA below 2048 bits are not accepted.
pub(crate) fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let curve = curve(key).map(|curve| curve.to_string()).unwrap_or_default();
    let scheme: &dyn VerificationAlgorithm = match (algorithm.oid.to_string().as_str(), curve.as_str()) {
        ("1.2.840.10045.4.3.2", "1.2.840.10045.3.1.7") => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", "1.2.840.10045.3.1.7") => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.2", "1.3.132.0.34") => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", "1.3.132.0.34") => &signature::ECDSA_P384_SHA384_ASN1,
        // rsaEncryption in a CMS SignerInfo goes with the digest algorithm, always SHA-256 here.
        ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.113549.1.1.12", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    };
    let key = key.subject_public_key.as_bytes()?;
    Some(UnparsedPublicKey::new(scheme, key).verify(message, signature).is_ok())
}
