//! The poster on both engines, point by point: what is read and locked first, how orders are decided, what is written, how
//! an order that breaks its batch affects the others, how engine errors are handled, and when callers are answered.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use quanzi_openapi::id::{CircleId, PersonId};
use quanzi_openapi::{Currency, ErrorCode};

use super::fixture::{Fixture, Refusal, entered};
use super::model::TransferRefusal;
use super::order::{LedgerOrder, LedgerOutcome, Trap};
use super::{poster, queue};
use crate::capabilities::payments::accounts::wallet;
use crate::edge::IdempotencyEntry;
use crate::on_both_engines;
use crate::platform::db::{Db, Sql};
use crate::platform::fault::Fault;
use crate::sql;

const BREAK_ACCOUNT: Sql = sql!("update account set balance = balance + 1 where id = $1");

fn codes(outcomes: &[Result<LedgerOutcome, Fault>]) -> Vec<Option<ErrorCode>> {
    outcomes.iter().map(|outcome| outcome.as_ref().err().map(Fault::code)).collect()
}

fn is_posted(outcome: &Result<LedgerOutcome, Fault>) -> bool {
    matches!(outcome, Ok(LedgerOutcome::Posted))
}

/// Begins it, and says whether it has to wait.
async fn waits(work: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|context| Poll::Ready(work.poll_unpin(context).is_pending())).await
}

fn insufficient(person: PersonId, available: i64) -> Result<(), Refusal> {
    let account = wallet(person, Currency::CNY);
    Err(Refusal::Transfers(TransferRefusal::Insufficient { account, available }))
}

// 1. One transaction: what is known is read, what is touched is held, in one order for everybody.
on_both_engines! {
    async fn a_key_that_is_known_is_answered_and_nothing_moves(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(1_000).await;
        let first = fixture.keyed("k", fixture.tip(person, 100));
        let answer = format!("\"{}\"", first.object);
        assert_eq!(fixture.post(&[first]).await, [Ok(())]);
        let before = fixture.counts().await;

        let elsewhere = fixture.elsewhere(&db).await;
        let again = elsewhere.post(&[fixture.keyed("k", fixture.tip(person, 100))]).await;

        assert_eq!(again, [Err(Refusal::Replayed(answer))]);
        assert_eq!(fixture.counts().await, before);
        assert_eq!(fixture.wallet(person).await, 900);
    }

    async fn batches_that_share_accounts_wait_for_each_other_and_none_dies(db: Db) {
        let one = Fixture::new(&db).await;
        let two = one.elsewhere(&db).await;
        let circles: Vec<CircleId> = (0..6).map(|_| one.app.clock.id()).collect();
        let person = one.person(1_000_000).await;

        for _ in 0..25 {
            // The same accounts, named in opposite order; in the first round neither is there.
            let there: Vec<LedgerOrder> = circles.iter().map(|circle| one.tip_to(*circle, person, 10)).collect();
            let back: Vec<LedgerOrder> = circles.iter().rev().map(|circle| two.tip_to(*circle, person, 10)).collect();
            let (there, back) = tokio::join!(one.ask_again(&there), two.ask_again(&back));
            assert!(there.iter().chain(&back).all(Result::is_ok), "{there:?} {back:?}");
        }

        assert_eq!(one.wallet(person).await, 1_000_000 - 25 * 6 * 10 * 2);
        one.books_are_clean().await;
    }
}

