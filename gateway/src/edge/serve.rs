//! Serves a request: outside checks, authentication, parsing, one transaction, the signed response.

use std::sync::Arc;

use actix_web::body::BodyStream;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use quanzi_openapi::body::ParamError;
use quanzi_openapi::endpoint::{Access, Body, BodyError, Idempotency};
use quanzi_openapi::signature::{IDEMPOTENCY_KEY, SignatureError};
use quanzi_openapi::{Endpoint, ErrorCode, Operation};
use tracing::Instrument as _;

use super::answer::Answer;
use super::call::{Anyone, Call, Caller, CallerKind, FanCaller, PostedCall, Served, Stream};
use super::caller::Admitted;
use super::exchange::Exchange;
use super::idempotency_entry::{IdempotencyEntries, IdempotencyEntry};
use super::{Edge, body, caller, idempotency, if_match, signature};
use crate::platform::db::{self, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::ledger::{LedgerCommand, LedgerOutcome, LedgerRefusal};
use crate::platform::outbox;
use crate::platform::retry::{RetryPolicy, retry};

/// The declaration of an endpoint as data, one static per endpoint.
struct Declared<E>(std::marker::PhantomData<E>);
impl<E: Endpoint> Declared<E> {
    const OPERATION: &'static Operation = &Operation::of::<E>();
}

/// A request that was admitted.
pub(crate) struct Admission<'e, C> {
    exchange: &'e Exchange,
    caller: C,
    who: Option<Admitted>,
    bytes: &'e Bytes,
}

/// How a kind of caller is admitted.
pub(crate) trait Admit: CallerKind {
    /// Whether an endpoint with this access is for such callers.
    fn is_for(access: Access) -> bool;
    /// Checks everything that comes before the handler, and reads the body.
    async fn admit(exchange: &mut Exchange, payload: Payload) -> Result<(Self, Option<Admitted>, Bytes), Fault>;
}

impl Admit for Caller {
    fn is_for(access: Access) -> bool {
        matches!(access, Access::Partner(_))
    }
    async fn admit(exchange: &mut Exchange, payload: Payload) -> Result<(Self, Option<Admitted>, Bytes), Fault> {
        exchange.check_outside()?;
        let (who, bytes) = caller::admit(exchange, payload).await?;
        check_body_type(exchange, &bytes)?;
        Ok((who.caller, Some(who), bytes))
    }
}

impl Admit for FanCaller {
    fn is_for(access: Access) -> bool {
        matches!(access, Access::Fan(_))
    }
    async fn admit(exchange: &mut Exchange, payload: Payload) -> Result<(Self, Option<Admitted>, Bytes), Fault> {
        let (_, who, bytes) = Caller::admit(exchange, payload).await?;
        // The edge has refused a token of the other kind by now.
        let fan = who.and_then(|who| who.fan).ok_or_else(|| Fault::new(ErrorCode::WrongTokenKind))?;
        Ok((fan, who, bytes))
    }
}

impl Admit for Anyone {
    fn is_for(access: Access) -> bool {
        matches!(access, Access::Public | Access::Client)
    }
    async fn admit(exchange: &mut Exchange, payload: Payload) -> Result<(Self, Option<Admitted>, Bytes), Fault> {
        exchange.check_outside()?;
        let bytes = body::read(&exchange.http, payload, &caller::bounds(&exchange.edge, exchange)).await?;
        check_body_type(exchange, &bytes)?;
        Ok((Self, None, bytes))
    }
}

/// Serves one request: admits the caller, has `work` done, and sends its answer. A stream is counted when it begins.
pub(super) async fn serve<E: Served, C: Admit>(
    edge: &Arc<Edge>,
    http: HttpRequest,
    payload: Payload,
    work: impl AsyncFn(Admission<'_, C>) -> Result<(Answer, Option<Stream>), Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let done = match C::admit(&mut exchange, payload).await {
            Ok((caller, who, bytes)) => work(Admission { exchange: &exchange, caller, who, bytes: &bytes }).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok((head, Some(stream))) => {
                close(&exchange, Ok(head)).set_body(BodyStream::new(stream)).map_into_boxed_body()
            }
            Ok((answer, None)) => close(&exchange, Ok(answer)),
            Err(fault) => close(&exchange, Err(fault)),
        }
    };
    edge.metrics.watch(work.instrument(span)).await
}

