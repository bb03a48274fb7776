//! Circles: interest communities that a partner runs.

use serde::{Deserialize, Serialize};

use crate::endpoint::{ETAG, Example, JsonBody, Reply, ReplyHeader};
use crate::id::{CircleId, PartnerId};
use crate::open::{Edit, Open};
use crate::partners::{LegalName, PartnerName, WebAddress, etag};
use crate::schema::ToSchema;
use crate::time::Time;

mod endpoints;
mod rights;
mod words;

pub use endpoints::{
    ChangeCircle, CirclePath, CirclesQuery, CloseCircle, CreateCircle, GetCircle, ListCircles, OpenCircle,
};
pub use rights::{CircleRights, NewCircleRights, NewRight, RIGHT_RULES_MAX, Right, Who};
pub use words::{
    Category, CircleName, CircleNameWords, CircleStatus, CircleText, CircleTextWords, Discoverability, Language,
    LanguageWords, Slug, SlugWords,
};

/// The operator of a circle: the partner responsible for it. Always part of the circle's public form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleOperator {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's public name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: PartnerName,
    /// The partner's registered name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub legal_name: LegalName,
}

/// Limits that a partner sets for a circle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishingLimits {
    /// Maximum number of posts a member may publish in 24 hours; no limit when absent. The partner's own posts do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    pub posts_per_member_per_day: Option<u16>,
    /// Maximum number of comments a fan, member or not, may write in 24 hours; no limit when absent. The partner's own
    /// comments do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    pub comments_per_fan_per_day: Option<u16>,
}

impl PublishingLimits {
    /// Sets the maximum number of posts of a member in 24 hours.
    pub const fn posts_per_member_per_day(posts: u16) -> Self {
        Self { posts_per_member_per_day: Some(posts), comments_per_fan_per_day: None }
    }

    /// Sets the maximum number of comments of a fan in 24 hours.
    #[must_use]
    pub const fn and_comments(mut self, comments: u16) -> Self {
        self.comments_per_fan_per_day = Some(comments);
        self
    }
}

/// Limits of a circle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleLimits {
    /// Maximum number of posts a member may publish in 24 hours; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posts_per_member_per_day: Option<u16>,
    /// Maximum number of comments a fan, member or not, may write in 24 hours; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments_per_fan_per_day: Option<u16>,
}

impl From<PublishingLimits> for CircleLimits {
    fn from(limits: PublishingLimits) -> Self {
        Self {
            posts_per_member_per_day: limits.posts_per_member_per_day,
            comments_per_fan_per_day: limits.comments_per_fan_per_day,
        }
    }
}

/// A circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Circle {
    /// The circle's id.
    pub id: CircleId,
    /// The circle's name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: CircleName,
    /// The circle's name in URLs.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub slug: Slug,
    /// What the circle is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub description: Option<CircleText>,
    /// Category of the circle.
    #[schema(value_type = Category)]
    pub category: Open<Category>,
    /// The language the members speak.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub language: Language,
    /// Rules that members agree to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub rules: Option<CircleText>,
    /// An announcement to all visitors of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub announcement: Option<CircleText>,
    /// Cover picture of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub cover: Option<WebAddress>,
    /// Who can find the circle.
    #[schema(value_type = Discoverability)]
    pub discoverability: Open<Discoverability>,
    /// Status of the circle.
    #[schema(value_type = CircleStatus)]
    pub status: Open<CircleStatus>,
    /// The partner responsible for the circle.
    pub operator: CircleOperator,
    /// Current version of the circle's gate.
    pub gate_version: i64,
    /// Publishing limits of the circle.
    pub limits: CircleLimits,
    /// What fans may do in the circle through an app.
    pub rights: CircleRights,
    /// Incremented with each change; the ETag is this number in quotes.
    pub version: i64,
    /// When the circle was created.
    pub created_at: Time,
    /// When the circle was last changed.
    pub updated_at: Time,
    /// When the circle was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    /// When the circle was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
}

