//! Content: publish, schedule, pin, edit, delete; what may be seen is what is due.

use quanzi::circles::{NewCircle, PublishingLimits};
use quanzi::content::{NewPost, PostChange, PostStatus, PostsQuery};
use quanzi::{Client, Edit, ErrorCode, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::stage::{Stage, code, member, open_circle, partner};

async fn feed(client: &Client, circle: quanzi::id::CircleId, query: PostsQuery) -> Vec<String> {
    let posts = client.posts().list(circle, query).stream().take(1_000).await.expect("the feed");
    posts.into_iter().map(|post| post.body.to_string()).collect()
}

both_engines! {
    the_feed_is_newest_first_with_pinned_posts_on_top,
    a_scheduled_post_appears_at_its_time,
    a_draft_is_seen_by_nobody_until_it_is_published,
    an_edit_is_marked_and_does_not_overwrite,
    a_deleted_post_is_gone_for_everybody,
    three_posts_are_pinned_at_most_also_at_once,
    a_member_publishes_as_often_as_the_circle_allows,
    only_an_active_member_of_the_circle_is_an_author,
    nothing_is_published_in_a_circle_that_is_not_open,
    a_draft_has_no_time,
}

async fn the_feed_is_newest_first_with_pinned_posts_on_top(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Feed").await;
    let mut posts = Vec::new();
    for number in 0..7 {
        posts.push(client.posts().create(circle.id, NewPost::new(format!("{number}"))).await.expect("a post"));
        stage.advance(1);
    }

    client.posts().pin(posts[1].id).await.expect("pinned");
    client.posts().pin(posts[3].id).await.expect("pinned");
    let mut by_two = PostsQuery::default();
    by_two.limit = Some(Limit::new(2));

    assert_eq!(feed(&client, circle.id, PostsQuery::default()).await, ["3", "1", "6", "5", "4", "2", "0"]);
    assert_eq!(feed(&client, circle.id, by_two).await, ["3", "1", "6", "5", "4", "2", "0"]);
    client.posts().unpin(posts[3].id).await.expect("unpinned");
    assert_eq!(feed(&client, circle.id, PostsQuery::default()).await, ["1", "6", "5", "4", "3", "2", "0"]);
}

async fn a_scheduled_post_appears_at_its_time(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Later").await;
    let at = client.circles().get(circle.id).await.expect("the circle").updated_at.plus_seconds(3_600);
    let post = client.posts().create(circle.id, NewPost::new("later").publish_at(at)).await.expect("a post");
    let mut scheduled = PostsQuery::default();
    scheduled.status = Some(PostStatus::Scheduled);

    assert_eq!(post.status, PostStatus::Scheduled);
    assert!(feed(&client, circle.id, PostsQuery::default()).await.is_empty());
    assert_eq!(feed(&client, circle.id, scheduled.clone()).await, ["later"]);
    stage.advance(3_700);

    assert_eq!(feed(&client, circle.id, PostsQuery::default()).await, ["later"]);
    assert!(feed(&client, circle.id, scheduled).await.is_empty());
    assert_eq!(client.posts().get(post.id).await.expect("the post").status, PostStatus::Published);
}

async fn a_draft_is_seen_by_nobody_until_it_is_published(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Draft").await;
    let draft = client.posts().create(circle.id, NewPost::new("draft").draft()).await.expect("a draft");
    let mut now = PostChange::default();
    now.publish_at = Edit::Set(quanzi::Time::from_seconds(0));

    assert_eq!((draft.status.known(), draft.publish_at), (Some(&PostStatus::Draft), None));
    assert!(feed(&client, circle.id, PostsQuery::default()).await.is_empty());
    let published = client.posts().change(draft.id, now.clone()).if_match(draft.version).await.expect("published");

    assert_eq!(published.status, PostStatus::Published);
    assert_eq!(published.edited_at, None);
    assert_eq!(feed(&client, circle.id, PostsQuery::default()).await, ["draft"]);
    let again = client.posts().change(draft.id, now).if_match(published.version).await;
    assert_eq!(code(again), ErrorCode::PostPublished);
}

async fn an_edit_is_marked_and_does_not_overwrite(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Edit").await;
    let post = client.posts().create(circle.id, NewPost::new("first").title("Title")).await.expect("a post");
    let mut change = PostChange::default();
    change.body = Some("second".into());
    change.title = Edit::Clear;

    let edited = client.posts().change(post.id, change.clone()).if_match(post.version).await.expect("edited");

    assert_eq!((edited.body.as_str(), edited.title.clone(), edited.version), ("second", None, post.version + 1));
    assert!(edited.edited_at.is_some() && post.edited_at.is_none());
    assert_eq!(code(client.posts().change(post.id, change).if_match(post.version).await), ErrorCode::VersionMismatch);
}

async fn a_deleted_post_is_gone_for_everybody(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Delete").await;
    let post = client.posts().create(circle.id, NewPost::new("gone")).await.expect("a post");
    client.posts().pin(post.id).await.expect("pinned");

    client.posts().delete(post.id).await.expect("deleted");

    assert!(feed(&client, circle.id, PostsQuery::default()).await.is_empty());
    assert_eq!(code(client.posts().get(post.id).await), ErrorCode::PostNotFound);
    assert_eq!(code(client.posts().delete(post.id).await), ErrorCode::PostNotFound);
    assert_eq!(stage.count("post").await, 1, "kept for audits");
}

async fn three_posts_are_pinned_at_most_also_at_once(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Pins").await;
    let mut posts = Vec::new();
    for number in 0..6 {
        posts.push(client.posts().create(circle.id, NewPost::new(format!("{number}"))).await.expect("a post"));
    }

    let pins =
        futures_util::future::join_all(posts.iter().map(|post| async { client.posts().pin(post.id).await })).await;

    assert_eq!(pins.iter().filter(|pin| pin.is_ok()).count(), 3);
    for refused in pins.into_iter().filter(Result::is_err) {
        assert_eq!(code(refused), ErrorCode::PinLimitReached);
    }
    assert_eq!(stage.scalar("select count(*) from post where pinned").await, "3");
}

async fn a_member_publishes_as_often_as_the_circle_allows(stage: Stage) {
    let client = partner(&stage).await;
    let new = NewCircle::new("Limits").limits(PublishingLimits::posts_per_member_per_day(2));
    let circle = client.circles().create(new).await.expect("a circle");
    let circle = client.circles().open(circle.id).await.expect("open");
    let author = member(&client, &circle).await;
    let publish = || client.posts().create(circle.id, NewPost::new("mine").author(author.id)).retries(0);

    let tries: Vec<_> = futures_util::future::join_all((0..5).map(|_| async { publish().await })).await;
    let refused = tries.into_iter().filter_map(Result::err).collect::<Vec<_>>();

    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|error| error.is(ErrorCode::PostLimitReached)));
    assert!(refused[0].problem().and_then(|problem| problem.limit.as_ref()).is_some_and(|limit| limit.allowed == 2));
    client.posts().create(circle.id, NewPost::new("the partner's own")).await.expect("the partner is not limited");
    stage.advance(24 * 3_600 + 1);
    publish().await.expect("a new day");
}

