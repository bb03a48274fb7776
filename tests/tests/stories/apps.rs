//! Apps and keys: rotation with overlap, suspension, allow-lists; what changes for a caller changes at once.

use quanzi::apps::{AppChange, AppStatus, AppsQuery, NewApp, NewAppKey};
use quanzi::{Client, ErrorCode, Key, Limit};
use quanzi_tests::both_engines;
use quanzi_tests::patience::until;
use quanzi_tests::stage::{Stage, code, partner, partner_with};

/// The app the client signs as.
async fn own_app(client: &Client) -> quanzi::apps::App {
    client.apps().list(AppsQuery::default()).page().await.expect("apps").data.remove(0)
}

both_engines! {
    a_key_rotates_with_overlap,
    the_last_key_stays_also_when_two_try_at_once,
    a_removed_key_never_comes_back,
    rsa_keys_sign_too,
    a_suspended_app_is_refused_at_once_and_works_again,
    an_app_cannot_suspend_itself,
    an_allow_list_keeps_other_addresses_out,
    narrower_scopes_reach_tokens_that_are_out,
    a_revocation_reaches_another_process_within_two_seconds,
    apps_are_listed_page_by_page,
}

async fn a_key_rotates_with_overlap(stage: Stage) {
    let old_key = Key::generate().expect("a key");
    let old_kid = old_key.thumbprint().to_owned();
    let old = partner_with(&stage, old_key).await;
    let app = own_app(&old).await.id;
    let new_key = Key::generate().expect("a key");

    old.apps().add_key(app, NewAppKey::new(new_key.public())).await.expect("added");
    let new = old.with_app(app, new_key);
    new.partner().get().await.expect("the new key works");
    old.partner().get().await.expect("the old key still works");
    new.apps().remove_key(app, old_kid.clone()).await.expect("removed");

    assert!(old.partner().get().await.is_err());
    assert_eq!(new.apps().keys(app).await.expect("keys").data.len(), 1);
    assert_eq!(code(new.apps().remove_key(app, old_kid).await), ErrorCode::KeyNotFound);
}

async fn the_last_key_stays_also_when_two_try_at_once(stage: Stage) {
    let key = Key::generate().expect("a key");
    let first = key.thumbprint().to_owned();
    let client = partner_with(&stage, key).await;
    let app = own_app(&client).await.id;
    assert_eq!(code(client.apps().remove_key(app, first.clone()).await), ErrorCode::LastKey);

    let second_key = Key::generate().expect("a key");
    let second = second_key.thumbprint().to_owned();
    client.apps().add_key(app, NewAppKey::new(second_key.public())).await.expect("added");
    let other = client.with_app(app, second_key);
    other.partner().get().await.expect("a token");
    let remove_one = async { client.apps().remove_key(app, second).retries(0).await };
    let remove_other = async { other.apps().remove_key(app, first).retries(0).await };
    let (one, two) = tokio::join!(remove_one, remove_other);

    assert!(!(one.is_ok() && two.is_ok()), "one key must be left");
    assert_eq!(stage.scalar("select count(*) from app_key where removed_at is null").await, "1");
}

async fn a_removed_key_never_comes_back(stage: Stage) {
    let client = partner(&stage).await;
    let app = own_app(&client).await.id;
    let key = Key::generate().expect("a key");
    client.apps().add_key(app, NewAppKey::new(key.public())).await.expect("added");
    client.apps().remove_key(app, key.thumbprint()).await.expect("removed");

    let again = client.apps().add_key(app, NewAppKey::new(key.public())).await;

    assert_eq!(code(again), ErrorCode::KeyExists);
}

async fn rsa_keys_sign_too(stage: Stage) {
    let key = Key::generate_rsa(2048).expect("a key");

    let client = partner_with(&stage, key).await;

    client.partner().get().await.expect("the partner");
}

