//! How many audits a second get through queue and workers while drawing costs nothing: everything else is real. The
//! figure of an optimised build, with the queue in the process or at `HEXPROOF_TEST_QUEUE`:
//!
//! `cargo test --release -p hexproof --bin hexproof throughput -- --nocapture`

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hexproof_core::audit::{Ending, Trigger};
use hexproof_core::id::ClusterId;
use hexproof_core::register::{ClusterEntry, ClusterSource, Version};
use hexproof_scheduler::worker::{self, Workers};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::config::{Config, IdentityConfig};
use super::parts::Parts;
use crate::rendering::{Document, InProcess, Render, RenderFault};

const AUDITS: usize = 40;
const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: app, image: 'registry.example/web:1'}]}
";

/// Draws the first document and gives its pages to all.
#[derive(Default)]
struct Once(OnceCell<Vec<u8>>);

#[async_trait]
impl Render for Once {
    async fn render(&self, document: Document) -> Result<Vec<u8>, RenderFault> {
        self.0.get_or_try_init(|| InProcess.render(document)).await.cloned()
    }
}

async fn carry(parts: &Parts, cluster: &ClusterId, ids: std::ops::Range<usize>) {
    for id in ids {
        let trigger = Trigger::Request { request: format!("audit-{id}"), subject: "test".into() };
        parts.audits.start(cluster, trigger).await.unwrap();
    }
    while !parts.runs.unfinished().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_carry_twenty_audits_a_second_without_drawing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("manifests/shop")).unwrap();
    std::fs::write(at("manifests/shop/pod.yaml"), POD).unwrap();
    let config = Config {
        store: format!("file://{}", at("evidence").display()),
        manifests: Some(at("manifests")),
        identity: IdentityConfig { folder: Some(at("identity")), ..IdentityConfig::default() },
        queue: std::env::var("HEXPROOF_TEST_QUEUE").unwrap_or_default(),
        ..Config::default()
    };
    let parts = Parts::new(&config, true).await.unwrap();
    let cluster: ClusterId = "shop".parse().unwrap();
    let entry = ClusterEntry {
        id: cluster.clone(),
        display_name: "shop".into(),
        labels: Default::default(),
        platform: None,
        source: ClusterSource::Manifests { path: "shop".into() },
        settings: String::new(),
        retired: false,
    };
    let (changed_by, changed_at) = ("test".to_owned(), parts.clock.now());
    let version = Version { number: 1, changed_by, changed_at, request: String::new(), value: entry };
    parts.register.put(&cluster.clone().into(), version).await.unwrap();

    let execute = parts.executor(Arc::new(Once::default()));
    let limits = worker::Limits { workers: 2, ..worker::Limits::default() };
    let (queue, runs, bus) = (parts.queue.clone(), parts.runs.clone(), parts.bus.clone());
    let workers = Workers::new(queue, runs, Arc::new(execute), bus, parts.clock.clone(), limits);
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let stop = stop.clone();
        async move { workers.run(stop).await }
    });

    carry(&parts, &cluster, 0..2).await;
    let start = Instant::now();
    carry(&parts, &cluster, 2..2 + AUDITS).await;
    let rate = AUDITS as f64 / start.elapsed().as_secs_f64();
    stop.cancel();
    working.await.unwrap();

    let ended = parts.runs.list(&hexproof_core::access::Clusters::All, None, 100).await.unwrap().items;
    assert_eq!(ended.len(), 2 + AUDITS);
    for audit in &ended {
        let ending = audit.ended.as_ref().map(|(ending, _)| ending);
        assert!(matches!(ending, Some(Ending::Succeeded { .. })), "{audit:?}");
    }
    println!("{rate:.1} audits a second without drawing");
    // An unoptimised build judges and seals many times slower; how long it takes says nothing.
    assert!(cfg!(debug_assertions) || rate >= 20.0, "{rate}");
}
