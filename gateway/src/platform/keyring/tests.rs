//! Keys on a real database: created once, sealed, rotated, retired.

use std::collections::HashSet;
use std::sync::Arc;

use quanzi_openapi::ErrorCode;

use super::{Keys, KeysFault, load_or_create, reload, retire, rotate, store};
use crate::access::oauth::{self, nonce};
use crate::app::App;
use crate::on_both_engines;
use crate::platform::clock::Clock;
use crate::platform::config::Mode;
use crate::platform::db::Db;
use crate::testing::{Client, process};

const SEALING: &[u8; 32] = &[7; 32];
const DAY: i64 = 24 * 3_600;

fn kids(keys: &Keys) -> HashSet<String> {
    keys.published().iter().filter_map(|jwk| jwk.kid.clone()).collect()
}

/// A second process, with the clock of the first.
async fn beside(db: &Db, app: &App) -> Arc<App> {
    let other = process(db, Mode::Sandbox).await;
    other.clock.put_ahead(app.clock.ahead_micros());
    other
}

async fn next(app: &App) -> Result<[String; 2], KeysFault> {
    let rotated = rotate(&app.db, &app.clock, Some(SEALING), false).await?;
    Ok(rotated.map(|key| key.kid))
}

async fn sweep(app: &App) -> u64 {
    let mut tx = app.db.begin().await.unwrap();
    let retired = super::sweep(&mut tx, app.clock.now(), 100).await.unwrap();
    tx.commit().await.unwrap();
    retired
}

