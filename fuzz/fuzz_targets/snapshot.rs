//! Any bytes as a snapshot: no panic, and what reads writes the same bytes again.
#![no_main]

use hexproof_core::snapshot::Snapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((snapshot, _)) = Snapshot::read(bytes) {
        let mut again = Vec::new();
        snapshot.write(&mut again).expect("a vector takes everything");
        let (second, _) = Snapshot::read(again.as_slice()).expect("what was written reads");
        assert_eq!(snapshot.header, second.header);
    }
});
