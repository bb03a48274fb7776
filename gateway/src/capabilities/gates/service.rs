//! Use-cases of gates.

use quanzi_openapi::circles::{Circle, CircleRights};
use quanzi_openapi::events::EventType;
use quanzi_openapi::gates::{Evaluation, EvaluationRequest, Gate, GateRule, InviteCode, NewGate, RuleAnswer};
use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::{ErrorCode, Time};

use super::{model, store};
use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::platform::clock::Clock;
use crate::platform::db::{Json, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;

/// A gate that is about to change, and the circle it guards, held.
#[derive(Debug)]
pub struct LockedGate {
    /// The version that decides.
    pub gate: Gate,
    circle: Circle,
}

/// Puts the first gate, an open one, before a new circle.
pub async fn create_open(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
) -> Result<(), Fault> {
    let row = store::GateRow { id: clock.id(), gate_version: 1, rules: Json(vec![GateRule::Open {}]), created_at: now };
    Ok(store::insert(tx, partner, circle, &row, false).await?)
}

/// The gate that decides now.
pub async fn find(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<Gate, Fault> {
    Ok(current(tx, partner, circle).await?.gate(circle))
}

/// The gate that decides now, and its circle, held until the end of the transaction.
pub async fn lock(tx: &mut Tx, partner: PartnerId, circle: CircleId) -> Result<LockedGate, Fault> {
    let locked = circles::service::lock(tx, partner, circle).await?;
    let gate = find(tx, partner, circle).await?;
    Ok(LockedGate { gate, circle: locked })
}

/// Puts a new version in the place of the one that is held.
pub async fn put(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    locked: &LockedGate,
    new: &NewGate,
) -> Result<Gate, Fault> {
    let (circle, before) = (locked.circle.id, &locked.gate);
    circles::service::put_gate(tx, partner, now, &locked.circle, before.version + 1).await?;
    model::check(&new.rules)?;
    let rules_before: Vec<GateRule> = before.rules.iter().filter_map(|rule| rule.known().cloned()).collect();
    model::check_bands(&locked.circle.rights, model::band(&new.rules))?;
    let band_moved = model::band(&rules_before) != model::band(&new.rules);
    if band_moved {
        let moves = store::band_moves(tx, partner, circle, model::BAND_CHANGES.start(now)).await?;
        model::may_move(&moves, now)?;
    }
    let row = store::GateRow {
        id: clock.id(),
        gate_version: before.version + 1,
        rules: Json(new.rules.clone()),
        created_at: now,
    };
    store::insert(tx, partner, circle, &row, band_moved).await?;
    let gate = row.gate(circle);
    outbox::service::record(tx, partner, now, EventType::GateChanged, &gate)?;
    Ok(gate)
}

/// Lets a circle, which is held, have other rights. Their credit band is the gate's, if that asks for one, and it moves as
/// seldom as the gate's does.
pub async fn change_rights(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    (before, after): (&CircleRights, &CircleRights),
) -> Result<(), Fault> {
    let gate = current(tx, partner, circle).await?;
    model::check_bands(after, model::band(&gate.rules))?;
    if model::rights_band(before) != model::rights_band(after) {
        let moves = store::band_moves(tx, partner, circle, model::BAND_CHANGES.start(now)).await?;
        model::may_move(&moves, now)?;
        store::insert_right_move(tx, partner, circle, now).await?;
    }
    Ok(())
}

/// What each rule of a right answers about a fan, who is held ([`fans::service::lock`]). What it says about a credit band is the
/// gate's answer, which stands for a day.
///
/// A caller that refuses because of the answer must keep what is written here ([`Fault::keep_writes`]), as with [`decide`].
pub async fn answer(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    asked: &GateInput<'_>,
    rules: &[GateRule],
) -> Result<Vec<RuleAnswer>, Fault> {
    let band = ask_band(tx, partner, now, asked, rules).await?;
    Ok(model::evaluate(rules, asked.facts, band.as_ref().map(|band| band.passed), asked.invite_code))
}

/// Asks a gate about a fan; nobody joins.
pub async fn evaluate(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    circle: CircleId,
    request: &EvaluationRequest,
) -> Result<Evaluation, Fault> {
    circles::service::must_exist(tx, partner, circle).await?;
    let facts = fans::service::lock(tx, partner, request.fan).await?;
    let asked = GateInput { circle, fan: request.fan, facts, invite_code: request.invite_code.as_ref() };
    decide(tx, clock, partner, now, &asked).await
}

/// What a gate is asked: about this fan, who is held ([`fans::service::lock`]).
#[derive(Debug)]
pub struct GateInput<'a> {
    /// The circle.
    pub circle: CircleId,
    /// The fan.
    pub fan: FanId,
    /// What is known of the person.
    pub facts: fans::PersonFacts,
    /// The code the fan brings.
    pub invite_code: Option<&'a InviteCode>,
}

/// Lets the gate decide about a fan, and keeps what it answered.
///
/// A caller that refuses because of the answer must keep what is written here ([`Fault::keep_writes`]), or the partner could ask again
/// and again with other bands.
pub async fn decide(
    tx: &mut Tx,
    clock: &Clock,
    partner: PartnerId,
    now: Time,
    asked: &GateInput<'_>,
) -> Result<Evaluation, Fault> {
    let gate = current(tx, partner, asked.circle).await?;
    let band = ask_band(tx, partner, now, asked, &gate.rules).await?;
    let answers = model::evaluate(&gate.rules, asked.facts, band.as_ref().map(|band| band.passed), asked.invite_code);
    let evaluation = Evaluation {
        id: clock.id(),
        circle: asked.circle,
        fan: asked.fan,
        gate_version: gate.gate_version,
        outcome: model::outcome(&answers).into(),
        rules: answers,
        evaluated_at: now,
        expires_at: band.map_or_else(|| model::answer_expires(now), |band| band.expires_at),
    };
    store::insert_evaluation(tx, partner, &evaluation).await?;
    Ok(evaluation)
}

/// The answer about the credit band: the one that stands, or a new one that stands from now on.
async fn ask_band(
    tx: &mut Tx,
    partner: PartnerId,
    now: Time,
    asked: &GateInput<'_>,
    rules: &[GateRule],
) -> Result<Option<store::BandAnswer>, Fault> {
    let Some(band) = model::band(rules) else { return Ok(None) };
    if let Some(stands) = store::band_answer(tx, partner, asked.circle, asked.fan, now).await? {
        return Ok(Some(stands));
    }
    let lately = store::bands_asked(tx, partner, asked.fan, model::BANDS_PER_FAN.start(now)).await?;
    model::may_ask(band, &lately, now)?;
    let answer =
        store::BandAnswer { passed: model::reaches(asked.facts, band), expires_at: model::answer_expires(now) };
    store::keep_band_asked(tx, partner, asked.fan, band, now).await?;
    store::keep_band_answer(tx, partner, asked.circle, asked.fan, &answer).await?;
    Ok(Some(answer))
}

/// A circle is never without a gate, so no gate means no circle.
async fn current(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<store::GateRow, Fault> {
    store::current(tx, partner, circle).await?.ok_or_else(|| ErrorCode::CircleNotFound.into())
}
