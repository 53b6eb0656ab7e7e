//! The reconciliation: the sum by kind and namespace, and why objects were not evaluated or not read.

use std::collections::BTreeMap;

use hexproof_core::assessment::PopulationRow;

use super::context::Context;
use super::text::Text;
use super::{Fact, words};

super::view! {
    /// The sum by kind and namespace.
    struct Reconciliation {
        /// Heads of the columns.
        heads: Vec<String>,
        /// By kind.
        groups: Vec<KindGroup>,
        /// The grand total.
        total: Counts,
    }

    /// A kind.
    struct KindGroup {
        /// `apps/v1 Deployment`.
        kind: String,
        /// Listed, evaluated, not applicable, waived, unreadable, excluded, gap.
        counts: Vec<String>,
        /// The sum does not hold.
        gap: bool,
        /// By namespace.
        rows: Vec<NamespaceRow>,
    }

    /// A namespace.
    struct NamespaceRow {
        /// Name, or words where there is none.
        namespace: String,
        /// The name is words, not an identifier.
        plain: bool,
        /// As for the kind.
        counts: Vec<String>,
        /// The sum does not hold.
        gap: bool,
    }

    /// The grand total.
    struct Counts {
        /// `All kinds`.
        name: String,
        /// As for a kind.
        counts: Vec<String>,
        /// The sum does not hold.
        gap: bool,
    }

    /// Why objects were not evaluated.
    struct ReasonRow {
        /// The column.
        what: String,
        /// Number of objects.
        objects: String,
        /// The column is the gap.
        gap: bool,
        /// The reason.
        why: Text,
    }

    /// A kind or a file that was not read.
    struct NotRead {
        /// What.
        what: Text,
        /// Why.
        why: Text,
    }
}

/// Sums of rows.
#[derive(Default, Clone, Copy)]
pub(crate) struct Sum(pub(crate) [i64; 7]);

impl Sum {
    pub(crate) fn add(&mut self, row: &PopulationRow) {
        let values =
            [row.listed, row.evaluated, row.not_applicable, row.waived, row.unreadable, row.excluded];
        for (sum, value) in
            self.0.iter_mut().zip(values.into_iter().map(i64::from).chain([i64::from(row.gap)]))
        {
            *sum += value;
        }
    }

    fn of(row: &PopulationRow) -> Self {
        let mut sum = Self::default();
        sum.add(row);
        sum
    }

    fn words(self) -> Vec<String> {
        self.0
            .iter()
            .map(|n| format!("{}{}", if *n < 0 { "−" } else { "" }, words::thousands(n.unsigned_abs())))
            .collect()
    }

    fn gap(self) -> bool {
        self.0[6] != 0
    }
}

/// What was cut: rows shown, rows there are.
pub(crate) type Cut = Option<(usize, usize)>;

pub(crate) fn table(context: &Context<'_>, total: Sum) -> (Reconciliation, Cut) {
    let rows = &context.a.population;
    let mut kinds: BTreeMap<(&str, &str), Vec<&PopulationRow>> = BTreeMap::new();
    for row in rows {
        kinds.entry((&row.api_version, &row.kind)).or_default().push(row);
    }
    let limit = context.input.limits.population_rows;
    let mut shown = 0;
    let groups = kinds
        .into_iter()
        .map(|((version, kind), members)| {
            let mut sum = Sum::default();
            members.iter().for_each(|row| sum.add(row));
            let lines: Vec<NamespaceRow> = members
                .iter()
                .filter(|row| {
                    let show = shown < limit || row.gap != 0;
                    shown += usize::from(show);
                    show
                })
                .map(|row| NamespaceRow {
                    namespace: if row.namespace.is_empty() {
                        "no namespace".into()
                    } else {
                        row.namespace.clone()
                    },
                    plain: row.namespace.is_empty(),
                    counts: Sum::of(row).words(),
                    gap: row.gap != 0,
                })
                .collect();
            let gap = lines.iter().any(|line| line.gap);
            KindGroup { kind: format!("{version} {kind}"), counts: sum.words(), gap, rows: lines }
        })
        .collect();
    let heads = [
        "Kind, namespace",
        "Listed",
        "= Evaluated",
        "+ Not applicable",
        "+ Waived",
        "+ Unreadable",
        "+ Excluded",
        "Gap",
    ];
    let table = Reconciliation {
        heads: heads.map(str::to_owned).to_vec(),
        groups,
        total: Counts { name: "All kinds".into(), counts: total.words(), gap: total.gap() },
    };
    (table, (shown < rows.len()).then_some((shown, rows.len())))
}

