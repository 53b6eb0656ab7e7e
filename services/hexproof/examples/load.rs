//! Puts load on a running service of this machine and says how it stood it.
//!
//!     load 127.0.0.1:7443 --cluster shop                     watchers and unary calls while audits run
//!     load 127.0.0.1:7443 --cluster shop --only-audits 40    how many audits a second come to their end
//!
//! The cluster must be registered. Bounded in time and number; refuses addresses of other machines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use hexproof_api::v1::audit_service_client::AuditServiceClient;
use hexproof_api::v1::cluster_service_client::ClusterServiceClient;
use hexproof_api::v1::pack_service_client::PackServiceClient;
use hexproof_api::v1::{
    AuditState, GetAuditRequest, GetClusterRequest, ListPacksRequest, StartAuditRequest, WatchAuditRequest,
};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tonic::transport::{Channel, Endpoint};

/// Puts load on a running service.
#[derive(Parser)]
struct Load {
    /// Where it listens.
    address: std::net::SocketAddr,
    /// A registered cluster.
    #[arg(long)]
    cluster: String,
    /// Streams that follow the audits.
    #[arg(long, default_value_t = 100)]
    watchers: u32,
    /// Unary calls a second.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// For how long.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
    /// Audits that run meanwhile, one after the other in so many rows.
    #[arg(long, default_value_t = 2)]
    audits: u32,
    /// Only starts so many audits, and waits for them.
    #[arg(long)]
    only_audits: Option<u32>,
    /// Makes the request ids of this run its own.
    #[arg(long, default_value_t = std::process::id().to_string())]
    run: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let load = Arc::new(Load::parse());
    ensure!(load.address.ip().is_loopback(), "`{}` is not an address of this machine", load.address);
    let channel = Endpoint::from_shared(format!("http://{}", load.address))?.connect().await?;
    match load.only_audits {
        Some(count) => audits(&load, channel, count).await,
        None => calls(load, channel).await,
    }
}

async fn start(load: &Load, channel: &Channel, name: String) -> anyhow::Result<String> {
    let request_id = format!("load-{}-{name}", load.run);
    let request = StartAuditRequest { cluster_id: load.cluster.clone(), request_id };
    let answer = AuditServiceClient::new(channel.clone()).start_audit(request).await?.into_inner();
    Ok(answer.audit.context("no audit in the answer")?.audit_id)
}

/// Follows an audit to its end; how many messages came.
async fn watch(load: &Load, channel: &Channel, audit: String) -> anyhow::Result<u64> {
    let request = WatchAuditRequest { cluster_id: load.cluster.clone(), audit_id: audit, min_interval: None };
    let mut stream = AuditServiceClient::new(channel.clone()).watch_audit(request).await?.into_inner();
    let (mut messages, mut last) = (0, AuditState::Unspecified);
    while let Some(message) = stream.message().await? {
        messages += 1;
        last = message.audit.unwrap_or_default().state();
    }
    match last {
        AuditState::Succeeded => Ok(messages),
        other => bail!("an audit ended as {}", other.as_str_name()),
    }
}

async fn audits(load: &Load, channel: Channel, count: u32) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(start(load, &channel, number.to_string()).await?);
    }
    let accepted = begun.elapsed();
    for audit in ids {
        watch(load, &channel, audit).await?;
    }
    let all = begun.elapsed();
    println!("{count} audits accepted in {accepted:.2?}, ended in {all:.2?}");
    println!("{:.2} audits a second", f64::from(count) / all.as_secs_f64());
    Ok(())
}

async fn calls(load: Arc<Load>, channel: Channel) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(load.seconds.into());
    // The watchers share connections as browsers behind a proxy would: 20 streams each.
    let mut connections = Vec::new();
    for _ in 0..load.watchers.div_ceil(20).max(1) {
        connections.push(Endpoint::from_shared(format!("http://{}", load.address))?.connect().await?);
    }
    let first = start(&load, &channel, "first".to_owned()).await?;
    let mut rows = JoinSet::new();
    for row in 0..load.audits.max(1) {
        let (load, channel, connections) = (Arc::clone(&load), channel.clone(), connections.clone());
        rows.spawn(async move { row_of_audits(&load, &channel, &connections, row, end).await });
    }
    let mut calls = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / load.rate.max(1));
    // A late tick is made up for: the rate holds, and slow answers show as what they are.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0.. {
        let due = ticks.tick().await.into_std();
        if due >= end {
            break;
        }
        let (load, channel, audit) = (Arc::clone(&load), channel.clone(), first.clone());
        // Measured from when the call was due: a client that is held up does not hide it.
        calls.spawn(async move { call(&load, channel, number, audit).await.map(|()| due.elapsed()) });
    }
    let mut times = Vec::new();
    while let Some(result) = calls.join_next().await {
        times.push(result?.context("a call failed")?);
    }
    let (mut done, mut messages) = (0, 0);
    while let Some(result) = rows.join_next().await {
        let (audits, heard) = result??;
        done += audits;
        messages += heard;
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
    println!(
        "{} unary calls in {} s, {done} audits, {messages} messages to watchers",
        times.len(),
        load.seconds
    );
    let last = times.last().copied().unwrap_or_default();
    println!(
        "p50 {:.2?}  p90 {:.2?}  p99 {:.2?}  p99.9 {:.2?}  max {last:.2?}",
        at(500),
        at(900),
        at(990),
        at(999)
    );
    Ok(())
}

/// One audit after the other until the end, each followed by this row's share of the watchers.
async fn row_of_audits(
    load: &Arc<Load>,
    channel: &Channel,
    connections: &[Channel],
    row: u32,
    end: Instant,
) -> anyhow::Result<(u64, u64)> {
    let share = load.watchers / load.audits.max(1);
    let (mut audits, mut messages) = (0, 0);
    while Instant::now() < end {
        let audit = start(load, channel, format!("{row}-{audits}")).await?;
        let mut watchers = JoinSet::new();
        for connection in connections.iter().cycle().take(share.max(1) as usize) {
            let (load, connection, audit) = (Arc::clone(load), connection.clone(), audit.clone());
            watchers.spawn(async move { watch(&load, &connection, audit).await });
        }
        while let Some(heard) = watchers.join_next().await {
            messages += heard??;
        }
        audits += 1;
    }
    Ok((audits, messages))
}

async fn call(load: &Load, channel: Channel, number: u64, audit: String) -> anyhow::Result<()> {
    let cluster_id = load.cluster.clone();
    match number % 3 {
        0 => {
            let request = GetClusterRequest { cluster_id, read_mask: None };
            ClusterServiceClient::new(channel).get_cluster(request).await?;
        }
        1 => {
            let request = GetAuditRequest { cluster_id, audit_id: audit, read_mask: None };
            AuditServiceClient::new(channel).get_audit(request).await?;
        }
        _ => {
            let request = ListPacksRequest { cluster_id, page_size: 10, ..Default::default() };
            PackServiceClient::new(channel).list_packs(request).await?;
        }
    }
    Ok(())
}
