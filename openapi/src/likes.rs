//! Likes of posts and comments: a fan likes a thing or does not. They are counted and nothing else: no event is made of a like.

use serde::{Deserialize, Serialize};

use crate::comments::CommentPath;
use crate::content::PostPath;
use crate::endpoint::{Access, Endpoint, Example, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::schema::ToSchema;
use crate::scope::FanScope;

/// How a post or a comment is liked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Likes {
    /// How many fans like it.
    pub likes: i64,
    /// Whether the fan who asks is one of them.
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
/// Active members may; every fan may where everyone may comment and read. Liking what is liked changes nothing.
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

/// Take the like of a post back
///
/// Who may read the posts of the circle may. Taking back what is not liked changes nothing.
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

/// Read the likes of a post
///
/// How many fans like it, and whether this one does.
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
/// Active members may; every fan may where everyone may comment and read. Liking what is liked changes nothing.
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

/// Take the like of a comment back
///
/// Who may read the posts of the circle may. Taking back what is not liked changes nothing.
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
