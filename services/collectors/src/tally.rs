//! Counts for the population while objects pass: listed before decoding, read after it.

use std::collections::BTreeMap;

use hexproof_core::population::{NotListed, Population, Reason, Row, UnreadableFile};

use crate::raw::Failure;

/// Names of objects given with a reason.
const NAMES: usize = 5;
/// Different reasons kept for one kind and namespace; further ones are counted together.
const REASONS: usize = 50;

/// Kind and place of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
}

impl Place {
    pub(crate) fn of(value: &serde_json::Value) -> (Self, String) {
        let text = |value: Option<&serde_json::Value>| {
            value.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        let metadata = value.get("metadata");
        let inside = |key| text(metadata.and_then(|metadata| metadata.get(key)));
        let place = Self {
            api_version: text(value.get("apiVersion")),
            kind: text(value.get("kind")),
            namespace: inside("namespace"),
        };
        let name = inside("name");
        (place, if name.is_empty() { inside("generateName") } else { name })
    }
}

#[derive(Debug, Default)]
struct Counts {
    listed: u64,
    read: u64,
    unreadable: BTreeMap<String, Reason>,
    excluded: BTreeMap<String, Reason>,
}

/// The population as it grows.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: BTreeMap<Place, Counts>,
    not_listed: Vec<NotListed>,
    unreadable_files: Vec<UnreadableFile>,
    skipped_files: Vec<UnreadableFile>,
}

impl Tally {
    pub(crate) fn listed(&mut self, place: &Place) {
        self.counts(place).listed += 1;
    }

    pub(crate) fn read(&mut self, place: &Place) {
        self.counts(place).read += 1;
    }

    pub(crate) fn unreadable(&mut self, place: &Place, name: &str, reason: String) {
        add(&mut self.counts(place).unreadable, name, reason);
    }

    pub(crate) fn excluded(&mut self, place: &Place, name: &str, reason: String) {
        add(&mut self.counts(place).excluded, name, reason);
    }

    /// A list that was read and may be empty: its row shows that it was.
    pub(crate) fn known(&mut self, api_version: &str, kind: &str) {
        if !self.rows.keys().any(|place| place.api_version == api_version && place.kind == kind) {
            self.counts(&cluster_wide(api_version, kind));
        }
    }

    /// A kind whose objects are read under another version: nothing is listed twice.
    pub(crate) fn served_as(&mut self, api_version: &str, kind: &str, other: &str) {
        let reason = format!("the same objects are read as {other}");
        let row = self.counts(&cluster_wide(api_version, kind));
        row.excluded.insert(reason.clone(), Reason { count: 0, reason, names: Vec::new() });
    }

    pub(crate) fn not_listed(&mut self, not_listed: NotListed) {
        self.not_listed.push(not_listed);
    }

    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.unreadable_files.push(UnreadableFile {
            file: failure.file.to_string(),
            line: failure.line.unwrap_or(0).into(),
            reason: failure.reason.clone(),
        });
    }

    pub(crate) fn skipped(&mut self, file: &str, line: u32, reason: &str) {
        let skipped = UnreadableFile { file: file.to_owned(), line: line.into(), reason: reason.to_owned() };
        self.skipped_files.push(skipped);
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (place, counts) in other.rows {
            let row = self.rows.entry(place).or_default();
            row.listed += counts.listed;
            row.read += counts.read;
            for (into, from) in
                [(&mut row.unreadable, counts.unreadable), (&mut row.excluded, counts.excluded)]
            {
                for (text, reason) in from {
                    let entry = into
                        .entry(text)
                        .or_insert_with(|| Reason { reason: reason.reason, ..Reason::default() });
                    entry.count += reason.count;
                    entry.names.extend(reason.names);
                    entry.names.sort();
                    entry.names.truncate(NAMES);
                }
            }
        }
        self.not_listed.extend(other.not_listed);
        self.unreadable_files.extend(other.unreadable_files);
        self.skipped_files.extend(other.skipped_files);
    }

    pub(crate) fn finish(self) -> Population {
        let row = |(place, counts): (Place, Counts)| Row {
            api_version: place.api_version,
            kind: place.kind,
            namespace: place.namespace,
            listed: counts.listed,
            read: counts.read,
            unreadable: counts.unreadable.into_values().collect(),
            excluded: counts.excluded.into_values().collect(),
        };
        let mut population = Population {
            rows: self.rows.into_iter().map(row).collect(),
            not_listed: self.not_listed,
            unreadable_files: self.unreadable_files,
            skipped_files: self.skipped_files,
        };
        population.sort();
        population
    }

    fn counts(&mut self, place: &Place) -> &mut Counts {
        if !self.rows.contains_key(place) {
            self.rows.insert(place.clone(), Counts::default());
        }
        self.rows.entry(place.clone()).or_default()
    }
}

fn cluster_wide(api_version: &str, kind: &str) -> Place {
    Place { api_version: api_version.to_owned(), kind: kind.to_owned(), namespace: String::new() }
}

fn add(reasons: &mut BTreeMap<String, Reason>, name: &str, reason: String) {
    let reason = if reasons.len() < REASONS || reasons.contains_key(&reason) {
        reason
    } else {
        "other reasons".to_owned()
    };
    let entry = reasons.entry(reason.clone()).or_insert_with(|| Reason { reason, ..Reason::default() });
    entry.count += 1;
    if entry.names.len() < NAMES {
        entry.names.push(name.to_owned());
    }
}
