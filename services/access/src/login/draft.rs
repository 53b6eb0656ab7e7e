//! Forms whose session had ended when they were sent: nothing of them was done, and nothing of them is lost.
//!
//! A small one is kept in a sealed cookie until its person has logged in and stands before the form again. A larger one
//! goes back at once, inside the page that says so. Whose a form is its token tells: nobody else gets it filled in.

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::cookie;
use crate::csrf::Csrf;
use crate::keys::{KeyRing, Purpose};

pub(crate) const COOKIE: &str = "__Host-hexproof-draft";
/// A form is kept no longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// A form is never larger.
pub(crate) const LARGEST: usize = 64 << 10;

/// What was sent in a form, in the order in which it stood there, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where the form is sent to.
    pub action: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl Draft {
    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A form with its token, in a cookie.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The page that shows the form.
    #[serde(rename = "p")]
    page: String,
    #[serde(rename = "a")]
    action: String,
    #[serde(rename = "f")]
    fields: String,
    #[serde(rename = "c")]
    token: String,
    #[serde(rename = "b")]
    begun: i64,
}

/// A form as it came, taken apart.
pub(crate) struct Sent {
    pub(crate) draft: Draft,
    pub(crate) token: String,
}

/// Reads the body of a form; `None` without a token, or if it is none.
pub(crate) fn read(action: &str, body: &[u8]) -> Option<Sent> {
    std::str::from_utf8(body).ok()?;
    let (tokens, fields): (Vec<_>, Vec<_>) =
        form_urlencoded::parse(body).into_owned().partition(|(name, _)| name == Csrf::FIELD);
    let token = tokens.into_iter().next()?.1;
    Some(Sent { draft: Draft { action: action.to_owned(), fields }, token })
}

/// Tells a browser to keep a form for the page that shows it. `None` if it is too large.
pub(crate) fn keep(ring: &KeyRing, page: &str, sent: &Sent, now: Timestamp) -> Option<HeaderValue> {
    let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(&sent.draft.fields).finish();
    let kept = Kept {
        page: page.to_owned(),
        action: sent.draft.action.clone(),
        fields,
        token: sent.token.clone(),
        begun: now.as_second(),
    };
    let sealed = ring.seal(Purpose::Draft, &serde_json::to_vec(&kept).ok()?).ok()?;
    cookie::set(COOKIE, &sealed, Some(LONGEST.as_secs()))
}

/// What a browser has kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing for this page.
    Nothing,
    /// A form of this page and person.
    Mine(Draft),
    /// Something that nobody can use.
    Useless,
}

/// The form that was kept for a page, if it is one of this person.
pub(crate) fn find(ring: &KeyRing, headers: &HeaderMap, page: &str, subject: &str, now: Timestamp) -> Found {
    if cookie::values(headers, COOKIE).is_empty() {
        return Found::Nothing;
    }
    let kept = cookie::value(headers, COOKIE)
        .and_then(|sealed| ring.open(Purpose::Draft, sealed))
        .and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    let Some(kept) = kept else { return Found::Useless };
    let fresh = Timestamp::from_second(kept.begun).is_ok_and(|begun| now.duration_since(begun) < LONGEST);
    if !fresh || !Csrf::is_of(ring, &kept.token, subject) {
        return Found::Useless;
    }
    match kept.page == page {
        true => {
            let fields = form_urlencoded::parse(kept.fields.as_bytes()).into_owned().collect();
            Found::Mine(Draft { action: kept.action, fields })
        }
        false => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        [(http::header::COOKIE, HeaderValue::from_str(pair).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_form_comes_back_to_its_page_and_person_alone() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = Csrf::new(&ring, "session-1", "ann").0;
        let body = format!("csrf={token}&reason=a+%26+b%0D%0Ac&owner=&owner=%F0%9F%90%99");
        let form = read("/waivers", body.as_bytes()).unwrap();
        let kept = sent(&keep(&ring, "/waivers/new", &form, at(0)).unwrap());
        let find = |page, subject, now| find(&ring, &kept, page, subject, at(now));
        let Found::Mine(draft) = find("/waivers/new", "ann", 3599) else { panic!("it is lost") };
        assert_eq!((draft.get("reason"), draft.get("owner")), (Some("a & b\r\nc"), Some("")));
        assert_eq!(draft.fields[2], ("owner".to_owned(), "\u{1f419}".to_owned()));
        assert_eq!(draft.get("csrf"), None);
        assert_eq!(find("/waivers", "ann", 1), Found::Nothing);
        assert_eq!(find("/waivers/new", "ben", 1), Found::Useless);
        assert_eq!(find("/waivers/new", "ann", 3600), Found::Useless);
    }

    #[test]
    fn what_is_no_form_of_ours_is_not_kept() {
        let ring = KeyRing::new(&[], "keys").unwrap();
        assert!(read("/waivers", b"reason=x").is_none(), "without a token");
        assert!(read("/waivers", b"csrf=a&x=\xff").is_none(), "not text");
        let planted = read("/waivers", b"csrf=forged&reason=x").unwrap();
        let kept = sent(&keep(&ring, "/waivers/new", &planted, Timestamp::UNIX_EPOCH).unwrap());
        let found = find(&ring, &kept, "/waivers/new", "ann", Timestamp::UNIX_EPOCH);
        assert_eq!(found, Found::Useless, "a form that another site made up");
        let large = format!("csrf=a&reason={}", "x".repeat(3000));
        assert_eq!(keep(&ring, "/a", &read("/a", large.as_bytes()).unwrap(), Timestamp::UNIX_EPOCH), None);
        let headers = [(http::header::COOKIE, HeaderValue::from_static("__Host-hexproof-draft=x"))];
        let headers: HeaderMap = headers.into_iter().collect();
        assert_eq!(find(&ring, &headers, "/a", "ann", Timestamp::UNIX_EPOCH), Found::Useless);
    }
}
