//! A comparison as text: what was compared, how the low end moved, gates, failures, and what else differs.

use hexproof_core::diff::{Cause, Change, ChangeKind, Diff, PackRef, Turn, Verdict, words};
use hexproof_core::measure::Catalogue;
use hexproof_core::snapshot::State;

use super::matrix::letter;
use super::style::{Palette, Style};
use super::wrapping::{left, printable, right, width, wrap};

/// Changes that are printed of one sort.
const ROWS: usize = 40;

/// The whole comparison, with a final line end.
pub(crate) fn text(
    diff: &Diff,
    catalogue: &Catalogue,
    palette: Palette,
    columns: usize,
    notes: &[String],
    exit: &str,
) -> String {
    let columns = columns.min(120);
    let mut lines = Vec::new();
    for (label, pack) in [("before", &diff.before), ("after", &diff.after)] {
        lines.extend(head(label, pack, palette, columns));
    }
    for note in notes {
        lines.extend(wrap(&printable(note), columns - 8).into_iter().map(|line| format!("        {line}")));
    }
    if !diff.same_cluster {
        lines.push("warning: these are two clusters, so that no difference is one of time".to_owned());
    }
    lines.push(String::new());
    let ascii = |text: &str| text.replace('\u{2212}', "-");
    lines.extend(
        wrap(&ascii(&words::sentence(diff)), columns).iter().map(|line| palette.paint(Style::Bold, line)),
    );
    lines.push(String::new());
    lines.extend(causes(diff, palette));
    lines.extend(gates(diff, catalogue, palette, columns));
    lines.extend(changes(diff, catalogue, palette, columns));
    lines.extend(rest(diff, catalogue, palette, columns));
    lines.push(String::new());
    lines.push(format!("{} {exit}", left("Exit", 7)));
    lines.join("\n") + "\n"
}

fn head(label: &str, pack: &PackRef, palette: Palette, columns: usize) -> Vec<String> {
    let cell = &pack.overall;
    let state = pack.collected_at.strftime("state of %Y-%m-%d %H:%M UTC").to_string();
    let tile = palette.paint(Style::Tile(cell.rating), letter(cell.rating));
    let score = left(&cell.interval("-"), 8);
    let facts = format!("{state}, snapshot {}", &pack.snapshot_digest.hex()[..16]);
    let name = printable(&pack.cluster_name);
    let mut name = wrap(&name, columns - 8).into_iter();
    let mut lines = vec![format!("{}{}", left(label, 8), name.next().unwrap_or_default())];
    lines.extend(name.map(|line| format!("        {line}")));
    lines.push(format!("        {tile} {score}{facts}"));
    lines
}

/// How a cause is called.
fn named(cause: Cause) -> &'static str {
    match cause {
        Cause::Seen => "what was seen",
        other => other.word(),
    }
}

fn causes(diff: &Diff, palette: Palette) -> Vec<String> {
    const KINDS: [ChangeKind; 5] = [
        ChangeKind::Better,
        ChangeKind::Worse,
        ChangeKind::Appeared,
        ChangeKind::Vanished,
        ChangeKind::Changed,
    ];
    let whole = diff.low.as_ref().map(words::whole);
    let cell = |text: &str| right(text, 10);
    let mut head = left("through", 15);
    KINDS.iter().for_each(|kind| head.push_str(&cell(kind.word())));
    head.push_str(&cell("points"));
    let mut lines = vec![palette.paint(Style::Dim, &head)];
    for cause in Cause::ALL {
        let mut line = left(named(*cause), 15);
        for kind in KINDS {
            let count = diff.counts.iter().find(|count| (count.kind, count.cause) == (kind, *cause));
            line.push_str(&cell(&count.map_or_else(|| ".".to_owned(), |count| count.count.to_string())));
        }
        let points =
            whole.as_ref().map(|parts| parts.iter().find(|(each, _)| each == cause).map_or(0, |part| part.1));
        line.push_str(&cell(&match points {
            None => "-".to_owned(),
            Some(0) if diff.low.is_some_and(|low| low.of(*cause).abs() > 1e-9) => "under 1".to_owned(),
            Some(0) => ".".to_owned(),
            Some(points) => format!("{points:+}"),
        }));
        lines.push(line);
    }
    lines
}

fn heading(palette: Palette, text: &str) -> [String; 2] {
    [String::new(), palette.paint(Style::Bold, text)]
}

fn title<'a>(catalogue: &'a Catalogue, id: &'a hexproof_core::measure::MeasureId) -> &'a str {
    catalogue.get(id.as_str()).map_or(id.as_str(), |measure| measure.title.as_str())
}

/// A label of 15, a text that wraps, and a note at the right of 16.
fn entry(label: &str, text: &str, note: &str, columns: usize) -> Vec<String> {
    let room = columns - 19 - 16;
    let mut text = wrap(&printable(text), room).into_iter();
    let first =
        format!("    {}{}{}", left(label, 15), left(&text.next().unwrap_or_default(), room), right(note, 16));
    std::iter::once(first.trim_end().to_owned())
        .chain(text.map(|line| format!("{}{line}", " ".repeat(19))))
        .collect()
}

