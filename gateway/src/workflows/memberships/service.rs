//! Use-cases of a membership together with the member's posts.

use quanzi_openapi::id::{FanId, MembershipId, PartnerId};
use quanzi_openapi::memberships::Membership;
use quanzi_openapi::{ErrorCode, Time};

use crate::capabilities::content;
use crate::capabilities::memberships::{self, MembershipAction};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Approves, rejects, removes, bans or unbans a fan, or has a member leave.
pub async fn act(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    membership: MembershipId,
    action: MembershipAction,
) -> Result<Membership, Fault> {
    let transition = memberships::service::prepare(tx, partner, membership, action).await?;
    if transition.ends_membership() {
        content::service::unschedule_of(tx, partner, now, membership).await?;
    }
    memberships::service::complete(tx, partner, now, transition).await
}

/// Leaves a circle for a fan, whose membership it must be.
pub async fn leave_as_fan(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    membership: MembershipId,
) -> Result<(), Fault> {
    if memberships::service::find(tx, partner, membership).await?.fan != fan {
        return Err(ErrorCode::MembershipNotFound.into());
    }
    act(tx, partner, now, membership, MembershipAction::Leave).await.map(drop)
}
