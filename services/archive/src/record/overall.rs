//! The overall score of a pack as records and keys have it: in hundredths, so that it is the same wherever it stands.

use std::fmt;
use std::str::FromStr;

use hexproof_core::port::evidence::ScoreEntry;
use serde::{Deserialize, Serialize};

/// The score of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overall {
    score_low: Hundredths,
    score_high: Hundredths,
    coverage: Hundredths,
    gates: u32,
}

/// A number from 0 to 100 with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Hundredths(u16);

impl Hundredths {
    const MOST: u16 = 10_000;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    fn nearest(value: f64) -> Self {
        Self((value * 100.0).round().clamp(0.0, f64::from(Self::MOST)) as u16)
    }
}

impl From<Hundredths> for f64 {
    fn from(Hundredths(number): Hundredths) -> f64 {
        f64::from(number) / 100.0
    }
}

impl TryFrom<f64> for Hundredths {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        let nearest = Self::nearest(value);
        match (f64::from(nearest) - value).abs() < 1e-6 {
            true => Ok(nearest),
            false => Err(format!("{value} is no number from 0 to 100 with two decimals")),
        }
    }
}

impl From<ScoreEntry> for Overall {
    fn from(ScoreEntry { low, high, coverage, gates }: ScoreEntry) -> Self {
        let [score_low, score_high, coverage] = [low, high, coverage].map(Hundredths::nearest);
        Self { score_low, score_high, coverage, gates }
    }
}

impl From<Overall> for ScoreEntry {
    fn from(Overall { score_low, score_high, coverage, gates }: Overall) -> Self {
        Self { low: score_low.into(), high: score_high.into(), coverage: coverage.into(), gates }
    }
}

/// As a piece of a key: `<low>-<high>-<coverage>-<gates>`, in hundredths.
impl fmt::Display for Overall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { score_low, score_high, coverage, gates } = self;
        write!(f, "{}-{}-{}-{gates}", score_low.0, score_high.0, coverage.0)
    }
}

/// A piece of a key that is no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no score of a key")]
pub struct NoScore;

impl FromStr for Overall {
    type Err = NoScore;

    fn from_str(text: &str) -> Result<Self, NoScore> {
        let mut pieces = text.split('-');
        let mut hundredths = || -> Result<Hundredths, NoScore> {
            let number = pieces.next().and_then(|piece| piece.parse().ok());
            number.filter(|number| *number <= Hundredths::MOST).map(Hundredths).ok_or(NoScore)
        };
        let (score_low, score_high, coverage) = (hundredths()?, hundredths()?, hundredths()?);
        let gates = pieces.next().and_then(|piece| piece.parse().ok()).ok_or(NoScore)?;
        let overall = Self { score_low, score_high, coverage, gates };
        // One score has one spelling.
        if overall.to_string() == text { Ok(overall) } else { Err(NoScore) }
    }
}
