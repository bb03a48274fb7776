//! Every code a refusal can carry: one line = one condition, one status, one sentence, one documentation page.
//!
//! A code is never renamed and never reused for another condition; new ones are added at the end of their block.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! error_codes {
    ($($variant:ident $code:tt $status:tt $retry:ident $title:tt $remedy:tt;)+) => {
        /// Machine-readable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $title] $variant,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as sent in `code`.
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
    RouteNotFound           "route_not_found"           404 never "Unknown route."                                 "Compare the path with the API reference; paths are case-sensitive and have no trailing slash.";
    MethodNotAllowed        "method_not_allowed"        405 never "This route does not support the method."        "Use one of the methods in the Allow header.";
    ContentTypeUnsupported  "content_type_unsupported"  415 never "The media type of the body is not supported."   "Send the media type named in `detail`, without a Content-Encoding.";
    BodyTooLarge            "body_too_large"            413 never "The body is too large."                         "Send a smaller body; `detail` gives the limit in bytes.";
    BodyTimeout             "body_timeout"              408 again "The body did not arrive in time."               "Send the whole body without pausing; `detail` gives the limit in seconds.";
    HeadersTooLarge         "headers_too_large"         431 never "The headers are too large."                     "Send fewer or shorter headers.";
    BodyMalformed           "body_malformed"            400 never "The body could not be parsed."                  "Send well-formed JSON (or form data where the reference says so); `detail` gives the position of the error.";
    FieldInvalid            "field_invalid"             400 never "A field of the body is invalid."                "Correct the field named by `pointer`.";
    ParamInvalid            "param_invalid"             400 never "A parameter is invalid."                        "Correct the path, query or header parameter named by `param`.";
    IfMatchMissing          "if_match_missing"          428 never "This request requires an If-Match header."      "Read the object, then send its ETag as If-Match, so that you do not overwrite someone else's change.";
    VersionMismatch         "version_mismatch"          412 never "The object has changed since you read it."      "Read the object again, review what changed, and send your change with the new ETag.";
    RateLimited             "rate_limited"              429 again "Too many requests."                             "Wait for the number of seconds in Retry-After, then sign anew: no nonce was consumed, but the old signature may have expired by then. The RateLimit headers of every response show how much is left.";
    Overloaded              "overloaded"                503 again "The gateway is overloaded."                     "Retry after the number of seconds in Retry-After, with the same Idempotency-Key.";
    Internal                "internal"                  500 again "Internal error."                                "Retry with the same Idempotency-Key; if the error persists, contact the operator and quote the request_id.";

    // Token
    TokenMissing            "token_missing"             401 never "The request has no access token."               "Send `Authorization: DPoP <token>` with a token from /oauth/token.";
    TokenInvalid            "token_invalid"             401 never "The access token is invalid."                   "Get a new token from /oauth/token and send it unmodified, with the scheme DPoP, in the Authorization header only.";
    TokenExpired            "token_expired"             401 never "The access token has expired."                 "Get a new token from /oauth/token.";
    TokenRevoked            "token_revoked"             401 never "The access token was revoked."                 "Get a new token from /oauth/token.";
    ProofMissing            "proof_missing"             401 never "The token is bound to a key, and the request does not prove possession of that key." "Sign the request with the key the token is bound to and cover `authorization`, or send a DPoP proof.";
    ProofInvalid            "proof_invalid"             401 never "The DPoP proof is invalid."                     "Create a new proof for this method and URL with the key the token is bound to; `detail` names the claim that is wrong.";
    ProofNonceRequired      "proof_nonce_required"      401 again "The DPoP proof must contain a nonce from this server." "Repeat the request with a proof that contains the value of the DPoP-Nonce header.";
    ScopeMissing            "scope_missing"             403 never "The token does not have the required scope."    "Request a token with the scope named in `detail`.";
    ScopeExceeded           "scope_exceeded"            403 never "The app would get a scope that your token does not have." "Call with a token that has the scope named in `detail`, or omit that scope.";
    WrongTokenKind          "wrong_token_kind"          403 never "The endpoint requires the other kind of token: a fan token instead of a partner token, or the reverse." "`detail` names the kind of token required: partner tokens come from client_credentials, fan tokens from the fan's consent.";
    AddressNotAllowed       "address_not_allowed"       403 never "The app may not be used from this IP address."  "Call from an address on the app's allow-list, or change the list.";
    SignInUnavailable       "sign_in_unavailable"       503 again "The identity provider did not respond."         "Shown to the fan on a page: the fan can try again in a minute. Nothing has changed.";
    SignInFailed            "sign_in_failed"            502 never "The identity provider returned an invalid response." "Shown to the fan on a page: the fan goes back to your app and starts again. If it keeps happening, tell the operator.";
    SignInAgeUnknown        "sign_in_age_unknown"       502 never "The identity provider did not say when the fan signed in." "Shown to the fan on a page when you asked for a recent sign-in with `prompt=login` or `max_age`: the operator's identity provider must send `auth_time`.";
    AppSuspended            "app_suspended"             403 never "The app is suspended."                          "Reactivate the app, or ask the operator why it was suspended.";

    // Signature
    SignatureMissing        "signature_missing"         401 never "The request must be signed."                    "Sign it (RFC 9421) as the Accept-Signature header describes; see the guide on signing.";
    SignatureMalformed      "signature_malformed"       401 never "Signature-Input or Signature could not be parsed." "Both are structured fields (RFC 8941) with the same labels; `signature.position` is where parsing failed.";
    TagMissing              "tag_missing"               401 never "No signature has the required tag."             "Add the parameter tag=\"fapi-2-request\".";
    SignatureAmbiguous      "signature_ambiguous"       401 never "More than one signature has the required tag."  "Send exactly one signature with the tag fapi-2-request.";
    KeyidMissing            "keyid_missing"             401 never "The signature has no keyid."                    "Add the parameter keyid: the RFC 7638 thumbprint of a registered key.";
    ComponentUnusable       "component_unusable"        401 never "The signature covers a component that the request does not have or that cannot be signed." "Cover only headers you send, once each, with ASCII values; `detail` names the component.";
    KeyidUnknown            "keyid_unknown"             401 never "No key with this keyid is registered for the app." "Use the RFC 7638 thumbprint of a registered key as keyid, or register the key.";
    KeyRevoked              "key_revoked"               401 never "The key was revoked."                           "Sign with a key that is still registered.";
    KeyOfOtherClient        "key_of_other_client"       401 never "The key belongs to a different app than the token." "Sign with a key of the app the token was issued to.";
    AlgMismatch             "alg_mismatch"              401 never "The alg parameter does not match the key."      "Omit the alg parameter, or set it to the algorithm the key is registered for.";
    CoverageMissing         "coverage_missing"          401 never "The signature does not cover all required components." "Also cover the components listed in `signature.missing`.";
    CreatedMissing          "created_missing"           401 never "The signature has no creation time."            "Add the parameter created, in Unix seconds.";
    CreatedOutOfWindow      "created_out_of_window"     401 never "The signature is too old, or its creation time is in the future." "Set your clock by `signature.server_time` and sign again.";
    SignatureExpired        "signature_expired"         401 never "The signature has expired."                     "Sign again, or omit the parameter expires.";
    NonceMissing            "nonce_missing"             401 never "The signature has no nonce."                    "Add the parameter nonce with a fresh random value.";
    NonceReplayed           "nonce_replayed"            401 never "The nonce was already used."                    "Sign anew with a fresh nonce, keeping the Idempotency-Key if there was one: every attempt at a request needs its own signature.";
    DigestMissing           "digest_missing"            401 never "A request with a body requires Content-Digest." "Send Content-Digest: sha-256=:…: (RFC 9530) and cover it with the signature.";
    DigestMalformed         "digest_malformed"          401 never "Content-Digest could not be parsed."            "Send Content-Digest: sha-256=:…: with the digest in base64 (RFC 9530).";
    DigestUnsupported       "digest_unsupported"        401 never "Content-Digest uses no supported algorithm."    "Use sha-256 or sha-512 (RFC 9530).";
    DigestMismatch          "digest_mismatch"           401 never "The body does not match its Content-Digest."    "Compute the digest over exactly the bytes you send, after any encoding.";
    SignatureMismatch       "signature_mismatch"        401 never "The signature does not match the request."      "In the sandbox, `signature` shows the signature base the gateway computed and the first difference; POST /sandbox/v1/signature/check explains a request without executing it.";

    // Idempotency
    IdempotencyKeyMissing   "idempotency_key_missing"   400 never "This request requires an Idempotency-Key."      "Send a new random key for each operation, and the same key when you retry it.";
    IdempotencyKeyReused    "idempotency_key_reused"    422 never "The Idempotency-Key was already used for a different request." "Use a new key; keys are kept for 30 days.";
    IdempotencyInFlight     "idempotency_in_flight"     409 again "The first request with this Idempotency-Key is still in progress." "Wait a moment and retry; you will get the response to the first request.";

    // Authorization server (the codes of RFC 6749, 7009, 7662)
    InvalidRequest          "invalid_request"           400 never "A parameter is missing, repeated or malformed." "See `error_description`; send the parameters in a form body, each once.";
    InvalidClient           "invalid_client"            401 never "The client could not be authenticated."        "Send a client_assertion signed with a registered key: iss = sub = the app id, aud = the issuer, a fresh jti, exp within an hour.";
    UnsupportedGrantType    "unsupported_grant_type"    400 never "The grant type is not supported."               "Use client_credentials, authorization_code or refresh_token.";
    UnsupportedResponseType "unsupported_response_type" 400 never "The response type is not supported."            "Send response_type=code.";
    InvalidGrant            "invalid_grant"             400 never "The code or refresh token is invalid, expired, or was issued for different parameters." "Send the fan to the authorization endpoint again; a code can be used once, within 60 seconds, with its own client, redirect_uri, code_verifier and DPoP key.";
    InvalidScope            "invalid_scope"             400 never "The scope is unknown, malformed or not available for this grant." "Request scopes listed in the server's metadata.";
    InvalidTarget           "invalid_target"            400 never "The resource is not served by this gateway."    "Omit `resource`, or send the value given by /.well-known/oauth-protected-resource.";
    InvalidDpopProof        "invalid_dpop_proof"        400 never "The DPoP proof is invalid."                     "Create a new proof for this method and URL with the key the token is bound to; `detail` names the claim that is wrong.";
    UseDpopNonce            "use_dpop_nonce"            400 again "The DPoP proof must contain a nonce from this server." "Repeat the request with a proof that contains the value of the DPoP-Nonce header.";

    // Partners, apps, keys
    AppNotFound             "app_not_found"             404 never "App not found."                                 "List your apps with GET /v1/apps.";
    AppLimitReached         "app_limit_reached"         409 never "The partner has reached its limit of apps."     "Use an existing app.";
    KeyNotFound             "key_not_found"             404 never "Key not found."                                 "List the keys with GET /v1/apps/{app}/keys.";
    KeyFormatUnknown        "key_format_unknown"        422 never "The text is not a public key in a supported format." "Send a JWK, or a PEM, DER (base64) or one-line public key, SPKI or PKCS#1.";
    KeyIsPrivate            "key_is_private"            422 never "This is a private key. It was not stored."      "Send only the public key, and replace this key pair: treat it as compromised.";
    KeyTooWeak              "key_too_weak"              422 never "The key is too weak."                          "Use Ed25519, P-256, or RSA with 2048 to 8192 bits.";
    KeyTypeUnsupported      "key_type_unsupported"      422 never "Keys of this type are not supported."           "Use Ed25519, P-256, or RSA with 2048 to 8192 bits.";
    KeyExists               "key_exists"                409 never "The key is already registered."                 "A key can be registered only once for an app, even after it was removed; use another key.";
    KeyLimitReached         "key_limit_reached"         409 never "The app has reached its limit of keys."         "Remove a key that is no longer used.";
    LastKey                 "last_key"                  409 never "This is the app's last usable key."             "Register another key first, then remove this one.";

    // Circles and gates
    CircleNotFound          "circle_not_found"          404 never "Circle not found."                              "List your circles with GET /v1/circles.";
    CircleNameTaken         "circle_name_taken"         409 never "You already have a circle with this name."      "Choose another name.";
    CircleSlugTaken         "circle_slug_taken"         409 never "You already have a circle with this slug."      "Choose another slug.";
    CircleNotOpen           "circle_not_open"           409 never "The circle is not open."                       "Open the circle first.";
    CircleClosed            "circle_closed"             409 never "The circle is closed."                          "A closed circle cannot be reopened; create a new circle.";
    GateRulesInvalid        "gate_rules_invalid"        422 never "The rules are not a valid gate."                "See `detail`: use each kind of rule at most once, and `open` only on its own.";
    GateBandLimitReached    "gate_band_limit_reached"   429 again "The credit band of this gate was changed too often today." "Wait until the time in `limit`; this limit keeps fans' credit bands private.";
    GateRefused             "gate_refused"              403 never "The gate refused the fan."                      "`evaluation` says rule by rule what failed and what the fan can do; an answer about a credit band stays the same until its `expires_at`.";

    // Fans and memberships
    FanNotFound             "fan_not_found"             404 never "Fan not found."                                 "Use the fan id you received for this person; each partner has a different id for the same person.";
    GrantNotFound           "grant_not_found"           404 never "Grant not found."                               "List grants with GET /v1/grants.";
    MembershipNotFound      "membership_not_found"      404 never "Membership not found."                          "List the memberships of the circle.";
    MembershipBanned        "membership_banned"         403 never "The fan is banned from the circle."            "Lift the ban first, if that is what you want.";
    MembershipConflict      "membership_conflict"       409 never "The membership's status does not allow this."   "Read the membership again; `detail` gives its status and the status required.";
    OwnerRequired           "owner_required"            409 never "The circle would be left without an owner."     "Make another member the owner first.";

    // Content
    PostNotFound            "post_not_found"            404 never "Post not found."                                "List the posts of the circle.";
    PinLimitReached         "pin_limit_reached"         409 never "The circle already has three pinned posts."     "Unpin one first.";
    PostLimitReached        "post_limit_reached"        429 again "The member has reached the circle's daily limit of posts." "Wait until the time in `limit`, or change the circle's limit.";
    AuthorNotActive         "author_not_active"         409 never "The author is not an active member."            "Choose an active membership of this circle, or post as the partner.";
    PostPublished           "post_published"            409 never "The post is already published."                 "Only an unpublished post can be made a draft or scheduled; edit or delete the post instead.";
    CommentNotFound         "comment_not_found"         404 never "Comment not found."                             "List the comments of the post.";
    CommentLimitReached     "comment_limit_reached"     429 again "The fan has reached the circle's daily limit of comments." "Wait until the time in `limit`, or change the circle's limit.";
    NotAllowedHere          "not_allowed_here"          403 never "The fan is not allowed to do this in the circle." "`detail` says who is allowed, or what the circle requires; the partner sets this in the circle's `rights`.";

    // Payments and ledger
    PaymentNotFound         "payment_not_found"         404 never "Payment not found."                             "List your payments with GET /v1/payments.";
    PaymentConflict         "payment_conflict"          409 never "The payment's status does not allow this."      "Read the payment again; `detail` gives its status and the status required.";
    PayerNotMember          "payer_not_member"          409 never "The fan is not an active member of the circle." "Let the fan join first.";
    PaymentLimitReached     "payment_limit_reached"     409 never "The payment exceeds the fan's spending limit."  "`limit` says which limit, in minor units, and when it resets; limits are lower for fans not known to be adults.";
    PaymentDeclined         "payment_declined"          402 never "The channel declined the payment."              "Ask the fan to pay on the approval page, or in another way.";
    ChannelUnavailable      "channel_unavailable"       503 again "The payment channel is unavailable."            "No money moved. Retry after the number of seconds in Retry-After, with the same Idempotency-Key.";
    BalanceInsufficient     "balance_insufficient"      402 never "The account balance is too low."                "`detail` says which account: the fan can top up the wallet; a circle can refund only what its account holds.";
    MerchantReferenceTaken         "merchant_reference_taken"        409 never "You already have a payment with this merchant_reference." "Read the payment that `detail` names, or use another merchant_reference.";
    OutcomeUnknown          "outcome_unknown"           503 again "It is not known yet whether the request took effect." "Retry with the same Idempotency-Key: the request takes effect once, and you get its response.";
    MandateNotFound         "mandate_not_found"         404 never "Mandate not found."                             "List the mandates with GET /v1/mandates.";
    MandateNotActive        "mandate_not_active"        409 never "The mandate cannot be used."                    "`detail` says why: it was revoked, has expired, or belongs to another fan, circle or currency; ask the fan for a new one.";
    MandateLimitReached     "mandate_limit_reached"     409 never "The payment exceeds the mandate's limit."       "`limit` says which limit, in minor units, and when it resets; the fan can approve a larger payment on the approval page.";
    MandatesWaiting         "mandates_waiting"          409 never "The fan already has the maximum number of mandates waiting for a decision." "Let the fan decide about those, or revoke the ones you do not need; a mandate that is not decided expires after 30 minutes.";
    RefundNotFound          "refund_not_found"          404 never "Refund not found."                              "List the refunds of the payment.";
    RefundTooLarge          "refund_too_large"          409 never "The refund exceeds what is left of the payment." "`detail` gives the amount that can still be refunded.";
    AccountNotFound         "account_not_found"         404 never "Account not found."                             "List your accounts with GET /v1/accounts.";
    TransferNotFound        "transfer_not_found"        404 never "Transfer not found."                            "List the transfers of one of your accounts.";

    // Events
    EventNotFound           "event_not_found"           404 never "Event not found."                               "List the log with GET /v1/events.";

    // Webhooks
    WebhookEndpointNotFound "webhook_endpoint_not_found" 404 never "Webhook endpoint not found."                    "List your endpoints with GET /v1/webhook_endpoints.";
    WebhookEndpointLimitReached "webhook_endpoint_limit_reached" 409 never "The partner has reached its limit of webhook endpoints." "Delete an endpoint that is no longer used.";
    WebhookUrlForbidden     "webhook_url_forbidden"     422 never "Events cannot be sent to this URL."             "Use an https URL with a public address; `detail` says what is wrong with this one.";
    ReplayLimitReached      "replay_limit_reached"      409 never "The endpoint has reached its limit of replays in progress." "Wait until one has finished, or request one replay that covers everything.";

    // Sandbox
    ClockMoving             "clock_moving"              409 again "Another call is moving the clock."              "Wait a moment, read the clock, and move it by the remainder.";
    ClockAtEnd              "clock_at_end"              409 never "The sandbox clock cannot be moved any further." "Start a sandbox on a new database; `detail` gives the total distance a clock can be moved.";
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
    fn advice_to_retry_says_to_sign_anew() {
        for code in [ErrorCode::RateLimited, ErrorCode::NonceReplayed] {
            assert!(code.remedy().to_lowercase().contains("sign anew"), "{code}");
        }
    }

    #[test]
    fn each_code_appears_once_and_round_trips() {
        let texts: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();

        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::find(code.as_str()), Some(*code));
            assert!((400..=599).contains(&code.status()), "{code}");
            assert!(code.title().ends_with('.') && code.remedy().ends_with('.'), "{code}");
        }
    }
}
