//! Everything that can be wrong with a signature, one variant per stable code.
//!
//! Invariant: each text says what was wrong *and* what to do about it, and none carries a token, a key or a body.
//! Variants about keys and replays are raised by the caller, who has the key store; they live here so that one enum is
//! the whole vocabulary.

use super::Algorithm;

/// Why a signature was refused. [`SignatureError::code`] is stable; the texts may be improved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Neither `Signature-Input` nor `Signature` was sent where a signature is required.
    #[error(
        "the message is not signed: send Signature-Input and Signature (RFC 9421) with the parameters created, nonce, keyid and tag"
    )]
    Missing,
    /// A field, a component identifier or a parameter that does not follow RFC 9421 or RFC 9651.
    #[error("{field} is malformed{}: {reason}", at(*.position))]
    Malformed {
        /// The header field, as written in HTTP.
        field: &'static str,
        /// Byte offset into the field value, where known: at the offending byte or just behind it.
        position: Option<usize>,
        /// What the parser expected.
        reason: String,
    },
    /// No signature carries the tag of this profile.
    #[error("no signature carries tag=\"{expected}\": add the tag parameter to Signature-Input")]
    TagMissing {
        /// The tag looked for.
        expected: &'static str,
    },
    /// Two or more signatures carry the tag of this profile.
    #[error("more than one signature carries tag=\"{tag}\": send exactly one")]
    Ambiguous {
        /// The tag that occurred more than once.
        tag: &'static str,
    },
    /// The `keyid` parameter is absent.
    #[error("the signature has no keyid: add ;keyid=\"…\" with the RFC 7638 thumbprint of your registered key")]
    KeyidMissing,
    /// No key of this client has that `keyid`.
    #[error("no key `{keyid}` is registered for this app: register the public key, or sign with a registered one")]
    KeyidUnknown {
        /// The `keyid` that was sent.
        keyid: String,
    },
    /// The key was registered once and has been revoked.
    #[error("key `{keyid}` is revoked: sign with another registered key")]
    KeyRevoked {
        /// The `keyid` that was sent.
        keyid: String,
    },
    /// The key is registered, but not for the client the token was issued to.
    #[error("key `{keyid}` does not belong to the app the access token was issued to")]
    KeyOfOtherClient {
        /// The `keyid` that was sent.
        keyid: String,
    },
    /// The optional `alg` parameter differs from the algorithm the key was registered for.
    #[error("alg=\"{received}\" was sent, but the key is registered for {registered}: leave the alg parameter out")]
    AlgMismatch {
        /// The algorithm registered with the key.
        registered: Algorithm,
        /// What the message said.
        received: String,
    },
    /// Components this profile requires are not covered.
    #[error("the signature must also cover {}: add to Signature-Input and sign again", .missing.join(" "))]
    CoverageMissing {
        /// The identifiers as they must appear in `Signature-Input`, such as `"content-digest"`.
        missing: Vec<String>,
    },
    /// A covered component does not exist in the message or cannot be turned into a line.
    #[error("the covered component {component} cannot be used: {reason}")]
    ComponentUnusable {
        /// The identifier as received.
        component: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The `created` parameter is absent.
    #[error("the signature has no created: add ;created=<unix seconds>")]
    CreatedMissing,
    /// `created` lies outside the accepted window.
    #[error(
        "created is {} s {} the server's time {server_time}; accepted is at most {} s behind and {} s ahead: correct your clock by the Date header and sign again",
        .skew_seconds.unsigned_abs(), if *.skew_seconds < 0 { "behind" } else { "ahead of" }, .window.behind_seconds, .window.ahead_seconds
    )]
    CreatedOutOfWindow {
        /// The server's time, unix seconds.
        server_time: i64,
        /// `created` minus server time, in seconds: negative when the client is behind.
        skew_seconds: i64,
        /// What would have been accepted.
        window: Window,
    },
    /// `expires` has passed.
    #[error("the signature expired at {expires}, the server's time is {server_time}: sign again, or leave expires out")]
    Expired {
        /// The `expires` parameter, unix seconds.
        expires: i64,
        /// The server's time, unix seconds.
        server_time: i64,
    },
    /// The `nonce` parameter is absent.
    #[error("the signature has no nonce: add ;nonce=\"…\" with a fresh random value for every request")]
    NonceMissing,
    /// The same nonce was used before with this key.
    #[error("this nonce was used before with this key: make a fresh nonce and sign again")]
    NonceReplayed,
    /// There is a body but no `Content-Digest`.
    #[error("the body has no Content-Digest: send Content-Digest: sha-256=:…: (RFC 9530) and cover it")]
    DigestMissing,
    /// `Content-Digest` is not a dictionary of byte sequences of the right length.
    #[error("Content-Digest is malformed{}: {reason}", at(*.position))]
    DigestMalformed {
        /// Byte offset into the field value, where known: at the offending byte or just behind it.
        position: Option<usize>,
        /// What the parser expected.
        reason: String,
    },
    /// `Content-Digest` names only algorithms that are unknown or broken.
    #[error("Content-Digest names only {}: use sha-256 or sha-512", .algorithms.join(", "))]
    DigestUnsupported {
        /// The algorithm names that were sent.
        algorithms: Vec<String>,
    },
    /// The received bytes have another digest.
    #[error(
        "Content-Digest says {received}, the received body gives {computed}: digest exactly the bytes you send, after any content coding"
    )]
    DigestMismatch {
        /// The member as received.
        received: String,
        /// The member as computed over the received bytes.
        computed: String,
    },
    /// The signature does not verify with the key over the base.
    #[error(
        "the signature does not match: compare your signature base line by line with the server's (sandbox, Signature-Debug)"
    )]
    Mismatch,
}

