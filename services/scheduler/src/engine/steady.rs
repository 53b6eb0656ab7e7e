//! Sees jumps of the clock, by comparing it with one that only counts forward.
//!
//! After a jump forward nobody knows yet whether the machine slept, and slots were missed, or whether the clock is
//! wrong, and they are still to come. A record cannot be taken back: so decisions wait until the clock has kept its new
//! time for a while. A jump back needs no wait: what was recorded stays recorded.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Pace;

/// What the clock is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Slots can be decided. Those that came due at or after `since` were not missed.
    Awake { since: Timestamp },
    /// Wait.
    Unsettled,
}

/// The memory of both clocks.
#[derive(Debug)]
pub(super) struct Steady {
    wall: Timestamp,
    counted: Instant,
    awake_since: Timestamp,
    /// When the clock may be trusted again, and what it showed right after its jump.
    jumped: Option<(Instant, Timestamp)>,
}

impl Steady {
    pub(super) fn new(wall: Timestamp, counted: Instant) -> Self {
        Self { wall, counted, awake_since: wall, jumped: None }
    }

    /// Takes in what both clocks show.
    pub(super) fn see(&mut self, wall: Timestamp, counted: Instant, pace: Pace) -> View {
        let passed = SignedDuration::try_from(counted.duration_since(self.counted)).unwrap_or_default();
        let jump = wall.duration_since(self.wall) - passed;
        (self.wall, self.counted) = (wall, counted);
        let notable = SignedDuration::try_from(pace.grace).unwrap_or(SignedDuration::MAX);
        if jump > notable {
            self.jumped = Some((counted + pace.settle, wall));
        } else if jump < -notable {
            self.jumped = None;
            self.awake_since = self.awake_since.min(wall);
        }
        match self.jumped {
            Some((until, _)) if counted < until => View::Unsettled,
            Some((_, awake_since)) => {
                self.jumped = None;
                self.awake_since = awake_since;
                View::Awake { since: awake_since }
            }
            None => View::Awake { since: self.awake_since },
        }
    }
}
