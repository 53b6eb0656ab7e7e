//! The way of a waiver: one person proposes it, another one approves it, it counts until its last day or until it is
//! revoked. Every step takes an entry and gives the next version of it; nothing is kept here.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::{SubjectSelector, Waiver};
use crate::id::{ClusterId, RecordId};
use crate::measure::MeasureId;
use crate::port::{Register, StorageError};
use crate::register::{WaiverEntry, WaiverEvent, WaiverStage};
use crate::text;

/// Characters of an owner's name at most.
const LONGEST_NAME: usize = 120;
/// Characters of a reason, a compensating control or a comment at most.
const LONGEST_TEXT: usize = 2000;
/// Characters of a kind, namespace or name of a subject at most: what Kubernetes admits, and the star.
const LONGEST_PART: usize = 254;

/// How far a waiver has come on a certain day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does not count yet.
    Proposed,
    /// It counts.
    Approved,
    /// It was ended or refused.
    Revoked,
    /// Its last day has passed.
    Expired,
}

/// What is wrong with a proposal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct InvalidProposal {
    /// The field, as [`Waiver`] calls it, with the way to it.
    pub field: &'static str,
    /// What is wanted.
    pub reason: String,
}

/// Why a step is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepRefused {
    /// Whoever proposed a waiver cannot approve it.
    #[error("whoever proposed a waiver cannot approve it")]
    Proposer,
    /// Whoever owns the risk cannot approve the waiver.
    #[error("whoever owns the risk cannot approve the waiver")]
    Owner,
    /// It was approved before.
    #[error("the waiver was approved before")]
    Approved,
    /// It was revoked.
    #[error("the waiver was revoked")]
    Revoked,
    /// Its last day has passed.
    #[error("the waiver expired on {0}")]
    Expired(Date),
    /// A comment is missing or unfit.
    #[error("`comment`: {0}")]
    Comment(text::UnfitText),
}

