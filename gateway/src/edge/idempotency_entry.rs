//! Nonces and idempotency keys of many calls, written as a batch in one transaction.
//!
//! The same tables and guarantees as for calls that run alone: an effect is committed with its saved response, and a
//! signature is executed once, across all processes.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::signature::SignatureError;
use quanzi_openapi::{ErrorCode, Time};

use super::answer::Answer;
use super::idempotency::RequestKey;
use super::signature;
use crate::access::replay::{self, UsedNonce};
use crate::platform::db::{Fault, Json, List, Sql, Tx};
use crate::platform::ledger::{RecordKind, Replay, Stage, Verdict};
use crate::sql;

const KNOWN_KEYS: Sql = sql!(
    "select i.app_id, i.key, i.request_hash, i.status, i.headers, i.body from idempotency i \
     join (select value ->> 0 as app_id, value ->> 1 as key from json_each($2)) as asked \
     on i.app_id = asked.app_id and i.key = asked.key where i.partner_id = $1"
);
const SAVE: Sql = sql!(
    "insert into idempotency (partner_id, app_id, key, request_hash, status, headers, body, created_at) \
     select $1, value ->> 0, value ->> 1, ",
    { postgres: "decode(value ->> 2, 'hex')", sqlite: "unhex(value ->> 2)" },
    ", cast(value ->> 3 as bigint), ",
    { postgres: "cast(value ->> 4 as jsonb), convert_to(value ->> 5, 'UTF8')",
      sqlite: "value ->> 4, cast(value ->> 5 as blob)" },
    ", cast(value ->> 6 as bigint) from json_each($2) where true order by value ->> 0, value ->> 1 \
     on conflict (partner_id, app_id, key) do nothing"
);
/// What one call uses up, and the answer to be saved with it.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyEntry {
    pub(super) nonce: Option<UsedNonce>,
    pub(super) key: Option<RequestKey>,
    pub(super) answer: Answer,
}

#[cfg(test)]
impl IdempotencyEntry {
    /// Of this key for this body, by this signature, answered with this text.
    pub(crate) fn of(caller: (PartnerId, AppId), key: &str, body: &str, nonce: &str, answer: &str) -> Self {
        let key = RequestKey::new(caller, key, "POST", "/v1/payments", body.as_bytes()).unwrap();
        let answer = Answer {
            status: 201,
            content_type: Some("application/json"),
            headers: Vec::new(),
            body: answer.to_owned().into(),
        };
        Self { nonce: Some(UsedNonce::new(caller.0, "key", nonce)), key: Some(key), answer }
    }
}

/// What is known of the nonces and keys of a batch.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyEntries {
    keys: BTreeMap<(AppId, String), ([u8; 32], Answer)>,
    nonces: BTreeSet<UsedNonce>,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    app_id: String,
    key: String,
    request_hash: Vec<u8>,
    status: i64,
    headers: Json<Vec<(String, String)>>,
    body: Vec<u8>,
}

impl RecordKind for IdempotencyEntries {
    type Record = IdempotencyEntry;
    const NAME: &'static str = "idempotency";
    const STAGE: Stage = Stage::AfterAccounts;

    async fn load(tx: &mut Tx, entries: &[&IdempotencyEntry]) -> Result<Self, Fault> {
        let mut known = Self::default();
        let keys = entries.iter().filter_map(|entry| entry.key.as_ref());
        for (partner, keys) in by_partner(keys.map(|key| (key.partner(), key.place()))) {
            let rows: Vec<EntryRow> = tx.query(KNOWN_KEYS).bind(partner).bind(List::rows(keys)).all().await?;
            for row in rows {
                let broken = || Fault::Misuse("a saved response cannot be parsed");
                let app: AppId = row.app_id.parse().map_err(|_| broken())?;
                let hash: [u8; 32] = row.request_hash.try_into().map_err(|_| broken())?;
                let status = u16::try_from(row.status).map_err(|_| broken())?;
                known.keys.insert((app, row.key), (hash, Answer::saved(status, row.headers.0, row.body)));
            }
        }
        let nonces = entries.iter().filter_map(|entry| entry.nonce);
        for (partner, nonces) in by_partner(nonces.map(|nonce| (nonce.partner(), nonce))) {
            known.nonces.extend(replay::used(tx, partner, &nonces).await?);
        }
        Ok(known)
    }

    fn check(&self, entry: &IdempotencyEntry) -> Verdict {
        if entry.nonce.is_some_and(|nonce| self.nonces.contains(&nonce)) {
            return Verdict::Refused(signature::fault(&SignatureError::NonceReplayed));
        }
        let Some(key) = &entry.key else { return Verdict::Holds };
        let (app, text) = key.place();
        match self.keys.get(&(app, text.to_owned())) {
            None => Verdict::Holds,
            Some((hash, answer)) if hash == key.request_hash() => Verdict::Replayed(Replay::new(answer.clone())),
            Some(_) => Verdict::Refused(ErrorCode::IdempotencyKeyReused.into()),
        }
    }

    fn accept(&mut self, entry: &IdempotencyEntry) {
        if let Some(nonce) = entry.nonce {
            self.nonces.insert(nonce);
        }
        if let Some(key) = &entry.key {
            let (app, text) = key.place();
            let answer = Answer::saved(entry.answer.status, entry.answer.headers.clone(), entry.answer.body.to_vec());
            self.keys.insert((app, text.to_owned()), (*key.request_hash(), answer));
        }
    }

    /// When another process was faster with one of them, the batch has to be decided anew.
    async fn write(&mut self, tx: &mut Tx, accepted: &[&IdempotencyEntry], now: Time) -> Result<(), Fault> {
        let nonces = accepted.iter().filter_map(|entry| entry.nonce);
        for (partner, nonces) in by_partner(nonces.map(|nonce| (nonce.partner(), nonce))) {
            all_written(replay::consume(tx, partner, &nonces, now).await?, nonces.len())?;
        }
        let answers = accepted.iter().filter_map(|entry| Some((entry.key.as_ref()?, &entry.answer)));
        for (partner, rows) in by_partner(answers.map(|(key, answer)| (key.partner(), (key, answer)))) {
            let written = rows.iter().map(|(key, answer)| {
                let (app, text) = key.place();
                let hash = hex::encode(key.request_hash());
                let headers = serde_json::to_string(&answer.headers).unwrap_or_default();
                // Answers are JSON, and so UTF-8.
                let body = String::from_utf8_lossy(&answer.body);
                (app, text, hash, answer.status, headers, body, now.micros())
            });
            all_written(tx.query(SAVE).bind(partner).bind(List::rows(written)).run().await?, rows.len())?;
        }
        Ok(())
    }
}

/// A batch is one partner's as a rule; where it is not, there is one statement for each, in one order.
fn by_partner<T>(rows: impl Iterator<Item = (PartnerId, T)>) -> BTreeMap<PartnerId, Vec<T>> {
    let mut partners: BTreeMap<PartnerId, Vec<T>> = BTreeMap::new();
    for (partner, row) in rows {
        partners.entry(partner).or_default().push(row);
    }
    partners
}

fn all_written(rows: u64, wanted: usize) -> Result<(), Fault> {
    if usize::try_from(rows).is_ok_and(|rows| rows == wanted) { Ok(()) } else { Err(Fault::Retry) }
}
