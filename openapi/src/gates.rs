//! Gates: the versioned rules to join a circle, and their evaluations, rule by rule.
//!
//! Invariant: an evaluation says passed, failed or pending for each rule and nothing else; no schema of this contract
//! contains a person's score or credit band, except those with which a sandbox tester creates a person.

use serde::{Deserialize, Serialize};

use crate::circles::CirclePath;
use crate::endpoint::{Access, ETAG, Endpoint, Example, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{CircleId, EvaluationId, FanId, GateId};
use crate::open::Open;
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;

/// Maximum number of invite codes of one gate.
pub const INVITE_CODES_MAX: usize = 100;
/// How often the credit band of a circle's gate may change in 24 hours.
pub const BAND_CHANGES_PER_DAY_MAX: u32 = 3;
/// How many different credit bands a partner may test for one fan in 30 days, across all its circles. Two answers would
/// already reveal the band: passed silver, failed gold.
pub const BANDS_PER_FAN_MAX: u32 = 1;
/// How long an answer about a credit band stays the same, in hours, even when the gate changes.
pub const BAND_ANSWER_HOURS: i64 = 24;

/// Kind of [`InviteCode`].
pub enum InviteCodeWords {}
impl Words for InviteCodeWords {
    const NAME: &'static str = "InviteCode";
    const ABOUT: &'static str = "A code that admits a fan; case-sensitive.";
    const MIN: usize = 4;
    const MAX: usize = 64;
    const EXAMPLE: &'static str = "WHISKERS-2026";
}
/// A code that admits a fan.
pub type InviteCode = Text<InviteCodeWords>;

/// Credit band of a person, as the wallet knows it; it never leaves the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreditBand {
    /// The lowest.
    Bronze,
    /// Above bronze.
    Silver,
    /// Above silver.
    Gold,
    /// The highest.
    Platinum,
}

/// One rule of a gate. Every rule must pass; each kind appears at most once, and `open` only on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum GateRule {
    /// Anyone can join.
    Open {},
    /// The person's real name is verified.
    RealName {},
    /// The person is an adult.
    Adult {},
    /// The person's credit band is at least this one.
    CreditBand {
        /// The lowest band that passes.
        at_least: CreditBand,
    },
    /// The fan presents one of these codes.
    InviteCode {
        /// One to a hundred codes.
        #[schema(min_items = 1, max_items = 100)]
        codes: Vec<InviteCode>,
    },
    /// The partner approves each fan.
    Approval {},
}

impl GateRule {
    /// The kind of the rule.
    pub const fn kind(&self) -> RuleKind {
        match self {
            Self::Open {} => RuleKind::Open,
            Self::RealName {} => RuleKind::RealName,
            Self::Adult {} => RuleKind::Adult,
            Self::CreditBand { .. } => RuleKind::CreditBand,
            Self::InviteCode { .. } => RuleKind::InviteCode,
            Self::Approval {} => RuleKind::Approval,
        }
    }
}

/// Kinds of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleKind {
    /// Anyone can join.
    Open,
    /// Real name verified.
    RealName,
    /// Adult.
    Adult,
    /// Credit band.
    CreditBand,
    /// Invite code.
    InviteCode,
    /// Approval by the partner.
    Approval,
}

/// One version of a circle's gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Gate {
    /// The id of this version.
    pub id: GateId,
    /// The circle the gate belongs to.
    pub circle: CircleId,
    /// Version of the circle's gate, from 1; the ETag is this number in quotes.
    pub version: i64,
    /// The rules; all must pass.
    #[schema(value_type = Vec<GateRule>)]
    pub rules: Vec<Open<GateRule>>,
    /// When this version took effect.
    pub created_at: Time,
}

impl Example for Gate {
    fn example() -> Self {
        Self {
            id: GateId::example(),
            circle: CircleId::example(),
            version: 2,
            rules: NewGate::example().rules.into_iter().map(Open::from).collect(),
            created_at: Time::example(),
        }
    }
}

impl Reply for Gate {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// The rules of a new version of a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewGate {
    /// The rules; all must pass.
    #[schema(min_items = 1, max_items = 10)]
    pub rules: Vec<GateRule>,
}

impl NewGate {
    /// A gate with these rules.
    pub fn new(rules: impl IntoIterator<Item = GateRule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }
}

impl Example for NewGate {
    fn example() -> Self {
        Self::new([GateRule::RealName {}, GateRule::CreditBand { at_least: CreditBand::Silver }, GateRule::Approval {}])
    }
}
impl JsonBody for NewGate {}

