//! Comparisons as messages.

use hexproof_core::diff::{
    Cause, CellChange, Change, ChangeCount, ChangeKind, Diff, GateChange, MeasureChange, NotListedChange,
    OutcomeCounts, PackRef, PermissionChange, Shares, SourceChange, Turn, Verdict, WaiverChange,
};

use super::{all, timestamp};
use crate::v1;

impl From<&Diff> for v1::Diff {
    fn from(diff: &Diff) -> Self {
        let Diff {
            before,
            after,
            same_cluster,
            other_rules,
            other_settings,
            low,
            high,
            accepted_low,
            cells,
            gates,
            counts,
            same,
            measures,
            changes,
            sources,
            permissions,
            not_listed,
            waivers,
        } = diff;
        Self {
            before: Some(before.into()),
            after: Some(after.into()),
            same_cluster: *same_cluster,
            other_rules: *other_rules,
            other_settings: *other_settings,
            low: low.as_ref().map(Into::into),
            high: high.as_ref().map(Into::into),
            accepted_low: accepted_low.as_ref().map(Into::into),
            cells: all(cells),
            gates: all(gates),
            counts: all(counts),
            same: *same,
            measures: all(measures),
            changes: all(changes),
            sources: all(sources),
            permissions: all(permissions),
            not_listed: all(not_listed),
            waivers: all(waivers),
        }
    }
}

impl From<&PackRef> for v1::PackRef {
    fn from(pack: &PackRef) -> Self {
        let PackRef {
            cluster_name,
            cluster_id,
            audit_id,
            snapshot_digest,
            collected_at,
            catalogue_digest,
            settings_digest,
            overall,
            observations,
        } = pack;
        Self {
            cluster_name: cluster_name.clone(),
            cluster_id: cluster_id.clone(),
            audit_id: audit_id.clone(),
            snapshot_digest: snapshot_digest.to_string(),
            collected_at: Some(timestamp(*collected_at)),
            catalogue_digest: catalogue_digest.to_string(),
            settings_digest: settings_digest.to_string(),
            overall: Some(overall.into()),
            observations: *observations,
        }
    }
}

impl From<&Shares> for v1::Shares {
    fn from(shares: &Shares) -> Self {
        let Shares { before, after, cluster, rules, settings, waivers, seen } = *shares;
        Self { before, after, cluster, rules, settings, waivers, seen }
    }
}

impl From<&CellChange> for v1::CellChange {
    fn from(cell: &CellChange) -> Self {
        let CellChange { layer, goal, before, after } = cell;
        Self {
            layer: layer.map(|layer| v1::Layer::from(layer).into()),
            goal: goal.map(|goal| v1::Goal::from(goal).into()),
            before: before.as_ref().map(Into::into),
            after: after.as_ref().map(Into::into),
        }
    }
}

impl From<&GateChange> for v1::GateChange {
    fn from(gate: &GateChange) -> Self {
        let GateChange {
            turn,
            measure_id,
            layer,
            goals,
            number_before,
            number_after,
            failing_before,
            failing_after,
            causes,
        } = gate;
        Self {
            turn: turn.map(|turn| v1::Turn::from(turn).into()),
            measure_id: measure_id.to_string(),
            layer: v1::Layer::from(*layer).into(),
            goals: goals.iter().map(|goal| v1::Goal::from(*goal).into()).collect(),
            number_before: *number_before,
            number_after: *number_after,
            failing_before: *failing_before,
            failing_after: *failing_after,
            causes: causes.iter().map(|cause| v1::Cause::from(*cause).into()).collect(),
        }
    }
}

impl From<&ChangeCount> for v1::ChangeCount {
    fn from(counted: &ChangeCount) -> Self {
        let ChangeCount { kind, cause, count } = *counted;
        Self { kind: v1::ChangeKind::from(kind).into(), cause: v1::Cause::from(cause).into(), count }
    }
}

