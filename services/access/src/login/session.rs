//! Sessions: sealed cookies that tell who logged in and until when. What the person may do is not in them: that is
//! asked of the configuration at each request.

use std::collections::BTreeSet;

use hexproof_core::id::RecordId;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::hex;
use crate::AccessError;
use crate::cookie;
use crate::keys::{KeyRing, Purpose, random};
use crate::oidc::Person;

pub(crate) const COOKIE: &str = "__Host-hexproof-session";

/// Clocks of replicas may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Who is logged in. The layer puts it beside requests for pages that a session makes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedIn {
    /// What the provider calls the person.
    pub name: String,
    /// When the session ends in any case.
    pub until: Timestamp,
}

/// A session. Short names: it stands in a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    #[serde(rename = "i")]
    pub(crate) id: RecordId,
    #[serde(rename = "o")]
    issuer: String,
    #[serde(rename = "s")]
    subject: String,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "g")]
    groups: BTreeSet<String>,
    /// When the person logged in.
    #[serde(rename = "b")]
    begun: i64,
    /// When it was used last, give or take a third of the idle time.
    #[serde(rename = "u")]
    used: i64,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) idle: SignedDuration,
    pub(crate) longest: SignedDuration,
}

impl Session {
    /// The session of a person who logs in now. Its id is new: nothing that a browser held before counts.
    pub(crate) fn begin(issuer: &str, person: Person, now: Timestamp) -> Result<Self, AccessError> {
        let id = format!("session-{}", hex(&random::<16>()?)).parse().map_err(|_| AccessError::Random)?;
        let Person { subject, name, groups } = person;
        let now = now.as_second();
        Ok(Self { id, issuer: issuer.to_owned(), subject, name, groups, begun: now, used: now })
    }

    /// The session that a browser sends, if it is one of ours that lasts.
    pub(crate) fn read(
        ring: &KeyRing,
        headers: &HeaderMap,
        issuer: &str,
        lifetime: Lifetime,
        now: Timestamp,
    ) -> Option<Self> {
        let sealed = cookie::value(headers, COOKIE)?;
        let session: Self = serde_json::from_slice(&ring.open(Purpose::Session, sealed)?).ok()?;
        let of_now = session.issuer == issuer && now < session.end(lifetime)?;
        // One that begins later was made by a clock that nobody should trust.
        let begun = Timestamp::from_second(session.begun.max(session.used)).ok()?;
        (of_now && begun.duration_since(now) <= SKEW).then_some(session)
    }

    fn end(&self, lifetime: Lifetime) -> Option<Timestamp> {
        let idle = Timestamp::from_second(self.used).ok()?.checked_add(lifetime.idle).ok()?;
        Some(idle.min(self.until(lifetime)?))
    }

    /// When it ends in any case.
    pub(crate) fn until(&self, lifetime: Lifetime) -> Option<Timestamp> {
        Timestamp::from_second(self.begun).ok()?.checked_add(lifetime.longest).ok()
    }

    /// The session as used now, if it was not used for a third of its idle time.
    pub(crate) fn renewed(&self, lifetime: Lifetime, now: Timestamp) -> Option<Self> {
        let used = Timestamp::from_second(self.used).ok()?;
        let due = now.duration_since(used) >= lifetime.idle / 3;
        due.then(|| Self { used: now.as_second(), ..self.clone() })
    }

    /// Tells a browser to keep it, until it is closed at the latest.
    pub(crate) fn keep(&self, ring: &KeyRing) -> Result<HeaderValue, AccessError> {
        let text = serde_json::to_vec(self).map_err(|_| AccessError::Random)?;
        let sealed = ring.seal(Purpose::Session, &text)?;
        cookie::set(COOKIE, &sealed, None).ok_or_else(|| {
            AccessError::config("oidc.grants", "grant so much to one person that no cookie holds it")
        })
    }

    /// Who it is.
    pub(crate) fn person(&self) -> Person {
        let (subject, name) = (self.subject.clone(), self.name.clone());
        Person { subject, name, groups: self.groups.clone() }
    }
}

/// Whether a browser sends anything that calls itself a session.
pub(crate) fn is_sent(headers: &HeaderMap) -> bool {
    !cookie::values(headers, COOKIE).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime =
        Lifetime { idle: SignedDuration::from_mins(15), longest: SignedDuration::from_hours(8) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn person() -> Person {
        let groups = ["auditors".to_owned()].into();
        Person { subject: "ann".to_owned(), name: "Ann".to_owned(), groups }
    }

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        [(http::header::COOKIE, HeaderValue::from_str(pair).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_session_lasts_while_it_is_used_and_no_longer_than_it_may() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        let mut session = Session::begin("https://a", person(), at(0)).unwrap();
        let read = |session: &Session, now| {
            Session::read(&ring, &sent(&session.keep(&ring).unwrap()), "https://a", LIFETIME, at(now))
        };
        assert_eq!(read(&session, 899), Some(session.clone()));
        assert_eq!(read(&session, 900), None, "a quarter of an hour without use");
        assert_eq!(read(&session, -61), None, "from the future");
        assert_eq!(session.renewed(LIFETIME, at(299)), None);
        let mut now = 0;
        while let Some(lasting) = read(&session, now + 300) {
            now += 300;
            session = lasting.renewed(LIFETIME, at(now)).unwrap();
        }
        assert_eq!(now, 8 * 3600 - 300, "eight hours at most");
        assert_eq!(session.person(), person());
    }

    #[test]
    fn nothing_of_a_session_is_readable_and_nothing_else_is_taken_for_one() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        let session = Session::begin("https://a", person(), at(0)).unwrap();
        let cookie = session.keep(&ring).unwrap();
        let text = cookie.to_str().unwrap();
        assert!(!text.contains("ann") && !text.contains("auditors") && !text.contains("session-"), "{text}");
        let read = |headers: &HeaderMap, issuer| Session::read(&ring, headers, issuer, LIFETIME, at(1));
        assert!(read(&sent(&cookie), "https://a").is_some());
        assert_eq!(read(&sent(&cookie), "https://b"), None, "another provider is configured now");
        let mut two = sent(&cookie);
        two.append(http::header::COOKIE, HeaderValue::from_static("__Host-hexproof-session=x"));
        assert_eq!(read(&two, "https://a"), None, "two sessions");
        assert!(is_sent(&two) && !is_sent(&HeaderMap::new()));
        let other = Session::begin("https://a", person(), at(0)).unwrap();
        assert_ne!(other.id, session.id);
    }
}
