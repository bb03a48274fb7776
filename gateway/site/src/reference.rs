//! The API reference: every operation of the contract on one page, from the document and the declarations.

use std::sync::LazyLock;

use quanzi_openapi::endpoint::{Access, BodyKind, Idempotency, Tag};
use quanzi_openapi::{ErrorCode, Method, OPERATIONS, Operation};

use crate::highlight::highlight;
use crate::markdown::{inline, render};
use crate::ordered::Json;
use crate::schema::{Row, Schemas};

/// A chapter.
pub struct Chapter {
    /// Anchor.
    pub id: String,
    /// Heading.
    pub title: &'static str,
    /// Introduction.
    pub about: &'static str,
    /// Its operations.
    pub operations: Vec<Entry>,
}

/// An operation as it is printed.
pub struct Entry {
    /// Operation id, which is its anchor.
    pub id: String,
    /// Method.
    pub method: &'static str,
    /// Path with the parameters marked, as HTML.
    pub path_html: String,
    /// Summary.
    pub summary: String,
    /// Description, as HTML.
    pub about: String,
    /// Who may call it.
    pub access: &'static str,
    /// The scope a token needs.
    pub scope: Option<&'static str>,
    /// What is signed: "required", "optional" or nothing.
    pub signing: Option<&'static str>,
    /// Groups of parameters: path, query, headers.
    pub params: Vec<(&'static str, Vec<Row>)>,
    /// Media type of the body.
    pub body_kind: &'static str,
    /// What the body is, as HTML.
    pub body_about: String,
    /// Fields of the body.
    pub body: Vec<Row>,
    /// Status of the reply.
    pub status: u16,
    /// Fields of the reply.
    pub reply: Vec<Row>,
    /// Headers of the reply: name and meaning.
    pub reply_headers: Vec<(String, String)>,
    /// Example request, as HTML.
    pub request: String,
    /// Example reply, as HTML.
    pub reply_example: Option<String>,
    /// Codes that only some operations answer.
    pub own_codes: Vec<ErrorCode>,
    /// Codes that come with its access and shape.
    pub common_codes: Vec<ErrorCode>,
}

/// Everything the page shows.
pub struct Reference {
    /// Chapters in order.
    pub chapters: Vec<Chapter>,
    /// Fields of a problem document.
    pub problem: Vec<Row>,
}

impl Reference {
    /// From the text of the document.
    pub fn new(document: &Json, public_url: &str, sandbox: bool) -> Self {
        let nothing = &Json::Null;
        let schemas =
            Schemas { all: document.get("components").and_then(|parts| parts.get("schemas")).unwrap_or(nothing) };
        let chapters = Tag::ALL
            .into_iter()
            .map(|tag| {
                let (title, about) = tag.about();
                let mounted = OPERATIONS.iter().filter(|operation| sandbox || !operation.is_sandbox_only());
                let operations = mounted.filter(|operation| operation.tag == tag);
                let operations = operations.map(|operation| entry(document, &schemas, operation, public_url)).collect();
                Chapter { id: title.to_lowercase(), title, about, operations }
            })
            .filter(|chapter: &Chapter| !chapter.operations.is_empty())
            .collect();
        Self { chapters, problem: schemas.all.get("Problem").map(|schema| schemas.rows(schema)).unwrap_or_default() }
    }
}

fn entry<'d>(document: &'d Json, schemas: &Schemas<'d>, operation: &Operation, public_url: &str) -> Entry {
    let method = operation.method.as_str();
    let item = document
        .get("paths")
        .and_then(|paths| paths.get(operation.path))
        .and_then(|item| item.get(&method.to_lowercase()));
    let item = item.unwrap_or(&Json::Null);
    let text = item.text_at("description");
    let about = text.split_once("\n\n**Access:**").map_or(text, |(about, _)| about);
    let (access, scope) = access(operation.access);
    let signing = matches!(operation.access, Access::Partner(_) | Access::Fan(_))
        .then_some(if operation.method.writes() { "required" } else { "optional" });
    let body_schema =
        item.get("requestBody").and_then(|body| body.get("content")).and_then(|content| content.members().first());
    let body_schema = body_schema.and_then(|(_, media)| media.get("schema"));
    let reply = item.get("responses").and_then(|all| all.get(&operation.status.to_string())).unwrap_or(&Json::Null);
    let media = reply.get("content").and_then(|content| content.get("application/json"));
    let reply_schema = media.and_then(|media| media.get("schema"));
    let example = |value: Option<&Json>, schema: Option<&'d Json>| Some(schemas.arranged(value?, schema?));
    let (own_codes, common_codes) = operation.fails().into_iter().partition(|code| !is_common(operation, *code));
    Entry {
        id: (operation.name)().into_owned(),
        method,
        path_html: operation.path.replace('{', "<var>{").replace('}', "}</var>"),
        summary: item.text_at("summary").to_owned(),
        about: render(about).html,
        access,
        scope,
        signing,
        params: params(document, schemas, item),
        body_kind: media_type(operation.body),
        body_about: inline(body_schema.map(|schema| schemas.about(schema)).unwrap_or_default()),
        body: body_schema.map(|schema| without_null(operation, schemas.rows(schema))).unwrap_or_default(),
        status: operation.status,
        reply: reply_schema.map(|schema| without_null(operation, schemas.rows(schema))).unwrap_or_default(),
        reply_headers: headers(document, reply),
        request: highlight(
            "sh",
            &request(operation, document, item, example(body_example(item), body_schema).as_ref(), public_url),
        ),
        reply_example: example(media.and_then(|media| reply_example(document, media)), reply_schema)
            .map(|json| highlight("json", &json.pretty())),
        own_codes,
        common_codes,
    }
}

