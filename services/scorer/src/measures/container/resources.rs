//! Measures on requests, limits and temporary storage.

use std::collections::BTreeMap;

use hexproof_core::Significance;
use hexproof_core::record::Kind;
use hexproof_core::record::cluster::{LimitRange, LimitRangeItem};
use hexproof_core::record::pod::{ResourceList, Resources};
use hexproof_core::record::scalar::Quantity;

use crate::facts::{ContainerAt, Facts, Item, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-memory-limit", kinds: WORKLOADS, judge: |report| limited(report, "memory") },
    Entry { id: "container-cpu-limit", kinds: WORKLOADS, judge: |report| limited(report, "cpu") },
    Entry { id: "container-resource-requests", kinds: WORKLOADS, judge: requested },
    Entry { id: "container-ephemeral-storage-bounded", kinds: WORKLOADS, judge: ephemeral_storage },
];

fn limited(report: &mut Report<'_, '_>, resource: &'static str) {
    let ranges = LimitRanges::gather(report.facts);
    report.each_part(|case, part| {
        let of_pod = amount(part.spec.resources.as_ref(), Side::Limits, resource);
        if of_pod.is_some_and(Quantity::is_positive) {
            case.read_in(part, part.field(&format!("resources.limits.{resource}"), text(of_pod)));
            return;
        }
        for container in part.containers.iter().filter(|container| container.is_long_running()) {
            judge_amount(case, &ranges, part, container, Side::Limits, resource);
        }
    });
}

fn requested(report: &mut Report<'_, '_>) {
    let ranges = LimitRanges::gather(report.facts);
    report.each_part(|case, part| {
        for resource in ["cpu", "memory"] {
            if let Some((side, of_pod)) = request(part.spec.resources.as_ref(), resource)
                && of_pod.is_positive()
            {
                case.read_in(part, part.field(&side.path(resource), text(Some(of_pod))));
                continue;
            }
            for container in part.containers.iter().filter(|container| container.is_long_running()) {
                judge_amount(case, &ranges, part, container, Side::Requests, resource);
            }
        }
    });
}

fn ephemeral_storage(report: &mut Report<'_, '_>) {
    let ranges = LimitRanges::gather(report.facts);
    report.each_part(|case, part| {
        for container in part.containers.iter().filter(|container| container.is_long_running()) {
            judge_amount(case, &ranges, part, container, Side::Limits, "ephemeral-storage");
        }
        for (place, volume) in part.spec.volumes.iter().enumerate() {
            if volume.source() != "emptyDir" {
                continue;
            }
            let limit = volume.empty_dir.as_ref().and_then(|dir| dir.size_limit.as_ref());
            let reading = part.field(&format!("volumes[{place}].emptyDir.sizeLimit"), text(limit));
            // The kubelet takes a limit of 0 for none.
            if limit.is_some_and(Quantity::is_positive) {
                case.read_in(part, reading);
                continue;
            }
            let in_memory = volume.empty_dir.as_ref().and_then(|dir| dir.medium.as_deref()) == Some("Memory");
            let place = if in_memory { "in memory " } else { "" };
            let reason = format!("the emptyDir {} {place}has no size limit", volume.name);
            let fault = case.fault_in(part, reading, reason);
            if in_memory {
                fault.counts_as(Significance::Medium);
            }
        }
    });
}

/// Which of the two lists of a container's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Limits,
    Requests,
}

impl Side {
    fn path(self, resource: &str) -> String {
        match self {
            Self::Limits => format!("resources.limits.{resource}"),
            Self::Requests => format!("resources.requests.{resource}"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Limits => "limit",
            Self::Requests => "request",
        }
    }
}

fn amount<'f>(resources: Option<&'f Resources>, side: Side, resource: &str) -> Option<&'f Quantity> {
    let resources = resources?;
    match side {
        Side::Limits => resources.limits.get(resource),
        Side::Requests => resources.requests.get(resource),
    }
}

/// The request in effect, and where it stands: the API server takes an absent one from the limit.
fn request<'f>(resources: Option<&'f Resources>, resource: &str) -> Option<(Side, &'f Quantity)> {
    [Side::Requests, Side::Limits]
        .into_iter()
        .find_map(|side| Some((side, amount(resources, side, resource)?)))
}

fn text(quantity: Option<&Quantity>) -> Option<String> {
    quantity.map(|quantity| quantity.0.clone())
}

