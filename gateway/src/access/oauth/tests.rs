//! Tokens from the first assertion to the last process that refuses them; rules by their numbers in the security profile.

use std::collections::HashSet;

use quanzi_openapi::apps::{AppChange, AppStatus, NewAppKey};
use quanzi_openapi::fans::NewSandboxFan;
use quanzi_openapi::grants::GrantsQuery;
use quanzi_openapi::jose::{Compact, DpopClaims, access_token_hash};
use quanzi_openapi::oauth::{Introspection, TokenReply, TokenRequest};
use quanzi_openapi::scope::{Scope, Scopes};
use quanzi_openapi::{ErrorCode, Time};
use serde_json::{Value, json};

use crate::app::App;
use crate::capabilities::apps::service::{self as apps, Context};
use crate::edge::Caller;
use crate::on_both_engines;
use crate::platform::config::Mode;
use crate::platform::crypto::SigningKey;
use crate::platform::fault::Fault;
use crate::testing::{
    ALIAS, BACK, Client, ISSUER, VERIFIER, ask, in_tx, key_input, process, proof, pushed_form, request, sent_back, sign,
};

use super::{Holder, authorization, authorize, nonce, proof as proofs, revocation, service, store, sweep_consent};
use crate::capabilities::fans;
use crate::capabilities::grants;

async fn get(app: &App, client: &Client) -> Result<TokenReply, Fault> {
    ask(app, &client.form(app), &[("dpop", &proof(app, &client.key, |_| ()))]).await
}

fn header<'f>(fault: &'f Fault, name: &str) -> Option<&'f str> {
    fault.headers().iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}

fn claims_of(token: &str) -> Value {
    Compact::parse(token).unwrap().claims().unwrap()
}

async fn change(app: &App, client: &Client, change: AppChange) {
    // Another app of the partner does it: an app cannot suspend itself.
    let caller = Caller { partner: client.partner, app: app.clock.id(), scopes: Scopes::all() };
    let context = Context::new(app, app.clock.now());
    let before = apps::get(&mut app.db.reading().await.unwrap(), client.partner, client.app).await.unwrap();
    in_tx!(app, |tx| apps::change(tx, context, &caller, before, change)).unwrap();
}

async fn revoke(app: &App, client: &Client, token: &str) -> bool {
    let request = request("/oauth/revoke", &[]);
    let form = client.question(app, token);
    service::revoke(app, &request, &form, app.clock.now()).await.unwrap().1
}

async fn introspect(app: &App, client: &Client, token: &str) -> Introspection {
    let request = request("/oauth/introspect", &[]);
    let form = client.question(app, token);
    service::introspect(app, &request, &form, app.clock.now()).await.unwrap()
}

