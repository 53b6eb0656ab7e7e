//! What was read lately and never changes: kept, but not without limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The last `limit` things that were put in. The oldest goes first.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    kept: Mutex<(BTreeMap<K, V>, VecDeque<K>)>,
    limit: usize,
}

impl<K: Ord + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: Mutex::default(), limit }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (values, order) = &mut *kept;
        if values.insert(key.clone(), value).is_none() {
            order.push_back(key);
        }
        if order.len() > self.limit
            && let Some(oldest) = order.pop_front()
        {
            values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_the_limit() {
        let recent = Recent::new(2);
        for n in [1, 2, 2, 3] {
            recent.put(n, n);
        }
        assert_eq!([1, 2, 3].map(|n| recent.get(&n)), [None, Some(2), Some(3)]);
    }
}
