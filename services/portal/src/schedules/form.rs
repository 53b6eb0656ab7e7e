//! The form of a schedule, new or changed.

use hexproof_api::v1;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::slots;
use crate::forms::{Choice, Errors, Fields, Input, cleaned};

/// Names of zones that are offered; any of IANA can be typed.
const ZONES: &[&str] = &[
    "UTC",
    "Africa/Johannesburg",
    "America/Chicago",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Stockholm",
    "Europe/Zurich",
];

/// Fields of the message and of the form.
pub(crate) const PATHS: &[(&str, &str)] = &[
    ("schedule.cluster_id", "cluster"),
    ("schedule.schedule_id", "id"),
    ("schedule.cron", "cron"),
    ("schedule.time_zone", "time_zone"),
    ("schedule.jitter", "jitter"),
    ("schedule.catch_up", "catch_up"),
];

/// Fields of the form in their order.
pub(crate) const LABELS: &[(&str, &str)] = &[
    ("cluster", "Cluster"),
    ("id", "Name"),
    ("cron", "Times"),
    ("time_zone", "Time zone"),
    ("jitter", "Delay"),
    ("catch_up", "Missed slots"),
];

/// What is typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ScheduleForm {
    pub(crate) request: String,
    pub(crate) cluster: String,
    pub(crate) id: String,
    pub(crate) cron: String,
    pub(crate) time_zone: String,
    pub(crate) jitter: String,
    pub(crate) catch_up: String,
    /// The version that was read; empty for a new schedule.
    pub(crate) version: String,
    /// Which button was used.
    pub(crate) intent: String,
}

impl ScheduleForm {
    /// What stands in the form of a schedule that there is.
    pub(crate) fn of(schedule: &v1::Schedule) -> Self {
        let minutes = schedule.jitter.map_or(0, |jitter| jitter.seconds) / 60;
        Self {
            cluster: schedule.cluster_id.clone(),
            id: schedule.schedule_id.clone(),
            cron: schedule.cron.clone(),
            time_zone: schedule.time_zone.clone(),
            jitter: minutes.to_string(),
            catch_up: word(schedule.catch_up()).to_owned(),
            version: schedule.version.to_string(),
            ..Self::default()
        }
    }

    /// The message, without what the form does not say.
    pub(crate) fn message(&self) -> Result<v1::Schedule, Errors> {
        let mut errors = Errors::default();
        let jitter = match cleaned(&self.jitter).as_str() {
            "" => Some(0),
            text => text.parse::<u16>().ok().filter(|minutes| *minutes <= 60),
        };
        if jitter.is_none() {
            errors.add("jitter", "Whole minutes, from 0 to 60.");
        }
        let policy = [v1::CatchUp::Latest, v1::CatchUp::Skip, v1::CatchUp::All];
        let catch_up = match self.catch_up.as_str() {
            "" => Some(v1::CatchUp::Latest),
            text => policy.into_iter().find(|policy| word(*policy) == text),
        };
        if catch_up.is_none() {
            errors.add("catch_up", "Choose one of the three.");
        }
        let (Some(jitter), Some(catch_up)) = (jitter, catch_up) else { return Err(errors) };
        Ok(v1::Schedule {
            schedule_id: cleaned(&self.id),
            cluster_id: cleaned(&self.cluster),
            cron: cleaned(&self.cron),
            time_zone: cleaned(&self.time_zone),
            jitter: Some(prost_types::Duration { seconds: 60 * i64::from(jitter), nanos: 0 }),
            catch_up: catch_up.into(),
            version: self.version.parse().unwrap_or(0),
            ..v1::Schedule::default()
        })
    }

    /// When it shall run: the fields that a schedule may change.
    pub(crate) fn times(&self, errors: &Errors) -> Markup {
        let fields = Fields(errors);
        let zones: Vec<String> = ZONES.iter().map(|&zone| zone.to_owned()).collect();
        let policies = [v1::CatchUp::Latest, v1::CatchUp::Skip, v1::CatchUp::All];
        let policies: Vec<(String, String)> = policies
            .into_iter()
            .map(|policy| (word(policy).to_owned(), crate::words::capital(slots::catch_up(policy))))
            .collect();
        let chosen = if self.catch_up.is_empty() { word(v1::CatchUp::Latest) } else { &self.catch_up };
        html! {
            (fields.input(&Input {
                name: "cron",
                label: "Times",
                hint: "Five fields: minute, hour, day of month, month, day of week. `0 2 * * 1-5` is Monday to Friday at 02:00.",
                value: &self.cron,
                code: true,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "time_zone",
                label: "Time zone",
                hint: "A name of IANA, such as Europe/Berlin. UTC if empty.",
                value: &self.time_zone,
                optional: true,
                code: true,
                suggestions: &zones,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "jitter",
                label: "Delay",
                hint: "Minutes after the slot up to which an audit may start, always the same for one slot: 0 to 60.",
                value: &self.jitter,
                optional: true,
                code: true,
                ..Input::default()
            }))
            (fields.choice(&Choice {
                name: "catch_up",
                label: "Missed slots",
                hint: "What is done about slots that pass while the service does not run.",
                value: chosen,
                optional: false,
                groups: &[(String::new(), policies)],
            }))
        }
    }

    /// Cluster and name: fixed once a schedule is kept.
    pub(crate) fn place(&self, clusters: &[String], errors: &Errors) -> Markup {
        let fields = Fields(errors);
        html! {
            (fields.input(&Input {
                name: "cluster",
                label: "Cluster",
                hint: "The id of a registered cluster.",
                value: &self.cluster,
                code: true,
                suggestions: clusters,
                ..Input::default()
            }))
            (fields.input(&Input {
                name: "id",
                label: "Name",
                hint: "1 to 63 of a to z, 0 to 9 and hyphens; made by the service if empty. It cannot be changed or used again.",
                value: &self.id,
                optional: true,
                code: true,
                ..Input::default()
            }))
        }
    }
}

/// What the form would give: its times in words and its next slots.
pub(crate) fn preview(schedule: &v1::Schedule) -> Markup {
    html! {
        section.preview aria-labelledby="preview" {
            h2 #preview { "Next slots" span.note { "of what is typed; nothing is kept yet" } }
            p { (slots::times(schedule)) }
            (slots::next(schedule, 3))
        }
    }
}

fn word(policy: v1::CatchUp) -> &'static str {
    match policy {
        v1::CatchUp::Unspecified | v1::CatchUp::Latest => "latest",
        v1::CatchUp::Skip => "skip",
        v1::CatchUp::All => "all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_stands_in_the_form_as_it_is_sent() {
        let schedule = v1::Schedule {
            schedule_id: "nightly".into(),
            cluster_id: "shop".into(),
            cron: "0 2 * * *".into(),
            time_zone: "Europe/Berlin".into(),
            jitter: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
            catch_up: v1::CatchUp::Skip.into(),
            version: 3,
            ..Default::default()
        };
        assert_eq!(ScheduleForm::of(&schedule).message().unwrap(), schedule);
    }

    #[test]
    fn every_field_that_cannot_be_used_is_named_at_once() {
        for jitter in ["61", "-1", "1.5", "x", "99999999999"] {
            let form = ScheduleForm { jitter: jitter.into(), catch_up: "never".into(), ..Default::default() };
            let errors = form.message().unwrap_err();
            assert_eq!((errors.at("jitter").count(), errors.at("catch_up").count()), (1, 1), "{jitter}");
        }
        let empty = ScheduleForm::default().message().unwrap();
        assert_eq!((empty.catch_up(), empty.jitter.unwrap().seconds), (v1::CatchUp::Latest, 0));
    }
}
