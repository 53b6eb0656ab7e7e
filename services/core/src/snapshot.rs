//! A snapshot: redacted records with their population, in canonical bytes.
//!
//! The bytes are NDJSON (one JSON text a line, RFC 8259): first the header, then the population, then one record
//! a line in canonical order. The digest of a snapshot is that of these bytes, whatever compresses them.

use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::permissions::Permissions;
use crate::population::Population;
use crate::record::{DecodeError, Record};
use crate::scale::Platform;

/// Version of the form; a reader refuses one that it does not know.
pub const FORMAT: &str = "hexproof.snapshot/1";
/// A line longer than this is refused: no honest record comes near it.
pub const MAX_LINE_BYTES: u64 = 16 << 20;

/// The state of one cluster as it was collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Who, what, when.
    pub header: Header,
    /// What was listed, read, left out, not seen.
    pub population: Population,
    /// The redacted objects in canonical order.
    pub records: Vec<Record>,
}

/// What a snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// The cluster.
    pub cluster: Cluster,
    /// When collection began.
    pub collected_from: Timestamp,
    /// When collection ended; the point in time that ages are measured against.
    pub collected_at: Timestamp,
    /// Program and version that collected, for example `hexproof 0.1.0`.
    pub collector: String,
    /// The identity the collector had towards the API server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// Where the objects came from.
    pub origin: Source,
    /// The sources that were asked, with their state.
    pub sources: Vec<SourceState>,
    /// What the collector dropped, counted.
    #[serde(default)]
    pub redaction: Redaction,
    /// What the collector may do towards the API server, as the server says; absent where it was not asked, as in
    /// manifests, in recordings and in snapshots of earlier programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Number of record lines.
    pub records: u64,
    /// SHA-256 over the record lines, line ends included.
    pub records_digest: Digest,
}

/// Facts of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// The name the user gave, or that of the context or folder.
    pub name: String,
    /// UID of namespace kube-system; for manifests one derived from the name.
    pub id: String,
    /// Server version, for example `v1.36.2`; empty from manifests.
    pub version: String,
    /// Where it runs.
    pub platform: Option<Platform>,
    /// How the platform was decided: `given`, `detected: ...`, `assumed: ...`.
    pub platform_reason: String,
}

/// Where the objects of a snapshot came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Manifest files: no status, judged as if they were the whole cluster.
    #[serde(rename = "ORIGIN_MANIFESTS", alias = "manifests")]
    Manifests,
    /// Answers of an API server, recorded earlier.
    #[serde(rename = "ORIGIN_RECORDING", alias = "recording")]
    Recording,
    /// A live API server.
    #[serde(rename = "ORIGIN_LIVE", alias = "live")]
    Live,
}

/// One source and how far it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceState {
    /// The evidence name of the catalogue: `cluster-api`, `node-agent`, `kubelet-configz`, `azure-arm`, `manual`.
    pub name: String,
    /// How far.
    pub state: State,
    /// Objects read from it.
    pub objects: u64,
    /// What is missing, and why; empty if complete.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How far a source was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// All of it.
    #[serde(rename = "SOURCE_STATE_COMPLETE", alias = "complete")]
    Complete,
    /// Some of it.
    #[serde(rename = "SOURCE_STATE_PARTIAL", alias = "partial")]
    Partial,
    /// It was asked and said no, or failed.
    #[serde(rename = "SOURCE_STATE_REFUSED", alias = "refused")]
    Refused,
    /// This collector does not ask it.
    #[serde(rename = "SOURCE_STATE_NOT_COLLECTED", alias = "not-collected")]
    NotCollected,
}

