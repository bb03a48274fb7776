//! Tips: who is counted, in what order, and who cannot climb.

use quanzi::content::NewPost;
use quanzi::me::{MyPaymentsQuery, NewMyPayment};
use quanzi::payments::{NewPayment, NewRefund, PaymentStatus};
use quanzi::tips::LeaderboardQuery;
use quanzi::{Currency, ErrorCode};
use quanzi_tests::both_engines;
use quanzi_tests::fan::{EVERYTHING, Host};
use quanzi_tests::money::{books_are_clean, cny, mandate, payer};
use quanzi_tests::stage::{Stage, open_circle, partner};

use super::me::join;

both_engines! {
    tips_are_counted_and_rings_do_not_climb,
    a_fan_tips_with_a_page_for_each_and_sees_its_own_payments,
}

async fn tips_are_counted_and_rings_do_not_climb(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Ring").await;
    let mut members = Vec::new();
    for _ in 0..3 {
        let fan = payer(&client, &circle, cny(1_000_000)).await;
        let found = client
            .memberships()
            .list(circle.id, quanzi::memberships::MembershipsQuery::default())
            .await
            .expect("listed")
            .data;
        let membership = found.into_iter().find(|membership| membership.fan == fan).expect("a member");
        let post = client.posts().create(circle.id, NewPost::new("mine").author(membership.id)).await.expect("a post");
        members.push((fan, post.id, mandate(&client, fan).await.id));
    }
    let [(ann, ann_post, ann_mandate), (bob, bob_post, bob_mandate), (cat, _, cat_mandate)] = members[..] else {
        unreachable!()
    };
    let tip = async |fan, mandate, post, amount| {
        let new = NewPayment::tip(fan, circle.id, cny(amount)).mandate(mandate);
        let new = if let Some(post) = post { new.post(post) } else { new };
        client.payments().create(new).await.expect("paid")
    };
    for _ in 0..5 {
        tip(ann, ann_mandate, Some(bob_post), 10_000).await;
        tip(bob, bob_mandate, Some(ann_post), 10_000).await;
    }
    let gift = tip(cat, cat_mandate, None, 300).await;

    let board = client.tips().leaderboard(circle.id, LeaderboardQuery::new(Currency::CNY)).await.expect("a board");

    let places: Vec<_> = board.data.iter().map(|tipper| (tipper.place, tipper.fan, tipper.amount)).collect();
    assert_eq!(places, [(1, None, cny(300))], "a fan is anonymous by default; the ring counts for nothing");
    assert_eq!(client.tips().of_post(ann_post).await.expect("tips").data[0].amount, cny(50_000));
    assert_eq!(client.tips().of_circle(circle.id).await.expect("tips").data[0].amount, cny(100_300));
    client.payments().refund(gift.id, NewRefund::rest()).await.expect("refunded");
    assert!(
        client
            .tips()
            .leaderboard(circle.id, LeaderboardQuery::new(Currency::CNY))
            .await
            .expect("a board")
            .data
            .is_empty()
    );
    assert_eq!(client.tips().of_circle(circle.id).await.expect("tips").data[0].tips, 10);
    books_are_clean(&client).await;
}

async fn a_fan_tips_with_a_page_for_each_and_sees_its_own_payments(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Tips").await;
    let (mei, bo) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let tip = || me.pay(NewMyPayment::tip(circle.id, cny(500)).message("For the cats")).idempotency_key("tip-1");
    let outside = mei.send(tip()).await.expect_err("a refusal");
    join(&mei, client, &circle).await;
    client.sandbox().top_up(mei.id, cny(1_000)).await.expect("topped up");

    let asked = mei.send(tip()).await.expect("a payment");
    let same = mei.send(tip()).await.expect("the same payment");
    let foreign = bo.send(me.payment(asked.id)).await.expect_err("a refusal");
    client.sandbox().approve_payment(asked.id).await.expect("approved");
    let paid = mei.send(me.payment(asked.id)).await.expect("the payment");

    assert_eq!(outside.code(), ErrorCode::PayerNotMember);
    assert_eq!((asked.fan, asked.status.known(), asked.id), (mei.id, Some(&PaymentStatus::RequiresApproval), same.id));
    assert!(asked.approval_url.as_ref().is_some_and(|url| url.starts_with(&format!("{}/pay/", stage.url()))));
    assert_eq!((foreign.status, foreign.code()), (404, ErrorCode::PaymentNotFound));
    assert_eq!((paid.status.known(), paid.approval_url.as_deref()), (Some(&PaymentStatus::Succeeded), None));
    assert_eq!(mei.send(me.payments(MyPaymentsQuery::default())).await.expect("a page").data, [paid]);
    assert!(bo.send(me.payments(MyPaymentsQuery::default())).await.expect("a page").data.is_empty());
}
