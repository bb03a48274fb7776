//! Endpoints to the OpenAPI 3.1 document; the only code that knows utoipa's builders.
//!
//! What several operations have in common stands once under `components` and is referred to. Invariants: two different
//! schemas under one name panic, and so does a path that does not match its `Params`: both are programming errors that
//! a test run shows, never a caller's.

mod headers;
mod layout;
mod operation;
mod parameters;
mod refusals;
mod schemas;
mod security;
mod unions;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterIn, PathItem, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, Schema};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::endpoint::{Access, Body, Endpoint, Idempotency, Method, Reply, ReplyHeader, Tag};
use crate::problem::{OAuthError, Problem};
use parameters::Parameters;
use refusals::Refusals;

pub use operation::Operation;

/// Schemas under their names in the document.
pub type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// What one endpoint brings to the document, collected while its types are known.
pub(crate) struct Parts {
    schemas: NamedSchemas,
    text: String,
    parameters: Vec<Parameter>,
    body: Option<String>,
    reply: Option<(&'static str, String)>,
    reply_headers: &'static [ReplyHeader],
    reply_example: Value,
}

impl Parts {
    fn of(operation: &Operation) -> Self {
        let mut parts = Self {
            schemas: Vec::new(),
            text: String::new(),
            parameters: Vec::new(),
            body: None,
            reply: None,
            reply_headers: &[],
            reply_example: Value::Null,
        };
        (operation.describe)(&mut parts);
        parts
    }

    /// Collects `E` (called through [`Operation`]).
    pub(crate) fn add<E: Endpoint>(&mut self) {
        self.text = description(&E::schema()).unwrap_or_default();
        self.parameters = parameters::fields::<E::Params>(&ParameterIn::Path);
        self.parameters.extend(parameters::fields::<E::Query>(&ParameterIn::Query));
        E::Params::schemas(&mut self.schemas);
        E::Query::schemas(&mut self.schemas);
        self.body = E::Body::schema_name(&mut self.schemas);
        if E::Reply::HAS_BODY {
            self.schemas.push((E::Reply::name().into_owned(), E::Reply::schema()));
            E::Reply::schemas(&mut self.schemas);
            self.reply = Some((E::Reply::MEDIA_TYPE, E::Reply::name().into_owned()));
            self.reply_example = E::Reply::example_value();
        }
        self.reply_headers = E::Reply::HEADERS;
    }
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

/// The text of the document of these operations, of a gateway at this address.
pub(crate) fn text(operations: &[Operation], server: &str) -> Result<String, serde_json::Error> {
    document(operations, server).to_pretty_json().map(|pretty| layout::compact(&pretty))
}

/// The document of these operations, of a gateway at this address.
///
/// # Panics
/// When two schemas share a name, or a path does not match its `Params`: a programming error, found by the first test.
fn document(operations: &[Operation], server: &str) -> OpenApi {
    let mut schemas = BTreeMap::new();
    put_shape::<Problem>(&mut schemas);
    put_shape::<OAuthError>(&mut schemas);
    let mut all: Vec<(&Operation, Parts)> =
        operations.iter().map(|operation| (operation, Parts::of(operation))).collect();
    for (operation, parts) in &mut all {
        put_schemas(&mut schemas, std::mem::take(&mut parts.schemas));
        check_path(operation, parts);
    }
    let refusals = Refusals::of(operations);
    let parameters = Parameters::of(all.iter().flat_map(|(_, parts)| &parts.parameters));
    let examples = shared_examples(all.iter().map(|(_, parts)| parts));
    let mut paths: BTreeMap<&'static str, PathItemBuilder> = BTreeMap::new();
    for (operation, parts) in all {
        let built = build(operation, parts, &refusals, &parameters, &examples);
        let item = paths.remove(operation.path).unwrap_or_else(PathItem::builder);
        paths.insert(operation.path, item.operation(http_method(operation.method), built));
    }
    let paths = paths.into_iter().fold(PathsBuilder::new(), |all, (path, item)| all.path(path, item.build()));
    let mut events = Vec::new();
    let webhooks = webhooks::webhooks(&mut events);
    put_schemas(&mut schemas, events);
    for (name, schema) in &mut schemas {
        unions::refine(name, schema);
    }

    let mut components = ComponentsBuilder::new().schemas_from_iter(schemas);
    components = headers::answered().fold(components, |all, (name, header)| all.header(name, header));
    components = refusals.into_responses().into_iter().fold(components, |all, (name, one)| all.response(name, one));
    components = webhooks::responses().fold(components, |all, (name, one)| all.response(name, one));
    let taken = headers::taken().chain(webhooks::headers()).map(|(name, one)| (name.to_owned(), one));
    components = examples
        .into_iter()
        .fold(components, |all, (name, value)| all.example(name, ExampleBuilder::new().value(Some(value)).build()));
    components = taken.chain(parameters.into_shared()).fold(components, |all, (name, one)| all.parameter(name, one));
    components = security::schemes().into_iter().fold(components, |all, (name, one)| all.security_scheme(name, one));

    let tags: BTreeSet<Tag> = operations.iter().map(|operation| operation.tag).collect();
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([ServerBuilder::new().url(server).description(Some("This gateway")).build()]))
        .tags(Some(tags.into_iter().map(|tag| {
            let (name, about) = tag.about();
            TagBuilder::new().name(name).description(Some(about)).build()
        })))
        .paths(paths)
        .webhooks(Some(webhooks))
        .components(Some(components.build()))
        .build()
}

/// The examples of shapes that several operations reply with, by the name of the shape.
fn shared_examples<'a>(all: impl Iterator<Item = &'a Parts>) -> BTreeMap<String, Value> {
    let mut uses: BTreeMap<&str, (&Value, usize)> = BTreeMap::new();
    for parts in all {
        if let Some((_, name)) = &parts.reply {
            uses.entry(name).or_insert((&parts.reply_example, 0)).1 += 1;
        }
    }
    let shared = uses.into_iter().filter(|(_, (_, count))| *count > 1);
    shared.map(|(name, (example, _))| (name.to_owned(), example.clone())).collect()
}

