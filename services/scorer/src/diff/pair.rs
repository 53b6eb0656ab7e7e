//! Observations of two packs that belong together: the same measure on the same subject.
//!
//! A subject is the same if kind, namespace and name are: an object that was deleted and made anew under its name plays
//! the same part, though its UID is another. Where several subjects of a measure share all three (two API groups with
//! one kind), UID, then `apiVersion`, then their order decide.

use std::collections::{HashMap, VecDeque};

use hexproof_core::observation::Observation;

/// An observation of one pack, of the other, or of both, each with its place.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) before: Option<(u32, &'a Observation)>,
    pub(super) after: Option<(u32, &'a Observation)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a> {
    measure: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

fn key(observation: &Observation) -> Key<'_> {
    let subject = &observation.subject;
    // The cluster is one, whatever name it was given.
    let is_cluster = subject.kind == "Cluster" && subject.api_version.is_empty();
    Key {
        measure: observation.measure_id.as_str(),
        kind: &subject.kind,
        namespace: &subject.namespace,
        name: if is_cluster { "" } else { &subject.name },
    }
}

/// Places of one key; nearly always one in each pack.
enum Places {
    /// The only place in the earlier pack, and its partner in the later one.
    One(u32, Option<u32>),
    /// Either pack has several: likeness decides.
    Many(Vec<u32>),
}

/// Pairs in the order of `after`, then what is only in `before` in its order.
pub(super) fn pairs<'a>(before: &'a [Observation], after: &'a [Observation]) -> Vec<Pair<'a>> {
    let mut places: HashMap<Key<'a>, Places> = HashMap::with_capacity(before.len());
    for (place, observation) in (0u32..).zip(before) {
        places
            .entry(key(observation))
            .and_modify(|places| match places {
                Places::One(first, _) => *places = Places::Many(vec![*first, place]),
                Places::Many(many) => many.push(place),
            })
            .or_insert(Places::One(place, None));
    }
    // Places in the later pack that have several candidates, or share one.
    let mut shared: Vec<u32> = Vec::new();
    for (place, observation) in (0u32..).zip(after) {
        match places.get_mut(&key(observation)) {
            None => {}
            Some(Places::One(_, partner @ None)) => *partner = Some(place),
            Some(places @ Places::One(..)) => {
                if let Places::One(only, Some(first)) = *places {
                    shared.extend([first, place]);
                    *places = Places::Many(vec![only]);
                }
            }
            Some(Places::Many(_)) => shared.push(place),
        }
    }
    let mut partners = Partners { of_before: vec![None; before.len()], of_after: vec![None; after.len()] };
    for places in places.values() {
        if let Places::One(old, Some(new)) = places {
            partners.join(*old, *new);
        }
    }
    // The most telling likeness first, for all of a key, so that a weaker one takes no partner away. Within a likeness
    // the first goes with the first: the same in both directions, and linear however many share a key.
    let likenesses: [fn(&'a Observation) -> Option<&'a str>; 3] = [
        |observation| Some(observation.subject.uid.as_str()).filter(|uid| !uid.is_empty()),
        |observation| Some(observation.subject.api_version.as_str()),
        |_| Some(""),
    ];
    let candidates: Vec<u32> = {
        let many = places.values().filter_map(|places| match places {
            Places::Many(many) => Some(many.as_slice()),
            Places::One(..) => None,
        });
        let mut all: Vec<u32> = many.flatten().copied().collect();
        all.sort_unstable();
        all
    };
    for likeness in likenesses {
        let mut free: HashMap<(Key<'a>, &str), VecDeque<u32>> = HashMap::new();
        for old in candidates.iter().filter(|old| partners.of_before[**old as usize].is_none()) {
            let observation = &before[*old as usize];
            if let Some(like) = likeness(observation) {
                free.entry((key(observation), like)).or_default().push_back(*old);
            }
        }
        for new in &shared {
            let observation = &after[*new as usize];
            if partners.of_after[*new as usize].is_some() {
                continue;
            }
            let Some(like) = likeness(observation) else { continue };
            if let Some(old) = free.get_mut(&(key(observation), like)).and_then(VecDeque::pop_front) {
                partners.join(old, *new);
            }
        }
    }
    let both = (0u32..).zip(after).zip(&partners.of_after).map(|(after, partner)| Pair {
        before: partner.map(|old| (old, &before[old as usize])),
        after: Some(after),
    });
    let only_before = (0u32..)
        .zip(before)
        .zip(&partners.of_before)
        .filter(|(_, partner)| partner.is_none())
        .map(|(old, _)| Pair { before: Some(old), after: None });
    both.chain(only_before).collect()
}

/// Who belongs to whom, from both ends.
struct Partners {
    of_before: Vec<Option<u32>>,
    of_after: Vec<Option<u32>>,
}

impl Partners {
    fn join(&mut self, before: u32, after: u32) {
        self.of_before[before as usize] = Some(after);
        self.of_after[after as usize] = Some(before);
    }
}
