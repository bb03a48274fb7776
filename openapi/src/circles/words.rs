//! Types of circles: names, slugs, language tags, categories and statuses.

use serde::{Deserialize, Serialize};

use crate::schema::ToSchema;
use crate::text::{Text, Words};

/// Kind of [`CircleName`].
pub enum CircleNameWords {}
impl Words for CircleNameWords {
    const NAME: &'static str = "CircleName";
    const ABOUT: &'static str = "Name of the circle, unique among the partner's circles.";
    const MAX: usize = 60;
    const EXAMPLE: &'static str = "Cats of Hangzhou";
}
/// Name of a circle.
pub type CircleName = Text<CircleNameWords>;

/// Kind of [`Slug`].
pub enum SlugWords {}
impl Words for SlugWords {
    const NAME: &'static str = "Slug";
    const ABOUT: &'static str = "Name of the circle in URLs, unique among the partner's circles.";
    const MIN: usize = 2;
    const MAX: usize = 60;
    const PATTERN: Option<&'static str> = Some("^[a-z0-9]+(-[a-z0-9]+)*$");
    const EXAMPLE: &'static str = "cats-of-hangzhou";
    fn check(text: &str) -> Result<(), &'static str> {
        let letters =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        if text.split('-').all(letters) {
            Ok(())
        } else {
            Err("lower-case letters a-z and digits, in words separated by single hyphens")
        }
    }
}
/// Name of a circle in URLs.
pub type Slug = Text<SlugWords>;

/// Kind of [`CircleText`].
pub enum CircleTextWords {}
impl Words for CircleTextWords {
    const NAME: &'static str = "CircleText";
    const ABOUT: &'static str = "Text of several lines.";
    const MIN: usize = 0;
    const MAX: usize = 4_000;
    const LINES: bool = true;
    const EXAMPLE: &'static str = "For everybody in Hangzhou who lives with a cat.";
}
/// Description, rules or announcement of a circle.
pub type CircleText = Text<CircleTextWords>;

/// Kind of [`Language`].
pub enum LanguageWords {}
impl Words for LanguageWords {
    const NAME: &'static str = "Language";
    const ABOUT: &'static str = "Language tag (BCP 47).";
    const MIN: usize = 2;
    const MAX: usize = 35;
    const PATTERN: Option<&'static str> = Some("^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$");
    const EXAMPLE: &'static str = "zh-CN";
    fn check(text: &str) -> Result<(), &'static str> {
        let mut parts = text.split('-');
        let primary = parts
            .next()
            .is_some_and(|part| matches!(part.len(), 2..=3) && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let rest =
            parts.all(|part| matches!(part.len(), 2..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if primary && rest { Ok(()) } else { Err("a language tag such as zh-CN or en") }
    }
}
/// Language tag (BCP 47).
pub type Language = Text<LanguageWords>;

/// Category of a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Sport and exercise.
    Fitness,
    /// Games.
    Games,
    /// Finance.
    Finance,
    /// Parenting.
    Parenting,
    /// Pets.
    Pets,
    /// Digital devices.
    Digital,
    /// Reading.
    Reading,
    /// Charity.
    Charity,
    /// Campus life.
    Campus,
    /// Work and careers.
    Work,
    /// Travel.
    Travel,
    /// Food.
    Food,
    /// Anything else.
    Other,
}

/// Status of a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CircleStatus {
    /// Draft: fans cannot join and nothing can be published.
    Draft,
    /// Open: fans can join and posts can be published.
    Open,
    /// Closed permanently: still readable, but nothing can be changed.
    Closed,
}

/// Who can find a circle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Discoverability {
    /// The circle appears in directories and search.
    #[default]
    Public,
    /// Only people who have the circle's link can find it.
    Unlisted,
}
