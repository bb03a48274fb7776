//! Endpoints to the OpenAPI 3.1 document; the only code that knows utoipa's builders.
//!
//! Invariants: two different schemas under one name panic, and so does a path that does not match its `Params`: both
//! are programming errors that a test run shows, never a caller's.

mod operation;
mod schemas;
mod webhooks;

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    AuthorizationCode, ClientCredentials, Flow, OAuth2, Scopes as FlowScopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::endpoint::{Access, Body, Endpoint, Fields, Idempotency, Method, Reply, Tag};
use crate::error_code::ErrorCode;
use crate::problem::{OAuthError, PROBLEM_TYPE, Problem};
use crate::scope::{FanScope, Scope};

pub use operation::Operation;

/// Schemas under their names in the document.
pub type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// What one endpoint brings to the document, collected while its types are known.
pub(crate) struct Parts {
    schemas: NamedSchemas,
    text: String,
    path: Vec<Field>,
    query: Vec<Field>,
    body: Option<String>,
    reply: Option<(&'static str, String)>,
    reply_headers: Vec<(&'static str, &'static str)>,
    reply_example: Value,
}

/// One parameter: a field of `Params` or `Query`.
pub(crate) struct Field {
    name: String,
    required: bool,
    schema: RefOr<Schema>,
    about: Option<String>,
}

impl Parts {
    /// Collects `E` (called through [`Operation`]).
    pub(crate) fn add<E: Endpoint>(&mut self) {
        self.text = description(&E::schema()).unwrap_or_default();
        self.path = fields::<E::Params>();
        self.query = fields::<E::Query>();
        E::Params::schemas(&mut self.schemas);
        E::Query::schemas(&mut self.schemas);
        self.body = E::Body::schema_name(&mut self.schemas);
        if E::Reply::HAS_BODY {
            self.schemas.push((E::Reply::name().into_owned(), E::Reply::schema()));
            E::Reply::schemas(&mut self.schemas);
            self.reply = Some((E::Reply::MEDIA_TYPE, E::Reply::name().into_owned()));
            self.reply_example = E::Reply::example_value();
        }
        self.reply_headers = E::Reply::HEADERS.iter().map(|header| (header.name, header.about)).collect();
    }
}

/// The fields of a parameter shape. `IntoParams` leaves dangling references to enums, so the schema is read instead.
pub(crate) fn fields<T: Fields>() -> Vec<Field> {
    let RefOr::T(Schema::Object(object)) = T::schema() else { return Vec::new() };
    let required = object.required;
    object
        .properties
        .into_iter()
        .map(|(name, schema)| Field {
            required: required.contains(&name),
            about: description(&schema),
            schema: without_null(schema),
            name,
        })
        .collect()
}

/// The schema of an optional query parameter: it may be left out, but it cannot be null.
fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::OneOf(one_of)) = &schema {
        let mut others = one_of.items.iter().filter(|item| !is_null(item));
        if let (Some(only), None) = (others.next(), others.next()) {
            return only.clone();
        }
    }
    if let RefOr::T(Schema::Object(object)) = &schema
        && let SchemaType::Array(types) = &object.schema_type
        && let Some(only) = types.iter().find(|kind| **kind != Type::Null)
    {
        let mut object = object.clone();
        object.schema_type = SchemaType::Type(only.clone());
        return RefOr::T(Schema::Object(object));
    }
    schema
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn description(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::OneOf(one_of)) => one_of.description.clone(),
        RefOr::T(Schema::AllOf(all_of)) => all_of.description.clone(),
        RefOr::Ref(reference) => Some(reference.description.clone()).filter(|text| !text.is_empty()),
        RefOr::T(_) => None,
    }
}

