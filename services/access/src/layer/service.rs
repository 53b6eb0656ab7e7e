//! The layer as tower wants it.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hexproof_core::access::{AccessEntry, AccessOutcome, Caller, Trail};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tonic::Code;
use tower::{Layer, Service};

use super::visit::Visit;
use super::{Gate, PageRefusal, Refusal, Refused, page};
use crate::ledger::chain;
use crate::policy::{Page, Target};

/// Puts access in front of services; see [`crate::Access::layer`].
#[derive(Clone)]
pub struct AccessLayer {
    gate: Arc<Gate>,
}

impl AccessLayer {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = AccessService<S>;

    fn layer(&self, inner: S) -> AccessService<S> {
        AccessService { gate: self.gate.clone(), inner }
    }
}

/// A service that is reached through access alone. The requests that pass carry a `Caller` (unless anybody may call)
/// and a `Trail` as extensions, for a download link the `LinkGrant`, for a page the [`crate::Csrf`]; they carry no
/// `authorization` and no cookies any more.
#[derive(Clone)]
pub struct AccessService<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S, A, B> Service<Request<A>> for AccessService<S>
where
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    A: Body + Send + 'static,
    A::Data: Send,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Default + Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let next = self.inner.clone();
        // The one that was polled ready is the one to call.
        let inner = std::mem::replace(&mut self.inner, next);
        Box::pin(answer(self.gate.clone(), inner, request))
    }
}

async fn answer<S, A, B>(gate: Arc<Gate>, mut inner: S, request: Request<A>) -> Result<Response<B>, S::Error>
where
    S: Service<Request<A>, Response = Response<B>>,
    A: Body,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Default,
{
    let (mut parts, body) = request.into_parts();
    let admitted = match gate.admit(&parts).await {
        Ok(admitted) => admitted,
        Err(Refused { refusal, caller, target, action, trail }) => {
            if let (Some(Target::Page(rule)), Refusal::Credentials(_)) = (target, refusal) {
                // Whoever can log in is not refused, but asked to.
                let asked = match page::asks(&parts) {
                    Some(login) => Some(login),
                    None => gate.lapsed(rule, &parts, body).await,
                };
                if let Some(answer) = asked {
                    return Ok(answer);
                }
            }
            if refusal.is_denial() {
                let subject = caller.as_ref().map(|caller| caller.subject.as_str());
                tracing::info!(action, subject, reason = refusal.status().message(), "a call was refused");
                gate.ledger.refused(caller.as_ref(), &action, &trail);
            }
            return Ok(match target {
                Some(Target::Page(_)) => page::refused(refusal, &parts),
                None if !is_rpc(&parts.headers) => page::refused(refusal, &parts),
                _ => refusal.response(&parts.headers),
            });
        }
    };
    let (target, trail) = (admitted.target, admitted.trail);
    if let Target::Page(rule) = target {
        let (caller, session, csrf) =
            (admitted.caller.as_ref(), admitted.session.as_ref(), admitted.csrf.as_ref());
        match (rule.page, caller) {
            (Page::Login, _) => return Ok(gate.begin(&parts).await),
            (Page::LoginReturn, _) => return Ok(gate.end_login(&parts).await),
            (Page::Logout, Some(caller)) => {
                return Ok(gate.end_session(&parts, caller, session, csrf, body).await);
            }
            _ => {}
        }
    }
    let kind = parts.headers.clone();
    parts.headers.remove(AUTHORIZATION);
    if let Some(caller) = &admitted.caller {
        parts.extensions.insert(caller.clone());
    }
    if let Some(grant) = admitted.link {
        parts.extensions.insert(grant);
    }
    if let Some(csrf) = admitted.csrf {
        parts.extensions.insert(csrf);
    }
    parts.extensions.insert(trail.clone());
    let visit = Visit::new(&gate, admitted.session, target, &mut parts);
    // What proves a session goes no further.
    parts.headers.remove(COOKIE);
    let request = Request::from_parts(parts, body);
    if !target.logged() {
        let response = inner.call(request).await?;
        if let (Some(caller), AccessOutcome::Refused) =
            (&admitted.caller, outcome_for(admitted.caller.as_ref(), &trail, &response))
        {
            gate.ledger.refused(Some(caller), &target.action(), &trail);
        }
        return Ok(visit.end(&gate, response));
    }
    let mut call = Call { gate, caller: admitted.caller, action: target.action(), trail, ended: false };
    let response = inner.call(request).await?;
    let outcome = outcome_for(call.caller.as_ref(), &call.trail, &response);
    if outcome == AccessOutcome::Refused {
        call.ended = true;
        call.gate.ledger.refused(call.caller.as_ref(), &call.action, &call.trail);
        return Ok(visit.end(&call.gate, response));
    }
    let entry = call.entry(outcome);
    if let Err(error) = call.gate.ledger.write(&entry).await {
        let (action, subject) = (&entry.action, &entry.subject);
        tracing::error!(action, subject, error = chain(&error), "the access log could not be written");
        call.ended = true;
        return Ok(match target {
            Target::Page(_) => PageRefusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "What you did may be done, but it could not be written into the access log. Look whether it is.",
            )
            .response(),
            _ => Refusal::Unavailable("the access log cannot be written; try again").response(&kind),
        });
    }
    call.ended = true;
    Ok(visit.end(&call.gate, response))
}

/// A call that is logged. If the caller goes away before its end, what it may have done until then is logged still.
struct Call {
    gate: Arc<Gate>,
    caller: Option<Caller>,
    action: String,
    trail: Trail,
    ended: bool,
}

impl Call {
    fn entry(&self, outcome: AccessOutcome) -> AccessEntry {
        self.gate.ledger.entry(self.caller.as_ref(), &self.action, &self.trail, outcome)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.gate.ledger.leave(self.entry(AccessOutcome::Failed));
        }
    }
}

/// Whether a request speaks gRPC, or gRPC-Web.
pub(super) fn is_rpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// How a call ended for its caller. Pages say of a cluster beyond reach that it is not there; the log tells it apart.
fn outcome_for<B>(caller: Option<&Caller>, trail: &Trail, response: &Response<B>) -> AccessOutcome {
    let (cluster, _) = trail.touched();
    let beyond = cluster.is_some_and(|cluster| caller.is_some_and(|caller| !caller.scope.admits(&cluster)));
    match response.status() == StatusCode::NOT_FOUND && beyond {
        true => AccessOutcome::Refused,
        false => outcome(response),
    }
}

/// How a call ended, by the head of its answer: failures of RPCs stand there too, since no message came before them.
fn outcome<B>(response: &Response<B>) -> AccessOutcome {
    let grpc = response.headers().get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    match (grpc, response.status().as_u16()) {
        (Some(Code::Ok), _) | (None, 200..=399) => AccessOutcome::Done,
        (Some(Code::PermissionDenied | Code::Unauthenticated), _) | (None, 401 | 403) => {
            AccessOutcome::Refused
        }
        (Some(_), _) | (None, _) => AccessOutcome::Failed,
    }
}
