//! Waivers, valid and void.

use hexproof_core::assessment::WaiverState;

use super::context::Context;
use super::text::Text;
use super::{Chapter, Fact, words};

super::view! {
    /// Waivers.
    struct WaiversChapter {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// Those in force.
        valid: Vec<WaiverEntry>,
        /// Those that are void.
        void: Vec<WaiverEntry>,
        /// What else to say.
        text: Vec<Text>,
    }

    /// A waiver.
    struct WaiverEntry {
        /// Its id.
        id: String,
        /// In force until when, or why void.
        state: String,
        /// What it says.
        facts: Vec<Fact>,
    }
}

pub(crate) fn waivers(context: &Context<'_>) -> WaiversChapter {
    let all = &context.a.waivers;
    let (valid, void): (Vec<&WaiverState>, Vec<&WaiverState>) = all.iter().partition(|state| state.valid);
    let is = |n: usize| if n == 1 { "is" } else { "are" };
    let title = match (valid.len(), void.len()) {
        (0, 0) => "No failure is accepted: there is no waiver".to_owned(),
        (0, n) => format!("No waiver is in force; {} {} void", words::number(n), is(n)),
        (n, 0) => {
            format!("{} {} in force", words::capital(&plural(n)), is(n))
        }
        (n, m) => {
            format!("{} {} in force, {} {} void", words::capital(&plural(n)), is(n), words::number(m), is(m))
        }
    };
    let limit = context.input.limits.waivers;
    let mut text = Vec::new();
    if valid.len() > limit || void.len() > limit {
        text.push(Text::from(format!(
            "{} of {} waivers shown, all in the attachment.",
            words::thousands(valid.len().min(limit) + void.len().min(limit)),
            words::thousands(all.len())
        )));
    }
    WaiversChapter {
        chapter: Chapter::new("11", "Waivers"),
        title,
        second: vec![Text::from(
            "A waiver accepts a failure for a time. It opens the gate, and the score with it is shown beside the other; the failure stays a failure.",
        )],
        valid: valid.into_iter().take(limit).map(|state| entry(context, state)).collect(),
        void: void.into_iter().take(limit).map(|state| entry(context, state)).collect(),
        text,
    }
}

fn plural(n: usize) -> String {
    format!("{} {}", words::number(n), if n == 1 { "waiver" } else { "waivers" })
}

fn entry(context: &Context<'_>, state: &WaiverState) -> WaiverEntry {
    let waiver = &state.waiver;
    let id = waiver.measure.as_str();
    let title = context.input.catalogue.get(id).map(|measure| measure.title.as_str());
    let measure = match title {
        Some(title) => Text::from(format!("{title} ")).code(id),
        None => Text::of_code(id),
    };
    let pick = |value: &Option<String>, all: &str| match value {
        Some(value) => Text::of_code(value),
        None => Text::from(all),
    };
    let subjects = Text::default()
        .text(pick(&waiver.subject.kind, "every kind"))
        .plain(" ")
        .text(pick(&waiver.subject.name, "of every name"))
        .plain(" in ")
        .text(pick(&waiver.subject.namespace, "every namespace"));
    let until = words::day(waiver.expiry);
    let mut facts = vec![Fact::new("Measure", measure), Fact::new("Subjects", subjects)];
    if state.valid {
        facts.push(Fact::new("Covers", words::count(state.covers, "failure", "failures")));
    }
    facts.extend([
        Fact::new("Reason", waiver.reason.clone()),
        Fact::new("Compensating control", waiver.compensating_control.clone()),
        Fact::new("Owner", waiver.owner.clone()),
        Fact::new("Approved by", waiver.approver.clone()),
        Fact::new("Until", until.clone()),
    ]);
    WaiverEntry {
        id: if waiver.id.is_empty() { "waiver without an id".into() } else { waiver.id.clone() },
        state: if state.valid {
            format!("in force until {until}")
        } else {
            format!("void: {}", state.void_reason)
        },
        facts,
    }
}
