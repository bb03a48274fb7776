//! A kind of record that no capability has, in a table that no migration makes: it is checked, locked and written with transfers, and
//! nothing of the ledger had to be changed for it.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::{ErrorCode, Time};

use super::fixture::{Fixture, Refusal};
use super::order::LedgerOrder;
use super::record::{RecordKind, Verdict};
use crate::on_both_engines;
use crate::platform::db::{self, Db, List, Sql, Tx};
use crate::platform::fault::Fault;

const TABLE: Sql = Sql::new(
    "create table lantern (id text not null primary key, oil integer not null) strict",
    "create table lantern (id text not null primary key, oil bigint not null)",
);
const ADD: Sql = Sql::new("insert into lantern values ('red', 10)", "insert into lantern values ('red', 10)");
const LOCK: Sql = Sql::new(
    "select id, oil from lantern where id in (select value ->> 0 from json_each($1)) order by id",
    "select id, oil from lantern where id in (select value ->> 0 from json_each($1)) order by id for no key update",
);
const BURN: Sql = Sql::new(
    "update lantern set oil = new.oil from (select value ->> 0 as id, cast(value ->> 1 as bigint) as oil from json_each($1)) as new \
     where lantern.id = new.id",
    "update lantern set oil = new.oil from (select value ->> 0 as id, cast(value ->> 1 as bigint) as oil from json_each($1)) as new \
     where lantern.id = new.id",
);
const OIL: Sql = Sql::new("select oil from lantern where id = 'red'", "select oil from lantern where id = 'red'");

/// Oil that is burnt of a lantern, which was seen with so much.
#[derive(Debug, Clone)]
struct Burn {
    lantern: &'static str,
    seen: Option<i64>,
    oil: i64,
}

/// The oil of lanterns, which are locked.
struct Lanterns(BTreeMap<String, i64>);

impl RecordKind for Lanterns {
    type Record = Burn;
    const NAME: &'static str = "lantern";

    async fn load(tx: &mut Tx, records: &[&Burn]) -> Result<Self, db::Fault> {
        let lanterns: BTreeSet<&str> = records.iter().map(|burn| burn.lantern).collect();
        let rows: Vec<(String, i64)> = tx.query(LOCK).bind(List::of(lanterns)).all().await?;
        Ok(Self(rows.into_iter().collect()))
    }

    fn check(&self, burn: &Burn) -> Verdict {
        match self.0.get(burn.lantern) {
            Some(oil) if burn.seen.is_some_and(|seen| seen != *oil) => Verdict::Moved,
            Some(oil) if *oil >= burn.oil => Verdict::Holds,
            _ => Verdict::Refused(Fault::new(ErrorCode::FieldInvalid)),
        }
    }

    fn accept(&mut self, burn: &Burn) {
        *self.0.entry(burn.lantern.to_owned()).or_default() -= burn.oil;
    }

    async fn write(&mut self, tx: &mut Tx, accepted: &[&Burn], _now: Time) -> Result<(), db::Fault> {
        let burnt: BTreeSet<&str> = accepted.iter().map(|burn| burn.lantern).collect();
        let rows = self.0.iter().filter(|(id, _)| burnt.contains(id.as_str()));
        tx.query(BURN).bind(List::rows(rows)).run().await.map(drop)
    }
}

fn burning(mut order: LedgerOrder, oil: i64, seen: Option<i64>) -> LedgerOrder {
    order.add::<Lanterns>(Burn { lantern: "red", seen, oil });
    order
}

async fn oil(db: &Db) -> i64 {
    db.reading_newest().await.unwrap().query(OIL).one::<(i64,)>().await.unwrap().0
}

on_both_engines! {
    async fn an_invented_kind_is_posted_without_editing_the_ledger(db: Db) {
        let fixture = Fixture::new(&db).await;
        let mut tx = db.begin().await.unwrap();
        tx.query(TABLE).run().await.unwrap();
        tx.query(ADD).run().await.unwrap();
        tx.commit().await.unwrap();
        let (rich, poor) = (fixture.person(1_000).await, fixture.person(0).await);

        let outcomes = fixture.post(&[
            burning(fixture.tip(rich, 100), 6, None),
            burning(fixture.tip(rich, 100), 6, None),
            burning(fixture.tip(rich, 100), 1, Some(10)),
            burning(fixture.tip(poor, 100), 4, None),
            burning(fixture.tip(rich, 100), 3, Some(4)),
        ]).await;

        assert_eq!(outcomes[0], Ok(()));
        assert_eq!(outcomes[1], Err(Refusal::Record(ErrorCode::FieldInvalid)), "earlier orders of the batch count");
        assert_eq!(outcomes[2], Err(Refusal::Moved));
        assert!(matches!(outcomes[3], Err(Refusal::Transfers(_))), "{:?}", outcomes[3]);
        assert_eq!(outcomes[4], Ok(()), "a refused order left nothing");
        assert_eq!((oil(&db).await, fixture.wallet(rich).await), (1, 800));
        fixture.books_are_clean().await;
    }

    async fn two_processes_that_burn_one_lantern_wait_for_each_other(db: Db) {
        let one = Fixture::new(&db).await;
        let two = one.elsewhere(&db).await;
        let mut tx = db.begin().await.unwrap();
        tx.query(TABLE).run().await.unwrap();
        tx.query(ADD).run().await.unwrap();
        tx.commit().await.unwrap();
        let person = one.person(1_000).await;

        let orders = |fixture: &Fixture| -> Vec<LedgerOrder> {
            (0..8).map(|_| burning(fixture.tip(person, 10), 1, None)).collect()
        };
        let (here, there) = (orders(&one), orders(&two));
        let (here, there) = tokio::join!(one.ask_again(&here), two.ask_again(&there));

        let posted = here.iter().chain(&there).filter(|outcome| outcome.is_ok()).count();
        assert_eq!((posted, oil(&db).await), (10, 0), "ten measures of oil, and sixteen who wanted one");
        one.books_are_clean().await;
    }
}

#[test]
fn the_ledger_names_no_capability() {
    const NOUNS: [&str; 13] = [
        "payment",
        "refund",
        "mandate",
        "merchant",
        "wallet",
        "circle",
        "fan",
        "gate",
        "membership",
        "comment",
        "webhook",
        "tip",
        "crate::capabilities",
    ];
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/platform/ledger"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() || name.ends_with("_tests.rs") || name == "fixture.rs" {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap().to_lowercase();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let words: BTreeSet<&str> = source.split(|letter: char| !letter.is_alphabetic()).collect();
        for noun in NOUNS {
            let plural = format!("{noun}s");
            assert!(!words.contains(noun) && !words.contains(plural.as_str()), "{name} names a {noun}");
        }
        assert!(!source.contains("crate::capabilities") && !source.contains("crate::edge"), "{name} imports upwards");
    }
}
