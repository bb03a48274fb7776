//! Posts on both engines, and their races.

use quanzi_openapi::circles::{NewCircle, PublishingLimits};
use quanzi_openapi::content::{NewPost, Post, PostChange, PostStatus, PostsQuery};
use quanzi_openapi::id::{CircleId, MembershipId, PostId};
use quanzi_openapi::{Cursor, Edit, ErrorCode, Limit, Time};

use super::service;
use crate::fault::Fault;
use crate::memberships::Action;
use crate::scene::Scene;
use crate::{circles, memberships, on_both_engines};

const DAY: i64 = 24 * 3600;

async fn publish(scene: &Scene, circle: CircleId, new: &NewPost) -> Result<Post, Fault> {
    let mut tx = scene.begin().await;
    let post = service::create(&mut tx, &scene.clock, scene.partner, scene.now, circle, new).await;
    scene.end(tx, post).await
}

async fn change(scene: &Scene, post: PostId, change: &PostChange) -> Result<Post, Fault> {
    let mut tx = scene.begin().await;
    let outcome = match service::lock(&mut tx, scene.partner, post).await {
        Ok(held) => service::change(&mut tx, scene.partner, scene.now, held, change).await,
        Err(refused) => Err(refused),
    };
    scene.end(tx, outcome).await
}

async fn pin(scene: &Scene, post: PostId, pinned: bool) -> Result<Post, Fault> {
    let mut tx = scene.begin().await;
    let outcome = if pinned {
        service::pin(&mut tx, scene.partner, scene.now, post).await
    } else {
        service::unpin(&mut tx, scene.partner, scene.now, post).await
    };
    scene.end(tx, outcome).await
}

async fn delete(scene: &Scene, post: PostId) -> Result<(), Fault> {
    let mut tx = scene.begin().await;
    let outcome = service::delete(&mut tx, scene.partner, scene.now, post).await;
    scene.end(tx, outcome).await
}

async fn close(scene: &Scene, circle: CircleId) {
    let mut tx = scene.begin().await;
    let closed = circles::service::close(&mut tx, scene.partner, scene.now, circle).await;
    scene.end(tx, closed).await.unwrap();
}

async fn read(scene: &Scene, post: PostId) -> Result<Post, Fault> {
    let mut tx = scene.db.reading().await.unwrap();
    service::find(&mut tx, scene.partner, scene.now, post).await
}

/// All of a list, two by two.
async fn bodies(scene: &Scene, circle: CircleId, status: Option<PostStatus>) -> Vec<String> {
    let mut query = PostsQuery::default();
    (query.status, query.limit) = (status, Some(Limit::new(2)));
    let mut bodies = vec![];
    loop {
        let mut tx = scene.db.reading().await.unwrap();
        let page = service::page(&mut tx, scene.partner, scene.now, circle, &query).await.unwrap();
        bodies.extend(page.data.into_iter().map(|post| post.body.into_string()));
        match page.next_cursor {
            Some(next) => query.cursor = Some(next),
            None => return bodies,
        }
    }
}

async fn circle_with_pace(scene: &Scene, posts: u16) -> (CircleId, MembershipId) {
    let new = NewCircle::new("Cats").limits(PublishingLimits::posts_per_member_per_day(posts));
    let circle = scene.open_circle(&new).await;
    (circle, scene.join(circle, scene.anybody().await).await.unwrap().id)
}

fn publish_at(time: Edit<Time>) -> PostChange {
    let mut change = PostChange::default();
    change.publish_at = time;
    change
}

