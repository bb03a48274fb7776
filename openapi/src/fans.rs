//! Fans, as a sandbox tester creates them. In live mode persons come from the wallet, and a partner sees only `fan_…`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::gates::CreditBand;
use crate::id::FanId;
use crate::open::{Edit, Open};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words};
use crate::time::Time;
use crate::tips::TipDisclosure;

/// Kind of [`Nickname`].
pub enum NicknameWords {}
impl Words for NicknameWords {
    const NAME: &'static str = "Nickname";
    const ABOUT: &'static str = "Nickname of the person among fans.";
    const MAX: usize = 40;
    const EXAMPLE: &'static str = "小猫";
}
/// Nickname of a person among fans.
pub type Nickname = Text<NicknameWords>;

/// A test person, as the partner that created it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SandboxFan {
    /// The person's fan id at this partner; every partner has a different one.
    pub id: FanId,
    /// The person's nickname.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Nickname,
    /// Whether the person's real name is verified.
    pub real_name_verified: bool,
    /// Whether the person is known to be an adult.
    pub adult: bool,
    /// The person's credit band; absent when the person has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CreditBand>)]
    pub credit_band: Option<Open<CreditBand>>,
    /// How the fan appears on the leaderboards of your circles.
    #[schema(value_type = TipDisclosure)]
    pub tip_disclosure: Open<TipDisclosure>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the person was created.
    pub created_at: Time,
}

impl Example for SandboxFan {
    fn example() -> Self {
        Self {
            id: FanId::example(),
            nickname: Nickname::example(),
            real_name_verified: true,
            adult: true,
            credit_band: Some(CreditBand::Gold.into()),
            tip_disclosure: TipDisclosure::Named.into(),
            version: 1,
            created_at: Time::example(),
        }
    }
}

impl Reply for SandboxFan {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A test person to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewSandboxFan {
    /// The person's nickname.
    pub nickname: Nickname,
    /// Whether the person's real name is verified.
    #[serde(default)]
    pub real_name_verified: bool,
    /// Whether the person is known to be an adult.
    #[serde(default)]
    pub adult: bool,
    /// The person's credit band; none when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_band: Option<CreditBand>,
    /// How the fan appears on leaderboards; `anonymous` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip_disclosure: Option<TipDisclosure>,
}

impl NewSandboxFan {
    /// A person with this nickname, about whom nothing else is known.
    pub fn new(nickname: impl Into<Nickname>) -> Self {
        Self {
            nickname: nickname.into(),
            real_name_verified: false,
            adult: false,
            credit_band: None,
            tip_disclosure: None,
        }
    }

    /// Marks the real name as verified.
    #[must_use]
    pub const fn real_name_verified(mut self) -> Self {
        self.real_name_verified = true;
        self
    }

    /// Marks the person as an adult.
    #[must_use]
    pub const fn adult(mut self) -> Self {
        self.adult = true;
        self
    }

    /// Sets the credit band.
    #[must_use]
    pub const fn credit_band(mut self, band: CreditBand) -> Self {
        self.credit_band = Some(band);
        self
    }

    /// Sets how the fan appears on leaderboards.
    #[must_use]
    pub const fn tip_disclosure(mut self, disclosure: TipDisclosure) -> Self {
        self.tip_disclosure = Some(disclosure);
        self
    }
}

impl Example for NewSandboxFan {
    fn example() -> Self {
        Self::new(Nickname::example()).real_name_verified().adult().credit_band(CreditBand::Gold)
    }
}
impl JsonBody for NewSandboxFan {}

/// Changes to a test person; omitted fields keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SandboxFanChange {
    /// The person's nickname.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Nickname, required = false)]
    pub nickname: Option<Nickname>,
    /// Whether the person's real name is verified.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = bool, required = false)]
    pub real_name_verified: Option<bool>,
    /// Whether the person is known to be an adult.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = bool, required = false)]
    pub adult: Option<bool>,
    /// The person's credit band; null removes it.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CreditBand>)]
    pub credit_band: Edit<CreditBand>,
    /// How the fan appears on leaderboards.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = TipDisclosure, required = false)]
    pub tip_disclosure: Option<TipDisclosure>,
}

impl Example for SandboxFanChange {
    fn example() -> Self {
        Self { credit_band: Edit::Set(CreditBand::Platinum), ..Self::default() }
    }
}
impl JsonBody for SandboxFanChange {}

/// Path of a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FanPath {
    /// The fan's id.
    pub fan: FanId,
}
impl Fields for FanPath {}

/// Create a test fan
///
/// Creates a person and returns the fan id under which you know the person.
#[derive(ToSchema)]
pub struct CreateSandboxFan;
impl Endpoint for CreateSandboxFan {
    type Verb = verb::Post;
    const PATH: &'static str = "/sandbox/v1/fans";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const STATUS: u16 = 201;
    type Params = Nothing;
    type Query = Nothing;
    type Body = NewSandboxFan;
    type Reply = SandboxFan;
}

/// Get a test fan
///
/// With all attributes you set; only the sandbox shows a credit band.
#[derive(ToSchema)]
pub struct GetSandboxFan;
impl Endpoint for GetSandboxFan {
    type Verb = verb::Get;
    const PATH: &'static str = "/sandbox/v1/fans/{fan}";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::FanNotFound];
    type Params = FanPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = SandboxFan;
}

/// Update a test fan
///
/// Gates see the change from now on; earlier answers stay the same until they expire, and members remain members.
#[derive(ToSchema)]
pub struct ChangeSandboxFan;
impl Endpoint for ChangeSandboxFan {
    type Verb = verb::Patch;
    const PATH: &'static str = "/sandbox/v1/fans/{fan}";
    const TAG: Tag = Tag::Sandbox;
    const ACCESS: Access = Access::Partner(Some(Scope::Sandbox));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::FanNotFound];
    type Params = FanPath;
    type Query = Nothing;
    type Body = SandboxFanChange;
    type Reply = SandboxFan;
}
