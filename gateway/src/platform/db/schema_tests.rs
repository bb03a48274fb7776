//! The translated migrations. Invariant: after all of them both engines have the same tables, columns, keys and indexes.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::dialect::translate;
use super::engine::Engine;
use super::migrate::FILES;
use super::scratch::Scratch;
use super::{Db, Sql, latest_version};
use crate::sql;

/// One line per fact, so that a difference reads as a diff.
type Facts = Vec<String>;

async fn facts(db: &Db) -> Facts {
    let mut tx = db.reading().await.unwrap();
    let mut facts = match db.engine() {
        Engine::Sqlite => sqlite_facts(tx.held_sqlite().unwrap()).await,
        Engine::Postgres => postgres_facts(tx.held_postgres().unwrap()).await,
    };
    facts.sort();
    facts
}

async fn sqlite_facts(connection: &mut SqliteConnection) -> Facts {
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite%' and name not like '_sqlx%' and sql not like 'create virtual%' and sql like '%strict'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await.unwrap();
    let mut facts = vec![];
    for table in tables {
        let columns = format!("select name, type, \"notnull\" <> 0 or pk > 0, pk from pragma_table_info('{table}')");
        for row in sqlx::query(AssertSqlSafe(columns)).fetch_all(&mut *connection).await.unwrap() {
            let (name, kind, required, key): (String, String, bool, i64) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            facts.push(format!("{table}.{name} {} required={required} key={key}", kind.to_lowercase()));
        }
        let indexes =
            format!("select name, \"unique\", partial, origin from pragma_index_list('{table}') where origin <> 'pk'");
        for row in sqlx::query(AssertSqlSafe(indexes)).fetch_all(&mut *connection).await.unwrap() {
            let (name, unique, partial, origin): (String, bool, bool, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let columns = format!("select coalesce(name, '()') from pragma_index_info('{name}') order by seqno");
            let columns: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(columns)).fetch_all(&mut *connection).await.unwrap();
            let columns = columns.join("_");
            let name = if origin == "u" { format!("{table}_{columns}_key") } else { name };
            facts.push(format!("{table} index {name} ({columns}) unique={unique} partial={partial}"));
        }
    }
    facts
}

async fn postgres_facts(connection: &mut sqlx::PgConnection) -> Facts {
    let columns = "
        select c.relname || '.' || a.attname || ' ' ||
            case format_type(a.atttypid, a.atttypmod) when 'bigint' then 'integer' when 'boolean' then 'integer'
                when 'double precision' then 'real' when 'jsonb' then 'text' when 'bytea' then 'blob'
                else format_type(a.atttypid, a.atttypmod) end ||
            ' required=' || a.attnotnull ||
            ' key=' || coalesce(array_position(p.conkey, a.attnum), 0)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_constraint p on p.conrelid = c.oid and p.contype = 'p'
        where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname <> '_sqlx_migrations'";
    let indexes = "
        select t.relname || ' index ' || n.relname || ' (' || (
                select string_agg(coalesce(a.attname, '()'), '_' order by k.place)
                from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
                left join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum and k.attnum > 0
            ) || ') unique=' || i.indisunique || ' partial=' || (i.indpred is not null)
        from pg_index i join pg_class n on n.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
        join pg_am m on m.oid = n.relam
        where t.relnamespace = 'public'::regnamespace and t.relname <> '_sqlx_migrations' and not i.indisprimary
            and m.amname = 'btree'";
    let mut facts: Facts = sqlx::query_scalar(columns).fetch_all(&mut *connection).await.unwrap();
    facts.extend(sqlx::query_scalar::<_, String>(indexes).fetch_all(&mut *connection).await.unwrap());
    facts
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let (ours, theirs) = (Scratch::sqlite().unwrap(), Scratch::postgres().await.unwrap());
    let (sqlite, postgres) = (ours.open().await.unwrap(), theirs.open().await.unwrap());

    let (sqlite_facts, postgres_facts) = (facts(&sqlite).await, facts(&postgres).await);

    pretty_eq(&sqlite_facts, &postgres_facts);
    sqlite.close().await;
    postgres.close().await;
}

