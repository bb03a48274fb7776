//! The pages as a fan reads them. Pure: from a request to its text; every value is escaped by the template.

use askama::Template;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::FanId;
use quanzi_openapi::scope::FanScope;

use super::service::Asked;
use crate::edge::pages::{Frame, html};

/// What went wrong, as far as it is the fan's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Another site sent the form, or it is older than the sign-in.
    Elsewhere,
    /// The form cannot be read.
    Form,
    /// Nobody was chosen, or the nickname is too long.
    Person,
    /// Ours to repair, or too much is going on.
    Broken,
}

impl Note {
    /// What a fan is told about a refusal.
    pub const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::FanNotFound | ErrorCode::FieldInvalid => Self::Person,
            ErrorCode::BodyMalformed
            | ErrorCode::BodyTooLarge
            | ErrorCode::BodyTimeout
            | ErrorCode::ContentTypeUnsupported => Self::Form,
            _ => Self::Broken,
        }
    }

    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Elsewhere => (
                "That did not come from this page. Nothing has changed; please choose again.",
                "请求不是从本页发出的。什么都没有改变，请重新选择。",
            ),
            Self::Form => (
                "Your browser sent something this page does not understand. Please choose again.",
                "浏览器的请求无法识别。请重新选择。",
            ),
            Self::Person => (
                "Choose a person, or give the new one a name of 1 to 40 characters.",
                "请选择一个人，或为新人起一个 1 到 40 字的昵称。",
            ),
            Self::Broken => (
                "Something did not work on our side. Nothing has changed; please try again in a moment.",
                "我们这边出了点问题。什么都没有改变，请稍后再试。",
            ),
        }
    }
}

/// A thing that an app may do, in words for a fan.
struct Line<'a> {
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "consent/sign_in.html")]
struct SignInPage<'a> {
    frame: &'a Frame<'a>,
    asked: &'a Asked,
    note: Option<&'a str>,
    code: &'a str,
    persons: &'a [(FanId, Nickname)],
    provider: &'a str,
}

#[derive(Template)]
#[template(path = "consent/consent.html")]
struct ConsentPage<'a> {
    frame: &'a Frame<'a>,
    asked: &'a Asked,
    note: Option<&'a str>,
    code: &'a str,
    nickname: &'a str,
    lines: Vec<Line<'a>>,
    asks_nickname: bool,
    back_to: String,
}

impl SignInPage<'_> {
    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.say(english, chinese)
    }
}

impl ConsentPage<'_> {
    fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.say(english, chinese)
    }
}

fn said<'a>(frame: &Frame<'_>, note: Option<Note>) -> Option<&'a str> {
    note.map(|note| {
        let (english, chinese) = note.text();
        frame.say(english, chinese)
    })
}

/// The page on which a fan signs in: in a sandbox as one of these persons or as a new one, live at the provider if there is one.
pub fn sign_in(
    frame: &Frame<'_>,
    asked: &Asked,
    note: Option<Note>,
    code: &str,
    persons: &[(FanId, Nickname)],
    provider: &str,
) -> String {
    html(&SignInPage { frame, asked, note: said(frame, note), code, persons, provider })
}

/// The page on which a fan consents.
pub fn consent(frame: &Frame<'_>, asked: &Asked, note: Option<Note>, code: &str) -> String {
    let scopes = asked.opened.scopes();
    let lines = scopes.without(FanScope::ProfileNickname).iter().map(|scope| line(frame, scope)).collect();
    let origin = asked.opened.redirect_origin();
    html(&ConsentPage {
        frame,
        asked,
        note: said(frame, note),
        code,
        nickname: asked.nickname.as_ref().map_or("", Nickname::as_str),
        lines,
        asks_nickname: scopes.contains(FanScope::ProfileNickname),
        back_to: origin.split_once("://").map_or_else(String::new, |(_, host)| host.to_owned()),
    })
}

/// What a scope means to a fan.
pub fn title<'a>(frame: &Frame<'_>, scope: FanScope) -> &'a str {
    line(frame, scope).title
}

fn line<'a>(frame: &Frame<'_>, scope: FanScope) -> Line<'a> {
    let (title, text) = match scope {
        FanScope::OpenId => (
            ("Recognise you when you come back", "再次来访时认出你"),
            (
                "By a number that is different at every merchant, so nobody can compare notes about you.",
                "用一个每家商户都不同的编号，商户之间无法比对。",
            ),
        ),
        FanScope::ProfileNickname => (
            ("See your nickname", "看到你的昵称"),
            (
                "Only the nickname, never your real name. It also stands beside your comments.",
                "只有昵称，不含真实姓名。昵称也会显示在你的评论旁。",
            ),
        ),
        FanScope::CirclesJoin => (
            ("Join and leave circles for you", "替你加入或退出圈子"),
            (
                "We check a circle's rules; the merchant learns only whether you may join.",
                "圈子的门槛由我们核对，商户只知道你能否加入。",
            ),
        ),
        FanScope::ContentPost => {
            (("Post in your name", "以你的名义发帖"), ("Where a circle lets you post.", "仅限圈子允许你发帖的地方。"))
        }
        FanScope::ContentComment => (
            ("Comment and react in your name", "以你的名义评论和互动"),
            (
                "Where a circle lets you comment. Where you are a moderator, they can also delete comments of others for you.",
                "仅限圈子允许你评论的地方。若你是圈子的管理员，也可替你删除他人的评论。",
            ),
        ),
        FanScope::PaymentsTip => (
            ("Prepare tips for you", "替你准备打赏"),
            (
                "You approve each tip on a page of ours. Nothing is paid because of today's yes.",
                "每一笔都要你在我们的页面上确认。今天的同意不会产生扣款。",
            ),
        ),
        FanScope::PaymentsMandate => (
            ("Ask you for a standing consent to pay, and use it", "请求你开通并使用免确认支付"),
            (
                "You see the limits on a page of ours and decide then. Within them they can pay for you without asking again. Nothing is paid because of today's yes.",
                "限额会在我们的页面上写明，由你再作决定。开通后，限额之内可直接替你付款，不再询问。今天的同意不会产生扣款。",
            ),
        ),
        // Of a later contract.
        other => ((other.about(), other.about()), ("", "")),
    };
    Line { title: frame.say(title.0, title.1), text: frame.say(text.0, text.1) }
}
