//! The HTML of the page. Pure; the template escapes every value.

use askama::Template;
use quanzi_openapi::tips::TipDisclosure;
use quanzi_openapi::{ErrorCode, Money, Time};

use super::service::{CashierPayment, CashierStatus};
use crate::edge::pages::{Frame, html};

/// What went wrong, as far as it is the fan's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The wallet holds too little.
    TooLittle,
    /// More than the fan may pay in a day.
    Limit,
    /// The circle is closed.
    Closed,
    /// The fan is no longer a member.
    NoMember,
    /// The post is gone.
    PostGone,
    /// The channel does not answer.
    Channel,
    /// Too much is going on.
    Busy,
    /// Nobody knows yet whether it went through.
    Unknown,
    /// It was decided before.
    Decided,
    /// Another site sent the form.
    Elsewhere,
    /// The form cannot be read.
    Form,
    /// Ours to repair.
    Broken,
}

impl Note {
    /// What a fan is told about a refusal.
    pub const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::BalanceInsufficient => Self::TooLittle,
            ErrorCode::PaymentLimitReached => Self::Limit,
            ErrorCode::CircleNotOpen => Self::Closed,
            ErrorCode::PayerNotMember => Self::NoMember,
            ErrorCode::PostNotFound => Self::PostGone,
            ErrorCode::ChannelUnavailable => Self::Channel,
            ErrorCode::Overloaded => Self::Busy,
            ErrorCode::OutcomeUnknown => Self::Unknown,
            ErrorCode::PaymentConflict => Self::Decided,
            ErrorCode::BodyMalformed
            | ErrorCode::BodyTooLarge
            | ErrorCode::BodyTimeout
            | ErrorCode::ContentTypeUnsupported => Self::Form,
            _ => Self::Broken,
        }
    }
}

#[derive(Template)]
#[template(path = "cashier/payment.html")]
struct PaymentPage<'a> {
    frame: &'a Frame<'a>,
    asked: &'a CashierPayment,
    status: CashierStatus,
    note: Option<Note>,
    form_code: &'a str,
    /// Where fans sign in; empty when that is nowhere.
    provider: &'a str,
    amount: String,
    code: &'static str,
    given_back: String,
    left: String,
    until: String,
    until_exact: String,
    paid_at: Option<String>,
    wallet: Option<Wallet>,
}

/// The fan's wallet, in words.
struct Wallet {
    available: String,
    /// What is in it afterwards, when there is enough.
    after: Option<String>,
    /// What is missing, when there is not.
    missing: Option<String>,
}

impl PaymentPage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }

    fn waits(&self) -> bool {
        self.status == CashierStatus::Waiting
    }

    /// Whether the wallet holds enough.
    fn can_pay(&self) -> bool {
        self.wallet.as_ref().is_some_and(|wallet| wallet.missing.is_none())
    }

    fn appears(&self, how: &str) -> bool {
        let appears = self.asked.fan.as_ref().map(|fan| fan.appears).unwrap_or_default();
        match appears {
            TipDisclosure::Named => how == "named",
            TipDisclosure::Absent => how == "absent",
            _ => how == "anonymous",
        }
    }
}

/// The page of a payment.
pub fn payment(
    frame: &Frame<'_>,
    asked: &CashierPayment,
    note: Option<Note>,
    (form_code, provider): (&str, &str),
    now: Time,
) -> String {
    let (row, language) = (&asked.payment, frame.language);
    let money = |amount| language.money(Money::new(amount, row.currency));
    let until = row.expires_at.unwrap_or(now);
    let wallet = asked.fan.as_ref().map(|fan| {
        let missing = asked.missing();
        let after = fan.available.amount.saturating_sub(row.amount);
        Wallet {
            available: language.money(fan.available),
            after: missing.is_none().then(|| money(after)),
            missing: missing.map(|missing| language.money(missing)),
        }
    });
    html(&PaymentPage {
        frame,
        asked,
        status: asked.status_at(now),
        note,
        form_code,
        provider,
        amount: money(row.amount),
        code: row.currency.code(),
        given_back: money(row.refunded),
        left: language.minutes(until.seconds().saturating_sub(now.seconds())),
        until: language.moment(until),
        until_exact: until.to_string(),
        paid_at: row.succeeded_at.map(|time| language.moment(time)),
        wallet,
    })
}

/// A page without a payment: why there is none to show.
pub fn message(frame: &Frame<'_>, code: ErrorCode) -> String {
    let (title, text) = match code {
        ErrorCode::RouteNotFound => (
            frame.text("This link is not valid", "链接无效"),
            frame.text(
                "The link may be incomplete. Please open it again from where you received it, or ask for a new one. Nothing was paid.",
                "链接可能不完整。请回到原页面重新打开，或重新获取链接。未扣款。",
            ),
        ),
        ErrorCode::MethodNotAllowed | ErrorCode::HeadersTooLarge => (
            frame.text("That did not work", "无法处理"),
            frame.text(
                "Your browser sent a request that this page does not support. Please open the link again.",
                "无法识别浏览器的请求，请重新打开链接。",
            ),
        ),
        ErrorCode::RateLimited | ErrorCode::Overloaded => frame.error_text(code),
        _ => (
            frame.text("Something went wrong on our side", "系统出错了"),
            frame.text(
                "We are sorry. Please open the link again in a moment to see the status of your payment.",
                "非常抱歉。请稍后重新打开链接，查看付款的最新状态。",
            ),
        ),
    };
    frame.message(title, text)
}
