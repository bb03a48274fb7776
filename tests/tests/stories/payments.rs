//! Payments: approved or within a mandate, paid once, refunded in parts, explained to the last minor unit.

use quanzi::content::NewPost;
use quanzi::mandates::NewMandate;
use quanzi::payments::{NewPayment, PaymentStatus, PaymentsQuery};
use quanzi::sandbox::SandboxFanChange;
use quanzi::{Currency, ErrorCode, Limit, Money};
use quanzi_tests::both_engines;
use quanzi_tests::money::{available, books_are_clean, cny, mandate, payer};
use quanzi_tests::stage::{Stage, code, member, open_circle, partner};

both_engines! {
    a_fan_approves_a_tip,
    of_a_thousand_requests_with_one_key_one_pays,
    a_wallet_never_pays_more_than_it_holds,
    of_an_approval_and_a_cancellation_at_once_one_wins,
    a_number_is_taken_once_also_at_once,
    what_cannot_be_paid_leaves_nothing_behind,
    limits_are_stricter_for_who_is_not_known_to_be_an_adult,
    every_currency_keeps_its_minor_units,
    an_amount_can_play_a_part,
    what_did_not_go_through_is_not_counted_against_the_day,
    what_was_never_made_is_not_found,
    an_approval_that_comes_too_late_moves_nothing,
    payments_are_found_by_circle_fan_status_and_time,
}

async fn a_fan_approves_a_tip(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Tips").await;
    let fan = payer(&client, &circle, cny(5_000)).await;

    let new = NewPayment::tip(fan, circle.id, cny(1_000)).message("For the cats!").merchant_reference("2026-1");
    let payment = client.payments().create(new).await.expect("a payment");
    assert_eq!(payment.status, PaymentStatus::RequiresApproval);
    assert!(payment.approval_url.as_deref().is_some_and(|url| url.starts_with(stage.url())));
    assert_eq!((payment.fee, payment.net), (cny(30), cny(970)));
    assert_eq!(available(&client).await, 0);
    let paid = client.sandbox().approve_payment(payment.id).await.expect("approved");

    assert_eq!(paid.status, PaymentStatus::Succeeded);
    assert_eq!((paid.version, paid.approval_url.clone()), (2, None));
    assert_eq!(available(&client).await, 970);
    assert_eq!(client.payments().get(payment.id).await.expect("the payment"), paid);
    assert_eq!(client.sandbox().approve_payment(payment.id).await.expect("twice"), paid);
    assert_eq!(available(&client).await, 970);
    books_are_clean(&client).await;
}

async fn of_a_thousand_requests_with_one_key_one_pays(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Once").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let mandate = mandate(&client, fan).await;
    let pay = || {
        client
            .payments()
            .create(NewPayment::tip(fan, circle.id, cny(500)).mandate(mandate.id))
            .idempotency_key("one")
            .retries(8)
    };

    let mut paid = Vec::new();
    for _ in 0..10 {
        paid.extend(futures_util::future::join_all((0..100).map(|_| async { pay().await })).await);
    }

    let first = paid.iter().find_map(|outcome| outcome.as_ref().ok()).expect("paid").clone();
    for outcome in &paid {
        match outcome {
            Ok(payment) => assert_eq!(*payment, first),
            Err(error) => assert_eq!(error.code(), Some(ErrorCode::IdempotencyInFlight)),
        }
    }
    assert_eq!(stage.count("payment").await, 1);
    assert_eq!(available(&client).await, 485);
    books_are_clean(&client).await;
}

async fn a_wallet_never_pays_more_than_it_holds(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Floor").await;
    let fan = payer(&client, &circle, cny(1_050)).await;
    let mandate = mandate(&client, fan).await;
    let tips = (0..40).map(|_| async {
        client.payments().create(NewPayment::tip(fan, circle.id, cny(100)).mandate(mandate.id)).await
    });

    let paid = futures_util::future::join_all(tips).await;

    assert_eq!(paid.iter().filter(|outcome| outcome.is_ok()).count(), 10);
    for refused in paid.into_iter().filter(Result::is_err) {
        assert_eq!(code(refused), ErrorCode::BalanceInsufficient);
    }
    assert_eq!(stage.count("payment").await, 10);
    books_are_clean(&client).await;
}

