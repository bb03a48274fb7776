//! All SQL of payments and refunds. The poster's statements write in batches.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId, PaymentId, PersonId, PostId, RefundId};
use quanzi_openapi::mandates::MandateStatus;
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::payments::{DeclineReason, PaymentKind, PaymentStatus};
use quanzi_openapi::{Currency, Limit, Time};
use serde::Serialize;
use sqlx::FromRow;

use super::model::{PaymentRow, RefundRow};
use crate::capabilities::mandates::MandateTerms;
use crate::platform::db::{
    As, Fault, KEYSET_UPPER_BOUND, List, Reader, Sql, Tx, enum_columns, enum_text, id_or_upper_bound,
};
use crate::sql;

enum_columns!(DeclineReason PaymentKind PaymentStatus);

macro_rules! columns {
    () => {
        "select partner_id, id, kind, status, fan_id, person_id, circle_id, post_id, author_id, mandate_id, amount, \
         currency, fee, refunded, fee_refunded, message, merchant_reference, decline_reason, token, pending_net, pending_fee, \
         expires_at, succeeded_at, version, created_at, updated_at from payment "
    };
}
const FIND: Sql = sql!(columns!(), "where partner_id = $1 and id = $2");
const FIND_BY_TOKEN: Sql = sql!(columns!(), "where token = $1");
const PAGE: Sql = sql!(
    columns!(),
    "where partner_id = $1 and id < $2 and id >= $3 and created_at >= $4 and created_at < $5 \
     order by id desc limit $6"
);
const PAGE_BY_CIRCLE: Sql = sql!(
    columns!(),
    "where partner_id = $1 and circle_id = $7 and id < $2 and id >= $3 and created_at >= $4 and created_at < $5 \
     order by id desc limit $6"
);
const PAGE_BY_FAN: Sql = sql!(
    columns!(),
    "where partner_id = $1 and fan_id = $7 and id < $2 and id >= $3 and created_at >= $4 and created_at < $5 \
     order by id desc limit $6"
);
// A merchant reference that another process took meanwhile is seen by the count.
const ADD: Sql = sql!(
    "insert into payment (partner_id, id, kind, status, fan_id, person_id, circle_id, post_id, author_id, mandate_id, \
     amount, currency, fee, refunded, fee_refunded, message, merchant_reference, decline_reason, token, pending_net, pending_fee, \
     expires_at, succeeded_at, version, created_at, updated_at) \
     select value ->> 'partner_id', value ->> 'id', value ->> 'kind', value ->> 'status', value ->> 'fan_id', \
     value ->> 'person_id', value ->> 'circle_id', value ->> 'post_id', value ->> 'author_id', value ->> 'mandate_id', \
     cast(value ->> 'amount' as bigint), value ->> 'currency', cast(value ->> 'fee' as bigint), \
     cast(value ->> 'refunded' as bigint), cast(value ->> 'fee_refunded' as bigint), value ->> 'message', \
     value ->> 'merchant_reference', value ->> 'decline_reason', value ->> 'token', value ->> 'pending_net', \
     value ->> 'pending_fee', cast(value ->> 'expires_at' as bigint), cast(value ->> 'succeeded_at' as bigint), \
     cast(value ->> 'version' as bigint), cast(value ->> 'created_at' as bigint), cast(value ->> 'updated_at' as bigint) \
     from json_each($1) where true \
     on conflict (partner_id, merchant_reference) where merchant_reference is not null do nothing"
);
const PUT: Sql = sql!(
    "update payment set status = new.status, refunded = new.refunded, fee_refunded = new.fee_refunded, \
     decline_reason = new.decline_reason, pending_net = new.pending_net, pending_fee = new.pending_fee, \
     expires_at = new.expires_at, succeeded_at = new.succeeded_at, version = new.version, updated_at = new.updated_at \
     from (select value ->> 'partner_id' as partner_id, value ->> 'id' as id, value ->> 'status' as status, \
     cast(value ->> 'refunded' as bigint) as refunded, cast(value ->> 'fee_refunded' as bigint) as fee_refunded, \
     value ->> 'decline_reason' as decline_reason, value ->> 'pending_net' as pending_net, \
     value ->> 'pending_fee' as pending_fee, cast(value ->> 'expires_at' as bigint) as expires_at, \
     cast(value ->> 'succeeded_at' as bigint) as succeeded_at, cast(value ->> 'version' as bigint) as version, \
     cast(value ->> 'updated_at' as bigint) as updated_at from json_each($1)) as new \
     where payment.partner_id = new.partner_id and payment.id = new.id"
);
const LOCK_VERSIONS: Sql = sql!(
    "select partner_id, id, version from payment where (partner_id, id) in \
     (select value ->> 0, value ->> 1 from json_each($1)) order by partner_id, id",
    [" for no key update"]
);
const REFERENCES: Sql = sql!(
    "select partner_id, merchant_reference, id from payment where merchant_reference is not null and (partner_id, merchant_reference) in \
     (select value ->> 0, value ->> 1 from json_each($1))"
);
const ADD_REFUNDS: Sql = sql!(
    "insert into refund (partner_id, id, payment_id, amount, currency, fee, reason, created_at) \
     select value ->> 'partner_id', value ->> 'id', value ->> 'payment_id', cast(value ->> 'amount' as bigint), \
     value ->> 'currency', cast(value ->> 'fee' as bigint), value ->> 'reason', cast(value ->> 'created_at' as bigint) \
     from json_each($1) where true"
);
macro_rules! refund {
    () => {
        "select id, payment_id, amount, currency, fee, reason, created_at from refund "
    };
}
const FIND_REFUND: Sql = sql!(refund!(), "where partner_id = $1 and id = $2");
const REFUNDS: Sql = sql!(refund!(), "where partner_id = $1 and payment_id = $2 and id < $3 order by id desc limit $4");

