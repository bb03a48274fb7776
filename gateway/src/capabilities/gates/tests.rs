//! Gates on both engines, and what a partner cannot learn from them.

use quanzi_openapi::circles::NewCircle;
use quanzi_openapi::fans::{NewSandboxFan, SandboxFanChange};
use quanzi_openapi::gates::{CreditBand, Evaluation, EvaluationRequest, GateRule, Outcome};
use quanzi_openapi::id::{CircleId, FanId};
use quanzi_openapi::{Edit, ErrorCode};

use super::service;
use crate::capabilities::circles;
use crate::on_both_engines;
use crate::platform::db::Sql;
use crate::platform::fault::Fault;
use crate::sql;
use crate::testing::fixture::Fixture;
use crate::workflows;

const DAY: i64 = 24 * 3600;

const EVALUATIONS: Sql = sql!("select count(*) from evaluation where partner_id = $1 and outcome = $2");

fn band(at_least: CreditBand) -> [GateRule; 1] {
    [GateRule::CreditBand { at_least }]
}

async fn ask(fixture: &Fixture, circle: CircleId, fan: FanId) -> Result<Evaluation, Fault> {
    let mut tx = fixture.begin().await;
    let request = EvaluationRequest::new(fan);
    let answer = service::evaluate(&mut tx, &fixture.clock, fixture.partner, fixture.now, circle, &request).await;
    fixture.end(tx, answer).await
}

async fn outcome(fixture: &Fixture, circle: CircleId, fan: FanId) -> Outcome {
    *ask(fixture, circle, fan).await.unwrap().outcome.known().unwrap()
}

async fn of_gold(fixture: &Fixture) -> FanId {
    fixture.fan(&NewSandboxFan::new("Mei").credit_band(CreditBand::Gold)).await
}

