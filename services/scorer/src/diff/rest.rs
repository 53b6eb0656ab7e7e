//! What verdicts rest on, and the cells they add up to, side by side.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::assessment::{Assessment, Cell, WaiverState};
use hexproof_core::diff::{CellChange, NotListedChange, PermissionChange, SourceChange, Turn, WaiverChange};
use hexproof_core::permissions::Permission;
use hexproof_core::{Goal, Layer};

/// Every cell of either assessment, in the order of the matrix, then goals, layers, the cluster.
pub(super) fn cells(before: &Assessment, after: &Assessment) -> Vec<CellChange> {
    type Of = fn(&Assessment) -> &[Cell];
    let parts: [Of; 4] = [|a| &a.matrix, |a| &a.goals, |a| &a.layers, |a| std::slice::from_ref(&a.overall)];
    let mut cells = Vec::new();
    for of in parts {
        let mut part: BTreeMap<(Option<Layer>, Option<Goal>), CellChange> = BTreeMap::new();
        for (cell, is_after) in
            of(before).iter().map(|c| (c, false)).chain(of(after).iter().map(|c| (c, true)))
        {
            let (layer, goal) = (cell.layer, cell.goal);
            let change =
                part.entry((layer, goal)).or_insert(CellChange { layer, goal, before: None, after: None });
            let side = if is_after { &mut change.after } else { &mut change.before };
            *side = Some(cell.clone());
        }
        cells.extend(part.into_values());
    }
    cells
}

pub(super) fn sources(before: &Assessment, after: &Assessment) -> Vec<SourceChange> {
    let states = |of: &Assessment| -> BTreeMap<String, (_, String)> {
        of.sources.iter().map(|s| (s.name.clone(), (s.state, s.reason.clone()))).collect()
    };
    let (old, new) = (states(before), states(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (before, after) = (old.get(name), new.get(name));
            if before.map(|(state, _)| state) == after.map(|(state, _)| state) {
                return None;
            }
            Some(SourceChange {
                name: name.clone(),
                before: before.map(|(state, _)| *state),
                after: after.map(|(state, _)| *state),
                reason: after.map(|(_, reason)| reason.clone()).unwrap_or_default(),
            })
        })
        .collect()
}

/// Rights gained and lost; nothing where one of the packs does not tell the rights.
pub(super) fn permissions(before: &Assessment, after: &Assessment) -> Vec<PermissionChange> {
    let (Some(old), Some(new)) = (&before.permissions, &after.permissions) else { return Vec::new() };
    let mut changes = Vec::new();
    for (old, new, excess) in [(&old.granted, &new.granted, false), (&old.excess, &new.excess, true)] {
        let sets: [BTreeSet<&Permission>; 2] = [old.iter().collect(), new.iter().collect()];
        for (turn, one, other) in [(Turn::Begun, &sets[1], &sets[0]), (Turn::Ended, &sets[0], &sets[1])] {
            let only = one.difference(other);
            changes.extend(only.map(|right| PermissionChange { turn, permission: (*right).clone(), excess }));
        }
    }
    changes
}

pub(super) fn not_listed(before: &Assessment, after: &Assessment) -> Vec<NotListedChange> {
    let only = |one: &Assessment, other: &Assessment, turn: Turn| -> Vec<NotListedChange> {
        let others: BTreeSet<_> = other.not_listed.iter().map(|n| (&n.api_version, &n.kind)).collect();
        one.not_listed
            .iter()
            .filter(|gap| !others.contains(&(&gap.api_version, &gap.kind)))
            .map(|gap| NotListedChange { turn, not_listed: gap.clone() })
            .collect()
    };
    let mut changes = only(after, before, Turn::Begun);
    changes.extend(only(before, after, Turn::Ended));
    changes
}

/// Waivers that count in one pack alone, or with another content or reach in each.
pub(super) fn waivers(before: &Assessment, after: &Assessment) -> Vec<WaiverChange> {
    let states = |of: &'_ Assessment| -> BTreeMap<String, WaiverState> {
        of.waivers.iter().map(|state| (state.waiver.id.clone(), state.clone())).collect()
    };
    let (old, new) = (states(before), states(after));
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    ids.into_iter()
        .filter_map(|id| {
            let (old, new) = (old.get(id), new.get(id));
            let counts = |state: Option<&WaiverState>| state.is_some_and(|state| state.valid);
            let covers =
                |state: Option<&WaiverState>| state.filter(|s| s.valid).map_or(0, |state| state.covers);
            let turn = match (counts(old), counts(new)) {
                (false, true) => Turn::Begun,
                (true, false) => Turn::Ended,
                (true, true) if old != new => Turn::Altered,
                _ => return None,
            };
            let reason = match (turn, new) {
                (Turn::Ended, Some(state)) => state.void_reason.clone(),
                (Turn::Ended, None) => "it is not given any more".to_owned(),
                _ => String::new(),
            };
            Some(WaiverChange {
                turn,
                waiver: new.or(old)?.waiver.clone(),
                reason,
                covers_before: covers(old),
                covers_after: covers(new),
            })
        })
        .collect()
}
