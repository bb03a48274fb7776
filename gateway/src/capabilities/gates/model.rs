//! The rules of gates. Pure. Invariant: the only input about a person's credit band is the result of one comparison.

use std::collections::HashSet;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quanzi_openapi::circles::{CircleRights, Right};
use quanzi_openapi::gates::{
    BAND_ANSWER_HOURS, BAND_CHANGES_PER_DAY_MAX, BANDS_PER_FAN_MAX, CreditBand, GateRule, INVITE_CODES_MAX, InviteCode,
    Outcome, RuleAnswer,
};
use quanzi_openapi::{ErrorCode, Time};

use crate::capabilities::fans::PersonFacts;
use crate::platform::db::enum_text;
use crate::platform::fault::Fault;
use crate::platform::window::Window;

const DAY_SECONDS: u32 = 24 * 3600;

/// How often the credit band of one circle's gate may move.
pub const BAND_CHANGES: Window =
    Window { name: "gate_band_changes", allowed: BAND_CHANGES_PER_DAY_MAX, seconds: DAY_SECONDS };
/// Against how many different bands a partner may hold one fan.
pub const BANDS_PER_FAN: Window =
    Window { name: "bands_per_fan", allowed: BANDS_PER_FAN_MAX, seconds: 30 * DAY_SECONDS };

/// Until when an answer about a credit band stands.
pub fn answer_expires(asked: Time) -> Time {
    asked.plus_seconds(BAND_ANSWER_HOURS * 3600)
}

/// Refuses rules that do not make a gate, naming the first that is wrong.
pub fn check(rules: &[GateRule]) -> Result<(), Fault> {
    let invalid =
        |pointer: String, detail: String| Err(Fault::new(ErrorCode::GateRulesInvalid).pointer(pointer).detail(detail));
    if rules.is_empty() {
        return invalid("/rules".to_owned(), "A gate needs at least one rule; `open` admits everyone.".to_owned());
    }
    let mut kinds = HashSet::new();
    for (place, rule) in rules.iter().enumerate() {
        let pointer = format!("/rules/{place}");
        if !kinds.insert(rule.kind()) {
            return invalid(pointer, format!("The rule `{}` appears twice.", enum_text(&rule.kind())));
        }
        if matches!(rule, GateRule::Open {}) && rules.len() > 1 {
            return invalid(pointer, "The rule `open` cannot be combined with other rules.".to_owned());
        }
        if let GateRule::InviteCode { codes } = rule {
            if codes.is_empty() || codes.len() > INVITE_CODES_MAX {
                return invalid(format!("{pointer}/codes"), format!("Expected 1 to {INVITE_CODES_MAX} codes."));
            }
            let mut seen = HashSet::new();
            if let Some(again) = codes.iter().position(|code| !seen.insert(code.as_str())) {
                return invalid(format!("{pointer}/codes/{again}"), "This code appears twice.".to_owned());
            }
        }
    }
    Ok(())
}

/// Refuses a circle that would hold its fans against more than one credit band: in its gate, if that asks for one, and in both
/// rights. There is one answer about a fan in a circle, and it is about one band.
pub fn check_bands(rights: &CircleRights, gate: Option<CreditBand>) -> Result<(), Fault> {
    let mut asked = gate;
    for (pointer, right) in [("/rights/post/rules", &rights.post), ("/rights/comment/rules", &rights.comment)] {
        let band = right_band(right);
        if asked.is_some() && band.is_some() && band != asked {
            return Err(Fault::new(ErrorCode::GateRulesInvalid).pointer(pointer).detail(
                "The gate and the rights of a circle must require the same credit band: two bands would reveal a fan's credit band.",
            ));
        }
        asked = asked.or(band);
    }
    Ok(())
}

/// The credit band that the rights of a circle ask for, if they ask for one.
pub fn rights_band(rights: &CircleRights) -> Option<CreditBand> {
    right_band(&rights.post).or_else(|| right_band(&rights.comment))
}

fn right_band(right: &Right) -> Option<CreditBand> {
    right.rules.iter().find_map(|rule| match rule.known() {
        Some(GateRule::CreditBand { at_least }) => Some(*at_least),
        _ => None,
    })
}

/// The credit band that the gate asks for, if it asks for one.
pub fn band(rules: &[GateRule]) -> Option<CreditBand> {
    rules.iter().find_map(|rule| match rule {
        GateRule::CreditBand { at_least } => Some(*at_least),
        _ => None,
    })
}

/// Refuses one more move of a gate's credit band, given when it moved lately.
pub fn may_move(moves: &[Time], now: Time) -> Result<(), Fault> {
    let Some(then) = BAND_CHANGES.next(moves, now) else { return Ok(()) };
    Err(Fault::new(ErrorCode::GateBandLimitReached).limit(BAND_CHANGES.report(now, then)))
}

