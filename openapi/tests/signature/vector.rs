//! The shape of a message in the vector files, and its view as a [`Message`].

use quanzi_openapi::signature::Message;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl VectorMessage {
    /// Run `with` on the view; a response gets `request` as what it answers.
    pub fn view<T>(&self, request: Option<&Self>, with: impl FnOnce(&Message<'_>) -> T) -> T {
        let (headers, request_headers) = (self.lines(), request.map(Self::lines).unwrap_or_default());
        match (self.status, request) {
            (None, _) => with(&self.as_request(&headers)),
            (Some(status), None) => with(&Message::response(status, &headers, None)),
            (Some(status), Some(request)) => {
                with(&Message::response(status, &headers, Some(&request.as_request(&request_headers))))
            }
        }
    }

    fn as_request<'a>(&'a self, headers: &'a [(&'a str, &'a [u8])]) -> Message<'a> {
        Message::request(self.method.as_deref().unwrap(), self.url.as_deref().unwrap(), headers).unwrap()
    }

    fn lines(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }
}
