//! Forms are sent by the pages of this service alone.
//!
//! Two things hold each of them: the browser says where it comes from (Fetch Metadata, `Origin`), which the layer looks
//! at; and the form carries a token of its session, which the page behind the layer compares, since the layer reads no
//! body. The token tells the session and whose it is, so that a form whose session ended is given back to its person.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};
use http::request::Parts;
use ring::hmac;
use url::Url;

use crate::keys::{KeyRing, Purpose};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What every form of a session must carry (in the field `csrf`), so that no other site can send one. The layer puts it
/// beside each request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csrf(pub String);

impl Csrf {
    /// The field of forms that carries it.
    pub const FIELD: &'static str = "csrf";
    /// The header that programs may send it in.
    pub const HEADER: &'static str = "x-hexproof-csrf";

    /// Whether a form carries the token of its session; compared in constant time.
    pub fn check(&self, field: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let wanted = hmac::sign(&key, self.0.as_bytes());
        !self.0.is_empty() && hmac::verify(&key, field.as_bytes(), wanted.as_ref()).is_ok()
    }

    /// The token of a session and its person.
    pub(crate) fn new(ring: &KeyRing, session: &str, subject: &str) -> Self {
        Self(format!("{session}.{}", ring.mark(Purpose::Form, &marked(session, subject))))
    }

    /// Whether a token is one of this person, whatever the session.
    pub(crate) fn is_of(ring: &KeyRing, token: &str, subject: &str) -> bool {
        let Some((session, mark)) = token.split_once('.') else { return false };
        ring.is_marked(Purpose::Form, &marked(session, subject), mark)
    }
}

/// Tells which forms were shown to a person before. The layer puts it beside requests for pages that a session makes.
#[derive(Clone)]
pub struct OwnForms {
    ring: Arc<KeyRing>,
    subject: String,
}

impl OwnForms {
    pub(crate) fn new(ring: Arc<KeyRing>, subject: &str) -> Self {
        Self { ring, subject: subject.to_owned() }
    }

    /// Whether a token is one of a form of this person, though perhaps of a session that has ended. Such a form was
    /// made up by nobody else; it is shown again, to be sent with the token of now.
    pub fn holds(&self, token: &str) -> bool {
        Csrf::is_of(&self.ring, token, &self.subject)
    }
}

fn marked(session: &str, subject: &str) -> Vec<u8> {
    // A session is named without zeros, so that no pair reads as another one.
    [session.as_bytes(), b"\0", subject.as_bytes()].concat()
}

/// Whether a browser says that another site sends this. `own` is where the service is reached, if that is stated.
/// Programs say nothing of it.
pub(crate) fn is_foreign(parts: &Parts, own: Option<&Url>) -> bool {
    let headers = &parts.headers;
    // A browser says it itself; no page can make it say otherwise.
    let site: Vec<&[u8]> = headers.get_all(FETCH_SITE).iter().map(|site| site.as_bytes()).collect();
    let same = match site.as_slice() {
        [] => false,
        // `none`: the person reloads.
        [b"same-origin"] | [b"none"] => true,
        _ => return true,
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => false,
        // What a page without a referrer sends.
        (Some(origin), None) if origin.as_bytes() == b"null" => !same,
        (Some(origin), None) => !origin.to_str().is_ok_and(|origin| is_own(origin, parts, own)),
        _ => true,
    }
}

fn is_own(origin: &str, parts: &Parts, own: Option<&Url>) -> bool {
    match own {
        Some(own) => own.origin().ascii_serialization() == origin,
        None => {
            let place = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            place.is_some() && place == authority(parts)
        }
    }
}

/// The host that a request names, if it names one.
pub(crate) fn authority(parts: &Parts) -> Option<&str> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (parts.uri.authority(), hosts.next(), hosts.next()) {
        (Some(authority), None, None) => Some(authority.as_str()),
        (Some(authority), Some(host), None) if host.as_bytes() == authority.as_str().as_bytes() => {
            Some(authority.as_str())
        }
        (None, Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// Whether a browser asks for a page to show: a program names what it takes.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    let html = |value: &http::HeaderValue| {
        value.to_str().is_ok_and(|kinds| {
            kinds.split(',').any(|kind| {
                let kind = kind.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("text/html")
            })
        })
    };
    headers.get_all(http::header::ACCEPT).iter().any(html)
        && !headers.contains_key(http::header::AUTHORIZATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_its_session_and_person() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        let token = Csrf::new(&ring, "s1", "ann");
        assert!(token.check(&token.0));
        assert!(!token.check(&Csrf::new(&ring, "s2", "ann").0));
        assert!(!token.check("") && !token.check(&token.0[1..]) && !Csrf(String::new()).check(""));
        assert!(Csrf::is_of(&ring, &token.0, "ann"));
        assert!(!Csrf::is_of(&ring, &token.0, "ben"));
        assert!(!Csrf::is_of(&KeyRing::new(&[], "keys").unwrap(), &token.0, "ann"));
        for forged in ["", ".", "s1", "s1.", &token.0.replace("s1", "s2")] {
            assert!(!Csrf::is_of(&ring, forged, "ann"), "{forged}");
        }
    }

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::post("/schedules").header("host", "evidence.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_another_site_sends_is_foreign() {
        let own: Url = "https://evidence.example".parse().unwrap();
        for (headers, foreign) in [
            (vec![], false),
            (vec![("origin", "https://evidence.example")], false),
            (vec![("origin", "https://evidence.example"), ("sec-fetch-site", "same-origin")], false),
            (vec![("origin", "null"), ("sec-fetch-site", "same-origin")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("origin", "null")], true),
            (vec![("origin", "null"), ("sec-fetch-site", "cross-site")], true),
            (vec![("origin", "https://evidence.example"), ("sec-fetch-site", "cross-site")], true),
            (vec![("sec-fetch-site", "same-site")], true),
            (vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], true),
            (vec![("origin", "https://evil.example")], true),
            (vec![("origin", "https://evidence.example.evil.example")], true),
            (vec![("origin", "https://evidence.example:8443")], true),
            (vec![("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], true),
            (vec![("origin", "https://evidence.example"), ("origin", "https://evil.example")], true),
        ] {
            let parts = parts(&headers);
            assert_eq!(is_foreign(&parts, Some(&own)), foreign, "{headers:?}");
            assert_eq!(is_foreign(&parts, None), foreign, "{headers:?} without a stated address");
        }
        let http = parts(&[("origin", "http://evidence.example")]);
        assert!(is_foreign(&http, Some(&own)), "another scheme is another origin");
    }

    #[test]
    fn a_browser_is_known_by_what_it_takes() {
        let takes = |accept: &str| is_browser(&parts(&[("accept", accept)]).headers);
        assert!(takes("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"));
        assert!(takes("application/json, TEXT/HTML;q=0.1"));
        assert!(!takes("*/*") && !takes("application/json") && !takes("text/htmlx"));
        let token = parts(&[("accept", "text/html"), ("authorization", "Bearer a")]);
        assert!(!is_browser(&token.headers), "a program with a token");
    }
}
