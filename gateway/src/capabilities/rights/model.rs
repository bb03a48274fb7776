//! Decides who has a right. Pure.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::circles::{CircleRights, Discoverability, Right, Who};
use quanzi_openapi::gates::{GateRule, Outcome, RuleAnswer};
use quanzi_openapi::memberships::{Membership, MembershipStatus, Role};

use crate::capabilities::circles::CirclePolicy;
use crate::platform::fault::Fault;

/// What a fan wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Publish a post.
    Post,
    /// Comment on a post.
    Comment,
}

impl Action {
    /// The right to it.
    pub const fn right(self, rights: &CircleRights) -> &Right {
        match self {
            Self::Post => &rights.post,
            Self::Comment => &rights.comment,
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Comment => "comment",
        }
    }
}

/// Refuses a fan who is not among those who have the right.
pub fn has(action: Action, who: Option<&Who>, membership: Option<&Membership>) -> Result<(), Fault> {
    must_not_be_banned(membership)?;
    let (has, whose) = match who {
        Some(Who::Everyone) => (true, ""),
        Some(Who::Members) => (is_active(membership), "active members"),
        Some(Who::Moderators) => (moderates(membership), "moderators, admins and the owner"),
        // The partner, and any value of a newer gateway.
        _ => (false, "only the partner"),
    };
    if has {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::NotAllowedHere).detail(format!("In this circle {whose} can {}.", action.verb())))
}

/// The rules this version can ask; nothing when there is one that it cannot.
pub fn rules(right: &Right) -> Option<Vec<GateRule>> {
    right.rules.iter().map(|rule| rule.known().cloned()).collect()
}

/// Refuses a fan whom a rule refuses, with the advice of the first.
pub fn passes(answers: &[RuleAnswer]) -> Result<(), Fault> {
    let Some(answer) = answers.iter().find(|answer| answer.outcome != Outcome::Passed) else { return Ok(()) };
    let refused = Fault::new(ErrorCode::NotAllowedHere);
    Err(match &answer.advice {
        Some(advice) => refused.detail(advice.clone()),
        None => refused,
    })
}

/// Refuses to like: members may, and everyone where everyone may comment.
pub fn likes(rights: &CircleRights, membership: Option<&Membership>) -> Result<(), Fault> {
    must_not_be_banned(membership)?;
    if is_active(membership) || rights.comment.who == Who::Everyone {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::NotAllowedHere).detail("In this circle only active members can like."))
}

/// Refuses to show posts: those of an unlisted circle are for its members.
pub fn reads(policy: &CirclePolicy, membership: Option<&Membership>) -> Result<(), Fault> {
    must_not_be_banned(membership)?;
    if policy.discoverability == Discoverability::Public || is_active(membership) {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::NotAllowedHere).detail("Only active members can read the posts of this circle."))
}

fn must_not_be_banned(membership: Option<&Membership>) -> Result<(), Fault> {
    match membership {
        Some(membership) if membership.status == MembershipStatus::Banned => Err(ErrorCode::MembershipBanned.into()),
        _ => Ok(()),
    }
}

/// Whether the fan is in.
pub fn is_active(membership: Option<&Membership>) -> bool {
    membership.is_some_and(|membership| membership.status == MembershipStatus::Active)
}

/// Whether the fan keeps the peace in the circle.
pub fn moderates(membership: Option<&Membership>) -> bool {
    let role =
        |membership: &Membership| matches!(membership.role.known(), Some(Role::Owner | Role::Admin | Role::Moderator));
    is_active(membership) && membership.is_some_and(role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quanzi_openapi::circles::CircleLimits;
    use quanzi_openapi::circles::CircleStatus;
    use quanzi_openapi::endpoint::Example as _;

    const WHO: [Who; 4] = [Who::Everyone, Who::Members, Who::Moderators, Who::Partner];

    fn membership(status: MembershipStatus, role: Role) -> Membership {
        Membership { status: status.into(), role: role.into(), ..Membership::example() }
    }

    #[test]
    fn each_right_lets_in_whom_it_names_and_all_above() {
        let out = membership(MembershipStatus::Left, Role::Member);
        let member = membership(MembershipStatus::Active, Role::Member);
        let moderator = membership(MembershipStatus::Active, Role::Moderator);
        let owner = membership(MembershipStatus::Active, Role::Owner);
        for (fan, allowed) in [(None, 1), (Some(&out), 1), (Some(&member), 2), (Some(&moderator), 3), (Some(&owner), 3)]
        {
            for (place, who) in WHO.iter().enumerate() {
                let refused = has(Action::Post, Some(who), fan).err().map(|fault| fault.code());

                assert_eq!(refused, (place >= allowed).then_some(ErrorCode::NotAllowedHere), "{who:?} {fan:?}");
            }
            assert!(has(Action::Comment, None, fan).is_err(), "an unknown right of a newer gateway admits no one");
        }
    }

    #[test]
    fn who_is_banned_may_nothing() {
        let banned = membership(MembershipStatus::Banned, Role::Member);
        let policy = CirclePolicy {
            status: CircleStatus::Open,
            limits: CircleLimits::default(),
            discoverability: Discoverability::Public,
            rights: CircleRights { post: Who::Everyone.into(), comment: Who::Everyone.into() },
        };

        for refused in [
            has(Action::Post, Some(&Who::Everyone), Some(&banned)),
            likes(&policy.rights, Some(&banned)),
            reads(&policy, Some(&banned)),
        ] {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::MembershipBanned);
        }
    }

    #[test]
    fn a_refusal_says_what_is_asked_for_and_no_band() {
        let answer = RuleAnswer {
            kind: quanzi_openapi::gates::RuleKind::CreditBand.into(),
            outcome: Outcome::Failed.into(),
            advice: Some("The circle requires a higher credit rating.".to_owned()),
        };

        let refused = passes(&[answer]).unwrap_err();

        assert_eq!(refused.code(), ErrorCode::NotAllowedHere);
        assert_eq!(refused.text(), "The circle requires a higher credit rating.");
    }
}
