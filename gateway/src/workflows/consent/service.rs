//! Use-cases of the page: view, sign in, consent, deny, leave.

use quanzi_openapi::fans::{NewSandboxFan, Nickname};
use quanzi_openapi::id::{FanId, PersonId};
use quanzi_openapi::scope::{FanScope, FanScopes};
use quanzi_openapi::{ErrorCode, Time};

use super::model::{self, Known, Step};
use crate::access::Access;
use crate::access::oauth::authorization::{self, Denial, Opened};
use crate::capabilities::apps;
use crate::capabilities::fans;
use crate::capabilities::grants;
use crate::capabilities::partners;
use crate::edge::pages::in_transaction;
use crate::edge::sessions::{self, Browser, Session};
use crate::platform::db::Tx;
use crate::platform::fault::Fault;

/// Invented persons that can be chosen.
const PERSONS_MAX: i64 = 20;

/// A request with what a fan wants to know about it.
#[derive(Debug)]
pub struct ConsentRequest {
    pub opened: Opened,
    pub partner_name: String,
    pub legal_name: String,
    pub app_name: String,
    /// Nickname of the signed-in person.
    pub nickname: Option<Nickname>,
    /// Whether the fan shows the nickname to this app already.
    pub shows_nickname: bool,
    pub step: Step,
    session: Option<Session>,
}

/// The request a browser came with, and what comes next.
pub async fn find(
    access: &Access,
    now: Time,
    browser: &Browser,
    client: &str,
    request_uri: &str,
) -> Result<Option<ConsentRequest>, Fault> {
    let Some(opened) = authorization::open(access, client, request_uri, now).await? else { return Ok(None) };
    // Not from a replica: who has just signed in wants to go on.
    let mut tx = access.db.reading_newest().await?;
    let session = sessions::find(&mut tx, browser, now).await?;
    let (mut nickname, mut granted) = (None, None);
    if let Some(session) = session {
        nickname = fans::service::nickname(&mut tx, session.person).await?;
        if let Some(fan) = fans::service::find_of_person(&mut tx, opened.partner, session.person).await? {
            granted = grants::service::find(&mut tx, opened.partner, fan, opened.app).await?;
        }
    }
    let granted = granted.map(|row| (row.asked(), row.scopes()));
    let authenticated_at = session.map(|session| session.authenticated_at);
    let known = Known { pushed_at: opened.pushed_at, authenticated_at, granted, now };
    let step = model::next(&opened.request, known);
    let partner = partners::service::get(&mut tx, opened.partner).await?;
    let asking = apps::service::get(&mut tx, opened.partner, opened.app).await?;
    Ok(Some(ConsentRequest {
        partner_name: partner.name.into_string(),
        legal_name: partner.legal_name.into_string(),
        app_name: asking.name.into_string(),
        nickname,
        shows_nickname: granted.is_some_and(|(_, scopes)| scopes.contains(FanScope::ProfileNickname)),
        step,
        session,
        opened,
    }))
}

/// Whom a tester can be (sandbox).
pub async fn persons(access: &Access, asked: &ConsentRequest) -> Result<Vec<(FanId, Nickname)>, Fault> {
    let mut tx = access.db.reading_newest().await?;
    fans::service::newest(&mut tx, asked.opened.partner, PERSONS_MAX).await
}

/// Who signs in (sandbox).
#[derive(Debug)]
pub enum Who {
    /// An invented person of the partner.
    Known(FanId),
    /// One to be invented.
    Invented(NewSandboxFan),
}

/// Signs an invented person in: the browser as it is from now on.
pub async fn sign_in(
    access: &Access,
    now: Time,
    browser: &Browser,
    asked: &ConsentRequest,
    who: &Who,
) -> Result<Browser, Fault> {
    // Not the caller's business alone: nobody signs in without proof where money is real.
    if !access.config.mode.is_sandbox() {
        return Err(Fault::internal("a test person tried to sign in in live mode"));
    }
    in_transaction(access, async |tx| {
        let person = person(access, tx, asked, who, now).await?;
        sessions::begin(tx, access, browser, person, now, now).await
    })
    .await
}

async fn person(access: &Access, tx: &mut Tx, asked: &ConsentRequest, who: &Who, now: Time) -> Result<PersonId, Fault> {
    let partner = asked.opened.partner;
    let fan = match who {
        Who::Known(fan) => *fan,
        Who::Invented(new) => fans::service::invent(tx, &access.clock, partner, now, new).await?.id,
    };
    Ok(fans::service::person_of(tx, partner, fan).await?.ok_or(ErrorCode::FanNotFound)?)
}

/// Signs out: the browser as it is from now on.
pub async fn leave(access: &Access, browser: &Browser) -> Result<Browser, Fault> {
    in_transaction(access, async |tx| sessions::end(tx, access, browser).await).await
}

/// The fan agrees, to the nickname too or not: where the browser goes. Nothing when the request was completed before.
pub async fn agree(
    access: &Access,
    now: Time,
    asked: &ConsentRequest,
    with_nickname: bool,
) -> Result<Option<String>, Fault> {
    let scopes = asked.opened.scopes();
    let agreed = if with_nickname { scopes } else { scopes.without(FanScope::ProfileNickname) };
    if agreed.is_empty() {
        return refuse(access, now, asked).await;
    }
    accept(access, now, asked, Some(agreed)).await
}

/// Goes on with what the fan agreed to before.
pub async fn go_on(access: &Access, now: Time, asked: &ConsentRequest) -> Result<Option<String>, Fault> {
    accept(access, now, asked, None).await
}

async fn accept(
    access: &Access,
    now: Time,
    asked: &ConsentRequest,
    agreed: Option<FanScopes>,
) -> Result<Option<String>, Fault> {
    let session = asked.session.ok_or_else(|| Fault::internal("a consent came without a known person"))?;
    let opened = &asked.opened;
    in_transaction(access, async |tx| {
        if !opened.complete(tx, now).await? {
            return Ok(None);
        }
        let fan = fans::service::of_person(tx, &access.clock, opened.partner, session.person, now).await?;
        let grant = match agreed {
            Some(agreed) => {
                let pair = (fan, opened.app);
                grants::service::agree(tx, &access.clock, opened.partner, now, pair, opened.scopes(), agreed).await?
            }
            // It may have ended a moment ago; looking again asks the fan.
            None => grants::service::find(tx, opened.partner, fan, opened.app)
                .await?
                .ok_or_else(|| Fault::new(ErrorCode::Overloaded))?,
        };
        opened
            .accept(access, tx, (grant.id, grant.fan_id), grant.scopes(), session.authenticated_at, now)
            .await
            .map(Some)
    })
    .await
}

/// The fan refuses: where the browser goes. Nothing when the request was completed before.
pub async fn refuse(access: &Access, now: Time, asked: &ConsentRequest) -> Result<Option<String>, Fault> {
    let is_first = in_transaction(access, async |tx| asked.opened.complete(tx, now).await).await?;
    if is_first { asked.opened.denial(access, Denial::AccessDenied).map(Some) } else { Ok(None) }
}
