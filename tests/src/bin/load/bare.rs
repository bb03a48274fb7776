//! The baselines: the same read of the same circle without token, signature, limits or signed answer; and a handler that does
//! nothing at all. Served by the same framework in the same process.

use std::net::TcpListener;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use quanzi_gateway::capabilities::circles;
use quanzi_gateway::platform::db::Db;
use quanzi_openapi::id::{CircleId, PartnerId};

/// A running baseline.
pub struct Bare {
    /// Where it listens.
    pub address: String,
    handle: ServerHandle,
}

impl Bare {
    /// Serves the circles of a database.
    pub fn start(db: Db, partner: PartnerId) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = web::Data::new((db, partner));
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).route("/circles/{circle}", web::get().to(circle)).route(
                "/nothing",
                web::get().to(async || HttpResponse::Ok().content_type("application/json").body("{}")),
            )
        });
        let server = server.workers(2).disable_signals().listen(listener).expect("listening").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    /// Stops it.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn circle(path: web::Path<String>, state: web::Data<(Db, PartnerId)>) -> HttpResponse {
    let (db, partner) = state.get_ref();
    let circle: CircleId = path.parse().expect("an id");
    let mut tx = db.reading().await.expect("a connection");
    let circle = circles::service::find(&mut tx, *partner, circle).await.expect("the circle");
    let body = serde_json::to_vec(&circle).expect("json");
    HttpResponse::Ok().content_type("application/json").body(body)
}
