//! Serves a request: outside checks, authentication, parsing, one transaction, the signed response.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BodyStream;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use quanzi_openapi::body::ParamError;
use quanzi_openapi::endpoint::{Body, BodyError, Idempotency};
use quanzi_openapi::signature::{IDEMPOTENCY_KEY, SignatureError};
use quanzi_openapi::{Endpoint, ErrorCode, Operation};
use tracing::Instrument as _;

use super::answer::Answer;
use super::call::{Anyone, Call, Caller, FanCaller, LedgerCommand, Stream};
use super::caller::Admitted;
use super::exchange::Exchange;
use super::idempotency_entry::IdempotencyEntry;
use super::{body, caller, idempotency, mount, signature};
use crate::edge::Edge;
use crate::platform::db::{Retryable as _, Tx};
use crate::platform::fault::Fault;
use crate::platform::ledger;
use crate::platform::ledger::{Outcome, Refused};
use crate::platform::outbox;

/// Runs of a call that lost against another transaction.
const RUNS_MAX: u32 = 5;
/// Shortest pause between two runs; grows with each.
const PAUSE_MILLIS: u64 = 5;

/// The declaration of an endpoint as data, one static per endpoint.
struct Declared<E>(std::marker::PhantomData<E>);
impl<E: Endpoint> Declared<E> {
    const OPERATION: &'static Operation = &Operation::of::<E>();
}

