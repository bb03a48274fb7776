//! The log: every change once, in order, without gaps, as the partner reads the object.

use std::collections::{BTreeMap, BTreeSet};

use quanzi::apps::{AppChange, NewApp, NewAppKey};
use quanzi::circles::{CircleChange, NewCircle};
use quanzi::comments::NewComment;
use quanzi::content::{NewPost, PostChange};
use quanzi::events::{Event, EventType, EventTypes, EventsQuery};
use quanzi::gates::GateRule;
use quanzi::id::CircleId;
use quanzi::mandates::NewMandate;
use quanzi::me::NewMyMandate;
use quanzi::memberships::{Membership, MembershipChange, NewMembership, Role};
use quanzi::partners::PartnerChange;
use quanzi::payments::{NewPayment, NewRefund, Payment};
use quanzi::sandbox::NewSandboxFan;
use quanzi::webhook_endpoints::NewWebhookEndpoint;
use quanzi::{Client, Currency, ErrorCode, Key, Limit, Money};
use quanzi_tests::both_engines;
use quanzi_tests::browser::{Wish, form_code};
use quanzi_tests::fan::Host;
use quanzi_tests::raw::Partner;
use quanzi_tests::receiver::{Receiver, endpoint_until};
use quanzi_tests::stage::{Stage, code, fan, gated_circle, member, open_circle, partner};
use serde_json::json;

/// The whole log, page by page.
async fn log(client: &Client) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = client.events().list(EventsQuery::after(after)).await.expect("a page");
        after = page.next_after;
        events.extend(page.data);
        if !page.has_more {
            return events;
        }
    }
}

/// Numbers without gaps, and of each object its versions in order.
fn is_in_order(events: &[Event]) {
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..).take(events.len()).collect::<Vec<_>>());
    let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
    for event in events {
        let before = versions.insert(&event.object, event.object_version).unwrap_or(0);
        assert!(event.object_version > before, "{} {} after {before}", event.r#type, event.object_version);
    }
}

fn types(events: &[Event]) -> Vec<EventType> {
    events.iter().map(|event| *event.r#type.known().expect("a type we know")).collect()
}

/// An endpoint is made, changed, fails, recovers, is disabled, enabled and deleted; the circle is closed on the way.
async fn every_turn_of_an_endpoint(stage: &Stage, client: &Client, circle: CircleId) {
    let receiver = Receiver::start();
    receiver.answers_status(500);
    let endpoints = client.webhook_endpoints();
    let new = NewWebhookEndpoint::new(receiver.url()).types([EventType::CircleClosed]);
    let endpoint = endpoints.create(new).await.expect("an endpoint").endpoint;
    endpoints.rotate_secret(endpoint.id).await.expect("a new secret");
    client.circles().close(circle).await.expect("closed");
    for attempts in 1..=4 {
        receiver.until("an attempt", |received| received.len() >= attempts).await;
        endpoint_until(client, &endpoint, |now| attempts < 4 || now.failing_since.is_some()).await;
        stage.advance(3_600);
    }
    receiver.answers_status(200);
    stage.advance(12 * 3_600);
    endpoint_until(client, &endpoint, |now| now.failing_since.is_none()).await;
    endpoints.disable(endpoint.id).await.expect("disabled");
    endpoints.enable(endpoint.id).await.expect("enabled");
    endpoints.delete(endpoint.id).await.expect("deleted");
}

/// Every field of a reply is in its schema, and every field the schema requires is there; objects inside too.
fn has_the_shape(document: &serde_json::Value, name: &str, value: &serde_json::Value) {
    let schema = &document["components"]["schemas"][name];
    let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) else { return };
    for field in fields.keys() {
        assert!(properties.contains_key(field), "{name}.{field} is not in the document");
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let required = required.as_str().expect("a name");
        assert!(fields.contains_key(required), "{name}.{required} is missing in {value}");
    }
    for (field, schema) in properties {
        let inner = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        if let (Some(inner), Some(value)) = (inner, fields.get(field)) {
            has_the_shape(document, inner, value);
        }
    }
    if let Some(only) = properties.get("type").and_then(|kind| kind["enum"].as_array()) {
        assert!(only.contains(&fields["type"]), "{name} has {only:?}, not {}", fields["type"]);
    }
}

both_engines! {
    every_change_is_in_the_log,
    what_is_refused_or_changes_nothing_is_not_in_the_log,
    a_filter_leaves_the_numbers_as_they_are,
    a_rare_type_is_looked_for_a_part_of_the_log_at_a_time,
    nobody_reads_anothers_log,
    numbers_have_no_gaps_when_many_change_at_once,
    a_stream_goes_on_where_it_broke,
    an_app_holds_four_streams,
    a_stream_ends_with_its_token,
}

