//! The reconciliation as a sum, and the reasons for what was not evaluated.

use std::collections::BTreeMap;

use hexproof_core::assessment::PopulationRow;
use maud::{Markup, html};

use crate::pages::sentences::marked;
use crate::{marks, words};

/// Heads of the sum.
pub(crate) const HEADS: [&str; 8] = [
    "Kind, namespace",
    "Listed",
    "= Evaluated",
    "+ Not applicable",
    "+ Waived",
    "+ Unreadable",
    "+ Excluded",
    "Gap",
];

/// Namespace rows that are shown; those with a gap always are.
const ROWS: usize = 2000;
/// Names of objects that are shown for one reason.
const NAMES: usize = 5;

/// Sums of rows: listed, evaluated, not applicable, waived, unreadable, excluded, gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    values: [i64; 7],
    /// Some row does not hold, even if the sum does.
    broken: bool,
}

impl Sum {
    pub(crate) fn over<'a>(rows: impl IntoIterator<Item = &'a PopulationRow>) -> Self {
        rows.into_iter().fold(Self::default(), |mut sum, row| {
            let values =
                [row.listed, row.evaluated, row.not_applicable, row.waived, row.unreadable, row.excluded];
            let values = values.into_iter().map(i64::from).chain([i64::from(row.gap)]);
            for (sum, value) in sum.values.iter_mut().zip(values) {
                *sum = sum.saturating_add(value);
            }
            sum.broken |= row.gap != 0;
            sum
        })
    }

    pub(crate) fn listed(&self) -> u64 {
        self.values[0].unsigned_abs()
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.broken
    }

    /// The numbers as cells of a row. The gap is a control: its zero is a zero.
    pub(crate) fn cells(&self) -> Markup {
        html! {
            @for (i, (value, head)) in self.values.iter().zip(&HEADS[1..]).enumerate() {
                td.n data-label=(head) {
                    @if i < 6 { (marks::number_or_dot(value.unsigned_abs())) }
                    @else if *value != 0 || self.broken {
                        strong { @if *value < 0 { "−" } (words::thousands(value.unsigned_abs())) }
                    } @else { "0" }
                }
            }
        }
    }
}

/// By kind, then by namespace, then everything.
pub(crate) fn table(rows: &[PopulationRow], total: Sum) -> Markup {
    // Each with whether it is shown.
    let mut kinds: BTreeMap<(&str, &str), Vec<(&PopulationRow, bool)>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        kinds.entry((&row.api_version, &row.kind)).or_default().push((row, place < ROWS || row.gap != 0));
    }
    html! {
        section {
            h2 { "The sum by kind and namespace" }
            @if rows.is_empty() {
                p.empty { "Nothing was listed: there is nothing to add up." }
            } @else {
                table.list.sum {
                    caption.sr { "Objects by kind and namespace: listed, and where every one went" }
                    thead {
                        tr { @for (i, head) in HEADS.iter().enumerate() { th.n[i > 0] scope="col" { (head) } } }
                    }
                    @for ((version, kind), members) in &kinds {
                        @let sum = Sum::over(members.iter().map(|(row, _)| *row));
                        tbody {
                            tr.group.note[!sum.is_whole()] {
                                th scope="rowgroup" { (marks::name(kind)) " " span.quiet { (marks::name(version)) } }
                                (sum.cells())
                            }
                            @for (row, shown) in members {
                                @let one = Sum::over([*row]);
                                @if *shown {
                                    tr.note[!one.is_whole()] {
                                        th.lead scope="row" {
                                            @if row.namespace.is_empty() { "no namespace" } @else { (marks::id(&row.namespace)) }
                                        }
                                        (one.cells())
                                    }
                                }
                            }
                        }
                    }
                    tfoot {
                        tr.total.note[!total.is_whole()] { th scope="row" { "All kinds" } (total.cells()) }
                    }
                }
                @if rows.len() > ROWS {
                    p.quiet {
                        (words::thousands(ROWS as u64)) " of " (words::thousands(rows.len()))
                        " namespace rows are shown, and every one with a gap. All are in the file of the population."
                    }
                }
            }
        }
    }
}

/// The columns of the sum that need a reason, in order.
const COLUMNS: [(&str, &str); 5] = [
    ("notApplicable", "Not applicable"),
    ("waived", "Waived"),
    ("unreadable", "Unreadable"),
    ("excluded", "Excluded"),
    ("gap", "Gap"),
];

/// Why objects were not evaluated.
pub(crate) fn reasons(rows: &[PopulationRow]) -> Markup {
    let mut all: BTreeMap<(usize, &str), (u64, Vec<&str>)> = BTreeMap::new();
    for reason in rows.iter().flat_map(|row| &row.reasons) {
        let column = COLUMNS.iter().position(|(key, _)| *key == reason.column).unwrap_or(COLUMNS.len());
        let (count, names) = all.entry((column, reason.reason.as_str())).or_default();
        *count += u64::from(reason.count);
        names.extend(reason.names.iter().map(String::as_str).take(NAMES));
    }
    html! {
        section {
            h2 { "Reasons" span.note { "why objects were not evaluated" } }
            @if all.is_empty() {
                p.empty { "Every listed object was evaluated." }
            } @else {
                table.list {
                    caption.sr { "Why objects were not evaluated" }
                    thead {
                        tr { th scope="col" { "Column" } th.n scope="col" { "Objects" } th scope="col" { "Reason" } }
                    }
                    tbody {
                        @for ((column, reason), (count, names)) in &all {
                            tr.note[*column == 4] {
                                th.lead scope="row" { (COLUMNS.get(*column).map_or("Other", |(_, name)| *name)) }
                                td.n data-label="Objects" { (words::thousands(*count)) }
                                td data-label="Reason" {
                                    (marked(&words::capital(reason)))
                                    @for (i, name) in names.iter().take(NAMES).enumerate() {
                                        @if i == 0 { ": " } @else { ", " } (marks::id(name))
                                    }
                                    @if !names.is_empty() && *count > names.len().min(NAMES) as u64 { " and others" }
                                    "."
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::assessment::RowReason;

    use super::*;

    fn row(namespace: &str, listed: u32, gap: i32) -> PopulationRow {
        PopulationRow {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: namespace.into(),
            listed,
            gap,
            ..PopulationRow::default()
        }
    }

    #[test]
    fn a_row_with_a_gap_stands_out_and_is_shown_however_many_there_are() {
        let mut rows: Vec<PopulationRow> = (0..ROWS + 10).map(|n| row(&format!("n{n}"), 1, 0)).collect();
        rows[ROWS + 5].gap = -2;
        let total = Sum::over(&rows);
        let shown = table(&rows, total).0;
        assert!(shown.contains("n1999") && !shown.contains("n2004"));
        assert!(shown.contains("n2005") && shown.contains("<strong>−2</strong>"), "the row with the gap");
        assert!(shown.contains("namespace rows are shown"));
    }

    #[test]
    fn names_of_strangers_stay_text() {
        let mut hostile = row("<script>", 1, 1);
        hostile.kind = "\"><img src=x>".into();
        hostile.reasons = vec![RowReason {
            column: "gap".into(),
            count: 3,
            reason: "lost <b>".into(),
            names: vec!["\u{202e}x".into()],
        }];
        let shown =
            format!("{}{}", table(&[hostile.clone()], Sum::over([&hostile])).0, reasons(&[hostile]).0);
        assert!(!shown.contains("<script>") && !shown.contains("<img") && !shown.contains("<b>"), "{shown}");
        assert!(shown.contains("U+202E") && shown.contains("and others"), "{shown}");
    }
}
