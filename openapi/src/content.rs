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

/// Most pinned posts of a circle.
pub const PINNED_MAX: i64 = 3;
/// Most media of a post.
pub const MEDIA_MAX: usize = 20;

/// Kind of [`PostTitle`].
pub enum PostTitleWords {}
impl Words for PostTitleWords {
    const NAME: &'static str = "PostTitle";
    const ABOUT: &'static str = "Headline of a post.";
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

/// How the text of a post is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostFormat {
    /// CommonMark without raw HTML.
    #[default]
    Markdown,
    /// Text as it is.
    Plain,
}

/// Whether a post can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostStatus {
    /// Only you see it.
    Draft,
    /// It will be seen from `publish_at` on.
    Scheduled,
    /// Everybody who may read the circle sees it.
    Published,
}

/// A post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Post {
    /// Its id.
    pub id: PostId,
    /// The circle.
    pub circle: CircleId,
    /// The member who wrote it; absent when the partner did, or a fan who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
    /// The fan who published it through an app; absent when the partner did, in its own name or a member's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Its headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub title: Option<PostTitle>,
    /// Its text.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub body: PostBody,
    /// How the text is to be read.
    #[schema(value_type = PostFormat)]
    pub format: Open<PostFormat>,
    /// Pictures and films.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub media_urls: Vec<WebAddress>,
    /// Whether it can be seen.
    #[schema(value_type = PostStatus)]
    pub status: Open<PostStatus>,
    /// Whether it stands on top of the feed.
    pub pinned: bool,
    /// From when on it can be seen; absent for a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Time>,
    /// When text, title or media were last changed after publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// How many comments it has, replies included.
    pub comments: i64,
    /// How many fans like it.
    pub likes: i64,
    /// Counts the changes; the ETag is this number in quotes. Comments and likes are no changes.
    pub version: i64,
    /// When it was written.
    pub created_at: Time,
    /// When it last changed.
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

/// A new post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPost {
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
    /// The member who writes it; the partner when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
    /// From when on it can be seen; now when left out. A time in the past means now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Time>,
    /// Keep it to yourself for now; then `publish_at` must be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

impl NewPost {
    /// A post with this text, published now.
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

    /// With this headline.
    #[must_use]
    pub fn title(mut self, title: impl Into<PostTitle>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Written by this member.
    #[must_use]
    pub const fn author(mut self, author: MembershipId) -> Self {
        self.author = Some(author);
        self
    }

    /// To be seen from this time on.
    #[must_use]
    pub const fn publish_at(mut self, time: Time) -> Self {
        self.publish_at = Some(time);
        self
    }

    /// As a draft.
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

/// Changes to a post; fields left out stay as they are, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostChange {
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
    /// From when on it can be seen; null makes it a draft; a time in the past publishes it now. Only before publication.
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

/// Which post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostPath {
    /// The post.
    pub post: PostId,
}
impl Fields for PostPath {}

/// Which posts, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PostsQuery {
    /// `published` when left out; `draft` and `scheduled` show what only you can see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PostStatus>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for PostsQuery {}

/// Publish a post
///
/// At once, at a later time, or kept as a draft. The circle must be open, for a draft too.
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

/// Read the feed of a circle
///
/// Pinned posts first, then newest first. While somebody pins or unpins, a post can appear twice or be skipped between two
/// pages; read the first page again to be sure. A cursor leads on in the list it was given for.
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

/// Read a post
///
/// Also one that nobody else sees yet: `status` says whether it is a draft, scheduled or published. A deleted post is not
/// found. The ETag is what a change must bring.
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

/// Edit a post
///
/// Only the fields you send. After publication the post is marked as edited, and its time stays what it is.
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
/// It disappears for everybody; the platform keeps it for audits.
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
/// On top of the feed; at most three in a circle. Pinning a pinned post changes nothing.
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
