//! Use-cases of payments and refunds. Each change is an order for the ledger's poster: the rows, transfers and events that
//! belong together.

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{PartnerId, PaymentId, PersonId, PostId, RefundId, TransferId};
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::payments::{DeclineReason, NewPayment, Payment, PaymentStatus, PaymentsQuery};
use quanzi_openapi::refunds::{NewRefund, Refund, RefundsQuery};
use quanzi_openapi::{Cursor, ErrorCode, Money, Page, Time};

use super::accounts::{earnings, explain, fees, wallet, wallet_insufficient};
use super::kinds::{COMPLETE_PAYMENT, EXPIRE_PAYMENT};
use super::lookups::PaymentLookups;
use super::model::{self, PaymentRow, SandboxScenario};
use super::record::{
    PaymentVersion, PaymentVersions, PaymentWrite, PaymentWrites, RefundWrites, TakenReference, TakenReferences,
};
use super::store::{self, PaymentFacts, PaymentFilter, PaymentLookup, fan_subject};
use crate::capabilities::mandates::{self, MandateVersion, MandateVersions};
use crate::capabilities::tips::{TipChange, TipSums};
use crate::platform::db::Reader;
use crate::platform::fault::Fault;
use crate::platform::jobs::Job;
use crate::platform::ledger::model::{NewTransfer, Phase, fee};
use crate::platform::ledger::{Allowance, Allowances, LedgerCommand, LedgerOrder, amount_limit};
use crate::platform::outbox;
use crate::platform::{Context, Platform};

/// Charges a fan: within a mandate at once, otherwise the fan is asked.
pub async fn create(
    context: Context<'_>,
    lookups: &PaymentLookups,
    new: &NewPayment,
) -> Result<LedgerCommand<Payment>, Fault> {
    let Context { platform, partner, now } = context;
    model::positive(new.amount)?;
    let lookup = PaymentLookup { partner, circle: new.circle, fan: new.fan, post: new.post, mandate: new.mandate, now };
    let facts = load_preconditions(platform, lookups, lookup).await?;
    let (person, adult) = payer(&facts, new.post)?;
    let fee_bps = facts.fee_bps.and_then(|bps| u16::try_from(bps).ok()).unwrap_or(platform.config.platform_fee_bps);
    let fee = fee(new.amount, fee_bps);
    let row = PaymentRow::new((partner, platform.clock.id()), new, (person, facts.author_id), fee, now);
    within_limit(&row, adult)?;
    let mut order = LedgerOrder::new(partner, now, row.id);
    let reference =
        new.merchant_reference.clone().map(|reference| TakenReference { partner, reference, payment: row.id });
    if new.mandate.is_none() {
        if let Some(reference) = reference {
            order.add::<TakenReferences>(reference);
        }
        let expires_at = now.plus_seconds(model::APPROVAL_SECONDS);
        let row = PaymentRow { token: Some(platform.clock.random_text()), expires_at: Some(expires_at), ..row };
        order.jobs.push(Job::new(EXPIRE_PAYMENT, partner, row.id, expires_at));
        return finish(context, order, PaymentWrite::New(row), EventType::PaymentCreated);
    }
    let mandate = mandates::service::usable(facts.mandate.mandate_terms(), new, now)?;
    order.add::<MandateVersions>(MandateVersion { partner, mandate: mandate.id, version: mandate.version });
    if let Some(reference) = reference {
        order.add::<TakenReferences>(reference);
    }
    order.add::<Allowances>(Allowance {
        subject: mandate.id.to_string(),
        at: now,
        takes: row.amount,
        most: mandate.per_day,
        refuse: |allowance, left| {
            let what = ("mandate_per_day", "the mandate allows per day");
            daily_limit_reached(ErrorCode::MandateLimitReached, what, allowance, left)
        },
    });
    order.add::<Allowances>(daily(&row, adult, now));
    if platform.config.mode.is_sandbox() {
        simulate(&row)?;
    }
    order.transfers = transfers(platform, &row, TransferCode::Tip, |_| Phase::Single);
    order.add::<TipSums>(tip(&row, 1, row.amount));
    let succeeded = PaymentRow { status: PaymentStatus::Succeeded, succeeded_at: Some(now), ..row };
    finish(context, order, PaymentWrite::New(succeeded), EventType::PaymentSucceeded)
}

