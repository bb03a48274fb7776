//! Apps and keys on both engines.

use quanzi_openapi::apps::{APPS_MAX, AppChange, AppStatus, KEYS_MAX, NewApp, NewAppKey};
use quanzi_openapi::scope::{Scope, Scopes};
use quanzi_openapi::signature::Algorithm;
use quanzi_openapi::{ErrorCode, Limit};

use crate::app::App;
use crate::edge::Caller;
use crate::on_both_engines;
use crate::platform::config::Mode;
use crate::platform::crypto::SigningKey;
use crate::platform::db::Sql;
use crate::sql;
use crate::testing::{Client, in_tx, key_input, process};

use super::service::{self, Context};

const ANNOUNCED: Sql = sql!("select count(*) from revocation");

fn context(app: &App) -> Context<'_> {
    Context::new(app, app.clock.now())
}

fn new_key(app: &App) -> SigningKey {
    SigningKey::generate(&app.clock).unwrap()
}

fn new_app(app: &App) -> NewApp {
    NewApp::new("Server", [key_input(&new_key(app))])
}

on_both_engines! {
    async fn apps_are_listed_page_by_page_and_only_to_their_partner(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (ours, theirs) = (Client::register(&app).await, Client::register(&app).await);
        for _ in 0..4 {
            in_tx!(app, |tx| service::create(tx, context(&app), ours.partner, Scopes::all(), &new_app(&app), "")).unwrap();
        }
        let mut tx = db.reading().await.unwrap();

        let first = service::list(&mut tx, ours.partner, Limit::new(3), None).await.unwrap();
        let rest = service::list(&mut tx, ours.partner, Limit::new(3), first.next_cursor.as_ref()).await.unwrap();

        assert_eq!((first.data.len(), first.has_more, rest.data.len(), rest.has_more), (3, true, 2, false));
        let ids: Vec<_> = first.data.iter().chain(&rest.data).map(|app| app.id).collect();
        assert!(ids.is_sorted() && ids.contains(&ours.app) && !ids.contains(&theirs.app));
        let refused = service::get(&mut tx, theirs.partner, ours.app).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AppNotFound);
        let refused = service::keys(&mut tx, theirs.partner, ours.app).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AppNotFound);
        let refused = in_tx!(app, |tx| service::remove_key(tx, context(&app), theirs.partner, ours.app, ours.key.kid())).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AppNotFound);
    }

    async fn a_change_counts_the_version_and_keeps_the_rest(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let other = in_tx!(app, |tx| service::create(tx, context(&app), client.partner, Scopes::all(), &new_app(&app), "")).unwrap();
        let caller = client.caller();
        let mut change = AppChange::default();
        change.status = Some(AppStatus::Suspended);
        change.scopes = Some(vec![Scope::CirclesRead]);
        change.allowed_addresses = Some(vec!["203.0.113.0/24".into()]);

        let changed = in_tx!(app, |tx| service::change(tx, context(&app), &caller, other.clone(), change)).unwrap();
        let read = service::get(&mut db.reading().await.unwrap(), client.partner, other.id).await.unwrap();

        assert_eq!(read, changed);
        assert_eq!((read.version, read.status.known(), read.name), (2, Some(&AppStatus::Suspended), other.name));
        assert_eq!(read.allowed_addresses, ["203.0.113.0/24"]);
        let facts = app.directory.app(&db, other.id).await.unwrap().unwrap();
        assert!(!facts.active && facts.allows("203.0.113.1".parse().unwrap()) && !facts.allows("203.0.114.1".parse().unwrap()));
    }

    async fn a_change_that_changes_nothing_keeps_the_version_and_announces_nothing(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let before = service::get(&mut db.reading().await.unwrap(), client.partner, client.app).await.unwrap();
        let caller = client.caller();
        let announced = async || -> i64 {
            db.reading().await.unwrap().query(ANNOUNCED).one::<(i64,)>().await.unwrap().0
        };
        let announced_before = announced().await;
        let mut same = AppChange::default();
        same.name = Some(before.name.clone());

        let kept = in_tx!(app, |tx| service::change(tx, context(&app), &caller, before.clone(), same)).unwrap();
        let read = service::get(&mut db.reading().await.unwrap(), client.partner, client.app).await.unwrap();

        assert_eq!((&kept, &read), (&before, &before));
        assert_eq!(announced().await, announced_before);
        let mut other = AppChange::default();
        other.name = Some("Other".into());
        let changed = in_tx!(app, |tx| service::change(tx, context(&app), &caller, kept, other)).unwrap();
        assert_eq!((changed.version, announced().await), (before.version + 1, announced_before + 1));
    }

    async fn no_app_gets_more_than_its_giver_has(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let mine: Scopes = [Scope::AppsWrite, Scope::CirclesRead].into_iter().collect();
        let giver = Caller { scopes: mine, ..client.caller() };
        let create = async |scopes: Option<Vec<Scope>>| {
            let mut new = new_app(&app);
            new.scopes = scopes;
            in_tx!(app, |tx| service::create(tx, context(&app), client.partner, mine, &new, ""))
        };
        let change = async |before: &quanzi_openapi::apps::App, scopes: &[Scope]| {
            let mut change = AppChange::default();
            change.scopes = Some(scopes.to_vec());
            in_tx!(app, |tx| service::change(tx, context(&app), &giver, before.clone(), change))
        };
        let add_key = async |to| {
            let new = NewAppKey::new(key_input(&new_key(&app)));
            in_tx!(app, |tx| service::add_key(tx, context(&app), &giver, to, &new))
        };
        let wide = service::get(&mut db.reading().await.unwrap(), client.partner, client.app).await.unwrap();

        let narrow = create(None).await.unwrap();
        let wider = create(Some(vec![Scope::CirclesRead, Scope::PaymentsWrite])).await.unwrap_err();
        let widened = change(&narrow, &[Scope::AppsWrite, Scope::PaymentsWrite]).await.unwrap_err();
        let taken_over = add_key(wide.id).await.unwrap_err();

        assert_eq!(narrow.scopes, [Scope::CirclesRead, Scope::AppsWrite]);
        for refused in [&wider, &widened] {
            assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::ScopeExceeded, Some("/scopes/1")));
        }
        assert_eq!((taken_over.code(), taken_over.field_pointer()), (ErrorCode::ScopeExceeded, None));
        add_key(narrow.id).await.unwrap();
        // To take away, or to leave what was there, is no gift.
        let changed = change(&wide, &[Scope::AppsWrite, Scope::PaymentsWrite]).await.unwrap();
        assert_eq!(changed.scopes, [Scope::AppsWrite, Scope::PaymentsWrite]);
    }

    async fn an_app_cannot_suspend_itself(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let caller = client.caller();
        let mut change = AppChange::default();
        change.status = Some(AppStatus::Suspended);
        let before = service::get(&mut db.reading().await.unwrap(), client.partner, client.app).await.unwrap();

        let refused = in_tx!(app, |tx| service::change(tx, context(&app), &caller, before, change)).unwrap_err();

        let problem = refused.problem("", "");
        assert_eq!((refused.code(), problem.pointer.as_deref()), (ErrorCode::FieldInvalid, Some("/status")));
    }

    async fn a_key_is_registered_once_with_an_app_for_ever_and_nobody_can_take_it_away(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (ours, theirs) = (Client::register(&app).await, Client::register(&app).await);
        let key = new_key(&app);
        let add = async |client: &Client| in_tx!(app, |tx| service::add_key(tx, context(&app), &client.caller(), client.app, &NewAppKey::new(key_input(&key))));
        add(&ours).await.unwrap();

        let twice = add(&ours).await.unwrap_err().code();
        // Nobody proves possession of a public key, so being first must not keep its owner out.
        add(&theirs).await.unwrap();
        in_tx!(app, |tx| service::remove_key(tx, context(&app), ours.partner, ours.app, key.kid())).unwrap();
        let after = add(&ours).await.unwrap_err().code();
        let gone = in_tx!(app, |tx| service::remove_key(tx, context(&app), ours.partner, ours.app, key.kid())).unwrap_err();

        assert_eq!([twice, after], [ErrorCode::KeyExists; 2]);
        assert_eq!(gone.code(), ErrorCode::KeyNotFound);
        assert_eq!(app.directory.owner_of_key(&db, key.kid()).await.unwrap(), Some(ours.app));
        assert_eq!(app.directory.owner_of_key(&db, "nobody's").await.unwrap(), None);
        let facts = app.directory.app(&db, ours.app).await.unwrap().unwrap();
        assert!(facts.has_removed(key.kid()) && facts.key(key.kid()).is_none() && facts.key(ours.key.kid()).is_some());
    }

    async fn a_refused_key_leaves_no_app_behind(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let key = new_key(&app);
        let doubled = NewApp::new("Server", [key_input(&key), key_input(&key)]);

        let refused = in_tx!(app, |tx| service::create(tx, context(&app), client.partner, Scopes::all(), &doubled, "/app")).unwrap_err();

        assert_eq!(refused.code(), ErrorCode::KeyExists);
        assert_eq!(refused.problem("", "").pointer.as_deref(), Some("/app/jwks/keys/1"));
        let apps = service::list(&mut db.reading().await.unwrap(), client.partner, Limit::default(), None).await.unwrap();
        assert_eq!(apps.data.len(), 1);
    }

    async fn limits_hold(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let add = async || in_tx!(app, |tx| service::add_key(tx, context(&app), &client.caller(), client.app, &NewAppKey::new(key_input(&new_key(&app)))));
        for _ in 1..KEYS_MAX {
            add().await.unwrap();
        }
        for _ in 1..APPS_MAX {
            in_tx!(app, |tx| service::create(tx, context(&app), client.partner, Scopes::all(), &new_app(&app), "")).unwrap();
        }

        let many = NewApp::new("Server", (0..=KEYS_MAX).map(|_| key_input(&new_key(&app))));
        let create = async |new: &NewApp| in_tx!(app, |tx| service::create(tx, context(&app), client.partner, Scopes::all(), new, ""));
        assert_eq!(add().await.unwrap_err().code(), ErrorCode::KeyLimitReached);
        assert_eq!(create(&new_app(&app)).await.unwrap_err().code(), ErrorCode::AppLimitReached);
        assert_eq!(create(&many).await.unwrap_err().code(), ErrorCode::FieldInvalid);
        assert_eq!(create(&NewApp::new("Server", [])).await.unwrap_err().code(), ErrorCode::FieldInvalid);
    }

    async fn two_removals_at_once_leave_one_key(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        for _ in 0..8 {
            let client = Client::register(&app).await;
            let key = new_key(&app);
            in_tx!(app, |tx| service::add_key(tx, context(&app), &client.caller(), client.app, &NewAppKey::new(key_input(&key)))).unwrap();
            let remove = async |kid: &str| in_tx!(app, |tx| service::remove_key(tx, context(&app), client.partner, client.app, kid));

            let outcomes = tokio::join!(remove(key.kid()), remove(client.key.kid()));

            let codes: Vec<_> = [outcomes.0, outcomes.1].into_iter().filter_map(Result::err).map(|fault| fault.code()).collect();
            assert_eq!(codes, [ErrorCode::LastKey]);
        }
    }

    async fn a_key_that_cannot_authenticate_does_not_count_as_the_last(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}"#;
        let mut new = NewAppKey::new(quanzi_openapi::apps::KeyInput::Text(rsa.to_owned()));
        new.algorithm = Some(Algorithm::RsaV15Sha256);
        let added = in_tx!(app, |tx| service::add_key(tx, context(&app), &client.caller(), client.app, &new)).unwrap();

        let last = in_tx!(app, |tx| service::remove_key(tx, context(&app), client.partner, client.app, client.key.kid())).unwrap_err();
        let keys = service::keys(&mut db.reading().await.unwrap(), client.partner, client.app).await.unwrap();

        assert_eq!(last.code(), ErrorCode::LastKey);
        assert_eq!(keys.data.len(), 2);
        assert_eq!(keys.data[1], added);
        in_tx!(app, |tx| service::remove_key(tx, context(&app), client.partner, client.app, &added.kid)).unwrap();
    }
}

#[tokio::test]
async fn a_change_between_reading_and_caching_is_not_lost() {
    let scratch = crate::platform::db::scratch::Scratch::sqlite().unwrap();
    let db = scratch.open().await.unwrap();
    let app = process(&db, Mode::Sandbox).await;
    let client = Client::register(&app).await;
    let before = app.directory.app(&db, client.app).await.unwrap().unwrap();

    app.directory.forget(client.app);
    let after = app.directory.app(&db, client.app).await.unwrap().unwrap();
    let cached = app.directory.app(&db, client.app).await.unwrap().unwrap();

    assert!(!std::sync::Arc::ptr_eq(&before, &after));
    assert!(std::sync::Arc::ptr_eq(&after, &cached));
    db.close().await;
}