#[tokio::test]
async fn the_comparison_sees_every_kind_of_fact() {
    let (ours, theirs) = (Scratch::sqlite().unwrap(), Scratch::postgres().await.unwrap());
    let (sqlite, postgres) = (ours.open().await.unwrap(), theirs.open().await.unwrap());
    let tables = "create table a (id text primary key, n bigint not null, b boolean, d double precision, j jsonb, x bytea);
        create table b (a_id text not null references a (id), n bigint not null, t text, primary key (n, a_id), unique (t, n));
        create index b_t on b (t) where n > 1; create unique index b_n_key on b (n); create index b_lower on b (lower(t), n);";
    let files = [FILES, &[(9001, "9001_a", tables)]].concat();
    sqlite.migrate_with(&files).await.unwrap();
    postgres.migrate_with(&files).await.unwrap();

    let (sqlite_facts, postgres_facts) = (facts(&sqlite).await, facts(&postgres).await);

    pretty_eq(&sqlite_facts, &postgres_facts);
    let added = sqlite_facts
        .iter()
        .filter(|fact| fact.starts_with("a.") || fact.starts_with("b.") || fact.starts_with("b index"));
    assert_eq!(added.count(), 6 + 3 + 4);
    sqlite.close().await;
    postgres.close().await;
}

fn pretty_eq(sqlite: &Facts, postgres: &Facts) {
    let only = |of: &Facts, other: &Facts| of.iter().filter(|fact| !other.contains(fact)).cloned().collect::<Vec<_>>();
    let (sqlite_only, postgres_only) = (only(sqlite, postgres), only(postgres, sqlite));
    assert!(
        sqlite_only.is_empty() && postgres_only.is_empty(),
        "SQLite only: {sqlite_only:#?}\nPostgreSQL only: {postgres_only:#?}"
    );
}

/// A database may have been made with any collation; ours must not depend on it.
#[tokio::test]
async fn all_text_is_in_byte_order_on_postgresql() {
    let scratch = Scratch::postgres().await.unwrap();
    let db = scratch.open().await.unwrap();
    let mut tx = db.reading().await.unwrap();
    let other = "select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_collation l on l.oid = a.attcollation
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> '_sqlx_migrations' and l.collname <> 'C'";

    let other: Vec<String> = sqlx::query_scalar(other).fetch_all(tx.held_postgres().unwrap()).await.unwrap();

    assert!(other.is_empty(), "{other:?}");
    drop(tx);
    db.close().await;
}

#[test]
fn the_list_of_migrations_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut found: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();

    let listed: Vec<String> = FILES.iter().map(|(_, name, _)| format!("{name}.sql")).collect();

    assert_eq!(listed, found);
    for (place, (version, name, _)) in FILES.iter().enumerate() {
        assert_eq!(*version, i64::try_from(place).unwrap() + 1, "numbers without a gap");
        assert!(name.starts_with(&format!("{version:04}_")), "{name}");
    }
    assert_eq!(latest_version(), i64::try_from(FILES.len()).unwrap());
}

#[test]
fn words_are_translated() {
    let source = "create table a (\n  id text not null, -- the id; not a statement\n  n double precision\n);\n-- @sqlite\nselect 'x';\n-- @both\ndrop index b;";

    let sqlite = translate(source, Engine::Sqlite).unwrap();
    let postgres = translate(source, Engine::Postgres).unwrap();

    assert_eq!(sqlite, "create table a ( id text not null,   n real  ) strict;\nselect 'x';\ndrop index b;\n");
    assert_eq!(postgres, "create table a ( id text collate \"C\" not null,   n double precision  );\ndrop index b;\n");
}

#[test]
fn what_only_one_engine_knows_is_refused_with_its_line() {
    for (source, line, word) in [
        ("create table a (\n id uuid\n)", 2, "bigint"),
        ("create table a (id varchar(3))", 1, "bigint"),
        ("create table a (id bigint) partition by list (id)", 1, "bracket"),
        ("create table a (id bigint,\n check (id > 0))", 2, "check"),
        ("create table a (id bigint check (id > 0))", 1, "check"),
        ("create table a (id bigint, constraint b unique (id))", 1, "a_id_key"),
        ("create table a (id bigint constraint b primary key)", 1, "a_pkey"),
        ("create table if not exists a (id bigint)", 1, "exists"),
        ("create table A (id bigint)", 1, "lower"),
        ("\n\ncreate unique index b on a (id)", 3, "a_id_key"),
        ("create index on a (id)", 1, "name"),
        ("create index b on a using gin (id)", 1, "block"),
        ("create table a (t bigint default now())", 1, "clock"),
        ("create table a (t text default 'x'::text)", 1, "cast"),
        ("create table a (t text default \"x\")", 1, "quotes"),
        ("alter table a add constraint b check (id > 0)", 1, "SQLite"),
        ("alter table a alter column b drop not null", 1, "SQLite"),
        ("create function f() returns bigint as $$ select 1 $$", 1, "block"),
        ("create view v as select 1", 1, "block"),
        (
            "create table a_very_long_name_of_a_table (a_long_name_of_a_column bigint, another_one bigint, unique (a_long_name_of_a_column, another_one))",
            1,
            "63",
        ),
    ] {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let refused = translate(source, engine).expect_err(source);
            assert_eq!(refused.line, line, "{source}: {refused}");
            assert!(refused.problem.contains(word), "{source}: {refused}");
        }
    }
}