/// What a handler works on, and how a call with it runs.
pub(crate) trait Handle: Sized {
    /// Parses what was sent and runs the handler.
    async fn run<E: Served, C: CallerKind>(
        admission: Admission<'_, C>,
        handler: &impl AsyncFn(&mut Call<E, C, Self>) -> Result<E::Reply, Fault>,
    ) -> Result<Answer, Fault>;
}

/// A read, or a call of somebody unknown.
impl Handle for Reader {
    async fn run<E: Served, C: CallerKind>(
        admission: Admission<'_, C>,
        handler: &impl AsyncFn(&mut Call<E, C, Self>) -> Result<E::Reply, Fault>,
    ) -> Result<Answer, Fault> {
        let edge = &admission.exchange.edge;
        let parsed = parse::<E, C>(&admission)?;
        // An unknown caller's use-case opens connections of its own, perhaps more than one: who held one all the while and waited
        // for another could wait for others who do the same.
        let reader =
            if admission.who.is_some() { edge.db.reading().await? } else { edge.db.reading_newest_when_asked() };
        let mut call = parsed.call(&admission, reader);
        let reply = handler(&mut call).await?;
        if call.access_changed {
            forget_changed(edge).await;
        }
        Answer::of::<E>(&reply)
    }
}

/// A change: one transaction, which the edge commits with the saved answer. A run that lost against another transaction is repeated.
impl Handle for Tx {
    async fn run<E: Served, C: CallerKind>(
        admission: Admission<'_, C>,
        handler: &impl AsyncFn(&mut Call<E, C, Self>) -> Result<E::Reply, Fault>,
    ) -> Result<Answer, Fault> {
        let exchange = admission.exchange;
        let edge = &exchange.edge;
        parse::<E, C>(&admission)?;
        let key = idempotency_key::<E>(exchange, admission.who, admission.bytes)?;
        let _working = key.as_ref().map(|key| edge.in_flight.enter(key)).transpose()?;
        retry(RetryPolicy::CONFLICT, &edge.clock, || async {
            let mut tx = edge.db.begin().await?;
            if let Some(saved) = claim(exchange, key.as_ref(), &mut tx).await? {
                tx.commit().await?;
                return Ok(saved);
            }
            let mut call = parse::<E, C>(&admission)?.call(&admission, tx);
            let outcome = handler(&mut call).await;
            let Call { tx, access_changed, .. } = call;
            let answer = commit::<E>(edge, key.as_ref(), tx, outcome).await?;
            if access_changed {
                forget_changed(edge).await;
            }
            Ok(answer)
        })
        .await
    }
}

/// Runs a handler and sends its reply.
pub(super) async fn reply<E: Served, C: CallerKind>(
    admission: Admission<'_, C>,
    handler: &impl AsyncFn(&mut Call<E, C>) -> Result<E::Reply, Fault>,
) -> Result<(Answer, Option<Stream>), Fault>
where
    C::Handle<E>: Handle,
{
    Ok((<C::Handle<E> as Handle>::run::<E, C>(admission, handler).await?, None))
}

/// Lets the handler read and say what is to be posted, and has it posted: the effect, the saved answer and the consumed signature in
/// one batch. When what was read has changed meanwhile, the handler reads anew.
pub(super) async fn post<E: Served, C: CallerKind>(
    admission: Admission<'_, C>,
    handler: &impl AsyncFn(&mut PostedCall<E, C>) -> Result<LedgerCommand<E::Reply>, Fault>,
) -> Result<(Answer, Option<Stream>), Fault> {
    let exchange = admission.exchange;
    let edge = &exchange.edge;
    parse::<E, C>(&admission)?;
    let key = idempotency_key::<E>(exchange, admission.who, admission.bytes)?;
    let _working = key.as_ref().map(|key| edge.in_flight.enter(key)).transpose()?;
    let answer = retry(RetryPolicy::CONFLICT, &edge.clock, || async {
        let mut call = parse::<E, C>(&admission)?.call(&admission, edge.db.reading_newest_when_asked());
        let command = handler(&mut call).await;
        let Call { tx: mut reader, .. } = call;
        let LedgerCommand { mut order, reply, explain } = match command {
            Ok(command) => command,
            // What is refused now may have been done before: then that is the answer.
            Err(fault) => return answered_before(exchange, key.as_ref(), &mut reader).await?.ok_or(fault),
        };
        // The connection is free while the order waits.
        drop(reader);
        let answer = Answer::of::<E>(&reply)?;
        let entry = IdempotencyEntry { nonce: exchange.nonce, key: key.clone(), answer: answer.clone() };
        order.add_first::<IdempotencyEntries>(entry);
        match edge.poster.post(order).await? {
            LedgerOutcome::Posted => Ok(answer),
            LedgerOutcome::Replayed(replay) => replay.take(),
            LedgerOutcome::Refused(LedgerRefusal::Moved) => Err(db::Fault::Retry.into()),
            LedgerOutcome::Refused(refusal) => Err(refusal.fault(explain)),
        }
    });
    Ok((answer.await?, None))
}

