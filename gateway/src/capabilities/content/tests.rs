//! Posts on both engines, and their races.

use quanzi_openapi::circles::{NewCircle, PublishingLimits};
use quanzi_openapi::content::{NewPost, Post, PostChange, PostStatus, PostsQuery};
use quanzi_openapi::id::{CircleId, MembershipId, PostId};
use quanzi_openapi::{Cursor, Edit, ErrorCode, Limit, Time};

use super::service;
use crate::capabilities::memberships::MembershipAction;
use crate::on_both_engines;
use crate::platform::fault::Fault;
use crate::testing::fixture::Fixture;
use crate::workflows;

const DAY: i64 = 24 * 3600;

async fn publish(fixture: &Fixture, circle: CircleId, new: &NewPost) -> Result<Post, Fault> {
    let mut tx = fixture.begin().await;
    let post = service::create(&mut tx, &fixture.clock, fixture.partner, fixture.now, circle, new).await;
    fixture.end(tx, post).await
}

async fn change(fixture: &Fixture, post: PostId, change: &PostChange) -> Result<Post, Fault> {
    let mut tx = fixture.begin().await;
    let outcome = match service::lock(&mut tx, fixture.partner, post).await {
        Ok(held) => service::change(&mut tx, &fixture.clock, fixture.partner, fixture.now, held, change).await,
        Err(refused) => Err(refused),
    };
    fixture.end(tx, outcome).await
}

async fn pin(fixture: &Fixture, post: PostId, pinned: bool) -> Result<Post, Fault> {
    let mut tx = fixture.begin().await;
    let outcome = if pinned {
        service::pin(&mut tx, fixture.partner, fixture.now, post).await
    } else {
        service::unpin(&mut tx, fixture.partner, fixture.now, post).await
    };
    fixture.end(tx, outcome).await
}

async fn delete(fixture: &Fixture, post: PostId) -> Result<(), Fault> {
    let mut tx = fixture.begin().await;
    let outcome = service::delete(&mut tx, fixture.partner, fixture.now, post).await;
    fixture.end(tx, outcome).await
}

async fn close(fixture: &Fixture, circle: CircleId) {
    let mut tx = fixture.begin().await;
    let closed = workflows::circles::service::close(&mut tx, fixture.partner, fixture.now, circle).await;
    fixture.end(tx, closed).await.unwrap();
}

async fn read(fixture: &Fixture, post: PostId) -> Result<Post, Fault> {
    let mut tx = fixture.db.reading().await.unwrap();
    service::find(&mut tx, fixture.partner, fixture.now, post).await
}

/// All of a list, two by two.
async fn bodies(fixture: &Fixture, circle: CircleId, status: Option<PostStatus>) -> Vec<String> {
    let mut query = PostsQuery::default();
    (query.status, query.limit) = (status, Some(Limit::new(2)));
    let mut bodies = vec![];
    loop {
        let mut tx = fixture.db.reading().await.unwrap();
        let page = service::page(&mut tx, fixture.partner, fixture.now, circle, &query).await.unwrap();
        bodies.extend(page.data.into_iter().map(|post| post.body.into_string()));
        match page.next_cursor {
            Some(next) => query.cursor = Some(next),
            None => return bodies,
        }
    }
}

async fn circle_with_pace(fixture: &Fixture, posts: u16) -> (CircleId, MembershipId) {
    let new = NewCircle::new("Cats").limits(PublishingLimits::posts_per_member_per_day(posts));
    let circle = fixture.open_circle(&new).await;
    (circle, fixture.join(circle, fixture.anybody().await).await.unwrap().id)
}

fn publish_at(time: Edit<Time>) -> PostChange {
    let mut change = PostChange::default();
    change.publish_at = time;
    change
}

