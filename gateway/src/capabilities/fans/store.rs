//! All SQL of fans and the persons behind them.

use std::collections::HashSet;

use quanzi_openapi::fans::Nickname;
use quanzi_openapi::gates::CreditBand;
use quanzi_openapi::id::{FanId, PartnerId, PersonId};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{Limit, Time};
use sqlx::FromRow;

use super::model::{Person, PersonFacts};
use crate::platform::db::{As, Fault, List, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::sql;

enum_columns!(TipDisclosure);

macro_rules! columns {
    () => {
        "select id, person_id, tip_disclosure, nickname, real_name_verified, adult, credit_band, version, created_at \
         from fan where partner_id = $1 and id = $2"
    };
}

const FIND: Sql = sql!(columns!());
/// The fan alone, never the person, which is of no partner: what decides about the person is in this row too.
const LOCK: Sql = sql!(columns!(), [" for no key update"]);
const FIND_OF_PERSON: Sql = sql!("select id from fan where partner_id = $1 and person_id = $2");
const OF_PERSON: Sql =
    sql!("select partner_id, id from fan where person_id = $1 and id < $2 order by id desc limit $3");
const NEWEST: Sql = sql!("select id, nickname from fan where partner_id = $1 order by id desc limit $2");
const RENEW: Sql = sql!(
    "update person set real_name_verified = $2, adult = $3, credit_band = $4, version = version + 1, updated_at = $5 \
     where id = $1 and (real_name_verified <> $2 or adult <> $3 or credit_band is distinct from $4)"
);
const PERSON_OF: Sql = sql!("select person_id from fan where partner_id = $1 and id = $2");
const NICKNAME: Sql = sql!("select nickname from person where id = $1");
const APPEARANCES: Sql = sql!(
    "select id, nickname, tip_disclosure from fan where partner_id = $1 and id in (select value ->> 0 from json_each($2))"
);
const ADOPT: Sql = sql!(
    "insert into fan (partner_id, id, person_id, nickname, real_name_verified, adult, credit_band, version, created_at) \
     select $1, $2, p.id, p.nickname, p.real_name_verified, p.adult, p.credit_band, 1, $4 from person p where p.id = $3 \
     on conflict (partner_id, person_id) do nothing"
);
const INSERT_PERSON: Sql = sql!(
    "insert into person (id, nickname, real_name_verified, adult, credit_band, version, created_at, updated_at) \
     values ($1, $2, $3, $4, $5, 1, $6, $6)"
);
const INSERT_FAN: Sql = sql!(
    "insert into fan (partner_id, id, person_id, tip_disclosure, nickname, real_name_verified, adult, credit_band, version, \
     created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const UPDATE_FAN: Sql = sql!(
    "update fan set tip_disclosure = $3, nickname = $4, real_name_verified = $5, adult = $6, credit_band = $7, version = $8 \
     where partner_id = $1 and id = $2"
);
const UPDATE_PERSON: Sql = sql!(
    "update person set nickname = $2, real_name_verified = $3, adult = $4, credit_band = $5, version = version + 1, \
     updated_at = $6 where id = $1"
);
// In the sandbox only, where a partner writes its fan's person: other partners of that person see the change at once. A sandbox's
// database is one machine's, so that this reaches other partners' rows costs nothing there.
const UPDATE_OTHERS: Sql = sql!(
    "update fan set nickname = $2, real_name_verified = $3, adult = $4, credit_band = $5, version = version + 1 \
     where person_id = $1 and (partner_id <> $6 or id <> $7)"
);
const REFRESH: Sql = sql!(
    "update fan set real_name_verified = $3, adult = $4, credit_band = $5, version = version + 1 \
     where partner_id = $1 and id = $2 and (real_name_verified <> $3 or adult <> $4 or credit_band is distinct from $5)"
);

#[derive(FromRow)]
struct FanRow {
    #[sqlx(try_from = "As<FanId>")]
    id: FanId,
    #[sqlx(try_from = "As<PersonId>")]
    person_id: PersonId,
    #[sqlx(try_from = "As<Option<TipDisclosure>>")]
    tip_disclosure: Option<TipDisclosure>,
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
            id: row.person_id,
            fan: row.id,
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
    let insert = insert.bind(&person.nickname).bind(person.facts.real_name_verified).bind(person.facts.adult);
    insert.bind(person.facts.credit_band).bind(person.version).bind(person.created_at).run().await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, partner: PartnerId, person: &Person) -> Result<(), Fault> {
    let update = tx.query(UPDATE_FAN).bind(partner).bind(person.fan).bind(person.tip_disclosure);
    let update = update.bind(&person.nickname).bind(person.facts.real_name_verified).bind(person.facts.adult);
    update.bind(person.facts.credit_band).bind(person.version).run().await?;
    Ok(())
}

/// Changes the person itself, and the fans it is to other partners than this one.
pub async fn update_person(tx: &mut Tx, partner: PartnerId, person: &Person, now: Time) -> Result<(), Fault> {
    let Person { id, fan, nickname, facts, .. } = person;
    let update = tx.query(UPDATE_PERSON).bind(*id).bind(nickname).bind(facts.real_name_verified);
    update.bind(facts.adult).bind(facts.credit_band).bind(now).run().await?;
    let update = tx.query(UPDATE_OTHERS).bind(*id).bind(nickname).bind(facts.real_name_verified);
    update.bind(facts.adult).bind(facts.credit_band).bind(partner).bind(*fan).run().await?;
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

/// How fans appear to others.
#[derive(Debug, FromRow)]
pub struct Appearance {
    #[sqlx(try_from = "As<FanId>")]
    pub id: FanId,
    #[sqlx(try_from = "As<Nickname>")]
    pub nickname: Nickname,
    #[sqlx(try_from = "As<Option<TipDisclosure>>")]
    pub tip_disclosure: Option<TipDisclosure>,
}

/// What these fans are called, and how they want to appear among tippers.
pub async fn appearances(tx: &mut Reader, partner: PartnerId, fans: &HashSet<FanId>) -> Result<Vec<Appearance>, Fault> {
    tx.query(APPEARANCES).bind(partner).bind(List::of(fans)).all().await
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

/// The same for the fan that a person is to this partner.
pub async fn refresh(tx: &mut Tx, partner: PartnerId, fan: FanId, facts: PersonFacts) -> Result<(), Fault> {
    let refresh = tx.query(REFRESH).bind(partner).bind(fan).bind(facts.real_name_verified).bind(facts.adult);
    refresh.bind(facts.credit_band).run().await?;
    Ok(())
}
