//! All SQL of memberships.

use quanzi_openapi::id::{CircleId, FanId, MembershipId, PartnerId};
use quanzi_openapi::memberships::{Membership, MembershipStatus, Role};
use quanzi_openapi::{Limit, Time};
use sqlx::FromRow;

use super::model::MembershipState;
use crate::platform::db::{As, Fault, Reader, Sql, Tx, enum_columns, id_or_upper_bound};
use crate::sql;

enum_columns!(MembershipStatus Role);

macro_rules! columns {
    () => {
        "select id, circle_id, fan_id, status, role, gate_version, version, created_at, updated_at, joined_at \
         from membership where partner_id = $1 and "
    };
}

const FIND: Sql = sql!(columns!(), "id = $2");
const LOCK: Sql = sql!(columns!(), "id = $2", [" for no key update"]);
const LOCK_OF_FAN: Sql = sql!(columns!(), "circle_id = $2 and fan_id = $3", [" for no key update"]);
const LOCK_SHARED: Sql = sql!(columns!(), "id = $2", [" for share"]);
const LOCK_SHARED_OF_FAN: Sql = sql!(columns!(), "circle_id = $2 and fan_id = $3", [" for share"]);
const FIND_OF_FAN: Sql = sql!(columns!(), "circle_id = $2 and fan_id = $3");
const PAGE_OF_FAN: Sql = sql!(columns!(), "fan_id = $2 and id < $3 order by id desc limit $4");
const LOCK_OWNER: Sql = sql!(columns!(), "circle_id = $2 and role = 'owner'", [" for no key update"]);
const PAGE: Sql = sql!(columns!(), "circle_id = $2 and id < $3 order by id desc limit $4");
const PAGE_BY_STATUS: Sql = sql!(
    columns!(),
    "circle_id = $2 and id < $3 and status = $4 and (role = $5 or $5 is null) order by id desc limit $6"
);
const PAGE_BY_ROLE: Sql = sql!(
    columns!(),
    "circle_id = $2 and id < $3 and role = $4 and (status = $5 or $5 is null) order by id desc limit $6"
);
const OF_FAN: Sql = sql!(columns!(), "fan_id = $2 order by id desc limit $3");
const INSERT: Sql = sql!(
    "insert into membership (partner_id, id, circle_id, fan_id, status, role, gate_version, version, created_at, \
     updated_at, joined_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const UPDATE: Sql = sql!(
    "update membership set status = $3, role = $4, gate_version = $5, version = $6, updated_at = $7, joined_at = $8 \
     where partner_id = $1 and id = $2"
);

/// A membership as it is kept.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct MembershipRow {
    #[sqlx(try_from = "As<MembershipId>")]
    pub id: MembershipId,
    #[sqlx(try_from = "As<CircleId>")]
    pub circle_id: CircleId,
    #[sqlx(try_from = "As<FanId>")]
    pub fan_id: FanId,
    #[sqlx(try_from = "As<MembershipStatus>")]
    pub status: MembershipStatus,
    #[sqlx(try_from = "As<Role>")]
    pub role: Role,
    pub gate_version: i64,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub joined_at: Option<Time>,
}

