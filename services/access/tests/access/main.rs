//! What access promises, held against it from outside: through its layer, over TLS, against an issuer and an API server.

mod dev;
mod links;
mod log;
mod matrix;
mod oidc;
mod support;
mod tls;
mod token_review;