on_both_engines! {
    async fn a_token_says_what_the_profile_wants(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let dpop = SigningKey::generate(&app.clock).unwrap();
        let mut form = client.form(&app);
        form.scope = Some("circles:read members:read".to_owned());
        form.resource = Some(ISSUER.to_owned());
        form.client_id = Some(client.app.to_string());

        let reply = ask(&app, &form, &[("dpop", &proof(&app, &dpop, |_| ()))]).await.unwrap();

        assert_eq!((reply.token_type.as_str(), reply.expires_in, reply.scope.as_str()), ("DPoP", 300, "circles:read members:read"));
        let jws = Compact::parse(&reply.access_token).unwrap();
        assert_eq!((jws.header.typ.as_deref(), jws.header.kid.as_deref()), (Some("at+jwt"), Some(app.signing_key().kid())));
        let claims = claims_of(&reply.access_token);
        let id = json!(client.app);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(ISSUER)));
        assert_eq!((&claims["sub"], &claims["client_id"], &claims["partner"]), (&id, &id, &json!(client.partner)));
        assert_eq!((&claims["cnf"]["jkt"], &claims["scope"]), (&json!(dpop.kid()), &json!("circles:read members:read")));
        assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16) && claims["exp"].as_i64() > claims["iat"].as_i64());
        let grant = authorize(&app, &reply.access_token).await.unwrap();
        assert_eq!((grant.token.app, grant.app.partner, grant.token.jkt.as_str()), (client.app, client.partner, dpop.kid()));
        assert_eq!(grant.scopes.to_string(), "circles:read members:read");
        // Another process on the same database takes it as well.
        let other = process(&db, Mode::Sandbox).await;
        assert_eq!(authorize(&other, &reply.access_token).await.unwrap().token, grant.token);
    }

    async fn every_failure_of_authentication_is_the_same_answer(db: Db) {
        let app = process(&db, Mode::Live).await;
        let client = Client::register(&app).await;
        let other = Client::register(&app).await;
        let good = json!({"alg": "EdDSA", "kid": client.key.kid()});
        let now = app.clock.now().seconds();
        let id = client.app.to_string();
        let claims = |change: &dyn Fn(&mut Value)| { let mut claims = client.claims(&app); change(&mut claims); claims };
        let set = |name: &'static str, value: Value| claims(&move |claims| claims[name] = value.clone());
        let without = |name: &'static str| claims(&move |claims| { claims.as_object_mut().unwrap().remove(name); });
        let signed = |claims: &Value| sign(&client.key, &good, claims);
        let bad_assertions = [
            signed(&set("aud", json!([ISSUER]))),
            signed(&set("aud", json!(format!("{ISSUER}/oauth/token")))),
            signed(&without("aud")),
            signed(&set("exp", json!(now - 1))),
            signed(&set("exp", json!(now + 86_400))),
            signed(&without("exp")),
            signed(&set("iat", json!(now + 61))),
            signed(&set("nbf", json!(now + 61))),
            signed(&set("iss", json!(other.app))),
            signed(&set("sub", json!(other.app))),
            signed(&without("iss")),
            signed(&without("sub")),
            signed(&without("jti")),
            signed(&set("jti", json!(""))),
            signed(&claims(&|claims| { let nobody: quanzi_openapi::id::AppId = app.clock.id(); claims["iss"] = json!(nobody); claims["sub"] = json!(nobody); })),
            sign(&other.key, &good, &client.claims(&app)),
            sign(&other.key, &json!({"alg": "EdDSA"}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "EdDSA", "kid": other.key.kid()}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "ES256", "kid": client.key.kid()}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "none"}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "HS256"}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "RS256"}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "EdDSA", "crit": ["b64"]}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "EdDSA", "typ": "dpop+jwt"}), &client.claims(&app)),
            sign(&client.key, &json!({"alg": "EdDSA", "typ": "at+jwt"}), &client.claims(&app)),
            "nonsense".to_owned(),
            "x".repeat(9_000),
        ];
        let proof = || proof(&app, &client.key, |_| ());
        let mut refused = Vec::new();
        for assertion in bad_assertions {
            let mut form = client.form(&app);
            form.client_assertion = Some(assertion);
            refused.push(ask(&app, &form, &[("dpop", &proof())]).await.unwrap_err());
        }
        for change in [
            |form: &mut TokenRequest| form.client_assertion = None,
            |form: &mut TokenRequest| form.client_assertion_type = None,
            |form: &mut TokenRequest| form.client_assertion_type = Some("urn:other".to_owned()),
            |form: &mut TokenRequest| form.client_secret = Some("s3cret".to_owned()),
            |form: &mut TokenRequest| form.client_secret = Some(String::new()),
            |form: &mut TokenRequest| form.client_id = Some("app_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A".to_owned()),
        ] {
            let mut form = client.form(&app);
            change(&mut form);
            refused.push(ask(&app, &form, &[("dpop", &proof())]).await.unwrap_err());
        }
        refused.push(ask(&app, &client.form(&app), &[("dpop", &proof()), ("authorization", "Basic YTpi")]).await.unwrap_err());

        let answers: HashSet<String> =
            refused.iter().map(|fault| format!("{:?} {:?}", fault.oauth_error(ISSUER, "req"), fault.headers())).collect();
        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert!(refused.iter().all(|fault| fault.code() == ErrorCode::InvalidClient));
        // Ahead by what FAPI wants tolerated, with the longest life, without kid: fine. And the sandbox says why.
        for good in [set("iat", json!(now + 10)), set("nbf", json!(now + 10)), set("exp", json!(now + 3_500)), set("sub", json!(id))] {
            let mut form = client.form(&app);
            form.client_assertion = Some(sign(&client.key, &json!({"alg": "Ed25519", "typ": "JWT"}), &good));
            ask(&app, &form, &[("dpop", &proof())]).await.unwrap();
        }
        let sandbox = process(&db, Mode::Sandbox).await;
        let mut form = client.form(&sandbox);
        form.client_assertion = Some(signed(&set("aud", json!([ISSUER]))));
        let said = ask(&sandbox, &form, &[("dpop", &proof())]).await.unwrap_err();
        assert!(said.text().contains("aud"), "{said}");
    }

    async fn a_suspended_app_and_a_foreign_address_cannot_authenticate(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (suspended, elsewhere) = (Client::register(&app).await, Client::register(&app).await);
        let mut status = AppChange::default();
        status.status = Some(AppStatus::Suspended);
        change(&app, &suspended, status).await;
        let mut addresses = AppChange::default();
        addresses.allowed_addresses = Some(vec!["198.51.100.0/24".into()]);
        change(&app, &elsewhere, addresses).await;

        let refused = [get(&app, &suspended).await.unwrap_err(), get(&app, &elsewhere).await.unwrap_err()];

        assert!(refused.iter().all(|fault| fault.code() == ErrorCode::InvalidClient));
        assert!(refused[0].text().contains("suspended") && refused[1].text().contains("address"));
    }

    async fn an_assertion_is_good_once_also_when_eight_come_at_once(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let form = client.form(&app);
        let one = async || ask(&app, &form, &[("dpop", &proof(&app, &client.key, |_| ()))]).await;

        let outcomes = futures_util::future::join_all((0..8).map(|_| one())).await;

        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.into_iter().filter_map(Result::err).all(|fault| fault.code() == ErrorCode::InvalidClient));
        assert_eq!(one().await.unwrap_err().code(), ErrorCode::InvalidClient);
    }

    async fn a_demanded_nonce_does_not_use_the_assertion_up(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let form = client.form(&app);
        let stale = |nonce: Option<String>| proof(&app, &client.key, |claims| { claims.iat -= 3_600; claims.nonce = nonce; });

        let demanded = ask(&app, &form, &[("dpop", &stale(None))]).await.unwrap_err();
        let given = header(&demanded, "DPoP-Nonce").unwrap().to_owned();
        let forged = ask(&app, &form, &[("dpop", &stale(Some("forged".to_owned())))]).await.unwrap_err();
        ask(&app, &form, &[("dpop", &stale(Some(given.clone())))]).await.unwrap();
        app.clock.advance_seconds(181);
        let expired = ask(&app, &client.form(&app), &[("dpop", &stale(Some(given)))]).await.unwrap_err();

        for fault in [demanded, forged, expired] {
            assert_eq!((fault.code(), fault.code().status()), (ErrorCode::UseDpopNonce, 400));
            assert!(header(&fault, "DPoP-Nonce").is_some());
        }
    }

    async fn a_token_needs_one_good_proof(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let key = &client.key;
        let used = proof(&app, key, |_| ());
        ask(&app, &client.form(&app), &[("dpop", &used)]).await.unwrap();
        let fresh = proof(&app, key, |_| ());
        let claims = claims_of(&fresh);
        let jwk = json!(key.jwk());
        let bad = [
            vec![],
            vec![used],
            vec![fresh.clone(), proof(&app, key, |_| ())],
            vec![proof(&app, key, |claims| claims.htm = "GET".to_owned())],
            vec![proof(&app, key, |claims| claims.htu = format!("{ISSUER}/oauth/revoke"))],
            vec![proof(&app, key, |claims| claims.htu = "https://evil.example/oauth/token".to_owned())],
            vec![proof(&app, key, |claims| claims.jti.clear())],
            vec![sign(key, &json!({"typ": "JWT", "alg": "EdDSA", "jwk": jwk}), &claims)],
            vec![sign(key, &json!({"typ": "dpop+jwt", "alg": "EdDSA"}), &claims)],
            vec![sign(key, &json!({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}), &claims)],
            vec![sign(key, &json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk, "crit": []}), &claims)],
            vec![sign(&SigningKey::generate(&app.clock).unwrap(), &json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}), &claims)],
            vec!["nonsense".to_owned()],
        ];
        for proofs in bad {
            let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", proof.as_str())).collect();

            let refused = ask(&app, &client.form(&app), &headers).await.unwrap_err();

            assert_eq!(refused.code(), ErrorCode::InvalidDpopProof, "{proofs:?}");
        }
        for htu in [format!("{ALIAS}/oauth/token"), format!("{ISSUER}:443/oauth/token?x=1#y"), "HTTPS://API.quanzi.example/oauth/token".to_owned()] {
            ask(&app, &client.form(&app), &[("dpop", &proof(&app, key, |claims| claims.htu = htu))]).await.unwrap();
        }
    }

    async fn the_grant_the_scope_and_the_resource_must_be_ours(db: Db) {
        let app = process(&db, Mode::Live).await;
        let client = Client::register(&app).await;
        for (name, value, code) in [
            ("grant_type", "password", ErrorCode::UnsupportedGrantType),
            ("grant_type", "authorization_code", ErrorCode::InvalidRequest),
            ("grant_type", "refresh_token", ErrorCode::InvalidRequest),
            ("grant_type", "implicit", ErrorCode::UnsupportedGrantType),
            ("grant_type", "", ErrorCode::InvalidRequest),
            ("scope", "openid", ErrorCode::InvalidScope),
            ("scope", "circles:read offline_access", ErrorCode::InvalidScope),
            ("scope", "nonsense", ErrorCode::InvalidScope),
            ("scope", "sandbox", ErrorCode::InvalidScope),
            ("resource", "https://other.example", ErrorCode::InvalidTarget),
            ("resource", "https://api.quanzi.example/", ErrorCode::InvalidTarget),
        ] {
            let mut form = client.form(&app);
            let value = Some(value.to_owned());
            match name {
                "grant_type" => form.grant_type = value,
                "scope" => form.scope = value,
                _ => form.resource = value,
            }

            let refused = ask(&app, &form, &[("dpop", &proof(&app, &client.key, |_| ()))]).await.unwrap_err();

            assert_eq!(refused.code(), code, "{name}");
        }
        assert!(!get(&app, &client).await.unwrap().scope.contains("sandbox"));
    }

    async fn a_token_that_is_not_quite_ours_is_refused(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        let claims = claims_of(&token);
        let header_ = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": app.signing_key().kid()});
        let altered = |name: &str, value: Value| { let mut claims = claims.clone(); claims[name] = value; sign(&app.signing_key(), &header_, &claims) };
        let stranger = SigningKey::generate(&app.clock).unwrap();
        let middle = token.len() / 2;
        let flipped: String = token.char_indices().map(|(place, letter)| if place == middle { if letter == 'A' { 'B' } else { 'A' } } else { letter }).collect();
        for bad in [
            altered("iss", json!("https://other.example")),
            altered("aud", json!("https://other.example")),
            altered("aud", json!([ISSUER])),
            altered("sub", json!("fan_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A")),
            altered("cnf", json!({})),
            sign(&app.signing_key(), &json!({"typ": "JWT", "alg": "EdDSA", "kid": app.signing_key().kid()}), &claims),
            sign(&app.signing_key(), &json!({"typ": "at+jwt", "alg": "none", "kid": app.signing_key().kid()}), &claims),
            sign(&app.signing_key(), &json!({"typ": "at+jwt", "alg": "EdDSA"}), &claims),
            sign(&stranger, &header_, &claims),
            sign(&stranger, &json!({"typ": "at+jwt", "alg": "EdDSA", "kid": stranger.kid()}), &claims),
            flipped,
            String::new(),
            client.assertion(&app),
        ] {
            let refused = authorize(&app, &bad).await.unwrap_err();

            assert_eq!(refused.code(), ErrorCode::TokenInvalid, "{bad}");
            let challenge = header(&refused, "WWW-Authenticate").unwrap();
            assert!(challenge.starts_with("DPoP error=\"invalid_token\", algs=") && challenge.contains("resource_metadata="));
        }
        authorize(&app, &token).await.unwrap();
        app.clock.advance_seconds(301);
        assert_eq!(authorize(&app, &token).await.unwrap_err().code(), ErrorCode::TokenExpired);
        // Also where it was never seen before.
        let other = process(&db, Mode::Sandbox).await;
        other.clock.advance_seconds(301);
        assert_eq!(authorize(&other, &token).await.unwrap_err().code(), ErrorCode::TokenExpired);
    }

    async fn a_proof_at_the_api_fits_the_token_and_is_good_once(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        let url = format!("{ISSUER}/v1/partner?x=1");
        let made = |change: &dyn Fn(&mut DpopClaims)| {
            proof(&app, &client.key, |claims| {
                claims.htm = "GET".to_owned();
                claims.htu = format!("{ISSUER}/v1/partner");
                claims.ath = Some(access_token_hash(&token));
                change(claims);
            })
        };
        let check = |proof: &str| proofs::check(&app, proof, "GET", &url, &token);
        let good = made(&|_| ());

        assert_eq!(check(&good).unwrap(), client.key.kid());
        assert_eq!(check(&made(&|claims| claims.htu = format!("{ALIAS}/v1/partner"))).unwrap(), client.key.kid());
        for bad in [good, made(&|claims| claims.ath = None), made(&|claims| claims.ath = Some(access_token_hash("other")))] {
            let refused = check(&bad).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::ProofInvalid);
            assert!(header(&refused, "WWW-Authenticate").unwrap().contains("error=\"invalid_dpop_proof\""));
        }
        let old = check(&made(&|claims| claims.iat -= 3_600)).unwrap_err();
        assert_eq!((old.code(), old.code().status()), (ErrorCode::ProofNonceRequired, 401));
        assert!(header(&old, "WWW-Authenticate").unwrap().contains("error=\"use_dpop_nonce\""));
        assert_eq!(header(&old, "DPoP-Nonce"), Some(nonce::current(&app).as_str()));
        let nonce = nonce::current(&app);
        check(&made(&|claims| { claims.iat -= 3_600; claims.nonce = Some(nonce.clone()); })).unwrap();
    }

    async fn a_process_that_could_not_read_for_a_while_misses_no_revocation(db: Db) {
        let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        revocation::catch_up(&other).await.unwrap();
        authorize(&other, &token).await.unwrap();

        assert!(revoke(&app, &client, &token).await);
        // Its database was out of reach, for longer than each reading goes back.
        other.clock.advance_seconds(200);
        revocation::catch_up(&other).await.unwrap();

        assert_eq!(authorize(&other, &token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
    }

    async fn a_revoked_token_is_refused_by_every_process(db: Db) {
        let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
        let (client, stranger) = (Client::register(&app).await, Client::register(&app).await);
        let (token, kept) = (client.token(&app).await, client.token(&app).await);
        for process in [&app, &other] {
            revocation::catch_up(process).await.unwrap();
            authorize(process, &token).await.unwrap();
        }

        assert!(!revoke(&app, &stranger, &token).await);
        assert!(!revoke(&app, &client, "unknown").await);
        revocation::catch_up(&other).await.unwrap();
        authorize(&other, &token).await.unwrap();
        assert!(revoke(&app, &client, &token).await);
        for process in [&app, &other] {
            revocation::catch_up(process).await.unwrap();
            revocation::catch_up(process).await.unwrap();
            assert_eq!(authorize(process, &token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
            authorize(process, &kept).await.unwrap();
        }
        // One that starts later knows as well.
        let late = process(&db, Mode::Sandbox).await;
        revocation::catch_up(&late).await.unwrap();
        assert_eq!(authorize(&late, &token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
        assert!(!revoke(&app, &client, &token).await);
    }

    async fn a_client_is_told_about_its_own_tokens_only(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, stranger) = (Client::register(&app).await, Client::register(&app).await);
        let token = client.token(&app).await;

        let own = introspect(&app, &client, &token).await;
        let foreign = introspect(&app, &stranger, &token).await;
        let unknown = introspect(&app, &client, "unknown").await;
        app.clock.advance_seconds(301);
        let expired = introspect(&app, &client, &token).await;

        assert!(own.active && own.exp.is_some() && own.scope.is_some());
        assert_eq!((own.client_id, own.token_type.as_deref()), (Some(client.app), Some("DPoP")));
        assert_eq!(own.cnf.unwrap().jkt, client.key.kid());
        for other in [foreign, unknown, expired] {
            assert_eq!(serde_json::to_string(&other).unwrap(), r#"{"active":false}"#);
        }
    }

    async fn a_change_of_the_app_reaches_every_process(db: Db) {
        let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        revocation::catch_up(&other).await.unwrap();
        assert!(authorize(&other, &token).await.unwrap().scopes.contains(Scope::AppsWrite));

        let mut fewer = AppChange::default();
        fewer.scopes = Some(vec![Scope::CirclesRead]);
        fewer.allowed_addresses = Some(vec!["198.51.100.0/24".into()]);
        change(&app, &client, fewer).await;
        revocation::catch_up(&other).await.unwrap();
        let grant = authorize(&other, &token).await.unwrap();
        assert_eq!(grant.scopes.to_string(), "circles:read");
        assert!(!grant.app.allows("203.0.113.9".parse().unwrap()));

        let mut suspended = AppChange::default();
        suspended.status = Some(AppStatus::Suspended);
        change(&app, &client, suspended).await;
        revocation::catch_up(&other).await.unwrap();
        assert_eq!(authorize(&other, &token).await.unwrap_err().code(), ErrorCode::AppSuspended);
    }

    async fn tokens_of_a_removed_key_are_revoked(db: Db) {
        let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
        let client = Client::register(&app).await;
        let bound = client.token(&app).await;
        let ephemeral = SigningKey::generate(&app.clock).unwrap();
        let authenticated = ask(&app, &client.form(&app), &[("dpop", &proof(&app, &ephemeral, |_| ()))]).await.unwrap().access_token;
        for token in [&bound, &authenticated] {
            authorize(&other, token).await.unwrap();
        }
        let new = SigningKey::generate(&app.clock).unwrap();
        let context = Context::new(&app, app.clock.now());
        in_tx!(app, |tx| apps::add_key(tx, context, &client.caller(), client.app, &NewAppKey::new(key_input(&new)))).unwrap();
        in_tx!(app, |tx| apps::remove_key(tx, context, client.partner, client.app, client.key.kid())).unwrap();

        for process in [&app, &other] {
            revocation::catch_up(process).await.unwrap();
            for token in [&bound, &authenticated] {
                assert_eq!(authorize(process, token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
            }
        }
        assert_eq!(get(&app, &client).await.unwrap_err().code(), ErrorCode::InvalidClient);
        let rotated = Client { key: new, ..client };
        get(&app, &rotated).await.unwrap();
    }

    async fn a_row_that_becomes_visible_late_is_not_missed(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        let token = client.token(&app).await;
        let jti = claims_of(&token)["jti"].as_str().unwrap().to_owned();
        revocation::catch_up(&app).await.unwrap();
        let earlier = app.clock.now();
        app.clock.advance_seconds(60);
        revocation::catch_up(&app).await.unwrap();

        let mut tx = app.db.begin().await.unwrap();
        let until = earlier.plus_seconds(300);
        store::insert_revocation(&mut tx, "late", &format!("jti:{jti}"), until, earlier).await.unwrap();
        tx.commit().await.unwrap();
        revocation::catch_up(&app).await.unwrap();

        assert_eq!(authorize(&app, &token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
    }

    async fn what_has_expired_is_swept_in_batches(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let client = Client::register(&app).await;
        for _ in 0..3 {
            let token = client.token(&app).await;
            revoke(&app, &client, &token).await;
        }
        let now = app.clock.now();
        let sweep = async |now: Time, limit| in_tx!(app, |tx| async { Ok(store::sweep(tx, now, limit).await?) }).unwrap();

        assert_eq!(sweep(now, 100).await, 0);
        assert_eq!(sweep(now.plus_seconds(3_600), 2).await, 4);
        assert_eq!(sweep(now.plus_seconds(3_600), 100).await, 5);
        assert_eq!(sweep(now.plus_seconds(3_600), 100).await, 0);
    }
}

/// A request pushed by this client, and what its challenge was made of.
/// A client that fans may be sent back to, one of its fans, and a code the fan granted.
async fn with_code(app: &App) -> (Client, String) {
    let client = sent_back(app).await;
    let now = app.clock.now();
    let fan = in_tx!(app, |tx| fans::service::invent(tx, &app.clock, client.partner, now, &NewSandboxFan::new("Mei")))
        .unwrap()
        .id;
    let form = pushed_form(app, &client, VERIFIER);
    let pushed = authorization::push(app, &request("/oauth/par", &[]), &form, now).await.unwrap();
    let opened = authorization::open(app, &client.app.to_string(), &pushed.request_uri, now).await.unwrap().unwrap();
    let scopes = opened.scopes();
    let url = in_tx!(app, |tx| async {
        let pair = (fan, client.app);
        let grant = grants::service::agree(tx, &app.clock, client.partner, now, pair, scopes, scopes).await?;
        assert!(opened.complete(tx, now).await?);
        opened.accept(app, tx, (grant.id, grant.fan_id), grant.scopes(), now, now).await
    })
    .unwrap();
    let url = url::Url::parse(&url).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    (client, code)
}

async fn exchange_code(app: &App, client: &Client, code: &str) -> Result<TokenReply, Fault> {
    let mut form = client.form(app);
    form.grant_type = Some("authorization_code".to_owned());
    form.code = Some(code.to_owned());
    form.redirect_uri = Some(BACK.to_owned());
    form.code_verifier = Some(VERIFIER.to_owned());
    ask(app, &form, &[("dpop", &proof(app, &client.key, |_| ()))]).await
}

on_both_engines! {
    async fn a_fan_token_is_told_apart_and_a_process_that_starts_later_knows_what_was_taken_back(db: Db) {
        let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
        let (client, code) = with_code(&app).await;

        let reply = exchange_code(&app, &client, &code).await.unwrap();
        let fan = match &authorize(&other, &reply.access_token).await.unwrap().token.holder {
            Holder::Fan(of) => of.clone(),
            Holder::App(_) => panic!("a fan's token"),
        };
        let own = authorize(&other, &client.token(&app).await).await.unwrap();
        let now = app.clock.now();
        in_tx!(app, |tx| grants::service::revoke(tx, &app.clock, client.partner, now, fan.grant)).unwrap();

        assert_eq!(fan.scopes.to_string(), "openid circles:join");
        assert!(matches!(own.token.holder, Holder::App(_)));
        let late = process(&db, Mode::Sandbox).await;
        for process in [&app, &other, &late] {
            revocation::catch_up(process).await.unwrap();
            assert_eq!(authorize(process, &reply.access_token).await.unwrap_err().code(), ErrorCode::TokenRevoked);
        }
    }

    async fn a_token_with_half_of_what_a_fans_token_has_is_none(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, code) = with_code(&app).await;
        let reply = exchange_code(&app, &client, &code).await.unwrap();
        let claims = claims_of(&reply.access_token);
        let header_ = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": app.signing_key().kid()});
        let without = |name: &str| { let mut claims = claims.clone(); claims.as_object_mut().unwrap().remove(name); sign(&app.signing_key(), &header_, &claims) };

        for bad in [without("grant"), without("family"), without("sub")] {
            assert_eq!(authorize(&app, &bad).await.unwrap_err().code(), ErrorCode::TokenInvalid);
        }
        authorize(&app, &sign(&app.signing_key(), &header_, &claims)).await.unwrap();
    }

    async fn a_grant_that_ends_before_the_exchange_gives_no_token(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, code) = with_code(&app).await;
        let now = app.clock.now();
        let grants = in_tx!(app, |tx| grants::service::page(tx, client.partner, &GrantsQuery::default())).unwrap();

        in_tx!(app, |tx| grants::service::revoke(tx, &app.clock, client.partner, now, grants.data[0].id)).unwrap();

        assert_eq!(exchange_code(&app, &client, &code).await.unwrap_err().code(), ErrorCode::InvalidGrant);
    }

    async fn a_refused_exchange_leaves_assertion_and_code_as_they_were(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, code) = with_code(&app).await;
        let mut form = client.form(&app);
        form.grant_type = Some("authorization_code".to_owned());
        form.code = Some(code.clone());
        form.redirect_uri = Some(BACK.to_owned());
        form.code_verifier = Some(VERIFIER.to_owned());
        let stale = proof(&app, &client.key, |claims| claims.iat -= 3_600);

        let demanded = ask(&app, &form, &[("dpop", &stale)]).await.unwrap_err();
        let nonce = header(&demanded, "DPoP-Nonce").unwrap().to_owned();
        let fresh = proof(&app, &client.key, |claims| { claims.iat -= 3_600; claims.nonce = Some(nonce); });

        assert_eq!(demanded.code(), ErrorCode::UseDpopNonce);
        ask(&app, &form, &[("dpop", &fresh)]).await.unwrap();
    }

    async fn in_live_mode_a_browser_is_sent_back_over_https_only(db: Db) {
        let (sandbox, live) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Live).await);
        let client = Client::register(&sandbox).await;
        let mut uris = AppChange::default();
        uris.redirect_uris = Some(vec!["http://127.0.0.1:9/back".into()]);
        change(&sandbox, &client, uris).await;
        let push = async |app: &App| {
            revocation::catch_up(app).await.unwrap();
            let mut form = pushed_form(app, &client, VERIFIER);
            form.redirect_uri = Some("http://127.0.0.1:9/back".to_owned());
            authorization::push(app, &request("/oauth/par", &[]), &form, app.clock.now()).await
        };

        assert_eq!(push(&live).await.err().unwrap().code(), ErrorCode::InvalidRequest);
        assert_eq!(push(&sandbox).await.ok().unwrap().expires_in, 90);
    }

    async fn a_proof_that_comes_with_the_request_binds_the_code(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, _) = with_code(&app).await;
        let par = |claims: &mut DpopClaims| claims.htu = format!("{ISSUER}/oauth/par");
        let other = SigningKey::generate(&app.clock).unwrap();
        let push = async |jkt: Option<&str>, key: &SigningKey| {
            let mut form = pushed_form(&app, &client, VERIFIER);
            form.dpop_jkt = jkt.map(str::to_owned);
            let proof = proof(&app, key, par);
            let request = request("/oauth/par", &[("dpop", &proof)]);
            let pushed = authorization::push(&app, &request, &form, app.clock.now()).await?;
            let client = client.app.to_string();
            Ok::<_, Fault>(authorization::open(&app, &client, &pushed.request_uri, app.clock.now()).await?.unwrap().request.jkt)
        };

        assert_eq!(push(None, &client.key).await.unwrap().as_deref(), Some(client.key.kid()));
        assert_eq!(push(Some(other.kid()), &other).await.unwrap().as_deref(), Some(other.kid()));
        assert_eq!(push(Some(other.kid()), &client.key).await.unwrap_err().code(), ErrorCode::InvalidDpopProof);
    }

    async fn what_led_to_fan_tokens_is_swept_when_it_is_of_no_use(db: Db) {
        let app = process(&db, Mode::Sandbox).await;
        let (client, code) = with_code(&app).await;
        exchange_code(&app, &client, &code).await.unwrap();
        let now = app.clock.now();
        let sweep = async |seconds: i64| {
            in_tx!(app, |tx| async { Ok(sweep_consent(tx, now.plus_seconds(seconds), 100).await?) }).unwrap()
        };

        assert_eq!(sweep(60).await, 0);
        assert_eq!(sweep(1_000).await, 1, "the request");
        assert_eq!(sweep(23 * 3_600).await, 0, "a code that comes again must be known as used");
        assert_eq!(sweep(25 * 3_600).await, 1, "the code");
        assert_eq!(sweep(91 * 24 * 3_600).await, 1, "the refresh token");
    }
}
