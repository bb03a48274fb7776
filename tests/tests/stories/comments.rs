//! Comments and likes: who may, what is shown, and counts that are exact under concurrent clicks.

use quanzi::circles::{Circle, CircleChange, NewCircle, NewCircleRights, NewRight, PublishingLimits, Who};
use quanzi::comments::{AuthorKind, Comment, CommentsQuery, NewComment};
use quanzi::content::{NewPost, Post};
use quanzi::events::{EventType, EventsQuery};
use quanzi::me::{MyMembershipsQuery, NewFanComment, NewMyMembership};
use quanzi::memberships::{MembershipChange, Role};
use quanzi::{Client, Edit, ErrorCode, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::fan::{EVERYTHING, Fan, Host};
use quanzi_tests::stage::{Stage, code, member, open_circle, partner};

pub(crate) const COMMENTER: &str = "openid circles:join content:comment";

pub(crate) async fn post(client: &Client, circle: &Circle) -> Post {
    client.posts().create(circle.id, NewPost::new("What do you say?")).await.expect("a post")
}

pub(crate) async fn texts(client: &Client, post: &Post, limit: u32) -> Vec<String> {
    let mut query = CommentsQuery::default();
    query.limit = Some(Limit::new(limit));
    let comments = client.comments().list(post.id, query).stream().take(1_000).await.expect("the comments");
    comments.into_iter().map(|comment| comment.text.to_string()).collect()
}

pub(crate) async fn joined<'h>(host: &'h Host<'h>, circle: &Circle, scope: &str) -> Fan<'h> {
    let fan = host.fan(scope).await;
    fan.send(host.client.me().join(NewMyMembership::new(circle.id))).await.expect("a member");
    fan
}

pub(crate) async fn let_comment(client: &Client, circle: &Circle, who: Who) {
    let version = client.circles().get(circle.id).await.expect("the circle").version;
    let mut change = CircleChange::default();
    change.rights = Edit::Set(NewCircleRights::default().comment(NewRight::of(who)));
    client.circles().change(circle.id, change).if_match(version).await.expect("changed");
}

/// Types of the whole log that begin with this.
pub(crate) async fn logged(client: &Client, prefix: &str) -> Vec<EventType> {
    let (mut types, mut after) = (Vec::new(), 0);
    loop {
        let page = client.events().list(EventsQuery::after(after)).await.expect("a page");
        types.extend(page.data.iter().filter_map(|event| event.r#type.known().copied()));
        after = page.next_after;
        if !page.has_more {
            types.retain(|kind| kind.as_str().starts_with(prefix));
            return types;
        }
    }
}

both_engines! {
    a_partner_comments_in_its_own_name_and_in_a_members,
    comments_are_listed_oldest_first_page_by_page,
    what_cannot_be_commented_on_is_said,
    a_fan_comments_where_the_circle_lets_it,
    a_nickname_is_shown_as_long_as_its_fan_lets_it,
    the_pace_of_a_circle_holds_for_every_fan_and_not_for_the_partner,
    an_author_and_a_moderator_delete_a_comment_and_nobody_else,
    replies_stay_when_what_they_reply_to_goes_and_go_with_the_post,
    what_is_anothers_is_as_missing,
}

async fn a_partner_comments_in_its_own_name_and_in_a_members(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Talk").await;
    let post = post(&client, &circle).await;
    let mei = member(&client, &circle).await;

    let own = client.comments().create(post.id, NewComment::new("We say: hello")).await.expect("a comment");
    let for_mei = NewComment::new("Hello!").author(mei.id).reply_to(own.id);
    let hers = client.comments().create(post.id, for_mei).await.expect("a comment");

    assert_eq!(
        (own.author.kind.known(), own.author.fan, own.version, own.likes),
        (Some(&AuthorKind::Partner), None, 1, 0)
    );
    assert_eq!((hers.author.fan, hers.author.membership, hers.reply_to), (Some(mei.fan), Some(mei.id), Some(own.id)));
    assert_eq!(hers.author.nickname, None, "she let no app read it");
    assert_eq!(client.comments().get(hers.id).await.expect("the comment"), hers);
    assert_eq!(client.posts().get(post.id).await.expect("the post").comments, 2);
    assert_eq!(
        client.posts().get(post.id).await.expect("the post").version,
        post.version,
        "a comment is no change of the post"
    );
}

async fn comments_are_listed_oldest_first_page_by_page(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Pages").await;
    let post = post(&client, &circle).await;
    let mut comments = Vec::new();
    for number in 0..7 {
        let new = NewComment::new(format!("{number}"));
        comments.push(client.comments().create(post.id, new).await.expect("a comment"));
    }
    client.comments().delete(comments[3].id).await.expect("deleted");

    assert_eq!(texts(&client, &post, 2).await, ["0", "1", "2", "4", "5", "6"]);
    assert_eq!(texts(&client, &post, 100).await, ["0", "1", "2", "4", "5", "6"]);
    assert_eq!(code(client.comments().get(comments[3].id).await), ErrorCode::CommentNotFound);
    assert_eq!(code(client.comments().delete(comments[3].id).await), ErrorCode::CommentNotFound);
    assert_eq!(stage.count("comment").await, 7, "kept for audits");
    assert_eq!(logged(&client, "comment.").await.last(), Some(&EventType::CommentDeleted));
}

async fn what_cannot_be_commented_on_is_said(stage: Stage) {
    let client = partner(&stage).await;
    let (circle, elsewhere) = (open_circle(&client, "Here").await, open_circle(&client, "There").await);
    let (here, there) = (post(&client, &circle).await, post(&client, &elsewhere).await);
    let draft = client.posts().create(circle.id, NewPost::new("draft").draft()).await.expect("a draft");
    let (mei, li) = (member(&client, &circle).await, member(&client, &elsewhere).await);
    let say = |post: &Post, comment| client.comments().create(post.id, comment);
    let first = say(&here, NewComment::new("first")).await.expect("a comment");
    let reply = say(&here, NewComment::new("reply").reply_to(first.id)).await.expect("a reply");
    client.memberships().leave(mei.id).await.expect("left");

    assert_eq!(code(say(&draft, NewComment::new("x")).await), ErrorCode::PostNotFound);
    assert_eq!(code(say(&here, NewComment::new("x").author(li.id)).await), ErrorCode::MembershipNotFound);
    assert_eq!(code(say(&here, NewComment::new("x").author(mei.id)).await), ErrorCode::AuthorNotActive);
    assert_eq!(code(say(&there, NewComment::new("x").reply_to(first.id)).await), ErrorCode::CommentNotFound);
    let deep = say(&here, NewComment::new("x").reply_to(reply.id)).await.expect_err("a refusal");
    assert_eq!(deep.problem().and_then(|problem| problem.pointer.as_deref()), Some("/reply_to"));
    for text in [String::new(), "x".repeat(2_001)] {
        assert_eq!(code(say(&here, NewComment::new(text)).await), ErrorCode::FieldInvalid);
    }
    say(&here, NewComment::new("x".repeat(2_000))).await.expect("the longest");
    client.circles().close(circle.id).await.expect("closed");
    assert_eq!(code(say(&here, NewComment::new("late")).await), ErrorCode::CircleNotOpen);
    assert_eq!(texts(&client, &here, 100).await.len(), 3, "still readable");
}

async fn a_fan_comments_where_the_circle_lets_it(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Rights").await;
    let post = post(client, &circle).await;
    let (mei, stranger) = (joined(&host, &circle, COMMENTER).await, host.fan(COMMENTER).await);
    let say = || me.comment(post.id, NewFanComment::new("我来啦"));

    let comment = mei.send(say()).await.expect("members may, when nothing is said");
    let refused = stranger.send(say()).await.expect_err("a refusal");
    let_comment(client, &circle, Who::Moderators).await;
    let for_moderators = mei.send(say()).await.expect_err("a refusal");
    let_comment(client, &circle, Who::Partner).await;
    let for_nobody = mei.send(say()).await.expect_err("a refusal");
    let_comment(client, &circle, Who::Everyone).await;
    let from_outside = stranger.send(say()).await.expect("a comment");

    assert_eq!((comment.author.fan, comment.author.membership.is_some()), (Some(mei.id), true));
    for (refused, who) in
        [(refused, "active members"), (for_moderators, "moderators"), (for_nobody, "only the partner")]
    {
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
        assert!(refused.problem["detail"].as_str().is_some_and(|detail| detail.contains(who)), "{refused:?}");
    }
    assert_eq!((from_outside.author.fan, from_outside.author.membership), (Some(stranger.id), None));
    client.memberships().ban(comment.author.membership.expect("a membership")).await.expect("banned");
    assert_eq!(mei.send(say()).await.expect_err("a refusal").code(), ErrorCode::MembershipBanned);
    assert_eq!(texts(client, &post, 10).await.len(), 2);
}

async fn a_nickname_is_shown_as_long_as_its_fan_lets_it(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Names").await;
    let post = post(client, &circle).await;
    let (named, nameless) = (joined(&host, &circle, EVERYTHING).await, joined(&host, &circle, COMMENTER).await);
    let say = || me.comment(post.id, NewFanComment::new("Hi"));
    let nickname = |comment: &Comment| comment.author.nickname.as_ref().map(ToString::to_string);

    let hers = named.send(say()).await.expect("a comment");
    let theirs = nameless.send(say()).await.expect("a comment");
    let seen = nameless.send(me.comments(post.id, CommentsQuery::default())).await.expect("the comments").data;
    let grants: Vec<String> =
        host.app.partner.get(&format!("/v1/grants?fan={}", named.id)).await.expect_status(200)["data"]
            .as_array()
            .expect("grants")
            .iter()
            .map(|grant| grant["id"].as_str().expect("an id").to_owned())
            .collect();
    host.app.partner.request("DELETE", &format!("/v1/grants/{}", grants[0])).send().await.expect_status(204);
    let after = client.comments().get(hers.id).await.expect("the comment");

    assert_eq!((nickname(&hers).as_deref(), nickname(&theirs)), (Some("Mei"), None));
    assert_eq!(seen.iter().map(nickname).collect::<Vec<_>>(), [Some("Mei".to_owned()), None]);
    assert_eq!(nickname(&after), None, "taken back");
    let mut of_comment = EventsQuery::default();
    of_comment.object = Some(hers.id.to_string());
    let event = client.events().list(of_comment).await.expect("a page").data.remove(0);
    assert_eq!(event.r#type, EventType::CommentCreated);
    assert_eq!(nickname(&event.data::<Comment>().expect("a comment")), None, "an event is kept for ever");
}

async fn the_pace_of_a_circle_holds_for_every_fan_and_not_for_the_partner(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let limits = PublishingLimits::default().and_comments(2);
    let rights = NewCircleRights::default().comment(NewRight::of(Who::Everyone));
    let circle = client.circles().create(NewCircle::new("Pace").limits(limits).rights(rights)).await.expect("a circle");
    client.circles().open(circle.id).await.expect("open");
    let elsewhere = open_circle(client, "Elsewhere").await;
    let (here, there) = (post(client, &circle).await, post(client, &elsewhere).await);
    let_comment(client, &elsewhere, Who::Everyone).await;
    let (mut member, mut stranger) = (joined(&host, &circle, COMMENTER).await, host.fan(COMMENTER).await);
    let say = |post: &Post| me.comment(post.id, NewFanComment::new("x"));

    for fan in [&mut member, &mut stranger] {
        let tries = futures_util::future::join_all((0..5).map(|_| fan.send(say(&here)))).await;
        let (made, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
        client.comments().delete(made[0].as_ref().expect("a comment").id).await.expect("deleted");
        let still = fan.send(say(&here)).await.expect_err("a refusal");

        assert_eq!((made.len(), refused.len()), (2, 3), "two at once do not pass together");
        assert_eq!((still.status, still.code()), (429, ErrorCode::CommentLimitReached));
        assert_eq!(still.problem["limit"]["name"], "comments_per_fan_per_day");
        fan.send(say(&there)).await.expect("each circle has a pace of its own");
    }
    let of_member = member.send(me.memberships(MyMembershipsQuery::default())).await.expect("a page").data.remove(0);
    let in_her_name = client.comments().create(here.id, NewComment::new("x").author(of_member.id)).await;
    assert_eq!(code(in_her_name), ErrorCode::CommentLimitReached);
    client.comments().create(here.id, NewComment::new("ours")).await.expect("the partner's do not count");
    stage.advance(24 * 3_600);
    member.renew(None).await;
    member.send(say(&here)).await.expect("a day later");
}

async fn an_author_and_a_moderator_delete_a_comment_and_nobody_else(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Order").await;
    let post = post(client, &circle).await;
    let (mei, bo, mo) = (
        joined(&host, &circle, COMMENTER).await,
        joined(&host, &circle, COMMENTER).await,
        joined(&host, &circle, COMMENTER).await,
    );
    let of_mo = mo.send(me.memberships(MyMembershipsQuery::default())).await.expect("a page").data.remove(0);
    client
        .memberships()
        .change(of_mo.id, MembershipChange::role(Role::Moderator))
        .if_match(of_mo.version)
        .await
        .expect("a moderator");
    let mut comments = Vec::new();
    for _ in 0..3 {
        comments.push(mei.send(me.comment(post.id, NewFanComment::new("Hm"))).await.expect("a comment").id);
    }

    let refused = bo.send(me.delete_comment(comments[0])).await.expect_err("a refusal");
    mei.send(me.delete_comment(comments[0])).await.expect("her own");
    mo.send(me.delete_comment(comments[1])).await.expect("a moderator may");
    client.comments().delete(comments[2]).await.expect("the partner may");
    let gone = mei.send(me.delete_comment(comments[0])).await.expect_err("a refusal");

    assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
    assert_eq!((gone.status, gone.code()), (404, ErrorCode::CommentNotFound));
    assert_eq!(client.posts().get(post.id).await.expect("the post").comments, 0);
    assert_eq!(logged(client, "comment.deleted").await.len(), 3);
}

async fn replies_stay_when_what_they_reply_to_goes_and_go_with_the_post(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Threads").await;
    let post = post(&client, &circle).await;
    let first = client.comments().create(post.id, NewComment::new("first")).await.expect("a comment");
    let reply = client.comments().create(post.id, NewComment::new("reply").reply_to(first.id)).await.expect("a reply");

    client.comments().delete(first.id).await.expect("deleted");
    let left = client.comments().list(post.id, CommentsQuery::default()).await.expect("a page").data;
    client.posts().delete(post.id).await.expect("deleted");

    assert_eq!(left, std::slice::from_ref(&reply));
    assert_eq!(code(client.comments().list(post.id, CommentsQuery::default()).await), ErrorCode::PostNotFound);
    assert_eq!(code(client.comments().get(reply.id).await), ErrorCode::CommentNotFound);
    assert_eq!(code(client.comments().delete(reply.id).await), ErrorCode::CommentNotFound);
}

async fn what_is_anothers_is_as_missing(stage: Stage) {
    let (host, other) = (Host::new(&stage).await, Host::new(&stage).await);
    let circle = open_circle(&host.client, "Ours").await;
    let post = post(&host.client, &circle).await;
    let comment = host.client.comments().create(post.id, NewComment::new("ours")).await.expect("a comment").id;
    let (fan, me) = (other.fan(EVERYTHING).await, other.client.me());

    assert_eq!(code(other.client.comments().create(post.id, NewComment::new("x")).await), ErrorCode::PostNotFound);
    assert_eq!(code(other.client.comments().list(post.id, CommentsQuery::default()).await), ErrorCode::PostNotFound);
    assert_eq!(code(other.client.comments().get(comment).await), ErrorCode::CommentNotFound);
    assert_eq!(code(other.client.comments().delete(comment).await), ErrorCode::CommentNotFound);
    for refused in [
        fan.send(me.comment(post.id, NewFanComment::new("x"))).await.map(drop),
        fan.send(me.comments(post.id, CommentsQuery::default())).await.map(drop),
        fan.send(me.delete_comment(comment)).await.map(drop),
        fan.send(me.like_post(post.id)).await.map(drop),
        fan.send(me.unlike_post(post.id)).await.map(drop),
        fan.send(me.post_likes(post.id)).await.map(drop),
        fan.send(me.like_comment(comment)).await.map(drop),
        fan.send(me.unlike_comment(comment)).await.map(drop),
    ] {
        assert_eq!(refused.expect_err("a refusal").status, 404);
    }
}
