//! Whether the service can do its work: the store answers, and so does the queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::telemetry::metrics::Metrics;

/// Between two questions.
const PERIOD: Duration = Duration::from_secs(2);
/// An answer comes within this time or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Something that the service cannot do without.
#[async_trait]
pub(crate) trait Dependency: Send + Sync {
    /// Its name for operators.
    fn name(&self) -> &'static str;
    /// Whether it answers; the reason goes into the log.
    async fn answers(&self) -> Result<(), String>;
}

/// What was found last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Readiness {
    /// Everything answers, and the process is not about to stop.
    pub(crate) ready: bool,
    /// What does not answer.
    pub(crate) down: Vec<&'static str>,
    /// The process is about to stop.
    pub(crate) stopping: bool,
}

/// Asks the dependencies again and again.
pub(crate) struct Watcher {
    dependencies: Vec<Arc<dyn Dependency>>,
    state: watch::Sender<Readiness>,
    metrics: Arc<Metrics>,
}

impl Watcher {
    /// Not ready before the first answers.
    pub(crate) fn new(dependencies: Vec<Arc<dyn Dependency>>, metrics: Arc<Metrics>) -> Self {
        let down = dependencies.iter().map(|dependency| dependency.name()).collect();
        let state = watch::Sender::new(Readiness { ready: false, down, stopping: false });
        Self { dependencies, state, metrics }
    }

    /// What is found, as it changes.
    pub(crate) fn state(&self) -> watch::Receiver<Readiness> {
        self.state.subscribe()
    }

    /// Asks until `stop`; from then on nothing is ready.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let watch = async {
            loop {
                self.look().await;
                tokio::time::sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(watch).await;
        self.metrics.ready(false);
        self.state.send_modify(|state| (state.ready, state.stopping) = (false, true));
    }

    async fn look(&self) {
        let asked = self.dependencies.iter().map(|dependency| async move {
            let answer = tokio::time::timeout(PATIENCE, dependency.answers()).await;
            (dependency.name(), answer.unwrap_or_else(|_| Err("it does not answer in time".to_owned())))
        });
        let mut down = Vec::new();
        let before = self.state.borrow().down.clone();
        for (name, answer) in futures::future::join_all(asked).await {
            match answer {
                Ok(()) if before.contains(&name) => info!(dependency = name, "a dependency answers"),
                Ok(()) => {}
                Err(reason) => {
                    if !before.contains(&name) {
                        warn!(dependency = name, reason, "a dependency does not answer");
                    }
                    down.push(name);
                }
            }
        }
        self.metrics.ready(down.is_empty());
        self.state.send_if_modified(|state| {
            let found = Readiness { ready: down.is_empty(), down, stopping: false };
            let changed = *state != found;
            *state = found;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Store(AtomicBool);

    #[async_trait]
    impl Dependency for Store {
        fn name(&self) -> &'static str {
            "store"
        }
        async fn answers(&self) -> Result<(), String> {
            self.0.load(Ordering::Relaxed).then_some(()).ok_or_else(|| "down".to_owned())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_follows_the_store_and_ends_with_the_process() {
        let store = Arc::new(Store(AtomicBool::new(true)));
        let watcher = Watcher::new(vec![store.clone()], Arc::new(Metrics::new()));
        let (mut state, stop) = (watcher.state(), CancellationToken::new());
        assert!(!state.borrow().ready, "nothing was asked yet");
        let follow = async {
            state.wait_for(|state| state.ready).await.unwrap();
            store.0.store(false, Ordering::Relaxed);
            let down = state.wait_for(|state| !state.ready).await.unwrap().clone();
            assert_eq!(down.down, ["store"]);
            store.0.store(true, Ordering::Relaxed);
            state.wait_for(|state| state.ready).await.unwrap();
            stop.cancel();
            state.wait_for(|state| state.stopping && !state.ready).await.unwrap();
        };
        tokio::join!(watcher.run(stop.clone()), follow);
    }
}