async fn every_change_is_in_the_log(stage: Stage) {
    let host = Host::new(&stage).await;
    let client = &host.client;
    let cny = |amount| Money::new(amount, Currency::CNY);
    let mut name = PartnerChange::default();
    name.name = Some("Whisker again".into());
    let ours = client.partner().get().await.expect("the partner");
    client.partner().change(name).if_match(ours.version).await.expect("changed");
    let app =
        client.apps().create(NewApp::new("Second", [Key::generate().expect("a key").public()])).await.expect("an app");
    let mut app_name = AppChange::default();
    app_name.name = Some("Another".into());
    client.apps().change(app.id, app_name).if_match(app.version).await.expect("changed");
    let key =
        client.apps().add_key(app.id, NewAppKey::new(Key::generate().expect("a key").public())).await.expect("a key");
    client.apps().remove_key(app.id, key.kid).await.expect("removed");

    let circle = gated_circle(client, "Everything", [GateRule::Approval {}]).await;
    let mut rules = CircleChange::default();
    rules.name = Some("Everything else".into());
    client.circles().change(circle.id, rules).if_match(circle.version).await.expect("changed");
    let join = async |client: &Client| -> Membership {
        let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan");
        client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("waits")
    };
    let (mei, bo, li) = (join(client).await, join(client).await, join(client).await);
    client.memberships().reject(bo.id).await.expect("rejected");
    client.memberships().ban(bo.id).await.expect("banned");
    client.memberships().unban(bo.id).await.expect("unbanned");
    client.memberships().approve(li.id).await.expect("approved");
    client.memberships().remove(li.id).await.expect("removed");
    let mei = client.memberships().approve(mei.id).await.expect("approved");
    client
        .memberships()
        .change(mei.id, MembershipChange::role(Role::Admin))
        .if_match(mei.version)
        .await
        .expect("an admin");

    let draft = client.posts().create(circle.id, NewPost::new("later").draft()).await.expect("a draft");
    let post = client.posts().create(circle.id, NewPost::new("now")).await.expect("a post");
    let mut edit = PostChange::default();
    edit.body = Some("now, better".into());
    client.posts().change(post.id, edit).if_match(post.version).await.expect("edited");
    client.posts().delete(draft.id).await.expect("deleted");
    let comment = client.comments().create(post.id, NewComment::new("indeed")).await.expect("a comment");
    client.comments().delete(comment.id).await.expect("deleted");

    let mut fan = host.fan("openid payments:mandate").await;
    let asked = fan.send(client.me().ask_mandate(NewMyMandate::new(cny(100), cny(100)))).await.expect("asked");
    let page = asked.consent_url.expect("an address");
    let code = form_code(&fan.browser.get(&page).await);
    fan.browser.post(&page, &[("code", &code), ("decision", "decline")]).await;
    let wish = Wish::new("openid circles:join");
    let url = host.app.address(&wish).await;
    let page = fan.browser.get(&url).await;
    fan.browser.decide(&url, &page, "allow", false).await;
    let grants = host.app.partner.get("/v1/grants").await.expect_status(200);
    let grant = grants["data"][0]["id"].as_str().expect("a grant");
    host.app.partner.request("DELETE", &format!("/v1/grants/{grant}")).send().await.expect_status(204);

    client.sandbox().top_up(mei.fan, cny(10_000)).await.expect("topped up");
    let mandate =
        client.sandbox().create_mandate(NewMandate::new(mei.fan, cny(1_000), cny(1_000))).await.expect("a mandate");
    let tip = || NewPayment::tip(mei.fan, circle.id, cny(100));
    let paid = client.payments().create(tip().mandate(mandate.id)).await.expect("paid");
    client.payments().refund(paid.id, NewRefund::rest()).await.expect("refunded");
    client.mandates().revoke(mandate.id).await.expect("revoked");
    let asked = client.payments().create(tip()).await.expect("asked");
    client.payments().cancel(asked.id).await.expect("canceled");
    let asked = client.payments().create(tip()).await.expect("asked");
    client.sandbox().decline_payment(asked.id).await.expect("declined");
    client.payments().create(tip()).await.expect("nobody decides");
    client.sandbox().top_up(mei.fan, cny(66_603)).await.expect("topped up");
    let slow = client.payments().create(NewPayment::tip(mei.fan, circle.id, cny(66_603))).await.expect("asked");
    client.sandbox().approve_payment(slow.id).await.expect("approved");
    let tomorrow = client.sandbox().clock().await.expect("the clock").now.plus_seconds(24 * 3_600);
    let short = NewMandate::new(mei.fan, cny(1_000), cny(1_000)).expires_at(tomorrow);
    client.sandbox().create_mandate(short).await.expect("a mandate");
    client.memberships().leave(mei.id).await.expect("left");
    every_turn_of_an_endpoint(&stage, client, circle.id).await;
    client.sandbox().advance_clock("P2D").await.expect("moved");

    let events = log(client).await;

    is_in_order(&events);
    let seen: BTreeSet<String> = types(&events).iter().map(ToString::to_string).collect();
    let document: serde_json::Value =
        serde_json::from_str(&quanzi_openapi::neutral_document_text().expect("the document")).expect("JSON");
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    // A sign of life is in no log.
    let documented: BTreeSet<String> =
        webhooks.keys().filter(|name| *name != EventType::WebhookEndpointPing.as_str()).cloned().collect();
    assert_eq!(seen, documented);
    for event in &events {
        let name = event.r#type.known().expect("a known type").name();
        has_the_shape(&document, &format!("{name}Event"), &serde_json::to_value(event).expect("JSON"));
    }
    let of_slow = events.iter().filter(|event| event.object == slow.id.to_string());
    assert_eq!(of_slow.map(|event| event.object_version).collect::<Vec<_>>(), [1, 2, 3], "every version is told");
    let last = events.iter().rfind(|event| event.object == paid.id.to_string()).expect("the payment's");
    assert_eq!(last.data::<Payment>().expect("a payment"), client.payments().get(paid.id).await.expect("the payment"));
    assert_eq!(client.events().get(last.id).await.expect("the event"), *last);
}

