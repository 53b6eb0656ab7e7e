//! `hexproof clusters`: what a server audits.

use std::fs;

use anyhow::Context as _;
use hexproof_api::v1;
use hexproof_api::v1::cluster_source::From as Way;
use tonic::Code;

use super::args::{Clusters, ClustersCommand, LabelChange, RegisterArgs, RegisteredPlatform};
use super::call::{answered, ask, code, pages};
use super::connection::Server;
use super::{print, request_id};
use crate::cli::Format;
use crate::commands::print as out;
use crate::exit::Exit;

/// How often labels are set anew because somebody else changed the registration meanwhile.
const ROUNDS: u32 = 5;

pub(super) async fn run(server: &Server, args: Clusters) -> anyhow::Result<Exit> {
    let format = args.format;
    match args.command {
        ClustersCommand::List { label, retired, limit } => {
            let message = v1::ListClustersRequest {
                labels: label.into_iter().collect(),
                include_retired: retired,
                ..v1::ListClustersRequest::default()
            };
            list(server, message, limit, format).await
        }
        ClustersCommand::Register(args) => {
            let message = v1::RegisterClusterRequest {
                request_id: request_id(args.request_id.as_ref())?,
                cluster: Some(registration(*args)?),
            };
            let answer = answered(|| {
                let mut client = server.clusters();
                let request = ask(message.clone());
                async move { client.register_cluster(request).await }
            });
            show("RegisterClusterResponse", &answer.await?, |answer| answer.cluster.as_ref(), format)
        }
        ClustersCommand::Show { cluster } => {
            let answer = get(server, &cluster).await?;
            show("GetClusterResponse", &answer, |answer| answer.cluster.as_ref(), format)
        }
        ClustersCommand::Label { cluster, changes } => {
            let answer = label(server, &cluster, &changes).await?;
            show("UpdateClusterResponse", &answer, |answer| answer.cluster.as_ref(), format)
        }
        ClustersCommand::Retire { cluster } => {
            let message = v1::RetireClusterRequest { cluster_id: cluster };
            let answer = answered(|| {
                let mut client = server.clusters();
                let request = ask(message.clone());
                async move { client.retire_cluster(request).await }
            });
            show("RetireClusterResponse", &answer.await?, |answer| answer.cluster.as_ref(), format)
        }
    }
}

fn registration(args: RegisterArgs) -> anyhow::Result<v1::RegisteredCluster> {
    let RegisterArgs {
        cluster,
        name,
        label,
        platform,
        agent,
        spiffe_id,
        push,
        context,
        manifests,
        settings,
        request_id: _,
    } = args;
    let way = match (agent, push, context, manifests) {
        (Some(address), ..) => {
            Way::Agent(v1::AgentSource { address, spiffe_id: spiffe_id.unwrap_or_default() })
        }
        (None, true, ..) => Way::Push(v1::PushSource {}),
        (None, false, Some(context), _) => Way::Kubeconfig(v1::KubeconfigSource { context }),
        (None, false, None, Some(path)) => Way::Manifests(v1::ManifestSource { path }),
        (None, false, None, None) => anyhow::bail!("name one of --agent, --push, --context, --manifests"),
    };
    let settings = match settings {
        None => String::new(),
        Some(file) => {
            fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?
        }
    };
    let platform = platform.map(|platform| match platform {
        RegisteredPlatform::Aks => v1::Platform::Aks,
        RegisteredPlatform::OnPremise => v1::Platform::OnPremise,
    });
    Ok(v1::RegisteredCluster {
        display_name: name.unwrap_or_else(|| cluster.clone()),
        cluster_id: cluster,
        labels: label.into_iter().collect(),
        platform: platform.map(Into::into),
        source: Some(v1::ClusterSource { from: Some(way) }),
        settings,
        ..v1::RegisteredCluster::default()
    })
}

async fn get(server: &Server, cluster: &str) -> anyhow::Result<v1::GetClusterResponse> {
    let message = v1::GetClusterRequest { cluster_id: cluster.to_owned(), read_mask: None };
    answered(|| {
        let mut client = server.clusters();
        let request = ask(message.clone());
        async move { client.get_cluster(request).await }
    })
    .await
}

