//! The signature container: CMS SignedData (RFC 5652) in the form of PAdES baseline B-B
//! (ETSI EN 319 142-1): detached, one signer, the signed attributes content-type, message-digest and
//! signing-certificate-v2, no signing-time.
//!
//! Everything in it that the signature does not cover has one permitted form, and reading refuses all
//! others. So no bit of a container can change and leave it acceptable.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{OctetString, SetOfVec};
use der::oid::ObjectIdentifier;
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::{Attribute, Attributes};

use crate::SealError;
use crate::certificate::Certificate;
use crate::purpose;

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// Length of an ECDSA-Sig-Value in a container of ours, always: see [`is_canonical_signature`].
const SIGNATURE_LENGTH: usize = 70;
/// Half the order of P-256, big-endian.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// ESSCertIDv2 (RFC 5035 §4). The hash algorithm is absent for SHA-256, the default.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct EssCertIdV2 {
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

/// SigningCertificateV2 (RFC 5035 §3).
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

/// The DER of the signed attributes as a SET, which is what gets signed (RFC 5652 §5.4).
pub(crate) fn signed_attributes(digest: &[u8], leaf: &Certificate) -> Result<Vec<u8>, SealError> {
    Ok(attributes(digest, leaf)?.to_der()?)
}

fn attributes(digest: &[u8], leaf: &Certificate) -> Result<Attributes, der::Error> {
    let id = EssCertIdV2 {
        hash_algorithm: None,
        cert_hash: OctetString::new(crate::sha256(&leaf.der).as_ref())?,
        issuer_serial: None,
    };
    let mut attributes = Attributes::new();
    for (oid, value) in [
        (CONTENT_TYPE, Any::encode_from(&ID_DATA)?),
        (MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?),
        (
            SIGNING_CERTIFICATE_V2,
            Any::encode_from(&SigningCertificateV2 { certs: vec![id], policies: None })?,
        ),
    ] {
        let mut values = SetOfVec::new();
        values.insert(value)?;
        attributes.insert(Attribute { oid, values })?;
    }
    Ok(attributes)
}

/// Builds the container. Its length depends on the certificates alone.
pub(crate) fn build(chain: &[Certificate], digest: &[u8], signature: &[u8]) -> Result<Vec<u8>, SealError> {
    let leaf = chain.first().ok_or(SealError::Crypto)?;
    let sha_256 = AlgorithmIdentifierOwned { oid: SHA_256, parameters: None };
    let mut certificates = SetOfVec::new();
    for certificate in chain {
        certificates.insert(CertificateChoices::Certificate(certificate.parsed.clone()))?;
    }
    let mut digest_algorithms = SetOfVec::new();
    digest_algorithms.insert(sha_256.clone())?;
    let mut signer_infos = SetOfVec::new();
    signer_infos.insert(SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.parsed.tbs_certificate.issuer.clone(),
            serial_number: leaf.parsed.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: sha_256,
        signed_attrs: Some(attributes(digest, leaf)?),
        signature_algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None },
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    })?;
    let signed_data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet(certificates)),
        crls: None,
        signer_infos: SignerInfos(signer_infos),
    };
    let content = Any::encode_from(&signed_data)?;
    Ok(ContentInfo { content_type: ID_SIGNED_DATA, content }.to_der()?)
}

/// The length of the container that [`build`] makes of this chain.
pub(crate) fn length(chain: &[Certificate]) -> Result<usize, SealError> {
    Ok(build(chain, &[0; 32], &[0; SIGNATURE_LENGTH])?.len())
}

/// Whether an ECDSA-Sig-Value has the one form our seals carry: r and s of exactly 32 bytes with the
/// top bit clear, and s in the lower half of the order. For each (r, s) the pair (r, n - s) verifies as
/// well; taking only the lower one leaves no second signature that anybody could compute. One in four
/// signatures is of this form, so the signer tries again.
pub(crate) fn is_canonical_signature(signature: &[u8]) -> bool {
    let Some(signature) =
        signature.first_chunk::<SIGNATURE_LENGTH>().filter(|_| signature.len() == SIGNATURE_LENGTH)
    else {
        return false;
    };
    let (r, s) = (&signature[4..36], &signature[38..]);
    signature[..4] == [0x30, 68, 0x02, 32]
        && signature[36..38] == [0x02, 32]
        && (0..0x80).contains(&r[0])
        && s <= HALF_ORDER.as_slice()
}

/// A container that was read and found to have the permitted form. Nothing in it is verified yet.
#[derive(Debug)]
pub(crate) struct Container {
    /// The certificate the signer is identified by.
    pub(crate) leaf: Certificate,
    /// The other certificates, in no particular order.
    pub(crate) others: Vec<Certificate>,
    /// The digest of the document, as the signer saw it.
    pub(crate) digest: Vec<u8>,
    attributes: Vec<u8>,
    algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
}

impl Container {
    /// Reads a container; the reason for a refusal completes "the signature container ...".
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let unreadable = |error: der::Error| format!("is malformed ({error})");
        let info = ContentInfo::from_der(bytes).map_err(unreadable)?;
        let data: SignedData = info.content.decode_as().map_err(unreadable)?;
        let same = ContentInfo {
            content_type: info.content_type,
            content: Any::encode_from(&data).map_err(unreadable)?,
        };
        refuse_unless(same.to_der().map_err(unreadable)? == bytes, "is not in its canonical encoding (DER)")?;
        refuse_unless(info.content_type == ID_SIGNED_DATA, "is no SignedData")?;
        refuse_unless(data.version == CmsVersion::V1, "has another version than 1")?;
        let content = &data.encap_content_info;
        refuse_unless(content.econtent_type == ID_DATA && content.econtent.is_none(), "is not detached")?;
        refuse_unless(data.crls.is_none(), "carries revocation lists, which this version does not check")?;
        let algorithms = data.digest_algorithms.as_slice();
        refuse_unless(
            algorithms.len() == 1 && is_sha_256(&algorithms[0]),
            "uses another digest than SHA-256",
        )?;

