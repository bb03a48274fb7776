//! Every table and every statement held against the rules of an engine that shards rows by partner. Invariant: what such an engine would
//! refuse, or do by asking all its nodes, is either not in the gateway or on a list here, with its reason.

use std::collections::{BTreeMap, BTreeSet};

use super::Db;
use super::scratch::Scratch;
use super::statement_tests::{Shipped, shipped};

/// Rows of one partner each: distributed by `partner_id`.
const TENANT: &[&str] = &[
    "authorization_code",
    "band_answer",
    "band_asked",
    "circle",
    "comment",
    "comment_like",
    "delivery",
    "evaluation",
    "event",
    "event_log",
    "fan",
    "fan_grant",
    "gate",
    "idempotency",
    "job",
    "mandate",
    "membership",
    "payment",
    "post",
    "post_like",
    "pushed_request",
    "refresh_token",
    "refund",
    "right_move",
    "tip_total",
    "tipper",
    "used_assertion",
    "used_nonce",
    "webhook_cursor",
    "webhook_endpoint",
    "webhook_replay",
    "webhook_retry",
];

/// Small tables that every node has a copy of: rarely written, and never locked in a partner's work.
const REFERENCE: &[(&str, &str)] = &[
    ("app", "who calls: found by its id alone, before its partner is known"),
    ("app_key", "found by its thumbprint alone, to say whose key signed"),
    ("partner", "the tenants themselves"),
    ("person", "of no partner: what decides about a person is copied to each partner's fan"),
];

/// Tables of one node, in transactions of their own.
const LOCAL: &[(&str, &str)] = &[
    ("fan_session", "a person's browser: of no partner"),
    ("gateway_key", "the gateway's own keys, read at start"),
    ("revocation", "what every process stops trusting, read by all of them every second"),
    ("sandbox_clock", "one row, of a sandbox only"),
    ("upstream_person", "who is who at the operator's sign-in: of no partner"),
    ("upstream_visit", "browsers on their way to the operator's sign-in: of no partner"),
    ("webhook_worker", "the processes that deliver"),
];

/// Tables of the ledger, whose batches post for many partners at once: not distributed before each batch is one partner's.
const LEDGER: &[(&str, &str)] = &[
    ("account", "a person's wallet is one over all partners, and so is the way in from outside"),
    ("allowance", "limits of a day, by subject"),
    ("reservation", "found by its id alone"),
    ("transfer", "between accounts of different owners"),
];

const SWEEP: &str = "what has expired is deleted by its age, a bounded number of rows at a time";
const POLL: &str = "asked by every process a few times a second about everybody at once, and locks nothing";

const BATCH: &str = "part of the poster's batch, which is not one partner's";
const TOKEN: &str = "a page's address says no partner";

/// Statements on tenants' tables that do not name one partner.
const ALL_TENANTS: &[(&str, &str, &str)] = &[
    ("access/oauth/fan_store.rs", "SWEEP_CODES", SWEEP),
    ("access/oauth/fan_store.rs", "SWEEP_PUSHED", SWEEP),
    ("access/oauth/fan_store.rs", "SWEEP_REFRESH", SWEEP),
    ("access/oauth/store.rs", "SWEEP_ASSERTIONS", SWEEP),
    ("access/replay.rs", "SWEEP", SWEEP),
    ("capabilities/fans/store.rs", "OF_PERSON", "a person's own page: the partners that know the person"),
    ("capabilities/fans/store.rs", "UPDATE_OTHERS", "in the sandbox only, whose database is one machine's"),
    ("capabilities/gates/store.rs", "SWEEP_ANSWERS", SWEEP),
    ("capabilities/gates/store.rs", "SWEEP_ASKED", SWEEP),
    ("capabilities/gates/store.rs", "SWEEP_EVALUATIONS", SWEEP),
    ("capabilities/gates/store.rs", "SWEEP_RIGHT_MOVES", SWEEP),
    ("capabilities/mandates/store.rs", "SWEEP", SWEEP),
    (
        "capabilities/webhooks/queue.rs",
        "NEXT_DUE",
        "for the clock of a sandbox: when the next attempt of anybody is due",
    ),
    ("capabilities/webhooks/queue.rs", "RELEASE", "a process that stops gives back whatever it holds"),
    ("capabilities/webhooks/queue.rs", "WORK", POLL),
    ("capabilities/webhooks/queue.rs", "WORK_OF", POLL),
    ("capabilities/webhooks/store.rs", "SWEEP", SWEEP),
    ("capabilities/mandates/store.rs", "FIND_BY_TOKEN", TOKEN),
    ("capabilities/mandates/store.rs", "LOCK_SHARED_VERSIONS", BATCH),
    ("capabilities/payments/store.rs", "FIND_BY_TOKEN", TOKEN),
    ("capabilities/payments/store.rs", "ADD", BATCH),
    ("capabilities/payments/store.rs", "PUT", BATCH),
    ("capabilities/payments/store.rs", "LOCK_VERSIONS", BATCH),
    ("capabilities/payments/store.rs", "REFERENCES", BATCH),
    ("capabilities/payments/store.rs", "ADD_REFUNDS", BATCH),
    ("capabilities/tips/store.rs", "ADD_TIPS", BATCH),
    ("capabilities/tips/store.rs", "ADD_TIPPERS", BATCH),
    ("capabilities/payments/store.rs", "FACTS", BATCH),
    ("edge/idempotency.rs", "SWEEP", SWEEP),
    ("platform/jobs/store.rs", "DUE_PARTNERS", POLL),
    ("platform/jobs/store.rs", "NEXT", POLL),
    ("platform/jobs/store.rs", "TAKEN", "for tests and the clock of a sandbox: whether anybody works on a job"),
];

