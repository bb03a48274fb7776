//! Content: posts.

use serde::{Deserialize, Serialize};

use crate::circles::CirclePath;
use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{CircleId, FanId, MembershipId, PostId};
use crate::open::{Edit, Open};
use crate::page::{Cursor, Limit, Page};
use crate::partners::{WebAddress, etag};
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;

/// Maximum number of pinned posts in a circle.
pub const PINNED_MAX: i64 = 3;
/// Maximum number of media of a post.
pub const MEDIA_MAX: usize = 20;

/// Kind of [`PostTitle`].
pub enum PostTitleWords {}
impl Words for PostTitleWords {
    const NAME: &'static str = "PostTitle";
    const ABOUT: &'static str = "Title of a post.";
    const MAX: usize = 120;
    const EXAMPLE: &'static str = "First meeting on Sunday";
}
/// Headline of a post.
pub type PostTitle = Text<PostTitleWords>;

/// Kind of [`PostBody`].
pub enum PostBodyWords {}
impl Words for PostBodyWords {
    const NAME: &'static str = "PostBody";
    const ABOUT: &'static str = "Text of a post.";
    const MAX: usize = 20_000;
    const LINES: bool = true;
    const EXAMPLE: &'static str = "We meet at the lake at ten. **Bring treats.**";
}
/// Text of a post.
pub type PostBody = Text<PostBodyWords>;

/// Format of the text of a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostFormat {
    /// CommonMark without raw HTML.
    #[default]
    Markdown,
    /// Plain text.
    Plain,
}

/// Status of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostStatus {
    /// Visible only to the partner.
    Draft,
    /// Becomes visible at `publish_at`.
    Scheduled,
    /// Visible to everyone who can read the circle.
    Published,
}

/// A post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Post {
    /// The post's id.
    pub id: PostId,
    /// The circle.
    pub circle: CircleId,
    /// Membership of the author; absent when the author is the partner, or a fan who is not a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
    /// The fan who published the post through an app; absent when the partner published it, in its own name or a member's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// The post's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub title: Option<PostTitle>,
    /// The post's text.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub body: PostBody,
    /// Format of the text.
    #[schema(value_type = PostFormat)]
    pub format: Open<PostFormat>,
    /// URLs of pictures and videos.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub media_urls: Vec<WebAddress>,
    /// Status of the post.
    #[schema(value_type = PostStatus)]
    pub status: Open<PostStatus>,
    /// Whether the post is pinned to the top of the feed.
    pub pinned: bool,
    /// When the post becomes or became visible; absent for a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Time>,
    /// When text, title or media were last changed after publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// Number of comments on the post, replies included.
    pub comments: i64,
    /// Number of fans who like the post.
    pub likes: i64,
    /// Incremented with each change; the ETag is this number in quotes. Comments and likes do not count as changes.
    pub version: i64,
    /// When the post was created.
    pub created_at: Time,
    /// When the post was last changed.
    pub updated_at: Time,
}

