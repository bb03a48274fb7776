//! Webhooks: endpoints, what arrives at a receiver, and what does not get lost when it is down.

use actix_web::HttpResponse;
use quanzi::id::PartnerId;
use quanzi::webhook::{Event, EventType, Verifier};
use quanzi::webhook_endpoints::{
    DeliveriesQuery, Delivery, DeliveryOutcome, DisabledReason, NewReplay, NewWebhookEndpoint, WebhookEndpoint,
    WebhookEndpointChange, WebhookEndpointStatus, WebhookEndpointWithSecret, WebhookEndpointsQuery,
};
use quanzi::{Client, ErrorCode};
use quanzi_tests::both_engines;
use quanzi_tests::patience::until;
use quanzi_tests::receiver::{Receiver, endpoint_until};
use quanzi_tests::stage::{Knobs, Stage, code, partner};
use std::collections::HashMap;

/// The facts that stories commit themselves; what happens to endpoints is left out.
const FACT: EventType = EventType::CircleChanged;

pub(crate) async fn partner_id(client: &Client) -> PartnerId {
    client.partner().get().await.expect("the partner").id
}

pub(crate) async fn endpoint_at(client: &Client, url: &str) -> WebhookEndpointWithSecret {
    let new = NewWebhookEndpoint::new(url).types([FACT]);
    client.webhook_endpoints().create(new).await.expect("an endpoint")
}

pub(crate) async fn endpoint_for(client: &Client, receiver: &Receiver) -> WebhookEndpointWithSecret {
    endpoint_at(client, &receiver.url()).await
}

pub(crate) async fn deliveries(client: &Client, endpoint: &WebhookEndpoint) -> Vec<Delivery> {
    let list = client.webhook_endpoints().deliveries(endpoint.id, DeliveriesQuery::default());
    list.stream().take(10_000).await.expect("deliveries")
}

/// The number of the partner's last event: registering made some already.
async fn last_seq(stage: &Stage, partner: PartnerId) -> i64 {
    stage
        .scalar(&format!("select last_seq from event_log where partner_id = '{partner}'"))
        .await
        .parse()
        .expect("a number")
}

/// Waits until a statement says this.
pub(crate) async fn until_scalar(stage: &Stage, sql: &str, wanted: &str) {
    until(&format!("{sql} is {wanted}"), async || stage.scalar(sql).await == wanted).await;
}

pub(crate) fn in_order_by_object(events: &[Event]) -> bool {
    let mut last: HashMap<&str, i64> = HashMap::new();
    events.iter().all(|event| last.insert(&event.object, event.seq).is_none_or(|before| before < event.seq))
}

fn seqs(events: &[Event]) -> Vec<i64> {
    let mut seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    seqs.sort_unstable();
    seqs
}

both_engines! {
    an_endpoint_is_made_changed_and_deleted,
    of_sixteen_endpoints_made_at_once_ten_are_there,
    addresses_inside_a_network_are_refused,
    every_event_arrives_once_in_order_and_signed,
    many_attempts_in_little_time_disable_nothing,
    a_receiver_can_have_itself_disabled,
    what_happens_while_an_endpoint_is_disabled_waits_for_it,
    failing_and_recovered_are_events,
    three_days_down_and_one_call_brings_everything,
    an_endpoint_made_later_gets_what_was_before_by_replay,
    an_endpoint_has_ten_replays_at_most,
    a_gateway_that_stops_in_the_middle_loses_nothing,
    of_two_gateways_one_delivers,
    for_a_day_both_secrets_sign,
    any_number_of_refused_objects_holds_no_other,
    what_waited_behind_goes_as_fast_as_it_is_taken,
    a_slow_partner_has_its_share_of_requests,
    a_dead_receiver_holds_nobody_else,
}