/// Has the handler begin a stream.
pub(super) async fn stream<E: Served, C: CallerKind>(
    admission: Admission<'_, C>,
    handler: &impl AsyncFn(&mut PostedCall<E, C>) -> Result<Stream, Fault>,
) -> Result<(Answer, Option<Stream>), Fault> {
    let reader = admission.exchange.edge.db.reading().await?;
    let stream = handler(&mut parse::<E, C>(&admission)?.call(&admission, reader)).await?;
    Ok((Answer::stream::<E>(), Some(stream)))
}

fn check_body_type(exchange: &Exchange, bytes: &Bytes) -> Result<(), Fault> {
    if !exchange.operation.method.writes() {
        return Ok(());
    }
    body::check_type(&exchange.http, exchange.operation.body, bytes.is_empty())
}

/// Everything the request says, in its types.
fn parse<E: Endpoint, C>(admission: &Admission<'_, C>) -> Result<Parsed<E>, Fault> {
    let (http, bytes) = (&admission.exchange.http, admission.bytes);
    let param = |error: ParamError| Fault::param(error.param, error.message);
    Ok(Parsed {
        params: quanzi_openapi::body::params(http.match_info().iter()).map_err(param)?,
        query: quanzi_openapi::body::query(http.query_string()).map_err(param)?,
        body: E::Body::read(if E::METHOD.writes() { bytes } else { &[] }).map_err(body_fault)?,
        if_match: if E::IF_MATCH { Some(if_match::read(http)?) } else { None },
    })
}

async fn answered_before(
    exchange: &Exchange,
    key: Option<&idempotency::RequestKey>,
    reader: &mut Reader,
) -> Result<Option<Answer>, Fault> {
    let Some(key) = key.filter(|_| !reader.has_failed()) else { return Ok(None) };
    // Who repeats signs anew; a signature that was executed gives nobody the answer again.
    if let Some(nonce) = &exchange.nonce
        && nonce.was_used(reader).await?
    {
        return Err(signature::fault(&SignatureError::NonceReplayed));
    }
    key.saved(reader).await
}

/// First of all in the transaction: the signature is used up, for every process, and the idempotency key is ours. Gives the saved
/// answer when this request was answered before.
async fn claim(
    exchange: &Exchange,
    key: Option<&idempotency::RequestKey>,
    tx: &mut Tx,
) -> Result<Option<Answer>, Fault> {
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

/// What was sent, parsed.
struct Parsed<E: Endpoint> {
    params: E::Params,
    query: E::Query,
    body: E::Body,
    if_match: Option<i64>,
}

impl<E: Served> Parsed<E> {
    fn call<C: CallerKind, H>(self, admission: &Admission<'_, C>, handle: H) -> Call<E, C, H> {
        let exchange = admission.exchange;
        Call {
            edge: Arc::clone(&exchange.edge),
            caller: admission.caller,
            params: self.params,
            query: self.query,
            body: self.body,
            if_match: self.if_match,
            now: exchange.now,
            request: exchange.info(),
            tx: handle,
            access_changed: false,
        }
    }
}

/// Effect and saved answer together, or nothing.
async fn commit<E: Endpoint>(
    edge: &Edge,
    key: Option<&idempotency::RequestKey>,
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
    who: Option<Admitted>,
    bytes: &Bytes,
) -> Result<Option<idempotency::RequestKey>, Fault> {
    let Some(who) = who else { return Ok(None) };
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
            idempotency::RequestKey::new((who.caller.partner, who.caller.app), text, &method, target, bytes).map(Some)
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