/// Who pays, and whether the person is known to be an adult; a refusal when this fan cannot pay in this circle, or for this post.
fn payer(facts: &PaymentFacts, post: Option<PostId>) -> Result<(PersonId, bool), Fault> {
    let payer = facts.person_id.zip(facts.adult).ok_or(ErrorCode::FanNotFound)?;
    match facts.circle_status {
        None => return Err(ErrorCode::CircleNotFound.into()),
        Some(CircleStatus::Open) => {}
        Some(_) => return Err(ErrorCode::CircleNotOpen.into()),
    }
    if facts.membership_status != Some(MembershipStatus::Active) {
        return Err(ErrorCode::PayerNotMember.into());
    }
    if post.is_some() && facts.post_id.is_none() {
        return Err(ErrorCode::PostNotFound.into());
    }
    Ok(payer)
}

/// What decides about a payment; payments that come at the same time are looked up together.
async fn load_preconditions(
    platform: &Platform,
    lookups: &PaymentLookups,
    lookup: PaymentLookup,
) -> Result<PaymentFacts, Fault> {
    let db = platform.db.clone();
    let load = move |lookups: Vec<PaymentLookup>| {
        let db = db.clone();
        async move { store::facts(&mut db.reading_steady().await?, &lookups).await }
    };
    Ok(lookups.ask(lookup, load).await?)
}

/// The fan says yes: the money moves, or is reserved while the channel takes its time. The circle, the membership and the post are
/// looked at again: in half an hour a circle can be closed and a fan banned.
pub async fn approve(
    context: Context<'_>,
    lookups: &PaymentLookups,
    before: PaymentRow,
) -> Result<LedgerCommand<Payment>, Fault> {
    let Context { platform, now, .. } = context;
    if before.status == PaymentStatus::Succeeded || before.is_under_way() {
        return Ok(unchanged(context, &before));
    }
    before.must_wait(now)?;
    let mut order = decided(context, &before);
    let PaymentRow { partner_id: partner, circle_id: circle, fan_id: fan, post_id: post, .. } = before;
    let facts =
        load_preconditions(platform, lookups, PaymentLookup { partner, circle, fan, post, mandate: None, now }).await?;
    let (_, adult) = payer(&facts, post)?;
    within_limit(&before, adult)?;
    let mut slow = false;
    if platform.config.mode.is_sandbox() {
        match simulate(&before) {
            Ok(()) => slow = SandboxScenario::of(before.amount) == Some(SandboxScenario::Slow),
            Err(fault) if fault.code() == ErrorCode::PaymentDeclined => {
                let after = before.ended(PaymentStatus::Declined, Some(DeclineReason::Channel), now);
                return finish(context, order, PaymentWrite::Changed(after), EventType::PaymentDeclined);
            }
            Err(fault) => return Err(fault),
        }
    }
    order.add::<Allowances>(daily(&before, adult, now));
    if slow {
        let until = now.plus_seconds(model::APPROVAL_SECONDS);
        order.transfers = transfers(platform, &before, TransferCode::Tip, |_| Phase::Pending(until));
        let reserved = |code| order.transfers.iter().find(|transfer| transfer.code == code).map(|transfer| transfer.id);
        let after = before.under_way((reserved(TransferCode::Tip), reserved(TransferCode::Fee)), until, now);
        order.jobs.push(Job::new(EXPIRE_PAYMENT, partner, before.id, until));
        let finished_at = now.plus_seconds(model::SLOW_SECONDS);
        order.jobs.push(Job::new(COMPLETE_PAYMENT, partner, before.id, finished_at));
        return finish(context, order, PaymentWrite::Changed(after), EventType::PaymentApproved);
    }
    order.transfers = transfers(platform, &before, TransferCode::Tip, |_| Phase::Single);
    order.add::<TipSums>(tip(&before, 1, before.amount));
    finish(context, order, PaymentWrite::Changed(before.succeeded(now)), EventType::PaymentSucceeded)
}

