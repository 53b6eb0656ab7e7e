//! What the services rely on: orders, ends, lists, records, slots and the access log.

use std::collections::BTreeSet;

use futures::future::join_all;
use hexproof_core::access::{AccessEntry, AccessOutcome, Clusters};
use hexproof_core::audit::{AuditKey, AuditOrder, Ending, Trigger};
use hexproof_core::id::RecordId;
use hexproof_core::port::evidence::PackPick;
use hexproof_core::port::{AccessLog, Ordered, Records, Runs, Slots, StorageError};
use hexproof_core::register::{RecordKind, SlotOutcome, SlotRecord, Version};
use jiff::{Timestamp, ToSpan as _};

use super::{CLAIMANTS, Check, Violation, holds};
use crate::{AccessStore, PackStore, RecordStore, RunStore, SlotStore};

/// Audits that are ordered to be listed.
const LISTED: i64 = 12;

impl Check<'_> {
    /// Everything of this module.
    pub(super) async fn the_services_can_rely_on_it(&self) -> Result<(), Violation> {
        told("asking whether the store answers", self.archive.probe().await)?;
        told("asking once more", self.archive.probe().await)?;
        self.one_of_many_orders_is_new().await?;
        self.one_of_many_ends_counts().await?;
        self.pages_hold_everything_once().await?;
        self.one_writer_of_a_version_wins().await?;
        self.the_first_word_on_a_slot_counts().await?;
        self.entries_of_the_log_come_back().await
    }

    fn order(&self, request: &str, second: i64) -> AuditOrder {
        let trigger = Trigger::Request { request: request.to_owned(), subject: "conformance".to_owned() };
        let key = AuditKey { cluster: self.cluster.clone(), run: trigger.run(&self.cluster) };
        AuditOrder { key, trigger, created: instant(second) }
    }

    fn only(&self) -> Clusters {
        Clusters::Only(BTreeSet::from([self.cluster.clone()]))
    }

    async fn one_of_many_orders_is_new(&self) -> Result<(), Violation> {
        let runs = RunStore::new(self.archive.clone());
        let orders: Vec<AuditOrder> = (0..CLAIMANTS as i64).map(|n| self.order("ordered", n)).collect();
        let mut new = 0;
        for ordered in join_all(orders.iter().map(|order| runs.order(order))).await {
            new += usize::from(told("ordering an audit together with others", ordered)? == Ordered::New);
        }
        holds(new == 1, "exactly one order is new", format!("{new} were"))?;
        let open = told("reading the open orders", runs.unfinished().await)?;
        let ours = open.iter().filter(|record| record.order.key == orders[0].key).count();
        holds(ours == 1, "an order is open once", format!("{ours} times"))
    }

    async fn one_of_many_ends_counts(&self) -> Result<(), Violation> {
        let key = self.order("ordered", 0).key;
        let runs = RunStore::new(self.archive.clone());
        let endings: Vec<Ending> =
            (0..CLAIMANTS).map(|n| Ending::Failed { reason: format!("reason {n}") }).collect();
        let mut seen = Vec::new();
        for ended in join_all(endings.iter().map(|ending| runs.end(&key, ending, instant(60)))).await {
            let ended = told("ending an audit together with others", ended)?;
            if !seen.contains(&ended) {
                seen.push(ended);
            }
        }
        holds(seen.len() == 1, "everybody is told the one ending that counts", format!("{seen:?}"))?;
        let found = told("reading an ended audit", RunStore::new(self.archive.clone()).find(&key).await)?;
        let stands = found.and_then(|record| record.ended).map(|(ending, _)| ending);
        holds(stands.as_ref() == seen.first(), "the ending that was told stands", format!("{stands:?}"))?;
        let open = told("reading the open orders", runs.unfinished().await)?;
        let ours = open.iter().any(|record| record.order.key == key);
        holds(!ours, "an ended audit is open no more", "it is".into())
    }

    async fn pages_hold_everything_once(&self) -> Result<(), Violation> {
        let runs = RunStore::new(self.archive.clone());
        let before = told("listing audits", runs.list(&self.only(), None, 500).await)?.items.len();
        for n in 0..LISTED {
            told("ordering an audit", runs.order(&self.order(&format!("listed-{n}"), n * 30_000)).await)?;
        }
        for (clusters, name) in [(self.only(), "one cluster"), (Clusters::All, "all clusters")] {
            let (mut seen, mut after, mut last) = (BTreeSet::new(), None, None::<Timestamp>);
            loop {
                let page = told("listing a page of audits", runs.list(&clusters, after.as_ref(), 5).await)?;
                for record in page.items {
                    let created = record.order.created;
                    let sorted = last.is_none_or(|last| last >= created);
                    holds(sorted, "lists put the newest first", format!("{created} after {last:?}"))?;
                    last = Some(created);
                    if record.order.key.cluster == self.cluster {
                        let key = record.order.key;
                        holds(seen.insert(key.clone()), "lists hold everything once", format!("{key:?}"))?;
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let found = format!("{} of {} of {name}", seen.len(), before as i64 + LISTED);
            holds(seen.len() as i64 == before as i64 + LISTED, "lists hold everything", found)?;
        }
        let packs = PackStore::new(self.archive.clone());
        let pick = PackPick { clusters: self.only(), from: None, until: Some(instant(1)) };
        let listed = told("listing packs", packs.list(&pick, None, 500).await)?.items;
        holds(listed.is_empty(), "no pack is listed outside its period", format!("{listed:?}"))
    }

    async fn one_writer_of_a_version_wins(&self) -> Result<(), Violation> {
        let id = RecordId::from(self.cluster.clone());
        let kind = RecordKind::Waivers;
        let version = |number, text: &str| Version {
            number,
            changed_by: text.to_owned(),
            changed_at: instant(0),
            request: String::new(),
            value: serde_json::json!({}),
        };
        let replicas: Vec<RecordStore> =
            (0..CLAIMANTS).map(|_| RecordStore::new(self.archive.clone())).collect();
        let writers = replicas.iter().enumerate().map(|(n, replica)| {
            let version = version(1, &format!("writer-{n}"));
            let id = &id;
            async move { replica.put_json(kind, id, version).await }
        });
        let mut wins = 0;
        for written in join_all(writers).await {
            match written {
                Ok(()) => wins += 1,
                Err(StorageError::Conflict) => {}
                Err(error) => return told("writing a version together with others", Err(error)),
            }
        }
        holds(wins == 1, "of a version's writers one wins", format!("{wins} did"))?;
        told("writing the next version", replicas[0].put_json(kind, &id, version(2, "next")).await)?;
        told("refreshing", replicas[1].refresh().await)?;
        let latest = told("reading a record", replicas[1].latest_json(kind, &id).await)?;
        holds(latest == Some(version(2, "next")), "a refresh shows the newest", format!("{latest:?}"))?;
        let history = told("reading all versions", replicas[0].history_json(kind, &id).await)?;
        holds(history.len() == 2, "every version stays", format!("{history:?}"))
    }

    async fn the_first_word_on_a_slot_counts(&self) -> Result<(), Violation> {
        let slots = SlotStore::new(self.archive.clone());
        let schedule = RecordId::from(self.cluster.clone());
        let slot = |n: i64, why: String| SlotRecord { slot: instant(n), outcome: SlotOutcome::Gap(why) };
        let words: Vec<SlotRecord> = (0..CLAIMANTS).map(|n| slot(0, format!("reason {n}"))).collect();
        let mut seen = Vec::new();
        for record in join_all(words.iter().map(|word| slots.record(&schedule, word))).await {
            let record = told("recording a slot together with others", record)?;
            if !seen.contains(&record) {
                seen.push(record);
            }
        }
        holds(seen.len() == 1, "everybody is told the first word on a slot", format!("{seen:?}"))?;
        told("recording a slot", slots.record(&schedule, &slot(86_400, "later".into())).await)?;
        let listed = told("listing slots", slots.list(&schedule, None, 9).await)?.items;
        let times: Vec<Timestamp> = listed.iter().map(|record| record.slot).collect();
        holds(times == [instant(86_400), instant(0)], "slots come newest first", format!("{times:?}"))
    }

    async fn entries_of_the_log_come_back(&self) -> Result<(), Violation> {
        let log = AccessStore::new(self.archive.clone());
        let entry = |n: i64| AccessEntry {
            at: instant(n),
            subject: "conformance".to_owned(),
            authentication: None,
            action: "Conformance.Check".to_owned(),
            cluster: Some(self.cluster.clone()),
            object: n.to_string(),
            outcome: AccessOutcome::Done,
        };
        let entries: Vec<AccessEntry> = (0..7).map(entry).collect();
        for appended in join_all(entries.iter().map(|entry| log.append(entry))).await {
            told("adding to the access log", appended)?;
        }
        let first = told("reading the access log", log.list(Some(&self.cluster), None, 4).await)?;
        let next = told("reading on", log.list(Some(&self.cluster), first.next.as_ref(), 4).await)?;
        let read: Vec<AccessEntry> = first.items.into_iter().chain(next.items).rev().collect();
        holds(read == entries, "entries come back, newest first", format!("{read:?}"))
    }
}

fn instant(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add(second.seconds()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn told<T>(doing: &'static str, outcome: Result<T, StorageError>) -> Result<T, Violation> {
    outcome.map_err(|source| Violation::Storage { doing, source })
}
