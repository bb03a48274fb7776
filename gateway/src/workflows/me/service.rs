//! Use-cases of the page: view, revoke, sign out.

use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::{FanId, GrantId, MandateId, PartnerId};
use quanzi_openapi::mandates::Mandate;
use quanzi_openapi::memberships::{Membership, MembershipStatus};
use quanzi_openapi::payments::{Payment, PaymentsQuery};
use quanzi_openapi::scope::{FanScope, FanScopes};
use quanzi_openapi::{ErrorCode, Limit, Time};

use crate::access::Access;
use crate::access::oauth::revocation;
use crate::capabilities::apps;
use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::capabilities::grants;
use crate::capabilities::mandates;
use crate::capabilities::memberships;
use crate::capabilities::partners;
use crate::capabilities::payments;
use crate::edge::pages::in_transaction;
use crate::edge::sessions::{self, Browser, Session};
use crate::platform::Context;
use crate::platform::db::{Reader, Tx};
use crate::platform::fault::Fault;

/// Circles shown for one partner.
const CIRCLES_MAX: i64 = 50;
/// Payments shown for one partner.
const PAYMENTS_MAX: u32 = 10;

/// Everything on the page.
#[derive(Debug)]
pub struct MyOverview {
    pub nickname: Nickname,
    pub sections: Vec<PartnerSection>,
    /// The last of them, when there are more.
    pub more_after: Option<FanId>,
}

/// What a person is and does at one partner.
#[derive(Debug)]
pub struct PartnerSection {
    pub partner: PartnerId,
    pub partner_name: String,
    pub legal_name: String,
    /// Circles by name, and how the fan stands in each.
    pub circles: Vec<(String, Membership)>,
    pub grants: Vec<Granted>,
    pub mandates: Vec<Mandate>,
    pub payments: Vec<Payment>,
}

/// What an app may do.
#[derive(Debug)]
pub struct Granted {
    pub id: GrantId,
    pub app_name: String,
    pub scopes: FanScopes,
    pub since: Time,
}

/// The page of the person signed in in this browser, starting with the partners after this fan of the person.
pub async fn find(
    access: &Access,
    now: Time,
    browser: &Browser,
    after: Option<FanId>,
) -> Result<Option<MyOverview>, Fault> {
    // Not from a replica: who has just taken something back wants to see it.
    let mut tx = access.db.reading_newest().await?;
    let Some(session) = sessions::find(&mut tx, browser, now).await? else { return Ok(None) };
    let Some(nickname) = fans::service::nickname(&mut tx, session.person).await? else { return Ok(None) };
    let mut sections = Vec::new();
    let (fans, more_after) = fans::service::fans_of(&mut tx, session.person, after).await?;
    for (partner, fan) in fans {
        sections.push(section(access, &mut tx, now, partner, fan).await?);
    }
    Ok(Some(MyOverview { nickname, sections, more_after }))
}

async fn section(
    access: &Access,
    tx: &mut Reader,
    now: Time,
    partner: PartnerId,
    fan: FanId,
) -> Result<PartnerSection, Fault> {
    let named = partners::service::get(tx, partner).await?;
    let mut joined = Vec::new();
    for membership in memberships::service::of_fan(tx, partner, fan, CIRCLES_MAX).await? {
        let stands = [MembershipStatus::Active, MembershipStatus::Pending];
        if membership.status.known().is_some_and(|status| stands.contains(status)) {
            let circle = circles::service::find(tx, partner, membership.circle).await?;
            joined.push((circle.name.into_string(), membership));
        }
    }
    let mut granted = Vec::new();
    for grant in grants::service::of_fan(tx, partner, fan).await? {
        let app_name = apps::service::get(tx, partner, grant.app_id).await?.name.into_string();
        granted.push(Granted { id: grant.id, app_name, scopes: grant.scopes(), since: grant.created_at });
    }
    let mandates = mandates::service::active_of_fan(tx, Context { platform: access, partner, now }, fan).await?;
    let mut wanted = PaymentsQuery::default();
    wanted.fan = Some(fan);
    wanted.limit = Some(Limit::new(PAYMENTS_MAX));
    let paid = payments::service::page(tx, Context { platform: access, partner, now }, &wanted).await?.data;
    Ok(PartnerSection {
        partner,
        partner_name: named.name.into_string(),
        legal_name: named.legal_name.into_string(),
        circles: joined,
        grants: granted,
        mandates,
        payments: paid,
    })
}

/// Takes a grant back. Its tokens are refused here before the page is shown again, elsewhere within two seconds. Where the app could
/// charge within a standing consent, the fan's mandates of that partner are revoked too, because revoking everything includes them.
pub async fn revoke_grant(
    access: &Access,
    now: Time,
    browser: &Browser,
    partner: PartnerId,
    grant: GrantId,
) -> Result<(), Fault> {
    as_person(access, now, browser, async |tx, session| {
        let fan = own_fan(tx, partner, session, ErrorCode::GrantNotFound).await?;
        let scopes = grants::service::revoke_own(tx, &access.clock, partner, now, fan, grant).await?;
        if scopes.contains(FanScope::PaymentsMandate) {
            let context = Context { platform: access, partner, now };
            for mandate in mandates::service::active_of_fan(tx, context, fan).await? {
                mandates::service::revoke(tx, context, mandate.id).await?;
            }
        }
        Ok(())
    })
    .await?;
    if let Err(fault) = revocation::catch_up(access).await {
        tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "revocations could not be read");
    }
    Ok(())
}

/// Takes a mandate back: nothing is charged within it from then on.
pub async fn revoke_mandate(
    access: &Access,
    now: Time,
    browser: &Browser,
    partner: PartnerId,
    mandate: MandateId,
) -> Result<(), Fault> {
    as_person(access, now, browser, async |tx, session| {
        let fan = own_fan(tx, partner, session, ErrorCode::MandateNotFound).await?;
        mandates::service::revoke_own(tx, Context { platform: access, partner, now }, fan, mandate).await
    })
    .await
}

async fn own_fan(tx: &mut Tx, partner: PartnerId, session: Session, missing: ErrorCode) -> Result<FanId, Fault> {
    Ok(fans::service::find_of_person(tx, partner, session.person).await?.ok_or(missing)?)
}

/// Signs out: the browser as it is from now on.
pub async fn sign_out(access: &Access, browser: &Browser) -> Result<Browser, Fault> {
    let mut tx = access.db.begin().await?;
    let after = sessions::end(&mut tx, access, browser).await?;
    tx.commit().await?;
    Ok(after)
}

/// Runs for the signed-in person.
async fn as_person(
    access: &Access,
    now: Time,
    browser: &Browser,
    work: impl AsyncFn(&mut Tx, Session) -> Result<(), Fault>,
) -> Result<(), Fault> {
    in_transaction(access, async |tx| {
        let session = sessions::find(tx, browser, now).await?.ok_or(ErrorCode::FanNotFound)?;
        work(tx, session).await
    })
    .await
}
