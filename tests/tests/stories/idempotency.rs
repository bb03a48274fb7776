//! Idempotency: one effect per key, the saved answer byte for byte, whatever happens at the same time.

use quanzi_tests::both_engines;
use quanzi_tests::raw::{Answer, Partner};
use quanzi_tests::stage::Stage;
use serde_json::{Value, json};

async fn create(partner: &Partner, key: &str, name: &str) -> Answer {
    partner.request("POST", "/v1/circles").header("idempotency-key", key).json(&json!({ "name": name })).send().await
}

async fn names(partner: &Partner) -> Vec<String> {
    let page = partner.get("/v1/circles?limit=100").await.expect_status(200);
    let data = page["data"].as_array().expect("a list");
    data.iter().filter_map(|circle| circle["name"].as_str().map(str::to_owned)).collect()
}

both_engines! {
    a_repeated_request_gets_the_first_answer_byte_for_byte,
    a_key_belongs_to_one_request,
    keys_of_two_apps_do_not_meet,
    a_refusal_is_not_saved,
    of_sixteen_at_once_one_acts_and_all_agree,
    unreadable_keys_are_refused_by_name,
    an_answer_is_kept_for_thirty_days,
    at_two_gateways_at_once_one_acts_and_both_agree,
    a_signed_change_is_executed_once_at_two_gateways,
}

async fn a_repeated_request_gets_the_first_answer_byte_for_byte(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let first = create(&partner, "k-1", "Letters").await;
    let second = create(&partner, "k-1", "Letters").await;

    first.expect_status(201);
    assert_eq!((second.status, &second.bytes), (201, &first.bytes));
    assert_eq!(second.header("etag"), first.header("etag"));
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), (None, Some("true")));
    assert_ne!(first.header("request-id"), second.header("request-id"));
    assert_eq!(names(&partner).await, ["Letters"]);
}

async fn a_key_belongs_to_one_request(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    create(&partner, "k-1", "Letters").await.expect_status(201);

    create(&partner, "k-1", "Other").await.expect_refusal(422, "idempotency_key_reused");

    assert_eq!(names(&partner).await, ["Letters"]);
}

async fn keys_of_two_apps_do_not_meet(stage: Stage) {
    let one = Partner::register(stage.url()).await;
    let two = Partner::register(stage.url()).await;

    create(&one, "k-1", "One").await.expect_status(201);
    create(&two, "k-1", "Two").await.expect_status(201);

    assert_eq!(names(&two).await, ["Two"]);
}

async fn a_refusal_is_not_saved(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    create(&partner, "k-1", "Taken").await.expect_status(201);
    create(&partner, "k-2", "Taken").await.expect_refusal(409, "circle_name_taken");
    let circle = partner.get("/v1/circles").await.json()["data"][0].clone();
    let path = format!("/v1/circles/{}", circle["id"].as_str().expect("an id"));
    let rename = partner.request("PATCH", &path).header("if-match", "\"1\"").json(&json!({ "name": "Free again" }));
    rename.send().await.expect_status(200);

    create(&partner, "k-2", "Taken").await.expect_status(201);
}

async fn of_sixteen_at_once_one_acts_and_all_agree(stage: Stage) {
    let partner = Partner::register(stage.url()).await;

    let answers = futures_util::future::join_all((0..16).map(|_| create(&partner, "k-1", "Race"))).await;

    let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!done.is_empty());
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.bytes, done[0].bytes);
        } else {
            answer.expect_refusal(409, "idempotency_in_flight");
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert_eq!(names(&partner).await, ["Race"]);
    assert_eq!(create(&partner, "k-1", "Race").await.bytes, done[0].bytes);
}

async fn unreadable_keys_are_refused_by_name(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    let long = "k".repeat(256);

    for key in ["", "two words", long.as_str()] {
        let body: Value = create(&partner, key, "Key").await.expect_refusal(400, "param_invalid");
        assert_eq!(body["param"], "Idempotency-Key");
    }
    assert!(names(&partner).await.is_empty());
}

async fn an_answer_is_kept_for_thirty_days(stage: Stage) {
    let partner = Partner::register(stage.url()).await;
    create(&partner, "k-1", "Kept").await.expect_status(201);

    let kept = stage.idempotency_rows_after_days(29).await;
    let gone = stage.idempotency_rows_after_days(31).await;

    assert_eq!((kept, gone), (1, 0));
}

async fn at_two_gateways_at_once_one_acts_and_both_agree(stage: Stage) {
    let elsewhere = stage.second_gateway().await;
    let mut partner = Partner::register(stage.url()).await;
    partner.http = quanzi_tests::raw::client();
    let there = partner.at(elsewhere.url()).await;

    for round in 0..20 {
        let (key, name) = (format!("k-{round}"), format!("Round {round}"));
        let (one, two) = tokio::join!(create(&partner, &key, &name), create(&there, &key, &name));

        one.expect_status(201);
        two.expect_status(201);
        assert_eq!(one.bytes, two.bytes, "round {round}");
        let replays = [&one, &two].into_iter().filter(|answer| answer.header("idempotent-replayed").is_some()).count();
        assert_eq!(replays, 1, "round {round}");
    }

    assert_eq!(names(&partner).await.len(), 20);
    elsewhere.stop().await.expect("stopped");
}

async fn a_signed_change_is_executed_once_at_two_gateways(stage: Stage) {
    let elsewhere = stage.second_gateway_of_the_same_name().await;
    let partner = Partner::register(stage.url()).await;
    let ready = partner.request("POST", "/v1/circles").json(&json!({ "name": "Once" })).ready();
    let mut replayed = ready.clone();
    replayed.url = replayed.url.replace(&stage.address(), &elsewhere.address().to_string());

    ready.send(&partner.http).await.expect_status(201);
    let answer = replayed.send(&partner.http).await;

    answer.expect_refusal(401, "nonce_replayed");
    elsewhere.stop().await.expect("stopped");
}
