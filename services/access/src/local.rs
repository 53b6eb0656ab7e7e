//! Addresses within the portal: the only ones that anybody is sent to.

use std::fmt;

use http::{HeaderValue, Method};
use url::form_urlencoded;

use crate::policy::pages::{Page, page_of};

/// An address is never longer: it stands in cookies.
const LONGEST: usize = 1024;

/// A page of the portal that may be shown, with its query. There is no other way to make one than to read it, so that
/// nobody is ever sent elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// The overview.
    pub(crate) fn home() -> Self {
        Self("/".to_owned())
    }

    /// Reads a path and query. `None` for whatever is no page that is read with `GET`: another site, a form, a login.
    pub fn read(text: &str) -> Option<Self> {
        // Nothing that a browser takes out or turns into something else before it reads an address.
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"<>^`{|}".contains(&byte);
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return None;
        }
        let path = text.split_once('?').map_or(text, |(path, _)| path);
        let page = page_of(&Method::GET, path)?.page;
        let shown = !matches!(page, Page::Asset | Page::Login | Page::LoginReturn);
        shown.then(|| Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.0.split_once('?').map_or(&self.0, |(path, _)| path)
    }

    /// Where a login begins that ends here.
    pub(crate) fn login(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", &self.0).finish();
        format!("/login?{query}")
    }

    /// As the value of `location`.
    pub(crate) fn header(&self) -> HeaderValue {
        // Every character was looked at.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("/"))
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn pages_of_the_portal_are_local_and_nothing_else_is() {
        for good in ["/", "/clusters", "/clusters/shop?from=2026-01-01&x=%2F", "/waivers/new?a=//b"] {
            assert_eq!(LocalPath::read(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "//evil.example",
            "//evil.example/clusters",
            "/\\evil.example",
            "\\\\evil.example",
            "/\\/evil.example",
            "https://evil.example/clusters",
            "https:evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "evil.example",
            "@evil.example",
            "/@evil.example",
            ".evil.example",
            "/clusters\r\nset-cookie: a=b",
            "/clusters?a=\r\nx",
            "/\t/evil.example",
            "/clusters\0",
            "/clusters#@evil",
            "/clusters?a=\\",
            "/%2f/evil.example",
            "/%5cevil.example",
            "/clusters/../login",
            "/login",
            "/login?to=/login",
            "/login/return?code=a",
            "/logout",
            "/clusters/shop/audits",
            "/assets/a.css",
            "/metrics",
            "/links/a.b",
            "/clusters/\u{202e}",
            " /clusters",
        ] {
            assert_eq!(LocalPath::read(bad), None, "{bad:?}");
        }
        assert_eq!(LocalPath::read(&format!("/clusters?{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn a_login_leads_back_to_the_page() {
        let page = LocalPath::read("/clusters/shop?from=1&to=2").unwrap();
        assert_eq!(page.login(), "/login?to=%2Fclusters%2Fshop%3Ffrom%3D1%26to%3D2");
        let url: Url = format!("https://a.example{}", page.login()).parse().unwrap();
        let back: Vec<_> = url.query_pairs().collect();
        assert_eq!(back, [("to".into(), page.as_str().into())]);
    }
}
