//! A fan tips a circle: once on the page, once within a mandate. Needs a sandbox gateway (`cargo run --release`) at
//! `QUANZI_URL`, by default `http://127.0.0.1:8080`.

#![expect(clippy::print_stdout, reason = "an example prints its progress")]

use quanzi::ledger::LedgerQuery;
use quanzi::mandates::NewMandate;
use quanzi::payments::{NewPayment, PaymentStatus};
use quanzi::{Currency, ErrorCode, Money};

#[path = "shared/scene.rs"]
mod scene;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, circle, mei) = scene::with_a_member("take_a_tip").await?;
    let yuan = |yuan: i64| Money::new(yuan * 100, Currency::CNY);
    client.sandbox().top_up(mei.id, yuan(100)).await?;

    // On the page: send the fan to approval_url; the fan decides there. In a sandbox you can decide for the fan.
    let tip = NewPayment::tip(mei.id, circle.id, yuan(20)).message("For the cats!").merchant_reference("order-1");
    let payment = client.payments().create(tip).idempotency_key("order-1").await?;
    println!("{} is {}: send the fan to {}", payment.amount, payment.status, payment.approval_url.unwrap_or_default());
    let paid = client.sandbox().approve_payment(payment.id).await?;
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    println!("The fan approved: {} for the circle, {} for the platform.", paid.net, paid.fee);

    // Within a mandate: the fan has agreed to small payments, so this one succeeds immediately.
    let mandate = client.sandbox().create_mandate(NewMandate::new(mei.id, yuan(5), yuan(20))).await?;
    let small = |yuan_amount| NewPayment::tip(mei.id, circle.id, yuan(yuan_amount)).mandate(mandate.id);
    let paid = client.payments().create(small(5)).await?;
    println!("Within the mandate: {} is {} at once.", paid.amount, paid.status);
    match client.payments().create(small(6)).await {
        Err(refusal) if refusal.is(ErrorCode::MandateLimitReached) => {
            println!("Refused, and nothing was written: {refusal}");
        }
        Err(other) => return Err(other.into()),
        Ok(_) => return Err("the mandate allows no more than 5 yuan at once".into()),
    }

    // Every cent explained: the circle's account, entry by entry.
    for account in client.ledger().accounts(LedgerQuery::default()).await?.data {
        println!("{}: {}", account.kind, account.balance);
        let mut entries = client.ledger().transfers(account.id, LedgerQuery::default()).stream();
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            println!("  {} {} for {}", entry.amount, entry.code, entry.object);
        }
    }
    Ok(())
}
