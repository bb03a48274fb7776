//! Memberships on both engines, and their races.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::gates::GateRule;
use quanzi_openapi::id::{CircleId, FanId, MembershipId};
use quanzi_openapi::memberships::{Membership, MembershipChange, MembershipStatus, MembershipsQuery, Role};
use quanzi_openapi::{ErrorCode, Limit};

use super::model::MembershipAction;
use super::service;
use crate::on_both_engines;
use crate::platform::fault::Fault;
use crate::testing::fixture::Fixture;
use crate::workflows;

async fn act(fixture: &Fixture, membership: MembershipId, action: MembershipAction) -> Result<Membership, Fault> {
    let mut tx = fixture.begin().await;
    let outcome = workflows::memberships::service::act(&mut tx, fixture.partner, fixture.now, membership, action).await;
    fixture.end(tx, outcome).await
}

async fn change_role(fixture: &Fixture, membership: MembershipId, role: Role) -> Result<Membership, Fault> {
    let mut tx = fixture.begin().await;
    let outcome = match service::lock_with_circle(&mut tx, fixture.partner, membership).await {
        Ok(held) => service::change(&mut tx, fixture.partner, fixture.now, held, &MembershipChange::role(role)).await,
        Err(refused) => Err(refused),
    };
    fixture.end(tx, outcome).await
}

async fn read(fixture: &Fixture, membership: MembershipId) -> Membership {
    let mut tx = fixture.db.reading().await.unwrap();
    service::find(&mut tx, fixture.partner, membership).await.unwrap()
}

async fn list(fixture: &Fixture, circle: CircleId, status: Option<MembershipStatus>, role: Option<Role>) -> Vec<FanId> {
    let mut query = MembershipsQuery::default();
    (query.status, query.role, query.limit) = (status, role, Some(Limit::new(2)));
    let mut fans = vec![];
    loop {
        let mut tx = fixture.db.reading().await.unwrap();
        let page = service::page(&mut tx, fixture.partner, circle, &query).await.unwrap();
        fans.extend(page.data.into_iter().map(|membership| membership.fan));
        match page.next_cursor {
            Some(next) => query.cursor = Some(next),
            None => return fans,
        }
    }
}

async fn owners(fixture: &Fixture, circle: CircleId) -> usize {
    list(fixture, circle, None, Some(Role::Owner)).await.len()
}

async fn member(fixture: &Fixture, circle: CircleId) -> MembershipId {
    fixture.join(circle, fixture.anybody().await).await.unwrap().id
}

