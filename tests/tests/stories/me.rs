//! What a fan does through an app: with the fan's token and for that fan alone.

use quanzi::circles::{
    Circle, CircleChange, Discoverability, NewCircle, NewCircleRights, NewRight, PublishingLimits, Who,
};
use quanzi::comments::NewComment;
use quanzi::content::NewPost;
use quanzi::events::{EventType, EventsQuery};
use quanzi::gates::{CreditBand, GateRule, NewGate};
use quanzi::me::{
    FanPostChange, FeedQuery, MyMandatesQuery, MyMembershipsQuery, MyPaymentsQuery, NewFanComment, NewFanPost,
    NewMyMandate, NewMyMembership, NewMyPayment,
};
use quanzi::memberships::{MembershipChange, MembershipStatus, Role};
use quanzi::sandbox::SandboxFanChange;
use quanzi::{Client, Edit, ErrorCode, FanScope};
use quanzi_tests::both_engines;
use quanzi_tests::browser::text;
use quanzi_tests::fan::{EVERYTHING, Fan, Host};
use quanzi_tests::money::cny;
use quanzi_tests::stage::{Stage, code, gated_circle, member, open_circle};

pub(crate) const DAY: i64 = 24 * 3_600;

pub(crate) async fn join(fan: &Fan<'_>, client: &Client, circle: &Circle) -> quanzi::memberships::Membership {
    fan.send(client.me().join(NewMyMembership::new(circle.id))).await.expect("a membership")
}

async fn give_rights(client: &Client, circle: &Circle, rights: NewCircleRights) -> Result<Circle, quanzi::Error> {
    let version = client.circles().get(circle.id).await.expect("the circle").version;
    let mut change = CircleChange::default();
    change.rights = Edit::Set(rights);
    client.circles().change(circle.id, change).if_match(version).await
}

fn posters(who: Who) -> NewCircleRights {
    NewCircleRights::default().post(NewRight::of(who))
}

/// What the log says of an object.
pub(crate) async fn told(client: &Client, object: impl ToString) -> Vec<EventType> {
    let mut query = EventsQuery::default();
    query.object = Some(object.to_string());
    let events = client.events().list(query).await.expect("a page").data;
    events.iter().filter_map(|event| event.r#type.known().copied()).collect()
}

both_engines! {
    a_fan_is_told_who_it_is_and_no_more_than_it_granted,
    a_token_of_one_kind_does_not_do_for_the_other,
    what_was_not_granted_is_refused_and_named,
    a_fan_joins_through_the_gate_and_leaves,
    a_fan_reads_what_is_published_and_what_it_may,
    who_may_post_is_the_circles_choice,
    a_fan_edits_and_deletes_its_own_posts_and_no_others,
    the_pace_of_a_circle_holds_for_fans_who_are_no_members_too,
    a_rule_of_a_right_answers_as_a_gate_does,
    no_other_refusal_says_whether_a_fan_has_the_band,
    who_cannot_read_a_circle_does_nothing_in_it,
    a_circle_holds_its_fans_against_one_band,
    a_person_finds_every_partner_page_by_page,
    what_is_anothers_is_as_missing,
}

async fn a_fan_is_told_who_it_is_and_no_more_than_it_granted(stage: Stage) {
    let host = Host::new(&stage).await;
    let (named, nameless) = (host.fan(EVERYTHING).await, host.fan("openid").await);

    let open = named.send(host.client.me().get()).await.expect("a fan");
    let closed = nameless.send(host.client.me().get()).await.expect("a fan");

    assert_eq!((open.fan, open.nickname.as_deref(), open.scopes.len()), (named.id, Some("Mei"), FanScope::ALL.len()));
    assert_eq!((closed.fan, closed.nickname), (nameless.id, None));
    assert!(closed.scopes.len() == 1 && closed.scopes[0] == FanScope::OpenId && named.id != nameless.id);
    assert_eq!(
        host.client.sandbox().get_fan(named.id).await.expect("the fan").id,
        named.id,
        "the id the partner knows"
    );
}

async fn a_token_of_one_kind_does_not_do_for_the_other(stage: Stage) {
    let host = Host::new(&stage).await;
    let fan = host.fan(EVERYTHING).await;
    let circle = open_circle(&host.client, "Kinds").await;

    let partner_as_fan = [
        host.client.me().get().await.map(drop),
        host.client.me().join(NewMyMembership::new(circle.id)).await.map(drop),
        host.client.me().pay(NewMyPayment::tip(circle.id, cny(100))).await.map(drop),
    ];
    let fan_as_partner = [
        fan.send(host.client.circles().get(circle.id)).await.map(drop),
        fan.send(host.client.posts().create(circle.id, NewPost::new("x"))).await.map(drop),
        fan.send(host.client.partner().get()).await.map(drop),
    ];

    for refused in partner_as_fan {
        assert_eq!(code(refused), ErrorCode::WrongTokenKind);
    }
    for refused in fan_as_partner {
        let refused = refused.expect_err("a refusal");
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::WrongTokenKind));
    }
}

