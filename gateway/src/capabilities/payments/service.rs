//! Use-cases of payments and refunds. Each change is an order for the ledger's poster: the rows, transfers and events that
//! belong together.

use std::collections::{BTreeSet, HashMap};

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{PartnerId, PaymentId, PersonId, PostId, RefundId, TransferId};
use quanzi_openapi::ledger::TransferCode;
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::payments::{DeclineReason, NewPayment, Payment, PaymentStatus, PaymentsQuery};
use quanzi_openapi::refunds::{NewRefund, Refund, RefundsQuery};
use quanzi_openapi::{Cursor, ErrorCode, Money, Page, Time};

use super::model::{self, RecordWrite, Row, SandboxScenario, TipChange};
use super::store::{self, Facts, Question, Wanted, fan_subject};
use super::{COMPLETE_PAYMENT, EXPIRE_PAYMENT, PaymentLookups};
use crate::capabilities::mandates;
use crate::platform::Platform;
use crate::platform::db::{self, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs::Job;
use crate::platform::ledger::LedgerCommand;
use crate::platform::ledger::model::{AccountKey, NewTransfer, Phase, fee};
use crate::platform::ledger::{Allowance, LimitName, Order, Versioned};
use crate::platform::outbox;

/// What a use-case of payments needs beside the connection.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub platform: &'a Platform,
    pub partner: PartnerId,
    pub now: Time,
}

/// Charges a fan: within a mandate at once, otherwise the fan is asked.
pub async fn create(
    context: Context<'_>,
    lookups: &PaymentLookups,
    new: &NewPayment,
) -> Result<LedgerCommand<Payment>, Fault> {
    let Context { platform, partner, now } = context;
    model::positive(new.amount)?;
    let question = Question { partner, circle: new.circle, fan: new.fan, post: new.post, mandate: new.mandate, now };
    let facts = look(platform, lookups, question).await?;
    let (person, adult) = payer(&facts, new.post)?;
    let fee_bps = facts.fee_bps.and_then(|bps| u16::try_from(bps).ok()).unwrap_or(platform.config.platform_fee_bps);
    let fee = fee(new.amount, fee_bps);
    let row = Row::new((partner, platform.clock.id()), new, (person, facts.author_id), fee, now);
    within_limit(&row, adult)?;
    let mut order = Order::new(partner, now, row.id);
    order.merchant_reference.clone_from(&new.merchant_reference);
    if new.mandate.is_none() {
        let expires_at = now.plus_seconds(model::APPROVAL_SECONDS);
        let row = Row { token: Some(platform.clock.random_text()), expires_at: Some(expires_at), ..row };
        order.jobs.push(Job::new(EXPIRE_PAYMENT, partner, row.id, expires_at));
        return finish(context, order, RecordWrite::New(row), EventType::PaymentCreated);
    }
    let mandate = mandates::service::usable(facts.mandate.mandate_terms(), new, now)?;
    order.versions.push((Versioned::Mandate(partner, mandate.id), mandate.version));
    order.allowances.push(Allowance {
        limit: LimitName::MandatePerDay,
        subject: mandate.id.to_string(),
        day: model::day_of(now),
        takes: row.amount,
        most: mandate.per_day,
    });
    order.allowances.push(daily(&row, adult, now));
    if platform.config.mode.is_sandbox() {
        play(&row)?;
    }
    order.transfers = transfers(platform, &row, TransferCode::Tip, |_| Phase::Single);
    order.tip = Some(TipChange::of(&row, 1, row.amount));
    let succeeded = Row { status: PaymentStatus::Succeeded, succeeded_at: Some(now), ..row };
    finish(context, order, RecordWrite::New(succeeded), EventType::PaymentSucceeded)
}

