//! `hexproof packs`: evidence that a server keeps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use hexproof_api::request::timestamp;
use hexproof_api::v1;

use super::args::{AuditName, Packs, PacksCommand};
use super::call::{answered, ask, pages};
use super::connection::Server;
use super::download::{self, Wanted};
use super::print;
use crate::cli::Format;
use crate::commands::print as out;
use crate::exit::Exit;
use crate::terminal::progress::Progress;

/// Bytes of a file that a server checks at most.
const LARGEST_CHECKED: u64 = 32 << 20;

pub(super) async fn run(server: &Server, args: Packs) -> anyhow::Result<Exit> {
    let format = args.format;
    match args.command {
        PacksCommand::List { cluster, from, until, limit } => {
            let message = v1::ListPacksRequest {
                cluster_id: cluster.unwrap_or_default(),
                from: from.map(timestamp),
                until: until.map(timestamp),
                ..v1::ListPacksRequest::default()
            };
            list(server, message, limit, format).await
        }
        PacksCommand::Download { name, artifact, output, quiet } => {
            let AuditName { cluster, audit } = name;
            let wanted = Wanted { cluster, audit, artifact: artifact.into(), digest: None };
            let progress = Progress::new(quiet);
            let taken = download::to_file(server, &wanted, &output, &progress).await?;
            progress.finish();
            match format {
                Format::Json => {
                    let said = serde_json::json!({
                        "file": output.display().to_string(), "digest": taken.digest, "size": taken.size,
                    });
                    out(&format!("{said}\n"))?;
                }
                Format::Text => out(&print::facts(&[
                    ("file", output.display().to_string()),
                    ("digest", taken.digest),
                    ("bytes", taken.size.to_string()),
                ]))?,
            }
            Ok(Exit::Done)
        }
        PacksCommand::Link { name, artifact, minutes } => {
            let message = v1::CreateDownloadLinkRequest {
                cluster_id: name.cluster,
                audit_id: name.audit,
                artifact: v1::Artifact::from(artifact).into(),
                lifetime: minutes
                    .map(|minutes| prost_types::Duration { seconds: minutes.saturating_mul(60), nanos: 0 }),
            };
            link(server, message, format).await
        }
        PacksCommand::RevokeLink { cluster, link } => {
            let message = v1::RevokeDownloadLinkRequest { cluster_id: cluster, link_id: link };
            let answer = answered(|| {
                let mut client = server.packs();
                let request = ask(message.clone());
                async move { client.revoke_download_link(request).await }
            });
            let answer = answer.await?;
            match format {
                Format::Json => out(&print::json("RevokeDownloadLinkResponse", &answer)?)?,
                Format::Text => out(&format!("link {} has ended\n", message.link_id))?,
            }
            Ok(Exit::Done)
        }
        PacksCommand::Verify { cluster, audit, file } => verify(server, cluster, audit, file, format).await,
    }
}

async fn list(
    server: &Server,
    message: v1::ListPacksRequest,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let (packs, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListPacksRequest { page_size, page_token, ..message.clone() };
        let page = answered(|| {
            let mut client = server.packs();
            let request = ask(message.clone());
            async move { client.list_packs(request).await }
        });
        let page = page.await?;
        Ok((page.packs, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListPacksResponse { packs, next_page_token: String::new() };
            out(&print::json("ListPacksResponse", &answer)?)?;
        }
        Format::Text => {
            let row = |pack: &v1::Pack| {
                vec![
                    pack.cluster_id.clone(),
                    pack.audit_id.clone(),
                    print::instant(pack.create_time.as_ref()),
                    print::rating(pack.rating()),
                    if pack.complete { "yes" } else { "no" }.to_owned(),
                    pack.size.to_string(),
                    pack.digest.clone(),
                ]
            };
            let rows: Vec<_> = packs.iter().map(row).collect();
            let heads = ["CLUSTER", "AUDIT", "MADE", "RATING", "COMPLETE", "BYTES", "DIGEST"];
            out(&print::table(&heads, &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

async fn link(
    server: &Server,
    message: v1::CreateDownloadLinkRequest,
    format: Format,
) -> anyhow::Result<Exit> {
    let answer = answered(|| {
        let mut client = server.packs();
        let request = ask(message.clone());
        async move { client.create_download_link(request).await }
    });
    let answer = answer.await?;
    match format {
        Format::Json => out(&print::json("CreateDownloadLinkResponse", &answer)?)?,
        Format::Text => out(&print::facts(&[
            ("url", answer.url),
            ("link", answer.link_id),
            ("until", print::instant(answer.expire_time.as_ref())),
        ]))?,
    }
    Ok(Exit::Done)
}

async fn verify(
    server: &Server,
    cluster: Option<String>,
    audit: Option<String>,
    file: Option<PathBuf>,
    format: Format,
) -> anyhow::Result<Exit> {
    use v1::verify_pack_request::Pack;
    let pack = match (file, cluster, audit) {
        (Some(file), ..) => Pack::Content(content(&file)?),
        (None, Some(cluster_id), Some(audit_id)) => Pack::Stored(v1::StoredPack { cluster_id, audit_id }),
        (None, ..) => anyhow::bail!("name a cluster and an audit, or a file with --file"),
    };
    let message = v1::VerifyPackRequest { pack: Some(pack) };
    let answer = answered(|| {
        let mut client = server.packs();
        let request = ask(message.clone());
        async move { client.verify_pack(request).await }
    });
    let answer = answer.await?;
    let state = |state: v1::CheckState| match state {
        v1::CheckState::Valid => "valid".to_owned(),
        v1::CheckState::Invalid => "not valid".to_owned(),
        v1::CheckState::NotApplicable => "not applicable".to_owned(),
        v1::CheckState::Unknown | v1::CheckState::Unspecified => "unknown".to_owned(),
    };
    match format {
        Format::Json => out(&print::json("VerifyPackResponse", &answer)?)?,
        Format::Text => {
            let rows: Vec<_> = answer
                .steps
                .iter()
                .map(|step| vec![step.name.clone(), state(step.state()), step.detail.clone()])
                .collect();
            let facts = [("pack", answer.digest.clone()), ("state", state(answer.state()))];
            out(&format!("{}\n{}", print::facts(&facts), print::table(&["STEP", "STATE", "FOUND"], &rows)))?;
        }
    }
    // What cannot be decided is never valid.
    Ok(if answer.state() == v1::CheckState::Valid { Exit::Done } else { Exit::Failed })
}

fn content(file: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", file.display());
    let length = fs::metadata(file).with_context(cannot)?.len();
    ensure!(
        length <= LARGEST_CHECKED,
        "`{}` has {length} bytes; a server checks up to {LARGEST_CHECKED}. `hexproof verify` checks it here",
        file.display()
    );
    fs::read(file).with_context(cannot)
}
