//! Deliveries: the log of attempts, what failed and why, and what comes next.

use actix_web::HttpResponse;
use quanzi::webhook::EventType;
use quanzi::webhook_endpoints::{DeliveriesQuery, Delivery, DeliveryError, DeliveryOutcome};
use quanzi_tests::both_engines;
use quanzi_tests::receiver::Receiver;
use quanzi_tests::stage::{Stage, partner};

use super::webhooks::{deliveries, endpoint_at, endpoint_for, in_order_by_object, partner_id, until_scalar};

both_engines! {
    an_event_that_is_not_taken_holds_its_object_and_no_other,
    a_receiver_says_when_it_wants_to_be_asked_again,
    a_ping_says_what_failed,
}

async fn an_event_that_is_not_taken_holds_its_object_and_no_other(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let made = endpoint_for(&client, &receiver).await;
    receiver.answers(|one| {
        if one.event().object == "bad" {
            HttpResponse::BadGateway().body("not now")
        } else {
            HttpResponse::NoContent().finish()
        }
    });

    stage.facts(id, ["bad", "good", "bad", "good", "bad"], "x").await;
    receiver.until_taken(2).await;
    until_scalar(&stage, "select count(*) from webhook_retry", "3").await;
    receiver.answers_status(200);
    stage.advance(10);
    let taken = receiver.until_taken(5).await;

    assert!(in_order_by_object(&taken));
    until_scalar(&stage, "select count(*) from webhook_retry", "0").await;
    let log = deliveries(&client, &made.endpoint).await;
    let failed: Vec<&Delivery> = log.iter().filter(|one| one.outcome == DeliveryOutcome::Failed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].status, failed[0].response.as_deref()), (Some(502), Some("not now")));
    assert_eq!(failed[0].error.as_ref().and_then(|error| error.known()), Some(&DeliveryError::Status));
    let mut query = DeliveriesQuery::default();
    query.outcome = Some(DeliveryOutcome::Failed);
    let only = client.webhook_endpoints().deliveries(made.endpoint.id, query).await.expect("failures");
    assert_eq!(only.data.iter().collect::<Vec<_>>(), failed);
}

async fn a_receiver_says_when_it_wants_to_be_asked_again(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let made = endpoint_for(&client, &receiver).await;
    receiver.answers(|_| HttpResponse::ServiceUnavailable().insert_header(("retry-after", "3600")).finish());

    stage.facts(id, ["a"], "x").await;
    receiver.until("a refusal", |received| received.len() == 1).await;
    until_scalar(&stage, "select count(*) from webhook_retry", "1").await;
    receiver.answers_status(200);
    stage.facts(id, ["b"], "x").await;
    stage.advance(1_800);
    // An endpoint that has no reason to wait shows that what is due by now was delivered.
    let watcher = Receiver::start();
    endpoint_for(&client, &watcher).await;
    stage.facts(id, ["c"], "x").await;
    watcher.until("what is due", |received| !received.is_empty()).await;
    let early = receiver.received().len();
    stage.advance(1_900);
    receiver.until_taken(3).await;

    assert_eq!(early, 1, "nothing more before the time it named");
    let log = deliveries(&client, &made.endpoint).await;
    let failed = log.iter().find(|one| one.outcome == DeliveryOutcome::Failed).expect("a refusal");
    let pause = failed.next_attempt_at.expect("a time").seconds() - failed.attempted_at.seconds();
    assert!((3_600..=3_602).contains(&pause), "{pause}");
}

async fn a_ping_says_what_failed(stage: Stage) {
    let client = partner(&stage).await;
    let receiver = Receiver::start();
    let ping = async |url: String| {
        let endpoint = endpoint_at(&client, &url).await.endpoint;
        let delivery = client.webhook_endpoints().ping(endpoint.id).await.expect("an outcome");
        client.webhook_endpoints().delete(endpoint.id).await.expect("deleted");
        (delivery.error.as_ref().and_then(|error| error.known().copied()), delivery.status, delivery)
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");

    let (good, status, delivery) = ping(receiver.url()).await;
    assert_eq!((good, status, delivery.seq), (None, Some(200), 0));
    assert_eq!(delivery.r#type, EventType::WebhookEndpointPing);
    assert_eq!(ping(format!("http://{closed}/")).await.0, Some(DeliveryError::Connect));
    assert_eq!(ping(receiver.url().replace("http:", "https:")).await.0, Some(DeliveryError::Tls));
    assert_eq!(ping("https://nowhere.quanzi-tests.invalid/".to_owned()).await.0, Some(DeliveryError::Dns));
    receiver.answers(|_| HttpResponse::Found().insert_header(("location", "http://169.254.169.254/")).finish());
    assert_eq!((ping(receiver.url()).await.0, ping(receiver.url()).await.1), (Some(DeliveryError::Status), Some(302)));
    receiver.answers(|_| HttpResponse::Ok().body("x".repeat(70_000)));
    let (large, _, delivery) = ping(receiver.url()).await;
    assert_eq!((large, delivery.response.expect("an excerpt").len()), (Some(DeliveryError::ResponseTooLarge), 1_024));
}
