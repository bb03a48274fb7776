//! All SQL of payments, refunds and totals of tips. The poster's statements write in batches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::id::{CircleId, FanId, MandateId, PartnerId, PaymentId, PersonId, PostId, RefundId};
use quanzi_openapi::mandates::MandateStatus;
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::payments::{DeclineReason, PaymentKind, PaymentStatus};
use quanzi_openapi::{Currency, Limit, Time};
use sqlx::FromRow;

use super::model::{RefundRow, Row, TipChange};
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
const ADD: Sql = sql!(
    "insert into payment (partner_id, id, kind, status, fan_id, person_id, circle_id, post_id, author_id, mandate_id, \
     amount, currency, fee, refunded, fee_refunded, message, merchant_reference, decline_reason, token, pending_net, pending_fee, \
     expires_at, succeeded_at, version, created_at, updated_at) \
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
     value ->> 8, value ->> 9, cast(value ->> 10 as bigint), value ->> 11, cast(value ->> 12 as bigint), \
     cast(value ->> 13 as bigint), cast(value ->> 14 as bigint), value ->> 15, value ->> 16, value ->> 17, value ->> 18, \
     value ->> 19, value ->> 20, cast(value ->> 21 as bigint), cast(value ->> 22 as bigint), cast(value ->> 23 as bigint), \
     cast(value ->> 24 as bigint), cast(value ->> 25 as bigint) from json_each($1) where true"
);
const PUT: Sql = sql!(
    "update payment set status = new.status, refunded = new.refunded, fee_refunded = new.fee_refunded, \
     decline_reason = new.decline_reason, pending_net = new.pending_net, pending_fee = new.pending_fee, \
     expires_at = new.expires_at, succeeded_at = new.succeeded_at, version = new.version, updated_at = new.updated_at \
     from (select value ->> 0 as partner_id, value ->> 1 as id, value ->> 3 as status, \
     cast(value ->> 13 as bigint) as refunded, cast(value ->> 14 as bigint) as fee_refunded, value ->> 17 as decline_reason, \
     value ->> 19 as pending_net, value ->> 20 as pending_fee, cast(value ->> 21 as bigint) as expires_at, cast(value ->> 22 as bigint) as succeeded_at, \
     cast(value ->> 23 as bigint) as version, cast(value ->> 25 as bigint) as updated_at from json_each($1)) as new \
     where payment.partner_id = new.partner_id and payment.id = new.id"
);
const VERSIONS: Sql = sql!(
    "select partner_id, id, version from payment where (partner_id, id) in \
     (select value ->> 0, value ->> 1 from json_each($1)) order by partner_id, id",
    [" for no key update"]
);
const NUMBERS: Sql = sql!(
    "select partner_id, merchant_reference, id from payment where merchant_reference is not null and (partner_id, merchant_reference) in \
     (select value ->> 0, value ->> 1 from json_each($1))"
);
const ADD_REFUNDS: Sql = sql!(
    "insert into refund (partner_id, id, payment_id, amount, currency, fee, reason, created_at) \
     select value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), value ->> 4, cast(value ->> 5 as bigint), \
     value ->> 6, cast(value ->> 7 as bigint) from json_each($1) where true"
);
macro_rules! refund {
    () => {
        "select id, payment_id, amount, currency, fee, reason, created_at from refund "
    };
}
const FIND_REFUND: Sql = sql!(refund!(), "where partner_id = $1 and id = $2");
const REFUNDS: Sql = sql!(refund!(), "where partner_id = $1 and payment_id = $2 and id < $3 order by id desc limit $4");

const ADD_TIPS: Sql = sql!(
    "insert into tip_total (partner_id, subject, currency, tips, amount) \
     select value ->> 0, value ->> 1, value ->> 2, cast(value ->> 3 as bigint), cast(value ->> 4 as bigint) \
     from json_each($1) where true order by value ->> 0, value ->> 1, value ->> 2 \
     on conflict (partner_id, subject, currency) do update set tips = tip_total.tips + excluded.tips, \
     amount = tip_total.amount + excluded.amount"
);
// score: what went to the circle, and to members as far as it is more than what came from members.
const ADD_TIPPERS: Sql = sql!(
    "insert into tipper (partner_id, circle_id, currency, fan_id, to_circle, to_members, from_members, score) \
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, cast(value ->> 4 as bigint), cast(value ->> 5 as bigint), \
     cast(value ->> 6 as bigint), cast(value ->> 7 as bigint) \
     from json_each($1) where true order by value ->> 0, value ->> 1, value ->> 2, value ->> 3 \
     on conflict (partner_id, circle_id, currency, fan_id) do update set \
     to_circle = tipper.to_circle + excluded.to_circle, to_members = tipper.to_members + excluded.to_members, \
     from_members = tipper.from_members + excluded.from_members, \
     score = tipper.to_circle + excluded.to_circle + case \
     when tipper.to_members + excluded.to_members > tipper.from_members + excluded.from_members \
     then tipper.to_members + excluded.to_members - tipper.from_members - excluded.from_members else 0 end"
);
// One look at all that decides about new payments, many at once: it is asked for each of them.
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
pub struct Question {
    pub partner: PartnerId,
    pub circle: CircleId,
    pub fan: FanId,
    pub post: Option<PostId>,
    pub mandate: Option<MandateId>,
    pub now: Time,
}

