//! The program as a client of a server: `--server URL`.
//!
//! `args` is the contract of the command line, `connection` finds and trusts the server, `call` repeats what may be
//! repeated and tells refusals, `watch` and `download` go on where a stream broke, `print` is JSON and aligned text.
//! The other modules are one a command.

pub(crate) mod args;
pub(crate) mod audit;

mod audits;
mod call;
mod clusters;
mod connection;
pub(crate) mod diff;
mod download;
mod packs;
mod print;
mod schedules;
mod waivers;
mod watch;

use anyhow::Context as _;
use hexproof_core::id::RunId;
use ring::rand::SecureRandom as _;

use crate::exit::Exit;
use args::ServerArgs;
use connection::Server;

/// A command that only a server can do.
pub(crate) enum Remote {
    Audits(args::Audits),
    Packs(args::Packs),
    Clusters(args::Clusters),
    Schedules(args::Schedules),
    Waivers(args::Waivers),
}

/// Does it.
pub(crate) fn run(command: Remote, server: &ServerArgs) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let server = Server::open(server)?;
        match command {
            Remote::Audits(command) => Box::pin(audits::run(&server, command)).await,
            Remote::Packs(command) => Box::pin(packs::run(&server, command)).await,
            Remote::Clusters(command) => Box::pin(clusters::run(&server, command)).await,
            Remote::Schedules(command) => Box::pin(schedules::run(&server, command)).await,
            Remote::Waivers(command) => Box::pin(waivers::run(&server, command)).await,
        }
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

/// The request id that was given, or a new one. One request keeps its id however often it is sent.
fn request_id(given: Option<&String>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let mut bytes = [0; 16];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(RunId::from_random(bytes).to_string())
}
