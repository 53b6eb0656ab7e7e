//! Hostile and very large input in bounded memory, measured in a process of its own.
//!
//! Each case runs in a child, so that one case's peak does not hide another's. The peak is `VmHWM`
//! of /proc; where there is none, only the outcome is checked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::{
    io::Read,
    ops::ControlFlow,
    process::Command,
    time::{Duration, Instant},
};

use common::Read as Outcome;
use hexproof_collectors::{Limits, input::read_manifest, redact::Redactor};
use hexproof_core::snapshot::Redaction;

/// The bound the product states.
const BOUND_KIB: u64 = 256 << 10;
const GIB: u64 = 1 << 30;
/// A YAML file just below the limit.
const YAML: u64 = 60 << 20;
const CASE: &str = "HEXPROOF_MEMORY_CASE";

/// A text that is made while it is read.
struct Generated {
    body: Vec<u8>,
    tail: Vec<u8>,
    bodies: u64,
    piece: Vec<u8>,
    at: usize,
    stage: u64,
}

impl Generated {
    fn new(head: &str, body: &str, tail: &str, bytes: u64) -> Self {
        let bodies = bytes / body.len() as u64;
        Self { piece: head.into(), body: body.into(), tail: tail.into(), bodies, at: 0, stage: 0 }
    }
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.piece.len() {
            self.stage += 1;
            self.at = 0;
            if self.stage <= self.bodies {
                if self.stage == 1 {
                    self.piece.clone_from(&self.body);
                }
            } else if self.stage == self.bodies + 1 {
                self.piece.clone_from(&self.tail);
            } else {
                return Ok(0);
            }
        }
        let read = self.piece[self.at..].len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.piece[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

/// Size of what is read to its end: without optimisation a gigabyte takes minutes.
fn large() -> u64 {
    if cfg!(debug_assertions) { GIB / 64 } else { GIB }
}

fn laughs(flow: bool) -> String {
    let mut text = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (name, before) in
        ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        let alias = format!("*{before}");
        if flow {
            text.push_str(&format!("{name}: &{name} [{}]\n", vec![alias; 9].join(", ")));
        } else {
            text.push_str(&format!("{name}: &{name}\n{}", format!("- {alias}\n").repeat(9)));
        }
    }
    text
}

fn input(case: &str) -> Box<dyn Read> {
    let text = |text: String| -> Box<dyn Read> { Box::new(std::io::Cursor::new(text)) };
    let made = |head: &str, body: &str, tail: &str, bytes: u64| -> Box<dyn Read> {
        Box::new(Generated::new(head, body, tail, bytes))
    };
    match case {
        "laughs" => text(laughs(true)),
        "block-laughs" => text(laughs(false)),
        "merge-laughs" => {
            let mut out = "a: &a {x: 1}\n".to_owned();
            for level in 0..40 {
                out.push_str(&format!(
                    "m{level}: &m{level} {{<<: [*{}, *{}], k{level}: [*{}, *{}]}}\n",
                    name(level),
                    name(level),
                    name(level),
                    name(level)
                ));
            }
            text(out)
        }
        "quadratic" => {
            let long = "x".repeat(1 << 20);
            text(format!("a: &a {long}\nb:\n{}", "- *a\n".repeat(1 << 20)))
        }
        "one-large-scalar" => made("apiVersion: v1\na: \"", &"x\\n".repeat(1000), "\"\n", YAML),
        "one-large-block" => made("a: |\n", &"  some text in a line\n".repeat(1000), "", YAML),
        "many-scalars" => made("a:\n", &"- x\n".repeat(1000), "", YAML),
        "many-flow-scalars" => made("a: [", &"x,".repeat(1000), "]\n", YAML),
        "many-keys" => {
            let keys: String = (0..1_000_000).map(|number| format!("k{number}: 1\n")).collect();
            text(keys)
        }
        "many-documents" => {
            made("", &"---\na: 1\n".repeat(1000), "", if cfg!(debug_assertions) { 2 << 20 } else { YAML })
        }
        "open-brackets" => made("a: ", &"[".repeat(4096), "", YAML),
        "open-mappings" => made("", &"{a: ".repeat(4096), "", YAML),
        "json-brackets" => made("{\"a\":", &"[".repeat(4096), "", GIB),
        "gib-zeros" => made("", &"\0".repeat(4096), "", GIB),
        "gib-yaml" => made("a:\n", &"- some text\n".repeat(1000), "", GIB),
        "gib-json-string" => made("{\"a\":\"", &"x".repeat(4096), "\"}", GIB),
        "gib-json-spaces" => made("{\"a\":", &" ".repeat(65536), "1}", GIB),
        "json-numbers" => made("{\"a\":[0", &",0".repeat(1000), "]}", 15 << 20),
        "gib-json-list" => {
            let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop","labels":{"app":"web","tier":"front"},"managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{"f:conditions":{}}}}]},"spec":{"containers":[{"name":"app","image":"registry.example/shop/web:1.2.3","env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"A","value":"b"}],"args":["--verbose","--port=8080"],"resources":{"limits":{"cpu":"1","memory":"1Gi"}},"volumeMounts":[{"name":"data","mountPath":"/data"}]}],"volumes":[{"name":"data","emptyDir":{}}]}}"#;
            let many = format!("{},\n", pod).repeat(1000);
            made(
                "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n",
                &many,
                &format!("{pod}]}}"),
                large(),
            )
        }
        other => panic!("no case {other}"),
    }
}

