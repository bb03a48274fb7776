//! Totals of tips compared with the payments they add up; for `quanzi ledger check`. To hold them against each other it has to read
//! both: the one place where tips read another capability's table.

use crate::platform::db::Sql;
use crate::platform::ledger::CheckSet;
use crate::sql;

const TIPS: Sql = sql!(
    "select p.circle_id, p.currency || ' tips say ' || coalesce(t.amount, 0) || ' and payments ' || cast(sum(p.amount - p.refunded) as bigint) \
     from payment p left join tip_total t on t.partner_id = p.partner_id and t.subject = p.circle_id and t.currency = p.currency \
     where p.partner_id = $1 and p.succeeded_at is not null group by p.circle_id, p.currency, t.amount \
     having coalesce(t.amount, 0) <> sum(p.amount - p.refunded) limit 100"
);
const POST_TIPS: Sql = sql!(
    "select p.post_id, p.currency || ' tips say ' || coalesce(t.amount, 0) || ' and payments ' || cast(sum(p.amount - p.refunded) as bigint) \
     from payment p left join tip_total t on t.partner_id = p.partner_id and t.subject = p.post_id and t.currency = p.currency \
     where p.partner_id = $1 and p.succeeded_at is not null and p.post_id is not null group by p.post_id, p.currency, t.amount \
     having coalesce(t.amount, 0) <> sum(p.amount - p.refunded) limit 100"
);
// To the circle, to members, from members: what the leaderboard is made of.
const TIPPERS: Sql = sql!(
    "select t.fan_id, t.currency || ' in ' || t.circle_id || ' gave ' || t.to_circle || ' and ' || t.to_members || ', got ' || t.from_members || \
     ', and payments say ' || cast(coalesce(sum(m.to_circle), 0) as bigint) || ' and ' || \
     cast(coalesce(sum(m.to_members), 0) as bigint) || ', ' || cast(coalesce(sum(m.from_members), 0) as bigint) \
     from tipper t left join (\
     select circle_id, currency, fan_id, case when author_id is null then amount - refunded else 0 end as to_circle, \
     case when author_id is null then 0 else amount - refunded end as to_members, 0 as from_members \
     from payment where partner_id = $1 and succeeded_at is not null \
     union all select circle_id, currency, author_id, 0, 0, amount - refunded \
     from payment where partner_id = $1 and succeeded_at is not null and author_id is not null) m \
     on m.circle_id = t.circle_id and m.currency = t.currency and m.fan_id = t.fan_id \
     where t.partner_id = $1 \
     group by t.circle_id, t.currency, t.fan_id, t.to_circle, t.to_members, t.from_members, t.score \
     having t.to_circle <> coalesce(sum(m.to_circle), 0) or t.to_members <> coalesce(sum(m.to_members), 0) \
     or t.from_members <> coalesce(sum(m.from_members), 0) or t.score <> t.to_circle + \
     case when t.to_members > t.from_members then t.to_members - t.from_members else 0 end limit 100"
);

/// What tips add to `quanzi ledger check`.
pub const LEDGER_CHECKS: CheckSet = CheckSet {
    counted: None,
    checks: &[
        ("the tips of a circle differ from its payments", TIPS),
        ("the tips of a post differ from its payments", POST_TIPS),
        ("a fan's leaderboard totals differ from the payments", TIPPERS),
    ],
};
