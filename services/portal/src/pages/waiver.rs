//! One waiver: what is waived, its way with who did what, and the steps that the viewer may take.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hexproof_api::v1;
use hexproof_core::access::Role;
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::waiver::lifecycle::same_person;
use http::StatusCode;
use jiff::civil::Date;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::forms::{CheckedForm, Errors, Fields, Input, Kept, Notice, cleaned, csrf, hidden, submit, told};
use crate::grpc::Api;
use crate::pages::shared::{cluster_link, instant};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::waivers::{State as Stage, measure, subject, today};
use crate::{links, marks, words};

/// Fields of the forms of this page.
const LABELS: &[(&str, &str)] = &[("comment", "Comment")];

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    done: String,
}

/// What the forms of this page say.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StepForm {
    version: String,
    comment: String,
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    kept: Kept,
    Path((cluster, id)): Path<(ClusterId, RecordId)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let record = find(&parts, &viewer, &cluster, &id).await?;
    let page = Page { parts: &parts, viewer: &viewer, cluster: &cluster, id: &id, record: &record };
    let form = kept.form(&links::revoke_waiver(&cluster, &id)).unwrap_or_default();
    Ok(page.show(html! { (told(&wanted.done)) (kept.told()) }, &form, &Errors::default()))
}

/// Approves, if another person proposed it.
pub(crate) async fn approve(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path((cluster, id)): Path<(ClusterId, RecordId)>,
    CheckedForm(form): CheckedForm<StepForm>,
) -> Result<Response, Refusal> {
    viewer.cluster(&cluster)?;
    let message = v1::ApproveWaiverRequest {
        cluster_id: cluster.to_string(),
        waiver_id: id.to_string(),
        version: form.version.parse().unwrap_or(0),
    };
    match Api::new(&parts, &viewer).waivers().approve_waiver(message).await {
        Ok(_) => Ok(Redirect::to(&Notice::WaiverApproved.at(&links::waiver(&cluster, &id))).into_response()),
        Err(status) => {
            let errors = Errors::read(status, &[])?;
            let record = find(&parts, &viewer, &cluster, &id).await?;
            let page = Page { parts: &parts, viewer: &viewer, cluster: &cluster, id: &id, record: &record };
            Ok(page.show(html! {}, &form, &errors))
        }
    }
}

/// Ends it, or refuses it while it is proposed.
pub(crate) async fn revoke(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path((cluster, id)): Path<(ClusterId, RecordId)>,
    CheckedForm(form): CheckedForm<StepForm>,
) -> Result<Response, Refusal> {
    let record = find(&parts, &viewer, &cluster, &id).await?;
    let page = Page { parts: &parts, viewer: &viewer, cluster: &cluster, id: &id, record: &record };
    let comment = cleaned(&form.comment);
    if comment.is_empty() {
        return Ok(page.show(html! {}, &form, &Errors::of("comment", "Say why.")));
    }
    let message =
        v1::RevokeWaiverRequest { cluster_id: cluster.to_string(), waiver_id: id.to_string(), comment };
    let notice = match record.stage() {
        v1::WaiverStage::Proposed => Notice::WaiverRefused,
        _ => Notice::WaiverRevoked,
    };
    match Api::new(&parts, &viewer).waivers().revoke_waiver(message).await {
        Ok(_) => Ok(Redirect::to(&notice.at(&links::waiver(&cluster, &id))).into_response()),
        Err(status) => Ok(page.show(html! {}, &form, &Errors::read(status, &[("comment", "comment")])?)),
    }
}

async fn find(
    parts: &PortalParts,
    viewer: &Viewer,
    cluster: &ClusterId,
    id: &RecordId,
) -> Result<v1::WaiverRecord, Refusal> {
    viewer.cluster(cluster)?;
    viewer.trail.touches(Some(cluster), id.as_str());
    let message = v1::GetWaiverRequest { cluster_id: cluster.to_string(), waiver_id: id.to_string() };
    let found = Api::new(parts, viewer).waivers().get_waiver(message).await?.into_inner().waiver;
    found.ok_or_else(|| {
        Refusal::NotFound(format!("There is no waiver `{id}` of `{cluster}` that you may see."))
    })
}

struct Page<'a> {
    parts: &'a PortalParts,
    viewer: &'a Viewer,
    cluster: &'a ClusterId,
    id: &'a RecordId,
    record: &'a v1::WaiverRecord,
}

