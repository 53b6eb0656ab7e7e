//! Snapshots as files: the canonical bytes, compressed by zstd (RFC 8878).

use std::fs::{self, File};
use std::io::{BufReader, Read, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use hexproof_core::digest::Digest;
use hexproof_core::snapshot::{FORMAT, Snapshot};

/// Level of compression: higher ones gain little on records and cost much.
const LEVEL: i32 = 3;
/// First bytes of a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A snapshot unpacks to this many bytes at the most.
const LARGEST: u64 = 4 << 30;

/// The compressed bytes of a snapshot, and the digest of the canonical ones.
pub(crate) fn pack(snapshot: &Snapshot) -> anyhow::Result<(Vec<u8>, Digest)> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    let digest = snapshot.write(&mut encoder)?;
    Ok((encoder.finish()?, digest))
}

/// Reads the compressed bytes of a snapshot, with the digest of the canonical ones.
pub(crate) fn unpack(packed: &[u8]) -> anyhow::Result<(Snapshot, Digest)> {
    let mut bounded = zstd::Decoder::new(packed)?.take(LARGEST);
    let result = Snapshot::read(BufReader::new(&mut bounded));
    if bounded.limit() == 0 {
        bail!("it unpacks to more than {LARGEST} bytes");
    }
    Ok(result?)
}

/// Writes a snapshot file: a new one beside it, renamed when it is whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let mut name = path.file_name().with_context(cannot)?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let result = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = result.and_then(|()| fs::rename(&part, path)) {
        // What is half written must not lie around; if it cannot be removed either, the first error matters.
        let _ = fs::remove_file(&part);
        return Err(error).with_context(cannot);
    }
    Ok(())
}

/// Whether a file is a snapshot, compressed or not.
pub(crate) fn is_one(path: &Path) -> bool {
    let mut start = [0; 64];
    let Ok(read) = File::open(path).and_then(|mut file| file.read(&mut start)) else { return false };
    let start = &start[..read];
    start.starts_with(&MAGIC)
        || String::from_utf8_lossy(start).starts_with(&format!("{{\"format\":\"{FORMAT}\""))
}

/// Reads a snapshot file with the digest of its canonical bytes.
pub(crate) fn read(path: &Path) -> anyhow::Result<(Snapshot, Digest)> {
    let cannot = || format!("cannot read snapshot `{}`", path.display());
    let mut file = BufReader::new(File::open(path).with_context(cannot)?);
    let mut start = [0; 4];
    let compressed = file.read_exact(&mut start).is_ok() && start == MAGIC;
    let file = File::open(path).with_context(cannot)?;
    let plain: Box<dyn Read> =
        if compressed { Box::new(zstd::Decoder::new(file).with_context(cannot)?) } else { Box::new(file) };
    let mut bounded = plain.take(LARGEST);
    let result = Snapshot::read(BufReader::new(&mut bounded));
    if bounded.limit() == 0 {
        bail!("snapshot `{}` unpacks to more than {LARGEST} bytes", path.display());
    }
    result.with_context(cannot)
}
