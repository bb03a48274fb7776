//! What stories about money begin and end with.

use quanzi::circles::Circle;
use quanzi::id::FanId;
use quanzi::mandates::{Mandate, NewMandate};
use quanzi::memberships::NewMembership;
use quanzi::sandbox::NewSandboxFan;
use quanzi::{Client, Currency, Money};

/// An amount in fen.
pub const fn cny(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// An adult member of the circle with this much in the wallet.
pub async fn payer(client: &Client, circle: &Circle, amount: Money) -> FanId {
    let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan");
    client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("a member");
    if amount.amount > 0 {
        client.sandbox().top_up(fan.id, amount).await.expect("topped up");
    }
    fan.id
}

/// ¥100.00 at once, ¥500.00 a day.
pub async fn mandate(client: &Client, fan: FanId) -> Mandate {
    client.sandbox().create_mandate(NewMandate::new(fan, cny(10_000), cny(50_000))).await.expect("a mandate")
}

/// The books add up, whatever happened before.
pub async fn books_are_clean(client: &Client) {
    let check = client.sandbox().check_ledger().await.expect("checked");
    assert!(check.clean, "{:#?}", check.differences);
}

/// What the partner could be paid out, in all currencies.
pub async fn available(client: &Client) -> i64 {
    let balance = client.ledger().balance().await.expect("a balance");
    balance.data.iter().map(|money| money.available.amount).sum()
}
