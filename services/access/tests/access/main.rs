//! What access promises, held against it from outside: through its layer, over TLS, against an issuer and an API server.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod browser;
mod dev;
mod drafts;
mod links;
mod log;
mod login;
mod matrix;
mod oidc;
mod pages;
mod sessions;
mod support;
mod tls;
mod token_review;
