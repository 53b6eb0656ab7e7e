//! What the layer answers by itself: logins, their ends, logouts, and forms that came after the end of a session.

use hexproof_core::access::{AccessOutcome, Caller, Trail};
use hexproof_core::port::StorageError;
use hexproof_core::register::{EndedSession, Version};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use url::form_urlencoded;

use super::page::{PageRefusal, onward, redirect};
use super::{Gate, Known, Refusal};
use crate::cookie;
use crate::csrf::{Csrf, is_browser};
use crate::ledger::chain;
use crate::local::LocalPath;
use crate::login::draft::{self, Draft};
use crate::login::session::{self, Session};
use crate::login::transaction::Transaction;
use crate::login::{Answer, Login, LoginError};
use crate::oidc::Oidc;
use crate::policy::{Page, PageRule};

const LOGIN: &str = "Portal.Login";
const LOGOUT: &str = "Portal.Logout";
/// A form of 64 KiB takes no longer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
/// Where the page stands that says that a session has ended.
const LOGGED_OUT: HeaderValue = HeaderValue::from_static("/login?out=1");

impl Gate {
    /// How people log in, if they can.
    pub(super) fn logins(&self) -> Option<(&Login, &Oidc)> {
        match (&self.login, &self.known) {
            (Some(login), Known::Proved { oidc: Some(oidc), .. }) => Some((login, oidc)),
            _ => None,
        }
    }

    /// The session of a request, if it sends one that lasts.
    pub(super) async fn session(&self, parts: &Parts) -> Result<Option<Session>, Refusal> {
        let Some((login, oidc)) = self.logins() else { return Ok(None) };
        let now = self.clock.now();
        let read = Session::read(&self.ring, &parts.headers, oidc.issuer(), login.lifetime, now);
        let (Some(session), Some(register)) = (read, &self.register) else { return Ok(None) };
        match register.latest::<EndedSession>(&session.id).await {
            Ok(None) => Ok(Some(session)),
            Ok(Some(_)) => Ok(None),
            Err(error) => {
                tracing::error!(error = chain(&error), "whether a session was ended cannot be told");
                Err(Refusal::Unavailable("the store does not answer; try again"))
            }
        }
    }

