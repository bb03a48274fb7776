//! All SQL of posts. Invariant: a page is a range of one index, however long the feed, and deleted posts are not in it.

use std::cmp::Reverse;

use quanzi_openapi::id::{CircleId, FanId, MembershipId, PartnerId, PostId};
use quanzi_openapi::{Limit, Time};

use super::row::PostRow;
use crate::platform::db::{Fault, Json, KEYSET_UPPER_BOUND, Reader, Sql, Tx};
use crate::sql;

macro_rules! columns {
    () => {
        "select id, circle_id, author_id, fan_id, title, body, format, media_urls, pinned, publish_at, edited_at, comments, \
         likes, version, created_at, updated_at "
    };
}
macro_rules! list {
    () => {
        "id, circle_id, author_id, fan_id, title, body, format, media_urls, pinned, publish_at, edited_at, comments, likes, \
         version, created_at, updated_at"
    };
}
macro_rules! feed {
    () => {
        " from post where partner_id = $1 and circle_id = $2 and deleted_at is null and publish_at is not null \
         and publish_at > $3 "
    };
}

const FIND: Sql = sql!(columns!(), "from post where partner_id = $1 and id = $2 and deleted_at is null");
const LOCK: Sql =
    sql!(columns!(), "from post where partner_id = $1 and id = $2 and deleted_at is null", [" for no key update"]);
// Two ranges, because one over (pinned, publish_at, id) would walk over everything scheduled that lies between them. Put
// into one order in Rust: as few are pinned that costs nothing, while an engine would carry all texts through its sorter.
pub(super) const PAGE: Sql = sql!(
    columns!(),
    "from (",
    columns!(),
    feed!(),
    "and pinned = true and (publish_at, id) < ($4, $5) order by publish_at desc, id desc limit $8) as top union all ",
    columns!(),
    "from (",
    columns!(),
    feed!(),
    "and pinned = false and (publish_at, id) < ($6, $7) order by publish_at desc, id desc limit $8) as rest"
);
pub(super) const DRAFTS: Sql = sql!(
    columns!(),
    "from post where partner_id = $1 and circle_id = $2 and deleted_at is null and publish_at is null \
     and (pinned, id) < ($3, $4) order by pinned desc, id desc limit $5"
);
const PINNED: Sql = sql!("select count(*) from post where partner_id = $1 and circle_id = $2 and pinned = true");
// Deleted posts count when they had been published: otherwise deleting would be a way around the limit.
pub(super) const OTHERS_OF_AUTHOR: Sql = sql!(
    "select publish_at from post where partner_id = $1 and author_id = $2 and publish_at > $3 and id <> $4 \
     and (deleted_at is null or deleted_at >= publish_at) order by publish_at limit $5"
);
pub(super) const OTHERS_OF_FAN: Sql = sql!(
    "select publish_at from post where partner_id = $1 and fan_id = $2 and publish_at > $3 and id <> $4 \
     and (deleted_at is null or deleted_at >= publish_at) and circle_id = $6 order by publish_at limit $5"
);
const INSERT: Sql = sql!(
    "insert into post (partner_id, id, circle_id, author_id, title, body, format, media_urls, pinned, publish_at, \
     version, created_at, updated_at, fan_id, comments, likes) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0)"
);
// Added up in the table, whatever version of the post others are looking at: two at once are both counted.
const COUNT_COMMENT: Sql = sql!(
    "update post set comments = comments + $3 where partner_id = $1 and id = $2 and deleted_at is null returning comments"
);
const COUNT_LIKE: Sql =
    sql!("update post set likes = likes + $3 where partner_id = $1 and id = $2 and deleted_at is null returning likes");
