//! Endpoints of circles.

use serde::{Deserialize, Serialize};

use super::{Category, Circle, CircleChange, CircleStatus, NewCircle};
use crate::endpoint::{Access, Endpoint, Fields, Nothing, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::CircleId;
use crate::page::{Cursor, Limit, Page};
use crate::schema::ToSchema;
use crate::scope::Scope;

/// Path of a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CirclePath {
    /// The circle's id.
    pub circle: CircleId,
}
impl Fields for CirclePath {}

/// Filter and paging of a list of circles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CirclesQuery {
    /// Only circles with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<CircleStatus>,
    /// Only circles in this category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for CirclesQuery {}

/// Create a circle
///
/// The circle starts as a draft with an open gate. Its name must be unique among your circles.
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

/// Get a circle
///
/// In any status, with its limits and the version of its gate. Send the ETag with your next change.
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

/// Update a circle
///
/// Only the fields you send are changed. A closed circle cannot be updated; an update that changes nothing keeps the
/// version.
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
/// Fans can join and posts can be published from now on. Opening an open circle changes nothing.
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
/// Permanently: no one can join and nothing can be published, but everything remains readable. Closing a closed circle
/// changes nothing.
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