async fn an_endpoint_is_made_changed_and_deleted(stage: Stage) {
    let client = partner(&stage).await;
    let calls = client.webhook_endpoints();
    let receiver = Receiver::start();

    let made = calls
        .create(NewWebhookEndpoint::new(receiver.url()).description("Sync").types([FACT, FACT]))
        .await
        .expect("made");
    let read = calls.get(made.endpoint.id).await.expect("read");
    let mut change = WebhookEndpointChange::default();
    change.types = Some(vec![]);
    change.description = quanzi::Edit::Clear;
    let changed = calls.change(read.id, change.clone()).if_match(read.version).await.expect("changed");
    let stale = calls.change(read.id, WebhookEndpointChange::default()).if_match(read.version).await;
    let same = calls.change(read.id, change).if_match(changed.version).await.expect("the same");
    let listed = calls.list(WebhookEndpointsQuery::default()).await.expect("listed");
    calls.delete(read.id).await.expect("deleted");

    assert_eq!(made.endpoint, read);
    assert!(made.secret.expose().starts_with("whsec_") && !format!("{made:?}").contains(made.secret.expose()));
    assert_eq!((read.types.len(), read.status.known()), (1, Some(&WebhookEndpointStatus::Enabled)));
    assert_eq!((changed.version, changed.types.len(), &changed.description), (2, 0, &None));
    assert_eq!(code(stale), ErrorCode::VersionMismatch);
    assert_eq!(same.version, 2);
    assert_eq!(listed.data, [same]);
    assert_eq!(code(calls.get(read.id).await), ErrorCode::WebhookEndpointNotFound);
    assert_eq!(code(calls.delete(read.id).await), ErrorCode::WebhookEndpointNotFound);
    assert_eq!(stage.scalar("select count(*) from webhook_cursor").await, "0");
    assert_eq!(code(partner(&stage).await.webhook_endpoints().get(read.id).await), ErrorCode::WebhookEndpointNotFound);
    let kinds = "select string_agg(type, ' ' order by seq) from event where type like 'webhook%'";
    assert_eq!(stage.scalar(kinds).await, "webhook_endpoint.created webhook_endpoint.changed webhook_endpoint.deleted");
}

async fn of_sixteen_endpoints_made_at_once_ten_are_there(stage: Stage) {
    let client = partner(&stage).await;

    let made = (0..16)
        .map(|_| async { client.webhook_endpoints().create(NewWebhookEndpoint::new("http://127.0.0.1:9/")).await });
    let made = futures_util::future::join_all(made).await;

    let (good, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 10);
    assert!(refused.into_iter().all(|one| code(one) == ErrorCode::WebhookEndpointLimitReached));
    assert_eq!(stage.count("webhook_endpoint").await, 10);
}

async fn addresses_inside_a_network_are_refused(stage: Stage) {
    let client = partner(&stage).await;

    for url in [
        "https://10.0.0.1/",
        "https://[::ffff:192.168.0.1]/",
        "https://2852039166/",
        "https://db.internal/",
        "https://gateway/",
    ] {
        let error = client.webhook_endpoints().create(NewWebhookEndpoint::new(url)).await.expect_err(url);
        assert!(error.is(ErrorCode::WebhookUrlForbidden), "{url}: {error}");
        assert_eq!(error.problem().and_then(|problem| problem.pointer.as_deref()), Some("/url"));
    }
    let plain = client.webhook_endpoints().create(NewWebhookEndpoint::new("http://partner.example.com/")).await;
    assert_eq!(code(plain), ErrorCode::FieldInvalid);
    assert_eq!(stage.count("webhook_endpoint").await, 0);
}

async fn every_event_arrives_once_in_order_and_signed(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    receiver.pauses(3);
    let made = endpoint_for(&client, &receiver).await;
    let first = last_seq(&stage, id).await + 1;

    for _ in 0..20 {
        stage.facts(id, ["a", "b", "c", "a"], "圈子 \"quoted\"").await;
    }
    let taken = receiver.until_taken(80).await;

    assert_eq!(seqs(&taken), (first..first + 80).collect::<Vec<_>>());
    assert!(in_order_by_object(&taken));
    assert!(receiver.most_under_way() > 1, "objects go side by side");
    let by_secret = Verifier::new(made.secret.expose()).expect("a verifier");
    let by_key = Verifier::of_public_key(&made.endpoint.public_key).expect("a verifier");
    for one in receiver.received() {
        assert_eq!(one.verified(&by_secret), one.verified(&by_key));
        assert_eq!(one.headers["webhook-id"], one.event().id.to_string());
    }
    assert_eq!(taken[0].data["text"], "圈子 \"quoted\"");
    until_scalar(&stage, "select delivered_seq from webhook_cursor", &(first + 79).to_string()).await;
    let log = deliveries(&client, &made.endpoint).await;
    assert_eq!(log.len(), 80);
    assert!(
        log.iter().all(|one| one.outcome == DeliveryOutcome::Succeeded && one.status == Some(200) && one.attempt == 1)
    );
}

