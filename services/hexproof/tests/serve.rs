//! `hexproof serve` as a process: audits from their start to a pack that verifies, crashes, limits, shutdown.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod serving;
mod support;

use std::fs;
use std::time::Duration;

use hexproof_api::v1;
use serving::{Serving, until};
use support::{hexproof, run};
use tonic::Code;

/// How long an audit may take: unoptimised, drawing takes seconds.
const AUDIT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn an_audit_is_watched_to_its_end_and_its_pack_downloaded_and_verified() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &[]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "first").await;
    assert_eq!(serving.start_audit("shop", "first").await, audit, "the same request id is the same audit");

    let mut client = serving.audits();
    let request =
        v1::WatchAuditRequest { cluster_id: "shop".into(), audit_id: audit.clone(), min_interval: None };
    let mut stream = client.watch_audit(request).await.unwrap().into_inner();
    let mut stages = Vec::new();
    let mut last = None;
    while let Some(message) = stream.message().await.unwrap() {
        let audit = message.audit.unwrap();
        stages.push(audit.stage());
        last = Some(audit);
    }
    let last = last.unwrap();
    assert_eq!(last.state(), v1::AuditState::Succeeded, "{last:?}");
    assert!(stages.contains(&v1::AuditStage::Rendering), "{stages:?}");

    let pack = serving.download("shop", &audit).await;
    let file = home.path().join("pack.pdf");
    fs::write(&file, &pack).unwrap();
    let (code, out, err) =
        run(hexproof(home.path()).env_remove("SOURCE_DATE_EPOCH").arg("verify").arg(&file));
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(
        last.result.unwrap().pack_digest,
        hexproof_core::digest::Digest::of(&pack).to_string(),
        "what was downloaded is what the audit made"
    );

    let (status, metrics) = serving.page("/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "hexproof_audits_total{outcome=\"succeeded\",stage=\"archiving\"} 1",
        "hexproof_cluster_score{cluster=\"shop\",layer=\"all\",goal=\"all\",bound=\"low\"}",
        "hexproof_last_pack_timestamp_seconds{cluster=\"shop\"}",
        "hexproof_ready 1",
        "method=\"WatchAudit\",code=\"OK\"} 1",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing in\n{metrics}");
    }
    serving.stop();
}

#[tokio::test]
async fn sigterm_in_the_middle_of_audits_loses_none() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &["--workers", "2"]).await;
    serving.register("shop", "shop").await;
    let mut audits = Vec::new();
    for number in 0..4 {
        audits.push(serving.start_audit("shop", &format!("request-{number}")).await);
    }
    let running = async || serving.state("shop", &audits[0]).await == v1::AuditState::Running;
    until("the first audit runs", AUDIT, running).await;
    serving.stop();

    let serving = Serving::start(home.path(), &["--workers", "2"]).await;
    for audit in &audits {
        serving.ends(audit, v1::AuditState::Succeeded, AUDIT).await;
    }
    // An audit has ended as soon as its result is stored; its pack enters the lists right after that.
    let listed = async || {
        let packs = v1::ListPacksRequest { cluster_id: "shop".into(), ..Default::default() };
        serving.packs().list_packs(packs).await.unwrap().into_inner().packs
    };
    until("each audit has a pack in the list", AUDIT, async || listed().await.len() >= audits.len()).await;
    let packs = listed().await;
    assert_eq!(packs.len(), audits.len(), "each audit has one pack: {packs:?}");
    serving.stop();
}

#[tokio::test]
async fn what_was_killed_is_taken_up_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.register("shop", "shop").await;
    let first = serving.start_audit("shop", "a").await;
    let second = serving.start_audit("shop", "b").await;
    // The snapshot and the assessment of the first are stored by then.
    let rendering = async || serving.audit("shop", &first).await.stage() == v1::AuditStage::Rendering;
    until("the first audit is drawn", AUDIT, rendering).await;
    let part = home.path().join(format!("evidence/clusters/shop/runs/{first}/assessment.json.zst"));
    let stored = fs::read(&part).unwrap();
    serving.kill();

    let serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.ends(&first, v1::AuditState::Succeeded, AUDIT).await;
    serving.ends(&second, v1::AuditState::Succeeded, AUDIT).await;
    assert!(fs::read(&part).unwrap() == stored, "what was stored before is used, not made anew");
    serving.stop();
}

#[tokio::test]
async fn too_little_memory_to_draw_fails_the_audit_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("hexproof.yaml");
    fs::write(&config, "rendering: {memoryMebibytes: 96}\n").unwrap();
    let serving = Serving::start(home.path(), &["--config", config.to_str().unwrap()]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "a").await;
    let ended = serving.ends(&audit, v1::AuditState::Failed, AUDIT).await;
    assert!(ended.failure.contains("96 MiB of memory"), "{}\n{}", ended.failure, serving.log());
    assert_eq!(serving.page("/readyz").await.0, 200);
    assert!(serving.audits().list_audits(v1::ListAuditsRequest::default()).await.is_ok());
    serving.stop();
}

