//! Tips: what a circle and its posts were given, and who gives most.

use serde::{Deserialize, Serialize};

use crate::circles::CirclePath;
use crate::content::PostPath;
use crate::endpoint::{Access, Endpoint, Example, Fields, Nothing, Reply, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::FanId;
use crate::money::{Currency, Money};
use crate::page::Limit;
use crate::schema::ToSchema;
use crate::scope::Scope;

/// How a fan appears among the tippers: the fan's own choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TipDisclosure {
    /// Not at all.
    Absent,
    /// As somebody, without a name or id.
    #[default]
    Anonymous,
    /// By nickname.
    Named,
}

/// Tips in one currency, without what was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct TipTotal {
    /// How many tips.
    pub tips: i64,
    /// Their sum, fees included.
    pub amount: Money,
}

/// Tips, currency by currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct TipTotals {
    /// One entry for each currency.
    pub data: Vec<TipTotal>,
}

impl Example for TipTotals {
    fn example() -> Self {
        Self { data: vec![TipTotal { tips: 3, amount: Money::new(3_000, Currency::CNY) }] }
    }
}

impl Reply for TipTotals {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A place among the tippers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Tipper {
    /// The place, from 1; equal amounts share a place.
    pub place: u32,
    /// The fan, if they want to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Their nickname, if they want to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// What counts.
    pub amount: Money,
}

/// Who gives most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Leaderboard {
    /// The first places.
    pub data: Vec<Tipper>,
}

impl Example for Leaderboard {
    fn example() -> Self {
        let amount = |amount| Money::new(amount, Currency::CNY);
        Self {
            data: vec![
                Tipper {
                    place: 1,
                    fan: Some(FanId::example()),
                    nickname: Some("Mei".to_owned()),
                    amount: amount(2_000),
                },
                Tipper { place: 2, fan: None, nickname: None, amount: amount(1_000) },
            ],
        }
    }
}

impl Reply for Leaderboard {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Which places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LeaderboardQuery {
    /// Tips in this currency.
    pub currency: Currency,
    /// How many places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}
impl Fields for LeaderboardQuery {}

impl LeaderboardQuery {
    /// The first places in a currency.
    pub const fn new(currency: Currency) -> Self {
        Self { currency, limit: None }
    }
}

/// Read a circle's tips
///
/// All tips to the circle, those for its posts too; what was given back does not count.
#[derive(ToSchema)]
pub struct GetCircleTips;
impl Endpoint for GetCircleTips {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}/tips";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = TipTotals;
}

/// Read a post's tips
///
/// Tips for this post; what was given back does not count.
#[derive(ToSchema)]
pub struct GetPostTips;
impl Endpoint for GetPostTips {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/posts/{post}/tips";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::PostNotFound];
    type Params = PostPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = TipTotals;
}

/// List who tips most
///
/// What counts for a fan: tips to the circle and for the partner's posts, plus tips for members' posts as far as they exceed
/// what the fan got for posts of their own. So money that goes round among a few members counts for none of them. A fan
/// decides how to appear: not at all, as somebody (that is what we assume), or by nickname.
#[derive(ToSchema)]
pub struct GetLeaderboard;
impl Endpoint for GetLeaderboard {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/circles/{circle}/leaderboard";
    const TAG: Tag = Tag::Payments;
    const ACCESS: Access = Access::Partner(Some(Scope::PaymentsRead));
    const FAILS: &'static [ErrorCode] = &[ErrorCode::CircleNotFound];
    type Params = CirclePath;
    type Query = LeaderboardQuery;
    type Body = Nothing;
    type Reply = Leaderboard;
}