async fn what_was_not_granted_is_refused_and_named(stage: Stage) {
    let host = Host::new(&stage).await;
    let me = host.client.me();
    let circle = open_circle(&host.client, "Scopes").await;
    let post = host.client.posts().create(circle.id, NewPost::new("x")).await.expect("a post").id;
    let mut fan = host.fan(EVERYTHING).await;
    join(&fan, &host.client, &circle).await;
    fan.renew(Some("openid")).await;

    for (refused, scope) in [
        (fan.send(me.join(NewMyMembership::new(circle.id))).await.map(drop), "circles:join"),
        (fan.send(me.create_post(circle.id, NewFanPost::new("x"))).await.map(drop), "content:post"),
        (fan.send(me.comment(post, NewFanComment::new("x"))).await.map(drop), "content:comment"),
        (fan.send(me.like_post(post)).await.map(drop), "content:comment"),
        (fan.send(me.pay(NewMyPayment::tip(circle.id, cny(100)))).await.map(drop), "payments:tip"),
        (fan.send(me.payments(MyPaymentsQuery::default())).await.map(drop), "payments:tip"),
        (fan.send(me.ask_mandate(NewMyMandate::new(cny(1), cny(1)))).await.map(drop), "payments:mandate"),
        (fan.send(me.mandates(MyMandatesQuery::default())).await.map(drop), "payments:mandate"),
    ] {
        let refused = refused.expect_err("a refusal");
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::ScopeMissing));
        assert!(refused.problem["detail"].as_str().is_some_and(|detail| detail.contains(scope)), "{refused:?}");
    }
    fan.send(me.circle(circle.id)).await.expect("this much was granted");
}

async fn a_fan_joins_through_the_gate_and_leaves(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let code_rule = GateRule::InviteCode { codes: vec!["WHISKERS".into()] };
    let circle = gated_circle(client, "Gate", [code_rule, GateRule::Approval {}]).await;
    let (mei, bo) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let with_code = || me.join(NewMyMembership::new(circle.id).invite_code("WHISKERS")).idempotency_key("join-1");

    let refused = mei.send(me.join(NewMyMembership::new(circle.id))).await.expect_err("a refusal");
    let waits = mei.send(with_code()).await.expect("waits");
    let again = mei.send(with_code()).await.expect("waits");
    let of_bo = bo.send(with_code()).await.expect_err("a key is of one fan, and gives nobody else the answer");
    client.memberships().approve(waits.id).await.expect("approved");
    let listed = mei.send(me.memberships(MyMembershipsQuery::default())).await.expect("a page").data;
    let foreign = bo.send(me.leave(waits.id)).await.expect_err("a refusal");
    mei.send(me.leave(waits.id)).await.expect("left");
    let twice = mei.send(me.leave(waits.id)).await.expect_err("a refusal");

    assert_eq!((refused.status, refused.code()), (403, ErrorCode::GateRefused));
    assert_eq!(refused.problem["evaluation"]["rules"][0]["outcome"], "failed", "{refused:?}");
    assert_eq!((waits.fan, waits.status.known()), (mei.id, Some(&MembershipStatus::Pending)));
    assert_eq!((waits.id, of_bo.code()), (again.id, ErrorCode::IdempotencyKeyReused));
    assert_eq!(listed.iter().map(|membership| membership.id).collect::<Vec<_>>(), [waits.id]);
    assert_eq!((foreign.status, foreign.code()), (404, ErrorCode::MembershipNotFound));
    assert_eq!(twice.code(), ErrorCode::MembershipConflict);
    assert_eq!(client.memberships().get(waits.id).await.expect("the membership").status, MembershipStatus::Left);
}

