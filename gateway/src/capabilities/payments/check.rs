//! Payments and refunds of a partner compared with what the ledger moved for them; for `quanzi ledger check`.

use crate::platform::db::Sql;
use crate::platform::ledger::CheckSet;
use crate::sql;

const COUNT: Sql = sql!("select count(*) from payment where partner_id = $1");
// Paid when it succeeded, nothing otherwise. A payment credits accounts of the partner, by which its transfers are found.
const PAYMENTS: Sql = sql!(
    "with moved as (select t.object, t.code, t.amount from account a join transfer t on t.credit_id = a.id \
     where a.partner_id = $1 and t.phase in ('single', 'post')) \
     select p.id, p.status || ' for ' || p.amount || ' of which ' || p.fee || ' fee, moved ' || \
     cast(coalesce(sum(t.amount), 0) as bigint) || ' of which ' || \
     cast(coalesce(sum(case when t.code = 'fee' then t.amount else 0 end), 0) as bigint) || ' fee' \
     from payment p left join moved t on t.object = p.id where p.partner_id = $1 \
     group by p.id, p.status, p.amount, p.fee \
     having coalesce(sum(t.amount), 0) <> case when p.status in ('succeeded', 'partially_refunded', 'refunded') then p.amount else 0 end \
     or coalesce(sum(case when t.code = 'fee' then t.amount else 0 end), 0) <> \
     case when p.status in ('succeeded', 'partially_refunded', 'refunded') then p.fee else 0 end limit 100"
);
const REFUNDED: Sql = sql!(
    "select p.id, p.status || ': refunded ' || p.refunded || ' of which ' || p.fee_refunded || ' fee, refunds are ' || \
     cast(coalesce(sum(r.amount), 0) as bigint) || ' of which ' || cast(coalesce(sum(r.fee), 0) as bigint) \
     from payment p left join refund r on r.partner_id = p.partner_id and r.payment_id = p.id where p.partner_id = $1 \
     group by p.id, p.status, p.amount, p.refunded, p.fee_refunded \
     having p.refunded <> coalesce(sum(r.amount), 0) or p.fee_refunded <> coalesce(sum(r.fee), 0) \
     or (p.status = 'refunded') <> (p.refunded = p.amount) \
     or (p.status = 'partially_refunded') <> (p.refunded > 0 and p.refunded < p.amount) limit 100"
);
const REFUNDS: Sql = sql!(
    "with moved as (select t.object, t.code, t.amount from account a join transfer t on t.debit_id = a.id \
     where a.partner_id = $1 and t.phase = 'single') \
     select r.id, r.amount || ' of which ' || r.fee || ' fee, moved ' || cast(coalesce(sum(t.amount), 0) as bigint) || ' of which ' || \
     cast(coalesce(sum(case when t.code = 'fee_refund' then t.amount else 0 end), 0) as bigint) || ' fee' \
     from refund r left join moved t on t.object = r.id where r.partner_id = $1 \
     group by r.id, r.amount, r.fee having r.amount <> coalesce(sum(t.amount), 0) \
     or r.fee <> coalesce(sum(case when t.code = 'fee_refund' then t.amount else 0 end), 0) limit 100"
);
const RESERVED_FOR: Sql = sql!(
    "select id, status || ' with something reserved' from payment where partner_id = $1 \
     and (pending_net is not null or pending_fee is not null) and status <> 'requires_approval' limit 100"
);
const OBJECTS: Sql = sql!(
    "with moved as (select t.id, t.object, t.code from account a join transfer t on t.credit_id = a.id where a.partner_id = $1 \
     union all select t.id, t.object, t.code from account a join transfer t on t.debit_id = a.id where a.partner_id = $1) \
     select t.id, 'is for ' || t.object || ', which does not exist' from moved t \
     where t.code in ('tip', 'fee', 'refund', 'fee_refund') \
     and not exists (select 1 from payment p where p.partner_id = $1 and p.id = t.object) \
     and not exists (select 1 from refund r where r.partner_id = $1 and r.id = t.object) limit 100"
);

/// What is counted.
pub const COUNTED: &str = "payments";

/// What payments add to `quanzi ledger check`.
pub const LEDGER_CHECKS: CheckSet = CheckSet {
    counted: Some((COUNTED, COUNT)),
    checks: &[
        ("a payment differs from its transfers", PAYMENTS),
        ("a payment differs from its refunds", REFUNDED),
        ("a refund differs from its transfers", REFUNDS),
        ("a settled payment still has money reserved", RESERVED_FOR),
        ("a transfer belongs to no payment or refund", OBJECTS),
    ],
};
