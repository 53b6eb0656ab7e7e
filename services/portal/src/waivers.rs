//! What the pages of waivers have in common: states, subjects and measures in words, the form.

pub(crate) mod form;

use hexproof_api::v1;
use hexproof_core::measure::Catalogue;
use hexproof_core::waiver::lifecycle::utc_day;
use jiff::civil::Date;
use jiff::{Span, Timestamp};
use maud::{Markup, html};

use crate::marks;

/// Days before its end from which a waiver is said to expire soon.
pub(crate) const SOON_DAYS: i32 = 30;

/// How far a waiver has come, as people ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Proposed,
    InForce,
    /// In force, for no more than [`SOON_DAYS`].
    Soon,
    Expired,
    Revoked,
}

impl State {
    pub(crate) const ALL: [Self; 5] =
        [Self::Proposed, Self::InForce, Self::Soon, Self::Expired, Self::Revoked];

    /// The state of a waiver on a day.
    pub(crate) fn of(record: &v1::WaiverRecord, today: Date) -> Self {
        match record.stage() {
            v1::WaiverStage::Approved => {
                let until: Option<Date> =
                    record.waiver.as_ref().and_then(|waiver| waiver.expiry.parse().ok());
                let soon = today.saturating_add(Span::new().days(SOON_DAYS));
                match until.is_some_and(|until| until <= soon) {
                    true => Self::Soon,
                    false => Self::InForce,
                }
            }
            v1::WaiverStage::Expired => Self::Expired,
            v1::WaiverStage::Revoked => Self::Revoked,
            // What no stage is named for does not count.
            v1::WaiverStage::Proposed | v1::WaiverStage::Unspecified => Self::Proposed,
        }
    }

    /// The word in addresses.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::InForce => "in-force",
            Self::Soon => "expiring",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// What a list of such waivers is called.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Proposed => "Proposed",
            Self::InForce => "In force",
            Self::Soon => "Expiring within 30 days",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
        }
    }

    /// What one such waiver is.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::InForce | Self::Soon => "in force",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The stages of the API that can be in this state.
    pub(crate) fn stages(self) -> &'static [v1::WaiverStage] {
        match self {
            Self::Proposed => &[v1::WaiverStage::Proposed],
            Self::InForce | Self::Soon => &[v1::WaiverStage::Approved],
            Self::Expired => &[v1::WaiverStage::Expired],
            Self::Revoked => &[v1::WaiverStage::Revoked],
        }
    }
}

/// The day by which waivers count: that of UTC.
pub(crate) fn today(now: Timestamp) -> Date {
    utc_day(now)
}

/// The title of a measure; its id where the catalogue no longer has it.
pub(crate) fn measure<'a>(catalogue: &'a Catalogue, id: &'a str) -> &'a str {
    catalogue.get(id).map_or(id, |measure| measure.title.as_str())
}

/// Which subjects are meant, in words.
pub(crate) fn subject(selector: Option<&v1::SubjectSelector>) -> Markup {
    let none = v1::SubjectSelector::default();
    let v1::SubjectSelector { kind, namespace, name } = selector.unwrap_or(&none);
    html! {
        @match kind.as_deref() {
            Some(kind) => { (part("kind", kind)) },
            None => { "every kind" },
        }
        @if let Some(namespace) = namespace.as_deref() { ", " (part("namespace", namespace)) }
        @if let Some(name) = name.as_deref() { ", " (part("name", name)) }
    }
}

fn part(word: &str, pattern: &str) -> Markup {
    html! {
        @match pattern.strip_suffix('*') {
            Some("") => { "every " (word) },
            Some(start) => { (word) " beginning with " (marks::id(start)) },
            None => { (word) " " (marks::id(pattern)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(stage: v1::WaiverStage, expiry: &str) -> v1::WaiverRecord {
        let waiver = v1::Waiver { expiry: expiry.into(), ..Default::default() };
        v1::WaiverRecord { waiver: Some(waiver), stage: stage.into(), ..Default::default() }
    }

    #[test]
    fn a_waiver_expires_soon_in_its_last_thirty_days() {
        let today = "2026-11-24".parse().unwrap();
        let state = |expiry| State::of(&record(v1::WaiverStage::Approved, expiry), today);
        assert_eq!(state("2026-12-24"), State::Soon);
        assert_eq!(state("2026-12-25"), State::InForce);
        assert_eq!(State::of(&record(v1::WaiverStage::Proposed, "2026-11-25"), today), State::Proposed);
    }

    #[test]
    fn subjects_are_told_as_they_are_picked() {
        let text = |kind: Option<&str>, namespace: Option<&str>, name: Option<&str>| {
            let owned = |part: Option<&str>| part.map(str::to_owned);
            let (kind, namespace, name) = (owned(kind), owned(namespace), owned(name));
            subject(Some(&v1::SubjectSelector { kind, namespace, name })).into_string()
        };
        assert_eq!(text(Some("Pod"), Some("*"), None), "kind <code>Pod</code>, every namespace");
        assert_eq!(text(None, None, Some("web*")), "every kind, name beginning with <code>web</code>");
        assert!(text(None, None, Some("<b>\u{202e}")).contains("&lt;b&gt;"));
    }
}
