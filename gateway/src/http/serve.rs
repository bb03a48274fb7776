//! The walk of a request: outside checks, who calls, parsing, one transaction, the signed answer.

use std::sync::Arc;

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use quanzi_openapi::body::ParamError;
use quanzi_openapi::endpoint::{Body, BodyError, Idempotency};
use quanzi_openapi::signature::IDEMPOTENCY_KEY;
use quanzi_openapi::{Endpoint, ErrorCode, Operation};
use tracing::Instrument as _;

use super::answer::Answer;
use super::call::{Anyone, Call, Caller};
use super::exchange::Exchange;
use super::{body, caller, idempotency, mount};
use crate::app::App;
use crate::db::{Repeatable as _, Tx};
use crate::fault::Fault;

/// Runs of a call that lost against another transaction.
const RUNS_MAX: u32 = 5;

/// The declaration of an endpoint as data, one static per endpoint.
struct Declared<E>(std::marker::PhantomData<E>);
impl<E: Endpoint> Declared<E> {
    const OPERATION: &'static Operation = &Operation::of::<E>();
}

/// Serves a call of a partner's app.
pub(super) async fn partner<E: Endpoint>(
    app: &Arc<App>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Caller>) -> Result<E::Reply, Fault>,
) -> HttpResponse {
    let mut exchange = Exchange::open(app, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_partner(&mut exchange, payload).await {
            Ok((caller, bytes)) => call(&exchange, caller, Some(caller), &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    app.metrics.watch(work.instrument(span)).await
}

/// Serves a call of anybody.
pub(super) async fn anyone<E: Endpoint>(
    app: &Arc<App>,
    http: HttpRequest,
    payload: Payload,
    handler: &impl AsyncFn(&mut Call<E, Anyone>) -> Result<E::Reply, Fault>,
) -> HttpResponse {
    let exchange = Exchange::open(app, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_anyone(&exchange, payload).await {
            Ok(bytes) => call(&exchange, Anyone, None, &bytes, handler).await,
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    app.metrics.watch(work.instrument(span)).await
}

/// Serves a public read that needs nothing but the gateway itself.
pub(super) async fn fixed<E: Endpoint>(
    app: &Arc<App>,
    http: HttpRequest,
    payload: Payload,
    reply: &impl Fn(&App) -> E::Reply,
) -> HttpResponse {
    let exchange = Exchange::open(app, http, Declared::<E>::OPERATION);
    let span = span(&exchange);
    let work = async {
        let outcome = match admit_anyone(&exchange, payload).await {
            Ok(_) => parse::<E>(&exchange, &Bytes::new()).and_then(|_| Answer::of::<E>(&reply(app))),
            Err(fault) => Err(fault),
        };
        close(&exchange, outcome)
    };
    app.metrics.watch(work.instrument(span)).await
}

async fn admit_partner(exchange: &mut Exchange, payload: Payload) -> Result<(Caller, Bytes), Fault> {
    exchange.check_outside()?;
    let admitted = caller::admit(exchange, payload).await?;
    check_body_type(exchange, &admitted.1)?;
    Ok(admitted)
}

async fn admit_anyone(exchange: &Exchange, payload: Payload) -> Result<Bytes, Fault> {
    exchange.check_outside()?;
    let bytes = body::read(&exchange.http, payload, &caller::bounds(&exchange.app, exchange)).await?;
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
    who: Option<Caller>,
    bytes: &Bytes,
    handler: &impl AsyncFn(&mut Call<E, C>) -> Result<E::Reply, Fault>,
) -> Result<Answer, Fault> {
    let mut parsed = parse::<E>(exchange, bytes)?;
    let app = &exchange.app;
    if !E::METHOD.writes() {
        let tx = app.db.reading().await?;
        let mut call = parsed.call(exchange, caller, tx);
        return Answer::of::<E>(&handler(&mut call).await?);
    }
    let key = idempotency_key::<E>(exchange, who, bytes)?;
    let _working = key.as_ref().map(|key| app.in_flight.enter(key)).transpose()?;
    for run in 1.. {
        let mut tx = app.db.begin().await?;
        if let Some(saved) = replay(key.as_ref(), &mut tx).await? {
            return Ok(saved);
        }
        let mut call = parsed.call(exchange, caller, tx);
        let outcome = handler(&mut call).await;
        let (rest, tx, access_changed) = Parsed::take_back(call);
        parsed = rest;
        match commit::<E>(exchange, key.as_ref(), tx, outcome).await {
            Err(fault) if fault.is_repeatable() && run < RUNS_MAX => {
                tracing::debug!(run, "a conflict with another transaction; the call runs again");
            }
            outcome => {
                if access_changed && outcome.is_ok() {
                    forget_changed(app).await;
                }
                return outcome;
            }
        }
    }
    Err(ErrorCode::Overloaded.into())
}

/// Makes this process forget what changed, before it answers. The change is kept in any case: were the reading to fail,
/// the reader that runs every second does it.
async fn forget_changed(app: &App) {
    if let Err(fault) = crate::oauth::revocation::catch_up(app).await {
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
            app: Arc::clone(&exchange.app),
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

async fn replay(key: Option<&idempotency::Key>, tx: &mut Tx) -> Result<Option<Answer>, Fault> {
    match key {
        Some(key) => key.find(tx).await,
        None => Ok(None),
    }
}

/// Effect and saved answer together, or nothing.
async fn commit<E: Endpoint>(
    exchange: &Exchange,
    key: Option<&idempotency::Key>,
    mut tx: Tx,
    outcome: Result<E::Reply, Fault>,
) -> Result<Answer, Fault> {
    match outcome {
        Ok(reply) => {
            let answer = Answer::of::<E>(&reply)?;
            if let Some(key) = key {
                key.save(&mut tx, &answer, exchange.now).await?;
            }
            tx.commit().await?;
            Ok(answer)
        }
        // Some refusals must leave a trace, or asking again and again would cost nothing (see `gates`).
        Err(fault) if fault.keeps_writes() => {
            tx.commit().await?;
            Err(fault)
        }
        Err(fault) => Err(fault),
    }
}

fn idempotency_key<E: Endpoint>(
    exchange: &Exchange,
    who: Option<Caller>,
    bytes: &Bytes,
) -> Result<Option<idempotency::Key>, Fault> {
    let field = exchange.http.headers().get(IDEMPOTENCY_KEY);
    match (E::IDEMPOTENCY, field, who) {
        (Idempotency::None, _, _) | (_, _, None) | (Idempotency::Offered, None, _) => Ok(None),
        (Idempotency::Required, None, _) => Err(ErrorCode::IdempotencyKeyMissing.into()),
        (_, Some(field), Some(caller)) => {
            let text = field.to_str().unwrap_or_default();
            let target = exchange.http.uri().path_and_query().map_or("/", |target| target.as_str());
            idempotency::Key::new(caller.app, text, E::METHOD.as_str(), target, bytes).map(Some)
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
    let metrics = &exchange.app.metrics;
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
