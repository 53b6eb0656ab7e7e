//! Download links: a token that gives one file for a short time, signed with HMAC-SHA256 (RFC 2104).
//!
//! token = base64url(payload) `.` base64url(MAC over the first part). The payload names everything that the link gives,
//! so that no part of the request can widen it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hexproof_core::access::{Artifact, Link, LinkGrant};
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::port::{Clock, Links, Register, StorageError};
use hexproof_core::register::RevokedLink;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::AccessError;
use crate::config::LinksConfig;
use crate::keys::{random, read_keys};
use crate::policy::Route;

/// How long a link lives at most.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// Clocks of replicas may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A token is never longer.
const LARGEST_TOKEN: usize = 4096;
/// Keeps MACs of links apart from all others.
const DOMAIN: &[u8] = b"hexproof download link 1\0";

/// Why a link does not give its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Not made by this service, or changed since.
    #[error("the link is not one of this service")]
    Forged,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
    /// It was ended.
    #[error("the link was revoked")]
    Revoked,
    /// Whether it was ended cannot be told.
    #[error("whether the link was revoked cannot be told")]
    Storage(#[from] StorageError),
}

/// What is signed. Short names: it stands in an address.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    #[serde(rename = "k")]
    key: RecordId,
    #[serde(rename = "n")]
    nonce: String,
    #[serde(rename = "m")]
    method: String,
    #[serde(rename = "c")]
    cluster: ClusterId,
    #[serde(rename = "r")]
    run: RunId,
    #[serde(rename = "a")]
    artifact: Artifact,
    #[serde(rename = "d")]
    digest: Digest,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "e")]
    expires: i64,
}

/// Makes and checks links.
pub struct SignedLinks {
    /// The first one signs. Never empty.
    first: (RecordId, hmac::Key),
    others: Vec<(RecordId, hmac::Key)>,
    base: String,
    clock: Arc<dyn Clock>,
    /// Nonces are MACs of a counter under a key of this process: they never repeat and making one cannot fail.
    nonces: hmac::Key,
    made: AtomicU64,
}

impl SignedLinks {
    /// Reads the keys of the configuration; makes one for this process if there are none.
    ///
    /// # Errors
    /// A key that cannot be read or is shorter than 32 bytes, a name that stands twice, a base that is no address.
    pub fn new(config: &LinksConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let base = config.base_url.trim_end_matches('/').to_owned();
        let is_web = |url: url::Url| matches!(url.scheme(), "https" | "http");
        if !base.is_empty() && !base.parse().is_ok_and(is_web) {
            return Err(AccessError::config("links.baseUrl", "is no address of the web"));
        }
        let mut keys: Vec<(RecordId, hmac::Key)> = read_keys(&config.keys, "links.keys")?
            .into_iter()
            .map(|(id, bytes)| (id, hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
            .collect();
        let random = || Ok::<_, AccessError>(hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?));
        if keys.is_empty() {
            let id = "process".parse().map_err(|_| AccessError::Random)?;
            keys.push((id, random()?));
        }
        let first = keys.remove(0);
        Ok(Self { first, others: keys, base, clock, nonces: random()?, made: AtomicU64::new(0) })
    }

    /// What a token gives at `now`, unless it was ended. `method` is that of the request.
    ///
    /// A link that another replica ended is refused as soon as `revoked` has been refreshed.
    ///
    /// # Errors
    /// Forged, expired, revoked, or the store does not say whether it was: such a link gives nothing.
    pub async fn check(
        &self,
        token: &str,
        method: &str,
        now: Timestamp,
        revoked: &Register,
    ) -> Result<(RecordId, LinkGrant), LinkError> {
        let payload = self.open(token).ok_or(LinkError::Forged)?;
        let expires = Timestamp::from_second(payload.expires).map_err(|_| LinkError::Forged)?;
        if payload.method != method {
            return Err(LinkError::Forged);
        }
        // One that lives too long was not made by this program, whoever holds the key.
        if now >= expires || expires.duration_since(now) > LONGEST + SKEW {
            return Err(LinkError::Expired);
        }
        let id = link_id(&payload.nonce).ok_or(LinkError::Forged)?;
        if revoked.latest::<RevokedLink>(&id).await?.is_some() {
            return Err(LinkError::Revoked);
        }
        let Payload { cluster, run, artifact, digest, subject, .. } = payload;
        let audit = AuditKey { cluster, run };
        Ok((id, LinkGrant { subject, audit, artifact, digest, expires }))
    }

    fn open(&self, token: &str) -> Option<Payload> {
        if token.len() > LARGEST_TOKEN {
            return None;
        }
        let (text, mac) = token.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let payload: Payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let keys = std::iter::once(&self.first).chain(&self.others);
        let (_, key) = keys.into_iter().find(|(id, _)| *id == payload.key)?;
        // Compares in constant time.
        hmac::verify(key, &signed(text), &mac).ok()?;
        Some(payload)
    }

    fn nonce(&self) -> String {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let tag = hmac::sign(&self.nonces, &count.to_be_bytes());
        tag.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Links for SignedLinks {
    /// The link ends with its grant, and after 15 minutes at the latest.
    fn create(&self, grant: &LinkGrant) -> Link {
        let nonce = self.nonce();
        let latest = self.clock.now().checked_add(LONGEST).unwrap_or(grant.expires);
        let payload = Payload {
            key: self.first.0.clone(),
            nonce: nonce.clone(),
            method: "GET".to_owned(),
            cluster: grant.audit.cluster.clone(),
            run: grant.audit.run,
            artifact: grant.artifact,
            digest: grant.digest,
            subject: grant.subject.clone(),
            expires: grant.expires.min(latest).as_second(),
        };
        // Texts and numbers always have a JSON form; should that fail, the link gives nothing.
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&payload).unwrap_or_default());
        let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&self.first.1, &signed(&text)));
        let url = format!("{}{}{text}.{mac}", self.base, Route::Link.path());
        let id = link_id(&nonce).unwrap_or_else(|| grant.audit.run.into());
        Link { id, url }
    }
}

fn signed(text: &str) -> Vec<u8> {
    [DOMAIN, text.as_bytes()].concat()
}

/// Names a link without giving it away.
fn link_id(nonce: &str) -> Option<RecordId> {
    format!("link-{nonce}").parse().ok()
}
