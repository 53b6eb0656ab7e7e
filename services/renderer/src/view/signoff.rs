//! The sign-off page: what the seal says, how to check it, and the auditor's part.

use super::context::{Context, SnapshotPlace};
use super::round::up;
use super::text::Text;
use super::words::{self, THIN};
use super::{Chapter, Fact, cover};

super::view! {
    /// The sign-off page.
    struct Signoff {
        /// Its chapter.
        chapter: Chapter,
        /// Title sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// What the seal says.
        says: Text,
        /// What it does not say.
        says_not: Text,
        /// `Three checks`.
        checks_title: String,
        /// The note beside it.
        checks_note: String,
        /// The checks.
        checks: Vec<Check>,
        /// Facts of the seal.
        seal: Vec<Fact>,
        /// The auditor's part.
        auditor: Auditor,
    }

    /// A check.
    struct Check {
        /// What it shows.
        what: String,
        /// The command.
        command: String,
        /// What it must say.
        expected: Text,
    }

    /// The auditor's part.
    struct Auditor {
        /// What to do.
        text: Text,
        /// To tick.
        choices: Vec<String>,
        /// At the top of the box.
        box_head: Text,
        /// At its bottom.
        box_foot: Text,
    }
}

pub(crate) fn signoff(context: &Context<'_>) -> Signoff {
    let a = context.a;
    let input = &context.input;
    let checks = checks(context);
    let seal = input.seal;
    Signoff {
        chapter: Chapter::new("13", "Sign-off"),
        title: "What is sealed, and how to check it".into(),
        second: vec![Text::from(
            "The seal is the electronic signature inside this file, not this page. A printed copy proves nothing.",
        )],
        says: Text::from(format!("{} read the state of ", words::capital(&a.snapshot.collector)))
            .code(cover::cluster_name(context))
            .plain(format!(
                " ({}); {} judged it by the catalogue named below. No byte of this file has changed since it was sealed.",
                words::period(a.snapshot.collected_from, a.snapshot.collected_at),
                input.program
            )),
        says_not: Text::from(format!(
            "that the cluster is secure, that the state was the same before or after, or anything about what is marked not seen: {}{THIN}% of the weight of the measures. It bears no time stamp of a third party.",
            if a.overall.measures == 0 { 100 } else { up(100.0 - a.overall.coverage) }
        )),
        checks_title: format!("{} checks", words::capital(&words::number(checks.len()))),
        checks_note: "none of them needs a network".into(),
        checks,
        seal: vec![
            Fact::new("Signed by", format!("{}, issued by {}, {}", seal.signer, seal.issuer, seal.algorithm)),
            Fact::new("Certificate", Text::of_code(&seal.certificate.to_string())),
            Fact::new("Level", format!("{}: the signer’s own clock, no time stamp", seal.level)),
            Fact::new("Retention", seal.retention.clone()),
            Fact::new("Snapshot", Text::of_code(&a.snapshot.digest.to_string())),
            Fact::new("Catalogue", Text::of_code(&a.catalogue.digest.to_string())),
            Fact::new("Settings", Text::of_code(&a.settings_digest.to_string())),
        ],
        auditor: Auditor {
            text: Text::from("On a printed copy tick one and sign; electronically, state the same in a signed file of your own that names the SHA-256 of this one."),
            choices: ["relied upon", "relied upon with the remarks below", "not relied upon"].map(str::to_owned).to_vec(),
            box_head: Text::from("Name, organisation, date"),
            box_foot: Text::from("Signature of the auditor"),
        },
    }
}

fn checks(context: &Context<'_>) -> Vec<Check> {
    let input = &context.input;
    let seal = input.seal;
    let repeated = match input.snapshot {
        SnapshotPlace::Attached(name) => Some((name.clone(), Text::from(" (attached)"))),
        SnapshotPlace::Store(key) => {
            let name = key.rsplit('/').next().unwrap_or(key).to_owned();
            Some((name, Text::from("; the snapshot is in the store, ").code(key)))
        }
        SnapshotPlace::NotKept => None,
    };
    let mut checks = vec![Check {
        what: "The file is unchanged and signed by us".into(),
        command: cover::verify_command(context),
        expected: Text::from(format!("valid: signed by {}; covers the whole file", seal.signer)),
    }];
    if let Some((name, place)) = repeated {
        checks.push(Check {
            what: "The judgement can be repeated".into(),
            command: format!("hexproof assess {name} --format json"),
            expected: Text::from("byte for byte the attached assessment.json").text(place),
        });
    }
    checks.push(Check {
        what: "An independent tool agrees on the signature".into(),
        command: format!(
            "pyhanko sign validate --trust {} --pretty-print {}",
            input.trust_file, input.file_name
        ),
        expected: Text::from(format!(
            "{}, valid, whole file; so must say pdfsig and any PAdES validator that trusts {}",
            seal.level, input.trust_file
        )),
    });
    checks
}
