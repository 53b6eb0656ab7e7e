//! What every queue has to do, done by each of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use hexproof_core::audit::AuditKey;
use hexproof_scheduler::queue::{Delivery, LocalQueue, Queue};
use support::nats::NatsServer;
use support::order;
use tokio_util::sync::CancellationToken;

fn key(name: &str) -> AuditKey {
    order("shop", name).key
}

async fn next(queue: &dyn Queue) -> Delivery {
    queue.pull(&CancellationToken::new()).await.unwrap().unwrap()
}

/// Nothing is handed out within some milliseconds.
async fn quiet(queue: &dyn Queue) -> bool {
    let stop = CancellationToken::new();
    let (pulled, ()) = tokio::join!(queue.pull(&stop), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
    });
    pulled.unwrap().is_none()
}

async fn conforms(queue: &dyn Queue) {
    first_come_first_served(queue).await;
    one_entry_for_each_audit(queue).await;
    what_is_given_back_blames_nobody(queue).await;
    deaths_are_counted(queue).await;
    a_stopped_worker_gets_nothing(queue).await;
    one_worker_at_a_time(queue).await;
}

async fn first_come_first_served(queue: &dyn Queue) {
    assert!(quiet(queue).await);
    let names = ["1", "2", "3"];
    for name in names {
        queue.push(&key(name)).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap().waiting, 3);
    for name in names {
        let delivery = next(queue).await;
        assert_eq!((&delivery.key, delivery.attempt, delivery.deaths), (&key(name), 1, 0));
        assert_eq!(queue.depth().await.unwrap().taken, 1);
        delivery.alive().await.unwrap();
        delivery.ack().await.unwrap();
    }
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.taken), (0, 0));
    assert!(quiet(queue).await);
}

async fn one_entry_for_each_audit(queue: &dyn Queue) {
    queue.push(&key("a")).await.unwrap();
    queue.push(&key("a")).await.unwrap();
    assert_eq!(queue.holds().await.unwrap(), BTreeSet::from([key("a")]));
    let delivery = next(queue).await;
    // It is in the queue for as long as a worker has it.
    queue.push(&key("a")).await.unwrap();
    assert!(quiet(queue).await);
    assert_eq!(queue.holds().await.unwrap(), BTreeSet::from([key("a")]));
    delivery.ack().await.unwrap();
    assert!(queue.holds().await.unwrap().is_empty());
    // Afterwards it may come again, at once.
    queue.push(&key("a")).await.unwrap();
    let again = next(queue).await;
    assert_eq!((again.attempt, again.deaths), (1, 0));
    again.ack().await.unwrap();
}

async fn what_is_given_back_blames_nobody(queue: &dyn Queue) {
    queue.push(&key("b")).await.unwrap();
    for attempt in 1..=4 {
        let delivery = next(queue).await;
        assert_eq!((delivery.attempt, delivery.deaths), (attempt, 0));
        delivery.nak(Duration::ZERO).await.unwrap();
    }
    let delivery = next(queue).await;
    delivery.nak(Duration::from_millis(400)).await.unwrap();
    assert!(quiet(queue).await);
    assert_eq!(queue.holds().await.unwrap(), BTreeSet::from([key("b")]));
    let delivery = next(queue).await;
    assert_eq!((delivery.attempt, delivery.deaths), (6, 0));
    delivery.ack().await.unwrap();
}

async fn deaths_are_counted(queue: &dyn Queue) {
    queue.push(&key("c")).await.unwrap();
    drop(next(queue).await);
    let delivery = next(queue).await;
    assert_eq!(delivery.deaths, 1);
    delivery.nak(Duration::ZERO).await.unwrap();
    let delivery = next(queue).await;
    assert_eq!(delivery.deaths, 1);
    delivery.crashed(Duration::from_millis(10)).await.unwrap();
    let delivery = next(queue).await;
    assert_eq!((delivery.attempt, delivery.deaths), (4, 2));
    delivery.ack().await.unwrap();
}

async fn a_stopped_worker_gets_nothing(queue: &dyn Queue) {
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(queue.pull(&stop).await.unwrap().is_none());
    queue.push(&key("d")).await.unwrap();
    let delivery = next(queue).await;
    assert_eq!((&delivery.key, delivery.deaths), (&key("d"), 0));
    delivery.ack().await.unwrap();
}

