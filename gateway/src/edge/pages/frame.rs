//! What stands around every page, and the pages that say one thing.

use askama::Template;
use quanzi_openapi::ErrorCode;

use super::language::Language;
use super::style::Style;
use super::template::html;
use crate::edge::page_request::{Page, PageRequest};

/// What stands around every page.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub language: Language,
    pub css: &'a str,
    pub sandbox: bool,
}

impl<'a> Frame<'a> {
    /// For this visitor.
    pub fn new(page_request: &PageRequest, style: &'a Style) -> Self {
        let accepted = page_request.header(actix_web::http::header::ACCEPT_LANGUAGE).unwrap_or_default();
        Self {
            language: Language::of(accepted),
            css: &style.path,
            sandbox: page_request.edge().config.mode.is_sandbox(),
        }
    }
}

impl Frame<'_> {
    /// Of two texts, the one in the language of the page.
    pub fn text<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.language.text(english, chinese)
    }

    /// The page, marked with its language.
    pub fn page(&self, page: Page) -> Page {
        page.header("content-language", self.language.tag()).header("vary", "Accept-Language")
    }

    /// Sends the browser to another origin, by a page that leads there immediately: so it is a new navigation, to which no
    /// earlier `form-action` applies and which has no referrer.
    pub fn leave(&self, url: &str) -> Page {
        self.page(Page::new(html(&LeavePage { frame: self, url })))
    }

    /// A page that says one thing.
    pub fn message(&self, title: &str, text: &str) -> String {
        html(&MessagePage { frame: self, title, text })
    }

    /// What went wrong that is no page's own business: title and text.
    pub fn error_text(&self, code: ErrorCode) -> (&'static str, &'static str) {
        let (english, chinese) = match code {
            ErrorCode::RateLimited => (
                (
                    "Too many requests",
                    "Your network sent many requests just now. Please wait a few seconds and try again.",
                ),
                ("请求太频繁", "你所在的网络请求过于频繁，请稍等几秒再试。"),
            ),
            ErrorCode::Overloaded => (
                ("We are very busy right now", "Please wait a few seconds and try again."),
                ("系统繁忙", "请稍等几秒再试。"),
            ),
            ErrorCode::MethodNotAllowed
            | ErrorCode::HeadersTooLarge
            | ErrorCode::BodyMalformed
            | ErrorCode::BodyTooLarge
            | ErrorCode::BodyTimeout
            | ErrorCode::ContentTypeUnsupported => (
                (
                    "That did not work",
                    "Your browser sent a request that this page does not support. Please go back and try again.",
                ),
                ("无法处理", "无法识别浏览器的请求，请返回重试。"),
            ),
            ErrorCode::SignInUnavailable => (
                (
                    "Sign-in is currently unavailable",
                    "The sign-in service does not respond. Please wait a minute and try again.",
                ),
                ("暂时无法登录", "登录服务没有响应，请一分钟后重试。"),
            ),
            ErrorCode::SignInFailed => (
                (
                    "Sign-in failed",
                    "The sign-in service returned an invalid response. Please go back to where you came from and start again.",
                ),
                ("登录失败", "登录服务返回了无效的结果，请返回原页面重新开始。"),
            ),
            ErrorCode::SignInAgeUnknown => (
                (
                    "Your sign-in time could not be verified",
                    "You were asked to sign in again, but the sign-in service did not say when you signed in, so nothing has changed. Please contact the operator of the sign-in service.",
                ),
                (
                    "无法确认登录时间",
                    "本次操作需要重新登录，但登录服务未提供登录时间，因此未作任何更改。请联系登录服务的运营方。",
                ),
            ),
            _ => (
                ("Something went wrong on our side", "We are sorry. Please go back and try again in a moment."),
                ("系统出错了", "非常抱歉，请稍后返回重试。"),
            ),
        };
        if self.language == Language::English { english } else { chinese }
    }
}

#[derive(Template)]
#[template(path = "pages/message.html")]
struct MessagePage<'a> {
    frame: &'a Frame<'a>,
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "pages/leave.html")]
struct LeavePage<'a> {
    frame: &'a Frame<'a>,
    url: &'a str,
}
