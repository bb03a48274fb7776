//! What a like is given to.

use quanzi_openapi::id::{CommentId, PostId};

/// What can be liked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikeTarget {
    /// A post.
    Post(PostId),
    /// A comment.
    Comment(CommentId),
}
