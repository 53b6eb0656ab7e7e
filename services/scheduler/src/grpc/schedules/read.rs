//! From messages to schedules, field by field.

use hexproof_api::request::Mask;
use hexproof_api::{status, v1};
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::register::{CatchUp, ScheduleEntry};
use jiff::Timestamp;
use tonic::Status;

use crate::cron::{Cron, CronError};

/// Seconds of jitter at most.
const LONGEST_JITTER: i64 = 3_600;

/// Fields of a schedule.
pub(super) const FIELDS: &[&str] = &[
    "schedule_id",
    "cluster_id",
    "cron",
    "time_zone",
    "jitter",
    "catch_up",
    "paused",
    "version",
    "changed_by",
    "change_time",
    "next_slots",
    "recent_gaps",
    "last_slot",
];

/// Fields that can be changed.
pub(super) const CHANGEABLE: &[&str] = &["cron", "time_zone", "jitter", "catch_up", "paused"];

/// A mask that names every field.
pub(super) fn all() -> Mask {
    // Reading no mask does not fail.
    Mask::read("read_mask", None, FIELDS).unwrap_or_else(|_| unreachable!("no mask names every field"))
}

/// A message with the named fields only.
pub(super) fn masked(message: v1::Schedule, mask: &Mask) -> v1::Schedule {
    let v1::Schedule {
        schedule_id,
        cluster_id,
        cron,
        time_zone,
        jitter,
        catch_up,
        paused,
        version,
        changed_by,
        change_time,
        next_slots,
        recent_gaps,
        last_slot,
    } = message;
    fn keep<T: Default>(mask: &Mask, field: &str, value: T) -> T {
        if mask.has(field) { value } else { T::default() }
    }
    v1::Schedule {
        schedule_id: keep(mask, "schedule_id", schedule_id),
        cluster_id: keep(mask, "cluster_id", cluster_id),
        cron: keep(mask, "cron", cron),
        time_zone: keep(mask, "time_zone", time_zone),
        jitter: keep(mask, "jitter", jitter),
        catch_up: keep(mask, "catch_up", catch_up),
        paused: keep(mask, "paused", paused),
        version: keep(mask, "version", version),
        changed_by: keep(mask, "changed_by", changed_by),
        change_time: keep(mask, "change_time", change_time),
        next_slots: keep(mask, "next_slots", next_slots),
        recent_gaps: keep(mask, "recent_gaps", recent_gaps),
        last_slot: keep(mask, "last_slot", last_slot),
    }
}

/// A new schedule.
pub(super) fn entry(
    message: &v1::Schedule,
    id: RecordId,
    cluster: ClusterId,
    now: Timestamp,
) -> Result<ScheduleEntry, Status> {
    let cron = cron(&message.cron, &message.time_zone)?;
    Ok(ScheduleEntry {
        id,
        cluster,
        cron: cron.expression().to_owned(),
        time_zone: cron.zone_name().to_owned(),
        jitter_seconds: jitter(message)?,
        catch_up: catch_up(message)?,
        paused: message.paused,
        deleted: false,
        since: now,
    })
}

/// A schedule after a change. Slots before now no longer count if other times are named or a pause ends.
pub(super) fn changed(
    present: &ScheduleEntry,
    message: &v1::Schedule,
    mask: &Mask,
    now: Timestamp,
) -> Result<ScheduleEntry, Status> {
    let mut entry = present.clone();
    if mask.has("cron") || mask.has("time_zone") {
        let expression = if mask.has("cron") { &message.cron } else { &present.cron };
        let zone = if mask.has("time_zone") { &message.time_zone } else { &present.time_zone };
        let cron = cron(expression, zone)?;
        entry.cron = cron.expression().to_owned();
        entry.time_zone = cron.zone_name().to_owned();
    }
    if mask.has("jitter") {
        entry.jitter_seconds = jitter(message)?;
    }
    if mask.has("catch_up") {
        entry.catch_up = catch_up(message)?;
    }
    if mask.has("paused") {
        entry.paused = message.paused;
    }
    let other_times = entry.cron != present.cron || entry.time_zone != present.time_zone;
    if other_times || (present.paused && !entry.paused) {
        entry.since = now;
    }
    Ok(entry)
}

fn cron(expression: &str, zone: &str) -> Result<Cron, Status> {
    Cron::parse(expression, zone).map_err(|error| {
        let field = match error {
            CronError::Zone(_) => "schedule.time_zone",
            CronError::Long | CronError::Fields { .. } | CronError::Field { .. } | CronError::Never => {
                "schedule.cron"
            }
        };
        status::invalid(field, error.to_string())
    })
}

fn jitter(message: &v1::Schedule) -> Result<u32, Status> {
    let Some(jitter) = message.jitter else { return Ok(0) };
    let fits = (0..=LONGEST_JITTER).contains(&jitter.seconds) && jitter.nanos == 0;
    match u32::try_from(jitter.seconds) {
        Ok(seconds) if fits => Ok(seconds),
        _ => Err(status::invalid("schedule.jitter", "whole seconds, from none to one hour")),
    }
}

fn catch_up(message: &v1::Schedule) -> Result<CatchUp, Status> {
    match v1::CatchUp::try_from(message.catch_up) {
        Ok(v1::CatchUp::Unspecified) => Ok(CatchUp::default()),
        Ok(v1::CatchUp::Skip) => Ok(CatchUp::Skip),
        Ok(v1::CatchUp::Latest) => Ok(CatchUp::Latest),
        Ok(v1::CatchUp::All) => Ok(CatchUp::All),
        Err(_) => Err(status::invalid("schedule.catch_up", "is no policy that there is")),
    }
}
