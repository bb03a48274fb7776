//! The pages as a reader sees them: each one renders, no link is broken, nothing is loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use actix_web::http::header;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use quanzi_openapi::{ErrorCode, OPERATIONS};

use crate::guides::{FILES, GUIDES};
use crate::{Docs, DocsSettings, configure};

const URL: &str = "http://127.0.0.1:8080";

fn docs_at(public_url: String) -> Docs {
    Docs::new(DocsSettings {
        public_url,
        is_sandbox: true,
        entrance: Box::new(|_| None),
        refuse_method: Box::new(|_, allow| {
            HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allow)).finish()
        }),
    })
}

fn docs() -> Docs {
    docs_at(URL.to_owned())
}

/// Values of an attribute, in order.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let start = format!(" {name}=\"");
    html.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn html_pages(docs: &Docs) -> BTreeMap<String, String> {
    let pages = docs.site().addresses().filter(|(_, answer)| answer.media_type.starts_with("text/html"));
    pages.map(|(path, answer)| (path.to_owned(), String::from_utf8(answer.body.to_vec()).unwrap())).collect()
}

#[test]
fn every_internal_link_leads_somewhere() {
    let docs = docs();
    let pages = html_pages(&docs);
    let known: BTreeSet<&str> = docs.site().addresses().map(|(path, _)| path).chain(["/docs/"]).collect();
    let anchors: BTreeMap<&str, BTreeSet<&str>> =
        pages.iter().map(|(path, html)| (path.as_str(), attributes(html, "id").into_iter().collect())).collect();
    let mut broken = BTreeSet::new();

    for (path, html) in &pages {
        for link in attributes(html, "href") {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { path.as_str() } else { target };
            let has_anchor = anchor.is_empty() || anchors.get(target).is_some_and(|ids| ids.contains(anchor));
            if !known.contains(target) || !has_anchor {
                broken.insert(format!("{path} -> {link}"));
            }
        }
    }

    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_page_has_two_anchors_of_one_name() {
    for (path, html) in html_pages(&docs()) {
        let ids = attributes(&html, "id");
        let different: BTreeSet<&str> = ids.iter().copied().collect();

        assert_eq!(ids.len(), different.len(), "{path}");
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere_and_the_policy_is_kept() {
    for (path, html) in html_pages(&docs()) {
        for source in attributes(&html, "src") {
            assert!(source.starts_with('/') && !source.starts_with("//"), "{path}: {source}");
        }
        for tag in html.split('<').filter(|tag| tag.starts_with("link ")) {
            assert!(tag.contains("href=\"/"), "{path}: {tag}");
        }
        assert!(!html.contains("<style") && !html.contains(" style=\"") && !html.contains(" onclick="), "{path}");
        assert_eq!(html.matches("<script").count(), 1, "{path}");
    }
}

#[test]
fn every_guide_code_and_operation_has_its_page() {
    let docs = docs();
    let pages = html_pages(&docs);

    for guide in GUIDES {
        let page = &pages[&format!("/docs/{}", guide.slug)];
        assert!(page.contains(&format!("<h1>{}</h1>", guide.title())), "{}", guide.slug);
        assert!(docs.site().find(&format!("/docs/{}.md", guide.slug), "").is_some());
    }
    for code in ErrorCode::ALL {
        assert!(pages[&code.page()].contains(code.as_str()));
    }
    for operation in OPERATIONS {
        let anchor = format!("id=\"{}\"", (operation.name)());
        assert!(pages["/docs/api"].contains(&anchor), "{anchor}");
    }
    for page in pages.values() {
        assert!(page.contains("</html>"));
    }
}

#[test]
fn the_reference_names_exactly_the_codes_of_each_operation() {
    let pages = html_pages(&docs());
    let articles: Vec<&str> = pages["/docs/api"].split("<article class=\"operation\" ").skip(1).collect();

    assert_eq!(articles.len(), OPERATIONS.len());
    for (article, operation) in articles.iter().map(|article| {
        (article, OPERATIONS.iter().find(|operation| article.starts_with(&format!("id=\"{}\"", (operation.name)()))))
    }) {
        let operation = operation.unwrap();
        let shown: BTreeSet<&str> =
            attributes(article, "href").into_iter().filter_map(|link| link.strip_prefix("/errors/")).collect();
        let declared: BTreeSet<&str> = operation.fails().into_iter().map(ErrorCode::as_str).collect();

        assert_eq!(shown, declared, "{}", (operation.name)());
    }
}

#[test]
fn the_navigation_lists_every_guide_once() {
    let pages = html_pages(&docs());

    for guide in GUIDES {
        let link = format!("<li><a href=\"/docs/{}\"", guide.slug);
        assert_eq!(pages["/errors"].matches(&link).count(), 1, "{}", guide.slug);
    }
}

#[tokio::test]
async fn every_answer_is_protected_and_cacheable() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    for (path, status) in [
        ("/docs", 200),
        ("/docs/api", 200),
        ("/openapi.json", 200),
        ("/errors/rate_limited", 200),
        ("/errors/no_such_code", 404),
        ("/docs/nothing", 404),
        ("/", 302),
        ("/docs/", 308),
    ] {
        let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;

        assert_eq!(answer.status().as_u16(), status, "{path}");
        let headers = answer.headers();
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert!(headers.contains_key(header::REFERRER_POLICY));
        if status == 200 {
            assert!(headers.contains_key(header::CACHE_CONTROL) && headers.contains_key(header::ETAG), "{path}");
        }
    }
}

#[tokio::test]
async fn a_kept_page_is_not_sent_again() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    let first = call_service(&app, TestRequest::get().uri("/openapi.json").to_request()).await;
    let etag = first.headers().get(header::ETAG).unwrap().clone();

    let again = call_service(
        &app,
        TestRequest::get().uri("/openapi.json").insert_header((header::IF_NONE_MATCH, etag)).to_request(),
    )
    .await;

    assert_eq!(again.status().as_u16(), 304);
    assert!(read_body(again).await.is_empty());
}

#[tokio::test]
async fn an_address_takes_no_other_method() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    for path in ["/docs", "/errors/internal", "/openapi.json"] {
        let answer = call_service(&app, TestRequest::post().uri(path).to_request()).await;

        assert_eq!(answer.status().as_u16(), 405, "{path}");
        assert_eq!(answer.headers().get(header::ALLOW).unwrap(), "GET, HEAD");
    }
}

