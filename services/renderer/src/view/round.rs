//! Numbers for people. Rounding never flatters: low ends and what was seen go down, high ends go up.

/// Noise of binary fractions that must not move a whole number.
const NOISE: f64 = 1e-9;

/// A low end, a residual or a coverage: rounded down.
pub(crate) fn down(points: f64) -> i64 {
    whole((points + NOISE).floor())
}

/// A high end, or a share that was not seen: rounded up.
pub(crate) fn up(points: f64) -> i64 {
    whole((points - NOISE).ceil())
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the scale")]
fn whole(points: f64) -> i64 {
    points.clamp(0.0, 100.0) as i64
}

/// `79–82`, or one number where both ends are equal unrounded.
pub(crate) fn interval(low: f64, high: f64) -> String {
    if (high - low).abs() < NOISE { down(low).to_string() } else { format!("{}–{}", down(low), up(high)) }
}

/// Points gained, one decimal, rounded down.
pub(crate) fn gain(points: f64) -> String {
    let tenths = ((points + NOISE) * 10.0).floor() / 10.0;
    if tenths <= 0.0 && points > NOISE { "<0.1".to_owned() } else { format!("+{:.1}", tenths.max(0.0)) }
}

/// Two decimals, as the attached assessment states them.
pub(crate) fn exact(points: f64) -> String {
    format!("{:.2}", hexproof_core::assessment::two_decimals(points))
}

/// As [`exact`], for the high end of an interval.
pub(crate) fn exact_high(points: f64) -> String {
    format!("{:.2}", hexproof_core::assessment::two_decimals_high(points))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_end_goes_down_and_a_high_end_up() {
        assert_eq!(down(89.97), 89);
        assert_eq!(up(84.01), 85);
        assert_eq!(down(84.999_999), 84);
        assert_eq!((down(0.0), up(100.0)), (0, 100));
    }

    #[test]
    fn noise_of_fractions_moves_no_whole_number() {
        assert_eq!(down(0.9 * 100.0 - 1e-12), 90);
        assert_eq!(up(79.000_000_000_01), 79);
    }

    #[test]
    fn one_number_only_where_nothing_is_unseen() {
        assert_eq!(interval(77.2, 77.2), "77");
        assert_eq!(interval(77.2, 77.3), "77–78");
        assert_eq!(interval(79.1, 81.2), "79–82");
    }

    #[test]
    fn a_gain_is_never_overstated() {
        assert_eq!(gain(1.59), "+1.5");
        assert_eq!(gain(0.04), "<0.1");
        assert_eq!(gain(0.0), "+0.0");
    }

    #[test]
    fn two_decimals_are_those_of_the_attachment() {
        assert_eq!(exact(84.285_714), "84.29");
        assert_eq!(exact(89.999), "89.99");
    }
}
