//! Tips: totals of a circle and its posts, and leaderboards.

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

/// How a fan appears on leaderboards: the fan's own choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TipDisclosure {
    /// Not at all.
    Absent,
    /// Anonymously, without a name or id.
    #[default]
    Anonymous,
    /// By nickname.
    Named,
}

/// Tips in one currency, without refunds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct TipTotal {
    /// Number of tips.
    pub tips: i64,
    /// Sum of the tips, fees included.
    pub amount: Money,
}

/// Tips in each currency.
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

/// A place on the leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Tipper {
    /// Rank, from 1; equal amounts share a rank.
    pub place: u32,
    /// The fan, if the fan wants to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// The fan's nickname, if the fan wants to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The amount that counts.
    pub amount: Money,
}

/// The fans who tipped most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Leaderboard {
    /// The top places.
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

/// Currency and number of places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LeaderboardQuery {
    /// Tips in this currency.
    pub currency: Currency,
    /// Number of places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}
impl Fields for LeaderboardQuery {}

impl LeaderboardQuery {
    /// The top places in a currency.
    pub const fn new(currency: Currency) -> Self {
        Self { currency, limit: None }
    }
}

/// Get a circle's tips
///
/// All tips to the circle, including those for its posts; refunds do not count.
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

/// Get a post's tips
///
/// All tips for this post; refunds do not count.
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

/// Get a circle's leaderboard
///
/// What counts for a fan: tips to the circle and for the partner's posts, plus tips for members' posts insofar as they
/// exceed what the fan received for their own posts. So money that circulates among a few members counts for none of them. A
/// fan decides how to appear: not at all, anonymously (the default), or by nickname.
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
