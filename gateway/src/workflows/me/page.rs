//! The HTML of the page. Pure; the template escapes every value.

use askama::Template;
use quanzi_openapi::memberships::{Membership, MembershipStatus};
use quanzi_openapi::payments::{Payment, PaymentStatus};
use quanzi_openapi::scope::FanScope;
use quanzi_openapi::{Money, Time};

use super::service::Own;
use crate::edge::pages::{Frame, html};
use crate::workflows::consent::scope_title;

#[derive(Template)]
#[template(path = "me/me.html")]
struct MePage<'a> {
    frame: &'a Frame<'a>,
    own: &'a Own,
    note: Option<&'a str>,
    code: &'a str,
}

#[derive(Template)]
#[template(path = "me/stranger.html")]
struct StrangerPage<'a> {
    frame: &'a Frame<'a>,
    provider: &'a str,
    code: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "a template passes what it has by reference")]
impl MePage<'_> {
    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.say(english, chinese)
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

    fn standing(&self, membership: &Membership) -> &'static str {
        match membership.status.known() {
            Some(MembershipStatus::Pending) => self.frame.say("waiting for approval", "等待审核"),
            _ => self.frame.say("member", "成员"),
        }
    }

    fn paid(&self, payment: &Payment) -> &'static str {
        match payment.status.known() {
            Some(PaymentStatus::RequiresApproval) => self.frame.say("waiting for your approval", "待你确认"),
            Some(PaymentStatus::Succeeded) => self.frame.say("paid", "已付款"),
            Some(PaymentStatus::PartiallyRefunded) => self.frame.say("partially refunded", "部分退款"),
            Some(PaymentStatus::Refunded) => self.frame.say("refunded", "已退款"),
            _ => self.frame.say("not paid", "未付款"),
        }
    }
}

impl StrangerPage<'_> {
    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.say(english, chinese)
    }
}

/// The page of a person.
pub fn me(frame: &Frame<'_>, own: &Own, note: Option<&str>, code: &str) -> String {
    html(&MePage { frame, own, note, code })
}

/// The page of a browser in which nobody is signed in.
pub fn stranger(frame: &Frame<'_>, provider: &str, code: &str) -> String {
    html(&StrangerPage { frame, provider, code })
}
