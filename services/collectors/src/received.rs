//! A snapshot that somebody else made: read piece by piece within bounds, believed in nothing, and written anew.
//!
//! What is stored is not what came but what was understood of it: every line passes through the types of the records,
//! so that a field that they do not name goes no further. Memory holds one line, one record and the compressed output.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use hexproof_core::{
    Platform,
    digest::Hasher,
    id::ClusterId,
    population::Population,
    record::Record,
    snapshot::{FORMAT, Header, Source},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{
    input::{json, yaml::printable},
    limits::Limits,
    redact::Redactor,
};

/// Level of compression of what is stored.
pub(crate) const LEVEL: i32 = 3;
/// Largest window of a frame (as a power of two): what levels up to 19 use. A larger one is a bomb.
const WINDOW: u32 = 23;
/// A header is a few KiB.
const HEADER_LINE: usize = 1 << 20;

/// Bounds on a snapshot that somebody else made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes that are sent.
    pub sent: u64,
    /// Most bytes that they unpack to.
    pub unpacked: u64,
    /// They may unpack to this many bytes whatever the ratio: a cluster of many like pods packs well.
    pub unpacked_freely: u64,
    /// Beyond that, most bytes unpacked for each byte sent.
    pub ratio: u64,
    /// Most records.
    pub records: u64,
    /// Longest record in bytes; etcd stores at most 1.5 MiB by default.
    pub record_bytes: usize,
    /// Longest population in bytes.
    pub population_bytes: usize,
    /// Most rows of a population, and most entries of each of its other lists.
    pub population_rows: usize,
    /// How far the clock of the sender may be ahead.
    pub ahead: SignedDuration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sent: 256 << 20,
            unpacked: 1 << 30,
            unpacked_freely: 256 << 20,
            ratio: 100,
            records: 1_000_000,
            record_bytes: 4 << 20,
            population_bytes: 16 << 20,
            population_rows: 100_000,
            ahead: SignedDuration::from_mins(5),
        }
    }
}

/// What a snapshot must be to be taken.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The cluster that it must be of.
    pub cluster: ClusterId,
    /// The name that it shall print.
    pub name: String,
    /// Where the cluster runs, if that was stated; what the sender found out, else.
    pub platform: Option<Platform>,
    /// What may leave a collector.
    pub redactor: Redactor,
    /// The present time.
    pub now: Timestamp,
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The snapshot: NDJSON, zstd.
    pub bytes: Bytes,
    /// Its records.
    pub records: u64,
}

/// Why a snapshot is not taken. Sentences without a final stop, fit for the sender's eyes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It is larger than what is taken.
    #[error("the snapshot is too large: {0}")]
    TooLarge(String),
    /// It is not what it should be.
    #[error("{0}")]
    Wrong(String),
    /// It is no longer wanted.
    #[error("the snapshot is no longer wanted")]
    Stopped,
}

fn wrong<T>(reason: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit::Wrong(reason.into()))
}

