//! The keys of what the service keeps: versions of records, slots, the access log, and one object to ask for.
//!
//! ```text
//! records/<kind>/<id>/<version, 10 digits>.json
//! slots/<schedule>/<day>/<time>.json
//! access/all/<day>/<time>-<random>.json
//! access/clusters/<cluster>/<day>/<time>-<random>.json     empty: names the entry among all
//! probe.json
//! ```

use hexproof_core::id::RecordId;
use hexproof_core::register::RecordKind;
use jiff::Timestamp;

use super::time::place;
use super::{ClusterId, Key};

/// Every kind, with the folder of its records.
pub(crate) const KINDS: [(RecordKind, &str); 5] = [
    (RecordKind::Clusters, "clusters"),
    (RecordKind::Schedules, "schedules"),
    (RecordKind::Waivers, "waivers"),
    (RecordKind::RevokedLinks, "revoked-links"),
    (RecordKind::EndedSessions, "ended-sessions"),
];

fn word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Clusters => "clusters",
        RecordKind::Schedules => "schedules",
        RecordKind::Waivers => "waivers",
        RecordKind::RevokedLinks => "revoked-links",
        RecordKind::EndedSessions => "ended-sessions",
    }
}

/// Key of one version of a record.
pub(crate) fn version(kind: RecordKind, id: &RecordId, number: u64) -> Key {
    // Stores list in the order of bytes: zeros in front keep the order of numbers.
    Key(format!("records/{}/{id}/{number:010}.json", word(kind)))
}

/// Prefix of the versions of a record.
pub(crate) fn versions(kind: RecordKind, id: &RecordId) -> Key {
    Key(format!("records/{}/{id}", word(kind)))
}

/// Prefix of all records of a kind.
pub(crate) fn records(kind: RecordKind) -> Key {
    Key(format!("records/{}", word(kind)))
}

/// Takes apart the key of a version.
pub(crate) fn parse_version(key: &str) -> Option<(RecordKind, RecordId, u64)> {
    let mut pieces = key.split('/');
    let (Some("records"), Some(kind), Some(id), Some(name), None) =
        (pieces.next(), pieces.next(), pieces.next(), pieces.next(), pieces.next())
    else {
        return None;
    };
    let kind = KINDS.iter().find(|(_, word)| *word == kind)?.0;
    let (id, number) = (id.parse().ok()?, name.strip_suffix(".json")?.parse().ok()?);
    (version(kind, &id, number).as_str() == key).then_some((kind, id, number))
}

/// Prefix of the slots of a schedule.
pub(crate) fn slots(schedule: &RecordId) -> Key {
    Key(format!("slots/{schedule}"))
}

/// The end of the key of a slot.
pub(crate) fn slot_tail(slot: Timestamp) -> String {
    format!("{}.json", place(slot))
}

/// Prefix of the access log.
pub(crate) fn access() -> Key {
    Key("access/all".to_owned())
}

/// Prefix of what points to the entries of a cluster.
pub(crate) fn access_of(cluster: &ClusterId) -> Key {
    Key(format!("access/clusters/{cluster}"))
}

/// The end of the keys of an entry of the access log.
pub(crate) fn access_tail(at: Timestamp, random: u64) -> String {
    format!("{}-{random:016x}.json", place(at))
}

/// Key of the object that is asked for to see whether the store answers.
pub(crate) fn probe() -> Key {
    Key("probe.json".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_folder_and_its_keys_are_read_back() {
        let id: RecordId = "nightly".parse().unwrap();
        for (kind, name) in KINDS {
            let key = version(kind, &id, 12);
            assert_eq!(key.as_str(), format!("records/{name}/nightly/0000000012.json"));
            assert_eq!(parse_version(key.as_str()), Some((kind, id.clone(), 12)));
        }
        for text in [
            "records/clusters/nightly/12.json",
            "records/clusters/nightly/+000000012.json",
            "records/others/nightly/0000000012.json",
            "records/clusters/../0000000012.json",
            "records/clusters/nightly/0000000012",
        ] {
            assert_eq!(parse_version(text), None, "{text}");
        }
    }
}
