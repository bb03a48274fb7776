//! Memberships: fans in circles.
//!
//! A fan has at most one membership in a circle, for ever: leaving and coming back is the same membership.

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

/// Where a membership stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MembershipStatus {
    /// Waiting for approval.
    Pending,
    /// In the circle.
    Active,
    /// The approval was refused; the fan may try again.
    Rejected,
    /// The fan left; may come back through the gate.
    Left,
    /// The partner removed the fan; may come back through the gate.
    Removed,
    /// The partner banned the fan; cannot come back until the ban is lifted.
    Banned,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Answers for the circle among the members; at most one.
    Owner,
    /// Runs the circle.
    Admin,
    /// Keeps the peace.
    Moderator,
    /// Takes part.
    Member,
}

/// A fan in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The circle.
    pub circle: CircleId,
    /// The fan.
    pub fan: FanId,
    /// Where it stands.
    #[schema(value_type = MembershipStatus)]
    pub status: Open<MembershipStatus>,
    /// What the member may do.
    #[schema(value_type = Role)]
    pub role: Open<Role>,
    /// Version of the gate that let the fan in, or will.
    pub gate_version: i64,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When the fan first knocked.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When the fan last came in.
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

/// Who wants to come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewMembership {
    /// The fan.
    pub fan: FanId,
    /// The code the fan brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_code: Option<InviteCode>,
}

impl NewMembership {
    /// This fan, without a code.
    pub const fn new(fan: FanId) -> Self {
        Self { fan, invite_code: None }
    }

    /// With this code.
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
    /// What the member may do. Making a member owner makes the owner before an admin.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Role, required = false)]
    pub role: Option<Role>,
}

impl MembershipChange {
    /// This role.
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

/// Which membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MembershipPath {
    /// The membership.
    pub membership: MembershipId,
}
impl Fields for MembershipPath {}

/// Which memberships, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MembershipsQuery {
    /// Only those that stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MembershipStatus>,
    /// Only those with this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for MembershipsQuery {}

/// Let a fan in
///
/// The gate decides: the membership is `active`, or `pending` when somebody has to approve, or the answer is 403
/// `gate_refused` with the evaluation. A fan who is in already, or waiting, keeps the same membership.
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

/// Read a membership
///
/// In any status, also when the fan is out: a fan has one membership in a circle for ever. The ETag is what a change must
/// bring.
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

/// Change a membership
///
/// Only an active member can have a role other than `member`.
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

/// Approve a fan who waits
///
/// A pending membership becomes active.
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

/// Reject a fan who waits
///
/// A pending membership becomes rejected; the fan may try again.
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
/// The fan may come back through the gate. The owner stays until another member is owner.
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
/// Whatever the membership was before: the fan cannot come back until the ban is lifted.
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

/// Lift a ban
///
/// The membership becomes `removed`: the fan may come back through the gate.
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

/// Leave a circle for a fan
///
/// The member leaves on their own wish. The owner stays until another member is owner.
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
