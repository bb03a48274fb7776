//! Comments on posts.

use quanzi_openapi::Nothing;
pub use quanzi_openapi::comments::{
    AuthorKind, Comment, CommentAuthor, CommentPath, CommentText, CommentsQuery, CreateComment, DeleteComment,
    GetComment, ListComments, NewComment,
};
use quanzi_openapi::content::PostPath;
use quanzi_openapi::id::{CommentId, PostId};

use crate::{Call, Client};

/// Calls about comments; from [`Client::comments`].
#[derive(Debug, Clone)]
pub struct CommentCalls(Client);

impl Client {
    /// Calls about comments on posts.
    pub fn comments(&self) -> CommentCalls {
        CommentCalls(self.clone())
    }
}

impl CommentCalls {
    /// Comments on a post, in your own name or in that of a member.
    pub fn create(&self, post: PostId, comment: NewComment) -> Call<CreateComment> {
        self.0.call(PostPath { post }, Nothing {}, comment)
    }

    /// Lists the comments on a post, oldest first.
    pub fn list(&self, post: PostId, query: CommentsQuery) -> Call<ListComments> {
        self.0.call(PostPath { post }, query, Nothing {})
    }

    /// Gets a comment.
    pub fn get(&self, comment: CommentId) -> Call<GetComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }

    /// Deletes a comment of any author.
    pub fn delete(&self, comment: CommentId) -> Call<DeleteComment> {
        self.0.call(CommentPath { comment }, Nothing {}, Nothing {})
    }
}