async fn a_suspended_app_is_refused_at_once_and_works_again(stage: Stage) {
    let client = partner(&stage).await;
    let key = Key::generate().expect("a key");
    let app = client.apps().create(NewApp::new("Second", [key.public()])).await.expect("an app");
    let second = client.with_app(app.id, key);
    second.partner().get().await.expect("the partner");
    let mut change = AppChange::default();

    change.status = Some(AppStatus::Suspended);
    let suspended = client.apps().change(app.id, change.clone()).if_match(app.version).await.expect("suspended");
    let refused = second.partner().get().await;
    change.status = Some(AppStatus::Active);
    client.apps().change(app.id, change).if_match(suspended.version).await.expect("active");

    assert_eq!(code(refused), ErrorCode::AppSuspended);
    second.partner().get().await.expect("the partner");
}

async fn an_app_cannot_suspend_itself(stage: Stage) {
    let client = partner(&stage).await;
    let app = own_app(&client).await;
    let mut change = AppChange::default();
    change.status = Some(AppStatus::Suspended);

    let refused = client.apps().change(app.id, change).if_match(app.version).await.expect_err("a refusal");

    assert_eq!(refused.problem().and_then(|problem| problem.pointer.clone()).as_deref(), Some("/status"));
}

async fn an_allow_list_keeps_other_addresses_out(stage: Stage) {
    let client = partner(&stage).await;
    let key = Key::generate().expect("a key");
    let app = client.apps().create(NewApp::new("Second", [key.public()])).await.expect("an app");
    let second = client.with_app(app.id, key);
    second.partner().get().await.expect("the partner");
    let mut change = AppChange::default();

    change.allowed_addresses = Some(vec!["203.0.113.0/24".into(), "2001:db8::/32".into()]);
    let listed = client.apps().change(app.id, change.clone()).if_match(app.version).await.expect("listed");
    let refused = second.partner().get().await;
    change.allowed_addresses = Some(vec!["127.0.0.0/8".into()]);
    client.apps().change(app.id, change).if_match(listed.version).await.expect("listed");

    assert_eq!(code(refused), ErrorCode::AddressNotAllowed);
    second.partner().get().await.expect("the partner");
}

async fn narrower_scopes_reach_tokens_that_are_out(stage: Stage) {
    let client = partner(&stage).await;
    let key = Key::generate().expect("a key");
    let app = client.apps().create(NewApp::new("Second", [key.public()])).await.expect("an app");
    let second = client.with_app(app.id, key);
    second.circles().list(quanzi::circles::CirclesQuery::default()).page().await.expect("circles");
    let mut change = AppChange::default();

    change.scopes = Some(vec![quanzi::Scope::ContentRead]);
    client.apps().change(app.id, change).if_match(app.version).await.expect("changed");

    assert_eq!(
        code(second.circles().list(quanzi::circles::CirclesQuery::default()).page().await),
        ErrorCode::ScopeMissing
    );
}

async fn a_revocation_reaches_another_process_within_two_seconds(stage: Stage) {
    let key = Key::generate().expect("a key");
    let client = partner_with(&stage, key.clone()).await;
    let app = own_app(&client).await.id;
    let elsewhere = stage.second_gateway().await;
    let there = Client::builder(elsewhere.url()).app(app, key.clone()).build().expect("a client");
    there.partner().get().await.expect("the partner");
    let new_key = Key::generate().expect("a key");
    client.apps().add_key(app, NewAppKey::new(new_key.public())).await.expect("added");

    client.with_app(app, new_key).apps().remove_key(app, key.thumbprint()).await.expect("removed");
    let started = std::time::Instant::now();
    until("the other gateway refuses the key", async || there.partner().get().retries(0).await.is_err()).await;

    assert!(started.elapsed().as_millis() < 2_500, "{:?}", started.elapsed());
    elsewhere.stop().await.expect("stopped");
}

async fn apps_are_listed_page_by_page(stage: Stage) {
    let client = partner(&stage).await;
    for number in 0..4 {
        let key = Key::generate().expect("a key");
        client.apps().create(NewApp::new(format!("App {number}"), [key.public()])).await.expect("an app");
    }
    let mut query = AppsQuery::default();
    query.limit = Some(Limit::new(2));

    let names: Vec<String> = client
        .apps()
        .list(query)
        .stream()
        .take(100)
        .await
        .expect("apps")
        .iter()
        .map(|app| app.name.to_string())
        .collect();

    assert_eq!(names, ["Circle server", "App 0", "App 1", "App 2", "App 3"]);
}
