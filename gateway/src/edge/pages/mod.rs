//! What every page for people shares: frame, language, look. Which pages there are is for the capabilities.
//!
//! Invariants: every value is escaped by a template; one stylesheet, under its fingerprint, and no script.

mod http;
mod language;

use std::time::Duration;

use askama::Template;
use quanzi_openapi::ErrorCode;
use sha2::{Digest as _, Sha256};

pub use http::configure;
pub use language::Language;

use crate::edge::page_request::{Page, PageRequest};
use crate::platform::Platform;
use crate::platform::db::{RetryPolicy, Tx, retry};
use crate::platform::fault::Fault;
use crate::platform::outbox;

/// The look of the pages.
const CSS: &str = include_str!("../../../assets/pages/pages.css");

/// Shortened SHA-256 in hexadecimal: it names a version of a file of ours, it protects nothing.
fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(first))
}

/// Where the stylesheet is: under its fingerprint, so that it can be kept for ever.
#[derive(Debug, Clone)]
pub struct Style {
    path: String,
}

impl Style {
    /// Of this gateway.
    pub fn new() -> Self {
        Self { path: format!("/pages/{}/pages.css", fingerprint(CSS.as_bytes())) }
    }
}

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
    pub fn say<'t>(&self, english: &'t str, chinese: &'t str) -> &'t str {
        self.language.say(english, chinese)
    }

    /// The page, marked with its language.
    pub fn page(&self, page: Page) -> Page {
        page.header("content-language", self.language.tag()).header("vary", "Accept-Language")
    }

    /// Sends the browser to an address of somebody else, by a page that leads there at once: so the navigation is a fresh one, that
    /// no `form-action` of ours or of a page before ours is held against, and that carries no referrer.
    pub fn leave(&self, url: &str) -> Page {
        self.page(Page::new(html(&LeavePage { frame: self, url })))
    }

    /// A page that says one thing.
    pub fn message(&self, title: &str, text: &str) -> String {
        html(&MessagePage { frame: self, title, text })
    }

    /// What went wrong that is no page's own business: title and text.
    pub fn trouble(&self, code: ErrorCode) -> (&'static str, &'static str) {
        let (english, chinese) = match code {
            ErrorCode::RateLimited => (
                (
                    "A little too fast",
                    "Many requests came from your network just now. Wait a few seconds, then look again.",
                ),
                ("请求太频繁", "你的网络刚才发出了太多请求。请稍等几秒再试。"),
            ),
            ErrorCode::Overloaded => {
                (("Very busy right now", "Wait a few seconds, then look again."), ("系统繁忙", "请稍等几秒再试。"))
            }
            ErrorCode::MethodNotAllowed
            | ErrorCode::HeadersTooLarge
            | ErrorCode::BodyMalformed
            | ErrorCode::BodyTooLarge
            | ErrorCode::BodyTimeout
            | ErrorCode::ContentTypeUnsupported => (
                (
                    "That did not work",
                    "Your browser asked in a way that this page does not understand. Go back and try again.",
                ),
                ("无法处理", "浏览器的请求无法识别。请返回重试。"),
            ),
            ErrorCode::SignInUnavailable => (
                (
                    "Signing in does not work right now",
                    "The place where you sign in does not answer. Wait a minute, then try again.",
                ),
                ("暂时无法登录", "登录服务没有响应。请稍等一分钟再试。"),
            ),
            ErrorCode::SignInFailed => (
                (
                    "That sign-in did not work",
                    "The place where you sign in gave no good answer. Go back to where you came from and start again.",
                ),
                ("登录没有成功", "登录服务没有给出有效的答复。请返回原处重新开始。"),
            ),
            ErrorCode::SignInAgeUnknown => (
                (
                    "We do not know when you signed in",
                    "You were asked to sign in anew, but the place where you sign in does not say when you did. So nothing has changed. Please tell whoever runs it.",
                ),
                (
                    "无法确认登录时间",
                    "本次需要你重新登录，但登录服务没有说明你何时登录。什么都没有改变。请联系该服务的运营方。",
                ),
            ),
            _ => (
                ("Something is broken on our side", "We are sorry. Go back and try again in a moment."),
                ("我们这边出了点问题", "很抱歉。请稍后返回重试。"),
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

/// Length of the token that names a page: 128 bits in base64url.
const TOKEN_LETTERS: usize = 22;

/// Whether a page can have this name: nothing else is looked up.
pub fn is_token(text: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    text.len() == TOKEN_LETTERS && text.bytes().all(is_letter)
}

/// Runs of a transaction that lost against another.
const RUNS_MAX: u32 = 5;
/// Shortest pause between two runs; grows with each.
const PAUSE_MILLIS: u64 = 5;

/// Does what a form says in a transaction of its own, again when it lost against another.
pub async fn written<T>(platform: &Platform, work: impl AsyncFn(&mut Tx) -> Result<T, Fault>) -> Result<T, Fault> {
    let work = &work;
    let pause = |run: u32| {
        let [jitter] = platform.clock.random::<1>();
        Duration::from_millis(u64::from(run) * PAUSE_MILLIS + u64::from(jitter) % PAUSE_MILLIS)
    };
    let once = move || async move {
        let mut tx = platform.db.begin().await?;
        let value = work(&mut tx).await?;
        outbox::service::commit(platform, tx).await?;
        Ok(value)
    };
    retry(RetryPolicy { runs_max: RUNS_MAX, pause }, once).await
}

/// A template writes into a String and has no fallible filter, so it cannot fail; an empty page would be seen by the tests.
pub fn html(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