async fn many_attempts_in_little_time_disable_nothing(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let endpoint = endpoint_for(&client, &receiver).await.endpoint;
    let calls = client.webhook_endpoints();
    receiver.answers(|_| HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).finish());
    let attempts_are = async |attempts: usize| {
        until_scalar(&stage, "select coalesce(max(attempts), 0) from webhook_retry", &attempts.to_string()).await;
    };

    stage.facts(id, ["a"], "x").await;
    for attempts in 1..=18 {
        attempts_are(attempts).await;
        // Of nothing: what waits is tried at once all the same.
        calls.replay(endpoint.id, NewReplay::from_seq(1_000_000)).await.expect("a replay");
    }
    attempts_are(19).await;
    let standing = calls.get(endpoint.id).await.expect("the endpoint");
    let log = deliveries(&client, &endpoint).await;
    stage.advance(3 * 24 * 3_600);
    let disabled = endpoint_until(&client, &endpoint, |now| now.status == WebhookEndpointStatus::Disabled).await;

    assert_eq!(standing.status, WebhookEndpointStatus::Enabled);
    let last = log.first().expect("an attempt");
    let step = last.next_attempt_at.expect("a time").seconds() - last.attempted_at.seconds();
    assert!(step > 9 * 3_600, "a pause of a second makes no step shorter: {step}");
    assert_eq!(disabled.disabled_reason, Some(DisabledReason::Exhausted.into()));
}

async fn a_receiver_can_have_itself_disabled(stage: Stage) {
    let client = partner(&stage).await;
    let id = partner_id(&client).await;
    let (gone, asks) = (Receiver::start(), Receiver::start());
    gone.answers_status(410);
    asks.answers(|_| HttpResponse::Ok().insert_header(("webhook-control", "disable")).finish());
    let (one, two) = (endpoint_for(&client, &gone).await.endpoint, endpoint_for(&client, &asks).await.endpoint);

    stage.facts(id, ["a"], "x").await;
    let disabled = |endpoint: &WebhookEndpoint| endpoint.status == WebhookEndpointStatus::Disabled;
    let (one, two) = (endpoint_until(&client, &one, disabled).await, endpoint_until(&client, &two, disabled).await);
    stage.facts(id, ["a", "b"], "x").await;
    gone.answers_status(200);
    asks.answers_status(200);
    let enabled = client.webhook_endpoints().enable(one.id).await.expect("enabled");
    let taken = gone.until_taken(3).await;

    assert_eq!(one.disabled_reason.and_then(|reason| reason.known().copied()), Some(DisabledReason::Gone));
    assert_eq!(two.disabled_reason.and_then(|reason| reason.known().copied()), Some(DisabledReason::Receiver));
    assert_eq!(enabled.disabled_reason, None);
    assert!(in_order_by_object(&taken));
    assert_eq!(asks.received().len(), 1);
    assert_eq!(stage.scalar("select count(*) from event where type = 'webhook_endpoint.disabled'").await, "2");
}

async fn what_happens_while_an_endpoint_is_disabled_waits_for_it(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let endpoint = endpoint_for(&client, &receiver).await.endpoint;

    let disabled = client.webhook_endpoints().disable(endpoint.id).await.expect("disabled");
    // Another endpoint shows when everything was delivered that is going to be.
    let watcher = Receiver::start();
    endpoint_for(&client, &watcher).await;
    stage.facts(id, ["a", "b"], "x").await;
    watcher.until_taken(2).await;
    let meanwhile = receiver.received().len();
    client.webhook_endpoints().enable(endpoint.id).await.expect("enabled");
    receiver.until_taken(2).await;

    assert_eq!(
        (disabled.disabled_reason.and_then(|reason| reason.known().copied()), meanwhile),
        (Some(DisabledReason::Partner), 0)
    );
}

