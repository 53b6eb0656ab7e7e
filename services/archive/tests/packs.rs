//! PackService as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use hexproof_api::v1;
use hexproof_api::v1::pack_service_server::PackService;
use hexproof_archive::grpc::packs::PackApi;
use hexproof_archive::{Archive, Claim, Claimed, Outcome, PackStore, Part, RecordStore, RunStore};
use hexproof_core::access::{Authentication, Caller, Link, LinkGrant, Role, Scope, Trail};
use hexproof_core::assessment::Assessment;
use hexproof_core::diff::Diff;
use hexproof_core::digest::Digest;
use hexproof_core::port::{
    CheckPack, CheckState, Compare, CompareError, FixedClock, Links, PackCheck, Register, Runs,
};
use hexproof_core::register::RevokedLink;
use support::service::{at, order};
use tonic::{Code, Request, Status};

struct Url;

impl Links for Url {
    fn create(&self, grant: &LinkGrant) -> Link {
        Link {
            id: "link-1".parse().unwrap(),
            url: format!("https://here/{}/{}", grant.digest, grant.expires),
        }
    }
}

/// Checks that the bytes begin as a PDF does.
struct Beginning;

impl CheckPack for Beginning {
    fn check(&self, pdf: &[u8]) -> PackCheck {
        let state = if pdf.starts_with(b"%PDF") { CheckState::Valid } else { CheckState::Invalid };
        PackCheck { state, steps: vec![("beginning".into(), state, "looked at".into())] }
    }
}

/// Compares nothing.
struct Nothing;

impl Compare for Nothing {
    fn compare(&self, _: &Assessment, _: &Assessment) -> Result<Diff, CompareError> {
        Err(CompareError::Contradiction { which: "earlier", reason: "nothing is compared here".into() })
    }
}

struct World {
    api: PackApi,
    register: Register,
    pack: Vec<u8>,
    audit: String,
    assessment: Vec<u8>,
}

async fn world() -> World {
    let archive = Archive::open("memory://").unwrap();
    let register = Register::new(Arc::new(RecordStore::new(archive.clone())));
    let order = order("shop", "nightly", 0);
    RunStore::new(archive.clone()).order(&order).await.unwrap();
    let Claimed::Unfinished { mut run, .. } = archive.claim(&Claim::of(&order)).await.unwrap() else {
        panic!("ordered")
    };
    let pack: Vec<u8> =
        b"%PDF".iter().copied().chain((0..1_500_000_u32).map(|n| ((n * 31) >> 3) as u8)).collect();
    let assessment = serde_json::to_vec(&"x".repeat(200_000)).unwrap();
    run.put(Part::Snapshot, "the snapshot".into()).await.unwrap();
    run.put(Part::Population, "the population".into()).await.unwrap();
    run.put(Part::Assessment, zstd::encode_all(&assessment[..], 3).unwrap().into()).await.unwrap();
    run.put_pack(pack.clone().into()).await.unwrap();
    let outcome =
        Outcome { finished_at: at(9).to_string(), rating: "RATING_B".into(), complete: true, overall: None };
    run.finish(outcome).await.unwrap();
    let clock = Arc::new(FixedClock(at(100)));
    let api = PackApi::new(
        PackStore::new(archive),
        register.clone(),
        Arc::new(Url),
        Arc::new(Beginning),
        Arc::new(Nothing),
        clock,
    );
    World { api, register, pack, audit: order.key.run.to_string(), assessment }
}

fn asked<T>(message: T, scope: Scope) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        subject: "ada".into(),
        authentication: Authentication::Dev,
        roles: BTreeSet::from([Role::Auditor]),
        scope,
    });
    request.extensions_mut().insert(Trail::default());
    request
}

impl World {
    fn download(&self, artifact: v1::Artifact, offset: u64) -> v1::DownloadPackRequest {
        v1::DownloadPackRequest {
            cluster_id: "shop".into(),
            audit_id: self.audit.clone(),
            artifact: artifact.into(),
            offset,
        }
    }