async fn a_fan_reads_what_is_published_and_what_it_may(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let draft = client.circles().create(NewCircle::new("Draft")).await.expect("a draft");
    let circle = open_circle(client, "Feed").await;
    let at = circle.updated_at.plus_seconds(3_600);
    let seen = client.posts().create(circle.id, NewPost::new("seen")).await.expect("a post");
    let soon = client.posts().create(circle.id, NewPost::new("soon").publish_at(at)).await.expect("a post");
    client.posts().create(circle.id, NewPost::new("draft").draft()).await.expect("a draft");
    let fan = host.fan(EVERYTHING).await;

    let found = fan.send(me.circle(circle.id)).await.expect("the circle");
    let posts = fan.send(me.posts(circle.id, FeedQuery::default())).await.expect("the feed").data;
    let hidden = fan.send(me.post(soon.id)).await.expect_err("a refusal");
    let unmade = fan.send(me.circle(draft.id)).await.expect_err("a refusal");
    let unread = fan.send(me.posts(draft.id, FeedQuery::default())).await.expect_err("a refusal");

    assert_eq!(found.id, circle.id);
    assert_eq!(posts, std::slice::from_ref(&seen));
    assert_eq!(fan.send(me.post(seen.id)).await.expect("the post"), seen);
    assert_eq!(hidden.code(), ErrorCode::PostNotFound);
    assert_eq!((unmade.code(), unread.code()), (ErrorCode::CircleNotFound, ErrorCode::CircleNotFound));

    // Unlisted: anyone with the id sees the circle, only members see its content.
    let mut change = CircleChange::default();
    change.discoverability = Some(Discoverability::Unlisted);
    client.circles().change(circle.id, change).if_match(circle.version).await.expect("changed");
    let outside = fan.send(me.posts(circle.id, FeedQuery::default())).await.expect_err("a refusal");
    fan.send(me.circle(circle.id)).await.expect("the circle");
    let membership = join(&fan, client, &circle).await;
    assert_eq!((outside.status, outside.code()), (403, ErrorCode::NotAllowedHere));
    assert_eq!(fan.send(me.posts(circle.id, FeedQuery::default())).await.expect("the feed").data.len(), 1);
    client.memberships().ban(membership.id).await.expect("banned");
    assert_eq!(fan.send(me.post(seen.id)).await.expect_err("a refusal").code(), ErrorCode::MembershipBanned);
}