async fn what_is_refused_or_changes_nothing_is_not_in_the_log(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Quiet").await;
    let member = member(&client, &circle).await;
    let before = log(&client).await.len();

    client.circles().open(circle.id).await.ok();
    assert_eq!(code(client.circles().create(NewCircle::new("Quiet")).await), ErrorCode::CircleNameTaken);
    client.memberships().join(circle.id, NewMembership::new(member.fan)).await.expect("in already");
    client
        .memberships()
        .change(member.id, MembershipChange::role(Role::Member))
        .if_match(member.version)
        .await
        .expect("as before");
    let poor = NewPayment::tip(member.fan, circle.id, Money::new(0, Currency::CNY));
    assert_eq!(code(client.payments().create(poor).await), ErrorCode::FieldInvalid);

    assert_eq!(log(&client).await.len(), before);
}

async fn a_filter_leaves_the_numbers_as_they_are(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Filter").await;
    for _ in 0..5 {
        member(&client, &circle).await;
    }
    let last = log(&client).await.last().expect("an event").seq;
    let mut of_circle = EventsQuery::default();
    of_circle.object = Some(circle.id.to_string());
    let mut of_types = EventsQuery::default();
    of_types.types = Some(EventTypes::new([EventType::MembershipActivated, EventType::CircleOpened]));
    of_types.limit = Some(Limit::new(4));

    let found = client.events().list(of_circle).await.expect("a page");
    assert_eq!(types(&found.data), [EventType::CircleCreated, EventType::CircleOpened]);
    assert_eq!((found.has_more, found.next_after), (false, last));
    let first = client.events().list(of_types.clone()).await.expect("a page");
    assert_eq!((first.data.len(), first.has_more), (4, true));
    of_types.after = Some(first.next_after);
    let rest = client.events().list(of_types).await.expect("a page");
    assert_eq!((rest.data.len(), rest.has_more, rest.next_after), (2, false, last));
    let nothing_new = client.events().list(EventsQuery::after(rest.next_after)).await.expect("a page");
    assert_eq!((nothing_new.data.len(), nothing_new.next_after), (0, rest.next_after));
}

async fn a_rare_type_is_looked_for_a_part_of_the_log_at_a_time(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Rare").await;
    let before = log(&client).await.last().expect("an event").seq;
    stage.seed_events(&client.partner().get().await.expect("the partner").id.to_string(), 25_000).await;
    let member = member(&client, &circle).await;
    let query = |after| {
        let mut query = EventsQuery::after(after);
        query.types = Some(EventTypes::new([EventType::MembershipActivated]));
        query
    };

    let first = client.events().list(query(before)).await.expect("a page");
    let second = client.events().list(query(first.next_after)).await.expect("a page");
    let third = client.events().list(query(second.next_after)).await.expect("a page");
    let mut consumer = client.events().consumer(before).types([EventType::MembershipActivated]);
    let followed = consumer.try_next().await.expect("read").expect("the event");

    assert_eq!((first.data.len(), first.has_more, first.next_after), (0, true, before + 10_000));
    assert_eq!((second.data.len(), second.has_more, second.next_after), (0, true, before + 20_000));
    assert_eq!((third.data.len(), third.has_more, third.next_after), (1, false, followed.seq));
    assert_eq!((followed.object, consumer.place()), (member.id.to_string(), followed.seq));
}