impl Page<'_> {
    fn show(&self, told: Markup, form: &StepForm, errors: &Errors) -> Response {
        let waiver = self.record.waiver.clone().unwrap_or_default();
        let today = today(self.parts.clock.now());
        let stage = Stage::of(self.record, today);
        let open = matches!(stage, Stage::Proposed | Stage::InForce | Stage::Soon);
        let operator = self.viewer.is(&[Role::Operator, Role::Admin]);
        let shell = Shell {
            section: Section::Waivers,
            crumbs: vec![("Waivers".to_owned(), links::WAIVERS.to_owned())],
            title: self.title(&waiver, stage, today),
            second: html! {
                "Waiver of “" (marks::name(measure(&self.parts.catalogue, &waiver.measure))) "” in "
                (cluster_link(&self.record.cluster_id)) "."
            },
            body: html! {
                (told)
                (errors.summary(LABELS))
                div.columns {
                    div.main { (self.what(&waiver)) (self.way()) }
                    aside.side {
                        @if operator && stage == Stage::Proposed { (self.approve(&waiver)) }
                        @if operator && open { (self.revoke(stage, form, errors)) }
                        @if !operator && open {
                            section {
                                h2 { "Next step" }
                                p { @if stage == Stage::Proposed { "An operator who neither proposed it nor owns the risk must approve it." }
                                    @else { "An operator can revoke it before its last day." } }
                            }
                        }
                    }
                }
            },
        };
        let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        shell.answer(status, self.viewer)
    }

    fn title(&self, waiver: &v1::Waiver, stage: Stage, today: Date) -> String {
        let day: Option<Date> = waiver.expiry.parse().ok();
        let until = day.map_or_else(|| waiver.expiry.clone(), words::date);
        match stage {
            Stage::Proposed => "Proposed: it does not count until another person approves it".to_owned(),
            Stage::InForce => format!("In force until {until}"),
            Stage::Soon => {
                let days = day.map_or(0, |day| day.duration_since(today).as_hours() / 24);
                match u64::try_from(days) {
                    Ok(0) | Err(_) => "In force, today for the last day".to_owned(),
                    Ok(days) => {
                        format!("In force until {until}: it expires in {}", words::count(days, "day", "days"))
                    }
                }
            }
            Stage::Expired => format!("Expired: its last day was {until}"),
            // What nobody approved never counted.
            Stage::Revoked if waiver.approver.is_empty() => "Refused: it never counted".to_owned(),
            Stage::Revoked => "Revoked: it no longer counts".to_owned(),
        }
    }

    fn what(&self, waiver: &v1::Waiver) -> Markup {
        let known = self.parts.catalogue.get(&waiver.measure);
        html! {
            section {
                h2 { "What is accepted" }
                dl.facts {
                    dt { "Measure" }
                    dd {
                        @match known {
                            Some(known) => { a href=(links::measure(&known.id)) { (marks::name(&known.title)) } br; },
                            None => { "No longer in the catalogue: " },
                        }
                        (marks::id(&waiver.measure))
                    }
                    dt { "Subjects" } dd { (subject(waiver.subject.as_ref())) }
                    dt { "Reason" } dd { (marks::lines(&waiver.reason)) }
                    dt { "Compensating control" } dd { (marks::lines(&waiver.compensating_control)) }
                    dt { "Owner of the risk" } dd { (marks::name(&waiver.owner)) }
                    dt { "Approved by" }
                    dd { @if waiver.approver.is_empty() { "nobody" } @else { (marks::name(&waiver.approver)) } }
                    dt { "Last day" }
                    dd {
                        @match waiver.expiry.parse::<Date>() {
                            Ok(day) => { time datetime=(day) { (words::date(day)) } ", in UTC" },
                            Err(_) => { (marks::name(&waiver.expiry)) },
                        }
                    }
                    dt { "Id" } dd { (marks::id(self.id.as_str())) }
                }
            }
        }
    }

    /// Every version: each is one step.
    fn way(&self) -> Markup {
        html! {
            section {
                h2 { "Its way" span.note { "every version is kept" } }
                table.list {
                    caption.sr { "Versions, oldest first" }
                    thead { tr {
                        th.n scope="col" { "Version" }
                        th scope="col" { "Step" }
                        th scope="col" { "By" }
                        th scope="col" { "When" }
                        th scope="col" { "Comment" }
                    } }
                    tbody {
                        @for (place, event) in self.record.history.iter().enumerate() {
                            tr {
                                td.n data-label="Version" { (place + 1) }
                                th scope="row" data-label="Step" { (step(event.stage(), place, &self.record.history)) }
                                td data-label="By" { (marks::name(&event.subject)) }
                                td data-label="When" { @if let Some(at) = instant(event.at.as_ref()) { (marks::time(at)) } }
                                td data-label="Comment" { @if event.comment.is_empty() { "none" } @else { (marks::lines(&event.comment)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn approve(&self, waiver: &v1::Waiver) -> Markup {
        let me = &self.viewer.caller.subject;
        let proposed = self.record.history.iter().any(|event| same_person(&event.subject, me));
        html! {
            section {
                h2 { "Approve" }
                @if proposed {
                    p { "You proposed it; another person must approve." }
                } @else if same_person(&waiver.owner, me) {
                    p { "You own the risk; another person must approve." }
                } @else {
                    form action=(links::approve_waiver(self.cluster, self.id)) method="post" {
                        (csrf(self.viewer))
                        // What was read is what is approved.
                        (hidden("version", &self.record.version.to_string()))
                        p { "You approve as " b { (marks::name(me)) } ". It counts from the next audit on." }
                        (submit("Approve waiver"))
                    }
                }
            }
        }
    }

    fn revoke(&self, stage: Stage, form: &StepForm, errors: &Errors) -> Markup {
        let (head, button, hint) = match stage {
            Stage::Proposed => ("Refuse", "Refuse waiver", "Why it shall not count."),
            _ => ("Revoke", "Revoke waiver", "Why it shall no longer count."),
        };
        html! {
            section {
                h2 { (head) }
                form.fields action=(links::revoke_waiver(self.cluster, self.id)) method="post" novalidate {
                    (csrf(self.viewer))
                    (Fields(errors).input(&Input {
                        name: "comment",
                        label: "Comment",
                        hint,
                        value: &form.comment,
                        lines: 3,
                        ..Input::default()
                    }))
                    button.button type="submit" { (button) }
                }
            }
        }
    }
}

fn step(stage: v1::WaiverStage, place: usize, history: &[v1::WaiverEvent]) -> &'static str {
    let before = place.checked_sub(1).and_then(|before| history.get(before)).map(v1::WaiverEvent::stage);
    match (stage, before) {
        (v1::WaiverStage::Proposed, _) => "proposed",
        (v1::WaiverStage::Approved, _) => "approved",
        (v1::WaiverStage::Revoked, Some(v1::WaiverStage::Proposed)) => "refused",
        (v1::WaiverStage::Revoked, _) => "revoked",
        (v1::WaiverStage::Expired, _) => "expired",
        (v1::WaiverStage::Unspecified, _) => "changed",
    }
}
