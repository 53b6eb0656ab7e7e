//! A snapshot from a compromised agent: refused with a reason, or taken as what was understood of it, in bounded memory.
//!
//! Cases of size run through the service in a child process, whose peak is `VmHWM` of /proc; where there is none, only
//! the outcome is checked. The child holds the client too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod service;
#[path = "service/snapshots.rs"]
mod snapshots;

use std::io::Read;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use hexproof_api::v1::{self, submit_snapshot_request::Part};
use hexproof_collectors::received::{Bounds, Expected, Received, Unfit, receive};
use hexproof_collectors::redact::Redactor;
use hexproof_core::Platform;
use hexproof_core::digest::Hasher;
use hexproof_core::snapshot::Snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};
use service::{Service, UID, id, now, own};
use snapshots::{endless, header, honest, lines, pack, pod, run_of, unpack};

/// What the service may take while it refuses a snapshot, with all around it.
const BOUND_KIB: u64 = 256 << 10;
const CASE: &str = "HEXPROOF_HOSTILE_CASE";

fn expected() -> Expected {
    Expected {
        cluster: id(),
        name: "The shop".into(),
        platform: Some(Platform::Aks),
        redactor: Redactor::default(),
        now: now(),
    }
}

fn take_within(bytes: &[u8], bounds: &Bounds) -> Result<Received, Unfit> {
    receive(bytes, &expected(), bounds, &AtomicBool::new(false))
}

fn take(bytes: &[u8]) -> Result<Received, Unfit> {
    take_within(bytes, &Bounds::default())
}

#[test]
fn an_honest_snapshot_is_taken_under_the_name_and_platform_of_its_registration() {
    let received = take(&pack(&honest())).unwrap();
    assert_eq!(received.records, 2);
    let (snapshot, digest) = Snapshot::read(unpack(&received.bytes).as_slice()).unwrap();
    assert_eq!(snapshot.records.len(), 2);
    let cluster = &snapshot.header.cluster;
    assert_eq!((cluster.name.as_str(), cluster.id.as_str()), ("The shop", UID));
    assert_eq!((cluster.platform, cluster.platform_reason.as_str()), (Some(Platform::Aks), "given"));
    // What is stored is canonical: taking it again changes nothing.
    let again = take(&received.bytes).unwrap();
    assert_eq!(Snapshot::read(unpack(&again.bytes).as_slice()).unwrap().1, digest);
}

#[test]
fn what_no_type_names_goes_no_further() {
    let mut smuggled: Value = serde_json::from_str(&pod("a")).unwrap();
    smuggled["canary"] = json!("canary-1");
    smuggled["metadata"]["managedFields"] = json!([{"manager": "canary-2"}]);
    smuggled["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "canary-3",
        "example.com/team": "blue",
        "example.com/token": "canary-4"
    });
    smuggled["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "canary-5"}]);
    smuggled["spec"]["containers"][0]["args"] = json!(["canary-6"]);
    let mut workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}});
    workload["spec"]["template"]["metadata"]["annotations"] = json!({"x": "canary-7"});
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    secret["data"] = json!({"password": "canary-8"});
    let mut widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    widget["spec"] = json!("canary-9");
    let records: Vec<String> =
        [smuggled, secret, workload, widget].iter().map(|record| record.to_string()).collect();
    let population = json!({"rows": [{"kind": "Pod", "canary": "canary-10"}], "canary": "canary-11"});
    let text = lines(|header| header["canary"] = json!("canary-12"), &population, &records);
    let stored = unpack(&take(&pack(&text)).unwrap().bytes);
    let (snapshot, _) = Snapshot::read(stored.as_slice()).unwrap();
    assert_eq!(snapshot.records.len(), 4);
    let text = String::from_utf8(stored).unwrap();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains(r#""example.com/team":"blue""#), "{text}");
}