async fn one_worker_at_a_time(queue: &dyn Queue) {
    for number in 0..20 {
        queue.push(&key(&number.to_string())).await.unwrap();
    }
    let stop = CancellationToken::new();
    let worker = async || {
        let mut seen = Vec::new();
        while let Some(delivery) = queue.pull(&stop).await.unwrap() {
            seen.push(delivery.key.clone());
            delivery.ack().await.unwrap();
            if queue.holds().await.unwrap().is_empty() {
                stop.cancel();
            }
        }
        seen
    };
    let (a, b, c) = tokio::join!(worker(), worker(), worker());
    let all: Vec<_> = [a, b, c].concat();
    assert_eq!(all.len(), 20);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 20);
}

#[tokio::test]
async fn the_queue_of_one_process_conforms() {
    conforms(&LocalQueue::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_nats_conforms() {
    let Some(server) = NatsServer::start() else { return };
    conforms(&server.queue().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_is_at_work_is_not_handed_out_while_its_worker_says_that_it_lives() {
    let Some(server) = NatsServer::start() else { return };
    let (here, there) = (server.queue().await, server.queue().await);
    here.push(&key("a")).await.unwrap();
    let delivery = next(&here).await;
    let stop = CancellationToken::new();
    let alive = async {
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            delivery.alive().await.unwrap();
        }
        stop.cancel();
    };
    let (pulled, ()) = tokio::join!(there.pull(&stop), alive);
    assert!(pulled.unwrap().is_none(), "handed out within 3 seconds of work, at an ack wait of 1 second");
    delivery.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_memory_is_given_a_new_stream() {
    let Some(server) = NatsServer::start() else { return };
    let queue = server.queue().await;
    queue.push(&key("a")).await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("hexproof-audits").await.unwrap();
    // The first call may find out, the second one finds it mended.
    if queue.push(&key("b")).await.is_err() {
        queue.push(&key("b")).await.unwrap();
    }
    let delivery = next(&queue).await;
    assert_eq!(delivery.key, key("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_an_error_within_the_time_limit() {
    let Some(mut server) = NatsServer::start() else { return };
    let queue = server.queue().await;
    queue.push(&key("a")).await.unwrap();
    server.kill();
    assert!(queue.push(&key("b")).await.is_err());
    assert!(queue.depth().await.is_err());
    server.start_again();
    let mended = || async { queue.depth().await.is_ok_and(|depth| depth.waiting >= 1) };
    support::until("the queue answers again", mended).await;
    assert!(queue.holds().await.unwrap().contains(&key("a")), "the store of the server survives");
}

/// Files of a little authority: its own certificate, one of the server, one of the client.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn issue() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        files.write("ca.pem", &authority.self_signed(&key).unwrap().pem());
        let issuer = rcgen::Issuer::new(authority, key);
        for name in ["server", "client"] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            leaf.distinguished_name.push(rcgen::DnType::CommonName, name);
            leaf.use_authority_key_identifier_extension = true;
            files.write(&format!("{name}.pem"), &leaf.signed_by(&key, &issuer).unwrap().pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_demands_certificates_gets_them() {
    let files = Certificates::issue();
    let arguments = [
        "--tls".to_owned(),
        "--tlsverify".to_owned(),
        format!("--tlscacert={}", files.path("ca.pem")),
        format!("--tlscert={}", files.path("server.pem")),
        format!("--tlskey={}", files.path("server.key")),
        "--user=ada".to_owned(),
        "--pass=secret".to_owned(),
    ];
    let Some(server) = NatsServer::start_with(&arguments) else { return };
    let port = server.port();
    let address =
        |user: &str, rest: &str| format!("tls://{user}@127.0.0.1:{port}?ca={}{rest}", files.path("ca.pem"));
    let own = format!("&cert={}&key={}", files.path("client.pem"), files.path("client.key"));
    let queue = support::nats::queue(&address("ada:secret", &own)).await;
    queue.push(&key("a")).await.unwrap();
    next(&queue).await.ack().await.unwrap();
    for refused in [address("ada:secret", ""), address("ada:wrong", &own)] {
        let queue = support::nats::queue(&refused).await;
        assert!(queue.push(&key("b")).await.is_err(), "{refused}");
    }
}
