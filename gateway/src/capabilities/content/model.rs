//! The rules of posts. Pure.

use quanzi_openapi::content::{MEDIA_MAX, NewPost, PostChange, PostStatus};
use quanzi_openapi::partners::WebAddress;
use quanzi_openapi::{ErrorCode, Time};

use super::row::PostRow;
pub use super::row::status;
use crate::platform::fault::Fault;
use crate::platform::jobs::JobKind;
use crate::platform::window::Window;

/// A post: what was scheduled can be seen, and the log says so.
pub const PUBLISH_POST: JobKind = JobKind::new("publish_post");

const DAY_SECONDS: u32 = 24 * 3600;

/// How many posts an author may publish, where the circle says so.
pub fn pace(posts_per_day: u16) -> Window {
    Window { name: "posts_per_member_per_day", allowed: posts_per_day.into(), seconds: DAY_SECONDS }
}

/// When a new post is to be seen: at the wished time, now when that is past or left out, never as a draft.
pub fn publish_at(new: &NewPost, now: Time) -> Result<Option<Time>, Fault> {
    match (new.draft, new.publish_at) {
        (true, Some(_)) => Err(Fault::field("/publish_at", "A draft has no publish_at: omit one of the two.")),
        (true, None) => Ok(None),
        (false, wished) => Ok(Some(wished.unwrap_or(now).max(now))),
    }
}

/// Refuses more media than a post can have.
pub fn check_media(media: &[WebAddress]) -> Result<(), Fault> {
    if media.len() > MEDIA_MAX {
        return Err(Fault::field("/media_urls", format!("Expected at most {MEDIA_MAX} addresses.")));
    }
    Ok(())
}

/// The post after a change; the same version when nothing changed.
pub fn changed(before: &PostRow, change: &PostChange, now: Time) -> Result<PostRow, Fault> {
    let published = status(before.publish_at, now) == PostStatus::Published;
    let moves = change.publish_at.clone().apply(before.publish_at) != before.publish_at;
    if published && moves {
        return Err(ErrorCode::PostPublished.into());
    }
    let mut after = before.clone();
    after.title = change.title.clone().apply(after.title);
    if let Some(body) = &change.body {
        after.body = body.clone();
    }
    if let Some(format) = change.format {
        after.format = format;
    }
    if let Some(media) = &change.media_urls {
        check_media(media)?;
        after.media_urls.0.clone_from(media);
    }
    if published && after != *before {
        after.edited_at = Some(now);
    }
    if moves {
        after.publish_at = change.publish_at.clone().apply(after.publish_at).map(|time| time.max(now));
    }
    Ok(counted(before, after, now))
}

/// The post when its time has come: its status has changed, so its version does.
pub fn publish(before: &PostRow, now: Time) -> PostRow {
    PostRow { version: before.version + 1, updated_at: now, ..before.clone() }
}

/// The post, pinned or not.
pub fn pinned(before: &PostRow, pinned: bool, now: Time) -> PostRow {
    counted(before, PostRow { pinned, ..before.clone() }, now)
}

/// The post as its row is kept when it is deleted.
pub fn deleted(before: &PostRow, now: Time) -> PostRow {
    PostRow { pinned: false, version: before.version + 1, updated_at: now, ..before.clone() }
}

fn counted(before: &PostRow, mut after: PostRow, now: Time) -> PostRow {
    if after != *before {
        after.version += 1;
        after.updated_at = now;
    }
    after
}

/// The earliest time from `wished` on at which one more post keeps the pace, given when the author's others are seen:
/// no window of the pace's length around it may then hold more than allowed, earlier and later posts counted. `None` when
/// nothing is allowed at all.
///
/// Each run of `allowed` posts that fits into one window forbids the times that would join them to one window with it;
/// runs begin and end in order, so one pass over them finds the first gap.
pub fn earliest(others: &[Time], wished: Time, pace: &Window) -> Option<Time> {
    let allowed = usize::try_from(pace.allowed).unwrap_or(usize::MAX);
    if allowed == 0 {
        return None;
    }
    let runs = others.windows(allowed).filter_map(|run| Some((*run.first()?, *run.last()?)));
    Some(runs.fold(wished, |earliest, (first, last)| {
        let joins = pace.end(first) > last && pace.end(earliest) > last && earliest < pace.end(first);
        if joins { pace.end(first) } else { earliest }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = DAY_SECONDS as i64;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(10 * DAY + seconds)
    }

    /// By the definition: some window of a day holds the wished time and more than allowed posts.
    fn check_posting_rate(others: &[i64], wished: i64, allowed: usize) -> bool {
        let mut all = others.to_vec();
        all.push(wished);
        !all.iter().any(|start| {
            let holds = |second: i64| (*start..*start + DAY).contains(&second);
            holds(wished) && all.iter().filter(|second| holds(**second)).count() > allowed
        })
    }

    proptest! {
        #[test]
        fn the_earliest_time_is_the_first_that_keeps_the_pace(
            mut others in proptest::collection::vec(0..6 * DAY, 0..12), wished in 0..6 * DAY, allowed in 1_u16..4,
        ) {
            others.sort_unstable();
            let times: Vec<_> = others.iter().map(|second| at(*second)).collect();

            let found = earliest(&times, at(wished), &pace(allowed)).unwrap();

            let found = found.seconds() - 10 * DAY;
            prop_assert!(found >= wished && check_posting_rate(&others, found, allowed.into()));
            // Nothing earlier does: the pace can only become free a day after some post.
            let ends = others.iter().map(|second| second + DAY).chain([wished]);
            for earlier in ends.filter(|second| (wished..found).contains(second)) {
                prop_assert!(!check_posting_rate(&others, earlier, allowed.into()));
            }
            prop_assert!(found == wished || !check_posting_rate(&others, found - 1, allowed.into()));
        }
    }

    #[test]
    fn where_members_may_publish_nothing_there_is_no_earliest_time() {
        assert_eq!(earliest(&[], at(0), &pace(0)), None);
    }

    #[test]
    fn a_time_in_the_past_means_now() {
        let new = NewPost::new("Hello").publish_at(at(-1));

        assert_eq!(publish_at(&new, at(0)).unwrap(), Some(at(0)));
        assert_eq!(status(Some(at(0)), at(0)), PostStatus::Published);
    }

    #[test]
    fn a_draft_with_a_time_names_the_field() {
        let refused = publish_at(&NewPost::new("Hello").publish_at(at(5)).draft(), at(0)).unwrap_err();

        assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::FieldInvalid, Some("/publish_at")));
    }
}
