//! Logins of people with a browser: the authorisation code flow with PKCE (OpenID Connect Core, section 3.1; RFC 7636;
//! RFC 9700).
//!
//! `transaction` is a login that is under way, `session` what it ends in, `draft` a form whose session had ended. The
//! layer answers the addresses of this flow by itself; pages only tell what went wrong.

pub(crate) mod draft;
pub(crate) mod session;
pub(crate) mod transaction;

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use url::{Url, form_urlencoded};

use crate::AccessError;
use crate::config::LoginConfig;
use crate::error::read_file;
use crate::keys::KeyRing;
use crate::local::LocalPath;
use crate::oidc::{Client, CodeError, Endpoints, Oidc, is_safe};
use session::{Lifetime, Session};
use transaction::Transaction;

/// An answer of a provider is never longer.
const LONGEST_ANSWER: usize = 8 << 10;

/// Logs people in.
pub(crate) struct Login {
    client: Client,
    /// Where browsers reach the service.
    own: Url,
    scopes: String,
    pub(crate) lifetime: Lifetime,
}

/// Why a login ended without a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the answer cannot be read")]
    Answer,
    #[error("this browser began no such login, or too long ago")]
    Unknown,
    #[error("the answer is one of another provider")]
    Issuer,
    #[error("the provider says `{0}`")]
    Told(String),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl LoginError {
    /// Whether it says something of the login rather than of the state of provider and service.
    pub(crate) fn is_denial(&self) -> bool {
        match self {
            Self::Answer | Self::Unknown | Self::Issuer | Self::Told(_) => true,
            Self::Code(error) => matches!(error, CodeError::Refused(_) | CodeError::Token(_)),
            Self::Access(_) => false,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Answer => StatusCode::BAD_REQUEST,
            _ if self.is_denial() => StatusCode::FORBIDDEN,
            Self::Code(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a page says.
    pub(crate) fn sentence(&self) -> &'static str {
        match self {
            Self::Told(word) if word == "access_denied" => {
                "You are not logged in. The login was cancelled, or the identity provider does not admit you."
            }
            Self::Unknown => {
                "This login cannot be ended here. It took longer than ten minutes, or was begun in another browser \
                 or at another address."
            }
            Self::Code(CodeError::Refused(_)) => "This login was ended already. Log in again.",
            Self::Code(CodeError::Token(
                "the token names nobody" | "the address of the token is not verified",
            )) => "The identity provider does not say who you are. Whoever runs it can change that.",
            Self::Answer | Self::Issuer | Self::Code(CodeError::Token(_)) => {
                "The answer of the identity provider cannot be trusted. Nobody was logged in."
            }
            Self::Told(_) | Self::Code(_) => {
                "The identity provider does not complete logins at the moment. Try again in a minute; the log of the \
                 service says why."
            }
            Self::Access(_) => "The login could not be completed. The log of the service says why.",
        }
    }
}

/// A login that ended well.
pub(crate) struct Done {
    pub(crate) session: Session,
    pub(crate) to: LocalPath,
}

impl Login {
    pub(crate) fn new(config: &LoginConfig) -> Result<Self, AccessError> {
        let wrong = |field: &str, reason: &str| AccessError::config(format!("login.{field}"), reason);
        let reason = "must be an `https` address without a path, or `http` on a loopback address";
        let own: Url = config.public_url.parse().map_err(|_| wrong("publicUrl", reason))?;
        let bare = own.path() == "/" && own.query().is_none() && own.fragment().is_none();
        let nobody = own.username().is_empty() && own.password().is_none();
        if !is_safe(&own) || !bare || !nobody {
            return Err(wrong("publicUrl", reason));
        }
        if config.client_id.is_empty() {
            return Err(wrong("clientId", "is empty"));
        }
        let plain = |scope: &String| {
            !scope.is_empty()
                && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
        };
        if !config.scopes.iter().all(plain) {
            return Err(wrong("scopes", "must be words without spaces"));
        }
        let idle = SignedDuration::from_mins(config.session_minutes.into());
        let longest = SignedDuration::from_hours(config.session_hours.into());
        if !(1..=24 * 60).contains(&config.session_minutes) {
            return Err(wrong("sessionMinutes", "must be 1 to 1440"));
        }
        if !(1..=24).contains(&config.session_hours) || idle > longest {
            return Err(wrong("sessionHours", "must be 1 to 24, and no less than `sessionMinutes`"));
        }
        let secret = match &config.client_secret_file {
            None => None,
            Some(path) => {
                let content =
                    |reason: &str| AccessError::Content { path: path.clone(), reason: reason.to_owned() };
                let text = String::from_utf8(read_file(path)?).map_err(|_| content("is no text"))?;
                let text = text.trim().to_owned();
                if text.is_empty() {
                    return Err(content("is empty"));
                }
                Some(text)
            }
        };
        let scopes: Vec<&str> = std::iter::once("openid")
            .chain(config.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"))
            .collect();
        let redirect = format!("{}/login/return", own.origin().ascii_serialization());
        let client = Client { id: config.client_id.clone(), secret, redirect };
        Ok(Self { client, own, scopes: scopes.join(" "), lifetime: Lifetime { idle, longest } })
    }

    /// Where browsers reach the service.
    pub(crate) fn own(&self) -> &Url {
        &self.own
    }

    /// Begins a login: where the browser goes, and what it is to keep.
    pub(crate) async fn begin(
        &self,
        oidc: &Oidc,
        ring: &KeyRing,
        headers: &HeaderMap,
        to: &LocalPath,
        now: Timestamp,
    ) -> Result<(HeaderValue, Vec<HeaderValue>), LoginError> {
        let endpoints = oidc.endpoints().await.map_err(|_| CodeError::Unavailable)?;
        let mut url =
            endpoints.authorization_endpoint.clone().ok_or(CodeError::Missing("authorization endpoint"))?;
        let login = Transaction::begin(to, now)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.id)
            .append_pair("redirect_uri", &self.client.redirect)
            .append_pair("scope", &self.scopes)
            .append_pair("state", &login.state)
            .append_pair("nonce", &login.nonce)
            .append_pair("code_challenge", &login.challenge())
            .append_pair("code_challenge_method", "S256");
        let url =
            HeaderValue::from_str(url.as_str()).map_err(|_| CodeError::Missing("authorization endpoint"))?;
        Ok((url, login.keep(ring, headers)?))
    }

    /// Ends a login by the answer of the provider.
    pub(crate) async fn finish(
        &self,
        oidc: &Oidc,
        ring: &KeyRing,
        headers: &HeaderMap,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<Done, LoginError> {
        let login = answer.transaction(ring, headers, now).ok_or(LoginError::Unknown)?;
        let announced = || async {
            let endpoints = oidc.endpoints().await.map_err(|_| CodeError::Unavailable)?;
            Ok::<_, LoginError>(endpoints.authorization_response_iss_parameter_supported)
        };
        // An answer of another provider must not make us send its code to ours, or the other way round (RFC 9207).
        match answer.get("iss") {
            Some(issuer) if issuer != oidc.issuer() => return Err(LoginError::Issuer),
            None if announced().await? => return Err(LoginError::Issuer),
            _ => {}
        }
        if let Some(error) = answer.get("error") {
            let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            let known = error.len() <= 60 && error.bytes().all(word);
            return Err(LoginError::Told(if known { error.to_owned() } else { "something else".to_owned() }));
        }
        let code = answer.get("code").filter(|code| !code.is_empty()).ok_or(LoginError::Answer)?;
        let person = oidc.exchange(&self.client, code, &login.verifier, &login.nonce).await?;
        Ok(Done { session: Session::begin(oidc.issuer(), person, now)?, to: login.to() })
    }

    /// Where a browser goes to end its session at the provider too (OpenID Connect RP-Initiated Logout, section 2).
    pub(crate) fn end_at(&self, endpoints: &Endpoints) -> Option<HeaderValue> {
        let mut url = endpoints.end_session_endpoint.clone()?;
        let back = format!("{}/login?out=1", self.own.origin().ascii_serialization());
        url.query_pairs_mut()
            .append_pair("client_id", &self.client.id)
            .append_pair("post_logout_redirect_uri", &back);
        HeaderValue::from_str(url.as_str()).ok()
    }
}

/// The answer of a provider, as it stands in the address that it sends the browser to.
pub(crate) struct Answer(BTreeMap<String, String>);

impl Answer {
    /// Reads it; `None` if it is too long or says something twice.
    pub(crate) fn read(query: &str) -> Option<Self> {
        if query.len() > LONGEST_ANSWER {
            return None;
        }
        let mut pairs = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if pairs.insert(name, value).is_some() {
                return None;
            }
        }
        Some(Self(pairs))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The login that it answers, if this browser began it.
    pub(crate) fn transaction(
        &self,
        ring: &KeyRing,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Transaction> {
        Transaction::find(ring, headers, self.get("state")?, now)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
