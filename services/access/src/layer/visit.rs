//! A request for a page that a session makes: what stands beside it, and what the browser keeps after it.

use http::request::Parts;
use http::{HeaderValue, Method, Response};

use super::Gate;
use super::person::with;
use crate::cookie;
use crate::csrf::OwnForms;
use crate::login::draft::{self, Found};
use crate::login::session::{LoggedIn, Session};
use crate::policy::Target;

/// What the answer of a page is to tell the browser.
pub(super) struct Visit {
    session: Option<Session>,
    /// A form that was kept for this page and is shown now.
    shown: bool,
    /// A form that nobody can use.
    useless: bool,
}

impl Visit {
    /// Puts beside a request what its session gives.
    pub(super) fn new(gate: &Gate, session: Option<Session>, target: Target, parts: &mut Parts) -> Self {
        let mut visit = Self { session, shown: false, useless: false };
        let (Some(session), Target::Page(_), Some((login, _))) = (&visit.session, target, gate.logins())
        else {
            return visit;
        };
        let (person, now) = (session.person(), gate.clock.now());
        let until = session.until(login.lifetime).unwrap_or(now);
        parts.extensions.insert(LoggedIn { name: person.name, until });
        parts.extensions.insert(OwnForms::new(gate.ring.clone(), &person.subject));
        if parts.method == Method::GET {
            match draft::find(&gate.ring, &parts.headers, parts.uri.path(), &person.subject, now) {
                Found::Mine(draft) => {
                    parts.extensions.insert(draft);
                    visit.shown = true;
                }
                Found::Useless => visit.useless = true,
                Found::Nothing => {}
            }
        }
        visit
    }

    /// The answer, with the session as it is used now.
    pub(super) fn end<B>(self, gate: &Gate, response: Response<B>) -> Response<B> {
        let mut cookies: Vec<HeaderValue> = Vec::new();
        if self.useless || (self.shown && response.status().is_success()) {
            cookies.extend(cookie::forget(draft::COOKIE));
        }
        let renewed = self.session.zip(gate.logins());
        let renewed =
            renewed.and_then(|(session, (login, _))| session.renewed(login.lifetime, gate.clock.now()));
        // Should it not be sealed, the session lasts for the rest of its idle time.
        cookies.extend(renewed.and_then(|session| session.keep(&gate.ring).ok()));
        with(response, cookies)
    }
}
