//! Circles: a draft is opened and closed, changed without overwriting, listed and filtered.

use quanzi::circles::{Category, CircleChange, CircleStatus, CirclesQuery, NewCircle, PublishingLimits};
use quanzi::{Edit, ErrorCode, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::stage::{Stage, code, open_circle, partner};

both_engines! {
    a_circle_lives_from_draft_to_closed,
    a_name_and_a_slug_are_taken_once_per_partner,
    of_eight_circles_of_one_name_at_once_one_is_made,
    a_change_does_not_overwrite_another,
    null_clears_and_absence_keeps,
    circles_are_listed_newest_first_and_filtered,
    another_partners_circle_does_not_exist,
}

async fn a_circle_lives_from_draft_to_closed(stage: Stage) {
    let client = partner(&stage).await;
    let new =
        NewCircle::new("Cats of Hangzhou").category(Category::Pets).description("For everybody with a cat.\nAnd two.");

    let draft = client.circles().create(new).await.expect("a circle");
    let open = client.circles().open(draft.id).await.expect("open");
    let open_again = client.circles().open(draft.id).await.expect("open");
    let closed = client.circles().close(draft.id).await.expect("closed");

    assert_eq!(draft.status, CircleStatus::Draft);
    assert_eq!((draft.language.as_str(), draft.gate_version, draft.version), ("zh-CN", 1, 1));
    assert_eq!(draft.operator.legal_name.as_str(), "Whisker Pet Supplies (Hangzhou) Co., Ltd.");
    assert!(draft.slug.len() >= 2);
    assert_eq!(open.status, CircleStatus::Open);
    assert!(open.opened_at.is_some());
    assert_eq!(open_again, open);
    assert_eq!(closed.status, CircleStatus::Closed);
    assert_eq!(code(client.circles().open(draft.id).await), ErrorCode::CircleClosed);
    assert_eq!(client.circles().get(draft.id).await.expect("readable"), closed);
}

async fn a_name_and_a_slug_are_taken_once_per_partner(stage: Stage) {
    let one = partner(&stage).await;
    let two = partner(&stage).await;
    one.circles().create(NewCircle::new("Letters").slug("letters")).await.expect("a circle");

    assert_eq!(code(one.circles().create(NewCircle::new("Letters")).await), ErrorCode::CircleNameTaken);
    assert_eq!(code(one.circles().create(NewCircle::new("Other").slug("letters")).await), ErrorCode::CircleSlugTaken);
    two.circles().create(NewCircle::new("Letters").slug("letters")).await.expect("another partner's circle");
}

async fn of_eight_circles_of_one_name_at_once_one_is_made(stage: Stage) {
    let client = partner(&stage).await;
    client.partner().get().await.expect("a token");

    let tries = (0..8).map(|_| async { client.circles().create(NewCircle::new("Race")).await });
    let outcomes = futures_util::future::join_all(tries).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(code(outcome), ErrorCode::CircleNameTaken);
    }
}

async fn a_change_does_not_overwrite_another(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Letters").await;
    let announce = |text: &str| {
        let mut change = CircleChange::default();
        change.announcement = Edit::Set(text.into());
        client.circles().change(circle.id, change).if_match(circle.version)
    };

    let first = announce("First").await.expect("changed");
    let second = announce("Second").await;

    assert_eq!(code(second), ErrorCode::VersionMismatch);
    assert_eq!(first.announcement.as_deref(), Some("First"));
    assert_eq!(first.version, circle.version + 1);
}

async fn null_clears_and_absence_keeps(stage: Stage) {
    let client = partner(&stage).await;
    let new = NewCircle::new("Letters").description("Kept").limits(PublishingLimits::posts_per_member_per_day(3));
    let circle = client.circles().create(new).await.expect("a circle");
    let mut change = CircleChange::default();
    change.rules = Edit::Set("Be kind.".into());
    let with_rules = client.circles().change(circle.id, change).if_match(circle.version).await.expect("changed");
    let mut change = CircleChange::default();
    change.rules = Edit::Clear;

    let cleared = client.circles().change(circle.id, change).if_match(with_rules.version).await.expect("changed");

    assert_eq!(with_rules.rules.as_deref(), Some("Be kind."));
    assert_eq!((cleared.rules, cleared.description.as_deref()), (None, Some("Kept")));
    assert_eq!(cleared.limits.posts_per_member_per_day, Some(3));
}

async fn circles_are_listed_newest_first_and_filtered(stage: Stage) {
    let client = partner(&stage).await;
    for (name, category) in [("A", Category::Pets), ("B", Category::Food), ("C", Category::Pets), ("D", Category::Pets)]
    {
        client.circles().create(NewCircle::new(name).category(category)).await.expect("a circle");
        stage.advance(1);
    }
    let opened = client.circles().list(CirclesQuery::default()).page().await.expect("circles").data[0].id;
    client.circles().open(opened).await.expect("open");
    let names = async |query: CirclesQuery| -> Vec<String> {
        let circles = client.circles().list(query).stream().take(100).await.expect("circles");
        circles.iter().map(|circle| circle.name.to_string()).collect()
    };
    let mut pets_by_two = CirclesQuery::default();
    pets_by_two.category = Some(Category::Pets);
    pets_by_two.limit = Some(Limit::new(2));
    let mut drafts = CirclesQuery::default();
    drafts.status = Some(CircleStatus::Draft);

    assert_eq!(names(CirclesQuery::default()).await, ["D", "C", "B", "A"]);
    assert_eq!(names(pets_by_two).await, ["D", "C", "A"]);
    assert_eq!(names(drafts).await, ["C", "B", "A"]);
}

async fn another_partners_circle_does_not_exist(stage: Stage) {
    let owner = partner(&stage).await;
    let stranger = partner(&stage).await;
    let circle = open_circle(&owner, "Mine").await;

    assert_eq!(code(stranger.circles().get(circle.id).await), ErrorCode::CircleNotFound);
    assert_eq!(code(stranger.circles().close(circle.id).await), ErrorCode::CircleNotFound);
    assert_eq!(code(stranger.gates().get(circle.id).await), ErrorCode::CircleNotFound);
    assert!(stranger.circles().list(CirclesQuery::default()).page().await.expect("circles").data.is_empty());
}
