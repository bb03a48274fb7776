//! What a fan's decision does to a grant. Pure.

use quanzi_openapi::scope::FanScopes;

/// What a fan's decision does to the grant there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantChange {
    /// It says all of that already.
    Same,
    /// It grows to this.
    Grown { asked: FanScopes, scopes: FanScopes },
    /// A part was taken back: it ends, and another of this begins.
    Replaced { asked: FanScopes, scopes: FanScopes },
}

/// The decision about what was asked now, beside what was agreed to before: what was not asked about stays.
pub(super) fn decide(before: (FanScopes, FanScopes), asked: FanScopes, agreed: FanScopes) -> GrantChange {
    let (asked_before, scopes_before) = before;
    let scopes = scopes_before.beyond(asked).and(agreed.within(asked));
    let asked = asked_before.and(asked);
    if !scopes.covers(scopes_before) {
        GrantChange::Replaced { asked, scopes }
    } else if (asked, scopes) == before {
        GrantChange::Same
    } else {
        GrantChange::Grown { asked, scopes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> FanScopes {
        text.parse().unwrap()
    }

    #[test]
    fn a_grant_only_grows_and_what_is_taken_back_ends_it() {
        let before = (set("openid profile:nickname circles:join"), set("openid circles:join"));

        let same = decide(before, set("openid"), set("openid"));
        let more = decide(before, set("openid payments:tip"), set("openid payments:tip"));
        let shown = decide(before, set("openid profile:nickname"), set("openid profile:nickname"));
        let less = decide((before.0, before.0), set("openid profile:nickname"), set("openid"));
        let only_asked = decide((set("openid"), set("openid")), set("openid profile:nickname"), set("openid"));

        assert_eq!(same, GrantChange::Same);
        assert_eq!(
            more,
            GrantChange::Grown {
                asked: before.0.and(set("payments:tip")),
                scopes: set("openid circles:join payments:tip")
            }
        );
        assert_eq!(shown, GrantChange::Grown { asked: before.0, scopes: before.0 });
        assert_eq!(less, GrantChange::Replaced { asked: before.0, scopes: set("openid circles:join") });
        assert_eq!(only_asked, GrantChange::Grown { asked: set("openid profile:nickname"), scopes: set("openid") });
    }

    #[test]
    fn nobody_agrees_to_more_than_was_asked() {
        let none = FanScopes::default();

        let outcome = decide((none, none), set("openid"), FanScopes::all());

        assert_eq!(outcome, GrantChange::Grown { asked: set("openid"), scopes: set("openid") });
    }
}
