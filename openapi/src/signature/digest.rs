//! `Content-Digest` (RFC 9530): made with SHA-256, checked with SHA-256 and SHA-512.
//!
//! Invariant: a check passes only if every SHA-256 and SHA-512 member present matches the received bytes, and there is
//! at least one of them. Broken algorithms (`md5`, `sha`, `unixsum`, `unixcksum`, `adler`, `crc32c`) count for nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest as _, Sha256, Sha512};

use super::{SignatureError, signatures::MAX_FIELD_BYTES};

/// The `Content-Digest` value for these bytes: `sha-256=:…:`. Digest what goes on the wire, after any content coding.
pub fn content_digest(body: &[u8]) -> String {
    member("sha-256", &Sha256::digest(body))
}

/// A parsed `Content-Digest`: the members that can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigest {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

impl ContentDigest {
    /// Parse the field value; several lines joined with a comma.
    ///
    /// # Errors
    /// [`SignatureError::DigestMalformed`] for bad syntax or a digest of the wrong length,
    /// [`SignatureError::DigestUnsupported`] when neither `sha-256` nor `sha-512` is there.
    pub fn parse(value: &[u8]) -> Result<Self, SignatureError> {
        if value.len() > MAX_FIELD_BYTES {
            return Err(malformed("it is too long"));
        }
        let members: Dictionary = Parser::new(value).parse().map_err(|error: sfv::Error| {
            SignatureError::DigestMalformed { position: error.index(), reason: error.to_string() }
        })?;
        if members.is_empty() {
            return Err(malformed("it is empty"));
        }
        let parsed = Self { sha256: digest_of(&members, "sha-256")?, sha512: digest_of(&members, "sha-512")? };
        if parsed.sha256.is_none() && parsed.sha512.is_none() {
            return Err(SignatureError::DigestUnsupported {
                algorithms: members.into_keys().map(String::from).collect(),
            });
        }
        Ok(parsed)
    }

    /// Begin checking a body that arrives in pieces.
    pub fn begin(self) -> DigestCheck {
        DigestCheck {
            sha256: self.sha256.map(|expected| (Sha256::new(), expected)),
            sha512: self.sha512.map(|expected| (Sha512::new(), expected)),
        }
    }

    /// Check a whole body.
    ///
    /// # Errors
    /// [`SignatureError::DigestMismatch`].
    pub fn check(self, body: &[u8]) -> Result<(), SignatureError> {
        let mut check = self.begin();
        check.update(body);
        check.finish()
    }

    /// The rule for a body and the header that may accompany it: a non-empty body needs one, a header must always match,
    /// also for an empty body.
    ///
    /// # Errors
    /// [`SignatureError::DigestMissing`], or those of [`ContentDigest::parse`] and [`ContentDigest::check`].
    pub fn check_message(value: Option<&[u8]>, body: &[u8]) -> Result<(), SignatureError> {
        match value {
            Some(value) => Self::parse(value)?.check(body),
            None if body.is_empty() => Ok(()),
            None => Err(SignatureError::DigestMissing),
        }
    }
}

/// A check in progress; feed it the body, then [`finish`](DigestCheck::finish).
#[derive(Debug, Clone)]
#[must_use = "a digest is only checked by `finish`"]
pub struct DigestCheck {
    sha256: Option<(Sha256, [u8; 32])>,
    sha512: Option<(Sha512, [u8; 64])>,
}

impl DigestCheck {
    /// The next bytes of the body.
    pub fn update(&mut self, chunk: &[u8]) {
        if let Some((hash, _)) = &mut self.sha256 {
            hash.update(chunk);
        }
        if let Some((hash, _)) = &mut self.sha512 {
            hash.update(chunk);
        }
    }

    /// Compare.
    ///
    /// # Errors
    /// [`SignatureError::DigestMismatch`] with the first member that differs.
    pub fn finish(self) -> Result<(), SignatureError> {
        if let Some((hash, expected)) = self.sha256 {
            compare("sha-256", &expected, &hash.finalize())?;
        }
        if let Some((hash, expected)) = self.sha512 {
            compare("sha-512", &expected, &hash.finalize())?;
        }
        Ok(())
    }
}

