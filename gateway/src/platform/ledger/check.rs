//! Reconciles the ledger: every balance with its entries, every reservation with its accounts, and what each capability adds about
//! rows of its own. Only reads, partner by partner, each in a snapshot of its own, so that a batch committed meanwhile is not
//! reported as a difference and no statement reads more than one partner's rows.
//!
//! Accounts that are the same at every partner are checked by the page. That all balances of a currency sum to zero is the one
//! statement about everybody: it reads accounts only, and no other way would say it.

use futures_util::future::BoxFuture;
use quanzi_openapi::id::PartnerId;

use crate::platform::db::{Db, Fault, Reader, Sql};
use crate::sql;

/// Sentences that are listed at most.
const DIFFERENCES_MAX: usize = 100;
/// Partners that are looked up at once.
const PARTNERS_MAX: i64 = 500;

/// What a statement looks for, and the statement: of one partner (`$1`), what is wrong: an object, and a word or number about it; at
/// most 100 rows.
pub type Check = (&'static str, Sql);

/// What a capability has checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckSet {
    /// What is counted for the report, and the statement that counts it for one partner (`$1`).
    pub counted: Option<Check>,
    /// The checks.
    pub checks: &'static [Check],
}

/// The partners after this one in the order of their ids, at most so many.
pub type PartnersAfter =
    for<'t> fn(&'t mut Reader, Option<PartnerId>, i64) -> BoxFuture<'t, Result<Vec<PartnerId>, Fault>>;

/// All checks of a gateway.
#[derive(Debug, Clone, Copy)]
pub struct LedgerChecks {
    partners: PartnersAfter,
    sets: &'static [CheckSet],
}

/// What was checked, and what does not add up.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Accounts whose balance was recomputed.
    pub accounts: i64,
    counted: Vec<(&'static str, i64)>,
    /// At most 100 sentences.
    pub differences: Vec<String>,
}

impl CheckReport {
    /// How many of these were checked.
    pub fn counted(&self, what: &str) -> i64 {
        self.counted.iter().filter(|(counted, _)| *counted == what).map(|(_, count)| count).sum()
    }

    fn count(&mut self, what: &'static str, count: i64) {
        match self.counted.iter_mut().find(|(counted, _)| *counted == what) {
            Some((_, sum)) => *sum += count,
            None => self.counted.push((what, count)),
        }
    }

    fn is_full(&self) -> bool {
        self.differences.len() >= DIFFERENCES_MAX
    }
}

impl LedgerChecks {
    /// The ledger's own checks of these partners, and those of capabilities.
    pub const fn new(partners: PartnersAfter, sets: &'static [CheckSet]) -> Self {
        Self { partners, sets }
    }

    /// Checks everything, or as much as is needed to fill the report.
    pub async fn run(&self, db: &Db) -> Result<CheckReport, Fault> {
        let mut report = CheckReport::default();
        let mut tx = db.snapshot().await?;
        let sums: Vec<(String, String)> = tx.query(CURRENCIES).all().await?;
        report
            .differences
            .extend(sums.into_iter().map(|row| sentence("the balances of a currency do not sum to zero", row)));
        drop(tx);
        check_shared(db, &mut report).await?;
        let mut after = None;
        loop {
            let mut tx = db.reading_newest().await?;
            let partners = (self.partners)(&mut tx, after, PARTNERS_MAX).await?;
            drop(tx);
            for partner in &partners {
                self.check_partner(db, *partner, &mut report).await?;
            }
            after = partners.last().copied();
            if after.is_none() || report.is_full() {
                break;
            }
        }
        report.differences.truncate(DIFFERENCES_MAX);
        Ok(report)
    }

    async fn check_partner(&self, db: &Db, partner: PartnerId, report: &mut CheckReport) -> Result<(), Fault> {
        let mut tx = db.snapshot().await?;
        let (accounts,): (i64,) = tx.query(COUNT).bind(partner).one().await?;
        report.accounts += accounts;
        for (what, count) in self.sets.iter().filter_map(|set| set.counted) {
            let (counted,): (i64,) = tx.query(count).bind(partner).one().await?;
            report.count(what, counted);
        }
        for (what, sql) in PARTNER_CHECKS.iter().chain(self.sets.iter().flat_map(|set| set.checks)) {
            let rows: Vec<(String, String)> = tx.query(*sql).bind(partner).all().await?;
            report.differences.extend(rows.into_iter().map(|row| sentence(what, row)));
        }
        Ok(())
    }
}

/// Checks the accounts that are in nobody's books.
async fn check_shared(db: &Db, report: &mut CheckReport) -> Result<(), Fault> {
    let mut after = String::new();
    while !report.is_full() {
        let mut tx = db.snapshot().await?;
        let (accounts, last): (i64, Option<String>) = tx.query(COUNT_SHARED).bind(after.as_str()).one().await?;
        let Some(last) = last else { break };
        report.accounts += accounts;
        for (what, sql) in SHARED_CHECKS {
            let rows: Vec<(String, String)> = tx.query(sql).bind(after.as_str()).all().await?;
            report.differences.extend(rows.into_iter().map(|row| sentence(what, row)));
        }
        after = last;
    }
    Ok(())
}

fn sentence(what: &str, (object, how): (String, String)) -> String {
    format!("{what}: {object}, {how}")
}

// The sums are cast, as PostgreSQL gives numerics.
const CURRENCIES: Sql = sql!(
    "select currency, cast(cast(sum(balance) as bigint) as text) from account group by currency having sum(balance) <> 0 limit 100"
);
const COUNT: Sql = sql!("select count(*) from account where partner_id = $1");
const COUNT_SHARED: Sql = sql!(
    "select count(*), max(id) from (select id from account where partner_id is null and id > $1 order by id limit 1000) as page"
);

