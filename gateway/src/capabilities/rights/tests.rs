//! Rights on both engines.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::content::NewPost;
use quanzi_openapi::id::MembershipId;
use sqlx::Executor as _;

use crate::capabilities::comments;
use crate::capabilities::comments::service::ActingAs;
use crate::capabilities::content;
use crate::capabilities::likes;
use crate::capabilities::likes::service::LikeTarget;
use crate::on_both_engines;
use crate::platform::db::{Engine, Tx};
use crate::testing::fixture::Fixture;

/// Whether a concurrent ban of this member would have to wait. On SQLite every writer waits.
async fn must_wait(fixture: &Fixture, membership: MembershipId) -> bool {
    if fixture.db.engine() == Engine::Sqlite {
        return true;
    }
    let mut other = fixture.begin().await;
    let lock = format!("select id from membership where id = '{membership}' for no key update nowait");
    other.held_postgres().unwrap().execute(sqlx::AssertSqlSafe(lock)).await.is_err()
}

async fn done(fixture: &Fixture, tx: Tx) {
    fixture.end(tx, Ok(())).await.unwrap();
}

on_both_engines! {
    async fn nobody_is_banned_while_they_comment_post_or_like(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;
        let member = fixture.join(circle, fan).await.unwrap().id;
        let (partner, now) = (fixture.partner, fixture.now);
        let mut tx = fixture.begin().await;
        let post = content::service::create(&mut tx, &fixture.clock, partner, now, circle, &NewPost::new("x")).await;
        let post = fixture.end(tx, post).await.unwrap().id;
        assert!(fixture.db.engine() == Engine::Sqlite || !must_wait(&fixture, member).await, "nobody holds it");

        for voice in [ActingAs::Fan(fan), ActingAs::Member(member)] {
            let mut tx = fixture.begin().await;
            let said = ("x".into(), None);
            comments::service::create(&mut tx, &fixture.clock, partner, now, post, voice, said).await.unwrap();

            assert!(must_wait(&fixture, member).await, "{voice:?}");
            done(&fixture, tx).await;
        }
        let mut tx = fixture.begin().await;
        likes::service::set(&mut tx, partner, now, fan, LikeTarget::Post(post), true).await.unwrap();
        assert!(must_wait(&fixture, member).await);
        done(&fixture, tx).await;
    }
}