/// Both sides are public, so the comparison need not be constant in time.
fn compare(algorithm: &str, received: &[u8], computed: &[u8]) -> Result<(), SignatureError> {
    if received == computed {
        return Ok(());
    }
    Err(SignatureError::DigestMismatch { received: member(algorithm, received), computed: member(algorithm, computed) })
}

fn member(algorithm: &str, digest: &[u8]) -> String {
    format!("{algorithm}=:{}:", STANDARD.encode(digest))
}

fn digest_of<const N: usize>(members: &Dictionary, algorithm: &str) -> Result<Option<[u8; N]>, SignatureError> {
    let Some(entry) = members.get(algorithm) else { return Ok(None) };
    let ListEntry::Item(item) = entry else { return Err(malformed(format!("{algorithm} is a list"))) };
    let BareItem::ByteSequence(bytes) = &item.bare_item else {
        return Err(malformed(format!("{algorithm} is not a byte sequence (:base64:)")));
    };
    match bytes.as_slice().try_into() {
        Ok(digest) => Ok(Some(digest)),
        Err(_) => Err(malformed(format!("{algorithm} has {} bytes instead of {N}", bytes.len()))),
    }
}

fn malformed(reason: impl Into<String>) -> SignatureError {
    SignatureError::DigestMalformed { position: None, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"{\"hello\": \"world\"}";
    /// RFC 9530 appendix D and RFC 9421 appendix B.2.
    const HELLO_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const HELLO_512: &str =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    fn code(value: &str, body: &[u8]) -> &'static str {
        ContentDigest::check_message(Some(value.as_bytes()), body).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn the_examples_of_the_rfcs_match() {
        assert_eq!(content_digest(HELLO), HELLO_256);
        assert_eq!(code(HELLO_256, HELLO), "ok");
        assert_eq!(code(HELLO_512, HELLO), "ok");
        assert_eq!(code(&format!("{HELLO_256}, {HELLO_512}, md5=:AA==:"), HELLO), "ok");
    }

    #[test]
    fn every_known_member_must_match() {
        let other = content_digest(b"other");

        assert_eq!(code(&other, HELLO), "digest_mismatch");
        assert_eq!(code(&format!("{HELLO_512}, {other}"), HELLO), "digest_mismatch");
        assert_eq!(code(HELLO_256, b"{\"hello\": \"world\"} "), "digest_mismatch");
    }

    #[test]
    fn broken_algorithms_alone_are_refused() {
        for value in ["md5=:AA==:", "unixsum=:AA==:", "adler=:AA==:, crc32c=:AA==:", "unixcksum=:AA==:", "sha=:AA==:"] {
            assert_eq!(code(value, HELLO), "digest_unsupported", "{value}");
        }
        for value in ["", "sha-256=abc", "sha-256=:AA==:", "sha-256=(:AA==:)", "sha-256=:%%:", "=", "sha-256"] {
            assert_eq!(code(value, HELLO), "digest_malformed", "{value}");
        }
    }

    #[test]
    fn an_empty_body_needs_no_digest_but_a_digest_must_match_it() {
        assert_eq!(ContentDigest::check_message(None, b""), Ok(()));
        assert_eq!(ContentDigest::check_message(None, b"x"), Err(SignatureError::DigestMissing));
        assert_eq!(code(&content_digest(b""), b""), "ok");
        assert_eq!(code(HELLO_256, b""), "digest_mismatch");
    }

    #[test]
    fn pieces_give_the_same_answer_as_the_whole() {
        let mut check = ContentDigest::parse(format!("{HELLO_256}, {HELLO_512}").as_bytes()).unwrap().begin();
        for chunk in HELLO.chunks(5) {
            check.update(chunk);
        }

        assert_eq!(check.finish(), Ok(()));
    }
}
