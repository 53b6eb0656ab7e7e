//! `hexproof --server`, run as a user does, against servers on this machine: the real services of clusters and
//! waivers, and a scripted one for audits and packs whose streams break.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod register;
mod script;
mod streams;
mod tls;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use hexproof_core::access::{Authentication, Caller, Role, Scope, Trail};
use tonic::{Request, Status};

/// What a run of the program came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }
}

/// Runs the program as `person`, off the threads that serve.
async fn ask(server: SocketAddr, home: &Path, person: &str, args: &[&str]) -> Ran {
    let mut command = support::hexproof(home);
    command.env("HEXPROOF_SERVER", format!("http://{server}")).env("HEXPROOF_TOKEN", person).args(args);
    run(command).await
}

async fn run(mut command: std::process::Command) -> Ran {
    command.env_remove("HEXPROOF_TOKEN_FILE");
    let (code, out, err) = tokio::task::spawn_blocking(move || support::run(&mut command)).await.unwrap();
    Ran { code, out, err }
}

/// Stands in for the access layer: the token is the name of the person.
fn access(mut request: Request<()>) -> Result<Request<()>, Status> {
    let token = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    let person = token.and_then(|token| token.strip_prefix("Bearer ")).map(str::to_owned);
    let Some(subject) = person else { return Err(hexproof_api::status::unauthenticated("who are you?")) };
    let roles = BTreeSet::from([Role::Admin]);
    let caller = Caller { subject, authentication: Authentication::Oidc, roles, scope: Scope::ALL };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Trail::default());
    Ok(request)
}