/// The channel has finished what took its time. Nothing, when the payment is decided already, or its time is over.
pub fn complete(context: Context<'_>, before: &PaymentRow) -> Result<Option<LedgerCommand<Payment>>, Fault> {
    if !before.is_under_way() || before.must_wait(context.now).is_err() {
        return Ok(None);
    }
    let mut order = decided(context, before);
    order.transfers = of_reserved(context.platform, before, Phase::Post);
    order.add::<TipSums>(tip(before, 1, before.amount));
    finish(context, order, PaymentWrite::Changed(before.succeeded(context.now)), EventType::PaymentSucceeded).map(Some)
}

/// The fan says no.
pub fn decline(context: Context<'_>, before: &PaymentRow) -> Result<LedgerCommand<Payment>, Fault> {
    if before.status == PaymentStatus::Declined {
        return Ok(unchanged(context, before));
    }
    before.must_wait(context.now)?;
    let after = before.ended(PaymentStatus::Declined, Some(DeclineReason::Fan), context.now);
    finish(context, given_up(context, before, Phase::Void), PaymentWrite::Changed(after), EventType::PaymentDeclined)
}

/// The partner takes it back.
pub fn cancel(context: Context<'_>, before: &PaymentRow) -> Result<LedgerCommand<Payment>, Fault> {
    if before.status == PaymentStatus::Canceled {
        return Ok(unchanged(context, before));
    }
    before.must_wait(context.now)?;
    let order = given_up(context, before, Phase::Void);
    let after = before.ended(PaymentStatus::Canceled, None, context.now);
    finish(context, order, PaymentWrite::Changed(after), EventType::PaymentCanceled)
}

/// Nobody decided in time. Nothing, when somebody did, or has time still.
pub fn expire(context: Context<'_>, before: &PaymentRow) -> Result<Option<LedgerCommand<Payment>>, Fault> {
    let is_over = before.expires_at.is_some_and(|expires_at| expires_at <= context.now);
    if before.status != PaymentStatus::RequiresApproval || !is_over {
        return Ok(None);
    }
    let order = given_up(context, before, Phase::Expire);
    let after = before.ended(PaymentStatus::Expired, None, context.now);
    finish(context, order, PaymentWrite::Changed(after), EventType::PaymentExpired).map(Some)
}

/// Gives money back.
pub fn refund(context: Context<'_>, before: &PaymentRow, new: &NewRefund) -> Result<LedgerCommand<Refund>, Fault> {
    let Context { platform, partner, now } = context;
    let id: RefundId = platform.clock.id();
    let (after, refund) = before.refunded(id, new.amount, new.reason.clone(), now)?;
    let mut order = LedgerOrder::new(partner, now, id);
    order.add::<PaymentVersions>(PaymentVersion::of(before));
    let wallet = wallet(before.person_id, before.currency);
    let parts = [
        (earnings(partner, before.circle_id, before.currency), refund.net(), TransferCode::Refund),
        (fees(partner, before.currency), refund.fee, TransferCode::FeeRefund),
    ];
    for (debit, amount, code) in parts.into_iter().filter(|(_, amount, _)| *amount > 0) {
        let (id, credit) = (platform.clock.id(), wallet.clone());
        order.transfers.push(NewTransfer { id, debit, credit, amount, code, phase: Phase::Single });
    }
    let tips = if after.status == PaymentStatus::Refunded { -1 } else { 0 };
    order.add::<TipSums>(tip(before, tips, -refund.amount));
    order.add::<PaymentWrites>(PaymentWrite::Changed(after.clone()));
    order.add::<RefundWrites>((partner, refund.clone()));
    let reply = refund.refund();
    let payment = after.payment(&platform.config.public_url);
    order.facts.push(outbox::service::fact(partner, now, EventType::RefundCreated, &reply)?);
    order.facts.push(outbox::service::fact(partner, now, EventType::PaymentRefunded, &payment)?);
    Ok(LedgerCommand { order, reply, explain })
}

/// The payment.
pub async fn find(tx: &mut Reader, partner: PartnerId, payment: PaymentId) -> Result<PaymentRow, Fault> {
    store::find(tx, partner, payment).await?.ok_or_else(|| ErrorCode::PaymentNotFound.into())
}

