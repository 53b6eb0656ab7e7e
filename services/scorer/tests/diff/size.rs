//! Two large packs.

use std::time::{Duration, Instant};

use hexproof_core::{Outcome, Significance};
use hexproof_scorer::diff::compare;

use super::any::{assessment, observation};

/// `subjects` subjects of four measures; every fifth verdict depends on `turn`.
fn large(subjects: usize, turn: usize) -> hexproof_core::assessment::Assessment {
    let rules = [(0, Significance::High, 3, true); 4];
    let observations = (0..4)
        .flat_map(|measure| (1..=subjects).map(move |subject| (measure, subject)))
        .map(|(measure, subject)| {
            let outcome = Outcome::ALL[if subject % 5 == 0 { (subject + turn) % 4 } else { 0 }];
            observation(&(
                measure,
                subject,
                outcome,
                Significance::High,
                false,
                false,
                (subject % 5 * turn) as u8,
            ))
        })
        .collect();
    assessment(&rules, 0, observations)
}

#[test]
fn a_hundred_thousand_observations_are_compared_within_a_second() {
    let (before, after) = (large(25_000, 0), large(25_000, 1));
    assert_eq!(before.observations.len(), 100_000);
    let start = Instant::now();
    let diff = compare(&before, &after).unwrap();
    let took = start.elapsed();
    assert_eq!(diff.changes.len(), 20_000);
    assert_eq!(diff.same, 80_000);
    println!("100 000 against 100 000 observations: {took:?}");
    // Without optimisation, and beside other tests, it may take its time.
    let most = if cfg!(debug_assertions) { Duration::from_secs(20) } else { Duration::from_secs(1) };
    assert!(took < most, "{took:?}");
}
