//! A real NATS server, work that tests can steer, and what else they share.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod folder;
pub(crate) mod nats;
pub(crate) mod work;

use std::sync::Arc;
use std::time::Duration;

use hexproof_core::audit::{AuditKey, AuditOrder, Trigger};
use hexproof_core::port::{Clock, FixedClock, Runs};
use hexproof_scheduler::worker::Limits;
use jiff::Timestamp;

pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock(now()))
}

pub(crate) fn order(cluster: &str, request: &str) -> AuditOrder {
    let cluster = cluster.parse().unwrap();
    let trigger = Trigger::Request { request: request.into(), subject: "ada".into() };
    AuditOrder { key: AuditKey { run: trigger.run(&cluster), cluster }, trigger, created: now() }
}

/// Orders audits `0..count`, a few clusters in turn.
pub(crate) async fn order_all(runs: &dyn Runs, count: usize) -> Vec<AuditKey> {
    let mut keys = Vec::new();
    for number in 0..count {
        let order = order(&format!("cluster-{}", number % 4), &number.to_string());
        runs.order(&order).await.unwrap();
        keys.push(order.key);
    }
    keys
}

/// Short, so that tests are.
pub(crate) fn limits() -> Limits {
    Limits {
        heartbeat: Duration::from_millis(200),
        progress: Duration::from_millis(20),
        grace: Duration::from_millis(200),
        retry_least: Duration::from_millis(20),
        retry_most: Duration::from_millis(200),
        reconcile: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Waits for something to become so, under a limit of time.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let wait = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until every audit has ended.
pub(crate) async fn all_ended(runs: &dyn Runs) {
    until("all audits end", || async { runs.unfinished().await.is_ok_and(|open| open.is_empty()) }).await;
}
