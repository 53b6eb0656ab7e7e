//! The sentences that say the result.

use hexproof_core::{Rating, Significance};

use super::changes;
use super::context::Context;
use super::round::{down, interval, up};
use super::text::Text;
use super::words::{self, THIN};

/// `Rated D` or `Not assessed`.
fn rated(context: &Context<'_>) -> String {
    match context.a.overall.rating {
        Rating::NotAssessed => "Not assessed".to_owned(),
        letter => format!("Rated {letter}"),
    }
}

/// What the critical measures say.
fn critical(context: &Context<'_>) -> String {
    let gates = context.a.gates.len();
    if gates > 0 {
        let verb = if gates == 1 { "measure fails" } else { "measures fail" };
        return format!("{} critical {verb}", words::number(gates));
    }
    let (mut waived, mut fails, mut unseen) = (0, 0, 0);
    for measure in
        context.input.catalogue.measures.iter().filter(|m| m.significance == Significance::Critical)
    {
        let count = context.count(measure);
        fails += usize::from(count.fail > count.waived);
        waived += usize::from(count.fail > 0 && count.fail == count.waived);
        unseen += usize::from(count.fail == 0 && count.unknown > 0);
    }
    match (fails, waived, unseen) {
        (0, 0, 0) => "every critical measure passes".to_owned(),
        (0, 0, n) => format!("no critical measure fails, {} could not be seen", words::number(n)),
        (0, n, _) => format!(
            "the failures of {} are accepted",
            words::count(n, "critical measure", "critical measures")
        ),
        (n, _, _) => {
            let verb = if n == 1 { "measure fails" } else { "measures fail" };
            format!("{} critical {verb} in part", words::number(n))
        }
    }
}

/// What was not seen, or not judged at all; empty if all was.
fn unseen(context: &Context<'_>) -> Option<String> {
    let empty = context.empty_layers().len();
    if empty > 0 {
        let verb = if empty == 1 { "was" } else { "were" };
        return Some(format!("{} of five layers {verb} not judged", words::number(empty)));
    }
    let missing = up(100.0 - context.a.overall.coverage);
    (missing > 0).then(|| format!("{missing}{THIN}% was not seen"))
}

/// The title of the summary, without a final stop.
pub(crate) fn title(context: &Context<'_>) -> String {
    let overall = &context.a.overall;
    if overall.measures == 0 {
        return "Not assessed: no measure of the catalogue applies to what was read".to_owned();
    }
    if overall.rating == Rating::NotAssessed {
        return format!("Not assessed: only {}{THIN}% of the weight was seen", down(overall.coverage));
    }
    let critical = critical(context);
    match unseen(context) {
        Some(unseen) => format!("{}: {critical}, and {unseen}", rated(context)),
        None => format!("{}: {critical}; all of it was seen", rated(context)),
    }
}

/// The verdict on the cover.
pub(crate) fn sentence(context: &Context<'_>) -> String {
    let title = title(context);
    match title.split_once(": ") {
        Some((rated, rest)) => format!("{rated}. {}.", words::capital(rest)),
        None => format!("{title}."),
    }
}

/// The lines below the title of the summary.
pub(crate) fn second(context: &Context<'_>) -> Vec<Text> {
    let overall = &context.a.overall;
    let mut lines = Vec::new();
    if overall.measures > 0 {
        let score = interval(overall.score_low, overall.score_high);
        let seen = down(overall.coverage);
        let gates = context.a.gates.len();
        if overall.rating != overall.rating_by_score && overall.rating != Rating::NotAssessed && gates > 0 {
            let (verb, they) =
                if gates == 1 { ("A gate holds", "it is") } else { ("Gates hold", "they are") };
            lines.push(Text::from(format!(
                "By score alone {score} ({}), seen {seen}. {verb} the rating at {} until {they} mended or accepted.",
                overall.rating_by_score, overall.rating
            )));
        } else {
            lines.push(Text::from(format!("Score {score} of 100, seen {seen}.")));
        }
    }
    let empty: Vec<String> =
        context.empty_layers().into_iter().map(|l| words::layer(l).to_lowercase()).collect();
    lines.push(Text::from(changes::sentence(context)));
    if !empty.is_empty() {
        let has = if empty.len() == 1 { "has" } else { "have" };
        lines.push(Text::from(format!(
            "{} {has} no measure in this catalogue: the pack says nothing about {}.",
            words::capital(&words::list(&empty)),
            if empty.len() == 1 { "it" } else { "them" }
        )));
    }
    lines
}
