//! What is kept in memory because it may be asked for again: so many bytes at most, and not while nobody asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long something is kept that nobody asks for.
const IDLE: SignedDuration = SignedDuration::from_mins(5);

/// Values by key, the least recently used of which go first.
#[derive(Debug)]
pub(super) struct Held<K, V> {
    kept: Mutex<Kept<K, V>>,
    limit: usize,
}

#[derive(Debug)]
struct Kept<K, V> {
    values: BTreeMap<K, Value<V>>,
    bytes: usize,
    turn: u64,
}

#[derive(Debug)]
struct Value<V> {
    value: Arc<V>,
    bytes: usize,
    used: Timestamp,
    turn: u64,
}

impl<K: Ord + Clone, V> Held<K, V> {
    /// So many bytes at most.
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: Mutex::new(Kept { values: BTreeMap::new(), bytes: 0, turn: 0 }), limit }
    }

    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<Arc<V>> {
        let mut kept = self.lock();
        kept.turn += 1;
        let turn = kept.turn;
        let value = kept.values.get_mut(key)?;
        (value.used, value.turn) = (now, turn);
        Some(value.value.clone())
    }

    /// Keeps a value of so many bytes, if there is room for it at all.
    pub(super) fn put(&self, key: K, value: Arc<V>, bytes: usize, now: Timestamp) {
        let mut kept = self.lock();
        kept.remove(&key);
        if bytes > self.limit {
            return;
        }
        while kept.bytes + bytes > self.limit {
            let oldest = kept.values.iter().min_by_key(|(_, value)| value.turn).map(|(key, _)| key.clone());
            match oldest {
                Some(oldest) => kept.remove(&oldest),
                None => break,
            }
        }
        kept.turn += 1;
        let turn = kept.turn;
        kept.bytes += bytes;
        kept.values.insert(key, Value { value, bytes, used: now, turn });
    }

    pub(super) fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    /// Lets go of what nobody asked for lately.
    pub(super) fn sweep(&self, now: Timestamp) {
        let mut kept = self.lock();
        let idle = |value: &Value<V>| now.duration_since(value.used) > IDLE;
        let gone: Vec<K> =
            kept.values.iter().filter(|(_, value)| idle(value)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            kept.remove(&key);
        }
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord, V> Kept<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(value) = self.values.remove(key) {
            self.bytes -= value.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn no_more_is_kept_than_the_limit_and_nothing_for_ever() {
        let held: Held<u8, u8> = Held::new(10);
        for n in 0..4 {
            held.put(n, Arc::new(n), 4, at(0));
        }
        assert_eq!([0, 1, 2, 3].map(|n| held.get(&n, at(1)).is_some()), [false, false, true, true]);
        held.get(&2, at(2));
        held.put(4, Arc::new(4), 5, at(200));
        assert!(held.get(&3, at(200)).is_none(), "the least recently used went");
        held.put(9, Arc::new(9), 11, at(200));
        assert!(held.get(&9, at(200)).is_none(), "more than there is room for");
        assert_eq!(held.bytes(), 9);
        held.sweep(at(303));
        assert_eq!(held.bytes(), 5);
        held.sweep(at(600));
        assert_eq!(held.bytes(), 0);
    }
}
