use hexproof_api::v1;
use hexproof_api::v1::WaiverStage as Stage;
use hexproof_api::v1::waiver_service_server::WaiverService as _;
use hexproof_core::access::Scope;
use hexproof_core::port::Register;
use hexproof_core::waiver::lifecycle::approved_waivers;
use tonic::Code;

use super::{World, asked, code, refusal, within, wrong};

fn waiver() -> v1::Waiver {
    v1::Waiver {
        measure: "non-root".into(),
        subject: Some(v1::SubjectSelector { namespace: Some("shop".into()), ..Default::default() }),
        reason: "the image is replaced in January".into(),
        compensating_control: "network policy".into(),
        owner: "olga@example.com".into(),
        expiry: "2027-01-31".into(),
        ..v1::Waiver::default()
    }
}

fn propose(waiver: v1::Waiver, request: &str) -> v1::ProposeWaiverRequest {
    v1::ProposeWaiverRequest { cluster_id: "shop".into(), waiver: Some(waiver), request_id: request.into() }
}

fn approve(id: &str, version: u64) -> v1::ApproveWaiverRequest {
    v1::ApproveWaiverRequest { cluster_id: "shop".into(), waiver_id: id.into(), version }
}

fn revoke(id: &str, comment: &str) -> v1::RevokeWaiverRequest {
    v1::RevokeWaiverRequest { cluster_id: "shop".into(), waiver_id: id.into(), comment: comment.into() }
}

fn get(cluster: &str, id: &str) -> v1::GetWaiverRequest {
    v1::GetWaiverRequest { cluster_id: cluster.into(), waiver_id: id.into() }
}

fn id(record: &v1::WaiverRecord) -> &str {
    &record.waiver.as_ref().unwrap().id
}

impl World {
    async fn with_cluster() -> Self {
        let world = Self::new();
        world.registered("shop").await;
        world
    }

    async fn proposed(&self, request: &str) -> v1::WaiverRecord {
        let answer = self.waivers.propose_waiver(asked("pia@example.com", propose(waiver(), request))).await;
        answer.unwrap().into_inner().waiver.unwrap()
    }

    async fn stages(&self, stages: &[Stage]) -> Vec<String> {
        let stages = stages.iter().map(|stage| (*stage).into()).collect();
        let list = v1::ListWaiversRequest { stages, ..Default::default() };
        let page = self.waivers.list_waivers(asked("ada", list)).await.unwrap().into_inner();
        page.waivers.iter().map(|record| id(record).to_owned()).collect()
    }
}

