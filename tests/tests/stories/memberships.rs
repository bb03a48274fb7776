//! Memberships: in, out, approved, banned, promoted; and races that have one winner.

use quanzi::gates::GateRule;
use quanzi::memberships::{Membership, MembershipChange, MembershipStatus, MembershipsQuery, NewMembership, Role};
use quanzi::{Client, Error, ErrorCode, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::stage::{Stage, code, fan, gated_circle, member, open_circle, partner};

async fn promote(client: &Client, membership: &Membership, role: Role) -> Result<Membership, Error> {
    let now = client.memberships().get(membership.id).await.expect("the membership");
    client.memberships().change(membership.id, MembershipChange::role(role)).if_match(now.version).await
}

both_engines! {
    joining_twice_is_one_membership,
    of_eight_joins_at_once_there_is_one_membership,
    who_waits_is_approved_or_rejected_and_may_try_again,
    a_banned_fan_cannot_come_back_until_the_ban_is_lifted,
    leaving_and_coming_back_is_the_same_membership,
    there_is_one_owner_and_the_owner_stays,
    of_six_new_owners_at_once_one_is_left,
    only_who_is_in_can_have_a_role,
    nobody_joins_a_draft_or_a_closed_circle,
    memberships_are_listed_newest_first_and_filtered,
    who_is_out_publishes_nothing_that_was_scheduled,
    two_changes_of_a_person_at_once_both_stay,
}

async fn joining_twice_is_one_membership(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Open").await;
    let fan = fan(&client).await;

    let first = client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("joined");
    let second = client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("joined");

    assert_eq!(first, second);
    assert_eq!((first.status.known(), first.role.known()), (Some(&MembershipStatus::Active), Some(&Role::Member)));
}

async fn of_eight_joins_at_once_there_is_one_membership(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Race").await;
    let fan = fan(&client).await;

    let joins = (0..8).map(|_| async { client.memberships().join(circle.id, NewMembership::new(fan.id)).await });
    let joined = futures_util::future::join_all(joins).await;

    let ids: std::collections::HashSet<_> = joined.into_iter().map(|one| one.expect("joined").id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(stage.count("membership").await, 1);
}

async fn who_waits_is_approved_or_rejected_and_may_try_again(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "Approval", [GateRule::Approval {}]).await;
    let mei = fan(&client).await;

    let waiting = client.memberships().join(circle.id, NewMembership::new(mei.id)).await.expect("waiting");
    let rejected = client.memberships().reject(waiting.id).await.expect("rejected");
    let again = client.memberships().join(circle.id, NewMembership::new(mei.id)).await.expect("waiting");
    let approved = client.memberships().approve(again.id).await.expect("approved");

    assert_eq!(waiting.status, MembershipStatus::Pending);
    assert_eq!(rejected.status, MembershipStatus::Rejected);
    assert_eq!((again.id, again.status.known()), (waiting.id, Some(&MembershipStatus::Pending)));
    assert_eq!(approved.status, MembershipStatus::Active);
    assert!(approved.joined_at.is_some());
    assert_eq!(code(client.memberships().approve(again.id).await), ErrorCode::MembershipConflict);
}

async fn a_banned_fan_cannot_come_back_until_the_ban_is_lifted(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Banned").await;
    let membership = member(&client, &circle).await;
    let join = || client.memberships().join(circle.id, NewMembership::new(membership.fan));

    let banned = client.memberships().ban(membership.id).await.expect("banned");
    let refused = join().await;
    let lifted = client.memberships().unban(membership.id).await.expect("lifted");
    let back = join().await.expect("back");

    assert_eq!(banned.status, MembershipStatus::Banned);
    assert_eq!(code(refused), ErrorCode::MembershipBanned);
    assert_eq!(lifted.status, MembershipStatus::Removed);
    assert_eq!((back.id, back.status.known()), (membership.id, Some(&MembershipStatus::Active)));
}

async fn leaving_and_coming_back_is_the_same_membership(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Leaving").await;
    let membership = member(&client, &circle).await;

    let left = client.memberships().leave(membership.id).await.expect("left");
    let back = client.memberships().join(circle.id, NewMembership::new(membership.fan)).await.expect("back");
    let removed = client.memberships().remove(membership.id).await.expect("removed");

    assert_eq!(left.status, MembershipStatus::Left);
    assert_eq!(back.id, membership.id);
    assert_eq!(removed.status, MembershipStatus::Removed);
    assert_eq!(code(client.memberships().leave(membership.id).await), ErrorCode::MembershipConflict);
}

async fn there_is_one_owner_and_the_owner_stays(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Owned").await;
    let (one, two) = (member(&client, &circle).await, member(&client, &circle).await);

    promote(&client, &one, Role::Owner).await.expect("owner");
    assert_eq!(code(client.memberships().leave(one.id).await), ErrorCode::OwnerRequired);
    assert_eq!(code(client.memberships().ban(one.id).await), ErrorCode::OwnerRequired);
    assert_eq!(code(promote(&client, &one, Role::Member).await), ErrorCode::OwnerRequired);
    promote(&client, &two, Role::Owner).await.expect("owner");

    assert_eq!(client.memberships().get(one.id).await.expect("the membership").role, Role::Admin);
    client.memberships().leave(one.id).await.expect("left");
}

async fn of_six_new_owners_at_once_one_is_left(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Owners").await;
    let mut members = Vec::new();
    for _ in 0..6 {
        members.push(member(&client, &circle).await);
    }

    futures_util::future::join_all(members.iter().map(|member| promote(&client, member, Role::Owner))).await;

    assert_eq!(stage.scalar("select count(*) from membership where role = 'owner'").await, "1");
}

async fn only_who_is_in_can_have_a_role(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "Roles", [GateRule::Approval {}]).await;
    let mei = fan(&client).await;
    let waiting = client.memberships().join(circle.id, NewMembership::new(mei.id)).await.expect("waiting");

    assert_eq!(code(promote(&client, &waiting, Role::Moderator).await), ErrorCode::MembershipConflict);
}

