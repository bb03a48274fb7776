//! What can be done with fans.

use quanzi_openapi::fans::{NewSandboxFan, SandboxFan, SandboxFanChange};
use quanzi_openapi::id::{FanId, PartnerId};
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{ErrorCode, Time};

use super::model::{Facts, Person};
use super::store;
use crate::clock::Clock;
use crate::db::Tx;
use crate::fault::Fault;

/// What is known of the person behind a fan. The fan is held until the end of the transaction: whatever is decided about
/// one fan of a partner is decided one after the other, so nobody joins twice or is asked about too often.
pub async fn find(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Facts, Fault> {
    Ok(store::lock(tx, partner, fan).await?.ok_or_else(missing)?.facts)
}

/// Whether the fan is known to be an adult; nobody is held.
pub async fn is_adult(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<bool, Fault> {
    Ok(store::find(tx, partner, fan).await?.ok_or_else(missing)?.facts.adult)
}

/// The person behind a fan; nobody is held.
pub async fn person(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<Person, Fault> {
    store::find(tx, partner, fan).await?.ok_or_else(missing)
}

/// Invents a person.
pub async fn invent(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    new: &NewSandboxFan,
) -> Result<SandboxFan, Fault> {
    let facts = Facts { real_name_verified: new.real_name_verified, adult: new.adult, credit_band: new.credit_band };
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
pub async fn invented(tx: &mut Tx, partner: PartnerId, fan: FanId) -> Result<SandboxFan, Fault> {
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
        store::update(tx, partner, &after, now).await?;
    }
    Ok(after.invented())
}

/// The fan says how to appear among the tippers of this partner's circles.
pub async fn disclose(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    disclosure: TipDisclosure,
) -> Result<(), Fault> {
    let before = store::lock(tx, partner, fan).await?.ok_or_else(missing)?;
    let after = before.disclosed(disclosure);
    if after != before {
        store::update(tx, partner, &after, now).await?;
    }
    Ok(())
}

fn missing() -> Fault {
    ErrorCode::FanNotFound.into()
}
