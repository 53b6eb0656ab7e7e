//! Whatever the bytes, the reader ends, does not panic, and does not depend on how they arrive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::{io::Read, ops::ControlFlow};

use common::{Read as Outcome, read};
use hexproof_collectors::{Limits, input::read_manifest, redact::Redactor};
use hexproof_core::snapshot::Redaction;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Hands out a text in pieces of the given sizes.
struct Pieces<'a> {
    text: &'a [u8],
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].max(1);
        self.next += 1;
        let size = size.min(buffer.len()).min(self.text.len());
        let (now, rest) = self.text.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.text = rest;
        Ok(size)
    }
}

fn summary(outcome: &Outcome) -> (Vec<String>, Vec<String>, usize) {
    let objects =
        outcome.objects.iter().map(|object| format!("{} {}", object.origin, object.value)).collect();
    (objects, outcome.faults(), outcome.excluded.len())
}

fn arbitrary_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Eighths are exact in both directions.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z0-9 .:#-]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Scraps of the syntax, so that random texts get somewhere.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(vec![
        "---\n",
        "...\n",
        "- ",
        "? ",
        ": ",
        "a: ",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "<<: ",
        "!!str ",
        "!x ",
        "# c\n",
        "%YAML 1.2\n",
        "\\",
        "\u{feff}",
        "\u{2028}",
        "é",
        "0x",
        "apiVersion: v1\n",
        "kind: Pod\n",
        "items:\n",
        "\"kind\":\"List\"",
        "\"items\":[",
        "\"apiVersion\":\"v1\"",
        "metadata: {name: a}\n",
        "null",
        "-1e5",
    ]);
    prop::collection::vec(scrap, 0..60).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn any_scraps_are_read_without_a_panic_and_the_same_in_any_pieces(
        text in scraps(),
        sizes in prop::collection::vec(1usize..50, 1..8),
    ) {
        let whole = read(text.as_bytes());
        let mut parts = Outcome::default();
        let pieces = Pieces { text: text.as_bytes(), sizes, next: 0 };
        let _ = read_manifest(pieces, &"test".into(), &Limits::default(), &mut |reading| {
            parts.take(reading);
            ControlFlow::Continue(())
        });
        prop_assert_eq!(summary(&whole), summary(&parts));
    }

    #[test]
    fn json_reads_the_same_as_a_file_of_json_and_inside_yaml(value in arbitrary_value()) {
        let object = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": value});
        let text = object.to_string();
        let as_json = read(text.as_bytes());
        prop_assert_eq!(as_json.faults(), Vec::<String>::new());
        prop_assert_eq!(&as_json.objects[0].value, &object);
        let list = json!({"apiVersion": "v1", "items": [object, object], "kind": "List"}).to_string();
        let as_list = read(list.as_bytes());
        prop_assert_eq!(as_list.objects.len(), 2);
        prop_assert_eq!(&as_list.objects[1].value, &object);
    }

    #[test]
    fn no_object_however_formed_panics_the_redaction_or_shows_a_planted_value(
        value in arbitrary_value(),
        kind in prop::sample::select(vec![
            ("v1", "Pod"), ("v1", "Secret"), ("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob"),
            ("networking.k8s.io/v1", "Ingress"), ("storage.k8s.io/v1", "StorageClass"),
            ("certificates.k8s.io/v1", "CertificateSigningRequest"), ("example.com/v1", "Widget"),
        ]),
        member in prop::sample::select(vec!["spec", "data", "stringData", "metadata", "type", "template", "parameters", "report"]),
    ) {
        let mut object = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": {"name": "w"}, "data": {"k": "canary-hunter2"},
            "spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "canary-hunter2"}], "args": ["canary-hunter2"]}]}});
        object[member] = value;
        if object["metadata"]["name"].is_null() && object["metadata"].is_object() {
            object["metadata"]["name"] = "w".into();
        }
        let outcome = read(object.to_string().as_bytes());
        for raw in outcome.objects {
            match Redactor::default().project(raw, &mut Redaction::default()) {
                Ok(record) => prop_assert!(!serde_json::to_string(&record).unwrap().contains("canary-hunter2")),
                Err(error) => prop_assert!(!error.to_string().contains("canary-hunter2")),
            }
        }
    }
}