/// Refuses to hold a fan against one more band, given against which it was held lately and when last.
pub fn may_ask(band: CreditBand, asked: &[(CreditBand, Time)], now: Time) -> Result<(), Fault> {
    let lately = |time: Time| BANDS_PER_FAN.end(time) > now;
    if asked.iter().any(|(other, time)| *other == band && lately(*time)) {
        return Ok(());
    }
    let others: Vec<Time> = asked.iter().filter(|(other, _)| *other != band).map(|(_, time)| *time).collect();
    let Some(then) = BANDS_PER_FAN.next(&others, now) else { return Ok(()) };
    Err(Fault::new(ErrorCode::GateBandLimitReached)
        .detail("Your gates tested this fan for a different credit band in the last 30 days. Wait until the time in `limit`; this limit keeps fans' credit bands private.")
        .limit(BANDS_PER_FAN.report(now, then)))
}

/// Whether a person's standing reaches a band; somebody without any does not.
pub fn reaches(facts: PersonFacts, band: CreditBand) -> bool {
    facts.credit_band.is_some_and(|of_person| of_person >= band)
}

/// What each rule answers, in the gate's order. `band_passed` is the answer about the credit band that stands.
pub fn evaluate(
    rules: &[GateRule],
    facts: PersonFacts,
    band_passed: Option<bool>,
    invite_code: Option<&InviteCode>,
) -> Vec<RuleAnswer> {
    rules.iter().map(|rule| answer(rule, facts, band_passed, invite_code)).collect()
}

fn answer(
    rule: &GateRule,
    facts: PersonFacts,
    band_passed: Option<bool>,
    invite_code: Option<&InviteCode>,
) -> RuleAnswer {
    let passed_or = |passed: bool, advice: &'static str| {
        if passed { (Outcome::Passed, None) } else { (Outcome::Failed, Some(advice)) }
    };
    let (outcome, advice) = match rule {
        GateRule::Open {} => (Outcome::Passed, None),
        GateRule::RealName {} => passed_or(
            facts.real_name_verified,
            "The circle requires a verified real name. Verify it in the wallet, then try again.",
        ),
        GateRule::Adult {} => passed_or(facts.adult, "The circle is for adults only."),
        // The words are the same for everybody who fails: they say nothing but that.
        GateRule::CreditBand { .. } => {
            passed_or(band_passed.unwrap_or(false), "The circle requires a higher credit rating.")
        }
        GateRule::InviteCode { codes } => match invite_code {
            Some(brought) => passed_or(
                is_among(codes, brought),
                "The invite code is not valid for this circle. Codes are case-sensitive.",
            ),
            None => passed_or(false, "The circle requires an invite code."),
        },
        GateRule::Approval {} => (Outcome::Pending, Some("The circle has to approve the request first.")),
        // A rule that this version cannot answer lets nobody in.
        _ => (Outcome::Failed, Some("The circle has a requirement that cannot be checked right now.")),
    };
    RuleAnswer { kind: rule.kind().into(), outcome: outcome.into(), advice: advice.map(str::to_owned) }
}

/// Every code is compared, each in constant time: how long it takes tells neither whether nor which one matched.
fn is_among(codes: &[InviteCode], brought: &InviteCode) -> bool {
    codes.iter().fold(false, |found, code| found | verify_slices_are_equal(code.as_bytes(), brought.as_bytes()).is_ok())
}

