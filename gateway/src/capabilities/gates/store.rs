//! All SQL of gates, evaluations and tests of credit bands.

use quanzi_openapi::gates::{CreditBand, Evaluation, Gate, GateRule, Outcome};
use quanzi_openapi::id::{CircleId, FanId, GateId, PartnerId};
use quanzi_openapi::{Open, Time};
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Json, Reader, Sql, Tx, enum_columns};
use crate::sql;

enum_columns!(CreditBand Outcome);

const CURRENT: Sql = sql!(
    "select id, version as gate_version, rules, created_at from gate where partner_id = $1 and circle_id = $2 \
     order by version desc limit 1"
);
const INSERT: Sql = sql!(
    "insert into gate (partner_id, circle_id, id, version, rules, band_moved, created_at) \
     values ($1, $2, $3, $4, $5, $6, $7)"
);
// The limit on moves also limits these rows.
const BAND_MOVES: Sql = sql!(
    "select created_at from gate where partner_id = $1 and circle_id = $2 and band_moved = true and created_at > $3 \
     union all select moved_at from right_move where partner_id = $1 and circle_id = $2 and moved_at > $3 order by 1"
);
const INSERT_RIGHT_MOVE: Sql = sql!(
    "insert into right_move (partner_id, circle_id, moved_at) values ($1, $2, $3) on conflict (partner_id, circle_id, moved_at) \
     do nothing"
);
const SWEEP_RIGHT_MOVES: Sql = sql!(
    "delete from right_move where (partner_id, circle_id, moved_at) in
     (select partner_id, circle_id, moved_at from right_move where moved_at < $1 order by moved_at limit $2)"
);
const INSERT_EVALUATION: Sql = sql!(
    "insert into evaluation (partner_id, id, circle_id, fan_id, gate_version, outcome, answers, evaluated_at, \
     expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const BAND_ANSWER: Sql = sql!(
    "select passed, expires_at from band_answer where partner_id = $1 and circle_id = $2 and fan_id = $3 \
     and expires_at > $4"
);
const KEEP_BAND_ANSWER: Sql = sql!(
    "insert into band_answer (partner_id, circle_id, fan_id, passed, expires_at) values ($1, $2, $3, $4, $5) \
     on conflict (partner_id, circle_id, fan_id) do update set passed = excluded.passed, expires_at = excluded.expires_at"
);
// There are as many bands as rows at most.
const BANDS_ASKED: Sql =
    sql!("select band, asked_at from band_asked where partner_id = $1 and fan_id = $2 and asked_at > $3");
const KEEP_BAND_ASKED: Sql = sql!(
    "insert into band_asked (partner_id, fan_id, band, asked_at) values ($1, $2, $3, $4) \
     on conflict (partner_id, fan_id, band) do update set asked_at = excluded.asked_at"
);

const SWEEP_EVALUATIONS: Sql = sql!(
    "delete from evaluation where (partner_id, id) in
     (select partner_id, id from evaluation where evaluated_at < $1 order by evaluated_at limit $2)"
);
const SWEEP_ANSWERS: Sql = sql!(
    "delete from band_answer where (partner_id, circle_id, fan_id) in
     (select partner_id, circle_id, fan_id from band_answer where expires_at < $1 order by expires_at limit $2)"
);
const SWEEP_ASKED: Sql = sql!(
    "delete from band_asked where (partner_id, fan_id, band) in
     (select partner_id, fan_id, band from band_asked where asked_at < $1 order by asked_at limit $2)"
);
/// How long an evaluation is kept, for questions about it: a quarter.
const EVALUATIONS_KEPT_SECONDS: i64 = 90 * 24 * 3_600;
/// Longer than the window in which the number of bands per fan is counted.
const ASKED_KEPT_SECONDS: i64 = 31 * 24 * 3_600;

/// Deletes what can no longer be used, at most this many rows of each kind; returns the largest number deleted of a kind.
pub async fn sweep(tx: &mut Tx, now: Time, rows_max: i64) -> Result<u64, Fault> {
    let mut most = 0;
    for (sql, before) in [
        (SWEEP_EVALUATIONS, now.plus_seconds(-EVALUATIONS_KEPT_SECONDS)),
        (SWEEP_ANSWERS, now),
        (SWEEP_ASKED, now.plus_seconds(-ASKED_KEPT_SECONDS)),
        (SWEEP_RIGHT_MOVES, now.plus_seconds(-ASKED_KEPT_SECONDS)),
    ] {
        most = most.max(tx.query(sql).bind(before).bind(rows_max).run().await?);
    }
    Ok(most)
}

