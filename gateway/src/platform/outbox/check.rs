//! A partner's event log compared with its events; for `quanzi ledger check`.

use crate::platform::db::Sql;
use crate::sql;

const LOGS: Sql = sql!(
    "select l.partner_id, 'the log says ' || l.last_seq || ' and holds ' || count(e.seq) || ' up to ' || coalesce(max(e.seq), 0) \
     from event_log l left join event e on e.partner_id = l.partner_id where l.partner_id = $1 \
     group by l.partner_id, l.last_seq having l.last_seq <> count(e.seq) or l.last_seq <> coalesce(max(e.seq), 0) limit 100"
);

/// What the log adds to `quanzi ledger check`: what is wrong, and the statement that finds it for one partner (`$1`).
pub const LEDGER_CHECKS: &[(&str, Sql)] = &[("an event log has a gap", LOGS)];
