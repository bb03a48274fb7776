//! Memberships: fans in circles.
//!
//! A fan has at most one membership in a circle, permanently: a fan who leaves and returns has the same membership.

use serde::{Deserialize, Serialize};

use crate::circles::CirclePath;
use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::gates::InviteCode;
use crate::id::{CircleId, FanId, MembershipId};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::time::Time;

/// Status of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MembershipStatus {
    /// Waiting for approval.
    Pending,
    /// Member of the circle.
    Active,
    /// Not approved; the fan may try again.
    Rejected,
    /// The fan left and can rejoin through the gate.
    Left,
    /// The partner removed the fan, who can rejoin through the gate.
    Removed,
    /// The partner banned the fan, who cannot rejoin until the ban is lifted.
    Banned,
}

/// Role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Represents the circle among its members; at most one.
    Owner,
    /// Manages the circle.
    Admin,
    /// Moderates posts and comments.
    Moderator,
    /// Participates.
    Member,
}

/// A fan in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Membership {
    /// The membership's id.
    pub id: MembershipId,
    /// The circle.
    pub circle: CircleId,
    /// The fan.
    pub fan: FanId,
    /// Status of the membership.
    #[schema(value_type = MembershipStatus)]
    pub status: Open<MembershipStatus>,
    /// Role of the member.
    #[schema(value_type = Role)]
    pub role: Open<Role>,
    /// Version of the gate that admitted the fan, or that the fan is waiting at.
    pub gate_version: i64,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the fan first requested to join.
    pub created_at: Time,
    /// When the membership was last changed.
    pub updated_at: Time,
    /// When the fan last became a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Time>,
}

impl Example for Membership {
    fn example() -> Self {
        Self {
            id: MembershipId::example(),
            circle: CircleId::example(),
            fan: FanId::example(),
            status: MembershipStatus::Active.into(),
            role: Role::Member.into(),
            gate_version: 2,
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
            joined_at: Some(Time::example()),
        }
    }
}

impl Reply for Membership {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A fan to admit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMembership {
    /// The fan.
    pub fan: FanId,
    /// The invite code the fan presents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_code: Option<InviteCode>,
}

impl NewMembership {
    /// Admits this fan, without an invite code.
    pub const fn new(fan: FanId) -> Self {
        Self { fan, invite_code: None }
    }

    /// Sets the invite code.
    #[must_use]
    pub fn invite_code(mut self, code: impl Into<InviteCode>) -> Self {
        self.invite_code = Some(code.into());
        self
    }
}

impl Example for NewMembership {
    fn example() -> Self {
        Self::new(FanId::example()).invite_code(InviteCode::example())
    }
}
impl JsonBody for NewMembership {}

/// Changes to a membership.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MembershipChange {
    /// Role of the member. Making a member the owner turns the previous owner into an admin.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Role, required = false)]
    pub role: Option<Role>,
}

impl MembershipChange {
    /// Sets the role.
    pub const fn role(role: Role) -> Self {
        Self { role: Some(role) }
    }
}

impl Example for MembershipChange {
    fn example() -> Self {
        Self::role(Role::Moderator)
    }
}
impl JsonBody for MembershipChange {}

/// Path of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MembershipPath {
    /// The membership's id.
    pub membership: MembershipId,
}
impl Fields for MembershipPath {}

/// Filter and paging of a list of memberships.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MembershipsQuery {
    /// Only memberships with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MembershipStatus>,
    /// Only memberships with this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MembershipsQuery {}

/// Create a membership
///
/// The gate decides: the membership is `active`, or `pending` when you have to approve the fan, or the response is 403
/// `gate_refused` with the evaluation. A fan who is already a member, or waiting, keeps the same membership.
#[derive(ToSchema)]
pub struct JoinCircle;
impl Endpoint for JoinCircle {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles/{circle}/memberships";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::FanNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::GateRefused,
        ErrorCode::GateBandLimitReached,
        ErrorCode::MembershipBanned,
    ];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = NewMembership;
    type Reply = Membership;
}

/// List the memberships of a circle
///
/// Newest first.
#[derive(ToSchema)]
pub struct ListMemberships;
impl Endpoint for ListMemberships {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}/memberships";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = MembershipsQuery;
    type Body = Nothing;
    type Reply = Page<Membership>;
}

/// Get a membership
///
/// In any status, even when the fan is no longer a member: a fan has one membership in a circle, permanently. Send the ETag
/// with your next change.
#[derive(ToSchema)]
pub struct GetMembership;
impl Endpoint for GetMembership {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/memberships/{membership}";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MembershipNotFound];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Update a membership
///
/// Only active members can have a role other than `member`.
#[derive(ToSchema)]
pub struct ChangeMembership;
impl Endpoint for ChangeMembership {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/memberships/{membership}";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict, ErrorCode::OwnerRequired];
    const IF_MATCH: bool = true;
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = MembershipChange;
    type Reply = Membership;
}

/// Approve a membership
///
/// The pending membership becomes active.
#[derive(ToSchema)]
pub struct ApproveMembership;
impl Endpoint for ApproveMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/approve";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Reject a membership
///
/// The pending membership becomes rejected; the fan may try again.
#[derive(ToSchema)]
pub struct RejectMembership;
impl Endpoint for RejectMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/reject";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Remove a member
///
/// The fan can rejoin through the gate. The owner cannot be removed until another member is the owner.
#[derive(ToSchema)]
pub struct RemoveMembership;
impl Endpoint for RemoveMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/remove";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict, ErrorCode::OwnerRequired];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Ban a fan
///
/// In any status: the fan cannot rejoin until the ban is lifted.
#[derive(ToSchema)]
pub struct BanMembership;
impl Endpoint for BanMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/ban";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict, ErrorCode::OwnerRequired];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Unban a fan
///
/// The membership becomes `removed`: the fan can rejoin through the gate.
#[derive(ToSchema)]
pub struct UnbanMembership;
impl Endpoint for UnbanMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/unban";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}

/// Leave a circle on a fan's behalf
///
/// The fan asked to leave. The owner cannot leave until another member is the owner.
#[derive(ToSchema)]
pub struct LeaveMembership;
impl Endpoint for LeaveMembership {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/memberships/{membership}/leave";
    const TAG: Tag = Tag::Memberships;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::MembershipNotFound, ErrorCode::MembershipConflict, ErrorCode::OwnerRequired];
    type Params = MembershipPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Membership;
}