impl From<&MeasureChange> for v1::MeasureChange {
    fn from(measure: &MeasureChange) -> Self {
        let MeasureChange { measure_id, rule, before, after, new_failures, gone_failures, counts } = measure;
        Self {
            measure_id: measure_id.to_string(),
            rule: rule.map(|turn| v1::Turn::from(turn).into()),
            before: before.as_ref().map(Into::into),
            after: after.as_ref().map(Into::into),
            new_failures: *new_failures,
            gone_failures: *gone_failures,
            counts: all(counts),
        }
    }
}

impl From<&OutcomeCounts> for v1::OutcomeCounts {
    fn from(counts: &OutcomeCounts) -> Self {
        let OutcomeCounts { pass, fail, unknown, not_applicable, waived } = *counts;
        Self { pass, fail, unknown, not_applicable, waived }
    }
}

impl From<&Change> for v1::Change {
    fn from(change: &Change) -> Self {
        let Change { kind, cause, because, measure_id, subject, recreated, before, after } = change;
        Self {
            kind: v1::ChangeKind::from(*kind).into(),
            cause: v1::Cause::from(*cause).into(),
            because: because.clone(),
            measure_id: measure_id.to_string(),
            subject: Some(subject.into()),
            recreated: *recreated,
            before: before.as_ref().map(Into::into),
            after: after.as_ref().map(Into::into),
        }
    }
}

impl From<&Verdict> for v1::Verdict {
    fn from(verdict: &Verdict) -> Self {
        let Verdict { place, outcome, significance, reason, waived_by, evidence_digest } = verdict;
        Self {
            place: *place,
            outcome: v1::Outcome::from(*outcome).into(),
            significance: v1::Significance::from(*significance).into(),
            reason: reason.clone(),
            waived_by: waived_by.clone(),
            evidence_digest: evidence_digest.map(|digest| digest.to_string()),
        }
    }
}

impl From<&SourceChange> for v1::SourceChange {
    fn from(source: &SourceChange) -> Self {
        let SourceChange { name, before, after, reason } = source;
        Self {
            name: name.clone(),
            before: before.map(|state| v1::SourceState::from(state).into()),
            after: after.map(|state| v1::SourceState::from(state).into()),
            reason: reason.clone(),
        }
    }
}

impl From<&PermissionChange> for v1::PermissionChange {
    fn from(change: &PermissionChange) -> Self {
        let PermissionChange { turn, permission, excess } = change;
        Self { turn: v1::Turn::from(*turn).into(), permission: Some(permission.into()), excess: *excess }
    }
}

impl From<&NotListedChange> for v1::NotListedChange {
    fn from(change: &NotListedChange) -> Self {
        let NotListedChange { turn, not_listed } = change;
        Self { turn: v1::Turn::from(*turn).into(), not_listed: Some(not_listed.into()) }
    }
}

impl From<&WaiverChange> for v1::WaiverChange {
    fn from(change: &WaiverChange) -> Self {
        let WaiverChange { turn, waiver, reason, covers_before, covers_after } = change;
        Self {
            turn: v1::Turn::from(*turn).into(),
            waiver: Some(waiver.into()),
            reason: reason.clone(),
            covers_before: *covers_before,
            covers_after: *covers_after,
        }
    }
}

impl From<ChangeKind> for v1::ChangeKind {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Worse => Self::Worse,
            ChangeKind::Better => Self::Better,
            ChangeKind::Appeared => Self::Appeared,
            ChangeKind::Vanished => Self::Vanished,
            ChangeKind::Changed => Self::Changed,
        }
    }
}

impl From<Cause> for v1::Cause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Cluster => Self::Cluster,
            Cause::Rules => Self::Rules,
            Cause::Settings => Self::Settings,
            Cause::Waivers => Self::Waivers,
            Cause::Seen => Self::Seen,
        }
    }
}

impl From<Turn> for v1::Turn {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Begun => Self::Begun,
            Turn::Ended => Self::Ended,
            Turn::Altered => Self::Altered,
        }
    }
}