impl Example for Circle {
    fn example() -> Self {
        Self {
            id: CircleId::example(),
            name: CircleName::example(),
            slug: Slug::example(),
            description: Some(CircleText::example()),
            category: Category::Pets.into(),
            language: Language::example(),
            rules: Some("Be kind. No selling of animals.".into()),
            announcement: None,
            cover: Some("https://whisker.example/cover.jpg".into()),
            discoverability: Discoverability::Public.into(),
            status: CircleStatus::Open.into(),
            operator: CircleOperator {
                partner: PartnerId::example(),
                name: PartnerName::example(),
                legal_name: LegalName::example(),
            },
            gate_version: 1,
            limits: PublishingLimits::posts_per_member_per_day(10).into(),
            rights: CircleRights::default(),
            version: 2,
            created_at: Time::example(),
            updated_at: Time::example(),
            opened_at: Some(Time::example()),
            closed_at: None,
        }
    }
}

impl Reply for Circle {
    const HEADERS: &'static [ReplyHeader] = &[ETAG];

    fn headers(&self) -> Vec<String> {
        vec![etag(self.version)]
    }

    fn example_value() -> serde_json::Value {
        crate::example_of::<Self>()
    }
}

/// A new circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewCircle {
    /// The circle's name.
    pub name: CircleName,
    /// The circle's name in URLs; derived from the id when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// What the circle is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<CircleText>,
    /// Category of the circle; `other` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The language the members speak; `zh-CN` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Rules that members agree to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<CircleText>,
    /// An announcement to all visitors of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<CircleText>,
    /// Cover picture of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<WebAddress>,
    /// Who can find the circle; `public` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discoverability: Option<Discoverability>,
    /// Publishing limits of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PublishingLimits>,
    /// What fans may do in the circle through an app; when omitted, members can comment and only you can post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<NewCircleRights>,
}

impl NewCircle {
    /// A circle with this name.
    pub fn new(name: impl Into<CircleName>) -> Self {
        Self {
            name: name.into(),
            slug: None,
            description: None,
            category: None,
            language: None,
            rules: None,
            announcement: None,
            cover: None,
            discoverability: None,
            limits: None,
            rights: None,
        }
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, text: impl Into<CircleText>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets the category.
    #[must_use]
    pub fn category(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// Sets the name in URLs.
    #[must_use]
    pub fn slug(mut self, slug: impl Into<Slug>) -> Self {
        self.slug = Some(slug.into());
        self
    }

    /// Sets the publishing limits.
    #[must_use]
    pub fn limits(mut self, limits: PublishingLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets the rights of fans.
    #[must_use]
    pub fn rights(mut self, rights: NewCircleRights) -> Self {
        self.rights = Some(rights);
        self
    }
}

impl Example for NewCircle {
    fn example() -> Self {
        Self::new(CircleName::example()).description(CircleText::example()).category(Category::Pets)
    }
}
impl JsonBody for NewCircle {}

/// Changes to a circle; omitted fields keep their values, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CircleChange {
    /// The circle's name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = CircleName, required = false)]
    pub name: Option<CircleName>,
    /// The circle's name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Slug, required = false)]
    pub slug: Option<Slug>,
    /// What the circle is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub description: Edit<CircleText>,
    /// Category of the circle.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Category, required = false)]
    pub category: Option<Category>,
    /// The language the members speak.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Language, required = false)]
    pub language: Option<Language>,
    /// Rules that members agree to.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub rules: Edit<CircleText>,
    /// An announcement to all visitors of the circle.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub announcement: Edit<CircleText>,
    /// Cover picture of the circle.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<WebAddress>)]
    pub cover: Edit<WebAddress>,
    /// Who can find the circle.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Discoverability, required = false)]
    pub discoverability: Option<Discoverability>,
    /// Publishing limits of the circle; replaces all of them, null removes them.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<PublishingLimits>)]
    pub limits: Edit<PublishingLimits>,
    /// What fans may do in the circle through an app; replaces both rights, null resets both to their defaults.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<NewCircleRights>)]
    pub rights: Edit<NewCircleRights>,
}

impl Example for CircleChange {
    fn example() -> Self {
        Self { announcement: Edit::Set("We meet on Sunday at the lake.".into()), ..Self::default() }
    }
}
impl JsonBody for CircleChange {}