async fn failing_and_recovered_are_events(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver, watcher) = (partner_id(&client).await, Receiver::start(), Receiver::start());
    let types = [EventType::WebhookEndpointFailing, EventType::WebhookEndpointRecovered];
    client.webhook_endpoints().create(NewWebhookEndpoint::new(watcher.url()).types(types)).await.expect("a watcher");
    let endpoint = endpoint_for(&client, &receiver).await.endpoint;
    receiver.answers_status(500);

    stage.facts(id, ["a"], "x").await;
    for attempts in 1..=4 {
        receiver.until("an attempt", |received| received.len() == attempts).await;
        until_scalar(&stage, "select coalesce(max(attempts), 0) from webhook_retry", &attempts.to_string()).await;
        stage.advance(if attempts < 4 { 150 * i64::try_from(attempts).expect("small") } else { 0 });
    }
    let failing = endpoint_until(&client, &endpoint, |now| now.failing_since.is_some()).await;
    receiver.answers_status(200);
    stage.advance(3_600);
    let recovered = endpoint_until(&client, &endpoint, |now| now.failing_since.is_none()).await;
    let seen = watcher.until_taken(2).await;

    assert_eq!((failing.version, recovered.version), (2, 3));
    let kinds: Vec<_> = seen.iter().map(|event| event.r#type.known().copied()).collect();
    assert_eq!(kinds, types.map(Some));
    assert!(seen.iter().all(|event| event.object == endpoint.id.to_string()));
}

async fn three_days_down_and_one_call_brings_everything(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let (url, address) = (receiver.url(), receiver.url().replace("http://", "").replace("/hooks", ""));
    let endpoint = endpoint_at(&client, &url).await.endpoint;
    receiver.stop().await;

    stage.facts(id, ["a", "b", "a", "c"], "x").await;
    let mut now = stage.now();
    let began = now;
    loop {
        until_scalar(&stage, "select count(*) from webhook_retry where attempts > 0 and due_at <= 0", "0").await;
        let standing = client.webhook_endpoints().get(endpoint.id).await.expect("the endpoint");
        if standing.status == WebhookEndpointStatus::Disabled {
            assert_eq!(standing.disabled_reason, Some(DisabledReason::Exhausted.into()));
            break;
        }
        let next = stage.inside().next_delivery_due(now).await.expect("a time");
        // Nothing is due while an attempt is under way.
        let Some(next) = next else {
            tokio::task::yield_now().await;
            continue;
        };
        let before = stage.count("delivery").await;
        stage.advance(next.seconds() - stage.now().seconds() + 1);
        now = stage.now();
        until("an attempt", async || stage.count("delivery").await > before).await;
    }
    stage.facts(id, ["a", "d"], "later").await;
    let back = Receiver::start_at(&address);
    client.webhook_endpoints().replay(endpoint.id, NewReplay::all()).await.expect("a replay");
    let arrived = back
        .until("every event", |received| {
            let ids: std::collections::HashSet<_> = received.iter().map(|one| &one.headers["webhook-id"]).collect();
            ids.len() == 6
        })
        .await;

    assert!(now.seconds() - began.seconds() > 3 * 24 * 3_600 * 8 / 10, "it was tried for about three days");
    // What was a row to be tried again may come once more by the replay; what counts is when each came first.
    let mut seen = std::collections::HashSet::new();
    let first: Vec<Event> =
        arrived.iter().map(quanzi_tests::receiver::Received::event).filter(|event| seen.insert(event.id)).collect();
    assert!(in_order_by_object(&first));
    until_scalar(&stage, "select count(*) from webhook_retry", "0").await;
}