on_both_engines! {
    async fn processes_that_start_at_once_end_with_one_key(db: Db) {
        let clock = Clock::system();
        let start = || load_or_create(&db, &clock, None, false);

        let (one, two, three) = tokio::join!(start(), start(), start());

        let [one, two, three] = [one, two, three].map(|keys| kids(&keys.unwrap()));
        assert_eq!(one.len(), 2);
        assert!(one == two && two == three);
    }

    async fn a_new_key_signs_when_everybody_can_know_it_and_both_are_believed_meanwhile(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let (first, first_id_token) =
            (app.signing_key(), app.keyring.keys().id_token(app.clock.now()).kid().to_owned());
        let of_first = client.token(&app).await;
        let asked_before = nonce::current(&app);

        let [second, second_id_token] = next(&app).await.unwrap();
        let other = beside(&db, &app).await;
        assert_eq!(kids(&app.keyring.keys()).len(), 2, "nobody has read it yet");
        reload(&app).await.unwrap();

        for process in [&app, &other] {
            let keys = process.keyring.keys();
            assert_eq!(kids(&keys), [&first_id_token, &second_id_token, first.kid(), &second].map(str::to_owned).into());
            assert_eq!(process.signing_key().kid(), first.kid());
        }
        let almost = client.token(&app).await;
        for process in [&app, &other] {
            process.clock.advance_seconds(600);
            let keys = process.keyring.keys();
            assert_eq!((process.signing_key().kid(), keys.id_token(process.clock.now()).kid()), (second.as_str(), second_id_token.as_str()));
            let kids: Vec<_> = keys.signing_and_before(process.clock.now()).map(|key| key.kid().to_owned()).collect();
            assert_eq!(kids, [&second, first.kid()]);
        }
        let of_second = client.token(&app).await;
        assert_eq!(oauth::authorize(&other, &of_second).await.unwrap().token.kid, second);
        // What the first signed is ours, only old.
        for token in [of_first, almost] {
            assert_eq!(oauth::authorize(&other, &token).await.unwrap_err().code(), ErrorCode::TokenExpired);
        }
        assert!(!nonce::is_valid(&app, &asked_before) && nonce::is_valid(&other, &nonce::current(&app)));
    }

    async fn nonces_of_a_process_that_changed_first_are_taken(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        next(&app).await.unwrap();
        let other = beside(&db, &app).await;
        reload(&app).await.unwrap();
        let (behind, ahead) = (&app, &other);
        ahead.clock.advance_seconds(600);
        behind.clock.advance_seconds(599);

        assert_ne!(behind.signing_key().kid(), ahead.signing_key().kid());
        assert!(nonce::is_valid(behind, &nonce::current(ahead)) && nonce::is_valid(ahead, &nonce::current(behind)));
    }

    async fn one_rotation_follows_another_and_none_is_made_twice(db: Db) {
        let app = process(&db, Mode::Sandbox).await;

        let (one, two) = tokio::join!(next(&app), next(&app));

        let won: Vec<_> = [one, two].into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.len(), 1);
        assert!(matches!(next(&app).await, Err(KeysFault::UnderWay { kid, .. }) if won[0].contains(&kid)));
        for _ in 0..6 {
            app.clock.advance_seconds(600);
            next(&app).await.unwrap();
        }
        app.clock.advance_seconds(600);
        assert!(matches!(next(&app).await, Err(KeysFault::TooMany(8))));
    }

    async fn a_key_that_was_followed_for_a_month_is_retired_and_its_private_half_is_gone(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let first = kids(&app.keyring.keys());
        let second: HashSet<String> = next(&app).await.unwrap().into();

        app.clock.advance_seconds(30 * DAY + 590);
        assert_eq!(sweep(&app).await, 0);
        app.clock.advance_seconds(11);
        assert_eq!((sweep(&app).await, sweep(&app).await), (2, 0));
        reload(&app).await.unwrap();

        assert_eq!(kids(&app.keyring.keys()), second);
        let mut tx = app.db.begin().await.unwrap();
        for kid in &first {
            assert!(store::private_key(&mut tx, kid).await.unwrap().is_empty());
        }
    }

    async fn a_key_in_wrong_hands_is_taken_away_at_once(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        let stolen = app.signing_key();
        let gone = |kid: String| { let (db, clock) = (&app.db, &app.clock); async move { retire(db, clock, &kid).await } };
        assert!(matches!(gone(stolen.kid().to_owned()).await, Err(KeysFault::TheOnlyOne { .. })));
        assert!(matches!(gone("nothing".to_owned()).await, Err(KeysFault::Unknown { .. })));
        oauth::authorize(&app, &token).await.unwrap();

        let [second, _] = next(&app).await.unwrap();
        gone(stolen.kid().to_owned()).await.unwrap();
        assert!(reload(&app).await.unwrap());
        app.tokens.forget_verified();

        // It was verified before, and is no longer accepted.
        assert_eq!(oauth::authorize(&app, &token).await.unwrap_err().code(), ErrorCode::TokenInvalid);
        assert_eq!(app.signing_key().kid(), second);
        assert!(matches!(gone(stolen.kid().to_owned()).await, Err(KeysFault::Unknown { .. })));
        // The next generation is counted with the retired one.
        app.clock.advance_seconds(600);
        next(&app).await.unwrap();
    }

    async fn a_stored_key_is_sealed_and_opens_with_its_own_seal_only(db: Db) {
        let clock = Clock::system();
        let load = |sealing: Option<&'static [u8; 32]>, live| load_or_create(&db, &clock, sealing, live);
        assert!(matches!(load(None, true).await, Err(KeysFault::SealingKeyMissing)));

        let open = load(None, false).await.unwrap();
        let sealed = load(Some(&[1; 32]), true).await.unwrap();

        assert_eq!(kids(&open), kids(&sealed));
        assert!(matches!(load(None, false).await, Err(KeysFault::SealedWithoutKey { .. })));
        assert!(matches!(load(Some(&[2; 32]), true).await, Err(KeysFault::Sealed { .. })));
        assert_eq!(kids(&load(Some(&[1; 32]), true).await.unwrap()), kids(&open));
        let key = open.signing(clock.now());
        let mut tx = db.reading().await.unwrap();
        let stored = store::private_key(&mut tx, key.kid()).await.unwrap();
        assert!(!stored.windows(32).any(|part| part == key.seed()));
        let [next, _] = rotate(&db, &clock, Some(&[1; 32]), true).await.unwrap();
        assert!(store::private_key(&mut db.reading().await.unwrap(), &next.kid).await.unwrap().len() > 32);
    }
}
