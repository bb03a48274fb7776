//! All pages, rendered once: path to response. Serving is a look-up.

use std::collections::BTreeMap;

use actix_web::web::Bytes;
use askama::Template;
use quanzi_openapi::ErrorCode;

use crate::assets::{Assets, ICON};
use crate::errors::{self, Place};
use crate::fingerprint::fingerprint;
use crate::guides::{FILES, GUIDES};
use crate::markdown::{Heading, inline, render};
use crate::ordered::Json;
use crate::reference::{Chapter, Reference};
use crate::schema::Row;

const PAGE: &str = "public, max-age=300";
const FOREVER: &str = "public, max-age=31536000, immutable";
const HTML: &str = "text/html; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// What is sent for one address.
pub struct Answer {
    /// Media type.
    pub media_type: &'static str,
    /// `Cache-Control`.
    pub cache: &'static str,
    /// Fingerprint of the body, in quotes.
    pub etag: String,
    /// Body.
    pub body: Bytes,
}

/// Every page.
pub struct Site {
    answers: BTreeMap<String, Answer>,
    not_found: Answer,
}

impl Site {
    /// All pages of a gateway at this address.
    pub fn new(public_url: &str, sandbox: bool) -> Self {
        let document_text = quanzi_openapi::document_text(public_url, sandbox).unwrap_or_default();
        let document: Json = serde_json::from_str(&document_text).unwrap_or(Json::Null);
        let mut builder = Builder { answers: BTreeMap::new(), assets: Assets::new(), public_url, sandbox };
        builder.assets();
        builder.home();
        builder.guides();
        builder.reference(&document);
        builder.errors();
        builder.texts(document_text);
        let frame = builder.frame("Page not found", "Page not found.", "", None);
        let not_found = answer(HTML, PAGE, html(&NotFound { frame: &frame }));
        Self { answers: builder.answers, not_found }
    }

    /// The answer for a path; when the reader prefers Markdown or JSON and the page has such a twin, the twin.
    pub fn find(&self, path: &str, accept: &str) -> Option<&Answer> {
        let wants = |kind: &str| accept.contains(kind) && !accept.contains("text/html");
        let twin = |ending: &str| self.answers.get(&format!("{path}.{ending}"));
        let preferred = if wants("text/markdown") {
            twin("md")
        } else if wants("json") {
            twin("json")
        } else {
            None
        };
        preferred.or_else(|| self.answers.get(path))
    }

    /// The page for everything else.
    pub const fn not_found(&self) -> &Answer {
        &self.not_found
    }

    /// Every address.
    #[cfg(test)]
    pub fn addresses(&self) -> impl Iterator<Item = (&str, &Answer)> {
        self.answers.iter().map(|(path, answer)| (path.as_str(), answer))
    }
}

struct Builder<'a> {
    answers: BTreeMap<String, Answer>,
    assets: Assets,
    public_url: &'a str,
    sandbox: bool,
}

/// What stands around every page.
struct Frame<'a> {
    title: String,
    summary: String,
    css: &'a str,
    js: &'a str,
    public_url: &'a str,
    sandbox: bool,
    markdown: Option<String>,
    at: String,
    nav: Vec<NavGroup>,
}

struct NavGroup {
    title: &'static str,
    links: Vec<NavLink>,
}

struct NavLink {
    href: String,
    text: String,
    method: &'static str,
    current: bool,
}

struct GuideLink {
    href: String,
    title: &'static str,
    summary: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    frame: &'a Frame<'a>,
    groups: Vec<(&'static str, Vec<GuideLink>)>,
    first_call: String,
    refusal: String,
}

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage<'a> {
    frame: &'a Frame<'a>,
    html: String,
    contents: Vec<Heading>,
    next: Option<GuideLink>,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct ReferencePage<'a> {
    frame: &'a Frame<'a>,
    chapters: &'a [Chapter],
    problem: &'a [Row],
}

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage<'a> {
    frame: &'a Frame<'a>,
    groups: Vec<(&'static str, Vec<ErrorCode>)>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: &'a Frame<'a>,
    code: ErrorCode,
    remedy: String,
    advice: String,
    places: Vec<Place>,
    example: String,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound<'a> {
    frame: &'a Frame<'a>,
}

/// Guides in the groups of the navigation.
const NAV: [(&str, &[&str]); 3] = [
    ("Start", &["getting-started", "signing", "keys-and-rotation"]),
    ("All calls", &["errors", "idempotency", "pagination", "rate-limits", "versioning"]),
    (
        "The platform",
        &[
            "circles-and-gates",
            "members-and-posts",
            "scopes-and-consent",
            "sign-fans-in",
            "act-for-a-fan",
            "payments",
            "ledger",
            "events",
            "webhooks",
            "sandbox",
            "operating",
        ],
    ),
];

