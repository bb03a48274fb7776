//! Jobs on both engines: claims, and that an effect and its end are committed together.

use std::collections::BTreeSet;
use std::sync::Arc;

use quanzi_openapi::Time;
use quanzi_openapi::id::{PartnerId, PostId};
use serde_json::{Value, json};

use super::model::{Claimed, Ending, Job, Outcome};
use super::service::{self, LEASE_SECONDS};
use crate::app::App;
use crate::capabilities::content::PUBLISH_POST;
use crate::on_both_engines;
use crate::platform::config::Mode;
use crate::platform::db::{Db, Sql, Tx};
use crate::sql;
use crate::testing::{Client, process};

const STATE: Sql = sql!("select attempts, due_at, last_error from job where object = $1");
const COUNT: Sql = sql!("select count(*) from job");
const RENAME: Sql = sql!("update partner set version = version + 1 where id = $1");
const VERSION: Sql = sql!("select version from partner where id = $1");
const OTHER_KIND: Sql = sql!("update job set kind = 'of_a_newer_version' where object = $1");

fn job(partner: PartnerId, object: &str, due_at: Time) -> Job {
    Job::new(PUBLISH_POST, partner, object, due_at)
}

async fn enqueue(app: &App, job: Job) {
    let mut tx = app.db.begin().await.unwrap();
    service::enqueue(&mut tx, &app.clock, job).await.unwrap();
    tx.commit().await.unwrap();
}

/// Claims as the runner does, at any time.
async fn claim(app: &App, now: Time, most: usize) -> Vec<Claimed> {
    let mut tx = app.db.begin().await.unwrap();
    let claimed = service::claim_at(&mut tx, &app.jobs, now, most).await.unwrap();
    tx.commit().await.unwrap();
    claimed
}

fn objects(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|job| job.object.as_str()).collect()
}

async fn count(app: &App) -> i64 {
    app.db.reading().await.unwrap().query(COUNT).one::<(i64,)>().await.unwrap().0
}

async fn state(app: &App, object: &str) -> (i64, i64, Option<String>) {
    app.db.reading().await.unwrap().query(STATE).bind(object).one().await.unwrap()
}

/// An effect that can be counted.
async fn effect(app: &App, partner: PartnerId) -> Tx {
    let mut tx = app.db.begin().await.unwrap();
    assert_eq!(tx.query(RENAME).bind(partner).run().await.unwrap(), 1);
    tx
}

async fn effects(app: &App, partner: PartnerId) -> i64 {
    let (version,): (i64,) = app.db.reading().await.unwrap().query(VERSION).bind(partner).one().await.unwrap();
    version - 1
}

async fn done(app: &App, job: &Claimed) -> String {
    let tx = effect(app, job.partner.unwrap()).await;
    format!("{:?}", service::end(app, tx, job, Outcome::Done).await.unwrap())
}

async fn fixture(db: &Db) -> (Arc<App>, PartnerId, Time) {
    let app = process(db, Mode::Sandbox).await;
    let partner = Client::register(&app).await.partner;
    let now = app.clock.now();
    (app, partner, now)
}

