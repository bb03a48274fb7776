//! Sends a browser to the provider, and handles its return.

use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::PersonId;
use quanzi_openapi::{ErrorCode, Time};
use url::Url;

use super::store::{self, Sent};
use crate::access::Access;
use crate::access::provider::{Claims, SKEW_SECONDS, Sending};
use crate::capabilities::fans::{self, PersonFacts};
use crate::edge::sessions::{self, Browser, unknown_sign_in_time};
use crate::platform::config::SignIn;
use crate::platform::crypto::hash;
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Where browsers come back to.
pub(super) const BACK_PATH: &str = "/sign-in/back";
/// How long a person may take to sign in.
const VISIT_SECONDS: i64 = 600;
/// What a person is called of whom the provider tells no nickname.
const NAMELESS: &str = "Fan";

/// How the person has to sign in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reauthentication {
    /// Also who is signed in there.
    pub again: bool,
    /// Within so many seconds.
    pub max_age: Option<i64>,
}

impl Reauthentication {
    const fn is_any(self) -> bool {
        self.again || self.max_age.is_some()
    }
}

/// Whether people sign in here: live, with a provider. A sandbox invents its people.
pub fn is_offered(access: &Access) -> bool {
    settings(access).is_some()
}

fn settings(access: &Access) -> Option<&SignIn> {
    access.config.sign_in.as_ref().filter(|_| !access.config.mode.is_sandbox())
}

