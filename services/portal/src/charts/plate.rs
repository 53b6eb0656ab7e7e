//! The plate: five rings of layers, six sides of goals, the letter of the cluster in the core. An emblem with letters,
//! never without the matrix or a link to it.

use hexproof_core::assessment::Assessment;
use hexproof_core::{Goal, Layer, Rating};
use maud::{Markup, Render, html};

use crate::marks::{self, Length};
use crate::matrix;
use crate::words;

/// Half the height of the whole and of the core.
const OUTER: f64 = 150.0;
const CORE: f64 = 45.0;

/// The plate of an assessment.
pub(crate) fn plate(assessment: &Assessment) -> Markup {
    let overall = &assessment.overall;
    #[expect(clippy::cast_precision_loss, reason = "five")]
    let step = (OUTER - CORE) / Layer::ALL.len() as f64;
    html! {
        svg.plate viewBox="-176 -153 352 306" width="352" height="306" role="img" aria-labelledby="plate-title" {
            title id="plate-title" {
                "Ratings of five layers and six goals, the cluster " (words::rated(overall.rating))
                "; the matrix of the pack says the same"
            }
            @for (ring, layer) in Layer::ALL.iter().enumerate() {
                @let outer = OUTER - step * place(ring);
                @for (side, goal) in Goal::ALL.iter().enumerate() {
                    @let cell = matrix::find(assessment, Some(*layer), Some(*goal));
                    (field(cell.filter(|cell| cell.measures > 0).map(|cell| cell.rating), side, outer - step, outer))
                }
            }
            polygon.outline points=(Corners(hexagon(OUTER).to_vec())) {}
            polygon.core points=(Corners(hexagon(CORE).to_vec())) {}
            @if overall.rating == Rating::NotAssessed {
                text.core-word y="-2" { "not" }
                text.core-word y="14" { "assessed" }
            } @else {
                text.core-letter y="6" { (marks::letter(overall.rating)) }
                text.core-score y="24" { (overall.interval("–")) }
            }
        }
    }
}

fn field(rating: Option<Rating>, side: usize, inner: f64, outer: f64) -> Markup {
    let corners = Corners(trapezium(side, inner, outer));
    let (x, y) = middle(side, f64::midpoint(inner, outer));
    html! {
        @match rating {
            Some(Rating::NotAssessed) => {
                polygon.field fill="url(#wide)" points=(corners) {}
                rect.patch x=(Length(x - 6.0)) y=(Length(y - 7.0)) width="12" height="14" {}
                text.na x=(Length(x)) y=(Length(y + 4.0)) { "–" }
            },
            Some(rating) => {
                polygon class={ "field f" (marks::class(rating)) } points=(corners) {}
                text class={ "l" (marks::class(rating)) } x=(Length(x)) y=(Length(y + 4.0)) {
                    (marks::letter(rating))
                }
            },
            None => {
                polygon.nothing points=(corners) {}
                text.zero x=(Length(x)) y=(Length(y + 4.0)) { "–" }
            },
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most six")]
fn place(of: usize) -> f64 {
    of as f64
}

/// Corners of a hexagon with its flat side up; the first is the left end of the top side.
fn hexagon(apothem: f64) -> [(f64, f64); 6] {
    let radius = apothem / 30f64.to_radians().cos();
    std::array::from_fn(|corner| {
        let angle = (-120.0 + 60.0 * place(corner)).to_radians();
        (radius * angle.cos(), radius * angle.sin())
    })
}

fn trapezium(side: usize, inner: f64, outer: f64) -> Vec<(f64, f64)> {
    let (a, b) = (hexagon(outer), hexagon(inner));
    let (here, next) = (side % 6, (side + 1) % 6);
    vec![a[here], a[next], b[next], b[here]]
}

fn middle(side: usize, radius: f64) -> (f64, f64) {
    let angle = (-90.0 + 60.0 * place(side)).to_radians();
    (radius * angle.cos(), radius * angle.sin())
}

struct Corners(Vec<(f64, f64)>);

impl Render for Corners {
    fn render_to(&self, out: &mut String) {
        for (i, (x, y)) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(' ');
            }
            Length(*x).render_to(out);
            out.push(',');
            Length(*y).render_to(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_of_a_ring_meet() {
        for side in 0..6 {
            let here = trapezium(side, 10.0, 20.0);
            let next = trapezium((side + 1) % 6, 10.0, 20.0);
            assert_eq!(here[1], next[0]);
            assert_eq!(here[2], next[3]);
        }
        let (x, y) = middle(0, 10.0);
        assert!(x.abs() < 1e-9 && (y + 10.0).abs() < 1e-9);
    }
}
