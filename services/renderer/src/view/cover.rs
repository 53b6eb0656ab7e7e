//! The cover.

use hexproof_core::{Goal, Layer};

use super::cell::CellView;
use super::context::Context;
use super::round::interval;
use super::text::Text;
use super::{Fact, changes, verdict, words};
use hexproof_core::snapshot::Source;

super::view! {
    /// The cover.
    struct Cover {
        /// Pack number, or the short digest of the snapshot.
        label: String,
        /// Name of the cluster.
        name: String,
        /// Size of the name in points.
        name_size: u32,
        /// What this is, line by line.
        sentence: Vec<Text>,
        /// The emblem.
        plate: Plate,
        /// What identifies the pack.
        facts: Vec<Fact>,
    }

    /// The plate: ratings of five rings and six sides. An emblem, never without the matrix.
    struct Plate {
        /// Letter of the cluster, or words.
        core: String,
        /// Its score.
        score: Option<String>,
        /// Names of the sides, from the top clockwise.
        sides: Vec<String>,
        /// Ratings by ring, outermost first, then by side.
        rings: Vec<Vec<String>>,
        /// What a screen reader says.
        alt: String,
        /// The caption.
        caption: Text,
    }
}

/// Size of the name by its length: the cover is one page whatever the name.
const fn name_size(length: usize) -> u32 {
    match length {
        0..30 => 42,
        30..80 => 28,
        80..200 => 18,
        _ => 11,
    }
}

/// How the cluster is named where no name was given.
pub(crate) fn cluster_name<'a>(context: &Context<'a>) -> &'a str {
    if context.a.cluster.name.is_empty() { "unnamed cluster" } else { &context.a.cluster.name }
}

/// Pack number, or the short digest of the snapshot.
pub(crate) fn label(context: &Context<'_>) -> String {
    match context.input.pack {
        Some(number) => format!("Evidence pack {number}"),
        None => format!("Evidence pack of snapshot {}", short(&context.a.snapshot.digest.hex(), 2)),
    }
}

/// The first groups of four digits.
pub(crate) fn short(hex: &str, groups: usize) -> String {
    hex.as_bytes().chunks(4).take(groups).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

pub(crate) fn cover(context: &Context<'_>, rows: &[Vec<CellView>]) -> Cover {
    let overall = &context.a.overall;
    let name = cluster_name(context);
    let core = if overall.rating == hexproof_core::Rating::NotAssessed {
        "not assessed".to_owned()
    } else {
        overall.rating.to_string()
    };
    let empty = !context.empty_layers().is_empty();
    Cover {
        label: label(context),
        name: name.to_owned(),
        name_size: name_size(name.chars().count()),
        sentence: vec![
            Text::from(match context.a.snapshot.origin {
                Source::Manifests => "Security state of one set of Kubernetes manifests, as it was on",
                Source::Recording | Source::Live => "Security state of one Kubernetes cluster, as it was on",
            }),
            Text::from(words::minute(context.a.snapshot.collected_at).replace(", ", " at ")),
        ],
        plate: Plate {
            core,
            score: (overall.measures > 0).then(|| interval(overall.score_low, overall.score_high)),
            sides: Goal::ALL.iter().map(|goal| words::goal(*goal).to_owned()).collect(),
            rings: rows
                .iter()
                .take(Layer::ALL.len())
                .map(|row| row.iter().take(Goal::ALL.len()).map(|cell| cell.rating.clone()).collect())
                .collect(),
            alt: "Ratings of five layers and six goals; the table on page 2 says the same".into(),
            caption: Text::from(
                "Five rings, outermost first: environment, cluster, node, container, API resources. ",
            )
            .plain("Six sides: the goals. The darker, the worse; hatched: not assessed")
            .plain(if empty { "; empty: no measure. " } else { ". " })
            .plain("The table on page ")
            .page("summary")
            .plain(" is the record."),
        },
        facts: facts(context),
    }
}

fn facts(context: &Context<'_>) -> Vec<Fact> {
    let input = &context.input;
    let seal = input.seal;
    vec![
        Fact::new("Verdict", Text::default().strong(verdict::sentence(context))),
        Fact::new("Change", changes::sentence(context)),
        Fact::new("Cluster", cluster(context)),
        Fact::new("Collected", collected(context)),
        Fact::new(
            "Judged by",
            format!(
                "{} of the {} measures of the catalogue: those that apply on this platform",
                context.a.catalogue.applicable, context.a.catalogue.measures
            ),
        ),
        Fact::new("Snapshot", Text::of_code(&context.a.snapshot.digest.to_string())),
        Fact::new("Catalogue", Text::of_code(&context.a.catalogue.digest.to_string())),
        Fact::new("Settings", Text::of_code(&context.a.settings_digest.to_string())),
        Fact::new("Seal", format!("{}, {}, {}", seal.level, seal.signer, seal.algorithm)),
        Fact::new("Retention", seal.retention.clone()),
        Fact::new("To check it", Text::of_code(&verify_command(context))),
    ]
}

/// The command that checks the seal.
pub(crate) fn verify_command(context: &Context<'_>) -> String {
    format!("hexproof verify {} --trust {}", context.input.file_name, context.input.trust_file)
}

/// What the cluster is.
pub(crate) fn cluster(context: &Context<'_>) -> Text {
    let cluster = &context.a.cluster;
    let count = |n: u32, one: &str, many: &str| words::count(n, one, many);
    let mut parts = Vec::new();
    if !cluster.version.is_empty() {
        parts.push(format!("Kubernetes {}", cluster.version.trim_start_matches('v')));
    }
    if cluster.nodes > 0 {
        parts.push(count(cluster.nodes, "node", "nodes"));
    }
    parts.push(count(cluster.namespaces, "namespace", "namespaces"));
    Text::from(format!("{}, id ", parts.join(", "))).code(&cluster.id)
}

/// When, from where, and how complete.
pub(crate) fn collected(context: &Context<'_>) -> Text {
    let snapshot = &context.a.snapshot;
    let from = match snapshot.origin {
        Source::Manifests => "from manifest files",
        Source::Recording => "from recorded answers of the Kubernetes API",
        Source::Live => "through the Kubernetes API",
    };
    Text::from(format!(
        "{}, {from}; {}",
        words::period(snapshot.collected_from, snapshot.collected_at),
        complete(context)
    ))
}

/// How complete the evidence is.
fn complete(context: &Context<'_>) -> String {
    let unreadable: usize = context.a.population.iter().map(|row| row.unreadable as usize).sum();
    let mut missing = Vec::new();
    if unreadable > 0 {
        missing.push(words::count(unreadable, "object unreadable", "objects unreadable"));
    }
    let kinds = context.a.not_listed.len();
    if kinds > 0 {
        missing.push(words::count(kinds, "kind not listed", "kinds not listed"));
    }
    let files = context.a.unreadable_files.len();
    if files > 0 {
        missing.push(words::count(files, "file unreadable", "files unreadable"));
    }
    if missing.is_empty() { "all of it was read".to_owned() } else { words::list(&missing) }
}
