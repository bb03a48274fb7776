//! Only in sandbox mode: self-service partner registration, signature checks, and a clock that can be moved.

use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Serialize};

use crate::apps::{App, NewApp};
use crate::endpoint::{Access, Endpoint, Example, Idempotency, JsonBody, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::open::Open;
use crate::partners::{LegalName, Partner, PartnerName};
use crate::problem::SignatureReport;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;

/// A partner to register, with its first app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPartner {
    /// The partner's public name.
    pub name: PartnerName,
    /// The partner's registered name.
    pub legal_name: LegalName,
    /// The partner's first app.
    pub app: NewApp,
}

impl NewPartner {
    /// A partner with its first app.
    pub fn new(name: impl Into<PartnerName>, legal_name: impl Into<LegalName>, app: NewApp) -> Self {
        Self { name: name.into(), legal_name: legal_name.into(), app }
    }
}

impl Example for NewPartner {
    fn example() -> Self {
        Self::new(PartnerName::example(), LegalName::example(), NewApp::example())
    }
}
impl JsonBody for NewPartner {}

/// A registered partner and its first app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Registration {
    /// The partner.
    pub partner: Partner,
    /// The partner's first app.
    pub app: App,
}

impl Reply for Registration {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "partner": Partner::example(), "app": App::example() })
    }
}

/// A signed request to check. It is neither executed nor stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignatureCheck {
    /// Method, upper case.
    #[schema(max_length = 16)]
    pub method: String,
    /// The full URL, as signed.
    #[schema(max_length = 8192)]
    pub url: String,
    /// All headers of the request, as name and value, in order.
    #[schema(max_items = 100)]
    pub headers: Vec<CheckedHeader>,
    /// The body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The signature base you signed, to be compared line by line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_base: Option<String>,
}

impl SignatureCheck {
    /// A request to check.
    pub fn new(method: impl Into<String>, url: impl Into<String>, headers: Vec<CheckedHeader>) -> Self {
        Self { method: method.into(), url: url.into(), headers, body: None, signature_base: None }
    }
}

/// One header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedHeader {
    /// The header's name.
    pub name: String,
    /// The header's value.
    pub value: String,
}

impl Example for SignatureCheck {
    fn example() -> Self {
        let header = |name: &str, value: &str| CheckedHeader { name: name.to_owned(), value: value.to_owned() };
        Self::new(
            "GET",
            "http://127.0.0.1:8080/v1/partner",
            vec![
                header("authorization", "DPoP eyJ0eXAiOiJhdCtqd3Qi…"),
                header(
                    "signature-input",
                    r#"q=("@method" "@target-uri" "authorization");created=1795163400;keyid="poqk…";nonce="c4f0…";tag="fapi-2-request""#,
                ),
                header("signature", "q=:dGVzdA==:"),
            ],
        )
    }
}
impl JsonBody for SignatureCheck {}

/// Result of a signature check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SignatureFinding {
    /// Whether the gateway would accept the signature.
    pub valid: bool,
    /// The error code with which the gateway would refuse the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ErrorCode>)]
    pub code: Option<Open<ErrorCode>>,
    /// What is wrong, and how to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the gateway found in the signature.
    pub signature: SignatureReport,
}

impl Reply for SignatureFinding {
    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "valid": false,
            "code": "signature_mismatch",
            "detail": "You signed https://, this gateway is http://.",
            "signature": { "signature_base": ["\"@method\": GET", "\"@target-uri\": http://127.0.0.1:8080/v1/partner"] },
        })
    }
}

/// Register a partner
///
/// With its first app and the app's public keys. Only in sandbox mode; in live mode the operator registers partners.
#[derive(ToSchema)]
pub struct RegisterPartner;
impl Endpoint for RegisterPartner {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/partners";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Public;
    const STATUS: u16 = 201;
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::KeyFormatUnknown,
        ErrorCode::KeyIsPrivate,
        ErrorCode::KeyTooWeak,
        ErrorCode::KeyTypeUnsupported,
        ErrorCode::KeyExists,
    ];
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewPartner;
    type Reply = Registration;
}

/// Check a signature
///
/// Verifies the signature of a request as the gateway would, explains the result, and executes nothing. The nonce is not
/// consumed.
#[derive(ToSchema)]
pub struct CheckSignature;
impl Endpoint for CheckSignature {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/signature/check";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Public;
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = SignatureCheck;
    type Reply = SignatureFinding;
}

/// Maximum number of days the clock can be moved by one call.
pub const ADVANCE_DAYS_MAX: i64 = 400;
/// Maximum number of entries of `ran` in a response.
pub const RAN_MAX: usize = 1_000;

const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
const ADVANCE_WANTED: &str =
    "a duration above zero and up to P400D, of weeks, days, hours, minutes and seconds, such as PT36H";

/// How far to move the clock.
pub type Advance = Text<AdvanceWords>;

/// Kind of [`Advance`].
#[derive(Debug)]
pub struct AdvanceWords;
impl Words for AdvanceWords {
    const NAME: &'static str = "Advance";
    const ABOUT: &'static str = "A duration (RFC 3339, appendix A; ISO 8601), above zero and up to 400 days. Days are 24 hours \
        long; years and months have no fixed length and are refused.";
    const MIN: usize = 3;
    const MAX: usize = 64;
    const EXAMPLE: &'static str = "PT36H";
    const PATTERN: Option<&'static str> = Some("^P[0-9WDTHMS.]+$");
    const FORMAT: Option<&'static str> = Some("duration");
    fn check(text: &str) -> Result<(), &'static str> {
        micros(text).map(|_| ()).ok_or(ADVANCE_WANTED)
    }
}