/// What decides about a new payment.
#[derive(Debug, Clone, FromRow)]
pub struct Facts {
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

/// The answers to these questions, each in its place.
pub async fn facts(tx: &mut Reader, questions: &[Question]) -> Result<Vec<Facts>, Fault> {
    let row = |(place, asked): (usize, &Question)| {
        (place, asked.partner, asked.circle, asked.fan, asked.post, asked.mandate, asked.now.micros())
    };
    let facts: Vec<Facts> = tx.query(FACTS).bind(List::rows(questions.iter().enumerate().map(row))).all().await?;
    // The partner is the caller's own, so there is one row for each.
    if facts.len() == questions.len() { Ok(facts) } else { Err(Fault::Missing) }
}

pub async fn find(tx: &mut Reader, partner: PartnerId, payment: PaymentId) -> Result<Option<Row>, Fault> {
    tx.query(FIND).bind(partner).bind(payment).optional().await
}

pub async fn find_by_token(tx: &mut Reader, token: &str) -> Result<Option<Row>, Fault> {
    tx.query(FIND_BY_TOKEN).bind(token).optional().await
}

/// Which payments a page is about.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub circle: Option<CircleId>,
    pub fan: Option<FanId>,
    pub status: Option<PaymentStatus>,
    pub since: Option<Time>,
    pub until: Option<Time>,
}

/// Rows read for one page at most, when most of them are not wanted: a page may be short, its cursor goes on.
const SCANNED_MAX: usize = 2_000;

