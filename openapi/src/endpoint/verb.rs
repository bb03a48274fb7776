//! HTTP methods, as values and as types.
//!
//! An endpoint names its method as a type, so that the gateway can give a handler of [`Get`] a context that only reads:
//! a GET handler that writes does not compile.

/// HTTP methods; a separate enum because server and client use different versions of the crate `http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
    /// Replaces an object.
    Put,
    /// Updates the fields that are sent.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// The method as sent on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it changes state: such a call must be signed and runs in one transaction.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// A [`Method`] as a type: one of [`Get`], [`Post`], [`Put`], [`Patch`] and [`Delete`].
pub trait Verb: sealed::Sealed + 'static {
    /// The method as a value.
    const METHOD: Method;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! verbs {
    ($($name:ident: $about:literal,)*) => {$(
        #[doc = $about]
        #[derive(Debug)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Verb for $name {
            const METHOD: Method = Method::$name;
        }
    )*};
}

verbs! {
    Get: "`GET`: reads.",
    Post: "`POST`: creates or acts.",
    Put: "`PUT`: puts a whole object in place.",
    Patch: "`PATCH`: changes the fields that are sent.",
    Delete: "`DELETE`: removes.",
}
