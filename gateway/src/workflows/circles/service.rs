//! Use-cases of a circle together with its gate and its posts.

use quanzi_openapi::Time;
use quanzi_openapi::circles::{Circle, CircleChange, CircleStatus, NewCircle};
use quanzi_openapi::id::{CircleId, PartnerId};

use crate::capabilities::circles;
use crate::capabilities::content;
use crate::capabilities::gates;
use crate::platform::clock::Clock;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Creates a circle: a draft behind an open gate.
pub async fn create(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    new: &NewCircle,
) -> Result<Circle, Fault> {
    let circle = circles::service::draft(tx, clock, partner, now, new).await?;
    gates::check_bands(&circle.rights, None)?;
    circles::service::create(tx, partner, &circle).await?;
    gates::service::create_open(tx, clock, partner, now, circle.id).await?;
    Ok(circle)
}

/// Changes a circle, which is locked; other rights must fit its gate.
pub async fn change(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    before: &Circle,
    change: &CircleChange,
) -> Result<Circle, Fault> {
    let after = circles::service::changed(before, change, now)?;
    if after.rights != before.rights {
        gates::service::change_rights(tx, partner, now, before.id, (&before.rights, &after.rights)).await?;
    }
    circles::service::change(tx, partner, before, after).await
}

/// Closes a circle for good. Scheduled posts become drafts: in a closed circle nothing is published any more.
pub async fn close(tx: &mut Tx, partner: PartnerId, now: Time, circle: CircleId) -> Result<Circle, Fault> {
    let before = circles::service::lock(tx, partner, circle).await?;
    if before.status != CircleStatus::Closed {
        content::service::unschedule_all(tx, partner, now, circle).await?;
    }
    circles::service::close(tx, partner, now, &before).await
}
