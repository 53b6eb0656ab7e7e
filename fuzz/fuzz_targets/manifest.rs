//! Any bytes as a manifest: no panic, no runaway, and what becomes a record reads back as the same record.
#![no_main]

use std::ops::ControlFlow;

use hexproof_collectors::raw::Reading;
use hexproof_collectors::redact::Redactor;
use hexproof_collectors::{Limits, input::read_manifest_bytes};
use hexproof_core::record::Record;
use hexproof_core::snapshot::Redaction;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let redactor = Redactor::new(Vec::new());
    let mut counts = Redaction::default();
    let _ = read_manifest_bytes(bytes, &"fuzz".into(), &Limits::default(), &mut |reading| {
        if let Reading::Object(raw) = reading
            && let Ok(record) = redactor.project(raw, &mut counts)
        {
            let line = serde_json::to_value(&record).expect("a record is JSON");
            let again = Record::decode(&line).expect("a record reads back");
            assert_eq!(record.digest(), again.digest());
        }
        ControlFlow::Continue(())
    });
});