async fn an_endpoint_made_later_gets_what_was_before_by_replay(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    let first = last_seq(&stage, id).await + 1;
    stage.facts(id, ["a", "b", "a"], "first").await;
    stage.advance(7_200);
    let since = stage.now();
    stage.facts(id, ["a", "c"], "second").await;
    let endpoint = endpoint_for(&client, &receiver).await.endpoint;
    let calls = client.webhook_endpoints();

    calls.replay(endpoint.id, NewReplay::from_seq(first + 1).to_seq(first + 2)).await.expect("a replay");
    receiver.until_taken(2).await;
    calls.replay(endpoint.id, NewReplay::since(since)).await.expect("a replay");
    receiver.until_taken(4).await;
    let all =
        calls.replay(endpoint.id, NewReplay::all().types([EventType::WebhookEndpointCreated])).await.expect("a replay");
    let taken = receiver.until_taken(5).await;

    assert_eq!(seqs(&taken[..2]), [first + 1, first + 2]);
    assert_eq!(seqs(&taken[2..4]), [first + 3, first + 4]);
    assert_eq!((taken[4].seq, all.from_seq, all.to_seq), (first + 5, 1, first + 5));
    until_scalar(&stage, "select count(*) from webhook_replay", "0").await;
    let mut both = NewReplay::from_seq(1);
    both.since = Some(since);
    assert_eq!(code(calls.replay(endpoint.id, both).await), ErrorCode::FieldInvalid);
    assert_eq!(code(calls.replay(endpoint.id, NewReplay::from_seq(0)).await), ErrorCode::FieldInvalid);
    assert_eq!(code(calls.replay(endpoint.id, NewReplay::from_seq(5).to_seq(4)).await), ErrorCode::FieldInvalid);
}

async fn an_endpoint_has_ten_replays_at_most(stage: Stage) {
    let client = partner(&stage).await;
    let receiver = Receiver::start();
    receiver.pauses(10_000);
    stage.facts(partner_id(&client).await, ["a"], "x").await;
    let endpoint = endpoint_for(&client, &receiver).await.endpoint;

    let mut asked = Vec::new();
    for _ in 0..11 {
        asked.push(client.webhook_endpoints().replay(endpoint.id, NewReplay::all()).await);
    }

    assert_eq!(code(asked.pop().expect("the eleventh")), ErrorCode::ReplayLimitReached);
    assert!(asked.iter().all(Result::is_ok));
}

async fn a_gateway_that_stops_in_the_middle_loses_nothing(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    receiver.pauses(20);
    endpoint_for(&client, &receiver).await;
    let objects: Vec<String> = (0..40).map(|number| format!("o{}", number % 20)).collect();

    for _ in 0..10 {
        stage.facts(id, objects.iter().map(String::as_str), "x").await;
    }
    receiver.until_taken(60).await;
    let stage = stage.reopen(&Knobs::default()).await;
    receiver
        .until("every event", |received| {
            let ids: std::collections::HashSet<_> = received.iter().map(|one| &one.headers["webhook-id"]).collect();
            ids.len() == 400
        })
        .await;

    // At least once: what was under way may have come again, in its place.
    let last = last_seq(&stage, id).await.to_string();
    until_scalar(&stage, "select delivered_seq from webhook_cursor", &last).await;
    assert!(receiver.taken().len() <= 400 + 64, "{}", receiver.taken().len());
}

async fn of_two_gateways_one_delivers(stage: Stage) {
    let second = stage.second_gateway().await;
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    receiver.pauses(5);
    endpoint_for(&client, &receiver).await;

    for round in 0..20 {
        stage.facts(id, ["a", "b", "c", "d", "e"], "x").await;
        // Neither all at once nor one by one: the next come while these are on their way.
        receiver.until_taken(5 * round).await;
    }
    receiver.until_taken(100).await;
    let last = last_seq(&stage, id).await.to_string();
    until_scalar(&stage, "select delivered_seq from webhook_cursor", &last).await;

    assert_eq!(receiver.received().len(), 100);
    assert!(in_order_by_object(&receiver.taken()));
    // The one that stops gives its endpoints back, and the other goes on.
    second.stop().await.expect("it stops");
    stage.facts(id, ["a"], "x").await;
    receiver.until_taken(101).await;
}