// 2. Decided without IO, in the order of arrival, over running balances.
on_both_engines! {
    async fn a_batch_is_decided_in_the_order_of_arrival(db: Db) {
        let fixture = Fixture::new(&db).await;
        let (poor, person) = (fixture.person(0).await, fixture.person(100).await);

        let outcomes = fixture.post(&[
            fixture.tip(person, 60),
            fixture.tip(person, 60),
            fixture.tip(poor, 5),
            fixture.top_up(poor, 10),
            fixture.tip(poor, 10),
            fixture.tip(person, 40),
            fixture.tip(person, 1),
        ]).await;

        assert_eq!(outcomes, [
            Ok(()), insufficient(person, 40), insufficient(poor, 0), Ok(()), Ok(()), Ok(()), insufficient(person, 0),
        ]);
        assert_eq!((fixture.wallet(person).await, fixture.wallet(poor).await, fixture.taken().await), (0, 0, 110));
        fixture.books_are_clean().await;
    }

    async fn of_equal_keys_in_a_batch_the_first_pays_and_the_others_get_its_answer(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(100).await;
        let first = fixture.keyed("k", fixture.tip(person, 100));
        let answer = format!("\"{}\"", first.object);
        let other_body = IdempotencyEntry::of((fixture.partner, fixture.caller), "k", "another body", "n", "\"other\"");
        let nonce = IdempotencyEntry::of((fixture.partner, fixture.caller), "k-2", "the body", "n-2", "\"nonce\"");
        let same_nonce = IdempotencyEntry::of((fixture.partner, fixture.caller), "k-3", "the body", "n-2", "\"same nonce\"");
        let unkeyed = LedgerOrder::new(fixture.partner, fixture.app.clock.now(), "nothing");

        let outcomes = fixture.post(&[
            first,
            fixture.keyed("k", fixture.tip(person, 100)),
            entered(fixture.tip(person, 100), other_body),
            entered(unkeyed.clone(), nonce),
            entered(unkeyed, same_nonce),
        ]).await;

        assert_eq!(outcomes, [
            Ok(()),
            Err(Refusal::Replayed(answer)),
            Err(Refusal::Record(ErrorCode::IdempotencyKeyReused)),
            Ok(()),
            Err(Refusal::Record(ErrorCode::NonceReplayed)),
        ]);
        assert_eq!(fixture.wallet(person).await, 0);
        fixture.books_are_clean().await;
    }

    async fn a_key_whose_first_request_is_refused_in_the_batch_is_free_for_the_next(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(0).await;

        let outcomes = fixture.post(&[
            fixture.keyed("k", fixture.tip(person, 100)),
            fixture.top_up(person, 100),
            fixture.keyed("k", fixture.tip(person, 100)),
        ]).await;

        assert_eq!(outcomes, [insufficient(person, 0), Ok(()), Ok(())]);
        fixture.books_are_clean().await;
    }
}

// 3. Written is what was accepted, and nothing else; who was slower than another process decides anew.
on_both_engines! {
    async fn a_refused_order_leaves_nothing_and_does_not_touch_its_neighbours(db: Db) {
        let fixture = Fixture::new(&db).await;
        let (rich, poor) = (fixture.person(1_000).await, fixture.person(0).await);
        let alone = fixture.elsewhere(&db).await;
        // What the accepted one would write without neighbours.
        let before = fixture.counts().await;
        assert_eq!(alone.post(&[alone.tip(poor, 1)]).await, [insufficient(poor, 0)]);
        assert_eq!(fixture.counts().await, before, "refused alone");
        let nowhere: CircleId = fixture.app.clock.id();

        let outcomes = fixture.post(&[
            fixture.keyed("a", fixture.tip_to(nowhere, poor, 100)),
            fixture.keyed("b", fixture.tip(rich, 100)),
            fixture.keyed("c", fixture.tip_to(nowhere, poor, 100)),
        ]).await;

        assert_eq!(outcomes, [insufficient(poor, 0), Ok(()), insufficient(poor, 0)]);
        // One payment, two transfers, three accounts beside wallet and channel's, one event, key and nonce, one sum of tips.
        let grown: Vec<i64> = numbers(&fixture.counts().await).zip(numbers(&before)).map(|(after, before)| after - before).collect();
        assert_eq!(grown, [1, 2, 2, 1, 1, 1, 1, 0, 0]);
        let never = fixture.standing(wallet(poor, Currency::CNY)).await;
        assert_eq!((never, fixture.taken().await), ((0, 0, 0), 100));
        fixture.books_are_clean().await;
    }

    async fn of_one_key_at_two_processes_one_pays_and_both_give_its_answer(db: Db) {
        let one = Fixture::new(&db).await;
        let two = one.elsewhere(&db).await;

        for round in 0..40 {
            // Enough for one of them: who comes second is not told that there is too little, but what the first was told.
            let person = one.person(100).await;
            let key = format!("k-{round}");
            let (first, second) = (one.keyed(&key, one.tip(person, 100)), two.keyed(&key, two.tip(person, 100)));
            let answers = [&first, &second].map(|order| format!("\"{}\"", order.object));
            let (first, second) = ([first], [second]);

            let (first, second) = tokio::join!(one.ask_again(&first), two.ask_again(&second));

            match (&first[0], &second[0]) {
                (Ok(()), Err(Refusal::Replayed(answer))) => assert_eq!(*answer, answers[0], "round {round}"),
                (Err(Refusal::Replayed(answer)), Ok(())) => assert_eq!(*answer, answers[1], "round {round}"),
                both => panic!("round {round}: {both:?}"),
            }
        }

        one.books_are_clean().await;
    }
}

