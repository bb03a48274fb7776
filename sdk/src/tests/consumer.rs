//! The consumer: order, gaps, outages, handlers that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use quanzi_openapi::endpoint::Reply as _;
use serde_json::{Value, json};

use super::gateway::{Gateway, Reply, Seal, Seen};
use crate::events::{Event, EventConsumer, EventType};
use crate::{Error, ErrorCode, ErrorKind};

fn event(seq: i64) -> Value {
    let mut event = Event::example_value();
    event["seq"] = json!(seq);
    event
}

fn page(seqs: impl IntoIterator<Item = i64>, has_more: bool, next_after: i64) -> Reply {
    let data: Vec<Value> = seqs.into_iter().map(event).collect();
    Reply::json(200, &json!({ "data": data, "has_more": has_more, "next_after": next_after }))
}

/// What the call asks to follow.
fn after(seen: &Seen) -> i64 {
    let query = seen.target.split_once("after=").expect("a place").1;
    query.split('&').next().expect("a number").parse().expect("a number")
}

/// A log of so many events, three to a page.
fn log(seen: &Seen, last: i64) -> Reply {
    if seen.path() != "/v1/events" {
        return Reply::problem(ErrorCode::RateLimited, &json!({}));
    }
    let (from, until) = (after(seen), (after(seen) + 3).min(last));
    page(from + 1..=until, until < last, until)
}

/// Runs until the handler says stop, and what it was given.
async fn follow(consumer: &mut EventConsumer, until: i64) -> Vec<i64> {
    let mut seen = Vec::new();
    let stopped = consumer
        .run(|event| {
            seen.push(event.seq);
            let goes_on = event.seq != until;
            async move { if goes_on { Ok(()) } else { Err(Stopped::Wished) } }
        })
        .await;
    assert!(matches!(stopped, Stopped::Wished), "{stopped:?}");
    seen
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown when a test fails")]
enum Stopped {
    Wished,
    By(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::By(error)
    }
}

#[tokio::test]
async fn every_event_is_handed_out_once_over_pages() {
    let gateway = Gateway::start(|seen, _| log(seen, 10)).await;
    let mut consumer = gateway.client().events().consumer(2);

    assert_eq!(follow(&mut consumer, 10).await, [3, 4, 5, 6, 7, 8, 9, 10]);

    // The last one failed, so it comes again.
    assert_eq!(consumer.place(), 9);
    assert_eq!(consumer.next().await.unwrap().seq, 10);
    assert_eq!(consumer.place(), 10);
    assert_eq!(consumer.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn it_waits_for_what_is_not_there_yet() {
    let last = Arc::new(AtomicI64::new(0));
    let end = Arc::clone(&last);
    let gateway = Gateway::start(move |seen, before| {
        // One more event after every twenty looks.
        end.store(i64::try_from(before / 20).unwrap(), Ordering::Relaxed);
        log(seen, end.load(Ordering::Relaxed))
    })
    .await;
    let mut consumer = gateway.client().events().consumer(0);

    for seq in 1..=3 {
        assert_eq!(consumer.next().await.unwrap().seq, seq);
    }
}

#[tokio::test]
async fn a_log_with_a_gap_a_repetition_or_another_order_is_refused_whole() {
    for (seqs, next_after) in [
        (vec![6, 8], 8),
        (vec![7], 7),
        (vec![5, 6], 6),
        (vec![6, 6], 6),
        (vec![7, 6], 6),
        (vec![6], 7),
        (vec![6], 5),
        (vec![], 6),
    ] {
        let shown = format!("{seqs:?} {next_after}");
        let gateway = Gateway::start(move |_, _| page(seqs.clone(), false, next_after)).await;
        let mut consumer = gateway.client().events().consumer(5);

        let refused = consumer.next().await.expect_err(&shown);

        assert_eq!(refused.kind(), ErrorKind::ResponseUnreadable, "{shown}");
        assert!(refused.to_string().contains("the log is inconsistent"), "{refused}");
        assert_eq!(consumer.place(), 5, "{shown}");
    }
}

#[tokio::test]
async fn with_a_filter_the_place_moves_over_what_is_not_wanted() {
    let gateway = Gateway::start(|seen, _| match after(seen) {
        _ if seen.path() != "/v1/events" => Reply::problem(ErrorCode::RateLimited, &json!({})),
        0 => page([3, 9], true, 9),
        9 => page([], false, 40),
        _ => page([41], false, 41),
    })
    .await;
    let mut consumer = gateway.client().events().consumer(0).types([EventType::PaymentSucceeded]);

    assert_eq!(consumer.next().await.unwrap().seq, 3);
    assert_eq!(consumer.place(), 3);
    assert_eq!(consumer.next().await.unwrap().seq, 9);
    assert_eq!(consumer.place(), 9);
    assert_eq!(consumer.try_next().await.unwrap(), None);
    assert_eq!(consumer.place(), 40);
    assert_eq!(consumer.next().await.unwrap().seq, 41);
    assert!(gateway.calls()[0].target.contains("types=payment.succeeded"));
}

#[tokio::test]
async fn an_outage_is_waited_out() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let gateway = Gateway::start(move |seen, before| {
        is_down.store(before < 50, Ordering::Relaxed);
        match (is_down.load(Ordering::Relaxed), before % 3) {
            (true, 0) => Reply::cut(),
            (true, 1) => Reply::problem(ErrorCode::Overloaded, &json!({})),
            (true, _) => Reply::empty(502).seal(Seal::None),
            (false, _) => log(seen, 2),
        }
    })
    .await;
    let mut consumer = gateway.client().events().consumer(0);

    assert_eq!(consumer.next().await.unwrap().seq, 1);
    assert_eq!(consumer.next().await.unwrap().seq, 2);
    assert!(!down.load(Ordering::Relaxed));
}

#[tokio::test]
async fn what_waiting_does_not_heal_ends_it() {
    let forged = Gateway::start(|seen, _| log(seen, 2).seal(Seal::ForeignKey)).await;
    let error = forged.client().events().consumer(0).next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseNotVerified);

    let forbidden = Gateway::start(|_, _| Reply::problem(ErrorCode::ScopeMissing, &json!({}))).await;
    let mut consumer = forbidden.client().events().consumer(0);
    let stopped = consumer.run(async |_| Ok::<_, Error>(())).await;
    assert!(stopped.is(ErrorCode::ScopeMissing), "{stopped}");
}

#[tokio::test]
async fn a_consumer_runs_as_a_task_of_its_own() {
    let gateway = Gateway::start(|seen, _| log(seen, 4)).await;
    let mut consumer = gateway.client().events().consumer(0);

    let task = tokio::spawn(async move { follow(&mut consumer, 4).await });

    assert_eq!(task.await.unwrap(), [1, 2, 3, 4]);
}
