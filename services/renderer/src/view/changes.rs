//! What differs from the pack before.

use std::collections::BTreeMap;

use hexproof_core::diff::{Cause, Change, ChangeKind, Diff, Turn, Verdict, words as told};
use hexproof_core::observation::Subject;
use hexproof_core::snapshot::State;

use super::context::{Context, Previous, finding_label};
use super::text::Text;
use super::{Chapter, Fact, words};

super::view! {
    /// Changes since the pack before.
    struct ChangesChapter {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// What was compared; empty if nothing was.
        facts: Vec<Fact>,
        /// Changes and points by cause.
        causes: Vec<CauseRow>,
        /// Gates that began or ended.
        gates: Vec<GateTurn>,
        /// New failures, failures that are gone, what else changed.
        parts: Vec<ChangePart>,
        /// What differs in rules, sight and waivers.
        rest: Vec<RestRow>,
        /// What is not printed.
        foot: Text,
    }

    /// Changes through one cause.
    struct CauseRow {
        /// The cause.
        name: String,
        /// Changes: better, worse, appeared, vanished, changed.
        counts: Vec<String>,
        /// Points of the low end.
        points: String,
        /// It is the sum of all.
        total: bool,
    }

    /// A gate that began or ended.
    struct GateTurn {
        /// `begins` or `ends`.
        turn: String,
        /// Title of the measure.
        title: Text,
        /// Layer of the measure.
        layer: String,
        /// Subjects failing, before and after.
        subjects: String,
        /// Through what.
        cause: String,
    }

    /// Changes of one sort.
    struct ChangePart {
        /// What they are.
        title: String,
        /// How many, and what that means.
        note: String,
        /// By measure.
        groups: Vec<ChangeGroup>,
    }

    /// Changes of one measure.
    struct ChangeGroup {
        /// Title of the measure.
        title: Text,
        /// Label of its finding, where it has one.
        target: Option<String>,
        /// How many there are.
        count: String,
        /// The changes.
        rows: Vec<ChangeRow>,
    }

    /// A change.
    struct ChangeRow {
        /// What was judged.
        subject: Text,
        /// Verdict before and after.
        verdict: String,
        /// Through what.
        cause: String,
        /// How that was decided.
        because: Text,
    }

    /// A measure, a source, a right or a waiver that differs.
    struct RestRow {
        /// What it is.
        what: String,
        /// Which.
        name: Text,
        /// What became of it.
        turn: String,
    }
}

/// Number of the chapter.
const CHAPTER: &str = "12";

pub(crate) fn changes(context: &Context<'_>) -> ChangesChapter {
    let chapter = Chapter::new(CHAPTER, "Changes");
    match context.input.previous {
        Previous::First => empty(chapter, "There is no earlier pack", told::FIRST),
        Previous::Unreadable => empty(chapter, "The pack before could not be read", told::UNREADABLE),
        Previous::Compared(diff) => compared(context, chapter, diff),
    }
}

/// The sentence on the summary.
pub(crate) fn sentence(context: &Context<'_>) -> String {
    match context.input.previous {
        Previous::First => told::FIRST.to_owned(),
        Previous::Unreadable => told::UNREADABLE.to_owned(),
        Previous::Compared(diff) => told::sentence(diff),
    }
}

fn empty(chapter: Chapter, title: &str, second: &str) -> ChangesChapter {
    ChangesChapter {
        chapter,
        title: title.to_owned(),
        second: vec![Text::from(second)],
        facts: vec![],
        causes: vec![],
        gates: vec![],
        parts: vec![],
        rest: vec![],
        foot: Text::default(),
    }
}

