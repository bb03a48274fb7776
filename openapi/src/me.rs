//! What a fan does through an app: who the fan is, circles, posts, money. Every call takes a fan's token, and acts for that fan and
//! nobody else.
//!
//! A partner's token is refused here, as a fan's is everywhere else: nobody acts for a fan who has not agreed to it.

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

/// The fan whose token it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Me {
    /// The fan: the same id in all your apps, another one at every other partner.
    pub fan: FanId,
    /// What the fan is called; only with the scope `profile:nickname`, which the fan chooses separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub nickname: Option<Nickname>,
    /// What this token may do.
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

/// Read who the fan is
///
/// The id you know the fan by, the nickname if the fan discloses it, and what this token may do.
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
