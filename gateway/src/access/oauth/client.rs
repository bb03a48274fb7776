//! Client authentication: `private_key_jwt` (RFC 7523, FAPI 2.0) and nothing else.
//!
//! Invariants: every failure gets the same response in live mode; an assertion is verified first and consumed last.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use quanzi_openapi::authorization::PushedRequest;
use quanzi_openapi::id::{AppId, PartnerId};
use quanzi_openapi::jose::{CLOCK_SKEW_SECONDS, ClientAssertion, Compact};
use quanzi_openapi::oauth::{ASSERTION_TYPE, TokenIntrospectionRequest, TokenRequest};
use quanzi_openapi::{ErrorCode, Time};

use crate::access::Access;
use crate::access::RequestInfo;
use crate::access::{AppFacts, RegisteredKey};
use crate::platform::crypto::hash;
use crate::platform::db::{self, Db, Tx};
use crate::platform::fault::Fault;

use super::model::sent;
use super::store::{self, UsedAssertion};

/// `typ` of an assertion, where it has one. Any other is a token of another kind, which must not pass for an assertion.
const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// What a client sends to say who it is.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    id: Option<&'a str>,
    assertion_type: Option<&'a str>,
    assertion: Option<&'a str>,
    has_secret: bool,
}

impl<'a> From<&'a TokenRequest> for Credentials<'a> {
    fn from(form: &'a TokenRequest) -> Self {
        Self {
            id: sent(form.client_id.as_ref()),
            assertion_type: sent(form.client_assertion_type.as_ref()),
            assertion: sent(form.client_assertion.as_ref()),
            has_secret: form.client_secret.is_some(),
        }
    }
}

impl<'a> From<&'a PushedRequest> for Credentials<'a> {
    fn from(form: &'a PushedRequest) -> Self {
        Self {
            id: sent(form.client_id.as_ref()),
            assertion_type: sent(form.client_assertion_type.as_ref()),
            assertion: sent(form.client_assertion.as_ref()),
            has_secret: form.client_secret.is_some(),
        }
    }
}

impl<'a> From<&'a TokenIntrospectionRequest> for Credentials<'a> {
    fn from(form: &'a TokenIntrospectionRequest) -> Self {
        Self {
            id: sent(form.client_id.as_ref()),
            assertion_type: sent(form.client_assertion_type.as_ref()),
            assertion: sent(form.client_assertion.as_ref()),
            has_secret: form.client_secret.is_some(),
        }
    }
}

/// A client whose assertion was verified and is not used up yet.
pub struct Client {
    pub facts: Arc<AppFacts>,
    /// The key that made the assertion.
    pub kid: String,
    assertion: UsedAssertion,
}

/// Verifies who the client is.
pub async fn authenticate(
    access: &Access,
    request: &RequestInfo,
    credentials: Credentials<'_>,
    now: Time,
) -> Result<Client, Fault> {
    let refuse = |why: &dyn std::fmt::Display| refused(access, why);
    if has_other_method(&request.http) || credentials.has_secret {
        return Err(refuse(&"authenticate only with a client assertion: no Authorization header, no client_secret"));
    }
    let (Some(ASSERTION_TYPE), Some(assertion)) = (credentials.assertion_type, credentials.assertion) else {
        return Err(refuse(&format_args!("send client_assertion, and client_assertion_type={ASSERTION_TYPE}")));
    };
    let jws = Compact::parse(assertion).map_err(|error| refuse(&error))?;
    if jws.header.typ.is_some() && !TYPES.iter().any(|typ| jws.header.is_type(typ)) {
        return Err(refuse(&"typ of the assertion, if present, must be JWT or client-authentication+jwt"));
    }
    let claims: ClientAssertion = jws.claims().map_err(|error| refuse(&error))?;
    let id: AppId = claims.sub.parse().map_err(|_| refuse(&"sub is not the id of an app"))?;
    if credentials.id.is_some_and(|sent| sent != claims.sub) {
        return Err(refuse(&"client_id does not match the assertion"));
    }
    let facts = access.directory.app(&access.db, id).await?.ok_or_else(|| refuse(&"the app does not exist"))?;
    let key = signer(&facts, &jws)
        .ok_or_else(|| refuse(&"no registered key of the app matches the assertion's kid, alg and signature"))?;
    claims.check(&claims.sub, &access.config.public_url, now.seconds()).map_err(|error| refuse(&error))?;
    if !facts.active {
        return Err(refuse(&"the app is suspended"));
    }
    if !facts.allows(request.address) {
        return Err(refuse(&"the app may not be used from this IP address"));
    }
    Ok(Client {
        kid: key.kid.clone(),
        assertion: UsedAssertion {
            partner: facts.partner,
            app: facts.app,
            jti_hash: hash(&claims.jti),
            expires_at: Time::from_seconds(claims.exp).plus_seconds(CLOCK_SKEW_SECONDS),
        },
        facts,
    })
}

