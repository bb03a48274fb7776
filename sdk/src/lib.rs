//! The Rust SDK of the Quanzi open platform: run circles from your own server.
//!
//! ```no_run
//! use quanzi::circles::NewCircle;
//! use quanzi::{Client, Key};
//!
//! # async fn first_call() -> Result<(), Box<dyn std::error::Error>> {
//! let app = std::env::var("QUANZI_APP")?;
//! let key = Key::from_pem(&std::fs::read_to_string("app-key.pem")?)?;
//! let client = Client::builder("http://127.0.0.1:8080").app(app, key).build()?;
//!
//! let circle = client.circles().create(NewCircle::new("Letters")).await?;
//! let circle = client.circles().open(circle.id).await?;
//! println!("{} is open: {}", circle.name, circle.id);
//! # Ok(())
//! # }
//! ```
//!
//! That call requested an access token bound to your key, signed the request (RFC 9421), added an idempotency key, and
//! verified that the response is the gateway's response to this request.
//!
//! # Calls
//!
//! A call is a value ([`Call`]): set options, then await it. A list can be awaited for one page or read to the end with
//! [`stream`](Call::stream):
//!
//! ```no_run
//! # async fn calls(client: quanzi::Client, circle: quanzi::circles::Circle) -> Result<(), quanzi::Error> {
//! use quanzi::circles::{CircleChange, CirclesQuery};
//!
//! let mut change = CircleChange::default();
//! change.name = Some("Letters and stamps".into());
//! client.circles().change(circle.id, change).if_match(circle.version).await?;
//!
//! let mut circles = client.circles().list(CirclesQuery::default()).stream();
//! while let Some(circle) = circles.next().await {
//!     println!("{}", circle?.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! There is one [`Error`] type; decide by its [`code`](Error::code):
//!
//! ```no_run
//! # async fn errors(client: quanzi::Client) -> Result<(), quanzi::Error> {
//! # use quanzi::circles::NewCircle;
//! use quanzi::ErrorCode;
//!
//! match client.circles().create(NewCircle::new("Letters")).await {
//!     Ok(circle) => println!("{}", circle.id),
//!     Err(error) if error.is(ErrorCode::CircleNameTaken) => println!("choose another name"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it does automatically
//!
//! - **Tokens** are requested when first needed and renewed before they expire, by one caller at a time.
//! - **Retries**: lost connections, 429 (after `Retry-After`), 5xx and requests still in flight are retried, with jitter, at
//!   most three times, always with the same idempotency key and a fresh nonce.
//! - **Clocks**: when the gateway says that this machine's clock is wrong, the gateway's time is used from then on.
//! - **Responses** must be signed by the gateway and bound to the request; otherwise the call fails with
//!   [`ErrorKind::ResponseNotVerified`].
//! - **Compatibility**: values and codes of a newer gateway survive in [`Open`] and [`Error::code_text`], and texts may be
//!   longer than this version knows. Typed responses ignore unknown fields; [`Call::raw`] keeps them: [`RawReply::json`]
//!   into a `serde_json::Value` has everything the gateway sent.
//!
//! It logs through `tracing`: a span for each call, with method, path template, request id and attempts; no tokens, keys,
//! bodies or ids of people.
//!
//! # Features
//!
//! - `tls` (on): https through rustls with the system's certificates.
//! - `actix`: signs fans in on an actix-web site ([`actix::SignIn`]).
//! - `rsa`: generates RSA keys, reads RSA keys without primes, and can sign in pure Rust.

#![deny(missing_docs)]

#[cfg(feature = "actix")]
pub mod actix;
mod ask;
mod call;
mod client;
mod date;
mod discovery;
mod error;
mod key;
mod page;
mod reply;
mod retry;
mod send;
mod signer;
mod system;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod transport;
mod verifier;

pub mod apps;
pub mod authorize;
pub mod circles;
pub mod comments;
pub mod content;
pub mod events;
pub mod gates;
pub mod ledger;
pub mod mandates;
pub mod me;
pub mod memberships;
pub mod partners;
pub mod payments;
pub mod sandbox;
pub mod tips;
pub mod webhook;
pub mod webhook_endpoints;

#[cfg(test)]
mod tests;

/// The programs of the README and of the first guide, compiled as doctests.
#[cfg(doctest)]
mod documented {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guides/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../../docs/guides/sign-fans-in.md")]
    struct SignFansIn;
}

pub use call::{Answer, Call, RawCall};
pub use client::{Client, ClientBuilder};
pub use error::{Error, ErrorKind};
pub use key::Key;
pub use page::Items;
pub use reply::RawReply;
pub use signer::PreparedRequest;

/// The contract itself: every shape and endpoint, including those without a method here.
pub use quanzi_openapi as contract;
pub use quanzi_openapi::id;
pub use quanzi_openapi::scope::{FanScope, Scope};
pub use quanzi_openapi::signature::Algorithm;
pub use quanzi_openapi::{Currency, Cursor, Edit, ErrorCode, Limit, Method, Money, Nothing, Open, Page, Problem, Time};