/// Values that were dropped, by sort.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redaction {
    /// Values of Secrets.
    pub secret_values: u64,
    /// Values of ConfigMaps.
    pub config_map_values: u64,
    /// Literal values of environment variables.
    pub env_values: u64,
    /// Entries of command and args, exec commands, header values.
    pub command_words: u64,
    /// Annotations kept by name alone.
    pub annotation_values: u64,
    /// managedFields entries.
    pub managed_fields: u64,
    /// Other fields that are not on the allow-list: the objects whose kind is kept by metadata alone.
    pub bodies: u64,
}

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes could not be read.
    #[error("the snapshot cannot be read")]
    Read(#[source] io::Error),
    /// The bytes end early.
    #[error("the snapshot ends after line {0}: its {1} is missing")]
    Truncated(u64, &'static str),
    /// A line is too long.
    #[error("line {0} of the snapshot is longer than {MAX_LINE_BYTES} bytes")]
    TooLong(u64),
    /// A line is not the JSON it should be.
    #[error("line {0} of the snapshot is not valid JSON of a {1}")]
    Json(u64, &'static str, #[source] serde_json::Error),
    /// A line is no record.
    #[error("line {0} of the snapshot is no record")]
    Record(u64, #[source] DecodeError),
    /// The form is of another version.
    #[error("the snapshot has the form `{0}`; this program reads {FORMAT}")]
    Format(String),
    /// The digest or number of records is not what the header says.
    #[error("the records are not those of the header: {0}")]
    Digest(String),
}

impl Snapshot {
    /// Orders records and population, counts and digests them.
    pub fn seal(mut header: Header, mut population: Population, mut records: Vec<Record>) -> Self {
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        population.sort();
        let mut hasher = Hasher::default();
        for record in &records {
            hasher.update(&line(record));
        }
        header.format = FORMAT.to_owned();
        header.records = records.len() as u64;
        header.records_digest = hasher.finish();
        Self { header, population, records }
    }

    /// Writes the canonical bytes and returns their digest.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, mut out: impl Write) -> io::Result<Digest> {
        let mut hasher = Hasher::default();
        let mut put = |bytes: &[u8]| {
            hasher.update(bytes);
            out.write_all(bytes)
        };
        put(&line(&self.header))?;
        put(&line(&self.population))?;
        for record in &self.records {
            put(&line(record))?;
        }
        out.flush()?;
        Ok(hasher.finish())
    }

    /// Reads canonical bytes back, together with their digest.
    ///
    /// # Errors
    /// Anything that is not a whole, unchanged snapshot of this form.
    pub fn read(mut input: impl BufRead) -> Result<(Self, Digest), SnapshotError> {
        let mut whole = Hasher::default();
        let mut number = 0;
        let mut buffer = Vec::new();
        let mut next = |what: &'static str| -> Result<Option<Vec<u8>>, SnapshotError> {
            buffer.clear();
            let read = io::Read::take(&mut input, MAX_LINE_BYTES + 1)
                .read_until(b'\n', &mut buffer)
                .map_err(SnapshotError::Read)?;
            if read == 0 {
                return Ok(None);
            }
            number += 1;
            if read as u64 > MAX_LINE_BYTES {
                return Err(SnapshotError::TooLong(number));
            }
            if !buffer.ends_with(b"\n") {
                return Err(SnapshotError::Truncated(number, what));
            }
            whole.update(&buffer);
            Ok(Some(buffer.clone()))
        };
        let header = next("header")?.ok_or(SnapshotError::Truncated(0, "header"))?;
        let header: Header =
            serde_json::from_slice(&header).map_err(|e| SnapshotError::Json(1, "header", e))?;
        if header.format != FORMAT {
            return Err(SnapshotError::Format(header.format.chars().take(60).collect()));
        }
        let population = next("population")?.ok_or(SnapshotError::Truncated(1, "population"))?;
        let population: Population =
            serde_json::from_slice(&population).map_err(|e| SnapshotError::Json(2, "population", e))?;
        let mut records = Vec::new();
        let mut hasher = Hasher::default();
        let mut at = 2;
        while let Some(bytes) = next("record")? {
            at += 1;
            hasher.update(&bytes);
            let raw = serde_json::from_slice(&bytes).map_err(|e| SnapshotError::Json(at, "record", e))?;
            records.push(Record::decode(&raw).map_err(|e| SnapshotError::Record(at, e))?);
        }
        if records.len() as u64 != header.records {
            return Err(SnapshotError::Digest(format!("{} of {} are there", records.len(), header.records)));
        }
        let digest = hasher.finish();
        if digest != header.records_digest {
            return Err(SnapshotError::Digest(format!(
                "they digest to {digest}, not {}",
                header.records_digest
            )));
        }
        Ok((Self { header, population, records }, whole.finish()))
    }

    /// The digest of the canonical bytes.
    pub fn digest(&self) -> Digest {
        // Writing into nothing cannot fail.
        self.write(io::sink()).unwrap_or_else(|_| Digest::of(b""))
    }

    /// Whether the objects have no status (manifests).
    pub fn is_manifests(&self) -> bool {
        self.header.origin == Source::Manifests
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // Our own types have text keys alone and no failing serialiser, so this cannot fail.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn snapshot(names: &[&str]) -> Snapshot {
        let records = names
            .iter()
            .map(|name| {
                Record::decode(
                    &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "a"}}),
                )
                .unwrap()
            })
            .collect();
        let header = Header {
            format: String::new(),
            cluster: Cluster { name: "c".into(), ..Cluster::default() },
            collected_from: Timestamp::UNIX_EPOCH,
            collected_at: Timestamp::UNIX_EPOCH,
            collector: "test".into(),
            identity: String::new(),
            origin: Source::Manifests,
            sources: vec![],
            redaction: Redaction::default(),
            permissions: None,
            records: 0,
            records_digest: Digest::of(b""),
        };
        Snapshot::seal(header, Population::default(), records)
    }

    #[test]
    fn a_snapshot_reads_back_and_the_order_of_input_does_not_matter() {
        let mut bytes = Vec::new();
        let digest = snapshot(&["b", "a"]).write(&mut bytes).unwrap();
        let (again, read) = Snapshot::read(bytes.as_slice()).unwrap();
        assert_eq!(read, digest);
        assert_eq!(again, snapshot(&["a", "b"]));
    }

    #[test]
    fn every_cut_and_every_changed_record_is_refused() {
        let mut bytes = Vec::new();
        snapshot(&["b", "a"]).write(&mut bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(Snapshot::read(&bytes[..end]).is_err(), "cut at {end}");
        }
        let text = String::from_utf8(bytes).unwrap().replace("\"name\":\"b\"", "\"name\":\"x\"");
        assert!(matches!(Snapshot::read(text.as_bytes()), Err(SnapshotError::Digest(_))));
    }

    #[test]
    fn a_header_of_an_earlier_program_is_read_and_written_as_it_was() {
        let old = concat!(
            r#"{"format":"hexproof.snapshot/1","cluster":{"name":"c","id":"u","version":"v1.36.2","platform":"#,
            r#""PLATFORM_AKS","platformReason":"given"},"collectedFrom":"2026-11-24T10:00:00Z","collectedAt":"#,
            r#""2026-11-24T10:00:02Z","collector":"hexproof 0.1.0","origin":"ORIGIN_LIVE","sources":[],"redaction":"#,
            r#"{"secretValues":1,"configMapValues":0,"envValues":0,"commandWords":0,"annotationValues":0,"#,
            r#""managedFields":0,"bodies":0},"records":0,"recordsDigest":"#,
            r#""sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#
        );
        let header: Header = serde_json::from_str(old).unwrap();
        assert_eq!(header.permissions, None);
        assert_eq!(serde_json::to_string(&header).unwrap(), old);
    }

    #[test]
    fn what_the_collector_may_do_stands_in_the_header() {
        let mut with = snapshot(&["a"]);
        let right = |resource: &str| crate::permissions::Permission {
            resource: resource.into(),
            verb: "list".into(),
            ..Default::default()
        };
        with.header.permissions = Some(Permissions {
            granted: vec![right("pods")],
            refused: vec![right("secrets")],
            ..Default::default()
        });
        let mut bytes = Vec::new();
        with.write(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains(r#""refused":[{"apiGroup":"","resource":"secrets","verb":"list"}]"#), "{text}");
        assert_eq!(Snapshot::read(bytes.as_slice()).unwrap().0, with);
    }
}
