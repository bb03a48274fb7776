//! What all HTML pages share: frame, language, style. The pages themselves belong to the capabilities.
//!
//! Invariants: a template escapes every value; there is one stylesheet, under its fingerprint, and no script.

pub(crate) mod form_page;
mod frame;
mod http;
mod language;
mod style;
mod template;
mod token;
mod transaction;

pub use frame::Frame;
pub use http::configure;
pub use language::Language;
pub use style::Style;
pub use template::html;
pub use token::is_token;
pub use transaction::in_transaction;