fn compared(context: &Context<'_>, chapter: Chapter, diff: &Diff) -> ChangesChapter {
    let (new, gone): (Vec<&Change>, Vec<&Change>) = (
        diff.changes.iter().filter(|change| change.is_new_failure()).collect(),
        diff.changes.iter().filter(|change| change.is_gone_failure()).collect(),
    );
    let others: Vec<&Change> = diff
        .changes
        .iter()
        .filter(|change| !change.is_new_failure() && !change.is_gone_failure())
        // What came or went without ever having failed is counted, and is in the attachment.
        .filter(|change| {
            !matches!(change.kind, ChangeKind::Appeared | ChangeKind::Vanished)
                || change.cause != Cause::Cluster
        })
        .collect();
    let mut left = context.input.limits.changes;
    let mut printed = 0;
    let mut parts = Vec::new();
    for (title, note, list) in [
        ("New failures", "open now, and not before", &new),
        (
            "Failures that are gone",
            "mended, or no longer there, or no longer seen: the cause tells which",
            &gone,
        ),
        (
            "Other verdicts that changed",
            "objects that came or went without a failure are counted above",
            &others,
        ),
    ] {
        let shown = list.len().min(left);
        left -= shown;
        printed += shown;
        if shown > 0 {
            parts.push(ChangePart {
                title: title.to_owned(),
                note: format!("{}: {note}", words::thousands(list.len())),
                groups: groups(context, &list[..shown]),
            });
        }
    }
    let told_of = new.len() + gone.len() + others.len();
    let foot = match printed == told_of {
        true => Text::from("Every change, with its evidence digests, is in the attachment "),
        false => Text::from(format!(
            "{} of {} changes shown, all in the attachment ",
            words::thousands(printed),
            words::thousands(told_of)
        )),
    };
    let title = match (new.len(), gone.len()) {
        (0, 0) if diff.changes.is_empty() => "No verdict differs from the pack before".to_owned(),
        (0, 0) => "No failure is new and none is gone since the pack before".to_owned(),
        (n, m) => format!(
            "{} new and {} gone since the pack before",
            words::capital(&failures(n)),
            words::number(m)
        ),
    };
    ChangesChapter {
        chapter,
        title,
        second: vec![Text::from(told::sentence(diff))],
        facts: facts(diff),
        causes: causes(diff),
        gates: gates(context, diff),
        parts,
        rest: rest(context, diff),
        foot: foot.code("changes.json").plain("."),
    }
}

fn failures(n: usize) -> String {
    match n {
        0 => "no failure is".to_owned(),
        1 => "one failure is".to_owned(),
        n => format!("{} failures are", words::number(n)),
    }
}

fn facts(diff: &Diff) -> Vec<Fact> {
    let pack = |pack: &hexproof_core::diff::PackRef| {
        let audit = match pack.audit_id.as_str() {
            "" => Text::default(),
            id => Text::from("audit ").code(id).plain(", "),
        };
        Text::from(format!("state of {}, ", words::minute(pack.collected_at)))
            .text(audit)
            .plain("snapshot ")
            .code(&pack.snapshot_digest.to_string())
    };
    let same = |other: bool, what: &str| match other {
        true => format!("another {what} than before"),
        false => format!("the same {what}"),
    };
    vec![
        Fact::new("Pack before", pack(&diff.before)),
        Fact::new("Catalogue", same(diff.other_rules, "catalogue")),
        Fact::new(
            "Settings",
            match diff.other_settings {
                true => "other settings than before".to_owned(),
                false => "the same settings".to_owned(),
            },
        ),
        Fact::new(
            "The same verdict",
            format!(
                "{} of {} observations",
                words::thousands(diff.same),
                words::thousands(diff.after.observations)
            ),
        ),
    ]
}

/// How a cause is called at the head of a row.
fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Cluster => "The cluster",
        Cause::Rules => "Rules",
        Cause::Settings => "Settings",
        Cause::Waivers => "Waivers",
        Cause::Seen => "What was seen",
    }
}

/// Kinds in the order of the columns.
const KINDS: [ChangeKind; 5] =
    [ChangeKind::Better, ChangeKind::Worse, ChangeKind::Appeared, ChangeKind::Vanished, ChangeKind::Changed];

fn causes(diff: &Diff) -> Vec<CauseRow> {
    let count = |kind: ChangeKind, cause: Option<Cause>| {
        let sum: u32 = diff
            .counts
            .iter()
            .filter(|count| count.kind == kind && cause.is_none_or(|cause| count.cause == cause))
            .map(|count| count.count)
            .sum();
        words::thousands(sum)
    };
    let whole: BTreeMap<Cause, i32> =
        diff.low.as_ref().map(|low| told::whole(low).into_iter().collect()).unwrap_or_default();
    let points = |cause: Cause| match (whole.get(&cause), &diff.low) {
        (_, None) => "not known".to_owned(),
        (Some(points), _) => signed(*points),
        (None, Some(low)) if low.of(cause).abs() > 1e-9 => "under 1".to_owned(),
        (None, Some(_)) => "0".to_owned(),
    };
    let mut rows: Vec<CauseRow> = Cause::ALL
        .iter()
        .map(|each| CauseRow {
            name: cause(*each).to_owned(),
            counts: KINDS.iter().map(|kind| count(*kind, Some(*each))).collect(),
            points: points(*each),
            total: false,
        })
        .collect();
    rows.push(CauseRow {
        name: "Together".to_owned(),
        counts: KINDS.iter().map(|kind| count(*kind, None)).collect(),
        points: if diff.low.is_some() { signed(whole.values().sum()) } else { "not known".to_owned() },
        total: true,
    });
    rows
}

/// `+7`, `−2`, `0`.
fn signed(points: i32) -> String {
    match points {
        0 => "0".to_owned(),
        1.. => format!("+{points}"),
        _ => format!("\u{2212}{}", points.unsigned_abs()),
    }
}

