//! The one clock of the program.

use std::sync::Arc;

use hexproof_core::port::{Clock, FixedClock};
use jiff::Timestamp;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's real implementation")]
    fn now(&self) -> Timestamp {
        // Whole seconds: no certificate, report or file name needs more, and texts stay short.
        Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The system's clock, or a fixed one where `SOURCE_DATE_EPOCH` (reproducible-builds.org) is set.
///
/// # Errors
/// A value of `SOURCE_DATE_EPOCH` that is no number of seconds.
pub(crate) fn clock() -> anyhow::Result<Arc<dyn Clock>> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) else {
        return Ok(Arc::new(SystemClock));
    };
    let text = value.to_string_lossy();
    let fixed = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let fixed = fixed
        .ok_or_else(|| anyhow::anyhow!("SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds"))?;
    Ok(Arc::new(FixedClock(fixed)))
}
