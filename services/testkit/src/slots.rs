//! The slots of schedules in memory, with the rules of the store: the first record of a slot counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hexproof_core::id::RecordId;
use hexproof_core::port::{Cursor, Page, Slots, StorageError};
use hexproof_core::register::SlotRecord;
use jiff::Timestamp;

type BySlot = BTreeMap<RecordId, BTreeMap<Timestamp, SlotRecord>>;

/// [`Slots`] in memory. Clones share what they keep, as replicas share a store.
#[derive(Clone, Default)]
pub struct MemorySlots {
    kept: Arc<Mutex<BySlot>>,
    down: Arc<AtomicBool>,
}

impl MemorySlots {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// While a store is down every call is answered with [`StorageError::Unavailable`] and changes nothing.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn open(&self) -> Result<MutexGuard<'_, BySlot>, StorageError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StorageError::Unavailable("it is down for the test".into())),
            false => Ok(self.kept.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

#[async_trait]
impl Slots for MemorySlots {
    async fn record(&self, schedule: &RecordId, slot: &SlotRecord) -> Result<SlotRecord, StorageError> {
        let mut kept = self.open()?;
        let slots = kept.entry(schedule.clone()).or_default();
        Ok(slots.entry(slot.slot).or_insert_with(|| slot.clone()).clone())
    }

    async fn list(
        &self,
        schedule: &RecordId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<SlotRecord>, StorageError> {
        let kept = self.open()?;
        let before: Option<Timestamp> = match after {
            None => None,
            Some(Cursor(after)) => {
                Some(after.parse().map_err(|error| StorageError::Damaged(Box::new(error)))?)
            }
        };
        let slots = kept.get(schedule).into_iter().flatten().rev();
        let mut found: Vec<SlotRecord> = slots
            .filter(|(slot, _)| before.is_none_or(|before| **slot < before))
            .take(limit.saturating_add(1))
            .map(|(_, record)| record.clone())
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| Cursor(last.slot.to_string()));
        Ok(Page { items: found, next })
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::register::SlotOutcome;

    use super::*;

    #[tokio::test]
    async fn the_first_record_counts_and_lists_run_backwards() {
        let (slots, nightly) = (MemorySlots::new(), "nightly".parse().unwrap());
        let gap = |second: i64, why: &str| SlotRecord {
            slot: Timestamp::from_second(second).unwrap(),
            outcome: SlotOutcome::Gap(why.into()),
        };
        for second in 1..=3 {
            assert_eq!(slots.record(&nightly, &gap(second, "x")).await.unwrap(), gap(second, "x"));
        }
        assert_eq!(slots.record(&nightly, &gap(1, "y")).await.unwrap(), gap(1, "x"));
        let first = slots.list(&nightly, None, 2).await.unwrap();
        assert_eq!(first.items, [gap(3, "x"), gap(2, "x")]);
        let rest = slots.list(&nightly, first.next.as_ref(), 2).await.unwrap();
        assert_eq!((rest.items, rest.next), (vec![gap(1, "x")], None));
        slots.set_down(true);
        assert!(slots.list(&nightly, None, 1).await.is_err());
    }
}
