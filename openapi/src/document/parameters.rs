//! Path and query parameters: fields of `Params` and `Query`. One that several operations take alike is a component.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::{RefOr, Required};

use super::description;
use super::unions::is_null;
use crate::endpoint::Fields;

/// The fields of a parameter shape. `IntoParams` leaves dangling references to enums, so the schema is read instead.
pub(super) fn fields<T: Fields>(place: &ParameterIn) -> Vec<Parameter> {
    let RefOr::T(Schema::Object(object)) = T::schema() else { return Vec::new() };
    let required = object.required;
    let fields = object.properties.into_iter().map(|(name, schema)| {
        let is_required = *place == ParameterIn::Path || required.contains(&name);
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place.clone())
            .required(if is_required { Required::True } else { Required::False })
            .description(description(&schema))
            .schema(Some(without_null(schema)))
            .build()
    });
    fields.collect()
}

/// The names of those in the path, in order.
pub(super) fn in_path(all: &[Parameter]) -> impl Iterator<Item = &str> {
    all.iter().filter(|one| one.parameter_in == ParameterIn::Path).map(|one| one.name.as_str())
}

/// Parameters that several operations take alike, by the names of their components.
pub(super) struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Of all parameters of one name and place, those that are taken most often, and at least twice.
    pub(super) fn of<'a>(all: impl IntoIterator<Item = &'a Parameter>) -> Self {
        let mut uses: BTreeMap<String, Vec<(&Parameter, usize)>> = BTreeMap::new();
        for parameter in all {
            let variants = uses.entry(name(parameter)).or_default();
            match variants.iter_mut().find(|(one, _)| *one == parameter) {
                Some((_, count)) => *count += 1,
                None => variants.push((parameter, 1)),
            }
        }
        let shared = uses.into_iter().filter_map(|(name, variants)| {
            let (most_used, count) = variants.into_iter().rev().max_by_key(|(_, count)| *count)?;
            (count > 1).then(|| (name, most_used.clone()))
        });
        Self(shared.collect())
    }

    /// The component of a parameter, if it is one.
    pub(super) fn component(&self, parameter: &Parameter) -> Option<String> {
        let name = name(parameter);
        (self.0.get(&name) == Some(parameter)).then_some(name)
    }

    /// Every component under its name.
    pub(super) fn into_shared(self) -> BTreeMap<String, Parameter> {
        self.0
    }
}

/// The name of a component: `CircleInPath`, `CursorInQuery`.
fn name(parameter: &Parameter) -> String {
    let place = if parameter.parameter_in == ParameterIn::Path { "InPath" } else { "InQuery" };
    super::unions::pascal_case(&parameter.name) + place
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
