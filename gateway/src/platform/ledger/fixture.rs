//! The fixture of the ledger's tests: a partner with a busy circle, wallets with money, and orders as the use-cases make
//! them.

use std::sync::Arc;

use futures_util::future::join_all;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{AppId, CircleId, FanId, PartnerId, PersonId};
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::payments::NewPayment;
use quanzi_openapi::{Currency, ErrorCode, Money};

use super::model::{AccountKey, NewTransfer, Phase, TransferRefusal, fee};
use super::order::{LedgerOrder, LedgerOutcome, LedgerRefusal};
use super::{batch, poster};
use crate::app::App;
use crate::capabilities::payments::accounts::{self, earnings, fees, wallet};
use crate::capabilities::payments::{PaymentRow, PaymentWrite, PaymentWrites};
use crate::capabilities::tips::{TipChange, TipSums};
use crate::edge::{Answer, IdempotencyEntries, IdempotencyEntry};
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

    pub fn top_up(&self, person: PersonId, amount: i64) -> LedgerOrder {
        let app = &self.app;
        let mut order = LedgerOrder::new(self.partner, app.clock.now(), person);
        order.transfers.push(NewTransfer {
            id: app.clock.id(),
            debit: accounts::channel(Currency::CNY),
            credit: wallet(person, Currency::CNY),
            amount,
            code: TransferCode::TopUp,
            phase: Phase::Single,
        });
        order
    }

    /// A tip to the hot circle: payment, transfers, tip and fact.
    pub fn tip(&self, person: PersonId, amount: i64) -> LedgerOrder {
        self.tip_to(self.circle, person, amount)
    }

    pub fn tip_to(&self, circle: CircleId, person: PersonId, amount: i64) -> LedgerOrder {
        let (clock, now) = (&self.app.clock, self.app.clock.now());
        let fan: FanId = clock.id();
        let new = NewPayment::tip(fan, circle, cny(amount));
        let ids = (self.partner, clock.id());
        let row = PaymentRow::new(ids, &new, (person, None), fee(cny(amount), 300), now).succeeded(now);
        let mut order = LedgerOrder::new(self.partner, now, row.id);
        let earnings = earnings(self.partner, circle, Currency::CNY);
        let fees = fees(self.partner, Currency::CNY);
        for (credit, amount, code) in [(earnings, row.net(), TransferCode::Tip), (fees, row.fee, TransferCode::Fee)] {
            if amount > 0 {
                let debit = wallet(person, Currency::CNY);
                let id = clock.id();
                order.transfers.push(NewTransfer { id, debit, credit, amount, code, phase: Phase::Single });
            }
        }
        order.add::<TipSums>(TipChange {
            partner: self.partner,
            circle,
            post: None,
            fan,
            author: None,
            currency: Currency::CNY,
            tips: 1,
            amount,
        });
        let payment = row.payment("https://api.quanzi.example");
        order.facts.push(outbox::service::fact(self.partner, now, EventType::PaymentSucceeded, &payment).unwrap());
        order.add::<PaymentWrites>(PaymentWrite::New(row));
        order
    }

    /// The order as that of a call with this key, signed anew, whose answer names the order.
    pub fn keyed(&self, key: &str, order: LedgerOrder) -> LedgerOrder {
        let nonce = self.app.clock.random_text();
        let entry = IdempotencyEntry::of(
            (self.partner, self.caller),
            key,
            "the body",
            &nonce,
            &format!("\"{}\"", order.object),
        );
        entered(order, entry)
    }

    /// Posts these as one batch, without a poster.
    pub async fn post(&self, orders: &[LedgerOrder]) -> Vec<Result<(), Refusal>> {
        let orders: Vec<&LedgerOrder> = orders.iter().collect();
        let outcomes = batch::run(&self.app, &orders).await.expect("a batch");
        outcomes.into_iter().map(Refusal::of).collect()
    }

    /// Has these posted by a poster that finds all of them waiting, and ends it.
    pub async fn ask(&self, orders: impl IntoIterator<Item = LedgerOrder>) -> Vec<Result<LedgerOutcome, Fault>> {
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
        self.standing(wallet(person, Currency::CNY)).await.0
    }

    /// What the hot circle and the platform got.
    pub async fn taken(&self) -> i64 {
        let earnings = self.standing(earnings(self.partner, self.circle, Currency::CNY)).await.0;
        earnings + self.standing(fees(self.partner, Currency::CNY)).await.0
    }

    pub async fn books_are_clean(&self) {
        let report = crate::app::LEDGER_CHECKS.run(&self.app.db).await.unwrap();
        assert!(report.differences.is_empty(), "{:#?}", report.differences);
    }
}

/// The order as that of a call with this entry.
pub fn entered(mut order: LedgerOrder, entry: IdempotencyEntry) -> LedgerOrder {
    order.add_first::<IdempotencyEntries>(entry);
    order
}

/// Why an order was not posted, in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// It was posted before, and this was the answer.
    Replayed(String),
    /// Something it was made for has changed.
    Moved,
    /// A record was against it.
    Record(ErrorCode),
    /// The transfers cannot be made.
    Transfers(TransferRefusal),
}

impl Refusal {
    pub fn of(outcome: LedgerOutcome) -> Result<(), Self> {
        Err(match outcome {
            LedgerOutcome::Posted => return Ok(()),
            LedgerOutcome::Replayed(replay) => {
                Self::Replayed(String::from_utf8(replay.take::<Answer>().unwrap().body.to_vec()).unwrap())
            }
            LedgerOutcome::Refused(LedgerRefusal::Moved) => Self::Moved,
            LedgerOutcome::Refused(LedgerRefusal::Record(fault)) => Self::Record(fault.code()),
            LedgerOutcome::Refused(LedgerRefusal::Transfers(refusal)) => Self::Transfers(refusal),
        })
    }
}