/// The host of the provider, for people; empty without one.
pub fn provider_name(access: &Access) -> String {
    let url = settings(access).and_then(|settings| Url::parse(&settings.issuer).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn back(access: &Access) -> String {
    format!("{}{BACK_PATH}", access.config.public_url)
}

/// Sends the browser to the provider; returns the URL. Afterwards it continues at this path of the gateway.
pub async fn begin(
    access: &Access,
    now: Time,
    browser: &Browser,
    target: &str,
    reauthentication: Reauthentication,
) -> Result<String, Fault> {
    let settings = settings(access).ok_or_else(|| Fault::internal("signing in is not configured"))?;
    let random = || format!("{}{}", access.clock.random_text(), access.clock.random_text());
    let (state, nonce, verifier) = (random(), random(), random());
    // With a `max_age` the provider has to say when the person signed in (OpenID Connect Core, 2); zero means the same as again.
    let max_age = reauthentication.max_age.or(reauthentication.again.then_some(0));
    let sending = Sending { state: &state, nonce: &nonce, verifier: &verifier, again: reauthentication.again, max_age };
    let url = access.provider.send(settings, &back(access), &sending).await?;
    let mut tx = access.db.begin().await?;
    let sent = Sent {
        browser_hash: browser.hash().to_vec(),
        verifier: verifier.clone(),
        nonce: nonce.clone(),
        target: target.to_owned(),
        expires_at: now.plus_seconds(VISIT_SECONDS),
        fresh: reauthentication.is_any(),
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
    access: &Access,
    now: Time,
    browser: Browser,
    state: &str,
    code: Option<&str>,
) -> Result<Option<Arrived>, Fault> {
    let Some(settings) = settings(access) else { return Ok(None) };
    let mut tx = access.db.begin().await?;
    let sent = store::take(&mut tx, hash(state), browser.hash()).await?;
    tx.commit().await?;
    let Some(sent) = sent.filter(|sent| sent.expires_at > now) else { return Ok(None) };
    // Without a code the person gave up there: the page asks again.
    let Some(code) = code else { return Ok(Some(Arrived { browser, target: sent.target })) };
    // The provider's time is the machine's.
    let machine_seconds = access.clock.machine().seconds();
    let told = (sent.verifier.as_str(), sent.nonce.as_str());
    let claims = access.provider.ask(settings, &back(access), code, told, machine_seconds).await?;
    let sent_ago_seconds = now.seconds() - sent.expires_at.plus_seconds(-VISIT_SECONDS).seconds();
    let authenticated_at = authenticated_at(claims.auth_time, sent_ago_seconds, now, machine_seconds);
    if sent.fresh && authenticated_at == unknown_sign_in_time() {
        return Err(ErrorCode::SignInAgeUnknown.into());
    }
    let mut tx = access.db.begin().await?;
    let person = person(access, &mut tx, now, settings, &claims).await?;
    let browser = sessions::begin(&mut tx, access, &browser, person, authenticated_at, now).await?;
    tx.commit().await?;
    // Before the browser hears that it is signed in: nothing is decided by what was known before.
    fans::service::refresh(&access.db, person, facts(&claims)).await?;
    Ok(Some(Arrived { browser, target: sent.target }))
}

/// Who has signed in there since this browser was sent has signed in now. Otherwise when the provider says; long ago, when it does
/// not say.
fn authenticated_at(auth_time: Option<i64>, sent_ago_seconds: i64, now: Time, machine_seconds: i64) -> Time {
    let Some(auth_time) = auth_time else { return unknown_sign_in_time() };
    let ago_seconds = machine_seconds.saturating_sub(auth_time);
    if ago_seconds > sent_ago_seconds + SKEW_SECONDS {
        now.plus_seconds(-ago_seconds).max(unknown_sign_in_time())
    } else {
        now
    }
}

/// What the provider tells of a person.
fn facts(claims: &Claims) -> PersonFacts {
    PersonFacts { real_name_verified: claims.real_name_verified, adult: claims.adult, credit_band: claims.credit_band }
}

/// The person behind a subject. Of one we know, the facts that the provider tells hold from now on; the nickname stays.
async fn person(
    access: &Access,
    tx: &mut Tx,
    now: Time,
    settings: &SignIn,
    claims: &Claims,
) -> Result<PersonId, Fault> {
    let facts = facts(claims);
    let (issuer, subject) = (&settings.issuer, &claims.sub);
    if let Some(person) = store::find_person(tx, issuer, subject).await? {
        fans::service::renew(tx, now, person, facts).await?;
        return Ok(person);
    }
    let nickname = claims.nickname.as_deref().and_then(|nickname| Nickname::new(nickname).ok());
    let nickname = nickname.unwrap_or_else(|| NAMELESS.into());
    let person = fans::service::admit(tx, &access.clock, now, nickname, facts).await?;
    if store::add_person(tx, issuer, subject, person, now).await? {
        return Ok(person);
    }
    // Another request of the same person was faster; the row just made belongs to nobody.
    store::find_person(tx, issuer, subject)
        .await?
        .ok_or_else(|| Fault::internal("a person that was just created is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_signed_in_since_the_browser_was_sent_has_signed_in_now() {
        // Sent 30 seconds ago; the provider's clock is the machine's, ours stands at 9,000.
        let now = Time::from_seconds(9_000);
        let at = |auth_time| authenticated_at(auth_time, 30, now, 1_000_000).seconds();

        assert_eq!(at(Some(1_000_000 - 30)), 9_000);
        assert_eq!(at(Some(1_000_000 + 20)), 9_000, "its clock is ahead");
        assert_eq!(at(Some(1_000_000 - 30 - SKEW_SECONDS)), 9_000, "its clock is behind");
        assert_eq!(at(Some(1_000_000 - 300)), 8_700, "before: what it says");
        assert_eq!((at(Some(1)), at(None)), (0, 0), "long ago");
    }

    #[test]
    fn what_a_browser_was_sent_with_is_in_no_log() {
        let text = |text: &str| text.to_owned();
        let sent = Sent {
            browser_hash: vec![7; 32],
            verifier: text("s3cret-verifier"),
            nonce: text("s3cret-nonce"),
            target: text("/oauth/authorize?request_uri=s3cret"),
            expires_at: unknown_sign_in_time(),
            fresh: true,
        };

        assert!(!format!("{sent:?}").contains("s3cret"), "{sent:?}");
    }
}
