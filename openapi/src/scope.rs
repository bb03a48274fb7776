//! Scopes of access tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub enum Scope {
    /// Read circles and gates.
    #[serde(rename = "circles:read")]
    CirclesRead,
    /// Create and change circles and gates.
    #[serde(rename = "circles:write")]
    CirclesWrite,
    /// Read memberships.
    #[serde(rename = "members:read")]
    MembersRead,
    /// Let fans in, approve, assign roles, ban.
    #[serde(rename = "members:write")]
    MembersWrite,
    /// Read posts, drafts too.
    #[serde(rename = "content:read")]
    ContentRead,
    /// Publish, edit, pin and delete posts.
    #[serde(rename = "content:write")]
    ContentWrite,
    /// Change the partner, its apps and their keys.
    #[serde(rename = "apps:write")]
    AppsWrite,
    /// Read payments, refunds, mandates and what was tipped.
    #[serde(rename = "payments:read")]
    PaymentsRead,
    /// Charge fans, cancel and refund.
    #[serde(rename = "payments:write")]
    PaymentsWrite,
    /// Read balances, accounts and transfers.
    #[serde(rename = "ledger:read")]
    LedgerRead,
    /// Read the event log.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Make and change webhook endpoints, look into deliveries, replay.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
    /// Use the sandbox (sandbox mode only).
    #[serde(rename = "sandbox")]
    Sandbox,
}

impl Scope {
    /// Every scope, in order.
    pub const ALL: [Self; 13] = [
        Self::CirclesRead,
        Self::CirclesWrite,
        Self::MembersRead,
        Self::MembersWrite,
        Self::ContentRead,
        Self::ContentWrite,
        Self::AppsWrite,
        Self::PaymentsRead,
        Self::PaymentsWrite,
        Self::LedgerRead,
        Self::EventsRead,
        Self::WebhooksWrite,
        Self::Sandbox,
    ];

    /// The scope as it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CirclesRead => "circles:read",
            Self::CirclesWrite => "circles:write",
            Self::MembersRead => "members:read",
            Self::MembersWrite => "members:write",
            Self::ContentRead => "content:read",
            Self::ContentWrite => "content:write",
            Self::AppsWrite => "apps:write",
            Self::PaymentsRead => "payments:read",
            Self::PaymentsWrite => "payments:write",
            Self::LedgerRead => "ledger:read",
            Self::EventsRead => "events:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::Sandbox => "sandbox",
        }
    }

    /// What it allows, in plain words.
    pub const fn about(self) -> &'static str {
        match self {
            Self::CirclesRead => "Read circles and gates.",
            Self::CirclesWrite => "Create and change circles and gates.",
            Self::MembersRead => "Read memberships.",
            Self::MembersWrite => "Let fans in, approve, assign roles, ban.",
            Self::ContentRead => "Read posts, drafts too.",
            Self::ContentWrite => "Publish, edit, pin and delete posts.",
            Self::AppsWrite => "Change the partner, its apps and their keys.",
            Self::PaymentsRead => "Read payments, refunds, mandates and what was tipped.",
            Self::PaymentsWrite => "Charge fans, cancel and refund.",
            Self::LedgerRead => "Read balances, accounts and transfers.",
            Self::EventsRead => "Read the event log.",
            Self::WebhooksWrite => "Make and change webhook endpoints, look into deliveries, replay.",
            Self::Sandbox => "Use the sandbox (sandbox mode only).",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope of this server")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(ScopeError)
    }
}

/// A set of scopes, written as in `scope` of RFC 6749: separated by single spaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// All scopes.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether the scope is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    /// The set without this scope.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !(1 << scope as u16))
    }

    /// Whether every scope of the other set is in this one.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u16))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split(' ').filter(|part| !part.is_empty()).map(str::parse::<Scope>).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_its_text() {
        let all = Scopes::all();

        assert_eq!(all.to_string().parse(), Ok(all));
        assert!(!all.without(Scope::Sandbox).contains(Scope::Sandbox));
        assert_eq!("circles:read nonsense".parse::<Scopes>(), Err(ScopeError));
    }

    #[test]
    fn the_text_is_the_one_serde_writes() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
