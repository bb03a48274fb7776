//! Scopes of access tokens: those of partners, and those that a fan grants.
//!
//! Invariant: a token has scopes of one kind only; the kinds are types of their own, so an endpoint cannot mix them up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::schema::ToSchema;

/// The text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope of this server")]
pub struct ScopeError;

macro_rules! scopes {
    (
        $(#[doc = $about_one:literal])+ $One:ident, $(#[doc = $about_many:literal])+ $Many:ident, $count:literal:
        $($Variant:ident $text:tt $about:tt;)+
    ) => {
        $(#[doc = $about_one])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[non_exhaustive]
        pub enum $One {
            $(#[doc = $about] #[serde(rename = $text)] $Variant,)+
        }

        impl $One {
            /// Every scope, in order.
            pub const ALL: [Self; $count] = [$(Self::$Variant,)+];

            /// The scope as written in a token.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $text,)+ }
            }

            /// Description of the scope.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$Variant => $about,)+ }
            }
        }

        impl fmt::Display for $One {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $One {
            type Err = ScopeError;

            fn from_str(text: &str) -> Result<Self, ScopeError> {
                Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(ScopeError)
            }
        }

        $(#[doc = $about_many])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $Many(u32);

        // A scope beyond the bits would silently be another one.
        const _: () = assert!($count <= u32::BITS);

        impl $Many {
            /// All scopes.
            pub fn all() -> Self {
                $One::ALL.into_iter().collect()
            }

            /// The known scopes in a text that a newer version may have written.
            pub fn known(text: &str) -> Self {
                text.split(' ').filter_map(|scope| scope.parse::<$One>().ok()).collect()
            }

            /// Whether the scope is in the set.
            pub const fn contains(self, scope: $One) -> bool {
                self.0 & (1 << scope as u32) != 0
            }

            /// The set without this scope.
            #[must_use]
            pub const fn without(self, scope: $One) -> Self {
                Self(self.0 & !(1 << scope as u32))
            }

            /// The scopes in either set.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The scopes in both sets.
            #[must_use]
            pub const fn within(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// The scopes in this set and not in the other.
            #[must_use]
            pub const fn beyond(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether every scope of the other set is in this one.
            pub const fn covers(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether the set is empty.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The scopes in order.
            pub fn iter(self) -> impl Iterator<Item = $One> {
                $One::ALL.into_iter().filter(move |scope| self.contains(*scope))
            }
        }

        impl FromIterator<$One> for $Many {
            fn from_iter<I: IntoIterator<Item = $One>>(scopes: I) -> Self {
                Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u32))
            }
        }

        impl fmt::Display for $Many {
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

        impl FromStr for $Many {
            type Err = ScopeError;

            fn from_str(text: &str) -> Result<Self, ScopeError> {
                text.split(' ').filter(|part| !part.is_empty()).map(str::parse::<$One>).collect()
            }
        }
    };
}

// One line = one scope, its text, one sentence. A scope is never renamed.
scopes! {
    /// A scope of a partner token.
    Scope,
    /// A set of partner scopes, written as `scope` in RFC 6749: separated by single spaces.
    Scopes, 13:
    CirclesRead "circles:read" "Read circles and gates.";
    CirclesWrite "circles:write" "Create and update circles and gates.";
    MembersRead "members:read" "Read memberships and grants, evaluate fans.";
    MembersWrite "members:write" "Admit fans, approve, assign roles, ban; revoke grants.";
    ContentRead "content:read" "Read posts, including drafts.";
    ContentWrite "content:write" "Publish, edit, pin and delete posts.";
    AppsWrite "apps:write" "Update the partner, its apps and their keys.";
    PaymentsRead "payments:read" "Read payments, refunds, mandates and tips.";
    PaymentsWrite "payments:write" "Charge fans, cancel and refund.";
    LedgerRead "ledger:read" "Read balances, accounts and transfers.";
    EventsRead "events:read" "Read the event log, webhook endpoints and their deliveries.";
    WebhooksWrite "webhooks:write" "Create, update, ping and delete webhook endpoints, replay events.";
    Sandbox "sandbox" "Use the sandbox (sandbox mode only).";
}

scopes! {
    /// A scope of a fan token. Partner tokens have no such scope, and fan tokens no partner scope.
    FanScope,
    /// A set of fan scopes, written as `scope` in RFC 6749: separated by single spaces.
    FanScopes, 7:
    OpenId "openid" "Recognise the fan by an id that is different at every partner.";
    ProfileNickname "profile:nickname" "Read the fan's nickname, which is then shown beside the fan's comments; the fan grants this separately.";
    CirclesJoin "circles:join" "Join and leave circles for the fan.";
    ContentPost "content:post" "Post in the fan's name, where the circle permits it.";
    ContentComment "content:comment" "Comment and like in the fan's name, where the circle permits it; if the fan is a moderator, delete comments of others.";
    PaymentsTip "payments:tip" "Create tips, which the fan approves one by one.";
    PaymentsMandate "payments:mandate" "Ask the fan for a mandate, a standing consent to be charged within limits, and charge within it.";
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

    #[test]
    fn no_scope_is_of_both_kinds() {
        for scope in FanScope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>(), Err(ScopeError), "{scope}");
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert_eq!(FanScopes::all().to_string().parse(), Ok(FanScopes::all()));
    }

    #[test]
    fn sets_are_put_together_and_taken_apart() {
        let one: FanScopes = "openid circles:join".parse().unwrap();
        let other: FanScopes = "openid payments:tip".parse().unwrap();

        assert_eq!(one.and(other).to_string(), "openid circles:join payments:tip");
        assert_eq!(one.within(other).to_string(), "openid");
        assert_eq!(one.beyond(other).to_string(), "circles:join");
        assert!(one.and(other).covers(other) && !one.covers(other));
    }
}