const BEFORE: [Sql; 8] = {
    const PARTNER: Sql = sql!(
        "insert into partner (id, name, legal_name, version, created_at, updated_at) values ('ptn_a', 'A', 'A', 1, 1, 1)"
    );
    const APP: Sql = sql!(
        "insert into app (id, partner_id, name, status, scopes, redirect_uris, allowed_addresses, version, created_at, updated_at) \
         values ('app_a', 'ptn_a', 'A', 'active', '', '[]', '[]', 1, 1, 1)"
    );
    const PERSON: Sql = sql!(
        "insert into person (id, nickname, real_name_verified, adult, credit_band, version, created_at, updated_at) \
         values ('psn_a', 'Mei', true, true, 'good', 7, 1, 1)"
    );
    const FAN: Sql =
        sql!("insert into fan (partner_id, id, person_id, created_at) values ('ptn_a', 'fan_a', 'psn_a', 1)");
    const JOBS: Sql = sql!(
        "insert into job (id, kind, partner_id, object, due_at, body, attempts, created_at) \
         values ('job_a', 'k', 'ptn_a', 'o', 5, 'null', 2, 1), ('job_b', 'k', null, 'p', 6, 'null', 0, 1)"
    );
    const ANSWER: Sql = sql!(
        "insert into idempotency (app_id, key, request_hash, status, headers, body, created_at) \
         values ('app_a', 'k-1', $1, 201, '[]', $1, 1)"
    );
    const REFRESH: Sql = sql!(
        "insert into refresh_token (token_hash, partner_id, app_id, grant_id, fan_id, family, scopes, created_at, expires_at) \
         values ($1, 'ptn_a', 'app_a', 'gnt_a', 'fan_a', 'f', '', 1, 2)"
    );
    const NONCE: Sql = sql!("insert into used_nonce (nonce_hash, expires_at) values ($1, 2)");
    [PARTNER, APP, PERSON, FAN, JOBS, ANSWER, REFRESH, NONCE]
};
const AFTER_JOBS: Sql = sql!("select partner_id, id, attempts from job order by id");
const AFTER: Sql = sql!(
    "select i.partner_id || ' ' || r.partner_id || ' ' || f.nickname || ' ' || f.credit_band, f.version from idempotency i, \
     refresh_token r, fan f where i.key = 'k-1' and r.family = 'f' and f.adult = true and f.real_name_verified = true"
);

/// Of the release before the keys began with the partner.
#[tokio::test]
async fn rows_outlive_the_change_of_their_keys() {
    let (ours, theirs) = (Scratch::sqlite().unwrap(), Scratch::postgres().await.unwrap());
    for scratch in [ours, theirs] {
        let db = Db::open(scratch.settings()).await.unwrap();
        db.migrate_with(FILES.get(..13).unwrap()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for (place, statement) in BEFORE.into_iter().enumerate() {
            let query = tx.query(statement);
            let query = if place >= 5 { query.bind([7_u8]) } else { query };
            query.run().await.unwrap();
        }
        tx.commit().await.unwrap();

        db.migrate().await.unwrap();

        let mut reader = db.reading().await.unwrap();
        let jobs: Vec<(String, String, i64)> = reader.query(AFTER_JOBS).all().await.unwrap();
        let platform = format!("ptn_{}", "0".repeat(26));
        assert_eq!(jobs, [("ptn_a".into(), "job_a".into(), 2), (platform, "job_b".into(), 0)]);
        let rest: (String, i64) = reader.query(AFTER).one().await.unwrap();
        assert_eq!(rest, ("ptn_a ptn_a Mei good".to_owned(), 7));
        drop(reader);
        db.close().await;
    }
}
