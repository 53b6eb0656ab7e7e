//! Any bytes as a snapshot: no panic, and what reads writes the same bytes again.
//!
//! No mutation guesses a digest, so the lines are also sealed into a snapshot whose digests are right.
#![no_main]

use hexproof_core::population::Population;
use hexproof_core::record::Record;
use hexproof_core::snapshot::{Header, Snapshot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((snapshot, _)) = Snapshot::read(bytes) {
        writes_and_reads(&snapshot);
    }
    if let Some(snapshot) = sealed(bytes) {
        writes_and_reads(&snapshot);
    }
});

fn writes_and_reads(snapshot: &Snapshot) {
    let mut once = Vec::new();
    let digest = snapshot.write(&mut once).expect("a vector takes everything");
    let (again, read) = Snapshot::read(once.as_slice()).expect("what was written reads");
    assert_eq!(*snapshot, again);
    assert_eq!(digest, read);
    let mut twice = Vec::new();
    again.write(&mut twice).expect("a vector takes everything");
    assert_eq!(once, twice);
}

/// Header, population, and the lines after them that are records.
fn sealed(bytes: &[u8]) -> Option<Snapshot> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let header: Header = serde_json::from_slice(lines.next()?).ok()?;
    let population: Population = serde_json::from_slice(lines.next()?).ok()?;
    let records = lines.filter_map(|line| Record::decode(&serde_json::from_slice(line).ok()?).ok());
    Some(Snapshot::seal(header, population, records.collect()))
}