/// The day of an instant, in UTC.
pub fn utc_day(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

/// Whether two names are those of one person: blanks and case aside, since an owner is written by hand.
pub fn same_person(one: &str, other: &str) -> bool {
    let person = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    person(one) == person(other)
}

/// How far a waiver has come on `day`.
pub fn standing(entry: &WaiverEntry, day: Date) -> Standing {
    match stage(entry) {
        WaiverStage::Revoked => Standing::Revoked,
        WaiverStage::Proposed | WaiverStage::Approved if entry.waiver.expiry < day => Standing::Expired,
        WaiverStage::Approved => Standing::Approved,
        WaiverStage::Proposed => Standing::Proposed,
    }
}

/// Proposes a waiver: the first version of its entry. `known` tells whether the catalogue has a measure.
///
/// # Errors
/// The first field that is wrong: a text that is absent, too long or cannot be printed; a selector that picks
/// everything; a measure that is not known; a last day that has passed or is more than a year away.
pub fn propose(
    id: &RecordId,
    cluster: ClusterId,
    waiver: Waiver,
    known: &dyn Fn(&MeasureId) -> bool,
    subject: &str,
    at: Timestamp,
) -> Result<WaiverEntry, InvalidProposal> {
    let invalid = |field, reason: String| InvalidProposal { field, reason };
    let Waiver {
        id: _,
        measure,
        subject: selector,
        reason,
        compensating_control,
        owner,
        approver: _,
        expiry,
    } = waiver;
    if !known(&measure) {
        return Err(invalid("measure", format!("the catalogue has no measure `{measure}`")));
    }
    check_selector(&selector)?;
    for (field, value) in [("reason", &reason), ("compensating_control", &compensating_control)] {
        text::lines(value, LONGEST_TEXT).map_err(|error| invalid(field, error.to_string()))?;
    }
    text::line(&owner, LONGEST_NAME).map_err(|error| invalid("owner", error.to_string()))?;
    let today = utc_day(at);
    if expiry < today {
        return Err(invalid("expiry", format!("{expiry} has passed; today is {today} in UTC")));
    }
    // The 29th of February and the last year that can be counted have no day one year later: saturate.
    let last = today.saturating_add(jiff::Span::new().years(1));
    if expiry > last {
        return Err(invalid("expiry", format!("is more than a year away; {last} is the last day possible")));
    }
    let approver = String::new();
    let waiver = Waiver {
        id: id.to_string(),
        measure,
        subject: selector,
        reason,
        compensating_control,
        owner,
        approver,
        expiry,
    };
    let proposed = event(WaiverStage::Proposed, subject, at, "");
    Ok(WaiverEntry { cluster, waiver, history: vec![proposed] })
}

/// Approves a waiver.
///
/// # Errors
/// If the approver proposed it or owns the risk, or if it is not proposed on that day.
pub fn approve(entry: &WaiverEntry, subject: &str, at: Timestamp) -> Result<WaiverEntry, StepRefused> {
    match standing(entry, utc_day(at)) {
        Standing::Proposed => {}
        Standing::Approved => return Err(StepRefused::Approved),
        Standing::Revoked => return Err(StepRefused::Revoked),
        Standing::Expired => return Err(StepRefused::Expired(entry.waiver.expiry)),
    }
    if entry.history.iter().any(|event| same_person(&event.subject, subject)) {
        return Err(StepRefused::Proposer);
    }
    if same_person(&entry.waiver.owner, subject) {
        return Err(StepRefused::Owner);
    }
    let mut next = entry.clone();
    subject.clone_into(&mut next.waiver.approver);
    next.history.push(event(WaiverStage::Approved, subject, at, ""));
    Ok(next)
}

/// Ends a waiver, or refuses one that is proposed.
///
/// # Errors
/// If it was revoked before or has expired, or if the comment is missing or unfit.
pub fn revoke(
    entry: &WaiverEntry,
    subject: &str,
    at: Timestamp,
    comment: &str,
) -> Result<WaiverEntry, StepRefused> {
    match standing(entry, utc_day(at)) {
        Standing::Proposed | Standing::Approved => {}
        Standing::Revoked => return Err(StepRefused::Revoked),
        Standing::Expired => return Err(StepRefused::Expired(entry.waiver.expiry)),
    }
    text::lines(comment, LONGEST_TEXT).map_err(StepRefused::Comment)?;
    let mut next = entry.clone();
    next.history.push(event(WaiverStage::Revoked, subject, at, comment));
    Ok(next)
}

/// The waivers of a cluster that count on `day`, in the order of their ids.
///
/// # Errors
/// Those of the storage.
pub async fn approved_waivers(
    register: &Register,
    cluster: &ClusterId,
    day: Date,
) -> Result<Vec<Waiver>, StorageError> {
    let all = register.all::<WaiverEntry>().await?;
    let counts =
        |entry: &WaiverEntry| entry.cluster == *cluster && standing(entry, day) == Standing::Approved;
    Ok(all.into_iter().map(|(_, version)| version.value).filter(counts).map(|entry| entry.waiver).collect())
}

fn stage(entry: &WaiverEntry) -> WaiverStage {
    // A history without events was never written by this crate. What nobody approved does not count.
    entry.history.last().map_or(WaiverStage::Proposed, |event| event.stage)
}

fn event(stage: WaiverStage, subject: &str, at: Timestamp, comment: &str) -> WaiverEvent {
    WaiverEvent { stage, subject: subject.to_owned(), at, comment: comment.to_owned() }
}

fn check_selector(selector: &SubjectSelector) -> Result<(), InvalidProposal> {
    let SubjectSelector { kind, namespace, name } = selector;
    let parts = [("subject.kind", kind), ("subject.namespace", namespace), ("subject.name", name)];
    // A star alone matches as much as no pattern at all.
    if selector.is_empty() || parts.iter().all(|(_, part)| part.as_deref().is_none_or(|part| part == "*")) {
        let reason = "picks every subject; name a kind, a namespace or a name".to_owned();
        return Err(InvalidProposal { field: "subject", reason });
    }
    for (field, part) in parts {
        let Some(part) = part else { continue };
        text::line(part, LONGEST_PART)
            .map_err(|error| InvalidProposal { field, reason: error.to_string() })?;
        let stem = part.strip_suffix('*').unwrap_or(part);
        if stem.contains(|char: char| char == '*' || char.is_whitespace()) {
            let reason = "has a star only at its end, and no blanks".to_owned();
            return Err(InvalidProposal { field, reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-24T10:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn waiver() -> Waiver {
        serde_json::from_value(serde_json::json!({
            "measure": "non-root", "subject": {"namespace": "shop", "name": "web-*"}, "reason": "image is replaced",
            "compensatingControl": "network policy", "owner": "R. Okafor", "approver": "", "expiry": "2026-12-31"
        }))
        .unwrap()
    }

    fn proposed(change: impl FnOnce(&mut Waiver)) -> Result<WaiverEntry, InvalidProposal> {
        let mut waiver = waiver();
        change(&mut waiver);
        let known = |measure: &MeasureId| measure.as_str() == "non-root";
        propose(&"w-1".parse().unwrap(), "shop".parse().unwrap(), waiver, &known, "jo@example.com", at(NOW))
    }

    #[test]
    fn a_waiver_goes_from_proposal_to_approval_to_its_end() {
        let entry = proposed(|waiver| waiver.approver = "forged".into()).unwrap();
        assert_eq!((entry.waiver.id.as_str(), entry.waiver.approver.as_str()), ("w-1", ""));
        let day = utc_day(at(NOW));
        assert_eq!(standing(&entry, day), Standing::Proposed);
        let approved = approve(&entry, "mia@example.com", at(NOW)).unwrap();
        assert_eq!(approved.waiver.approver, "mia@example.com");
        assert_eq!(standing(&approved, day), Standing::Approved);
        assert_eq!(standing(&approved, approved.waiver.expiry), Standing::Approved, "its last day counts");
        assert_eq!(standing(&approved, approved.waiver.expiry.tomorrow().unwrap()), Standing::Expired);
        let revoked = revoke(&approved, "jo@example.com", at(NOW), "fixed").unwrap();
        assert_eq!(standing(&revoked, "2030-01-01".parse().unwrap()), Standing::Revoked);
        let stages: Vec<_> = revoked.history.iter().map(|event| event.stage).collect();
        assert_eq!(stages, [WaiverStage::Proposed, WaiverStage::Approved, WaiverStage::Revoked]);
        assert_eq!(approve(&revoked, "kim", at(NOW)), Err(StepRefused::Revoked));
        assert_eq!(revoke(&revoked, "kim", at(NOW), "again"), Err(StepRefused::Revoked));
        assert_eq!(approve(&approved, "kim", at(NOW)), Err(StepRefused::Approved));
    }

    #[test]
    fn neither_proposer_nor_owner_approves() {
        let entry = proposed(|_| {}).unwrap();
        assert_eq!(approve(&entry, "jo@example.com", at(NOW)), Err(StepRefused::Proposer));
        assert_eq!(approve(&entry, "JO@example.com", at(NOW)), Err(StepRefused::Proposer));
        assert_eq!(approve(&entry, " r.  okafor", at(NOW)), Err(StepRefused::Owner));
    }

    #[test]
    fn what_has_expired_is_neither_approved_nor_revoked() {
        let entry = proposed(|_| {}).unwrap();
        let late = at("2027-01-01T00:00:00Z");
        let expired = StepRefused::Expired("2026-12-31".parse().unwrap());
        assert_eq!(approve(&entry, "mia", late), Err(expired.clone()));
        assert_eq!(revoke(&entry, "mia", late, "too late"), Err(expired));
        assert!(approve(&entry, "mia", at("2026-12-31T23:59:59Z")).is_ok());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let refused = |change: fn(&mut Waiver)| proposed(change).unwrap_err().field;
        assert_eq!(refused(|w| w.measure = "no-such".parse().unwrap()), "measure");
        assert_eq!(refused(|w| w.subject = SubjectSelector::default()), "subject");
        assert_eq!(
            refused(|w| w.subject = SubjectSelector { name: Some("*".into()), ..SubjectSelector::default() }),
            "subject"
        );
        assert_eq!(refused(|w| w.subject.kind = Some(String::new())), "subject.kind");
        assert_eq!(refused(|w| w.subject.namespace = Some("a*b".into())), "subject.namespace");
        assert_eq!(refused(|w| w.subject.name = Some("a\u{202e}".into())), "subject.name");
        assert_eq!(refused(|w| w.reason.clear()), "reason");
        assert_eq!(refused(|w| w.reason = "x".repeat(LONGEST_TEXT + 1)), "reason");
        assert_eq!(refused(|w| w.compensating_control = " ".into()), "compensating_control");
        assert_eq!(refused(|w| w.owner = "R.\nOkafor".into()), "owner");
        assert_eq!(refused(|w| w.expiry = "2026-11-23".parse().unwrap()), "expiry");
        assert_eq!(refused(|w| w.expiry = "2027-11-25".parse().unwrap()), "expiry");
        assert!(proposed(|w| w.expiry = "2026-11-24".parse().unwrap()).is_ok(), "today is a day");
        assert!(
            proposed(|w| w.expiry = "2027-11-24".parse().unwrap()).is_ok(),
            "a year is not more than one"
        );
        let entry = proposed(|_| {}).unwrap();
        assert!(matches!(revoke(&entry, "mia", at(NOW), ""), Err(StepRefused::Comment(_))));
    }
}