/// What the gate as a whole answers: all rules must pass.
pub fn outcome(answers: &[RuleAnswer]) -> Outcome {
    let any = |outcome: Outcome| answers.iter().any(|answer| answer.outcome == outcome);
    if any(Outcome::Failed) {
        Outcome::Failed
    } else if any(Outcome::Pending) {
        Outcome::Pending
    } else {
        Outcome::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quanzi_openapi::gates::RuleKind;

    const BANDS: [CreditBand; 4] = [CreditBand::Bronze, CreditBand::Silver, CreditBand::Gold, CreditBand::Platinum];

    fn any_rule() -> impl Strategy<Value = GateRule> {
        prop_oneof![
            Just(GateRule::Open {}),
            Just(GateRule::RealName {}),
            Just(GateRule::Adult {}),
            (0_usize..4).prop_map(|band| GateRule::CreditBand { at_least: BANDS[band] }),
            proptest::collection::vec("[a-c]{4}", 0..4)
                .prop_map(|codes| GateRule::InviteCode { codes: codes.into_iter().map(Into::into).collect() }),
            Just(GateRule::Approval {}),
        ]
    }

    fn any_facts() -> impl Strategy<Value = PersonFacts> {
        (any::<bool>(), any::<bool>(), proptest::option::of(0_usize..4)).prop_map(
            |(real_name_verified, adult, band)| PersonFacts {
                real_name_verified,
                adult,
                credit_band: band.map(|band| BANDS[band]),
            },
        )
    }

    fn code(text: &str) -> InviteCode {
        text.into()
    }

    proptest! {
        #[test]
        fn a_gate_that_is_taken_keeps_its_rules(rules in proptest::collection::vec(any_rule(), 0..6)) {
            if check(&rules).is_ok() {
                let kinds: HashSet<_> = rules.iter().map(GateRule::kind).collect();
                prop_assert!(!rules.is_empty() && kinds.len() == rules.len());
                prop_assert!(!kinds.contains(&RuleKind::Open) || rules.len() == 1);
            }
        }

        #[test]
        fn the_whole_passes_only_when_every_rule_does(
            rules in proptest::collection::vec(any_rule(), 1..6), facts in any_facts(), brought in proptest::option::of("[a-c]{4}"),
        ) {
            let passed = band(&rules).map(|band| reaches(facts, band));
            let brought = brought.map(InviteCode::from);

            let answers = evaluate(&rules, facts, passed, brought.as_ref());

            let each: Vec<_> = answers.iter().map(|answer| *answer.outcome.known().unwrap()).collect();
            let kinds: Vec<_> = answers.iter().map(|answer| *answer.kind.known().unwrap()).collect();
            prop_assert_eq!(kinds, rules.iter().map(GateRule::kind).collect::<Vec<_>>());
            prop_assert_eq!(outcome(&answers) == Outcome::Passed, each.iter().all(|one| *one == Outcome::Passed));
            prop_assert_eq!(outcome(&answers) == Outcome::Failed, each.contains(&Outcome::Failed));
            for answer in &answers {
                prop_assert_eq!(answer.advice.is_none(), answer.outcome == Outcome::Passed);
            }
        }

        /// Two persons with the same answer about the band cannot be told apart by anything in an evaluation.
        #[test]
        fn answers_depend_on_the_comparison_not_on_the_band(facts in any_facts(), other in 0_usize..4, asked in 0_usize..4) {
            let twin = PersonFacts { credit_band: Some(BANDS[other]), ..facts };
            let rules = [GateRule::CreditBand { at_least: BANDS[asked] }, GateRule::Adult {}];
            prop_assume!(reaches(facts, BANDS[asked]) == reaches(twin, BANDS[asked]));

            let of = |facts: PersonFacts| evaluate(&rules, facts, Some(reaches(facts, BANDS[asked])), None);

            prop_assert_eq!(of(facts), of(twin));
            let text = format!("{:?}", of(facts)).to_lowercase();
            prop_assert!(["bronze", "silver", "gold", "platinum"].iter().all(|band| !text.contains(band)));
        }

        #[test]
        fn no_month_holds_more_bands_than_allowed(steps in proptest::collection::vec((0_usize..4, 0_i64..20), 1..40)) {
            let mut asked: Vec<(CreditBand, Time)> = vec![];
            let mut log: Vec<(usize, i64)> = vec![];
            let mut day = 100;
            for (band, days) in steps {
                day += days;
                let now = Time::from_seconds(day * i64::from(DAY_SECONDS));
                if may_ask(BANDS[band], &asked, now).is_ok() {
                    asked.retain(|(other, _)| *other != BANDS[band]);
                    asked.push((BANDS[band], now));
                    log.push((band, day));
                }
            }
            for (_, end) in &log {
                let month: HashSet<_> = log.iter().filter(|(_, day)| day <= end && *day > end - 30).map(|(band, _)| band).collect();
                prop_assert!(month.len() <= BANDS_PER_FAN_MAX as usize);
            }
        }
    }

    #[test]
    fn what_is_wrong_with_rules_is_named() {
        let codes = |codes: &[&str]| GateRule::InviteCode { codes: codes.iter().map(|text| code(text)).collect() };
        let many: Vec<String> = (0..=INVITE_CODES_MAX).map(|number| format!("code{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (rules, pointer) in [
            (vec![], "/rules"),
            (vec![GateRule::Adult {}, GateRule::Adult {}], "/rules/1"),
            (vec![GateRule::Adult {}, GateRule::Open {}], "/rules/1"),
            (vec![GateRule::Adult {}, codes(&[])], "/rules/1/codes"),
            (vec![codes(&many)], "/rules/0/codes"),
            (vec![codes(&["aaaa", "bbbb", "aaaa"])], "/rules/0/codes/2"),
        ] {
            let refused = check(&rules).unwrap_err();

            assert_eq!((refused.code(), refused.field_pointer()), (ErrorCode::GateRulesInvalid, Some(pointer)));
        }
        assert!(check(&[codes(&["aaaa", "AAAA"])]).is_ok());
    }

    #[test]
    fn codes_differ_in_case_and_length() {
        let codes = [code("whiskers"), code("paws")];

        assert!(is_among(&codes, &code("paws")));
        assert!(!is_among(&codes, &code("Paws")) && !is_among(&codes, &code("paws2")));
    }
}
