//! Rights in a circle: who among the fans may post and comment there, through an app.
//!
//! Invariant: a right asks of a person only what a gate may ask, and answers as little.

use serde::{Deserialize, Serialize};

use crate::gates::GateRule;
use crate::open::Open;
use crate::schema::ToSchema;

/// Most rules of one right.
pub const RIGHT_RULES_MAX: usize = 3;

/// Who has a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// Every fan who is not banned from the circle; where the circle is unlisted, active members, as nobody else reads it.
    Everyone,
    /// Active members.
    Members,
    /// The owner, admins and moderators.
    Moderators,
    /// No fan; only you.
    Partner,
}

/// A right of fans, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct Right {
    /// Who has it.
    #[schema(value_type = Who)]
    pub who: Open<Who>,
    /// What must be true of the fan besides; all must pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<GateRule>)]
    pub rules: Vec<Open<GateRule>>,
}

impl From<Who> for Right {
    fn from(who: Who) -> Self {
        Self { who: who.into(), rules: Vec::new() }
    }
}

/// What fans may do in a circle through an app. You may always do both, and say in whose name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(not(feature = "server"), non_exhaustive)]
pub struct CircleRights {
    /// To publish posts.
    pub post: Right,
    /// To comment on posts.
    pub comment: Right,
}

impl Default for CircleRights {
    fn default() -> Self {
        Self { post: Who::Partner.into(), comment: Who::Members.into() }
    }
}

/// A right of fans, as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewRight {
    /// Who has it.
    pub who: Who,
    /// What must be true of the fan besides: `real_name`, `adult`, `credit_band`, each once; all must pass. A credit band must be
    /// the one of the circle's gate, if that asks for one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub rules: Vec<GateRule>,
}

impl NewRight {
    /// For all of these.
    pub const fn of(who: Who) -> Self {
        Self { who, rules: Vec::new() }
    }

    /// Only where this is true of the fan besides.
    #[must_use]
    pub fn rule(mut self, rule: GateRule) -> Self {
        self.rules.push(rule);
        self
    }
}

/// What fans may do in a circle, as it shall be. What is left out has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewCircleRights {
    /// To publish posts; left out: `partner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<NewRight>,
    /// To comment on posts; left out: `members`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<NewRight>,
}

impl NewCircleRights {
    /// These may post.
    #[must_use]
    pub fn post(mut self, right: NewRight) -> Self {
        self.post = Some(right);
        self
    }

    /// These may comment.
    #[must_use]
    pub fn comment(mut self, right: NewRight) -> Self {
        self.comment = Some(right);
        self
    }
}
