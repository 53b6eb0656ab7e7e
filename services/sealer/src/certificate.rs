//! An X.509 certificate as the sealer sees it: exact bytes, parsed form, and the facts people read.

use const_oid::AssociatedOid;
use der::asn1::{PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::SealError;
use crate::pdf::text::printable;

/// id-at-commonName.
const COMMON_NAME: der::oid::ObjectIdentifier = der::oid::ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate whose bytes are exactly its DER encoding.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) parsed: x509_cert::Certificate,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Certificate {
    /// Parses, and refuses every encoding but the canonical one.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let parsed = x509_cert::Certificate::from_der(der)?;
        if parsed.to_der()? != der {
            return Err(der::ErrorKind::Noncanonical { tag: der::Tag::Sequence }.into());
        }
        Ok(Self { der: der.to_vec(), parsed })
    }

    /// Every certificate of a PEM file, in order. `origin` names the file in errors.
    pub(crate) fn from_pem(text: &[u8], origin: &str) -> Result<Vec<Self>, SealError> {
        let refuse = |reason: String| SealError::Certificate { certificate: format!("`{origin}`"), reason };
        let blocks = pem::parse_many(text).map_err(|error| refuse(format!("it is not PEM ({error})")))?;
        let certificates = blocks.iter().filter(|block| block.tag() == "CERTIFICATE");
        let certificates = certificates
            .map(|block| Self::from_der(block.contents()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refuse(format!("a certificate in it is not DER ({error})")))?;
        if certificates.is_empty() {
            return Err(refuse("it has no `BEGIN CERTIFICATE` block".to_owned()));
        }
        Ok(certificates)
    }

    pub(crate) fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new("CERTIFICATE", self.der.clone()), config)
    }

    /// Common name of the subject, or the whole name where there is none; fit for one line.
    pub(crate) fn subject(&self) -> String {
        name(&self.parsed.tbs_certificate.subject)
    }

    /// Common name of the issuer, or the whole name.
    pub(crate) fn issuer(&self) -> String {
        name(&self.parsed.tbs_certificate.issuer)
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.parsed.tbs_certificate.subject == self.parsed.tbs_certificate.issuer
    }

    /// SHA-256 of the DER, lowercase hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        crate::hex(crate::sha256(&self.der).as_ref())
    }

    pub(crate) fn not_before(&self) -> Timestamp {
        timestamp(&self.parsed.tbs_certificate.validity.not_before)
    }

    pub(crate) fn not_after(&self) -> Timestamp {
        timestamp(&self.parsed.tbs_certificate.validity.not_after)
    }

    pub(crate) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, der::Error> {
        self.extension()
    }

    pub(crate) fn key_usage(&self) -> Result<Option<KeyUsage>, der::Error> {
        self.extension()
    }

    pub(crate) fn extended_key_usage(&self) -> Result<Option<ExtendedKeyUsage>, der::Error> {
        self.extension()
    }

    /// An extension; an error where it does not parse or occurs twice.
    fn extension<'a, T: Decode<'a> + AssociatedOid>(&'a self) -> Result<Option<T>, der::Error> {
        Ok(self.parsed.tbs_certificate.get::<T>()?.map(|(_, extension)| extension))
    }
}

fn timestamp(time: &Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    // X.509 ends with the year 9999, as jiff does; the last moment is far enough for "never".
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn name(name: &Name) -> String {
    let attributes = name.0.iter().flat_map(|rdn| rdn.0.iter());
    let common = attributes.filter(|attribute| attribute.oid == COMMON_NAME).find_map(|attribute| {
        let value = &attribute.value;
        let text = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
        text.or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
            .ok()
    });
    printable(&common.unwrap_or_else(|| name.to_string()))
}
