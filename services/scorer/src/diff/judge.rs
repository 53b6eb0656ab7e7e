//! What became of a verdict.

use std::cmp::Ordering;

use hexproof_core::Outcome;
use hexproof_core::diff::ChangeKind;
use hexproof_core::observation::Observation;

/// The kind of a change; `None` if the verdict is the same.
///
/// A verdict is outcome, significance of a failure, and the waiver that covers it. What a measure read may differ without
/// any of these; then nothing that counts changed.
pub(super) fn kind(before: Option<&Observation>, after: Option<&Observation>) -> Option<ChangeKind> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (Some(_), None) => return Some(ChangeKind::Vanished),
        (None, Some(_)) => return Some(ChangeKind::Appeared),
        (None, None) => return None,
    };
    use Outcome::{Fail, NotApplicable, Pass, Unknown};
    match (before.outcome, after.outcome) {
        (Fail, Fail) => match before.significance.cmp(&after.significance) {
            Ordering::Less => Some(ChangeKind::Worse),
            Ordering::Greater => Some(ChangeKind::Better),
            Ordering::Equal if before.waived_by != after.waived_by => Some(ChangeKind::Changed),
            Ordering::Equal => None,
        },
        (Pass, Pass) | (Unknown, Unknown) | (NotApplicable, NotApplicable) => None,
        (Fail, Pass | NotApplicable) | (Unknown, Pass) => Some(ChangeKind::Better),
        (Pass | NotApplicable, Fail) | (Pass, Unknown) => Some(ChangeKind::Worse),
        // Who loses sight of a failure has mended nothing, and who finds one has made nothing worse.
        (Fail, Unknown) | (Unknown, Fail) => Some(ChangeKind::Changed),
        (NotApplicable, Pass | Unknown) | (Pass | Unknown, NotApplicable) => Some(ChangeKind::Changed),
    }
}
