//! All SQL of fans and the persons behind them.

use std::collections::HashSet;

use quanzi_openapi::fans::Nickname;
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::{FanId, PartnerId, PersonId};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{Limit, Time};
use sqlx::FromRow;

use super::model::{Person, PersonFacts};
use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, id_or_upper_bound};
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
const FIND_OF_PERSON: Sql = sql!("select id from fan where partner_id = $1 and person_id = $2");
const OF_PERSON: Sql =
    sql!("select partner_id, id from fan where person_id = $1 and id < $2 order by id desc limit $3");
const NEWEST: Sql = sql!(
    "select f.id, p.nickname from fan f join person p on p.id = f.person_id where f.partner_id = $1 order by f.id desc limit $2"
);
const RENEW: Sql = sql!(
    "update person set real_name_verified = $2, adult = $3, credit_band = $4, version = version + 1, updated_at = $5 \
     where id = $1 and (real_name_verified <> $2 or adult <> $3 or credit_band is distinct from $4)"
);
const PERSON_OF: Sql = sql!("select person_id from fan where partner_id = $1 and id = $2");
const NICKNAME: Sql = sql!("select nickname from person where id = $1");
// One look instead of two: it is asked for each page of comments.
const SHOWN_NICKNAMES: Sql = sql!(
    "select f.id, p.nickname from fan f join person p on p.id = f.person_id where f.partner_id = $1 and f.id in \
     (select value ->> 0 from json_each($2)) and exists (select 1 from fan_grant g where g.partner_id = f.partner_id \
     and g.fan_id = f.id and g.status = 'active' and ' ' || g.scopes || ' ' like '% profile:nickname %')"
);
const ADOPT: Sql = sql!(
    "insert into fan (partner_id, id, person_id, created_at) values ($1, $2, $3, $4) on conflict (partner_id, person_id) do nothing"
);
const INSERT_PERSON: Sql = sql!(
    "insert into person (id, nickname, real_name_verified, adult, credit_band, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, 1, $6, $6)"
);
const INSERT_FAN: Sql =
    sql!("insert into fan (partner_id, id, person_id, tip_disclosure, created_at) values ($1, $2, $3, $4, $5)");
const UPDATE_PERSON: Sql = sql!(
    "update person set nickname = $2, real_name_verified = $3, adult = $4, credit_band = $5, version = $6, \
     updated_at = $7 where id = $1"
);
const UPDATE_FAN: Sql = sql!("update fan set tip_disclosure = $3 where partner_id = $1 and id = $2");

#[derive(FromRow)]
struct FanRow {
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

impl From<FanRow> for Person {
    fn from(row: FanRow) -> Self {
        let facts =
            PersonFacts { real_name_verified: row.real_name_verified, adult: row.adult, credit_band: row.credit_band };
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

pub async fn find(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<Option<Person>, Fault> {
    let row: Option<FanRow> = tx.query(FIND).bind(partner).bind(fan).optional().await?;
    Ok(row.map(Person::from))
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Option<Person>, Fault> {
    let row: Option<FanRow> = tx.query(LOCK).bind(partner).bind(fan).optional().await?;
    Ok(row.map(Person::from))
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, person: &Person) -> Result<(), Fault> {
    insert_person(tx, person.id, &person.nickname, person.facts, person.created_at).await?;
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

#[derive(FromRow)]
struct NicknameOf {
    #[sqlx(try_from = "As<FanId>")]
    id: FanId,
    #[sqlx(try_from = "As<Nickname>")]
    nickname: Nickname,
}

#[derive(FromRow)]
struct IdRow {
    #[sqlx(try_from = "As<FanId>")]
    id: FanId,
}

/// The fan that a person is to this partner.
pub async fn find_of_person(tx: &mut Reader, partner: PartnerId, person: PersonId) -> Result<Option<FanId>, Fault> {
    let row: Option<IdRow> = tx.query(FIND_OF_PERSON).bind(partner).bind(person).optional().await?;
    Ok(row.map(|row| row.id))
}

/// Makes a person a fan of this partner, unless it is one.
pub async fn adopt(tx: &mut Tx, partner: PartnerId, person: PersonId, fan: FanId, now: Time) -> Result<(), Fault> {
    tx.query(ADOPT).bind(partner).bind(fan).bind(person).bind(now).run().await?;
    Ok(())
}

/// The fans that a person is, the newest first, from before this one on.
pub async fn of_person(
    tx: &mut Reader,
    person: PersonId,
    before: Option<FanId>,
    limit: Limit,
) -> Result<Vec<(PartnerId, FanId)>, Fault> {
    #[derive(FromRow)]
    struct FanRow {
        #[sqlx(try_from = "As<PartnerId>")]
        partner_id: PartnerId,
        #[sqlx(try_from = "As<FanId>")]
        id: FanId,
    }
    let rows: Vec<FanRow> = {
        let page = tx.query(OF_PERSON).bind(person).bind(id_or_upper_bound(before));
        page.bind(limit.rows_and_one()).all().await?
    };
    Ok(rows.into_iter().map(|row| (row.partner_id, row.id)).collect())
}

/// The partner's newest fans with their nicknames.
pub async fn newest(tx: &mut Reader, partner: PartnerId, rows: i64) -> Result<Vec<(FanId, Nickname)>, Fault> {
    let rows: Vec<NicknameOf> = tx.query(NEWEST).bind(partner).bind(rows).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.nickname)).collect())
}

/// What these fans are called, of those who let an app of the partner read it.
pub async fn shown_nicknames(
    tx: &mut Reader,
    partner: PartnerId,
    fans: &HashSet<FanId>,
) -> Result<Vec<(FanId, Nickname)>, Fault> {
    let rows: Vec<NicknameOf> = tx.query(SHOWN_NICKNAMES).bind(partner).bind(List::of(fans)).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.nickname)).collect())
}

/// The person behind a fan.
pub async fn person_of(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<Option<PersonId>, Fault> {
    #[derive(FromRow)]
    struct PersonRow {
        #[sqlx(try_from = "As<PersonId>")]
        person_id: PersonId,
    }
    let row: Option<PersonRow> = tx.query(PERSON_OF).bind(partner).bind(fan).optional().await?;
    Ok(row.map(|row| row.person_id))
}

/// What a person is called.
pub async fn nickname(tx: &mut Reader, person: PersonId) -> Result<Option<Nickname>, Fault> {
    #[derive(FromRow)]
    struct NicknameRow {
        #[sqlx(try_from = "As<Nickname>")]
        nickname: Nickname,
    }
    let row: Option<NicknameRow> = tx.query(NICKNAME).bind(person).optional().await?;
    Ok(row.map(|row| row.nickname))
}

/// Adds a person of no partner.
pub async fn insert_person(
    tx: &mut Tx,
    person: PersonId,
    nickname: &Nickname,
    facts: PersonFacts,
    now: Time,
) -> Result<(), Fault> {
    let insert = tx.query(INSERT_PERSON).bind(person).bind(nickname).bind(facts.real_name_verified);
    insert.bind(facts.adult).bind(facts.credit_band).bind(now).run().await?;
    Ok(())
}

/// Puts what is known of a person in place, where it differs.
pub async fn renew(tx: &mut Tx, person: PersonId, facts: PersonFacts, now: Time) -> Result<(), Fault> {
    let renew = tx.query(RENEW).bind(person).bind(facts.real_name_verified).bind(facts.adult);
    renew.bind(facts.credit_band).bind(now).run().await?;
    Ok(())
}
