//! Use-cases of memberships.

use quanzi_openapi::circles::CircleStatus;
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{CircleId, FanId, MembershipId, PartnerId};
use quanzi_openapi::me::MyMembershipsQuery;
use quanzi_openapi::memberships::{
    Membership, MembershipChange, MembershipStatus, MembershipsQuery, NewMembership, Role,
};
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::model::{MembershipAction, MembershipState};
use super::store::{self, MembershipRow};
use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::capabilities::gates;
use crate::platform::clock::Clock;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

/// Lets a fan in, if the gate does.
pub async fn join(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    new: &NewMembership,
) -> Result<Membership, Fault> {
    circles::service::lock_policy_shared(tx, partner, circle).await?.must_be_open()?;
    // The fan is held, so of two joins at once the second finds the membership of the first.
    let facts = fans::service::lock(tx, partner, new.fan).await?;
    let before = store::lock_of_fan(tx, partner, circle, new.fan).await?;
    match &before {
        Some(before) if before.status == MembershipStatus::Banned => return Err(ErrorCode::MembershipBanned.into()),
        Some(before) if before.state().is_in_or_waits() => return Ok(before.clone().membership()),
        _ => {}
    }
    let asked = gates::service::GateInput { circle, fan: new.fan, facts, invite_code: new.invite_code.as_ref() };
    let evaluation = gates::service::decide(tx, clock, partner, now, &asked).await?;
    let gate_version = evaluation.gate_version;
    let Some(state) = evaluation.outcome.known().and_then(|outcome| MembershipState::joined(*outcome)) else {
        // What was answered about a credit band must stand although nobody joined: rolled back, it could be asked again.
        return Err(Fault::new(ErrorCode::GateRefused).evaluation(evaluation).keep_writes());
    };
    if let Some(before) = before {
        return save(tx, partner, now, MembershipRow { gate_version, ..before }, state, event_of(state.status)).await;
    }
    let row = MembershipRow::new(clock.id(), circle, new.fan, state, gate_version, now);
    store::insert(tx, partner, &row).await?;
    let membership = row.membership();
    outbox::service::record(tx, partner, now, event_of(state.status), &membership)?;
    Ok(membership)
}

/// A page of the memberships of a circle, newest first.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    query: &MembershipsQuery,
) -> Result<Page<Membership>, Fault> {
    let before: Option<MembershipId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page(tx, partner, circle, before, query.status, query.role, limit).await?;
    if rows.is_empty() {
        circles::service::must_exist(tx, partner, circle).await?;
    }
    Ok(Page::cut(rows, limit, |row| row.id).map(MembershipRow::membership))
}

/// Memberships of a fan in all circles of the partner, newest first; at most so many.
pub async fn of_fan(tx: &mut Reader, partner: PartnerId, fan: FanId, rows: i64) -> Result<Vec<Membership>, Fault> {
    Ok(store::of_fan(tx, partner, fan, rows).await?.into_iter().map(MembershipRow::membership).collect())
}

/// The membership.
pub async fn find(tx: &mut Reader, partner: PartnerId, membership: MembershipId) -> Result<Membership, Fault> {
    Ok(find_row(tx, partner, membership).await?.membership())
}

/// The fan's membership in a circle, if there is one; nobody is held.
pub async fn find_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
) -> Result<Option<Membership>, Fault> {
    Ok(store::find_of_fan(tx, partner, circle, fan).await?.map(MembershipRow::membership))
}

/// The same, held as it is until the end of the transaction: nobody is banned or let go meanwhile. Many may hold it so at once.
pub async fn lock_shared_of_fan(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
) -> Result<Option<Membership>, Fault> {
    Ok(store::lock_shared_of_fan(tx, partner, circle, fan).await?.map(MembershipRow::membership))
}

/// A page of a fan's memberships, newest first.
pub async fn page_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    query: &MyMembershipsQuery,
) -> Result<Page<Membership>, Fault> {
    let before: Option<MembershipId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    let rows = store::page_of_fan(tx, partner, fan, before, limit).await?;
    Ok(Page::cut(rows, limit, |row| row.id).map(MembershipRow::membership))
}

/// The membership, held as it is until the end of the transaction; many may hold it so at once.
pub async fn lock_shared(tx: &mut Tx, partner: PartnerId, membership: MembershipId) -> Result<Membership, Fault> {
    Ok(store::lock_shared(tx, partner, membership).await?.ok_or_else(missing)?.membership())
}

