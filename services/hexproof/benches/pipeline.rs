//! Time per object of the steps of an assessment, on generated clusters: parse, project, score.
//!
//! `cargo bench -p hexproof --bench pipeline`

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hexproof_collectors::raw::{Origin, RawObject};
use hexproof_collectors::redact::Redactor;
use hexproof_core::Platform;
use hexproof_core::digest::Digest;
use hexproof_core::population::Population;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::{Cluster, Header, Redaction, Snapshot, Source};
use hexproof_scorer::{Input, assess, builtin};
use hexproof_testkit::generate;
use jiff::Timestamp;
use serde_json::Value;

fn raw(value: Value) -> RawObject {
    RawObject { value, origin: Origin::Listed { list: "bench".into(), index: 0 }, partial: false }
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let redactor = Redactor::new(Vec::new());
    let mut counts = Redaction::default();
    let records = objects.iter().map(|o| redactor.project(raw(o.clone()), &mut counts).unwrap()).collect();
    let header = Header {
        format: String::new(),
        cluster: Cluster { name: "bench".into(), platform: Some(Platform::OnPremise), ..Cluster::default() },
        collected_from: Timestamp::UNIX_EPOCH,
        collected_at: Timestamp::UNIX_EPOCH,
        collector: "bench".into(),
        identity: String::new(),
        origin: Source::Live,
        sources: vec![],
        redaction: Redaction::default(),
        permissions: None,
        records: 0,
        records_digest: Digest::of(b""),
    };
    Snapshot::seal(header, Population::default(), records)
}

fn steps(criterion: &mut Criterion) {
    for pods in [100, 2000] {
        let objects: Vec<Value> = generate::cluster(pods).collect();
        let text = serde_json::to_string(&generate::list(pods)).unwrap();
        let mut group = criterion.benchmark_group("objects");
        group.throughput(Throughput::Elements(objects.len() as u64));
        group.sample_size(10);
        group.bench_with_input(BenchmarkId::new("parse", pods), &text, |bencher, text| {
            bencher.iter(|| {
                let mut seen = 0u64;
                let limits = hexproof_collectors::Limits::default();
                let _ = hexproof_collectors::input::read_manifest_bytes(
                    text.as_bytes(),
                    &"bench.json".into(),
                    &limits,
                    &mut |_| {
                        seen += 1;
                        std::ops::ControlFlow::Continue(())
                    },
                );
                assert_eq!(seen, objects.len() as u64);
            });
        });
        let redactor = Redactor::new(Vec::new());
        group.bench_with_input(BenchmarkId::new("project", pods), &objects, |bencher, objects| {
            bencher.iter_batched(
                || objects.clone(),
                |objects| {
                    let mut counts = Redaction::default();
                    objects
                        .into_iter()
                        .map(|o| redactor.project(raw(o), &mut counts).unwrap())
                        .collect::<Vec<_>>()
                },
                BatchSize::LargeInput,
            );
        });
        let (snapshot, catalogue, settings) = (snapshot(&objects), builtin().unwrap(), Settings::default());
        let digest = snapshot.digest();
        group.bench_with_input(BenchmarkId::new("score", pods), &snapshot, |bencher, snapshot| {
            bencher.iter(|| {
                assess(Input { snapshot, digest, catalogue: &catalogue, settings: &settings, waivers: &[] })
            });
        });
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
