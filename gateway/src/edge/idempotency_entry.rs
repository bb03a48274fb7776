//! Nonces and idempotency keys of many calls, written as a batch in one transaction.
//!
//! The same tables and guarantees as for calls that run alone: an effect is committed with its saved response, and a
//! signature is executed once, across all processes.

use std::collections::{BTreeMap, BTreeSet};

use quanzi_openapi::Time;
use quanzi_openapi::id::{AppId, PartnerId};

use super::answer::Answer;
use super::idempotency::RequestKey;
use crate::access::replay::{self, UsedNonce, hex};
use crate::platform::db::{self, Fault, Json, List, Sql, Tx};
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

/// What is known of a claim.
#[derive(Debug, Clone)]
pub(crate) enum EntryStatus {
    /// Nothing: it may be executed.
    New,
    /// Answered before.
    Answered(Answer),
    /// The key belongs to another request.
    KeyReused,
    /// The signature was used before.
    NonceReplayed,
}

/// The claims of a batch.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyEntries {
    keys: BTreeMap<(AppId, String), ([u8; 32], Answer)>,
    nonces: BTreeSet<UsedNonce>,
    accepted: Vec<IdempotencyEntry>,
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

impl IdempotencyEntries {
    /// Reads what is known of these claims.
    pub async fn read<'c>(
        tx: &mut Tx,
        claims: impl Iterator<Item = &'c IdempotencyEntry> + Clone,
    ) -> Result<Self, Fault> {
        let mut known = Self::default();
        let keys = claims.clone().filter_map(|claim| claim.key.as_ref());
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
        let nonces = claims.filter_map(|claim| claim.nonce);
        for (partner, nonces) in by_partner(nonces.map(|nonce| (nonce.partner(), nonce))) {
            known.nonces.extend(replay::used(tx, partner, &nonces).await?);
        }
        Ok(known)
    }

    /// How a claim stands, the claims that were accepted before it in this batch counted.
    pub fn standing(&self, claim: &IdempotencyEntry) -> EntryStatus {
        if claim.nonce.is_some_and(|nonce| self.nonces.contains(&nonce)) {
            return EntryStatus::NonceReplayed;
        }
        let Some(key) = &claim.key else { return EntryStatus::New };
        let (app, text) = key.place();
        match self.keys.get(&(app, text.to_owned())) {
            None => EntryStatus::New,
            Some((hash, answer)) if hash == key.request_hash() => EntryStatus::Answered(answer.clone()),
            Some(_) => EntryStatus::KeyReused,
        }
    }

    /// Takes a claim in: it is executed in this batch.
    pub fn accept(&mut self, claim: IdempotencyEntry) {
        if let Some(nonce) = claim.nonce {
            self.nonces.insert(nonce);
        }
        if let Some(key) = &claim.key {
            let (app, text) = key.place();
            let answer = Answer::saved(claim.answer.status, claim.answer.headers.clone(), claim.answer.body.to_vec());
            self.keys.insert((app, text.to_owned()), (*key.request_hash(), answer));
        }
        self.accepted.push(claim);
    }

    /// Writes what was accepted. When another process was faster with one of them, the batch has to be decided anew.
    pub async fn write(&self, tx: &mut Tx, now: Time) -> Result<(), Fault> {
        let nonces = self.accepted.iter().filter_map(|claim| claim.nonce);
        for (partner, nonces) in by_partner(nonces.map(|nonce| (nonce.partner(), nonce))) {
            all_written(replay::consume(tx, partner, &nonces, now).await?, nonces.len())?;
        }
        let answers = self.accepted.iter().filter_map(|claim| Some((claim.key.as_ref()?, &claim.answer)));
        for (partner, rows) in by_partner(answers.map(|(key, answer)| (key.partner(), (key, answer)))) {
            let written = rows.iter().map(|(key, answer)| {
                let (app, text) = key.place();
                let hash = hex(key.request_hash());
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

fn all_written(rows: u64, wanted: usize) -> Result<(), db::Fault> {
    if usize::try_from(rows).is_ok_and(|rows| rows == wanted) { Ok(()) } else { Err(Fault::Retry) }
}