// 4. An order that breaks the batch is found by halving; the others are posted.
on_both_engines! {
    async fn an_order_that_breaks_its_batch_is_alone_with_that(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(10_000).await;
        let done = fixture.tip(person, 1);
        assert_eq!(fixture.post(std::slice::from_ref(&done)).await, [Ok(())]);
        let mut orders: Vec<LedgerOrder> = (0..21).map(|number| fixture.keyed(&format!("k-{number}"), fixture.tip(person, 100))).collect();
        // A transfer that exists already: no rule foresees it, a constraint refuses it.
        for broken in [0, 7, 20] {
            orders[broken].transfers[0].id = done.transfers[0].id;
        }

        let outcomes = fixture.ask(orders).await;

        for (number, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Err(fault) => assert!([0, 7, 20].contains(&number) && fault.code() == ErrorCode::Internal, "{number}: {fault}"),
                outcome => assert!(is_posted(outcome) && ![0, 7, 20].contains(&number), "{number}: {outcome:?}"),
            }
        }
        assert_eq!(fixture.taken().await, 1 + 18 * 100);
        fixture.books_are_clean().await;
    }

    async fn an_account_that_is_broken_already_stops_nobody_else(db: Db) {
        let fixture = Fixture::new(&db).await;
        let (sound, broken) = (fixture.person(1_000).await, fixture.person(1_000).await);
        // As if somebody had written to the table: there is more in the wallet than ever came in.
        let wallet = wallet(broken, Currency::CNY);
        let mut tx = db.begin().await.unwrap();
        tx.query(BREAK_ACCOUNT).bind(wallet.id()).run().await.unwrap();
        tx.commit().await.unwrap();

        let outcomes = fixture.post(&[fixture.tip(sound, 500), fixture.tip(broken, 1_001)]).await;
        let report = crate::app::LEDGER_CHECKS.run(&db).await.unwrap();

        assert_eq!(outcomes, [Ok(()), Ok(())]);
        let named: Vec<bool> = report.differences.iter().map(|text| text.contains(&wallet.id().to_string())).collect();
        assert!(named.contains(&true), "{:?}", report.differences);
    }
}

// 5. Trouble of the engine is nobody's fault: all are told, nothing is halved, and the same key finds out.
on_both_engines! {
    async fn without_a_database_everybody_is_told_to_ask_again(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.app.clock.id();
        let orders: Vec<LedgerOrder> = (0..50).map(|number| fixture.keyed(&format!("k-{number}"), fixture.tip(person, 1))).collect();
        fixture.app.db.close().await;

        let outcomes = fixture.ask(orders).await;

        assert_eq!(codes(&outcomes), vec![Some(ErrorCode::Overloaded); 50]);
    }

    async fn a_panic_before_the_commit_keeps_nothing_and_the_poster_goes_on(db: Db) {
        panics(&db, Trap::Written).await;
    }

    async fn a_panic_after_the_commit_is_answered_by_asking_again(db: Db) {
        panics(&db, Trap::Committed).await;
    }
}

/// A batch panics; its askers ask again with the same keys, of the same poster.
async fn panics(db: &Db, trap: Trap) {
    let fixture = Fixture::new(db).await;
    let person = fixture.person(1_000).await;
    let tip = |number: usize| fixture.keyed(&format!("k-{number}"), fixture.tip(person, 10));
    let mut orders: Vec<LedgerOrder> = (0..9).map(tip).collect();
    orders[4].trap = Some(trap);
    let before = fixture.counts().await;
    let app = Arc::clone(&fixture.app);
    let mut asked = join_all(orders.into_iter().map(|order| fixture.app.poster.post(order)));
    assert!(waits(&mut asked).await, "all of them are in one batch");

    let poster = tokio::spawn(async move { poster::run(&app).await });
    let unknown = codes(&asked.await);
    let meanwhile = fixture.counts().await;
    let again = join_all((0..9).map(|number| fixture.app.poster.post(tip(number)))).await;
    fixture.app.poster.close();
    poster.await.expect("the poster ends when it is told to, not by a panic");

    assert_eq!(unknown, vec![Some(ErrorCode::OutcomeUnknown); 9]);
    let kept = trap == Trap::Committed;
    assert_eq!(meanwhile == before, !kept);
    for outcome in &again {
        assert_eq!(is_posted(outcome), !kept, "{outcome:?}");
        assert_eq!(matches!(outcome, Ok(LedgerOutcome::Replayed(_))), kept, "{outcome:?}");
    }
    assert_eq!(fixture.wallet(person).await, 1_000 - 9 * 10);
    fixture.books_are_clean().await;
}

