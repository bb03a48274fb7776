//! Posts that a fan reads and writes.

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

/// A post to publish as the calling fan, immediately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewFanPost {
    /// The post's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<PostTitle>,
    /// The post's text.
    pub body: PostBody,
    /// Format of the text; `markdown` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<PostFormat>,
    /// URLs of pictures and videos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub media_urls: Vec<WebAddress>,
}

impl NewFanPost {
    /// A post with this text.
    pub fn new(body: impl Into<PostBody>) -> Self {
        Self { title: None, body: body.into(), format: None, media_urls: Vec::new() }
    }

    /// Sets the title.
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

/// Changes to a fan's own post; omitted fields keep their values, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FanPostChange {
    /// The post's title.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<PostTitle>)]
    pub title: Edit<PostTitle>,
    /// The post's text.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = PostBody, required = false)]
    pub body: Option<PostBody>,
    /// Format of the text.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = PostFormat, required = false)]
    pub format: Option<PostFormat>,
    /// URLs of pictures and videos; replaces all of them.
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

/// Paging of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FeedQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for FeedQuery {}

/// List the posts of a circle as the fan
///
/// Published posts, pinned posts first, then newest first. The posts of an unlisted circle are visible only to its active
/// members.
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

/// Create a post as the fan
///
/// Allowed if the circle's `rights` permit it: by default only you can post. A requirement about the fan's credit band is
/// answered as by a gate, and the answer stays the same for 24 hours. The post is published immediately.
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

/// Get a post as the fan
///
/// A published post in a circle whose posts the fan can read. Send the ETag with your next change.
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

/// Update a post as the fan
///
/// The fan's own post, as long as the fan may post in the circle. The post is marked as edited.
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
/// The fan's own post, at any time, even when the fan is no longer a member.
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