/// Outcome of a rule, or of the gate as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The fan is admitted.
    Passed,
    /// The fan is refused.
    Failed,
    /// The partner has to decide first.
    Pending,
}

/// Answer of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct RuleAnswer {
    /// Kind of the rule.
    #[schema(value_type = RuleKind)]
    pub kind: Open<RuleKind>,
    /// Outcome of the rule.
    #[schema(value_type = Outcome)]
    pub outcome: Open<Outcome>,
    /// What the fan can do; absent when the rule passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Answer of a gate about a fan, rule by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Evaluation {
    /// The evaluation's id.
    pub id: EvaluationId,
    /// The circle.
    pub circle: CircleId,
    /// The fan.
    pub fan: FanId,
    /// Version of the gate that was evaluated.
    pub gate_version: i64,
    /// Outcome of the gate as a whole.
    #[schema(value_type = Outcome)]
    pub outcome: Open<Outcome>,
    /// Answers of the rules, in the gate's order.
    pub rules: Vec<RuleAnswer>,
    /// When the gate was evaluated.
    pub evaluated_at: Time,
    /// Until when the answer about a credit band stays the same, whatever changes.
    pub expires_at: Time,
}

impl Example for Evaluation {
    fn example() -> Self {
        Self {
            id: EvaluationId::example(),
            circle: CircleId::example(),
            fan: FanId::example(),
            gate_version: 2,
            outcome: Outcome::Failed.into(),
            rules: vec![
                RuleAnswer { kind: RuleKind::RealName.into(), outcome: Outcome::Passed.into(), advice: None },
                RuleAnswer {
                    kind: RuleKind::Adult.into(),
                    outcome: Outcome::Failed.into(),
                    advice: Some("The circle is for adults only.".to_owned()),
                },
            ],
            evaluated_at: Time::example(),
            expires_at: Time::example().plus_seconds(BAND_ANSWER_HOURS * 3600),
        }
    }
}

impl Reply for Evaluation {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// The fan to evaluate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EvaluationRequest {
    /// The fan.
    pub fan: FanId,
    /// The invite code the fan presents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_code: Option<InviteCode>,
}

impl EvaluationRequest {
    /// Evaluates this fan, without an invite code.
    pub const fn new(fan: FanId) -> Self {
        Self { fan, invite_code: None }
    }
}

impl Example for EvaluationRequest {
    fn example() -> Self {
        Self::new(FanId::example())
    }
}
impl JsonBody for EvaluationRequest {}

/// Get a circle's gate
///
/// The current version.
#[derive(ToSchema)]
pub struct GetGate;
impl Endpoint for GetGate {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}/gate";
    const TAG: Tag = Tag::Gates;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Gate;
}

/// Replace a circle's gate
///
/// Creates a new version that applies from now on; members remain members. To keep credit bands private, the band of a
/// circle's gate can change at most three times in 24 hours.
#[derive(ToSchema)]
pub struct PutGate;
impl Endpoint for PutGate {
    type Verb = verb::Put;
    const PATH: &'static str = "/v1/circles/{circle}/gate";
    const TAG: Tag = Tag::Gates;
    const ACCESS: Access = Access::Partner(Some(Scope::CirclesWrite));
    const FAILS: &'static [ErrorCode] = &[
        ErrorCode::CircleNotFound,
        ErrorCode::CircleClosed,
        ErrorCode::GateRulesInvalid,
        ErrorCode::GateBandLimitReached,
    ];
    const IF_MATCH: bool = true;
    type Params = CirclePath;
    type Query = Nothing;
    type Body = NewGate;
    type Reply = Gate;
}

/// Evaluate a fan
///
/// A dry run: the fan does not join. An answer about a credit band stays the same for 24 hours, even when the gate changes,
/// and in 30 days a fan can be tested for only one band across all your circles: two answers would reveal the fan's credit
/// band.
#[derive(ToSchema)]
pub struct EvaluateGate;
impl Endpoint for EvaluateGate {
    type Verb = verb::Post;
    const PATH: &'static str = "/v1/circles/{circle}/gate/evaluate";
    const TAG: Tag = Tag::Gates;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersRead));
    const FAILS: &'static [ErrorCode] =
        &[ErrorCode::CircleNotFound, ErrorCode::FanNotFound, ErrorCode::GateBandLimitReached];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = EvaluationRequest;
    type Reply = Evaluation;
}