// Foreign tables, as the one exception: everything that decides about new payments, for many at once in one round trip. By way of
// each capability's own service it would be seven round trips in the hottest path of the gateway.
const FACTS: Sql = sql!(
    "select p.fee_bps, c.status as circle_status, f.person_id, person.adult, m.status as membership_status, \
     t.id as post_id, coalesce(am.fan_id, t.fan_id) as author_id, d.id as mandate_id, d.fan_id as mandate_fan_id, d.circle_id as mandate_circle_id, \
     d.status as mandate_status, d.currency as mandate_currency, d.per_payment, d.per_day, d.expires_at as mandate_expires_at, \
     d.version as mandate_version \
     from (select cast(value ->> 0 as bigint) as place, value ->> 1 as partner_id, value ->> 2 as circle_id, \
     value ->> 3 as fan_id, value ->> 4 as post_id, value ->> 5 as mandate_id, cast(value ->> 6 as bigint) as now \
     from json_each($1)) as asked \
     join partner p on p.id = asked.partner_id \
     left join circle c on c.partner_id = asked.partner_id and c.id = asked.circle_id \
     left join fan f on f.partner_id = asked.partner_id and f.id = asked.fan_id \
     left join person on person.id = f.person_id \
     left join membership m on m.partner_id = asked.partner_id and m.circle_id = asked.circle_id and m.fan_id = asked.fan_id \
     left join post t on t.partner_id = asked.partner_id and t.id = asked.post_id and t.circle_id = asked.circle_id \
     and t.deleted_at is null and t.publish_at <= asked.now \
     left join membership am on am.partner_id = asked.partner_id and am.id = t.author_id \
     left join mandate d on d.partner_id = asked.partner_id and d.id = asked.mandate_id \
     order by asked.place"
);

/// What has to be known for a new payment.
#[derive(Debug, Clone)]
pub struct PaymentLookup {
    pub partner: PartnerId,
    pub circle: CircleId,
    pub fan: FanId,
    pub post: Option<PostId>,
    pub mandate: Option<MandateId>,
    pub now: Time,
}

/// What decides about a new payment.
#[derive(Debug, Clone, FromRow)]
pub struct PaymentFacts {
    pub fee_bps: Option<i64>,
    #[sqlx(try_from = "As<Option<CircleStatus>>")]
    pub circle_status: Option<CircleStatus>,
    #[sqlx(try_from = "As<Option<PersonId>>")]
    pub person_id: Option<PersonId>,
    pub adult: Option<bool>,
    #[sqlx(try_from = "As<Option<MembershipStatus>>")]
    pub membership_status: Option<MembershipStatus>,
    #[sqlx(try_from = "As<Option<PostId>>")]
    pub post_id: Option<PostId>,
    #[sqlx(try_from = "As<Option<FanId>>")]
    pub author_id: Option<FanId>,
    #[sqlx(flatten)]
    pub mandate: MandateFacts,
}

/// A mandate as far as it decides; all of it or nothing.
#[derive(Debug, Clone, FromRow)]
pub struct MandateFacts {
    #[sqlx(try_from = "As<Option<MandateId>>")]
    mandate_id: Option<MandateId>,
    #[sqlx(try_from = "As<Option<FanId>>")]
    mandate_fan_id: Option<FanId>,
    #[sqlx(try_from = "As<Option<CircleId>>")]
    mandate_circle_id: Option<CircleId>,
    #[sqlx(try_from = "As<Option<MandateStatus>>")]
    mandate_status: Option<MandateStatus>,
    #[sqlx(try_from = "As<Option<Currency>>")]
    mandate_currency: Option<Currency>,
    per_payment: Option<i64>,
    per_day: Option<i64>,
    #[sqlx(try_from = "As<Option<Time>>")]
    mandate_expires_at: Option<Time>,
    mandate_version: Option<i64>,
}

