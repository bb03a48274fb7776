//! Where shapes get their schema from: utoipa with the feature `document`, nowhere without it.
//!
//! Shapes derive `ToSchema` either way, and only `crate::document` names what utoipa is made of.

#[cfg(feature = "document")]
pub use utoipa::ToSchema;

#[cfg(not(feature = "document"))]
pub use self::absent::ToSchema;

#[cfg(not(feature = "document"))]
mod absent {
    pub use quanzi_no_schema::ToSchema;

    /// What every type is where no document is built.
    pub trait ToSchema {}

    impl<T: ?Sized> ToSchema for T {}
}