impl Example for Post {
    fn example() -> Self {
        Self {
            id: PostId::example(),
            circle: CircleId::example(),
            author: None,
            fan: None,
            title: Some(PostTitle::example()),
            body: PostBody::example(),
            format: PostFormat::Markdown.into(),
            media_urls: vec!["https://whisker.example/lake.jpg".into()],
            status: PostStatus::Published.into(),
            pinned: false,
            publish_at: Some(Time::example()),
            edited_at: None,
            comments: 2,
            likes: 12,
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for Post {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A post to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPost {
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
    /// Membership of the author; the partner is the author when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
    /// When the post becomes visible; immediately when omitted or in the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Time>,
    /// Keeps the post as a draft; `publish_at` must then be omitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

impl NewPost {
    /// A post with this text, published immediately.
    pub fn new(body: impl Into<PostBody>) -> Self {
        Self {
            title: None,
            body: body.into(),
            format: None,
            media_urls: Vec::new(),
            author: None,
            publish_at: None,
            draft: false,
        }
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<PostTitle>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the member who is the author.
    #[must_use]
    pub const fn author(mut self, author: MembershipId) -> Self {
        self.author = Some(author);
        self
    }

    /// Schedules the post for this time.
    #[must_use]
    pub const fn publish_at(mut self, time: Time) -> Self {
        self.publish_at = Some(time);
        self
    }

    /// Makes it a draft.
    #[must_use]
    pub const fn draft(mut self) -> Self {
        self.draft = true;
        self
    }
}

impl Example for NewPost {
    fn example() -> Self {
        Self::new(PostBody::example()).title(PostTitle::example())
    }
}
impl JsonBody for NewPost {}

/// Changes to a post; omitted fields keep their values, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostChange {
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
    /// When the post becomes visible; null makes it a draft, a time in the past publishes it immediately. Only before
    /// publication.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<Time>)]
    pub publish_at: Edit<Time>,
}

impl Example for PostChange {
    fn example() -> Self {
        Self { body: Some("We meet at the lake at **eleven**.".into()), ..Self::default() }
    }
}
impl JsonBody for PostChange {}

/// Path of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostPath {
    /// The post's id.
    pub post: PostId,
}
impl Fields for PostPath {}

/// Filter and paging of a list of posts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostsQuery {
    /// `published` when omitted; `draft` and `scheduled` list posts that only you can see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PostStatus>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for PostsQuery {}

/// Create a post
///
/// Published immediately, scheduled for later, or kept as a draft. The circle must be open, even for a draft.
#[derive(ToSchema)]
pub struct CreatePost;
impl Endpoint for CreatePost {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles/{circle}/posts";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::MembershipNotFound,
        ErrorCode::AuthorNotActive,
        ErrorCode::PostLimitReached,
    ];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = NewPost;
    type Reply = Post;
}

/// List the posts of a circle
///
/// Pinned posts first, then newest first. If posts are pinned or unpinned while you page through the list, a post can appear
/// twice or be skipped; read the first page again to be sure. A cursor is valid only for the list that returned it.
#[derive(ToSchema)]
pub struct ListPosts;
impl Endpoint for ListPosts {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}/posts";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = PostsQuery;
    type Body = Nothing;
    type Reply = Page<Post>;
}

/// Get a post
///
/// Including posts that only you can see: `status` says whether a post is a draft, scheduled or published. A deleted post is
/// not found. Send the ETag with your next change.
#[derive(ToSchema)]
pub struct GetPost;
impl Endpoint for GetPost {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/posts/{post}";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Post;
}

/// Update a post
///
/// Only the fields you send are changed. A published post is marked as edited, and its publication time does not change.
#[derive(ToSchema)]
pub struct ChangePost;
impl Endpoint for ChangePost {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/posts/{post}";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PostNotFound,
        ErrorCode::PostPublished,
        ErrorCode::CircleNotOpen,
        ErrorCode::AuthorNotActive,
        ErrorCode::PostLimitReached,
    ];
    const IF_MATCH: bool = true;
    type Params = PostPath;
    type Query = Nothing;
    type Body = PostChange;
    type Reply = Post;
}

/// Delete a post
///
/// The post disappears for everyone; the platform keeps a copy for audits.
#[derive(ToSchema)]
pub struct DeletePost;
impl Endpoint for DeletePost {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/posts/{post}";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}

/// Pin a post
///
/// Pins the post to the top of the feed; a circle has at most three pinned posts. Pinning a pinned post changes nothing.
#[derive(ToSchema)]
pub struct PinPost;
impl Endpoint for PinPost {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/posts/{post}/pin";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound, ErrorCode::PinLimitReached];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Post;
}

/// Unpin a post
///
/// Unpinning a post that is not pinned changes nothing.
#[derive(ToSchema)]
pub struct UnpinPost;
impl Endpoint for UnpinPost {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/posts/{post}/unpin";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Post;
}
