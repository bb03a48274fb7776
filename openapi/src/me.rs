//! What a fan does through an app: identity, circles, posts, money. Every call requires a fan token and acts for that fan
//! only.
//!
//! Partner tokens are refused here, and fan tokens everywhere else: nobody can act for a fan who has not consented.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, Endpoint, Example, Nothing, Reply, Tag, verb};
use crate::fans::Nickname;
use crate::id::FanId;
use crate::open::Open;
use crate::schema::ToSchema;
use crate::scope::FanScope;

mod circles;
mod money;
mod posts;

pub use circles::{GetCircleAsFan, JoinAsFan, LeaveAsFan, ListMyMemberships, MyMembershipsQuery, NewMyMembership};
pub use money::{
    AskMyMandate, GetMyMandate, GetMyPayment, ListMyMandates, ListMyPayments, MyMandatesQuery, MyPaymentsQuery,
    NewMyMandate, NewMyPayment, PayAsFan, RevokeMyMandate,
};
pub use posts::{
    ChangePostAsFan, CreatePostAsFan, DeletePostAsFan, FanPostChange, FeedQuery, GetPostAsFan, ListPostsAsFan,
    NewFanPost,
};

/// The fan the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Me {
    /// The fan's id: the same in all your apps, a different one at every other partner.
    pub fan: FanId,
    /// The fan's nickname; only with the scope `profile:nickname`, which the fan grants separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
    /// Scopes of the token.
    #[schema(value_type = Vec<FanScope>)]
    pub scopes: Vec<Open<FanScope>>,
}

impl Example for Me {
    fn example() -> Self {
        Self {
            fan: FanId::example(),
            nickname: Some(Nickname::example()),
            scopes: [FanScope::OpenId, FanScope::ProfileNickname, FanScope::CirclesJoin].map(Open::from).into(),
        }
    }
}

impl Reply for Me {
    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Get the fan
///
/// The fan's id, the nickname if the fan discloses it, and the scopes of this token.
#[derive(ToSchema)]
pub struct GetMe;
impl Endpoint for GetMe {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/me";
    const TAG: Tag = Tag::Me;
    const ACCESS: Access = Access::Fan(FanScope::OpenId);
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Me;
}
