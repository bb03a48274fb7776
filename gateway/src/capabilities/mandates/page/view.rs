//! The HTML of the page. Pure; the template escapes every value.

use askama::Template;
use quanzi_openapi::{Money, Time};

use super::service::{DecisionStatus, MandateRequest};
use crate::edge::pages::{Frame, html};

/// What went wrong, as far as it is the fan's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Another site sent the form, or this browser has lost its cookie.
    Elsewhere,
    /// It was decided before, or too late.
    Decided,
}

#[derive(Template)]
#[template(path = "mandates/mandate.html")]
struct MandatePage<'a> {
    frame: &'a Frame<'a>,
    asked: &'a MandateRequest,
    status: DecisionStatus,
    note: Option<Note>,
    form_code: &'a str,
    /// Where fans sign in; empty in a sandbox, and without a provider.
    provider: &'a str,
    per_payment: String,
    per_day: String,
    currency: &'static str,
    until: Option<String>,
    left: String,
}

impl MandatePage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }

    fn is_english(&self) -> bool {
        self.frame.language == crate::edge::pages::Language::English
    }

    fn waits(&self) -> bool {
        self.status == DecisionStatus::Waiting
    }
}

/// The page of a consent.
pub fn asked(
    frame: &Frame<'_>,
    asked: &MandateRequest,
    note: Option<Note>,
    (form_code, provider): (&str, &str),
    now: Time,
) -> String {
    let (row, language) = (&asked.row, frame.language);
    let money = |amount| language.money(Money::new(amount, row.currency));
    let decided_by = row.consent_until.unwrap_or(now);
    html(&MandatePage {
        frame,
        asked,
        status: asked.decision_status(now),
        note,
        form_code,
        provider,
        per_payment: money(row.per_payment),
        per_day: money(row.per_day),
        currency: row.currency.code(),
        until: row.expires_at.map(|time| language.moment(time)),
        left: language.minutes(decided_by.seconds().saturating_sub(now.seconds())),
    })
}