/// One version of a gate.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct GateRow {
    #[sqlx(try_from = "As<GateId>")]
    pub id: GateId,
    pub gate_version: i64,
    pub rules: Json<Vec<GateRule>>,
    #[sqlx(try_from = "As<Time>")]
    pub created_at: Time,
}

impl GateRow {
    pub fn gate(self, circle: CircleId) -> Gate {
        Gate {
            id: self.id,
            circle,
            version: self.gate_version,
            rules: self.rules.0.into_iter().map(Open::from).collect(),
            created_at: self.created_at,
        }
    }
}

/// What was answered about a credit band, and until when it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct BandAnswer {
    pub passed: bool,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
}

#[derive(FromRow)]
struct AskedBandRow {
    #[sqlx(try_from = "As<CreditBand>")]
    band: CreditBand,
    #[sqlx(try_from = "As<Time>")]
    asked_at: Time,
}

pub async fn current(tx: &mut Reader, partner: PartnerId, circle: CircleId) -> Result<Option<GateRow>, Fault> {
    tx.query(CURRENT).bind(partner).bind(circle).optional().await
}

pub async fn insert(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    gate: &GateRow,
    band_moved: bool,
) -> Result<(), Fault> {
    let insert = tx.query(INSERT).bind(partner).bind(circle).bind(gate.id).bind(gate.gate_version);
    insert.bind(&gate.rules).bind(band_moved).bind(gate.created_at).run().await?;
    Ok(())
}

pub async fn band_moves(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    after: Time,
) -> Result<Vec<Time>, Fault> {
    let rows: Vec<(i64,)> = tx.query(BAND_MOVES).bind(partner).bind(circle).bind(after).all().await?;
    Ok(rows.into_iter().map(|(micros,)| Time::from_micros(micros)).collect())
}

pub async fn insert_right_move(tx: &mut Tx, partner: PartnerId, circle: CircleId, now: Time) -> Result<(), Fault> {
    tx.query(INSERT_RIGHT_MOVE).bind(partner).bind(circle).bind(now).run().await?;
    Ok(())
}

pub async fn insert_evaluation(tx: &mut Tx, partner: PartnerId, evaluation: &Evaluation) -> Result<(), Fault> {
    let insert = tx.query(INSERT_EVALUATION).bind(partner).bind(evaluation.id).bind(evaluation.circle);
    let insert = insert.bind(evaluation.fan).bind(evaluation.gate_version).bind(evaluation.outcome.known());
    let insert = insert.bind(Json(&evaluation.rules)).bind(evaluation.evaluated_at).bind(evaluation.expires_at);
    insert.run().await?;
    Ok(())
}

/// The answer that stands now.
pub async fn band_answer(
    tx: &mut Reader,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
    now: Time,
) -> Result<Option<BandAnswer>, Fault> {
    tx.query(BAND_ANSWER).bind(partner).bind(circle).bind(fan).bind(now).optional().await
}

pub async fn keep_band_answer(
    tx: &mut Tx,
    partner: PartnerId,
    circle: CircleId,
    fan: FanId,
    answer: &BandAnswer,
) -> Result<(), Fault> {
    let keep = tx.query(KEEP_BAND_ANSWER).bind(partner).bind(circle).bind(fan);
    keep.bind(answer.passed).bind(answer.expires_at).run().await?;
    Ok(())
}

/// Against which bands the fan was held since then.
pub async fn bands_asked(
    tx: &mut Reader,
    partner: PartnerId,
    fan: FanId,
    after: Time,
) -> Result<Vec<(CreditBand, Time)>, Fault> {
    let rows: Vec<AskedBandRow> = tx.query(BANDS_ASKED).bind(partner).bind(fan).bind(after).all().await?;
    Ok(rows.into_iter().map(|row| (row.band, row.asked_at)).collect())
}

pub async fn keep_band_asked(
    tx: &mut Tx,
    partner: PartnerId,
    fan: FanId,
    band: CreditBand,
    now: Time,
) -> Result<(), Fault> {
    tx.query(KEEP_BAND_ASKED).bind(partner).bind(fan).bind(band).bind(now).run().await?;
    Ok(())
}