/// Judges one amount of one container: its own, else for templates the default of a LimitRange.
fn judge_amount<'f>(
    case: &mut Case,
    ranges: &LimitRanges<'f>,
    part: &Part<'f>,
    container: &ContainerAt<'f>,
    side: Side,
    resource: &str,
) {
    let resources = container.container.resources.as_ref();
    let own = match side {
        Side::Limits => amount(resources, side, resource).map(|quantity| (side, quantity)),
        Side::Requests => request(resources, resource),
    };
    let word = side.word();
    let Some((found_in, quantity)) = own else {
        let reading = container.field(&side.path(resource), None::<String>);
        // A pod that runs shows what a LimitRange filled in; a template and a manifest do not.
        let given = if part.running { None } else { ranges.default(part.item.namespace(), side, resource) };
        if let Some(default) = given {
            case.read_in(part, reading).uses(default.item);
            case.read(reading_of(default.item, default.path, default.quantity.0.as_str()));
        } else if let (false, Some(gap)) = (part.running, &ranges.gap) {
            case.read_in(part, reading).unknown(gap.as_str());
        } else {
            case.fault_in(part, reading, format!("the container has no {resource} {word}"));
        }
        return;
    };
    let reading = container.field(&found_in.path(resource), quantity.0.as_str());
    if quantity.is_positive() {
        case.read_in(part, reading);
    } else {
        case.fault_in(part, reading, format!("the {resource} {word} is not above 0"));
    }
}

/// Whether the long-running containers of a pod spec have a request.
pub(in crate::measures) enum Requested<'p, 'f> {
    /// All of them, or the pod as a whole.
    ByAll,
    /// Not this one.
    NotBy(&'p ContainerAt<'f>),
    /// It cannot be told, and why.
    Untold(&'p str),
}

/// Judges the request for a resource of every long-running container, as container-resource-requests does.
pub(in crate::measures) fn requested_by_all<'p, 'f>(
    ranges: &'p LimitRanges<'f>,
    part: &'p Part<'f>,
    resource: &str,
) -> Requested<'p, 'f> {
    let positive = |resources: Option<&Resources>| request(resources, resource).map(|(_, q)| q.is_positive());
    if positive(part.spec.resources.as_ref()) == Some(true) {
        return Requested::ByAll;
    }
    let mut untold = None;
    for container in part.containers.iter().filter(|container| container.is_long_running()) {
        match positive(container.container.resources.as_ref()) {
            Some(true) => {}
            Some(false) => return Requested::NotBy(container),
            None if part.running => return Requested::NotBy(container),
            None if ranges.default(part.item.namespace(), Side::Requests, resource).is_some() => {}
            None => match &ranges.gap {
                Some(gap) => untold = Some(gap.as_str()),
                None => return Requested::NotBy(container),
            },
        }
    }
    untold.map_or(Requested::ByAll, Requested::Untold)
}

/// The items of type Container of all LimitRanges, by namespace.
pub(in crate::measures) struct LimitRanges<'f> {
    items: BTreeMap<&'f str, Vec<(Item<'f>, usize, &'f LimitRangeItem)>>,
    /// Why they are not all known.
    gap: Option<String>,
}

/// An amount that a LimitRange gives to containers that have none.
struct Given<'f> {
    item: Item<'f>,
    path: String,
    quantity: &'f Quantity,
}

impl<'f> LimitRanges<'f> {
    pub(in crate::measures) fn gather(facts: &Facts<'f>) -> Self {
        let mut items: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (item, range) in facts.all::<LimitRange>(Kind::LimitRange) {
            let of_containers =
                range.spec.limits.iter().enumerate().filter(|(_, limit)| limit.r#type == "Container");
            items
                .entry(item.namespace())
                .or_default()
                .extend(of_containers.map(|(place, limit)| (item, place, limit)));
        }
        Self { items, gap: facts.not_listed(Kind::LimitRange) }
    }

    /// The default in a namespace, looked for in the order in which the API server fills it in.
    fn default(&self, namespace: &str, side: Side, resource: &str) -> Option<Given<'f>> {
        self.items.get(namespace)?.iter().find_map(|(item, place, limit)| {
            let lists: &[(&str, &'f ResourceList)] = match side {
                Side::Limits => &[("default", &limit.default), ("max", &limit.max)],
                Side::Requests => &[
                    ("defaultRequest", &limit.default_request),
                    ("default", &limit.default),
                    ("max", &limit.max),
                    ("min", &limit.min),
                ],
            };
            let (field, quantity) =
                lists.iter().find_map(|(field, list)| Some((*field, list.get(resource)?)))?;
            let path = format!("spec.limits[{place}].{field}.{resource}");
            quantity.is_positive().then_some(Given { item: *item, path, quantity })
        })
    }
}
