//! Use-cases of comments.

use std::collections::HashMap;

use quanzi_openapi::comments::{Comment, CommentText, CommentsQuery};
use quanzi_openapi::events::EventType;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::{CircleId, CommentId, FanId, MembershipId, PartnerId, PostId};
use quanzi_openapi::memberships::MembershipStatus;
use quanzi_openapi::{Cursor, ErrorCode, Page, Time};

use super::store::{self, CommentRow};
use crate::capabilities::circles;
use crate::capabilities::circles::CirclePolicy;
use crate::capabilities::content;
use crate::capabilities::fans;
use crate::capabilities::grants;
use crate::capabilities::memberships;
use crate::capabilities::rights;
use crate::capabilities::rights::Action;
use crate::platform::clock::Clock;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::platform::window::Window;

const DAY_SECONDS: u32 = 24 * 3_600;

/// In whose name somebody comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActingAs {
    /// The partner in its own.
    Partner,
    /// The partner in that of a member.
    Member(MembershipId),
    /// A fan, through an app.
    Fan(FanId),
}

/// Comments on a post that everybody may see: this text, in reply to this comment.
pub async fn create(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    post: PostId,
    voice: ActingAs,
    (text, reply_to): (CommentText, Option<CommentId>),
) -> Result<Comment, Fault> {
    let circle = content::service::find_published(tx, partner, now, post).await?.circle;
    let policy = circles::service::lock_policy_shared(tx, partner, circle).await?;
    policy.must_be_open()?;
    let (fan_id, author_id) = author(tx, partner, (circle, &policy), voice).await?;
    if let Some(parent) = reply_to {
        may_be_replied_to(tx, partner, post, parent).await?;
    }
    if let (Some(fan), Some(comments)) = (fan_id, policy.limits.comments_per_fan_per_day) {
        check_posting_rate(tx, partner, now, (fan, circle), comments).await?;
    }
    if let ActingAs::Fan(fan) = voice {
        rights::service::authorize_rules(tx, partner, now, (circle, &policy), fan, Action::Comment).await?;
    }
    // The post is held no longer than it must be: everybody who comments on it waits here. It may be gone by now, but what a
    // rule has answered stays.
    content::service::count_comment(tx, partner, post, 1).await.map_err(Fault::keep_writes)?;
    let row = CommentRow {
        id: clock.id(),
        circle_id: circle,
        post_id: post,
        reply_to,
        fan_id,
        author_id,
        text,
        likes: 0,
        version: 1,
        created_at: now,
    };
    store::insert(tx, partner, &row).await?;
    outbox::service::record(tx, partner, now, EventType::CommentCreated, &row.clone().comment(None))?;
    named(tx, partner, row).await
}

/// The fan and the membership in whose name it is.
async fn author(
    tx: &mut Tx,
    partner: PartnerId,
    (circle, policy): (CircleId, &CirclePolicy),
    voice: ActingAs,
) -> Result<(Option<FanId>, Option<MembershipId>), Fault> {
    match voice {
        ActingAs::Partner => Ok((None, None)),
        ActingAs::Member(author) => {
            // The fan first, as everywhere: of two comments at once the second counts the first.
            let fan = memberships::service::find(tx, partner, author).await?.fan;
            fans::service::lock(tx, partner, fan).await?;
            let membership = memberships::service::lock_shared(tx, partner, author).await?;
            if membership.circle != circle {
                return Err(ErrorCode::MembershipNotFound.into());
            }
            if membership.status != MembershipStatus::Active {
                return Err(ErrorCode::AuthorNotActive.into());
            }
            Ok((Some(membership.fan), Some(author)))
        }
        ActingAs::Fan(fan) => {
            let membership =
                rights::service::authorize_role(tx, partner, (circle, policy), fan, Action::Comment).await?;
            Ok((Some(fan), membership.map(|membership| membership.id)))
        }
    }
}

/// Refuses one more comment of a fan, who is held, than the circle allows.
async fn check_posting_rate(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    (fan, circle): (FanId, CircleId),
    comments: u16,
) -> Result<(), Fault> {
    let pace = Window { name: "comments_per_fan_per_day", allowed: comments.into(), seconds: DAY_SECONDS };
    let latest = store::latest_of_fan(tx, partner, fan, circle, (pace.start(now), comments.into())).await?;
    let Some(then) = pace.next(&latest, now) else { return Ok(()) };
    let refused = Fault::new(ErrorCode::CommentLimitReached).limit(pace.report(now, then));
    Err(match comments {
        0 => {
            refused.detail("Fans may not comment in this circle; comment as the partner, or change the circle's limit.")
        }
        _ => refused
            .detail(format!("The fan may write {comments} comments in 24 hours; the next one at {then} or later.")),
    })
}

