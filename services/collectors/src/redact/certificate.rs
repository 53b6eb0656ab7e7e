//! Public facts of certificates and certificate requests; nothing of their keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use hexproof_core::{
    Digest,
    record::derived::{Certificate, RequestSubject},
};
use jiff::Timestamp;
use x509_cert::{
    Certificate as X509,
    der::{Decode, DecodePem, Encode, asn1::ObjectIdentifier},
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
    request::CertReq,
    spki::SubjectPublicKeyInfoOwned,
    time::Time,
};

/// Larger texts are no certificate of a server.
const LARGEST: usize = 1 << 20;
/// Names of a certificate that are kept.
const MOST_NAMES: usize = 500;

/// Facts of the first certificate of a base64 encoded PEM bundle (`tls.crt`).
///
/// # Errors
/// A reason without any part of the value.
pub(super) fn facts(encoded: &str) -> Result<Certificate, &'static str> {
    let pem = decode(encoded)?;
    let start = find(&pem, b"-----BEGIN CERTIFICATE-----").ok_or("no certificate in PEM form")?;
    let rest = pem.get(start..).unwrap_or_default();
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let end = find(rest, END).ok_or("the certificate has no end")? + END.len();
    let certificate =
        X509::from_pem(rest.get(..end).unwrap_or_default()).map_err(|_| "no valid X.509 certificate")?;
    let body = &certificate.tbs_certificate;
    let (key_type, key_bits) = key(&body.subject_public_key_info);
    let der = certificate.to_der().map_err(|_| "no valid X.509 certificate")?;
    Ok(Certificate {
        subject: body.subject.to_string(),
        issuer: body.issuer.to_string(),
        subject_alt_names: alt_names(&certificate),
        not_before: instant(&body.validity.not_before),
        not_after: instant(&body.validity.not_after),
        key_type,
        key_bits,
        signature_algorithm: signature(&certificate.signature_algorithm.oid),
        self_signed: Some(body.subject == body.issuer),
        sha256: Digest::of(&der).hex(),
    })
}

/// Common name and organisations that a PKCS#10 request (base64 encoded PEM) asks for.
pub(super) fn request_subject(encoded: &str) -> Option<RequestSubject> {
    let pem = decode(encoded).ok()?;
    let request = CertReq::from_pem(&pem).ok().or_else(|| CertReq::from_der(&pem).ok())?;
    let values = |wanted: ObjectIdentifier| attribute(&request.info.subject, wanted);
    Some(RequestSubject {
        common_name: values(COMMON_NAME).into_iter().next().unwrap_or_default(),
        organizations: values(ORGANIZATION),
    })
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

fn attribute(name: &Name, wanted: ObjectIdentifier) -> Vec<String> {
    let attributes = name.0.iter().flat_map(|part| part.0.iter());
    attributes
        .filter(|attribute| attribute.oid == wanted)
        .map(|attribute| String::from_utf8_lossy(attribute.value.value()).into_owned())
        .collect()
}

fn decode(encoded: &str) -> Result<Vec<u8>, &'static str> {
    if encoded.len() > LARGEST {
        return Err("too large for a certificate");
    }
    let packed: String = encoded.split_ascii_whitespace().collect();
    STANDARD.decode(packed).map_err(|_| "not valid base64")
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}

fn instant(time: &Time) -> Option<Timestamp> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    Timestamp::from_second(seconds).ok()
}

fn alt_names(certificate: &X509) -> Vec<String> {
    let Ok(Some((_, names))) = certificate.tbs_certificate.get::<SubjectAltName>() else { return Vec::new() };
    let shown = names.0.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()),
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        GeneralName::Rfc822Name(name) => Some(name.to_string()),
        _ => None,
    });
    shown.take(MOST_NAMES).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

/// The type of a key and its length in bits.
fn key(info: &SubjectPublicKeyInfoOwned) -> (String, Option<u32>) {
    match info.algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => ("RSA".to_owned(), rsa_bits(info.subject_public_key.raw_bytes())),
        "1.2.840.10045.2.1" => {
            let curve =
                info.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
            match curve.map(|oid| oid.to_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => ("EC P-256".to_owned(), Some(256)),
                Some("1.3.132.0.34") => ("EC P-384".to_owned(), Some(384)),
                Some("1.3.132.0.35") => ("EC P-521".to_owned(), Some(521)),
                Some(oid) => (oid.to_owned(), None),
                None => ("EC".to_owned(), None),
            }
        }
        "1.3.101.112" => ("Ed25519".to_owned(), Some(256)),
        oid => (oid.to_owned(), None),
    }
}

/// Bits of the modulus of a PKCS#1 public key.
fn rsa_bits(der: &[u8]) -> Option<u32> {
    use x509_cert::der::{Reader, SliceReader, asn1::UintRef};
    let mut reader = SliceReader::new(der).ok()?;
    let modulus = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?;
        let _exponent = UintRef::decode(inner)?;
        Ok(modulus)
    });
    let bytes = modulus.ok()?;
    let bytes = bytes.as_bytes();
    let first = bytes.first()?;
    let bits = bytes.len().checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?)?;
    u32::try_from(bits).ok()
}

fn signature(oid: &ObjectIdentifier) -> String {
    let text = oid.to_string();
    match text.as_str() {
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.3.101.112" => "Ed25519",
        oid => oid,
    }
    .to_owned()
}
