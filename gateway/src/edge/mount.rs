//! Routes: endpoints with their handlers, grouped by path so that a wrong method is a 405.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route};
use quanzi_openapi::{Endpoint, ErrorCode, Method, Operation};

use super::call::{Call, PostedCall, Served, Stream};
use super::exchange::Exchange;
use super::serve::{self, Admission, Admit, Handle};
use crate::edge::Edge;
use crate::platform::fault::Fault;
use crate::platform::ledger::LedgerCommand;

type MakeRoute = Arc<dyn Fn() -> Route + Send + Sync>;

/// What is mounted, ready to be put into each worker.
#[derive(Clone)]
pub struct Routes {
    edge: Arc<Edge>,
    by_path: BTreeMap<(String, String), Vec<(Method, MakeRoute)>>,
}

/// Stands for addresses and methods that no declaration has.
static NO_OPERATION: Operation = Operation::of::<quanzi_openapi::operations::GetLiveness>();

impl Routes {
    /// None yet.
    pub fn new(edge: &Arc<Edge>) -> Self {
        Self { edge: Arc::clone(edge), by_path: BTreeMap::new() }
    }

    /// Mounts an endpoint: its handler says in its type who calls. A change runs in one transaction, which the edge commits with the
    /// saved reply.
    ///
    /// # Panics
    /// When the endpoint is declared for other callers: a mistake that the first start shows.
    #[must_use]
    pub(crate) fn mount<E: Served, C: Admit>(
        self,
        handler: impl AsyncFn(&mut Call<E, C>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self
    where
        C::Handle<E>: Handle,
    {
        self.put::<E, C>(async move |edge, http, payload| {
            let work = async |admission: Admission<'_, C>| serve::reply::<E, C>(admission, &handler).await;
            serve::serve::<E, C>(&edge, http, payload, work).await
        })
    }

    /// Mounts an endpoint whose effect the ledger's poster writes: the handler reads, and says what to post.
    ///
    /// # Panics
    /// As [`mount`](Self::mount).
    #[must_use]
    pub(crate) fn mount_posted<E: Served, C: Admit>(
        self,
        handler: impl AsyncFn(&mut PostedCall<E, C>) -> Result<LedgerCommand<E::Reply>, Fault>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Self {
        const { assert!(E::METHOD.writes(), "this endpoint moves nothing") };
        self.put::<E, C>(async move |edge, http, payload| {
            let work = async |admission: Admission<'_, C>| serve::post::<E, C>(admission, &handler).await;
            serve::serve::<E, C>(&edge, http, payload, work).await
        })
    }

    /// Mounts a read that is answered with a stream.
    ///
    /// # Panics
    /// As [`mount`](Self::mount).
    #[must_use]
    pub(crate) fn mount_stream<E: Served, C: Admit>(
        self,
        handler: impl AsyncFn(&mut PostedCall<E, C>) -> Result<Stream, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const { assert!(!E::METHOD.writes(), "a change is not answered with a stream") };
        self.put::<E, C>(async move |edge, http, payload| {
            let work = async |admission: Admission<'_, C>| serve::stream::<E, C>(admission, &handler).await;
            serve::serve::<E, C>(&edge, http, payload, work).await
        })
    }

    fn put<E: Served, C: Admit>(
        mut self,
        serve: impl AsyncFn(Arc<Edge>, HttpRequest, Payload) -> HttpResponse + Clone + Send + Sync + 'static,
    ) -> Self {
        assert!(C::is_for(E::ACCESS), "{} {} is declared for other callers", E::METHOD.as_str(), E::PATH);
        let edge = Arc::clone(&self.edge);
        let make: MakeRoute = Arc::new(move || {
            let (edge, serve) = (Arc::clone(&edge), serve.clone());
            route::<E>().to(move |http: HttpRequest, payload: Payload| {
                let (edge, serve) = (Arc::clone(&edge), serve.clone());
                async move { serve(edge, http, payload).await }
            })
        });
        // '~' sorts behind every letter: literal segments are tried before `{id}`.
        let order = E::PATH.replace('{', "~");
        self.by_path.entry((order, E::PATH.to_owned())).or_default().push((E::METHOD, make));
        self
    }

    /// The gateway the routes are for.
    pub fn edge(&self) -> &Arc<Edge> {
        &self.edge
    }

    /// Every method and path that is mounted.
    pub fn mounted(&self) -> impl Iterator<Item = (Method, &str)> {
        self.by_path.iter().flat_map(|((_, path), routes)| routes.iter().map(|(method, _)| (*method, path.as_str())))
    }

    /// Puts the routes into a worker.
    pub fn configure(&self, config: &mut ServiceConfig) {
        for ((_, path), routes) in &self.by_path {
            let mut allowed: Vec<&str> = routes.iter().map(|(method, _)| method.as_str()).collect();
            allowed.sort_unstable();
            let allowed = allowed.join(", ");
            let app = Arc::clone(&self.edge);
            let resource =
                routes.iter().fold(web::resource(path.as_str()), |resource, (_, make)| resource.route(make()));
            config.service(resource.default_service(web::to(move |http: HttpRequest| {
                std::future::ready(method_not_allowed(&app, http, &allowed))
            })));
        }
    }

    /// The response to an unsupported method of a path that is mounted elsewhere.
    pub fn method_not_allowed(&self, http: HttpRequest, allowed: &str) -> HttpResponse {
        method_not_allowed(&self.edge, http, allowed)
    }

    /// The answer to an address that nobody has.
    pub fn not_found(&self, http: HttpRequest) -> HttpResponse {
        refuse_outside(&self.edge, http, &Fault::new(ErrorCode::RouteNotFound))
    }
}

fn method_not_allowed(edge: &Arc<Edge>, http: HttpRequest, allowed: &str) -> HttpResponse {
    let fault = Fault::new(ErrorCode::MethodNotAllowed)
        .detail(format!("{} supports {allowed}.", http.path()))
        .header("allow", allowed);
    refuse_outside(edge, http, &fault)
}

fn refuse_outside(edge: &Arc<Edge>, http: HttpRequest, fault: &Fault) -> HttpResponse {
    let mut exchange = Exchange::open(edge, http, &NO_OPERATION);
    let outside = exchange.check_outside().err();
    exchange.finish(exchange.refuse(outside.as_ref().unwrap_or(fault)))
}

fn route<E: Endpoint>() -> Route {
    match E::METHOD {
        Method::Get => web::get(),
        Method::Post => web::post(),
        Method::Put => web::put(),
        Method::Patch => web::patch(),
        Method::Delete => web::delete(),
    }
}
