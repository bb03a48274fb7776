//! Use-cases of posts.

use quanzi_openapi::content::{NewPost, PINNED_MAX, Post, PostChange, PostStatus, PostsQuery};
use quanzi_openapi::events::EventType;
use quanzi_openapi::id::{CircleId, FanId, MembershipId, PartnerId, PostId};
use quanzi_openapi::me::{FeedQuery, NewFanPost};
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::page::CursorError;
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::model;
use super::row::PostRow;
use super::store::{self, Author, FeedPosition};
use crate::capabilities::circles;
use crate::capabilities::circles::CirclePolicy;
use crate::capabilities::fans;
use crate::capabilities::memberships;
use crate::capabilities::rights;
use crate::capabilities::rights::Action;
use crate::platform::clock::Clock;
use crate::platform::db::{Json, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs;
use crate::platform::jobs::Job;
use crate::platform::outbox;

/// Publishes a post: now, later, or not yet.
pub async fn create(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    new: &NewPost,
) -> Result<Post, Fault> {
    let policy = circles::service::lock_policy_shared(tx, partner, circle).await?;
    policy.must_be_open()?;
    publish(tx, clock, partner, now, (circle, &policy), None, new).await
}

/// Publishes a post of a fan, now, where the fan may: as a member, if the fan is one.
pub async fn create_as_fan(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    fan: FanId,
    new: &NewFanPost,
) -> Result<Post, Fault> {
    let policy = circles::service::lock_policy_shared(tx, partner, circle).await?;
    policy.must_be_open()?;
    let membership = rights::service::authorize_role(tx, partner, (circle, &policy), fan, Action::Post).await?;
    let mut post = NewPost::new(new.body.clone());
    post.author = membership.map(|membership| membership.id);
    post.title.clone_from(&new.title);
    post.format = new.format;
    post.media_urls.clone_from(&new.media_urls);
    publish(tx, clock, partner, now, (circle, &policy), Some(fan), &post).await
}

async fn publish(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    (circle, policy): (CircleId, &CirclePolicy),
    fan: Option<FanId>,
    new: &NewPost,
) -> Result<Post, Fault> {
    let publish_at = model::publish_at(new, now)?;
    model::check_media(&new.media_urls)?;
    let row = PostRow {
        id: clock.id(),
        circle_id: circle,
        author_id: new.author,
        fan_id: fan,
        title: new.title.clone(),
        body: new.body.clone(),
        format: new.format.unwrap_or_default(),
        media_urls: Json(new.media_urls.clone()),
        pinned: false,
        publish_at,
        edited_at: None,
        comments: 0,
        likes: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    may_publish(tx, partner, now, &row, policy).await?;
    if let Some(fan) = fan {
        rights::service::authorize_rules(tx, partner, now, (circle, policy), fan, Action::Post).await?;
    }
    store::insert(tx, partner, &row).await?;
    let post = row.post(now);
    let kind = if post.status == PostStatus::Published { EventType::PostPublished } else { EventType::PostCreated };
    outbox::service::record(tx, partner, now, kind, &post)?;
    announce_later(tx, clock, partner, now, &post).await?;
    Ok(post)
}

/// A page of the feed, or of what only the partner sees.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    query: &PostsQuery,
) -> Result<Page<Post>, Fault> {
    let limit = query.limit.unwrap_or_default();
    let cursor = query.cursor.as_ref();
    let page = match query.status.unwrap_or(PostStatus::Published) {
        PostStatus::Draft => {
            let after: Option<(PostStatus, bool, PostId)> = cursor.map(Cursor::position).transpose()?;
            let after = after.map(|(of, pinned, id)| of_list(of, PostStatus::Draft, (pinned, id))).transpose()?;
            let rows = store::drafts(tx, partner, circle, after, limit).await?;
            Page::cut(rows, limit, |row| (PostStatus::Draft, row.pinned, row.id))
        }
        status => {
            let after: Option<(PostStatus, bool, i64, PostId)> = cursor.map(Cursor::position).transpose()?;
            let position = |pinned, micros, id| FeedPosition { pinned, publish_at: Time::from_micros(micros), id };
            let after =
                after.map(|(of, pinned, micros, id)| of_list(of, status, position(pinned, micros, id))).transpose()?;
            let rows = match status {
                PostStatus::Scheduled => store::scheduled(tx, partner, circle, now, after, limit).await?,
                _ => store::feed(tx, partner, circle, now, after, limit).await?,
            };
            Page::cut(rows, limit, |row| (status, row.pinned, row.publish_at.map_or(0, Time::micros), row.id))
        }
    };
    if page.data.is_empty() {
        circles::service::must_exist(tx, partner, circle).await?;
    }
    Ok(page.map(|row| row.post(now)))
}

/// The place a cursor holds, if it was given for this list: in another it would skip or repeat posts without a word.
fn of_list<P>(given_for: PostStatus, list: PostStatus, place: P) -> Result<P, CursorError> {
    if given_for == list { Ok(place) } else { Err(CursorError) }
}

/// The post.
pub async fn find(tx: &mut Reader, partner: PartnerId, now: Time, post: PostId) -> Result<Post, Fault> {
    Ok(find_row(tx, partner, post).await?.post(now))
}

/// The post, when everybody may see it.
pub async fn find_published(tx: &mut Reader, partner: PartnerId, now: Time, post: PostId) -> Result<Post, Fault> {
    let post = find(tx, partner, now, post).await?;
    if post.status == PostStatus::Published { Ok(post) } else { Err(missing()) }
}

/// The post, when this fan may see it.
pub async fn find_as_fan(
    tx: &mut Reader,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    post: PostId,
) -> Result<Post, Fault> {
    let post = find_published(tx, partner, now, post).await?;
    rights::service::may_read(tx, partner, post.circle, fan).await?;
    Ok(post)
}

/// A page of the feed, for a fan who may read it.
pub async fn page_as_fan(
    tx: &mut Reader,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    circle: CircleId,
    query: &FeedQuery,
) -> Result<Page<Post>, Fault> {
    rights::service::may_read(tx, partner, circle, fan).await?;
    let mut wanted = PostsQuery::default();
    (wanted.limit, wanted.cursor) = (query.limit, query.cursor.clone());
    page(tx, partner, now, circle, &wanted).await
}

/// Counts a comment on a post, or one less; refuses when the post is gone. The post is held from here on.
pub async fn count_comment(tx: &mut Tx, partner: PartnerId, post: PostId, by: i64) -> Result<i64, Fault> {
    store::count_comment(tx, partner, post, by).await?.ok_or_else(missing)
}

/// Counts a like of a post, or one less; refuses when the post is gone. The post is held from here on.
pub async fn count_like(tx: &mut Tx, partner: PartnerId, post: PostId, by: i64) -> Result<i64, Fault> {
    store::count_like(tx, partner, post, by).await?.ok_or_else(missing)
}

/// A post that is about to change, held, and how its circle stands.
#[derive(Debug)]
pub struct LockedPost {
    row: PostRow,
    policy: CirclePolicy,
    /// The fan who is about to change it; none when it is the partner.
    fan: Option<FanId>,
}

impl LockedPost {
    /// The version that is held.
    pub fn version(&self) -> i64 {
        self.row.version
    }
}

/// The post, held until the end of the transaction.
pub async fn lock(tx: &mut Tx, partner: PartnerId, post: PostId) -> Result<LockedPost, Fault> {
    let circle = find_row(tx, partner, post).await?.circle_id;
    let policy = circles::service::lock_policy_shared(tx, partner, circle).await?;
    Ok(LockedPost { row: lock_row(tx, partner, post).await?, policy, fan: None })
}

/// Changes a post that is held. A fan must still be able to post.
pub async fn change(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    locked: LockedPost,
    change: &PostChange,
) -> Result<Post, Fault> {
    let after = model::changed(&locked.row, change, now)?;
    if after.publish_at != locked.row.publish_at && after.publish_at.is_some() {
        locked.policy.must_be_open()?;
        may_publish(tx, partner, now, &after, &locked.policy).await?;
    }
    if let Some(fan) = locked.fan {
        let place = (locked.row.circle_id, &locked.policy);
        rights::service::authorize_rules(tx, partner, now, place, fan, Action::Post).await?;
    }
    let is_moved = after.publish_at != locked.row.publish_at;
    let post = save(tx, partner, &locked.row, after, now).await?;
    if is_moved {
        jobs::service::cancel(tx, partner, model::PUBLISH_POST, post.id).await?;
        announce_later(tx, clock, partner, now, &post).await?;
    }
    Ok(post)
}

/// The post, held until the end of the transaction, for the fan whose own it is, and who is still among those who may post.
pub async fn lock_as_fan(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    post: PostId,
) -> Result<LockedPost, Fault> {
    let row = find_own(tx, partner, now, fan, post).await?;
    let policy = circles::service::lock_policy_shared(tx, partner, row.circle_id).await?;
    policy.must_be_open()?;
    rights::service::authorize_role(tx, partner, (row.circle_id, &policy), fan, Action::Post).await?;
    Ok(LockedPost { row: lock_row(tx, partner, post).await?, policy, fan: Some(fan) })
}

/// Deletes a fan's own post.
pub async fn delete_as_fan(tx: &mut Tx, partner: PartnerId, now: Time, fan: FanId, post: PostId) -> Result<(), Fault> {
    find_own(tx, partner, now, fan, post).await?;
    delete(tx, partner, now, post).await
}

/// The post, when the fan wrote it, or the partner did in the fan's name. What nobody sees yet is the partner's alone.
async fn find_own(tx: &mut Tx, partner: PartnerId, now: Time, fan: FanId, post: PostId) -> Result<PostRow, Fault> {
    let row = find_row(tx, partner, post).await?;
    if model::status(row.publish_at, now) != PostStatus::Published {
        return Err(missing());
    }
    let is_own = match (row.fan_id, row.author_id) {
        (Some(author), _) => author == fan,
        (None, Some(author)) => memberships::service::find(tx, partner, author).await?.fan == fan,
        (None, None) => false,
    };
    if is_own {
        Ok(row)
    } else {
        Err(Fault::new(ErrorCode::NotAllowedHere).detail("Only the post's author can do this."))
    }
}

/// Has a post that will be seen later announced then.
async fn announce_later(tx: &mut Tx, clock: &Clock, partner: PartnerId, now: Time, post: &Post) -> Result<(), Fault> {
    match post.publish_at.filter(|publish_at| *publish_at > now) {
        Some(due_at) => {
            jobs::service::enqueue(tx, clock, Job::new(model::PUBLISH_POST, partner, post.id, due_at)).await
        }
        None => Ok(()),
    }
}

/// Says that a scheduled post can be seen, at its time. Nothing when it was deleted or moved meanwhile: then so was its job.
pub async fn publish_due(tx: &mut Tx, partner: PartnerId, now: Time, post: PostId) -> Result<(), Fault> {
    match store::lock(tx, partner, post).await? {
        Some(row) if model::status(row.publish_at, now) == PostStatus::Published => {
            let after = model::publish(&row, now);
            store::update(tx, partner, &after).await?;
            outbox::service::record(tx, partner, now, EventType::PostPublished, &after.post(now))
        }
        _ => Ok(()),
    }
}

/// Deletes a post; its row stays, for audits and because it was published and so counts for its author's pace.
pub async fn delete(tx: &mut Tx, partner: PartnerId, now: Time, post: PostId) -> Result<(), Fault> {
    let before = lock_row(tx, partner, post).await?;
    store::delete(tx, partner, post, now).await?;
    jobs::service::cancel(tx, partner, model::PUBLISH_POST, post).await?;
    let after = model::deleted(&before, now);
    outbox::service::record(tx, partner, now, EventType::PostDeleted, &after.post(now))
}

/// Pins a post.
pub async fn pin(tx: &mut Tx, partner: PartnerId, now: Time, post: PostId) -> Result<Post, Fault> {
    let circle = find_row(tx, partner, post).await?.circle_id;
    // One after the other in a circle: of two pins at once each would count without the other.
    circles::service::lock(tx, partner, circle).await?;
    let before = lock_row(tx, partner, post).await?;
    if !before.pinned && store::pinned(tx, partner, circle).await? >= PINNED_MAX {
        return Err(ErrorCode::PinLimitReached.into());
    }
    let after = model::pinned(&before, true, now);
    save(tx, partner, &before, after, now).await
}

/// Unpins a post.
pub async fn unpin(tx: &mut Tx, partner: PartnerId, now: Time, post: PostId) -> Result<Post, Fault> {
    let before = lock_row(tx, partner, post).await?;
    let after = model::pinned(&before, false, now);
    save(tx, partner, &before, after, now).await
}

/// Makes drafts of what is scheduled in a circle; its caller holds the circle.
pub async fn unschedule_all(tx: &mut Tx, partner: PartnerId, now: Time, circle: CircleId) -> Result<(), Fault> {
    let posts = store::unschedule_all(tx, partner, circle, now).await?;
    unscheduled(tx, partner, now, posts).await
}

/// Makes drafts of what a member has scheduled; its caller holds the membership.
pub async fn unschedule_of(tx: &mut Tx, partner: PartnerId, now: Time, author: MembershipId) -> Result<(), Fault> {
    let posts = store::unschedule_of(tx, partner, author, now).await?;
    unscheduled(tx, partner, now, posts).await
}

async fn unscheduled(tx: &mut Tx, partner: PartnerId, now: Time, posts: Vec<PostRow>) -> Result<(), Fault> {
    jobs::service::cancel_all(tx, partner, model::PUBLISH_POST, posts.iter().map(|post| post.id)).await?;
    for post in posts {
        outbox::service::record(tx, partner, now, EventType::PostChanged, &post.post(now))?;
    }
    Ok(())
}

/// Refuses a post that its author may not write, or not publish at that time.
async fn may_publish(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    post: &PostRow,
    policy: &CirclePolicy,
) -> Result<(), Fault> {
    // The author is held: of two posts at once the second counts the first.
    let author = match (post.author_id, post.fan_id) {
        (Some(author), _) => {
            let membership = memberships::service::lock(tx, partner, author).await?;
            if membership.circle != post.circle_id {
                return Err(ErrorCode::MembershipNotFound.into());
            }
            if membership.status != MembershipStatus::Active {
                return Err(ErrorCode::AuthorNotActive.into());
            }
            Author::Member(author)
        }
        (None, Some(fan)) => {
            fans::service::lock(tx, partner, fan).await?;
            Author::Fan(fan, post.circle_id)
        }
        (None, None) => return Ok(()),
    };
    match (policy.limits.posts_per_member_per_day, post.publish_at) {
        (Some(posts), Some(publish_at)) => {
            check_posting_rate(tx, partner, now, (author, post.id), publish_at, posts).await
        }
        _ => Ok(()),
    }
}

async fn check_posting_rate(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    (author, post): (Author, PostId),
    publish_at: Time,
    posts: u16,
) -> Result<(), Fault> {
    let pace = model::pace(posts);
    let others = store::others_of_author(tx, partner, author, post, pace.start(publish_at)).await?;
    let earliest = model::earliest(&others, publish_at, &pace);
    if earliest == Some(publish_at) {
        return Ok(());
    }
    let refused = Fault::new(ErrorCode::PostLimitReached);
    Err(match earliest {
        Some(then) => refused
            .detail(format!("The member may publish {posts} posts in 24 hours; the next one at {then} or later."))
            .limit(pace.report(now, then)),
        None => refused
            .detail("Members of this circle may not publish; publish as the partner, or change the circle's limit.")
            .limit(pace.report(now, pace.end(now))),
    })
}

async fn save(tx: &mut Tx, partner: PartnerId, before: &PostRow, after: PostRow, now: Time) -> Result<Post, Fault> {
    let post = after.clone().post(now);
    if after != *before {
        store::update(tx, partner, &after).await?;
        let was_published = model::status(before.publish_at, now) == PostStatus::Published;
        let comes_out = post.status == PostStatus::Published && !was_published;
        let kind = if comes_out { EventType::PostPublished } else { EventType::PostChanged };
        outbox::service::record(tx, partner, now, kind, &post)?;
    }
    Ok(post)
}

async fn find_row(tx: &mut Reader, partner: PartnerId, post: PostId) -> Result<PostRow, Fault> {
    store::find(tx, partner, post).await?.ok_or_else(missing)
}

async fn lock_row(tx: &mut Tx, partner: PartnerId, post: PostId) -> Result<PostRow, Fault> {
    store::lock(tx, partner, post).await?.ok_or_else(missing)
}

fn missing() -> Fault {
    ErrorCode::PostNotFound.into()
}
