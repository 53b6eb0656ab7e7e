//! What was just done, told once on the page that comes after it. The address carries a fixed word, never a text.

use maud::{Markup, html};
use serde::Deserialize;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Notice {
    ScheduleCreated,
    ScheduleChanged,
    SchedulePaused,
    ScheduleResumed,
    ScheduleEnded,
    WaiverProposed,
    WaiverApproved,
    WaiverRevoked,
    WaiverRefused,
    AuditStarted,
    AuditCancelled,
}

impl Notice {
    /// The word in the address.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ScheduleCreated => "schedule-created",
            Self::ScheduleChanged => "schedule-changed",
            Self::SchedulePaused => "schedule-paused",
            Self::ScheduleResumed => "schedule-resumed",
            Self::ScheduleEnded => "schedule-ended",
            Self::WaiverProposed => "waiver-proposed",
            Self::WaiverApproved => "waiver-approved",
            Self::WaiverRevoked => "waiver-revoked",
            Self::WaiverRefused => "waiver-refused",
            Self::AuditStarted => "audit-started",
            Self::AuditCancelled => "audit-cancelled",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::ScheduleCreated => "The schedule is kept. Audits start at the slots below.",
            Self::ScheduleChanged => {
                "The change is kept. Slots before now no longer count if the times changed."
            }
            Self::SchedulePaused => "The schedule is paused. No audit starts until it is resumed.",
            Self::ScheduleResumed => {
                "The schedule is resumed. Slots that passed meanwhile are neither run nor gaps."
            }
            Self::ScheduleEnded => {
                "The schedule has ended. Its versions and the packs of its audits are kept."
            }
            Self::WaiverProposed => {
                "The waiver is proposed. It does not count until another person approves it."
            }
            Self::WaiverApproved => "The waiver is approved. It counts from the next audit on.",
            Self::WaiverRevoked => "The waiver is revoked. It does not count from the next audit on.",
            Self::WaiverRefused => "The waiver is refused. It never counted.",
            Self::AuditStarted => "The audit is recorded and will not be lost.",
            Self::AuditCancelled => "The audit is asked to stop. It ends once its worker has stopped.",
        }
    }

    /// An address that tells it.
    pub(crate) fn at(self, address: &str) -> String {
        let mark = if address.contains('?') { '&' } else { '?' };
        format!("{address}{mark}done={}", self.word())
    }

    /// The notice at the top of a page.
    fn show(self) -> Markup {
        html! { p.notice role="status" { (self.sentence()) } }
    }
}

/// The notice that an address tells by a word; a word that says nothing is passed over.
pub(crate) fn told(word: &str) -> Markup {
    html! { @if let Some(notice) = read(word) { (notice.show()) } }
}

fn read(word: &str) -> Option<Notice> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fixed_words_are_told() {
        for notice in [Notice::ScheduleCreated, Notice::WaiverRefused, Notice::AuditCancelled] {
            assert_eq!(read(notice.word()), Some(notice));
        }
        for other in ["", "Hello", "<b>", "schedule-created "] {
            assert_eq!(told(other).into_string(), "", "{other}");
        }
        assert_eq!(Notice::ScheduleEnded.at("/schedules"), "/schedules?done=schedule-ended");
        assert_eq!(
            Notice::ScheduleEnded.at("/schedules?cluster=a"),
            "/schedules?cluster=a&done=schedule-ended"
        );
    }
}
