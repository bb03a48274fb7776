//! What `null` means in a change: it clears where the document says so, and is refused with its pointer everywhere else.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how a test says no")]

use std::collections::BTreeMap;

use quanzi_openapi::apps::AppChange;
use quanzi_openapi::circles::CircleChange;
use quanzi_openapi::content::PostChange;
use quanzi_openapi::endpoint::{Body, BodyError};
use quanzi_openapi::fans::SandboxFanChange;
use quanzi_openapi::me::FanPostChange;
use quanzi_openapi::memberships::MembershipChange;
use quanzi_openapi::neutral_document_text;
use quanzi_openapi::partners::PartnerChange;
use quanzi_openapi::webhooks::WebhookEndpointChange;
use serde_json::Value;

/// Holds every field of a shape against the document.
type Check = fn(&str, &Value);

/// Every shape of a change. One that is missing here fails the test.
fn changes() -> BTreeMap<&'static str, Check> {
    [
        ("AppChange", check::<AppChange> as Check),
        ("CircleChange", check::<CircleChange>),
        ("FanPostChange", check::<FanPostChange>),
        ("MembershipChange", check::<MembershipChange>),
        ("PartnerChange", check::<PartnerChange>),
        ("PostChange", check::<PostChange>),
        ("SandboxFanChange", check::<SandboxFanChange>),
        ("WebhookEndpointChange", check::<WebhookEndpointChange>),
    ]
    .into()
}

fn check<T: Body + PartialEq + std::fmt::Debug + Default>(name: &str, schema: &Value) {
    for (field, schema) in schema["properties"].as_object().unwrap() {
        let read = T::read(format!(r#"{{"{field}":null}}"#).as_bytes());

        if schema.to_string().contains(r#""null""#) {
            assert_ne!(read.unwrap(), T::default(), "{name}.{field}: null is taken for left out");
        } else {
            let pointer = format!("/{field}");
            let refused = matches!(&read, Err(BodyError::Field { pointer: at, .. }) if *at == pointer);
            assert!(refused, "{name}.{field}: {read:?}");
        }
    }
}

#[test]
fn null_clears_what_can_be_cleared_and_is_refused_elsewhere() {
    let document: Value = serde_json::from_str(&neutral_document_text().unwrap()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let changes = changes();
    let documented: Vec<&str> = schemas.keys().map(String::as_str).filter(|name| name.ends_with("Change")).collect();

    assert_eq!(documented, changes.keys().copied().collect::<Vec<_>>());
    for (name, check) in changes {
        check(name, &schemas[name]);
    }
}
