//! The HTML of the pages. Pure; the template escapes every value.

use askama::Template;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::fans::Nickname;
use quanzi_openapi::id::FanId;
use quanzi_openapi::scope::FanScope;

use super::service::ConsentRequest;
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
                "The request did not come from this page. Nothing has changed; please choose again.",
                "请求并非来自本页面，未作任何更改，请重新选择。",
            ),
            Self::Form => (
                "Your browser sent something this page does not support. Please choose again.",
                "无法识别浏览器的请求，请重新选择。",
            ),
            Self::Person => (
                "Choose a person, or enter a nickname of 1 to 40 characters for a new one.",
                "请选择一个用户，或为新用户填写 1 到 40 字的昵称。",
            ),
            Self::Broken => (
                "Something went wrong on our side. Nothing has changed; please try again in a moment.",
                "系统出错了，未作任何更改，请稍后重试。",
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
    asked: &'a ConsentRequest,
    note: Option<&'a str>,
    code: &'a str,
    persons: &'a [(FanId, Nickname)],
    provider: &'a str,
}

#[derive(Template)]
#[template(path = "consent/consent.html")]
struct ConsentPage<'a> {
    frame: &'a Frame<'a>,
    asked: &'a ConsentRequest,
    note: Option<&'a str>,
    code: &'a str,
    nickname: &'a str,
    lines: Vec<Line<'a>>,
    asks_nickname: bool,
    back_to: String,
}

impl SignInPage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }
}

impl ConsentPage<'_> {
    fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.frame.text(english, chinese)
    }
}

fn said<'a>(frame: &Frame<'_>, note: Option<Note>) -> Option<&'a str> {
    note.map(|note| {
        let (english, chinese) = note.text();
        frame.text(english, chinese)
    })
}

/// The page on which a fan signs in: in a sandbox as one of these persons or as a new one, live at the provider if there is one.
pub fn sign_in(
    frame: &Frame<'_>,
    asked: &ConsentRequest,
    note: Option<Note>,
    code: &str,
    persons: &[(FanId, Nickname)],
    provider: &str,
) -> String {
    html(&SignInPage { frame, asked, note: said(frame, note), code, persons, provider })
}

/// The page on which a fan consents.
pub fn consent(frame: &Frame<'_>, asked: &ConsentRequest, note: Option<Note>, code: &str) -> String {
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
            ("Recognise you when you return", "再次访问时识别你"),
            (
                "By an ID that is different for every merchant, so merchants cannot compare notes about you.",
                "使用每家商户各不相同的编号，商户之间无法相互比对。",
            ),
        ),
        FanScope::ProfileNickname => (
            ("See your nickname", "看到你的昵称"),
            (
                "Only the nickname, never your real name. It is also shown with your comments.",
                "只有昵称，不含真实姓名。昵称也会显示在你的评论旁。",
            ),
        ),
        FanScope::CirclesJoin => (
            ("Join and leave circles for you", "代你加入或退出圈子"),
            (
                "We check the circle's rules; the merchant learns only whether you can join.",
                "圈子的加入条件由我们核对，商户只知道你能否加入。",
            ),
        ),
        FanScope::ContentPost => (
            ("Post in your name", "以你的名义发帖"),
            ("In circles where you are allowed to post.", "仅限允许你发帖的圈子。"),
        ),
        FanScope::ContentComment => (
            ("Comment and like in your name", "以你的名义评论和点赞"),
            (
                "In circles where you are allowed to comment. Where you are a moderator, the merchant can also delete other people's comments on your behalf.",
                "仅限允许你评论的圈子。如果你是圈子的管理员，商户还可以代你删除他人的评论。",
            ),
        ),
        FanScope::PaymentsTip => (
            ("Create tips for you", "代你发起打赏"),
            (
                "You approve each tip on our payment page. Agreeing now does not pay anything.",
                "每一笔都需要你在我们的支付页面上确认。本次授权不会产生扣款。",
            ),
        ),
        FanScope::PaymentsMandate => (
            ("Ask you to pre-approve payments", "请求你开通免确认支付"),
            (
                "You will see the limits on our page and decide then. Within these limits the merchant can charge you without asking again. Agreeing now does not pay anything.",
                "我们会在页面上列明限额，由你决定是否开通。开通后，商户可以在限额内直接扣款，无需逐笔确认。本次授权不会产生扣款。",
            ),
        ),
        // Of a later contract.
        other => ((other.about(), other.about()), ("", "")),
    };
    Line { title: frame.text(title.0, title.1), text: frame.text(text.0, text.1) }
}
