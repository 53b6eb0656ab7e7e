//! Stub.
use std::sync::Arc;
use std::task::{Context, Poll};
use hexproof_core::access::{Authentication, Caller, Role, Scope, Trail};
use hexproof_core::port::{Clock, Register};
use http::Request;
/// Dev.
pub const DEV_SUBJECT: &str = "dev";
pub(crate) enum Known { Dev, Proved { oidc: Option<crate::oidc::Oidc>, reviews: Option<crate::token_review::TokenReviews> } }
pub(crate) struct Gate { pub known: Known, pub links: Arc<crate::SignedLinks>, pub register: Register, pub ledger: crate::ledger::Ledger, pub clock: Arc<dyn Clock> }
/// L
#[derive(Clone)]
pub struct AccessLayer(Arc<Gate>);
impl AccessLayer { pub(crate) fn new(g: Arc<Gate>) -> Self { Self(g) } }
/// S
#[derive(Clone)]
pub struct AccessService<S>(S);
impl<S> tower::Layer<S> for AccessLayer { type Service = AccessService<S>; fn layer(&self, s: S) -> AccessService<S> { AccessService(s) } }
impl<S, B> tower::Service<Request<B>> for AccessService<S> where S: tower::Service<Request<B>> {
    type Response = S::Response; type Error = S::Error; type Future = S::Future;
    fn poll_ready(&mut self, c: &mut Context<'_>) -> Poll<Result<(), S::Error>> { self.0.poll_ready(c) }
    fn call(&mut self, mut r: Request<B>) -> S::Future {
        r.extensions_mut().insert(Trail::default());
        r.extensions_mut().insert(Caller { subject: "dev".into(), authentication: Authentication::Dev, roles: Role::ALL.into(), scope: Scope::ALL });
        self.0.call(r)
    }
}
