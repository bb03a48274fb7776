//! Signs fans in on an actix-web site: you write two handlers of one line each.
//!
//! Invariant: the pending authorization is in a cookie that only this browser has and that it cannot read; every response to
//! a returning browser deletes it, whatever the outcome.

use actix_web::http::header::{CACHE_CONTROL, COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use crate::authorize::{Authorize, FanTokens, PENDING_SECONDS, PendingAuthorization, SealingKey};
use crate::client::Client;
use crate::error::{Error, ErrorKind};

const NAME: &str = "quanzi_pending";

/// Signs fans in on your site: one value for all workers.
///
/// ```no_run
/// use actix_web::{HttpRequest, HttpResponse, web};
/// use quanzi::actix::SignIn;
/// use quanzi::authorize::FanTokens;
/// use quanzi::{Error, FanScope};
///
/// # fn handlers(client: quanzi::Client, key: quanzi::authorize::SealingKey) -> Result<(), Error> {
/// let sign_in = SignIn::new(client, "https://whisker.example/signed-in", key)?;
///
/// async fn go(sign_in: web::Data<SignIn>) -> Result<HttpResponse, actix_web::Error> {
///     let sent = sign_in.begin(|fan| fan.scopes([FanScope::CirclesJoin])).await;
///     sent.map_err(actix_web::error::ErrorBadGateway)
/// }
///
/// async fn back(sign_in: web::Data<SignIn>, request: HttpRequest) -> HttpResponse {
///     let answer = async |outcome: Result<FanTokens, Error>| match outcome {
///         // Begin a session of your site with this fan in it.
///         Ok(tokens) => Ok::<_, actix_web::Error>(HttpResponse::Ok().body(tokens.fan.to_string())),
///         Err(_) => Ok(HttpResponse::BadRequest().body("Please sign in again.")),
///     };
///     sign_in.finish(&request, answer).await
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SignIn {
    client: Client,
    back: Url,
    key: SealingKey,
}

impl SignIn {
    /// Browsers return to `redirect_uri`, one of the app's, character for character, where [`finish`](Self::finish) handles
    /// them.
    pub fn new(client: Client, redirect_uri: &str, key: SealingKey) -> Result<Self, Error> {
        let back = Url::parse(redirect_uri)
            .map_err(|error| Error::new(ErrorKind::Configuration, "`redirect_uri` is not a URL").with_source(error))?;
        Ok(Self { client, back, key })
    }

    /// Redirects the browser to the gateway, and sets a cookie for its return; `wishes` configures the authorization
    /// request.
    pub async fn begin(&self, wishes: impl FnOnce(Authorize) -> Authorize) -> Result<HttpResponse, Error> {
        let begun = wishes(self.client.authorize(self.back.as_str())).begin().await?;
        let sealed = begun.pending.seal(&self.key)?;
        let response = HttpResponse::SeeOther()
            .insert_header((LOCATION, begun.url))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((SET_COOKIE, self.cookie(&sealed, PENDING_SECONDS)))
            .finish();
        Ok(response)
    }

    /// Handles a returning browser with your function of the outcome: the fan's tokens, or why there are none (see
    /// [`PendingAuthorization::finish`]; [`ErrorKind::AuthorizationNotVerified`] also when this site did not send the
    /// browser).
    pub async fn finish<E: Into<actix_web::Error>>(
        &self,
        request: &HttpRequest,
        answer: impl AsyncFnOnce(Result<FanTokens, Error>) -> Result<HttpResponse, E>,
    ) -> HttpResponse {
        let outcome = self.tokens(request).await;
        let mut response = answer(outcome).await.unwrap_or_else(|error| error.into().error_response());
        if let Ok(gone) = HeaderValue::from_str(&self.cookie("", 0)) {
            response.headers_mut().append(SET_COOKIE, gone);
        }
        response
    }

    async fn tokens(&self, request: &HttpRequest) -> Result<FanTokens, Error> {
        let pending = pending(request).and_then(|sealed| PendingAuthorization::open(&self.key, sealed));
        let pending = pending.ok_or_else(|| {
            Error::new(
                ErrorKind::AuthorizationNotVerified,
                "this site did not send this browser, or it was too long ago",
            )
        })?;
        pending.finish(&self.client, request.query_string()).await
    }

    /// Lax, not strict: the browser returns from the gateway's site.
    fn cookie(&self, sealed: &str, seconds: i64) -> String {
        let (path, secure) = (self.back.path(), if self.back.scheme() == "https" { "; Secure" } else { "" });
        format!("{NAME}={sealed}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// The pending authorization in this browser's cookie.
fn pending(request: &HttpRequest) -> Option<&str> {
    let fields = request.headers().get_all(COOKIE).filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, value)| value)
}