/// The columns of the sum that need a reason, in order.
const COLUMNS: [(&str, &str); 5] = [
    ("notApplicable", "Not applicable"),
    ("waived", "Waived"),
    ("unreadable", "Unreadable"),
    ("excluded", "Excluded"),
    ("gap", "Gap"),
];

pub(crate) fn reasons(context: &Context<'_>) -> (Vec<ReasonRow>, Cut) {
    let mut all: BTreeMap<(usize, &str), (usize, Vec<&str>)> = BTreeMap::new();
    for reason in context.a.population.iter().flat_map(|row| &row.reasons) {
        let column = COLUMNS.iter().position(|(key, _)| *key == reason.column).unwrap_or(COLUMNS.len());
        let entry = all.entry((column, reason.reason.as_str())).or_default();
        entry.0 += reason.count as usize;
        entry.1.extend(reason.names.iter().map(String::as_str));
    }
    let of = all.len();
    let limit = context.input.limits.reasons;
    let rows: Vec<ReasonRow> = all
        .into_iter()
        .take(limit)
        .map(|((column, reason), (count, names))| {
            let mut why = Text::marked(&words::capital(reason));
            if column == 2 || column == 4 {
                for (i, name) in names.iter().take(5).enumerate() {
                    why = why.plain(if i == 0 { ": " } else { ", " }).code(name);
                }
                if names.len() > 5 || (count > names.len() && !names.is_empty()) {
                    why = why.plain(" and others, in the attachment");
                }
            }
            ReasonRow {
                what: COLUMNS.get(column).map_or("Other", |(_, name)| *name).to_owned(),
                objects: words::thousands(count),
                gap: column == 4,
                why: why.plain("."),
            }
        })
        .collect();
    (rows, (of > limit).then_some((limit, of)))
}

pub(crate) fn not_read(context: &Context<'_>) -> (Vec<NotRead>, Cut) {
    let a = context.a;
    let kinds = a.not_listed.iter().map(|kind| {
        let name = if kind.kind.is_empty() {
            kind.api_version.clone()
        } else {
            format!("{} {}", kind.api_version, kind.kind)
        };
        let state = if kind.inconsistent { "read, but not at one point in time: " } else { "not listed: " };
        NotRead { what: Text::of_code(&name), why: Text::marked(&format!("{state}{}", kind.reason)) }
    });
    let file = |file: &hexproof_core::population::UnreadableFile, state: &str| {
        let place = if file.line > 0 { format!("{}:{}", file.file, file.line) } else { file.file.clone() };
        NotRead {
            what: Text::of_code(&place),
            why: if file.reason.starts_with(state) {
                Text::marked(&words::capital(&file.reason))
            } else {
                Text::marked(&format!("{}: {}", words::capital(state), file.reason))
            },
        }
    };
    let files = a.unreadable_files.iter().map(|f| file(f, "unreadable"));
    let skipped = a.skipped_files.iter().map(|f| file(f, "no Kubernetes object"));
    let of = a.not_listed.len() + a.unreadable_files.len() + a.skipped_files.len();
    let limit = context.input.limits.reasons;
    (kinds.chain(files).chain(skipped).take(limit).collect(), (of > limit).then_some((limit, of)))
}

pub(crate) fn redaction(context: &Context<'_>) -> Vec<Fact> {
    let r = &context.a.redaction;
    let rows = [
        (r.secret_values, "Values of Secrets"),
        (r.config_map_values, "Values of ConfigMaps"),
        (r.env_values, "Literal values of environment variables"),
        (r.command_words, "Words of commands, arguments, probes and headers"),
        (r.annotation_values, "Values of annotations"),
        (r.managed_fields, "Entries of managedFields"),
        (r.bodies, "Objects of which only the metadata was kept"),
    ];
    rows.into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| Fact::new(what, words::thousands(usize::try_from(n).unwrap_or(usize::MAX))))
        .collect()
}