// 6. Answered is after the commit; who has gone is dropped; who comes too late is told at once.
on_both_engines! {
    async fn whoever_is_answered_can_read_it_everywhere(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(10_000).await;
        let app = Arc::clone(&fixture.app);
        let poster = tokio::spawn(async move { poster::run(&app).await });
        let elsewhere = fixture.elsewhere(&db).await;

        join_all((0..60).map(|_| async {
            let order = fixture.tip(person, 1);
            let payment = order.object.parse().unwrap();
            assert!(is_posted(&fixture.app.poster.post(order).await));
            let mut tx = elsewhere.app.db.reading_newest().await.unwrap();
            crate::capabilities::payments::service::find(&mut tx, fixture.partner, payment).await.expect("committed");
        })).await;

        fixture.app.poster.close();
        poster.await.unwrap();
        assert_eq!(fixture.taken().await, 60);
    }

    async fn who_has_gone_before_the_batch_began_gets_no_effect(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(1_000).await;
        let waits = tokio::time::timeout(Duration::ZERO, fixture.app.poster.post(fixture.tip(person, 100))).await;
        assert!(waits.is_err(), "nobody posts yet");

        let outcomes = fixture.ask([fixture.tip(person, 7)]).await;

        assert!(is_posted(&outcomes[0]));
        assert_eq!(fixture.wallet(person).await, 993);
    }

    async fn a_full_queue_says_so_at_once_and_writes_nothing(db: Db) {
        let fixture = Fixture::new(&db).await;
        let person = fixture.person(1_000).await;
        let nothing = || LedgerOrder::new(fixture.partner, fixture.app.clock.now(), "nothing");
        let waiting: Vec<_> = (0..queue::QUEUE_ORDERS_MAX).map(|_| fixture.app.poster.post(nothing())).collect();
        let mut waiting = join_all(waiting);
        assert!(waits(&mut waiting).await);
        let before = fixture.counts().await;

        let refused = fixture.app.poster.post(fixture.tip(person, 100)).await;
        let meanwhile = fixture.counts().await;
        let served = async {
            let outcomes = waiting.await;
            let after = fixture.app.poster.post(fixture.tip(person, 100)).await;
            fixture.app.poster.close();
            (outcomes, after)
        };
        let ((outcomes, after), ()) = tokio::join!(served, poster::run(&fixture.app));

        assert_eq!((codes(&[refused]), meanwhile), (vec![Some(ErrorCode::Overloaded)], before));
        assert!(outcomes.iter().all(is_posted) && is_posted(&after));
        let closed = fixture.app.poster.post(nothing()).await;
        assert_eq!(codes(&[closed]), [Some(ErrorCode::Overloaded)]);
    }
}

// And all of it together.
on_both_engines! {
    async fn two_posters_on_one_hot_account_keep_every_invariant(db: Db) {
        let one = Fixture::new(&db).await;
        let two = one.elsewhere(&db).await;
        let mut fans = Vec::new();
        for _ in 0..8 {
            fans.push(one.person(1_000).await);
        }
        let posters = [&one, &two].map(|fixture| {
            let app = Arc::clone(&fixture.app);
            tokio::spawn(async move { poster::run(&app).await })
        });

        // Each fan has money for a third of the tips, and every tip is asked for at both.
        let tasks = (0..8_usize).map(|task| {
            let (one, two, fans) = (&one, &two, &fans);
            async move {
                let (mut paid, mut refused) = (0, 0);
                for number in 0..30 {
                    let (key, fan) = (format!("{task}/{number}"), fans[(task + number) % fans.len()]);
                    let at = |fixture: &Fixture| {
                        let order = fixture.keyed(&key, fixture.tip(fan, 100));
                        let app = Arc::clone(&fixture.app);
                        async move { app.poster.post(order).await.map(Refusal::of) }
                    };
                    match tokio::join!(at(one), at(two)) {
                        (Ok(Ok(())), Ok(Err(Refusal::Replayed(_)))) | (Ok(Err(Refusal::Replayed(_))), Ok(Ok(()))) => paid += 1,
                        (Ok(Err(Refusal::Transfers(_))), Ok(Err(Refusal::Transfers(_)))) => refused += 1,
                        both => panic!("{key}: {both:?}"),
                    }
                }
                (paid, refused)
            }
        });
        let done = join_all(tasks).await;
        for fixture in [&one, &two] {
            fixture.app.poster.close();
        }
        for poster in posters {
            poster.await.unwrap();
        }

        let (paid, refused) = done.into_iter().fold((0, 0), |sum, task| (sum.0 + task.0, sum.1 + task.1));
        assert_eq!((paid, refused), (80, 160), "eight wallets with money for ten tips each");
        assert_eq!(one.taken().await, 8_000);
        one.books_are_clean().await;
    }
}

impl Fixture {
    /// Posts these as one batch, as often as it loses against another process.
    pub(super) async fn ask_again(&self, orders: &[LedgerOrder]) -> Vec<Result<(), Refusal>> {
        let orders: Vec<&LedgerOrder> = orders.iter().collect();
        let outcomes = poster::run_batch(&self.app, &orders).await.expect("a batch");
        outcomes.into_iter().map(Refusal::of).collect()
    }
}

fn numbers(counts: &str) -> impl Iterator<Item = i64> {
    counts.split('/').map(|count| count.parse().unwrap())
}
