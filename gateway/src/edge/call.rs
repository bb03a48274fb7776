//! A call: what a handler receives. The kind of caller is part of its type, so a handler cannot forget to check it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::web::Bytes;
use quanzi_openapi::endpoint::verb::{Delete, Get, Patch, Post, Put, Verb};
use quanzi_openapi::id::{AppId, FanId, GrantId, PartnerId, PersonId};
use quanzi_openapi::scope::{FanScopes, Scopes};
use quanzi_openapi::{Endpoint, ErrorCode, Time};

use super::Edge;
use crate::access::RequestInfo;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

/// What a method gives its handlers to work on: a GET reads, everything else has a transaction.
pub trait Effect: Verb {
    /// The connection.
    type Handle;
}

impl Effect for Get {
    type Handle = Reader;
}
impl Effect for Post {
    type Handle = Tx;
}
impl Effect for Put {
    type Handle = Tx;
}
impl Effect for Patch {
    type Handle = Tx;
}
impl Effect for Delete {
    type Handle = Tx;
}

/// An endpoint that can be mounted: all of them.
pub trait Served: Endpoint<Verb: Effect> {}
impl<E: Endpoint<Verb: Effect>> Served for E {}

/// Who can call, and what such a caller is given to work on.
pub trait CallerKind: Copy + 'static {
    /// The connection that a handler of this endpoint gets.
    type Handle<E: Served>;
}

impl CallerKind for Caller {
    type Handle<E: Served> = <E::Verb as Effect>::Handle;
}
impl CallerKind for FanCaller {
    type Handle<E: Served> = <E::Verb as Effect>::Handle;
}
/// Unknown callers get no transaction from the edge: such a use-case opens its own when it has decided to act.
impl CallerKind for Anyone {
    type Handle<E: Served> = Reader;
}

/// One call of an endpoint: everything is parsed, checked and allowed.
///
/// A call that changes state holds the one transaction it runs in; the edge commits it together with the saved reply, or
/// rolls it back when the handler refuses. A read holds a reading connection, with which it cannot write: that does not compile.
///
/// ```compile_fail,E0308
/// use quanzi_gateway::edge::Call;
/// use quanzi_gateway::platform::db::{Fault, Tx};
/// use quanzi_openapi::circles::GetCircle;
///
/// async fn close(_: &mut Tx) -> Result<(), Fault> { Ok(()) }
/// async fn get(call: &mut Call<GetCircle>) -> Result<(), Fault> { close(&mut call.tx).await }
/// ```
///
/// The same handler of a PATCH compiles:
///
/// ```
/// use quanzi_gateway::edge::Call;
/// use quanzi_gateway::platform::db::{Fault, Tx};
/// use quanzi_openapi::circles::ChangeCircle;
///
/// async fn close(_: &mut Tx) -> Result<(), Fault> { Ok(()) }
/// async fn change(call: &mut Call<ChangeCircle>) -> Result<(), Fault> { close(&mut call.tx).await }
/// ```
pub struct Call<E: Served, C: CallerKind = Caller, H = <C as CallerKind>::Handle<E>> {
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
    pub tx: H,
    /// Set by a use-case that changed what a caller is checked against (keys, app, tokens): after the commit the edge
    /// makes this process forget what it has cached, before it answers.
    pub access_changed: bool,
}

/// A call whose effect the ledger's poster writes: the handler reads, and says what to post.
pub(crate) type PostedCall<E, C = Caller> = Call<E, C, Reader>;

impl<E: Served, C: CallerKind, H> Call<E, C, H> {
    /// Refuses the change unless the object still has the version that `If-Match` names.
    pub fn check_version(&self, version: i64) -> Result<(), Fault> {
        match self.if_match {
            Some(wanted) if wanted != version => Err(Fault::new(ErrorCode::VersionMismatch)
                .detail(format!("You sent version {wanted}; the object has version {version}."))),
            _ => Ok(()),
        }
    }
}

impl<E: Served, C: CallerKind> Call<E, C, Tx> {
    /// Commits what was written so far (that the signature is used up) and gives the connection back: for a use-case that has
    /// others run their own transactions, as SQLite has one writer. What follows is not rolled back with the call, so its
    /// refusals must be [`Fault::once`].
    pub async fn end_transaction(&mut self) -> Result<(), Fault> {
        Ok(self.tx.end().await?)
    }
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
