//! Waivers: which count, which are void and why, and the failures they cover.

use hexproof_core::Outcome;
use hexproof_core::assessment::WaiverState;
use hexproof_core::settings::day;
use hexproof_core::waiver::Waiver;
use jiff::Timestamp;

use super::Judged;

/// Marks the failures that valid waivers cover. The first waiver in the order of ids counts where two cover one.
pub(super) fn apply(waivers: &[Waiver], judged: &mut [Judged<'_>], at: Timestamp) -> Vec<WaiverState> {
    let mut sorted: Vec<&Waiver> = waivers.iter().collect();
    sorted.sort_by(|a, b| (&a.id, &a.measure).cmp(&(&b.id, &b.measure)));
    sorted
        .into_iter()
        .map(|waiver| match void_reason(waiver, judged, at) {
            Some(void_reason) => WaiverState { waiver: waiver.clone(), valid: false, void_reason, covers: 0 },
            None => WaiverState {
                waiver: waiver.clone(),
                valid: true,
                void_reason: String::new(),
                covers: cover(waiver, judged),
            },
        })
        .collect()
}

fn void_reason(waiver: &Waiver, judged: &[Judged<'_>], at: Timestamp) -> Option<String> {
    let person = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for (field, text) in [
        ("reason", &waiver.reason),
        ("compensatingControl", &waiver.compensating_control),
        ("owner", &waiver.owner),
        ("approver", &waiver.approver),
    ] {
        if text.trim().is_empty() {
            return Some(format!("its field {field} is empty"));
        }
    }
    if waiver.expiry < day(at) {
        return Some(format!("expired on {}", waiver.expiry));
    }
    if person(&waiver.owner) == person(&waiver.approver) {
        return Some("approved by its own owner".into());
    }
    if waiver.subject.is_empty() {
        return Some("names no subject".into());
    }
    let Some(j) = judged.iter().find(|j| j.measure.id == waiver.measure) else {
        return Some(format!("the catalogue has no measure {}", waiver.measure));
    };
    let named = j.verdicts.iter().any(|v| {
        let subject = &v.observation.subject;
        waiver.subject.matches(&subject.kind, &subject.namespace, &subject.name)
    });
    (!named).then(|| format!("no subject of the measure is {}", waiver.subject))
}

fn cover(waiver: &Waiver, judged: &mut [Judged<'_>]) -> u32 {
    let mut covers = 0;
    for j in judged.iter_mut().filter(|j| j.measure.id == waiver.measure) {
        for verdict in &mut j.verdicts {
            let observation = &mut verdict.observation;
            let subject = &observation.subject;
            if observation.outcome == Outcome::Fail
                && observation.waived_by.is_empty()
                && waiver.subject.matches(&subject.kind, &subject.namespace, &subject.name)
            {
                observation.waived_by.clone_from(&waiver.id);
                covers += 1;
            }
        }
    }
    covers
}

#[cfg(test)]
mod tests {
    use hexproof_core::{Layer, Significance};

    use super::super::testing::{measure, verdict};
    use super::*;

    fn waiver(change: impl Fn(&mut Waiver)) -> WaiverState {
        let mut waiver: Waiver = serde_json::from_value(serde_json::json!({
            "id": "w-1", "measure": "container-privileged", "subject": {"namespace": "shop", "name": "web"},
            "reason": "r", "compensatingControl": "c", "owner": "R. Okafor", "approver": "M. Lind", "expiry": "2026-06-30"
        }))
        .unwrap();
        change(&mut waiver);
        let measure = measure("container-privileged", Layer::Container, Significance::Critical, &[]);
        let verdicts = vec![
            verdict(&measure, Outcome::Fail, "Deployment", "shop", "web"),
            verdict(&measure, Outcome::Fail, "Deployment", "shop", "api"),
        ];
        let mut judged = [Judged { measure: &measure, verdicts }];
        let at = "2026-06-30T23:00:00Z".parse().unwrap();
        let states = apply(&[waiver], &mut judged, at);
        let covered = judged[0].verdicts.iter().filter(|v| !v.observation.waived_by.is_empty()).count();
        assert_eq!(covered, states[0].covers as usize);
        states.into_iter().next().unwrap()
    }

    #[test]
    fn a_waiver_covers_what_it_names_until_the_end_of_its_last_day() {
        let state = waiver(|_| {});
        assert!(state.valid, "{}", state.void_reason);
        assert_eq!(state.covers, 1);
    }

    #[test]
    fn expired_self_approved_and_aimless_waivers_are_void_and_say_why() {
        type Change = fn(&mut Waiver);
        let cases: [(Change, &str); 6] = [
            (|w| w.expiry = "2026-06-29".parse().unwrap(), "expired on 2026-06-29"),
            (|w| w.approver = " r.  okafor".into(), "approved by its own owner"),
            (|w| w.subject.name = Some("gone".into()), "no subject of the measure is"),
            (|w| w.subject = hexproof_core::waiver::SubjectSelector::default(), "names no subject"),
            (|w| w.measure = "container-other".parse().unwrap(), "has no measure"),
            (|w| w.compensating_control = "  ".into(), "compensatingControl"),
        ];
        for (change, reason) in cases {
            let state = waiver(change);
            assert!(!state.valid && state.covers == 0);
            assert!(state.void_reason.contains(reason), "{} / {reason}", state.void_reason);
        }
    }
}
