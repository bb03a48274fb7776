//! Gates: each rule explains itself, and nobody learns a score.

use quanzi::gates::{CreditBand, EvaluationRequest, GateRule, NewGate, Outcome};
use quanzi::memberships::NewMembership;
use quanzi::sandbox::{NewSandboxFan, SandboxFanChange};
use quanzi::{Client, Edit, ErrorCode};
use quanzi_tests::both_engines;
use quanzi_tests::raw::Partner;
use quanzi_tests::stage::{Stage, code, fan, gated_circle, open_circle, partner};
use serde_json::json;

fn band(at_least: CreditBand) -> GateRule {
    GateRule::CreditBand { at_least }
}

async fn outcome(client: &Client, circle: quanzi::id::CircleId, fan: quanzi::id::FanId) -> Outcome {
    let evaluation = client.gates().evaluate(circle, EvaluationRequest::new(fan)).await.expect("an evaluation");
    *evaluation.outcome.known().expect("a known outcome")
}

both_engines! {
    each_rule_answers_in_the_gates_order,
    a_refused_fan_is_told_why_and_is_not_in,
    an_answer_about_a_band_stands_for_a_day_whatever_changes,
    a_band_cannot_be_searched_by_joining_either,
    one_fan_is_held_against_one_band_in_thirty_days,
    a_band_moves_three_times_a_day,
    rules_must_make_a_gate,
    no_answer_names_a_band_or_a_person,
    a_fan_id_is_another_at_every_partner,
}

async fn each_rule_answers_in_the_gates_order(stage: Stage) {
    let client = partner(&stage).await;
    let rules = [
        GateRule::RealName {},
        GateRule::Adult {},
        GateRule::InviteCode { codes: vec!["LETTERS".into()] },
        GateRule::Approval {},
    ];
    let circle = gated_circle(&client, "Gated", rules).await;
    let adult = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan");
    let mut asked = EvaluationRequest::new(adult.id);

    let without_code = client.gates().evaluate(circle.id, asked.clone()).await.expect("an evaluation");
    asked.invite_code = Some("LETTERS".into());
    let with_code = client.gates().evaluate(circle.id, asked).await.expect("an evaluation");

    let outcomes = |evaluation: &quanzi::gates::Evaluation| -> Vec<Outcome> {
        evaluation.rules.iter().map(|rule| *rule.outcome.known().expect("known")).collect()
    };
    assert_eq!(outcomes(&without_code), [Outcome::Failed, Outcome::Passed, Outcome::Failed, Outcome::Pending]);
    assert_eq!(outcomes(&with_code), [Outcome::Failed, Outcome::Passed, Outcome::Passed, Outcome::Pending]);
    assert_eq!(with_code.outcome, Outcome::Failed);
    assert_eq!(with_code.gate_version, circle.gate_version);
    assert!(with_code.expires_at > with_code.evaluated_at);
    assert!(with_code.rules[0].advice.is_some() && with_code.rules[1].advice.is_none());
}

async fn a_refused_fan_is_told_why_and_is_not_in(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "Adults", [GateRule::Adult {}]).await;
    let child = fan(&client).await;

    let refused = client.memberships().join(circle.id, NewMembership::new(child.id)).await.expect_err("a refusal");

    assert!(refused.is(ErrorCode::GateRefused));
    assert_eq!(refused.evaluation().expect("the evaluation").rules[0].outcome, Outcome::Failed);
    assert_eq!(stage.count("membership").await, 0);
}

async fn an_answer_about_a_band_stands_for_a_day_whatever_changes(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "Gold", [band(CreditBand::Gold)]).await;
    let silver =
        client.sandbox().create_fan(NewSandboxFan::new("Mei").credit_band(CreditBand::Silver)).await.expect("a fan");

    assert_eq!(outcome(&client, circle.id, silver.id).await, Outcome::Failed);
    client
        .gates()
        .put(circle.id, NewGate::new([band(CreditBand::Silver)]))
        .if_match(circle.gate_version)
        .await
        .expect("a gate");
    assert_eq!(outcome(&client, circle.id, silver.id).await, Outcome::Failed);
    let mut change = SandboxFanChange::default();
    change.credit_band = Edit::Set(CreditBand::Platinum);
    client.sandbox().change_fan(silver.id, change).if_match(silver.version).await.ok();
    assert_eq!(outcome(&client, circle.id, silver.id).await, Outcome::Failed);
    // The gate requires a different band now, so the fan can be tested for it only when the month is over.
    stage.advance(31 * 24 * 3_600);

    assert_eq!(outcome(&client, circle.id, silver.id).await, Outcome::Passed);
}

async fn a_band_cannot_be_searched_by_joining_either(stage: Stage) {
    let client = partner(&stage).await;
    let circle = gated_circle(&client, "Gold", [band(CreditBand::Gold)]).await;
    let silver =
        client.sandbox().create_fan(NewSandboxFan::new("Mei").credit_band(CreditBand::Silver)).await.expect("a fan");

    let first = client.memberships().join(circle.id, NewMembership::new(silver.id)).await;
    client
        .gates()
        .put(circle.id, NewGate::new([band(CreditBand::Silver)]))
        .if_match(circle.gate_version)
        .await
        .expect("a gate");
    let second = client.memberships().join(circle.id, NewMembership::new(silver.id)).await;

    assert_eq!(code(first), ErrorCode::GateRefused);
    assert_eq!(code(second), ErrorCode::GateRefused, "the refusal was forgotten with its transaction");
}

