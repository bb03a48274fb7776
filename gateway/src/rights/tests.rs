//! Rights on both engines.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::content::NewPost;
use quanzi_openapi::id::MembershipId;
use sqlx::Executor as _;

use crate::comments::service::Voice;
use crate::db::{Engine, Tx};
use crate::likes::service::Thing;
use crate::on_both_engines;
use crate::scene::Scene;
use crate::{comments, content, likes};

/// Whether somebody else who bans this member now would have to wait. On SQLite whoever writes always does.
async fn must_wait(scene: &Scene, membership: MembershipId) -> bool {
    if scene.db.engine() == Engine::Sqlite {
        return true;
    }
    let mut other = scene.begin().await;
    let lock = format!("select id from membership where id = '{membership}' for no key update nowait");
    other.held_postgres().unwrap().execute(sqlx::AssertSqlSafe(lock)).await.is_err()
}

async fn done(scene: &Scene, tx: Tx) {
    scene.end(tx, Ok(())).await.unwrap();
}

on_both_engines! {
    async fn nobody_is_banned_while_they_comment_post_or_like(db: Db) {
        let scene = Scene::new(db).await;
        let circle = scene.open_circle(&NewCircle::new("Cats")).await;
        let fan = scene.anybody().await;
        let member = scene.join(circle, fan).await.unwrap().id;
        let (partner, now) = (scene.partner, scene.now);
        let mut tx = scene.begin().await;
        let post = content::service::create(&mut tx, &scene.clock, partner, now, circle, &NewPost::new("x")).await;
        let post = scene.end(tx, post).await.unwrap().id;
        assert!(scene.db.engine() == Engine::Sqlite || !must_wait(&scene, member).await, "nobody holds it");

        for voice in [Voice::Fan(fan), Voice::Member(member)] {
            let mut tx = scene.begin().await;
            let said = ("x".into(), None);
            comments::service::create(&mut tx, &scene.clock, partner, now, post, voice, said).await.unwrap();

            assert!(must_wait(&scene, member).await, "{voice:?}");
            done(&scene, tx).await;
        }
        let mut tx = scene.begin().await;
        likes::service::set(&mut tx, partner, now, fan, Thing::Post(post), true).await.unwrap();
        assert!(must_wait(&scene, member).await);
        done(&scene, tx).await;
    }
}
