//! `Range` of a request (RFC 9110, section 14): one range of bytes. Whatever else it says is ignored, as the standard
//! allows: then the whole file is sent.

use std::ops::Range;

/// Which part of a file is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Bytes(Range<u64>),
    /// Bytes that there are not.
    Beyond,
}

/// Reads a `Range` for a file of `size` bytes.
pub(super) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else { return Part::Whole };
    let Some((first, last)) = spec.split_once('-') else { return Part::Whole };
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    match (first, last) {
        ("", "") => Part::Whole,
        ("", last) => match number(last) {
            None => Part::Whole,
            Some(0) => Part::Beyond,
            Some(_) if size == 0 => Part::Beyond,
            Some(length) => Part::Bytes(size.saturating_sub(length)..size),
        },
        (first, last) => {
            let end = match last {
                "" => Some(u64::MAX),
                last => number(last).map(|last| last.saturating_add(1)),
            };
            match (number(first), end) {
                (Some(first), Some(end)) if first < end => match first < size {
                    true => Part::Bytes(first..end.min(size)),
                    false => Part::Beyond,
                },
                _ => Part::Whole,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_at_the_end_and_nonsense_means_all() {
        for (header, wanted) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-4", Part::Bytes(2..5)),
            ("bytes=7-", Part::Bytes(7..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("bytes=5-99999999999999999999", Part::Whole),
            ("bytes=5-18446744073709551615", Part::Bytes(5..10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=4-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(part(Some(header), 10), wanted, "{header}");
        }
        assert_eq!(part(None, 10), Part::Whole);
        assert_eq!(part(Some("bytes=0-"), 0), Part::Beyond);
    }
}
