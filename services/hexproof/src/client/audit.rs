//! `hexproof audit --server`: a server makes the pack; what is printed is what an audit on this machine prints.

use anyhow::{Context as _, bail, ensure};
use hexproof_api::v1;
use hexproof_core::Rating;
use hexproof_core::assessment::Assessment;
use tonic::Code;

use super::args::{ServerArgs, local_options};
use super::call::{answered, ask, code};
use super::connection::Server;
use super::download::{self, Wanted};
use super::{audits, print, request_id, runtime, watch};
use crate::cli::{AuditArgs, Format};
use crate::commands::{ending, ending_of, print as out};
use crate::exit::Exit;
use crate::terminal::progress::Progress;
use crate::terminal::{report, style};

/// Starts an audit, follows it and prints what it came to.
pub(crate) fn run(args: &AuditArgs, server: &ServerArgs) -> anyhow::Result<Exit> {
    let cluster = args.input.cluster.as_deref();
    let cluster = cluster.context("name a registered cluster with --cluster, or an INPUT to audit here")?;
    let local = local_options(args);
    ensure!(
        local.is_empty(),
        "{} {} for audits on this machine; a server has its own",
        local.join(", "),
        if local.len() == 1 { "is" } else { "are" }
    );
    runtime()?.block_on(Box::pin(async {
        let server = Server::open(server)?;
        remote(&server, cluster, args).await
    }))
}

async fn remote(server: &Server, cluster: &str, args: &AuditArgs) -> anyhow::Result<Exit> {
    let progress = Progress::new(args.input.quiet);
    let audit = start(server, cluster, args.request_id.as_ref()).await?;
    if !args.input.quiet {
        // Whoever loses this terminal finds the audit by it.
        let id = crate::terminal::printable(&audit.audit_id);
        eprintln!("audit {id} of cluster {}", crate::terminal::printable(cluster));
    }
    let audit = watch::to_end(server, cluster, &audit.audit_id, &progress).await?;
    let result = match (audit.state(), &audit.result) {
        (v1::AuditState::Succeeded, Some(result)) => result,
        (v1::AuditState::Failed, _) => bail!("the audit failed: {}", audit.failure),
        (v1::AuditState::Cancelled, _) => bail!("the audit was stopped by request"),
        (_, _) => bail!("the audit ended in a state that this program does not know"),
    };
    let wanted = |artifact, digest: &str| Wanted {
        cluster: cluster.to_owned(),
        audit: audit.audit_id.clone(),
        artifact,
        digest: Some(digest.to_owned()),
    };
    if let Some(path) = &args.output {
        let pack = wanted(v1::Artifact::Pack, &result.pack_digest);
        download::to_file(server, &pack, path, &progress).await?;
    }
    // The digest of the stored assessment is that of its compressed bytes, so it is not that of what is sent here.
    let assessment = Wanted { digest: None, ..wanted(v1::Artifact::Assessment, "") };
    let assessment = match download::to_memory(server, &assessment, &progress).await {
        Ok(bytes) => Some(bytes),
        // Those who start audits need not be those who read evidence.
        Err(error) if code(&error) == Some(Code::PermissionDenied) => None,
        Err(error) => return Err(error),
    };
    progress.finish();
    match assessment {
        Some(bytes) => whole(server, &audit, result, &bytes, args),
        None => brief(server, &audit, result, args),
    }
}

async fn start(server: &Server, cluster: &str, id: Option<&String>) -> anyhow::Result<v1::Audit> {
    let message = v1::StartAuditRequest { cluster_id: cluster.to_owned(), request_id: request_id(id)? };
    let answer = answered(|| {
        let mut client = server.audits();
        let request = ask(message.clone());
        async move { client.start_audit(request).await }
    });
    answer.await?.audit.context("the server started no audit")
}

/// Prints the assessment as `hexproof audit` on this machine does.
fn whole(
    server: &Server,
    audit: &v1::Audit,
    result: &v1::AuditResult,
    bytes: &[u8],
    args: &AuditArgs,
) -> anyhow::Result<Exit> {
    let assessment: Assessment = serde_json::from_slice(bytes)
        .context("the server's assessment is not one that this program knows")?;
    let (exit, reason) = ending(&assessment, &args.judge);
    match args.judge.format {
        Format::Json => {
            eprintln!("pack {} of audit {}", result.pack_digest, audit.audit_id);
            out(&(serde_json::to_string(&assessment)? + "\n"))?;
        }
        Format::Text => {
            let catalogue = hexproof_scorer::builtin()?;
            let mut footer = footer(server, audit, result, args);
            footer.push(("Exit", reason));
            out(&report::text(&assessment, &catalogue, style::Palette::detect(), style::columns(), &footer))?;
        }
    }
    Ok(exit)
}

/// Prints what is known without the assessment.
fn brief(
    server: &Server,
    audit: &v1::Audit,
    result: &v1::AuditResult,
    args: &AuditArgs,
) -> anyhow::Result<Exit> {
    let rating = match result.rating() {
        v1::Rating::A => Rating::A,
        v1::Rating::B => Rating::B,
        v1::Rating::C => Rating::C,
        v1::Rating::D => Rating::D,
        v1::Rating::E => Rating::E,
        v1::Rating::NotAssessed | v1::Rating::Unspecified => Rating::NotAssessed,
    };
    let (exit, reason) = ending_of(rating, result.complete, &args.judge);
    match args.judge.format {
        Format::Json => {
            let answer = v1::GetAuditResponse { audit: Some(audit.clone()) };
            out(&print::json("GetAuditResponse", &answer)?)?;
        }
        Format::Text => {
            let mut facts = vec![
                ("Cluster", audit.cluster_id.clone()),
                ("State", audits::state(audit)),
                ("Rating", print::rating(result.rating())),
            ];
            facts.extend(footer(server, audit, result, args));
            facts.push(("Note", "you may not read evidence: the matrix is for auditors".to_owned()));
            facts.push(("Exit", reason));
            out(&print::facts(&facts))?;
        }
    }
    Ok(exit)
}

fn footer(server: &Server, audit: &v1::Audit, result: &v1::AuditResult, args: &AuditArgs) -> report::Footer {
    let mut footer = vec![
        ("Server", server.url.clone()),
        ("Audit", audit.audit_id.clone()),
        ("Pack", result.pack_digest.clone()),
    ];
    if let Some(path) = &args.output {
        footer.push(("", path.display().to_string()));
    }
    footer
}