/// Reads a snapshot to its end and writes it anew.
///
/// # Errors
/// Whatever is not a whole snapshot of the expected cluster within the bounds.
pub fn receive(
    input: impl Read,
    expected: &Expected,
    bounds: &Bounds,
    stop: &AtomicBool,
) -> Result<Received, Unfit> {
    let mut lines = Lines::new(input, *bounds, stop)?;
    let header = lines.next(HEADER_LINE, "header")?;
    let Some(header) = header else { return wrong("the snapshot is empty") };
    let header = header_of(header, expected, bounds)?;
    let Some(population) = lines.next(bounds.population_bytes, "population")? else {
        return wrong("the snapshot ends before its population");
    };
    let population = population_of(population, bounds)?;

    let mut sent = Hasher::default();
    let mut kept = Hasher::default();
    let mut out = encoder()?;
    let mut records = 0u64;
    let mut before: Option<Record> = None;
    let limits = Limits { tree_bytes: 8 * bounds.record_bytes, ..Limits::default() };
    while let Some(text) = lines.next(bounds.record_bytes, "record")? {
        records += 1;
        let line = records + 2;
        if records > header.records {
            return wrong(format!("the snapshot has more than the {} records of its header", header.records));
        }
        sent.update(text);
        let value = parse(text, line, "record", &limits)?;
        let record = expected
            .redactor
            .receive(value)
            .map_err(|error| Unfit::Wrong(format!("line {line} of the snapshot is no record: {error}")))?;
        if before.as_ref().is_some_and(|before| before.order() > record.order()) {
            return wrong(format!("line {line} of the snapshot is out of order"));
        }
        let text = line_of(&record);
        kept.update(&text);
        write(&mut out, &text)?;
        if out.get_ref().len() as u64 > bounds.sent {
            return Err(Unfit::TooLarge(format!("its records take more than {} bytes", bounds.sent)));
        }
        before = Some(record);
    }
    if records != header.records {
        return wrong(format!("{records} of {} records are there", header.records));
    }
    if sent.finish() != header.records_digest {
        return wrong("the records do not digest to what the header says");
    }
    let header = Header { records_digest: kept.finish(), ..header };
    let mut head = encoder()?;
    write(&mut head, &line_of(&header))?;
    write(&mut head, &line_of(&population))?;
    // Two frames one after the other are one text (RFC 8878, section 3.1): the header is known only at the end.
    let mut bytes = finish(head)?;
    bytes.reserve_exact(out.get_ref().len() + 1024);
    bytes.append(&mut finish(out)?);
    Ok(Received { bytes: bytes.into(), records })
}

/// The header, if it is one of the expected cluster; with what the service itself states of the cluster.
fn header_of(text: &[u8], expected: &Expected, bounds: &Bounds) -> Result<Header, Unfit> {
    let limits = Limits { tree_bytes: 8 * HEADER_LINE, ..Limits::default() };
    let value = parse(text, 1, "header", &limits)?;
    // The reason of a decoder may quote what it read.
    let mut header: Header = serde_json::from_value(value)
        .map_err(|_| Unfit::Wrong("line 1 of the snapshot is no header".to_owned()))?;
    if header.format != FORMAT {
        let given: String = header.format.chars().take(60).collect();
        return wrong(format!("the snapshot has the form `{}`, not {FORMAT}", printable(&given)));
    }
    if header.cluster.id != expected.cluster.as_str() {
        let given: String = header.cluster.id.chars().take(80).collect();
        return wrong(format!(
            "the snapshot is of cluster `{}`, not of `{}`",
            printable(&given),
            expected.cluster
        ));
    }
    if header.origin != Source::Live {
        return wrong("the snapshot was not read from a live API server");
    }
    if header.records > bounds.records {
        return Err(Unfit::TooLarge(format!(
            "{} records are more than the {} that are taken",
            header.records, bounds.records
        )));
    }
    if header.collected_from > header.collected_at {
        return wrong("the collection ended before it began");
    }
    if header.collected_at.duration_since(expected.now) > bounds.ahead {
        return wrong(format!("the snapshot is of the future: {}", header.collected_at));
    }
    header.cluster.name.clone_from(&expected.name);
    if let Some(platform) = expected.platform {
        header.cluster.platform = Some(platform);
        "given".clone_into(&mut header.cluster.platform_reason);
    }
    Ok(header)
}

fn population_of(text: &[u8], bounds: &Bounds) -> Result<Population, Unfit> {
    let limits = Limits { tree_bytes: 6 * bounds.population_bytes, ..Limits::default() };
    let value = parse(text, 2, "population", &limits)?;
    for list in ["rows", "notListed", "unreadableFiles", "skippedFiles"] {
        let length = value.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        if length > bounds.population_rows {
            return Err(Unfit::TooLarge(format!(
                "the population has {length} {list}, more than the {} that are taken",
                bounds.population_rows
            )));
        }
    }
    let mut population: Population = serde_json::from_value(value)
        .map_err(|_| Unfit::Wrong("line 2 of the snapshot is no population".to_owned()))?;
    population.sort();
    Ok(population)
}