#[tokio::test]
async fn a_killed_child_is_replaced_once_and_a_second_death_fails_the_audit() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "once").await;
    let first = serving.child(AUDIT, &[]).await;
    serving::kill(first);
    serving.ends(&audit, v1::AuditState::Succeeded, AUDIT).await;

    let audit = serving.start_audit("shop", "twice").await;
    let first = serving.child(AUDIT, &[]).await;
    serving::kill(first);
    let second = serving.child(AUDIT, &[first]).await;
    serving::kill(second);
    let ended = serving.ends(&audit, v1::AuditState::Failed, AUDIT).await;
    assert!(ended.failure.contains("died"), "{}", ended.failure);
    serving.stop();
}

#[tokio::test]
async fn the_child_goes_with_a_cancelled_audit_and_with_the_service() {
    let home = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "a").await;
    let child = serving.child(AUDIT, &[]).await;
    let request = v1::CancelAuditRequest { cluster_id: "shop".into(), audit_id: audit.clone() };
    serving.audits().cancel_audit(request).await.unwrap();
    serving.ends(&audit, v1::AuditState::Cancelled, AUDIT).await;
    until("the child is gone", AUDIT, async || !serving::lives(child)).await;

    serving.start_audit("shop", "b").await;
    let child = serving.child(AUDIT, &[]).await;
    serving.kill();
    until("the child is gone", AUDIT, async || !serving::lives(child)).await;
}

#[tokio::test]
async fn readiness_and_health_follow_the_store() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &[]).await;
    until("ready", AUDIT, async || serving.page("/readyz").await.0 == 200).await;
    assert!(serving.healthy("hexproof.v1.PackService").await);
    let (store, away) = (home.path().join("evidence"), home.path().join("away"));
    fs::rename(&store, &away).unwrap();
    fs::write(&store, "no folder").unwrap();
    until("not ready", AUDIT, async || serving.page("/readyz").await.0 == 503).await;
    assert!(serving.page("/readyz").await.1.contains("\"down\":[\"store\"]"));
    until("not healthy", AUDIT, async || !serving.healthy("hexproof.v1.PackService").await).await;
    assert_eq!(serving.page("/livez").await.0, 200, "it lives all the same");
    fs::remove_file(&store).unwrap();
    fs::rename(&away, &store).unwrap();
    until("ready again", AUDIT, async || serving.page("/readyz").await.0 == 200).await;
    serving.stop();
}

#[tokio::test]
async fn deadlines_are_kept_and_calls_that_do_not_exist_are_told_so() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "a").await;
    serving.child(AUDIT, &[]).await;
    let watch = v1::WatchAuditRequest { cluster_id: "shop".into(), audit_id: audit, min_interval: None };
    let mut request = tonic::Request::new(watch);
    request.set_timeout(Duration::from_millis(300));
    let mut stream = serving.audits().watch_audit(request).await.unwrap().into_inner();
    let ended = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended before its deadline"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended:?}");
    let (status, _) = serving.page("/hexproof.v1.Nothing/Nothing").await;
    assert_ne!(status, 200);
    serving.stop();
}

#[tokio::test]
async fn pages_may_call_by_grpc_web_but_only_from_origins_that_are_named() {
    let home = tempfile::tempdir().unwrap();
    let path = "/hexproof.v1.MeasureService/ListMeasures";
    let ask = |origin: &str| {
        serving::Exchange::options(path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,x-grpc-web")
    };
    let serving = Serving::start(home.path(), &[]).await;
    let call = serving::Exchange::post(path)
        .header("content-type", "application/grpc-web+proto")
        // A frame of no bytes: the empty message.
        .body(&[0, 0, 0, 0, 0]);
    let (head, body) = serving.exchange(call).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(contains(&body, b"grpc-status:0"), "{head}: {} bytes", body.len());
    assert!(contains(&body, b"sha256:"), "the digest of the catalogue is there");
    let (head, _) = serving.exchange(ask("https://portal.example")).await;
    assert!(!head.to_lowercase().contains("access-control-allow-origin"), "{head}");
    serving.stop();

    let config = home.path().join("hexproof.yaml");
    fs::write(&config, "corsOrigins: [\"https://portal.example\"]\n").unwrap();
    let serving = Serving::start(home.path(), &["--config", config.to_str().unwrap()]).await;
    let (head, _) = serving.exchange(ask("https://portal.example")).await;
    assert!(head.to_lowercase().contains("access-control-allow-origin: https://portal.example"), "{head}");
    let (head, _) = serving.exchange(ask("https://evil.example")).await;
    assert!(!head.to_lowercase().contains("access-control-allow-origin"), "{head}");
    serving.stop();
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn strangers_cost_little() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &[]).await;
    // Headers beyond 16 KiB.
    let long = "x".repeat(64 << 10);
    let (head, _) = serving.exchange(serving::Exchange::get("/livez").header("x-long", &long)).await;
    assert!(head.starts_with("HTTP/1.1 4") || head.is_empty(), "{head}");
    // Nonsense in place of a protocol.
    let (head, _) = serving.exchange(serving::Exchange::raw(b"\x16\x03\x01 no TLS here\r\n\r\n")).await;
    assert!(!head.starts_with("HTTP/1.1 200"), "{head}");
    // A call without a proper frame, and one with a timeout that is none.
    let mut request = tonic::Request::new(v1::ListAuditsRequest::default());
    request.metadata_mut().insert("grpc-timeout", "soon".parse().unwrap());
    let status = serving.audits().list_audits(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(serving.page("/livez").await.0, 200);
    assert!(!serving.log().contains("panicked"), "{}", serving.log());
    serving.stop();
}

#[tokio::test]
async fn logs_are_json_and_name_the_trace_of_the_caller() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &["--log-format", "json"]).await;
    serving.register("shop", "shop").await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request =
        tonic::Request::new(v1::StartAuditRequest { cluster_id: "shop".into(), request_id: "traced".into() });
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    request.metadata_mut().insert("traceparent", parent.parse().unwrap());
    serving.audits().start_audit(request).await.unwrap();
    let log = serving.log();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let traced = lines.iter().find(|line| line["message"] == "audit recorded").unwrap();
    assert_eq!(traced["spans"][0]["trace_id"], trace, "{traced}");
    serving.stop();
}