/// The document of these operations.
///
/// # Panics
/// When two schemas share a name, or a path does not match its `Params`: a programming error, found by the first test.
pub fn document(operations: &[Operation]) -> OpenApi {
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut paths: BTreeMap<&'static str, PathItemBuilder> = BTreeMap::new();
    let mut common = vec![
        (Problem::name().into_owned(), Problem::schema()),
        (OAuthError::name().into_owned(), OAuthError::schema()),
    ];
    Problem::schemas(&mut common);
    OAuthError::schemas(&mut common);
    put_schemas(&mut schemas, common);
    for operation in operations {
        let mut parts = Parts {
            schemas: Vec::new(),
            text: String::new(),
            path: Vec::new(),
            query: Vec::new(),
            body: None,
            reply: None,
            reply_headers: Vec::new(),
            reply_example: Value::Null,
        };
        (operation.describe)(&mut parts);
        put_schemas(&mut schemas, std::mem::take(&mut parts.schemas));
        check_path(operation, &parts);
        let built = build(operation, parts);
        let item = paths.remove(operation.path).unwrap_or_else(PathItem::builder);
        paths.insert(operation.path, item.operation(http_method(operation.method), built));
    }
    let mut events = Vec::new();
    let webhooks = webhooks::webhooks(&mut events);
    put_schemas(&mut schemas, events);
    let paths = paths.into_iter().fold(PathsBuilder::new(), |all, (path, item)| all.path(path, item.build()));
    let components = SHARED_HEADERS
        .iter()
        .fold(ComponentsBuilder::new(), |all, (name, about)| all.header(*name, text_header(about)))
        .schemas_from_iter(schemas)
        .security_scheme("token", token_scheme())
        .security_scheme("fan_token", fan_token_scheme())
        .security_scheme("client_assertion", assertion_scheme());
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([ServerBuilder::new().url("/").description(Some("This gateway")).build()]))
        .tags(Some(Tag::ALL.iter().map(|tag| {
            let (name, about) = tag.about();
            TagBuilder::new().name(name).description(Some(about)).build()
        })))
        .paths(paths)
        .webhooks(Some(webhooks))
        .components(Some(components.build()))
        .build()
}

fn put_schemas(all: &mut BTreeMap<String, RefOr<Schema>>, new: NamedSchemas) {
    for (name, schema) in new {
        if let Some(there) = all.get(&name) {
            let same = serde_json::to_value(there).ok() == serde_json::to_value(&schema).ok();
            assert!(same, "two schemas under one name: {name}");
        }
        all.insert(name, schema);
    }
}

fn check_path(operation: &Operation, parts: &Parts) {
    let in_path: Vec<&str> =
        operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let declared: Vec<&str> = parts.path.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(in_path, declared, "path parameters of {}", operation.path);
}

fn build(operation: &Operation, parts: Parts) -> utoipa::openapi::path::Operation {
    let (summary, details) = parts.text.split_once("\n\n").unwrap_or((parts.text.as_str(), ""));
    let summary = summary.replace('\n', " ");
    assert!(!summary.is_empty(), "{} {} has no doc comment", operation.method.as_str(), operation.path);
    let (tag, _) = operation.tag.about();
    let mut built = OperationBuilder::new()
        .operation_id(Some((operation.name)()))
        .tag(tag)
        .summary(Some(summary.trim_end_matches('.')))
        .description(Some(describe(operation, details)))
        .response(operation.status.to_string(), success(operation, &parts));
    for (status, codes) in by_status(operation.fails()) {
        built = built.response(status.to_string(), failure(operation.access, status, &codes));
    }
    for (place, list) in [(ParameterIn::Path, parts.path), (ParameterIn::Query, parts.query)] {
        for field in list {
            built = built.parameter(parameter(place.clone(), field));
        }
    }
    for header in headers_taken(operation) {
        built = built.parameter(header);
    }
    if let Some(name) = parts.body {
        let example = (operation.body_example)();
        let mut body = RequestBodyBuilder::new().required(Some(Required::True));
        for media_type in operation.body.media_types() {
            let content =
                ContentBuilder::new().schema(Some(Ref::from_schema_name(name.as_str()))).example(example.clone());
            body = body.content(*media_type, content.build());
        }
        built = built.request_body(Some(body.build()));
    }
    match operation.access {
        Access::Public => built = built.securities(Some([SecurityRequirement::default()])),
        Access::Client => built = built.security(SecurityRequirement::new("client_assertion", [] as [&str; 0])),
        Access::Partner(scope) => {
            let scopes: Vec<&str> = scope.into_iter().map(Scope::as_str).collect();
            built = built.security(SecurityRequirement::new("token", scopes));
        }
        Access::Fan(scope) => built = built.security(SecurityRequirement::new("fan_token", [scope.as_str()])),
    }
    built.build()
}