async fn may_be_replied_to(tx: &mut Tx, partner: PartnerId, post: PostId, parent: CommentId) -> Result<(), Fault> {
    let parent = store::find(tx, partner, parent).await?.filter(|parent| parent.post_id == post);
    let parent = parent.ok_or_else(|| Fault::new(ErrorCode::CommentNotFound).pointer("/reply_to"))?;
    if parent.reply_to.is_some() {
        return Err(Fault::field(
            "/reply_to",
            "expected a comment that is not itself a reply; use the `reply_to` of that comment",
        ));
    }
    Ok(())
}

/// A page of the comments on a post, oldest first.
pub async fn page(
    tx: &mut Reader,
    partner: PartnerId,
    now: Time,
    post: PostId,
    query: &CommentsQuery,
) -> Result<Page<Comment>, Fault> {
    let after: Option<CommentId> = query.cursor.as_ref().map(Cursor::position).transpose()?;
    let limit = query.limit.unwrap_or_default();
    content::service::find(tx, partner, now, post).await?;
    let rows = store::page(tx, partner, post, after, limit).await?;
    let nicknames = nicknames(tx, partner, &rows).await?;
    let page = Page::cut(rows, limit, |row| row.id);
    Ok(page.map(|row| {
        let nickname = row.fan_id.and_then(|fan| nicknames.get(&fan)).cloned();
        row.comment(nickname)
    }))
}

/// The same for a fan who may read the post.
pub async fn page_as_fan(
    tx: &mut Reader,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    post: PostId,
    query: &CommentsQuery,
) -> Result<Page<Comment>, Fault> {
    content::service::find_as_fan(tx, partner, now, fan, post).await?;
    page(tx, partner, now, post, query).await
}

/// The comment.
pub async fn find(tx: &mut Reader, partner: PartnerId, now: Time, comment: CommentId) -> Result<Comment, Fault> {
    let row = find_row(tx, partner, now, comment).await?;
    named(tx, partner, row).await
}

/// Deletes a comment; its row stays, for audits.
pub async fn delete(tx: &mut Tx, partner: PartnerId, now: Time, comment: CommentId) -> Result<(), Fault> {
    find_row(tx, partner, now, comment).await?;
    let row = store::delete(tx, partner, comment, now).await?.ok_or_else(missing)?;
    content::service::count_comment(tx, partner, row.post_id, -1).await.map_err(gone)?;
    outbox::service::record(tx, partner, now, EventType::CommentDeleted, &row.comment(None))
}

/// Deletes a fan's own comment; any, where the fan keeps the peace.
pub async fn delete_as_fan(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    fan: FanId,
    comment: CommentId,
) -> Result<(), Fault> {
    let row = find_row(tx, partner, now, comment).await?;
    if row.fan_id != Some(fan) && !rights::service::moderates(tx, partner, row.circle_id, fan).await? {
        let detail = "Only the comment's author and the circle's moderators can delete it.";
        return Err(Fault::new(ErrorCode::NotAllowedHere).detail(detail));
    }
    delete(tx, partner, now, comment).await
}

/// Counts a like of a comment, or one less; refuses when the comment is gone. The comment is held from here on.
pub async fn count_like(tx: &mut Tx, partner: PartnerId, comment: CommentId, by: i64) -> Result<i64, Fault> {
    store::count_like(tx, partner, comment, by).await?.ok_or_else(missing)
}

/// The row of a comment that is there, as is its post.
async fn find_row(tx: &mut Reader, partner: PartnerId, now: Time, comment: CommentId) -> Result<CommentRow, Fault> {
    let row = store::find(tx, partner, comment).await?.ok_or_else(missing)?;
    content::service::find(tx, partner, now, row.post_id).await.map_err(gone)?;
    Ok(row)
}

/// With its post the comment is gone.
fn gone(fault: Fault) -> Fault {
    if fault.code() == ErrorCode::PostNotFound { missing() } else { fault }
}

async fn named(tx: &mut Reader, partner: PartnerId, row: CommentRow) -> Result<Comment, Fault> {
    let nickname = nicknames(tx, partner, std::slice::from_ref(&row)).await?.into_values().next();
    Ok(row.comment(nickname))
}

async fn nicknames(
    tx: &mut Reader,
    partner: PartnerId,
    rows: &[CommentRow],
) -> Result<HashMap<FanId, Nickname>, Fault> {
    let showing = grants::service::showing_nickname(tx, partner, rows.iter().filter_map(|row| row.fan_id)).await?;
    let appearances = fans::service::appearances(tx, partner, showing).await?;
    Ok(appearances.into_iter().map(|(fan, (nickname, _))| (fan, nickname)).collect())
}

fn missing() -> Fault {
    ErrorCode::CommentNotFound.into()
}
