//! Snapshots by hand, honest ones and others.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Read;

use hexproof_core::digest::Hasher;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{UID, now};

/// The text of a snapshot, line by line, with the digest of its records in the header.
pub fn lines(header: impl FnOnce(&mut Value), population: &Value, records: &[String]) -> Vec<u8> {
    let mut hasher = Hasher::default();
    for record in records {
        hasher.update(record.as_bytes());
        hasher.update(b"\n");
    }
    let mut head = self::header(now());
    head["records"] = json!(records.len());
    head["recordsDigest"] = json!(hasher.finish().to_string());
    header(&mut head);
    let mut text = format!("{head}\n{population}\n").into_bytes();
    for record in records {
        text.extend_from_slice(record.as_bytes());
        text.push(b'\n');
    }
    text
}

pub fn header(at: Timestamp) -> Value {
    json!({"format": "hexproof.snapshot/1", "cluster": {"name": "what the agent says", "id": UID,
        "version": "v1.36.2", "platform": "PLATFORM_ON_PREMISE", "platformReason": "detected"},
        "collectedFrom": at, "collectedAt": at, "collector": "hexproof test",
        "origin": "ORIGIN_LIVE", "sources": [], "records": 0, "recordsDigest": "sha256:".to_owned() + &"0".repeat(64)})
}

pub fn pod(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "c"}]}})
    .to_string()
}

pub fn honest() -> Vec<u8> {
    lines(|_| {}, &json!({}), &[pod("a"), pod("b")])
}

pub fn pack(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

pub fn unpack(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}

/// A frame of `blocks` blocks, each 128 KiB of one byte (RFC 8878, section 3.1.1.2: RLE blocks): four bytes that
/// unpack to 131,072.
pub fn run_of(byte: u8, blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
    for block in 0..blocks {
        let last = u32::from(block + 1 == blocks);
        let header = (131_072_u32 << 3) | (1 << 1) | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(byte);
    }
    frame
}

/// Text that is compressed while it is read: `head`, then `body` any number of times.
pub fn endless(head: Vec<u8>, body: Vec<u8>, times: u64) -> impl Read {
    zstd::stream::read::Encoder::new(Repeated { head, body, times, at: 0 }, 1).unwrap()
}

struct Repeated {
    head: Vec<u8>,
    body: Vec<u8>,
    times: u64,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.head.len() {
            if self.times == 0 {
                return Ok(0);
            }
            self.times -= 1;
            self.head.clone_from(&self.body);
            self.at = 0;
        }
        let read = buffer.len().min(self.head.len() - self.at);
        buffer[..read].copy_from_slice(&self.head[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}