impl MembershipRow {
    /// A fan's first knock.
    pub fn new(
        id: MembershipId,
        circle: CircleId,
        fan: FanId,
        state: MembershipState,
        gate_version: i64,
        now: Time,
    ) -> Self {
        let MembershipState { status, role } = state;
        let joined_at = (status == MembershipStatus::Active).then_some(now);
        Self {
            id,
            circle_id: circle,
            fan_id: fan,
            status,
            role,
            gate_version,
            version: 1,
            created_at: now,
            updated_at: now,
            joined_at,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> MembershipState {
        MembershipState { status: self.status, role: self.role }
    }

    /// The next version, standing there.
    pub fn after(mut self, MembershipState { status, role }: MembershipState, now: Time) -> Self {
        if status == MembershipStatus::Active && self.status != MembershipStatus::Active {
            self.joined_at = Some(now);
        }
        Self { status, role, version: self.version + 1, updated_at: now, ..self }
    }

    /// As the partner sees it.
    pub fn membership(self) -> Membership {
        Membership {
            id: self.id,
            circle: self.circle_id,
            fan: self.fan_id,
            status: self.status.into(),
            role: self.role.into(),
            gate_version: self.gate_version,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            joined_at: self.joined_at,
        }
    }
}

pub async fn find(
    tx: &mut Reader,
    partner: PartnerId,
    membership: MembershipId,
) -> Result<Option<MembershipRow>, Fault> {
    tx.query(FIND).bind(partner).bind(membership).optional().await
}

pub async fn lock_shared(
    tx: &mut Tx,
    partner: PartnerId,
    membership: MembershipId,
) -> Result<Option<MembershipRow>, Fault> {
    tx.query(LOCK_SHARED).bind(partner).bind(membership).optional().await
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, membership: MembershipId) -> Result<Option<MembershipRow>, Fault> {
    tx.query(LOCK).bind(partner).bind(membership).optional().await
}

pub async fn lock_of_fan(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
) -> Result<Option<MembershipRow>, Fault> {
    tx.query(LOCK_OF_FAN).bind(partner).bind(circle).bind(fan).optional().await
}

pub async fn lock_shared_of_fan(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
) -> Result<Option<MembershipRow>, Fault> {
    tx.query(LOCK_SHARED_OF_FAN).bind(partner).bind(circle).bind(fan).optional().await
}

pub async fn find_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
) -> Result<Option<MembershipRow>, Fault> {
    tx.query(FIND_OF_FAN).bind(partner).bind(circle).bind(fan).optional().await
}

pub async fn page_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    before: Option<MembershipId>,
    limit: Limit,
) -> Result<Vec<MembershipRow>, Fault> {
    let page = tx.query(PAGE_OF_FAN).bind(partner).bind(fan).bind(id_or_upper_bound(before));
    page.bind(limit.rows_and_one()).all().await
}

pub async fn lock_owner(tx: &mut Tx, partner: PartnerId, circle: CircleId) -> Result<Option<MembershipRow>, Fault> {
    tx.query(LOCK_OWNER).bind(partner).bind(circle).optional().await
}

/// Each filter has its index; where both are given, few have a role other than member, and most who are members are active.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    before: Option<MembershipId>,
    status: Option<MembershipStatus>,
    role: Option<Role>,
    limit: Limit,
) -> Result<Vec<MembershipRow>, Fault> {
    let before = id_or_upper_bound(before);
    let page = match (status, role) {
        (None, None) => tx.query(PAGE).bind(partner).bind(circle).bind(before),
        (Some(status), None | Some(Role::Member)) => {
            tx.query(PAGE_BY_STATUS).bind(partner).bind(circle).bind(before).bind(status).bind(role)
        }
        (status, Some(role)) => tx.query(PAGE_BY_ROLE).bind(partner).bind(circle).bind(before).bind(role).bind(status),
    };
    page.bind(limit.rows_and_one()).all().await
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, row: &MembershipRow) -> Result<(), Fault> {
    let insert = tx.query(INSERT).bind(partner).bind(row.id).bind(row.circle_id).bind(row.fan_id).bind(row.status);
    let insert = insert.bind(row.role).bind(row.gate_version).bind(row.version).bind(row.created_at);
    insert.bind(row.updated_at).bind(row.joined_at).run().await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, partner: PartnerId, row: &MembershipRow) -> Result<(), Fault> {
    let update = tx.query(UPDATE).bind(partner).bind(row.id).bind(row.status).bind(row.role).bind(row.gate_version);
    update.bind(row.version).bind(row.updated_at).bind(row.joined_at).run().await?;
    Ok(())
}

/// Memberships of a fan, the newest first.
pub async fn of_fan(tx: &mut Reader, partner: PartnerId, fan: FanId, rows: i64) -> Result<Vec<MembershipRow>, Fault> {
    tx.query(OF_FAN).bind(partner).bind(fan).bind(rows).all().await
}
