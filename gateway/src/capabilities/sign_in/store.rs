//! All SQL of sign-ins at the provider.

use std::fmt;

use quanzi_openapi::Time;
use quanzi_openapi::id::PersonId;
use sqlx::FromRow;

use crate::platform::db::{As, Fault, Reader, Sql, Tx};
use crate::sql;

const ADD: Sql = sql!(
    "insert into upstream_visit (state_hash, browser_hash, verifier, nonce, target, expires_at, fresh) \
     values ($1, $2, $3, $4, $5, $6, $7)"
);
/// Read once, and only by the browser that was sent: any other browser finds nothing and consumes nothing.
const TAKE: Sql = sql!(
    "delete from upstream_visit where state_hash = $1 and browser_hash = $2 \
     returning browser_hash, verifier, nonce, target, expires_at, fresh"
);
const SWEEP: Sql = sql!(
    "delete from upstream_visit where state_hash in ",
    "(select state_hash from upstream_visit where expires_at < $1 order by expires_at limit $2)"
);
const FIND_PERSON: Sql = sql!("select person_id from upstream_person where issuer = $1 and subject = $2");
const ADD_PERSON: Sql = sql!(
    "insert into upstream_person (issuer, subject, person_id, created_at) values ($1, $2, $3, $4) \
     on conflict (issuer, subject) do nothing"
);

/// A browser that was sent away.
#[derive(FromRow)]
pub(super) struct Sent {
    pub browser_hash: Vec<u8>,
    pub verifier: String,
    pub nonce: String,
    pub target: String,
    #[sqlx(try_from = "As<Time>")]
    pub expires_at: Time,
    /// Whether the person had to sign in anew, or within some time.
    pub fresh: bool,
}

/// Without what belongs to the browser and the provider alone.
impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

pub(super) async fn add(tx: &mut Tx, state: [u8; 32], sent: &Sent) -> Result<(), Fault> {
    let add = tx.query(ADD).bind(state).bind(&sent.browser_hash).bind(&sent.verifier).bind(&sent.nonce);
    add.bind(&sent.target).bind(sent.expires_at).bind(sent.fresh).run().await?;
    Ok(())
}

pub(super) async fn take(tx: &mut Tx, state: [u8; 32], browser: [u8; 32]) -> Result<Option<Sent>, Fault> {
    tx.query(TAKE).bind(state).bind(browser).optional().await
}

pub(super) async fn find_person(tx: &mut Reader, issuer: &str, subject: &str) -> Result<Option<PersonId>, Fault> {
    #[derive(FromRow)]
    struct PersonRow {
        #[sqlx(try_from = "As<PersonId>")]
        person_id: PersonId,
    }
    let row: Option<PersonRow> = tx.query(FIND_PERSON).bind(issuer).bind(subject).optional().await?;
    Ok(row.map(|row| row.person_id))
}

/// Notes who this is; false when it is known by now.
pub(super) async fn add_person(
    tx: &mut Tx,
    issuer: &str,
    subject: &str,
    person: PersonId,
    now: Time,
) -> Result<bool, Fault> {
    Ok(tx.query(ADD_PERSON).bind(issuer).bind(subject).bind(person).bind(now).run().await? == 1)
}

/// Deletes up to `limit` browsers that did not come back; how many went.
pub async fn sweep(tx: &mut Tx, now: Time, limit: i64) -> Result<u64, Fault> {
    tx.query(SWEEP).bind(now).bind(limit).run().await
}
