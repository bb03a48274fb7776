//! Use-cases of fans.

use std::collections::{HashMap, HashSet};

use quanzi_openapi::fans::{NewSandboxFan, Nickname, SandboxFan, SandboxFanChange};
use quanzi_openapi::id::{FanId, PartnerId, PersonId};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{ErrorCode, Limit, Time};

use super::model::{Person, PersonFacts};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, Reader, Tx};
use crate::platform::fault::Fault;

/// Partners on one page of a person's own.
const FANS_PER_PAGE: u32 = 20;

/// What is known of the person behind a fan; nothing is locked.
pub async fn find(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<PersonFacts, Fault> {
    Ok(person(tx, partner, fan).await?.facts)
}

/// The same, with the fan locked until the end of the transaction: whatever is decided about one fan of a partner is decided one
/// after the other, so nobody joins twice or is asked about too often.
pub async fn lock(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<PersonFacts, Fault> {
    Ok(store::lock(tx, partner, fan).await?.ok_or_else(missing)?.facts)
}

/// The person behind a fan; nothing is locked.
pub async fn person(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<Person, Fault> {
    store::find(tx, partner, fan).await?.ok_or_else(missing)
}

/// The person behind a fan, by id alone.
pub async fn person_of(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Option<PersonId>, Fault> {
    Ok(store::person_of(tx, partner, fan).await?)
}

/// What a person is called.
pub async fn nickname(tx: &mut Reader, person: PersonId) -> Result<Option<Nickname>, Fault> {
    Ok(store::nickname(tx, person).await?)
}

/// What these fans are called, and how they want to appear among tippers.
pub async fn appearances(
    tx: &mut Reader,
    partner: PartnerId,
    fans: impl IntoIterator<Item = FanId>,
) -> Result<HashMap<FanId, (Nickname, TipDisclosure)>, Fault> {
    let fans: HashSet<FanId> = fans.into_iter().collect();
    if fans.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = store::appearances(tx, partner, &fans).await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.nickname, row.tip_disclosure.unwrap_or_default()))).collect())
}

/// The fan that a person is to this partner, if it is one yet.
pub async fn find_of_person(tx: &mut Reader, partner: PartnerId, person: PersonId) -> Result<Option<FanId>, Fault> {
    Ok(store::find_of_person(tx, partner, person).await?)
}

/// The fan that a person is to this partner from now on: the same at every time, and unlike that of every other partner.
pub async fn of_person(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    person: PersonId,
    now: Time,
) -> Result<FanId, Fault> {
    if let Some(fan) = store::find_of_person(tx, partner, person).await? {
        return Ok(fan);
    }
    store::adopt(tx, partner, person, clock.id(), now).await?;
    // Ours, or that of the request that was faster.
    store::find_of_person(tx, partner, person)
        .await?
        .ok_or_else(|| Fault::internal("a fan that was just created is missing"))
}

/// A page of the fans that a person is, at all partners, the newest first, and the last of them when there are more.
pub async fn fans_of(
    tx: &mut Reader,
    person: PersonId,
    before: Option<FanId>,
) -> Result<(Vec<(PartnerId, FanId)>, Option<FanId>), Fault> {
    let limit = Limit::new(FANS_PER_PAGE);
    let mut fans = store::of_person(tx, person, before, limit).await?;
    let has_more = fans.len() > usize::try_from(FANS_PER_PAGE).unwrap_or(usize::MAX);
    fans.truncate(usize::try_from(FANS_PER_PAGE).unwrap_or(usize::MAX));
    let last = fans.last().map(|(_, fan)| *fan).filter(|_| has_more);
    Ok((fans, last))
}

/// Takes a person in who is no partner's fan yet.
pub async fn admit(
    tx: &mut Tx,
    clock: &Clock,
    now: Time,
    nickname: Nickname,
    facts: PersonFacts,
) -> Result<PersonId, Fault> {
    let person = clock.id();
    store::insert_person(tx, person, &nickname, facts, now).await?;
    Ok(person)
}

/// What is known of a person from now on. The fans it is to partners learn it by [`refresh`].
pub async fn renew(tx: &mut Tx, now: Time, person: PersonId, facts: PersonFacts) -> Result<(), Fault> {
    Ok(store::renew(tx, person, facts, now).await?)
}

/// Brings every fan that a person is up to date with what is known of the person, each in a transaction of its partner's own. What has
/// not changed is not written, so it is done at every sign-in: what a crash left undone the next sign-in does, and before it the person
/// can do nothing.
pub async fn refresh(db: &Db, person: PersonId, facts: PersonFacts) -> Result<(), Fault> {
    let mut before = None;
    loop {
        let (fans, last) = fans_of(&mut db.reading_newest().await?, person, before).await?;
        for (partner, fan) in fans {
            let known = store::find(&mut db.reading_newest().await?, partner, fan).await?;
            if known.is_some_and(|known| known.facts != facts) {
                let mut tx = db.begin().await?;
                store::refresh(&mut tx, partner, fan, facts).await?;
                tx.commit().await?;
            }
        }
        if last.is_none() {
            return Ok(());
        }
        before = last;
    }
}

/// The partner's newest fans (sandbox: who can be chosen on the sign-in page).
pub async fn newest(tx: &mut Reader, partner: PartnerId, rows: i64) -> Result<Vec<(FanId, Nickname)>, Fault> {
    Ok(store::newest(tx, partner, rows).await?)
}

/// Invents a person.
pub async fn invent(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    new: &NewSandboxFan,
) -> Result<SandboxFan, Fault> {
    let facts =
        PersonFacts { real_name_verified: new.real_name_verified, adult: new.adult, credit_band: new.credit_band };
    let person = Person {
        id: clock.id(),
        fan: clock.id(),
        nickname: new.nickname.clone(),
        facts,
        tip_disclosure: new.tip_disclosure.unwrap_or_default(),
        version: 1,
        created_at: now,
    };
    store::insert(tx, partner, &person).await?;
    Ok(person.invented())
}

/// The invented person.
pub async fn invented(tx: &mut Reader, partner: PartnerId, fan: FanId) -> Result<SandboxFan, Fault> {
    Ok(store::find(tx, partner, fan).await?.ok_or_else(missing)?.invented())
}

/// Changes an invented person. What gates have answered about its credit band stands until it expires.
pub async fn change(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    change: &SandboxFanChange,
) -> Result<SandboxFan, Fault> {
    let before = store::lock(tx, partner, fan).await?.ok_or_else(missing)?;
    let after = before.changed(change);
    if after != before {
        store::update(tx, partner, &after).await?;
    }
    if (&after.nickname, after.facts) != (&before.nickname, before.facts) {
        store::update_person(tx, partner, &after, now).await?;
    }
    Ok(after.invented())
}

/// The fan says how to appear among the tippers of this partner's circles.
pub async fn disclose(tx: &mut Tx, partner: PartnerId, fan: FanId, disclosure: TipDisclosure) -> Result<(), Fault> {
    let before = store::lock(tx, partner, fan).await?.ok_or_else(missing)?;
    let after = before.disclosed(disclosure);
    if after != before {
        store::update(tx, partner, &after).await?;
    }
    Ok(())
}

fn missing() -> Fault {
    ErrorCode::FanNotFound.into()
}
