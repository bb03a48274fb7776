//! What a fan may do in a circle.

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::memberships::Membership;
use quanzi_openapi::{ErrorCode, Time};

use super::model::{self, Deed};
use crate::circles::Standing;
use crate::db::Tx;
use crate::fault::Fault;
use crate::{circles, fans, gates, memberships};

/// Refuses a fan who may not do this; gives the membership to do it as, if the fan is in. Called before anything is written:
/// what was answered about a credit band is kept, although it is a refusal.
pub async fn must_have(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    (circle, standing): (CircleId, &Standing),
    fan: FanId,
    deed: Deed,
) -> Result<Option<Membership>, Fault> {
    let membership = memberships::service::find_of_fan(tx, partner, circle, fan).await?;
    let right = deed.right(&standing.rights);
    model::has(deed, right.who.known(), membership.as_ref())?;
    if !right.rules.is_empty() {
        let rules = model::rules(right).ok_or_else(|| {
            Fault::new(ErrorCode::NotAllowedHere)
                .detail("The circle asks for something that cannot be checked right now.")
        })?;
        let facts = fans::service::find(tx, partner, fan).await?;
        let asked = gates::service::Asked { circle, fan, facts, invite_code: None };
        let answers = gates::service::answer(tx, partner, now, &asked, &rules).await?;
        model::passes(&answers).map_err(Fault::keep)?;
    }
    Ok(membership.filter(|membership| model::is_active(Some(membership))))
}

/// Refuses a fan who may not like what is in the circle.
pub async fn may_like(
    tx: &mut Tx,
    partner: PartnerId,
    (circle, standing): (CircleId, &Standing),
    fan: FanId,
) -> Result<(), Fault> {
    let membership = memberships::service::find_of_fan(tx, partner, circle, fan).await?;
    model::likes(&standing.rights, membership.as_ref())
}

/// Refuses a fan who may not read the posts of the circle. A draft is there for nobody but the partner.
pub async fn may_read(tx: &mut Tx, partner: PartnerId, circle: CircleId, fan: FanId) -> Result<(), Fault> {
    let standing = circles::service::look(tx, partner, circle).await?;
    if standing.status == CircleStatus::Draft {
        return Err(ErrorCode::CircleNotFound.into());
    }
    let membership = memberships::service::find_of_fan(tx, partner, circle, fan).await?;
    model::reads(&standing, membership.as_ref())
}

/// Whether the fan keeps the peace in the circle.
pub async fn moderates(tx: &mut Tx, partner: PartnerId, circle: CircleId, fan: FanId) -> Result<bool, Fault> {
    let membership = memberships::service::find_of_fan(tx, partner, circle, fan).await?;
    Ok(model::moderates(membership.as_ref()))
}