/// The payment whose page this is.
pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<PaymentRow>, Fault> {
    Ok(store::find_by_token(tx, token).await?)
}

/// A page of the partner's payments, newest first.
pub async fn page(tx: &mut Reader, context: Context<'_>, query: &PaymentsQuery) -> Result<Page<Payment>, Fault> {
    let before: Option<PaymentId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let filter = PaymentFilter {
        circle: query.circle,
        fan: query.fan,
        status: query.status,
        since: query.since,
        until: query.until,
    };
    let (rows, ended_at) = store::page(tx, context.partner, filter, before, limit).await?;
    let mut page = Page::cut(rows, limit, |row| row.id).map(|row| row.payment(&context.platform.config.public_url));
    if let Some(ended_at) = ended_at.filter(|_| !page.has_more) {
        page.has_more = true;
        page.next_cursor = Some(Cursor::at(&ended_at));
    }
    Ok(page)
}

/// The refund.
pub async fn find_refund(tx: &mut Reader, partner: PartnerId, refund: RefundId) -> Result<Refund, Fault> {
    let row = store::find_refund(tx, partner, refund).await?.ok_or(ErrorCode::RefundNotFound)?;
    Ok(row.refund())
}

/// A page of a payment's refunds, newest first.
pub async fn refunds(
    tx: &mut Reader,
    partner: PartnerId,
    payment: PaymentId,
    query: &RefundsQuery,
) -> Result<Page<Refund>, Fault> {
    let before: Option<RefundId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::refunds(tx, partner, payment, before, limit).await?;
    if rows.is_empty() {
        find(tx, partner, payment).await?;
    }
    Ok(Page::cut(rows, limit, |row| row.id).map(super::model::RefundRow::refund))
}

/// Simulates a channel that reports an approval twice: posts the order once by itself, so that the caller's is the second.
pub async fn simulate_second_report(platform: &Platform, command: &LedgerCommand<Payment>) -> Result<(), Fault> {
    let is_simulated = platform.config.mode.is_sandbox()
        && SandboxScenario::of(command.reply.amount.amount) == Some(SandboxScenario::Twice);
    if is_simulated && !command.order.transfers.is_empty() {
        platform.poster.post(command.order.clone()).await?;
    }
    Ok(())
}

// ---- parts of orders

/// An order that decides about a payment.
fn decided(context: Context<'_>, before: &PaymentRow) -> LedgerOrder {
    let mut order = LedgerOrder::new(before.partner_id, context.now, before.id);
    order.add::<PaymentVersions>(PaymentVersion::of(before));
    order
}

/// An order that ends a payment without money: what was reserved is free, and what it took of the day's limit is given back.
fn given_up(context: Context<'_>, before: &PaymentRow, phase: impl Fn(TransferId) -> Phase) -> LedgerOrder {
    let mut order = decided(context, before);
    if before.is_under_way() {
        order.transfers = of_reserved(context.platform, before, phase);
        order.add::<Allowances>(Allowance {
            // The last thing that happened to it was that the fan said yes.
            takes: -before.amount,
            ..fan_allowance(before, i64::MAX, before.updated_at)
        });
    }
    order
}

/// An order that changes nothing, so that the answer is kept under its idempotency key all the same.
fn unchanged(context: Context<'_>, row: &PaymentRow) -> LedgerCommand<Payment> {
    let order = LedgerOrder::new(row.partner_id, context.now, row.id);
    LedgerCommand { order, reply: row.payment(&context.platform.config.public_url), explain }
}

/// The row, the fact and the reply of a payment that is new or has changed.
fn finish(
    context: Context<'_>,
    mut order: LedgerOrder,
    write: PaymentWrite,
    kind: EventType,
) -> Result<LedgerCommand<Payment>, Fault> {
    let row = write.row();
    let reply = row.payment(&context.platform.config.public_url);
    order.facts.push(outbox::service::fact(order.partner, context.now, kind, &reply)?);
    if row.status != PaymentStatus::RequiresApproval && row.token.is_some() {
        for kind in [EXPIRE_PAYMENT, COMPLETE_PAYMENT] {
            order.cancelled.push((kind, row.id.to_string()));
        }
    }
    order.add::<PaymentWrites>(write);
    Ok(LedgerCommand { order, reply, explain })
}

