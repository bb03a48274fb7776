//! Memberships on both engines, and their races.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::gates::GateRule;
use quanzi_openapi::id::{CircleId, FanId, MembershipId};
use quanzi_openapi::memberships::{Membership, MembershipChange, MembershipStatus, MembershipsQuery, Role};
use quanzi_openapi::{ErrorCode, Limit};

use super::model::Action;
use super::service;
use crate::circles;
use crate::fault::Fault;
use crate::on_both_engines;
use crate::scene::Scene;

async fn act(scene: &Scene, membership: MembershipId, action: Action) -> Result<Membership, Fault> {
    let mut tx = scene.begin().await;
    let outcome = service::act(&mut tx, scene.partner, scene.now, membership, action).await;
    scene.end(tx, outcome).await
}

async fn change_role(scene: &Scene, membership: MembershipId, role: Role) -> Result<Membership, Fault> {
    let mut tx = scene.begin().await;
    let outcome = match service::lock_with_circle(&mut tx, scene.partner, membership).await {
        Ok(held) => service::change(&mut tx, scene.partner, scene.now, held, &MembershipChange::role(role)).await,
        Err(refused) => Err(refused),
    };
    scene.end(tx, outcome).await
}

async fn read(scene: &Scene, membership: MembershipId) -> Membership {
    let mut tx = scene.db.reading().await.unwrap();
    service::find(&mut tx, scene.partner, membership).await.unwrap()
}

async fn list(scene: &Scene, circle: CircleId, status: Option<MembershipStatus>, role: Option<Role>) -> Vec<FanId> {
    let mut query = MembershipsQuery::default();
    (query.status, query.role, query.limit) = (status, role, Some(Limit::new(2)));
    let mut fans = vec![];
    loop {
        let mut tx = scene.db.reading().await.unwrap();
        let page = service::page(&mut tx, scene.partner, circle, &query).await.unwrap();
        fans.extend(page.data.into_iter().map(|membership| membership.fan));
        match page.next_cursor {
            Some(next) => query.cursor = Some(next),
            None => return fans,
        }
    }
}

async fn owners(scene: &Scene, circle: CircleId) -> usize {
    list(scene, circle, None, Some(Role::Owner)).await.len()
}

async fn member(scene: &Scene, circle: CircleId) -> MembershipId {
    scene.join(circle, scene.anybody().await).await.unwrap().id
}

