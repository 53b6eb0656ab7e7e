//! Patience: how often and how long a question is asked again.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::api::Refusal;

/// First wait between two tries; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait, also where a server asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Tries and the end of all tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) tries: u32,
    pub(super) until: Instant,
}

impl Patience {
    /// Asks until the answer is one, the fault is a lasting one, or patience ends.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Refusal>>>(
        &self,
        mut question: impl FnMut() -> F,
    ) -> Result<T, Refusal> {
        let mut wait = FIRST_WAIT;
        let mut tries = self.tries.max(1);
        loop {
            tries -= 1;
            let answer = tokio::time::timeout_at(self.until, question()).await;
            let refusal = match answer {
                Err(_) => return Err(out_of_time()),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(refusal)) => refusal,
            };
            let pause = refusal.retry_after.unwrap_or(wait).min(LONGEST_WAIT);
            if tries == 0 || !refusal.is_passing() || Instant::now() + pause >= self.until {
                return Err(refusal);
            }
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

pub(super) fn out_of_time() -> Refusal {
    Refusal::fault("not read before the time for the whole collection was over")
}