on_both_engines! {
    async fn a_new_gate_counts_up_its_version_and_its_circles(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.draft_circle(&NewCircle::new("Cats")).await;

        let version = fixture.put_gate(circle.id, [GateRule::RealName {}, GateRule::Approval {}]).await.unwrap();

        let mut tx = fixture.db.reading().await.unwrap();
        let gate = service::find(&mut tx, fixture.partner, circle.id).await.unwrap();
        let after = circles::service::find(&mut tx, fixture.partner, circle.id).await.unwrap();
        assert_eq!((version, gate.version, after.gate_version), (2, 2, 2));
        assert_eq!(after.version, circle.version + 1);
        assert_eq!(gate.rules, [GateRule::RealName {}, GateRule::Approval {}]);
    }

    async fn a_closed_circle_takes_no_new_gate(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let mut tx = fixture.begin().await;
        let closed = workflows::circles::service::close(&mut tx, fixture.partner, fixture.now, circle).await;
        fixture.end(tx, closed).await.unwrap();

        let refused = fixture.put_gate(circle, [GateRule::Adult {}]).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::CircleClosed);
    }

    async fn the_credit_band_moves_three_times_a_day_and_then_when_the_report_says(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        fixture.put_gate(circle, band(CreditBand::Gold)).await.unwrap();
        fixture.wait(100);
        fixture.put_gate(circle, [GateRule::Open {}]).await.unwrap();
        fixture.put_gate(circle, band(CreditBand::Silver)).await.unwrap();
        fixture.wait(100);

        let kept = [GateRule::CreditBand { at_least: CreditBand::Silver }, GateRule::Adult {}];
        fixture.put_gate(circle, kept).await.unwrap();
        let refused = fixture.put_gate(circle, band(CreditBand::Bronze)).await.unwrap_err();

        assert_eq!(refused.code(), ErrorCode::GateBandLimitReached);
        let limit = refused.limit_report().unwrap().clone();
        assert_eq!((limit.allowed, limit.window_seconds, limit.resets_in_seconds), (3, 86_400, 86_200));
        fixture.wait(86_199);
        assert!(fixture.put_gate(circle, band(CreditBand::Bronze)).await.is_err());
        fixture.wait(1);
        fixture.put_gate(circle, band(CreditBand::Bronze)).await.unwrap();
    }

    async fn an_answer_about_a_band_stands_a_day_whatever_changes(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let circle = fixture.gated_circle("Cats", band(CreditBand::Gold)).await;
        let fan = of_gold(&fixture).await;
        let first = ask(&fixture, circle, fan).await.unwrap();

        fixture.wait(10);
        fixture.put_gate(circle, band(CreditBand::Platinum)).await.unwrap();
        let mut poor = SandboxFanChange::default();
        poor.credit_band = Edit::Clear;
        let mut tx = fixture.begin().await;
        let changed = crate::capabilities::fans::service::change(&mut tx, fixture.partner, fixture.now, fan, &poor).await;
        fixture.end(tx, changed).await.unwrap();
        fixture.wait(DAY - 11);
        let last = ask(&fixture, circle, fan).await.unwrap();
        // The gate requires a different band now, so the fan can be tested for it only when the month is over.
        fixture.wait(30 * DAY);
        let anew = ask(&fixture, circle, fan).await.unwrap();

        assert!(first.outcome == Outcome::Passed && last.outcome == Outcome::Passed);
        assert_eq!((first.expires_at, last.gate_version), (last.expires_at, 3));
        assert!(anew.outcome == Outcome::Failed && anew.expires_at == fixture.now.plus_seconds(DAY));
    }

    async fn a_fan_is_held_against_one_band_a_month_over_all_circles(db: Db) {
        let mut fixture = Fixture::new(db).await;
        let fan = of_gold(&fixture).await;
        let mut circles = vec![];
        for (name, at_least) in [
            ("A", CreditBand::Silver),
            ("B", CreditBand::Silver),
            ("C", CreditBand::Gold),
            ("D", CreditBand::Platinum),
            ("E", CreditBand::Bronze),
        ] {
            circles.push(fixture.gated_circle(name, band(at_least)).await);
        }

        assert_eq!(outcome(&fixture, circles[0], fan).await, Outcome::Passed);
        fixture.wait(DAY);
        assert_eq!(outcome(&fixture, circles[1], fan).await, Outcome::Passed);
        fixture.wait(DAY);
        for other in [circles[2], circles[3], circles[4]] {
            let refused = ask(&fixture, other, fan).await.unwrap_err();
            assert_eq!(refused.code(), ErrorCode::GateBandLimitReached);
            let limit = refused.limit_report().unwrap();
            assert_eq!((limit.allowed, limit.resets_in_seconds), (1, u32::try_from(29 * DAY).unwrap()));
        }
        assert!(ask(&fixture, circles[3], of_gold(&fixture).await).await.is_ok(), "another fan is another matter");
        fixture.wait(29 * DAY);
        assert_eq!(outcome(&fixture, circles[3], fan).await, Outcome::Failed);
    }

    /// A refused join rolls back as every refusal does, except for what it has told.
    async fn refused_joins_cannot_probe_a_band(db: Db) {
        let fixture = Fixture::new(db).await;
        let fan = of_gold(&fixture).await;
        let circle = fixture.gated_circle("Cats", band(CreditBand::Platinum)).await;
        let others = [fixture.gated_circle("B", band(CreditBand::Gold)).await, fixture.gated_circle("C", band(CreditBand::Silver)).await];

        let refused = fixture.join(circle, fan).await.unwrap_err();
        fixture.put_gate(circle, band(CreditBand::Bronze)).await.unwrap();
        let again = fixture.join(circle, fan).await.unwrap_err();
        let elsewhere = [fixture.join(others[0], fan).await.map(|_| ()), fixture.join(others[1], fan).await.map(|_| ())];

        assert_eq!((refused.code(), again.code()), (ErrorCode::GateRefused, ErrorCode::GateRefused));
        let (first, second) = (refused.gate_evaluation().unwrap(), again.gate_evaluation().unwrap());
        assert_eq!((first.expires_at, first.gate_version, second.gate_version), (second.expires_at, 2, 3));
        for other in elsewhere {
            assert_eq!(other.unwrap_err().code(), ErrorCode::GateBandLimitReached);
        }
        let mut tx = fixture.db.reading().await.unwrap();
        let kept: (i64,) = tx.query(EVALUATIONS).bind(fixture.partner).bind(Outcome::Failed).one().await.unwrap();
        assert_eq!(kept, (2,));
    }

    async fn nothing_of_a_refusal_names_the_persons_band(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.gated_circle("Cats", band(CreditBand::Platinum)).await;

        let refused = fixture.join(circle, of_gold(&fixture).await).await.unwrap_err();

        let told = serde_json::to_string(&refused.problem("", "req")).unwrap().to_lowercase() + &format!("{refused:?}").to_lowercase();
        assert!(told.contains("credit rating") && !told.contains("gold") && !told.contains("platinum"), "{told}");
    }

    async fn an_invite_code_opens_and_its_absence_does_not(db: Db) {
        let fixture = Fixture::new(db).await;
        let rules = [GateRule::InviteCode { codes: vec!["WHISKERS-2026".into(), "PAWS".into()] }];
        let circle = fixture.gated_circle("Cats", rules).await;
        let fan = fixture.anybody().await;
        let mut request = EvaluationRequest::new(fan);

        let mut tx = fixture.begin().await;
        let mut outcomes = vec![];
        for code in [None, Some("paws"), Some("PAWS")] {
            request.invite_code = code.map(Into::into);
            let answer = service::evaluate(&mut tx, &fixture.clock, fixture.partner, fixture.now, circle, &request).await;
            outcomes.push(*answer.unwrap().outcome.known().unwrap());
        }

        assert_eq!(outcomes, [Outcome::Failed, Outcome::Failed, Outcome::Passed]);
    }

    async fn asking_about_nobody_or_nowhere_says_which(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.open_circle(&NewCircle::new("Cats")).await;
        let fan = fixture.anybody().await;

        let nobody = ask(&fixture, circle, fixture.clock.id()).await.unwrap_err();
        let nowhere = ask(&fixture, fixture.clock.id(), fan).await.unwrap_err();

        assert_eq!((nobody.code(), nowhere.code()), (ErrorCode::FanNotFound, ErrorCode::CircleNotFound));
    }

    /// Two circles, two bands: only one of them may be asked.
    async fn two_bands_asked_at_once_do_not_both_slip_through(db: Db) {
        let fixture = Fixture::new(db).await;
        let fan = of_gold(&fixture).await;
        let mut circles = vec![];
        for (name, at_least) in [("A", CreditBand::Silver), ("B", CreditBand::Gold)] {
            circles.push(fixture.gated_circle(name, band(at_least)).await);
        }

        let (one, two) = tokio::join!(ask(&fixture, circles[0], fan), ask(&fixture, circles[1], fan));

        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    }

    async fn two_moves_of_a_band_at_once_count_one_after_the_other(db: Db) {
        let fixture = Fixture::new(db).await;
        let circle = fixture.gated_circle("Cats", band(CreditBand::Gold)).await;
        fixture.put_gate(circle, [GateRule::Open {}]).await.unwrap();

        let (one, two) = tokio::join!(
            fixture.put_gate(circle, band(CreditBand::Silver)),
            fixture.put_gate(circle, band(CreditBand::Bronze)),
        );

        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(one.and(two).unwrap_err().code(), ErrorCode::GateBandLimitReached);
    }
}
