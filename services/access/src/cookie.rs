//! Cookies as browsers send them, and as they are told to keep them.
//!
//! Every name begins with `__Host-` (RFC 6265bis, section 4.1.3.2): such a cookie was set by this host, over TLS, for
//! every path, so that neither a neighbour of the same domain nor somebody on the way can put one into a browser.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// A value is never longer: browsers keep 4096 bytes of name, value and attributes.
pub(crate) const LONGEST: usize = 3900;

/// The values of a cookie; more than one means that somebody meddles.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    all(headers).filter(|(found, _)| *found == name).map(|(_, value)| value).collect()
}

/// The value of a cookie that stands there once.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = values(headers, name);
    let [value] = values.as_slice() else { return None };
    Some(value)
}

/// The names of cookies that begin with `prefix`.
pub(crate) fn names<'a>(headers: &'a HeaderMap, prefix: &str) -> Vec<&'a str> {
    all(headers).map(|(name, _)| name).filter(|name| name.starts_with(prefix)).collect()
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    // HTTP/2 may send each cookie in a header of its own (RFC 9113, section 8.2.3).
    let headers = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    headers.flat_map(|text| text.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// Tells a browser to keep a cookie: for so many seconds, or until it is closed. `None` if it would not keep it.
pub(crate) fn set(name: &str, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    (value.len() <= LONGEST).then(|| HeaderValue::from_str(&text).ok()).flatten()
}

/// Tells a browser to forget a cookie. `None` for a name that no cookie of ours has.
pub(crate) fn forget(name: &str) -> Option<HeaderValue> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (name.starts_with("__Host-hexproof-") && name.bytes().all(plain))
        .then(|| set(name, "", Some(0)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_from_every_header_and_never_chosen_among() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; b=2;c = 3 ; broken; =x"));
        headers.append(COOKIE, HeaderValue::from_static("b=4; a2=5"));
        assert_eq!(value(&headers, "a"), Some("1"));
        assert_eq!(value(&headers, "c"), Some("3"));
        assert_eq!(values(&headers, "b"), ["2", "4"]);
        assert_eq!(value(&headers, "b"), None);
        assert_eq!(value(&headers, "A"), None, "names differ by case");
        assert_eq!(names(&headers, "a"), ["a", "a2"]);
    }

    #[test]
    fn cookies_are_for_this_host_over_tls_and_for_no_script() {
        let cookie = set("__Host-hexproof-session", "abc", None).unwrap();
        assert_eq!(cookie, "__Host-hexproof-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(set("a", "b", Some(5)).unwrap(), "a=b; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=5");
        assert_eq!(set("a", &"b".repeat(LONGEST + 1), None), None);
        assert!(forget("__Host-hexproof-session").unwrap().to_str().unwrap().ends_with("Max-Age=0"));
        assert_eq!(forget("__Host-hexproof-a\"b"), None);
        assert_eq!(forget("other"), None);
    }
}
