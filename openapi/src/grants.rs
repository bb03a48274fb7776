//! Grants: what a fan lets an app do, until the fan takes it back or the partner gives it up.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, ETAG, Endpoint, Example, Fields, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::error_code::ErrorCode;
use crate::id::{AppId, FanId, GrantId};
use crate::open::Open;
use crate::page::{Cursor, Limit, Page};
use crate::partners::etag;
use crate::schema::ToSchema;
use crate::scope::{FanScope, Scope};
use crate::time::Time;

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantStatus {
    /// Tokens can be got and used within it.
    Active,
    /// The fan took it back, or you gave it up: its tokens are refused.
    Revoked,
}

/// What a fan lets an app do. It only grows; a fan who takes a part back ends it and makes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who granted it.
    pub fan: FanId,
    /// To which app. A fan has at most one active grant for an app.
    pub app: AppId,
    /// What the app may do.
    #[schema(value_type = Vec<FanScope>)]
    pub scopes: Vec<Open<FanScope>>,
    /// Where it stands.
    #[schema(value_type = GrantStatus)]
    pub status: Open<GrantStatus>,
    /// Counts the changes.
    pub version: i64,
    /// When the fan granted it.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Example for Grant {
    fn example() -> Self {
        Self {
            id: GrantId::example(),
            fan: FanId::example(),
            app: AppId::example(),
            scopes: vec![FanScope::OpenId.into(), FanScope::CirclesJoin.into()],
            status: GrantStatus::Active.into(),
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for Grant {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// Which grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantPath {
    /// The grant.
    pub grant: GrantId,
}
impl Fields for GrantPath {}

/// Which grants, and which page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantsQuery {
    /// Only those of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for GrantsQuery {}

/// List grants
///
/// What fans let your apps do, newest first, those that are over too.
#[derive(ToSchema)]
pub struct ListGrants;
impl Endpoint for ListGrants {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/grants";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersRead));
    type Params = Nothing;
    type Query = GrantsQuery;
    type Body = Nothing;
    type Reply = Page<Grant>;
}

/// Give a grant up
///
/// Its tokens are refused by every gateway within two seconds; for more the fan has to consent again. A grant that is over
/// already stays as it is.
#[derive(ToSchema)]
pub struct RevokeGrant;
impl Endpoint for RevokeGrant {
    type Verb = verb::Delete;
    const PATH: &'static str = "/v1/grants/{grant}";
    const TAG: Tag = Tag::OAuth;
    const ACCESS: Access = Access::Partner(Some(Scope::MembersWrite));
    const STATUS: u16 = 204;
    const FAILS: &'static [ErrorCode] = &[ErrorCode::GrantNotFound];
    type Params = GrantPath;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Nothing;
}