#[tokio::test]
async fn a_link_gives_one_file_whole_or_in_part_until_it_is_revoked() {
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start(home.path(), &[]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "a").await;
    serving.ends(&audit, v1::AuditState::Succeeded, AUDIT).await;
    let pack = serving.download("shop", &audit).await;
    let request =
        v1::CreateDownloadLinkRequest { cluster_id: "shop".into(), audit_id: audit, ..Default::default() };
    let link = serving.packs().create_download_link(request).await.unwrap().into_inner();

    let (head, body) = serving.exchange(serving::Exchange::get(&link.url)).await;
    assert!(head.starts_with("HTTP/1.1 200") && body == pack, "{head}: {} bytes", body.len());
    let head = head.to_lowercase();
    for said in
        ["content-type: application/pdf", "attachment; filename=\"shop-", "no-store", "nosniff", "etag: \""]
    {
        assert!(head.contains(said), "`{said}` is missing in {head}");
    }
    let (head, body) =
        serving.exchange(serving::Exchange::get(&link.url).header("range", "bytes=10-19")).await;
    assert!(head.starts_with("HTTP/1.1 206") && body == pack[10..20], "{head}");
    assert!(head.to_lowercase().contains(&format!("content-range: bytes 10-19/{}", pack.len())), "{head}");
    let (head, _) =
        serving.exchange(serving::Exchange::get(&link.url).header("range", "bytes=99999999-")).await;
    assert!(head.starts_with("HTTP/1.1 416"), "{head}");

    let mut forged = link.url.clone();
    forged.pop();
    for (path, what) in [(forged.as_str(), "forged"), ("/links/", "empty"), ("/links/..%2Fmetrics", "a path")]
    {
        let (head, _) = serving.exchange(serving::Exchange::get(path)).await;
        assert!(head.starts_with("HTTP/1.1 4"), "{what}: {head}");
    }
    let request = v1::RevokeDownloadLinkRequest { cluster_id: "shop".into(), link_id: link.link_id };
    serving.packs().revoke_download_link(request).await.unwrap();
    let (head, _) = serving.exchange(serving::Exchange::get(&link.url)).await;
    assert!(head.starts_with("HTTP/1.1 4"), "{head}");
    serving.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_calls_audits_and_stages_go_to_the_collector_of_traces() {
    let (collector, mut spans) = serving::traces().await;
    let home = tempfile::tempdir().unwrap();
    let serving = Serving::start_with(home.path(), &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)]).await;
    serving.register("shop", "shop").await;
    let audit = serving.start_audit("shop", "a").await;
    serving.ends(&audit, v1::AuditState::Succeeded, AUDIT).await;
    // What is left goes out with the end of the process.
    serving.stop();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    while let Ok(name) = spans.try_recv() {
        *seen.entry(name).or_default() += 1;
    }
    assert!(seen["rpc"] >= 2 && seen["audit"] == 1 && seen["stage"] >= 5, "{seen:?}");
}

#[tokio::test]
async fn dev_serves_this_machine_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let (code, _, err) = run(hexproof(home.path()).args(["serve", "--dev", "--listen", listen]));
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("loopback"), "{err}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_service_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(home.path(), &["--workers", "1"]).await;
    serving.register("shop", "shop").await;
    serving.start_audit("shop", "a").await;
    serving.child(AUDIT, &[]).await;
    serving.signal("TERM");
    until("it stops", AUDIT, async || serving.log().contains("the service stops")).await;
    serving.signal("INT");
    assert_eq!(serving.wait(), Some(130));
}