async fn only_an_active_member_of_the_circle_is_an_author(stage: Stage) {
    let client = partner(&stage).await;
    let (here, there) = (open_circle(&client, "Here").await, open_circle(&client, "There").await);
    let (member_here, member_there) = (member(&client, &here).await, member(&client, &there).await);
    let publish = |author| client.posts().create(here.id, NewPost::new("text").author(author));

    assert_eq!(code(publish(member_there.id).await), ErrorCode::MembershipNotFound);
    let post = publish(member_here.id).await.expect("a post");
    client.memberships().leave(member_here.id).await.expect("left");

    assert_eq!(post.author, Some(member_here.id));
    assert_eq!(code(publish(member_here.id).await), ErrorCode::AuthorNotActive);
}

async fn nothing_is_published_in_a_circle_that_is_not_open(stage: Stage) {
    let client = partner(&stage).await;
    let draft = client.circles().create(NewCircle::new("Draft")).await.expect("a circle");

    assert_eq!(code(client.posts().create(draft.id, NewPost::new("x")).await), ErrorCode::CircleNotOpen);
    client.circles().open(draft.id).await.expect("open");
    let post = client.posts().create(draft.id, NewPost::new("x")).await.expect("a post");
    client.circles().close(draft.id).await.expect("closed");

    assert_eq!(code(client.posts().create(draft.id, NewPost::new("y")).await), ErrorCode::CircleNotOpen);
    assert_eq!(client.posts().get(post.id).await.expect("still readable").id, post.id);
}

async fn a_draft_has_no_time(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Times").await;
    let time = circle.created_at.plus_seconds(60);

    let refused =
        client.posts().create(circle.id, NewPost::new("x").draft().publish_at(time)).await.expect_err("a refusal");

    assert_eq!(refused.problem().and_then(|problem| problem.pointer.clone()).as_deref(), Some("/publish_at"));
}
