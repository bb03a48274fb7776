//! Content: the posts of your circles.

use quanzi_openapi::Nothing;
use quanzi_openapi::circles::CirclePath;
pub use quanzi_openapi::content::{
    ChangePost, CreatePost, DeletePost, GetPost, ListPosts, NewPost, PinPost, Post, PostBody, PostChange, PostFormat,
    PostPath, PostStatus, PostTitle, PostsQuery, UnpinPost,
};
use quanzi_openapi::id::{CircleId, PostId};

use crate::{Call, Client};

/// Calls about posts; from [`Client::posts`].
#[derive(Debug, Clone)]
pub struct PostCalls(Client);

impl Client {
    /// Calls about the posts of your circles.
    pub fn posts(&self) -> PostCalls {
        PostCalls(self.clone())
    }
}

impl PostCalls {
    /// Creates a post: published immediately, scheduled, or as a draft.
    pub fn create(&self, circle: CircleId, post: NewPost) -> Call<CreatePost> {
        self.0.call(CirclePath { circle }, Nothing {}, post)
    }

    /// Lists the posts of a circle: pinned posts first, then newest first.
    pub fn list(&self, circle: CircleId, query: PostsQuery) -> Call<ListPosts> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }

    /// Gets a post.
    pub fn get(&self, post: PostId) -> Call<GetPost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Updates a post; pass the version you read to [`Call::if_match`].
    pub fn change(&self, post: PostId, change: PostChange) -> Call<ChangePost> {
        self.0.call(PostPath { post }, Nothing {}, change)
    }

    /// Deletes a post.
    pub fn delete(&self, post: PostId) -> Call<DeletePost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Pins a post to the top of the feed; at most three.
    pub fn pin(&self, post: PostId) -> Call<PinPost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }

    /// Unpins a post.
    pub fn unpin(&self, post: PostId) -> Call<UnpinPost> {
        self.0.call(PostPath { post }, Nothing {}, Nothing {})
    }
}