/// Uses the assertion up. The last thing before the effect, in its transaction.
pub async fn consume(access: &Access, tx: &mut Tx, client: &Client) -> Result<(), Fault> {
    first_use(access, store::use_assertion(tx, &client.assertion).await?)
}

/// The same where nothing else is written, so that assertions which come at the same time are used up in one transaction for each
/// partner. It is durable before the effect, which happens nowhere but in the answer.
pub async fn consume_alone(access: &Access, client: &Client) -> Result<(), Fault> {
    let db = access.db.clone();
    let write = move |assertions: Vec<UsedAssertion>| {
        let db = db.clone();
        async move { consume_all(&db, &assertions).await }
    };
    first_use(access, access.assertions.ask(client.assertion.clone(), write).await?)
}

/// Whether each was the first, in their order. One transaction for each partner: its rows may be on another node than others'.
async fn consume_all(db: &Db, assertions: &[UsedAssertion]) -> Result<Vec<bool>, db::Fault> {
    let mut partners: BTreeMap<PartnerId, Vec<usize>> = BTreeMap::new();
    for (place, assertion) in assertions.iter().enumerate() {
        partners.entry(assertion.partner).or_default().push(place);
    }
    let mut firsts = vec![false; assertions.len()];
    for (partner, places) in partners {
        let of_partner: Vec<&UsedAssertion> = places.iter().filter_map(|place| assertions.get(*place)).collect();
        let mut tx = db.begin_steady().await?;
        let answers = store::use_assertions(&mut tx, partner, &of_partner).await?;
        tx.commit().await?;
        for (place, is_first) in places.into_iter().zip(answers) {
            if let Some(first) = firsts.get_mut(place) {
                *first = is_first;
            }
        }
    }
    Ok(firsts)
}

fn first_use(access: &Access, is_first: bool) -> Result<(), Fault> {
    let used = || refused(access, &"the assertion's jti was already used; create a new assertion for every request");
    if is_first { Ok(()) } else { Err(used()) }
}

/// The key that made the assertion: the one its `kid` names, or any that fits when it names none.
fn signer<'f>(facts: &'f AppFacts, jws: &Compact<'_>) -> Option<&'f RegisteredKey> {
    let named = |key: &&RegisteredKey| jws.header.kid.as_ref().is_none_or(|kid| *kid == key.kid);
    let alg = jws.header.alg;
    facts
        .keys
        .iter()
        .filter(named)
        .find(|key| alg.fits(&key.public) && key.key.verify_jws(alg, jws.signed.as_bytes(), &jws.signature))
}

/// One answer for every failure. Only the sandbox says which it was.
fn refused(access: &Access, why: &dyn std::fmt::Display) -> Fault {
    let fault = Fault::new(ErrorCode::InvalidClient);
    if access.config.mode.is_sandbox() {
        fault.detail(format!("The client could not be authenticated: {why}. (Only the sandbox says why.)"))
    } else {
        fault
    }
}

fn has_other_method(http: &HttpRequest) -> bool {
    http.headers().contains_key(AUTHORIZATION)
}