impl MandateFacts {
    /// The mandate, when there is such a one.
    pub fn mandate_terms(&self) -> Option<MandateTerms> {
        Some(MandateTerms {
            id: self.mandate_id?,
            fan: self.mandate_fan_id?,
            circle: self.mandate_circle_id,
            status: self.mandate_status?,
            currency: self.mandate_currency?,
            per_payment: self.per_payment?,
            per_day: self.per_day?,
            expires_at: self.mandate_expires_at,
            version: self.mandate_version?,
        })
    }
}

/// What decides about these payments, each in its place.
pub async fn facts(tx: &mut Reader, lookups: &[PaymentLookup]) -> Result<Vec<PaymentFacts>, Fault> {
    let row = |(place, lookup): (usize, &PaymentLookup)| {
        (place, lookup.partner, lookup.circle, lookup.fan, lookup.post, lookup.mandate, lookup.now.micros())
    };
    let facts: Vec<PaymentFacts> = tx.query(FACTS).bind(List::rows(lookups.iter().enumerate().map(row))).all().await?;
    // The partner is the caller's own, so there is one row for each.
    if facts.len() == lookups.len() { Ok(facts) } else { Err(Fault::Missing) }
}

pub async fn find(tx: &mut Reader, partner: PartnerId, payment: PaymentId) -> Result<Option<PaymentRow>, Fault> {
    tx.query(FIND).bind(partner).bind(payment).optional().await
}

pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<PaymentRow>, Fault> {
    tx.query(FIND_BY_TOKEN).bind(token).optional().await
}

/// Which payments a page is about.
#[derive(Debug, Clone, Copy)]
pub struct PaymentFilter {
    pub circle: Option<CircleId>,
    pub fan: Option<FanId>,
    pub status: Option<PaymentStatus>,
    pub since: Option<Time>,
    pub until: Option<Time>,
}

/// Rows read for one page at most, when most of them are not filter: a page may be short, its cursor goes on.
const SCANNED_MAX: usize = 2_000;

/// Payments before this one, newest first; and where the look ended, when it ended before the page was full.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    filter: PaymentFilter,
    before: Option<PaymentId>,
    limit: Limit,
) -> Result<(Vec<PaymentRow>, Option<PaymentId>), Fault> {
    let mut before = before.map_or_else(|| upper(filter.until), |id| id.to_string());
    let floor = filter.since.map(lower).unwrap_or_default();
    let (mut rows, mut scanned) = (Vec::new(), 0);
    loop {
        let (text, at) = match (filter.fan, filter.circle) {
            (Some(fan), _) => (PAGE_BY_FAN, Some(fan.to_string())),
            (None, Some(circle)) => (PAGE_BY_CIRCLE, Some(circle.to_string())),
            (None, None) => (PAGE, None),
        };
        let query = tx.query(text).bind(partner).bind(before.as_str()).bind(floor.as_str());
        let query = query.bind(filter.since.map_or(0, Time::micros)).bind(filter.until.map_or(i64::MAX, Time::micros));
        let query = query.bind(limit.rows_and_one());
        let found: Vec<PaymentRow> = match at {
            Some(at) => query.bind(at).all().await?,
            None => query.all().await?,
        };
        let is_end = found.len() <= limit.rows();
        scanned += found.len();
        let last = found.last().map(|row| row.id);
        rows.extend(found.into_iter().filter(|row| {
            filter.status.is_none_or(|status| row.status == status)
                && filter.circle.is_none_or(|circle| row.circle_id == circle)
        }));
        if is_end || rows.len() > limit.rows() {
            return Ok((rows, None));
        }
        if scanned >= SCANNED_MAX {
            return Ok((rows, last));
        }
        before = last.map(|id| id.to_string()).unwrap_or_default();
    }
}

/// Ids begin with their time; a payment's own time may be a moment earlier or later than that.
const ID_SLACK_SECONDS: i64 = 3_600;

fn lower(since: Time) -> String {
    PaymentId::first_at(since.plus_seconds(-ID_SLACK_SECONDS)).to_string()
}

fn upper(until: Option<Time>) -> String {
    until.map_or_else(
        || KEYSET_UPPER_BOUND.to_owned(),
        |until| PaymentId::first_at(until.plus_seconds(ID_SLACK_SECONDS)).to_string(),
    )
}

