//! What a provider serves beside its keys, and why it could not be asked.

use serde::Deserialize;
use url::Url;

/// The part of a discovery document that logins need (OpenID Connect Discovery, section 3). Addresses that are neither
/// `https` nor on this machine are none.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Endpoints {
    #[serde(default, deserialize_with = "safe")]
    pub(crate) authorization_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "safe")]
    pub(crate) token_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "safe")]
    pub(crate) userinfo_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "safe")]
    pub(crate) end_session_endpoint: Option<Url>,
    /// Ways to prove which client asks; `client_secret_basic` if nothing is said.
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    /// Answers name their issuer (RFC 9207, section 3).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

fn safe<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()).filter(is_safe))
}

/// Why the provider does not tell what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error("cannot ask `{url}`")]
    Ask { url: String, source: reqwest::Error },
    #[error("`{url}` answers with status {status}")]
    Status { url: String, status: u16 },
    #[error("the answer of `{url}` is larger than 256 KiB")]
    TooLarge { url: String },
    #[error("the answer of `{url}` cannot be read")]
    Form { url: String, source: serde_json::Error },
    #[error("the provider calls itself `{found}` and not `{wanted}`")]
    Issuer { found: String, wanted: String },
    #[error("the address of the keys is neither `https` nor on this machine")]
    Address,
    #[error("the provider has no key that could be used")]
    Empty,
}

/// What a provider tells comes over TLS, or from this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let near = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && near)
}
