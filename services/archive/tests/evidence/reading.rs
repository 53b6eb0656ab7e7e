//! Every store gives the answers that memory gives. S3 and Azure run where an address is given, as for the conformance.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use hexproof_archive::Archive;
use hexproof_core::access::{Artifact, Clusters};
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{Evidence, ObservationFilter, PackPick};
use hexproof_core::scale::{Goal, Layer, Outcome};
use hexproof_testkit::evidence::{FixedEvidence, KeptPack, Sample};

use crate::support::packs;
use crate::{Hand, at, cluster, evidence};

/// Three packs of one cluster, one of another; names are as they must never be.
fn samples(name: &str) -> Vec<KeptPack> {
    let (shop, mail) = (cluster(&format!("shop-{name}")), cluster(&format!("mail-{name}")));
    let samples = [
        Sample::weak(&shop, at(0)).subjects(300).hostile(),
        Sample::strong(&shop, at(-86_400)),
        Sample::weak(&shop, at(-2 * 86_400)).pdf_bytes(700_000),
        Sample::weak(&mail, at(-3_600)).subjects(1),
    ];
    samples.iter().map(packs::pack).collect()
}

fn filters() -> Vec<ObservationFilter> {
    let all = ObservationFilter::default;
    vec![
        all(),
        ObservationFilter { layer: Some(Layer::Container), ..all() },
        ObservationFilter { layer: Some(Layer::Environment), ..all() },
        ObservationFilter { goal: Some(Goal::Utility), outcome: Some(Outcome::Fail), ..all() },
        ObservationFilter { measure: "pvc-backup-coverage".parse().ok(), ..all() },
        ObservationFilter {
            measure: "pvc-backup-coverage".parse().ok(),
            goal: Some(Goal::Authenticity),
            ..all()
        },
        ObservationFilter { measure: "no-such-measure".parse().ok(), ..all() },
        ObservationFilter { namespace: Some(String::new()), ..all() },
        ObservationFilter { namespace: Some("shop".into()), outcome: Some(Outcome::Unknown), ..all() },
        ObservationFilter { namespace: Some("nowhere".into()), ..all() },
        ObservationFilter { waived: Some(true), ..all() },
        ObservationFilter { waived: Some(false), ..all() },
        ObservationFilter { words: vec!["<SCRIPT>".into()], ..all() },
        ObservationFilter { words: vec!["web".into(), "Deployment".into(), "".into()], ..all() },
        ObservationFilter { words: vec!["403 forbidden".into(), "backup".into()], ..all() },
        ObservationFilter { words: (0..70).map(|n| "shop"[..1 + n % 4].to_owned()).collect(), ..all() },
        ObservationFilter { words: vec!["nowhere".into()], ..all() },
    ]
}

/// Everything that the port tells, from both.
pub(crate) async fn compare(tested: &dyn Evidence, fixed: &FixedEvidence, packs: &[KeptPack]) {
    let names: BTreeSet<_> = packs.iter().map(|pack| pack.entry.key.cluster.clone()).collect();
    let only = Clusters::Only(names);
    for each in [1, 2, 99] {
        let found = tested.standings(&only, each).await.unwrap();
        assert_eq!(found, fixed.standings(&only, each).await.unwrap());
    }
    for (from, until) in [(None, None), (Some(at(-86_400)), None), (None, Some(at(0)))] {
        let pick = PackPick { clusters: only.clone(), from, until };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = tested.packs(&pick, after.as_ref(), 1).await.unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, fixed.packs(&pick, None, 9).await.unwrap().items);
    }
    for pack in packs {
        one_pack(tested, fixed, pack).await;
    }
}

