use std::sync::Arc;

use hexproof_api::v1;
use hexproof_api::v1::access_log_service_server::AccessLogService as _;
use hexproof_archive::grpc::access_log::AccessLogReader;
use hexproof_core::access::{AccessEntry, AccessOutcome, Authentication, Scope};
use hexproof_core::port::AccessLog as _;
use hexproof_testkit::MemoryAccessLog;
use tonic::Code;

use super::{asked, code, refusal, within, wrong};

async fn log() -> (Arc<MemoryAccessLog>, AccessLogReader) {
    let log = Arc::new(MemoryAccessLog::new());
    for number in 0..9 {
        let entry = AccessEntry {
            at: "2026-11-24T10:00:00Z".parse().unwrap(),
            subject: "ada".into(),
            authentication: Some(Authentication::Oidc),
            action: "PackService.DownloadPack".into(),
            cluster: [Some("shop"), Some("bank"), None][number % 3].map(|id| id.parse().unwrap()),
            object: number.to_string(),
            outcome: AccessOutcome::Done,
        };
        log.append(&entry).await.unwrap();
    }
    (log.clone(), AccessLogReader::new(log))
}

/// The objects of all pages.
async fn objects(reader: &AccessLogReader, scope: Scope, cluster: &str) -> Vec<String> {
    let mut list =
        v1::ListAccessEntriesRequest { cluster_id: cluster.into(), page_size: 2, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let request = within(scope.clone(), "ada", list.clone());
        let page = reader.list_access_entries(request).await.unwrap().into_inner();
        assert!(page.entries.len() <= 2);
        seen.extend(page.entries.into_iter().map(|entry| entry.object));
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            return seen;
        }
    }
}

#[tokio::test]
async fn entries_come_newest_first_and_within_scope() {
    let (_, reader) = log().await;
    assert_eq!(objects(&reader, Scope::ALL, "").await, ["8", "7", "6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(objects(&reader, Scope::ALL, "shop").await, ["6", "3", "0"]);
    let bank = || Scope::cluster("bank".parse().unwrap());
    assert_eq!(objects(&reader, bank(), "").await, ["7", "4", "1"]);
    assert_eq!(objects(&reader, bank(), "bank").await, ["7", "4", "1"]);
    assert!(objects(&reader, Scope::none(), "").await.is_empty());
}

#[tokio::test]
async fn a_wrong_question_is_refused_by_its_field() {
    let (log, reader) = log().await;
    let list = |cluster: &str, token: &str, size| v1::ListAccessEntriesRequest {
        cluster_id: cluster.into(),
        page_token: token.into(),
        page_size: size,
    };
    let asked = async |message| refusal(reader.list_access_entries(asked("ada", message)).await);
    assert_eq!(asked(list("A", "", 0)).await, wrong("cluster_id"));
    assert_eq!(asked(list("", "x", 0)).await, wrong("page_token"));
    assert_eq!(asked(list("", "", -1)).await, wrong("page_size"));
    let bank = Scope::cluster("bank".parse().unwrap());
    let beyond = reader.list_access_entries(within(bank, "eve", list("shop", "", 0))).await;
    assert_eq!(refusal(beyond), code(Code::PermissionDenied));
    let nobody = reader.list_access_entries(tonic::Request::new(list("", "", 0))).await;
    assert_eq!(refusal(nobody), code(Code::Unauthenticated));
    log.set_down(true);
    assert_eq!(asked(list("", "", 0)).await, code(Code::Unavailable));
}
