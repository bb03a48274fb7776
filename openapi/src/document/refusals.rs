//! Refusals: what many operations answer stands once, under `components.responses`, and is referred to.
//!
//! An operation's description lists its own codes. The codes that come with its access and shape belong to the response
//! it refers to: operations of one [`Class`] share a response for each status.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref};

use super::headers::{on_every_answer, shared};
use super::operation::Operation;
use crate::endpoint::Access;
use crate::error_code::ErrorCode;
use crate::problem::PROBLEM_TYPE;

/// The statuses of refusals: the name of the response, and what it says.
const STATUSES: [(u16, &str, &str); 16] = [
    (400, "BadRequest", "The request cannot be read."),
    (401, "Unauthorized", "The caller is not authenticated, or what it sent is not what was signed."),
    (402, "PaymentRequired", "The payment was declined."),
    (403, "Forbidden", "The caller is not allowed to do this."),
    (404, "NotFound", "The object does not exist, or belongs to somebody else."),
    (408, "RequestTimeout", "The body did not arrive in time."),
    (409, "Conflict", "The state of things does not allow this."),
    (412, "PreconditionFailed", "The object has changed since you read it."),
    (413, "ContentTooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body has a media type that is not supported here."),
    (422, "UnprocessableContent", "The request can be read, but not carried out as it is."),
    (428, "PreconditionRequired", "`If-Match` is required."),
    (429, "TooManyRequests", "A limit is used up; wait for `Retry-After` seconds."),
    (431, "HeadersTooLarge", "The headers are too large."),
    (500, "InternalError", "Something went wrong on our side."),
    (503, "ServiceUnavailable", "The gateway cannot answer now; retry after `Retry-After` seconds."),
];

/// Operations whose shared codes are the same: who calls them, and whether they change state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Write,
    Read,
    PublicWrite,
    PublicRead,
    OAuth,
}

impl Class {
    const fn of(operation: &Operation) -> Self {
        match (operation.access, operation.method.writes()) {
            (Access::Client, _) => Self::OAuth,
            (Access::Public, true) => Self::PublicWrite,
            (Access::Public, false) => Self::PublicRead,
            (Access::Partner(_) | Access::Fan(_), true) => Self::Write,
            (Access::Partner(_) | Access::Fan(_), false) => Self::Read,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Write => "Write",
            Self::Read => "Read",
            Self::PublicWrite => "Public",
            Self::PublicRead => "PublicRead",
            Self::OAuth => "OAuth",
        }
    }
}

/// The shared responses of a document, by name, and the name for each class and status.
pub(super) struct Refusals {
    names: BTreeMap<(Class, u16), String>,
    responses: BTreeMap<String, Response>,
}

impl Refusals {
    /// Those of these operations.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut codes: BTreeMap<(u16, Class), BTreeSet<ErrorCode>> = BTreeMap::new();
        for operation in operations {
            let class = Class::of(operation);
            for code in operation.fails() {
                codes.entry((code.status(), class)).or_default();
            }
            for code in operation.shared_codes() {
                codes.entry((code.status(), class)).or_default().insert(code);
            }
        }
        let mut all = Self { names: BTreeMap::new(), responses: BTreeMap::new() };
        for (status, name, about) in STATUSES {
            let of_status =
                || codes.iter().filter(|((of, _), _)| *of == status).map(|((_, class), codes)| (*class, codes));
            // Classes come in order: the first with these codes names the response for those that follow.
            let mut named: Vec<(&BTreeSet<ErrorCode>, bool, String)> = Vec::new();
            for (class, codes) in of_status() {
                let oauth = class == Class::OAuth;
                let same = named.iter().find(|(others, of_oauth, _)| *others == codes && *of_oauth == oauth);
                let name = same.map_or_else(
                    || if named.is_empty() && !oauth { name.to_owned() } else { format!("{name}{}", class.name()) },
                    |(_, _, name)| name.clone(),
                );
                all.responses.entry(name.clone()).or_insert_with(|| response(oauth, status, about, codes));
                all.names.insert((class, status), name.clone());
                named.push((codes, oauth, name));
            }
        }
        all
    }

    /// Where an operation's refusals of one status stand.
    ///
    /// # Panics
    /// When a status is missing in the table: a programming error, found by the first test.
    pub(super) fn reference(&self, operation: &Operation, status: u16) -> Ref {
        let name = self.names.get(&(Class::of(operation), status));
        assert!(name.is_some(), "a refusal of {status} has no name yet");
        Ref::from_response_name(name.map(String::as_str).unwrap_or_default())
    }

    /// Every response under its name.
    pub(super) fn into_responses(self) -> BTreeMap<String, Response> {
        self.responses
    }
}

fn response(oauth: bool, status: u16, about: &str, codes: &BTreeSet<ErrorCode>) -> Response {
    let (media_type, schema) = if oauth { ("application/json", "OAuthError") } else { (PROBLEM_TYPE, "Problem") };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
    let mut text = about.to_owned();
    if !codes.is_empty() {
        text = format!("{text} Shared codes: {}.", list(codes));
    }
    let mut response = ResponseBuilder::new().description(text).content(media_type, content.build());
    if matches!(status, 429 | 503) {
        response = shared(response, &["Retry-After"]);
    }
    if status == 401 {
        response = shared(response, &["WWW-Authenticate"]);
    }
    on_every_answer(response, true).build()
}

/// Codes as a text.
pub(super) fn list<'a>(codes: impl IntoIterator<Item = &'a ErrorCode>) -> String {
    codes.into_iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
}
