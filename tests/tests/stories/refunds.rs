//! Refunds: what goes back to the fan, what of the fee goes back to the partner, and never more than was paid.

use quanzi::ErrorCode;
use quanzi::payments::{NewPayment, NewRefund, PaymentStatus, RefundsQuery};
use quanzi_tests::both_engines;
use quanzi_tests::money::{available, books_are_clean, cny, mandate, payer};
use quanzi_tests::stage::{Stage, code, open_circle, partner};

both_engines! {
    refunds_return_amount_and_fee_in_proportion,
}

async fn refunds_return_amount_and_fee_in_proportion(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Refunds").await;
    let fan = payer(&client, &circle, cny(1_001)).await;
    let mandate = mandate(&client, fan).await;
    let paid =
        client.payments().create(NewPayment::tip(fan, circle.id, cny(1_001)).mandate(mandate.id)).await.expect("paid");
    assert_eq!(paid.fee, cny(30));

    let mut refunds = Vec::new();
    for part in [333, 333] {
        refunds.push(
            client.payments().refund(paid.id, NewRefund::part(cny(part)).reason("called off")).await.expect("a refund"),
        );
    }
    assert_eq!(client.payments().get(paid.id).await.expect("the payment").status, PaymentStatus::PartiallyRefunded);
    assert_eq!(code(client.payments().refund(paid.id, NewRefund::part(cny(336))).await), ErrorCode::RefundTooLarge);
    refunds.push(client.payments().refund(paid.id, NewRefund::rest()).await.expect("the rest"));

    let payment = client.payments().get(paid.id).await.expect("the payment");
    assert_eq!((payment.status.known(), payment.refunded), (Some(&PaymentStatus::Refunded), cny(1_001)));
    assert_eq!(refunds.iter().map(|refund| refund.amount.amount).sum::<i64>(), 1_001);
    assert_eq!(refunds.iter().map(|refund| refund.fee.amount).sum::<i64>(), 30);
    assert_eq!(code(client.payments().refund(paid.id, NewRefund::rest()).await), ErrorCode::RefundTooLarge);
    let listed = client.payments().refunds(paid.id, RefundsQuery::default()).await.expect("listed").data;
    refunds.reverse();
    assert_eq!(listed, refunds);
    assert_eq!(client.payments().get_refund(listed[0].id).await.expect("the refund"), listed[0]);
    assert_eq!(available(&client).await, 0);
    books_are_clean(&client).await;
}