    async fn bytes(&self, artifact: v1::Artifact, offset: u64) -> Result<(Vec<u8>, u64, String), Status> {
        let request = asked(self.download(artifact, offset), Scope::ALL);
        let mut stream = self.api.download_pack(request).await?.into_inner();
        let (mut all, mut total, mut digest) = (Vec::new(), 0, String::new());
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            assert!(piece.data.len() <= 64 << 10);
            assert_eq!(piece.offset, offset + all.len() as u64);
            all.extend_from_slice(&piece.data);
            (total, digest) = (piece.total, piece.digest);
        }
        Ok((all, total, digest))
    }
}

#[tokio::test]
async fn a_file_comes_whole_and_from_any_offset() {
    let world = world().await;
    for offset in [0, 1, 65_536, 524_288, 1_500_003] {
        let (bytes, total, digest) = world.bytes(v1::Artifact::Pack, offset).await.unwrap();
        assert!(bytes == world.pack[offset as usize..], "from {offset}");
        assert_eq!((total, digest), (world.pack.len() as u64, Digest::of(&world.pack).to_string()));
    }
    let (bytes, ..) = world.bytes(v1::Artifact::Unspecified, world.pack.len() as u64).await.unwrap();
    assert!(bytes.is_empty());
    let beyond = world.bytes(v1::Artifact::Pack, world.pack.len() as u64 + 1).await.unwrap_err();
    assert_eq!(beyond.code(), Code::OutOfRange);
    // An assessment is JSON, however it is stored.
    for offset in [0, 70_000] {
        let (bytes, total, digest) = world.bytes(v1::Artifact::Assessment, offset).await.unwrap();
        assert!(bytes == world.assessment[offset as usize..]);
        let whole = Digest::of(&world.assessment).to_string();
        assert_eq!((total, digest), (world.assessment.len() as u64, whole));
    }
    assert_eq!(world.bytes(v1::Artifact::Snapshot, 4).await.unwrap().0, b"snapshot");
    assert_eq!(world.bytes(v1::Artifact::Population, 0).await.unwrap().0, b"the population");
}

