//! One bar per pack, equal steps: the history of a cluster, and the trend in a line of the overview.

use hexproof_core::assessment::{whole_high, whole_low};
use maud::{Markup, html};

use crate::marks::Length;

/// One pack in the chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// Below the bar, such as `Nov` or `23 Nov`.
    pub(crate) label: String,
    /// Its low end.
    pub(crate) low: f64,
    /// Its high end.
    pub(crate) high: f64,
    /// What the rules changed since the bar before, such as `rules changed: −2 points`.
    pub(crate) rules: Option<String>,
}

impl Point {
    fn is_certain(&self) -> bool {
        (self.high - self.low).abs() < 1e-9
    }
}

/// Height of the drawing of a hundred points.
const HEIGHT: f64 = 230.0;
/// Above the scale: place for what is written at a dotted line.
const TOP: f64 = 34.0;
/// Left of the bars: the numbers of the scale.
const LEFT: f64 = 34.0;
/// Right of the bars: the letters.
const RIGHT: f64 = 26.0;

/// How a chart is drawn for a width.
struct Frame {
    /// Ids in a page are unique.
    id: &'static str,
    width: f64,
    bar: f64,
}

/// Packs over time, oldest first; the last is the current one. Drawn for wide screens, and anew with fewer packs for
/// phones.
pub(crate) fn packs_over_time(points: &[Point]) -> Markup {
    const WIDE: usize = 12;
    const NARROW: usize = 5;
    let last = |most: usize| points.get(points.len().saturating_sub(most)..).unwrap_or_default();
    html! {
        div.wide { (chart(last(WIDE), &Frame { id: "time", width: 752.0, bar: 14.0 })) }
        div.narrow { (chart(last(NARROW), &Frame { id: "time-narrow", width: 358.0, bar: 14.0 })) }
    }
}

fn y(points: f64) -> f64 {
    TOP + HEIGHT * (1.0 - points.clamp(0.0, 100.0) / 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "a dozen")]
fn chart(points: &[Point], frame: &Frame) -> Markup {
    let right = frame.width - RIGHT;
    let step = (right - LEFT) / points.len().max(1) as f64;
    let bottom = y(0.0);
    let total = bottom + 28.0;
    let (title, text) = (format!("{}-title", frame.id), format!("{}-text", frame.id));
    html! {
        svg.time viewBox={ "0 0 " (Length(frame.width)) " " (Length(total)) } role="img"
            aria-labelledby={ (title) " " (text) } {
            title id=(title) { "Score, pack by pack" }
            desc id=(text) { (told(points)) }
            @for at in [100.0, 90.0, 75.0, 60.0, 40.0] {
                line.band x1=(LEFT) x2=(Length(right)) y1=(Length(y(at))) y2=(Length(y(at))) {}
                text.scale x=(LEFT - 8.0) y=(Length(y(at) + 4.5)) { (at) }
            }
            text.scale x=(LEFT - 8.0) y=(Length(bottom + 4.5)) { "0" }
            @for (letter, at) in [("A", 95.0), ("B", 82.5), ("C", 67.5), ("D", 50.0), ("E", 20.0)] {
                text.letter x=(Length(right + 14.0)) y=(Length(y(at) + 4.5)) { (letter) }
            }
            @for (i, point) in points.iter().enumerate() {
                @let middle = LEFT + step * (i as f64 + 0.5);
                @let ends = i == 0 || i + 1 == points.len();
                (column(point, middle, frame.bar, i + 1 == points.len()))
                @if ends { (numbers(point, middle + frame.bar / 2.0 + 5.0, i + 1 == points.len())) }
                text class={ "label" @if i + 1 == points.len() { " now" } } x=(Length(middle)) y=(Length(bottom + 20.0)) {
                    (point.label)
                }
                @if let Some(rules) = &point.rules {
                    @let x = LEFT + step * i as f64;
                    line.rules x1=(Length(x)) x2=(Length(x)) y1=(TOP - 16.0) y2=(Length(bottom)) {}
                    text class={ "rules " @if x > frame.width / 2.0 { "before" } @else { "after" } }
                        x=(Length(x)) y=(TOP - 22.0) { (rules) }
                }
            }
            line.ground x1=(LEFT) x2=(Length(right)) y1=(Length(bottom)) y2=(Length(bottom)) {}
        }
    }
}

