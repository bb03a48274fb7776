//! Partners: the tenant, disclosed by its legal name on every circle it runs.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Access, ETAG, Endpoint, Example, JsonBody, Nothing, Reply, ReplyHeader, Tag, verb};
use crate::id::PartnerId;
use crate::open::Edit;
use crate::schema::ToSchema;
use crate::scope::Scope;
use crate::text::{Text, Words, check_web_address};
use crate::time::Time;

/// Kind of [`PartnerName`].
pub enum PartnerNameWords {}
impl Words for PartnerNameWords {
    const NAME: &'static str = "PartnerName";
    const ABOUT: &'static str = "Public name of the partner.";
    const MAX: usize = 60;
    const EXAMPLE: &'static str = "Whisker & Co";
}
/// What fans call the partner.
pub type PartnerName = Text<PartnerNameWords>;

/// Kind of [`LegalName`].
pub enum LegalNameWords {}
impl Words for LegalNameWords {
    const NAME: &'static str = "LegalName";
    const ABOUT: &'static str = "Registered name of the merchant or organisation; shown on every circle.";
    const MAX: usize = 120;
    const EXAMPLE: &'static str = "Whisker Pet Supplies (Hangzhou) Co., Ltd.";
}
/// Registered name of the merchant or organisation.
pub type LegalName = Text<LegalNameWords>;

/// Kind of [`WebAddress`].
pub enum WebAddressWords {}
impl Words for WebAddressWords {
    const NAME: &'static str = "WebAddress";
    const ABOUT: &'static str = "An absolute https URL (http only for loopback addresses).";
    const MAX: usize = 500;
    const EXAMPLE: &'static str = "https://whisker.example/welcome";
    const FORMAT: Option<&'static str> = Some("uri");
    fn check(text: &str) -> Result<(), &'static str> {
        check_web_address(text)
    }
}
/// An absolute https URL.
pub type WebAddress = Text<WebAddressWords>;

/// A partner: a merchant or organisation that runs circles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Partner {
    /// The partner's id.
    pub id: PartnerId,
    /// The partner's public name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: PartnerName,
    /// Registered name; only the operator changes it.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub legal_name: LegalName,
    /// The partner's home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub website: Option<WebAddress>,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the partner was registered.
    pub created_at: Time,
    /// When the partner was last changed.
    pub updated_at: Time,
}

impl Example for Partner {
    fn example() -> Self {
        Self {
            id: PartnerId::example(),
            name: PartnerName::example(),
            legal_name: LegalName::example(),
            website: Some("https://whisker.example/".into()),
            version: 1,
            created_at: Time::example(),
            updated_at: Time::example(),
        }
    }
}

impl Reply for Partner {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// The ETag of a version (RFC 9110, 8.8.3): the number in quotes.
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Changes to the partner; omitted fields keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PartnerChange {
    /// The partner's public name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = PartnerName, required = false)]
    pub name: Option<PartnerName>,
    /// The partner's home page; null removes it.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<WebAddress>)]
    pub website: Edit<WebAddress>,
}

impl Example for PartnerChange {
    fn example() -> Self {
        Self { name: Some("Whisker".into()), website: Edit::Keep }
    }
}
impl JsonBody for PartnerChange {}

/// Get your partner
///
/// The partner the token belongs to.
#[derive(ToSchema)]
pub struct GetPartner;
impl Endpoint for GetPartner {
    type Verb = verb::Get;
    const PATH: &'static str = "/v1/partner";
    const TAG: Tag = Tag::Partners;
    const ACCESS: Access = Access::Partner(None);
    type Params = Nothing;
    type Query = Nothing;
    type Body = Nothing;
    type Reply = Partner;
}

/// Update your partner
///
/// Only the fields you send are changed; an update that changes nothing keeps the version. The legal name is verified and
/// changed by the operator, not here.
#[derive(ToSchema)]
pub struct ChangePartner;
impl Endpoint for ChangePartner {
    type Verb = verb::Patch;
    const PATH: &'static str = "/v1/partner";
    const TAG: Tag = Tag::Partners;
    const ACCESS: Access = Access::Partner(Some(Scope::AppsWrite));
    const IF_MATCH: bool = true;
    type Params = Nothing;
    type Query = Nothing;
    type Body = PartnerChange;
    type Reply = Partner;
}