async fn one_pack(tested: &dyn Evidence, fixed: &FixedEvidence, pack: &KeptPack) {
    let entry = &pack.entry;
    assert_eq!(tested.pack(&entry.key).await.unwrap().as_ref(), Some(entry));
    assert_eq!(tested.before(entry).await.unwrap(), fixed.before(entry).await.unwrap());
    assert_eq!(tested.summary(entry).await.unwrap(), fixed.summary(entry).await.unwrap());
    assert_eq!(tested.assessment(entry).await.unwrap(), pack.assessment);
    for filter in filters() {
        for (skip, limit) in [(0, 50), (3, 7), (100, 50), (1_000_000, 50)] {
            let found = tested.observations(entry, &filter, skip, limit).await.unwrap();
            let wanted = fixed.observations(entry, &filter, skip, limit).await.unwrap();
            assert_eq!(found, wanted, "{filter:?} from {skip}");
        }
    }
    let total = pack.assessment.observations.len() as u32;
    for place in [0, 1, total / 2, total - 1, total, u32::MAX] {
        let found = tested.observation(entry, place).await.unwrap();
        assert_eq!(found, fixed.observation(entry, place).await.unwrap(), "{place}");
    }
    for artifact in [Artifact::Pack, Artifact::Assessment, Artifact::Snapshot, Artifact::Population] {
        let (size, wanted) = {
            let file = fixed.file(entry, artifact).await.unwrap();
            (file.size, pack.files[&artifact].clone())
        };
        for range in [0..size, 0..1, size - 1..size + 10, size / 3..size / 2, size..size + 1] {
            let file = tested.file(entry, artifact).await.unwrap();
            assert_eq!((file.size, file.digest), (size, hexproof_core::Digest::of(&wanted)));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            assert!(file.file_name.bytes().all(plain), "{}", file.file_name);
            let read: Vec<_> = (file.read)(range.clone()).try_collect().await.unwrap();
            let (from, to) = (range.start.min(size) as usize, range.end.min(size) as usize);
            assert_eq!(read.concat(), wanted[from..to], "{artifact:?} {range:?}");
        }
    }
}

async fn conforms(archive: &Archive, name: &str) {
    let packs = samples(name);
    for (pack, attached) in packs.iter().zip([true, false, true, false]) {
        packs::store(archive, pack, attached).await.unwrap();
    }
    let fixed = FixedEvidence::of(packs.clone());
    let clock = Hand::at(60);
    let tested = evidence(archive, &clock);
    compare(&tested, &fixed, &packs).await;
    // Once more out of memory, and once more after nobody asked for long.
    compare(&tested, &fixed, &packs).await;
    assert!(tested.held() > 0);
    clock.set(60 + 400);
    tested.refresh().await.unwrap();
    assert_eq!(tested.held(), 0, "nothing is held for nobody");
    compare(&tested, &fixed, &packs).await;
    // A pack that is not there, and an entry that does not belong to what is there.
    let mut strange = packs[0].entry.clone();
    strange.digest = hexproof_core::Digest::of(b"another pack");
    assert!(matches!(tested.summary(&strange).await, Err(StorageError::Damaged(_))));
    strange.key.run = packs[3].entry.key.run;
    assert_eq!(tested.pack(&strange.key).await.unwrap(), None);
    assert!(matches!(tested.summary(&strange).await, Err(StorageError::Damaged(_))));
}

fn fresh() -> String {
    let clock = std::fs::metadata(tempfile::NamedTempFile::new().unwrap()).unwrap().modified().unwrap();
    let nanos = clock.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{}-{nanos}", std::process::id())
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_tells_what_was_stored() {
    conforms(&Archive::open("memory://").unwrap(), "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_tells_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&Archive::open(folder.path().to_str().unwrap()).unwrap(), "a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_tells_what_was_stored() {
    remote("HEXPROOF_TEST_S3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_tells_what_was_stored() {
    remote("HEXPROOF_TEST_AZURE").await;
}

async fn remote(variable: &str) {
    let Ok(url) = std::env::var(variable) else {
        println!("skipped: {variable} names no store");
        return;
    };
    let name = fresh();
    // A prefix of its own: what other tests left there would be listed too.
    conforms(&Archive::open(&format!("{url}/evidence-{name}")).unwrap(), &name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_of_older_packs_are_not_known_and_nothing_else_is_lost() {
    let archive = Archive::open("memory://").unwrap();
    let mut pack = packs::pack(&Sample::weak(&cluster("shop"), at(0)));
    pack.entry.score = None;
    packs::store(&archive, &pack, false).await.unwrap();
    let tested = evidence(&archive, &Hand::at(60));
    let fixed = FixedEvidence::of([pack.clone()]);
    compare(&tested, &fixed, &[pack]).await;
}
