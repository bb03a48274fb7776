//! What an operator does on the command line: checks the books, gives a partner a fee of its own, lets new keys follow old ones.

#![expect(clippy::expect_used, reason = "this crate is tests: a panic is how a test says no")]

use std::process::Output;

use quanzi::memberships::NewMembership;
use quanzi::payments::NewPayment;
use quanzi::sandbox::NewSandboxFan;
use quanzi::webhook::Verifier;
use quanzi::webhook_endpoints::NewWebhookEndpoint;
use quanzi::{Client, Currency, Money};
use quanzi_tests::both_engines;
use quanzi_tests::process::Process;
use quanzi_tests::receiver::{Received, Receiver};
use quanzi_tests::stage::{Stage, open_circle, partner};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway");

fn cny(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// The program on the stage's database.
fn program(stage: &Stage) -> Process {
    Process::new(PROGRAM, stage.database_url())
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A payment of 10.00 that waits for its fan, who has the money.
async fn payment(client: &Client, name: &str) -> quanzi::payments::Payment {
    let circle = open_circle(client, name).await;
    let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan").id;
    client.memberships().join(circle.id, NewMembership::new(fan)).await.expect("a member");
    client.sandbox().top_up(fan, cny(1_000)).await.expect("topped up");
    client.payments().create(NewPayment::tip(fan, circle.id, cny(1_000))).await.expect("a payment")
}

both_engines! {
    the_books_are_checked_and_differences_are_told,
    a_partner_can_have_a_fee_of_its_own,
    keys_follow_each_other_and_nobody_who_trusts_us_notices,
    a_fee_of_nobody_or_of_nonsense_is_refused,
}

async fn the_books_are_checked_and_differences_are_told(stage: Stage) {
    let client = partner(&stage).await;
    let paid = payment(&client, "Books").await;
    client.sandbox().approve_payment(paid.id).await.expect("paid");
    let program = program(&stage);
    let check = || said(&program.run(&["ledger", "check"]));

    let clean = check();
    assert_eq!(
        (clean.0, clean.1.as_str()),
        (Some(0), "4 accounts and 1 payments were checked; no differences were found.\n"),
        "{clean:?}"
    );

    // What somebody with a hand in the tables could do, one after the other, and how it is told.
    for (spoil, repair, sentence) in [
        (
            "update account set balance = balance + 1 where kind = 'circle_earnings'",
            "update account set balance = balance - 1 where kind = 'circle_earnings'",
            "971 instead of 970, 1 entries instead of 1",
        ),
        (
            "update account set reserved = 5 where kind = 'circle_earnings'",
            "update account set reserved = 0 where kind = 'circle_earnings'",
            "5/0 instead of 0/0",
        ),
        (
            "update payment set fee = fee - 1",
            "update payment set fee = fee + 1",
            "succeeded for 1000 of which 29 fee, moved 1000 of which 30 fee",
        ),
        (
            "update payment set status = 'declined'",
            "update payment set status = 'succeeded'",
            "declined for 1000 of which 30 fee, moved 1000 of which 30 fee",
        ),
        (
            "update payment set refunded = 1",
            "update payment set refunded = 0",
            "succeeded: refunded 1 of which 0 fee, refunds are 0 of which 0",
        ),
        (
            "update transfer set credit_after = credit_after + 1 where code = 'tip'",
            "update transfer set credit_after = credit_after - 1 where code = 'tip'",
            "entry 1 leaves 971 after 0",
        ),
        (
            "update transfer set object = 'pay_nothing' where code = 'fee'",
            &format!("update transfer set object = '{}' where code = 'fee'", paid.id),
            "is for pay_nothing, which does not exist",
        ),
        (
            "update tip_total set amount = 999 where subject like 'cir%'",
            "update tip_total set amount = 1000 where subject like 'cir%'",
            "CNY tips say 999 and payments 1000",
        ),
        (
            "update event_log set last_seq = last_seq + 1",
            "update event_log set last_seq = last_seq - 1",
            "an event log has a gap",
        ),
    ] {
        stage.execute(spoil.to_owned()).await;
        let (code, out, error) = check();
        stage.execute(repair.to_owned()).await;

        assert_eq!(code, Some(1), "{spoil}: {out}{error}");
        assert!(out.contains(sentence), "{spoil}: {out}");
        assert!(error.contains("the ledger check found "), "{spoil}: {error}");
    }
    assert_eq!(check(), clean, "everything is as it was");
}

async fn a_partner_can_have_a_fee_of_its_own(stage: Stage) {
    let client = partner(&stage).await;
    let other = partner(&stage).await;
    let id = client.partner().get().await.expect("the partner").id.to_string();
    let program = program(&stage);
    let before = payment(&client, "Before").await;

    let set = said(&program.run(&["fee", &id, "1000"]));
    let after = payment(&client, "After").await;
    let others = payment(&other, "Others").await;
    let none = said(&program.run(&["fee", &id, "0"]));
    let free = payment(&client, "Free").await;
    let unset = said(&program.run(&["fee", &id]));
    let again = payment(&client, "Again").await;
    let all = said(&program.run(&["fee", &id, "10000"]));
    let taken = payment(&client, "Taken").await;

    assert_eq!((set.0, set.1), (Some(0), format!("The fee of {id} is 1000 basis points for future payments.\n")));
    assert_eq!(unset.1, format!("The fee of {id} is the platform's, 300 basis points for future payments.\n"));
    assert_eq!((none.0, unset.0, all.0), (Some(0), Some(0), Some(0)));
    for (waiting, fee) in [(before, 30), (after, 100), (others, 30), (free, 0), (again, 30), (taken, 1_000)] {
        let client = if client.payments().get(waiting.id).await.is_ok() { &client } else { &other };
        let paid = client.sandbox().approve_payment(waiting.id).await.expect("paid");
        assert_eq!((paid.fee, paid.net), (cny(fee), cny(1_000 - fee)));
    }
    assert_eq!(said(&program.run(&["ledger", "check"])).0, Some(0));
}

async fn keys_follow_each_other_and_nobody_who_trusts_us_notices(stage: Stage) {
    let client = partner(&stage).await;
    let receiver = Receiver::start();
    let old = client.webhook_endpoints().create(NewWebhookEndpoint::new(receiver.url())).await.expect("an endpoint");
    client.webhook_endpoints().delete(old.endpoint.id).await.expect("deleted");
    let verifier = Verifier::of_public_key(&old.endpoint.public_key).expect("a verifier");
    let program = program(&stage);
    let first = said(&program.run(&["keys"]));
    let named = |shown: &str, line: usize| {
        shown.lines().nth(line).and_then(|line| line.split_whitespace().nth(1)).map(str::to_owned)
    };
    let first = named(&first.1, 0).expect("a key");

    let rotated = said(&program.run(&["keys", "rotate"]));
    let twice = said(&program.run(&["keys", "rotate"]));
    stage.inside().reload_keys().await.expect("read");
    let shown = said(&program.run(&["keys"])).1;

    let second = named(&shown, 0).expect("a key");
    assert_eq!(rotated.0, Some(0), "{rotated:?}");
    assert!(rotated.1.contains(&format!("The next signing key is {second}, used from ")), "{rotated:?}");
    assert_eq!((twice.0, twice.2.contains("a rotation is in progress: ")), (Some(1), true), "{twice:?}");
    let states: Vec<_> = shown.lines().filter_map(|line| line.rsplit("  ").next()?.split(' ').next()).collect();
    assert_eq!((states, first != second), (vec!["signs"; 4], true), "{shown}");

    // A client that has read the key set since then accepts the new key; a receiver may know only the old one.
    let reader = partner(&stage).await;
    let sender = reader.webhook_endpoints();
    let made = sender.create(NewWebhookEndpoint::new(receiver.url())).await.expect("an endpoint").endpoint;
    for (keys, kid, seconds) in [(1, &first, 590), (2, &second, 20)] {
        stage.advance(seconds);
        sender.ping(made.id).await.expect("a ping");
        assert_eq!(stage.inside().signing_kid(), *kid);
        let signed_by = |one: &Received| one.headers.get("webhook-signature").map(|text| text.matches("v1a,").count());
        let received =
            receiver.until("a ping", |received| received.iter().any(|one| signed_by(one) == Some(keys))).await;
        for one in received {
            one.verified(&verifier);
        }
    }

    let gone = said(&program.run(&["keys", "retire", &first]));
    stage.inside().reload_keys().await.expect("read");
    assert_eq!((gone.0, said(&program.run(&["keys", "retire", &first])).0), (Some(0), Some(1)), "{gone:?}");
    assert!(reader.partner().get().await.is_ok());
    assert!(!said(&program.run(&["keys"])).1.contains(&first));
}

async fn a_fee_of_nobody_or_of_nonsense_is_refused(stage: Stage) {
    let program = program(&stage);
    let before = stage.fingerprint().await;

    let nobody = said(&program.run(&["fee", "ptn_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A", "250"]));
    let nonsense = [
        ["fee", "ptn_1", "250"],
        ["fee", "ptn_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A", "10001"],
        ["fee", "ptn_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A", "-1"],
    ];

    assert_eq!(nobody.0, Some(1), "{nobody:?}");
    assert!(nobody.2.starts_with("quanzi: "), "{nobody:?}");
    for words in nonsense {
        assert_eq!(said(&program.run(&words)).0, Some(2), "{words:?}");
    }
    assert_eq!(stage.fingerprint().await, before);
}
