//! Scope and population: what was read, and where every listed object went.

use hexproof_core::permissions::Permission;
use hexproof_core::snapshot::{Source, State};

use super::context::Context;
use super::reconcile::{NotRead, ReasonRow, Reconciliation, Sum, not_read, reasons, redaction, table};
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
        /// What the collector may do; empty where that is not known.
        permissions: Vec<Fact>,
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
        permissions: permissions(context),
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

/// What the collector may read, what it was refused, and what it may do beyond its need.
fn permissions(context: &Context<'_>) -> Vec<Fact> {
    /// Rights named in one line; all of them are in the attachment.
    const NAMED: usize = 12;
    let a = context.a;
    let Some(permissions) = &a.permissions else {
        return match a.snapshot.origin {
            Source::Live => vec![Fact::new("Rights", "not known: the collector did not ask for them")],
            Source::Manifests | Source::Recording => Vec::new(),
        };
    };
    let named = |rights: &[Permission], verb: bool| {
        let mut text = Text::default();
        for (at, right) in rights.iter().take(NAMED).enumerate() {
            if at > 0 {
                text = text.plain(", ");
            }
            if verb {
                text = text.plain(format!("{} ", right.verb));
            }
            text = text.code(&resource(right));
            if !right.namespace.is_empty() {
                text = text.plain(" in ").code(&right.namespace);
            }
        }
        match rights.len() > NAMED {
            true => text.plain(format!(" and {} more", words::thousands(rights.len() - NAMED))),
            false => text,
        }
    };
    let asked = permissions.granted.len() + permissions.refused.len();
    let mut facts = Vec::new();
    if asked > 0 {
        let granted = format!(
            "{} of {} lists of the server may be read in the whole cluster",
            words::thousands(permissions.granted.len()),
            words::thousands(asked)
        );
        facts.push(Fact::new("Granted", granted));
        facts.push(match permissions.refused.is_empty() {
            true => Fact::new("Refused", "nothing"),
            false => Fact::new("Refused", named(&permissions.refused, false)),
        });
    }
    facts.push(match (permissions.excess.is_empty(), permissions.unanswered.is_empty()) {
        (true, true) => Fact::new("More than needed", "nothing that was seen"),
        (true, false) => Fact::new("More than needed", "not known"),
        (false, _) => Fact::new("More than needed", named(&permissions.excess, true)),
    });
    if !permissions.unanswered.is_empty() {
        // Each is a line or two; the attachment has them all.
        let some: Vec<&str> = permissions.unanswered.iter().take(5).map(String::as_str).collect();
        facts.push(Fact::new("Not answered", words::capital(&some.join("; "))));
    }
    facts
}

/// A resource with its group, as kubectl names it.
fn resource(right: &Permission) -> String {
    match right.api_group.as_str() {
        "" => right.resource.clone(),
        group => format!("{}.{group}", right.resource),
    }
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
