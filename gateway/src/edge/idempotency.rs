//! Idempotency, once for every endpoint: the saved response is written in the transaction of the effect.
//!
//! Invariants: an effect with a key has a row with its response, committed together; a key belongs to one request (for 30
//! days); an error saves nothing, so the request may be retried.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::{ErrorCode, Time};
use sha2::{Digest as _, Sha256};

use super::answer::Answer;
use crate::platform::db::{self, Json, Reader, Sql, Tx};
use crate::platform::fault::Fault;
use crate::sql;

/// How long an answer is kept.
pub(super) const KEPT_SECONDS: i64 = 30 * 24 * 3_600;
/// Longest key, in characters.
const KEY_LEN_MAX: usize = 255;

const FIND: Sql = sql!(
    "select request_hash, status, headers, body from idempotency where partner_id = $1 and app_id = $2 and key = $3"
);
/// Waits for another transaction that has claimed the key and not ended yet.
const CLAIM: Sql = sql!(
    "insert into idempotency (partner_id, app_id, key, request_hash, status, headers, body, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (partner_id, app_id, key) do nothing"
);
const SAVE: Sql = sql!(
    "update idempotency set status = $4, headers = $5, body = $6 where partner_id = $1 and app_id = $2 and key = $3"
);
const RELEASE: Sql = sql!("delete from idempotency where partner_id = $1 and app_id = $2 and key = $3");
const SWEEP: Sql = sql!(
    "delete from idempotency where (partner_id, app_id, key) in
     (select partner_id, app_id, key from idempotency where created_at < $1 order by created_at limit $2)"
);

/// A key and the request it belongs to.
#[derive(Debug, Clone)]
pub(super) struct RequestKey {
    partner: PartnerId,
    app: AppId,
    text: String,
    request_hash: [u8; 32],
}

impl RequestKey {
    /// Whose app uses it.
    pub(super) const fn partner(&self) -> PartnerId {
        self.partner
    }

    /// As it stands in the table, beside the partner.
    pub(super) fn place(&self) -> (AppId, &str) {
        (self.app, &self.text)
    }

    /// The request it belongs to.
    pub(super) const fn request_hash(&self) -> &[u8; 32] {
        &self.request_hash
    }
}

#[derive(sqlx::FromRow)]
struct SavedAnswerRow {
    request_hash: Vec<u8>,
    status: i64,
    headers: Json<Vec<(String, String)>>,
    body: Vec<u8>,
}

impl RequestKey {
    /// The key of a request, checked.
    pub fn new(
        (partner, app): (PartnerId, AppId),
        text: &str,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Result<Self, Fault> {
        let readable = (1..=KEY_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if !readable {
            let detail = format!("Send 1 to {KEY_LEN_MAX} visible ASCII characters, such as a UUID.");
            return Err(Fault::param("Idempotency-Key", detail));
        }
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), target.as_bytes(), body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Ok(Self { partner, app, text: text.to_owned(), request_hash: hash.finalize().into() })
    }

    /// IdempotencyEntries the key for this transaction, before anything else is done in it; or gives the saved answer, when this very
    /// request was answered before. A process that comes second waits here until the first has committed or given up.
    pub async fn claim(&self, tx: &mut Tx, now: Time) -> Result<Option<Answer>, Fault> {
        let nothing_yet: [u8; 0] = [];
        let claimed = tx
            .query(CLAIM)
            .bind(self.partner)
            .bind(self.app)
            .bind(self.text.as_str())
            .bind(self.request_hash)
            .bind(0_i64)
            .bind(Json(Vec::<(String, String)>::new()))
            .bind(nothing_yet)
            .bind(now)
            .run()
            .await?;
        if claimed == 1 {
            return Ok(None);
        }
        // Swept between the two statements: as good as never claimed, so the call runs again.
        let row = tx
            .query(FIND)
            .bind(self.partner)
            .bind(self.app)
            .bind(self.text.as_str())
            .optional::<SavedAnswerRow>()
            .await?;
        self.answer(row.ok_or(db::Fault::Retry)?).map(Some)
    }

    /// The saved answer, when this very request was answered before; nothing is claimed.
    pub async fn saved(&self, tx: &mut Reader) -> Result<Option<Answer>, Fault> {
        let row = tx
            .query(FIND)
            .bind(self.partner)
            .bind(self.app)
            .bind(self.text.as_str())
            .optional::<SavedAnswerRow>()
            .await?;
        row.map(|row| self.answer(row)).transpose()
    }

    fn answer(&self, row: SavedAnswerRow) -> Result<Answer, Fault> {
        if row.request_hash != self.request_hash {
            return Err(ErrorCode::IdempotencyKeyReused.into());
        }
        let status = u16::try_from(row.status).map_err(Fault::internal)?;
        Ok(Answer::saved(status, row.headers.0, row.body))
    }

    /// Saves the answer with the claim.
    pub async fn save(&self, tx: &mut Tx, answer: &Answer) -> Result<(), Fault> {
        tx.query(SAVE)
            .bind(self.partner)
            .bind(self.app)
            .bind(self.text.as_str())
            .bind(i64::from(answer.status))
            .bind(Json(&answer.headers))
            .bind(answer.body.to_vec())
            .run()
            .await?;
        Ok(())
    }

    /// Gives the claim back, for a refusal whose other writes are kept.
    pub async fn release(&self, tx: &mut Tx) -> Result<(), Fault> {
        tx.query(RELEASE).bind(self.partner).bind(self.app).bind(self.text.as_str()).run().await?;
        Ok(())
    }
}

/// Deletes answers that are older than 30 days, at most this many; gives back how many went.
pub async fn sweep(tx: &mut Tx, now: Time, rows_max: i64) -> Result<u64, db::Fault> {
    tx.query(SWEEP).bind(now.plus_seconds(-KEPT_SECONDS)).bind(rows_max).run().await
}

/// Keys whose first request is being worked on in this process.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<(AppId, String)>>);

/// Frees the key when the work is over, however it ends.
pub(super) struct Working<'f> {
    all: &'f InFlight,
    key: (AppId, String),
}

impl InFlight {
    /// Marks the key as being worked on, or refuses because it is already.
    pub(super) fn enter(&self, key: &RequestKey) -> Result<Working<'_>, Fault> {
        let key = (key.app, key.text.clone());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Ok(Working { all: self, key });
        }
        Err(ErrorCode::IdempotencyInFlight.into())
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