/// Unique indexes of tenants' tables that do not begin with `partner_id`.
const OTHER_KEYS: &[(&str, &str)] = &[("mandate_token_key", TOKEN), ("payment_token_key", TOKEN)];

const FACTS: &str = "what decides about a payment is looked up for many payments at once, in one statement";
const CHECK: &str = "`quanzi ledger check` compares rows with those that they follow from, one partner at a time";

/// Tables that are read where they are not written: by whom, which, and why its owner is not asked.
const FOREIGN_READS: &[(&str, &str, &str)] = &[
    ("access/directory", "app", "who calls is known before any capability is asked"),
    ("access/directory", "app_key", "who calls is known before any capability is asked"),
    ("access/oauth", "fan", "the person behind a fan's token, asked for at the edge for each call of a fan"),
    ("capabilities/circles", "partner", "every circle shows the legal name of its operator, also in pages"),
    (
        "capabilities/webhooks",
        "event_log",
        "the ends of all logs would be fetched four times a second to be compared here",
    ),
    ("capabilities/payments", "circle", FACTS),
    ("capabilities/payments", "fan", FACTS),
    ("capabilities/payments", "mandate", FACTS),
    ("capabilities/payments", "membership", FACTS),
    ("capabilities/payments", "partner", FACTS),
    ("capabilities/payments", "person", FACTS),
    ("capabilities/payments", "post", FACTS),
    ("capabilities/payments", "account", CHECK),
    ("capabilities/payments", "transfer", CHECK),
    ("capabilities/tips", "payment", CHECK),
];

/// The words of a statement, without its punctuation.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.')))
        .filter(|w| !w.is_empty())
        .collect()
}

#[derive(Debug, Default)]
struct Mentions {
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
}

impl Mentions {
    fn of(text: &str, tables: &BTreeSet<String>) -> Self {
        let (words, mut mentions) = (words(text), Self::default());
        // Who locks rows decides about them as who writes them does. After `of` stand the aliases of what is locked.
        let lock = ["for update", "for no key update", "for share"].iter().find_map(|lock| text.split_once(lock));
        let aliases = lock.and_then(|(_, rest)| rest.trim_start().strip_prefix("of ")).map(self::words);
        for (place, word) in words.iter().enumerate().filter(|(_, word)| tables.contains(**word)) {
            let before =
                |distance: usize| place.checked_sub(distance).and_then(|at| words.get(at)).copied().unwrap_or("");
            let is_written = match before(1) {
                "into" => true,
                "update" => !matches!(before(2), "do" | "key" | "for"),
                "from" if before(2) == "delete" => true,
                "from" | "join" => {
                    let alias = words.get(place + 1).copied().unwrap_or("");
                    lock.is_some() && aliases.as_ref().is_none_or(|aliases| aliases.contains(&alias))
                }
                _ => continue,
            };
            let into = if is_written { &mut mentions.writes } else { &mut mentions.reads };
            into.insert((*word).to_owned());
        }
        mentions
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().chain(&self.writes).map(String::as_str)
    }
}

