//! Following the log with the SDK's consumer: at once, exactly once, through crashes of the handler and stops of the gateway.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use quanzi::circles::NewCircle;
use quanzi::events::{Event, EventType, EventsQuery};
use quanzi::{Client, Error, ErrorCode};
use quanzi_tests::both_engines;
use quanzi_tests::stage::{Knobs, Stage, code, partner};

/// What the partner's own database would hold: what was done about events, and up to where, always written together.
#[derive(Default)]
struct Database {
    place: i64,
    done: Vec<Event>,
}

/// A handler that crashes now and then, before or after its commit.
#[derive(Debug)]
enum Crash {
    Ours,
    Sdk(Error),
}

impl From<Error> for Crash {
    fn from(error: Error) -> Self {
        Self::Sdk(error)
    }
}

async fn make_circles(client: &Client, circles: std::ops::Range<u32>) {
    for number in circles {
        client.circles().create(NewCircle::new(format!("Circle {number}"))).await.expect("a circle");
    }
}

async fn last(client: &Client) -> i64 {
    client.events().list(EventsQuery::default()).await.expect("a page").next_after
}

/// Follows in a task of its own until this event was dealt with; crashes at every seventh event, before or after the commit.
fn follow(client: Client, database: Arc<Mutex<Database>>, until: i64) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        for life in 0.. {
            let place = database.lock().expect("sound").place;
            let mut consumer = client.events().consumer(place).poll_every(Duration::from_millis(50));
            let handled = |event: Event| {
                let database = Arc::clone(&database);
                async move {
                    let mut database = database.lock().expect("sound");
                    let crashes = (event.seq + life) % 7 == 0;
                    if crashes && life % 2 == 0 {
                        return Err(Crash::Ours);
                    }
                    database.place = event.seq;
                    database.done.push(event);
                    if crashes || database.place == until { Err(Crash::Ours) } else { Ok(()) }
                }
            };
            match consumer.run(handled).await {
                Crash::Ours if database.lock().expect("sound").place == until => return,
                Crash::Ours => {}
                Crash::Sdk(error) => panic!("{error}"),
            }
        }
    })
}

fn exactly_once(database: &Mutex<Database>, until: i64) {
    let numbers: Vec<i64> = database.lock().expect("sound").done.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=until).collect::<Vec<_>>());
}

both_engines! {
    whatever_crashes_each_event_takes_effect_once,
    what_happens_is_heard_at_once,
    a_gateway_that_stops_and_comes_back_is_waited_for,
    of_some_types_nothing_else_comes,
    the_number_of_another_log_is_refused,
}

async fn whatever_crashes_each_event_takes_effect_once(stage: Stage) {
    let client = partner(&stage).await;
    make_circles(&client, 0..40).await;
    let database = Arc::default();

    follow(client.clone(), Arc::clone(&database), last(&client).await).await.expect("followed");

    exactly_once(&database, last(&client).await);
}

async fn what_happens_is_heard_at_once(stage: Stage) {
    let client = partner(&stage).await;
    // A consumer that polled every hour would never learn of it here.
    let mut consumer = client.events().consumer(last(&client).await).poll_every(Duration::from_hours(1));
    let makes = client.clone();

    let (heard, ()) = tokio::join!(
        async {
            let mut heard = Vec::new();
            while heard.len() < 5 {
                heard.push(consumer.next().await.expect("an event").data["name"].as_str().expect("a name").to_owned());
            }
            heard
        },
        make_circles(&makes, 0..5),
    );

    assert_eq!(heard, (0..5).map(|number| format!("Circle {number}")).collect::<Vec<_>>());
    assert_eq!(consumer.place(), last(&client).await);
}

async fn a_gateway_that_stops_and_comes_back_is_waited_for(stage: Stage) {
    let client = partner(&stage).await;
    make_circles(&client, 0..3).await;
    let until = last(&client).await + 3;
    let database = Arc::default();
    let follower = follow(client.clone(), Arc::clone(&database), until);

    // The same gateway at the same address, a moment later.
    let stage = stage.reopen_in_place(&Knobs::default()).await;
    make_circles(&client, 3..6).await;
    follower.await.expect("followed");

    exactly_once(&database, until);
    stage.close().await;
}

async fn of_some_types_nothing_else_comes(stage: Stage) {
    let client = partner(&stage).await;
    make_circles(&client, 0..3).await;
    let made = client.circles().create(NewCircle::new("Opened")).await.expect("a circle");
    client.circles().open(made.id).await.expect("opened");
    let mut consumer = client.events().consumer(0).types([EventType::CircleOpened]);

    let opened = consumer.next().await.expect("an event");

    assert_eq!((opened.object, consumer.try_next().await.expect("no more")), (made.id.to_string(), None));
    assert_eq!(consumer.place(), last(&client).await);
}

async fn the_number_of_another_log_is_refused(stage: Stage) {
    let client = partner(&stage).await;
    let end = last(&client).await;

    let mut here = client.events().consumer(end);
    assert_eq!(here.try_next().await.expect("no more"), None);
    let mut elsewhere = client.events().consumer(end + 1);
    let refused = elsewhere.next().await.expect_err("not a place of this log");
    assert_eq!(refused.code(), Some(ErrorCode::ParamInvalid));
    assert!(refused.to_string().contains(&format!("your log ends with {end}")), "{refused}");
    assert_eq!(code(client.events().list(EventsQuery::after(-1)).await), ErrorCode::ParamInvalid);
}
