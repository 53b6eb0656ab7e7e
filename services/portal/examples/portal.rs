//! Shows the pages with samples instead of a store, on a port of this machine:
//! `cargo run -p hexproof-portal --example portal`, then open the address that it prints.

#[path = "../tests/common/mod.rs"]
mod common;

use common::World;
use hexproof_core::access::{Role, Scope};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8087);
    let world = match std::env::args().nth(2).and_then(|clusters| clusters.parse().ok()) {
        Some(clusters) => World::many(clusters, 8).await,
        None => World::sample().await,
    };
    let caller = common::caller(&[Role::Auditor, Role::Operator], Scope::ALL);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, world.portal(Some(caller))).await
}