/// Whether a statement says whose rows it is about, by a parameter of its own.
fn names_its_tenant(text: &str) -> bool {
    let is_told = |name: &str| {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(name) {
            if before.ends_with([' ', '(', '.']) {
                return true;
            }
            rest = after;
        }
        false
    };
    if let Some((_, values)) =
        text.split_once("insert into ").and_then(|(_, insert)| insert.split_once("(partner_id, "))
    {
        let values = values.split_once(") ").map_or("", |(_, values)| values.trim_start());
        return ["values ($", "select $"].iter().any(|own| values.starts_with(own)) || is_told("partner_id = $");
    }
    is_told("partner_id = $")
}

/// Whether a list brings partners along: an engine cannot see then that all rows are one partner's.
fn lists_tenants(text: &str) -> bool {
    text.contains("(partner_id, ")
        && [") in (select value ->> 0", ") select value ->> 0"].iter().any(|list| text.contains(list))
        && !text.contains("(partner_id, id) in (select partner_id")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tables() -> BTreeSet<String> {
    let other = REFERENCE.iter().chain(LOCAL).chain(LEDGER).map(|(table, _)| *table);
    TENANT.iter().copied().chain(other).map(str::to_owned).collect()
}

async fn texts(db: &Db, query: &'static str) -> Vec<String> {
    let mut tx = db.reading().await.unwrap();
    sqlx::query_scalar(query).fetch_all(tx.held_postgres().unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_table_has_one_class() {
    let scratch = Scratch::postgres().await.unwrap();
    let db = scratch.open().await.unwrap();
    let query = "select cast(relname as text) from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
        and relname <> '_sqlx_migrations'";

    let found: BTreeSet<String> = texts(&db, query).await.into_iter().collect();

    assert_eq!(found, tables(), "a new table is put into one class, see docs/guides/operating.md");
    assert_eq!(tables().len(), TENANT.len() + REFERENCE.len() + LOCAL.len() + LEDGER.len(), "a table has one class");
    db.close().await;
}

#[tokio::test]
async fn the_keys_of_tenants_begin_with_the_partner() {
    let scratch = Scratch::postgres().await.unwrap();
    let db = scratch.open().await.unwrap();
    let indexes = "select t.relname || ' ' || n.relname || ' ' || coalesce(a.attname, '') from pg_index i
        join pg_class n on n.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
        left join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
        where i.indisunique and t.relnamespace = 'public'::regnamespace";
    let columns = "select t.relname || ' ' || l.collname || ' ' || a.attnotnull from pg_attribute a join pg_class t on t.oid = a.attrelid
        join pg_collation l on l.oid = a.attcollation
        where a.attname = 'partner_id' and t.relkind = 'r' and t.relnamespace = 'public'::regnamespace";
    let references = "select t.relname || ' ' || r.relname || ' ' || a.attname from pg_constraint c
        join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid
        join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1]
        where c.contype = 'f' and t.relnamespace = 'public'::regnamespace";

    let (indexes, columns, references) =
        (texts(&db, indexes).await, texts(&db, columns).await, texts(&db, references).await);

    let split = |facts: &[String]| -> Vec<(String, String, String)> {
        facts
            .iter()
            .filter_map(|fact| fact.split_once(' '))
            .filter_map(|(table, rest)| {
                rest.split_once(' ').map(|(one, two)| (table.to_owned(), one.to_owned(), two.to_owned()))
            })
            .collect()
    };
    let is_tenant = |table: &str| TENANT.contains(&table);
    let others: BTreeSet<String> = split(&indexes)
        .into_iter()
        .filter(|(table, _, first)| is_tenant(table) && first != "partner_id")
        .map(|(_, index, _)| index)
        .collect();
    let listed: BTreeSet<String> = OTHER_KEYS.iter().map(|(index, _)| (*index).to_owned()).collect();
    assert_eq!(others, listed, "partner_id is first in every primary and unique key");
    let with_partner: BTreeMap<String, (String, String)> =
        split(&columns).into_iter().map(|(table, collation, required)| (table, (collation, required))).collect();
    for table in TENANT {
        assert_eq!(with_partner.get(*table), Some(&("C".to_owned(), "true".to_owned())), "{table}.partner_id");
    }
    for (table, referenced, first) in split(&references) {
        let is_fine =
            if is_tenant(&table) { !is_tenant(&referenced) || first == "partner_id" } else { !is_tenant(&referenced) };
        assert!(is_fine, "the foreign key from {table} to {referenced} begins with {first}");
    }
    db.close().await;
}

#[test]
fn statements_name_their_tenant_or_have_a_reason_not_to() {
    let (tables, mut problems) = (tables(), Vec::new());
    let mut listed: BTreeSet<(&str, &str)> = ALL_TENANTS.iter().map(|(file, name, _)| (*file, *name)).collect();

    let statements = shipped();
    for Shipped { file, name, text } in &statements {
        let text = one_line(text);
        let mentions = Mentions::of(&text, &tables);
        let tenant = mentions.all().find(|table| TENANT.contains(table));
        let Some(tenant) = tenant else { continue };
        if let Some(local) = mentions.all().find(|table| LOCAL.iter().any(|(name, _)| name == table)) {
            problems.push(format!("{file} {name}: joins {tenant} and {local}, which are on different nodes"));
        }
        let is_listed = listed.remove(&(file.as_str(), name.as_str()));
        let is_told = names_its_tenant(&text) && !lists_tenants(&text);
        if is_told == is_listed {
            problems.push(if is_told {
                format!("{file} {name}: names its partner, so it needs no place on the list")
            } else {
                format!("{file} {name}: names no partner, or brings it in a list")
            });
        }
    }

    problems.extend(listed.into_iter().map(|(file, name)| format!("{file} {name}: is listed and does not exist")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The folder that a file's statements belong to.
fn folder(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').collect();
    let length = if parts.len() > 2 { 2 } else { 1 };
    parts.iter().take(length).copied().collect::<Vec<_>>().join("/")
}

#[test]
fn a_table_is_written_by_one_folder_and_read_by_it() {
    let tables = tables();
    let (mut writers, mut readers): (BTreeMap<String, BTreeSet<String>>, BTreeMap<String, BTreeSet<String>>) =
        Default::default();
    for Shipped { file, text, .. } in &shipped() {
        let mentions = Mentions::of(&one_line(text), &tables);
        for table in mentions.writes {
            writers.entry(table).or_default().insert(folder(file));
        }
        for table in mentions.reads {
            readers.entry(table).or_default().insert(folder(file));
        }
    }

    for (table, folders) in &writers {
        assert_eq!(folders.len(), 1, "{table} is written by {folders:?}");
    }
    let foreign: BTreeSet<(String, String)> = readers
        .iter()
        .flat_map(|(table, folders)| {
            let owner = writers.get(table).cloned().unwrap_or_default();
            folders.difference(&owner).map(|folder| (folder.clone(), table.clone())).collect::<Vec<_>>()
        })
        .collect();
    let listed: BTreeSet<(String, String)> =
        FOREIGN_READS.iter().map(|(folder, table, _)| ((*folder).to_owned(), (*table).to_owned())).collect();
    assert_eq!(foreign, listed, "ask the service of the capability whose table it is");
}

#[test]
fn the_rules_see_what_breaks_them() {
    for told in [
        "select id from circle where partner_id = $1 and id = $2",
        "select c.id from circle c where c.partner_id = $2",
        "insert into circle (partner_id, id) values ($1, $2)",
        "insert into job (partner_id, id) select $1, value ->> 0 from json_each($2) where true",
        "insert into event (partner_id, seq) select l.partner_id, value ->> 0 from event_log l, json_each($2) where l.partner_id = $1",
    ] {
        assert!(names_its_tenant(told) && !lists_tenants(told), "{told}");
    }
    for not_told in [
        "select id from circle where id = $1",
        "select id from circle where other_partner_id = $1",
        "insert into job (partner_id, id) select value ->> 0, value ->> 1 from json_each($1) where true",
        "insert into job (id, partner_id) values ($1, $2)",
        "delete from job where (partner_id, id) in (select value ->> 0, value ->> 1 from json_each($1))",
        "update job set due_at = 1 where partner_id = $1 and (partner_id, id) in (select value ->> 0, value ->> 1 from json_each($2))",
    ] {
        assert!(!names_its_tenant(not_told) || lists_tenants(not_told), "{not_told}");
    }
    let tables: BTreeSet<String> = ["job", "fan", "person"].map(str::to_owned).into();
    let mentions =
        Mentions::of("insert into job (id) select f.id from fan f on conflict (id) do update set a = 1", &tables);
    assert_eq!((mentions.writes.len(), mentions.reads.len()), (1, 1));
    let locked =
        Mentions::of("select f.id from fan f join person p on p.id = f.person_id for no key update of f", &tables);
    assert_eq!((locked.writes.len(), locked.reads.len()), (1, 1));
}
