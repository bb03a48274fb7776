//! Grants on both engines.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::grants::{GrantStatus, GrantsQuery};
use quanzi_openapi::id::{AppId, FanId};
use quanzi_openapi::scope::FanScopes;

use super::service;
use super::store::GrantRow;
use crate::on_both_engines;
use crate::platform::db::Sql;
use crate::platform::fault::Fault;
use crate::sql;
use crate::testing::fixture::Fixture;

const ADD_APP: Sql = sql!(
    "insert into app (id, partner_id, name, status, scopes, redirect_uris, allowed_addresses, version, created_at, updated_at) \
     values ($1, $2, 'Server', 'active', '', '[]', '[]', 1, 1, 1)"
);

fn set(text: &str) -> FanScopes {
    text.parse().unwrap()
}

async fn app(fixture: &Fixture) -> AppId {
    let app = fixture.clock.id();
    let mut tx = fixture.begin().await;
    tx.query(ADD_APP).bind(app).bind(fixture.partner).run().await.unwrap();
    tx.commit().await.unwrap();
    app
}

async fn agree(fixture: &Fixture, pair: (FanId, AppId), asked: &str, agreed: &str) -> Result<GrantRow, Fault> {
    let mut tx = fixture.begin().await;
    let (asked, agreed) = (set(asked), set(agreed));
    let row = service::agree(&mut tx, &fixture.clock, fixture.partner, fixture.now, pair, asked, agreed).await;
    fixture.end(tx, row).await
}

on_both_engines! {
    async fn a_grant_grows_and_is_replaced_when_a_part_is_taken_back(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let pair = (fixture.anybody().await, app(&fixture).await);
        let first = agree(&fixture, pair, "openid", "openid").await.unwrap();
        fixture.wait(60);

        let same = agree(&fixture, pair, "openid", "openid").await.unwrap();
        let more = agree(&fixture, pair, "openid profile:nickname", "openid profile:nickname").await.unwrap();
        let less = agree(&fixture, pair, "profile:nickname", "").await.unwrap();

        assert_eq!(first, same);
        assert_eq!((more.id, more.version, more.scopes()), (first.id, 2, set("openid profile:nickname")));
        assert_ne!(less.id, more.id);
        assert_eq!((less.scopes(), less.asked()), (set("openid"), set("openid profile:nickname")));
        let mut tx = fixture.begin().await;
        let listed = service::page(&mut tx, fixture.partner, &GrantsQuery::default()).await.unwrap().data;
        let standing: Vec<_> = listed.iter().map(|grant| (grant.id, *grant.status.known().unwrap())).collect();
        assert_eq!(standing, [(less.id, GrantStatus::Active), (first.id, GrantStatus::Revoked)]);
        assert!(service::lock_shared(&mut tx, fixture.partner, first.id).await.unwrap().is_none());
        assert_eq!(service::find(&mut tx, fixture.partner, pair.0, pair.1).await.unwrap().unwrap().id, less.id);
    }

    async fn of_consents_at_once_one_makes_the_grant(db: Db) {
        let fixture = Fixture::new(db).await;
        let pair = (fixture.anybody().await, app(&fixture).await);

        let made = futures_util::future::join_all((0..4).map(|_| agree(&fixture, pair, "openid", "openid"))).await;

        let ids: std::collections::HashSet<_> = made.into_iter().map(|row| row.unwrap().id).collect();
        assert_eq!(ids.len(), 1);
    }

    async fn a_grant_is_nobody_elses(db: Db) {
        let fixture = Fixture::new(db).await;
        let pair = (fixture.anybody().await, app(&fixture).await);
        let grant = agree(&fixture, pair, "openid", "openid").await.unwrap();
        let (other_fan, other_partner) = (fixture.anybody().await, fixture.add_partner().await);
        let mut tx = fixture.begin().await;

        let foreign = service::revoke(&mut tx, &fixture.clock, other_partner, fixture.now, grant.id).await.unwrap_err();
        let strangers =
            service::revoke_own(&mut tx, &fixture.clock, fixture.partner, fixture.now, other_fan, grant.id).await.unwrap_err();
        let nobody = service::agree(&mut tx, &fixture.clock, other_partner, fixture.now, pair, set("openid"), set("openid")).await;

        assert_eq!((foreign.code(), strangers.code()), (ErrorCode::GrantNotFound, ErrorCode::GrantNotFound));
        assert_eq!(nobody.unwrap_err().code(), ErrorCode::FanNotFound);
        assert!(service::page(&mut tx, other_partner, &GrantsQuery::default()).await.unwrap().data.is_empty());
        service::revoke_own(&mut tx, &fixture.clock, fixture.partner, fixture.now, pair.0, grant.id).await.unwrap();
        assert!(service::of_fan(&mut tx, fixture.partner, pair.0).await.unwrap().is_empty());
    }
}
