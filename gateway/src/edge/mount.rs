//! Routes: endpoints with their handlers, grouped by path so that a wrong method is a 405.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route};
use quanzi_openapi::endpoint::Access;
use quanzi_openapi::{Endpoint, ErrorCode, Method, Operation};

use super::call::{Anyone, Call, Caller, FanCaller, LedgerCommand, Stream};
use super::exchange::Exchange;
use super::serve;
use crate::edge::Edge;
use crate::platform::fault::Fault;

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

    /// Mounts an endpoint for partners' apps.
    #[must_use]
    pub fn mount<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, Caller>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const { assert!(matches!(E::ACCESS, Access::Partner(_)), "this endpoint is not for partners") };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::partner::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    /// Mounts an endpoint for fans, who come through an app.
    #[must_use]
    pub fn mount_fan<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, FanCaller>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const { assert!(matches!(E::ACCESS, Access::Fan(_)), "this endpoint is not for fans") };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::fan::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    /// Mounts an endpoint for fans whose effect the ledger's poster writes: the handler reads, and says what to post.
    #[must_use]
    pub(crate) fn mount_fan_posted<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, FanCaller>) -> Result<LedgerCommand<E::Reply>, Fault>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Self {
        const { assert!(matches!(E::ACCESS, Access::Fan(_)) && E::METHOD.writes(), "this endpoint moves nothing for fans") };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::fan_posted::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    /// Mounts an endpoint for partners' apps whose effect the ledger's poster writes: the handler reads, and says what to post.
    #[must_use]
    pub(crate) fn mount_posted<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, Caller>) -> Result<LedgerCommand<E::Reply>, Fault>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Self {
        const {
            assert!(
                matches!(E::ACCESS, Access::Partner(_)) && E::METHOD.writes(),
                "this endpoint moves nothing for partners"
            );
        };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::posted::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    /// Mounts a read for partners' apps that is answered with a stream.
    #[must_use]
    pub(crate) fn mount_stream<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, Caller>) -> Result<Stream, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const {
            assert!(
                matches!((E::ACCESS, E::METHOD), (Access::Partner(_), Method::Get)),
                "this endpoint streams nothing"
            );
        };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::stream::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    /// Mounts an endpoint for anybody.
    #[must_use]
    pub fn mount_public<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, Anyone>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const { assert!(matches!(E::ACCESS, Access::Public), "this endpoint is not public") };
        self.put_anyone::<E>(E::PATH, handler)
    }

    /// Mounts a public read that needs nothing but the gateway itself, and so no connection to the database.
    #[must_use]
    pub fn mount_fixed<E: Endpoint>(self, reply: impl Fn(&Edge) -> E::Reply + Clone + Send + Sync + 'static) -> Self {
        const {
            assert!(matches!((E::ACCESS, E::METHOD), (Access::Public, Method::Get)), "this endpoint is no public read");
        };
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            E::PATH,
            Arc::new(move || {
                let (app, reply) = (Arc::clone(&app), reply.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, reply) = (Arc::clone(&app), reply.clone());
                    async move { serve::fixed::<E>(&app, http, payload, &reply).await }
                })
            }),
        )
    }

    /// Mounts an endpoint that authenticates the client itself.
    #[must_use]
    pub fn mount_client<E: Endpoint>(
        self,
        handler: impl AsyncFn(&mut Call<E, Anyone>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        const { assert!(matches!(E::ACCESS, Access::Client), "this endpoint does not authenticate clients") };
        self.put_anyone::<E>(E::PATH, handler)
    }

    fn put_anyone<E: Endpoint>(
        self,
        path: &str,
        handler: impl AsyncFn(&mut Call<E, Anyone>) -> Result<E::Reply, Fault> + Clone + Send + Sync + 'static,
    ) -> Self {
        let app = Arc::clone(&self.edge);
        self.put::<E>(
            path,
            Arc::new(move || {
                let (app, handler) = (Arc::clone(&app), handler.clone());
                route::<E>().to(move |http: HttpRequest, payload: Payload| {
                    let (app, handler) = (Arc::clone(&app), handler.clone());
                    async move { serve::anyone::<E>(&app, http, payload, &handler).await }
                })
            }),
        )
    }

    fn put<E: Endpoint>(mut self, path: &str, make: MakeRoute) -> Self {
        // '~' sorts behind every letter: literal segments are tried before `{id}`.
        let order = path.replace('{', "~");
        self.by_path.entry((order, path.to_owned())).or_default().push((E::METHOD, make));
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

/// The header that names the version a change is for.
pub(super) fn if_match(http: &HttpRequest) -> Result<i64, Fault> {
    let mut fields = http.headers().get_all(header::IF_MATCH);
    let Some(field) = fields.next() else {
        return Err(ErrorCode::IfMatchMissing.into());
    };
    if fields.next().is_some() {
        return Err(Fault::param("If-Match", "Send the header once."));
    }
    let text = field.to_str().unwrap_or_default().trim();
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        Fault::param(
            "If-Match",
            "Send the object's ETag exactly as you received it, for example \"3\" with the quotes.",
        )
    })
}