async fn nobody_reads_anothers_log(stage: Stage) {
    let client = partner(&stage).await;
    open_circle(&client, "Ours").await;
    let stranger = partner(&stage).await;
    let ours = log(&client).await;

    let theirs = log(&stranger).await;

    is_in_order(&theirs);
    assert!(theirs.iter().all(|event| ours.iter().all(|ours| ours.id != event.id)));
    assert_eq!(code(stranger.events().get(ours[0].id).await), ErrorCode::EventNotFound);
}

async fn numbers_have_no_gaps_when_many_change_at_once(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Crowd").await;
    let mut fans = Vec::new();
    for _ in 0..32 {
        fans.push(fan(&client).await.id);
    }
    let joins = fans.iter().map(|fan| async { client.memberships().join(circle.id, NewMembership::new(*fan)).await });
    let posts = (0..32).map(|number| {
        let client = &client;
        async move { client.posts().create(circle.id, NewPost::new(format!("{number}"))).await }
    });

    let (joined, posted) =
        futures_util::future::join(futures_util::future::join_all(joins), futures_util::future::join_all(posts)).await;

    assert!(joined.iter().all(Result::is_ok) && posted.iter().all(Result::is_ok));
    let events = log(&client).await;
    is_in_order(&events);
    assert_eq!(types(&events).iter().filter(|kind| matches!(kind, EventType::MembershipActivated)).count(), 32);
}

async fn a_stream_goes_on_where_it_broke(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let make = async |name: &str| partner.post("/v1/circles", json!({ "name": name })).await.expect_status(201);
    make("One").await;
    let mut first = listen(&partner, Some("0")).await;

    // The registration and its key, then the circle.
    assert_eq!(first.take(3).await, [("1", "app.created"), ("2", "app_key.added"), ("3", "circle.created")].map(owned));
    make("Two").await;
    assert_eq!(first.take(1).await, [owned(("4", "circle.created"))]);
    drop(first);
    make("Three").await;
    let mut second = listen(&partner, Some("4")).await;
    assert_eq!(second.take(1).await, [owned(("5", "circle.created"))]);
    let mut fresh = listen(&partner, None).await;
    make("Four").await;
    assert_eq!(fresh.take(1).await, [owned(("6", "circle.created"))]);

    stage.close().await;
    assert!(second.ends().await && fresh.ends().await, "a gateway that stops ends its streams");
}

async fn an_app_holds_four_streams(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(listen(&partner, None).await);
    }

    let refused = partner.get("/v1/events/stream").await;

    let body = refused.expect_refusal(429, "rate_limited");
    assert_eq!(body["limit"]["name"], "event_streams");
    partner.get("/v1/events/stream?after=-1").await.expect_refusal(400, "param_invalid");
}

async fn a_stream_ends_with_its_token(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let mut stream = listen(&partner, Some("0")).await;
    stream.take(2).await;

    stage.advance(301);

    assert!(stream.ends().await);
}

fn owned((id, kind): (&str, &str)) -> (String, String) {
    (id.to_owned(), kind.to_owned())
}

/// An open stream.
struct Listening {
    response: reqwest::Response,
    text: String,
}

async fn listen(partner: &Partner, last: Option<&str>) -> Listening {
    let request = partner.request("GET", "/v1/events/stream");
    let request = if let Some(last) = last { request.header("last-event-id", last) } else { request };
    let response = request.ready().open(&partner.http).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/event-stream".parse().expect("a value"))
    );
    Listening { response, text: String::new() }
}

impl Listening {
    /// Number and type of the next events.
    async fn take(&mut self, events: usize) -> Vec<(String, String)> {
        let mut found = Vec::new();
        while found.len() < events {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                    let event: Event = serde_json::from_str(&data).expect("an event");
                    assert_eq!((event.seq.to_string(), event.r#type.to_string()), (id.clone(), kind.clone()));
                    found.push((id, kind));
                }
                self.text = rest.to_string();
                continue;
            }
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("in time").expect("readable").expect("not over");
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
        found
    }

    /// Whether the gateway ends it.
    async fn ends(&mut self) -> bool {
        let end = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), end).await.is_ok()
    }
}
