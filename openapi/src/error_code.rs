//! Every code a refusal can carry: one line = one condition, one status, one sentence, one documentation page.
//!
//! A code is never renamed and never reused for another condition; new ones are added at the end of their block.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($variant:ident $code:tt $status:tt $retry:ident $title:tt $remedy:tt;)+) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $title] $variant,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it stands in `code`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// HTTP status of the refusal.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What it means, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What the caller should do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }

            /// Whether the same request may succeed later without a change.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => retry!($retry),)+ }
            }
        }
    };
}
macro_rules! retry {
    (again) => {
        true
    };
    (never) => {
        false
    };
}

error_codes! {
    // The request as such
    RouteNotFound           "route_not_found"           404 never "No such address."                              "Compare the path with the API reference; paths are case sensitive and have no trailing slash.";
    MethodNotAllowed        "method_not_allowed"        405 never "This address does not take this method."       "Use one of the methods in the Allow header.";
    ContentTypeUnsupported  "content_type_unsupported"  415 never "The body has a media type we do not take here." "Send the media type named in `detail`, without content coding.";
    BodyTooLarge            "body_too_large"            413 never "The body is larger than allowed."              "Send less; `detail` says the limit in bytes.";
    BodyTimeout             "body_timeout"              408 again "The body did not arrive in time."              "Send the whole body at once; `detail` says the limit in seconds.";
    HeadersTooLarge         "headers_too_large"         431 never "The headers are larger than allowed."          "Send fewer or shorter headers.";
    BodyMalformed           "body_malformed"            400 never "The body could not be read."                   "Send well-formed JSON (or form data where the reference says so); `detail` says where it stops making sense.";
    FieldInvalid            "field_invalid"             400 never "A field of the body is wrong."                 "Correct the field that `pointer` names.";
    ParamInvalid            "param_invalid"             400 never "A parameter is wrong."                         "Correct the path, query or header parameter that `param` names.";
    IfMatchMissing          "if_match_missing"          428 never "This change needs an If-Match header."         "Read the object, then send its ETag as If-Match, so that you do not overwrite somebody else's change.";
    VersionMismatch         "version_mismatch"          412 never "The object has changed since you read it."     "Read it again, look at what changed, and send your change with the new ETag.";
    RateLimited             "rate_limited"              429 again "Too many requests."                            "Wait for the seconds in Retry-After, then sign anew: nothing was used up, but a signature grows old. The RateLimit headers of every answer say how much is left.";
    Overloaded              "overloaded"                503 again "The gateway is busy right now."                "Try again after the seconds in Retry-After, with the same Idempotency-Key.";
    Internal                "internal"                  500 again "Something failed on our side."                 "Try again with the same Idempotency-Key; if it stays, tell us the request_id.";

    // Token
    TokenMissing            "token_missing"             401 never "The request carries no access token."          "Send `Authorization: DPoP <token>` with a token from /oauth/token.";
    TokenInvalid            "token_invalid"             401 never "The access token is not one of ours, or was altered." "Get a new token from /oauth/token; send it whole, with the scheme DPoP, in the Authorization header only.";
    TokenExpired            "token_expired"             401 never "The access token has expired."                 "Get a new token from /oauth/token.";
    TokenRevoked            "token_revoked"             401 never "The access token was revoked."                 "Get a new token from /oauth/token.";
    ProofMissing            "proof_missing"             401 never "The token is bound to a key, and the request proves no possession of it." "Sign the request with the key the token is bound to, covering `authorization`, or send a DPoP proof.";
    ProofInvalid            "proof_invalid"             401 never "The DPoP proof is not valid."                  "Make a new proof for this method and address with the key of the token; `detail` says which claim is wrong.";
    ProofNonceRequired      "proof_nonce_required"      401 again "The DPoP proof needs a nonce of this server."  "Repeat the request with a proof that carries the value of the DPoP-Nonce header.";
    ScopeMissing            "scope_missing"             403 never "The token does not have the scope for this."   "Ask for a token with the scope named in `detail`.";
    ScopeExceeded           "scope_exceeded"            403 never "The app would be able to do what your token cannot." "Call with a token that has the scope named in `detail`, or leave that scope out.";
    WrongTokenKind          "wrong_token_kind"          403 never "The token is of the other kind: a partner's where a fan's is wanted, or the reverse." "`detail` says which kind this address takes: partner tokens come from client_credentials, fan tokens from the fan's consent.";
    AddressNotAllowed       "address_not_allowed"       403 never "The app may not be used from this address."    "Call from an address on the app's allow-list, or change the list.";
    SignInUnavailable       "sign_in_unavailable"       503 again "The place where fans sign in does not answer." "Shown on a page: the fan can try again in a minute. Nothing has changed.";
    SignInFailed            "sign_in_failed"            502 never "The place where fans sign in gave no good answer." "Shown on a page: the fan goes back to your app and starts again; if it stays so, tell the operator.";
    SignInAgeUnknown        "sign_in_age_unknown"       502 never "The place where fans sign in does not say when the fan did." "Shown on a page when you asked for a fresh sign-in, with `prompt=login` or `max_age`: the operator's provider must send `auth_time`.";
    AppSuspended            "app_suspended"             403 never "The app is suspended."                         "Activate the app again, or ask the operator why it was suspended.";

    // Signature
    SignatureMissing        "signature_missing"         401 never "The request must be signed."                   "Sign it (RFC 9421) as the Accept-Signature header says; see the guide on signing.";
    SignatureMalformed      "signature_malformed"       401 never "Signature-Input or Signature could not be read." "Both are structured fields (RFC 8941) with the same labels; `signature.position` says where reading stopped.";
    TagMissing              "tag_missing"               401 never "No signature carries our tag."                 "Add the parameter tag=\"fapi-2-request\".";
    SignatureAmbiguous      "signature_ambiguous"       401 never "More than one signature carries our tag."      "Send exactly one signature with the tag fapi-2-request.";
    KeyidMissing            "keyid_missing"             401 never "The signature does not name its key."           "Add the parameter keyid: the thumbprint (RFC 7638) of a registered key.";
    ComponentUnusable       "component_unusable"        401 never "The signature covers something the request does not have, or that cannot be signed." "Cover only headers you send, once each, with ASCII values; `detail` names the component.";
    KeyidUnknown            "keyid_unknown"             401 never "No such key is registered for the app."        "Use the thumbprint (RFC 7638) of a registered key as keyid, or register the key.";
    KeyRevoked              "key_revoked"               401 never "The key was removed."                          "Sign with a key that is still registered.";
    KeyOfOtherClient        "key_of_other_client"       401 never "The key belongs to another app than the token." "Sign with a key of the app the token was issued to.";
    AlgMismatch             "alg_mismatch"              401 never "The signature names another algorithm than the key's." "Leave the alg parameter out, or name the algorithm the key is registered for.";
    CoverageMissing         "coverage_missing"          401 never "The signature does not cover everything it must." "Cover the components in `signature.missing` as well.";
    CreatedMissing          "created_missing"           401 never "The signature does not say when it was made."  "Add the parameter created, in Unix seconds.";
    CreatedOutOfWindow      "created_out_of_window"     401 never "The signature is too old, or from the future." "Set your clock by `signature.server_time` and sign again.";
    SignatureExpired        "signature_expired"         401 never "The signature has expired."                    "Sign again, or leave the parameter expires out.";
    NonceMissing            "nonce_missing"             401 never "The signature carries no nonce."               "Add the parameter nonce with a fresh random value.";
    NonceReplayed           "nonce_replayed"            401 never "The nonce was used before."                    "Sign anew with a fresh nonce, and keep the Idempotency-Key if there was one: each sending of a request needs a signature of its own.";
    DigestMissing           "digest_missing"            401 never "A request with a body needs Content-Digest."   "Send Content-Digest: sha-256=:…: (RFC 9530) and cover it with the signature.";
    DigestMalformed         "digest_malformed"          401 never "Content-Digest could not be read."             "Send Content-Digest: sha-256=:…: with the digest in base64 (RFC 9530).";
    DigestUnsupported       "digest_unsupported"        401 never "Content-Digest names no algorithm we take."   "Send sha-256 or sha-512 (RFC 9530).";
    DigestMismatch          "digest_mismatch"           401 never "The body is not the one that was digested."    "Digest the very bytes you send, after any encoding.";
    SignatureMismatch       "signature_mismatch"        401 never "The signature does not fit the request."       "In the sandbox `signature` shows the base we computed and what differs; POST /sandbox/v1/signature/check explains a request without executing it.";

    // Idempotency
    IdempotencyKeyMissing   "idempotency_key_missing"   400 never "This request needs an Idempotency-Key."        "Send a new random key for each thing you want to happen, and the same key when you repeat.";
    IdempotencyKeyReused    "idempotency_key_reused"    422 never "The Idempotency-Key belongs to another request." "Use a new key; keys are remembered for 30 days.";
    IdempotencyInFlight     "idempotency_in_flight"     409 again "The first request with this Idempotency-Key is still being worked on." "Wait a moment and repeat; you will get the first request's answer.";

    // Authorization server (the codes of RFC 6749, 7009, 7662)
    InvalidRequest          "invalid_request"           400 never "A parameter is missing, doubled or malformed." "See `error_description`; parameters go into a form body, each once.";
    InvalidClient           "invalid_client"            401 never "The client could not be authenticated."        "Send a client_assertion signed with a registered key: iss = sub = the app id, aud = the issuer, a fresh jti, exp within an hour.";
    UnsupportedGrantType    "unsupported_grant_type"    400 never "There is no such grant type here."             "Use client_credentials, authorization_code or refresh_token.";
    UnsupportedResponseType "unsupported_response_type" 400 never "There is no such response type here."          "Send response_type=code.";
    InvalidGrant            "invalid_grant"             400 never "The code or refresh token is not good, or not for this request." "Send the fan to the authorization endpoint again; a code is good once, for 60 seconds, with its own client, redirect_uri, code_verifier and DPoP key.";
    InvalidScope            "invalid_scope"             400 never "The scope is unknown, malformed or not for this grant." "Ask for scopes listed in the server's metadata.";
    InvalidTarget           "invalid_target"            400 never "The resource is not one of ours."              "Leave `resource` out, or send the value of /.well-known/oauth-protected-resource.";
    InvalidDpopProof        "invalid_dpop_proof"        400 never "The DPoP proof is not valid."                  "Make a new proof for this method and address with the key of the token; `detail` says which claim is wrong.";
    UseDpopNonce            "use_dpop_nonce"            400 again "The DPoP proof needs a nonce of this server."  "Repeat the request with a proof that carries the value of the DPoP-Nonce header.";

    // Partners, apps, keys
    AppNotFound             "app_not_found"             404 never "No such app."                                  "List your apps with GET /v1/apps.";
    AppLimitReached         "app_limit_reached"         409 never "The partner has as many apps as allowed."      "Use an existing app.";
    KeyNotFound             "key_not_found"             404 never "No such key."                                  "List the keys with GET /v1/apps/{app}/keys.";
    KeyFormatUnknown        "key_format_unknown"        422 never "The text is not a public key in a format we read." "Send a JWK, or a PEM, DER (base64) or one-line public key, SPKI or PKCS#1.";
    KeyIsPrivate            "key_is_private"            422 never "This is a private key. It was not stored."     "Send the public key only, and replace this key pair: it has left your house.";
    KeyTooWeak              "key_too_weak"              422 never "The key is too weak."                          "Use Ed25519, P-256, or RSA with 2048 to 8192 bits.";
    KeyTypeUnsupported      "key_type_unsupported"      422 never "We do not take keys of this type."             "Use Ed25519, P-256, or RSA with 2048 to 8192 bits.";
    KeyExists               "key_exists"                409 never "The key is registered already."                "An app takes each key once, also after it was removed; use another key.";
    KeyLimitReached         "key_limit_reached"         409 never "The app has as many keys as allowed."          "Remove a key that is no longer used.";
    LastKey                 "last_key"                  409 never "This is the app's last usable key."            "Register another key first; then remove this one.";

    // Circles and gates
    CircleNotFound          "circle_not_found"          404 never "No such circle."                               "List your circles with GET /v1/circles.";
    CircleNameTaken         "circle_name_taken"         409 never "You have a circle of this name already."       "Choose another name.";
    CircleSlugTaken         "circle_slug_taken"         409 never "You have a circle with this slug already."     "Choose another slug.";
    CircleNotOpen           "circle_not_open"           409 never "The circle is not open."                       "Open the circle first.";
    CircleClosed            "circle_closed"             409 never "The circle is closed for good."                "Start a new circle.";
    GateRulesInvalid        "gate_rules_invalid"        422 never "The rules do not make a gate."                 "See `detail`: each kind of rule once, and `open` only alone.";
    GateBandLimitReached    "gate_band_limit_reached"   429 again "The credit band of this gate was moved too often today." "Wait until the time in `limit`; this limit keeps scores private.";
    GateRefused             "gate_refused"              403 never "The gate did not let the fan in."              "`evaluation` says rule by rule what failed and what the fan can do; an answer about a credit band stands until its `expires_at`.";

    // Fans and memberships
    FanNotFound             "fan_not_found"             404 never "No such fan."                                  "Use the fan id you got for this person; ids differ from partner to partner.";
    GrantNotFound           "grant_not_found"           404 never "No such grant."                                "List what fans granted with GET /v1/grants.";
    MembershipNotFound      "membership_not_found"      404 never "No such membership."                           "List the memberships of the circle.";
    MembershipBanned        "membership_banned"         403 never "The fan is banned from the circle."            "Lift the ban first, if that is what you want.";
    MembershipConflict      "membership_conflict"       409 never "The membership is not in a state for this."    "Read the membership again; `detail` says its status and what it would have to be.";
    OwnerRequired           "owner_required"            409 never "The circle would be left without its owner."   "Make another member owner first.";

    // Content
    PostNotFound            "post_not_found"            404 never "No such post."                                 "List the feed of the circle.";
    PinLimitReached         "pin_limit_reached"         409 never "The circle has three pinned posts."            "Unpin one first.";
    PostLimitReached        "post_limit_reached"        429 again "The member has published as many posts today as the circle allows." "Wait until the time in `limit`, or change the circle's limit.";
    AuthorNotActive         "author_not_active"         409 never "The author is not an active member."           "Choose an active membership of this circle, or publish as the partner.";
    PostPublished           "post_published"            409 never "The post is published already."                "Drafts and times can only be changed before publication; edit or delete the post instead.";
    CommentNotFound         "comment_not_found"         404 never "No such comment."                              "List the comments of the post.";
    CommentLimitReached     "comment_limit_reached"     429 again "The fan has made as many comments today as the circle allows." "Wait until the time in `limit`, or change the circle's limit.";
    NotAllowedHere          "not_allowed_here"          403 never "The fan may not do this in the circle."        "`detail` says who may, or what the circle asks for; the partner sets it in the circle's `rights`.";

    // Payments and ledger
    PaymentNotFound         "payment_not_found"         404 never "No such payment."                              "List your payments with GET /v1/payments.";
    PaymentConflict         "payment_conflict"          409 never "The payment is not in a state for this."       "Read the payment again; `detail` says its status and what it would have to be.";
    PayerNotMember          "payer_not_member"          409 never "The fan is not an active member of the circle." "Let the fan join first.";
    PaymentLimitReached     "payment_limit_reached"     409 never "The payment is more than the fan may spend."   "`limit` says which limit, in minor units, and when it resets; stricter ones hold for fans not known to be adults.";
    PaymentDeclined         "payment_declined"          402 never "The channel declined the payment."             "Ask the fan to pay on the page, or in another way.";
    ChannelUnavailable      "channel_unavailable"       503 again "The payment channel does not answer."          "Nothing was moved. Try again after the seconds in Retry-After, with the same Idempotency-Key.";
    BalanceInsufficient     "balance_insufficient"      402 never "There is too little money in the account."     "`detail` says whose: the fan can top up the wallet; a circle can refund only what it still holds.";
    MerchantReferenceTaken         "merchant_reference_taken"        409 never "You have a payment under this number already." "Read the payment that `detail` names, or use another merchant_reference.";
    OutcomeUnknown          "outcome_unknown"           503 again "We do not know yet whether this happened."     "Ask again with the same Idempotency-Key: it happens once, and you get its answer.";
    MandateNotFound         "mandate_not_found"         404 never "No such mandate."                              "List the mandates with GET /v1/mandates.";
    MandateNotActive        "mandate_not_active"        409 never "The mandate cannot be used."                   "`detail` says why: it is revoked or expired, of another fan, circle or currency; ask the fan for a new one.";
    MandateLimitReached     "mandate_limit_reached"     409 never "The payment is more than the mandate allows."  "`limit` says which limit, in minor units, and when it resets; a larger payment needs the fan's approval on the page.";
    MandatesWaiting         "mandates_waiting"          409 never "The fan has as many consents to decide about as can wait at once." "Let the fan decide about those, or take back the ones you do not need; one that nobody decides about ends after 30 minutes.";
    RefundNotFound          "refund_not_found"          404 never "No such refund."                               "List the refunds of the payment.";
    RefundTooLarge          "refund_too_large"          409 never "The refund is more than is left of the payment." "`detail` says how much can be given back still.";
    AccountNotFound         "account_not_found"         404 never "No such account."                              "List your accounts with GET /v1/accounts.";
    TransferNotFound        "transfer_not_found"        404 never "No such transfer."                             "List the transfers of an account of yours.";

    // Events
    EventNotFound           "event_not_found"           404 never "No such event."                                "List the log with GET /v1/events.";

    // Webhooks
    WebhookEndpointNotFound "webhook_endpoint_not_found" 404 never "No such webhook endpoint."                    "List your endpoints with GET /v1/webhook_endpoints.";
    WebhookEndpointLimitReached "webhook_endpoint_limit_reached" 409 never "The partner has as many webhook endpoints as allowed." "Delete an endpoint that is no longer used.";
    WebhookUrlForbidden     "webhook_url_forbidden"     422 never "We do not send events to this address."        "Use an https URL with a public address; `detail` says what is wrong with this one.";
    ReplayLimitReached      "replay_limit_reached"      409 never "The endpoint has as many replays under way as allowed." "Wait until one of them is done, or ask for one replay that covers all.";

    // Sandbox
    ClockMoving             "clock_moving"              409 again "The clock is being moved by another call."     "Wait a moment, read the clock, and move it by what is still missing.";
    ClockAtEnd              "clock_at_end"              409 never "The sandbox has come to the end of its time."  "Start a sandbox on a new database; `detail` says how far a clock can be moved in all.";
}

impl ErrorCode {
    /// The code with this text.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Path of the page that explains the code.
    pub fn page(self) -> String {
        format!("/errors/{}", self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::find(&text).ok_or_else(|| serde::de::Error::custom("an error code this version does not know"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn who_sends_again_is_told_to_sign_anew() {
        for code in [ErrorCode::RateLimited, ErrorCode::NonceReplayed] {
            assert!(code.remedy().to_lowercase().contains("sign anew"), "{code}");
        }
    }

    #[test]
    fn each_code_stands_once_and_survives_its_text() {
        let texts: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();

        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::find(code.as_str()), Some(*code));
            assert!((400..=599).contains(&code.status()), "{code}");
            assert!(code.title().ends_with('.') && code.remedy().ends_with('.'), "{code}");
        }
    }
}
