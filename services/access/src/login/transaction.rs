//! A login that is under way: what the answer of the provider is held against. One cookie each, so that several tabs do
//! not disturb each other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::hex;
use crate::AccessError;
use crate::cookie;
use crate::keys::{KeyRing, Purpose, random};
use crate::local::LocalPath;

pub(crate) const PREFIX: &str = "__Host-hexproof-login-";
/// A login takes no longer.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);
/// Logins of one browser that are under way at once.
const MOST: usize = 6;

/// A login that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transaction {
    /// What the answer must name.
    #[serde(rename = "s")]
    pub(crate) state: String,
    /// What the ID token must name.
    #[serde(rename = "n")]
    pub(crate) nonce: String,
    /// What the exchange of the code must prove (RFC 7636).
    #[serde(rename = "v")]
    pub(crate) verifier: String,
    /// Where the person wanted to go.
    #[serde(rename = "t")]
    to: String,
    #[serde(rename = "b")]
    begun: i64,
}

impl Transaction {
    pub(crate) fn begin(to: &LocalPath, now: Timestamp) -> Result<Self, AccessError> {
        let word = || Ok::<_, AccessError>(URL_SAFE_NO_PAD.encode(random::<32>()?));
        let (state, nonce, verifier) = (word()?, word()?, word()?);
        Ok(Self { state, nonce, verifier, to: to.as_str().to_owned(), begun: now.as_second() })
    }

    /// Tells a browser to keep it, and to forget those that are too many.
    pub(crate) fn keep(&self, ring: &KeyRing, headers: &HeaderMap) -> Result<Vec<HeaderValue>, AccessError> {
        let text = serde_json::to_vec(self).map_err(|_| AccessError::Random)?;
        let sealed = ring.seal(Purpose::Login, &text)?;
        let cookie =
            cookie::set(&name(&self.state), &sealed, Some(LONGEST.as_secs())).ok_or(AccessError::Random)?;
        let others = cookie::names(headers, PREFIX);
        let forgotten = match others.len() < MOST {
            true => Vec::new(),
            false => others.into_iter().filter_map(cookie::forget).collect(),
        };
        Ok([forgotten, vec![cookie]].concat())
    }

    /// The login that an answer with this state ends, if this browser began it a short while ago.
    pub(crate) fn find(ring: &KeyRing, headers: &HeaderMap, state: &str, now: Timestamp) -> Option<Self> {
        let sealed = cookie::value(headers, &name(state))?;
        let found: Self = serde_json::from_slice(&ring.open(Purpose::Login, sealed)?).ok()?;
        let age = now.duration_since(Timestamp::from_second(found.begun).ok()?);
        (is_equal(&found.state, state) && age < LONGEST && age > -LONGEST).then_some(found)
    }

    /// Tells a browser to forget the login with this state.
    pub(crate) fn forget(state: &str) -> Option<HeaderValue> {
        cookie::forget(&name(state))
    }

    /// Where the person wanted to go.
    pub(crate) fn to(&self) -> LocalPath {
        LocalPath::read(&self.to).unwrap_or_else(LocalPath::home)
    }

    /// The challenge of its verifier (RFC 7636, section 4.2).
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }
}

/// The name tells nothing of the state, whatever an answer calls one.
fn name(state: &str) -> String {
    format!("{PREFIX}{}", hex(&digest(&SHA256, state.as_bytes()).as_ref()[..8]))
}

fn is_equal(a: &str, b: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, a.as_bytes());
    hmac::verify(&key, b.as_bytes(), hmac::sign(&key, a.as_bytes()).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let begun = Transaction::begin(&LocalPath::home(), Timestamp::UNIX_EPOCH).unwrap();
        let login = Transaction { verifier, ..begun };
        // RFC 7636, appendix B.
        assert_eq!(login.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn each_login_is_found_by_its_own_state_for_a_while() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let to = LocalPath::read("/clusters/shop").unwrap();
        let mut headers = HeaderMap::new();
        let mut begun = Vec::new();
        for _ in 0..MOST {
            let login = Transaction::begin(&to, at(0)).unwrap();
            let cookies = login.keep(&ring, &headers).unwrap();
            assert_eq!(cookies.len(), 1);
            let pair = cookies[0].to_str().unwrap().split(';').next().unwrap().to_owned();
            headers.append(http::header::COOKIE, HeaderValue::from_str(&pair).unwrap());
            begun.push(login);
        }
        for login in &begun {
            assert_eq!(Transaction::find(&ring, &headers, &login.state, at(599)), Some(login.clone()));
            assert_eq!(Transaction::find(&ring, &headers, &login.state, at(600)), None);
            assert_eq!(login.to(), to);
        }
        assert_eq!(Transaction::find(&ring, &headers, "other", at(1)), None);
        // A cookie that stands under the name of another state is not that one.
        let swapped = name("other");
        let sealed = cookie::value(&headers, &name(&begun[0].state)).unwrap();
        let pair = HeaderValue::from_str(&format!("{swapped}={sealed}")).unwrap();
        let planted: HeaderMap = [(http::header::COOKIE, pair)].into_iter().collect();
        assert_eq!(Transaction::find(&ring, &planted, "other", at(1)), None);
        let next = Transaction::begin(&to, at(0)).unwrap().keep(&ring, &headers).unwrap();
        assert_eq!(next.len(), MOST + 1, "those that are too many are forgotten");
    }
}