#[test]
fn what_is_not_a_whole_snapshot_of_the_cluster_is_refused_with_its_reason() {
    let two = [pod("a"), pod("b")];
    let none = json!({});
    let with = |change: fn(&mut Value)| lines(change, &none, &two);
    let record = |text: &str| lines(|_| {}, &none, &[text.to_owned()]);
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("foreign cluster", with(|h| h["cluster"]["id"] = json!("other")), "is of cluster `other`"),
        ("no cluster", with(|h| h["cluster"] = json!({})), "is of cluster ``"),
        ("hostile id", with(|h| h["cluster"]["id"] = json!("a\u{1b}[31m\n")), "is of cluster `"),
        ("manifests", with(|h| h["origin"] = json!("ORIGIN_MANIFESTS")), "not read from a live API server"),
        ("recording", with(|h| h["origin"] = json!("ORIGIN_RECORDING")), "not read from a live API server"),
        ("other form", with(|h| h["format"] = json!("hexproof.snapshot/9")), "has the form"),
        ("future", with(|h| h["collectedAt"] = json!("2026-11-24T10:05:01Z")), "is of the future"),
        ("backwards", with(|h| h["collectedFrom"] = json!("2026-11-24T10:00:01Z")), "ended before it began"),
        ("fewer", with(|h| h["records"] = json!(3)), "2 of 3 records are there"),
        ("more", with(|h| h["records"] = json!(1)), "more than the 1 records"),
        (
            "digest",
            with(|h| h["recordsDigest"] = json!(format!("sha256:{}", "0".repeat(64)))),
            "do not digest",
        ),
        ("no digest", with(|h| h["recordsDigest"] = json!("md5:0")), "line 1 of the snapshot is no header"),
        ("order", lines(|_| {}, &none, &[pod("b"), pod("a")]), "line 4 of the snapshot is out of order"),
        ("wrong type", record(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":7}}"#), "line 3 of the"),
        ("no kind", record(r#"{"apiVersion":"v1"}"#), "field `kind`: the field is missing"),
        ("two keys", record(r#"{"apiVersion":"v1","kind":"Pod","kind":"Pod"}"#), "line 3 of the snapshot"),
        ("deep", record(&deep), "recursion limit exceeded"),
        ("empty line", record(""), "line 3 of the snapshot is no record"),
        ("no UTF-8", b"\xff\xfe\n".to_vec(), "line 1 of the snapshot is no header"),
        ("population", lines(|_| {}, &json!([1]), &two), "line 2 of the snapshot is no population"),
        ("nothing", Vec::new(), "the snapshot is empty"),
        ("header alone", format!("{}\n", header(now())).into_bytes(), "ends before its population"),
        ("no end", honest()[..honest().len() - 1].to_vec(), "the last line has no end"),
    ];
    for (name, text, reason) in cases {
        let Err(Unfit::Wrong(given)) = take(&pack(&text)) else { panic!("{name} is taken") };
        assert!(given.contains(reason), "{name}: {given}");
        assert!(!given.contains(['\u{1b}', '\n']), "{name}: {given}");
    }
    assert!(take(&pack(&with(|h| h["collectedAt"] = json!("2026-11-24T10:05:00Z")))).is_ok());
}

#[test]
fn every_cut_of_the_bytes_and_bytes_behind_them_are_refused() {
    let bytes = pack(&honest());
    for end in 0..bytes.len() {
        assert!(matches!(take(&bytes[..end]), Err(Unfit::Wrong(_))), "cut at {end}");
    }
    for behind in [&b"x"[..], &[0; 16], &bytes] {
        assert!(take(&[&bytes, behind].concat()).is_err());
    }
}

#[test]
fn bounds_hold_for_lines_records_rows_bytes_and_their_ratio() {
    let too_large = |bytes: &[u8], bounds: Bounds, reason: &str| {
        let Err(Unfit::TooLarge(given)) = take_within(bytes, &bounds) else { panic!("{reason}: taken") };
        assert!(given.contains(reason), "{given}");
    };
    let bounds = Bounds::default();
    let bytes = pack(&honest());
    too_large(&bytes, Bounds { records: 1, ..bounds }, "2 records are more than the 1");
    too_large(&bytes, Bounds { record_bytes: 40, ..bounds }, "a record is longer than 40 bytes");
    too_large(&bytes, Bounds { population_bytes: 2, ..bounds }, "a population is longer than 2 bytes");
    too_large(&bytes, Bounds { sent: 100, ..bounds }, "larger than 100 bytes");
    too_large(&bytes, Bounds { unpacked: 500, ..bounds }, "unpacks to more than 500 bytes");
    let rows = pack(&lines(|_| {}, &json!({"rows": [{}, {}, {}]}), &[]));
    too_large(&rows, Bounds { population_rows: 2, ..bounds }, "3 rows");
    let like: Vec<String> = vec![pod("a"); 5000];
    let like = pack(&lines(|_| {}, &json!({}), &like));
    too_large(
        &like,
        Bounds { unpacked_freely: 10_000, ratio: 100, ..bounds },
        "more than 100 times its size",
    );
    assert!(take(&like).is_ok(), "a small one may pack as well as it can");
}

#[test]
fn a_frame_that_asks_for_a_large_window_is_refused() {
    // Window descriptor of 2^31 bytes, one empty last block.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    assert!(matches!(take(&frame), Err(Unfit::Wrong(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_refused_or_harmless_and_never_a_panic(
        at in 0usize..2000, byte in any::<u8>(), packed in any::<bool>(),
    ) {
        let text = honest();
        let mut bytes = if packed { pack(&text) } else { text };
        let at = at % bytes.len();
        bytes[at] = byte;
        let bytes = if packed { bytes } else { pack(&bytes) };
        if let Ok(received) = take(&bytes) {
            // A changed header may still be one; whatever is stored reads back.
            prop_assert!(Snapshot::read(unpack(&received.bytes).as_slice()).is_ok());
        }
    }

    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(take(&noise).is_err());
        prop_assert!(take(&pack(&noise)).is_err());
    }
}

/// The bytes of a case, made while they are read.
fn input(case: &str) -> Box<dyn Read + Send> {
    let made = |bytes: Vec<u8>| -> Box<dyn Read + Send> { Box::new(std::io::Cursor::new(bytes)) };
    let head = |records: u64, population: &str| {
        let mut header = header(now());
        header["records"] = json!(records);
        format!("{header}\n{population}\n").into_bytes()
    };
    let record = format!("{}\n", pod("a")).into_bytes();
    match case {
        // 81,920 blocks of 128 KiB: 10 GiB of 320 KiB.
        "zeros" => made([pack(&head(1, "{}")), run_of(0, 81_920)].concat()),
        "zeros-alone" => made(run_of(0, 81_920)),
        "line-ends" => made([pack(&head(1, "{}")), run_of(b'\n', 81_920)].concat()),
        "letters-as-population" => {
            made([pack(&head(1, "")[..head(1, "").len() - 1]), run_of(b'a', 81_920)].concat())
        }
        "ten-million-announced" => Box::new(endless(head(10_000_000, "{}"), record, 10_000_000)),
        "ten-million-denied" => Box::new(endless(head(1000, "{}"), record, 10_000_000)),
        "like-records" => Box::new(endless(head(1_000_000, "{}"), record.repeat(1000), 10_000)),
        "long-record" => {
            let long = format!(r#"{{"apiVersion":"v1","kind":"{}"#, "x".repeat(5 << 20));
            made(pack(&[head(1, "{}"), long.into_bytes()].concat()))
        }
        "wide-record" => {
            let wide =
                format!(r#"{{"apiVersion":"v1","kind":"Pod","a":[0{}]}}"#, ",0".repeat((4 << 19) - 100));
            made(pack(&[head(1, "{}"), wide.into_bytes(), b"\n".to_vec()].concat()))
        }
        "wide-record-in-type" => {
            let wide = format!(
                r#"{{"apiVersion":"v1","kind":"Pod","spec":{{"containers":[{{}}{}]}}}}"#,
                ",{}".repeat((4 << 20) / 3 - 100)
            );
            made(pack(&[head(1, "{}"), wide.into_bytes(), b"\n".to_vec()].concat()))
        }
        "wide-population" => {
            let rows = format!(r#"{{"rows":[{{}}{}]}}"#, ",{}".repeat((16 << 20) / 3 - 100));
            made(pack(&head(1, &rows)))
        }
        "noise" => {
            // A linear congruential generator: nothing that packs.
            let mut state = 1u64;
            let mut next = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            };
            let bytes: Vec<u8> = (0..8 << 20).map(|_| next()).collect();
            made(bytes)
        }
        other => panic!("no case {other}"),
    }
}

/// Not a test of its own: the child of the tests below.
#[test]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let status = runtime.block_on(deliver(&case));
    let words: String = status.message().chars().take(120).collect();
    println!("RESULT {:?}|{}|{}|{words}", status.code(), peak_kib(), started.elapsed().as_millis());
}

async fn deliver(case: &str) -> tonic::Status {
    let service = Service::start(Some(own()), Bounds::default()).await;
    let mut client = service.client().await;
    let (sender, parts) = tokio::sync::mpsc::channel(2);
    let mut input = input(case);
    let sending = tokio::task::spawn_blocking(move || {
        let send = |part| sender.blocking_send(v1::SubmitSnapshotRequest { part: Some(part) }).is_ok();
        let mut hasher = Hasher::default();
        let mut size = 0;
        send(Part::Header(v1::SubmissionHeader {
            cluster_id: UID.into(),
            audit_id: String::new(),
            request_id: "hostile".into(),
        }));
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = input.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            hasher.update(&piece[..read]);
            size += read as u64;
            if !send(Part::Chunk(piece[..read].to_vec())) {
                return;
            }
        }
        send(Part::End(v1::SnapshotEnd { size, digest: hasher.finish().to_string() }));
    });
    let answer = client.submit_snapshot(tokio_stream::wrappers::ReceiverStream::new(parts)).await;
    sending.await.unwrap();
    assert!(service.store.audits().is_empty(), "an audit was started");
    answer.expect_err("it is refused")
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Runs a case in a child: it must end with this code and these words.
fn refused(case: &str, code: &str, words: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{case}: {text}{}", String::from_utf8_lossy(&output.stderr));
    let result = text.split("RESULT ").nth(1).unwrap_or_else(|| panic!("{case}: {text}"));
    let parts: Vec<&str> = result.lines().next().unwrap().splitn(4, '|').collect();
    let (peak, millis): (u64, u64) = (parts[1].parse().unwrap(), parts[2].parse().unwrap());
    println!("{case}: {} in {millis} ms, peak {} MiB, {}", parts[0], peak >> 10, parts[3]);
    assert_eq!(parts[0], code, "{case}: {}", parts[3]);
    assert!(parts[3].contains(words), "{case}: {}", parts[3]);
    assert!(peak < BOUND_KIB, "{case} took {} MiB", peak >> 10);
    assert!(Duration::from_millis(millis) < Duration::from_secs(120), "{case} took {millis} ms");
}

#[test]
fn bombs_of_one_byte_are_refused_in_bounded_memory() {
    refused("zeros", "ResourceExhausted", "a record is longer than");
    refused("zeros-alone", "ResourceExhausted", "a header is longer than");
    refused("letters-as-population", "ResourceExhausted", "a population is longer than");
    refused("line-ends", "InvalidArgument", "line 3 of the snapshot is no record");
}

#[test]
fn ten_million_records_are_refused_whatever_the_header_says() {
    refused("ten-million-announced", "ResourceExhausted", "10000000 records are more than");
    refused("ten-million-denied", "InvalidArgument", "more than the 1000 records of its header");
}

#[test]
fn long_and_wide_lines_are_refused_in_bounded_memory() {
    refused("long-record", "ResourceExhausted", "a record is longer than");
    refused("wide-record", "InvalidArgument", "takes too much memory");
    refused("wide-record-in-type", "InvalidArgument", "takes too much memory");
    refused("wide-population", "InvalidArgument", "takes too much memory");
}

#[test]
fn noise_and_endless_like_records_are_refused_in_bounded_memory() {
    refused("noise", "InvalidArgument", "not one whole zstd stream");
    if !cfg!(debug_assertions) {
        refused("like-records", "ResourceExhausted", "unpacks to more than");
    }
}