fn access(access: Access) -> (&'static str, Option<&'static str>) {
    match access {
        Access::Public => ("Public", None),
        Access::Client => ("Client assertion", None),
        Access::Partner(scope) => ("Partner token", scope.map(quanzi_openapi::scope::Scope::as_str)),
        Access::Fan(scope) => ("Fan token", Some(scope.as_str())),
    }
}

const fn media_type(body: BodyKind) -> &'static str {
    match body {
        BodyKind::Nothing => "",
        BodyKind::Json => "JSON",
        BodyKind::Form => "form",
        BodyKind::Upload { .. } => "bytes",
    }
}

/// Every operation with the codes it can answer, worked out once: the pages ask for them thousands of times.
pub fn operations() -> &'static [(&'static Operation, Vec<ErrorCode>)] {
    static ALL: LazyLock<Vec<(&Operation, Vec<ErrorCode>)>> =
        LazyLock::new(|| OPERATIONS.iter().map(|operation| (operation, operation.fails())).collect());
    &ALL
}

/// Whether most operations of the same access and shape answer this code too, so that it says nothing about this one.
fn is_common(operation: &Operation, code: ErrorCode) -> bool {
    let alike = |other: &Operation| {
        std::mem::discriminant(&other.access) == std::mem::discriminant(&operation.access)
            && other.method.writes() == operation.method.writes()
            && (other.idempotency == Idempotency::None) == (operation.idempotency == Idempotency::None)
            && other.if_match == operation.if_match
    };
    let others = || operations().iter().filter(|(other, _)| alike(other) && other.path != operation.path);
    let sharing = others().filter(|(_, codes)| codes.contains(&code)).count();
    sharing * 2 > others().count()
        || matches!(code, ErrorCode::ParamInvalid | ErrorCode::FieldInvalid | ErrorCode::ScopeMissing)
}

/// Only in a PATCH does null say something; elsewhere an optional field is left out.
fn without_null(operation: &Operation, mut rows: Vec<Row>) -> Vec<Row> {
    if operation.method != Method::Patch {
        for row in &mut rows {
            row.kind = row.kind.trim_end_matches(" or null").to_owned();
        }
    }
    rows
}

