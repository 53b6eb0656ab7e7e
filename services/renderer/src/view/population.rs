//! Scope and population: what was read, and where every listed object went.

use std::collections::BTreeMap;

use hexproof_core::assessment::PopulationRow;
use hexproof_core::snapshot::{Source, State};

use super::context::Context;
use super::text::Text;
use super::{Chapter, Fact, cover, words};

super::view! {
    /// Scope and population.
    struct PopulationChapter {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// What was judged.
        scope: Vec<Fact>,
        /// The sources.
        sources: Vec<SourceRow>,
        /// The sum by kind and namespace.
        table: Reconciliation,
        /// Why objects were not evaluated.
        reasons: Vec<ReasonRow>,
        /// Kinds and files that were not read.
        not_read: Vec<NotRead>,
        /// What was dropped before anything was stored.
        redaction: Vec<Fact>,
        /// What of the tables is not printed.
        foot: Text,
    }

    /// A source.
    struct SourceRow {
        /// Name.
        name: String,
        /// `complete`, `partial` or `absent`: the mark.
        state: String,
        /// The state as a word.
        word: String,
        /// Objects read.
        objects: String,
        /// What is missing, and why.
        missing: Text,
    }

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
struct Sum([i64; 7]);

impl Sum {
    fn add(&mut self, row: &PopulationRow) {
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
            .map(|n| {
                format!("{}{}", if *n < 0 { "−" } else { "" }, words::thousands(n.unsigned_abs() as usize))
            })
            .collect()
    }

    fn gap(self) -> bool {
        self.0[6] != 0
    }
}

pub(crate) fn population(context: &Context<'_>) -> PopulationChapter {
    let a = context.a;
    let mut total = Sum::default();
    let mut missing = 0_i64;
    for row in &a.population {
        total.add(row);
        missing += i64::from(row.gap).abs();
    }
    let listed = usize::try_from(total.0[0]).unwrap_or(0);
    let found = words::count(listed, "object was listed", "objects were listed");
    let title = match usize::try_from(missing).unwrap_or(0) {
        0 if listed == 0 => "No object was listed".to_owned(),
        0 => format!("{found}; every one is accounted for"),
        gap => format!("{found}; {} are accounted for", words::thousands(listed.saturating_sub(gap))),
    };
    let (table, cut) = table(context, total);
    let (reasons, reasons_cut) = reasons(context);
    let (not_read, not_read_cut) = not_read(context);
    let mut foot = Text::default();
    for (what, cut) in
        [("namespace rows", cut), ("reasons", reasons_cut), ("kinds and files not read", not_read_cut)]
    {
        if let Some((shown, of)) = cut {
            foot = foot.plain(format!(
                "{} of {} {what} shown, all in the attachment. ",
                words::thousands(shown),
                words::thousands(of)
            ));
        }
    }
    PopulationChapter {
        chapter: Chapter::new("3", "Scope and population"),
        title,
        second: second(missing),
        scope: scope(context),
        sources: sources(context),
        table,
        reasons,
        not_read,
        redaction: redaction(context),
        foot,
    }
}

fn second(missing: i64) -> Vec<Text> {
    let first = if missing == 0 {
        "Listed objects are counted before they are read, so that a loss would show as a gap."
    } else {
        "Where the sum does not hold, the row says so in bold; what became of those objects is not known."
    };
    vec![Text::from(first), Text::from("What was not read is counted as unknown, never as a pass.")]
}

fn scope(context: &Context<'_>) -> Vec<Fact> {
    let a = context.a;
    let empty: Vec<String> =
        context.empty_layers().into_iter().map(|l| words::layer(l).to_lowercase()).collect();
    let mut facts = vec![
        Fact::new(
            "Cluster",
            Text::of_code(cover::cluster_name(context)).plain("; ").text(cover::cluster(context)),
        ),
        Fact::new(
            "Period",
            format!(
                "{}: a state at one time, not over a period",
                words::period(a.snapshot.collected_from, a.snapshot.collected_at)
            ),
        ),
    ];
    if let Some(platform) = a.cluster.platform {
        let why = if a.cluster.platform_reason.is_empty() {
            String::new()
        } else {
            format!(" ({})", a.cluster.platform_reason)
        };
        facts.push(Fact::new("Platform", format!("{}{why}", words::platform(platform))));
    }
    let mut collected = Text::from(a.snapshot.collector.clone());
    if !a.snapshot.identity.is_empty() {
        collected = collected.plain(", as ").code(&a.snapshot.identity);
    }
    facts.push(Fact::new("Collected by", collected));
    let judged = match a.snapshot.origin {
        Source::Manifests => "manifests, as if they were the whole cluster; they have no status",
        Source::Recording => "recorded answers of the API server",
        Source::Live => "answers of the API server",
    };
    facts.push(Fact::new("Read", judged));
    if !empty.is_empty() {
        facts.push(Fact::new("Not judged", format!("the layers without measures: {}", words::list(&empty))));
    }
    facts
}

fn sources(context: &Context<'_>) -> Vec<SourceRow> {
    let origin = context.a.snapshot.origin;
    let row = |source: &hexproof_core::snapshot::SourceState| {
        let (state, word) = match source.state {
            State::Complete => ("complete", "complete"),
            State::Partial => ("partial", "partial"),
            State::Refused => ("absent", "refused"),
            State::NotCollected => ("absent", "not collected"),
        };
        let name = match source.name.as_str() {
            "cluster-api" if origin == Source::Manifests => "Manifest files",
            "cluster-api" => "Kubernetes API",
            "node-agent" => "Node agent",
            "kubelet-configz" => "Kubelet configz",
            "azure-arm" => "Azure",
            "manual" => "Attestations",
            other => other,
        };
        SourceRow {
            name: name.to_owned(),
            state: state.to_owned(),
            word: word.to_owned(),
            objects: words::thousands(usize::try_from(source.objects).unwrap_or(usize::MAX)),
            missing: Text::from(if source.reason.is_empty() && source.state == State::Complete {
                "Nothing.".to_owned()
            } else {
                words::capital(&source.reason)
            }),
        }
    };
    context.a.sources.iter().map(row).collect()
}

/// What was cut: rows shown, rows there are.
type Cut = Option<(usize, usize)>;

fn table(context: &Context<'_>, total: Sum) -> (Reconciliation, Cut) {
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
                        "cluster-scoped".into()
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

fn reasons(context: &Context<'_>) -> (Vec<ReasonRow>, Cut) {
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

fn not_read(context: &Context<'_>) -> (Vec<NotRead>, Cut) {
    let a = context.a;
    let kinds = a.not_listed.iter().map(|kind| {
        let name = if kind.kind.is_empty() {
            kind.api_version.clone()
        } else {
            format!("{} {}", kind.api_version, kind.kind)
        };
        let state = if kind.inconsistent { "read, but not at one point in time: " } else { "not listed: " };
        NotRead { what: Text::of_code(&name), why: Text::from(format!("{state}{}", kind.reason)) }
    });
    let file = |file: &hexproof_core::population::UnreadableFile, state: &str| {
        let place = if file.line > 0 { format!("{}:{}", file.file, file.line) } else { file.file.clone() };
        NotRead { what: Text::of_code(&place), why: Text::from(format!("{state}: {}", file.reason)) }
    };
    let files = a.unreadable_files.iter().map(|f| file(f, "unreadable"));
    let skipped = a.skipped_files.iter().map(|f| file(f, "no Kubernetes object"));
    let of = a.not_listed.len() + a.unreadable_files.len() + a.skipped_files.len();
    let limit = context.input.limits.reasons;
    (kinds.chain(files).chain(skipped).take(limit).collect(), (of > limit).then_some((limit, of)))
}

fn redaction(context: &Context<'_>) -> Vec<Fact> {
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
