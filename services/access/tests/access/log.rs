//! The access log: what is done is in it before the caller knows, and nobody can fill it.

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hexproof_access::AccessConfig;
use hexproof_core::access::{AccessOutcome, Trail};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{World, code, empty, rpc};

#[tokio::test]
async fn changes_are_logged_with_what_they_touched_and_how_they_ended() {
    let world = World::dev();
    let start = || rpc("/hexproof.v1.AuditService/StartAudit").header("x-cluster", "shop");
    world.send(empty(start())).await;
    world.send(empty(start().header("x-fail", "1"))).await;
    world.send(empty(rpc("/hexproof.v1.AuditService/GetAudit"))).await;
    let entries = world.entries().await;
    let seen: Vec<_> =
        entries.iter().map(|entry| (entry.action.as_str(), entry.object.as_str(), entry.outcome)).collect();
    let start = "AuditService.StartAudit";
    let wanted = [(start, "an-object", AccessOutcome::Done), (start, "an-object", AccessOutcome::Failed)];
    assert_eq!(seen, wanted);
    assert_eq!(entries[0].cluster, Some("shop".parse().unwrap()));
}

#[tokio::test]
async fn what_cannot_be_logged_is_not_given_out() {
    let world = World::dev();
    world.store.down.store(true, Ordering::SeqCst);
    let call = rpc("/hexproof.v1.PackService/DownloadPack").header("x-cluster", "shop");
    assert_eq!(code(&world.send(empty(call)).await), 14);
    let read = rpc("/hexproof.v1.MeasureService/ListMeasures");
    assert_eq!(code(&world.send(empty(read)).await), 0, "reading measures needs no log");
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_fill_the_log() {
    let world = World::new(&AccessConfig::default(), None);
    for _ in 0..1000 {
        let path = format!("/hexproof.v1.AuditService/{}", "x".repeat(1000));
        assert_eq!(code(&world.send(empty(rpc(&path))).await), 16);
    }
    let entries = world.entries().await;
    assert_eq!(entries.len(), 60);
    assert!(entries.iter().all(|entry| entry.action == "unknown" && entry.outcome == AccessOutcome::Refused));
    world.clock.pass(60);
    world.send(empty(rpc("/x"))).await;
    assert_eq!(world.entries().await.len(), 61, "the next minute has its own");
}

#[tokio::test]
async fn a_caller_who_goes_away_is_logged_with_what_was_touched() {
    let world = World::dev();
    let inner = tower::service_fn(|request: Request<Full<Bytes>>| async move {
        request.extensions().get::<Trail>().unwrap().touches(Some(&"shop".parse().unwrap()), "begun");
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
    });
    let call = empty(rpc("/hexproof.v1.AuditService/StartAudit"));
    let mut running = Box::pin(world.access.layer().layer(inner).oneshot(call));
    assert!(futures::poll!(&mut running).is_pending());
    drop(running);
    let entries = world.entries().await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].object.as_str(), entries[0].outcome), ("begun", AccessOutcome::Failed));
}
