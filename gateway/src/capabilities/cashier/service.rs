//! Use-cases of the approval page: view, pay, decline; in a sandbox also top up.

use quanzi_openapi::payments::{DeclineReason, PaymentStatus};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{ErrorCode, Money, Time};
use serde::Deserialize;

use crate::capabilities::circles;
use crate::capabilities::content;
use crate::capabilities::fans;
use crate::capabilities::partners;
use crate::capabilities::payments::{self, PaymentLookups, PaymentRow, accounts};
use crate::capabilities::wallets;
use crate::edge::pages::in_transaction;
use crate::edge::sessions::{self, Browser};
use crate::platform::Context;
use crate::platform::Platform;
use crate::platform::db::Reader;
use crate::platform::fault::Fault;
use crate::platform::ledger::{self, settle};

/// What a fan may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Pay,
    /// No.
    Decline,
    /// First more money (sandbox).
    TopUp,
    /// First who it is (live mode).
    SignIn,
}

/// A payment with what a fan wants to know about it.
#[derive(Debug)]
pub struct CashierPayment {
    pub payment: PaymentRow,
    pub partner_name: String,
    pub legal_name: String,
    pub circle_name: String,
    /// The title of the post it is for, when it has one and is still there.
    pub post_title: Option<String>,
    /// The fan's own things; none as long as the page does not know that it is the fan who looks.
    pub fan: Option<Fan>,
    /// Whether who looks may decide.
    pub can_decide: bool,
}

/// What only the fan may see.
#[derive(Debug)]
pub struct Fan {
    pub nickname: String,
    pub appears: TipDisclosure,
    /// What the wallet holds.
    pub available: Money,
}

impl CashierPayment {
    /// What is missing in the wallet.
    pub fn missing(&self) -> Option<Money> {
        let fan = self.fan.as_ref()?;
        let missing = self.payment.amount.saturating_sub(fan.available.amount);
        (missing > 0).then(|| Money::new(missing, self.payment.currency))
    }

    /// How it stands for a fan.
    pub fn status_at(&self, now: Time) -> CashierStatus {
        let row = &self.payment;
        match row.status {
            PaymentStatus::RequiresApproval if row.is_under_way() => CashierStatus::UnderWay,
            // The job that ends it may be a moment late.
            PaymentStatus::RequiresApproval if row.must_wait(now).is_err() => CashierStatus::Expired,
            PaymentStatus::RequiresApproval => CashierStatus::Waiting,
            PaymentStatus::Succeeded => CashierStatus::Paid,
            PaymentStatus::Declined if row.decline_reason == Some(DeclineReason::Channel) => CashierStatus::Failed,
            PaymentStatus::Declined => CashierStatus::Declined,
            PaymentStatus::Canceled => CashierStatus::Canceled,
            PaymentStatus::PartiallyRefunded => CashierStatus::PartlyRefunded,
            PaymentStatus::Refunded => CashierStatus::Refunded,
            // Of a newer gateway: neither open nor known how it ended.
            _ => CashierStatus::Expired,
        }
    }
}

/// How a payment stands for a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CashierStatus {
    /// The fan can decide.
    Waiting,
    /// The fan said yes, and the channel takes its time.
    UnderWay,
    /// Paid.
    Paid,
    /// The fan said no.
    Declined,
    /// The channel said no.
    Failed,
    /// The partner took it back.
    Canceled,
    /// Too late.
    Expired,
    /// A part was given back.
    PartlyRefunded,
    /// All was given back.
    Refunded,
}