#[tokio::test]
async fn what_is_beyond_the_scope_looks_like_nothing() {
    let world = world().await;
    let get = |cluster: &str, audit: &str| v1::GetPackRequest {
        cluster_id: cluster.into(),
        audit_id: audit.into(),
        read_mask: Some(prost_types::FieldMask { paths: vec!["digest".into(), "size".into()] }),
    };
    let pack = world.api.get_pack(asked(get("shop", &world.audit), Scope::ALL)).await.unwrap().into_inner();
    let pack = pack.pack.unwrap();
    assert_eq!((pack.size, pack.cluster_id.as_str()), (world.pack.len() as u64, ""));
    let bank = Scope::cluster("bank".parse().unwrap());
    let late = Scope { from: Some(at(10)), ..Scope::ALL };
    let early = Scope { until: Some(at(9)), ..Scope::ALL };
    let code = async |request, scope: &Scope| {
        world.api.get_pack(asked(request, scope.clone())).await.unwrap_err().code()
    };
    assert_eq!(code(get("shop", &world.audit), &bank).await, Code::PermissionDenied);
    assert_eq!(code(get("bank", &world.audit), &bank).await, Code::NotFound);
    assert_eq!(code(get("shop", &world.audit), &late).await, Code::NotFound);
    assert_eq!(code(get("shop", &world.audit), &early).await, Code::NotFound);
    assert_eq!(code(get("shop", "nightly"), &Scope::ALL).await, Code::InvalidArgument);
    assert_eq!(code(get("../shop", &world.audit), &Scope::ALL).await, Code::InvalidArgument);
    let listed = async |scope: Scope| {
        let request = asked(v1::ListPacksRequest::default(), scope);
        world.api.list_packs(request).await.unwrap().into_inner().packs.len()
    };
    assert_eq!(listed(Scope::ALL).await, 1);
    assert_eq!(listed(Scope { from: Some(at(9)), until: Some(at(10)), ..Scope::ALL }).await, 1);
    for scope in [bank, late, early, Scope::none()] {
        assert_eq!(listed(scope.clone()).await, 0, "{scope:?}");
    }
    let unknown = world.api.get_pack(Request::new(get("shop", &world.audit))).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated);
    let forged = v1::ListPacksRequest { page_token: "0000000000000000.2e2e".into(), ..Default::default() };
    let refused = world.api.list_packs(asked(forged, Scope::ALL)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let query = v1::ListPacksRequest::default();
    let outside = hexproof_core::port::Cursor("../../packs".into());
    let page_token = hexproof_api::request::page_token(Some(&outside), &query);
    let refused = world
        .api
        .list_packs(asked(v1::ListPacksRequest { page_token, ..query }, Scope::ALL))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_link_names_its_file_and_can_be_ended_twice() {
    let world = world().await;
    let make = |seconds: Option<i64>| v1::CreateDownloadLinkRequest {
        cluster_id: "shop".into(),
        audit_id: world.audit.clone(),
        artifact: 0,
        lifetime: seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
    };
    let request = asked(make(None), Scope::ALL);
    let trail = request.extensions().get::<Trail>().unwrap().clone();
    let link = world.api.create_download_link(request).await.unwrap().into_inner();
    assert_eq!(link.url, format!("https://here/{}/{}", Digest::of(&world.pack), at(100 + 900)));
    assert!(trail.touched().1.contains("link-1"), "{:?}", trail.touched());
    for seconds in [0, -5, 901] {
        let error = world.api.create_download_link(asked(make(Some(seconds)), Scope::ALL)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{seconds}");
    }
    let end = v1::RevokeDownloadLinkRequest { cluster_id: "shop".into(), link_id: link.link_id.clone() };
    for _ in 0..2 {
        world.api.revoke_download_link(asked(end.clone(), Scope::ALL)).await.unwrap();
    }
    let kept = world.register.latest::<RevokedLink>(&"link-1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.value.cluster.as_str(), kept.changed_by.as_str()), ("shop", "ada"));
    let bank = Scope::cluster("bank".parse().unwrap());
    let refused = world.api.revoke_download_link(asked(end, bank)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_pack_is_checked_wherever_it_is_within_bounds() {
    use v1::verify_pack_request::Pack;
    let world = world().await;
    let verify = async |pack| {
        let request = asked(v1::VerifyPackRequest { pack }, Scope::ALL);
        world.api.verify_pack(request).await.map(tonic::Response::into_inner)
    };
    let stored = v1::StoredPack { cluster_id: "shop".into(), audit_id: world.audit.clone() };
    let checked = verify(Some(Pack::Stored(stored))).await.unwrap();
    assert_eq!(checked.state(), v1::CheckState::Valid);
    assert_eq!(checked.digest, Digest::of(&world.pack).to_string());
    let checked = verify(Some(Pack::Content(b"no PDF".to_vec()))).await.unwrap();
    assert_eq!((checked.state(), checked.steps[0].name.as_str()), (v1::CheckState::Invalid, "beginning"));
    assert_eq!(verify(None).await.unwrap_err().code(), Code::InvalidArgument);
    let large = verify(Some(Pack::Content(vec![0; (32 << 20) + 1]))).await.unwrap_err();
    assert_eq!(large.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_comparison_needs_two_packs_that_the_caller_may_see() {
    let world = world().await;
    let ask = |base: &str, scope: Scope| {
        let message = v1::ComparePacksRequest {
            cluster_id: "shop".into(),
            audit_id: world.audit.clone(),
            base_audit_id: base.into(),
            ..v1::ComparePacksRequest::default()
        };
        world.api.compare_packs(asked(message, scope))
    };
    // There is but one pack: none before it.
    assert_eq!(ask("", Scope::ALL).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(ask("../x", Scope::ALL).await.unwrap_err().code(), Code::InvalidArgument);
    let other = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
    assert_eq!(ask(other, Scope::ALL).await.unwrap_err().code(), Code::NotFound);
    let later = Scope { from: Some(at(50)), ..Scope::ALL };
    assert_eq!(ask(&world.audit, later).await.unwrap_err().code(), Code::NotFound);
}
