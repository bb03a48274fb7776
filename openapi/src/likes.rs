//! Likes of posts and comments. They are only counted: there are no events about likes.

use serde::{Deserialize, Serialize};

use crate::comments::CommentPath;
use crate::content::PostPath;
use crate::endpoint::{Access, Endpoint, Example, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::schema::ToSchema;
use crate::scope::FanScope;

/// Likes of a post or a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Likes {
    /// Number of fans who like it.
    pub likes: i64,
    /// Whether the calling fan likes it.
    pub liked: bool,
}

impl Example for Likes {
    fn example() -> Self {
        Self { likes: 12, liked: true }
    }
}

impl Reply for Likes {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

const POST_FAILS: &[ErrorCode] =
    &[ErrorCode::PostNotFound, ErrorCode::CircleNotOpen, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
const COMMENT_FAILS: &[ErrorCode] =
    &[ErrorCode::CommentNotFound, ErrorCode::CircleNotOpen, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];

/// Like a post
///
/// For active members; for every fan where everyone may read and comment. Liking it twice changes nothing.
#[derive(ToSchema)]
pub struct LikePost;
impl Endpoint for LikePost {
    type Verb = verb::Put;
    const PATH: &'static str = "/v1/me/posts/{post}/like";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const FAILS: &'static [ErrorCode] = POST_FAILS;
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Likes;
}

/// Unlike a post
///
/// For everyone who can read the posts of the circle. Unliking it twice changes nothing.
#[derive(ToSchema)]
pub struct UnlikePost;
impl Endpoint for UnlikePost {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/posts/{post}/like";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PostNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Likes;
}

/// Get the likes of a post
///
/// Number of likes, and whether the calling fan likes the post.
#[derive(ToSchema)]
pub struct GetPostLikes;
impl Endpoint for GetPostLikes {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me/posts/{post}/like";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::PostNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Likes;
}

/// Like a comment
///
/// For active members; for every fan where everyone may read and comment. Liking it twice changes nothing.
#[derive(ToSchema)]
pub struct LikeComment;
impl Endpoint for LikeComment {
    type Verb = verb::Put;
    const PATH: &'static str = "/v1/me/comments/{comment}/like";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const FAILS: &'static [ErrorCode] = COMMENT_FAILS;
    type Params = CommentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Likes;
}

/// Unlike a comment
///
/// For everyone who can read the posts of the circle. Unliking it twice changes nothing.
#[derive(ToSchema)]
pub struct UnlikeComment;
impl Endpoint for UnlikeComment {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/me/comments/{comment}/like";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::ContentComment);
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::CommentNotFound, ErrorCode::NotAllowedHere, ErrorCode::MembershipBanned];
    type Params = CommentPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Likes;
}