#[tokio::test]
async fn a_waiver_counts_from_its_approval_to_its_last_day() {
    let world = World::with_cluster().await;
    let record = world.proposed("r-1").await;
    assert_eq!((record.stage(), record.version, record.history.len()), (Stage::Proposed, 1, 1));
    let register = Register::new(world.records.clone());
    let shop = "shop".parse().unwrap();
    let counting = async |day: &str| approved_waivers(&register, &shop, day.parse().unwrap()).await.unwrap();
    assert!(counting("2026-11-24").await.is_empty());
    let answer = world.waivers.approve_waiver(asked("mia@example.com", approve(id(&record), 1))).await;
    let approved = answer.unwrap().into_inner().waiver.unwrap();
    assert_eq!((approved.stage(), approved.version), (Stage::Approved, 2));
    assert_eq!(approved.waiver.as_ref().unwrap().approver, "mia@example.com");
    assert_eq!(counting("2027-01-31").await[0].approver, "mia@example.com");
    assert!(counting("2027-02-01").await.is_empty());
    assert!(
        approved_waivers(&register, &"bank".parse().unwrap(), "2026-11-24".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    world.set_clock("2027-02-01T00:00:00Z");
    let seen = world.waivers.get_waiver(asked("ada", get("shop", id(&record)))).await.unwrap().into_inner();
    assert_eq!(seen.waiver.unwrap().stage(), Stage::Expired);
    assert_eq!(world.stages(&[Stage::Expired]).await.len(), 1);
    assert!(world.stages(&[Stage::Approved]).await.is_empty());
    let late = world.waivers.revoke_waiver(asked("mia", revoke(id(&record), "late"))).await;
    assert_eq!(refusal(late), code(Code::FailedPrecondition));
}

#[tokio::test]
async fn a_repeated_proposal_is_the_same_waiver() {
    let world = World::with_cluster().await;
    let first = world.proposed("r-1").await;
    assert_eq!(world.proposed("r-1").await, first);
    assert_ne!(id(&world.proposed("r-2").await), id(&first));
    let call = || world.waivers.propose_waiver(asked("pia@example.com", propose(waiver(), "r-3")));
    let (one, two) = tokio::join!(call(), call());
    assert_eq!(one.unwrap().into_inner(), two.unwrap().into_inner());
    assert_eq!(world.stages(&[]).await.len(), 3);
    let other = v1::Waiver { reason: "another".into(), ..waiver() };
    let taken = world.waivers.propose_waiver(asked("pia@example.com", propose(other.clone(), "r-1"))).await;
    assert_eq!(refusal(taken), code(Code::AlreadyExists));
    // Request ids are each caller's own.
    world.waivers.propose_waiver(asked("kim@example.com", propose(other, "r-1"))).await.unwrap();
    // Approval and expiry do not make it another proposal.
    world.waivers.approve_waiver(asked("mia@example.com", approve(id(&first), 1))).await.unwrap();
    world.set_clock("2027-03-01T00:00:00Z");
    assert_eq!(world.proposed("r-1").await.stage(), Stage::Expired);
}

#[tokio::test]
async fn neither_proposer_nor_owner_approves() {
    let world = World::with_cluster().await;
    let record = world.proposed("r-1").await;
    for subject in ["pia@example.com", "olga@example.com", "Olga@Example.com"] {
        let refused = world.waivers.approve_waiver(asked(subject, approve(id(&record), 1))).await;
        assert_eq!(refusal(refused), code(Code::FailedPrecondition), "{subject}");
    }
    assert_eq!(world.stages(&[Stage::Proposed]).await.len(), 1);
}

#[tokio::test]
async fn of_approvals_at_once_one_wins() {
    let world = World::with_cluster().await;
    let record = world.proposed("r-1").await;
    let call = |subject: &'static str| world.waivers.approve_waiver(asked(subject, approve(id(&record), 1)));
    let (one, two, three) = tokio::join!(call("mia"), call("kim"), call("lea"));
    let (done, refused): (Vec<_>, Vec<_>) = [one, two, three].into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 2));
    for answer in refused {
        assert_eq!(refusal(answer), code(Code::Aborted));
    }
    let winner = done.into_iter().next().unwrap().unwrap().into_inner().waiver.unwrap();
    assert_eq!(winner.history.len(), 2);
    let approver = winner.waiver.as_ref().unwrap().approver.clone();
    let again = world.waivers.approve_waiver(asked(&approver, approve(id(&record), 1))).await.unwrap();
    assert_eq!(again.into_inner().waiver.unwrap(), winner, "the answer was lost, the approval was not");
}

#[tokio::test]
async fn what_is_revoked_stays_revoked() {
    let world = World::with_cluster().await;
    let record = world.proposed("r-1").await;
    let id = id(&record);
    assert_eq!(refusal(world.waivers.revoke_waiver(asked("mia", revoke(id, ""))).await), wrong("comment"));
    assert_eq!(
        refusal(world.waivers.revoke_waiver(asked("mia", revoke(id, "a\u{202e}b"))).await),
        wrong("comment")
    );
    for _ in 0..2 {
        let answer = world.waivers.revoke_waiver(asked("mia", revoke(id, "not needed"))).await.unwrap();
        let revoked = answer.into_inner().waiver.unwrap();
        assert_eq!((revoked.stage(), revoked.version), (Stage::Revoked, 2));
        assert_eq!(revoked.history[1].comment, "not needed");
    }
    let again = world.waivers.revoke_waiver(asked("kim", revoke(id, "me too"))).await;
    assert_eq!(refusal(again), code(Code::FailedPrecondition));
    let approved = world.waivers.approve_waiver(asked("kim", approve(id, 2))).await;
    assert_eq!(refusal(approved), code(Code::FailedPrecondition));
    assert_eq!(
        refusal(world.waivers.approve_waiver(asked("kim", approve(id, 1))).await),
        code(Code::Aborted)
    );
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let world = World::with_cluster().await;
    type Change = fn(&mut v1::Waiver);
    let table: &[(&str, Change)] = &[
        ("waiver.id", |w| w.id = "mine".into()),
        ("waiver.approver", |w| w.approver = "mia".into()),
        ("waiver.measure", |w| w.measure = "No Such".into()),
        ("waiver.measure", |w| w.measure = "no-such".into()),
        ("waiver.subject", |w| w.subject = None),
        ("waiver.subject", |w| w.subject = Some(v1::SubjectSelector::default())),
        ("waiver.subject.name", |w| w.subject.as_mut().unwrap().name = Some("a\u{2066}".into())),
        ("waiver.reason", |w| w.reason.clear()),
        ("waiver.reason", |w| w.reason = "a\u{1b}]0;x".into()),
        ("waiver.compensating_control", |w| w.compensating_control = "x".repeat(2001)),
        ("waiver.owner", |w| w.owner = "\u{202e}agol".into()),
        ("waiver.expiry", |w| w.expiry = "tomorrow".into()),
        ("waiver.expiry", |w| w.expiry = "2026-12-01T00:00:00Z".into()),
        ("waiver.expiry", |w| w.expiry = "2026-11-23".into()),
        ("waiver.expiry", |w| w.expiry = "2027-11-25".into()),
    ];
    for (field, change) in table {
        let mut message = waiver();
        change(&mut message);
        let answer = world.waivers.propose_waiver(asked("pia", propose(message, "r"))).await;
        assert_eq!(refusal(answer), wrong(field));
    }
    let none = v1::ProposeWaiverRequest { waiver: None, ..propose(waiver(), "r") };
    assert_eq!(refusal(world.waivers.propose_waiver(asked("pia", none)).await), wrong("waiver"));
    assert_eq!(
        refusal(world.waivers.propose_waiver(asked("pia", propose(waiver(), ""))).await),
        wrong("request_id")
    );
    assert_eq!(
        refusal(world.waivers.approve_waiver(asked("pia", approve("../x", 1))).await),
        wrong("waiver_id")
    );
    assert_eq!(refusal(world.waivers.approve_waiver(asked("pia", approve("x", 0))).await), wrong("version"));
    assert_eq!(refusal(world.waivers.get_waiver(asked("pia", get("A", "x"))).await), wrong("cluster_id"));
    let list = v1::ListWaiversRequest { stages: vec![0], ..Default::default() };
    assert_eq!(refusal(world.waivers.list_waivers(asked("pia", list)).await), wrong("stages"));
    assert!(world.stages(&[]).await.is_empty());
}