fn name(level: usize) -> String {
    if level == 0 { "a".to_owned() } else { format!("m{}", level - 1) }
}

/// Not a test of its own: the child of the tests below.
#[test]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    let redactor = Redactor::default();
    let mut counts = Redaction::default();
    let (mut objects, mut outcome) = (0u64, Outcome::default());
    let started = Instant::now();
    let _ = read_manifest(input(&case), &"input".into(), &Limits::default(), &mut |reading| {
        match reading {
            hexproof_collectors::raw::Reading::Object(object) => {
                objects += 1;
                assert!(redactor.project(object, &mut counts).is_ok());
            }
            // One document in ten million is enough to look at.
            other if outcome.failures.len() + outcome.excluded.len() < 100 => outcome.take(other),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let reason = outcome.failures.first().map(|failure| failure.to_string()).unwrap_or_default();
    println!("RESULT {objects}|{}|{}|{reason}", peak_kib(), started.elapsed().as_millis());
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Runs a case in a child: objects read and the first failure.
fn run(case: &str) -> (u64, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{case}: {text}{}", String::from_utf8_lossy(&output.stderr));
    let result = text.split("RESULT ").nth(1).unwrap_or_else(|| panic!("{case}: {text}"));
    let mut parts = result.lines().next().unwrap().splitn(4, '|');
    let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
    let (objects, peak, millis) = (number(), number(), number());
    let reason = parts.next().unwrap().to_owned();
    println!("{case}: {objects} objects, peak {} MiB, {millis} ms, {reason}", peak >> 10);
    assert!(peak < BOUND_KIB, "{case} took {} MiB", peak >> 10);
    assert!(Duration::from_millis(millis) < Duration::from_secs(120), "{case} took {millis} ms");
    (objects, reason)
}

fn fails(case: &str, reason: &str) {
    let (objects, got) = run(case);
    assert_eq!(objects, 0, "{case}");
    assert!(got.contains(reason), "{case}: {got}");
}

#[test]
fn alias_bombs_end_with_an_error() {
    for case in ["laughs", "block-laughs"] {
        fails(case, "aliases expand the document");
    }
    fails("quadratic", "the document takes more than");
    let (_, reason) = run("merge-laughs");
    assert!(reason.contains("aliases expand") || reason.contains("deep"), "{reason}");
}

#[test]
fn large_documents_end_with_an_error() {
    for case in ["one-large-block", "many-scalars", "many-flow-scalars", "many-keys"] {
        fails(case, "the document takes more than");
    }
    fails("json-numbers", "the object takes too much memory");
    // Escapes make it smaller than the limit: read, and no object.
    assert_eq!(run("one-large-scalar"), (0, String::new()));
}

#[test]
fn many_documents_pass() {
    let (objects, reason) = run("many-documents");
    assert_eq!((objects, reason.as_str()), (0, ""));
}

#[test]
fn deep_nesting_of_any_length_ends_with_an_error() {
    for case in ["open-brackets", "open-mappings"] {
        let (_, reason) = run(case);
        assert!(reason.contains("deep") || reason.contains("limit"), "{case}: {reason}");
    }
    fails("json-brackets", "nested more than 128 deep");
}

#[test]
fn files_of_a_gibibyte_are_refused_by_what_they_are() {
    fails("gib-zeros", "a binary file");
    fails("gib-yaml", "a YAML file larger than 64 MiB");
    fails("gib-json-string", "a single object is larger than 16 MiB");
    fails("gib-json-spaces", "a single object is larger than 16 MiB");
}

#[test]
fn a_json_list_of_a_gibibyte_is_read_item_by_item() {
    let (objects, reason) = run("gib-json-list");
    assert_eq!(reason, "");
    assert!(objects > large() / 1000, "{objects}");
}
