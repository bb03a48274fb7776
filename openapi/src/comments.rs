//! Comments on posts, and replies to comments, one level deep.

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
    const ABOUT: &'static str = "Plain text of a comment, not Markdown.";
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

/// Author of a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CommentAuthor {
    /// Whether the author is the partner or a fan.
    #[schema(value_type = AuthorKind)]
    pub kind: Open<AuthorKind>,
    /// The fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// The fan's membership; absent when the fan was not a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<MembershipId>,
    /// The fan's nickname; only while the fan lets one of your apps read it (`profile:nickname`), and never in an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Comment {
    /// The comment's id.
    pub id: CommentId,
    /// The circle.
    pub circle: CircleId,
    /// The post commented on.
    pub post: PostId,
    /// The comment this one replies to, which is itself not a reply. The reference remains when that comment is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
    /// Author of the comment.
    pub author: CommentAuthor,
    /// The comment's text.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub text: CommentText,
    /// Number of fans who like the comment.
    pub likes: i64,
    /// Incremented with each change; the ETag is this number in quotes. Likes do not count as changes.
    pub version: i64,
    /// When the comment was written.
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

/// A comment to write, in the partner's name or in a member's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewComment {
    /// The comment's text.
    pub text: CommentText,
    /// The comment to reply to: a comment on the same post that is not itself a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
    /// Membership of the author; the partner is the author when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MembershipId>,
}

impl NewComment {
    /// A comment with this text, in the partner's name.
    pub fn new(text: impl Into<CommentText>) -> Self {
        Self { text: text.into(), reply_to: None, author: None }
    }

    /// Makes it a reply to this comment.
    #[must_use]
    pub const fn reply_to(mut self, comment: CommentId) -> Self {
        self.reply_to = Some(comment);
        self
    }

    /// Sets the member who is the author.
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

/// A comment to write as the calling fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewFanComment {
    /// The comment's text.
    pub text: CommentText,
    /// The comment to reply to: a comment on the same post that is not itself a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<CommentId>,
}

impl NewFanComment {
    /// A comment with this text.
    pub fn new(text: impl Into<CommentText>) -> Self {
        Self { text: text.into(), reply_to: None }
    }

    /// Makes it a reply to this comment.
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

/// Path of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommentPath {
    /// The comment's id.
    pub comment: CommentId,
}
impl Fields for CommentPath {}

/// Paging of a list of comments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CommentsQuery {
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for CommentsQuery {}

/// Create a comment
///
/// In your own name, or in the name of an active member; the circle's `rights` apply to fans, not to you. The post must be
/// published and its circle open.
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
/// Oldest first, replies among them by time; `reply_to` gives the comment a reply belongs to. Deleted comments are not
/// listed.
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

/// Get a comment
///
/// A deleted comment, or a comment on a deleted post, is not found.
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
/// You can delete any comment in your circles, of any author. It disappears for everyone; replies to it remain, and
/// the platform keeps a copy for audits.
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

/// Create a comment as the fan
///
/// Allowed if the circle's `rights` permit it: by default for active members. A requirement about the fan's credit band is
/// answered as by a gate, and the answer stays the same for 24 hours.
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

/// List the comments on a post as the fan
///
/// Oldest first, on a post that the fan can read. Nicknames are included for fans who let your app read them.
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
/// The fan's own comment, or any comment if the fan is a moderator, admin or owner of the circle.
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
