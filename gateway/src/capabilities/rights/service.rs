//! Checks what a fan may do in a circle.

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::memberships::Membership;
use quanzi_openapi::{ErrorCode, Time};

use super::model::{self, Action};
use crate::capabilities::circles;
use crate::capabilities::circles::CirclePolicy;
use crate::capabilities::fans;
use crate::capabilities::gates;
use crate::capabilities::memberships;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

/// Refuses a fan who is not among those who may do this; gives the membership to do it as, if the fan is in. The fan and the
/// membership are held until the end of the transaction: who is banned meanwhile is banned after it. What the right asks of
/// the person comes last ([`authorize_rules`]).
pub async fn authorize_role(
    tx: &mut Tx,
    partner: PartnerId,
    (circle, policy): (CircleId, &CirclePolicy),
    fan: FanId,
    action: Action,
) -> Result<Option<Membership>, Fault> {
    fans::service::lock(tx, partner, fan).await?;
    let membership = memberships::service::lock_shared_of_fan(tx, partner, circle, fan).await?;
    model::reads(policy, membership.as_ref())?;
    model::has(action, action.right(&policy.rights).who.known(), membership.as_ref())?;
    Ok(membership.filter(|membership| model::is_active(Some(membership))))
}

/// Refuses a fan whom a rule of the right refuses, and keeps what was answered about a credit band.
///
/// The last of all checks. A refusal after it would take the answer back, also where the fan passed, and the band could be asked
/// for again and again; one that cannot come earlier must keep what was written ([`Fault::keep_writes`]).
pub async fn authorize_rules(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    (circle, policy): (CircleId, &CirclePolicy),
    fan: FanId,
    action: Action,
) -> Result<(), Fault> {
    let right = action.right(&policy.rights);
    if right.rules.is_empty() {
        return Ok(());
    }
    let rules = model::rules(right).ok_or_else(|| {
        Fault::new(ErrorCode::NotAllowedHere).detail("The circle has a requirement that cannot be checked right now.")
    })?;
    let facts = fans::service::lock(tx, partner, fan).await?;
    let asked = gates::service::GateInput { circle, fan, facts, invite_code: None };
    let answers = gates::service::answer(tx, partner, now, &asked, &rules).await?;
    model::passes(&answers).map_err(Fault::keep_writes)
}

/// Refuses a fan who may not like what is in the circle. The membership is held until the end of the transaction.
pub async fn may_like(
    tx: &mut Tx,
    partner: PartnerId,
    (circle, policy): (CircleId, &CirclePolicy),
    fan: FanId,
) -> Result<(), Fault> {
    let membership = memberships::service::lock_shared_of_fan(tx, partner, circle, fan).await?;
    model::reads(policy, membership.as_ref())?;
    model::likes(&policy.rights, membership.as_ref())
}

/// Refuses a fan who may not read the posts of the circle. A draft is there for nobody but the partner.
pub async fn may_read(tx: &mut Reader, partner: PartnerId, circle: CircleId, fan: FanId) -> Result<(), Fault> {
    let policy = circles::service::policy(tx, partner, circle).await?;
    if policy.status == CircleStatus::Draft {
        return Err(ErrorCode::CircleNotFound.into());
    }
    let membership = memberships::service::find_of_fan(tx, partner, circle, fan).await?;
    model::reads(&policy, membership.as_ref())
}

/// Whether the fan keeps the peace in the circle, and will until the end of the transaction.
pub async fn moderates(tx: &mut Tx, partner: PartnerId, circle: CircleId, fan: FanId) -> Result<bool, Fault> {
    let membership = memberships::service::lock_shared_of_fan(tx, partner, circle, fan).await?;
    Ok(model::moderates(membership.as_ref()))
}
