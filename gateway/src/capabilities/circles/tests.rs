//! Circles on both engines.

use quanzi_openapi::circles::{Category, CircleChange, CircleStatus, CirclesQuery, NewCircle};
use quanzi_openapi::id::PartnerId;
use quanzi_openapi::{Cursor, ErrorCode, Limit};

use super::service;
use crate::on_both_engines;
use crate::testing::fixture::Fixture;
use crate::workflows;

fn page_of(limit: u32) -> CirclesQuery {
    let mut query = CirclesQuery::default();
    query.limit = Some(Limit::new(limit));
    query
}

async fn names(fixture: &Fixture, partner: PartnerId, query: &CirclesQuery) -> (Vec<String>, Option<Cursor>) {
    let mut tx = fixture.db.reading().await.unwrap();
    let page = service::page(&mut tx, partner, query).await.unwrap();
    (page.data.into_iter().map(|circle| circle.name.into_string()).collect(), page.next_cursor)
}

on_both_engines! {
    async fn a_new_circle_is_a_draft_behind_an_open_gate_and_reads_as_it_was_made(db: Db) {
        let fixture = Fixture::new(db).await;
        let new = NewCircle::new("猫 of Hangzhou").category(Category::Pets).description("Line\nline");

        let made = fixture.draft_circle(&new).await;
        let mut tx = fixture.db.reading().await.unwrap();
        let read = service::find(&mut tx, fixture.partner, made.id).await.unwrap();

        assert_eq!(made, read);
        assert!(read.status == CircleStatus::Draft && read.gate_version == 1 && read.version == 1);
        assert_eq!(read.operator.legal_name.as_str(), "Whisker Ltd.");
        let gate = crate::capabilities::gates::service::find(&mut tx, fixture.partner, made.id).await.unwrap();
        assert_eq!((gate.version, gate.rules.len()), (1, 1));
    }

    async fn a_name_and_a_slug_are_unique_among_a_partners_circles_only(db: Db) {
        let mut fixture = Fixture::new(db).await;
        fixture.draft_circle(&NewCircle::new("Cats").slug("cats")).await;

        for (new, code) in [
            (NewCircle::new("Cats"), ErrorCode::CircleNameTaken),
            (NewCircle::new("Dogs").slug("cats"), ErrorCode::CircleSlugTaken),
        ] {
            let mut tx = fixture.begin().await;
            let refused = workflows::circles::service::create(&mut tx, &fixture.clock, fixture.partner, fixture.now, &new).await.unwrap_err();
            assert_eq!(refused.code(), code);
        }
        fixture.partner = fixture.add_partner().await;
        fixture.draft_circle(&NewCircle::new("Cats").slug("cats")).await;
    }

    async fn renaming_to_a_taken_name_is_refused_and_nothing_written(db: Db) {
        let fixture = Fixture::new(db).await;
        fixture.draft_circle(&NewCircle::new("Cats")).await;
        let dogs = fixture.draft_circle(&NewCircle::new("Dogs")).await;
        let mut change = CircleChange::default();
        change.name = Some("Cats".into());

        let mut tx = fixture.begin().await;
        let held = service::lock(&mut tx, fixture.partner, dogs.id).await.unwrap();
        let outcome = workflows::circles::service::change(&mut tx, fixture.partner, fixture.now, &held, &change).await;
        let refused = fixture.end(tx, outcome).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::CircleNameTaken);
        let mut tx = fixture.db.reading().await.unwrap();
        assert_eq!(service::find(&mut tx, fixture.partner, dogs.id).await.unwrap(), dogs);
    }

    async fn another_partners_circle_is_as_missing(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.draft_circle(&NewCircle::new("Cats")).await.id;
        let other = fixture.add_partner().await;

        let mut tx = fixture.begin().await;

        for refused in [
            service::find(&mut tx, other, circle).await.unwrap_err(),
            service::lock(&mut tx, other, circle).await.unwrap_err(),
            service::open(&mut tx, other, fixture.now, circle).await.unwrap_err(),
            workflows::circles::service::close(&mut tx, other, fixture.now, circle).await.unwrap_err(),
            service::must_exist(&mut tx, other, circle).await.unwrap_err(),
            crate::capabilities::gates::service::find(&mut tx, other, circle).await.unwrap_err(),
            service::find(&mut tx, fixture.partner, fixture.clock.id()).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), ErrorCode::CircleNotFound);
        }
    }

    async fn opening_and_closing_twice_changes_nothing_and_closed_is_for_good(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut tx = fixture.begin().await;

        fixture.wait(60);
        let again = service::open(&mut tx, fixture.partner, fixture.now, circle).await.unwrap();
        let closed = workflows::circles::service::close(&mut tx, fixture.partner, fixture.now, circle).await.unwrap();
        fixture.wait(60);
        let closed_again = workflows::circles::service::close(&mut tx, fixture.partner, fixture.now, circle).await.unwrap();
        let reopened = service::open(&mut tx, fixture.partner, fixture.now, circle).await.unwrap_err();

        assert_eq!((again.version, closed.version), (2, 3));
        assert_eq!(closed, closed_again);
        assert_eq!(service::find(&mut tx, fixture.partner, circle).await.unwrap(), closed);
        assert_eq!(reopened.code(), ErrorCode::CircleClosed);
    }

    async fn a_list_is_newest_first_and_pages_hold_every_circle_once(db: Db) {
        let fixture = Fixture::new(db).await;
        for number in 0..5 {
            fixture.clock.advance_seconds(1);
            let category = if number % 2 == 0 { Category::Pets } else { Category::Games };
            fixture.draft_circle(&NewCircle::new(format!("Circle {number}")).category(category)).await;
        }

        let mut query = page_of(2);
        let mut seen = vec![];
        loop {
            let (names, next) = names(&fixture, fixture.partner, &query).await;
            seen.extend(names);
            match next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }

        assert_eq!(seen, ["Circle 4", "Circle 3", "Circle 2", "Circle 1", "Circle 0"]);
        let mut games = page_of(9);
        games.category = Some(Category::Games);
        assert_eq!(names(&fixture, fixture.partner, &games).await.0, ["Circle 3", "Circle 1"]);
        games.status = Some(CircleStatus::Open);
        assert!(names(&fixture, fixture.partner, &games).await.0.is_empty());
        assert!(names(&fixture, fixture.add_partner().await, &page_of(9)).await.0.is_empty());
    }

    async fn a_cursor_of_another_list_is_refused_by_name(db: Db) {
        let fixture = Fixture::new(db).await;
        let mut query = page_of(2);
        query.cursor = Some(Cursor::at(&(true, 5)));

        let mut tx = fixture.db.reading().await.unwrap();
        let refused = service::page(&mut tx, fixture.partner, &query).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::ParamInvalid);
        assert_eq!(refused.problem("", "").param.as_deref(), Some("cursor"));
    }
}
