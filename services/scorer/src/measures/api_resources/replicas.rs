//! How many replicas a workload keeps, its autoscaler included.

use std::collections::BTreeMap;

use hexproof_core::observation::Reading;
use hexproof_core::record::cluster::{Autoscaler, ScaleTarget};
use hexproof_core::record::{Kind, workload};

use crate::facts::{Facts, Item, Workload};
use crate::verdict::{Case, Report, reading, reading_of};

/// Autoscalers by their target.
pub(super) struct Replicas<'f> {
    autoscalers: BTreeMap<(Kind, &'f str, &'f str), (Item<'f>, &'f Autoscaler)>,
    /// Why the autoscalers are not all known.
    gap: Option<String>,
}

/// The kind an autoscaler scales; apps/v1 where it names no version, `otherwise` where it names no kind.
pub(super) fn target_kind(target: &ScaleTarget, otherwise: &str) -> Kind {
    let given = |text: &'_ Option<String>| text.clone().filter(|text| !text.is_empty());
    let version = given(&target.api_version).unwrap_or_else(|| "apps/v1".into());
    Kind::of(&version, &given(&target.kind).unwrap_or_else(|| otherwise.into()))
}

impl<'f> Replicas<'f> {
    /// Indexes the autoscalers.
    pub(super) fn new(facts: &Facts<'f>) -> Self {
        let mut autoscalers = BTreeMap::new();
        for (item, scaler) in facts.all::<Autoscaler>(Kind::HorizontalPodAutoscaler) {
            let target = &scaler.spec.scale_target_ref;
            let key = (target_kind(target, ""), item.namespace(), target.name.as_str());
            autoscalers.entry(key).or_insert((item, scaler));
        }
        Self { autoscalers, gap: facts.not_listed(Kind::HorizontalPodAutoscaler) }
    }

    /// The autoscaler of a workload.
    pub(super) fn autoscaler(&self, item: Item<'_>) -> Option<(Item<'f>, &'f Autoscaler)> {
        self.autoscalers.get(&(item.kind(), item.namespace(), item.name())).copied()
    }

    /// The fewest replicas an autoscaler leaves a workload, else those it asks for.
    pub(super) fn fewest(&self, item: Item<'_>, asked: i64) -> i64 {
        match self.autoscaler(item) {
            Some((_, scaler)) if asked != 0 => scaler.spec.min_replicas.unwrap_or(1),
            _ => asked,
        }
    }

    /// Whether a workload has two replicas or more, with the fields that say so; `None` if it cannot be told.
    pub(super) fn several(
        &self,
        case: &mut Case,
        item: Item<'f>,
        controller: &workload::Workload,
    ) -> Option<bool> {
        let asked = controller.spec.replicas;
        case.read(reading("spec.replicas", asked));
        if asked.unwrap_or(1) >= 2 {
            return Some(true);
        }
        if asked == Some(0) {
            return Some(false);
        }
        match self.autoscaler(item) {
            Some((scaler, body)) => {
                case.uses(scaler).read(min_replicas(scaler, body));
                Some(body.spec.min_replicas.unwrap_or(1) >= 2)
            }
            None if self.gap.is_some() => {
                case.unknown(self.gap.as_deref().unwrap_or_default());
                None
            }
            None => Some(false),
        }
    }
}

/// The lower bound of an autoscaler.
pub(super) fn min_replicas(item: Item<'_>, scaler: &Autoscaler) -> Reading {
    reading_of(item, "spec.minReplicas", scaler.spec.min_replicas)
}

/// Judges every Deployment and StatefulSet that the platform does not own.
pub(super) fn each_replicated<'f>(
    report: &mut Report<'_, 'f>,
    mut judge: impl FnMut(&mut Case, &Workload<'f>, &'f workload::Workload),
) {
    let facts = report.facts;
    for workload in facts.workloads() {
        let Some(controller) = workload
            .controller()
            .filter(|_| matches!(workload.item.kind(), Kind::Deployment | Kind::StatefulSet))
        else {
            continue;
        };
        let mut case = Case::of_workload(workload);
        match facts.platform_owned(workload) {
            Some(reason) => {
                case.not_applicable(reason);
            }
            None => judge(&mut case, workload, controller),
        }
        report.push(case);
    }
}

/// The same for those with two replicas or more; fewer are not applicable.
pub(super) fn each_with_several<'f>(
    report: &mut Report<'_, 'f>,
    replicas: &Replicas<'f>,
    mut judge: impl FnMut(&mut Case, &Workload<'f>),
) {
    each_replicated(report, |case, workload, controller| {
        match replicas.several(case, workload.item, controller) {
            Some(true) => judge(case, workload),
            Some(false) => {
                case.not_applicable("fewer than two replicas");
            }
            None => {}
        }
    });
}
