//! Whisker & Co: a pet brand's own site around its circle. Visitors read, sign in with Quanzi, join, comment, like and tip; the brand
//! publishes, pins, lets members in and sees tips arrive.
//!
//! Start a sandbox gateway (`cargo run --release`), then `cargo run -p quanzi-examples --example pet_circle`, and open the address it
//! prints. `QUANZI_URL` names another gateway, `PET_CIRCLE_LISTEN` another address for the site, `PET_CIRCLE_DATA` its folder.
//!
//! Invariants: a form does something only with the code of the session it was shown to, and a fan's tokens never leave this program.

#![expect(clippy::print_stdout, reason = "it prints where to look")]

mod assets;
mod fans;
mod house;
mod live;
mod owner;
mod pages;
mod readers;
mod sessions;
mod visit;

use std::env;
use std::net::TcpListener;

use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer};
use quanzi::actix::SignIn;
use quanzi::authorize::SealingKey;

use crate::house::House;
use crate::live::Live;
use crate::sessions::Sessions;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What every page needs.
struct Site {
    house: House,
    sessions: Sessions,
    live: Live,
    /// Sends fans to the gateway and takes them back.
    sign_in: SignIn,
}

fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind(setting("PET_CIRCLE_LISTEN", "127.0.0.1:3000"))?;
    let address = format!("http://{}", listener.local_addr()?);
    let back = format!("{address}/signed-in");
    let folder = setting("PET_CIRCLE_DATA", "data/pet-circle");
    let house = House::open(&setting("QUANZI_URL", "http://127.0.0.1:8080"), folder.as_ref(), &back).await?;
    println!("Whisker & Co is open at {address}");
    println!("The owner's page is {address}/owner, the password {}", house.password());
    let sessions = Sessions::default();
    let live = Live::follow(&house, &folder);
    let sign_in = SignIn::new(house.client.clone(), &back, SealingKey::generate()?)?;
    let site = web::Data::new(Site { house, sessions, live, sign_in });
    let server = HttpServer::new(move || App::new().app_data(site.clone()).configure(routes));
    Ok(server.workers(2).listen(listener)?.run().await?)
}

fn routes(config: &mut ServiceConfig) {
    config
        .app_data(web::FormConfig::default().limit(64 * 1024))
        .route("/", web::get().to(readers::home))
        .route("/posts/{post}", web::get().to(readers::post))
        .route("/sign-in", web::get().to(fans::sign_in))
        .route("/signed-in", web::get().to(fans::signed_in))
        .route("/sign-out", web::post().to(fans::sign_out))
        .route("/join", web::post().to(fans::join))
        .route("/leave", web::post().to(fans::leave))
        .route("/allow", web::post().to(fans::allow))
        .route("/posts/{post}/comment", web::post().to(fans::comment))
        .route("/posts/{post}/like", web::post().to(fans::like))
        .route("/posts/{post}/tip", web::post().to(fans::tip))
        .route("/tips/{payment}", web::get().to(fans::tip_page))
        .route("/owner", web::get().to(owner::room))
        .route("/owner/enter", web::post().to(owner::enter))
        .route("/owner/posts", web::post().to(owner::publish))
        .route("/owner/posts/{post}/{change}", web::post().to(owner::pin))
        .route("/owner/members/{membership}/{decision}", web::post().to(owner::decide))
        .route("/owner/live", web::get().to(owner::live))
        .route("/style.css", web::get().to(assets::style))
        .route("/live.js", web::get().to(assets::script))
        .default_service(web::to(readers::lost));
}