const UPDATE: Sql = sql!(
    "update post set title = $3, body = $4, format = $5, media_urls = $6, pinned = $7, publish_at = $8, \
     edited_at = $9, version = $10, updated_at = $11 where partner_id = $1 and id = $2"
);
const DELETE: Sql = sql!(
    "update post set deleted_at = $3, pinned = false, version = version + 1, updated_at = $3 \
     where partner_id = $1 and id = $2 and deleted_at is null"
);
pub(super) const UNSCHEDULE_ALL: Sql = sql!(
    "update post set publish_at = null, version = version + 1, updated_at = $3 where partner_id = $1 \
     and circle_id = $2 and deleted_at is null and publish_at is not null and pinned = $4 and publish_at > $3 returning ",
    list!()
);

const UNSCHEDULE_OF: Sql = sql!(
    "update post set publish_at = null, version = version + 1, updated_at = $3 where partner_id = $1 \
     and author_id = $2 and deleted_at is null and publish_at is not null and publish_at > $3 returning ",
    list!()
);

/// Before every time.
const NEVER: i64 = -1;
/// More posts than a limit can count in three days; what lies beyond them can no longer change the answer.
const AUTHOR_ROWS_MAX: i64 = 4_000;

/// Whose pace a post counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Member(MembershipId),
    /// A fan who is no member of this circle.
    Fan(FanId, CircleId),
}

/// Where a page of the feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    pub pinned: bool,
    pub publish_at: Time,
    pub id: PostId,
}

pub async fn find(tx: &mut Reader, partner: PartnerId, post: PostId) -> Result<Option<PostRow>, Fault> {
    tx.query(FIND).bind(partner).bind(post).optional().await
}

pub async fn lock(tx: &mut Tx, partner: PartnerId, post: PostId) -> Result<Option<PostRow>, Fault> {
    tx.query(LOCK).bind(partner).bind(post).optional().await
}

/// What can be seen now.
pub async fn feed(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    now: Time,
    after: Option<FeedPosition>,
    limit: Limit,
) -> Result<Vec<PostRow>, Fault> {
    page(tx, partner, circle, (NEVER, now.micros()), after, limit).await
}

/// What will be seen later.
pub async fn scheduled(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    now: Time,
    after: Option<FeedPosition>,
    limit: Limit,
) -> Result<Vec<PostRow>, Fault> {
    page(tx, partner, circle, (now.micros(), i64::MAX), after, limit).await
}

/// Posts seen from times above the floor up to the ceiling. A cursor can lead no higher than the ceiling.
async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    (floor, ceiling): (i64, i64),
    after: Option<FeedPosition>,
    limit: Limit,
) -> Result<Vec<PostRow>, Fault> {
    let all = || (ceiling, KEYSET_UPPER_BOUND.to_owned());
    let rest = |position: FeedPosition| (position.publish_at.micros(), position.id.to_string()).min(all());
    let (top, others) = match after {
        None => (all(), all()),
        Some(position) if position.pinned => (rest(position), all()),
        Some(position) => ((NEVER, String::new()), rest(position)),
    };
    let page = tx.query(PAGE).bind(partner).bind(circle).bind(floor).bind(top.0).bind(top.1);
    let mut rows: Vec<PostRow> = page.bind(others.0).bind(others.1).bind(limit.rows_and_one()).all().await?;
    rows.sort_unstable_by_key(|row| Reverse((row.pinned, row.publish_at, row.id)));
    rows.truncate(limit.rows() + 1);
    Ok(rows)
}

pub async fn drafts(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    after: Option<(bool, PostId)>,
    limit: Limit,
) -> Result<Vec<PostRow>, Fault> {
    let (pinned, id) =
        after.map_or_else(|| (true, KEYSET_UPPER_BOUND.to_owned()), |(pinned, id)| (pinned, id.to_string()));
    tx.query(DRAFTS).bind(partner).bind(circle).bind(pinned).bind(id).bind(limit.rows_and_one()).all().await
}