/// Who pays, and whether the person is known to be an adult; a refusal when this fan cannot pay in this circle, or for this post.
fn payer(facts: &Facts, post: Option<PostId>) -> Result<(PersonId, bool), Fault> {
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
async fn look(platform: &Platform, lookups: &PaymentLookups, question: Question) -> Result<Facts, Fault> {
    let db = platform.db.clone();
    let look = move |questions: Vec<Question>| {
        let db = db.clone();
        async move { store::facts(&mut db.reading_steady().await?, &questions).await }
    };
    Ok(lookups.0.ask(question, look).await?)
}

/// The fan says yes: the money moves, or is reserved while the channel takes its time. The circle, the membership and the post are
/// looked at again: in half an hour a circle can be closed and a fan banned.
pub async fn approve(
    context: Context<'_>,
    lookups: &PaymentLookups,
    before: Row,
) -> Result<LedgerCommand<Payment>, Fault> {
    let Context { platform, now, .. } = context;
    if before.status == PaymentStatus::Succeeded || before.is_under_way() {
        return Ok(unchanged(context, &before));
    }
    before.must_wait(now)?;
    let mut order = Order::new(before.partner_id, now, before.id);
    order.versions.push((Versioned::Payment(before.partner_id, before.id), before.version));
    let Row { partner_id: partner, circle_id: circle, fan_id: fan, post_id: post, .. } = before;
    let facts = look(platform, lookups, Question { partner, circle, fan, post, mandate: None, now }).await?;
    let (_, adult) = payer(&facts, post)?;
    within_limit(&before, adult)?;
    order.allowances.push(daily(&before, adult, now));
    let mut slow = false;
    if platform.config.mode.is_sandbox() {
        match play(&before) {
            Ok(()) => slow = SandboxScenario::of(before.amount) == Some(SandboxScenario::Slow),
            Err(fault) if fault.code() == ErrorCode::PaymentDeclined => {
                order.allowances.clear();
                let after = before.ended(PaymentStatus::Declined, Some(DeclineReason::Channel), now);
                return finish(context, order, RecordWrite::Changed(after), EventType::PaymentDeclined);
            }
            Err(fault) => return Err(fault),
        }
    }
    if slow {
        let until = now.plus_seconds(model::APPROVAL_SECONDS);
        order.transfers = transfers(platform, &before, TransferCode::Tip, |_| Phase::Pending(until));
        let reserved = |code| order.transfers.iter().find(|transfer| transfer.code == code).map(|transfer| transfer.id);
        let after = before.under_way((reserved(TransferCode::Tip), reserved(TransferCode::Fee)), until, now);
        order.jobs.push(Job::new(EXPIRE_PAYMENT, partner, before.id, until));
        let finished_at = now.plus_seconds(model::SLOW_SECONDS);
        order.jobs.push(Job::new(COMPLETE_PAYMENT, partner, before.id, finished_at));
        return finish(context, order, RecordWrite::Changed(after), EventType::PaymentApproved);
    }
    order.transfers = transfers(platform, &before, TransferCode::Tip, |_| Phase::Single);
    order.tip = Some(TipChange::of(&before, 1, before.amount));
    finish(context, order, RecordWrite::Changed(before.succeeded(now)), EventType::PaymentSucceeded)
}

/// The channel has finished what took its time. Nothing, when the payment is decided already, or its time is over.
pub fn complete(context: Context<'_>, before: &Row) -> Result<Option<LedgerCommand<Payment>>, Fault> {
    if !before.is_under_way() || before.must_wait(context.now).is_err() {
        return Ok(None);
    }
    let mut order = decided(context, before);
    order.transfers = of_reserved(context.platform, before, Phase::Post);
    order.tip = Some(TipChange::of(before, 1, before.amount));
    finish(context, order, RecordWrite::Changed(before.succeeded(context.now)), EventType::PaymentSucceeded).map(Some)
}

/// The fan says no.
pub fn decline(context: Context<'_>, before: &Row) -> Result<LedgerCommand<Payment>, Fault> {
    if before.status == PaymentStatus::Declined {
        return Ok(unchanged(context, before));
    }
    before.must_wait(context.now)?;
    let after = before.ended(PaymentStatus::Declined, Some(DeclineReason::Fan), context.now);
    finish(context, given_up(context, before, Phase::Void), RecordWrite::Changed(after), EventType::PaymentDeclined)
}

/// The partner takes it back.
pub fn cancel(context: Context<'_>, before: &Row) -> Result<LedgerCommand<Payment>, Fault> {
    if before.status == PaymentStatus::Canceled {
        return Ok(unchanged(context, before));
    }
    before.must_wait(context.now)?;
    let order = given_up(context, before, Phase::Void);
    let after = before.ended(PaymentStatus::Canceled, None, context.now);
    finish(context, order, RecordWrite::Changed(after), EventType::PaymentCanceled)
}

/// Nobody decided in time. Nothing, when somebody did, or has time still.
pub fn expire(context: Context<'_>, before: &Row) -> Result<Option<LedgerCommand<Payment>>, Fault> {
    let is_over = before.expires_at.is_some_and(|expires_at| expires_at <= context.now);
    if before.status != PaymentStatus::RequiresApproval || !is_over {
        return Ok(None);
    }
    let order = given_up(context, before, Phase::Expire);
    let after = before.ended(PaymentStatus::Expired, None, context.now);
    finish(context, order, RecordWrite::Changed(after), EventType::PaymentExpired).map(Some)
}

/// Gives money back.
pub fn refund(context: Context<'_>, before: &Row, new: &NewRefund) -> Result<LedgerCommand<Refund>, Fault> {
    let Context { platform, partner, now } = context;
    let id: RefundId = platform.clock.id();
    let (after, refund) = before.refunded(id, new.amount, new.reason.clone(), now)?;
    let mut order = Order::new(partner, now, id);
    order.versions.push((Versioned::Payment(partner, before.id), before.version));
    let wallet = AccountKey::wallet(before.person_id, before.currency);
    let parts = [
        (AccountKey::earnings(partner, before.circle_id, before.currency), refund.net(), TransferCode::Refund),
        (AccountKey::fees(partner, before.currency), refund.fee, TransferCode::FeeRefund),
    ];
    for (debit, amount, code) in parts.into_iter().filter(|(_, amount, _)| *amount > 0) {
        let id = platform.clock.id();
        order.transfers.push(NewTransfer { id, debit, credit: wallet, amount, code, phase: Phase::Single });
    }
    let tips = if after.status == PaymentStatus::Refunded { -1 } else { 0 };
    order.tip = Some(TipChange::of(before, tips, -refund.amount));
    order.records.push(RecordWrite::Changed(after.clone()));
    order.records.push(RecordWrite::Refund(partner, refund.clone()));
    let reply = refund.refund();
    let payment = after.payment(&platform.config.public_url);
    order.facts.push(outbox::service::fact(partner, now, EventType::RefundCreated, &reply)?);
    order.facts.push(outbox::service::fact(partner, now, EventType::PaymentRefunded, &payment)?);
    Ok(LedgerCommand { order, reply })
}

/// The payment.
pub async fn find(tx: &mut Reader, partner: PartnerId, payment: PaymentId) -> Result<Row, Fault> {
    store::find(tx, partner, payment).await?.ok_or_else(|| ErrorCode::PaymentNotFound.into())
}

/// The payment whose page this is.
pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<Row>, Fault> {
    Ok(store::find_by_token(tx, token).await?)
}

/// A page of the partner's payments, newest first.
pub async fn page(tx: &mut Reader, context: Context<'_>, query: &PaymentsQuery) -> Result<Page<Payment>, Fault> {
    let before: Option<PaymentId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let wanted =
        Wanted { circle: query.circle, fan: query.fan, status: query.status, since: query.since, until: query.until };
    let (rows, ended_at) = store::page(tx, context.partner, wanted, before, limit).await?;
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

/// A channel of a sandbox that reports an approval twice: posts the order once by itself, so that the caller's is the second.
pub async fn report_twice(platform: &Platform, command: &LedgerCommand<Payment>) -> Result<(), Fault> {
    let is_played = platform.config.mode.is_sandbox()
        && SandboxScenario::of(command.reply.amount.amount) == Some(SandboxScenario::Twice);
    if is_played && !command.order.transfers.is_empty() {
        platform.poster.post(command.order.clone()).await?;
    }
    Ok(())
}

// ---- for the ledger's poster

/// Holds what orders were made for, and says which version each has.
pub async fn hold_versions(tx: &mut Tx, objects: &BTreeSet<Versioned>) -> Result<HashMap<Versioned, i64>, db::Fault> {
    let mut versions = HashMap::new();
    let payments: BTreeSet<_> = objects
        .iter()
        .filter_map(|object| match object {
            Versioned::Payment(partner, payment) => Some((*partner, *payment)),
            Versioned::Mandate(..) => None,
        })
        .collect();
    if !payments.is_empty() {
        let rows = store::versions(tx, &payments).await?;
        versions.extend(rows.into_iter().map(|(partner, id, version)| (Versioned::Payment(partner, id), version)));
    }
    let mandates: BTreeSet<_> = objects
        .iter()
        .filter_map(|object| match object {
            Versioned::Mandate(partner, mandate) => Some((*partner, *mandate)),
            Versioned::Payment(..) => None,
        })
        .collect();
    if !mandates.is_empty() {
        let rows = mandates::service::hold_versions(tx, &mandates).await?;
        versions.extend(rows.into_iter().map(|(partner, id, version)| (Versioned::Mandate(partner, id), version)));
    }
    Ok(versions)
}

/// Which of these numbers are taken, and by what.
pub async fn known_numbers(
    tx: &mut Tx,
    numbers: &BTreeSet<(PartnerId, String)>,
) -> Result<HashMap<(PartnerId, String), PaymentId>, db::Fault> {
    if numbers.is_empty() { Ok(HashMap::new()) } else { store::numbers(tx, numbers).await }
}

/// Writes the rows of a batch.
pub async fn write<'p>(tx: &mut Tx, records: impl Iterator<Item = &'p RecordWrite>) -> Result<(), db::Fault> {
    let (mut new, mut changed, mut refunds) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match record {
            RecordWrite::New(row) => new.push(row),
            RecordWrite::Changed(row) => changed.push(row),
            RecordWrite::Refund(partner, row) => refunds.push((*partner, row)),
        }
    }
    if !new.is_empty() {
        store::add(tx, &new).await?;
    }
    if !changed.is_empty() {
        store::put(tx, &changed).await?;
    }
    if !refunds.is_empty() {
        store::add_refunds(tx, &refunds).await?;
    }
    Ok(())
}