async fn who_may_post_is_the_circles_choice(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Posts").await;
    let (mei, stranger) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let membership = join(&mei, client, &circle).await;
    let publish = || me.create_post(circle.id, NewFanPost::new("Mine").title("A post"));
    let refused = async |fan: &Fan<'_>| {
        let refused = fan.send(publish()).await.expect_err("a refusal");
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
    };

    refused(&mei).await;
    let rights = give_rights(client, &circle, posters(Who::Members)).await.expect("changed").rights;
    let by_member = mei.send(publish()).await.expect("a post");
    refused(&stranger).await;
    give_rights(client, &circle, posters(Who::Moderators)).await.expect("changed");
    refused(&mei).await;
    client
        .memberships()
        .change(membership.id, MembershipChange::role(Role::Moderator))
        .if_match(membership.version)
        .await
        .expect("a moderator");
    mei.send(publish()).await.expect("a post");
    give_rights(client, &circle, posters(Who::Everyone)).await.expect("changed");
    let from_outside = stranger.send(publish()).await.expect("a post");

    assert!(rights.post.who == Who::Members && rights.comment.who == Who::Members, "what is left out has its default");
    assert_eq!((by_member.fan, by_member.author), (Some(mei.id), Some(membership.id)));
    assert_eq!((from_outside.fan, from_outside.author), (Some(stranger.id), None));
    assert_eq!(told(client, by_member.id).await, [EventType::PostPublished]);
    assert_eq!(client.posts().get(by_member.id).await.expect("the post"), by_member);
}

async fn a_fan_edits_and_deletes_its_own_posts_and_no_others(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Own").await;
    give_rights(client, &circle, posters(Who::Members)).await.expect("changed");
    let (mei, bo) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let membership = join(&mei, client, &circle).await;
    join(&bo, client, &circle).await;
    let post = mei.send(me.create_post(circle.id, NewFanPost::new("first"))).await.expect("a post");
    let for_her =
        client.posts().create(circle.id, NewPost::new("in her name").author(membership.id)).await.expect("a post");
    let partners = client.posts().create(circle.id, NewPost::new("ours")).await.expect("a post");
    let mut change = FanPostChange::default();
    change.body = Some("second".into());
    let edit = |post, version| me.change_post(post, change.clone()).if_match(version);

    let edited = mei.send(edit(post.id, post.version)).await.expect("edited");
    let stale = mei.send(edit(post.id, post.version)).await.expect_err("a refusal");
    let foreign = bo.send(edit(post.id, edited.version)).await.expect_err("a refusal");
    let of_partner = mei.send(me.delete_post(partners.id)).await.expect_err("a refusal");
    mei.send(me.delete_post(for_her.id)).await.expect("it stands there in her name");
    client.memberships().remove(membership.id).await.expect("removed");
    let no_member = mei.send(edit(post.id, edited.version)).await.expect_err("a refusal");
    mei.send(me.delete_post(post.id)).await.expect("also when she is out");
    let gone = mei.send(me.delete_post(post.id)).await.expect_err("a refusal");

    assert_eq!((edited.body.as_str(), edited.version, edited.edited_at.is_some()), ("second", 2, true));
    assert_eq!(stale.code(), ErrorCode::VersionMismatch);
    for refused in [foreign, of_partner, no_member] {
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
    }
    assert_eq!(gone.code(), ErrorCode::PostNotFound);
}

async fn the_pace_of_a_circle_holds_for_fans_who_are_no_members_too(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let limits = PublishingLimits::posts_per_member_per_day(2);
    let circle = client
        .circles()
        .create(NewCircle::new("Pace").limits(limits).rights(posters(Who::Everyone)))
        .await
        .expect("a circle");
    client.circles().open(circle.id).await.expect("open");
    let elsewhere = client
        .circles()
        .create(NewCircle::new("Another").limits(limits).rights(posters(Who::Everyone)))
        .await
        .expect("a circle");
    client.circles().open(elsewhere.id).await.expect("open");
    let (member, stranger) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    join(&member, client, &circle).await;

    for fan in [&member, &stranger] {
        let tries = (0..5).map(|_| fan.send(me.create_post(circle.id, NewFanPost::new("x"))));
        let tries = futures_util::future::join_all(tries).await;
        let refused: Vec<_> = tries.into_iter().filter_map(Result::err).collect();

        assert_eq!(refused.len(), 3, "two at once do not pass together");
        fan.send(me.create_post(elsewhere.id, NewFanPost::new("x"))).await.expect("each circle has a pace of its own");
        assert!(refused.iter().all(|refused| refused.code() == ErrorCode::PostLimitReached), "{refused:?}");
    }
}