        let [signer] = data.signer_infos.0.as_slice() else {
            return Err("does not have exactly one signer".to_owned());
        };
        refuse_unless(signer.version == CmsVersion::V1, "has a signer of another version than 1")?;
        refuse_unless(is_sha_256(&signer.digest_alg), "uses another digest than SHA-256")?;
        refuse_unless(
            signer.unsigned_attrs.is_none(),
            "carries unsigned attributes (a timestamp), which this version does not check",
        )?;
        let attributes = signer.signed_attrs.as_ref().ok_or("has no signed attributes")?;
        let (digest, certificate_hash) = read_attributes(attributes)?;

        let mut others = certificates(&data)?;
        let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else {
            return Err("names its signer otherwise than by issuer and serial number".to_owned());
        };
        let is_leaf = |certificate: &Certificate| {
            let tbs = &certificate.parsed.tbs_certificate;
            tbs.issuer == id.issuer && tbs.serial_number == id.serial_number
        };
        let at = others.iter().position(is_leaf).ok_or("does not contain the signer's certificate")?;
        let leaf = others.remove(at);
        refuse_unless(
            crate::sha256(&leaf.der).as_ref() == certificate_hash,
            "was signed for another certificate than the one it contains",
        )?;
        Ok(Self {
            leaf,
            others,
            digest,
            attributes: attributes.to_der().map_err(unreadable)?,
            algorithm: signer.signature_algorithm.clone(),
            signature: signer.signature.as_bytes().to_vec(),
        })
    }

    /// Whether the leaf's key made the signature over the signed attributes.
    pub(crate) fn check_signature(&self) -> Result<(), String> {
        let key = &self.leaf.parsed.tbs_certificate.subject_public_key_info;
        match purpose::verify(key, &self.algorithm, &self.attributes, &self.signature) {
            Some(true) => Ok(()),
            Some(false) => Err("was not signed by the key of its certificate".to_owned()),
            None => Err("uses a signature algorithm that is not accepted here".to_owned()),
        }
    }

    /// Whether this is, byte for byte, what the sealer writes for these certificates.
    pub(crate) fn check_form(&self, bytes: &[u8]) -> Result<(), String> {
        refuse_unless(
            is_canonical_signature(&self.signature),
            "does not hold an ECDSA P-256 signature in its one form",
        )?;
        let mut chain = vec![self.leaf.clone()];
        chain.extend(self.others.iter().cloned());
        let own = build(&chain, &self.digest, &self.signature)
            .map_err(|error| format!("is malformed ({error})"))?;
        refuse_unless(own == bytes, "holds more than a seal does")
    }
}

fn refuse_unless(condition: bool, reason: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(reason.to_owned()) }
}

fn is_sha_256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    // RFC 5754 §2: parameters absent, or NULL by older signers.
    algorithm.oid == SHA_256 && algorithm.parameters.as_ref().is_none_or(Any::is_null)
}

fn certificates(data: &SignedData) -> Result<Vec<Certificate>, String> {
    let set = data.certificates.as_ref().ok_or("contains no certificates")?;
    set.0
        .iter()
        .map(|choice| match choice {
            CertificateChoices::Certificate(parsed) => {
                let der = parsed.to_der().map_err(|error| format!("is malformed ({error})"))?;
                Ok(Certificate { der, parsed: parsed.clone() })
            }
            CertificateChoices::Other(_) => Err("contains a certificate that is not X.509".to_owned()),
        })
        .collect()
}

/// The message digest and the hash of the signer's certificate.
fn read_attributes(attributes: &Attributes) -> Result<(Vec<u8>, Vec<u8>), String> {
    let value = |oid: ObjectIdentifier, name: &str| -> Result<&Any, String> {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next().map(|attribute| attribute.values.as_slice()), found.next()) {
            (Some([value]), None) => Ok(value),
            _ => Err(format!("lacks the signed attribute {name}")),
        }
    };
    let malformed = |error: der::Error| format!("has a malformed attribute ({error})");
    let content_type: ObjectIdentifier =
        value(CONTENT_TYPE, "content-type")?.decode_as().map_err(malformed)?;
    refuse_unless(content_type == ID_DATA, "was signed for another type of content")?;
    let digest: OctetString = value(MESSAGE_DIGEST, "message-digest")?.decode_as().map_err(malformed)?;
    let certificate: SigningCertificateV2 =
        value(SIGNING_CERTIFICATE_V2, "signing-certificate-v2")?.decode_as().map_err(malformed)?;
    let id = certificate.certs.first().ok_or("names no certificate it was signed for")?;
    refuse_unless(
        id.hash_algorithm.as_ref().is_none_or(is_sha_256),
        "identifies its certificate by another digest than SHA-256",
    )?;
    Ok((digest.as_bytes().to_vec(), id.cert_hash.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_low_signatures_are_canonical() {
        let mut signature = [0x11; 70];
        signature[..4].copy_from_slice(&[0x30, 68, 2, 32]);
        signature[36..38].copy_from_slice(&[2, 32]);
        assert!(is_canonical_signature(&signature));
        assert!(!is_canonical_signature(&signature[..69]));
        signature[38..].copy_from_slice(&HALF_ORDER);
        assert!(is_canonical_signature(&signature));
        signature[69] += 1;
        assert!(!is_canonical_signature(&signature));
    }
}
