//! Rights in a circle: which fans may post and comment there through an app.
//!
//! Invariant: a right can require no more of a person than a gate can, and reveals no more.

use serde::{Deserialize, Serialize};

use crate::gates::GateRule;
use crate::open::Open;
use crate::schema::ToSchema;

/// Maximum number of rules of one right.
pub const RIGHT_RULES_MAX: usize = 3;

/// Which fans have a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// Every fan who is not banned from the circle; in an unlisted circle only active members, because only they can read
    /// it.
    Everyone,
    /// Active members.
    Members,
    /// The owner, admins and moderators.
    Moderators,
    /// No fan; only the partner.
    Partner,
}

/// A right of fans in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Right {
    /// Which fans have the right.
    #[schema(value_type = Who)]
    pub who: Open<Who>,
    /// Additional requirements for the fan; all must pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<GateRule>)]
    pub rules: Vec<Open<GateRule>>,
}

impl From<Who> for Right {
    fn from(who: Who) -> Self {
        Self { who: who.into(), rules: Vec::new() }
    }
}

/// What fans may do in a circle through an app. The partner may always do both, and chooses whom to name as the author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleRights {
    /// The right to publish posts.
    pub post: Right,
    /// The right to comment on posts.
    pub comment: Right,
}

impl Default for CircleRights {
    fn default() -> Self {
        Self { post: Who::Partner.into(), comment: Who::Members.into() }
    }
}

/// A right of fans to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewRight {
    /// Which fans have the right.
    pub who: Who,
    /// Additional requirements for the fan: `real_name`, `adult`, `credit_band`, each at most once; all must pass. If the
    /// circle's gate requires a credit band, it must be the same one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub rules: Vec<GateRule>,
}

impl NewRight {
    /// A right for all of these fans.
    pub const fn of(who: Who) -> Self {
        Self { who, rules: Vec::new() }
    }

    /// Adds a requirement for the fan.
    #[must_use]
    pub fn rule(mut self, rule: GateRule) -> Self {
        self.rules.push(rule);
        self
    }
}

/// Rights of fans to set in a circle. An omitted right has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewCircleRights {
    /// The right to publish posts; `partner` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<NewRight>,
    /// The right to comment on posts; `members` when omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<NewRight>,
}

impl NewCircleRights {
    /// Sets who may post.
    #[must_use]
    pub fn post(mut self, right: NewRight) -> Self {
        self.post = Some(right);
        self
    }

    /// Sets who may comment.
    #[must_use]
    pub fn comment(mut self, right: NewRight) -> Self {
        self.comment = Some(right);
        self
    }
}
