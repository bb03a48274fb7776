//! Fans, as a sandbox tester invents them. In live mode persons come from the wallet, and a partner sees only `fan_…`.

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
    const ABOUT: &'static str = "What the person is called among fans.";
    const MAX: usize = 40;
    const EXAMPLE: &'static str = "小猫";
}
/// What a person is called among fans.
pub type Nickname = Text<NicknameWords>;

/// An invented person, as the partner that invented it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct SandboxFan {
    /// The fan id of this partner; another partner gets another one.
    pub id: FanId,
    /// What the person is called.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Nickname,
    /// Whether the wallet knows the person's real name.
    pub real_name_verified: bool,
    /// Whether the person is known to be an adult.
    pub adult: bool,
    /// Credit standing; absent when the person has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CreditBand>)]
    pub credit_band: Option<Open<CreditBand>>,
    /// How the fan appears among the tippers of your circles.
    #[schema(value_type = TipDisclosure)]
    pub tip_disclosure: Open<TipDisclosure>,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When the person was invented.
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

/// A person to invent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewSandboxFan {
    /// What the person is called.
    pub nickname: Nickname,
    /// Whether the wallet knows the person's real name.
    #[serde(default)]
    pub real_name_verified: bool,
    /// Whether the person is known to be an adult.
    #[serde(default)]
    pub adult: bool,
    /// Credit standing; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_band: Option<CreditBand>,
    /// How the fan appears among the tippers; as somebody without a name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip_disclosure: Option<TipDisclosure>,
}

impl NewSandboxFan {
    /// A person of this name, of whom nothing else is known.
    pub fn new(nickname: impl Into<Nickname>) -> Self {
        Self {
            nickname: nickname.into(),
            real_name_verified: false,
            adult: false,
            credit_band: None,
            tip_disclosure: None,
        }
    }

    /// With a verified real name.
    #[must_use]
    pub const fn real_name_verified(mut self) -> Self {
        self.real_name_verified = true;
        self
    }

    /// Known to be an adult.
    #[must_use]
    pub const fn adult(mut self) -> Self {
        self.adult = true;
        self
    }

    /// With this credit standing.
    #[must_use]
    pub const fn credit_band(mut self, band: CreditBand) -> Self {
        self.credit_band = Some(band);
        self
    }

    /// Who appears like this among the tippers.
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

/// Changes to an invented person; fields left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SandboxFanChange {
    /// What the person is called.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Nickname, required = false)]
    pub nickname: Option<Nickname>,
    /// Whether the wallet knows the person's real name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = bool, required = false)]
    pub real_name_verified: Option<bool>,
    /// Whether the person is known to be an adult.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = bool, required = false)]
    pub adult: Option<bool>,
    /// Credit standing; null takes it away.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CreditBand>)]
    pub credit_band: Edit<CreditBand>,
    /// How the fan appears among the tippers.
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

/// Which fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FanPath {
    /// The fan.
    pub fan: FanId,
}
impl Fields for FanPath {}

/// Invent a person
///
/// You get the fan id under which you know the person.
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

/// Read an invented person
///
/// With everything the tester made up; only the sandbox shows a credit standing.
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

/// Change an invented person
///
/// Gates see the person so from now on; answers given before stand as long as they say, and members stay members.
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