async fn of_an_approval_and_a_cancellation_at_once_one_wins(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Race").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    for _ in 0..8 {
        let payment = client.payments().create(NewPayment::tip(fan, circle.id, cny(100))).await.expect("a payment");
        let approve = async { client.sandbox().approve_payment(payment.id).await };
        let cancel = async { client.payments().cancel(payment.id).await };
        let decline = async { client.sandbox().decline_payment(payment.id).await };

        let (approved, canceled, declined) = futures_util::future::join3(approve, cancel, decline).await;

        let wins = [approved.is_ok(), canceled.is_ok(), declined.is_ok()];
        assert_eq!(wins.into_iter().filter(|won| *won).count(), 1, "{approved:?} {canceled:?} {declined:?}");
    }
    books_are_clean(&client).await;
}

async fn a_number_is_taken_once_also_at_once(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Numbers").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let tries = (0..12).map(|_| async {
        client.payments().create(NewPayment::tip(fan, circle.id, cny(100)).merchant_reference("A-1")).await
    });

    let made = futures_util::future::join_all(tries).await;

    assert_eq!(made.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in made.into_iter().filter(Result::is_err) {
        assert_eq!(code(refused), ErrorCode::MerchantReferenceTaken);
    }
    let stranger = partner(&stage).await;
    let theirs = open_circle(&stranger, "Numbers").await;
    let their_fan = payer(&stranger, &theirs, cny(0)).await;
    stranger
        .payments()
        .create(NewPayment::tip(their_fan, theirs.id, cny(1)).merchant_reference("A-1"))
        .await
        .expect("another partner's number");
}

async fn what_cannot_be_paid_leaves_nothing_behind(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Refused").await;
    let closed = open_circle(&client, "Closed").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let gone = member(&client, &closed).await;
    client.circles().close(closed.id).await.expect("closed");
    let left = member(&client, &circle).await;
    client.memberships().remove(left.id).await.expect("removed");
    let stranger = partner(&stage).await;
    let theirs = open_circle(&stranger, "Theirs").await;
    let their_fan = payer(&stranger, &theirs, cny(100)).await;
    let draft = client.posts().create(circle.id, NewPost::new("draft").draft()).await.expect("a draft");
    let pay = |new: NewPayment| client.payments().create(new).retries(0);
    let pointer = |outcome: Result<_, quanzi::Error>| {
        let error = outcome.map(|_: quanzi::payments::Payment| ()).expect_err("refused");
        assert_eq!(error.code(), Some(ErrorCode::FieldInvalid));
        error.problem().and_then(|problem| problem.pointer.clone()).expect("a pointer")
    };

    for amount in [0, -1, i64::MIN] {
        assert_eq!(pointer(pay(NewPayment::tip(fan, circle.id, cny(amount))).await), "/amount/amount");
    }
    for amount in [500_001, i64::MAX] {
        assert_eq!(code(pay(NewPayment::tip(fan, circle.id, cny(amount))).await), ErrorCode::PaymentLimitReached);
    }
    assert_eq!(code(pay(NewPayment::tip(their_fan, circle.id, cny(1))).await), ErrorCode::FanNotFound);
    assert_eq!(code(pay(NewPayment::tip(fan, theirs.id, cny(1))).await), ErrorCode::CircleNotFound);
    assert_eq!(code(pay(NewPayment::tip(gone.fan, closed.id, cny(1))).await), ErrorCode::CircleNotOpen);
    assert_eq!(code(pay(NewPayment::tip(left.fan, circle.id, cny(1))).await), ErrorCode::PayerNotMember);
    assert_eq!(code(pay(NewPayment::tip(fan, circle.id, cny(1)).post(draft.id)).await), ErrorCode::PostNotFound);
    let theirs_mandate =
        stranger.sandbox().create_mandate(NewMandate::new(their_fan, cny(1), cny(1))).await.expect("a mandate");
    assert_eq!(
        code(pay(NewPayment::tip(fan, circle.id, cny(1)).mandate(theirs_mandate.id)).await),
        ErrorCode::MandateNotFound
    );
    let mandate = mandate(&client, fan).await;
    let dollars = Money::new(1, Currency::USD);
    assert_eq!(
        code(pay(NewPayment::tip(fan, circle.id, dollars).mandate(mandate.id)).await),
        ErrorCode::MandateNotActive
    );
    assert_eq!(stage.count("payment").await, 0);
    assert_eq!(stage.count("transfer").await, 2, "the two top-ups");
    books_are_clean(&client).await;
}