async fn for_a_day_both_secrets_sign(stage: Stage) {
    let client = partner(&stage).await;
    let receiver = Receiver::start();
    let made = endpoint_for(&client, &receiver).await;
    let calls = client.webhook_endpoints();

    let rotated = calls.rotate_secret(made.endpoint.id).await.expect("rotated");
    calls.ping(made.endpoint.id).await.expect("a ping");
    stage.advance(24 * 3_600 + 1);
    calls.ping(made.endpoint.id).await.expect("a ping");

    let old = Verifier::new(made.secret.expose()).expect("a verifier");
    let new = Verifier::new(rotated.secret.expose()).expect("a verifier");
    let received = receiver.received();
    let header = |place: usize| {
        let received = &received;
        move |name: &str| received[place].headers.get(name).map(String::as_str)
    };
    assert!(old.verify(header(0), &received[0].body).is_ok() && new.verify(header(0), &received[0].body).is_ok());
    assert!(old.verify(header(1), &received[1].body).is_err() && new.verify(header(1), &received[1].body).is_ok());
    assert_eq!(rotated.endpoint.version, 2);
    assert!(rotated.endpoint.previous_secret_until.is_some());
}

async fn any_number_of_refused_objects_holds_no_other(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    endpoint_for(&client, &receiver).await;
    let is_bad = |object: &str| object.starts_with("bad");
    receiver.answers(move |one| {
        if is_bad(&one.event().object) { HttpResponse::BadGateway().finish() } else { HttpResponse::Ok().finish() }
    });

    let objects: Vec<String> =
        (0..120).map(|number| if number % 4 == 0 { format!("good{number}") } else { format!("bad{number}") }).collect();
    stage.facts(id, objects.iter().map(String::as_str), "x").await;
    receiver.until_taken(30).await;
    until_scalar(&stage, "select count(distinct object) from webhook_retry", "90").await;
    // A pump that begins again, with all of them refused, goes on as well.
    let stage = stage.reopen(&Knobs::default()).await;
    stage.facts(id, ["good again"], "x").await;

    assert_eq!(receiver.until_taken(31).await.len(), 31);
}

async fn what_waited_behind_goes_as_fast_as_it_is_taken(stage: Stage) {
    let client = partner(&stage).await;
    let (id, receiver) = (partner_id(&client).await, Receiver::start());
    endpoint_for(&client, &receiver).await;
    receiver.answers_status(500);

    stage.facts(id, ["a"; 150], "x").await;
    until_scalar(&stage, "select count(*) from webhook_retry", "150").await;
    receiver.answers_status(200);
    stage.advance(10);
    let taken = receiver.until_taken(150).await;

    assert!(in_order_by_object(&taken));
}

async fn a_slow_partner_has_its_share_of_requests(stage: Stage) {
    let (slow, other) = (partner(&stage).await, partner(&stage).await);
    let (id, receiver, well) = (partner_id(&slow).await, Receiver::start(), Receiver::start());
    receiver.pauses(20_000);
    for _ in 0..4 {
        endpoint_for(&slow, &receiver).await;
    }
    endpoint_for(&other, &well).await;

    let objects: Vec<String> = (0..40).map(|number| format!("o{number}")).collect();
    stage.facts(id, objects.iter().map(String::as_str), "x").await;
    receiver.until_under_way(64).await;
    stage.facts(partner_id(&other).await, objects.iter().map(String::as_str), "x").await;
    well.until_taken(40).await;

    assert_eq!(receiver.most_under_way(), 64);
}

async fn a_dead_receiver_holds_nobody_else(stage: Stage) {
    let client = partner(&stage).await;
    let (id, well, dead) = (partner_id(&client).await, Receiver::start(), Receiver::start());
    dead.pauses(60_000);
    endpoint_for(&client, &well).await;
    endpoint_for(&client, &dead).await;

    let objects: Vec<String> = (0..200).map(|number| format!("o{number}")).collect();
    stage.facts(id, objects.iter().map(String::as_str), "x").await;

    assert_eq!(well.until_taken(200).await.len(), 200);
}
