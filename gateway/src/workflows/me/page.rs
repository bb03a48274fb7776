//! The HTML of the page. Pure; the template escapes every value.

use askama::Template;
use quanzi_openapi::memberships::{Membership, MembershipStatus};
use quanzi_openapi::payments::{Payment, PaymentStatus};
use quanzi_openapi::scope::FanScope;
use quanzi_openapi::{Money, Time};

use super::service::MyOverview;
use crate::edge::pages::{Frame, html};
use crate::workflows::consent::scope_title;

#[derive(Template)]
#[template(path = "me/me.html")]
struct MePage<'a> {
    frame: &'a Frame<'a>,
    own: &'a MyOverview,
    note: Option<&'a str>,
    code: &'a str,
}

#[derive(Template)]
#[template(path = "me/signed_out.html")]
struct SignedOutPage<'a> {
    frame: &'a Frame<'a>,
    provider: &'a str,
    code: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "a template passes what it has by reference")]
impl MePage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }

    fn scope_words(&self, scope: &FanScope) -> &'static str {
        scope_title(self.frame, *scope)
    }

    fn money(&self, money: &Money) -> String {
        self.frame.language.money(*money)
    }

    fn moment(&self, time: &Time) -> String {
        self.frame.language.moment(*time)
    }

    fn membership_status(&self, membership: &Membership) -> &'static str {
        match membership.status.known() {
            Some(MembershipStatus::Pending) => self.frame.text("waiting for approval", "等待审核"),
            _ => self.frame.text("member", "成员"),
        }
    }

    fn paid(&self, payment: &Payment) -> &'static str {
        match payment.status.known() {
            Some(PaymentStatus::RequiresApproval) => self.frame.text("waiting for your approval", "待你确认"),
            Some(PaymentStatus::Succeeded) => self.frame.text("paid", "已付款"),
            Some(PaymentStatus::PartiallyRefunded) => self.frame.text("partially refunded", "部分退款"),
            Some(PaymentStatus::Refunded) => self.frame.text("refunded", "已退款"),
            _ => self.frame.text("not paid", "未付款"),
        }
    }
}

impl SignedOutPage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }
}

/// The page of a person.
pub fn me(frame: &Frame<'_>, own: &MyOverview, note: Option<&str>, code: &str) -> String {
    html(&MePage { frame, own, note, code })
}

/// The page of a browser in which nobody is signed in.
pub fn signed_out(frame: &Frame<'_>, provider: &str, code: &str) -> String {
    html(&SignedOutPage { frame, provider, code })
}