/// Serves a call of a partner's app.
pub(super) async fn partner<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Caller>) -> Result<E::Reply, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_partner(&mut exchange, payload).await {
            Ok((who, bytes)) => call(&exchange, who.caller, Some(who), &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// Serves a call of a fan through an app.
pub(super) async fn fan<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, FanCaller>) -> Result<E::Reply, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_fan(&mut exchange, payload).await {
            Ok((fan, who, bytes)) => call(&exchange, fan, Some(who), &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// Serves a call of a fan whose effect the ledger's poster writes.
pub(super) async fn fan_posted<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, FanCaller>) -> Result<LedgerCommand<E::Reply>, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_fan(&mut exchange, payload).await {
            Ok((fan, who, bytes)) => post(&exchange, fan, who, &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// Serves a call of a partner's app whose effect the ledger's poster writes.
pub(super) async fn posted<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Caller>) -> Result<LedgerCommand<E::Reply>, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_partner(&mut exchange, payload).await {
            Ok((who, bytes)) => post(&exchange, who.caller, who, &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// Serves a read of a partner's app with a stream. It is admitted as any other, and counted when it begins.
pub(super) async fn stream<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Caller>) -> Result<Stream, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let begun = match admit_partner(&mut exchange, payload).await {
            Ok((who, bytes)) => begin::<E>(&exchange, who.caller, &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        match begun {
            Ok(stream) => {
                close(&exchange, Ok(Answer::stream::<E>())).set_body(BodyStream::new(stream)).map_into_boxed_body()
            }
            Err(fault) => close(&exchange, Err(fault)),
        }
    };
    edge.metrics.watch(work.instrument(span)).await
}

async fn begin<E: Endpoint>(
    exchange: &Exchange,
    caller: Caller,
    bytes: &Bytes,
    handler: &impl AsyncFn(&mut Call<E, Caller>) -> Result<Stream, Fault>,
) -> Result<Stream, Fault> {
    let parsed = parse::<E>(exchange, bytes)?;
    let tx = exchange.edge.db.reading().await?;
    handler(&mut parsed.call(exchange, caller, tx)).await
}

/// Serves a call of anybody.
pub(super) async fn anyone<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Anyone>) -> Result<E::Reply, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_anyone(&mut exchange, payload).await {
            Ok(bytes) => call(&exchange, Anyone, None, &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// Serves a public read that needs nothing but the gateway itself.
pub(super) async fn fixed<E: Endpoint>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    reply: &impl Fn(&Edge) -> E::Reply,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_anyone(&mut exchange, payload).await {
            Ok(_) => parse::<E>(&exchange, &Bytes::new()).and_then(|_| Answer::of::<E>(&reply(edge))),
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    edge.metrics.watch(work.instrument(span)).await
}

async fn admit_fan(exchange: &mut Exchange, payload: Payload) -> Result<(FanCaller, Admitted, Bytes), Fault> {
    let (who, bytes) = admit_partner(exchange, payload).await?;
    // The edge has refused a token of the other kind by now.
    let fan = who.fan.ok_or_else(|| Fault::new(ErrorCode::WrongTokenKind))?;
    Ok((fan, who, bytes))
}

async fn admit_partner(exchange: &mut Exchange, payload: Payload) -> Result<(Admitted, Bytes), Fault> {
    exchange.check_outside()?;
    let admitted = caller::admit(exchange, payload).await?;
    check_body_type(exchange, &admitted.1)?;
    Ok(admitted)
}

async fn admit_anyone(exchange: &mut Exchange, payload: Payload) -> Result<Bytes, Fault> {
    exchange.check_outside()?;
    let bytes = body::read(&exchange.http, payload, &caller::bounds(&exchange.edge, exchange)).await?;
    check_body_type(exchange, &bytes)?;
    Ok(bytes)
}

fn check_body_type(exchange: &Exchange, bytes: &Bytes) -> Result<(), Fault> {
    if !exchange.operation.method.writes() {
        return Ok(());
    }
    body::check_type(&exchange.http, exchange.operation.body, bytes.is_empty())
}

/// Everything the request says, in its types.
fn parse<E: Endpoint>(exchange: &Exchange, bytes: &Bytes) -> Result<Parsed<E>, Fault> {
    let http = &exchange.http;
    let param = |error: ParamError| Fault::param(error.param, error.message);
    Ok(Parsed {
        params: quanzi_openapi::body::params(http.match_info().iter()).map_err(param)?,
        query: quanzi_openapi::body::query(http.query_string()).map_err(param)?,
        body: E::Body::read(if E::METHOD.writes() { bytes } else { &[] }).map_err(body_fault)?,
        if_match: if E::IF_MATCH { Some(mount::if_match(http)?) } else { None },
    })
}

/// Parses what was sent and runs the handler: a read on a reading connection, a change in one transaction.
async fn call<E: Endpoint, C: Copy>(
    exchange: &Exchange,
    caller: C,
    who: Option<Admitted>,
    bytes: &Bytes,
    handler: &impl AsyncFn(&mut Call<E, C>) -> Result<E::Reply, Fault>,
) -> Result<Answer, Fault> {
    let mut parsed = parse::<E>(exchange, bytes)?;
    let edge = &exchange.edge;
    // Whom we do not know gets no transaction from the edge: such a use-case opens its own when it has decided to act.
    let known = who.is_some();
    let Some(who) = who.filter(|_| E::METHOD.writes()) else {
        // It may open several: a call that held one connection while it waited for another could wait for calls that
        // do the same.
        let tx = if known { edge.db.reading().await? } else { edge.db.reading_newest_when_asked() };
        let mut call = parsed.call(exchange, caller, tx);
        let reply = handler(&mut call).await?;
        if call.access_changed {
            forget_changed(edge).await;
        }
        return Answer::of::<E>(&reply);
    };
    let key = idempotency_key::<E>(exchange, who, bytes)?;
    let _working = key.as_ref().map(|key| edge.in_flight.enter(key)).transpose()?;
    for run in 1.. {
        let mut tx = edge.db.begin().await?;
        let replayed = match claim(exchange, key.as_ref(), &mut tx).await {
            Err(fault) if fault.is_retryable() && run < RUNS_MAX => {
                pause(edge, run).await;
                continue;
            }
            claimed => claimed?,
        };
        if let Some(saved) = replayed {
            tx.commit().await?;
            return Ok(saved);
        }
        let mut call = parsed.call(exchange, caller, tx);
        let outcome = handler(&mut call).await;
        let (rest, tx, access_changed) = Parsed::take_back(call);
        parsed = rest;
        match commit::<E>(edge, key.as_ref(), tx, outcome).await {
            Err(fault) if fault.is_retryable() && run < RUNS_MAX => pause(edge, run).await,
            outcome => {
                if access_changed && outcome.is_ok() {
                    forget_changed(edge).await;
                }
                return outcome;
            }
        }
    }
    Err(ErrorCode::Overloaded.into())
}

/// Parses what was sent, lets the handler read and say what is to be posted, and has it posted: the effect, the saved answer
/// and the used-up signature in one batch. When what was read has changed meanwhile, the handler reads anew.
async fn post<E: Endpoint, C: Copy>(
    exchange: &Exchange,
    caller: C,
    who: Admitted,
    bytes: &Bytes,
    handler: &impl AsyncFn(&mut Call<E, C>) -> Result<LedgerCommand<E::Reply>, Fault>,
) -> Result<Answer, Fault> {
    let mut parsed = parse::<E>(exchange, bytes)?;
    let edge = &exchange.edge;
    let key = idempotency_key::<E>(exchange, who, bytes)?;
    let _working = key.as_ref().map(|key| edge.in_flight.enter(key)).transpose()?;
    for run in 1..=RUNS_MAX {
        let tx = edge.db.reading_newest_when_asked();
        let mut call = parsed.call(exchange, caller, tx);
        let command = handler(&mut call).await;
        let (rest, mut tx, _) = Parsed::take_back(call);
        parsed = rest;
        let LedgerCommand { mut order, reply } = match command {
            Ok(command) => command,
            // What is refused now may have been done before: then that is the answer.
            Err(fault) => return answered_before(exchange, key.as_ref(), &mut tx).await?.ok_or(fault),
        };
        // The connection is free while the order waits.
        drop(tx);
        let answer = Answer::of::<E>(&reply)?;
        order.claim = Some(IdempotencyEntry { nonce: exchange.nonce, key: key.clone(), answer: answer.clone() });
        match edge.poster.post(order).await? {
            Outcome::Posted => return Ok(answer),
            Outcome::Again(saved) => return Ok(saved),
            Outcome::Refused(Refused::Moved) if run < RUNS_MAX => pause(edge, run).await,
            Outcome::Refused(Refused::NonceReplayed) => return Err(signature::fault(&SignatureError::NonceReplayed)),
            Outcome::Refused(refused) => return Err(ledger::service::fault(refused, exchange.now)),
        }
    }
    Err(ErrorCode::Overloaded.into())
}

async fn answered_before(
    exchange: &Exchange,
    key: Option<&idempotency::Key>,
    tx: &mut Tx,
) -> Result<Option<Answer>, Fault> {
    let Some(key) = key.filter(|_| !tx.has_failed()) else { return Ok(None) };
    // Who repeats signs anew; a signature that was executed gives nobody the answer again.
    if let Some(nonce) = &exchange.nonce
        && nonce.was_used(tx).await?
    {
        return Err(signature::fault(&SignatureError::NonceReplayed));
    }
    key.saved(tx).await
}

/// Before a call that lost against another transaction runs again.
async fn pause(edge: &Edge, run: u32) {
    let [jitter] = edge.clock.random::<1>();
    let millis = u64::from(run) * PAUSE_MILLIS + u64::from(jitter) % PAUSE_MILLIS;
    tracing::debug!(run, millis, "a conflict with another transaction; retrying the call");
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// First of all in the transaction: the signature is used up, for every process, and the idempotency key is ours. Gives the saved
/// answer when this request was answered before.
async fn claim(exchange: &Exchange, key: Option<&idempotency::Key>, tx: &mut Tx) -> Result<Option<Answer>, Fault> {
    if let Some(nonce) = &exchange.nonce
        && !nonce.consume(tx, exchange.now).await?
    {
        return Err(signature::fault(&SignatureError::NonceReplayed));
    }
    match key {
        Some(key) => key.claim(tx, exchange.now).await,
        None => Ok(None),
    }
}

/// Makes this process forget what changed, before it answers. The change is kept in any case: were the reading to fail,
/// the reader that runs every second does it.
async fn forget_changed(edge: &Edge) {
    if let Err(fault) = crate::access::oauth::revocation::catch_up(edge).await {
        tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "revocations could not be read");
    }
}

/// What was sent, parsed; it outlives a run that has to be repeated.
struct Parsed<E: Endpoint> {
    params: E::Params,
    query: E::Query,
    body: E::Body,
    if_match: Option<i64>,
}

impl<E: Endpoint> Parsed<E> {
    fn call<C>(self, exchange: &Exchange, caller: C, tx: Tx) -> Call<E, C> {
        Call {
            edge: Arc::clone(&exchange.edge),
            caller,
            params: self.params,
            query: self.query,
            body: self.body,
            if_match: self.if_match,
            now: exchange.now,
            request: exchange.info(),
            tx,
            access_changed: false,
        }
    }

    fn take_back<C>(call: Call<E, C>) -> (Self, Tx, bool) {
        let Call { params, query, body, if_match, tx, access_changed, .. } = call;
        (Self { params, query, body, if_match }, tx, access_changed)
    }
}

/// Effect and saved answer together, or nothing.
async fn commit<E: Endpoint>(
    edge: &Edge,
    key: Option<&idempotency::Key>,
    mut tx: Tx,
    outcome: Result<E::Reply, Fault>,
) -> Result<Answer, Fault> {
    match outcome {
        Ok(reply) => {
            let answer = Answer::of::<E>(&reply)?;
            if let Some(key) = key {
                key.save(&mut tx, &answer).await?;
            }
            outbox::service::commit(edge, tx).await?;
            Ok(answer)
        }
        // Some refusals must leave a trace, or asking again and again would cost nothing (see `gates`).
        Err(fault) if fault.keeps_writes() => {
            if let Some(key) = key {
                key.release(&mut tx).await?;
            }
            outbox::service::commit(edge, tx).await?;
            Err(fault)
        }
        Err(fault) => Err(fault),
    }
}

fn idempotency_key<E: Endpoint>(
    exchange: &Exchange,
    who: Admitted,
    bytes: &Bytes,
) -> Result<Option<idempotency::Key>, Fault> {
    let mut fields = exchange.http.headers().get_all(IDEMPOTENCY_KEY);
    match (E::IDEMPOTENCY, fields.next()) {
        (Idempotency::None, _) | (Idempotency::Offered, None) => Ok(None),
        (Idempotency::Required, None) => Err(ErrorCode::IdempotencyKeyMissing.into()),
        (_, Some(_)) if fields.next().is_some() => Err(Fault::param("Idempotency-Key", "Send the header once.")),
        (_, Some(field)) => {
            let text = field.to_str().unwrap_or_default();
            let target = exchange.http.uri().path_and_query().map_or("/", |target| target.as_str());
            // A key belongs to one fan as it belongs to one request: nobody gets the answer of another.
            let method = who
                .fan
                .map_or_else(|| E::METHOD.as_str().to_owned(), |fan| format!("{} {}", E::METHOD.as_str(), fan.fan));
            idempotency::Key::new(who.caller.app, text, &method, target, bytes).map(Some)
        }
    }
}

fn body_fault(error: BodyError) -> Fault {
    match error {
        BodyError::Malformed(detail) => Fault::new(ErrorCode::BodyMalformed).detail(detail),
        BodyError::Field { pointer, message } => Fault::field(pointer, message),
    }
}

fn span(exchange: &Exchange) -> tracing::Span {
    let operation = (exchange.operation.name)();
    tracing::info_span!("request", id = %exchange.id, %operation, partner = tracing::field::Empty, app = tracing::field::Empty)
}

/// Logs once, counts once, signs, sends.
fn close(exchange: &Exchange, outcome: Result<Answer, Fault>) -> HttpResponse {
    if let Some(caller) = exchange.caller {
        let span = tracing::Span::current();
        span.record("partner", tracing::field::display(caller.partner));
        span.record("app", tracing::field::display(caller.app));
    }
    let (answer, code) = match outcome {
        Ok(answer) => {
            tracing::info!(status = answer.status, "answered");
            (answer, None)
        }
        Err(fault) => {
            log_refusal(exchange.operation, &fault);
            (exchange.refuse(&fault), Some(fault.code()))
        }
    };
    let metrics = &exchange.edge.metrics;
    metrics.observe((exchange.operation.name)(), answer.status, code, exchange.started.elapsed().as_secs_f64());
    if answer.is_replay() {
        metrics.replayed((exchange.operation.name)());
    }
    if let (Some(ErrorCode::RateLimited), Some(left)) = (code, &exchange.left) {
        metrics.rate_limited(left.name());
    }
    exchange.finish(answer)
}

fn log_refusal(operation: &Operation, fault: &Fault) {
    let cause = fault.cause().map(tracing::field::display);
    let code = fault.code();
    if code.status() >= 500 {
        tracing::error!(%code, cause, "failed");
    } else {
        tracing::info!(%code, status = code.status(), cause, "refused");
    }
    debug_assert!(operation.fails().contains(&code), "{code} is not among the errors of {}", (operation.name)());
}