async fn a_rule_of_a_right_answers_as_a_gate_does(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Standing").await;
    let silver = NewRight::of(Who::Members).rule(GateRule::CreditBand { at_least: CreditBand::Silver });
    give_rights(
        client,
        &circle,
        NewCircleRights::default().post(silver).comment(NewRight::of(Who::Members).rule(GateRule::RealName {})),
    )
    .await
    .expect("changed");
    let post = client.posts().create(circle.id, NewPost::new("x")).await.expect("a post").id;
    let mut fan = host.fan(EVERYTHING).await;
    join(&fan, client, &circle).await;
    let publish = || me.create_post(circle.id, NewFanPost::new("x"));
    let mut better = SandboxFanChange::default();
    better.credit_band = Edit::Set(CreditBand::Gold);

    let refused = fan.send(publish()).await.expect_err("a refusal");
    let unnamed = fan.send(me.comment(post, NewFanComment::new("x"))).await.expect_err("a refusal");
    client.sandbox().change_fan(fan.id, better).await.expect("changed");
    let still = fan.send(publish()).await.expect_err("the answer stands for a day");
    stage.advance(DAY + 1);
    fan.renew(None).await;
    fan.send(publish()).await.expect("a new answer");

    for refused in [&refused, &still] {
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
        let text = refused.problem.to_string().to_lowercase();
        assert!(
            text.contains("credit rating")
                && ["bronze", "silver", "gold", "platinum"].iter().all(|band| !text.contains(band)),
            "{text}"
        );
    }
    assert!(unnamed.problem["detail"].as_str().is_some_and(|detail| detail.contains("real name")), "{unnamed:?}");
    assert_eq!(stage.count("post").await, 2, "what was refused wrote no post");
}

async fn no_other_refusal_says_whether_a_fan_has_the_band(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let limits = PublishingLimits::posts_per_member_per_day(1);
    let circle = client.circles().create(NewCircle::new("Oracles").limits(limits)).await.expect("a circle");
    client.circles().open(circle.id).await.expect("open");
    give_rights(client, &circle, posters(Who::Members)).await.expect("changed");
    let (gold, nobody) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let mut own = Vec::new();
    for fan in [&gold, &nobody] {
        join(fan, client, &circle).await;
        own.push(fan.send(me.create_post(circle.id, NewFanPost::new("before"))).await.expect("a post"));
    }
    let mut better = SandboxFanChange::default();
    better.credit_band = Edit::Set(CreditBand::Gold);
    client.sandbox().change_fan(gold.id, better).await.expect("changed");
    let banded = || NewRight::of(Who::Members).rule(GateRule::CreditBand { at_least: CreditBand::Gold });
    give_rights(client, &circle, NewCircleRights::default().post(banded()).comment(banded())).await.expect("changed");
    let elsewhere =
        client.posts().create(open_circle(client, "Elsewhere").await.id, NewPost::new("x")).await.expect("a post");
    let invented = client.comments().create(elsewhere.id, NewComment::new("x")).await.expect("a comment").id;
    let mut many = NewFanPost::new("x");
    many.media_urls = vec!["https://whisker.example/cat.jpg".into(); 21];
    let mut change = FanPostChange::default();
    change.body = Some("after".into());
    let mut too_many = FanPostChange::default();
    too_many.media_urls = Some(many.media_urls.clone());

    for (fan, post) in [(&gold, &own[0]), (&nobody, &own[1])] {
        let oracles = [
            (
                fan.send(me.comment(post.id, NewFanComment::new("x").reply_to(invented))).await.map(drop),
                ErrorCode::CommentNotFound,
            ),
            (fan.send(me.create_post(circle.id, many.clone())).await.map(drop), ErrorCode::FieldInvalid),
            (fan.send(me.create_post(circle.id, NewFanPost::new("x"))).await.map(drop), ErrorCode::PostLimitReached),
            (
                fan.send(me.change_post(post.id, change.clone()).if_match(post.version + 1)).await.map(drop),
                ErrorCode::VersionMismatch,
            ),
            (
                fan.send(me.change_post(post.id, too_many.clone()).if_match(post.version)).await.map(drop),
                ErrorCode::FieldInvalid,
            ),
        ];

        for (refused, code) in oracles {
            assert_eq!(refused.expect_err("a refusal").code(), code, "as for everybody, whatever the band");
        }
    }
    assert_eq!((stage.count("band_asked").await, stage.count("band_answer").await), (0, 0), "nobody was asked about");
    gold.send(me.change_post(own[0].id, change.clone()).if_match(own[0].version)).await.expect("changed");
    let refused = nobody.send(me.comment(own[1].id, NewFanComment::new("x"))).await.expect_err("a refusal");
    assert_eq!(refused.code(), ErrorCode::NotAllowedHere);
    assert_eq!(
        (stage.count("band_asked").await, stage.count("band_answer").await),
        (2, 2),
        "a question is kept, passed or not"
    );
}

