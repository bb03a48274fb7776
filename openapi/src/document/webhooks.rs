//! The `webhooks` section: every event type with the schema of its `data`, and the responses a receiver can give.

use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, PathItem, Paths, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

use super::NamedSchemas;
use super::headers::{header, parameter, parameter_reference, text};
use crate::endpoint::{Example as _, Tag};
use crate::events::{Event, EventType};

/// Headers of a delivery (Standard Webhooks): name of the component, header, text, example.
const HEADERS: [(&str, &str, &str, &str); 3] = [
    ("WebhookId", "webhook-id", "The event's id, the same in every attempt.", "evt_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A"),
    ("WebhookTimestamp", "webhook-timestamp", "When the attempt was made, in Unix seconds.", "1795163400"),
    (
        "WebhookSignature",
        "webhook-signature",
        "Signatures, separated by spaces: `v1` is HMAC-SHA256 with the endpoint's secret, `v1a` Ed25519 with the gateway's key.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= \
         v1a,wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
];

/// What a receiver can answer: status, name of the component, text.
const ANSWERS: [(&str, &str, &str); 4] = [
    ("2XX", "DeliveryAccepted", "Any 2xx within 15 seconds acknowledges the event."),
    ("410", "DeliveryRefused", "Disables the endpoint."),
    ("4XX", "DeliveryFailed", "Retried, for about three days."),
    ("5XX", "DeliveryUnavailable", "Retried; `Retry-After` is honoured."),
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

/// The headers of a delivery under the names of their components.
pub(super) fn headers() -> impl Iterator<Item = (&'static str, Parameter)> {
    HEADERS.into_iter().map(|(component, name, about, example)| (component, parameter(name, true, about, example)))
}

/// What a receiver can answer, under the names of the components.
pub(super) fn responses() -> impl Iterator<Item = (&'static str, Response)> {
    ANSWERS.into_iter().map(|(status, name, about)| {
        let response = ResponseBuilder::new().description(about);
        let control = || header("`disable` disables the endpoint, whatever the status.", "disable");
        let response = if status == "2XX" { response.header("webhook-control", control()) } else { response };
        (name, response.build())
    })
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
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("on{}", kind.name())))
        .tag(tag)
        .summary(Some(kind.as_str()))
        .description(Some(format!("{} `data` is the object right after the change.", kind.about().trim())))
        .securities(Some([SecurityRequirement::default()]))
        .request_body(Some(body.build()));
    for (status, name, _) in ANSWERS {
        operation = operation.response(status, Ref::from_response_name(name));
    }
    for (name, ..) in HEADERS {
        operation = operation.parameter_ref(parameter_reference(name));
    }
    operation
}

/// The shape of events with the type and the data of this one.
fn schema(kind: EventType) -> RefOr<Schema> {
    let mut schema = Event::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.description = Some(kind.about().trim().to_owned());
        let only = text().enum_values(Some([kind.as_str()]));
        object.properties.insert("type".to_owned(), only.build().into());
        object.properties.insert("data".to_owned(), Ref::from_schema_name(kind.shape()).into());
    }
    schema
}