async fn limits_are_stricter_for_who_is_not_known_to_be_an_adult(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Young").await;
    let young = member(&client, &circle).await.fan;
    client.sandbox().top_up(young, cny(100_000)).await.expect("topped up");
    let mandate = mandate(&client, young).await;
    let tip = |amount| {
        client.payments().create(NewPayment::tip(young, circle.id, cny(amount)).mandate(mandate.id)).retries(0)
    };

    assert_eq!(code(tip(5_001).await), ErrorCode::PaymentLimitReached);
    for _ in 0..4 {
        tip(5_000).await.expect("paid");
    }
    let refused = tip(1).await.expect_err("the day is used up");

    let limit = refused.problem().and_then(|problem| problem.limit.clone()).expect("a limit");
    assert_eq!((limit.name.as_str(), limit.allowed), ("fan_per_day", 20_000));
    let mut adult = SandboxFanChange::default();
    adult.adult = Some(true);
    client.sandbox().change_fan(young, adult).await.expect("an adult");
    tip(5_001).await.expect("another limit");
    books_are_clean(&client).await;
}

async fn every_currency_keeps_its_minor_units(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Currencies").await;
    let fan = payer(&client, &circle, cny(0)).await;
    for currency in Currency::ALL {
        let money = |amount| Money::new(amount, currency);
        client.sandbox().top_up(fan, money(1_000)).await.expect("topped up");
        let payment = client.payments().create(NewPayment::tip(fan, circle.id, money(550))).await.expect("a payment");
        let paid = client.sandbox().approve_payment(payment.id).await.expect("paid");
        // 16.5 is rounded to the even 16.
        assert_eq!((paid.fee, paid.net), (money(16), money(534)));
    }

    let balance = client.ledger().balance().await.expect("a balance");

    assert_eq!(balance.data.len(), Currency::ALL.len());
    assert!(balance.data.iter().all(|money| (money.available.amount, money.fees.amount) == (534, 16)));
    books_are_clean(&client).await;
}

async fn an_amount_can_play_a_part(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Magic").await;
    let fan = payer(&client, &circle, cny(1_000_000)).await;
    let pay = |amount| client.payments().create(NewPayment::tip(fan, circle.id, cny(amount)));
    let approve = |payment: &quanzi::payments::Payment| client.sandbox().approve_payment(payment.id).retries(0);

    let poor = pay(66_601).await.expect("a payment");
    assert_eq!(code(approve(&poor).await), ErrorCode::BalanceInsufficient);
    let declined = approve(&pay(66_602).await.expect("a payment")).await.expect("decided");
    assert_eq!(declined.status, PaymentStatus::Declined);
    let mandate = NewMandate::new(fan, cny(100_000), cny(1_000_000));
    let mandate = client.sandbox().create_mandate(mandate).await.expect("a mandate").id;
    let in_the_call = NewPayment::tip(fan, circle.id, cny(66_602)).mandate(mandate);
    assert_eq!(code(client.payments().create(in_the_call).await), ErrorCode::PaymentDeclined);
    let slow = approve(&pay(66_603).await.expect("a payment")).await.expect("under way");
    assert_eq!(slow.status, PaymentStatus::RequiresApproval);
    let down = pay(66_604).await.expect("a payment");
    assert_eq!(code(approve(&down).await), ErrorCode::ChannelUnavailable);
    let twice = approve(&pay(66_605).await.expect("a payment")).await.expect("paid");

    assert_eq!(twice.status, PaymentStatus::Succeeded);
    assert_eq!(available(&client).await, twice.net.amount);
    let balance = client.ledger().balance().await.expect("a balance");
    assert_eq!(balance.data[0].pending, slow.net);
    books_are_clean(&client).await;
}

