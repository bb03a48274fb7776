//! Refunds a tip: first a part, then the rest. Needs a sandbox gateway (`cargo run --release`) at `QUANZI_URL`, by
//! default `http://127.0.0.1:8080`.

#![expect(clippy::print_stdout, reason = "an example prints its progress")]

use quanzi::mandates::NewMandate;
use quanzi::payments::{NewPayment, NewRefund};
use quanzi::{Currency, ErrorCode, Money};

#[path = "shared/scene.rs"]
mod scene;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, circle, mei) = scene::with_a_member("refund").await?;
    let yuan = |yuan: i64| Money::new(yuan * 100, Currency::CNY);
    client.sandbox().top_up(mei.id, yuan(100)).await?;
    let mandate = client.sandbox().create_mandate(NewMandate::new(mei.id, yuan(50), yuan(50))).await?;
    let paid = client.payments().create(NewPayment::tip(mei.id, circle.id, yuan(50)).mandate(mandate.id)).await?;
    println!("Paid {}: {} for the circle, {} for the platform.", paid.amount, paid.net, paid.fee);

    // The same key for every retry: the money is refunded once.
    let part = NewRefund::part(yuan(20)).reason("The meet-up was called off.");
    let first = client.payments().refund(paid.id, part.clone()).idempotency_key("refund-1").await?;
    let again = client.payments().refund(paid.id, part).idempotency_key("refund-1").await?;
    assert_eq!(first, again);
    println!("Refunded {}: {} from the circle, {} from the platform.", first.amount, first.net, first.fee);

    let rest = client.payments().refund(paid.id, NewRefund::rest()).await?;
    println!("Refunded the rest, {}; the payment is {}.", rest.amount, client.payments().get(paid.id).await?.status);
    match client.payments().refund(paid.id, NewRefund::rest()).await {
        Err(refusal) if refusal.is(ErrorCode::RefundTooLarge) => println!("There is nothing left: {refusal}"),
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("more was given back than was paid".into()),
    }
    Ok(())
}
