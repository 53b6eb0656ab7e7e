//! Evidence packs of Kubernetes clusters: collect, score, render, seal, archive, verify.
//!
//! `cli` is the contract of the command line, `commands` one module a command, `client` asks a server, `inputs` finds the source of the
//! state, `configuration` reads what an operator states, `pipeline` makes a pack, `terminal` prints for people,
//! `exit` holds the codes. Everything that decides lives in the other crates.

mod agent;
mod cli;
mod client;
mod clock;
mod commands;
mod configuration;
mod execute;
mod exit;
mod inputs;
mod pipeline;
mod rendering;
mod serve;
mod signals;
mod snapshot_file;
mod telemetry;
mod terminal;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let cli = cli::Cli::parse();
    if !cli.command.is_service() {
        telemetry::for_a_command();
    }
    // Fails only if a provider was installed before, which nothing here does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => exit::report(&error).into(),
    }
}