#[tokio::test]
async fn a_waiver_is_found_by_its_cluster_within_scope_alone() {
    let world = World::with_cluster().await;
    world.registered("bank").await;
    let record = world.proposed("r-1").await;
    let id = id(&record);
    assert_eq!(refusal(world.waivers.get_waiver(asked("ada", get("bank", id))).await), code(Code::NotFound));
    assert_eq!(
        refusal(world.waivers.get_waiver(asked("ada", get("shop", "no-such"))).await),
        code(Code::NotFound)
    );
    let bank = || Scope::cluster("bank".parse().unwrap());
    let beyond = world.waivers.get_waiver(within(bank(), "eve", get("shop", id))).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let beyond = world.waivers.propose_waiver(within(bank(), "eve", propose(waiver(), "r"))).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let beyond = world.waivers.revoke_waiver(within(bank(), "eve", revoke(id, "x"))).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let beyond = world.waivers.approve_waiver(within(bank(), "eve", approve(id, 1))).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let all = || v1::ListWaiversRequest::default();
    let seen = world.waivers.list_waivers(within(bank(), "eve", all())).await.unwrap().into_inner();
    assert!(seen.waivers.is_empty());
    let named = v1::ListWaiversRequest { cluster_id: "shop".into(), ..all() };
    let beyond = world.waivers.list_waivers(within(bank(), "eve", named)).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let unknown = v1::ProposeWaiverRequest { cluster_id: "nowhere".into(), ..propose(waiver(), "r") };
    assert_eq!(refusal(world.waivers.propose_waiver(asked("pia", unknown)).await), code(Code::NotFound));
}

#[tokio::test]
async fn lists_show_the_newest_change_first_and_their_pages_do_not_shift() {
    let world = World::with_cluster().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        world.set_clock(&format!("2026-11-24T10:0{number}:00Z"));
        ids.push(id(&world.proposed(&format!("r-{number}")).await).to_owned());
    }
    ids.reverse();
    let mut list = v1::ListWaiversRequest { page_size: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = world.waivers.list_waivers(asked("ada", list.clone())).await.unwrap().into_inner();
        seen.extend(page.waivers.iter().map(|record| id(record).to_owned()));
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            break;
        }
        // What comes in meanwhile belongs before the first page.
        world.set_clock("2026-11-24T11:00:00Z");
        world.proposed(&format!("late-{}", seen.len())).await;
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable() {
    let world = World::with_cluster().await;
    let record = world.proposed("r-1").await;
    world.records.set_down(true);
    let answer = world.waivers.approve_waiver(asked("mia", approve(id(&record), 1))).await;
    assert_eq!(refusal(answer), code(Code::Unavailable));
    let list = v1::ListWaiversRequest::default();
    assert_eq!(refusal(world.waivers.list_waivers(asked("mia", list)).await), code(Code::Unavailable));
}
