//! Assessments without their observations: read from their extract, and held for a while.

use std::sync::Arc;

use hexproof_core::assessment::Assessment;
use hexproof_core::digest::Digest;
use hexproof_core::port::StorageError;

use super::{Shared, acquire, extract, work};
use crate::layout::Extract;
use crate::packs::FinishedRun;

impl Shared {
    pub(super) async fn summary(&self, run: &FinishedRun) -> Result<Arc<Assessment>, StorageError> {
        let digest = run.result.assessment.digest;
        let held = || self.summaries.get(&digest, self.clock.now());
        if let Some(summary) = held() {
            return Ok(summary);
        }
        let permit = acquire(&self.reading).await?;
        if let Some(summary) = held() {
            return Ok(summary);
        }
        let read = match self.stored(run, Extract::Summary).await? {
            Some(sealed) => self.fit(run, work(move || extract::summary(&sealed, &digest)).await?),
            None => None,
        };
        drop(permit);
        if let Some(read) = read {
            return Ok(self.hold(digest, read));
        }
        let _making = self.make(&digest).await?;
        if let Some(summary) = held() {
            return Ok(summary);
        }
        let (made, _) = self.extract(run).await?;
        let read = work(move || extract::summary(&made.summary, &digest)).await?;
        Ok(self.hold(digest, read.map_err(|error| self.torn(run, &error))?))
    }

    fn hold(&self, digest: Digest, (summary, json): (Assessment, usize)) -> Arc<Assessment> {
        let summary = Arc::new(summary);
        // As structs it takes about twice as much as written down.
        self.summaries.put(digest, summary.clone(), 2 * json, self.clock.now());
        summary
    }
}
