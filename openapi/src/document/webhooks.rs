//! The `webhooks` section: every event type with the schema of its `data`, and the responses a receiver can give.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

use super::NamedSchemas;
use crate::endpoint::{Example as _, Tag};
use crate::events::{Event, EventType};

/// Headers of a delivery (Standard Webhooks), each with an example.
const HEADERS: [(&str, &str, &str); 3] = [
    ("webhook-id", "The event's id, the same in every attempt.", "evt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A"),
    ("webhook-timestamp", "When the attempt was made, in Unix seconds.", "1795163400"),
    (
        "webhook-signature",
        "Signatures, separated by spaces: `v1` is HMAC-SHA256 with the endpoint's secret, `v1a` Ed25519 with the gateway's key.",
        "v1,… v1a,…",
    ),
];

/// The section, and the schemas it needs.
pub(super) fn webhooks(schemas: &mut NamedSchemas) -> Paths {
    schemas.push((Event::name().into_owned(), Event::schema()));
    Event::schemas(schemas);
    let mut all = PathsBuilder::new();
    for kind in EventType::ALL {
        kind.schemas(schemas);
        let name = format!("{}Event", kind.name());
        schemas.push((name.clone(), schema(*kind)));
        all = all.path(kind.as_str(), PathItem::new(HttpMethod::Post, operation(*kind, &name)));
    }
    all.build()
}

fn operation(kind: EventType, schema: &str) -> OperationBuilder {
    let (tag, _) = Tag::Webhooks.about();
    let mut example = Event::example();
    example.r#type = kind.into();
    example.data = kind.example_data();
    if let Some(id) = example.data.get("id").and_then(serde_json::Value::as_str) {
        id.clone_into(&mut example.object);
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .example(serde_json::to_value(example).ok())
        .build();
    let body = RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content);
    let taken = ResponseBuilder::new().description("Any 2xx within 15 seconds acknowledges the event.");
    let control = HeaderBuilder::new()
        .description(Some("`disable` disables the endpoint, whatever the status."))
        .schema(Some(text()))
        .build();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("on{}", kind.name())))
        .tag(tag)
        .summary(Some(kind.as_str()))
        .description(Some(format!("{} `data` is the object right after the change.", kind.about().trim())))
        .securities(Some([SecurityRequirement::default()]))
        .request_body(Some(body.build()))
        .response("2XX", taken.header("webhook-control", control).build())
        .response("410", ResponseBuilder::new().description("Disables the endpoint.").build())
        .response("4XX", ResponseBuilder::new().description("Retried, for about three days.").build())
        .response("5XX", ResponseBuilder::new().description("Retried; `Retry-After` is honoured.").build());
    for (name, about, example) in HEADERS {
        operation = operation.parameter(header(name, about, example));
    }
    operation
}

/// The shape of events with the type and the data of this one.
fn schema(kind: EventType) -> RefOr<Schema> {
    let mut schema = Event::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.description = Some(kind.about().trim().to_owned());
        let only = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some([kind.as_str()]));
        object.properties.insert("type".to_owned(), only.build().into());
        object.properties.insert("data".to_owned(), Ref::from_schema_name(kind.shape()).into());
    }
    schema
}

fn header(name: &str, about: &str, example: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(about))
        .schema(Some(text()))
        .example(Some(serde_json::Value::from(example)))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}
