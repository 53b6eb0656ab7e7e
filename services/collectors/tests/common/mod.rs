//! Helpers shared by the tests of the readers.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::{ops::ControlFlow, path::PathBuf};

use hexproof_collectors::{
    Limits,
    input::read_manifest_bytes,
    raw::{Failure, Origin, RawObject, Reading},
};

/// What one manifest gave.
#[derive(Debug, Default)]
pub struct Read {
    pub objects: Vec<RawObject>,
    pub excluded: Vec<(Origin, &'static str)>,
    pub failures: Vec<Failure>,
}

impl Read {
    pub fn take(&mut self, reading: Reading) {
        match reading {
            Reading::Object(object) => self.objects.push(object),
            Reading::Excluded { origin, reason } => self.excluded.push((origin, reason)),
            Reading::Failed(failure) => self.failures.push(failure),
        }
    }

    /// `kind/name at line` of each object.
    pub fn names(&self) -> Vec<String> {
        let name = |object: &RawObject| object.value["metadata"]["name"].as_str().unwrap_or("-").to_owned();
        self.objects
            .iter()
            .map(|object| {
                let Origin::Document { line, .. } = object.origin else { panic!("not from a file") };
                format!("{}/{}@{line}", object.text("kind").unwrap_or("-"), name(object))
            })
            .collect()
    }

    /// `line: reason` of each failure.
    pub fn faults(&self) -> Vec<String> {
        self.failures.iter().map(|f| format!("{}: {}", f.line.unwrap_or(0), f.reason)).collect()
    }
}

pub fn read(text: &[u8]) -> Read {
    read_within(text, &Limits::default())
}

pub fn read_within(text: &[u8], limits: &Limits) -> Read {
    let mut out = Read::default();
    let _ = read_manifest_bytes(text, &"test".into(), limits, &mut |reading| {
        out.take(reading);
        ControlFlow::Continue(())
    });
    out
}

/// A folder of real input beside the project, or nothing (said on stdout) where it is absent.
pub fn real(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no real input in ../shared/real/{folder}");
    None
}
