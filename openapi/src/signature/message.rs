//! A message as a signature sees it: the parts of a request or a response that components are taken from.
//!
//! Invariant: nothing here normalises what was sent; path and query keep their raw bytes, because a signature over
//! `%2F` is not a signature over `/`. The target is handed in whole by the caller, who builds it from the configured
//! origin and never from `Host` (RFC 9421 section 7.4.1 and 2.2).

use std::fmt;

use super::SignatureError;

/// Header fields in the order they were sent; names in any case, values as raw bytes.
pub type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// A borrowed view of a request, or of a response together with the request it answers.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    start: Start<'a>,
    headers: Headers<'a>,
}

#[derive(Clone, Copy)]
enum Start<'a> {
    Request { method: &'a str, target: Target<'a> },
    Response { status: u16, request: Option<&'a Message<'a>> },
}

impl<'a> Message<'a> {
    /// A request to the absolute URL `target_uri`, which is signed byte for byte as given.
    ///
    /// # Errors
    /// [`SignatureError::ComponentUnusable`] when the method is no token or the URL is not absolute `http(s)` in ASCII,
    /// or carries a fragment or user information.
    pub fn request(method: &'a str, target_uri: &'a str, headers: Headers<'a>) -> Result<Self, SignatureError> {
        if method.is_empty() || !method.bytes().all(is_token_byte) {
            return Err(SignatureError::unusable("\"@method\"", "the method is not a token"));
        }
        let target = Target::parse(target_uri).map_err(|reason| SignatureError::unusable("\"@target-uri\"", reason))?;
        Ok(Self { start: Start::Request { method, target }, headers })
    }

    /// A response; `request` is what it answers, needed for components with `;req`.
    pub const fn response(status: u16, headers: Headers<'a>, request: Option<&'a Message<'a>>) -> Self {
        Self { start: Start::Response { status, request }, headers }
    }

    /// Whether this is a request.
    pub const fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// The request a response answers; `None` for a request.
    pub const fn answered_request(&self) -> Option<&'a Message<'a>> {
        match self.start {
            Start::Response { request, .. } => request,
            Start::Request { .. } => None,
        }
    }

    /// The raw values of every field line called `name`, in order. The comparison ignores ASCII case.
    pub fn header<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Whether at least one field line is called `name`.
    pub fn has_header(&self, name: &str) -> bool {
        self.header(name).next().is_some()
    }

    pub(super) const fn method(&self) -> Option<&'a str> {
        match self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    pub(super) const fn target(&self) -> Option<Target<'a>> {
        match self.start {
            Start::Request { target, .. } => Some(target),
            Start::Response { .. } => None,
        }
    }

    pub(super) const fn status(&self) -> Option<u16> {
        match self.start {
            Start::Response { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }
}

/// Header values hold tokens and the query may hold personal data, so neither is printed.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        let mut out = f.debug_struct("Message");
        match &self.start {
            Start::Request { method, target } => out.field("method", method).field("path", &target.path),
            Start::Response { status, request } => out.field("status", status).field("request", request),
        };
        out.field("headers", &names).finish()
    }
}

/// An absolute URL cut into the pieces components are made of, each exactly as written.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) uri: &'a str,
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    /// Path and query as on the request line; empty when the URL ends after the authority.
    pub(super) origin_form: &'a str,
    pub(super) path: &'a str,
    /// Without the `?`; `None` when there is none.
    pub(super) query: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn parse(uri: &'a str) -> Result<Self, &'static str> {
        if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the URL holds a byte outside printable ASCII; percent-encode it");
        }
        if uri.contains('#') {
            return Err("the URL has a fragment, which is never sent");
        }
        let (scheme, rest) = uri.split_once("://").ok_or("the URL is not absolute")?;
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err("the URL is neither https nor http");
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') {
            return Err("the URL has no host, or has user information");
        }
        let origin_form = rest.strip_prefix(authority).unwrap_or_default();
        let (path, query) = match origin_form.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (origin_form, None),
        };
        Ok(Self { uri, scheme, authority, origin_form, path, query })
    }

    /// The `@authority`: lower case, without the scheme's default port (RFC 9421 section 2.2.3).
    pub(super) fn normal_authority(&self) -> String {
        let authority = self.authority.to_ascii_lowercase();
        let default_port = if self.scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
        match authority.strip_suffix(default_port).or_else(|| authority.strip_suffix(':')) {
            Some(host) => host.to_owned(),
            None => authority,
        }
    }
}

/// A byte of an RFC 9110 token.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