async fn who_cannot_read_a_circle_does_nothing_in_it(stage: Stage) {
    let host = Host::new(&stage).await;
    let (client, me) = (&host.client, host.client.me());
    let circle = open_circle(client, "Hidden").await;
    let everyone = || NewRight::of(Who::Everyone);
    let circle = give_rights(client, &circle, NewCircleRights::default().post(everyone()).comment(everyone()))
        .await
        .expect("changed");
    let post = client.posts().create(circle.id, NewPost::new("x")).await.expect("a post").id;
    let (stranger, mei) = (host.fan(EVERYTHING).await, host.fan(EVERYTHING).await);
    let comment = stranger.send(me.comment(post, NewFanComment::new("x"))).await.expect("a comment").id;
    stranger.send(me.like_post(post)).await.expect("liked");
    let mut change = CircleChange::default();
    change.discoverability = Some(Discoverability::Unlisted);
    client.circles().change(circle.id, change).if_match(circle.version).await.expect("changed");
    join(&mei, client, &circle).await;

    for refused in [
        stranger.send(me.post(post)).await.map(drop),
        stranger.send(me.create_post(circle.id, NewFanPost::new("x"))).await.map(drop),
        stranger.send(me.comment(post, NewFanComment::new("x"))).await.map(drop),
        stranger.send(me.like_post(post)).await.map(drop),
        stranger.send(me.unlike_post(post)).await.map(drop),
        stranger.send(me.like_comment(comment)).await.map(drop),
        stranger.send(me.unlike_comment(comment)).await.map(drop),
    ] {
        let refused = refused.expect_err("a refusal");
        assert_eq!((refused.status, refused.code()), (403, ErrorCode::NotAllowedHere));
    }
    stranger.send(me.delete_comment(comment)).await.expect("what is one's own can be taken away");
    mei.send(me.comment(post, NewFanComment::new("x"))).await.expect("a member may");
    assert_eq!(mei.send(me.unlike_post(post)).await.expect("as it was").likes, 1);
}