/// Sets and removes labels on whatever the present version is: they do not depend on one another.
async fn label(
    server: &Server,
    cluster: &str,
    changes: &[LabelChange],
) -> anyhow::Result<v1::UpdateClusterResponse> {
    let mut round = 0;
    loop {
        round += 1;
        let found = get(server, cluster).await?.cluster.context("the server named no cluster")?;
        let mut labels = found.labels;
        for change in changes {
            match change {
                LabelChange::Set(name, value) => labels.insert(name.clone(), value.clone()),
                LabelChange::Remove(name) => labels.remove(name),
            };
        }
        let message = v1::UpdateClusterRequest {
            cluster: Some(v1::RegisteredCluster {
                cluster_id: cluster.to_owned(),
                version: found.version,
                labels,
                ..v1::RegisteredCluster::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] }),
        };
        let answer = answered(|| {
            let mut client = server.clusters();
            let request = ask(message.clone());
            async move { client.update_cluster(request).await }
        });
        match answer.await {
            Err(error) if code(&error) == Some(Code::Aborted) && round < ROUNDS => {}
            answer => return answer,
        }
    }
}

async fn list(
    server: &Server,
    message: v1::ListClustersRequest,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let (clusters, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListClustersRequest { page_size, page_token, ..message.clone() };
        let page = answered(|| {
            let mut client = server.clusters();
            let request = ask(message.clone());
            async move { client.list_clusters(request).await }
        });
        let page = page.await?;
        Ok((page.clusters, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListClustersResponse { clusters, next_page_token: String::new() };
            out(&print::json("ListClustersResponse", &answer)?)?;
        }
        Format::Text => {
            let row = |cluster: &v1::RegisteredCluster| {
                let latest = cluster.latest.as_ref();
                let name = cluster.display_name.clone() + if cluster.retired { " (retired)" } else { "" };
                vec![
                    cluster.cluster_id.clone(),
                    name,
                    way(cluster).0.to_owned(),
                    latest.map_or_else(|| "-".to_owned(), |pack| print::rating(pack.rating())),
                    print::instant(latest.and_then(|pack| pack.create_time.as_ref())),
                    print::labels(&cluster.labels),
                ]
            };
            let rows: Vec<_> = clusters.iter().map(row).collect();
            out(&print::table(&["CLUSTER", "NAME", "SOURCE", "RATING", "LAST PACK", "LABELS"], &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

/// Where the state of a cluster comes from: the way and its place.
fn way(cluster: &v1::RegisteredCluster) -> (&'static str, String) {
    match cluster.source.as_ref().and_then(|source| source.from.as_ref()) {
        None => ("-", String::new()),
        Some(Way::Agent(agent)) => ("agent", agent.address.clone()),
        Some(Way::Push(_)) => ("push", String::new()),
        Some(Way::Kubeconfig(kubeconfig)) => ("kubeconfig", kubeconfig.context.clone()),
        Some(Way::Manifests(manifests)) => ("manifests", manifests.path.clone()),
    }
}

fn show<M: prost::Message>(
    name: &str,
    answer: &M,
    cluster: impl Fn(&M) -> Option<&v1::RegisteredCluster>,
    format: Format,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => out(&print::json(name, answer)?)?,
        Format::Text => {
            let cluster = cluster(answer).context("the server named no cluster")?;
            let (source, place) = way(cluster);
            let latest = cluster.latest.as_ref().map(|pack| {
                let at = print::instant(pack.create_time.as_ref());
                format!("{} on {at}, audit {}", print::rating(pack.rating()), pack.audit_id)
            });
            let version = format!(
                "{} by {} on {}",
                cluster.version,
                cluster.changed_by,
                print::instant(cluster.change_time.as_ref())
            );
            out(&print::facts(&[
                ("cluster", cluster.cluster_id.clone()),
                ("name", cluster.display_name.clone()),
                ("source", format!("{source} {place}").trim_end().to_owned()),
                ("platform", cluster.platform.map(|_| platform(cluster.platform())).unwrap_or_default()),
                ("labels", print::labels(&cluster.labels)),
                ("settings", stated(&cluster.settings)),
                ("retired", if cluster.retired { "yes" } else { "" }.to_owned()),
                ("version", version),
                ("last pack", latest.unwrap_or_else(|| "-".to_owned())),
            ]))?;
        }
    }
    Ok(Exit::Done)
}

fn platform(platform: v1::Platform) -> String {
    print::word(platform.as_str_name(), "PLATFORM_")
}

fn stated(settings: &str) -> String {
    if settings.is_empty() { String::new() } else { format!("{} bytes of YAML", settings.len()) }
}