/// Payments before this one, newest first; and where the look ended, when it ended before the page was full.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    wanted: Wanted,
    before: Option<PaymentId>,
    limit: Limit,
) -> Result<(Vec<Row>, Option<PaymentId>), Fault> {
    let mut before = before.map_or_else(|| upper(wanted.until), |id| id.to_string());
    let floor = wanted.since.map(lower).unwrap_or_default();
    let (mut rows, mut scanned) = (Vec::new(), 0);
    loop {
        let (text, at) = match (wanted.fan, wanted.circle) {
            (Some(fan), _) => (PAGE_BY_FAN, Some(fan.to_string())),
            (None, Some(circle)) => (PAGE_BY_CIRCLE, Some(circle.to_string())),
            (None, None) => (PAGE, None),
        };
        let query = tx.query(text).bind(partner).bind(before.as_str()).bind(floor.as_str());
        let query = query.bind(wanted.since.map_or(0, Time::micros)).bind(wanted.until.map_or(i64::MAX, Time::micros));
        let query = query.bind(limit.rows_and_one());
        let found: Vec<Row> = match at {
            Some(at) => query.bind(at).all().await?,
            None => query.all().await?,
        };
        let is_end = found.len() <= limit.rows();
        scanned += found.len();
        let last = found.last().map(|row| row.id);
        rows.extend(found.into_iter().filter(|row| {
            wanted.status.is_none_or(|status| row.status == status)
                && wanted.circle.is_none_or(|circle| row.circle_id == circle)
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

fn values(row: &Row) -> Vec<serde_json::Value> {
    use serde_json::json;
    vec![
        json!(row.partner_id),
        json!(row.id),
        json!(row.kind),
        json!(row.status),
        json!(row.fan_id),
        json!(row.person_id),
        json!(row.circle_id),
        json!(row.post_id),
        json!(row.author_id),
        json!(row.mandate_id),
        json!(row.amount),
        json!(row.currency),
        json!(row.fee),
        json!(row.refunded),
        json!(row.fee_refunded),
        json!(row.message),
        json!(row.merchant_reference),
        json!(row.decline_reason),
        json!(row.token),
        json!(row.pending_net),
        json!(row.pending_fee),
        json!(row.expires_at.map(Time::micros)),
        json!(row.succeeded_at.map(Time::micros)),
        json!(row.version),
        json!(row.created_at.micros()),
        json!(row.updated_at.micros()),
    ]
}

/// Writes payments that are new. When another process took one's number meanwhile the batch has to be decided anew.
pub async fn add(tx: &mut Tx, rows: &[&Row]) -> Result<(), Fault> {
    match tx.query(ADD).bind(List::rows(rows.iter().map(|row| values(row)))).run().await {
        Err(Fault::Unique(name)) if name == "payment_partner_id_merchant_reference_key" => Err(Fault::Retry),
        outcome => outcome.map(drop),
    }
}

/// Writes payments that changed; of one that changed twice in a batch, the last.
pub async fn put(tx: &mut Tx, rows: &[&Row]) -> Result<(), Fault> {
    let last: BTreeMap<(PartnerId, PaymentId), &Row> =
        rows.iter().map(|row| ((row.partner_id, row.id), *row)).collect();
    tx.query(PUT).bind(List::rows(last.values().map(|row| values(row)))).run().await?;
    Ok(())
}

/// Holds payments, and says which version each has.
pub async fn versions(
    tx: &mut Tx,
    payments: &BTreeSet<(PartnerId, PaymentId)>,
) -> Result<Vec<(PartnerId, PaymentId, i64)>, Fault> {
    let rows: Vec<VersionRow> = tx.query(VERSIONS).bind(List::rows(payments)).all().await?;
    Ok(rows.into_iter().map(|row| (row.partner_id, row.id, row.version)).collect())
}

#[derive(FromRow)]
struct VersionRow {
    #[sqlx(try_from = "As<PartnerId>")]
    partner_id: PartnerId,
    #[sqlx(try_from = "As<PaymentId>")]
    id: PaymentId,
    version: i64,
}

/// Which of these numbers are taken, and by what.
pub async fn numbers(
    tx: &mut Reader,
    numbers: &BTreeSet<(PartnerId, String)>,
) -> Result<HashMap<(PartnerId, String), PaymentId>, Fault> {
    #[derive(FromRow)]
    struct Taken {
        #[sqlx(try_from = "As<PartnerId>")]
        partner_id: PartnerId,
        merchant_reference: String,
        #[sqlx(try_from = "As<PaymentId>")]
        id: PaymentId,
    }
    let rows: Vec<Taken> = tx.query(NUMBERS).bind(List::rows(numbers)).all().await?;
    Ok(rows.into_iter().map(|row| ((row.partner_id, row.merchant_reference), row.id)).collect())
}

pub async fn add_refunds(tx: &mut Tx, rows: &[(PartnerId, &RefundRow)]) -> Result<(), Fault> {
    let rows = rows.iter().map(|(partner, row)| {
        let reason = row.reason.as_ref();
        let at = row.created_at.micros();
        (*partner, row.id, row.payment_id, row.amount, row.currency.code(), row.fee, reason, at)
    });
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

/// A fan in a circle, and a currency.
type Tipper<'t> = (PartnerId, CircleId, &'t str, FanId);

/// Adds up what a batch of tips changes, and writes it.
pub async fn add_tips(tx: &mut Tx, tips: &[(PartnerId, &TipChange)]) -> Result<(), Fault> {
    let mut totals: BTreeMap<(PartnerId, String, &str), (i64, i64)> = BTreeMap::new();
    let mut tippers: BTreeMap<Tipper<'_>, (i64, i64, i64)> = BTreeMap::new();
    for (partner, tip) in tips {
        let currency = tip.currency.code();
        let subjects = std::iter::once(tip.circle.to_string()).chain(tip.post.map(|post| post.to_string()));
        for subject in subjects {
            let total = totals.entry((*partner, subject, currency)).or_default();
            *total = (total.0 + tip.tips, total.1 + tip.amount);
        }
        let fan = tippers.entry((*partner, tip.circle, currency, tip.fan)).or_default();
        match tip.author {
            None => fan.0 += tip.amount,
            Some(author) => {
                fan.1 += tip.amount;
                tippers.entry((*partner, tip.circle, currency, author)).or_default().2 += tip.amount;
            }
        }
    }
    let rows = totals
        .into_iter()
        .map(|((partner, subject, currency), (tips, amount))| (partner, subject, currency, tips, amount));
    tx.query(ADD_TIPS).bind(List::rows(rows)).run().await?;
    let rows = tippers.into_iter().map(|((partner, circle, currency, fan), (to_circle, to_members, from_members))| {
        let score = to_circle + (to_members - from_members).max(0);
        (partner, circle, currency, fan, to_circle, to_members, from_members, score)
    });
    tx.query(ADD_TIPPERS).bind(List::rows(rows)).run().await?;
    Ok(())
}

/// The name of what a fan may spend in a day: a fan of one partner, in one currency.
#[must_use]
pub fn fan_subject(fan: FanId, currency: quanzi_openapi::Currency) -> String {
    format!("{fan}/{}", enum_text(&currency))
}