on_both_engines! {
    async fn what_is_due_is_claimed_in_order_and_the_rest_is_not(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        for (object, seconds) in [("c", 2), ("a", 1), ("late", 60), ("b", 1)] {
            enqueue(&app, job(partner, object, now.plus_seconds(seconds))).await;
        }

        let claimed = claim(&app, now.plus_seconds(30), 10).await;

        assert_eq!(objects(&claimed), ["a", "b", "c"]);
        assert!(claim(&app, now.plus_seconds(30), 10).await.is_empty());
    }

    async fn of_many_runners_one_gets_each_job(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        for number in 0..60 {
            enqueue(&app, job(partner, &number.to_string(), now)).await;
        }
        let runners = (0..6).map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = claim(&app, now, 4).await;
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|job| job.object));
                }
            })
        });

        let mut all = Vec::new();
        for runner in runners.collect::<Vec<_>>() {
            all.extend(runner.await.unwrap());
        }

        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (60, 60));
    }

    async fn an_effect_happens_once_though_two_believe_they_hold_the_job(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        enqueue(&app, job(partner, "a", now)).await;
        let slow = claim(&app, now, 1).await.remove(0);
        assert!(claim(&app, now.plus_seconds(LEASE_SECONDS - 1), 1).await.is_empty());

        let other = claim(&app, now.plus_seconds(LEASE_SECONDS), 1).await.remove(0);

        assert_eq!((slow.attempts, other.attempts), (1, 2));
        assert!(done(&app, &slow).await.contains("Lost"));
        assert!(done(&app, &other).await.contains("Done"));
        assert!(done(&app, &other).await.contains("Lost"));
        assert_eq!((effects(&app, partner).await, count(&app).await), (1, 0));
    }

    async fn a_job_enqueued_again_moves_also_under_the_one_who_works_on_it(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        let body = |job: Job, number: i64| Job { body: json!({ "number": number }), ..job };
        enqueue(&app, body(job(partner, "a", now), 1)).await;
        let old = claim(&app, now, 1).await.remove(0);

        enqueue(&app, body(job(partner, "a", now.plus_seconds(60)), 2)).await;

        assert!(done(&app, &old).await.contains("Lost"));
        assert_eq!((effects(&app, partner).await, count(&app).await), (0, 1));
        assert!(claim(&app, now.plus_seconds(59), 1).await.is_empty());
        let new = claim(&app, now.plus_seconds(60), 1).await.remove(0);
        assert_eq!((new.attempts, &new.body), (1, &json!({ "number": 2 })));
    }

    async fn a_cancelled_job_is_gone_also_under_the_one_who_works_on_it(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        for object in ["a", "b"] {
            enqueue(&app, job(partner, object, now)).await;
        }
        let old = claim(&app, now, 1).await.remove(0);
        let mut tx = app.db.begin().await.unwrap();

        service::cancel_all(&mut tx, partner, PUBLISH_POST, ["a", "b", "never"]).await.unwrap();
        tx.commit().await.unwrap();

        assert!(done(&app, &old).await.contains("Lost"));
        assert_eq!((effects(&app, partner).await, count(&app).await), (0, 0));
    }

    async fn what_is_to_be_done_again_is_due_again_with_its_count_at_zero(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        enqueue(&app, job(partner, "a", now)).await;
        let first = claim(&app, now, 1).await.remove(0);
        let tx = effect(&app, partner).await;

        let again = service::end(&app, tx, &first, Outcome::Again(now.plus_seconds(100))).await.unwrap();

        assert!(format!("{again:?}").contains("Again"));
        assert_eq!(state(&app, "a").await, (0, now.plus_seconds(100).micros(), None));
        assert_eq!(claim(&app, now.plus_seconds(100), 1).await.remove(0).attempts, 1);
    }

    async fn a_failing_job_waits_longer_each_time_and_keeps_no_other_waiting(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        let fine: PostId = app.clock.id();
        enqueue(&app, job(partner, "not a post", now)).await;
        enqueue(&app, job(partner, &fine.to_string(), now)).await;

        let mut due = now;
        let mut waits = Vec::new();
        for attempts in 1..=4 {
            for job in claim(&app, due, 10).await {
                let ending = service::work(&app.jobs, &job).await;
                assert_eq!(matches!(ending, Ending::Failed(_)), job.object == "not a post", "{ending:?}");
            }
            let (tried, next, error) = state(&app, "not a post").await;
            assert!(tried == attempts && error.as_deref().is_some_and(|error| error.contains("something else")), "{error:?}");
            waits.push(next - due.micros());
            due = Time::from_micros(next);
        }

        assert!(waits.iter().zip(waits.iter().skip(1)).all(|(one, next)| next > one), "{waits:?}");
        assert_eq!(count(&app).await, 1);
    }

    async fn a_kind_of_a_newer_version_is_left_to_it(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        enqueue(&app, job(partner, "a", now)).await;
        let mut tx = app.db.begin().await.unwrap();
        tx.query(OTHER_KIND).bind("a").run().await.unwrap();
        tx.commit().await.unwrap();

        assert!(claim(&app, now, 10).await.is_empty());
        assert_eq!(service::next(&app.jobs).await.unwrap(), None);
    }

    async fn the_next_job_is_known_before_it_is_due_and_while_it_is_taken(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        let mut tx = app.db.begin().await.unwrap();
        assert_eq!(service::next_at(&mut tx, &app.jobs.handlers, now).await.unwrap(), None);
        drop(tx);
        enqueue(&app, job(partner, "a", now.plus_seconds(-5))).await;
        enqueue(&app, job(partner, "b", now.plus_seconds(500))).await;

        let mut next = Vec::new();
        for _ in 0..2 {
            let mut tx = app.db.begin().await.unwrap();
            next.push(service::next_at(&mut tx, &app.jobs.handlers, now).await.unwrap().unwrap().seconds() - now.seconds());
            drop(tx);
            claim(&app, now, 1).await;
        }

        assert_eq!(next, [-5, LEASE_SECONDS]);
    }

    async fn a_job_may_have_no_partner_and_no_body(db: Db) {
        let (app, _, now) = fixture(&db).await;
        let job = Job { kind: PUBLISH_POST, partner: None, object: "a".to_owned(), due_at: now, body: Value::Null };
        enqueue(&app, job).await;

        let claimed = claim(&app, now, 1).await.remove(0);

        assert_eq!((claimed.partner, &claimed.body), (None, &Value::Null));
        assert!(matches!(service::work(&app.jobs, &claimed).await, Ending::Failed(_)));
    }

    async fn the_runner_does_what_is_due_and_ends_when_the_gateway_stops(db: Db) {
        let (app, partner, now) = fixture(&db).await;
        let runner = tokio::spawn(crate::platform::jobs::runner::run(Arc::clone(&app.jobs)));
        let mut tx = app.db.begin().await.unwrap();
        for _ in 0..10 {
            let post: PostId = app.clock.id();
            service::enqueue(&mut tx, &app.clock, job(partner, &post.to_string(), now)).await.unwrap();
        }
        crate::platform::outbox::service::commit(&app, tx).await.unwrap();

        let mut looks = 0;
        while count(&app).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            looks += 1;
            assert!(looks < 500, "the runner does nothing");
        }

        app.stopping.set();
        tokio::time::timeout(std::time::Duration::from_secs(5), runner).await.unwrap().unwrap();
    }
}
