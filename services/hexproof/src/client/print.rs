//! Answers on standard output: the JSON mapping of their message for programs, aligned columns for people. Whatever a
//! server sends is shown, never obeyed.

use std::sync::OnceLock;

use anyhow::Context as _;
use hexproof_api::{FILE_DESCRIPTOR_SET, v1};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::terminal::{printable, width};

/// The JSON mapping of a message of `hexproof.v1`, every field written out.
pub(super) fn json(name: &str, message: &impl prost::Message) -> anyhow::Result<String> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).ok());
    let pool = pool.as_ref().context("the descriptors of the API cannot be read")?;
    let descriptor = pool.get_message_by_name(&format!("hexproof.v1.{name}"));
    let descriptor = descriptor.with_context(|| format!("the API has no message `{name}`"))?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message)?;
    let mut out = serde_json::Serializer::new(Vec::new());
    dynamic.serialize_with_options(&mut out, &SerializeOptions::new().skip_default_fields(false))?;
    Ok(String::from_utf8(out.into_inner())? + "\n")
}

/// Rows below heads, each column as wide as its widest cell, two blanks between.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
    for row in &rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = (*column).max(width(cell));
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let text: String =
            cells.map(|(cell, columns)| format!("{cell}{}  ", " ".repeat(columns - width(cell)))).collect();
        text.trim_end().to_owned() + "\n"
    };
    std::iter::once(&heads).chain(&rows).map(line).collect()
}

/// Facts with their names, one a line; those without a value are left out.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let given: Vec<_> = facts.iter().filter(|(_, value)| !value.is_empty()).collect();
    let widest = given.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, value): &&(&str, String)| {
        format!("{name}{}  {}\n", " ".repeat(widest - width(name)), printable(value))
    };
    given.iter().map(line).collect()
}

/// Tells on standard error that a list goes on.
pub(super) fn more(limit: usize) {
    eprintln!("there are more than {limit}; see them with --limit");
}

/// An instant as text; a dash if there is none.
pub(super) fn instant(at: Option<&prost_types::Timestamp>) -> String {
    let at = at.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok());
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"))
}

/// A rating as text.
pub(super) fn rating(rating: v1::Rating) -> String {
    match rating {
        v1::Rating::Unspecified => "-".to_owned(),
        v1::Rating::NotAssessed => "not assessed".to_owned(),
        letter => letter.as_str_name().trim_start_matches("RATING_").to_owned(),
    }
}

/// A value of an enum as people read it: `AUDIT_STATE_RUNNING` is `running`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix).unwrap_or(name) {
        "UNSPECIFIED" => "-".to_owned(),
        word => word.to_lowercase().replace('_', " "),
    }
}

/// Labels as text.
pub(super) fn labels(labels: &std::collections::BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_mapping_of_the_message() {
        let cluster = v1::RegisteredCluster {
            cluster_id: "shop".into(),
            platform: Some(v1::Platform::OnPremise.into()),
            change_time: Some(prost_types::Timestamp { seconds: 1_795_478_400, nanos: 0 }),
            version: 3,
            ..v1::RegisteredCluster::default()
        };
        let text = json("GetClusterResponse", &v1::GetClusterResponse { cluster: Some(cluster) }).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["cluster"]["clusterId"], "shop");
        assert_eq!(value["cluster"]["platform"], "PLATFORM_ON_PREMISE");
        assert_eq!(value["cluster"]["version"], "3", "64-bit numbers are strings");
        assert_eq!(value["cluster"]["changeTime"], "2026-11-24T00:00:00Z");
        assert_eq!(value["cluster"]["retired"], false, "defaults are written out");
        assert!(json("NoSuchMessage", &v1::GetClusterResponse::default()).is_err());
    }

    #[test]
    fn columns_are_aligned_and_names_steer_nothing() {
        let rows =
            vec![vec!["shop".to_owned(), "A".to_owned()], vec!["b\u{1b}[2J".to_owned(), String::new()]];
        assert_eq!(table(&["CLUSTER", "RATING"], &rows), "CLUSTER     RATING\nshop        A\nbU+001B[2J\n");
        assert_eq!(
            facts(&[("id", "x".into()), ("none", String::new()), ("long", "y".into())]),
            "id    x\nlong  y\n"
        );
    }
}