/// Writes what the tips of a batch add up to.
pub async fn write_tips<'t>(
    tx: &mut Tx,
    tips: impl Iterator<Item = (PartnerId, &'t TipChange)>,
) -> Result<(), db::Fault> {
    let tips: Vec<_> = tips.collect();
    if tips.is_empty() { Ok(()) } else { store::add_tips(tx, &tips).await }
}

// ---- parts of orders

/// An order that decides about a payment.
fn decided(context: Context<'_>, before: &Row) -> Order {
    let mut order = Order::new(before.partner_id, context.now, before.id);
    order.versions.push((Versioned::Payment(before.partner_id, before.id), before.version));
    order
}

/// An order that ends a payment without money: what was reserved is free, and what it took of the day's limit is given back.
fn given_up(context: Context<'_>, before: &Row, phase: impl Fn(TransferId) -> Phase) -> Order {
    let mut order = decided(context, before);
    if before.is_under_way() {
        order.transfers = of_reserved(context.platform, before, phase);
        order.allowances.push(Allowance {
            limit: LimitName::FanPerDay,
            subject: fan_subject(before.fan_id, before.currency),
            // The last thing that happened to it was that the fan said yes.
            day: model::day_of(before.updated_at),
            takes: -before.amount,
            most: i64::MAX,
        });
    }
    order
}