fn column(point: &Point, middle: f64, width: f64, current: bool) -> Markup {
    let left = Length(middle - width / 2.0);
    let (low, high) = (y(point.low), y(point.high));
    html! {
        @if !point.is_certain() {
            rect.unseen x=(left) width=(width) y=(Length(high)) height=(Length(low - high)) fill="url(#hatch)" {}
        }
        rect class=(if current { "pass now" } else { "pass" }) x=(left) width=(width) y=(Length(low))
            height=(Length(y(0.0) - low)) {}
    }
}

/// Both ends of a bar, apart from each other even where they are near.
fn numbers(point: &Point, x: f64, current: bool) -> Markup {
    let low = y(point.low) + 5.0;
    let high = (y(point.high) + 5.0).min(low - 15.0);
    html! {
        text class={ "low" @if current { " now" } } x=(Length(x)) y=(Length(low)) { (whole_low(point.low)) }
        @if !point.is_certain() {
            text.high x=(Length(x)) y=(Length(high)) { (whole_high(point.high)) }
        }
    }
}

/// The whole chart in words.
fn told(points: &[Point]) -> String {
    let parts: Vec<String> = points
        .iter()
        .map(|point| {
            let rules = point.rules.as_ref().map_or(String::new(), |rules| format!(" ({rules})"));
            let score = match point.is_certain() {
                true => whole_low(point.low).to_string(),
                false => format!("{} to {}", whole_low(point.low), whole_high(point.high)),
            };
            format!("{}: {score}{rules}", point.label)
        })
        .collect();
    parts.join("; ")
}

/// The last packs of a cluster in a line of the overview: small bars, the last one in ink, first and last low end in
/// numbers. `None` is a pack of which the score is not known.
#[expect(clippy::cast_precision_loss, reason = "a few")]
pub(crate) fn trend(scores: &[Option<(f64, f64)>]) -> Markup {
    const STEP: f64 = 9.0;
    const HIGH: f64 = 28.0;
    let known: Vec<(f64, f64)> = scores.iter().copied().flatten().collect();
    let at = |points: f64| HIGH * (1.0 - points.clamp(0.0, 100.0) / 100.0);
    html! {
        span.trend {
            @if let (Some((first, _)), true) = (known.first(), known.len() > 1) {
                span.from { span.sr { "low end from " } (whole_low(*first)) }
            }
            svg width=(Length(STEP * scores.len() as f64)) height=(HIGH) aria-hidden="true" focusable="false" {
                @for (i, score) in scores.iter().enumerate() {
                    @let x = STEP * i as f64 + 1.0;
                    @if let Some((low, high)) = score {
                        rect.unseen x=(Length(x)) width="6" y=(Length(at(*high))) height=(Length(at(*low) - at(*high))) {}
                        rect class=(if i + 1 == scores.len() { "pass now" } else { "pass" }) x=(Length(x)) width="6"
                            y=(Length(at(*low))) height=(Length(HIGH - at(*low))) {}
                    }
                }
                line.ground x1="0" x2="100%" y1=(HIGH - 0.5) y2=(HIGH - 0.5) {}
            }
            @if let Some((last, _)) = known.last() {
                span.to { span.sr { (if known.len() > 1 { " to " } else { "low end " }) } (whole_low(*last)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(label: &str, low: f64, high: f64) -> Point {
        Point { label: label.into(), low, high, rules: None }
    }

    #[test]
    fn the_chart_is_told_in_words() {
        let points = [
            point("Sep", 57.2, 78.9),
            Point { rules: Some("rules changed".into()), ..point("Oct", 68.0, 68.0) },
        ];
        assert_eq!(told(&points), "Sep: 57 to 79; Oct: 68 (rules changed)");
    }

    #[test]
    fn ids_are_unique_and_the_phone_has_fewer_packs() {
        let points: Vec<Point> = (0..8).map(|i| point(&format!("m{i}"), 50.0, 60.0)).collect();
        let drawn = packs_over_time(&points).0;
        for id in ["time-title", "time-text", "time-narrow-title", "time-narrow-text"] {
            assert_eq!(drawn.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
        assert_eq!(drawn.matches(">m0<").count(), 1);
        assert_eq!(drawn.matches(">m7<").count(), 2);
    }

    #[test]
    fn nothing_to_draw_is_no_error() {
        assert!(packs_over_time(&[]).0.contains("<svg"));
        assert!(trend(&[]).0.contains("<svg"));
        assert!(trend(&[None, Some((40.0, 50.0))]).0.contains("low end "));
    }
}