async fn a_circle_holds_its_fans_against_one_band(stage: Stage) {
    let host = Host::new(&stage).await;
    let client = &host.client;
    let band = |at_least| GateRule::CreditBand { at_least };
    let circle = gated_circle(client, "Bands", [band(CreditBand::Silver)]).await;
    let right = |at_least| NewCircleRights::default().post(NewRight::of(Who::Members).rule(band(at_least)));
    let open = open_circle(client, "Moves").await;

    let of_gate = give_rights(client, &circle, right(CreditBand::Gold)).await;
    give_rights(client, &circle, right(CreditBand::Silver)).await.expect("the gate's");
    let gate = client.gates().get(circle.id).await.expect("the gate");
    let of_right = client.gates().put(circle.id, NewGate::new([band(CreditBand::Gold)])).if_match(gate.version).await;
    let both = right(CreditBand::Silver).comment(NewRight::of(Who::Members).rule(band(CreditBand::Gold)));
    let of_both = give_rights(client, &open, both).await;
    let of_kind = give_rights(
        client,
        &open,
        NewCircleRights::default().post(NewRight::of(Who::Members).rule(GateRule::Approval {})),
    )
    .await;
    for at_least in [CreditBand::Silver, CreditBand::Gold, CreditBand::Silver] {
        give_rights(client, &open, right(at_least)).await.expect("moved");
    }
    let too_often = give_rights(client, &open, right(CreditBand::Platinum)).await;

    for refused in [of_gate.map(drop), of_right.map(drop), of_both.map(drop), of_kind.map(drop)] {
        assert_eq!(code(refused), ErrorCode::GateRulesInvalid);
    }
    assert_eq!(code(too_often), ErrorCode::GateBandLimitReached);
    assert!(client.circles().get(open.id).await.expect("the circle").rights.post.rules[0] == band(CreditBand::Silver));
}

async fn a_person_finds_every_partner_page_by_page(stage: Stage) {
    let host = Host::new(&stage).await;
    let mut mei = host.fan(EVERYTHING).await;
    let person = stage.scalar(&format!("select person_id from fan where id = '{}'", mei.id)).await;
    for number in 10..35 {
        let partner = format!("ptn_000000000000000000000000{number}");
        stage.execute(format!("insert into partner (id, name, legal_name, version, created_at, updated_at) values ('{partner}', 'Shop {number}', 'x', 1, 1, 1)")).await;
        stage.execute(format!("insert into fan (partner_id, id, person_id, created_at) values ('{partner}', 'fan_000000000000000000000000{number}', '{person}', 1)")).await;
    }
    let page = |path: String| format!("{}{path}", stage.url());

    let first = text(&mei.browser.get(&page("/me".to_owned())).await);
    let more = first
        .split_once("href=\"/me?after=")
        .map(|(_, rest)| rest.split('"').next().expect("an address"))
        .expect("more");
    let second = text(&mei.browser.get(&page(format!("/me?after={more}"))).await);

    assert!(
        first.contains("Raw partner")
            && first.contains("Shop 34")
            && first.contains("Shop 16")
            && !first.contains("Shop 15"),
        "{first}"
    );
    assert!(
        second.contains("Shop 15")
            && second.contains("Shop 10")
            && !second.contains("Shop 16")
            && !second.contains("/me?after"),
        "{second}"
    );
}

async fn what_is_anothers_is_as_missing(stage: Stage) {
    let (host, other) = (Host::new(&stage).await, Host::new(&stage).await);
    let circle = open_circle(&host.client, "Ours").await;
    let post = host.client.posts().create(circle.id, NewPost::new("ours")).await.expect("a post").id;
    let membership = member(&host.client, &circle).await.id;
    let (fan, me) = (other.fan(EVERYTHING).await, other.client.me());
    let mut change = FanPostChange::default();
    change.body = Some("x".into());

    for refused in [
        fan.send(me.join(NewMyMembership::new(circle.id))).await.map(drop),
        fan.send(me.leave(membership)).await.map(drop),
        fan.send(me.circle(circle.id)).await.map(drop),
        fan.send(me.posts(circle.id, FeedQuery::default())).await.map(drop),
        fan.send(me.create_post(circle.id, NewFanPost::new("x"))).await.map(drop),
        fan.send(me.post(post)).await.map(drop),
        fan.send(me.change_post(post, change).if_match(1)).await.map(drop),
        fan.send(me.delete_post(post)).await.map(drop),
        fan.send(me.pay(NewMyPayment::tip(circle.id, cny(100)))).await.map(drop),
        fan.send(me.ask_mandate(NewMyMandate::new(cny(1), cny(1)).circle(circle.id))).await.map(drop),
    ] {
        assert_eq!(refused.expect_err("a refusal").status, 404);
    }
}
