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

/// Who answers for a circle: always part of its public form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleOperator {
    /// The partner.
    pub partner: PartnerId,
    /// What fans call it.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: PartnerName,
    /// Its registered name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub legal_name: LegalName,
}

/// Limits that a partner sets for a circle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PublishingLimits {
    /// Posts a member may publish in 24 hours; no limit when absent. The partner's own posts do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    pub posts_per_member_per_day: Option<u16>,
    /// Comments a fan, member or not, may make in 24 hours; no limit when absent. The partner's own comments do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1000)]
    pub comments_per_fan_per_day: Option<u16>,
}

impl PublishingLimits {
    /// This many posts of a member in 24 hours.
    pub const fn posts_per_member_per_day(posts: u16) -> Self {
        Self { posts_per_member_per_day: Some(posts), comments_per_fan_per_day: None }
    }

    /// And this many comments of a fan in 24 hours.
    #[must_use]
    pub const fn and_comments(mut self, comments: u16) -> Self {
        self.comments_per_fan_per_day = Some(comments);
        self
    }
}

/// Limits of a circle, as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleLimits {
    /// Posts a member may publish in 24 hours; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posts_per_member_per_day: Option<u16>,
    /// Comments a fan, member or not, may make in 24 hours; no limit when absent.
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
    /// Its id.
    pub id: CircleId,
    /// Its name.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub name: CircleName,
    /// Its name in addresses.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub slug: Slug,
    /// What it is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub description: Option<CircleText>,
    /// What it is about, in a word.
    #[schema(value_type = Category)]
    pub category: Open<Category>,
    /// The language its members speak.
    #[serde(deserialize_with = "crate::text::as_written")]
    pub language: Language,
    /// What members have agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub rules: Option<CircleText>,
    /// What everybody should see now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub announcement: Option<CircleText>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "crate::text::as_written")]
    pub cover: Option<WebAddress>,
    /// Who finds it.
    #[schema(value_type = Discoverability)]
    pub discoverability: Open<Discoverability>,
    /// Where it stands in its life.
    #[schema(value_type = CircleStatus)]
    pub status: Open<CircleStatus>,
    /// Who answers for it.
    pub operator: CircleOperator,
    /// Version of its gate that decides now.
    pub gate_version: i64,
    /// Limits for its members.
    pub limits: CircleLimits,
    /// What fans may do in it through an app.
    pub rights: CircleRights,
    /// Counts the changes; the ETag is this number in quotes.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// When it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    /// When it was closed.
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
    /// Its name.
    pub name: CircleName,
    /// Its name in addresses; made from the id when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// What it is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<CircleText>,
    /// What it is about, in a word; `other` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The language its members speak; `zh-CN` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What members have agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<CircleText>,
    /// What everybody should see now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<CircleText>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<WebAddress>,
    /// Who finds it; `public` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discoverability: Option<Discoverability>,
    /// Limits for its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PublishingLimits>,
    /// What fans may do in it through an app; when left out, members comment and nobody but you posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<NewCircleRights>,
}

impl NewCircle {
    /// A circle of this name.
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

    /// With this description.
    #[must_use]
    pub fn description(mut self, text: impl Into<CircleText>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// In this category.
    #[must_use]
    pub fn category(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// With this name in addresses.
    #[must_use]
    pub fn slug(mut self, slug: impl Into<Slug>) -> Self {
        self.slug = Some(slug.into());
        self
    }

    /// With these limits.
    #[must_use]
    pub fn limits(mut self, limits: PublishingLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// With these rights of fans.
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

/// Changes to a circle; fields left out stay as they are, null clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CircleChange {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = CircleName, required = false)]
    pub name: Option<CircleName>,
    /// Its name in addresses.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Slug, required = false)]
    pub slug: Option<Slug>,
    /// What it is about, in a few sentences.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub description: Edit<CircleText>,
    /// What it is about, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Category, required = false)]
    pub category: Option<Category>,
    /// The language its members speak.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Language, required = false)]
    pub language: Option<Language>,
    /// What members have agreed to.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub rules: Edit<CircleText>,
    /// What everybody should see now.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<CircleText>)]
    pub announcement: Edit<CircleText>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<WebAddress>)]
    pub cover: Edit<WebAddress>,
    /// Who finds it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::open::not_null")]
    #[schema(value_type = Discoverability, required = false)]
    pub discoverability: Option<Discoverability>,
    /// Limits for its members; replaces all of them, null lifts them.
    #[serde(default, skip_serializing_if = "Edit::is_keep")]
    #[schema(value_type = Option<PublishingLimits>)]
    pub limits: Edit<PublishingLimits>,
    /// What fans may do in it through an app; replaces both rights, null gives both their defaults.
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