/// An order that changes nothing, so that the answer is kept under its idempotency key all the same.
fn unchanged(context: Context<'_>, row: &Row) -> LedgerCommand<Payment> {
    let order = Order::new(row.partner_id, context.now, row.id);
    LedgerCommand { order, reply: row.payment(&context.platform.config.public_url) }
}

/// The row, the fact and the reply of a payment that is new or has changed.
fn finish(
    context: Context<'_>,
    mut order: Order,
    record: RecordWrite,
    kind: EventType,
) -> Result<LedgerCommand<Payment>, Fault> {
    let (RecordWrite::New(row) | RecordWrite::Changed(row)) = &record else {
        return Err(Fault::internal("a refund is no payment"));
    };
    let reply = row.payment(&context.platform.config.public_url);
    order.facts.push(outbox::service::fact(order.partner, context.now, kind, &reply)?);
    if row.status != PaymentStatus::RequiresApproval && row.token.is_some() {
        for kind in [EXPIRE_PAYMENT, COMPLETE_PAYMENT] {
            order.cancelled.push((kind, row.id.to_string()));
        }
    }
    order.records.push(record);
    Ok(LedgerCommand { order, reply })
}

/// From the wallet: the circle's part and the payments's.
fn transfers(
    platform: &Platform,
    row: &Row,
    code: TransferCode,
    phase: impl Fn(TransferCode) -> Phase,
) -> Vec<NewTransfer> {
    let wallet = AccountKey::wallet(row.person_id, row.currency);
    let parts = [
        (AccountKey::earnings(row.partner_id, row.circle_id, row.currency), row.net(), code),
        (AccountKey::fees(row.partner_id, row.currency), row.fee, TransferCode::Fee),
    ];
    parts
        .into_iter()
        .filter(|(_, amount, _)| *amount > 0)
        .map(|(credit, amount, code)| NewTransfer {
            id: platform.clock.id(),
            debit: wallet,
            credit,
            amount,
            code,
            phase: phase(code),
        })
        .collect()
}

