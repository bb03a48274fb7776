//! Use-cases of the page: view, agree, decline.

use quanzi_openapi::Time;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::PartnerId;
use quanzi_openapi::mandates::MandateStatus;

use super::super::{model, service, store::MandateRow};
use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::capabilities::partners;
use crate::edge::pages::in_transaction;
use crate::edge::sessions::{self, Browser};
use crate::platform::Context;
use crate::platform::Platform;
use crate::platform::fault::Fault;

/// A consent with what a fan wants to know about it.
#[derive(Debug)]
pub struct MandateRequest {
    pub partner: PartnerId,
    pub row: MandateRow,
    pub partner_name: String,
    pub legal_name: String,
    /// The circle it is for; none: all of the partner's.
    pub circle_name: Option<String>,
    /// What the fan is called; only when it is the fan who looks.
    pub nickname: Option<Nickname>,
    /// Whether who looks may decide.
    pub can_decide: bool,
}

/// How it stands for a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionStatus {
    /// The fan can decide.
    Waiting,
    /// The fan agreed.
    Agreed,
    /// The fan said no.
    Declined,
    /// It was taken back.
    Revoked,
    /// Too late.
    Expired,
}

impl MandateRequest {
    /// How it stands.
    pub fn decision_status(&self, now: Time) -> DecisionStatus {
        let over = self.row.expires_at.is_some_and(|expires_at| expires_at <= now);
        match self.row.status {
            MandateStatus::RequiresConsent if model::waits(&self.row, now) => DecisionStatus::Waiting,
            // The job that ends it may be a moment late.
            MandateStatus::Active if !over => DecisionStatus::Agreed,
            MandateStatus::Declined => DecisionStatus::Declined,
            MandateStatus::Revoked => DecisionStatus::Revoked,
            _ => DecisionStatus::Expired,
        }
    }
}

/// The consent whose page this is, with everything on it.
pub async fn find(
    platform: &Platform,
    now: Time,
    browser: &Browser,
    token: &str,
) -> Result<Option<MandateRequest>, Fault> {
    // Not from a replica: who has just decided wants to see it.
    let mut tx = platform.db.reading_newest().await?;
    let Some((partner, row)) = service::find_by_token(&mut tx, token).await? else { return Ok(None) };
    let named = partners::service::get(&mut tx, partner).await?;
    let circle_name = match row.circle_id {
        Some(circle) => Some(circles::service::find(&mut tx, partner, circle).await?.name.into_string()),
        None => None,
    };
    let person = fans::service::person(&mut tx, partner, row.fan_id).await?;
    let session = sessions::find(&mut tx, browser, now).await?;
    let can_decide = platform.config.mode.is_sandbox() || session.is_some_and(|session| session.person == person.id);
    Ok(Some(MandateRequest {
        partner,
        row,
        partner_name: named.name.into_string(),
        legal_name: named.legal_name.into_string(),
        circle_name,
        nickname: can_decide.then_some(person.nickname),
        can_decide,
    }))
}

/// Does what the fan says; false when it was too late, or decided before.
pub async fn decide(platform: &Platform, now: Time, asked: &MandateRequest, agrees: bool) -> Result<bool, Fault> {
    // Not the caller's business alone: this is the line that consents pass.
    if !asked.can_decide {
        return Err(Fault::internal("a consent decision came without a known person"));
    }
    let context = Context { platform, partner: asked.partner, now };
    in_transaction(platform, async |tx| service::decide(tx, context, asked.row.id, agrees).await).await
}
