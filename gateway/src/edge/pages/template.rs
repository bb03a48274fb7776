//! From a template to a page.

use askama::Template;

/// A template writes into a String and has no fallible filter, so it cannot fail; an empty page would be seen by the tests.
pub fn html(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
