//! Comments on posts, and replies to comments: one level of them.

use serde::{Deserialize, Serialize};

use crate::content::PostPath;
use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::fans::Nickname;
use crate::id::{CircleId, CommentId, FanId, MembershipId, PostId};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::{FanScope, Scope};
use crate::text::{Text, Words};
use crate::time::Time;

/// Kind of [`CommentText`].
pub enum CommentTextWords {}
impl Words for CommentTextWords {
    const NAME: &'static str = "CommentText";
    const ABOUT: &'static str = "Text of a comment, as it is: no Markdown.";
    const MAX: usize = 2_000;
    const LINES: bool = true;
    const EXAMPLE: &'static str = "We will be there, all three of us!";
}
/// Text of a comment.
pub type CommentText = Text<CommentTextWords>;

/// What kind of author a comment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthorKind {
    /// The partner itself.
    Partner,
    /// A fan.
    Fan,
}

/// Who wrote a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CommentAuthor {
    /// You, or a fan.
    #[schema(value_type = AuthorKind)]
    pub kind: Open<AuthorKind>,
    /// The fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// The fan's membership; absent when the fan was no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<MembershipId>,
    /// What the fan is called; only while the fan lets an app of yours read it (`profile:nickname`), and never in an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// The circle.
    pub circle: CircleId,
    /// The post it is about.
    pub post: PostId,
    /// The comment it replies to, which is no reply itself. It stays when that one is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
    /// Who wrote it.
    pub author: CommentAuthor,
    /// Its text.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub text: CommentText,
    /// How many fans like it.
    pub likes: i64,
    /// Counts the changes; the ETag is this number in quotes. Likes are no changes.
    pub version: i64,
    /// When it was written.
    pub created_at: Time,
}

impl Example for Comment {
    fn example() -> Self {
        Self {
            id: CommentId::example(),
            circle: CircleId::example(),
            post: PostId::example(),
            reply_to: None,
            author: CommentAuthor {
                kind: AuthorKind::Fan.into(),
                fan: Some(FanId::example()),
                membership: Some(MembershipId::example()),
                nickname: Some(Nickname::example()),
            },
            text: CommentText::example(),
            likes: 3,
            version: 1,
            created_at: Time::example(),
        }
    }
}

impl Reply for Comment {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A new comment of yours, or of a member you speak for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewComment {
    /// Its text.
    pub text: CommentText,
    /// The comment it replies to: one of the same post that is no reply itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
    /// The member who writes it; the partner when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
}

impl NewComment {
    /// This text, in your own name.
    pub fn new(text: impl Into<CommentText>) -> Self {
        Self { text: text.into(), reply_to: None, author: None }
    }

    /// In reply to this comment.
    #[must_use]
    pub const fn reply_to(mut self, comment: CommentId) -> Self {
        self.reply_to = Some(comment);
        self
    }

    /// Written by this member.
    #[must_use]
    pub const fn author(mut self, author: MembershipId) -> Self {
        self.author = Some(author);
        self
    }
}

impl Example for NewComment {
    fn example() -> Self {
        Self::new(CommentText::example()).author(MembershipId::example())
    }
}
impl JsonBody for NewComment {}

/// A new comment of the fan who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewFanComment {
    /// Its text.
    pub text: CommentText,
    /// The comment it replies to: one of the same post that is no reply itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
}

impl NewFanComment {
    /// This text.
    pub fn new(text: impl Into<CommentText>) -> Self {
        Self { text: text.into(), reply_to: None }
    }

    /// In reply to this comment.
    #[must_use]
    pub const fn reply_to(mut self, comment: CommentId) -> Self {
        self.reply_to = Some(comment);
        self
    }
}

impl Example for NewFanComment {
    fn example() -> Self {
        Self::new(CommentText::example())
    }
}
impl JsonBody for NewFanComment {}

/// Which comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommentPath {
    /// The comment.
    pub comment: CommentId,
}
impl Fields for CommentPath {}

/// Which page of the comments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CommentsQuery {
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for CommentsQuery {}

/// Comment on a post
///
/// In your own name, or in that of an active member you name; the circle's `rights` bind fans, not you. The post must be
/// published, and its circle open.
#[derive(ToSchema)]
pub struct CreateComment;
impl Endpoint for CreateComment {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/posts/{post}/comments";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PostNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::MembershipNotFound,
        ErrorCode::AuthorNotActive,
        ErrorCode::CommentNotFound,
        ErrorCode::CommentLimitReached,
    ];
    type Params = PostPath;
    type Query = Nothing;
    type Body = NewComment;
    type Reply = Comment;
}

/// List the comments on a post
///
/// Oldest first, replies among them by their time: `reply_to` says where each belongs. What is deleted is not there any more.
#[derive(ToSchema)]
pub struct ListComments;
impl Endpoint for ListComments {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/posts/{post}/comments";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound];
    type Params = PostPath;
    type Query = CommentsQuery;
    type Body = Nothing;
    type Reply = Page<Comment>;
}

/// Read a comment
///
/// One that was deleted, or whose post was, is not found.
#[derive(ToSchema)]
pub struct GetComment;
impl Endpoint for GetComment {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/comments/{comment}";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CommentNotFound];
    type Params = CommentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Comment;
}

/// Delete a comment
///
/// Whoever wrote it: you answer for your circles. It disappears for everybody; replies to it stay, and the platform keeps it
/// for audits.
#[derive(ToSchema)]
pub struct DeleteComment;
impl Endpoint for DeleteComment {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/comments/{comment}";
    const TAG: Tag = Tag::Content;
    const ACCESS: Access = Access::Partner(Some(Scope::ContentWrite));
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CommentNotFound];
    type Params = CommentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}

/// Comment as the fan
///
/// Where the circle's `rights` let the fan: by default its active members. A rule about the fan's credit standing answers as a
/// gate does, and its answer stands for 24 hours.
#[derive(ToSchema)]
pub struct CommentAsFan;
impl Endpoint for CommentAsFan {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/me/posts/{post}/comments";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::PostNotFound,
        ErrorCode::CircleNotOpen,
        ErrorCode::CommentLimitReached,
        ErrorCode::NotAllowedHere,
        ErrorCode::MembershipBanned,
        ErrorCode::GateBandLimitReached,
        ErrorCode::CommentNotFound,
    ];
    type Params = PostPath;
    type Query = Nothing;
    type Body = NewFanComment;
    type Reply = Comment;
}

/// Read the comments on a post as the fan
///
/// Oldest first, of a post that the fan may read. Nicknames are there of fans who let your app read them.
#[derive(ToSchema)]
pub struct ListCommentsAsFan;
impl Endpoint for ListCommentsAsFan {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/posts/{post}/comments";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PostNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = PostPath;
    type Query = CommentsQuery;
    type Body = Nothing;
    type Reply = Page<Comment>;
}

/// Delete a comment as the fan
///
/// The fan's own; and any other, where the fan is moderator, admin or owner of the circle.
#[derive(ToSchema)]
pub struct DeleteCommentAsFan;
impl Endpoint for DeleteCommentAsFan {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/comments/{comment}";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CommentNotFound, ErrorCode::NotAllowedHere];
    type Params = CommentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}
