//! The reconciled population: every listed object stands in exactly one column.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Outcome;
use hexproof_core::assessment::{PopulationRow, RowReason};
use hexproof_core::population::Row;
use hexproof_core::record::pod::Pod;
use hexproof_core::record::{Kind, Record};
use hexproof_core::snapshot::Snapshot;

use super::{Judged, number};
use crate::facts::{Facts, Item};

type Key = (String, String, String);

/// What became of one record.
enum Fate {
    Evaluated,
    Waived(String),
    Excluded(String),
    NotApplicable(String),
}

pub(super) fn rows(snapshot: &Snapshot, facts: &Facts<'_>, judged: &[Judged<'_>]) -> Vec<PopulationRow> {
    let mut evaluated = BTreeSet::new();
    let mut waived: BTreeMap<u32, String> = BTreeMap::new();
    let mut set_aside: BTreeMap<u32, String> = BTreeMap::new();
    for verdict in judged.iter().flat_map(|j| &j.verdicts) {
        let observation = &verdict.observation;
        if observation.outcome == Outcome::NotApplicable {
            for index in &verdict.touched {
                set_aside.entry(*index).or_insert_with(|| observation.reason.clone());
            }
            continue;
        }
        evaluated.extend(verdict.touched.iter().copied());
        if let (false, Some(subject)) = (observation.waived_by.is_empty(), subject_index(facts, verdict)) {
            waived.entry(subject).or_insert_with(|| observation.waived_by.clone());
        }
    }
    let mut rows: BTreeMap<Key, PopulationRow> =
        snapshot.population.rows.iter().map(|row| (key_of_row(row), start(row))).collect();
    for (index, record) in snapshot.records.iter().enumerate() {
        let item = Item { index: number(index), record };
        let fate = if let Some(id) = waived.get(&item.index) {
            Fate::Waived(format!("waiver {id}"))
        } else if evaluated.contains(&item.index) {
            Fate::Evaluated
        } else {
            not_evaluated(facts, item, set_aside.get(&item.index))
        };
        let row = rows.entry(key_of(record)).or_insert_with(|| PopulationRow {
            api_version: record.api_version.clone(),
            kind: record.kind_name.name.clone(),
            namespace: record.metadata.namespace.clone(),
            ..PopulationRow::default()
        });
        put(row, fate, record);
    }
    rows.into_values().map(close).collect()
}

fn subject_index(facts: &Facts<'_>, verdict: &crate::verdict::Verdict) -> Option<u32> {
    let subject = &verdict.observation.subject;
    let is_subject = |index: &&u32| {
        facts.snapshot().records.get(**index as usize).is_some_and(|record| {
            record.kind_name.name == subject.kind
                && record.metadata.name == subject.name
                && record.metadata.namespace == subject.namespace
        })
    };
    verdict.touched.iter().find(is_subject).copied()
}

fn not_evaluated(facts: &Facts<'_>, item: Item<'_>, reason: Option<&String>) -> Fate {
    match reason {
        Some(reason) if reason.starts_with("owned by the platform") => return Fate::Excluded(reason.clone()),
        Some(reason) => return Fate::NotApplicable(reason.clone()),
        None => {}
    }
    let record = item.record;
    if item.body::<Pod>().is_some_and(crate::facts::is_finished) {
        return Fate::NotApplicable("a finished pod".into());
    }
    if matches!(item.kind(), Kind::ReplicaSet | Kind::Job) && record.metadata.controller().is_some() {
        return Fate::NotApplicable("judged through its owner".into());
    }
    if facts.is_system(item.namespace()) && item.kind() != Kind::Other {
        return Fate::NotApplicable(format!(
            "no measure judges a {} of a system namespace",
            record.kind_name.name
        ));
    }
    Fate::NotApplicable(format!("no measure judges a {}", record.kind_name.name))
}

fn put(row: &mut PopulationRow, fate: Fate, record: &Record) {
    const NAMES: usize = 5;
    let (column, reason) = match fate {
        Fate::Evaluated => {
            row.evaluated += 1;
            return;
        }
        Fate::Waived(reason) => {
            row.waived += 1;
            ("waived", reason)
        }
        Fate::Excluded(reason) => {
            row.excluded += 1;
            ("excluded", reason)
        }
        Fate::NotApplicable(reason) => {
            row.not_applicable += 1;
            ("notApplicable", reason)
        }
    };
    match row.reasons.iter_mut().find(|r| r.column == column && r.reason == reason) {
        Some(entry) => {
            entry.count += 1;
            if entry.names.len() < NAMES {
                entry.names.push(record.metadata.name.clone());
            }
        }
        None => row.reasons.push(RowReason {
            column: column.into(),
            count: 1,
            reason,
            names: vec![record.metadata.name.clone()],
        }),
    }
}

fn start(row: &Row) -> PopulationRow {
    let count = |list: &[hexproof_core::population::Reason]| {
        list.iter().map(|reason| u32::try_from(reason.count).unwrap_or(u32::MAX)).sum()
    };
    let reasons = row.unreadable.iter().map(|r| RowReason::new("unreadable", r));
    PopulationRow {
        api_version: row.api_version.clone(),
        kind: row.kind.clone(),
        namespace: row.namespace.clone(),
        listed: u32::try_from(row.listed).unwrap_or(u32::MAX),
        unreadable: count(&row.unreadable),
        excluded: count(&row.excluded),
        reasons: reasons.chain(row.excluded.iter().map(|r| RowReason::new("excluded", r))).collect(),
        ..PopulationRow::default()
    }
}

/// Works out what the sum lacks, and says so.
fn close(mut row: PopulationRow) -> PopulationRow {
    let sum = [row.evaluated, row.not_applicable, row.waived, row.unreadable, row.excluded]
        .iter()
        .map(|n| i64::from(*n))
        .sum::<i64>();
    row.gap = i32::try_from(i64::from(row.listed) - sum).unwrap_or(i32::MAX);
    if row.gap != 0 {
        let reason = if row.gap > 0 { "listed, but not handed over" } else { "handed over, but not listed" };
        row.reasons.push(RowReason {
            column: "gap".into(),
            count: row.gap.unsigned_abs(),
            reason: reason.into(),
            names: vec![],
        });
    }
    row.reasons.sort_by(|a, b| (&a.column, &a.reason).cmp(&(&b.column, &b.reason)));
    row
}

fn key_of(record: &Record) -> Key {
    (record.api_version.clone(), record.kind_name.name.clone(), record.metadata.namespace.clone())
}

fn key_of_row(row: &Row) -> Key {
    (row.api_version.clone(), row.kind.clone(), row.namespace.clone())
}
