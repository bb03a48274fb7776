//! Reconciles the ledger: every balance with its entries, every payment with its transfers. Only reads, in one snapshot, so
//! that a batch committed meanwhile is not reported as a difference.

use quanzi_openapi::ledger::LedgerCheck;

use crate::platform::db::{Db, Fault, Sql};
use crate::sql;

/// Sentences that are listed at most.
const DIFFERENCES_MAX: usize = 100;

const COUNTS: Sql = sql!("select (select count(*) from account), (select count(*) from payment)");
// Each statement below finds what is wrong: an object, and a word or number about it. The sums are cast, as PostgreSQL gives numerics.
const CURRENCIES: Sql = sql!(
    "select currency, cast(cast(sum(balance) as bigint) as text) from account group by currency having sum(balance) <> 0 limit 100"
);
const BALANCES: Sql = sql!(
    "select a.id, a.balance || ' instead of ' || cast(coalesce(sum(e.change), 0) as bigint) || ', ' || a.entries || ' entries instead of ' || count(e.change) \
     from account a left join (select debit_id as id, -amount as change from transfer where phase in ('single', 'post') \
     union all select credit_id as id, amount as change from transfer where phase in ('single', 'post')) as e on e.id = a.id \
     group by a.id, a.balance, a.entries having a.balance <> coalesce(sum(e.change), 0) or a.entries <> count(e.change) limit 100"
);
const RUNNING: Sql = sql!(
    "select id, 'entry ' || entry || ' leaves ' || after || ' after ' || before from \
     (select id, entry, after, change, coalesce(lag(after) over (partition by id order by entry), 0) as before, \
     lag(entry) over (partition by id order by entry) as entry_before from \
     (select debit_id as id, debit_entry as entry, debit_after as after, -amount as change from transfer where debit_entry is not null \
     union all select credit_id, credit_entry, credit_after, amount from transfer where credit_entry is not null) as e) as r \
     where after <> before + change or entry <> coalesce(entry_before, 0) + 1 limit 100"
);
const RESERVED: Sql = sql!(
    "select a.id, a.reserved || '/' || a.incoming || ' instead of ' || cast(coalesce(sum(r.outgoing), 0) as bigint) || '/' || \
     cast(coalesce(sum(r.arriving), 0) as bigint) \
     from account a left join (select debit_id as id, amount as outgoing, 0 as arriving from reservation \
     union all select credit_id as id, 0 as outgoing, amount as arriving from reservation) as r on r.id = a.id \
     group by a.id, a.reserved, a.incoming \
     having a.reserved <> coalesce(sum(r.outgoing), 0) or a.incoming <> coalesce(sum(r.arriving), 0) limit 100"
);
const UNDECIDED: Sql = sql!(
    "select t.id, 'is reserved and decided' from transfer t join reservation r on r.id = t.pending_id \
     union all select t.id, 'is neither reserved nor decided' from transfer t where t.phase = 'pending' \
     and not exists (select 1 from reservation r where r.id = t.id) \
     and not exists (select 1 from transfer d where d.pending_id = t.id) limit 100"
);
const ENTRIES: Sql = sql!(
    "select id, phase from transfer where (phase in ('single', 'post')) <> (debit_entry is not null and credit_entry is not null \
     and debit_after is not null and credit_after is not null) limit 100"
);
// What a payment says, and what moved for it: paid when it succeeded, nothing otherwise.
const PAYMENTS: Sql = sql!(
    "select p.id, p.status || ' for ' || p.amount || ' of which ' || p.fee || ' fee, moved ' || \
     cast(coalesce(sum(t.amount), 0) as bigint) || ' of which ' || \
     cast(coalesce(sum(case when t.code = 'fee' then t.amount else 0 end), 0) as bigint) || ' fee' \
     from payment p left join transfer t on t.object = p.id and t.phase in ('single', 'post') \
     group by p.id, p.status, p.amount, p.fee \
     having coalesce(sum(t.amount), 0) <> case when p.status in ('succeeded', 'partially_refunded', 'refunded') then p.amount else 0 end \
     or coalesce(sum(case when t.code = 'fee' then t.amount else 0 end), 0) <> \
     case when p.status in ('succeeded', 'partially_refunded', 'refunded') then p.fee else 0 end limit 100"
);
const REFUNDED: Sql = sql!(
    "select p.id, p.status || ': refunded ' || p.refunded || ' of which ' || p.fee_refunded || ' fee, refunds are ' || \
     cast(coalesce(sum(r.amount), 0) as bigint) || ' of which ' || cast(coalesce(sum(r.fee), 0) as bigint) \
     from payment p left join refund r on r.partner_id = p.partner_id and r.payment_id = p.id \
     group by p.id, p.status, p.amount, p.refunded, p.fee_refunded \
     having p.refunded <> coalesce(sum(r.amount), 0) or p.fee_refunded <> coalesce(sum(r.fee), 0) \
     or (p.status = 'refunded') <> (p.refunded = p.amount) \
     or (p.status = 'partially_refunded') <> (p.refunded > 0 and p.refunded < p.amount) limit 100"
);
const REFUNDS: Sql = sql!(
    "select r.id, r.amount || ' of which ' || r.fee || ' fee, moved ' || cast(coalesce(sum(t.amount), 0) as bigint) || ' of which ' || \
     cast(coalesce(sum(case when t.code = 'fee_refund' then t.amount else 0 end), 0) as bigint) || ' fee' \
     from refund r left join transfer t on t.object = r.id and t.phase = 'single' \
     group by r.id, r.amount, r.fee having r.amount <> coalesce(sum(t.amount), 0) \
     or r.fee <> coalesce(sum(case when t.code = 'fee_refund' then t.amount else 0 end), 0) limit 100"
);
const RESERVED_FOR: Sql = sql!(
    "select id, status || ' with something reserved' from payment \
     where (pending_net is not null or pending_fee is not null) and status <> 'requires_approval' limit 100"
);
const OBJECTS: Sql = sql!(
    "select t.id, 'is for ' || t.object || ', which does not exist' from transfer t where t.code <> 'top_up' \
     and not exists (select 1 from payment p where p.partner_id = t.partner_id and p.id = t.object) \
     and not exists (select 1 from refund r where r.partner_id = t.partner_id and r.id = t.object) limit 100"
);
const TIPS: Sql = sql!(
    "select p.circle_id, p.currency || ' tips say ' || coalesce(t.amount, 0) || ' and payments ' || cast(sum(p.amount - p.refunded) as bigint) \
     from payment p left join tip_total t on t.partner_id = p.partner_id and t.subject = p.circle_id and t.currency = p.currency \
     where p.succeeded_at is not null group by p.circle_id, p.currency, t.amount \
     having coalesce(t.amount, 0) <> sum(p.amount - p.refunded) limit 100"
);
const POST_TIPS: Sql = sql!(
    "select p.post_id, p.currency || ' tips say ' || coalesce(t.amount, 0) || ' and payments ' || cast(sum(p.amount - p.refunded) as bigint) \
     from payment p left join tip_total t on t.partner_id = p.partner_id and t.subject = p.post_id and t.currency = p.currency \
     where p.succeeded_at is not null and p.post_id is not null group by p.post_id, p.currency, t.amount \
     having coalesce(t.amount, 0) <> sum(p.amount - p.refunded) limit 100"
);
// To the circle, to members, from members: what the leaderboard is made of.
const TIPPERS: Sql = sql!(
    "select t.fan_id, t.currency || ' in ' || t.circle_id || ' gave ' || t.to_circle || ' and ' || t.to_members || ', got ' || t.from_members || \
     ', and payments say ' || cast(coalesce(sum(m.to_circle), 0) as bigint) || ' and ' || \
     cast(coalesce(sum(m.to_members), 0) as bigint) || ', ' || cast(coalesce(sum(m.from_members), 0) as bigint) \
     from tipper t left join (\
     select partner_id, circle_id, currency, fan_id, case when author_id is null then amount - refunded else 0 end as to_circle, \
     case when author_id is null then 0 else amount - refunded end as to_members, 0 as from_members \
     from payment where succeeded_at is not null \
     union all select partner_id, circle_id, currency, author_id, 0, 0, amount - refunded \
     from payment where succeeded_at is not null and author_id is not null) m \
     on m.partner_id = t.partner_id and m.circle_id = t.circle_id and m.currency = t.currency and m.fan_id = t.fan_id \
     group by t.partner_id, t.circle_id, t.currency, t.fan_id, t.to_circle, t.to_members, t.from_members, t.score \
     having t.to_circle <> coalesce(sum(m.to_circle), 0) or t.to_members <> coalesce(sum(m.to_members), 0) \
     or t.from_members <> coalesce(sum(m.from_members), 0) or t.score <> t.to_circle + \
     case when t.to_members > t.from_members then t.to_members - t.from_members else 0 end limit 100"
);
const LOGS: Sql = sql!(
    "select l.partner_id, 'the log says ' || l.last_seq || ' and holds ' || count(e.seq) || ' up to ' || coalesce(max(e.seq), 0) \
     from event_log l left join event e on e.partner_id = l.partner_id \
     group by l.partner_id, l.last_seq having l.last_seq <> count(e.seq) or l.last_seq <> coalesce(max(e.seq), 0) limit 100"
);

