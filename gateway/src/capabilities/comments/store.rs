//! All SQL of comments. Invariant: a page is a range of one index, and deleted comments are not in it.

use quanzi_openapi::comments::{AuthorKind, Comment, CommentAuthor, CommentText};
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::{CircleId, CommentId, FanId, MembershipId, PartnerId, PostId};
use quanzi_openapi::{Limit, Time};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql, Tx};
use crate::sql;

macro_rules! columns {
    () => {
        "id, circle_id, post_id, reply_to, fan_id, author_id, text, likes, version, created_at"
    };
}

const FIND: Sql = sql!("select ", columns!(), " from comment where partner_id = $1 and id = $2 and deleted_at is null");
const PAGE: Sql = sql!(
    "select ",
    columns!(),
    " from comment where partner_id = $1 and post_id = $2 and deleted_at is null and id > $3 order by id limit $4"
);
const INSERT: Sql = sql!(
    "insert into comment (partner_id, id, circle_id, post_id, reply_to, fan_id, author_id, text, likes, version, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)"
);
// Deleted ones count: otherwise deleting would be a way around the limit.
pub(super) const LATEST_OF_FAN: Sql = sql!(
    "select created_at from comment where partner_id = $1 and fan_id = $2 and circle_id = $3 and created_at > $4 \
     order by created_at desc limit $5"
);
/// Of two at once the second waits for the first, and then finds it done.
const DELETE: Sql = sql!(
    "update comment set deleted_at = $3, version = version + 1 where partner_id = $1 and id = $2 and deleted_at is null \
     returning ",
    columns!()
);
const COUNT_LIKE: Sql = sql!(
    "update comment set likes = likes + $3 where partner_id = $1 and id = $2 and deleted_at is null returning likes"
);

/// A comment as it is kept.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct CommentRow {
    #[sqlx(try_from = "As<CommentId>")]
    pub id: CommentId,
    #[sqlx(try_from = "As<CircleId>")]
    pub circle_id: CircleId,
    #[sqlx(try_from = "As<PostId>")]
    pub post_id: PostId,
    #[sqlx(try_from = "As<Option<CommentId>>")]
    pub reply_to: Option<CommentId>,
    #[sqlx(try_from = "As<Option<FanId>>")]
    pub fan_id: Option<FanId>,
    #[sqlx(try_from = "As<Option<MembershipId>>")]
    pub author_id: Option<MembershipId>,
    #[sqlx(try_from = "As<CommentText>")]
    pub text: CommentText,
    pub likes: i64,
    pub version: i64,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

impl CommentRow {
    /// As everybody reads it, with what its author is called, where that is shown.
    pub fn comment(self, nickname: Option<Nickname>) -> Comment {
        let kind = if self.fan_id.is_some() { AuthorKind::Fan } else { AuthorKind::Partner };
        Comment {
            id: self.id,
            circle: self.circle_id,
            post: self.post_id,
            reply_to: self.reply_to,
            author: CommentAuthor { kind: kind.into(), fan: self.fan_id, membership: self.author_id, nickname },
            text: self.text,
            likes: self.likes,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

pub async fn find(tx: &mut Reader, partner: PartnerId, comment: CommentId) -> Result<Option<CommentRow>, Fault> {
    tx.query(FIND).bind(partner).bind(comment).optional().await
}

/// Comments after this one, oldest first.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    post: PostId,
    after: Option<CommentId>,
    limit: Limit,
) -> Result<Vec<CommentRow>, Fault> {
    let after = after.map(|after| after.to_string()).unwrap_or_default();
    tx.query(PAGE).bind(partner).bind(post).bind(after).bind(limit.rows_and_one()).all().await
}

/// When a fan commented in a circle after a time, the latest first.
pub async fn latest_of_fan(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    circle: CircleId,
    (after, rows): (Time, i64),
) -> Result<Vec<Time>, Fault> {
    #[derive(FromRow)]
    struct TimeRow {
        #[sqlx(try_from = "As<Time>")]
        created_at: Time,
    }
    let latest = tx.query(LATEST_OF_FAN).bind(partner).bind(fan).bind(circle).bind(after).bind(rows);
    let rows: Vec<TimeRow> = latest.all().await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, row: &CommentRow) -> Result<(), Fault> {
    let insert = tx.query(INSERT).bind(partner).bind(row.id).bind(row.circle_id).bind(row.post_id).bind(row.reply_to);
    let insert = insert.bind(row.fan_id).bind(row.author_id).bind(&row.text).bind(row.version);
    insert.bind(row.created_at).run().await?;
    Ok(())
}

/// The deleted comment; `None` if it was already deleted.
pub async fn delete(
    tx: &mut Tx,
    partner: PartnerId,
    comment: CommentId,
    now: Time,
) -> Result<Option<CommentRow>, Fault> {
    tx.query(DELETE).bind(partner).bind(comment).bind(now).optional().await
}

/// Counts so many likes more, or less; how many there are then, when the comment is there.
pub async fn count_like(tx: &mut Tx, partner: PartnerId, comment: CommentId, by: i64) -> Result<Option<i64>, Fault> {
    let count: Option<(i64,)> = tx.query(COUNT_LIKE).bind(partner).bind(comment).bind(by).optional().await?;
    Ok(count.map(|(count,)| count))
}