/// The first call, as the README shows it.
const FIRST_CALL: &str = r#"use std::fs::read_to_string;
use quanzi::{Client, Key, circles::NewCircle};

let key = Key::from_pem(&read_to_string(key_file)?)?;
let client = Client::builder("http://127.0.0.1:8080")
    .app(app_id, key)
    .build()?;

let letters = NewCircle::new("Letters");
let circle = client.circles().create(letters).await?;
println!("{} is {}", circle.name, circle.status);"#;

const REFUSAL: &str = r#"{
  "type": "http://127.0.0.1:8080/errors/digest_mismatch",
  "title": "The body does not match its Content-Digest.",
  "status": 401,
  "code": "digest_mismatch",
  "detail": "Compute the digest over exactly the bytes you send.",
  "request_id": "req_01JD8Z62T0FMN9RN32Q10XFR7N",
  "retryable": false
}"#;

impl Builder<'_> {
    fn put(&mut self, path: impl Into<String>, media_type: &'static str, cache: &'static str, body: String) {
        self.answers.insert(path.into(), answer(media_type, cache, body));
    }

    fn frame(&self, title: &str, summary: &str, at: &str, markdown: Option<String>) -> Frame<'_> {
        let mut nav: Vec<NavGroup> = NAV
            .iter()
            .map(|(title, slugs)| NavGroup {
                title,
                links: slugs.iter().filter_map(|slug| guide_nav(slug, at)).collect(),
            })
            .collect();
        let link = |href: &str, text: &str| NavLink {
            href: href.to_owned(),
            text: text.to_owned(),
            method: "",
            current: href == at,
        };
        nav.push(NavGroup {
            title: "Reference",
            links: vec![
                link("/docs/api", "API reference"),
                link("/errors", "Error codes"),
                link("/openapi.json", "OpenAPI document"),
            ],
        });
        Frame {
            title: title.to_owned(),
            summary: summary.to_owned(),
            css: &self.assets.css.path,
            js: &self.assets.js.path,
            public_url: self.public_url,
            sandbox: self.sandbox,
            markdown,
            at: at.to_owned(),
            nav,
        }
    }

    fn assets(&mut self) {
        for asset in [&self.assets.css, &self.assets.js] {
            self.answers.insert(asset.path.clone(), answer(asset.media_type, FOREVER, asset.text.to_owned()));
        }
        self.put("/favicon.svg", "image/svg+xml", PAGE, ICON.to_owned());
        for (path, text) in FILES {
            self.put(format!("/docs/{path}"), PLAIN, PAGE, (*text).to_owned());
        }
    }

    fn home(&mut self) {
        let frame = self.frame(
            "Documentation",
            "Build circles for your fans: guides, API reference and error codes.",
            "/docs",
            None,
        );
        let groups = NAV
            .iter()
            .map(|(title, slugs)| (*title, slugs.iter().filter_map(|slug| guide_link(slug)).collect()))
            .collect();
        let first_call =
            crate::highlight::highlight("rust", &FIRST_CALL.replace("http://127.0.0.1:8080", self.public_url));
        let refusal = crate::highlight::highlight("json", &REFUSAL.replace("http://127.0.0.1:8080", self.public_url));
        let page = html(&Home { frame: &frame, groups, first_call, refusal });
        self.put("/docs", HTML, PAGE, page);
    }

    fn guides(&mut self) {
        let order: Vec<&str> = NAV.iter().flat_map(|(_, slugs)| slugs.iter().copied()).collect();
        for guide in GUIDES {
            let at = format!("/docs/{}", guide.slug);
            let markdown = guide.markdown();
            let rendered = render(&markdown);
            let frame = self.frame(guide.title(), &plain(&guide.summary()), &at, Some(format!("{at}.md")));
            let next = order.iter().skip_while(|slug| **slug != guide.slug).nth(1).and_then(|slug| guide_link(slug));
            let page = html(&GuidePage { frame: &frame, html: rendered.html, contents: rendered.contents, next });
            self.put(format!("{at}.md"), MARKDOWN, PAGE, markdown);
            self.put(at, HTML, PAGE, page);
        }
    }

    fn reference(&mut self, document: &Json) {
        let reference = Reference::new(document, self.public_url, self.sandbox);
        let mut frame = self.frame(
            "API reference",
            "All operations: scope, parameters, body, response, error codes.",
            "/docs/api",
            None,
        );
        frame.nav = reference
            .chapters
            .iter()
            .map(|chapter| NavGroup {
                title: chapter.title,
                links: chapter
                    .operations
                    .iter()
                    .map(|entry| NavLink {
                        href: format!("#{}", entry.id),
                        text: entry.summary.clone(),
                        method: entry.method,
                        current: false,
                    })
                    .collect(),
            })
            .collect();
        let page = html(&ReferencePage { frame: &frame, chapters: &reference.chapters, problem: &reference.problem });
        self.put("/docs/api", HTML, PAGE, page);
    }

    fn errors(&mut self) {
        let frame = self.frame("Error codes", "All error codes: what they mean and what to do.", "/errors", None);
        let page = html(&ErrorsPage { frame: &frame, groups: errors::groups() });
        self.put("/errors", HTML, PAGE, page);
        for code in ErrorCode::ALL {
            let at = code.page();
            let frame = self.frame(code.as_str(), code.title(), &at, Some(format!("{at}.md")));
            let page = html(&ErrorPage {
                frame: &frame,
                code: *code,
                remedy: inline(code.remedy()),
                advice: errors::advice_html(*code),
                places: errors::places(*code, self.sandbox),
                example: crate::highlight::highlight("json", &example(*code, self.public_url)),
            });
            self.put(at.clone(), HTML, PAGE, page);
            self.put(format!("{at}.md"), MARKDOWN, PAGE, errors::markdown(*code, self.sandbox));
            self.put(format!("{at}.json"), "application/json", PAGE, errors::json(*code, self.sandbox));
        }
    }

    /// What machines read: the document, and the guides by the convention of llms.txt.
    fn texts(&mut self, document: String) {
        let url = self.public_url;
        let guide = |slug: &&str| {
            let guide = GUIDES.iter().find(|guide| guide.slug == *slug)?;
            Some(format!("- [{}]({url}/docs/{slug}.md): {}\n", guide.title(), plain(&guide.summary())))
        };
        let chapters: Vec<String> = NAV
            .iter()
            .map(|(title, slugs)| {
                format!("\n## {title}\n\n{}", slugs.iter().filter_map(guide).collect::<Vec<_>>().concat())
            })
            .collect();
        let short = format!(
            "# Quanzi\n\n> An open platform for circles: interest communities that partner merchants run inside a wallet or super-app. \
             Signed requests (RFC 9421), DPoP-bound tokens, problem documents with stable codes.\n\nEvery guide is Markdown. Every \
             refusal carries a `code` with a page of its own.\n{}\n## Reference\n\n- [OpenAPI document]({url}/openapi.json): every \
             operation, shape and error code\n- [API reference]({url}/docs/api): the same to read\n- [Error codes]({url}/errors): a page \
             for each; add `.md` or `.json`\n\n## Optional\n\n- [All guides in one file]({url}/llms-full.txt)\n",
            chapters.concat()
        );
        let full = GUIDES.iter().map(crate::guides::Guide::markdown).collect::<Vec<_>>().join("\n\n");
        self.put("/llms.txt", PLAIN, PAGE, short);
        self.put("/llms-full.txt", PLAIN, PAGE, full);
        self.put("/openapi.json", "application/json", PAGE, document);
    }
}

