//! What can be asked about circles.

use serde::{Deserialize, Serialize};

use super::{Category, Circle, CircleChange, CircleStatus, NewCircle};
use crate::endpoint::{Access, Endpoint, Fields, Nothing, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::CircleId;
use crate::page::{Cursor, Limit, Page};
use crate::schema::ToSchema;
use crate::scope::Scope;

/// Which circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CirclePath {
    /// The circle.
    pub circle: CircleId,
}
impl Fields for CirclePath {}

/// Which circles, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CirclesQuery {
    /// Only those that stand here in their life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CircleStatus>,
    /// Only those of this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for CirclesQuery {}

/// Make a circle
///
/// The circle starts as a draft with an open gate. Its name must be new among your circles.
#[derive(ToSchema)]
pub struct CreateCircle;
impl Endpoint for CreateCircle {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::CircleNameTaken, ErrorCode::CircleSlugTaken, ErrorCode::GateRulesInvalid];
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewCircle;
    type Reply = Circle;
}

/// List your circles
///
/// Newest first.
#[derive(ToSchema)]
pub struct ListCircles;
impl Endpoint for ListCircles {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesRead));
    type Params = Nothing;
    type Query = CirclesQuery;
    type Body = Nothing;
    type Reply = Page<Circle>;
}

/// Read a circle
///
/// In any status, with its limits and the version of its gate. The ETag is what a change must bring.
#[derive(ToSchema)]
pub struct GetCircle;
impl Endpoint for GetCircle {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Circle;
}

/// Change a circle
///
/// Only the fields you send. A closed circle cannot be changed; a change that changes nothing keeps the version.
#[derive(ToSchema)]
pub struct ChangeCircle;
impl Endpoint for ChangeCircle {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/circles/{circle}";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesWrite));
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNameTaken,
        ErrorCode::CircleSlugTaken,
        ErrorCode::CircleClosed,
        ErrorCode::GateRulesInvalid,
        ErrorCode::GateBandLimitReached,
    ];
    const IF_MATCH: bool = true;
    type Params = CirclePath;
    type Query = Nothing;
    type Body = CircleChange;
    type Reply = Circle;
}

/// Open a circle
///
/// From then on fans can join and posts can be published. Opening an open circle changes nothing.
#[derive(ToSchema)]
pub struct OpenCircle;
impl Endpoint for OpenCircle {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles/{circle}/open";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound, ErrorCode::CircleClosed];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Circle;
}

/// Close a circle
///
/// For good: nobody joins, nothing is published; everything stays readable. Closing a closed circle changes nothing.
#[derive(ToSchema)]
pub struct CloseCircle;
impl Endpoint for CloseCircle {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles/{circle}/close";
    const TAG: Tag = Tag::Circles;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Circle;
}