on_both_engines! {
    async fn joining_twice_is_the_same_membership(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let fan = scene.anybody().await;

        let first = scene.join(circle, fan).await.unwrap();
        scene.wait(5);
        let second = scene.join(circle, fan).await.unwrap();

        assert_eq!(first, second);
        assert!(first.status == MembershipStatus::Active && first.joined_at.is_some() && first.version == 1);
        assert_eq!(read(&scene, first.id).await, first);
    }

    async fn a_fan_who_left_comes_back_as_the_same_membership(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let fan = scene.anybody().await;
        let first = scene.join(circle, fan).await.unwrap();
        act(&scene, first.id, Action::Leave).await.unwrap();
        scene.put_gate(circle, [GateRule::Approval {}]).await.unwrap();
        scene.wait(5);

        let waits = scene.join(circle, fan).await.unwrap();
        let waits_still = scene.join(circle, fan).await.unwrap();
        let back = act(&scene, first.id, Action::Approve).await.unwrap();

        assert_eq!((waits.id, waits.gate_version, waits.version), (first.id, 2, 3));
        assert!(waits.status == MembershipStatus::Pending && waits == waits_still);
        assert!(back.status == MembershipStatus::Active && back.joined_at == Some(scene.now) && back.version == 4);
        assert_eq!(read(&scene, first.id).await, back);
    }

    async fn a_circle_that_is_not_open_lets_nobody_in(db: Db) {
        let scene = Scene::new(db).await;
        let draft = scene.draft_circle(&NewCircle::new("Cats")).await.id;
        let circle = scene.gated_circle("Dogs", [GateRule::Approval {}]).await;
        let waits = member(&scene, circle).await;
        let mut tx = scene.begin().await;
        let closed = circles::service::close(&mut tx, scene.partner, scene.now, circle).await;
        scene.end(tx, closed).await.unwrap();

        let fan = scene.anybody().await;
        for circle in [draft, circle] {
            assert_eq!(scene.join(circle, fan).await.unwrap_err().code(), ErrorCode::CircleNotOpen);
        }
        assert_eq!(act(&scene, waits, Action::Approve).await.unwrap_err().code(), ErrorCode::MembershipConflict);
        assert!(act(&scene, waits, Action::Reject).await.is_ok());
    }

    async fn a_banned_fan_cannot_rejoin_until_the_ban_is_lifted(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let fan = scene.anybody().await;
        let membership = scene.join(circle, fan).await.unwrap().id;
        change_role(&scene, membership, Role::Moderator).await.unwrap();

        let banned = act(&scene, membership, Action::Ban).await.unwrap();
        let refused = scene.join(circle, fan).await.unwrap_err();
        act(&scene, membership, Action::Unban).await.unwrap();
        let back = scene.join(circle, fan).await.unwrap();

        assert!(banned.status == MembershipStatus::Banned && banned.role == Role::Member);
        assert_eq!(refused.code(), ErrorCode::MembershipBanned);
        assert!(back.status == MembershipStatus::Active && back.id == membership);
    }

    async fn a_fan_and_a_membership_of_another_partner_are_missing(db: Db) {
        let mut scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let fan = scene.anybody().await;
        let membership = scene.join(circle, fan).await.unwrap().id;
        scene.partner = scene.add_partner().await;
        let own = scene.open_circle(&NewCircle::new("Cats")).await;

        assert_eq!(scene.join(circle, fan).await.unwrap_err().code(), ErrorCode::CircleNotFound);
        assert_eq!(scene.join(own, fan).await.unwrap_err().code(), ErrorCode::FanNotFound);
        for action in [Action::Approve, Action::Reject, Action::Remove, Action::Ban, Action::Unban, Action::Leave] {
            assert_eq!(act(&scene, membership, action).await.unwrap_err().code(), ErrorCode::MembershipNotFound);
        }
        assert_eq!(change_role(&scene, membership, Role::Admin).await.unwrap_err().code(), ErrorCode::MembershipNotFound);
        let mut tx = scene.db.reading().await.unwrap();
        let refused = service::page(&mut tx, scene.partner, circle, &MembershipsQuery::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CircleNotFound);
    }

    async fn lists_filter_by_status_and_role_newest_first(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let mut fans = vec![];
        let mut ids = vec![];
        for _ in 0..5 {
            scene.clock.advance_seconds(1);
            let fan = scene.anybody().await;
            fans.push(fan);
            ids.push(scene.join(circle, fan).await.unwrap().id);
        }
        change_role(&scene, ids[1], Role::Admin).await.unwrap();
        act(&scene, ids[3], Action::Remove).await.unwrap();

        let newest: Vec<_> = fans.iter().rev().copied().collect();
        assert_eq!(list(&scene, circle, None, None).await, newest);
        assert_eq!(list(&scene, circle, Some(MembershipStatus::Removed), None).await, [fans[3]]);
        assert_eq!(list(&scene, circle, None, Some(Role::Admin)).await, [fans[1]]);
        assert_eq!(list(&scene, circle, None, Some(Role::Member)).await, [fans[4], fans[3], fans[2], fans[0]]);
        assert_eq!(list(&scene, circle, Some(MembershipStatus::Active), Some(Role::Member)).await, [fans[4], fans[2], fans[0]]);
        assert_eq!(list(&scene, circle, Some(MembershipStatus::Active), Some(Role::Admin)).await, [fans[1]]);
    }

    async fn a_new_owner_makes_the_old_one_admin(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let (one, two) = (member(&scene, circle).await, member(&scene, circle).await);

        let first = change_role(&scene, one, Role::Owner).await.unwrap();
        let stays = act(&scene, one, Action::Leave).await.unwrap_err();
        let second = change_role(&scene, two, Role::Owner).await.unwrap();

        assert_eq!(stays.code(), ErrorCode::OwnerRequired);
        assert!(first.role == Role::Owner && second.role == Role::Owner);
        let before = read(&scene, one).await;
        assert!(before.role == Role::Admin && before.version == 3);
        assert_eq!(owners(&scene, circle).await, 1);
        assert!(act(&scene, one, Action::Leave).await.unwrap().role == Role::Member);
    }

    async fn two_joins_make_one_membership(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;

        for _ in 0..10 {
            let fan = scene.anybody().await;
            let (one, two) = tokio::join!(scene.join(circle, fan), scene.join(circle, fan));
            assert_eq!(one.unwrap(), two.unwrap());
        }

        assert_eq!(list(&scene, circle, None, None).await.len(), 10);
    }

    async fn two_who_become_owner_at_once_leave_one(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let (old, one, two) = (member(&scene, circle).await, member(&scene, circle).await, member(&scene, circle).await);
        change_role(&scene, old, Role::Owner).await.unwrap();

        for _ in 0..5 {
            let (first, second) = tokio::join!(change_role(&scene, one, Role::Owner), change_role(&scene, two, Role::Owner));
            assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
            assert_eq!(owners(&scene, circle).await, 1);
            change_role(&scene, old, Role::Owner).await.unwrap();
        }
    }

    async fn an_approval_and_a_rejection_have_one_winner(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.gated_circle("Cats", [GateRule::Approval {}]).await;

        for _ in 0..5 {
            let waits = member(&scene, circle).await;
            let (yes, no) = tokio::join!(act(&scene, waits, Action::Approve), act(&scene, waits, Action::Reject));
            assert!(yes.is_ok() != no.is_ok(), "{yes:?} {no:?}");
            let winner = yes.or(no).unwrap();
            assert_eq!(read(&scene, waits).await, winner);
        }
    }

    async fn who_becomes_owner_while_removed_is_either_not_both(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;

        for _ in 0..5 {
            let membership = member(&scene, circle).await;
            let (owner, removed) = tokio::join!(change_role(&scene, membership, Role::Owner), act(&scene, membership, Action::Remove));
            assert!(owner.is_ok() != removed.is_ok(), "{owner:?} {removed:?}");
            let after = read(&scene, membership).await;
            assert_eq!(after.role == Role::Owner, after.status == MembershipStatus::Active);
        }
    }
}
