//! SPIFFE ids of agents and of the service, as they stand in the one URI SAN of a certificate (SPIFFE X.509-SVID,
//! section 2).

use std::fmt;
use std::str::FromStr;

use hexproof_core::id::ClusterId;
use jiff::{SignedDuration, Timestamp};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Why a certificate or text names nobody we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpiffeError {
    /// Not one of the two forms.
    #[error(
        "`{0}` is neither `spiffe://<trust domain>/cluster/<id>/collector` nor `spiffe://<trust domain>/server`"
    )]
    Form(String),
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// The certificate has none or several URI SANs.
    #[error("the certificate has {0} URI SANs where it must have one")]
    Sans(usize),
    /// Another trust domain.
    #[error("the certificate is of the trust domain `{found}` where `{wanted}` is trusted")]
    TrustDomain {
        /// That of the certificate.
        found: String,
        /// That of the configuration.
        wanted: String,
    },
    /// It is valid for longer than a collector's certificate may be.
    #[error("the certificate is valid for {hours} h where at most {limit} h are allowed")]
    Lifetime {
        /// Its lifetime, rounded up.
        hours: i64,
        /// The limit.
        limit: i64,
    },
}

/// The name of a trust domain: 1 to 255 characters `a-z`, `0-9`, `.`, `-` and `_` (SPIFFE ID, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        match (1..=255).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(SpiffeError::Form(printable(text))),
        }
    }
}

impl TryFrom<String> for TrustDomain {
    type Error = SpiffeError;

    fn try_from(text: String) -> Result<Self, SpiffeError> {
        text.parse()
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who a certificate stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpiffeId {
    /// The agent of a cluster: `spiffe://<trust domain>/cluster/<id>/collector`.
    Collector {
        /// Who vouches for it.
        trust_domain: TrustDomain,
        /// Its cluster.
        cluster: ClusterId,
    },
    /// The service, towards agents: `spiffe://<trust domain>/server`.
    Server {
        /// Who vouches for it.
        trust_domain: TrustDomain,
    },
}

impl SpiffeId {
    /// Who vouches for it.
    pub fn trust_domain(&self) -> &TrustDomain {
        match self {
            Self::Collector { trust_domain, .. } | Self::Server { trust_domain } => trust_domain,
        }
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeError;

    fn from_str(text: &str) -> Result<Self, SpiffeError> {
        let wrong = || SpiffeError::Form(printable(text));
        if text.len() > 2048 {
            return Err(wrong());
        }
        let (domain, path) =
            text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
        let trust_domain: TrustDomain = domain.parse().map_err(|_| wrong())?;
        if path == "server" {
            return Ok(Self::Server { trust_domain });
        }
        let cluster = path
            .strip_prefix("cluster/")
            .and_then(|rest| rest.strip_suffix("/collector"))
            .ok_or_else(wrong)?
            .parse()
            .map_err(|_| wrong())?;
        Ok(Self::Collector { trust_domain, cluster })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collector { trust_domain, cluster } => {
                write!(f, "spiffe://{trust_domain}/cluster/{cluster}/collector")
            }
            Self::Server { trust_domain } => write!(f, "spiffe://{trust_domain}/server"),
        }
    }
}

/// What is asked of a certificate beyond its chain.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The only trust domain.
    pub(crate) trust_domain: TrustDomain,
    /// How long a collector's certificate may be valid in all.
    pub(crate) longest: SignedDuration,
}

impl Rules {
    /// Whom a certificate stands for, and until when. Its chain is checked elsewhere.
    ///
    /// # Errors
    /// Not exactly one URI SAN, another form or trust domain, a lifetime beyond the limit.
    pub(crate) fn read(&self, der: &[u8]) -> Result<(SpiffeId, Timestamp), SpiffeError> {
        let certificate =
            Certificate::from_der(der).map_err(|error| SpiffeError::Certificate(error.to_string()))?;
        let certificate = certificate.tbs_certificate;
        let sans = certificate
            .get::<SubjectAltName>()
            .map_err(|error| SpiffeError::Certificate(format!("its subject alternative names: {error}")))?;
        let names = sans.map(|(_, SubjectAltName(names))| names).unwrap_or_default();
        let uris: Vec<&str> = names
            .iter()
            .filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
                _ => None,
            })
            .collect();
        let [uri] = uris.as_slice() else { return Err(SpiffeError::Sans(uris.len())) };
        let id: SpiffeId = uri.parse()?;
        if *id.trust_domain() != self.trust_domain {
            return Err(SpiffeError::TrustDomain {
                found: id.trust_domain().to_string(),
                wanted: self.trust_domain.to_string(),
            });
        }
        let instant = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_second(seconds).map_err(|error| SpiffeError::Certificate(error.to_string()))
        };
        let (begins, ends) =
            (instant(certificate.validity.not_before)?, instant(certificate.validity.not_after)?);
        let lifetime = ends.duration_since(begins);
        if matches!(id, SpiffeId::Collector { .. }) && lifetime > self.longest {
            let hours = (lifetime.as_secs() + 3599) / 3600;
            return Err(SpiffeError::Lifetime { hours, limit: self.longest.as_hours() });
        }
        Ok((id, ends))
    }
}

/// Hostile text in a message: short and printable.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_two_forms_and_one_spelling() {
        for text in ["spiffe://example.org/cluster/shop/collector", "spiffe://example.org/server"] {
            assert_eq!(text.parse::<SpiffeId>().unwrap().to_string(), text);
        }
        let long = format!("spiffe://{}/server", "a".repeat(256));
        for text in [
            "",
            "spiffe://",
            "spiffe:///server",
            "https://example.org/server",
            "SPIFFE://example.org/server",
            "spiffe://Example.org/server",
            "spiffe://user@example.org/server",
            "spiffe://example.org:443/server",
            "spiffe://example.org/server/",
            "spiffe://example.org/server?x",
            "spiffe://example.org/server#x",
            "spiffe://example.org//server",
            "spiffe://example.org/cluster/collector",
            "spiffe://example.org/cluster//collector",
            "spiffe://example.org/cluster/a/b/collector",
            "spiffe://example.org/cluster/../collector",
            "spiffe://example.org/cluster/shop%2fcollector",
            "spiffe://example.org/cluster/Shop/collector",
            "spiffe://example.org/cluster/shop/collector\0",
            "spiffe://example.org/cluster/shop/server",
            &long,
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text:?}");
        }
    }
}
