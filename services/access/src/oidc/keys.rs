//! The keys of a provider: found by discovery (OpenID Connect Discovery, section 4), kept for an hour, asked for again
//! when a token names one that is not known, but never more often than every half minute whatever tokens come.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hexproof_core::port::Clock;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tracing::{info, warn};
use url::Url;

use crate::AccessError;
use crate::config::OidcConfig;
use crate::error::read_file;
use crate::layer::Refusal;
use crate::ledger::chain;

use super::provider::{Endpoints, KeysError, is_safe};

/// A key that the provider has withdrawn works no longer than this.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Where the provider does not answer, its keys are taken for so long.
const STALE: SignedDuration = SignedDuration::from_hours(4);
/// Between two questions to the provider.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
const LARGEST_ANSWER: usize = 256 << 10;
const MOST_KEYS: usize = 100;

const UNAVAILABLE: Refusal = Refusal::Unavailable("the identity provider does not answer; try again");

/// A key and what it is for.
struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: Arc<DecodingKey>,
}

struct Set {
    read: Timestamp,
    keys: Vec<Key>,
    endpoints: Arc<Endpoints>,
}

/// The keys of one provider.
pub(super) struct Keys {
    issuer: String,
    discovery: Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    set: RwLock<Option<Arc<Set>>>,
    /// When the provider was asked last; held while it is, so that one question answers all.
    asked: tokio::sync::Mutex<Option<Timestamp>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    #[serde(flatten)]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl Keys {
    pub(super) fn new(config: &OidcConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let issuer = config.issuer.clone();
        let wrong = || {
            AccessError::config("oidc.issuer", "must be an `https` address, or `http` on a loopback address")
        };
        let url: Url = issuer.parse().map_err(|_| wrong())?;
        if !is_safe(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        let discovery = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let discovery = discovery.parse().map_err(|_| wrong())?;
        // The client takes the provider of cryptography from the process; one that is installed already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10));
        if let Some(path) = &config.ca {
            let certificates = reqwest::Certificate::from_pem_bundle(&read_file(path)?)?;
            http = http.tls_certs_only(certificates);
        }
        let http = http.build()?;
        let (set, asked) = (RwLock::new(None), tokio::sync::Mutex::new(None));
        Ok(Self { issuer, discovery, http, clock, set, asked })
    }

    /// The key that a token names, fit for its algorithm.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<DecodingKey>, Refusal> {
        if let Some(key) = self.set(FRESH).and_then(|set| set.find(kid, algorithm)) {
            return Ok(key);
        }
        self.ask().await;
        let set = self.set(STALE).ok_or(UNAVAILABLE)?;
        set.find(kid, algorithm).ok_or(Refusal::Credentials("the token is signed with an unknown key"))
    }

    /// The keys, unless they are older than that.
    fn set(&self, oldest: SignedDuration) -> Option<Arc<Set>> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        (self.clock.now().duration_since(set.read) <= oldest).then_some(set)
    }

    /// Asks the provider, unless somebody did a moment ago.
    async fn ask(&self) {
        let mut asked = self.asked.lock().await;
        let now = self.clock.now();
        if asked.is_some_and(|asked| now.duration_since(asked).abs() < PAUSE) {
            return;
        }
        *asked = Some(now);
        match self.fetch().await {
            Ok((keys, endpoints)) => {
                info!(issuer = self.issuer, keys = keys.len(), "the keys of the identity provider were read");
                let set = Arc::new(Set { read: now, keys, endpoints: Arc::new(endpoints) });
                *self.set.write().unwrap_or_else(PoisonError::into_inner) = Some(set);
            }
            Err(error) => {
                warn!(issuer = self.issuer, error = chain(&error), "the identity provider gives no keys");
            }
        }
    }

    async fn fetch(&self) -> Result<(Vec<Key>, Endpoints), KeysError> {
        let discovery: Discovery = self.get(&self.discovery).await?;
        if discovery.issuer != self.issuer {
            let found = discovery.issuer.chars().take(200).flat_map(char::escape_default).collect();
            return Err(KeysError::Issuer { found, wanted: self.issuer.clone() });
        }
        let url: Url = discovery.jwks_uri.parse().map_err(|_| KeysError::Address)?;
        if !is_safe(&url) {
            return Err(KeysError::Address);
        }
        let jwks: Jwks = self.get(&url).await?;
        let keys: Vec<Key> = jwks.keys.into_iter().take(MOST_KEYS).filter_map(key).collect();
        match keys.is_empty() {
            true => Err(KeysError::Empty),
            false => Ok((keys, discovery.endpoints)),
        }
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: &Url) -> Result<T, KeysError> {
        let (status, body) = read(self.http.get(url.clone()), url).await?;
        if status != 200 {
            return Err(KeysError::Status { url: url.to_string(), status });
        }
        serde_json::from_slice(&body).map_err(|source| KeysError::Form { url: url.to_string(), source })
    }

    /// What else the provider serves; it is asked for as its keys are.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, Refusal> {
        if let Some(set) = self.set(FRESH) {
            return Ok(set.endpoints.clone());
        }
        self.ask().await;
        Ok(self.set(STALE).ok_or(UNAVAILABLE)?.endpoints.clone())
    }

    /// The client that the provider is asked with.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

/// Sends a request and reads its answer, unless that is too large.
pub(super) async fn read(request: reqwest::RequestBuilder, url: &Url) -> Result<(u16, Vec<u8>), KeysError> {
    let ask = |source| KeysError::Ask { url: url.to_string(), source };
    let mut answer = request.send().await.map_err(ask)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ask)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(KeysError::TooLarge { url: url.to_string() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status().as_u16(), body))
}

impl Set {
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm))
            .filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let key = fitting.next()?;
        // Without a name there must be nothing to choose.
        (fitting.next().is_none() || kid.is_some()).then(|| key.key.clone())
    }
}

/// A key of the set, if it is one that signs with an algorithm that is taken. Others are none of our business.
fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|list| list.contains(&KeyOperations::Verify));
    let algorithms = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::RSA(_) => vec![Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        // A secret in a public document is no key.
        AlgorithmParameters::OctetKey(_) => return None,
    };
    let algorithms: Vec<Algorithm> = match common.key_algorithm {
        None => algorithms,
        Some(stated) => algorithms.into_iter().filter(|algorithm| is(stated, *algorithm)).collect(),
    };
    if !signs || algorithms.is_empty() {
        return None;
    }
    let key = Arc::new(DecodingKey::from_jwk(&jwk).ok()?);
    Some(Key { kid: common.key_id.clone(), algorithms, key })
}

fn is(stated: KeyAlgorithm, algorithm: Algorithm) -> bool {
    matches!(
        (stated, algorithm),
        (KeyAlgorithm::ES256, Algorithm::ES256)
            | (KeyAlgorithm::ES384, Algorithm::ES384)
            | (KeyAlgorithm::RS256, Algorithm::RS256)
            | (KeyAlgorithm::PS256, Algorithm::PS256)
            | (KeyAlgorithm::EdDSA, Algorithm::EdDSA)
    )
}
