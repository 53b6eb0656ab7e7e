//! Any bytes as a pack: no panic, and nothing verifies, since nobody is trusted.
#![no_main]

use hexproof_sealer::{TrustStore, attachments, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(!verify(bytes, &TrustStore::default(), jiff::Timestamp::UNIX_EPOCH).is_valid());
    let _ = attachments(bytes);
});
