//! Unions as generators of clients read them best: variants have titles, and "a value or null" is an `anyOf`.
//!
//! Generators name the type of a variant by its title. A value that may be null is no union of two named things, and
//! `anyOf` with `null` is the form that all of them turn into an optional type.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayItems, Object, Schema, SchemaType, Type};

/// Gives each union in a schema its form. Variants are named after it.
///
/// # Panics
/// When a variant has no title and nothing to take one from: a programming error, found by the first test.
pub(super) fn refine(name: &str, schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => {
            for (field, one) in &mut object.properties {
                refine(&(name.to_owned() + &pascal_case(field)), one);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                refine(name, items);
            }
        }
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(|one| refine(name, one)),
        Schema::AnyOf(any_of) => any_of.items.iter_mut().for_each(|one| refine(name, one)),
        Schema::OneOf(one_of) => {
            one_of.items.iter_mut().for_each(|one| refine(name, one));
            if one_of.items.iter().any(is_null) {
                let items = std::mem::take(&mut one_of.items);
                let any_of = AnyOfBuilder::new().description(one_of.description.take());
                *inner = items.into_iter().fold(any_of, AnyOfBuilder::item).into();
            } else {
                one_of.items.iter_mut().for_each(|one| entitle(name, one));
            }
        }
        _ => {}
    }
}

/// Whether a schema is that of null alone.
pub(super) fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Gives a variant a title, if it has none: that of the shape it refers to, or the value of its tag before the name of the
/// union. The tag alone would often be the name of another shape, which generators refuse.
fn entitle(union: &str, variant: &mut RefOr<Schema>) {
    let title = match variant {
        RefOr::Ref(reference) => {
            let shape = reference.ref_location.rsplit('/').next().map(str::to_owned);
            reference.title = reference.title.take().or(shape);
            reference.title.as_ref()
        }
        RefOr::T(Schema::Object(object)) => {
            object.title = object.title.take().or_else(|| tag(object).map(|tag| pascal_case(tag) + union));
            object.title.as_ref()
        }
        RefOr::T(_) => None,
    };
    assert!(title.is_some(), "a variant of a oneOf has no title");
}

/// The value of the one field that has only one value.
fn tag(object: &Object) -> Option<&str> {
    object.properties.values().find_map(|field| match field {
        RefOr::T(Schema::Object(field)) => match field.enum_values.as_deref() {
            Some([only]) => only.as_str(),
            _ => None,
        },
        _ => None,
    })
}

/// `credit_at_least` as `CreditAtLeast`.
pub(super) fn pascal_case(name: &str) -> String {
    let words = name.split(['_', '-', '.']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}