/// The membership, held until the end of the transaction.
pub async fn lock(tx: &mut Tx, partner: PartnerId, membership: MembershipId) -> Result<Membership, Fault> {
    Ok(lock_row(tx, partner, membership).await?.membership())
}

/// The membership and its circle, held until the end of the transaction. Roles change one after the other in a circle:
/// otherwise of two that make an owner at once each would miss the other.
pub async fn lock_with_circle(
    tx: &mut Tx,
    partner: PartnerId,
    membership: MembershipId,
) -> Result<MembershipRow, Fault> {
    let circle = find_row(tx, partner, membership).await?.circle_id;
    circles::service::lock(tx, partner, circle).await?;
    lock_row(tx, partner, membership).await
}

/// Changes a membership that is held with its circle. Whom a member follows as owner becomes an admin.
pub async fn change(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    before: MembershipRow,
    change: &MembershipChange,
) -> Result<Membership, Fault> {
    let state = before.state().with_role(change.role.unwrap_or(before.role))?;
    if state == before.state() {
        return Ok(before.membership());
    }
    if state.role == Role::Owner
        && let Some(owner) = store::lock_owner(tx, partner, before.circle_id).await?
    {
        let admin = MembershipState { role: Role::Admin, ..owner.state() };
        save(tx, partner, now, owner, admin, EventType::MembershipChanged).await?;
    }
    save(tx, partner, now, before, state, EventType::MembershipChanged).await
}

/// What an action is about to do to a membership, which is locked.
#[derive(Debug)]
#[must_use = "nothing has happened yet: `complete` writes it"]
pub struct Transition {
    before: MembershipRow,
    state: MembershipState,
    action: MembershipAction,
}

impl Transition {
    /// Whether the fan is a member now and no longer afterwards.
    pub fn ends_membership(&self) -> bool {
        self.before.state().status == MembershipStatus::Active && self.state.status != MembershipStatus::Active
    }
}

/// Locks a membership and checks that the action is possible.
pub async fn prepare(
    tx: &mut Tx,
    partner: PartnerId,
    membership: MembershipId,
    action: MembershipAction,
) -> Result<Transition, Fault> {
    if action == MembershipAction::Approve {
        must_not_be_closed(tx, partner, membership).await?;
    }
    let before = lock_row(tx, partner, membership).await?;
    let state = before.state().after(action)?;
    Ok(Transition { before, state, action })
}

/// Writes what was prepared.
pub async fn complete(tx: &mut Tx, partner: PartnerId, now: Time, transition: Transition) -> Result<Membership, Fault> {
    let Transition { before, state, action } = transition;
    save(tx, partner, now, before, state, action.event()).await
}

/// What the log says of a fan who has knocked: waiting, or in.
const fn event_of(status: MembershipStatus) -> EventType {
    match status {
        MembershipStatus::Pending => EventType::MembershipRequested,
        _ => EventType::MembershipActivated,
    }
}

/// No one can join a closed circle, not even a fan who was already waiting.
async fn must_not_be_closed(tx: &mut Tx, partner: PartnerId, membership: MembershipId) -> Result<(), Fault> {
    let circle = find_row(tx, partner, membership).await?.circle_id;
    if circles::service::lock_policy_shared(tx, partner, circle).await?.status == CircleStatus::Closed {
        let detail = "The circle is closed, so no one can join.";
        return Err(Fault::new(ErrorCode::MembershipConflict).detail(detail));
    }
    Ok(())
}

async fn save(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    before: MembershipRow,
    state: MembershipState,
    kind: EventType,
) -> Result<Membership, Fault> {
    let after = before.after(state, now);
    store::update(tx, partner, &after).await?;
    let membership = after.membership();
    outbox::service::record(tx, partner, now, kind, &membership)?;
    Ok(membership)
}

async fn find_row(tx: &mut Reader, partner: PartnerId, membership: MembershipId) -> Result<MembershipRow, Fault> {
    store::find(tx, partner, membership).await?.ok_or_else(missing)
}

async fn lock_row(tx: &mut Tx, partner: PartnerId, membership: MembershipId) -> Result<MembershipRow, Fault> {
    store::lock(tx, partner, membership).await?.ok_or_else(missing)
}

fn missing() -> Fault {
    ErrorCode::MembershipNotFound.into()
}
