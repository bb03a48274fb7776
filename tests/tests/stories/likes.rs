//! Likes: one for each fan, counted, and no event.

use futures_util::{StreamExt as _, stream};
use quanzi::ErrorCode;
use quanzi::circles::Who;
use quanzi::comments::Comment;
use quanzi::content::PostsQuery;
use quanzi::me::NewFanComment;
use quanzi_tests::both_engines;
use quanzi_tests::fan::{Fan, Host};
use quanzi_tests::stage::{Stage, open_circle};

use super::comments::{COMMENTER, joined, let_comment, logged, post, texts};

both_engines! {
    a_like_is_one_however_often_it_is_given_and_makes_no_event,
    a_hundred_likes_and_fifty_comments_at_once_are_all_counted,
}

async fn a_like_is_one_however_often_it_is_given_and_makes_no_event(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Likes").await;
    let post = post(client, &circle).await;
    let (mei, stranger) = (joined(&host, &circle, COMMENTER).await, host.fan(COMMENTER).await);
    let comment = mei.send(me.comment(post.id, NewFanComment::new("Lovely"))).await.expect("a comment");
    let events = logged(client, "").await.len();

    let mut counts = Vec::new();
    for call in [me.like_post(post.id), me.like_post(post.id)] {
        counts.push(mei.send(call).await.expect("liked"));
    }
    let read = mei.send(me.post_likes(post.id)).await.expect("the likes");
    for call in [me.unlike_post(post.id), me.unlike_post(post.id)] {
        counts.push(mei.send(call).await.expect("not liked"));
    }
    let of_comment = mei.send(me.like_comment(comment.id)).await.expect("liked");
    let again = mei.send(me.like_comment(comment.id)).await.expect("liked");
    let outside = stranger.send(me.like_post(post.id)).await.expect_err("a refusal");

    let counts: Vec<_> = counts.into_iter().map(|likes| (likes.likes, likes.liked)).collect();
    assert_eq!(counts, [(1, true), (1, true), (0, false), (0, false)]);
    assert_eq!((read.likes, read.liked), (1, true));
    assert_eq!((of_comment.likes, again.likes), (1, 1));
    assert_eq!(client.comments().get(comment.id).await.expect("the comment").likes, 1);
    assert_eq!(mei.send(me.unlike_comment(comment.id)).await.expect("not liked").likes, 0);
    assert_eq!((outside.status, outside.code()), (403, ErrorCode::NotAllowedHere));
    assert_eq!(logged(client, "").await.len(), events, "no event is made of a like");
    let_comment(client, &circle, Who::Everyone).await;
    assert_eq!(stranger.send(me.like_post(post.id)).await.expect("liked").likes, 1);
    client.posts().delete(post.id).await.expect("deleted");
    assert_eq!(mei.send(me.like_post(post.id)).await.expect_err("a refusal").code(), ErrorCode::PostNotFound);
    assert_eq!(mei.send(me.like_comment(comment.id)).await.expect_err("a refusal").code(), ErrorCode::CommentNotFound);
}

async fn a_hundred_likes_and_fifty_comments_at_once_are_all_counted(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Hot").await;
    let post = post(client, &circle).await;
    let fans: Vec<Fan<'_>> =
        stream::iter(0..100).map(|_| joined(&host, &circle, COMMENTER)).buffer_unordered(8).collect().await;

    // Each fan likes twice at the same time, and every second one comments.
    let likes = fans.iter().chain(&fans).map(|fan| fan.send(me.like_post(post.id)));
    let comments = fans.iter().step_by(2).map(|fan| fan.send(me.comment(post.id, NewFanComment::new("Me too"))));
    let (likes, comments) =
        futures_util::future::join(futures_util::future::join_all(likes), futures_util::future::join_all(comments))
            .await;

    let failed: Vec<_> = likes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let comments: Vec<Comment> = comments.into_iter().map(|comment| comment.expect("a comment")).collect();
    let hot = client.posts().get(post.id).await.expect("the post");
    assert_eq!((hot.likes, hot.comments), (100, 50));
    assert_eq!((stage.count("post_like").await, texts(client, &post, 100).await.len()), (100, 50));

    // And back: half of them change their minds while the partner deletes.
    let unlikes = fans.iter().step_by(2).map(|fan| fan.send(me.unlike_post(post.id)));
    let deletes = comments.iter().take(20).map(|comment| async { client.comments().delete(comment.id).await });
    let (unlikes, deletes) =
        futures_util::future::join(futures_util::future::join_all(unlikes), futures_util::future::join_all(deletes))
            .await;
    assert!(unlikes.iter().all(Result::is_ok) && deletes.iter().all(Result::is_ok));
    let cold = client.posts().list(circle.id, PostsQuery::default()).await.expect("the feed").data.remove(0);
    assert_eq!((cold.likes, cold.comments), (50, 30));
}
