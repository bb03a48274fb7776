//! A call: what a handler receives. The kind of caller is part of its type, so a handler cannot forget to check it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web::Bytes;
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId, PersonId};
use quanzi_openapi::scope::{FanScopes, Scopes};
use quanzi_openapi::{Endpoint, ErrorCode, Time};

use crate::access::RequestInfo;
use crate::edge::Edge;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;
use crate::platform::ledger::Order;

/// One call of an endpoint: everything is parsed, checked and allowed.
///
/// A call that changes state holds the one transaction it runs in; the edge commits it together with the saved reply, or
/// rolls it back when the handler refuses. A read holds a reading connection.
pub struct Call<E: Endpoint, C = Caller> {
    /// The gateway.
    pub edge: Arc<Edge>,
    /// Who calls.
    pub caller: C,
    /// Path parameters.
    pub params: E::Params,
    /// Query parameters.
    pub query: E::Query,
    /// The body.
    pub body: E::Body,
    /// The version that `If-Match` names; present whenever the endpoint takes the header.
    pub if_match: Option<i64>,
    /// When the call was made; one time for everything that happens in it.
    pub now: Time,
    /// The request itself, for what is not in the contract.
    pub request: RequestInfo,
    /// The transaction (or reading connection) it runs in.
    pub tx: Tx,
    /// Set by a use-case that changed what a caller is checked against (keys, app, tokens): after the commit the edge
    /// makes this process forget what it has cached, before it answers.
    pub access_changed: bool,
}

impl<E: Endpoint, C> Call<E, C> {
    /// Commits what was written so far (that the signature is used up) and goes on with a reading connection: for a use-case
    /// that has others run their own transactions, as SQLite has one writer. What follows is not rolled back with the call,
    /// so its refusals must be [`Fault::once`].
    pub async fn end_transaction(&mut self) -> Result<(), Fault> {
        let reading = self.edge.db.reading().await?;
        Ok(std::mem::replace(&mut self.tx, reading).commit().await?)
    }

    /// Refuses the change unless the object still has the version that `If-Match` names.
    pub fn check_version(&self, version: i64) -> Result<(), Fault> {
        match self.if_match {
            Some(wanted) if wanted != version => Err(Fault::new(ErrorCode::VersionMismatch)
                .detail(format!("You sent version {wanted}; the object has version {version}."))),
            _ => Ok(()),
        }
    }
}

/// What a call that moves money wants: an order for the ledger's poster, and the reply when it is posted.
#[derive(Debug)]
pub(crate) struct LedgerCommand<R> {
    /// What is to be posted.
    pub order: Order,
    /// The reply then: it is saved and sent only when the order was posted.
    pub reply: R,
}

/// The body of an answer that goes on; dropped when the client is gone.
pub(crate) type Stream = Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, Infallible>>>>;

/// A partner's app that proved possession of its key.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The tenant: first argument of every query.
    pub partner: PartnerId,
    /// The app.
    pub app: AppId,
    /// What its token allows.
    pub scopes: Scopes,
}

/// A fan who let a partner's app act, through that app, which proved possession of its key.
#[derive(Debug, Clone, Copy)]
pub struct FanCaller {
    /// The tenant.
    pub partner: PartnerId,
    /// The app.
    pub app: AppId,
    /// The fan, as the partner knows it.
    pub fan: FanId,
    /// The person behind the fan; never in an answer.
    pub person: PersonId,
    /// What the fan agreed to, by id.
    pub grant: GrantId,
    /// What the token allows.
    pub scopes: FanScopes,
}

/// Anybody: a public endpoint, or one that authenticates the client itself (`/oauth/*`).
#[derive(Debug, Clone, Copy)]
pub struct Anyone;