fn guide_nav(slug: &str, at: &str) -> Option<NavLink> {
    let link = guide_link(slug)?;
    Some(NavLink { current: link.href == at, href: link.href, text: link.title.to_owned(), method: "" })
}

fn guide_link(slug: &str) -> Option<GuideLink> {
    let guide = GUIDES.iter().find(|guide| guide.slug == slug)?;
    Some(GuideLink { href: format!("/docs/{slug}"), title: guide.title(), summary: inline(&guide.summary()) })
}

/// Markdown without its marks, for places that take plain text.
fn plain(markdown: &str) -> String {
    markdown.replace(['`', '*'], "")
}

/// The refusal as it arrives.
fn example(code: ErrorCode, public_url: &str) -> String {
    let is_oauth = (ErrorCode::InvalidRequest..=ErrorCode::UseDpopNonce).contains(&code);
    let text = |text: &str| serde_json::Value::from(text).to_string();
    if is_oauth {
        return format!(
            "{{\n  \"error\": \"{code}\",\n  \"error_description\": {},\n  \"error_uri\": \"{public_url}{}\",\n  \"request_id\": \"…\"\n}}",
            text(code.remedy()),
            code.page()
        );
    }
    format!(
        "{{\n  \"type\": \"{public_url}{}\",\n  \"title\": {},\n  \"status\": {},\n  \"code\": \"{code}\",\n  \"detail\": \"…\",\n  \"request_id\": \"…\",\n  \"retryable\": {}\n}}",
        code.page(),
        text(code.title()),
        code.status(),
        code.retryable()
    )
}

fn answer(media_type: &'static str, cache: &'static str, body: String) -> Answer {
    let etag = format!("\"{}\"", fingerprint(body.as_bytes()));
    Answer { media_type, cache, etag, body: Bytes::from(body) }
}

/// A template writes into a String and has no fallible filter, so it cannot fail; an empty page would be seen by the tests.
fn html(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
