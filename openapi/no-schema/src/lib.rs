//! A derive that stands in for utoipa's where no document is built.
//!
//! A shape of the contract says `#[derive(ToSchema)]` and `#[schema(…)]` once. With the feature `document` of
//! quanzi-openapi these are utoipa's; without it, as in the SDK, they are this derive, so that users of the SDK compile
//! neither utoipa nor 290 schemas.

use proc_macro::TokenStream;

/// Derives nothing, and takes `#[schema(…)]`.
#[proc_macro_derive(ToSchema, attributes(schema))]
pub fn to_schema(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