/// How many posts of the circle are pinned.
pub async fn pinned(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<i64, Fault> {
    let (count,): (i64,) = tx.query(PINNED).bind(partner).bind(circle).one().await?;
    Ok(count)
}

/// When the author's other posts are seen, from a time on, in order.
pub async fn others_of_author(
    tx: &mut Reader,
    partner: PartnerId,
    author: Author,
    post: PostId,
    after: Time,
) -> Result<Vec<Time>, Fault> {
    let others = match author {
        Author::Member(author) => tx.query(OTHERS_OF_AUTHOR).bind(partner).bind(author),
        Author::Fan(fan, _) => tx.query(OTHERS_OF_FAN).bind(partner).bind(fan),
    };
    let others = others.bind(after).bind(post).bind(AUTHOR_ROWS_MAX);
    let others = match author {
        Author::Member(_) => others,
        Author::Fan(_, circle) => others.bind(circle),
    };
    let rows: Vec<(i64,)> = others.all().await?;
    Ok(rows.into_iter().map(|(micros,)| Time::from_micros(micros)).collect())
}

pub async fn insert(tx: &mut Tx, partner: PartnerId, row: &PostRow) -> Result<(), Fault> {
    let insert = tx.query(INSERT).bind(partner).bind(row.id).bind(row.circle_id).bind(row.author_id).bind(&row.title);
    let insert = insert.bind(&row.body).bind(row.format).bind(Json(&row.media_urls.0)).bind(row.pinned);
    let insert = insert.bind(row.publish_at).bind(row.version).bind(row.created_at).bind(row.updated_at);
    insert.bind(row.fan_id).run().await?;
    Ok(())
}

/// Counts so many comments more, or less; how many there are then, when the post is there.
pub async fn count_comment(tx: &mut Tx, partner: PartnerId, post: PostId, by: i64) -> Result<Option<i64>, Fault> {
    let count: Option<(i64,)> = tx.query(COUNT_COMMENT).bind(partner).bind(post).bind(by).optional().await?;
    Ok(count.map(|(count,)| count))
}

/// Counts so many likes more, or less; how many there are then, when the post is there.
pub async fn count_like(tx: &mut Tx, partner: PartnerId, post: PostId, by: i64) -> Result<Option<i64>, Fault> {
    let count: Option<(i64,)> = tx.query(COUNT_LIKE).bind(partner).bind(post).bind(by).optional().await?;
    Ok(count.map(|(count,)| count))
}

pub async fn update(tx: &mut Tx, partner: PartnerId, row: &PostRow) -> Result<(), Fault> {
    let update = tx.query(UPDATE).bind(partner).bind(row.id).bind(&row.title).bind(&row.body).bind(row.format);
    let update = update.bind(Json(&row.media_urls.0)).bind(row.pinned).bind(row.publish_at).bind(row.edited_at);
    update.bind(row.version).bind(row.updated_at).run().await?;
    Ok(())
}

/// False if the post does not exist or is deleted.
pub async fn delete(tx: &mut Tx, partner: PartnerId, post: PostId, now: Time) -> Result<bool, Fault> {
    Ok(tx.query(DELETE).bind(partner).bind(post).bind(now).run().await? == 1)
}

/// The posts that were scheduled, as they are now.
pub async fn unschedule_all(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    now: Time,
) -> Result<Vec<PostRow>, Fault> {
    let mut posts = Vec::new();
    // Both values of `pinned`, so that each is a range of the feed's index.
    for pinned in [true, false] {
        let unschedule = tx.query(UNSCHEDULE_ALL).bind(partner).bind(circle).bind(now).bind(pinned);
        posts.extend(unschedule.all::<PostRow>().await?);
    }
    Ok(posts)
}

/// The posts that were scheduled, as they are now.
pub async fn unschedule_of(
    tx: &mut Tx,
    partner: PartnerId,
    author: MembershipId,
    now: Time,
) -> Result<Vec<PostRow>, Fault> {
    tx.query(UNSCHEDULE_OF).bind(partner).bind(author).bind(now).all().await
}
