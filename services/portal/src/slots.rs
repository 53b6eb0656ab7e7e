//! What costs something to find out and is asked for often: found out once, by whoever asks first, and kept while there
//! is room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

/// The place of one value: whoever holds it finds out, everybody else waits for that.
pub(crate) type Slot<V> = Arc<AsyncMutex<Option<V>>>;

/// Values by key, with room for a sum of weights. Clones share what they keep.
#[derive(Clone)]
pub(crate) struct Slots<K, V> {
    kept: Arc<Mutex<Kept<K, V>>>,
    room: u64,
}

struct Kept<K, V> {
    slots: BTreeMap<K, Held<V>>,
    /// Counts uses: the slot with the least number goes first.
    uses: u64,
    weight: u64,
}

struct Held<V> {
    slot: Slot<V>,
    used: u64,
    weight: u64,
}

impl<K: Ord + Clone, V> Slots<K, V> {
    /// Empty slots.
    pub(crate) fn new(room: u64) -> Self {
        let kept = Kept { slots: BTreeMap::new(), uses: 0, weight: 0 };
        Self { kept: Arc::new(Mutex::new(kept)), room }
    }

    /// The slot of a key. A new one weighs 1 until [`Self::weighs`] says otherwise.
    pub(crate) fn slot(&self, key: &K) -> Slot<V> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let used = kept.uses;
        if let Some(held) = kept.slots.get_mut(key) {
            held.used = used;
            return held.slot.clone();
        }
        let slot = Slot::default();
        kept.slots.insert(key.clone(), Held { slot: slot.clone(), used, weight: 1 });
        kept.weight += 1;
        kept.make_room(self.room, key);
        slot
    }

    /// Says what the value of a key weighs. What was used longest ago goes if there is too much.
    pub(crate) fn weighs(&self, key: &K, weight: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = kept.slots.get_mut(key) {
            let before = std::mem::replace(&mut held.weight, weight.max(1));
            kept.weight = kept.weight - before + weight.max(1);
            kept.make_room(self.room, key);
        }
    }
}

impl<K: Ord + Clone, V: Clone> Slots<K, V> {
    /// The value of a key, if it is known now.
    pub(crate) fn known(&self, key: &K) -> Option<V> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = kept.slots.get(key).map(|held| held.slot.clone())?;
        drop(kept);
        // Whoever finds out holds the slot: nothing is known yet.
        let known = slot.try_lock().ok()?;
        known.clone()
    }
}

impl<K: Ord + Clone, V> Kept<K, V> {
    fn make_room(&mut self, room: u64, but: &K) {
        while self.weight > room {
            let oldest = self.slots.iter().filter(|(key, _)| *key != but).min_by_key(|(_, held)| held.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            if let Some(gone) = self.slots.remove(&oldest) {
                self.weight -= gone.weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn set(slots: &Slots<u32, u32>, key: u32, weight: u64) {
        *slots.slot(&key).lock().await = Some(key);
        slots.weighs(&key, weight);
    }

    #[tokio::test]
    async fn what_was_used_longest_ago_goes_first() {
        let slots = Slots::new(10);
        for key in [1, 2, 3] {
            set(&slots, key, 3).await;
        }
        let _ = slots.slot(&1);
        set(&slots, 4, 3).await;
        assert_eq!([1, 2, 3, 4].map(|key| slots.known(&key)), [Some(1), None, Some(3), Some(4)]);
        // What is too heavy for the room is kept alone, until the next comes.
        set(&slots, 5, 99).await;
        assert_eq!([1, 3, 4, 5].map(|key| slots.known(&key)), [None, None, None, Some(5)]);
        set(&slots, 6, 1).await;
        assert_eq!([5, 6].map(|key| slots.known(&key)), [None, Some(6)]);
    }

    #[tokio::test]
    async fn what_is_being_found_out_is_not_known() {
        let slots: Slots<u32, u32> = Slots::new(10);
        let slot = slots.slot(&1);
        let mut held = slot.lock().await;
        assert_eq!(slots.known(&1), None);
        *held = Some(7);
        drop(held);
        assert_eq!(slots.known(&1), Some(7));
    }
}
