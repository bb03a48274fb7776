//! The sandbox's clock: moved by a call, everything due happens on the way, in order, in one time for all processes.

use quanzi::circles::NewCircle;
use quanzi::content::{NewPost, Post, PostChange};
use quanzi::events::{Event, EventType, EventsQuery};
use quanzi::id::CircleId;
use quanzi::mandates::NewMandate;
use quanzi::memberships::NewMembership;
use quanzi::payments::{NewPayment, PaymentStatus};
use quanzi::sandbox::{ClockAdvanced, NewSandboxFan, RanOutcome};
use quanzi::{Client, Currency, Edit, ErrorCode, Money, Time};
use quanzi_gateway::app::testing::Inside;
use quanzi_tests::both_engines;
use quanzi_tests::patience::until;
use quanzi_tests::stage::{Knobs, Stage, code, open_circle, partner};

const HOUR: i64 = 3_600;

async fn now(client: &Client) -> Time {
    client.sandbox().clock().await.expect("the clock").now
}

async fn scheduled(client: &Client, circle: CircleId, body: &str, at: Time) -> Post {
    client.posts().create(circle, NewPost::new(body).publish_at(at)).await.expect("a scheduled post")
}

async fn announced(client: &Client) -> Vec<Event> {
    let page = client.events().list(EventsQuery::default()).await.expect("the log");
    page.data.into_iter().filter(|event| event.r#type == EventType::PostPublished).collect()
}

fn objects(advanced: &ClockAdvanced) -> Vec<&str> {
    advanced.ran.iter().map(|job| job.object.as_str()).collect()
}

/// Ten posts for one moment, one before and one after; the bodies in the order in which they came out.
async fn a_dozen(client: &Client) -> Vec<String> {
    let circle = open_circle(client, "Dozen").await;
    let at = now(client).await.plus_seconds(2 * HOUR);
    let mut posts = vec![scheduled(client, circle.id, "last", at.plus_seconds(HOUR)).await];
    for number in 0..10 {
        posts.push(scheduled(client, circle.id, &number.to_string(), at).await);
    }
    posts.push(scheduled(client, circle.id, "first", at.plus_seconds(-HOUR)).await);

    let advanced = client.sandbox().advance_clock("P1D").await.expect("moved");

    let body =
        |object: &&str| posts.iter().find(|post| post.id.to_string() == **object).expect("ours").body.to_string();
    objects(&advanced).iter().map(body).collect()
}

both_engines! {
    scheduled_posts_come_out_in_order_each_at_its_time,
    what_was_moved_unscheduled_or_deleted_is_not_announced,
    a_closed_circle_announces_nothing_more,
    the_same_things_happen_in_the_same_order_each_time,
    what_fails_is_listed_and_left_to_be_tried_again,
    payments_and_mandates_expire_and_limits_by_day_begin_anew,
    a_client_goes_on_working_however_far_the_clock_was_moved,
    all_processes_and_those_after_them_have_one_time,
    what_is_no_duration_is_refused_and_moves_nothing,
    one_moves_the_clock_at_a_time,
    of_calls_at_once_each_moves_the_clock_or_is_refused,
    a_sandbox_comes_to_the_end_of_its_time,
    the_runner_announces_what_became_due,
}

async fn scheduled_posts_come_out_in_order_each_at_its_time(stage: Stage) {
    let (client, other) = (partner(&stage).await, partner(&stage).await);
    let (circle, theirs) = (open_circle(&client, "Ours").await, open_circle(&other, "Theirs").await);
    let start = now(&client).await;
    let c = scheduled(&client, circle.id, "c", start.plus_seconds(30 * HOUR)).await;
    let a = scheduled(&client, circle.id, "a", start.plus_seconds(HOUR)).await;
    let b = scheduled(&client, circle.id, "b", start.plus_seconds(2 * HOUR)).await;
    scheduled(&client, circle.id, "later", start.plus_seconds(40 * HOUR)).await;
    scheduled(&other, theirs.id, "theirs", start.plus_seconds(HOUR)).await;

    let advanced = client.sandbox().advance_clock("PT36H").await.expect("moved");

    let ids = [a.id, b.id, c.id].map(|id| id.to_string());
    assert_eq!(objects(&advanced), ids.each_ref());
    assert!(advanced.ran.iter().all(|job| job.outcome == RanOutcome::Done && job.kind == "publish_post"));
    assert_eq!((advanced.ran_count, advanced.others_count, advanced.left), (3, 1, None));
    assert!((36 * HOUR..36 * HOUR + 60).contains(&(advanced.now.seconds() - start.seconds())));
    let events = announced(&client).await;
    let told: Vec<_> = events.iter().map(|event| (event.object.clone(), event.created_at)).collect();
    let wanted: Vec<_> = [&a, &b, &c].map(|post| (post.id.to_string(), post.publish_at.expect("a time"))).into();
    assert_eq!(told, wanted);
    assert_eq!(events.iter().map(|event| event.object_version).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(announced(&other).await.len(), 1);
}

async fn what_was_moved_unscheduled_or_deleted_is_not_announced(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Changes").await;
    let start = now(&client).await;
    let mut posts = Vec::new();
    for body in ["moved", "cleared", "deleted", "kept"] {
        posts.push(scheduled(&client, circle.id, body, start.plus_seconds(HOUR)).await);
    }
    let to = |at| {
        let mut change = PostChange::default();
        change.publish_at = at;
        change
    };
    let later = start.plus_seconds(3 * HOUR);
    client.posts().change(posts[0].id, to(Edit::Set(later))).if_match(1).await.expect("moved");
    client.posts().change(posts[1].id, to(Edit::Clear)).if_match(1).await.expect("a draft again");
    client.posts().delete(posts[2].id).await.expect("deleted");

    let first = client.sandbox().advance_clock("PT2H").await.expect("moved");
    let second = client.sandbox().advance_clock("PT2H").await.expect("moved");

    assert_eq!((objects(&first), objects(&second)), (vec![&*posts[3].id.to_string()], vec![&*posts[0].id.to_string()]));
}

async fn a_closed_circle_announces_nothing_more(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Closing").await;
    scheduled(&client, circle.id, "never", now(&client).await.plus_seconds(HOUR)).await;
    client.circles().close(circle.id).await.expect("closed");

    let advanced = client.sandbox().advance_clock("PT2H").await.expect("moved");

    assert_eq!((advanced.ran_count, advanced.others_count), (0, 0));
}

async fn the_same_things_happen_in_the_same_order_each_time(stage: Stage) {
    let (one, other) = (partner(&stage).await, partner(&stage).await);

    let (first, second) = (a_dozen(&one).await, a_dozen(&other).await);

    let wanted: Vec<_> = ["first".to_owned()]
        .into_iter()
        .chain((0..10).map(|number| number.to_string()))
        .chain(["last".to_owned()])
        .collect();
    assert_eq!(first, wanted);
    assert_eq!(second, wanted);
}

async fn what_fails_is_listed_and_left_to_be_tried_again(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Failing").await;
    let start = now(&client).await;
    let us = client.partner().get().await.expect("the partner").id;
    let due = start.plus_seconds(HOUR);
    stage.inside().enqueue("publish_post", us, "no post", due).await.expect("enqueued");
    let post = scheduled(&client, circle.id, "fine", start.plus_seconds(HOUR + 7)).await;

    let advanced = client.sandbox().advance_clock("PT1H8S").await.expect("moved");

    // Its first repetition is 5 s after, and up to a quarter more.
    let told: Vec<_> =
        advanced.ran.iter().map(|job| (job.object.as_str(), *job.outcome.known().expect("known"))).collect();
    let fine = post.id.to_string();
    assert_eq!(told, [("no post", RanOutcome::Failed), ("no post", RanOutcome::Failed), (&fine, RanOutcome::Done)]);
    assert_eq!(stage.count("job").await, 1);
}

async fn payments_and_mandates_expire_and_limits_by_day_begin_anew(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Money").await;
    let cny = |amount| Money::new(amount, Currency::CNY);
    let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan").id;
    client.memberships().join(circle.id, NewMembership::new(fan)).await.expect("a member");
    client.sandbox().top_up(fan, cny(100_000)).await.expect("topped up");
    let ends = now(&client).await.plus_seconds(48 * HOUR);
    let consent = NewMandate::new(fan, cny(1_000), cny(1_000)).expires_at(ends);
    let mandate = client.sandbox().create_mandate(consent).await.expect("a mandate").id;
    let tip = || client.payments().create(NewPayment::tip(fan, circle.id, cny(1_000)).mandate(mandate));
    tip().await.expect("paid");
    assert_eq!(code(tip().await), ErrorCode::MandateLimitReached);
    let waits = client.payments().create(NewPayment::tip(fan, circle.id, cny(500))).await.expect("a payment");

    let day = client.sandbox().advance_clock("P1D").await.expect("moved");
    tip().await.expect("paid on another day");
    let week = client.sandbox().advance_clock("P1W").await.expect("moved");

    let told = |advanced: &ClockAdvanced| {
        advanced.ran.iter().map(|job| format!("{} {}", job.kind, job.object)).collect::<Vec<_>>()
    };
    assert_eq!(told(&day), [format!("expire_payment {}", waits.id)]);
    assert_eq!(told(&week), [format!("expire_mandate {mandate}")]);
    assert_eq!(client.payments().get(waits.id).await.expect("the payment").status, PaymentStatus::Expired);
    assert_eq!(code(tip().await), ErrorCode::MandateNotActive);
    assert!(client.sandbox().check_ledger().await.expect("checked").clean);
}

async fn a_client_goes_on_working_however_far_the_clock_was_moved(stage: Stage) {
    let (client, bystander) = (partner(&stage).await, partner(&stage).await);
    let mut number = 0;
    open_circle(&bystander, "Before").await;

    for by in ["PT1S", "PT2M", "PT4M30S", "PT36H", "P30D", "P400D"] {
        let before = now(&client).await;
        let advanced = client.sandbox().advance_clock(by).await.expect(by);
        assert!(advanced.now > before, "{by}");
        for client in [&client, &bystander] {
            number += 1;
            client.circles().create(NewCircle::new(format!("Circle {number}"))).await.expect(by);
            client
                .circles()
                .create(NewCircle::new(format!("Keyed {number}")))
                .idempotency_key(format!("k-{number}"))
                .await
                .expect(by);
            client.partner().get().await.expect(by);
        }
    }
}

async fn all_processes_and_those_after_them_have_one_time(stage: Stage) {
    let client = partner(&stage).await;
    let second = stage.second_gateway().await;

    let advanced = client.sandbox().advance_clock("P30D").await.expect("moved");

    let ahead = stage.inside().ahead_micros();
    until("the second gateway follows", async || Inside::of(&second).ahead_micros() >= ahead).await;
    second.stop().await.expect("stopped");
    let stage = stage.reopen(&Knobs::default()).await;
    let client = partner(&stage).await;
    let clock = client.sandbox().clock().await.expect("the clock");
    assert!(clock.now >= advanced.now && clock.ahead_seconds >= advanced.ahead_seconds, "{clock:?}");
    assert_eq!(clock.ahead_seconds, 30 * 24 * HOUR);
    // A live gateway has the machine's time, whatever stands there.
    let stage = stage.reopen(&Knobs { live: true, ..Knobs::default() }).await;
    assert_eq!(stage.inside().ahead_micros(), 0);
}

async fn what_is_no_duration_is_refused_and_moves_nothing(stage: Stage) {
    let client = partner(&stage).await;

    for by in ["", "36 hours", "PT0S", "-PT1H", "P1M", "P1Y", "P401D", "PT"] {
        let refused = client.sandbox().advance_clock(by).await.expect_err(by);
        assert_eq!(
            (refused.code(), refused.problem().and_then(|problem| problem.pointer.as_deref())),
            (Some(ErrorCode::FieldInvalid), Some("/advance")),
            "{by}"
        );
    }

    assert_eq!(client.sandbox().clock().await.expect("the clock").ahead_seconds, 0);
}

async fn one_moves_the_clock_at_a_time(stage: Stage) {
    let client = partner(&stage).await;
    client.sandbox().advance_clock("PT1H").await.expect("moved");
    stage.hold_clock().await;

    let refused = client.sandbox().advance_clock("PT1H").await;

    assert_eq!(code(refused), ErrorCode::ClockMoving);
    // Nor does a runner begin anything meanwhile.
    let circle = open_circle(&client, "Held").await;
    let at = now(&client).await.plus_seconds(HOUR);
    scheduled(&client, circle.id, "held", at).await;
    stage.advance(2 * HOUR);
    stage.run_due().await;
    assert_eq!(stage.count("job").await, 1);
}

async fn of_calls_at_once_each_moves_the_clock_or_is_refused(stage: Stage) {
    let client = partner(&stage).await;
    now(&client).await;

    let calls = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.sandbox().advance_clock("PT1H").await })
    });
    let mut moved = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("no panic") {
            Ok(_) => moved += 1,
            Err(refused) => assert!(refused.code() == Some(ErrorCode::ClockMoving), "{refused}"),
        }
    }

    assert!(moved > 0);
    assert_eq!(client.sandbox().clock().await.expect("the clock").ahead_seconds, moved * HOUR);
}

async fn a_sandbox_comes_to_the_end_of_its_time(stage: Stage) {
    let client = partner(&stage).await;

    for _ in 0..91 {
        client.sandbox().advance_clock("P400D").await.expect("moved");
    }

    assert_eq!(code(client.sandbox().advance_clock("P400D").await), ErrorCode::ClockAtEnd);
    client.sandbox().advance_clock("P99D").await.expect("what is left");
}

async fn the_runner_announces_what_became_due(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Runner").await;
    scheduled(&client, circle.id, "soon", now(&client).await.plus_seconds(HOUR)).await;

    stage.advance(2 * HOUR);
    stage.run_due().await;

    assert_eq!(announced(&client).await.len(), 1);
}