/// The doc comment, followed by what the declaration says: scope, signature, idempotency, codes.
fn describe(operation: &Operation, details: &str) -> String {
    let mut text = details.to_owned();
    let who = match operation.access {
        Access::Public => "**Access:** public.".to_owned(),
        Access::Client => {
            "**Access:** an app that authenticates with a client assertion (`private_key_jwt`).".to_owned()
        }
        Access::Partner(Some(scope)) => format!("**Access:** partner token with scope `{scope}`."),
        Access::Partner(None) => "**Access:** any partner token.".to_owned(),
        Access::Fan(scope) => format!("**Access:** fan token with scope `{scope}`."),
    };
    text.push_str("\n\n");
    text.push_str(&who);
    if matches!(operation.access, Access::Partner(_) | Access::Fan(_)) {
        let signed = if operation.signed { " The request must be signed (RFC 9421)." } else { " Signing is optional." };
        text.push_str(signed);
    }
    text
}

fn success(operation: &Operation, parts: &Parts) -> Response {
    let mut response = ResponseBuilder::new().description(success_text(operation.status));
    if let Some((media_type, name)) = &parts.reply {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(name.as_str())))
            .example(Some(parts.reply_example.clone()));
        response = response.content(*media_type, content.build());
    }
    for (name, about) in &parts.reply_headers {
        response = response.header(*name, text_header(about));
    }
    if operation.idempotency != Idempotency::None {
        response = shared(response, &["Idempotent-Replayed"]);
    }
    on_every_answer(response, parts.reply.is_some()).build()
}

/// Headers of many answers, described once. The edge adds them.
const SHARED_HEADERS: [(&str, &str); 9] = [
    ("Content-Digest", "Digest of the body (RFC 9530), when the response is signed."),
    ("Idempotent-Replayed", "`true` when this is the saved response of an earlier request."),
    ("RateLimit", "What is left of the tightest limit, and when it resets."),
    ("RateLimit-Policy", "The tightest limit: how many requests in how many seconds."),
    ("Request-Id", "Identifies this request in the gateway's logs."),
    ("Retry-After", "Seconds to wait before retrying."),
    (
        "Signature",
        "The gateway's signature of the response, bound to your request (RFC 9421, 2.4): on responses to state-changing calls, \
         and whenever `Accept-Signature` asks for it.",
    ),
    ("Signature-Input", "What the gateway signed."),
    ("WWW-Authenticate", "The challenge (RFC 9449, RFC 9728)."),
];

/// What the edge adds to every answer; the digest and the signature where it signs.
fn on_every_answer(response: ResponseBuilder, has_body: bool) -> ResponseBuilder {
    let response = shared(response, &["RateLimit", "RateLimit-Policy", "Request-Id", "Signature", "Signature-Input"]);
    if has_body { shared(response, &["Content-Digest"]) } else { response }
}

fn shared(response: ResponseBuilder, names: &[&'static str]) -> ResponseBuilder {
    let place = |name: &str| Ref::new(format!("#/components/headers/{name}"));
    names.iter().fold(response, |response, name| response.header_ref(*name, place(name)))
}

fn success_text(status: u16) -> &'static str {
    match status {
        201 => "Created.",
        204 => "Success, without a body.",
        _ => "Success.",
    }
}

