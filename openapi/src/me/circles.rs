//! Circles of a fan: join, leave, read.

use serde::{Deserialize, Serialize};

use crate::circles::{Circle, CirclePath};
use crate::endpoint::{Access, Endpoint, Example, Fields, JsonBody, Nothing, Tag, verb};
use crate::error_code::ErrorCode;
use crate::gates::InviteCode;
use crate::id::CircleId;
use crate::memberships::{Membership, MembershipPath};
use crate::page::{Cursor, Limit, Page};
use crate::schema::ToSchema;
use crate::scope::FanScope;

/// A circle for the fan to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMyMembership {
    /// The circle.
    pub circle: CircleId,
    /// The invite code the fan presents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_code: Option<InviteCode>,
}

impl NewMyMembership {
    /// Joins this circle, without an invite code.
    pub const fn new(circle: CircleId) -> Self {
        Self { circle, invite_code: None }
    }

    /// Sets the invite code.
    #[must_use]
    pub fn invite_code(mut self, code: impl Into<InviteCode>) -> Self {
        self.invite_code = Some(code.into());
        self
    }
}

impl Example for NewMyMembership {
    fn example() -> Self {
        Self::new(CircleId::example()).invite_code(InviteCode::example())
    }
}
impl JsonBody for NewMyMembership {}

/// Paging of a list of the fan's memberships.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MyMembershipsQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MyMembershipsQuery {}

/// List the fan's memberships
///
/// In your circles, in any status, newest first.
#[derive(ToSchema)]
pub struct ListMyMemberships;
impl Endpoint for ListMyMemberships {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/memberships";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    type Params = Nothing;
    type Query = MyMembershipsQuery;
    type Body = Nothing;
    type Reply = Page<Membership>;
}

/// Join a circle as the fan
///
/// The gate decides: the membership is `active`, or `pending` when the partner has to approve, or the response is 403
/// `gate_refused` with the evaluation. A fan who is already a member, or waiting, keeps the same membership.
#[derive(ToSchema)]
pub struct JoinAsFan;
impl Endpoint for JoinAsFan {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/me/memberships";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::CirclesJoin);
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::GateRefused,
        ErrorCode::GateBandLimitReached,
        ErrorCode::MembershipBanned,
    ];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewMyMembership;
    type Reply = Membership;
}

/// Leave a circle as the fan
///
/// Also withdraws a pending request to join. The owner cannot leave until another member is the owner.
#[derive(ToSchema)]
pub struct LeaveAsFan;
impl Endpoint for LeaveAsFan {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/memberships/{membership}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::CirclesJoin);
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict, ErrorCode::OwnerRequired];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}

/// Get a circle as the fan
///
/// An open or closed circle; drafts are visible only to you. An unlisted circle can be read by any fan who has its id, but
/// its posts only by its members.
#[derive(ToSchema)]
pub struct GetCircleAsFan;
impl Endpoint for GetCircleAsFan {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/circles/{circle}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Circle;
}