/// Decides about what is reserved for a payment; nothing when nothing is.
fn of_reserved(platform: &Platform, row: &Row, phase: impl Fn(TransferId) -> Phase) -> Vec<NewTransfer> {
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
fn within_limit(row: &Row, adult: bool) -> Result<(), Fault> {
    let (most, _) = model::limits(row.currency, adult);
    if row.amount <= most {
        return Ok(());
    }
    let most_text = Money::new(most, row.currency);
    let whom = if adult { "" } else { " of a fan not known to be an adult" };
    let detail = format!("One payment{whom} can be at most {most_text}.");
    Err(Fault::new(ErrorCode::PaymentLimitReached).detail(detail).limit(model::per_payment("fan_per_payment", most)))
}

/// What the payment takes of what the fan may pay in a day.
fn daily(row: &Row, adult: bool, now: Time) -> Allowance {
    let (_, most) = model::limits(row.currency, adult);
    Allowance {
        limit: LimitName::FanPerDay,
        subject: fan_subject(row.fan_id, row.currency),
        day: model::day_of(now),
        takes: row.amount,
        most,
    }
}

/// Plays the part that an amount has in a sandbox.
fn play(row: &Row) -> Result<(), Fault> {
    match SandboxScenario::of(row.amount) {
        Some(SandboxScenario::Insufficient) => Err(crate::platform::ledger::service::wallet_insufficient()),
        Some(SandboxScenario::Declined) => Err(ErrorCode::PaymentDeclined.into()),
        Some(SandboxScenario::Down) => Err(Fault::new(ErrorCode::ChannelUnavailable).retry_after(30)),
        Some(SandboxScenario::Slow | SandboxScenario::Twice) | None => Ok(()),
    }
}