    /// Begins a login, or says why there is none to begin.
    pub(super) async fn begin<B: Default>(&self, parts: &Parts) -> Response<B> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = || form_urlencoded::parse(query.as_bytes());
        let to = pairs().find(|(name, _)| name == "to").and_then(|(_, to)| LocalPath::read(&to));
        let to = to.unwrap_or_else(LocalPath::home);
        if pairs().any(|(name, _)| name == "out") {
            return PageRefusal::new(StatusCode::OK, "You are logged out.").with_login(to.login()).response();
        }
        if let Known::Dev = self.known {
            return redirect(to.header());
        }
        let Some((login, oidc)) = self.logins() else {
            let sentence = "Nobody can log in here. This service has no login of people set up; programs call it with \
                            tokens of their own.";
            return PageRefusal::new(StatusCode::NOT_FOUND, sentence).response();
        };
        if let Ok(Some(_)) = self.session(parts).await {
            return redirect(to.header());
        }
        match login.begin(oidc, &self.ring, &parts.headers, &to, self.clock.now()).await {
            Ok((address, cookies)) => {
                let page = PageRefusal::new(StatusCode::OK, "You log in with your identity provider.");
                let page = page.with_login(String::from_utf8_lossy(address.as_bytes()));
                with(onward(&address, page), cookies)
            }
            Err(error) => self.failed(&error, &to),
        }
    }

    /// Ends a login by the answer of the provider.
    pub(super) async fn end_login<B: Default>(&self, parts: &Parts) -> Response<B> {
        let Some((login, oidc)) = self.logins() else { return redirect(HeaderValue::from_static("/login")) };
        let now = self.clock.now();
        let Some(answer) = Answer::read(parts.uri.query().unwrap_or_default()) else {
            return self.failed(&LoginError::Answer, &LocalPath::home());
        };
        let begun = answer.transaction(&self.ring, &parts.headers, now);
        let to = begun.as_ref().map_or_else(LocalPath::home, Transaction::to);
        // Whatever comes of it, no second answer ends the same login.
        let spent = begun.and_then(|login| Transaction::forget(&login.state));
        let done = login.finish(oidc, &self.ring, &parts.headers, &answer, now).await;
        let done = done.and_then(|done| Ok((done.session.keep(&self.ring)?, done)));
        match done {
            Ok((cookie, done)) => {
                let caller = oidc.identity_of(&done.session.person()).nobody();
                let logged = self.log(&caller, LOGIN, &done.session).await;
                match logged {
                    Ok(()) => with(redirect(done.to.header()), spent.into_iter().chain([cookie])),
                    Err(refusal) => with(refusal, spent),
                }
            }
            // The person went back to an answer that was taken before.
            Err(LoginError::Unknown) if matches!(self.session(parts).await, Ok(Some(_))) => {
                redirect(to.header())
            }
            Err(error) => with(self.failed(&error, &to), spent),
        }
    }

    fn failed<B: Default>(&self, error: &LoginError, to: &LocalPath) -> Response<B> {
        let reason = chain(error);
        match error.is_denial() {
            true => {
                tracing::info!(reason, "a login was refused");
                self.ledger.refused(None, LOGIN, &Trail::default());
            }
            false => {
                tracing::error!(reason, "a login failed");
                self.ledger.leave(self.ledger.entry(None, LOGIN, &Trail::default(), AccessOutcome::Failed));
            }
        }
        PageRefusal::new(error.status(), error.sentence()).with_login(to.login()).response()
    }

    /// Writes who logged in or out; what cannot be written does not happen.
    async fn log<B: Default>(
        &self,
        caller: &Caller,
        action: &str,
        session: &Session,
    ) -> Result<(), Response<B>> {
        let trail = Trail::default();
        trail.touches(None, session.id.as_str());
        let entry = self.ledger.entry(Some(caller), action, &trail, AccessOutcome::Done);
        self.ledger.write(&entry).await.map_err(|error| {
            tracing::error!(action, error = chain(&error), "the access log could not be written");
            let sentence = "The evidence store does not answer. Nobody can log in or out without an entry in its log; \
                            try again in a minute.";
            PageRefusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence).response()
        })
    }

    /// Ends the session of a request, here and at the provider.
    pub(super) async fn end_session<A, B>(
        &self,
        parts: &Parts,
        caller: &Caller,
        session: Option<&Session>,
        csrf: Option<&Csrf>,
        body: A,
    ) -> Response<B>
    where
        A: Body,
        A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Default,
    {
        let form = self.form(parts, body).await;
        let carried = form.as_ref().is_some_and(|form| csrf.is_some_and(|csrf| csrf.check(&form.token)));
        let (Some(session), Some((login, oidc)), true) = (session, self.logins(), carried) else {
            if carried {
                let sentence = "There is no session to end. You were known in another way.";
                return PageRefusal::new(StatusCode::OK, sentence).response();
            }
            self.ledger.refused(Some(caller), LOGOUT, &Trail::default());
            let sentence = "You are still logged in. The form was not one of your session.";
            return PageRefusal::new(StatusCode::FORBIDDEN, sentence).response();
        };
        let forget = || [session::COOKIE, draft::COOKIE].into_iter().filter_map(cookie::forget);
        let now = self.clock.now();
        let ended =
            EndedSession { id: session.id.clone(), until: session.until(login.lifetime).unwrap_or(now) };
        let (number, changed_by, request) = (1, caller.subject.clone(), String::new());
        let version = Version { number, changed_by, changed_at: now, request, value: ended };
        let kept = match &self.register {
            Some(register) => register.put(&session.id, version).await,
            None => Ok(()),
        };
        match kept {
            // Somebody ended it before, which is what was asked for.
            Ok(()) | Err(StorageError::Conflict) => {}
            Err(error) => {
                tracing::error!(error = chain(&error), "a session could not be ended");
                let sentence = "This browser has forgotten your session, but the evidence store does not answer. A copy \
                                of the session would still be good until it is not used for a while.";
                return with(
                    PageRefusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence).response(),
                    forget(),
                );
            }
        }
        if let Err(refusal) = self.log(caller, LOGOUT, session).await {
            return with(refusal, forget());
        }
        let endpoints = oidc.endpoints().await.ok();
        match endpoints.and_then(|endpoints| login.end_at(&endpoints)) {
            Some(address) => {
                let sentence = "You are logged out. The identity provider is asked to end its session too.";
                let page = PageRefusal::new(StatusCode::OK, sentence).with_login(LocalPath::home().login());
                with(onward(&address, page), forget())
            }
            None => with(redirect(LOGGED_OUT), forget()),
        }
    }

    /// What becomes of a request whose session has ended, if it is one that people care for.
    pub(super) async fn lapsed<A, B>(&self, rule: &PageRule, parts: &Parts, body: A) -> Option<Response<B>>
    where
        A: Body,
        A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        B: Default,
    {
        self.logins()?;
        if parts.method != http::Method::POST || !is_browser(&parts.headers) {
            return None;
        }
        if rule.page == Page::Logout {
            return Some(with(redirect(LOGGED_OUT), cookie::forget(session::COOKIE)));
        }
        let page = LocalPath::read(&rule.form_at(parts.uri.path())?)?;
        let login = HeaderValue::from_str(&page.login()).ok()?;
        let sent = self.form(parts, body).await?;
        if let Some(cookie) = draft::keep(&self.ring, page.path(), &sent, self.clock.now()) {
            return Some(with(redirect(login), [cookie]));
        }
        let sentence = "Your session had ended. Nothing was sent yet, and nothing of it is lost.";
        let refusal = PageRefusal::new(StatusCode::UNAUTHORIZED, sentence).with_login(page.login());
        Some(PageRefusal { draft: Some(carried(sent)), ..refusal }.response())
    }

    /// The form that a request sends, if it is one of at most 64 KiB that came in time.
    async fn form<A>(&self, parts: &Parts, body: A) -> Option<draft::Sent>
    where
        A: Body,
        A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let kind = parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        let read = tokio::time::timeout(PATIENCE, Limited::new(body, draft::LARGEST).collect()).await;
        draft::read(parts.uri.path(), &read.ok()?.ok()?.to_bytes())
    }
}

/// A form that goes back with its token: it is compared when it is sent again.
fn carried(sent: draft::Sent) -> Draft {
    let mut draft = sent.draft;
    draft.fields.push((Csrf::FIELD.to_owned(), sent.token));
    draft
}

/// An answer that tells the browser to keep or forget cookies.
pub(super) fn with<B>(
    mut response: Response<B>,
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> Response<B> {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