/// What a payment is among the tips: so many of them, and so much.
const fn tip(row: &PaymentRow, tips: i64, amount: i64) -> TipChange {
    TipChange {
        partner: row.partner_id,
        circle: row.circle_id,
        post: row.post_id,
        fan: row.fan_id,
        author: row.author_id,
        currency: row.currency,
        tips,
        amount,
    }
}

/// From the wallet: the circle's part and the platform's.
fn transfers(
    platform: &Platform,
    row: &PaymentRow,
    code: TransferCode,
    phase: impl Fn(TransferCode) -> Phase,
) -> Vec<NewTransfer> {
    let wallet = wallet(row.person_id, row.currency);
    let parts = [
        (earnings(row.partner_id, row.circle_id, row.currency), row.net(), code),
        (fees(row.partner_id, row.currency), row.fee, TransferCode::Fee),
    ];
    parts
        .into_iter()
        .filter(|(_, amount, _)| *amount > 0)
        .map(|(credit, amount, code)| NewTransfer {
            id: platform.clock.id(),
            debit: wallet.clone(),
            credit,
            amount,
            code,
            phase: phase(code),
        })
        .collect()
}

/// Decides about what is reserved for a payment; nothing when nothing is.
fn of_reserved(platform: &Platform, row: &PaymentRow, phase: impl Fn(TransferId) -> Phase) -> Vec<NewTransfer> {
    if !row.is_under_way() {
        return Vec::new();
    }
    let mut chain = transfers(platform, row, TransferCode::Tip, |_| Phase::Single);
    for transfer in &mut chain {
        let reserved = if transfer.code == TransferCode::Fee { row.pending_fee } else { row.pending_net };
        if let Some(reserved) = reserved {
            transfer.phase = phase(reserved);
        }
    }
    chain
}

/// Refuses a payment that is more than the fan may pay at once.
fn within_limit(row: &PaymentRow, adult: bool) -> Result<(), Fault> {
    let (most, _) = model::limits(row.currency, adult);
    if row.amount <= most {
        return Ok(());
    }
    let most_text = Money::new(most, row.currency);
    let whom = if adult { "" } else { " of a fan not known to be an adult" };
    let detail = format!("One payment{whom} can be at most {most_text}.");
    Err(Fault::new(ErrorCode::PaymentLimitReached).detail(detail).limit(amount_limit("fan_per_payment", most)))
}

/// What the payment takes of what the fan may pay in a day.
fn daily(row: &PaymentRow, adult: bool, now: Time) -> Allowance {
    let (_, most) = model::limits(row.currency, adult);
    fan_allowance(row, most, now)
}

fn fan_allowance(row: &PaymentRow, most: i64, at: Time) -> Allowance {
    Allowance {
        subject: fan_subject(row.fan_id, row.currency),
        at,
        takes: row.amount,
        most,
        refuse: |allowance, left| {
            let what = ("fan_per_day", "the fan may pay you per day");
            daily_limit_reached(ErrorCode::PaymentLimitReached, what, allowance, left)
        },
    }
}

fn daily_limit_reached(code: ErrorCode, (name, what): (&str, &str), allowance: &Allowance, left: i64) -> Fault {
    let detail = format!("{left} minor units are left of what {what} (UTC).");
    Fault::new(code).detail(detail).limit(allowance.report(name))
}

/// Simulates the channel's answer to an amount that has a scenario in a sandbox.
fn simulate(row: &PaymentRow) -> Result<(), Fault> {
    match SandboxScenario::of(row.amount) {
        Some(SandboxScenario::Insufficient) => Err(wallet_insufficient()),
        Some(SandboxScenario::Declined) => Err(ErrorCode::PaymentDeclined.into()),
        Some(SandboxScenario::Down) => Err(Fault::new(ErrorCode::ChannelUnavailable).retry_after(30)),
        Some(SandboxScenario::Slow | SandboxScenario::Twice) | None => Ok(()),
    }
}