fn parse(text: &[u8], line: u64, what: &str, limits: &Limits) -> Result<Value, Unfit> {
    json::parse(text, 1, limits)
        .map_err(|fault| Unfit::Wrong(format!("line {line} of the snapshot is no {what}: {}", fault.reason)))
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    // Our own types have text keys alone and no failing serialiser, so this cannot fail.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

type Out = zstd::Encoder<'static, Vec<u8>>;

fn encoder() -> Result<Out, Unfit> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(unwritable)?;
    encoder.include_checksum(true).map_err(unwritable)?;
    Ok(encoder)
}

fn write(out: &mut Out, text: &[u8]) -> Result<(), Unfit> {
    io::Write::write_all(out, text).map_err(unwritable)
}

fn finish(out: Out) -> Result<Vec<u8>, Unfit> {
    out.finish().map_err(unwritable)
}

/// Writing to memory fails only where there is none left.
fn unwritable(_: io::Error) -> Unfit {
    Unfit::TooLarge("there is no memory to write it anew".to_owned())
}

/// Lines of compressed bytes, within bounds.
struct Lines<'a, R: Read> {
    unpacked: BufReader<zstd::Decoder<'static, BufReader<Counted<R>>>>,
    sent: Arc<AtomicU64>,
    seen: u64,
    line: Vec<u8>,
    bounds: Bounds,
    stop: &'a AtomicBool,
}

impl<'a, R: Read> Lines<'a, R> {
    fn new(input: R, bounds: Bounds, stop: &'a AtomicBool) -> Result<Self, Unfit> {
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Counted { input, sent: sent.clone() };
        let mut decoder =
            zstd::Decoder::new(counted).map_err(|_| Unfit::Wrong("the snapshot is not zstd".to_owned()))?;
        decoder.window_log_max(WINDOW).map_err(unwritable)?;
        Ok(Self { unpacked: BufReader::new(decoder), sent, seen: 0, line: Vec::new(), bounds, stop })
    }

    /// The next line with its end; nothing after the last one.
    fn next(&mut self, longest: usize, what: &str) -> Result<Option<&[u8]>, Unfit> {
        self.line.clear();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Unfit::Stopped);
            }
            let buffer = match self.unpacked.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) if self.stop.load(Ordering::Relaxed) => return Err(Unfit::Stopped),
                Err(_) => return wrong("the snapshot is not one whole zstd stream"),
            };
            if buffer.is_empty() {
                return if self.line.is_empty() { Ok(None) } else { wrong("the last line has no end") };
            }
            let (taken, ended) = match memchr::memchr(b'\n', buffer) {
                Some(at) => (at + 1, true),
                None => (buffer.len(), false),
            };
            if self.line.len() + taken > longest {
                return Err(Unfit::TooLarge(format!("a {what} is longer than {longest} bytes")));
            }
            self.line.extend_from_slice(&buffer[..taken]);
            self.unpacked.consume(taken);
            self.seen += taken as u64;
            self.check()?;
            if ended {
                return Ok(Some(&self.line));
            }
        }
    }

    fn check(&self) -> Result<(), Unfit> {
        let sent = self.sent.load(Ordering::Relaxed);
        let Bounds { unpacked, unpacked_freely, ratio, .. } = self.bounds;
        if self.seen > unpacked {
            return Err(Unfit::TooLarge(format!("it unpacks to more than {unpacked} bytes")));
        }
        if self.seen > unpacked_freely && self.seen > sent.saturating_mul(ratio) {
            return Err(Unfit::TooLarge(format!("it unpacks to more than {ratio} times its size")));
        }
        if sent > self.bounds.sent {
            return Err(Unfit::TooLarge(format!("it is larger than {} bytes", self.bounds.sent)));
        }
        Ok(())
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    sent: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.sent.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
