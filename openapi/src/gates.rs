//! Gates: the rules to join a circle, versioned, and what they answer rule by rule.
//!
//! Invariant: an evaluation says passed, failed or pending for each rule and nothing else; no score and no band of a
//! person is in any shape of this contract except the one by which a sandbox tester invents the person.

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

/// Most invite codes of one gate.
pub const INVITE_CODES_MAX: usize = 100;
/// How often the credit band of one circle's gate may move in 24 hours.
pub const BAND_CHANGES_PER_DAY_MAX: u32 = 3;
/// How many different credit bands a partner may hold one fan against in 30 days, over all its circles. Two answers would
/// already enclose the band: passed silver, failed gold.
pub const BANDS_PER_FAN_MAX: u32 = 1;
/// How long an answer about a credit band stands, in hours, even when the gate changes.
pub const BAND_ANSWER_HOURS: i64 = 24;

/// Kind of [`InviteCode`].
pub enum InviteCodeWords {}
impl Words for InviteCodeWords {
    const NAME: &'static str = "InviteCode";
    const ABOUT: &'static str = "A code that lets a fan in; upper and lower case differ.";
    const MIN: usize = 4;
    const MAX: usize = 64;
    const EXAMPLE: &'static str = "WHISKERS-2026";
}
/// A code that lets a fan in.
pub type InviteCode = Text<InviteCodeWords>;

/// Credit standing of a person, as the wallet knows it; it never leaves the platform.
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

/// One rule of a gate. Every rule must pass; each kind stands at most once, and `open` only alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum GateRule {
    /// Everybody may join.
    Open {},
    /// The person's real name is verified.
    RealName {},
    /// The person is an adult.
    Adult {},
    /// The person's credit standing is at least this.
    CreditBand {
        /// The lowest band that passes.
        at_least: CreditBand,
    },
    /// The fan brings one of these codes.
    InviteCode {
        /// One to a hundred codes.
        #[schema(min_items = 1, max_items = 100)]
        codes: Vec<InviteCode>,
    },
    /// Somebody of the partner approves.
    Approval {},
}

impl GateRule {
    /// What kind of rule it is.
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
    /// Everybody may join.
    Open,
    /// Real name verified.
    RealName,
    /// Adult.
    Adult,
    /// Credit standing.
    CreditBand,
    /// A code.
    InviteCode,
    /// Somebody approves.
    Approval,
}

/// One version of a circle's gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Gate {
    /// Its id; every version has its own.
    pub id: GateId,
    /// The circle it guards.
    pub circle: CircleId,
    /// Counts the gates of the circle from 1; the ETag is this number in quotes.
    pub version: i64,
    /// The rules; all must pass.
    #[schema(value_type = Vec<GateRule>)]
    pub rules: Vec<Open<GateRule>>,
    /// When this version began to decide.
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
    /// A gate of these rules.
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

/// What a rule, or the gate as a whole, answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The fan may come in.
    Passed,
    /// The fan may not come in.
    Failed,
    /// Somebody has to decide first.
    Pending,
}

/// What one rule answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct RuleAnswer {
    /// Which rule.
    #[schema(value_type = RuleKind)]
    pub kind: Open<RuleKind>,
    /// What it answered.
    #[schema(value_type = Outcome)]
    pub outcome: Open<Outcome>,
    /// What the fan can do about it; absent when the rule passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What a gate answered about a fan, rule by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Evaluation {
    /// Its id.
    pub id: EvaluationId,
    /// The circle.
    pub circle: CircleId,
    /// The fan.
    pub fan: FanId,
    /// Version of the gate that answered.
    pub gate_version: i64,
    /// What the gate as a whole answered.
    #[schema(value_type = Outcome)]
    pub outcome: Open<Outcome>,
    /// What each rule answered, in the gate's order.
    pub rules: Vec<RuleAnswer>,
    /// When it was asked.
    pub evaluated_at: Time,
    /// Until then the answer about a credit band stays the same, whatever changes.
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

/// Whom to ask the gate about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EvaluationRequest {
    /// The fan.
    pub fan: FanId,
    /// The invite code the fan would bring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_code: Option<InviteCode>,
}

impl EvaluationRequest {
    /// About this fan, without a code.
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

/// Read the gate of a circle
///
/// The version that decides now.
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

/// Put a new gate before a circle
///
/// Makes a new version that decides from now on; members stay members. To keep scores private, the credit band of a
/// circle's gate moves at most three times in 24 hours.
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

/// Ask a gate about a fan
///
/// A dry run: nobody joins. An answer about a credit band stands for 24 hours, even when the gate changes, and one fan can
/// be held against one band only in 30 days, over all your circles: two answers would enclose the fan's standing.
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