on_both_engines! {
    async fn joining_twice_is_the_same_membership(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;

        let first = fixture.join(circle, fan).await.unwrap();
        fixture.wait(5);
        let second = fixture.join(circle, fan).await.unwrap();

        assert_eq!(first, second);
        assert!(first.status == MembershipStatus::Active && first.joined_at.is_some() && first.version == 1);
        assert_eq!(read(&fixture, first.id).await, first);
    }

    async fn a_fan_who_left_comes_back_as_the_same_membership(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;
        let first = fixture.join(circle, fan).await.unwrap();
        act(&fixture, first.id, MembershipAction::Leave).await.unwrap();
        fixture.put_gate(circle, [GateRule::Approval {}]).await.unwrap();
        fixture.wait(5);

        let waits = fixture.join(circle, fan).await.unwrap();
        let waits_still = fixture.join(circle, fan).await.unwrap();
        let back = act(&fixture, first.id, MembershipAction::Approve).await.unwrap();

        assert_eq!((waits.id, waits.gate_version, waits.version), (first.id, 2, 3));
        assert!(waits.status == MembershipStatus::Pending && waits == waits_still);
        assert!(back.status == MembershipStatus::Active && back.joined_at == Some(fixture.now) && back.version == 4);
        assert_eq!(read(&fixture, first.id).await, back);
    }

    async fn a_circle_that_is_not_open_lets_nobody_in(db: Db) {
        let fixture = Fixture::new(db).await;
        let draft = fixture.draft_circle(&NewCircle::new("Cats")).await.id;
        let circle = fixture.gated_circle("Dogs", [GateRule::Approval {}]).await;
        let waits = member(&fixture, circle).await;
        let mut tx = fixture.begin().await;
        let closed = workflows::circles::service::close(&mut tx, fixture.partner, fixture.now, circle).await;
        fixture.end(tx, closed).await.unwrap();

        let fan = fixture.anybody().await;
        for circle in [draft, circle] {
            assert_eq!(fixture.join(circle, fan).await.unwrap_err().code(), ErrorCode::CircleNotOpen);
        }
        assert_eq!(act(&fixture, waits, MembershipAction::Approve).await.unwrap_err().code(), ErrorCode::MembershipConflict);
        assert!(act(&fixture, waits, MembershipAction::Reject).await.is_ok());
    }

    async fn a_banned_fan_cannot_rejoin_until_the_ban_is_lifted(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;
        let membership = fixture.join(circle, fan).await.unwrap().id;
        change_role(&fixture, membership, Role::Moderator).await.unwrap();

        let banned = act(&fixture, membership, MembershipAction::Ban).await.unwrap();
        let refused = fixture.join(circle, fan).await.unwrap_err();
        act(&fixture, membership, MembershipAction::Unban).await.unwrap();
        let back = fixture.join(circle, fan).await.unwrap();

        assert!(banned.status == MembershipStatus::Banned && banned.role == Role::Member);
        assert_eq!(refused.code(), ErrorCode::MembershipBanned);
        assert!(back.status == MembershipStatus::Active && back.id == membership);
    }

    async fn a_fan_and_a_membership_of_another_partner_are_missing(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;
        let membership = fixture.join(circle, fan).await.unwrap().id;
        fixture.partner = fixture.add_partner().await;
        let own = fixture.open_circle(&NewCircle::new("Cats")).await;

        assert_eq!(fixture.join(circle, fan).await.unwrap_err().code(), ErrorCode::CircleNotFound);
        assert_eq!(fixture.join(own, fan).await.unwrap_err().code(), ErrorCode::FanNotFound);
        for action in [MembershipAction::Approve, MembershipAction::Reject, MembershipAction::Remove, MembershipAction::Ban, MembershipAction::Unban, MembershipAction::Leave] {
            assert_eq!(act(&fixture, membership, action).await.unwrap_err().code(), ErrorCode::MembershipNotFound);
        }
        assert_eq!(change_role(&fixture, membership, Role::Admin).await.unwrap_err().code(), ErrorCode::MembershipNotFound);
        let mut tx = fixture.db.reading().await.unwrap();
        let refused = service::page(&mut tx, fixture.partner, circle, &MembershipsQuery::default()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CircleNotFound);
    }

    async fn lists_filter_by_status_and_role_newest_first(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut fans = vec![];
        let mut ids = vec![];
        for _ in 0..5 {
            fixture.clock.advance_seconds(1);
            let fan = fixture.anybody().await;
            fans.push(fan);
            ids.push(fixture.join(circle, fan).await.unwrap().id);
        }
        change_role(&fixture, ids[1], Role::Admin).await.unwrap();
        act(&fixture, ids[3], MembershipAction::Remove).await.unwrap();

        let newest: Vec<_> = fans.iter().rev().copied().collect();
        assert_eq!(list(&fixture, circle, None, None).await, newest);
        assert_eq!(list(&fixture, circle, Some(MembershipStatus::Removed), None).await, [fans[3]]);
        assert_eq!(list(&fixture, circle, None, Some(Role::Admin)).await, [fans[1]]);
        assert_eq!(list(&fixture, circle, None, Some(Role::Member)).await, [fans[4], fans[3], fans[2], fans[0]]);
        assert_eq!(list(&fixture, circle, Some(MembershipStatus::Active), Some(Role::Member)).await, [fans[4], fans[2], fans[0]]);
        assert_eq!(list(&fixture, circle, Some(MembershipStatus::Active), Some(Role::Admin)).await, [fans[1]]);
    }

    async fn a_new_owner_makes_the_old_one_admin(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let (one, two) = (member(&fixture, circle).await, member(&fixture, circle).await);

        let first = change_role(&fixture, one, Role::Owner).await.unwrap();
        let stays = act(&fixture, one, MembershipAction::Leave).await.unwrap_err();
        let second = change_role(&fixture, two, Role::Owner).await.unwrap();

        assert_eq!(stays.code(), ErrorCode::OwnerRequired);
        assert!(first.role == Role::Owner && second.role == Role::Owner);
        let before = read(&fixture, one).await;
        assert!(before.role == Role::Admin && before.version == 3);
        assert_eq!(owners(&fixture, circle).await, 1);
        assert!(act(&fixture, one, MembershipAction::Leave).await.unwrap().role == Role::Member);
    }

    async fn two_joins_make_one_membership(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;

        for _ in 0..10 {
            let fan = fixture.anybody().await;
            let (one, two) = tokio::join!(fixture.join(circle, fan), fixture.join(circle, fan));
            assert_eq!(one.unwrap(), two.unwrap());
        }

        assert_eq!(list(&fixture, circle, None, None).await.len(), 10);
    }

    async fn two_who_become_owner_at_once_leave_one(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let (old, one, two) = (member(&fixture, circle).await, member(&fixture, circle).await, member(&fixture, circle).await);
        change_role(&fixture, old, Role::Owner).await.unwrap();

        for _ in 0..5 {
            let (first, second) = tokio::join!(change_role(&fixture, one, Role::Owner), change_role(&fixture, two, Role::Owner));
            assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
            assert_eq!(owners(&fixture, circle).await, 1);
            change_role(&fixture, old, Role::Owner).await.unwrap();
        }
    }

    async fn an_approval_and_a_rejection_have_one_winner(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.gated_circle("Cats", [GateRule::Approval {}]).await;

        for _ in 0..5 {
            let waits = member(&fixture, circle).await;
            let (yes, no) = tokio::join!(act(&fixture, waits, MembershipAction::Approve), act(&fixture, waits, MembershipAction::Reject));
            assert!(yes.is_ok() != no.is_ok(), "{yes:?} {no:?}");
            let winner = yes.or(no).unwrap();
            assert_eq!(read(&fixture, waits).await, winner);
        }
    }

    async fn who_becomes_owner_while_removed_is_either_not_both(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;

        for _ in 0..5 {
            let membership = member(&fixture, circle).await;
            let (owner, removed) = tokio::join!(change_role(&fixture, membership, Role::Owner), act(&fixture, membership, MembershipAction::Remove));
            assert!(owner.is_ok() != removed.is_ok(), "{owner:?} {removed:?}");
            let after = read(&fixture, membership).await;
            assert_eq!(after.role == Role::Owner, after.status == MembershipStatus::Active);
        }
    }
}
