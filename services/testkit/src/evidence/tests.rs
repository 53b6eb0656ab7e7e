use hexproof_core::scale::{Goal, Layer, Outcome, Rating};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn cluster(name: &str) -> ClusterId {
    name.parse().unwrap()
}

#[test]
fn a_sample_is_whole_and_the_same_every_time() {
    let sample = Sample::weak(&cluster("shop"), at(0));
    let assessment = sample.assessment();
    assert_eq!(assessment, sample.assessment());
    assert_eq!((assessment.matrix.len(), assessment.goals.len(), assessment.layers.len()), (30, 6, 5));
    assert_eq!(assessment.overall.rating, Rating::D, "gates hold it");
    assert!(assessment.overall.rating_by_score < Rating::D);
    assert!(assessment.gates.len() >= 2 && !assessment.work_list.is_empty());
    assert!(assessment.waivers[0].covers > 0);
    assert!(assessment.overall.score_low < assessment.overall.score_high);
    let strong = Sample::strong(&cluster("shop"), at(0)).assessment();
    assert_eq!(strong.overall.rating, Rating::A);
    let text = serde_json::to_string(&assessment).unwrap();
    let read: Assessment = serde_json::from_str(&text).unwrap();
    assert_eq!(read.observations, assessment.observations);
}

#[test]
fn hostile_names_are_all_there() {
    let observations = Sample::weak(&cluster("shop"), at(0)).hostile().assessment().observations;
    for name in HOSTILE {
        assert!(observations.iter().any(|one| one.subject.name == name), "{name}");
        assert!(observations.iter().any(|one| one.subject.namespace == name), "{name}");
    }
    assert!(HOSTILE.iter().any(|name| name.len() == 253));
}

#[tokio::test]
async fn filters_hold_and_pages_are_without_gaps() {
    let pack = Sample::weak(&cluster("shop"), at(0)).subjects(200).pack();
    let all = pack.assessment.observations.clone();
    let evidence = FixedEvidence::of([pack.clone()]);
    let filters = [
        ObservationFilter::default(),
        ObservationFilter { layer: Some(Layer::Container), ..Default::default() },
        ObservationFilter { goal: Some(Goal::Utility), outcome: Some(Outcome::Fail), ..Default::default() },
        ObservationFilter { measure: "pvc-backup-coverage".parse().ok(), ..Default::default() },
        ObservationFilter { namespace: Some(String::new()), ..Default::default() },
        ObservationFilter { waived: Some(true), ..Default::default() },
        ObservationFilter { words: vec!["WEB".into(), "shop-staging".into()], ..Default::default() },
        ObservationFilter { words: vec!["nowhere".into()], ..Default::default() },
    ];
    for filter in filters {
        let (mut seen, mut skip) = (Vec::new(), 0);
        loop {
            let page = evidence.observations(&pack.entry, &filter, skip, 7).await.unwrap();
            assert_eq!((page.before, page.total as usize), (skip, all.len()));
            assert_eq!(page.outcomes.values().sum::<u32>(), page.fitting);
            if page.items.is_empty() {
                assert_eq!(page.fitting, skip, "{filter:?}");
                break;
            }
            skip += page.items.len() as u32;
            seen.extend(page.items);
        }
        for (place, observation) in &seen {
            assert_eq!(all[*place as usize], *observation);
            let layer = catalogue().get(observation.measure_id.as_str()).unwrap().layer;
            assert!(filter.layer.is_none_or(|wanted| wanted == layer));
            assert!(filter.waived.is_none() || !observation.waived_by.is_empty());
        }
        assert!(filter.words == ["nowhere"] || !seen.is_empty(), "{filter:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_tells_what_is_in_memory_alone() {
    let (old, new) = (Sample::strong(&cluster("shop"), at(0)), Sample::weak(&cluster("shop"), at(9)));
    let evidence = FixedEvidence::of([old.pack(), new.pack()]);
    let newest = evidence.pack(&new.key()).await.unwrap().unwrap();
    assert_eq!(evidence.before(&newest).await.unwrap().unwrap().key, old.key());
    let pick = PackPick { clusters: Clusters::All, from: None, until: None };
    let first = evidence.packs(&pick, None, 1).await.unwrap();
    let rest = evidence.packs(&pick, first.next.as_ref(), 1).await.unwrap();
    assert_eq!((rest.items[0].key.clone(), rest.next), (old.key(), None));
    evidence.set_state(StoreState::Down);
    let standings = evidence.standings(&Clusters::All, 1).await.unwrap();
    assert_eq!(standings[&cluster("shop")], std::slice::from_ref(&newest));
    assert!(matches!(evidence.summary(&newest).await, Err(StorageError::Unavailable(_))));
    evidence.set_down(true);
    assert!(evidence.standings(&Clusters::All, 1).await.is_err());
    evidence.set_down(false);
    evidence.damage(&new.key());
    assert!(matches!(evidence.summary(&newest).await, Err(StorageError::Damaged(_))));
    assert!(evidence.pack(&new.key()).await.unwrap().is_some(), "lists show it still");
}
