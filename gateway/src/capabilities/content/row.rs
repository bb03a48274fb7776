//! A row of `post`, and the post that partners and fans see.

use quanzi_openapi::Time;
use quanzi_openapi::content::{Post, PostBody, PostFormat, PostStatus, PostTitle};
use quanzi_openapi::id::{CircleId, FanId, MembershipId, PostId};
use quanzi_openapi::partners::WebAddress;
use sqlx::FromRow;

use crate::platform::db::{As, Json, enum_columns};

enum_columns!(PostFormat);

/// A post as it is kept.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct PostRow {
    #[sqlx(try_from = "As<PostId>")]
    pub id: PostId,
    #[sqlx(try_from = "As<CircleId>")]
    pub circle_id: CircleId,
    #[sqlx(try_from = "As<Option<MembershipId>>")]
    pub author_id: Option<MembershipId>,
    #[sqlx(try_from = "As<Option<FanId>>")]
    pub fan_id: Option<FanId>,
    #[sqlx(try_from = "As<Option<PostTitle>>")]
    pub title: Option<PostTitle>,
    #[sqlx(try_from = "As<PostBody>")]
    pub body: PostBody,
    #[sqlx(try_from = "As<PostFormat>")]
    pub format: PostFormat,
    pub media_urls: Json<Vec<WebAddress>>,
    pub pinned: bool,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub publish_at: Option<Time>,
    #[sqlx(try_from = "As<Option<Time>>")]
    pub edited_at: Option<Time>,
    pub comments: i64,
    pub likes: i64,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
    #[sqlx(try_from = "As<Time>")]
    pub updated_at: Time,
}

impl PostRow {
    /// As the partner sees it now.
    pub fn post(self, now: Time) -> Post {
        Post {
            status: status(self.publish_at, now).into(),
            id: self.id,
            circle: self.circle_id,
            author: self.author_id,
            fan: self.fan_id,
            title: self.title,
            body: self.body,
            format: self.format.into(),
            media_urls: self.media_urls.0,
            pinned: self.pinned,
            publish_at: self.publish_at,
            edited_at: self.edited_at,
            comments: self.comments,
            likes: self.likes,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Whether a post can be seen.
pub fn status(publish_at: Option<Time>, now: Time) -> PostStatus {
    match publish_at {
        None => PostStatus::Draft,
        Some(time) if time > now => PostStatus::Scheduled,
        Some(_) => PostStatus::Published,
    }
}
