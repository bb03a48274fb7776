//! Sending a browser to the provider, and taking it back.

use quanzi_openapi::Time;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::PersonId;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::provider::{Claims, Sending};
use super::store::{self, Sent};
use crate::app::App;
use crate::config::SignIn;
use crate::db::Tx;
use crate::fans::{self, Facts};
use crate::fault::Fault;
use crate::sessions::{self, Browser};

/// Where browsers come back to.
pub(super) const BACK_PATH: &str = "/sign-in/back";
/// How long a person may take to sign in.
const VISIT_SECONDS: i64 = 600;
/// What a person is called of whom the provider tells no nickname.
const NAMELESS: &str = "Fan";

/// How the person has to sign in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// Also who is signed in there.
    pub again: bool,
    /// Within so many seconds.
    pub max_age: Option<i64>,
}

/// Whether people sign in here: live, with a provider. A sandbox invents its people.
pub fn is_offered(app: &App) -> bool {
    settings(app).is_some()
}

fn settings(app: &App) -> Option<&SignIn> {
    app.config.sign_in.as_ref().filter(|_| !app.config.mode.is_sandbox())
}

/// The host of the provider, for people; empty without one.
pub fn provider_name(app: &App) -> String {
    let url = settings(app).and_then(|settings| Url::parse(&settings.issuer).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// The origin of the provider: what a form's redirect must be allowed to reach.
pub fn provider_origin(app: &App) -> String {
    let url = settings(app).and_then(|settings| Url::parse(&settings.issuer).ok());
    url.map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

fn back(app: &App) -> String {
    format!("{}{BACK_PATH}", app.config.public_url)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Sends the browser to the provider: where it goes. Afterwards it goes on at this path of ours.
pub async fn begin(app: &App, now: Time, browser: &Browser, target: &str, wish: Wish) -> Result<String, Fault> {
    let settings = settings(app).ok_or_else(|| Fault::internal("nobody can sign in here"))?;
    let random = || format!("{}{}", app.clock.random_text(), app.clock.random_text());
    let (state, nonce, verifier) = (random(), random(), random());
    let sending =
        Sending { state: &state, nonce: &nonce, verifier: &verifier, again: wish.again, max_age: wish.max_age };
    let url = app.provider.send(settings, &back(app), &sending).await?;
    let mut tx = app.db.begin().await?;
    let sent = Sent {
        browser_hash: browser.hash().to_vec(),
        verifier: verifier.clone(),
        nonce: nonce.clone(),
        target: target.to_owned(),
        expires_at: now.plus_seconds(VISIT_SECONDS),
    };
    store::add(&mut tx, hash(&state), &sent).await?;
    tx.commit().await?;
    Ok(url)
}

/// A browser that came back, signed in or not, and where it goes on.
pub(super) struct Arrived {
    pub browser: Browser,
    pub target: String,
}

/// Takes a browser back. Nothing when it was not sent, or too long ago, or is another.
pub(super) async fn arrive(
    app: &App,
    now: Time,
    browser: Browser,
    state: &str,
    code: Option<&str>,
) -> Result<Option<Arrived>, Fault> {
    let Some(settings) = settings(app) else { return Ok(None) };
    let mut tx = app.db.begin().await?;
    let sent = store::take(&mut tx, hash(state), browser.hash()).await?;
    tx.commit().await?;
    let Some(sent) = sent.filter(|sent| sent.expires_at > now) else { return Ok(None) };
    // Without a code the person gave up there: the page asks again.
    let Some(code) = code else { return Ok(Some(Arrived { browser, target: sent.target })) };
    // The provider's time is the machine's.
    let machine_seconds = app.clock.machine().seconds();
    let told = (sent.verifier.as_str(), sent.nonce.as_str());
    let claims = app.provider.ask(settings, &back(app), code, told, machine_seconds).await?;
    let mut tx = app.db.begin().await?;
    let person = person(app, &mut tx, now, settings, &claims).await?;
    let authenticated_at = authenticated_at(&claims, now, machine_seconds);
    let browser = sessions::begin(&mut tx, app, &browser, person, authenticated_at, now).await?;
    tx.commit().await?;
    Ok(Some(Arrived { browser, target: sent.target }))
}

/// Who has just come from there has signed in now, unless the provider says it was a while ago.
fn authenticated_at(claims: &Claims, now: Time, machine_seconds: i64) -> Time {
    let ago_seconds = claims.auth_time.map_or(0, |at| machine_seconds.saturating_sub(at));
    if ago_seconds > VISIT_SECONDS { now.plus_seconds(-ago_seconds) } else { now }
}

/// The person behind a subject; what the provider tells of it holds from now on.
async fn person(app: &App, tx: &mut Tx, now: Time, settings: &SignIn, claims: &Claims) -> Result<PersonId, Fault> {
    let facts =
        Facts { real_name_verified: claims.real_name_verified, adult: claims.adult, credit_band: claims.credit_band };
    let (issuer, subject) = (&settings.issuer, &claims.sub);
    if let Some(person) = store::find_person(tx, issuer, subject).await? {
        fans::service::renew(tx, now, person, facts).await?;
        return Ok(person);
    }
    let nickname = claims.nickname.as_deref().and_then(|nickname| Nickname::new(nickname).ok());
    let nickname = nickname.unwrap_or_else(|| NAMELESS.into());
    let person = fans::service::admit(tx, &app.clock, now, nickname, facts).await?;
    if store::add_person(tx, issuer, subject, person, now).await? {
        return Ok(person);
    }
    // Another request of the same person was faster; the row just made belongs to nobody.
    store::find_person(tx, issuer, subject).await?.ok_or_else(|| Fault::internal("a person was made and is not there"))
}
