//! The guarantees of the layer, one test each, on both engines; each test names the difference between the engines that it
//! covers.

use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::{Executor as _, FromRow};

use super::migrate::{FILES, File};
use super::scratch::Scratch;
use super::{
    As, Bind, Column, Db, Engine, Fault, Json, List, MigrationFault, Settings, Sql, Tx, Value, latest_version,
};
use crate::on_both_engines;
use crate::sql;

const TABLES: File = (
    9001,
    "9001_tests",
    "
    create table pet_owner (
        id text primary key,
        created_at bigint not null
    );
    -- A comment; with 'signs' in it.
    create table pet (
        owner_id text not null references pet_owner (id),
        id text not null,
        name text not null,
        weight bigint not null,
        height double precision,
        alive boolean not null default true,
        tags jsonb,
        photo bytea,
        seen_at bigint,
        primary key (owner_id, id),
        unique (owner_id, name),
        constraint pet_weight_check check (weight >= 0)
    );
    create unique index pet_photo_key on pet (photo) where alive;
    alter table pet add column note text not null default 'it''s; fine';
    ",
);

/// Stands for the types of the contract, which have their own impls.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment(i64);

impl Bind for Moment {
    fn value(&self) -> Value<'_> {
        Value::Integer(Some(self.0))
    }
    fn null() -> Value<'static> {
        Value::Integer(None)
    }
}
impl Column for Moment {
    type Raw = i64;
    fn read(raw: i64) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Self(raw))
    }
}
impl From<As<Option<Moment>>> for Option<Moment> {
    fn from(read: As<Option<Moment>>) -> Self {
        read.0
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct Pet {
    id: String,
    weight: i64,
    height: Option<f64>,
    alive: bool,
    tags: Option<Json<Vec<String>>>,
    photo: Option<Vec<u8>>,
    #[sqlx(try_from = "As<Option<Moment>>")]
    seen_at: Option<Moment>,
}

const OWN: Sql = sql!("insert into pet_owner (id, created_at) values ($1, $2)");
const ADD: Sql = sql!("insert into pet (owner_id, id, name, weight) values ($1, $2, $3, $4)");
const ADD_FULL: Sql = sql!(
    "insert into pet (owner_id, id, name, weight, height, alive, tags, photo, seen_at) ",
    "values ($1, $2, $2, $3, $4, $5, $6, $7, $8) returning id, weight, height, alive, tags, photo, seen_at"
);
const ADD_LIST: Sql = sql!(
    "insert into pet (owner_id, id, name, weight, alive) select $1, value ->> 0, value ->> 0, cast(value ->> 1 as bigint), ",
    "cast(value ->> 2 as boolean) from json_each($2) where true on conflict (owner_id, id) do nothing"
);
const NAMES: Sql = sql!("select name from pet where owner_id = $1 order by name");
const COUNT: Sql = sql!("select count(*) from pet where owner_id = $1");
const FIND: Sql =
    sql!("select id, weight, height, alive, tags, photo, seen_at from pet where owner_id = $1 and id = $2");
const GROW: Sql = sql!("update pet set weight = weight + $3 where owner_id = $1 and id = $2");
const WHERE_ALIVE: Sql =
    sql!("select id from pet where owner_id = $1 and alive and id in (select value ->> 0 from json_each($2))");

async fn with_tables(db: &Db) -> Tx {
    db.migrate_with(&[FILES, &[TABLES]].concat()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.query(OWN).bind("ada").bind(1).run().await.unwrap();
    tx.commit().await.unwrap();
    db.begin().await.unwrap()
}

async fn add(tx: &mut Tx, id: &str, name: &str, weight: i64) -> Result<u64, Fault> {
    tx.query(ADD).bind("ada").bind(id).bind(name).bind(weight).run().await
}

async fn count(db: &Db) -> i64 {
    let mut tx = db.reading().await.unwrap();
    tx.query(COUNT).bind("ada").one::<(i64,)>().await.unwrap().0
}

on_both_engines! {
    async fn every_bindable_type_comes_back_equal(db: Db) {
        let mut tx = with_tables(&db).await;
        let full = Pet {
            id: "rex 犬".into(),
            weight: i64::MAX,
            height: Some(0.1),
            alive: false,
            tags: Some(Json(vec!["good".into(), "\\u0000".into()])),
            photo: Some(vec![0, 255]),
            seen_at: Some(Moment(-7)),
        };

        let read: Pet = tx.query(ADD_FULL).bind("ada").bind(&full.id).bind(full.weight).bind(full.height).bind(full.alive)
            .bind(Json(vec!["good", "\\u0000"])).bind(&full.photo).bind(full.seen_at).one().await.unwrap();
        let bare: Pet = tx.query(ADD_FULL).bind("ada").bind("b").bind(0).bind(None::<f64>).bind(true)
            .bind(None::<Json<()>>).bind(None::<Vec<u8>>).bind(None::<Moment>).one().await.unwrap();

        assert_eq!(read, full);
        assert_eq!(bare, Pet { id: "b".into(), weight: 0, height: None, alive: true, tags: None, photo: None, seen_at: None });
        assert_eq!(tx.query(FIND).bind("ada").bind(&full.id).optional::<Pet>().await.unwrap(), Some(full));
        assert_eq!(tx.query(FIND).bind("ada").bind("nobody").optional::<Pet>().await.unwrap(), None);
        tx.commit().await.unwrap();
    }

    async fn a_list_of_rows_goes_in_as_one_parameter(db: Db) {
        let mut tx = with_tables(&db).await;

        let rows = [("a", 1, true), ("b", i64::MAX, false), ("c'\"\\", 3, true), ("a", 9, true)];
        let added = tx.query(ADD_LIST).bind("ada").bind(List::rows(rows)).run().await.unwrap();
        let alive = tx.query(WHERE_ALIVE).bind("ada").bind(List::of(["a", "b", "c'\"\\"])).all::<(String,)>().await.unwrap();

        assert_eq!(added, 3);
        assert_eq!(alive.len(), 2);
        assert_eq!(tx.query(FIND).bind("ada").bind("b").one::<Pet>().await.unwrap().weight, i64::MAX);
    }

    async fn text_is_ordered_by_its_bytes(db: Db) {
        let mut tx = with_tables(&db).await;
        for name in ["b", "a", "B", "A", "é", "z", "_", "犬"] {
            add(&mut tx, name, name, 1).await.unwrap();
        }

        let names = tx.query(NAMES).bind("ada").all::<(String,)>().await.unwrap();

        assert_eq!(names.into_iter().map(|(name,)| name).collect::<String>(), "AB_abzé犬");
    }

    /// PostgreSQL answers Ok to such a commit and keeps nothing, SQLite keeps the first row.
    async fn nothing_is_kept_after_a_swallowed_error(db: Db) {
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();
        add(&mut tx, "rex", "Max", 1).await.unwrap_err();

        let after = add(&mut tx, "max", "Max", 1).await.unwrap_err();
        let committed = tx.commit().await.unwrap_err();

        assert!(matches!(after, Fault::Failed), "{after:?}");
        assert!(matches!(committed, Fault::Failed), "{committed:?}");
        assert_eq!(count(&db).await, 0);
    }

    async fn a_transaction_dropped_or_rolled_back_keeps_nothing(db: Db) {
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        add(&mut tx, "max", "Max", 1).await.unwrap();
        tx.rollback().await.unwrap();

        assert_eq!(count(&db).await, 0);
    }

    /// Its effect is unknown, so it counts as failed.
    async fn a_statement_dropped_half_way_fails_the_transaction(db: Db) {
        const SLOW: Sql = sql!(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < $1) select count(*) from n"
        );
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();
        // Long enough that it cannot be over by the first poll.
        let dropped = tx.query(SLOW).bind(300_000).one::<(i64,)>().now_or_never();

        assert!(dropped.is_none());
        assert!(tx.has_failed());
        assert!(matches!(tx.commit().await, Err(Fault::Failed)));
        assert_eq!(count(&db).await, 0);
    }

    async fn a_row_that_cannot_be_read_fails_the_transaction(db: Db) {
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();

        let wrong = tx.query(NAMES).bind("ada").all::<(i64,)>().await.unwrap_err();

        assert!(matches!(wrong, Fault::Other(_)), "{wrong:?}");
        assert!(tx.has_failed());
    }

    async fn one_without_a_row_is_missing(db: Db) {
        let mut tx = with_tables(&db).await;

        let missing = tx.query(FIND).bind("ada").bind("rex").one::<Pet>().await.unwrap_err();

        assert!(matches!(missing, Fault::Missing), "{missing:?}");
    }

    /// SQLite reads a missing value as null and ignores one too many.
    async fn a_value_too_few_or_too_many_is_refused(db: Db) {
        let mut tx = with_tables(&db).await;
        let few = tx.query(COUNT).one::<(i64,)>().await.unwrap_err();
        drop(tx);
        let mut tx = db.begin().await.unwrap();
        let many = tx.query(COUNT).bind("ada").bind("bob").one::<(i64,)>().await.unwrap_err();

        assert!(matches!(few, Fault::Misuse(_)), "{few:?}");
        assert!(matches!(many, Fault::Misuse(_)), "{many:?}");
    }

    async fn a_zero_byte_is_refused(db: Db) {
        with_tables(&db).await.rollback().await.unwrap();
        let mut texts = db.reading().await.unwrap();
        let text = texts.query(COUNT).bind("a\0da").one::<(i64,)>().await.unwrap_err();
        let mut lists = db.reading().await.unwrap();
        let list = lists.query(WHERE_ALIVE).bind("ada").bind(List::of(["\0"])).all::<(String,)>().await.unwrap_err();

        assert!(matches!(text, Fault::ZeroByte), "{text:?}");
        assert!(matches!(list, Fault::ZeroByte), "{list:?}");
    }

    /// SQLite would keep it as null.
    async fn a_number_that_is_none_is_refused(db: Db) {
        let mut tx = with_tables(&db).await;

        let refused = tx.query(ADD_FULL).bind("ada").bind("b").bind(0).bind(f64::NAN).bind(true).bind(None::<Json<()>>)
            .bind(None::<Vec<u8>>).bind(None::<Moment>).one::<Pet>().await.unwrap_err();

        assert!(matches!(refused, Fault::Misuse(_)), "{refused:?}");
    }

    /// SQLite would keep a float, were the tables not strict.
    async fn a_sum_beyond_its_column_is_out_of_range(db: Db) {
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", i64::MAX).await.unwrap();

        let grown = tx.query(GROW).bind("ada").bind("rex").bind(1).run().await.unwrap_err();

        assert!(matches!(grown, Fault::OutOfRange), "{grown:?}");
    }

    async fn constraints_have_one_name(db: Db) {
        const NO_NAME: Sql = sql!("insert into pet (owner_id, id, weight) values ('ada', 'x', 1)");
        const PHOTO: Sql = sql!("insert into pet (owner_id, id, name, weight, photo) values ('ada', $1, $1, 1, $2)");
        const STRANGER: Sql = sql!("insert into pet (owner_id, id, name, weight) values ('bob', 'x', 'x', 1)");
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();
        tx.query(PHOTO).bind("shot").bind([1_u8]).run().await.unwrap();
        tx.commit().await.unwrap();
        macro_rules! fault {
            ($tx:ident => $of:expr) => {{
                let mut $tx = db.begin().await.unwrap();
                $of.await.unwrap_err()
            }};
        }

        let key = fault!(tx => add(&mut tx, "rex", "Max", 1));
        let name = fault!(tx => add(&mut tx, "max", "Rex", 1));
        let partial = fault!(tx => tx.query(PHOTO).bind("two").bind([1_u8]).run());
        let owner = fault!(tx => tx.query(OWN).bind("ada").bind(1).run());
        let check = fault!(tx => add(&mut tx, "max", "Max", -1));
        let null = fault!(tx => tx.query(NO_NAME).run());
        let foreign = fault!(tx => tx.query(STRANGER).run());

        assert!(matches!(&key, Fault::Unique(name) if name == "pet_pkey"), "{key:?}");
        assert!(matches!(&name, Fault::Unique(name) if name == "pet_owner_id_name_key"), "{name:?}");
        assert!(matches!(&partial, Fault::Unique(name) if name == "pet_photo_key"), "{partial:?}");
        assert!(matches!(&owner, Fault::Unique(name) if name == "pet_owner_pkey"), "{owner:?}");
        assert!(matches!(&check, Fault::Check(name) if name == "pet_weight_check"), "{check:?}");
        assert!(matches!(&null, Fault::NotNull(column) if column == "pet.name"), "{null:?}");
        assert!(matches!(foreign, Fault::ForeignKey), "{foreign:?}");
    }

    async fn a_reading_handle_cannot_write(db: Db) {
        with_tables(&db).await.rollback().await.unwrap();
        let mut reading = db.reading().await.unwrap();

        let refused = reading.query(GROW).bind("ada").bind("rex").bind(1_i64).optional::<(i64,)>().await.unwrap_err();
        // The engine's own word, in case a statement were taken for a reading one.
        let mut reading = db.reading().await.unwrap();
        reading.query(COUNT).bind("ada").one::<(i64,)>().await.unwrap();
        let by_engine = match db.engine() {
            Engine::Sqlite => sqlx::query("delete from pet").execute(reading.held_sqlite().unwrap()).await.err(),
            Engine::Postgres => sqlx::query("delete from pet").execute(reading.held_postgres().unwrap()).await.err(),
        };

        assert!(matches!(refused, Fault::ReadOnly), "{refused:?}");
        assert!(matches!(by_engine.map(Fault::from), Some(Fault::ReadOnly)));
    }

    async fn readers_see_what_was_committed_and_no_more(db: Db) {
        let mut tx = with_tables(&db).await;
        add(&mut tx, "rex", "Rex", 1).await.unwrap();
        let before = count(&db).await;
        tx.commit().await.unwrap();

        assert_eq!((before, count(&db).await), (0, 1));
    }

    async fn a_changed_migration_is_refused(db: Db) {
        let mut files = FILES.to_vec();
        files[0].2 = "-- @sqlite\nselect 1;";

        let refused = db.migrate_with(&files).await.unwrap_err();

        assert!(matches!(refused, MigrationFault::Changed(1)), "{refused:?}");
    }

    async fn a_newer_database_is_refused_by_both_numbers(db: Db) {
        with_tables(&db).await.rollback().await.unwrap();

        let refused = db.migrate().await.unwrap_err();

        let binary = latest_version();
        assert!(matches!(refused, MigrationFault::Newer { database: 9001, binary: known } if known == binary), "{refused:?}");
        assert!(refused.to_string().contains("migration 9001"));
    }

    async fn a_broken_migration_leaves_nothing_and_blocks_nobody(db: Db) {
        let broken: File = (9001, "9001_tests", "create table half (id bigint primary key); insert into nowhere (id) values (1);");

        let refused = db.migrate_with(&[FILES, &[broken]].concat()).await.unwrap_err();

        assert!(matches!(refused, MigrationFault::Failed(_)), "{refused:?}");
        with_tables(&db).await.rollback().await.unwrap();
    }

    async fn a_store_function_may_run_on_any_thread(db: Db) {
        let mut tx = with_tables(&db).await;

        let added = tokio::spawn(async move { add(&mut tx, "rex", "Rex", 1).await }).await.unwrap();

        assert_eq!(added.unwrap(), 1);
    }
}

/// On SQLite the second waits for the one writer, on PostgreSQL for the unique key.
async fn a_lock_not_got_in_time_is_busy(scratch: Scratch) {
    let limit = Duration::from_millis(100);
    let settings = Settings { acquire_timeout: limit, lock_timeout: limit, ..scratch.settings().clone() };
    let db = Db::open(&settings).await.unwrap();
    db.migrate().await.unwrap();
    let mut first = with_tables(&db).await;
    add(&mut first, "rex", "Rex", 1).await.unwrap();

    let second = async {
        let mut second = db.begin().await?;
        add(&mut second, "rex", "Rex", 1).await
    };
    let fault = second.await.unwrap_err();

    assert!(matches!(fault, Fault::Busy(_)), "{fault:?}");
    drop(first);
    db.close().await;
}

#[tokio::test]
async fn a_lock_not_got_in_time_is_busy_sqlite() {
    a_lock_not_got_in_time_is_busy(Scratch::sqlite().unwrap()).await;
}

#[tokio::test]
async fn a_lock_not_got_in_time_is_busy_postgres() {
    a_lock_not_got_in_time_is_busy(Scratch::postgres().await.unwrap()).await;
}

async fn opened_at_once(settings: &Settings) {
    let open = || async {
        let db = Db::open(settings).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
    };
    tokio::join!(open(), open(), open(), open());
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_migrate_once_sqlite() {
    Box::pin(opened_at_once(Scratch::sqlite().unwrap().settings())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_migrate_once_postgres() {
    Box::pin(opened_at_once(Scratch::postgres().await.unwrap().settings())).await;
}

#[tokio::test]
async fn a_broken_connection_is_replaced_and_a_broken_commit_is_unknown() {
    const KILL: &str = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let scratch = Scratch::postgres().await.unwrap();
    let db = scratch.open().await.unwrap();
    let mut tx = with_tables(&db).await;
    add(&mut tx, "rex", "Rex", 1).await.unwrap();
    let mut killer = db.reading().await.unwrap();

    killer.held_postgres().unwrap().execute(KILL).await.unwrap();
    let lost = tx.commit().await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(1100)).await;

    assert!(matches!(lost, Fault::Unknown(_)), "{lost:?}");
    assert_eq!(count(&db).await, 0);
    drop(killer);
    db.close().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_right_is_refused() {
    for url in ["mysql://x", "sqlite::memory:", "sqlite:", "sqlite:a?mode=ro"] {
        assert!(matches!(Db::open(&Settings::new(url)).await, Err(Fault::Misuse(_))), "{url}");
    }
}

#[test]
fn settings_do_not_show_the_password() {
    let settings = Settings::new("postgres://quanzi:hunter2@db/quanzi");

    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_slow_statement_is_logged_once_and_without_its_values() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let scratch = Scratch::sqlite().unwrap();
    let settings = Settings { slow_statement: Duration::ZERO, ..scratch.settings().clone() };
    let db = Db::open(&settings).await.unwrap();
    db.migrate().await.unwrap();
    with_tables(&db).await.query(COUNT).bind("secret").one::<(i64,)>().await.unwrap();

    db.close().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("count(*)").count(), 1, "{text}");
    assert!(text.contains("slow statement") && !text.contains("secret"), "{text}");
}
