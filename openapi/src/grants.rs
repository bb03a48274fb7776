//! Grants: what a fan lets an app do, until the fan or the partner revokes it.

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

/// Status of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantStatus {
    /// Tokens can be issued and used.
    Active,
    /// Revoked by the fan or by you: its tokens are refused.
    Revoked,
}

/// What a fan lets an app do. A grant only grows; a fan who withdraws a scope revokes the grant and creates a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Grant {
    /// The grant's id.
    pub id: GrantId,
    /// The fan who granted it.
    pub fan: FanId,
    /// The app it was granted to. A fan has at most one active grant for an app.
    pub app: AppId,
    /// The granted scopes.
    #[schema(value_type = Vec<FanScope>)]
    pub scopes: Vec<Open<FanScope>>,
    /// Status of the grant.
    #[schema(value_type = GrantStatus)]
    pub status: Open<GrantStatus>,
    /// Incremented with each change.
    pub version: i64,
    /// When the fan granted it.
    pub created_at: Time,
    /// When the grant was last changed.
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

/// Path of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantPath {
    /// The grant's id.
    pub grant: GrantId,
}
impl Fields for GrantPath {}

/// Filter and paging of a list of grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantsQuery {
    /// Only grants of this fan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<FanId>,
    /// Maximum number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}
impl Fields for GrantsQuery {}

/// List grants
///
/// What fans let your apps do, newest first, revoked grants included.
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

/// Revoke a grant
///
/// Its tokens are refused by every gateway within two seconds; to get new ones the fan has to consent again. Revoking a
/// revoked grant changes nothing.
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
