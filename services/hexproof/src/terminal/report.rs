//! The assessment as text: head line, verdict, matrix, gates, what was not seen, first steps.

use hexproof_core::assessment::{Assessment, whole_low};
use hexproof_core::measure::Catalogue;
use hexproof_core::snapshot::{Source, State};
use hexproof_core::{Platform, Rating};

use super::matrix::{self, letter};
use super::style::{Palette, Style};
use super::wrapping::{left, printable, right, wrap};

/// How many steps are shown.
const STEPS: usize = 10;
/// How many gates are shown.
const GATES: usize = 20;

/// What stands below the assessment, label and text.
pub(crate) type Footer = Vec<(&'static str, String)>;

/// The whole report, with a final line end.
pub(crate) fn text(
    a: &Assessment,
    catalogue: &Catalogue,
    palette: Palette,
    columns: usize,
    footer: &Footer,
) -> String {
    let mut lines = head(a, palette, columns);
    lines.push(String::new());
    lines.extend(verdict(a, palette, columns));
    lines.push(String::new());
    lines.extend(matrix::lines(a, palette, columns));
    lines.extend(gates(a, catalogue, palette, columns));
    lines.extend(not_seen(a, palette, columns));
    lines.extend(void_waivers(a, palette, columns));
    lines.extend(steps(a, catalogue, palette, columns));
    if !footer.is_empty() {
        lines.push(String::new());
    }
    for (label, value) in footer {
        // A path may be longer than the line: it is printed whole, to be copied.
        lines.push(format!("{} {}", left(label, 7), printable(value)));
    }
    lines.join("\n") + "\n"
}

fn head(a: &Assessment, palette: Palette, columns: usize) -> Vec<String> {
    let place = match (a.snapshot.origin, a.cluster.platform) {
        (Source::Manifests, _) => "manifests".to_owned(),
        (Source::Recording | Source::Live, Some(Platform::Aks)) => format!("AKS {}", a.cluster.version),
        (Source::Recording | Source::Live, _) => format!("Kubernetes {}", a.cluster.version),
    };
    let counted = |n: u32, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let mut facts = vec![place];
    if a.cluster.nodes > 0 {
        facts.push(counted(a.cluster.nodes, "node"));
    }
    facts.push(counted(a.cluster.namespaces, "namespace"));
    facts.push(counted(a.snapshot.records, "object"));
    let name = printable(&a.cluster.name);
    let facts = facts.join(", ");
    let state = a.snapshot.collected_at.strftime("state of %Y-%m-%d %H:%M UTC").to_string();
    let used = super::wrapping::width(&name) + 2 + super::wrapping::width(&facts);
    let width = if columns >= 120 { 120 } else { 77 };
    let name = palette.paint(Style::Bold, &name);
    if used + 2 + state.len() <= width {
        vec![format!("{name}  {facts}{}", right(&state, width - used))]
    } else {
        vec![name, format!("{facts}; {state}")]
    }
}

fn verdict(a: &Assessment, palette: Palette, columns: usize) -> Vec<String> {
    let cell = &a.overall;
    let gated = !cell.gated_by.is_empty() && cell.rating != Rating::NotAssessed;
    let tile = format!("{}{}", letter(cell.rating), if gated { "!" } else { " " });
    let seen = whole_low(cell.coverage);
    let count = a.gates.len();
    let critical = format!("{count} failed critical measure{}", if count == 1 { "" } else { "s" });
    let by_score = letter(cell.rating_by_score);
    let said = match cell.rating {
        Rating::NotAssessed if cell.measures == 0 => {
            "not assessed: no measure found anything to judge".to_owned()
        }
        Rating::NotAssessed => format!("not assessed: only {seen} % of the weight was seen"),
        _ if gated && cell.rating_by_score < cell.rating => {
            format!(
                "by score {by_score}; held at {} by {critical}; seen {seen} % of the weight",
                letter(cell.rating)
            )
        }
        _ if gated => format!("by score {by_score}; {critical}; seen {seen} % of the weight"),
        _ => format!("by score; seen {seen} % of the weight"),
    };
    let indent = 16;
    let mut lines = wrap(&said, columns.min(120) - indent).into_iter();
    let score = if cell.measures == 0 { String::new() } else { cell.interval("-") };
    let first = format!(
        "{}  {}{}",
        palette.paint(Style::Tile(cell.rating), &tile),
        palette.paint(Style::Bold, &left(&score, 12)),
        lines.next().unwrap_or_default()
    );
    std::iter::once(first).chain(lines.map(|line| format!("{}{line}", " ".repeat(indent)))).collect()
}

/// A list entry: number, layer, a title that wraps, and a count at the right.
fn entry(number: u32, layer: &str, title: &str, count: &str, columns: usize) -> Vec<String> {
    let width = columns.min(120);
    let room = width - 19 - 12;
    let mut title = wrap(title, room).into_iter();
    let first = format!(
        "{} {}{}{}",
        right(&number.to_string(), 3),
        left(layer, 15),
        left(&title.next().unwrap_or_default(), room),
        right(count, 11)
    );
    std::iter::once(first).chain(title.map(|line| format!("{}{line}", " ".repeat(19)))).collect()
}

fn title<'a>(catalogue: &'a Catalogue, id: &'a hexproof_core::measure::MeasureId) -> &'a str {
    catalogue.get(id.as_str()).map_or(id.as_str(), |measure| measure.title.as_str())
}

fn heading(palette: Palette, text: &str) -> [String; 2] {
    [String::new(), palette.paint(Style::Bold, text)]
}

fn gates(a: &Assessment, catalogue: &Catalogue, palette: Palette, columns: usize) -> Vec<String> {
    if a.gates.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = heading(palette, "Gates").into();
    for gate in a.gates.iter().take(GATES) {
        let count = format!("{} of {}", gate.failing, gate.judged);
        lines.extend(entry(
            gate.number,
            gate.layer.word(),
            title(catalogue, &gate.measure_id),
            &count,
            columns,
        ));
    }
    if a.gates.len() > GATES {
        lines.push(format!("    and {} more, all in the pack", a.gates.len() - GATES));
    }
    lines
}

fn not_seen(a: &Assessment, palette: Palette, columns: usize) -> Vec<String> {
    let mut rows: Vec<(String, String)> = a
        .sources
        .iter()
        .filter(|source| matches!(source.state, State::Partial | State::Refused))
        .map(|source| {
            let state = if source.state == State::Partial { "partial" } else { "refused" };
            (source.name.clone(), format!("{state}: {}", source.reason))
        })
        .collect();
    rows.extend(a.not_listed.iter().map(|kind| {
        // Where a whole group was not served there is no kind to name.
        let name = if kind.kind.is_empty() { &kind.api_version } else { &kind.kind };
        (name.clone(), kind.reason.clone())
    }));
    rows.extend(
        a.unreadable_files
            .iter()
            .map(|file| (file.file.clone(), format!("line {}: {}", file.line, file.reason))),
    );
    let unreadable: u32 = a.population.iter().map(|row| row.unreadable).sum();
    if unreadable > 0 {
        rows.push(("objects".into(), format!("{unreadable} could not be read; the pack names them")));
    }
    if rows.is_empty() {
        return Vec::new();
    }
    const ROWS: usize = 12;
    let mut lines: Vec<String> = heading(palette, "Not seen").into();
    for (what, why) in rows.iter().take(ROWS) {
        let what = printable(what);
        let mut text = wrap(&printable(why), columns.min(120) - 19).into_iter();
        if super::wrapping::width(&what) < 15 {
            lines.push(format!("    {}{}", left(&what, 15), text.next().unwrap_or_default()));
        } else {
            lines.push(format!("    {what}"));
        }
        lines.extend(text.map(|line| format!("{}{line}", " ".repeat(19))));
    }
    if rows.len() > ROWS {
        lines.push(format!("    and {} more, all in the pack", rows.len() - ROWS));
    }
    lines
}

fn void_waivers(a: &Assessment, palette: Palette, columns: usize) -> Vec<String> {
    let void: Vec<_> = a.waivers.iter().filter(|state| !state.valid).collect();
    if void.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = heading(palette, "Void waivers").into();
    for state in void {
        let text = format!("{} for {}: {}", state.waiver.id, state.waiver.measure, state.void_reason);
        lines.extend(
            wrap(&printable(&text), columns.min(120) - 4).into_iter().map(|line| format!("    {line}")),
        );
    }
    lines
}

fn steps(a: &Assessment, catalogue: &Catalogue, palette: Palette, columns: usize) -> Vec<String> {
    if a.work_list.is_empty() {
        return Vec::new();
    }
    let total = a.work_list.len();
    let name = match total {
        1 => "The one step".to_owned(),
        2..=STEPS => format!("All {total} steps"),
        _ => format!("First ten of {total} steps"),
    };
    let mut lines: Vec<String> = heading(palette, &name).into();
    for step in a.work_list.iter().take(STEPS) {
        let text = format!("{}; {}", title(catalogue, &step.measure_id), step.significance);
        let count = format!("{} of {}", step.failing, step.judged);
        lines.extend(entry(step.number, step.layer.word(), &text, &count, columns));
    }
    lines
}