/// Writes payments that are new. When another process took one's merchant reference meanwhile the batch has to be decided anew.
pub async fn add(tx: &mut Tx, rows: &[&PaymentRow]) -> Result<(), Fault> {
    let added = tx.query(ADD).bind(List::rows(rows)).run().await?;
    if usize::try_from(added).is_ok_and(|added| added == rows.len()) { Ok(()) } else { Err(Fault::Retry) }
}

/// Writes payments that changed; of one that changed twice in a batch, the last.
pub async fn put(tx: &mut Tx, rows: &[&PaymentRow]) -> Result<(), Fault> {
    let last: BTreeMap<(PartnerId, PaymentId), &PaymentRow> =
        rows.iter().map(|row| ((row.partner_id, row.id), *row)).collect();
    tx.query(PUT).bind(List::rows(last.into_values())).run().await?;
    Ok(())
}

/// Locks payments, and says which version each has.
pub async fn lock_versions(
    tx: &mut Tx,
    payments: &BTreeSet<(PartnerId, PaymentId)>,
) -> Result<Vec<((PartnerId, PaymentId), i64)>, Fault> {
    let rows: Vec<VersionRow> = tx.query(LOCK_VERSIONS).bind(List::rows(payments)).all().await?;
    Ok(rows.into_iter().map(|row| ((row.partner_id, row.id), row.version)).collect())
}

#[derive(FromRow)]
struct VersionRow {
    #[sqlx(try_from = "As<PartnerId>")]
    partner_id: PartnerId,
    #[sqlx(try_from = "As<PaymentId>")]
    id: PaymentId,
    version: i64,
}

/// Which of these merchant references are taken, and by what.
pub async fn references(
    tx: &mut Reader,
    references: &BTreeSet<(PartnerId, &str)>,
) -> Result<Vec<((PartnerId, String), PaymentId)>, Fault> {
    #[derive(FromRow)]
    struct ReferenceRow {
        #[sqlx(try_from = "As<PartnerId>")]
        partner_id: PartnerId,
        merchant_reference: String,
        #[sqlx(try_from = "As<PaymentId>")]
        id: PaymentId,
    }
    let rows: Vec<ReferenceRow> = tx.query(REFERENCES).bind(List::rows(references)).all().await?;
    Ok(rows.into_iter().map(|row| ((row.partner_id, row.merchant_reference), row.id)).collect())
}

/// A refund that is new.
#[derive(Serialize)]
struct RefundInsert<'a> {
    partner_id: PartnerId,
    #[serde(flatten)]
    row: &'a RefundRow,
}

pub async fn add_refunds(tx: &mut Tx, rows: impl Iterator<Item = (PartnerId, &RefundRow)>) -> Result<(), Fault> {
    let rows = rows.map(|(partner_id, row)| RefundInsert { partner_id, row });
    tx.query(ADD_REFUNDS).bind(List::rows(rows)).run().await?;
    Ok(())
}

pub async fn find_refund(tx: &mut Reader, partner: PartnerId, refund: RefundId) -> Result<Option<RefundRow>, Fault> {
    tx.query(FIND_REFUND).bind(partner).bind(refund).optional().await
}

pub async fn refunds(
    tx: &mut Reader,
    partner: PartnerId,
    payment: PaymentId,
    before: Option<RefundId>,
    limit: Limit,
) -> Result<Vec<RefundRow>, Fault> {
    let before = id_or_upper_bound(before);
    tx.query(REFUNDS).bind(partner).bind(payment).bind(before).bind(limit.rows_and_one()).all().await
}

/// The name of what a fan may spend in a day: a fan of one partner, in one currency.
#[must_use]
pub fn fan_subject(fan: FanId, currency: Currency) -> String {
    format!("{fan}/{}", enum_text(&currency))
}

#[cfg(test)]
mod tests {
    use quanzi_openapi::Money;
    use quanzi_openapi::payments::NewPayment;

    use super::*;
    use crate::platform::clock::Clock;
    use crate::platform::db::named::test::assert_bound_by_name;

    #[test]
    fn every_number_is_written_to_the_column_of_its_name() {
        let clock = Clock::system();
        let (now, partner_id) = (clock.now(), clock.id());
        let new = NewPayment::tip(clock.id(), clock.id(), Money::new(100, Currency::CNY));
        let fee = Money::new(3, Currency::CNY);
        let row = PaymentRow::new((partner_id, clock.id()), &new, (clock.id(), None), fee, now).succeeded(now);
        let (_, refund) = row.refunded(clock.id(), None, None, now).unwrap();

        assert_bound_by_name(ADD, &row);
        assert_bound_by_name(PUT, &row);
        assert_bound_by_name(ADD_REFUNDS, &RefundInsert { partner_id, row: &refund });
    }
}