fn gates(context: &Context<'_>, diff: &Diff) -> Vec<GateTurn> {
    diff.gates
        .iter()
        .filter_map(|gate| {
            let turn = match gate.turn? {
                Turn::Begun => "begins",
                Turn::Ended => "ends",
                Turn::Altered => "changes",
            };
            let causes: Vec<&str> = gate.causes.iter().map(|each| word(*each)).collect();
            Some(GateTurn {
                turn: turn.to_owned(),
                title: title(context, gate.measure_id.as_str()),
                layer: words::layer(gate.layer).to_owned(),
                subjects: format!("{} → {}", gate.failing_before, gate.failing_after),
                cause: words::list(&causes),
            })
        })
        .collect()
}

/// The word for a cause within a row.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Seen => "what was seen",
        other => other.word(),
    }
}

/// Title of a measure; the id where this catalogue has no such measure.
fn title(context: &Context<'_>, id: &str) -> Text {
    context
        .input
        .catalogue
        .get(id)
        .map_or_else(|| Text::of_code(id), |measure| Text::from(measure.title.clone()))
}

fn groups(context: &Context<'_>, changes: &[&Change]) -> Vec<ChangeGroup> {
    let mut groups: Vec<(&str, Vec<&Change>)> = Vec::new();
    for change in changes {
        let id = change.measure_id.as_str();
        match groups.last_mut() {
            Some((last, list)) if *last == id => list.push(change),
            _ => groups.push((id, vec![change])),
        }
    }
    groups
        .into_iter()
        .map(|(id, list)| ChangeGroup {
            title: title(context, id),
            target: context.finding_number(id).map(|_| finding_label(id)),
            count: words::thousands(list.len()),
            rows: list.into_iter().map(row).collect(),
        })
        .collect()
}

fn row(change: &Change) -> ChangeRow {
    let before = change.before.as_ref().map_or("none", verdict);
    let after = change.after.as_ref().map_or("none", verdict);
    let recreated = if change.recreated { "; the object was made anew" } else { "" };
    ChangeRow {
        subject: subject(&change.subject),
        verdict: match before == after {
            true => before.to_owned(),
            false => format!("{before} → {after}"),
        },
        cause: word(change.cause).to_owned(),
        because: Text::marked(&change.because).plain(recreated),
    }
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict.waived_by.is_empty() {
        true => verdict.outcome.word(),
        false => "waived",
    }
}

fn subject(subject: &Subject) -> Text {
    let text = Text::from(format!("{} ", subject.kind));
    match subject.namespace.as_str() {
        "" => text.code(&subject.name),
        namespace => text.code(&format!("{namespace}/{}", subject.name)),
    }
}

fn rest(context: &Context<'_>, diff: &Diff) -> Vec<RestRow> {
    let mut rows = Vec::new();
    let mut push = |what: &str, name: Text, turn: &str| {
        rows.push(RestRow { what: what.to_owned(), name, turn: turn.to_owned() });
    };
    for measure in &diff.measures {
        let turn = match measure.rule {
            None => continue,
            Some(Turn::Begun) => "new in the catalogue",
            Some(Turn::Ended) => "no longer in the catalogue",
            Some(Turn::Altered) => "asks for something else, or weighs otherwise",
        };
        push("Measure", title(context, measure.measure_id.as_str()), turn);
    }
    for source in &diff.sources {
        let state = |state: Option<State>| match state {
            Some(State::Complete) => "complete",
            Some(State::Partial) => "partial",
            Some(State::Refused) => "refused",
            Some(State::NotCollected) => "not collected",
            None => "not spoken of",
        };
        let turn = format!("{} → {}", state(source.before), state(source.after));
        push("Source", Text::of_code(&source.name), &turn);
    }
    for change in &diff.not_listed {
        let name = Text::of_code(&format!("{} {}", change.not_listed.api_version, change.not_listed.kind));
        push(
            "Kind",
            name,
            if change.turn == Turn::Begun { "can no longer be listed" } else { "can be listed now" },
        );
    }
    for change in &diff.permissions {
        let right = &change.permission;
        let name = Text::of_code(&format!("{} {}", right.verb, right.resource));
        let needed = if change.excess { ", beyond its need" } else { "" };
        let turn = if change.turn == Turn::Begun { "gained" } else { "lost" };
        push("Right of the collector", name, &format!("{turn}{needed}"));
    }
    for change in &diff.waivers {
        let turn = match change.turn {
            Turn::Begun => format!("counts now, covers {}", change.covers_after),
            Turn::Ended => format!("counts no longer: {}", change.reason),
            Turn::Altered => format!("changed, covers {} → {}", change.covers_before, change.covers_after),
        };
        push("Waiver", Text::of_code(&change.waiver.id), &turn);
    }
    rows.truncate(context.input.limits.reasons);
    rows
}