/// What each statement looks for.
const CHECKS: [(&str, Sql); 15] = [
    ("the balances of a currency do not sum to zero", CURRENCIES),
    ("the balance of an account is not the sum of its entries", BALANCES),
    ("the entries of an account do not follow from each other", RUNNING),
    ("what an account has reserved differs from its reservations", RESERVED),
    ("a reservation was not settled exactly once", UNDECIDED),
    ("a transfer is an entry and should not be, or the reverse", ENTRIES),
    ("a payment differs from its transfers", PAYMENTS),
    ("a payment differs from its refunds", REFUNDED),
    ("a refund differs from its transfers", REFUNDS),
    ("a settled payment still has money reserved", RESERVED_FOR),
    ("a transfer belongs to no payment or refund", OBJECTS),
    ("the tips of a circle differ from its payments", TIPS),
    ("the tips of a post differ from its payments", POST_TIPS),
    ("a fan's leaderboard totals differ from the payments", TIPPERS),
    ("an event log has a gap", LOGS),
];

/// Checks all of it.
pub async fn run(db: &Db) -> Result<LedgerCheck, Fault> {
    let mut tx = db.snapshot().await?;
    let (accounts, payments): (i64, i64) = tx.query(COUNTS).one().await?;
    let mut differences = Vec::new();
    for (what, sql) in CHECKS {
        let rows: Vec<(String, String)> = tx.query(sql).all().await?;
        differences.extend(rows.into_iter().map(|(object, how)| format!("{what}: {object}, {how}")));
    }
    differences.truncate(DIFFERENCES_MAX);
    Ok(LedgerCheck { clean: differences.is_empty(), accounts, payments, differences })
}
