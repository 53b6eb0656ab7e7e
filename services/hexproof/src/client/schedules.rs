//! `hexproof schedules`: when a server audits.

use anyhow::Context as _;
use hexproof_api::v1;

use super::args::{CreateArgs, ScheduleName, Schedules, SchedulesCommand};
use super::call::{answered, ask, pages};
use super::connection::Server;
use super::{print, request_id};
use crate::cli::Format;
use crate::commands::print as out;
use crate::exit::Exit;

pub(super) async fn run(server: &Server, args: Schedules) -> anyhow::Result<Exit> {
    let format = args.format;
    match args.command {
        SchedulesCommand::List { cluster, limit } => list(server, cluster, limit, format).await,
        SchedulesCommand::Create(args) => {
            let CreateArgs { cluster, cron, time_zone, jitter, catch_up, id, request_id: asked } = *args;
            let message = v1::CreateScheduleRequest {
                request_id: request_id(asked.as_ref())?,
                validate_only: false,
                schedule: Some(v1::Schedule {
                    schedule_id: id.unwrap_or_default(),
                    cluster_id: cluster,
                    cron,
                    time_zone,
                    jitter: Some(prost_types::Duration { seconds: jitter.into(), nanos: 0 }),
                    catch_up: v1::CatchUp::from(catch_up).into(),
                    ..v1::Schedule::default()
                }),
            };
            let answer = answered(|| {
                let mut client = server.schedules();
                let request = ask(message.clone());
                async move { client.create_schedule(request).await }
            });
            show("CreateScheduleResponse", &answer.await?, |answer| answer.schedule.as_ref(), format)
        }
        SchedulesCommand::Pause(name) => pause(server, name, true, format).await,
        SchedulesCommand::Resume(name) => pause(server, name, false, format).await,
        SchedulesCommand::Delete(ScheduleName { schedule }) => {
            let message = v1::DeleteScheduleRequest { schedule_id: schedule };
            let answer = answered(|| {
                let mut client = server.schedules();
                let request = ask(message.clone());
                async move { client.delete_schedule(request).await }
            });
            let answer = answer.await?;
            match format {
                Format::Json => out(&print::json("DeleteScheduleResponse", &answer)?)?,
                Format::Text => out(&format!("schedule {} has ended\n", message.schedule_id))?,
            }
            Ok(Exit::Done)
        }
        SchedulesCommand::Slots { name, limit } => slots(server, name, limit, format).await,
    }
}

async fn pause(server: &Server, name: ScheduleName, paused: bool, format: Format) -> anyhow::Result<Exit> {
    let message = v1::GetScheduleRequest { schedule_id: name.schedule.clone(), read_mask: None };
    let found = answered(|| {
        let mut client = server.schedules();
        let request = ask(message.clone());
        async move { client.get_schedule(request).await }
    });
    let found = found.await?.schedule.context("the server named no schedule")?;
    let message = v1::UpdateScheduleRequest {
        schedule: Some(v1::Schedule { paused, ..found }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["paused".to_owned()] }),
        validate_only: false,
    };
    let answer = answered(|| {
        let mut client = server.schedules();
        let request = ask(message.clone());
        async move { client.update_schedule(request).await }
    });
    show("UpdateScheduleResponse", &answer.await?, |answer| answer.schedule.as_ref(), format)
}

async fn list(
    server: &Server,
    cluster: Option<String>,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let cluster_id = cluster.unwrap_or_default();
    let (schedules, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListSchedulesRequest {
            cluster_id: cluster_id.clone(),
            page_size,
            page_token,
            read_mask: None,
        };
        let page = answered(|| {
            let mut client = server.schedules();
            let request = ask(message.clone());
            async move { client.list_schedules(request).await }
        });
        let page = page.await?;
        Ok((page.schedules, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListSchedulesResponse { schedules, next_page_token: String::new() };
            out(&print::json("ListSchedulesResponse", &answer)?)?;
        }
        Format::Text => {
            let row = |schedule: &v1::Schedule| {
                let next = if schedule.paused {
                    "paused".to_owned()
                } else {
                    print::instant(schedule.next_slots.first())
                };
                vec![
                    schedule.schedule_id.clone(),
                    schedule.cluster_id.clone(),
                    schedule.cron.clone(),
                    schedule.time_zone.clone(),
                    next,
                    schedule.recent_gaps.to_string(),
                ]
            };
            let rows: Vec<_> = schedules.iter().map(row).collect();
            out(&print::table(&["SCHEDULE", "CLUSTER", "CRON", "ZONE", "NEXT", "GAPS"], &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

async fn slots(server: &Server, name: ScheduleName, limit: usize, format: Format) -> anyhow::Result<Exit> {
    use v1::slot::Outcome;
    let (slots, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListSlotsRequest { schedule_id: name.schedule.clone(), page_size, page_token };
        let page = answered(|| {
            let mut client = server.schedules();
            let request = ask(message.clone());
            async move { client.list_slots(request).await }
        });
        let page = page.await?;
        Ok((page.slots, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListSlotsResponse { slots, next_page_token: String::new() };
            out(&print::json("ListSlotsResponse", &answer)?)?;
        }
        Format::Text => {
            let row = |slot: &v1::Slot| {
                let (what, detail) = match &slot.outcome {
                    None => ("-", String::new()),
                    Some(Outcome::AuditId(audit)) => ("audit", audit.clone()),
                    Some(Outcome::Gap(reason)) => ("gap", reason.clone()),
                };
                vec![print::instant(slot.slot.as_ref()), what.to_owned(), detail]
            };
            let rows: Vec<_> = slots.iter().map(row).collect();
            out(&print::table(&["SLOT", "CAME TO", "WHICH"], &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

fn show<M: prost::Message>(
    name: &str,
    answer: &M,
    schedule: impl Fn(&M) -> Option<&v1::Schedule>,
    format: Format,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => out(&print::json(name, answer)?)?,
        Format::Text => {
            let schedule = schedule(answer).context("the server named no schedule")?;
            let jitter = schedule.jitter.as_ref().map_or(0, |jitter| jitter.seconds);
            let next: Vec<String> = schedule.next_slots.iter().map(|at| print::instant(Some(at))).collect();
            out(&print::facts(&[
                ("schedule", schedule.schedule_id.clone()),
                ("cluster", schedule.cluster_id.clone()),
                ("cron", schedule.cron.clone()),
                ("time zone", schedule.time_zone.clone()),
                ("jitter", if jitter > 0 { format!("{jitter} s") } else { String::new() }),
                ("catch up", print::word(schedule.catch_up().as_str_name(), "CATCH_UP_")),
                ("paused", if schedule.paused { "yes" } else { "" }.to_owned()),
                ("next", next.join(", ")),
                ("version", format!("{} by {}", schedule.version, schedule.changed_by)),
            ]))?;
        }
    }
    Ok(Exit::Done)
}
