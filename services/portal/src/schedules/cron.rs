//! A cron expression in words: `Every day at 02:00`. Only for reading: what a schedule means is said by its slots.

use crate::words::{capital, list};

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Times of the day that are told one by one; more are told by their fields.
const FEW: usize = 6;

/// The words of an expression of five fields, beginning with a capital. `None` where it cannot be read, or where words
/// would be longer than the expression is dark.
pub(crate) fn words(expression: &str) -> Option<String> {
    let fields: Vec<&str> = expression.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
    let time = times(&Field::read(minute, 0, 59, &[])?, &Field::read(hour, 0, 23, &[])?)?;
    let day = Field::read(day, 1, 31, &[])?;
    let month = Field::read(
        month,
        1,
        12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    )?;
    let weekday = Field::read(weekday, 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"])?;
    let days = days(&day, &weekday)?;
    let months = match &month {
        Field::Every => String::new(),
        field => format!(" in {}", named(field, |n| MONTHS.get(n.checked_sub(1)? as usize).copied())?),
    };
    Some(match (time, days) {
        (Time::At(times), None) if months.is_empty() => format!("Every day at {times}"),
        (Time::At(times), None) => format!("Every day{months} at {times}"),
        (Time::At(times), Some(days)) => format!("{}{months} at {times}", capital(&days)),
        (Time::Pace(pace), None) => format!("{pace}{months}"),
        (Time::Pace(pace), Some(days)) => format!("{pace}, {}{months}", days),
    })
}

/// What one field names.
enum Field {
    Every,
    /// Every n-th.
    Step(u32),
    Some(Vec<Item>),
}

enum Item {
    One(u32),
    Range(u32, u32),
}

impl Field {
    fn read(text: &str, low: u32, high: u32, names: &[&str]) -> Option<Self> {
        let number = |text: &str| -> Option<u32> {
            let by_name = || names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let value = match text.parse() {
                Ok(value) => value,
                Err(_) => u32::try_from(by_name()?).ok()? + low,
            };
            (low..=high).contains(&value).then_some(value)
        };
        if text == "*" {
            return Some(Self::Every);
        }
        if let Some(step) = text.strip_prefix("*/") {
            return match step.parse().ok()? {
                0 => None,
                1 => Some(Self::Every),
                step => Some(Self::Step(step)),
            };
        }
        let item = |text: &str| match text.split_once('-') {
            None => number(text).map(Item::One),
            Some((from, to)) => Some(Item::Range(number(from)?, number(to)?)).filter(|item| match item {
                Item::Range(from, to) => from < to,
                Item::One(_) => true,
            }),
        };
        text.split(',').map(item).collect::<Option<Vec<_>>>().map(Self::Some)
    }

    /// Its values, if they are few and named one by one.
    fn few(&self) -> Option<Vec<u32>> {
        let Self::Some(items) = self else { return None };
        let one = |item: &Item| match item {
            Item::One(value) => Some(*value),
            Item::Range(..) => None,
        };
        items.iter().map(one).collect::<Option<Vec<_>>>().filter(|values| values.len() <= FEW)
    }
}

enum Time {
    At(String),
    Pace(String),
}

fn times(minute: &Field, hour: &Field) -> Option<Time> {
    let pace = |text: String| Some(Time::Pace(text));
    match (minute, hour) {
        (Field::Every, Field::Every) => pace("Every minute".to_owned()),
        (Field::Step(step), Field::Every) if 60_u32.is_multiple_of(*step) => {
            pace(format!("Every {step} minutes"))
        }
        (minute, Field::Every) => pace(format!("Every hour at {}", minutes(minute)?)),
        (minute, Field::Step(step)) if 24_u32.is_multiple_of(*step) => {
            pace(format!("Every {step} hours at {}", minutes(minute)?))
        }
        (minute, hour) => match (minute.few(), hour.few()) {
            (Some(minutes), Some(hours)) if minutes.len() * hours.len() <= FEW => {
                let all = hours
                    .iter()
                    .flat_map(|hour| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")));
                Some(Time::At(list(&all.collect::<Vec<_>>())))
            }
            _ => {
                let hours = named_numbers(hour, |hour| format!("{hour:02}"))?;
                pace(format!("At {} of hours {hours}", minutes(minute)?))
            }
        },
    }
}

fn minutes(field: &Field) -> Option<String> {
    match field {
        Field::Every => Some("every minute".to_owned()),
        Field::Step(step) => Some(format!("every {step}th minute")),
        Field::Some(items) => {
            let word = if matches!(items.as_slice(), [Item::One(_)]) { "minute" } else { "minutes" };
            Some(format!("{word} {}", named_numbers(field, |n| n.to_string())?))
        }
    }
}

/// Which days; `None` inside for every day.
fn days(day: &Field, weekday: &Field) -> Option<Option<String>> {
    let of_week = |field: &Field| named(field, |n| DAYS.get((n % 7) as usize).copied());
    let of_month = |field: &Field| match field {
        Field::Some(items) => {
            let word = if matches!(items.as_slice(), [Item::One(_)]) { "day" } else { "days" };
            Some(format!("on {word} {} of the month", named_numbers(field, |n| n.to_string())?))
        }
        Field::Every | Field::Step(_) => None,
    };
    Some(match (day, weekday) {
        (Field::Every, Field::Every) => None,
        (Field::Every, weekday) => Some(match weekday {
            Field::Some(items) if items.iter().all(|item| matches!(item, Item::One(_))) => {
                format!("every {}", of_week(weekday)?)
            }
            weekday => of_week(weekday)?,
        }),
        (day, Field::Every) => Some(of_month(day)?),
        // Either of them is enough where both are restricted.
        (day @ Field::Some(_), weekday @ Field::Some(_)) => {
            Some(format!("{} or on {}", of_month(day)?, of_week(weekday)?))
        }
        _ => return None,
    })
}

fn named(field: &Field, name: impl Fn(u32) -> Option<&'static str>) -> Option<String> {
    let Field::Some(items) = field else { return None };
    let item = |item: &Item| match item {
        Item::One(value) => name(*value).map(str::to_owned),
        Item::Range(from, to) => Some(format!("{} to {}", name(*from)?, name(*to)?)),
    };
    Some(list(&items.iter().map(item).collect::<Option<Vec<_>>>()?))
}

fn named_numbers(field: &Field, name: impl Fn(u32) -> String) -> Option<String> {
    match field {
        Field::Every | Field::Step(_) => None,
        Field::Some(items) => {
            let item = |item: &Item| match item {
                Item::One(value) => name(*value),
                Item::Range(from, to) => format!("{} to {}", name(*from), name(*to)),
            };
            Some(list(&items.iter().map(item).collect::<Vec<_>>()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_expressions_are_told_in_words() {
        for (expression, wanted) in [
            ("0 2 * * *", "Every day at 02:00"),
            ("30 6,18 * * *", "Every day at 06:30 and 18:30"),
            ("0 2 * * 1-5", "Monday to Friday at 02:00"),
            ("0 2 * * MON", "Every Monday at 02:00"),
            ("0 2 * * 0,6", "Every Sunday and Saturday at 02:00"),
            ("0 2 * * 7", "Every Sunday at 02:00"),
            ("15 4 1 * *", "On day 1 of the month at 04:15"),
            ("15 4 1,15 * *", "On days 1 and 15 of the month at 04:15"),
            ("0 0 1 JAN,7 *", "On day 1 of the month in January and July at 00:00"),
            ("0 3 13 * 5", "On day 13 of the month or on Friday at 03:00"),
            ("*/15 * * * *", "Every 15 minutes"),
            ("* * * * *", "Every minute"),
            ("5 * * * *", "Every hour at minute 5"),
            ("5,35 * * * 1-5", "Every hour at minutes 5 and 35, Monday to Friday"),
            ("0 */6 * * *", "Every 6 hours at minute 0"),
            ("0 8-18 * * 1-5", "At minute 0 of hours 08 to 18, Monday to Friday"),
            ("0 2 * 3-5 *", "Every day in March to May at 02:00"),
        ] {
            assert_eq!(words(expression).as_deref(), Some(wanted), "{expression}");
        }
    }

    #[test]
    fn what_words_do_not_fit_stays_an_expression() {
        for expression in [
            "",
            "* * * *",
            "0 2 */2 * *",
            "0 2 * * */2",
            "0 25 * * *",
            "60 2 * * *",
            "a b c d e",
            "0 2 5-1 * *",
            "*/0 * * * *",
            "0 2 30 13 *",
        ] {
            assert_eq!(words(expression), None, "{expression}");
        }
    }
}