on_both_engines! {
    async fn a_post_reads_as_it_was_written(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut new = NewPost::new("We meet **here**.\nBring treats. 小猫").title("Sunday");
        new.media_urls = vec!["https://whisker.example/a.jpg".into(), "https://whisker.example/b.jpg".into()];

        let post = publish(&fixture, circle, &new).await.unwrap();

        assert_eq!(read(&fixture, post.id).await.unwrap(), post);
        assert!(post.status == PostStatus::Published && post.publish_at == Some(fixture.now) && post.version == 1);
        assert_eq!(post.media_urls, new.media_urls);
    }

    async fn a_feed_shows_pinned_first_then_newest_and_each_post_once(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..7 {
            fixture.wait(1);
            posts.push(publish(&fixture, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }
        publish(&fixture, circle, &NewPost::new("soon").publish_at(fixture.now.plus_seconds(10))).await.unwrap();
        let later = publish(&fixture, circle, &NewPost::new("later").publish_at(fixture.now.plus_seconds(20))).await.unwrap();
        publish(&fixture, circle, &NewPost::new("draft one").draft()).await.unwrap();
        fixture.clock.advance_seconds(1);
        publish(&fixture, circle, &NewPost::new("draft two").draft()).await.unwrap();
        for post in [posts[1], posts[4], later.id] {
            pin(&fixture, post, true).await.unwrap();
        }
        delete(&fixture, posts[3]).await.unwrap();

        assert_eq!(bodies(&fixture, circle, None).await, ["4", "1", "6", "5", "2", "0"]);
        assert_eq!(bodies(&fixture, circle, Some(PostStatus::Published)).await, ["4", "1", "6", "5", "2", "0"]);
        assert_eq!(bodies(&fixture, circle, Some(PostStatus::Scheduled)).await, ["later", "soon"]);
        assert_eq!(bodies(&fixture, circle, Some(PostStatus::Draft)).await, ["draft two", "draft one"]);
        fixture.wait(20);
        assert_eq!(bodies(&fixture, circle, None).await, ["later", "4", "1", "soon", "6", "5", "2", "0"]);
        assert!(bodies(&fixture, circle, Some(PostStatus::Scheduled)).await.is_empty());
    }

    async fn a_cursor_leads_on_in_its_own_list_only(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let later = fixture.now.plus_seconds(10);
        for text in ["one", "two"] {
            publish(&fixture, circle, &NewPost::new(text)).await.unwrap();
            publish(&fixture, circle, &NewPost::new(text).publish_at(later)).await.unwrap();
            publish(&fixture, circle, &NewPost::new(text).draft()).await.unwrap();
        }
        let lists = [PostStatus::Published, PostStatus::Scheduled, PostStatus::Draft];
        let mut tx = fixture.db.reading().await.unwrap();
        let mut read = async |status, cursor| {
            let mut query = PostsQuery::default();
            (query.status, query.cursor, query.limit) = (Some(status), cursor, Some(Limit::new(1)));
            service::page(&mut tx, fixture.partner, fixture.now, circle, &query).await
        };

        for given_for in lists {
            let cursor = read(given_for, None).await.unwrap().next_cursor;
            for list in lists {
                let read = read(list, cursor.clone()).await;
                if list == given_for {
                    assert_eq!(read.unwrap().data.len(), 1);
                } else {
                    assert_eq!(read.unwrap_err().code(), ErrorCode::ParamInvalid, "{given_for:?} in {list:?}");
                }
            }
        }
    }

    async fn no_cursor_shows_what_is_not_published_yet(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let soon = publish(&fixture, circle, &NewPost::new("soon").publish_at(fixture.now.plus_seconds(10))).await.unwrap();
        let mut query = PostsQuery::default();
        let mut tx = fixture.db.reading().await.unwrap();

        for pinned in [true, false] {
            query.cursor = Some(Cursor::at(&(PostStatus::Published, pinned, i64::MAX, soon.id)));
            let page = service::page(&mut tx, fixture.partner, fixture.now, circle, &query).await.unwrap();
            assert!(page.data.is_empty());
        }
        query.cursor = Some(Cursor::at(&("x", 1)));
        let refused = service::page(&mut tx, fixture.partner, fixture.now, circle, &query).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ParamInvalid);
    }

    async fn an_edit_after_publication_is_marked(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let soon = publish(&fixture, circle, &NewPost::new("soon").publish_at(fixture.now.plus_seconds(10))).await.unwrap();
        let mut edit = PostChange::default();
        edit.body = Some("edited".into());

        let before = change(&fixture, soon.id, &edit).await.unwrap();
        fixture.wait(10);
        let same = change(&fixture, soon.id, &edit).await.unwrap();
        edit.title = Edit::Set("Title".into());
        // Sent back as it was read, it is no change of the time.
        edit.publish_at = Edit::Set(soon.publish_at.unwrap());
        let after = change(&fixture, soon.id, &edit).await.unwrap();
        let moved = change(&fixture, soon.id, &publish_at(Edit::Clear)).await.unwrap_err();

        assert_eq!((before.version, before.edited_at), (2, None));
        assert_eq!((same.version, same.edited_at), (2, None));
        assert_eq!((after.version, after.edited_at), (3, Some(fixture.now)));
        assert_eq!(after.publish_at, soon.publish_at);
        assert_eq!(moved.code(), ErrorCode::PostPublished);
        assert_eq!(read(&fixture, soon.id).await.unwrap(), after);
    }

    async fn a_draft_is_published_by_its_time_and_scheduled_back(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let draft = publish(&fixture, circle, &NewPost::new("draft").draft()).await.unwrap();
        assert!(draft.status == PostStatus::Draft && draft.publish_at.is_none());

        let later = fixture.now.plus_seconds(50);
        let scheduled = change(&fixture, draft.id, &publish_at(Edit::Set(later))).await.unwrap();
        let draft_again = change(&fixture, draft.id, &publish_at(Edit::Clear)).await.unwrap();
        let published = change(&fixture, draft.id, &publish_at(Edit::Set(Time::from_seconds(5)))).await.unwrap();

        assert!(scheduled.status == PostStatus::Scheduled && scheduled.publish_at == Some(later));
        assert!(draft_again.status == PostStatus::Draft);
        assert!(published.status == PostStatus::Published && published.publish_at == Some(fixture.now));
    }

    async fn a_closed_circle_publishes_nothing_any_more_not_even_what_was_scheduled(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let not_open = fixture.draft_circle(&NewCircle::new("Dogs")).await.id;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        publish(&fixture, circle, &NewPost::new("seen")).await.unwrap();
        let soon = publish(&fixture, circle, &NewPost::new("soon").publish_at(fixture.now.plus_seconds(10))).await.unwrap();
        pin(&fixture, soon.id, true).await.unwrap();

        close(&fixture, circle).await;
        fixture.wait(100);

        assert_eq!(bodies(&fixture, circle, None).await, ["seen"]);
        let draft = read(&fixture, soon.id).await.unwrap();
        assert!(draft.status == PostStatus::Draft && draft.version == soon.version + 2);
        for refused in [
            publish(&fixture, circle, &NewPost::new("late")).await.unwrap_err(),
            publish(&fixture, not_open, &NewPost::new("early").draft()).await.unwrap_err(),
            change(&fixture, soon.id, &publish_at(Edit::Set(fixture.now))).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), ErrorCode::CircleNotOpen);
        }
    }

    async fn a_deleted_post_is_gone_for_everybody(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let post = publish(&fixture, circle, &NewPost::new("x")).await.unwrap().id;
        pin(&fixture, post, true).await.unwrap();

        delete(&fixture, post).await.unwrap();

        for refused in [
            read(&fixture, post).await.map(|_| ()),
            delete(&fixture, post).await,
            pin(&fixture, post, true).await.map(|_| ()),
            pin(&fixture, post, false).await.map(|_| ()),
            change(&fixture, post, &PostChange::default()).await.map(|_| ()),
        ] {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::PostNotFound);
        }
        for number in 0..3 {
            let other = publish(&fixture, circle, &NewPost::new(format!("{number}"))).await.unwrap().id;
            pin(&fixture, other, true).await.unwrap();
        }
    }

    async fn another_partners_post_is_as_missing(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let author = fixture.join(circle, fixture.anybody().await).await.unwrap().id;
        let post = publish(&fixture, circle, &NewPost::new("x")).await.unwrap().id;
        fixture.partner = fixture.add_partner().await;
        let own = fixture.open_circle(&NewCircle::new("Cats")).await;

        assert_eq!(read(&fixture, post).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(delete(&fixture, post).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(pin(&fixture, post, true).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(change(&fixture, post, &PostChange::default()).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(publish(&fixture, circle, &NewPost::new("x")).await.unwrap_err().code(), ErrorCode::CircleNotFound);
        let refused = publish(&fixture, own, &NewPost::new("x").author(author)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::MembershipNotFound);
        let mut tx = fixture.db.reading().await.unwrap();
        let refused = service::page(&mut tx, fixture.partner, fixture.now, circle, &PostsQuery::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CircleNotFound);
    }

    async fn an_author_is_an_active_member_of_the_circle(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let other = fixture.open_circle(&NewCircle::new("Dogs")).await;
        let author = fixture.join(circle, fixture.anybody().await).await.unwrap().id;
        let by_author = NewPost::new("x").author(author);
        let draft = publish(&fixture, circle, &NewPost::new("y").author(author).draft()).await.unwrap();

        let elsewhere = publish(&fixture, other, &by_author).await.unwrap_err();
        let own = publish(&fixture, circle, &by_author).await.unwrap();
        let mut tx = fixture.begin().await;
        let left = workflows::memberships::service::act(&mut tx, fixture.partner, fixture.now, author, MembershipAction::Leave).await;
        fixture.end(tx, left).await.unwrap();
        let gone = publish(&fixture, circle, &by_author).await.unwrap_err();
        let gone_too = change(&fixture, draft.id, &publish_at(Edit::Set(fixture.now))).await.unwrap_err();

        assert_eq!(own.author, Some(author));
        assert_eq!(elsewhere.code(), ErrorCode::MembershipNotFound);
        assert_eq!((gone.code(), gone_too.code()), (ErrorCode::AuthorNotActive, ErrorCode::AuthorNotActive));
    }

    async fn a_member_publishes_as_many_posts_a_day_as_the_circle_allows(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let (circle, author) = circle_with_pace(&fixture, 2).await;
        let new = NewPost::new("x").author(author);
        let draft = publish(&fixture, circle, &NewPost::new("y").author(author).draft()).await.unwrap();
        let first = publish(&fixture, circle, &new).await.unwrap();
        fixture.wait(100);
        publish(&fixture, circle, &new.clone().publish_at(fixture.now.plus_seconds(500))).await.unwrap();
        delete(&fixture, first.id).await.unwrap();

        let refused = publish(&fixture, circle, &new).await.unwrap_err();
        let by_patch = change(&fixture, draft.id, &publish_at(Edit::Set(fixture.now))).await.unwrap_err();
        publish(&fixture, circle, &NewPost::new("the partner is free")).await.unwrap();

        assert_eq!((refused.code(), by_patch.code()), (ErrorCode::PostLimitReached, ErrorCode::PostLimitReached));
        let limit = refused.limit_report().unwrap();
        assert_eq!((limit.allowed, i64::from(limit.resets_in_seconds)), (2, DAY - 100));
        fixture.wait(DAY - 101);
        assert!(publish(&fixture, circle, &new).await.is_err());
        fixture.wait(1);
        publish(&fixture, circle, &new).await.unwrap();
    }

    async fn a_scheduled_post_that_is_deleted_or_moved_frees_its_place(db: Db) {
        let fixture = Fixture::new(db).await;
        let (circle, author) = circle_with_pace(&fixture, 1).await;
        let new = NewPost::new("x").author(author);
        let soon = publish(&fixture, circle, &new.clone().publish_at(fixture.now.plus_seconds(500))).await.unwrap();

        let taken = publish(&fixture, circle, &new).await.unwrap_err();
        change(&fixture, soon.id, &publish_at(Edit::Set(fixture.now.plus_seconds(600)))).await.unwrap();
        delete(&fixture, soon.id).await.unwrap();

        assert_eq!(taken.code(), ErrorCode::PostLimitReached);
        assert!(publish(&fixture, circle, &new).await.is_ok());
    }

    async fn where_members_may_publish_nothing_the_partner_still_may(db: Db) {
        let fixture = Fixture::new(db).await;
        let (circle, author) = circle_with_pace(&fixture, 0).await;

        let refused = publish(&fixture, circle, &NewPost::new("x").author(author)).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::PostLimitReached);
        assert!(publish(&fixture, circle, &NewPost::new("x")).await.is_ok());
    }

    async fn too_many_media_name_their_field(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut new = NewPost::new("x");
        new.media_urls = vec!["https://whisker.example/a.jpg".into(); 21];

        let refused = publish(&fixture, circle, &new).await.unwrap_err();

        assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::FieldInvalid, Some("/media_urls")));
    }

    async fn pinning_twice_changes_nothing_and_a_fourth_is_refused(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..4 {
            posts.push(publish(&fixture, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }

        let first = pin(&fixture, posts[0], true).await.unwrap();
        let again = pin(&fixture, posts[0], true).await.unwrap();
        pin(&fixture, posts[1], true).await.unwrap();
        pin(&fixture, posts[2], true).await.unwrap();
        let fourth = pin(&fixture, posts[3], true).await.unwrap_err();
        let off = pin(&fixture, posts[0], false).await.unwrap();
        let off_again = pin(&fixture, posts[0], false).await.unwrap();

        assert!(first == again && first.pinned && first.version == 2);
        assert_eq!(fourth.code(), ErrorCode::PinLimitReached);
        assert!(off == off_again && !off.pinned && off.version == 3);
        assert!(pin(&fixture, posts[3], true).await.is_ok());
    }

    async fn two_pins_at_once_do_not_make_four(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..4 {
            posts.push(publish(&fixture, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }
        pin(&fixture, posts[0], true).await.unwrap();
        pin(&fixture, posts[1], true).await.unwrap();

        for _ in 0..5 {
            let (one, two) = tokio::join!(pin(&fixture, posts[2], true), pin(&fixture, posts[3], true));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
            for post in [posts[2], posts[3]] {
                pin(&fixture, post, false).await.unwrap();
            }
        }
    }

    async fn two_posts_at_once_do_not_pass_the_limit_together(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let (circle, author) = circle_with_pace(&fixture, 1).await;
        let new = NewPost::new("x").author(author);

        for _ in 0..20 {
            let (one, two) = tokio::join!(publish(&fixture, circle, &new), publish(&fixture, circle, &new));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
            fixture.wait(DAY);
        }
    }

    async fn a_post_and_a_close_at_once_leave_nothing_scheduled_in_a_closed_circle(db: Db) {
        let fixture = Fixture::new(db).await;

        for number in 0..5 {
            let circle = fixture.open_circle(&NewCircle::new(format!("Circle {number}"))).await;
            let new = NewPost::new("x").publish_at(fixture.now.plus_seconds(100));
            let (_, ()) = tokio::join!(publish(&fixture, circle, &new), close(&fixture, circle));
            assert!(bodies(&fixture, circle, Some(PostStatus::Scheduled)).await.is_empty());
        }
    }
}