/// How far `created` may lie from the verifier's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Accepted age in seconds, clock tolerance included.
    pub behind_seconds: i64,
    /// Accepted distance into the future in seconds.
    pub ahead_seconds: i64,
}

impl Window {
    /// A window of so many seconds behind and ahead.
    pub const fn new(behind_seconds: i64, ahead_seconds: i64) -> Self {
        Self { behind_seconds, ahead_seconds }
    }
}

impl SignatureError {
    /// The stable machine-readable code, as used in problem documents and in `vectors/profile.json`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed { .. } => "signature_malformed",
            Self::TagMissing { .. } => "tag_missing",
            Self::Ambiguous { .. } => "signature_ambiguous",
            Self::KeyidMissing => "keyid_missing",
            Self::KeyidUnknown { .. } => "keyid_unknown",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::KeyOfOtherClient { .. } => "key_of_other_client",
            Self::AlgMismatch { .. } => "alg_mismatch",
            Self::CoverageMissing { .. } => "coverage_missing",
            Self::ComponentUnusable { .. } => "component_unusable",
            Self::CreatedMissing => "created_missing",
            Self::CreatedOutOfWindow { .. } => "created_out_of_window",
            Self::Expired { .. } => "signature_expired",
            Self::NonceMissing => "nonce_missing",
            Self::NonceReplayed => "nonce_replayed",
            Self::DigestMissing => "digest_missing",
            Self::DigestMalformed { .. } => "digest_malformed",
            Self::DigestUnsupported { .. } => "digest_unsupported",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::Mismatch => "signature_mismatch",
        }
    }

    pub(super) fn malformed(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { field, position: None, reason: reason.into() }
    }

    pub(super) fn syntax(field: &'static str, error: &sfv::Error) -> Self {
        Self::Malformed { field, position: error.index(), reason: error.to_string() }
    }

    pub(super) fn unusable(component: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::ComponentUnusable { component: component.into(), reason: reason.into() }
    }
}

fn at(position: Option<usize>) -> String {
    position.map(|byte| format!(" at byte {byte}")).unwrap_or_default()
}
