//! All SQL of fans and the persons behind them.

use quanzi_openapi::Time;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::{FanId, PartnerId, PersonId};
use quanzi_openapi::tips::TipDisclosure;
use sqlx::FromRow;

use super::model::{Facts, Person};
use crate::db::{As, Fault, Sql, Tx};
use crate::sql;

macro_rules! columns {
    () => {
        "f.id as fan_id, f.tip_disclosure, p.id, p.nickname, p.real_name_verified, p.adult, p.credit_band, p.version, p.created_at \
         from fan f join person p on p.id = f.person_id where f.partner_id = $1 and f.id = $2"
    };
}

const FIND: Sql = sql!("select ", columns!());
/// Both rows: one waiting for the fan's alone would go on with the person as it was before.
const LOCK: Sql = sql!("select ", columns!(), [" for no key update of f, p"]);
const INSERT_PERSON: Sql = sql!(
    "insert into person (id, nickname, real_name_verified, adult, credit_band, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $7)"
);
const INSERT_FAN: Sql =
    sql!("insert into fan (partner_id, id, person_id, tip_disclosure, created_at) values ($1, $2, $3, $4, $5)");
const UPDATE_PERSON: Sql = sql!(
    "update person set nickname = $2, real_name_verified = $3, adult = $4, credit_band = $5, version = $6, \
     updated_at = $7 where id = $1"
);
const UPDATE_FAN: Sql = sql!("update fan set tip_disclosure = $3 where partner_id = $1 and id = $2");

#[derive(FromRow)]
struct Row {
    #[sqlx(try_from = "As<FanId>")]
    fan_id: FanId,
    #[sqlx(try_from = "As<Option<TipDisclosure>>")]
    tip_disclosure: Option<TipDisclosure>,
    #[sqlx(try_from = "As<PersonId>")]
    id: PersonId,
    #[sqlx(try_from = "As<Nickname>")]
    nickname: Nickname,
    real_name_verified: bool,
    adult: bool,
    #[sqlx(try_from = "As<Option<CreditBand>>")]
    credit_band: Option<CreditBand>,
    version: i64,
    #[sqlx(try_from = "As<Time>")]
    created_at: Time,
}

impl From<Row> for Person {
    fn from(row: Row) -> Self {
        let facts =
            Facts { real_name_verified: row.real_name_verified, adult: row.adult, credit_band: row.credit_band };
        Self {
            id: row.id,
            fan: row.fan_id,
            nickname: row.nickname,
            facts,
            tip_disclosure: row.tip_disclosure.unwrap_or_default(),
            version: row.version,
            created_at: row.created_at,
        }
    }
}

pub async fn find(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Option<Person>, Fault> {
    let row: Option<Row> = tx.query(FIND).bind(partner).bind(fan).optional().await?;
    Ok(row.map(Person::from))
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Option<Person>, Fault> {
    let row: Option<Row> = tx.query(LOCK).bind(partner).bind(fan).optional().await?;
    Ok(row.map(Person::from))
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, person: &Person) -> Result<(), Fault> {
    let insert = tx.query(INSERT_PERSON).bind(person.id).bind(&person.nickname).bind(person.facts.real_name_verified);
    let insert = insert.bind(person.facts.adult).bind(person.facts.credit_band).bind(person.version);
    insert.bind(person.created_at).run().await?;
    let insert = tx.query(INSERT_FAN).bind(partner).bind(person.fan).bind(person.id).bind(person.tip_disclosure);
    insert.bind(person.created_at).run().await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, partner: PartnerId, person: &Person, now: Time) -> Result<(), Fault> {
    let update = tx.query(UPDATE_PERSON).bind(person.id).bind(&person.nickname).bind(person.facts.real_name_verified);
    let update = update.bind(person.facts.adult).bind(person.facts.credit_band).bind(person.version);
    update.bind(now).run().await?;
    tx.query(UPDATE_FAN).bind(partner).bind(person.fan).bind(person.tip_disclosure).run().await?;
    Ok(())
}