/// The payment whose page this is, with everything on it.
pub async fn find(
    platform: &Platform,
    now: Time,
    browser: &Browser,
    token: &str,
) -> Result<Option<CashierPayment>, Fault> {
    // Not from a replica: who has just decided wants to see it.
    let mut tx = platform.db.reading_newest().await?;
    let Some(payment) = payments::service::find_by_token(&mut tx, token).await? else { return Ok(None) };
    let partner = partners::service::get(&mut tx, payment.partner_id).await?;
    let circle = circles::service::find(&mut tx, payment.partner_id, payment.circle_id).await?;
    let post_title = post_title(&mut tx, &payment, now).await?;
    // In a sandbox anyone with the URL acts as the fan. In live mode the fan must be signed in.
    let session = sessions::find(&mut tx, browser, now).await?;
    let can_decide =
        platform.config.mode.is_sandbox() || session.is_some_and(|session| session.person == payment.person_id);
    let fan = if can_decide { Some(fan(&mut tx, &payment).await?) } else { None };
    Ok(Some(CashierPayment {
        payment,
        partner_name: partner.name.into_string(),
        legal_name: partner.legal_name.into_string(),
        circle_name: circle.name.into_string(),
        post_title,
        fan,
        can_decide,
    }))
}

/// The post may be gone since.
async fn post_title(tx: &mut Reader, payment: &PaymentRow, now: Time) -> Result<Option<String>, Fault> {
    let Some(post) = payment.post_id else { return Ok(None) };
    match content::service::find(tx, payment.partner_id, now, post).await {
        Ok(post) => Ok(post.title.map(quanzi_openapi::text::Text::into_string)),
        Err(fault) if fault.code() == ErrorCode::PostNotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn fan(tx: &mut Reader, payment: &PaymentRow) -> Result<Fan, Fault> {
    let person = fans::service::person(tx, payment.partner_id, payment.fan_id).await?;
    let wallet = accounts::wallet(payment.person_id, payment.currency);
    let state = ledger::service::account_state(tx, &wallet).await?;
    Ok(Fan {
        nickname: person.nickname.into_string(),
        appears: person.tip_disclosure,
        available: Money::new(state.available(), payment.currency),
    })
}

/// Does what the fan says. Saying the same twice does it once.
pub async fn decide(
    (platform, lookups): (&Platform, &PaymentLookups),
    now: Time,
    asked: &CashierPayment,
    decision: Decision,
    appears: Option<TipDisclosure>,
) -> Result<(), Fault> {
    // Not the caller's business alone: this is the line that money passes.
    if !asked.can_decide {
        return Err(Fault::internal("a payment decision came without a known person"));
    }
    let partner = asked.payment.partner_id;
    let context = Context { platform, partner, now };
    match decision {
        Decision::Pay => {
            // Before the money, so that nobody is named for a moment who does not want to be.
            if let Some(appears) = appears.filter(|_| asked.status_at(now) == CashierStatus::Waiting) {
                appear(platform, asked, appears).await?;
            }
            settle(platform, async |tx| {
                let before = payments::service::find(tx, partner, asked.payment.id).await?;
                let command = payments::service::approve(context, lookups, before).await?;
                payments::service::simulate_second_report(platform, &command).await?;
                Ok(command)
            })
            .await
            .map(drop)
        }
        Decision::Decline => settle(platform, async |tx| {
            let before = payments::service::find(tx, partner, asked.payment.id).await?;
            payments::service::decline(context, &before)
        })
        .await
        .map(drop),
        Decision::TopUp if platform.config.mode.is_sandbox() => top_up(context, asked).await,
        // Who may decide has signed in, and invented money is a sandbox's.
        Decision::TopUp | Decision::SignIn => Ok(()),
    }
}

/// Exactly what is missing; nothing, when nothing is.
async fn top_up(context: Context<'_>, asked: &CashierPayment) -> Result<(), Fault> {
    let Some(missing) = asked.missing().filter(|_| asked.status_at(context.now) == CashierStatus::Waiting) else {
        return Ok(());
    };
    let fan = asked.payment.fan_id;
    settle(context.platform, async |tx| wallets::service::top_up(tx, context, fan, missing).await).await.map(drop)
}

async fn appear(platform: &Platform, asked: &CashierPayment, appears: TipDisclosure) -> Result<(), Fault> {
    if asked.fan.as_ref().is_some_and(|fan| fan.appears == appears) {
        return Ok(());
    }
    let (partner, fan) = (asked.payment.partner_id, asked.payment.fan_id);
    in_transaction(platform, async |tx| fans::service::disclose(tx, partner, fan, appears).await).await
}