async fn nobody_joins_a_draft_or_a_closed_circle(stage: Stage) {
    let client = partner(&stage).await;
    let draft = client.circles().create(quanzi::circles::NewCircle::new("Draft")).await.expect("a circle");
    let mei = fan(&client).await;
    let join = || client.memberships().join(draft.id, NewMembership::new(mei.id));

    assert_eq!(code(join().await), ErrorCode::CircleNotOpen);
    client.circles().open(draft.id).await.expect("open");
    client.circles().close(draft.id).await.expect("closed");
    assert_eq!(code(join().await), ErrorCode::CircleNotOpen);
}

async fn memberships_are_listed_newest_first_and_filtered(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Listed").await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(member(&client, &circle).await);
        stage.advance(1);
    }
    client.memberships().leave(all[0].id).await.expect("left");
    promote(&client, &all[1], Role::Moderator).await.expect("moderator");
    let ids = async |query: MembershipsQuery| -> Vec<_> {
        let list = client.memberships().list(circle.id, query).stream().take(100).await.expect("memberships");
        list.into_iter().map(|membership| membership.id).collect()
    };
    let mut by_two = MembershipsQuery::default();
    by_two.limit = Some(Limit::new(2));
    let mut active = MembershipsQuery::default();
    active.status = Some(MembershipStatus::Active);
    let mut moderators = MembershipsQuery::default();
    moderators.role = Some(Role::Moderator);

    let newest_first: Vec<_> = all.iter().rev().map(|membership| membership.id).collect();
    assert_eq!(ids(by_two).await, newest_first);
    assert_eq!(ids(active).await, newest_first[..4]);
    assert_eq!(ids(moderators).await, [all[1].id]);
}

async fn who_is_out_publishes_nothing_that_was_scheduled(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Scheduled").await;
    let author = member(&client, &circle).await;
    let tomorrow = circle.updated_at.plus_seconds(86_400);
    let post = quanzi::content::NewPost::new("spam").author(author.id).publish_at(tomorrow);
    let post = client.posts().create(circle.id, post).await.expect("a post");

    client.memberships().ban(author.id).await.expect("banned");
    stage.advance(2 * 86_400);

    let feed = client.posts().list(circle.id, quanzi::content::PostsQuery::default()).page().await.expect("the feed");
    assert!(feed.data.is_empty());
    let status = client.posts().get(post.id).await.expect("the post").status;
    assert_eq!(status, quanzi::content::PostStatus::Draft);
}

async fn two_changes_of_a_person_at_once_both_stay(stage: Stage) {
    let client = partner(&stage).await;
    let person = fan(&client).await;
    let change = |adult: Option<bool>, real_name_verified: Option<bool>| {
        let mut change = quanzi::sandbox::SandboxFanChange::default();
        change.adult = adult;
        change.real_name_verified = real_name_verified;
        client.sandbox().change_fan(person.id, change)
    };

    let (one, two) = tokio::join!(async { change(Some(true), None).await }, async { change(None, Some(true)).await });
    one.expect("changed");
    two.expect("changed");

    let after = client.sandbox().get_fan(person.id).await.expect("the fan");
    assert_eq!((after.adult, after.real_name_verified, after.version), (true, true, 3));
}
