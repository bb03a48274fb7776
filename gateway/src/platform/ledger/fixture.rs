//! The fixture of the ledger's tests: a partner with a busy circle, wallets with money, and orders as the use-cases make
//! them.

use std::sync::Arc;

use futures_util::future::join_all;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{AppId, CircleId, FanId, PartnerId, PersonId};
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::payments::NewPayment;
use quanzi_openapi::{Currency, Money};

use super::model::{AccountKey, NewTransfer, Phase, fee};
use super::order::{Order, Outcome, Refused};
use super::{batch, poster};
use crate::app::App;
use crate::capabilities::payments::{RecordWrite, Row, TipChange};
use crate::edge::IdempotencyEntry;
use crate::platform::config::Mode;
use crate::platform::db::{Db, Sql};
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::sql;
use crate::testing::{Client, process};

const COUNTS: Sql = sql!(
    "select (select count(*) from payment) || '/' || (select count(*) from transfer) || '/' || (select count(*) from account) \
     || '/' || (select count(*) from event) || '/' || (select count(*) from idempotency) || '/' || (select count(*) from used_nonce) \
     || '/' || (select count(*) from tip_total) || '/' || (select count(*) from job) || '/' || (select count(*) from reservation)"
);
const BALANCE: Sql = sql!("select balance, reserved, entries from account where id = $1");

pub fn cny(amount: i64) -> Money {
    Money::new(amount, Currency::CNY)
}

/// One process of the gateway, and what it works on.
pub struct Fixture {
    pub app: Arc<App>,
    pub partner: PartnerId,
    pub caller: AppId,
    pub circle: CircleId,
}

impl Fixture {
    pub async fn new(db: &Db) -> Self {
        let app = process(db, Mode::Sandbox).await;
        let Client { app: caller, partner, .. } = Client::register(&app).await;
        let circle = app.clock.id();
        Self { app, partner, caller, circle }
    }

    /// Another process on the same database.
    pub async fn elsewhere(&self, db: &Db) -> Self {
        let app = process(db, Mode::Sandbox).await;
        Self { app, partner: self.partner, caller: self.caller, circle: self.circle }
    }

    /// Somebody with this much money.
    pub async fn person(&self, amount: i64) -> PersonId {
        let person = self.app.clock.id();
        if amount > 0 {
            self.post(&[self.top_up(person, amount)]).await.pop().unwrap().expect("topped up");
        }
        person
    }

    pub fn top_up(&self, person: PersonId, amount: i64) -> Order {
        let app = &self.app;
        let mut order = Order::new(self.partner, app.clock.now(), person);
        order.transfers.push(NewTransfer {
            id: app.clock.id(),
            debit: AccountKey::channel(Currency::CNY),
            credit: AccountKey::wallet(person, Currency::CNY),
            amount,
            code: TransferCode::TopUp,
            phase: Phase::Single,
        });
        order
    }

    /// A tip to the hot circle: payment, transfers, tip and fact.
    pub fn tip(&self, person: PersonId, amount: i64) -> Order {
        self.tip_to(self.circle, person, amount)
    }

    pub fn tip_to(&self, circle: CircleId, person: PersonId, amount: i64) -> Order {
        let (clock, now) = (&self.app.clock, self.app.clock.now());
        let fan: FanId = clock.id();
        let new = NewPayment::tip(fan, circle, cny(amount));
        let ids = (self.partner, clock.id());
        let row = Row::new(ids, &new, (person, None), fee(cny(amount), 300), now).succeeded(now);
        let mut order = Order::new(self.partner, now, row.id);
        let earnings = AccountKey::earnings(self.partner, circle, Currency::CNY);
        let fees = AccountKey::fees(self.partner, Currency::CNY);
        for (credit, amount, code) in [(earnings, row.net(), TransferCode::Tip), (fees, row.fee, TransferCode::Fee)] {
            if amount > 0 {
                let debit = AccountKey::wallet(person, Currency::CNY);
                let id = clock.id();
                order.transfers.push(NewTransfer { id, debit, credit, amount, code, phase: Phase::Single });
            }
        }
        order.tip = Some(TipChange::of(&row, 1, amount));
        let payment = row.payment("https://api.quanzi.example");
        order.facts.push(outbox::service::fact(self.partner, now, EventType::PaymentSucceeded, &payment).unwrap());
        order.records.push(RecordWrite::New(row));
        order
    }

    /// The order as that of a call with this key, signed anew, whose answer names the order.
    pub fn keyed(&self, key: &str, order: Order) -> Order {
        let nonce = self.app.clock.random_text();
        let claim = IdempotencyEntry::of(
            (self.partner, self.caller),
            key,
            "the body",
            &nonce,
            &format!("\"{}\"", order.object),
        );
        Order { claim: Some(claim), ..order }
    }

    /// Posts these as one batch, without a poster.
    pub async fn post(&self, orders: &[Order]) -> Vec<Result<(), Refusal>> {
        let orders: Vec<&Order> = orders.iter().collect();
        let outcomes = batch::run(&self.app, &orders).await.expect("a batch");
        outcomes.into_iter().map(Refusal::of).collect()
    }

    /// Has these posted by a poster that finds all of them waiting, and ends it.
    pub async fn ask(&self, orders: impl IntoIterator<Item = Order>) -> Vec<Result<Outcome, Fault>> {
        let asked = join_all(orders.into_iter().map(|order| self.app.poster.post(order)));
        let asked = async {
            let outcomes = asked.await;
            self.app.poster.close();
            outcomes
        };
        // The first is polled first: everybody waits when the poster looks.
        tokio::join!(asked, poster::run(&self.app)).0
    }

    /// Rows of everything that a batch writes.
    pub async fn counts(&self) -> String {
        self.app.db.reading_newest().await.unwrap().query(COUNTS).one::<(String,)>().await.unwrap().0
    }

    /// Balance, what is reserved of it, and entries.
    pub async fn standing(&self, account: AccountKey) -> (i64, i64, i64) {
        let mut tx = self.app.db.reading_newest().await.unwrap();
        tx.query(BALANCE).bind(account.id()).optional().await.unwrap().unwrap_or_default()
    }

    pub async fn wallet(&self, person: PersonId) -> i64 {
        self.standing(AccountKey::wallet(person, Currency::CNY)).await.0
    }

    /// What the hot circle and the platform got.
    pub async fn taken(&self) -> i64 {
        let earnings = self.standing(AccountKey::earnings(self.partner, self.circle, Currency::CNY)).await.0;
        earnings + self.standing(AccountKey::fees(self.partner, Currency::CNY)).await.0
    }

    pub async fn books_are_clean(&self) {
        let check = super::check(&self.app.db).await.unwrap();
        assert!(check.clean, "{:#?}", check.differences);
    }
}

/// Why an order was not posted, in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// It was posted before, and this was the answer.
    Again(String),
    /// It was refused.
    Refused(Refused),
}

impl Refusal {
    pub fn of(outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Posted => Ok(()),
            Outcome::Again(answer) => Err(Self::Again(String::from_utf8(answer.body.to_vec()).unwrap())),
            Outcome::Refused(refused) => Err(Self::Refused(refused)),
        }
    }
}
