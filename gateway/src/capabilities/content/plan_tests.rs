//! Query plans of the feed. Invariant: a page is read as ranges of the feed's index, in its order, whatever the size of the
//! circle.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::id::CircleId;
use sqlx::{AssertSqlSafe, Executor as _, Row as _, raw_sql};

use super::store::{DRAFTS, OTHERS_OF_AUTHOR, OTHERS_OF_FAN, PAGE};
use crate::on_both_engines;
use crate::platform::db::{Db, Engine, Sql, Tx};
use crate::sql;
use crate::testing::fixture::Fixture;

const POSTS: i64 = 20_000;

const SEED: Sql = sql!(
    "insert into post (partner_id, id, circle_id, author_id, body, format, media_urls, pinned, publish_at, version, \
     created_at, updated_at) with recursive number (n) as (select cast(1 as bigint) union all select n + 1 from number \
     where n < $4) select $1, $3 || cast(n as text), $2, null, 'x', 'plain', '[]', false, n * 1000, 1, n, n from number"
);

async fn seed(fixture: &Fixture, name: &str, posts: i64) -> CircleId {
    let circle = fixture.open_circle(&NewCircle::new(name)).await;
    let mut tx = fixture.begin().await;
    tx.query(SEED).bind(fixture.partner).bind(circle).bind(name).bind(posts).run().await.unwrap();
    tx.commit().await.unwrap();
    circle
}

async fn analyze(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    match db.engine() {
        Engine::Postgres => tx.held_postgres().unwrap().execute("analyze post").await.map(|_| ()).unwrap(),
        Engine::Sqlite => tx.held_sqlite().unwrap().execute("analyze").await.map(|_| ()).unwrap(),
    }
    tx.commit().await.unwrap();
}

/// The plan for any values: the one that a prepared statement ends with.
async fn plan(tx: &mut Tx, engine: Engine, sql: Sql) -> String {
    match engine {
        Engine::Postgres => {
            let connection = tx.held_postgres().unwrap();
            connection.execute("set local plan_cache_mode = force_generic_plan").await.unwrap();
            let prepare = format!("deallocate all; prepare looked_at as {}", sql.postgres());
            connection.execute(raw_sql(AssertSqlSafe(prepare))).await.unwrap();
            let nulls = (1..).take_while(|number| sql.postgres().contains(&format!("${number}"))).map(|_| "null");
            let explain = format!("explain execute looked_at ({})", nulls.collect::<Vec<_>>().join(", "));
            let rows = connection.fetch_all(raw_sql(AssertSqlSafe(explain))).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
        }
        Engine::Sqlite => {
            let explain = AssertSqlSafe(format!("explain query plan {}", sql.sqlite()));
            let rows = tx.held_sqlite().unwrap().fetch_all(raw_sql(explain)).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(3) + "\n").collect()
        }
    }
}

on_both_engines! {
    async fn a_page_of_a_feed_is_two_ranges_of_its_index(db: Db) {
        let fixture = Fixture::new(db).await;
        seed(&fixture, "large", POSTS).await;
        seed(&fixture, "small", 10).await;
        analyze(&fixture.db).await;

        let mut tx = fixture.begin().await;
        let plan = plan(&mut tx, fixture.db.engine(), PAGE).await;

        match fixture.db.engine() {
            // Both bounds are in the index condition, and the index gives the order. The few pinned may come from any index.
            Engine::Postgres => {
                let (_, rest) = plan.split_once("Index Scan Backward using post_feed").expect(&plan);
                assert!(rest.contains("(pinned = false) AND (publish_at > $3) AND (ROW(publish_at, id) < ROW($6, $7))"), "{plan}");
                assert!(!plan.contains("Seq Scan"), "{plan}");
            }
            Engine::Sqlite => {
                let range = "USING INDEX post_feed (partner_id=? AND circle_id=? AND pinned=? AND publish_at>? AND (publish_at,id)<(?,?))";
                assert_eq!(plan.matches(range).count(), 2, "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }

    async fn drafts_and_an_authors_posts_are_ranges_of_their_indexes(db: Db) {
        let fixture = Fixture::new(db).await;
        seed(&fixture, "large", POSTS).await;
        analyze(&fixture.db).await;

        let mut tx = fixture.begin().await;
        let drafts = plan(&mut tx, fixture.db.engine(), DRAFTS).await;
        let others = plan(&mut tx, fixture.db.engine(), OTHERS_OF_AUTHOR).await;
        let of_fan = plan(&mut tx, fixture.db.engine(), OTHERS_OF_FAN).await;

        assert!(drafts.contains("post_drafts"), "{drafts}");
        assert!(others.contains("post_author"), "{others}");
        assert!(of_fan.contains("post_fan"), "{of_fan}");
    }
}