on_both_engines! {
    async fn a_post_reads_as_it_was_written(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut new = NewPost::new("We meet **here**.\nBring treats. 小猫").title("Sunday");
        new.media_urls = vec!["https://whisker.example/a.jpg".into(), "https://whisker.example/b.jpg".into()];

        let post = publish(&scene, circle, &new).await.unwrap();

        assert_eq!(read(&scene, post.id).await.unwrap(), post);
        assert!(post.status == PostStatus::Published && post.publish_at == Some(scene.now) && post.version == 1);
        assert_eq!(post.media_urls, new.media_urls);
    }

    async fn a_feed_shows_pinned_first_then_newest_and_each_post_once(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..7 {
            scene.wait(1);
            posts.push(publish(&scene, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }
        publish(&scene, circle, &NewPost::new("soon").publish_at(scene.now.plus_seconds(10))).await.unwrap();
        let later = publish(&scene, circle, &NewPost::new("later").publish_at(scene.now.plus_seconds(20))).await.unwrap();
        publish(&scene, circle, &NewPost::new("draft one").draft()).await.unwrap();
        scene.clock.advance_seconds(1);
        publish(&scene, circle, &NewPost::new("draft two").draft()).await.unwrap();
        for post in [posts[1], posts[4], later.id] {
            pin(&scene, post, true).await.unwrap();
        }
        delete(&scene, posts[3]).await.unwrap();

        assert_eq!(bodies(&scene, circle, None).await, ["4", "1", "6", "5", "2", "0"]);
        assert_eq!(bodies(&scene, circle, Some(PostStatus::Published)).await, ["4", "1", "6", "5", "2", "0"]);
        assert_eq!(bodies(&scene, circle, Some(PostStatus::Scheduled)).await, ["later", "soon"]);
        assert_eq!(bodies(&scene, circle, Some(PostStatus::Draft)).await, ["draft two", "draft one"]);
        scene.wait(20);
        assert_eq!(bodies(&scene, circle, None).await, ["later", "4", "1", "soon", "6", "5", "2", "0"]);
        assert!(bodies(&scene, circle, Some(PostStatus::Scheduled)).await.is_empty());
    }

    async fn a_cursor_leads_on_in_its_own_list_only(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let later = scene.now.plus_seconds(10);
        for text in ["one", "two"] {
            publish(&scene, circle, &NewPost::new(text)).await.unwrap();
            publish(&scene, circle, &NewPost::new(text).publish_at(later)).await.unwrap();
            publish(&scene, circle, &NewPost::new(text).draft()).await.unwrap();
        }
        let lists = [PostStatus::Published, PostStatus::Scheduled, PostStatus::Draft];
        let mut tx = scene.db.reading().await.unwrap();
        let mut read = async |status, cursor| {
            let mut query = PostsQuery::default();
            (query.status, query.cursor, query.limit) = (Some(status), cursor, Some(Limit::new(1)));
            service::page(&mut tx, scene.partner, scene.now, circle, &query).await
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
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let soon = publish(&scene, circle, &NewPost::new("soon").publish_at(scene.now.plus_seconds(10))).await.unwrap();
        let mut query = PostsQuery::default();
        let mut tx = scene.db.reading().await.unwrap();

        for pinned in [true, false] {
            query.cursor = Some(Cursor::at(&(PostStatus::Published, pinned, i64::MAX, soon.id)));
            let page = service::page(&mut tx, scene.partner, scene.now, circle, &query).await.unwrap();
            assert!(page.data.is_empty());
        }
        query.cursor = Some(Cursor::at(&("x", 1)));
        let refused = service::page(&mut tx, scene.partner, scene.now, circle, &query).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ParamInvalid);
    }

    async fn an_edit_after_publication_is_marked(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let soon = publish(&scene, circle, &NewPost::new("soon").publish_at(scene.now.plus_seconds(10))).await.unwrap();
        let mut edit = PostChange::default();
        edit.body = Some("edited".into());

        let before = change(&scene, soon.id, &edit).await.unwrap();
        scene.wait(10);
        let same = change(&scene, soon.id, &edit).await.unwrap();
        edit.title = Edit::Set("Title".into());
        // Sent back as it was read, it is no change of the time.
        edit.publish_at = Edit::Set(soon.publish_at.unwrap());
        let after = change(&scene, soon.id, &edit).await.unwrap();
        let moved = change(&scene, soon.id, &publish_at(Edit::Clear)).await.unwrap_err();

        assert_eq!((before.version, before.edited_at), (2, None));
        assert_eq!((same.version, same.edited_at), (2, None));
        assert_eq!((after.version, after.edited_at), (3, Some(scene.now)));
        assert_eq!(after.publish_at, soon.publish_at);
        assert_eq!(moved.code(), ErrorCode::PostPublished);
        assert_eq!(read(&scene, soon.id).await.unwrap(), after);
    }

    async fn a_draft_is_published_by_its_time_and_scheduled_back(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let draft = publish(&scene, circle, &NewPost::new("draft").draft()).await.unwrap();
        assert!(draft.status == PostStatus::Draft && draft.publish_at.is_none());

        let later = scene.now.plus_seconds(50);
        let scheduled = change(&scene, draft.id, &publish_at(Edit::Set(later))).await.unwrap();
        let draft_again = change(&scene, draft.id, &publish_at(Edit::Clear)).await.unwrap();
        let published = change(&scene, draft.id, &publish_at(Edit::Set(Time::from_seconds(5)))).await.unwrap();

        assert!(scheduled.status == PostStatus::Scheduled && scheduled.publish_at == Some(later));
        assert!(draft_again.status == PostStatus::Draft);
        assert!(published.status == PostStatus::Published && published.publish_at == Some(scene.now));
    }

    async fn a_closed_circle_publishes_nothing_any_more_not_even_what_was_scheduled(db: Db) {
        let mut scene = Scene::new(db).await;
        let not_open = scene.draft_circle(&NewCircle::new("Dogs")).await.id;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        publish(&scene, circle, &NewPost::new("seen")).await.unwrap();
        let soon = publish(&scene, circle, &NewPost::new("soon").publish_at(scene.now.plus_seconds(10))).await.unwrap();
        pin(&scene, soon.id, true).await.unwrap();

        close(&scene, circle).await;
        scene.wait(100);

        assert_eq!(bodies(&scene, circle, None).await, ["seen"]);
        let draft = read(&scene, soon.id).await.unwrap();
        assert!(draft.status == PostStatus::Draft && draft.version == soon.version + 2);
        for refused in [
            publish(&scene, circle, &NewPost::new("late")).await.unwrap_err(),
            publish(&scene, not_open, &NewPost::new("early").draft()).await.unwrap_err(),
            change(&scene, soon.id, &publish_at(Edit::Set(scene.now))).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), ErrorCode::CircleNotOpen);
        }
    }

    async fn a_deleted_post_is_gone_for_everybody(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let post = publish(&scene, circle, &NewPost::new("x")).await.unwrap().id;
        pin(&scene, post, true).await.unwrap();

        delete(&scene, post).await.unwrap();

        for refused in [
            read(&scene, post).await.map(|_| ()),
            delete(&scene, post).await,
            pin(&scene, post, true).await.map(|_| ()),
            pin(&scene, post, false).await.map(|_| ()),
            change(&scene, post, &PostChange::default()).await.map(|_| ()),
        ] {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::PostNotFound);
        }
        for number in 0..3 {
            let other = publish(&scene, circle, &NewPost::new(format!("{number}"))).await.unwrap().id;
            pin(&scene, other, true).await.unwrap();
        }
    }

    async fn another_partners_post_is_as_missing(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let author = scene.join(circle, scene.anybody().await).await.unwrap().id;
        let post = publish(&scene, circle, &NewPost::new("x")).await.unwrap().id;
        scene.partner = scene.add_partner().await;
        let own = scene.open_circle(&NewCircle::new("Cats")).await;

        assert_eq!(read(&scene, post).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(delete(&scene, post).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(pin(&scene, post, true).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(change(&scene, post, &PostChange::default()).await.unwrap_err().code(), ErrorCode::PostNotFound);
        assert_eq!(publish(&scene, circle, &NewPost::new("x")).await.unwrap_err().code(), ErrorCode::CircleNotFound);
        let refused = publish(&scene, own, &NewPost::new("x").author(author)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::MembershipNotFound);
        let mut tx = scene.db.reading().await.unwrap();
        let refused = service::page(&mut tx, scene.partner, scene.now, circle, &PostsQuery::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CircleNotFound);
    }

    async fn an_author_is_an_active_member_of_the_circle(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let other = scene.open_circle(&NewCircle::new("Dogs")).await;
        let author = scene.join(circle, scene.anybody().await).await.unwrap().id;
        let by_author = NewPost::new("x").author(author);
        let draft = publish(&scene, circle, &NewPost::new("y").author(author).draft()).await.unwrap();

        let elsewhere = publish(&scene, other, &by_author).await.unwrap_err();
        let own = publish(&scene, circle, &by_author).await.unwrap();
        let mut tx = scene.begin().await;
        let left = memberships::service::act(&mut tx, scene.partner, scene.now, author, Action::Leave).await;
        scene.end(tx, left).await.unwrap();
        let gone = publish(&scene, circle, &by_author).await.unwrap_err();
        let gone_too = change(&scene, draft.id, &publish_at(Edit::Set(scene.now))).await.unwrap_err();

        assert_eq!(own.author, Some(author));
        assert_eq!(elsewhere.code(), ErrorCode::MembershipNotFound);
        assert_eq!((gone.code(), gone_too.code()), (ErrorCode::AuthorNotActive, ErrorCode::AuthorNotActive));
    }

    async fn a_member_publishes_as_many_posts_a_day_as_the_circle_allows(db: Db) {
        let mut scene = Scene::new(db).await;
        let (circle, author) = circle_with_pace(&scene, 2).await;
        let new = NewPost::new("x").author(author);
        let draft = publish(&scene, circle, &NewPost::new("y").author(author).draft()).await.unwrap();
        let first = publish(&scene, circle, &new).await.unwrap();
        scene.wait(100);
        publish(&scene, circle, &new.clone().publish_at(scene.now.plus_seconds(500))).await.unwrap();
        delete(&scene, first.id).await.unwrap();

        let refused = publish(&scene, circle, &new).await.unwrap_err();
        let by_patch = change(&scene, draft.id, &publish_at(Edit::Set(scene.now))).await.unwrap_err();
        publish(&scene, circle, &NewPost::new("the partner is free")).await.unwrap();

        assert_eq!((refused.code(), by_patch.code()), (ErrorCode::PostLimitReached, ErrorCode::PostLimitReached));
        let limit = refused.limit_report().unwrap();
        assert_eq!((limit.allowed, i64::from(limit.resets_in_seconds)), (2, DAY - 100));
        scene.wait(DAY - 101);
        assert!(publish(&scene, circle, &new).await.is_err());
        scene.wait(1);
        publish(&scene, circle, &new).await.unwrap();
    }

    async fn a_scheduled_post_that_is_deleted_or_moved_frees_its_place(db: Db) {
        let scene = Scene::new(db).await;
        let (circle, author) = circle_with_pace(&scene, 1).await;
        let new = NewPost::new("x").author(author);
        let soon = publish(&scene, circle, &new.clone().publish_at(scene.now.plus_seconds(500))).await.unwrap();

        let taken = publish(&scene, circle, &new).await.unwrap_err();
        change(&scene, soon.id, &publish_at(Edit::Set(scene.now.plus_seconds(600)))).await.unwrap();
        delete(&scene, soon.id).await.unwrap();

        assert_eq!(taken.code(), ErrorCode::PostLimitReached);
        assert!(publish(&scene, circle, &new).await.is_ok());
    }

    async fn where_members_may_publish_nothing_the_partner_still_may(db: Db) {
        let scene = Scene::new(db).await;
        let (circle, author) = circle_with_pace(&scene, 0).await;

        let refused = publish(&scene, circle, &NewPost::new("x").author(author)).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::PostLimitReached);
        assert!(publish(&scene, circle, &NewPost::new("x")).await.is_ok());
    }

    async fn too_many_media_name_their_field(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut new = NewPost::new("x");
        new.media_urls = vec!["https://whisker.example/a.jpg".into(); 21];

        let refused = publish(&scene, circle, &new).await.unwrap_err();

        assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::FieldInvalid, Some("/media_urls")));
    }

    async fn pinning_twice_changes_nothing_and_a_fourth_is_refused(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..4 {
            posts.push(publish(&scene, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }

        let first = pin(&scene, posts[0], true).await.unwrap();
        let again = pin(&scene, posts[0], true).await.unwrap();
        pin(&scene, posts[1], true).await.unwrap();
        pin(&scene, posts[2], true).await.unwrap();
        let fourth = pin(&scene, posts[3], true).await.unwrap_err();
        let off = pin(&scene, posts[0], false).await.unwrap();
        let off_again = pin(&scene, posts[0], false).await.unwrap();

        assert!(first == again && first.pinned && first.version == 2);
        assert_eq!(fourth.code(), ErrorCode::PinLimitReached);
        assert!(off == off_again && !off.pinned && off.version == 3);
        assert!(pin(&scene, posts[3], true).await.is_ok());
    }

    async fn two_pins_at_once_do_not_make_four(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut posts = vec![];
        for number in 0..4 {
            posts.push(publish(&scene, circle, &NewPost::new(format!("{number}"))).await.unwrap().id);
        }
        pin(&scene, posts[0], true).await.unwrap();
        pin(&scene, posts[1], true).await.unwrap();

        for _ in 0..5 {
            let (one, two) = tokio::join!(pin(&scene, posts[2], true), pin(&scene, posts[3], true));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
            for post in [posts[2], posts[3]] {
                pin(&scene, post, false).await.unwrap();
            }
        }
    }

    async fn two_posts_at_once_do_not_pass_the_limit_together(db: Db) {
        let mut scene = Scene::new(db).await;
        let (circle, author) = circle_with_pace(&scene, 1).await;
        let new = NewPost::new("x").author(author);

        for _ in 0..20 {
            let (one, two) = tokio::join!(publish(&scene, circle, &new), publish(&scene, circle, &new));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
            scene.wait(DAY);
        }
    }

    async fn a_post_and_a_close_at_once_leave_nothing_scheduled_in_a_closed_circle(db: Db) {
        let scene = Scene::new(db).await;

        for number in 0..5 {
            let circle = scene.open_circle(&NewCircle::new(format!("Circle {number}"))).await;
            let new = NewPost::new("x").publish_at(scene.now.plus_seconds(100));
            let (_, ()) = tokio::join!(publish(&scene, circle, &new), close(&scene, circle));
            assert!(bodies(&scene, circle, Some(PostStatus::Scheduled)).await.is_empty());
        }
    }
}