macro_rules! of_partner {
    () => {
        "with a as (select id, balance, reserved, incoming, entries from account where partner_id = $1) "
    };
}
macro_rules! shared {
    () => {
        "with a as (select id, balance, reserved, incoming, entries from account where partner_id is null and id > $1 \
         order by id limit 1000) "
    };
}
macro_rules! balances {
    () => {
        "select a.id, a.balance || ' instead of ' || cast(coalesce(sum(e.change), 0) as bigint) || ', ' || a.entries || \
         ' entries instead of ' || count(e.change) \
         from a left join (select t.debit_id as id, -t.amount as change from a join transfer t on t.debit_id = a.id \
         where t.phase in ('single', 'post') \
         union all select t.credit_id as id, t.amount as change from a join transfer t on t.credit_id = a.id \
         where t.phase in ('single', 'post')) as e on e.id = a.id \
         group by a.id, a.balance, a.entries having a.balance <> coalesce(sum(e.change), 0) or a.entries <> count(e.change) limit 100"
    };
}
macro_rules! running {
    () => {
        "select id, 'entry ' || entry || ' leaves ' || after || ' after ' || before from \
         (select id, entry, after, change, coalesce(lag(after) over (partition by id order by entry), 0) as before, \
         lag(entry) over (partition by id order by entry) as entry_before from \
         (select t.debit_id as id, t.debit_entry as entry, t.debit_after as after, -t.amount as change \
         from a join transfer t on t.debit_id = a.id where t.debit_entry is not null \
         union all select t.credit_id, t.credit_entry, t.credit_after, t.amount \
         from a join transfer t on t.credit_id = a.id where t.credit_entry is not null) as e) as r \
         where after <> before + change or entry <> coalesce(entry_before, 0) + 1 limit 100"
    };
}
macro_rules! reserved {
    () => {
        "select a.id, a.reserved || '/' || a.incoming || ' instead of ' || cast(coalesce(sum(r.outgoing), 0) as bigint) || '/' || \
         cast(coalesce(sum(r.arriving), 0) as bigint) \
         from a left join (select debit_id as id, amount as outgoing, 0 as arriving from reservation \
         union all select credit_id as id, 0 as outgoing, amount as arriving from reservation) as r on r.id = a.id \
         group by a.id, a.reserved, a.incoming \
         having a.reserved <> coalesce(sum(r.outgoing), 0) or a.incoming <> coalesce(sum(r.arriving), 0) limit 100"
    };
}
// A transfer has one debited account, so it is looked at once.
macro_rules! undecided {
    () => {
        "select t.id, 'is reserved and decided' from a join transfer t on t.debit_id = a.id join reservation r on r.id = t.pending_id \
         union all select t.id, 'is neither reserved nor decided' from a join transfer t on t.debit_id = a.id \
         where t.phase = 'pending' and not exists (select 1 from reservation r where r.id = t.id) \
         and not exists (select 1 from transfer d where d.pending_id = t.id) limit 100"
    };
}
macro_rules! entries {
    () => {
        "select t.id, t.phase from a join transfer t on t.debit_id = a.id where (t.phase in ('single', 'post')) <> \
         (t.debit_entry is not null and t.credit_entry is not null and t.debit_after is not null and t.credit_after is not null) \
         limit 100"
    };
}
const BALANCES: Sql = sql!(of_partner!(), balances!());
const RUNNING: Sql = sql!(of_partner!(), running!());
const RESERVED: Sql = sql!(of_partner!(), reserved!());
const UNDECIDED: Sql = sql!(of_partner!(), undecided!());
const ENTRIES: Sql = sql!(of_partner!(), entries!());
const SHARED_BALANCES: Sql = sql!(shared!(), balances!());
const SHARED_RUNNING: Sql = sql!(shared!(), running!());
const SHARED_RESERVED: Sql = sql!(shared!(), reserved!());
const SHARED_UNDECIDED: Sql = sql!(shared!(), undecided!());
const SHARED_ENTRIES: Sql = sql!(shared!(), entries!());
// Money that moves between two accounts that are in nobody's books comes from outside or goes there.
const STRAY: Sql = sql!(
    shared!(),
    "select t.id, 'from ' || t.debit_id || ' to ' || t.credit_id from a join transfer t on t.debit_id = a.id \
     join account b on b.id = t.credit_id where b.partner_id is null \
     and t.debit_kind <> 'channel_clearing' and t.credit_kind <> 'channel_clearing' limit 100"
);

const BALANCE: &str = "the balance of an account is not the sum of its entries";
const ENTRY_CHAIN: &str = "the entries of an account do not follow from each other";
const RESERVATIONS: &str = "what an account has reserved differs from its reservations";
const SETTLED_ONCE: &str = "a reservation was not settled exactly once";
const PHASE: &str = "a transfer is an entry and should not be, or the reverse";

const PARTNER_CHECKS: [Check; 5] = [
    (BALANCE, BALANCES),
    (ENTRY_CHAIN, RUNNING),
    (RESERVATIONS, RESERVED),
    (SETTLED_ONCE, UNDECIDED),
    (PHASE, ENTRIES),
];
const SHARED_CHECKS: [Check; 6] = [
    (BALANCE, SHARED_BALANCES),
    (ENTRY_CHAIN, SHARED_RUNNING),
    (RESERVATIONS, SHARED_RESERVED),
    (SETTLED_ONCE, SHARED_UNDECIDED),
    (PHASE, SHARED_ENTRIES),
    ("a transfer is in nobody's books", STRAY),
];
