//! How pages are refused: browsers are sent to the login, or told by a page that the portal draws.

use http::header::{CACHE_CONTROL, LOCATION, REFRESH};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use super::Refusal;
use crate::csrf::is_browser;
use crate::local::LocalPath;
use crate::login::draft::Draft;

/// What a page is to say in place of one that was refused. It stands in the extensions of an answer without a body; the
/// portal draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRefusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What to say: sentences, without a cause.
    pub sentence: String,
    /// Where a login begins that may help.
    pub login: Option<String>,
    /// A form that was not taken since its session had ended, with its token: to be sent again after a login.
    pub draft: Option<Draft>,
}

impl PageRefusal {
    /// A refusal with a sentence.
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), login: None, draft: None }
    }

    /// Names where a login begins.
    #[must_use]
    pub fn with_login(self, address: impl Into<String>) -> Self {
        Self { login: Some(address.into()), ..self }
    }

    /// The answer.
    pub(crate) fn response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self);
        response
    }
}

/// Sends a browser to another address of this service.
pub(crate) fn redirect<B: Default>(to: HeaderValue) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, to);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sends a browser on to the provider, from a page that says so. The policy of our pages lets forms lead nowhere but
/// here, by redirects too, and nobody can tell whether a form brought the browser to this address: what the page itself
/// does next is no form any more.
pub(crate) fn onward<B: Default>(to: &HeaderValue, page: PageRefusal) -> Response<B> {
    let mut response = page.response();
    let refresh = HeaderValue::from_bytes(&[b"0; url=", to.as_bytes()].concat());
    if let Ok(refresh) = refresh {
        response.headers_mut().insert(REFRESH, refresh);
    }
    response
}

/// Sends a browser that reads a page to the login which leads back there.
pub(crate) fn asks<B: Default>(parts: &Parts) -> Option<Response<B>> {
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    (reads && is_browser(&parts.headers)).then(|| {
        let login = HeaderValue::from_str(&shown(parts).login());
        redirect(login.unwrap_or(HeaderValue::from_static("/login")))
    })
}

/// The answer to a refused request for a page, or for nothing that there is.
pub(crate) fn refused<B: Default>(refusal: Refusal, parts: &Parts) -> Response<B> {
    let mut page = PageRefusal::new(refusal.http(), refusal.sentence());
    if let Refusal::Credentials(_) = refusal {
        page = page.with_login(shown(parts).login());
    }
    let mut response = page.response();
    refusal.challenge(&mut response);
    response
}

/// The page that a request is about, if it is one to show.
fn shown(parts: &Parts) -> LocalPath {
    let address = parts.uri.path_and_query().and_then(|address| LocalPath::read(address.as_str()));
    address.unwrap_or_else(LocalPath::home)
}