fn gates(diff: &Diff, catalogue: &Catalogue, palette: Palette, columns: usize) -> Vec<String> {
    let turned: Vec<_> = diff.gates.iter().filter_map(|gate| Some((gate, gate.turn?))).collect();
    if turned.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = heading(palette, "Gates").into();
    for (gate, turn) in turned {
        let label = if turn == Turn::Begun { "begins" } else { "ends" };
        let causes: Vec<&str> = gate.causes.iter().map(|cause| named(*cause)).collect();
        let text = format!("{} (through {})", title(catalogue, &gate.measure_id), causes.join(", "));
        let note = format!("{} -> {}", gate.failing_before, gate.failing_after);
        lines.extend(entry(label, &text, &note, columns));
    }
    lines
}

fn changes(diff: &Diff, catalogue: &Catalogue, palette: Palette, columns: usize) -> Vec<String> {
    let new = diff.changes.iter().filter(|change| change.is_new_failure()).collect::<Vec<_>>();
    let gone = diff.changes.iter().filter(|change| change.is_gone_failure()).collect::<Vec<_>>();
    let others = diff
        .changes
        .iter()
        .filter(|change| !change.is_new_failure() && !change.is_gone_failure())
        .filter(|change| !matches!(change.kind, ChangeKind::Appeared | ChangeKind::Vanished))
        .collect::<Vec<_>>();
    let mut lines = Vec::new();
    for (name, list) in [("New failures", new), ("Failures that are gone", gone), ("Other verdicts", others)]
    {
        if list.is_empty() {
            continue;
        }
        lines.extend(heading(palette, &format!("{name}: {}", list.len())));
        let mut last = None;
        for change in list.iter().take(ROWS) {
            if last.replace(&change.measure_id) != Some(&change.measure_id) {
                let title = printable(title(catalogue, &change.measure_id));
                let title = wrap(&format!("{title}; {}", change.significance()), columns - 4);
                lines.extend(title.into_iter().map(|line| format!("    {line}")));
            }
            lines.extend(row(change, columns));
        }
        if list.len() > ROWS {
            lines.push(format!("    and {} more, all with --format json", list.len() - ROWS));
        }
    }
    lines
}

fn row(change: &Change, columns: usize) -> Vec<String> {
    let word = |verdict: &Option<Verdict>| match verdict {
        None => "none".to_owned(),
        Some(verdict) if !verdict.waived_by.is_empty() => "waived".to_owned(),
        Some(verdict) => verdict.outcome.word().to_owned(),
    };
    let (before, after) = (word(&change.before), word(&change.after));
    let verdict = if before == after { before } else { format!("{before} -> {after}") };
    let subject = printable(&change.subject.label());
    let because = printable(&change.because.replace('`', ""));
    let anew = if change.recreated { ", made anew" } else { "" };
    let mut lines: Vec<String> = Vec::new();
    let room = columns - 8;
    if width(&subject) + 2 + width(&verdict) <= room {
        lines.push(format!("      {subject}  {verdict}"));
    } else {
        lines.extend(wrap(&subject, room).into_iter().map(|line| format!("      {line}")));
        lines.push(format!("        {verdict}"));
    }
    let told = format!("{}: {because}{anew}", named(change.cause));
    lines.extend(wrap(&told, room).into_iter().map(|line| format!("        {line}")));
    lines
}

fn rest(diff: &Diff, catalogue: &Catalogue, palette: Palette, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for measure in &diff.measures {
        let turn = match measure.rule {
            None => continue,
            Some(Turn::Begun) => "new",
            Some(Turn::Ended) => "gone",
            Some(Turn::Altered) => "altered",
        };
        lines.extend(entry("measure", title(catalogue, &measure.measure_id), turn, columns));
    }
    if diff.other_settings {
        lines.extend(entry("settings", "other settings than before", "", columns));
    }
    for source in &diff.sources {
        let state = |state: Option<State>| match state {
            Some(State::Complete) => "complete",
            Some(State::Partial) => "partial",
            Some(State::Refused) => "refused",
            Some(State::NotCollected) => "not collected",
            None => "not spoken of",
        };
        let text = format!("{}: {} -> {}", source.name, state(source.before), state(source.after));
        lines.extend(entry("source", &text, "", columns));
    }
    for change in &diff.not_listed {
        let text = format!(
            "{} {}: {}",
            change.not_listed.api_version, change.not_listed.kind, change.not_listed.reason
        );
        let note = if change.turn == Turn::Begun { "not listed" } else { "listed now" };
        lines.extend(entry("kind", &text, note, columns));
    }
    for change in &diff.permissions {
        let right = &change.permission;
        let text = format!("{} {}", right.verb, right.resource);
        let note = if change.turn == Turn::Begun { "gained" } else { "lost" };
        lines.extend(entry(if change.excess { "needless right" } else { "right" }, &text, note, columns));
    }
    for change in &diff.waivers {
        let text = format!("{} for {} {}", change.waiver.id, change.waiver.measure, change.reason);
        let note = match change.turn {
            Turn::Begun => "begins",
            Turn::Ended => "ends",
            Turn::Altered => "altered",
        };
        lines.extend(entry("waiver", &text, note, columns));
    }
    if lines.is_empty() {
        return lines;
    }
    let head = heading(palette, "What verdicts rest on");
    head.into_iter().chain(lines).collect()
}