#[tokio::test]
async fn a_page_comes_in_the_form_that_is_asked_for() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    for (path, accept, kind) in [
        ("/errors/rate_limited", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("/errors/rate_limited", "application/json", "application/json"),
        ("/errors/rate_limited", "text/markdown, */*;q=0.1", "text/markdown"),
        ("/docs/signing", "text/markdown", "text/markdown"),
        ("/docs/signing", "*/*", "text/html"),
    ] {
        let answer =
            call_service(&app, TestRequest::get().uri(path).insert_header((header::ACCEPT, accept)).to_request()).await;

        let got = answer.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap();
        assert!(got.starts_with(kind), "{path} {accept}: {got}");
        assert_eq!(answer.headers().get(header::VARY).unwrap(), "Accept");
    }
}

#[tokio::test]
async fn a_redirect_never_leaves_this_origin() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    for path in ["/docs//evil.example/", "/errors/", "/docs/api/"] {
        let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;

        if let Some(location) = answer.headers().get(header::LOCATION) {
            let location = location.to_str().unwrap();
            assert!(location.starts_with('/') && !location.starts_with("//"), "{path} -> {location}");
        }
    }
}

#[tokio::test]
async fn programs_of_the_guides_are_served_as_they_are() {
    let app = init_service(App::new().app_data(web::Data::new(docs())).configure(configure)).await;
    for (path, text) in FILES {
        let answer = call_service(&app, TestRequest::get().uri(&format!("/docs/{path}")).to_request()).await;

        assert_eq!(read_body(answer).await, text.as_bytes());
    }
}

/// Not a check: serves the pages alone on the port in `QUANZI_DOCS_PORT`, to look at them while writing.
#[tokio::test]
async fn look_at_the_pages() {
    let Some(port) = std::env::var("QUANZI_DOCS_PORT").ok().and_then(|port| port.parse::<u16>().ok()) else { return };
    let data = web::Data::new(docs_at(format!("http://127.0.0.1:{port}")));
    let server = actix_web::HttpServer::new(move || App::new().app_data(data.clone()).configure(configure)).workers(1);
    server.bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}

/// The guide says "sign the same lines and you must get the same bytes", so it had better be true.
#[test]
fn the_worked_example_of_the_signing_guide_verifies() {
    let guide = GUIDES.iter().find(|guide| guide.slug == "signing").unwrap().markdown();
    let block = |start: &str| guide.split_once(start).unwrap().1.split_once("\n```").unwrap().0;
    let request = block("```http\n");
    let base = block("```text\n");
    let header = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let body = request.split_once("\n\n").unwrap().1;

    let decode = |text: &str| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    let signature = decode(header("Signature: sig=:").trim_end_matches(':'));
    let x = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
    )
    .unwrap();
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, x);

    assert!(key.verify(base.as_bytes(), &signature).is_ok());
    assert_eq!(
        decode(header("Content-Digest: sha-256=:").trim_end_matches(':')),
        <sha2::Sha256 as sha2::Digest>::digest(body)[..]
    );
    assert!(base.ends_with(header("Signature-Input: sig=")));
}

/// The repository as it is read on disk: every relative link of its Markdown leads to a file.
#[test]
fn links_between_files_of_the_repository_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("docs")];
    let mut files = vec![root.join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                files.push(path);
            }
        }
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains(':') || target.starts_with('/') {
                continue;
            }
            assert!(file.parent().unwrap().join(target).exists(), "{}: {link}", file.display());
        }
    }
}

#[test]
fn a_live_gateway_documents_no_operation_of_sandboxes() {
    let site = crate::site::Site::new("https://api.whisker.example", false);
    let page = |path: &str| String::from_utf8(site.find(path, "").unwrap().body.to_vec()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&page("/openapi.json")).unwrap();

    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let reference = page("/docs/api");
    let sandbox: Vec<_> = OPERATIONS.iter().filter(|operation| operation.is_sandbox_only()).collect();

    assert_eq!(document["servers"][0]["url"], "https://api.whisker.example");
    assert!(paths.len() > 50 && !paths.iter().any(|path| path.starts_with("/sandbox/")), "{paths:?}");
    assert!(sandbox.len() > 10);
    for operation in sandbox {
        let name = (operation.name)();
        assert!(!reference.contains(&format!("id=\"{name}\"")), "{name} is in the reference");
        assert!(!page("/errors/field_invalid").contains(&format!("#{name}\"")), "{name} is on an error page");
    }
}