impl Advance {
    /// The duration in microseconds; `None` for a text that was never checked and is not such a duration.
    pub fn micros(&self) -> Option<i64> {
        micros(self)
    }

    /// What remains to be moved after a call that stopped early.
    pub fn of_micros(micros: i64) -> Self {
        jiff::SignedDuration::from_micros(micros).to_string().into()
    }
}

fn micros(text: &str) -> Option<i64> {
    // jiff reads more than durations of the standard: a sign, lower case, "2 hours".
    let is_plain = |letter: char| letter.is_ascii_digit() || matches!(letter, 'W' | 'D' | 'T' | 'H' | 'M' | 'S' | '.');
    let rest = text.strip_prefix('P')?;
    if !rest.chars().all(is_plain) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let micros = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.as_micros();
    i64::try_from(micros).ok().filter(|micros| (1..=ADVANCE_DAYS_MAX * DAY_MICROS).contains(micros))
}

/// How far to move the clock of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClockAdvance {
    /// How far to move the clock.
    pub advance: Advance,
}

impl ClockAdvance {
    /// Moves the clock by this duration.
    pub fn new(advance: impl Into<Advance>) -> Self {
        Self { advance: advance.into() }
    }
}

impl Example for ClockAdvance {
    fn example() -> Self {
        Self { advance: Advance::example() }
    }
}
impl JsonBody for ClockAdvance {}

/// The clock of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SandboxClock {
    /// The time in the sandbox.
    pub now: Time,
    /// How far the sandbox is ahead of the machine's clock, in seconds.
    pub ahead_seconds: i64,
}

impl Reply for SandboxClock {
    fn example_value() -> serde_json::Value {
        serde_json::json!({ "now": Time::example(), "ahead_seconds": 129_600 })
    }
}

/// The clock after a move, and the jobs that ran on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct ClockAdvanced {
    /// The time in the sandbox.
    pub now: Time,
    /// How far the sandbox is ahead of the machine's clock, in seconds.
    pub ahead_seconds: i64,
    /// What remains to be moved, when so much was due that the call stopped early: call again with it. Absent when the clock
    /// has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Advance>,
    /// Your jobs that ran, in order; the first thousand.
    #[schema(max_items = 1000)]
    pub ran: Vec<RanJob>,
    /// Number of your jobs that ran.
    pub ran_count: i64,
    /// Number of jobs that ran for other partners of the sandbox and for the platform itself.
    pub others_count: i64,
}

impl Reply for ClockAdvanced {
    fn example_value() -> serde_json::Value {
        serde_json::json!({
            "now": Time::example(),
            "ahead_seconds": 129_600,
            "ran": [{
                "kind": "publish_post",
                "object": crate::id::PostId::example(),
                "due_at": Time::example(),
                "outcome": "done",
            }],
            "ran_count": 1,
            "others_count": 0,
        })
    }
}

/// A job that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct RanJob {
    /// Kind of the job. New kinds are added over time.
    #[schema(example = "publish_post")]
    pub kind: String,
    /// Id of the object the job was for.
    #[schema(example = "pst_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A")]
    pub object: String,
    /// When the job was due.
    pub due_at: Time,
    /// Outcome of the job.
    #[schema(value_type = RanOutcome)]
    pub outcome: Open<RanOutcome>,
}

/// Outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RanOutcome {
    /// The job succeeded.
    Done,
    /// The job succeeded and is due again later.
    Again,
    /// The job failed without effect and will be retried.
    Failed,
}

/// Get the sandbox clock
///
/// The clock that everything in this sandbox follows: `publish_at`, expiries, daily limits, the lifetime of tokens and
/// signatures. It starts at the machine's time and is ahead of it by the total distance it was moved.
#[derive(ToSchema)]
pub struct GetClock;
impl Endpoint for GetClock {
    type Verb = verb::Get;
    const PATH: &'static str = "/sandbox/v1/clock";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = SandboxClock;
}

/// Advance the sandbox clock
///
/// Everything that becomes due on the way happens, in order: the clock moves to the time at which the next job is due, the
/// job runs, and so on until the clock arrives. The response lists what ran for you. The clock is shared by the whole
/// sandbox: other partners' jobs run as well, and it never goes back. Tokens and signatures from before the move are expired
/// afterwards.
///
/// Sent twice, the call moves the clock twice; when you are not sure whether a call arrived, get the clock first.
#[derive(ToSchema)]
pub struct AdvanceClock;
impl Endpoint for AdvanceClock {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/clock";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::ClockMoving, ErrorCode::ClockAtEnd];
    const IDEMPOTENCY: Idempotency = Idempotency::None;
    type Params = Nothing;
    type Query = Nothing;
    type Body = ClockAdvance;
    type Reply = ClockAdvanced;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_the_standard_says() {
        for (text, seconds) in
            [("PT36H", 129_600), ("P1DT1S", 86_401), ("P2W", 1_209_600), ("PT0.5S", 0), ("P400D", 34_560_000)]
        {
            assert_eq!(micros(text).map(|micros| micros / 1_000_000), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_of_ours_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "36H",
            "-PT1H",
            "+PT1H",
            "PT0S",
            "P1M",
            "P1Y",
            "P401D",
            "pt1h",
            "2 hours",
            "PT1H ago",
            "P99999999999999999999D",
        ] {
            assert!(Advance::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_left_can_be_sent_again() {
        for micros in [1, 1_000_000, 129_600_000_000, 400 * DAY_MICROS] {
            assert_eq!(Advance::new(&Advance::of_micros(micros)).ok().and_then(|left| left.micros()), Some(micros));
        }
    }
}
