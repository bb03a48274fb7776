//! Posts a fan reads and writes.

use serde::{Deserialize, Serialize};

use crate::circles::CirclePath;
use crate::content::{Post, PostBody, PostFormat, PostPath, PostTitle};
use crate::endpoint::{Access, Endpoint, Example, Fields, JsonBody, Nothing, Tag, verb};
use crate::error_code::ErrorCode;
use crate::open::Edit;
use crate::page::{Cursor, Limit, Page};
use crate::partners::WebAddress;
use crate::schema::ToSchema;
use crate::scope::FanScope;

/// A new post of the fan who calls; it is published now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewFanPost {
    /// Its headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<PostTitle>,
    /// Its text.
    pub body: PostBody,
    /// How the text is to be read; `markdown` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PostFormat>,
    /// Pictures and films.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub media_urls: Vec<WebAddress>,
}

impl NewFanPost {
    /// A post with this text.
    pub fn new(body: impl Into<PostBody>) -> Self {
        Self { title: None, body: body.into(), format: None, media_urls: Vec::new() }
    }

    /// With this headline.
    #[must_use]
    pub fn title(mut self, title: impl Into<PostTitle>) -> Self {
        self.title = Some(title.into());
        self
    }
}

impl Example for NewFanPost {
    fn example() -> Self {
        Self::new(PostBody::example()).title(PostTitle::example())
    }
}
impl JsonBody for NewFanPost {}

/// Changes to a fan's own post; fields left out stay as they are, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FanPostChange {
    /// Its headline.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<PostTitle>)]
    pub title: Edit<PostTitle>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = PostBody, required = false)]
    pub body: Option<PostBody>,
    /// How the text is to be read.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = PostFormat, required = false)]
    pub format: Option<PostFormat>,
    /// Pictures and films; replaces all of them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Vec<WebAddress>, required = false, max_items = 20)]
    pub media_urls: Option<Vec<WebAddress>>,
}

impl Example for FanPostChange {
    fn example() -> Self {
        Self { body: Some("We meet at the lake at **eleven**.".into()), ..Self::default() }
    }
}
impl JsonBody for FanPostChange {}

/// Which page of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FeedQuery {
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for FeedQuery {}

/// Read the feed of a circle as the fan
///
/// What is published, pinned posts first, then newest first. The posts of an unlisted circle are for its active members.
#[derive(ToSchema)]
pub struct ListPostsAsFan;
impl Endpoint for ListPostsAsFan {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/circles/{circle}/posts";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::CircleNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = CirclePath;
    type Query = FeedQuery;
    type Body = Nothing;
    type Reply = Page<Post>;
}

/// Post as the fan
///
/// Where the circle's `rights` let the fan: by default nobody but you posts. A rule about the fan's credit standing answers as
/// a gate does, and its answer stands for 24 hours. The post is published at once.
#[derive(ToSchema)]
pub struct CreatePostAsFan;
impl Endpoint for CreatePostAsFan {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/me/circles/{circle}/posts";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentPost);
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::NotAllowedHere,
        ErrorCode::MembershipBanned,
        ErrorCode::GateBandLimitReached,
        ErrorCode::PostLimitReached,
    ];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = NewFanPost;
    type Reply = Post;
}

/// Read a post as the fan
///
/// A published one, of a circle whose posts the fan may read. The ETag is what a change must bring.
#[derive(ToSchema)]
pub struct GetPostAsFan;
impl Endpoint for GetPostAsFan {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/posts/{post}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PostNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Post;
}

/// Edit a post as the fan
///
/// The fan's own, as long as the fan may post in the circle. The post is marked as edited.
#[derive(ToSchema)]
pub struct ChangePostAsFan;
impl Endpoint for ChangePostAsFan {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/me/posts/{post}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentPost);
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PostNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::NotAllowedHere,
        ErrorCode::MembershipBanned,
        ErrorCode::GateBandLimitReached,
        ErrorCode::PostLimitReached,
    ];
    const IF_MATCH: bool = true;
    type Params = PostPath;
    type Query = Nothing;
    type Body = FanPostChange;
    type Reply = Post;
}

/// Delete a post as the fan
///
/// The fan's own, at any time, also when the fan is no member any more.
#[derive(ToSchema)]
pub struct DeletePostAsFan;
impl Endpoint for DeletePostAsFan {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/posts/{post}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentPost);
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound, ErrorCode::NotAllowedHere];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}