/// The errors of one status: exactly these codes. Their meaning is on their pages, and not repeated in each operation.
fn failure(access: Access, status: u16, codes: &[ErrorCode]) -> Response {
    let list: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let (media_type, schema) =
        if access == Access::Client { ("application/json", "OAuthError") } else { (PROBLEM_TYPE, "Problem") };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
    let mut response = ResponseBuilder::new().description(list.join(", ")).content(media_type, content.build());
    if matches!(status, 429 | 503) {
        response = shared(response, &["Retry-After"]);
    }
    if status == 401 {
        response = shared(response, &["WWW-Authenticate"]);
    }
    on_every_answer(response, true).build()
}

fn by_status(codes: Vec<ErrorCode>) -> BTreeMap<u16, Vec<ErrorCode>> {
    let mut all: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        all.entry(code.status()).or_default().push(code);
    }
    all
}

fn parameter(place: ParameterIn, field: Field) -> Parameter {
    let required = if field.required || place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(field.name)
        .parameter_in(place)
        .required(required)
        .description(field.about)
        .schema(Some(field.schema))
        .build()
}

fn headers_taken(operation: &Operation) -> Vec<Parameter> {
    let header = |name: &str, required: bool, about: &str, example: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(if required { Required::True } else { Required::False })
            .description(Some(about))
            .schema(Some(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))))
            .example(Some(Value::String(example.to_owned())))
            .build()
    };
    let mut headers = Vec::new();
    if operation.idempotency != Idempotency::None {
        let required = operation.idempotency == Idempotency::Required;
        let about = "A random value for each operation; send the same value when you retry the request.";
        headers.push(header("Idempotency-Key", required, about, "5b0c8c3e-7d0f-4f0e-9a53-1f6f3c6f2a11"));
    }
    if operation.if_match {
        headers.push(header("If-Match", true, "The ETag of the object as you last read it.", "\"3\""));
    }
    if matches!(operation.access, Access::Partner(_) | Access::Fan(_)) {
        let signed = operation.signed;
        let input = r#"q=("@method" "@target-uri" "authorization");created=1795163400;keyid="…";nonce="…";tag="fapi-2-request""#;
        headers.push(header("Signature-Input", signed, "What is signed (RFC 9421).", input));
        headers.push(header("Signature", signed, "The signature (RFC 9421).", "q=:…:"));
    }
    headers
}

fn text_header(about: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))))
        .build()
}

const fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

fn token_scheme() -> SecurityScheme {
    let scopes = FlowScopes::from_iter(Scope::ALL.map(|scope| (scope.as_str(), scope.about())));
    SecurityScheme::OAuth2(OAuth2::with_description(
        [Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes))],
        "A DPoP-bound access token (`Authorization: DPoP …`), and a signature of the request (RFC 9421) with the key the \
         token is bound to; see the guide on signing.",
    ))
}

fn fan_token_scheme() -> SecurityScheme {
    let scopes = FlowScopes::from_iter(FanScope::ALL.map(|scope| (scope.as_str(), scope.about())));
    SecurityScheme::OAuth2(OAuth2::with_description(
        [Flow::AuthorizationCode(AuthorizationCode::new("/oauth/authorize", "/oauth/token", scopes))],
        "A DPoP-bound access token that a fan granted: pushed authorization request (RFC 9126), PKCE, and the fan's consent on \
         a page of the gateway; see the guide on scopes and consent.",
    ))
}

fn assertion_scheme() -> SecurityScheme {
    SecurityScheme::ApiKey(utoipa::openapi::security::ApiKey::Header(
        utoipa::openapi::security::ApiKeyValue::with_description(
            "DPoP",
            "`private_key_jwt`: `client_assertion` and `client_assertion_type` in the form body (RFC 7523), `aud` = the \
             issuer; and a DPoP proof (RFC 9449) in this header where a token is requested.",
        ),
    ))
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("Quanzi open platform")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Circles, content and fan payments for partners. State-changing requests are signed (RFC 9421), tokens are bound to \
             a key (RFC 9449), every error is a problem document (RFC 9457) with a stable `code` and a page of its own. \
             Fields and enum values are added over time: ignore what you do not know.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").url(Some("https://www.apache.org/licenses/LICENSE-2.0")).build()))
        .build()
}
