//! Schemas that no derive can write: of generic shapes, and of those that are a text on the wire.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::NamedSchemas;
use super::headers::text;
use crate::apps::KeyInput;
use crate::error_code::ErrorCode;
use crate::events::EventTypes;
use crate::id::{Id, Kind};
use crate::jose::Jwk;
use crate::jose::jwk::PublicMembers;
use crate::open::Open;
use crate::page::{CURSOR_LEN_MAX, Cursor, LIMIT_DEFAULT, LIMIT_MAX, Limit, Page};
use crate::signature::Algorithm;
use crate::text::{Text, Words};
use crate::time::Time;

impl<K: Kind> PartialSchema for Id<K> {
    fn schema() -> RefOr<Schema> {
        text()
            .pattern(Some(format!("^{}_[0-7][0-9A-HJKMNP-TV-Z]{{25}}$", K::PREFIX)))
            .examples([Value::String(Self::example().to_string())])
            .into()
    }
}

impl<K: Kind> ToSchema for Id<K> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(K::NAME)
    }
}

impl<K: Words> PartialSchema for Text<K> {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some(K::ABOUT))
            .min_length(Some(K::MIN))
            .max_length(Some(K::MAX))
            .pattern(K::PATTERN)
            .format(K::FORMAT.map(|format| SchemaFormat::Custom(format.to_owned())))
            .examples([Value::String(K::EXAMPLE.to_owned())])
            .into()
    }
}

impl<K: Words> ToSchema for Text<K> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(K::NAME)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC."))
            .examples([Value::String(Self::example().to_string())])
            .into()
    }
}

impl ToSchema for Time {}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let has_more = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Boolean))
            .description(Some("Whether more entries follow."));
        ObjectBuilder::new()
            .description(Some(format!("One page of a list of {} entries.", T::name())))
            .property("data", ArrayBuilder::new().items(RefOr::Ref(Ref::from_schema_name(T::name()))))
            .required("data")
            .property("has_more", has_more)
            .required("has_more")
            .property("next_cursor", RefOr::Ref(Ref::from_schema_name("Cursor")))
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    /// Composed, because two pages under one name would overwrite each other in the document.
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Page", T::name()))
    }

    fn schemas(schemas: &mut NamedSchemas) {
        schemas.push((T::name().into_owned(), T::schema()));
        schemas.push(("Cursor".to_owned(), Cursor::schema()));
        T::schemas(schemas);
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some("Opaque position in a list."))
            .max_length(Some(CURSOR_LEN_MAX))
            .examples([Value::String(Self::at(&("2026-11-20", 42)).to_string())])
            .into()
    }
}

impl ToSchema for Cursor {}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(LIMIT_MAX))
            .default(Some(LIMIT_DEFAULT.into()))
            .description(Some("Entries per page."))
            .into()
    }
}

impl ToSchema for Limit {}

/// An open enum is described by its known values; the description of the document says that enums grow.
impl<T: PartialSchema> PartialSchema for Open<T> {
    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Open<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut NamedSchemas) {
        T::schemas(schemas);
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some(
                "Machine-readable error code. New codes are added over time; each has a page under /errors/.",
            ))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

impl ToSchema for ErrorCode {}

impl PartialSchema for EventTypes {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some("Event types, separated by commas."))
            .examples([Value::from("payment.succeeded,refund.created")])
            .into()
    }
}

impl ToSchema for EventTypes {}

impl PartialSchema for KeyInput {
    fn schema() -> RefOr<Schema> {
        let jwk = ObjectBuilder::new()
            .title(Some("KeyAsJwk"))
            .description(Some("A JWK (RFC 7517) with public members only."));
        let text =
            text().title(Some("KeyAsText")).description(Some("PEM, base64 DER, or a one-line key (SPKI or PKCS#1)."));
        OneOfBuilder::new().description(Some("A public key in any common format.")).item(jwk).item(text).into()
    }
}

impl ToSchema for KeyInput {}

impl PartialSchema for Jwk {
    fn schema() -> RefOr<Schema> {
        PublicMembers::schema()
    }
}

impl ToSchema for Jwk {}

impl PartialSchema for Algorithm {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some("Algorithm of HTTP message signatures (RFC 9421, 6.2.2)."))
            .enum_values(Some(Self::ALL.iter().map(|algorithm| algorithm.as_str())))
            .into()
    }
}

impl ToSchema for Algorithm {}