fn put_shape<T: ToSchema>(all: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut new = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut new);
    put_schemas(all, new);
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
    let declared: Vec<&str> = parameters::in_path(&parts.parameters).collect();
    assert_eq!(in_path, declared, "path parameters of {}", operation.path);
}

fn build(
    operation: &Operation,
    parts: Parts,
    refusals: &Refusals,
    parameters: &Parameters,
    examples: &BTreeMap<String, Value>,
) -> utoipa::openapi::path::Operation {
    let (summary, details) = parts.text.split_once("\n\n").unwrap_or((parts.text.as_str(), ""));
    let summary = summary.replace('\n', " ");
    assert!(!summary.is_empty(), "{} {} has no doc comment", operation.method.as_str(), operation.path);
    let (tag, _) = operation.tag.about();
    let mut built = OperationBuilder::new()
        .operation_id(Some((operation.name)()))
        .tag(tag)
        .summary(Some(summary.trim_end_matches('.')))
        .description(Some(describe(operation, details)))
        .securities(Some(security::requirements(operation)))
        .response(operation.status.to_string(), success(operation, &parts, examples));
    let statuses: BTreeSet<u16> = operation.fails().into_iter().map(crate::ErrorCode::status).collect();
    for status in statuses {
        built = built.response(status.to_string(), refusals.reference(operation, status));
    }
    for parameter in parts.parameters {
        built = match parameters.component(&parameter) {
            Some(name) => built.parameter_ref(headers::parameter_reference(&name)),
            None => built.parameter(parameter),
        };
    }
    for header in headers::taken_by(operation) {
        built = built.parameter_ref(header);
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
    built.build()
}

/// The doc comment, followed by what the declaration says: scope, signature, own error codes.
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
    let own = operation.own_codes();
    if !own.is_empty() {
        text.push_str("\n\n**Errors:** ");
        text.push_str(&refusals::list(&own));
        text.push('.');
    }
    text
}

fn success(operation: &Operation, parts: &Parts, examples: &BTreeMap<String, Value>) -> Response {
    let mut response = ResponseBuilder::new().description(success_text(operation.status));
    if let Some((media_type, name)) = &parts.reply {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name.as_str())));
        let content = if examples.contains_key(name) {
            content.examples_from_iter::<_, _, RefOr<Example>>([(
                name.as_str(),
                RefOr::Ref(Ref::new(format!("#/components/examples/{name}"))),
            )])
        } else {
            content.example(Some(parts.reply_example.clone()))
        };
        response = response.content(*media_type, content.build());
    }
    for header in parts.reply_headers {
        response = response.header(header.name, headers::header(header.about, header.example));
    }
    if operation.idempotency != Idempotency::None {
        response = headers::shared(response, &["Idempotent-Replayed"]);
    }
    headers::on_every_answer(response, parts.reply.is_some()).build()
}

fn success_text(status: u16) -> &'static str {
    match status {
        201 => "Created.",
        204 => "Success, without a body.",
        _ => "Success.",
    }
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