async fn one_fan_is_held_against_one_band_in_thirty_days(stage: Stage) {
    let client = partner(&stage).await;
    let mei = NewSandboxFan::new("Mei").credit_band(CreditBand::Silver);
    let person = client.sandbox().create_fan(mei).await.expect("a fan");
    let silver = gated_circle(&client, "S", [band(CreditBand::Silver)]).await;
    let gold = gated_circle(&client, "G", [band(CreditBand::Gold)]).await;
    let also_silver = gated_circle(&client, "S2", [band(CreditBand::Silver)]).await;

    assert_eq!(outcome(&client, silver.id, person.id).await, Outcome::Passed);
    let asked = EvaluationRequest::new(person.id);
    // Passed silver and failed gold would mean: exactly silver.
    let second = client.gates().evaluate(gold.id, asked).retries(0).await.expect_err("a refusal");
    let by_joining = client.memberships().join(gold.id, NewMembership::new(person.id)).retries(0).await;

    assert!(second.is(ErrorCode::GateBandLimitReached));
    let limit = second.problem().and_then(|problem| problem.limit.clone()).expect("the limit");
    assert!((29 * 86_400..=30 * 86_400).contains(&i64::from(limit.resets_in_seconds)), "{limit:?}");
    assert_eq!(code(by_joining), ErrorCode::GateBandLimitReached);
    assert_eq!(outcome(&client, also_silver.id, person.id).await, Outcome::Passed);
}

async fn a_band_moves_three_times_a_day(stage: Stage) {
    let client = partner(&stage).await;
    let mut version = 1;
    let circle = open_circle(&client, "Moving").await;
    let mut put = async |rule: GateRule| {
        let put = client.gates().put(circle.id, NewGate::new([rule])).if_match(version).retries(0).await;
        version += i64::from(put.is_ok());
        put
    };

    for at_least in [CreditBand::Gold, CreditBand::Silver, CreditBand::Bronze] {
        put(band(at_least)).await.expect("a gate");
    }
    let fourth = put(band(CreditBand::Platinum)).await.expect_err("a refusal");
    let other_rule = put(GateRule::Adult {}).await;

    assert!(fourth.is(ErrorCode::GateBandLimitReached));
    assert!(fourth.problem().and_then(|problem| problem.limit.as_ref()).is_some());
    assert_eq!(code(other_rule), ErrorCode::GateBandLimitReached, "taking the band away moves it too");
    stage.advance(24 * 3_600 + 1);
    put(band(CreditBand::Platinum)).await.expect("a gate");
}

async fn rules_must_make_a_gate(stage: Stage) {
    let client = partner(&stage).await;
    let circle = open_circle(&client, "Rules").await;
    let put = |rules: Vec<GateRule>| client.gates().put(circle.id, NewGate::new(rules)).if_match(1);

    for rules in [
        vec![],
        vec![GateRule::Open {}, GateRule::Adult {}],
        vec![GateRule::Adult {}, GateRule::Adult {}],
        vec![GateRule::InviteCode { codes: vec![] }],
        vec![GateRule::InviteCode { codes: vec!["SAME".into(), "SAME".into()] }],
    ] {
        assert_eq!(code(put(rules).await), ErrorCode::GateRulesInvalid);
    }
    assert_eq!(client.gates().get(circle.id).await.expect("the gate").version, 1);
}

async fn no_answer_names_a_band_or_a_person(stage: Stage) {
    let raw = Partner::register(stage.url()).await;
    let circle =
        raw.post("/v1/circles", json!({ "name": "Silent" })).await.json()["id"].as_str().expect("id").to_owned();
    raw.request("POST", &format!("/v1/circles/{circle}/open")).send().await.expect_status(200);
    let fan = raw.post("/sandbox/v1/fans", json!({ "nickname": "Mei", "credit_band": "platinum" })).await.json();
    let fan = fan["id"].as_str().expect("id");
    let gate = json!({ "rules": [{ "kind": "credit_band", "at_least": "gold" }] });
    raw.request("PUT", &format!("/v1/circles/{circle}/gate"))
        .header("if-match", "\"1\"")
        .json(&gate)
        .send()
        .await
        .expect_status(200);

    let evaluation =
        raw.post(&format!("/v1/circles/{circle}/gate/evaluate"), json!({ "fan": fan })).await.expect_status(200);
    let membership =
        raw.post(&format!("/v1/circles/{circle}/memberships"), json!({ "fan": fan })).await.expect_status(200);

    let person = stage.scalar("select id from person").await;
    for text in [evaluation.to_string(), membership.to_string()] {
        for word in ["platinum", "gold", "silver", "bronze", "psn_", person.as_str(), person.trim_start_matches("psn_")]
        {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

async fn a_fan_id_is_another_at_every_partner(stage: Stage) {
    let one = partner(&stage).await;
    let two = partner(&stage).await;
    let mine = fan(&one).await;
    let circle = open_circle(&two, "Other").await;

    assert_eq!(code(two.memberships().join(circle.id, NewMembership::new(mine.id)).await), ErrorCode::FanNotFound);
    assert_eq!(code(two.sandbox().get_fan(mine.id).await), ErrorCode::FanNotFound);
    assert_eq!(one.sandbox().get_fan(mine.id).await.expect("the fan"), mine);
}
