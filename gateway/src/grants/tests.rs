//! Grants on both engines.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::grants::{GrantStatus, GrantsQuery};
use quanzi_openapi::id::{AppId, FanId};
use quanzi_openapi::scope::FanScopes;

use super::{Row, service};
use crate::db::Sql;
use crate::fault::Fault;
use crate::on_both_engines;
use crate::scene::Scene;
use crate::sql;

const ADD_APP: Sql = sql!(
    "insert into app (id, partner_id, name, status, scopes, redirect_uris, allowed_addresses, version, created_at, updated_at) \
     values ($1, $2, 'Server', 'active', '', '[]', '[]', 1, 1, 1)"
);

fn set(text: &str) -> FanScopes {
    text.parse().unwrap()
}

async fn app(scene: &Scene) -> AppId {
    let app = scene.clock.id();
    let mut tx = scene.begin().await;
    tx.query(ADD_APP).bind(app).bind(scene.partner).run().await.unwrap();
    tx.commit().await.unwrap();
    app
}

async fn agree(scene: &Scene, pair: (FanId, AppId), asked: &str, agreed: &str) -> Result<Row, Fault> {
    let mut tx = scene.begin().await;
    let (asked, agreed) = (set(asked), set(agreed));
    let row = service::agree(&mut tx, &scene.clock, scene.partner, scene.now, pair, asked, agreed).await;
    scene.end(tx, row).await
}

on_both_engines! {
    async fn a_grant_grows_and_is_replaced_when_a_part_is_taken_back(db: Db) {
        let mut scene = Scene::new(db).await;
        let pair = (scene.anybody().await, app(&scene).await);
        let first = agree(&scene, pair, "openid", "openid").await.unwrap();
        scene.wait(60);

        let same = agree(&scene, pair, "openid", "openid").await.unwrap();
        let more = agree(&scene, pair, "openid profile:nickname", "openid profile:nickname").await.unwrap();
        let less = agree(&scene, pair, "profile:nickname", "").await.unwrap();

        assert_eq!(first, same);
        assert_eq!((more.id, more.version, more.scopes()), (first.id, 2, set("openid profile:nickname")));
        assert_ne!(less.id, more.id);
        assert_eq!((less.scopes(), less.asked()), (set("openid"), set("openid profile:nickname")));
        let mut tx = scene.begin().await;
        let listed = service::page(&mut tx, scene.partner, &GrantsQuery::default()).await.unwrap().data;
        let standing: Vec<_> = listed.iter().map(|grant| (grant.id, *grant.status.known().unwrap())).collect();
        assert_eq!(standing, [(less.id, GrantStatus::Active), (first.id, GrantStatus::Revoked)]);
        assert!(service::hold(&mut tx, scene.partner, first.id).await.unwrap().is_none());
        assert_eq!(service::find(&mut tx, scene.partner, pair.0, pair.1).await.unwrap().unwrap().id, less.id);
    }

    async fn of_consents_at_once_one_makes_the_grant(db: Db) {
        let scene = Scene::new(db).await;
        let pair = (scene.anybody().await, app(&scene).await);

        let made = futures_util::future::join_all((0..4).map(|_| agree(&scene, pair, "openid", "openid"))).await;

        let ids: std::collections::HashSet<_> = made.into_iter().map(|row| row.unwrap().id).collect();
        assert_eq!(ids.len(), 1);
    }

    async fn a_grant_is_nobody_elses(db: Db) {
        let scene = Scene::new(db).await;
        let pair = (scene.anybody().await, app(&scene).await);
        let grant = agree(&scene, pair, "openid", "openid").await.unwrap();
        let (other_fan, other_partner) = (scene.anybody().await, scene.add_partner().await);
        let mut tx = scene.begin().await;

        let foreign = service::revoke(&mut tx, &scene.clock, other_partner, scene.now, grant.id).await.unwrap_err();
        let strangers =
            service::revoke_own(&mut tx, &scene.clock, scene.partner, scene.now, other_fan, grant.id).await.unwrap_err();
        let nobody = service::agree(&mut tx, &scene.clock, other_partner, scene.now, pair, set("openid"), set("openid")).await;

        assert_eq!((foreign.code(), strangers.code()), (ErrorCode::GrantNotFound, ErrorCode::GrantNotFound));
        assert_eq!(nobody.unwrap_err().code(), ErrorCode::FanNotFound);
        assert!(service::page(&mut tx, other_partner, &GrantsQuery::default()).await.unwrap().data.is_empty());
        service::revoke_own(&mut tx, &scene.clock, scene.partner, scene.now, pair.0, grant.id).await.unwrap();
        assert!(service::of_fan(&mut tx, scene.partner, pair.0).await.unwrap().is_empty());
    }
}