async fn what_did_not_go_through_is_not_counted_against_the_day(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Day").await;
    let fan = payer(&client, &circle, cny(0)).await;
    let yen = |amount| Money::new(amount, Currency::JPY);
    client.sandbox().top_up(fan, yen(1_000_000)).await.expect("topped up");
    let pay = async |amount| {
        let payment = client.payments().create(NewPayment::tip(fan, circle.id, yen(amount))).await.expect("a payment");
        client.sandbox().approve_payment(payment.id).retries(0).await
    };
    // Six times 66,603 is almost all of the 400,000 that an adult can pay in a day.
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(pay(66_603).await.expect("under way").id);
    }
    let refused = pay(1_000).await.expect_err("the day is used up");
    let limit = refused.problem().and_then(|problem| problem.limit.clone()).expect("a limit");
    assert_eq!((refused.code(), limit.name.as_str()), (Some(ErrorCode::PaymentLimitReached), "fan_per_day"));

    // One is taken back by us, one is refused by the fan; the others go through.
    client.payments().cancel(slow[0]).await.expect("canceled");
    client.sandbox().decline_payment(slow[1]).await.expect("declined");
    pay(100_000).await.expect("there is room for it");
    stage.advance(31);
    stage.run_due().await;

    assert_eq!(code(pay(34_000).await), ErrorCode::PaymentLimitReached);
    pay(33_588).await.expect("exactly what is left");
    books_are_clean(&client).await;
}

async fn what_was_never_made_is_not_found(stage: Stage) {
    let client = partner(&stage).await;
    let inside = stage.inside();

    assert_eq!(code(client.payments().get(inside.new_id()).await), ErrorCode::PaymentNotFound);
    assert_eq!(code(client.payments().get_refund(inside.new_id()).await), ErrorCode::RefundNotFound);
    assert_eq!(code(client.ledger().transfer(inside.new_id()).await), ErrorCode::TransferNotFound);
}

async fn an_approval_that_comes_too_late_moves_nothing(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Late").await;
    let fan = payer(&client, &circle, cny(100_000)).await;
    let slow = client.payments().create(NewPayment::tip(fan, circle.id, cny(66_603))).await.expect("a payment");
    client.sandbox().approve_payment(slow.id).await.expect("under way");

    // Everything that is due runs when nobody was there for longer than the reservation lasts.
    stage.advance(31 * 60);
    stage.run_due().await;

    assert_eq!(client.payments().get(slow.id).await.expect("the payment").status, PaymentStatus::Expired);
    assert_eq!(available(&client).await, 0);
    books_are_clean(&client).await;
}

async fn payments_are_found_by_circle_fan_status_and_time(stage: Stage) {
    let client = partner(&stage).await;
    let (one, two) = (open_circle(&client, "One").await, open_circle(&client, "Two").await);
    let (mei, li) = (payer(&client, &one, cny(100_000)).await, payer(&client, &two, cny(100_000)).await);
    let mut made = Vec::new();
    for number in 0..5 {
        let (fan, circle) = if number % 2 == 0 { (mei, one.id) } else { (li, two.id) };
        made.push(client.payments().create(NewPayment::tip(fan, circle, cny(100))).await.expect("a payment"));
        stage.advance(60);
    }
    client.sandbox().approve_payment(made[0].id).await.expect("paid");
    let ids = async |set: &dyn Fn(&mut PaymentsQuery)| {
        let mut query = PaymentsQuery::default();
        query.limit = Some(Limit::new(2));
        set(&mut query);
        let found = client.payments().list(query).stream().take(100).await.expect("listed");
        found.into_iter().map(|payment| payment.id).collect::<Vec<_>>()
    };
    let newest_first = |numbers: &[usize]| numbers.iter().map(|number| made[*number].id).collect::<Vec<_>>();

    assert_eq!(ids(&|_| ()).await, newest_first(&[4, 3, 2, 1, 0]));
    assert_eq!(ids(&|query| query.circle = Some(one.id)).await, newest_first(&[4, 2, 0]));
    assert_eq!(ids(&|query| query.fan = Some(li)).await, newest_first(&[3, 1]));
    assert_eq!(ids(&|query| query.status = Some(PaymentStatus::Succeeded)).await, newest_first(&[0]));
    assert_eq!(ids(&|query| query.since = Some(made[2].created_at)).await, newest_first(&[4, 3, 2]));
    assert_eq!(ids(&|query| query.until = Some(made[2].created_at)).await, newest_first(&[1, 0]));
}
