//! The example site `pet_circle` as a visitor and its owner see it: started as a program against a real gateway, walked over HTTP.

#![expect(clippy::expect_used, reason = "this crate is tests: a panic is how a test says no")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use quanzi_tests::browser::{Browser, form_code, leads_to, text};
use quanzi_tests::raw::{Answer, random_text};
use quanzi_tests::stage::Stage;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

const PATIENCE: Duration = Duration::from_secs(20);

/// The program, built.
fn program() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let words =
        ["build", "--locked", "--package", "quanzi-examples", "--example", "pet_circle", "--message-format=json"];
    let built = Command::new(cargo).args(words).current_dir(root).stderr(Stdio::inherit()).output().expect("cargo");
    let said = String::from_utf8(built.stdout).expect("text");
    let artifacts = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = artifacts.filter_map(|artifact| artifact.get("executable")?.as_str().map(PathBuf::from));
    let program = programs.next();
    program.expect("a program")
}

/// The site, running; gone when it is dropped.
struct Site {
    _child: Child,
    url: String,
    password: String,
}

impl Site {
    async fn open(program: &Path, gateway: &str, folder: &Path) -> Self {
        let mut command = tokio::process::Command::new(program);
        command.env("QUANZI_URL", gateway).env("PET_CIRCLE_LISTEN", "127.0.0.1:0").env("PET_CIRCLE_DATA", folder);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the site starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        let mut last_word = async || {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("a line");
            line.expect("more").rsplit(' ').next().expect("a word").to_owned()
        };
        let (url, password) = (last_word().await, last_word().await);
        Self { _child: child, url, password }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// What stands in a page between these.
#[track_caller]
fn between(page: &str, before: &str, after: &str) -> String {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{before} in {page}"));
    rest.split(after).next().expect("a text").to_owned()
}

#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", text(answer));
    answer.header("location").expect("a location").to_owned()
}

#[track_caller]
fn says(page: &Answer, words: &[&str]) -> String {
    let shown = text(page);
    for words in words {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    shown
}

/// Sends a form of the page at `from`, and gives the page it leads to.
async fn send(browser: &mut Browser, site: &Site, from: &str, to: &str, fields: &[(&str, &str)]) -> (String, Answer) {
    let code = form_code(&browser.get(&site.at(from)).await);
    let form = [&[("code", code.as_str())], fields].concat();
    let leads = location(&browser.post(&site.at(to), &form).await);
    let url = if leads.starts_with('/') { site.at(&leads) } else { leads.clone() };
    let page = browser.get(&url).await;
    (leads, page)
}

async fn sign_in(browser: &mut Browser, site: &Site) -> Answer {
    let url = location(&browser.get(&site.at("/sign-in")).await);
    let page = browser.sign_in(&url, "Mei").await;
    let form = [("code", form_code(&page)), ("decision", "allow".to_owned()), ("nickname", "show".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let back = leads_to(&browser.post(&url, &form).await);
    assert!(back.starts_with(&site.at("/signed-in?")), "{back}");
    assert_eq!(location(&browser.get(&back).await), "/");
    browser.get(&site.at("/")).await
}

/// The stream of tips, until one of them is this.
async fn hear(mut stream: reqwest::Response, words: &str) {
    let heard = async {
        let mut said = String::new();
        while let Some(bytes) = stream.chunk().await.expect("the stream goes on") {
            said.push_str(&String::from_utf8_lossy(&bytes));
            if said.contains("event: tip") && said.contains(words) {
                return;
            }
        }
        panic!("the stream ended after {said}");
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the tip arrives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_becomes_a_member_who_comments_and_tips_and_the_owner_sees_it() {
    let (stage, program) = (Stage::sqlite().await, program());
    let folder = std::env::temp_dir().join(format!("pet-circle-{}", random_text()));
    let site = Site::open(&program, stage.url(), &folder).await;
    let (mut mei, mut owner) = (Browser::new(), Browser::new());

    // A stranger reads.
    let home = mei.get(&site.at("/")).await;
    let shown =
        says(&home, &["Meet us at West Lake", "Sign in with Quanzi", "Whisker Pet Supplies (Hangzhou) Co., Ltd."]);
    let cookie = home.header("set-cookie").expect("a session");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let post = format!("/posts/{}", between(&shown, "href=\"/posts/", "\""));
    says(&mei.get(&site.at(&post)).await, &["Bring a harness", "No comments yet"]);
    assert_eq!(mei.get(&site.at("/owner/live")).await.status, 404);

    // Mei signs in; her session is a new one.
    let before = mei.cookie_header();
    says(&sign_in(&mut mei, &site).await, &["Mei", "play money", "Join us"]);
    assert_ne!(between(&mei.cookie_header(), "whisker_session=", ";"), between(&before, "whisker_session=", ";"));

    // The gate explains itself, a form of somebody else does nothing, and the code opens.
    let forged = mei.post(&site.at("/join"), &[("code", "other"), ("invite", "WHISKERS")]).await;
    assert_eq!(forged.status, 403);
    let (_, page) = send(&mut mei, &site, "/", "/join", &[("invite", "")]).await;
    says(&page, &["You cannot join yet", "Join us"]);
    let (_, page) = send(&mut mei, &site, "/", "/join", &[("invite", "WHISKERS")]).await;
    says(&page, &["We will approve you", "Almost in"]);

    // The owner lets her in.
    let (_, page) = send(&mut owner, &site, "/owner", "/owner/enter", &[("password", "guess")]).await;
    says(&page, &["That is not the password", "Owner's sign-in"]);
    let (_, page) = send(&mut owner, &site, "/owner", "/owner/enter", &[("password", &site.password)]).await;
    let shown = says(&page, &["At the door", "Mei", "The bowl is empty"]);
    let approve = format!("/owner/members/{}/approve", between(&shown, "/owner/members/", "/"));
    let (_, page) = send(&mut owner, &site, "/owner", &approve, &[]).await;
    says(&page, &["Nobody is waiting", "<b>1</b>members"]);

    // She comments, likes and tips.
    let once = |page: &Answer| between(&text(page), "name=\"once\" value=\"", "\"");
    let key = once(&mei.get(&site.at(&post)).await);
    let said = [("once", key.as_str()), ("text", "We will bring <b>two</b> cats.")];
    send(&mut mei, &site, &post, &format!("{post}/comment"), &said).await;
    let (_, page) = send(&mut mei, &site, &post, &format!("{post}/comment"), &said).await;
    assert_eq!(says(&page, &["We will bring &#60;b&#62;two"]).matches("class=\"comment\"").count(), 1);
    let (_, page) = send(&mut mei, &site, &post, &format!("{post}/like"), &[]).await;
    says(&page, &["aria-pressed=\"true\">♥ 1"]);
    let listening = reqwest::Client::builder().no_proxy().build().expect("a client");
    let listening =
        listening.get(site.at("/owner/live")).header("cookie", owner.cookie_header()).send().await.expect("a stream");
    let key = once(&mei.get(&site.at(&post)).await);
    let tip = [("once", key.as_str()), ("yuan", "5"), ("message", "For treats")];
    let (waiting, page) = send(&mut mei, &site, &post, &format!("{post}/tip"), &tip).await;
    let cashier = between(&says(&page, &["¥5.00", "One step left"]), "class=\"button\" href=\"", "\"");
    let code = form_code(&mei.get(&cashier).await);
    let pay = [("code", code.as_str()), ("decision", "pay"), ("appear", "named")];
    assert_eq!(mei.post(&cashier, &pay).await.status, 303);
    says(&mei.get(&site.at(&waiting)).await, &["Thank you! It arrived."]);
    hear(listening, "For treats").await;
    says(&owner.get(&site.at("/owner")).await, &["¥5.00", "For treats", "¥4.85"]);

    // With an allowance the next one takes one touch.
    let (consent, page) = send(&mut mei, &site, "/", "/allow", &[]).await;
    let code = form_code(&page);
    assert_eq!(mei.post(&consent, &[("code", &code), ("decision", "agree")]).await.status, 303);
    let key = once(&mei.get(&site.at(&post)).await);
    let tip = [("once", key.as_str()), ("yuan", "10"), ("message", "")];
    let (leads, page) = send(&mut mei, &site, &post, &format!("{post}/tip"), &tip).await;
    assert_eq!(leads, post);
    says(&page, &["¥10.00 from you: thank you!", "¥15.00 in tips"]);

    // The owner writes and pins.
    let draft = [("title", "Closed on Monday"), ("body", "We sleep.\r\n\r\nSo do the cats.")];
    let (_, page) = send(&mut owner, &site, "/owner", "/owner/posts", &draft).await;
    let shown = says(&page, &["Published.", "Closed on Monday"]);
    // The one before was pinned when the site opened.
    let not_pinned = shown.split("action=\"").find(|form| form.starts_with("/owner/posts/") && form.contains("/pin\""));
    let (pin, _) = not_pinned.and_then(|form| form.split_once('"')).expect("a form that pins");
    let (_, page) = send(&mut owner, &site, "/owner", pin, &[]).await;
    assert_eq!(says(&page, &["Unpin"]).matches("/unpin").count(), 2);
    says(&mei.get(&site.at("/")).await, &["We sleep.", "member of the circle since", "One-touch tips are on"]);

    // Mei takes her consent back, at Quanzi; the site notices.
    let me = format!("{}/me", stage.url());
    let page = mei.get(&me).await;
    let hidden = |name: &str| between(&text(&page), &format!("name=\"{name}\" value=\""), "\"");
    let (code, partner, grant) = (form_code(&page), hidden("partner"), hidden("grant"));
    let form = [("code", code.as_str()), ("decision", "revoke_grant"), ("partner", &partner), ("grant", &grant)];
    assert_eq!(mei.post(&me, &form).await.status, 303);
    assert_eq!(location(&mei.get(&site.at("/")).await), "/");
    says(&mei.get(&site.at("/")).await, &["You revoked your permission", "Sign in with Quanzi"]);

    // Started again it is who it was, also at another address.
    drop(site);
    let again = Site::open(&program, stage.url(), &folder).await;
    says(&Browser::new().get(&again.at("/")).await, &["Closed on Monday", "♥ 1"]);
    says(&sign_in(&mut Browser::new(), &again).await, &["Join us"]);
    drop(again);
    std::fs::remove_dir_all(folder).expect("its folder");
    stage.close().await;
}