/// What a reference into the components leads to; anything else as it is.
fn resolved<'d>(document: &'d Json, value: &'d Json) -> &'d Json {
    let place = value.get("$ref").and_then(Json::text).and_then(|reference| reference.strip_prefix("#/"));
    place.and_then(|place| place.split('/').try_fold(document, |at, name| at.get(name))).unwrap_or(value)
}

fn parameters<'d>(document: &'d Json, item: &'d Json) -> impl Iterator<Item = &'d Json> {
    let all = item.get("parameters").map(Json::entries).unwrap_or_default();
    all.iter().map(|param| resolved(document, param))
}

/// The example of a reply: its own, or the one that operations with the same reply share.
fn reply_example<'d>(document: &'d Json, media: &'d Json) -> Option<&'d Json> {
    let shared = media.get("examples").and_then(|all| all.members().first());
    shared.map_or_else(|| media.get("example"), |(_, example)| resolved(document, example).get("value"))
}

fn params<'d>(document: &'d Json, schemas: &Schemas<'d>, item: &'d Json) -> Vec<(&'static str, Vec<Row>)> {
    let group = |place: &str| -> Vec<Row> {
        parameters(document, item)
            .filter(|param| param.text_at("in") == place)
            .filter_map(|param| {
                let required = param.get("required") == Some(&Json::Bool(true));
                Some(schemas.row(
                    param.text_at("name"),
                    param.get("schema")?,
                    required,
                    param.text_at("description"),
                    0,
                ))
            })
            .collect()
    };
    [("Path", group("path")), ("Query", group("query")), ("Headers", group("header"))]
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .collect()
}

fn headers(document: &Json, reply: &Json) -> Vec<(String, String)> {
    let all = reply.get("headers").map(Json::members).unwrap_or_default();
    let described = all.iter().map(|(name, header)| (name, resolved(document, header).text_at("description")));
    described.map(|(name, about)| (name.clone(), inline(about))).collect()
}

fn body_example(item: &Json) -> Option<&Json> {
    item.get("requestBody")?.get("content")?.members().first()?.1.get("example")
}

/// A request for the shell. Tokens and signatures are made per request, so they stand as variables.
fn request(operation: &Operation, document: &Json, item: &Json, body: Option<&Json>, public_url: &str) -> String {
    let mut path = operation.path.to_owned();
    for param in parameters(document, item) {
        let name = param.text_at("name");
        if param.text_at("in") == "path" {
            path = path.replace(&format!("{{{name}}}"), &format!("${}", name.to_uppercase()));
        }
    }
    let quote = if path.contains('$') { "\"" } else { "" };
    let method = operation.method.as_str();
    let verb = if method == "GET" { String::new() } else { format!("-X {method} ") };
    let mut lines = vec![format!("curl {verb}{quote}{public_url}{path}{quote}")];
    let mut header = |text: &str| lines.push(format!("  -H {text}"));
    let signed = matches!(operation.access, Access::Partner(_) | Access::Fan(_));
    if signed {
        header("\"Authorization: DPoP $TOKEN\"");
    }
    if operation.if_match {
        header("'If-Match: \"3\"'");
    }
    if operation.idempotency != Idempotency::None {
        header("\"Idempotency-Key: $(uuidgen)\"");
    }
    if operation.access == Access::Client {
        header("\"DPoP: $PROOF\"");
    }
    let json = matches!(operation.body, BodyKind::Json);
    if json {
        header("'Content-Type: application/json'");
    }
    if signed && json {
        header("\"Content-Digest: $DIGEST\"");
    }
    if signed {
        header("\"Signature-Input: $SIGNATURE_INPUT\"");
        header("\"Signature: $SIGNATURE\"");
    }
    match (body, operation.body) {
        (Some(body), BodyKind::Form) => {
            for (name, value) in body.members() {
                lines.push(format!("  --data-urlencode '{name}={}'", value.text().unwrap_or_default()));
            }
        }
        (Some(body), _) => lines.push(format!("  -d '{}'", body.pretty().replace('\'', "'\\''").replace('\n', "\n  "))),
        (None, _) => {}
    }
    lines.join(" \\\n")
}
