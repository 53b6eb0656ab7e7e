//! The queue of one process: in memory, bounded, first come first served within a cluster, clusters in turn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Delivery, Depth, Hold, Queue, QueueError, Settle};

/// A queue in memory. What it holds is lost with the process and is pushed again from the store at the next start.
pub struct LocalQueue(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    news: Notify,
    capacity: usize,
    /// An audit had to be refused since this was asked last.
    refused: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Everything that waits, is taken or is delayed.
    held: BTreeSet<AuditKey>,
    waiting: BTreeMap<ClusterId, VecDeque<Entry>>,
    /// The clusters of `waiting`, next one first.
    turn: VecDeque<ClusterId>,
    /// What was given back, by the instant when it may be handed out again.
    delayed: BTreeMap<(Instant, u64), Entry>,
    /// Tells entries of the same instant apart.
    count: u64,
}

#[derive(Clone)]
struct Entry {
    key: AuditKey,
    attempts: u32,
    deaths: u32,
}

impl State {
    fn enqueue(&mut self, entry: Entry) {
        let cluster = &entry.key.cluster;
        let line = self.waiting.entry(cluster.clone()).or_default();
        if line.is_empty() {
            self.turn.push_back(cluster.clone());
        }
        line.push_back(entry);
    }

    fn next(&mut self, now: Instant) -> Option<Entry> {
        while let Some(due) = self.delayed.first_entry().filter(|first| first.key().0 <= now) {
            let entry = due.remove();
            self.enqueue(entry);
        }
        let cluster = self.turn.pop_front()?;
        let line = self.waiting.get_mut(&cluster)?;
        let entry = line.pop_front();
        match line.is_empty() {
            true => drop(self.waiting.remove(&cluster)),
            false => self.turn.push_back(cluster),
        }
        entry
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, entry: Entry, delay: Duration) {
        let mut state = self.lock();
        match delay.is_zero() {
            true => state.enqueue(entry),
            false => {
                state.count += 1;
                let place = (Instant::now() + delay, state.count);
                state.delayed.insert(place, entry);
            }
        }
        drop(state);
        self.news.notify_one();
    }
}

impl LocalQueue {
    /// Audits that a queue holds unless told otherwise: some ten megabytes of keys.
    pub const CAPACITY: usize = 50_000;

    /// An empty queue that takes up to `capacity` audits.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            news: Notify::new(),
            capacity,
            refused: AtomicBool::new(false),
        }))
    }
}

impl Default for LocalQueue {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

#[async_trait]
impl Queue for LocalQueue {
    async fn push(&self, key: &AuditKey) -> Result<(), QueueError> {
        let mut state = self.0.lock();
        if state.held.contains(key) {
            return Ok(());
        }
        if state.held.len() >= self.0.capacity {
            self.0.refused.store(true, Ordering::Relaxed);
            return Err(QueueError::Full(self.0.capacity));
        }
        state.held.insert(key.clone());
        state.enqueue(Entry { key: key.clone(), attempts: 0, deaths: 0 });
        drop(state);
        self.0.news.notify_one();
        Ok(())
    }

    async fn pull(&self, stop: &CancellationToken) -> Result<Option<Delivery>, QueueError> {
        loop {
            // Before looking: what is pushed in between must not be missed.
            let news = self.0.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let next_due = {
                let mut state = self.0.lock();
                if stop.is_cancelled() {
                    return Ok(None);
                }
                if let Some(mut entry) = state.next(Instant::now()) {
                    entry.attempts += 1;
                    let Entry { key, attempts: attempt, deaths } = entry.clone();
                    let hold = Box::new(LocalHold { entry: Some(entry), queue: self.0.clone() });
                    return Ok(Some(Delivery { key, attempt, deaths, hold }));
                }
                state.delayed.first_key_value().map(|((due, _), _)| *due)
            };
            let due = async {
                match next_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = news => {}
                () = due => {}
            }
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let state = self.0.lock();
        let waiting: usize = state.waiting.values().map(VecDeque::len).sum();
        let taken = state.held.len() - waiting;
        Ok(Depth { waiting: waiting as u64, taken: taken as u64 })
    }

    async fn holds(&self) -> Result<BTreeSet<AuditKey>, QueueError> {
        Ok(self.0.lock().held.clone())
    }

    fn speaks_for_all(&self) -> bool {
        self.0.refused.swap(false, Ordering::Relaxed)
    }
}

struct LocalHold {
    /// `None` once it is settled.
    entry: Option<Entry>,
    queue: Arc<Inner>,
}

#[async_trait]
impl Hold for LocalHold {
    async fn settle(mut self: Box<Self>, how: Settle) -> Result<(), QueueError> {
        let Some(mut entry) = self.entry.take() else { return Ok(()) };
        match how {
            Settle::Done => drop(self.queue.lock().held.remove(&entry.key)),
            Settle::Back { delay, death } => {
                entry.deaths += u32::from(death);
                self.queue.give_back(entry, delay);
            }
        }
        Ok(())
    }

    async fn alive(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

impl Drop for LocalHold {
    fn drop(&mut self) {
        if let Some(mut entry) = self.entry.take() {
            entry.deaths += 1;
            self.queue.give_back(entry, Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::id::RunId;

    use super::*;

    fn key(cluster: &str, name: &str) -> AuditKey {
        let cluster = cluster.parse().unwrap();
        AuditKey { run: RunId::derive(&cluster, &[name]), cluster }
    }

    #[tokio::test]
    async fn a_cluster_with_many_audits_does_not_hold_up_the_others() {
        let (queue, stop) = (LocalQueue::default(), CancellationToken::new());
        for name in ["1", "2", "3"] {
            queue.push(&key("big", name)).await.unwrap();
        }
        queue.push(&key("small", "1")).await.unwrap();
        let mut order = Vec::new();
        for _ in 0..4 {
            let delivery = queue.pull(&stop).await.unwrap().unwrap();
            order.push(delivery.key.clone());
            delivery.ack().await.unwrap();
        }
        assert_eq!(order, [key("big", "1"), key("small", "1"), key("big", "2"), key("big", "3")]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_remembers_that_it_did() {
        let queue = LocalQueue::new(1);
        queue.push(&key("a", "1")).await.unwrap();
        assert!(!queue.speaks_for_all());
        assert!(matches!(queue.push(&key("a", "2")).await, Err(QueueError::Full(1))));
        assert!(queue.speaks_for_all() && !queue.speaks_for_all());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_comes_again_after_its_delay() {
        let (queue, stop) = (LocalQueue::default(), CancellationToken::new());
        queue.push(&key("a", "1")).await.unwrap();
        let first = queue.pull(&stop).await.unwrap().unwrap();
        let begin = Instant::now();
        first.nak(Duration::from_secs(9)).await.unwrap();
        assert_eq!(queue.depth().await.unwrap(), Depth { waiting: 0, taken: 1 });
        let again = queue.pull(&stop).await.unwrap().unwrap();
        assert!(begin.elapsed() >= Duration::from_secs(9));
        assert_eq!((again.attempt, again.deaths), (2, 0));
    }
}
