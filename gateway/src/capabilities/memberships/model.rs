//! The rules of memberships. Pure: from a status and an action to the next status.

use quanzi_openapi::ErrorCode;
use quanzi_openapi::events::EventType;
use quanzi_openapi::gates::Outcome;
use quanzi_openapi::memberships::{MembershipStatus, Role};

use crate::platform::db::enum_text;
use crate::platform::fault::Fault;

/// What can happen to a membership, besides joining and a change of role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipAction {
    /// A fan who waits comes in.
    Approve,
    /// A fan who waits does not come in.
    Reject,
    /// A member goes, by the partner's will.
    Remove,
    /// A fan may not come back.
    Ban,
    /// A fan may come back.
    Unban,
    /// A member goes, by their own will.
    Leave,
}

impl MembershipAction {
    /// What the log says of it.
    pub const fn event(self) -> EventType {
        match self {
            Self::Approve => EventType::MembershipActivated,
            Self::Reject => EventType::MembershipRejected,
            Self::Remove => EventType::MembershipRemoved,
            Self::Ban => EventType::MembershipBanned,
            Self::Unban => EventType::MembershipUnbanned,
            Self::Leave => EventType::MembershipLeft,
        }
    }
}

/// Where a membership stands. Only an active member has a role other than member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipState {
    pub status: MembershipStatus,
    pub role: Role,
}

impl MembershipState {
    /// Where a fan stands that the gate let in, or lets wait; `None` when it refused.
    pub fn joined(outcome: Outcome) -> Option<Self> {
        let status = match outcome {
            Outcome::Passed => MembershipStatus::Active,
            Outcome::Pending => MembershipStatus::Pending,
            // Failed, and whatever else a gate may learn to say.
            _ => return None,
        };
        Some(Self { status, role: Role::Member })
    }

    /// Whether the fan is in or waits: joining again changes nothing.
    pub fn is_in_or_waits(self) -> bool {
        matches!(self.status, MembershipStatus::Active | MembershipStatus::Pending)
    }

    /// After an action.
    pub fn after(self, action: MembershipAction) -> Result<Self, Fault> {
        use MembershipStatus as S;
        let (allowed, status, wanted) = match action {
            MembershipAction::Approve => {
                (self.status == S::Pending, S::Active, "only a pending membership can be approved")
            }
            MembershipAction::Reject => {
                (self.status == S::Pending, S::Rejected, "only a pending membership can be rejected")
            }
            MembershipAction::Remove => {
                (self.status == S::Active, S::Removed, "only an active membership can be removed")
            }
            MembershipAction::Ban => (self.status != S::Banned, S::Banned, "it is already banned"),
            MembershipAction::Unban => {
                (self.status == S::Banned, S::Removed, "only a banned membership can be unbanned")
            }
            // Who waits may also give up waiting.
            MembershipAction::Leave => {
                (self.is_in_or_waits(), S::Left, "only an active or pending membership can be left")
            }
        };
        if !allowed {
            return Err(self.conflict(wanted));
        }
        if self.role == Role::Owner {
            return Err(ErrorCode::OwnerRequired.into());
        }
        // A member who leaves loses the role.
        Ok(Self { status, role: Role::Member })
    }

    /// With another role.
    pub fn with_role(self, role: Role) -> Result<Self, Fault> {
        if role == self.role {
            return Ok(self);
        }
        if self.role == Role::Owner {
            return Err(ErrorCode::OwnerRequired.into());
        }
        if self.status != MembershipStatus::Active {
            return Err(self.conflict("only an active membership can have a role other than member"));
        }
        Ok(Self { role, ..self })
    }

    fn conflict(self, wanted: &str) -> Fault {
        let status = enum_text(&self.status);
        Fault::new(ErrorCode::MembershipConflict).detail(format!("The membership is {status}; {wanted}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUSES: [MembershipStatus; 6] = [
        MembershipStatus::Pending,
        MembershipStatus::Active,
        MembershipStatus::Rejected,
        MembershipStatus::Left,
        MembershipStatus::Removed,
        MembershipStatus::Banned,
    ];
    const ROLES: [Role; 4] = [Role::Owner, Role::Admin, Role::Moderator, Role::Member];
    const ACTIONS: [MembershipAction; 6] = [
        MembershipAction::Approve,
        MembershipAction::Reject,
        MembershipAction::Remove,
        MembershipAction::Ban,
        MembershipAction::Unban,
        MembershipAction::Leave,
    ];

    fn state(status: MembershipStatus) -> MembershipState {
        MembershipState { status, role: Role::Member }
    }

    proptest! {
        #[test]
        fn no_history_gives_a_role_to_who_is_not_in(steps in proptest::collection::vec((0_usize..8, 0_usize..4), 0..30)) {
            let mut now = state(MembershipStatus::Pending);
            for (step, role) in steps {
                let next = match step {
                    6 => now.with_role(ROLES[role]),
                    7 if now.status != MembershipStatus::Banned && !now.is_in_or_waits() => Ok(MembershipState::joined(Outcome::Passed).unwrap()),
                    step => now.after(ACTIONS[step % 6]),
                };
                match next {
                    Ok(next) => {
                        prop_assert!(now.role != Role::Owner || next.role == Role::Owner, "an owner never just goes");
                        now = next;
                    }
                    Err(refused) => prop_assert!(matches!(refused.code(), ErrorCode::MembershipConflict | ErrorCode::OwnerRequired)),
                }
                prop_assert!(now.role == Role::Member || now.status == MembershipStatus::Active);
            }
        }
    }

    #[test]
    fn the_table_of_transitions_is_this() {
        use MembershipStatus as S;
        let allowed = [
            (MembershipAction::Approve, S::Pending, S::Active),
            (MembershipAction::Reject, S::Pending, S::Rejected),
            (MembershipAction::Remove, S::Active, S::Removed),
            (MembershipAction::Ban, S::Pending, S::Banned),
            (MembershipAction::Ban, S::Active, S::Banned),
            (MembershipAction::Ban, S::Rejected, S::Banned),
            (MembershipAction::Ban, S::Left, S::Banned),
            (MembershipAction::Ban, S::Removed, S::Banned),
            (MembershipAction::Unban, S::Banned, S::Removed),
            (MembershipAction::Leave, S::Active, S::Left),
            (MembershipAction::Leave, S::Pending, S::Left),
        ];
        for action in ACTIONS {
            for from in STATUSES {
                let to = allowed.iter().find(|(one, status, _)| (*one, *status) == (action, from)).map(|(.., to)| *to);

                match (state(from).after(action), to) {
                    (Ok(after), Some(to)) => assert_eq!(after, state(to)),
                    (Err(refused), None) => {
                        assert_eq!(refused.code(), ErrorCode::MembershipConflict);
                        assert!(refused.text().contains(&enum_text(&from)), "{refused}");
                    }
                    (outcome, to) => panic!("{action:?} of {from:?}: {outcome:?}, expected {to:?}"),
                }
            }
        }
    }

    #[test]
    fn the_owner_stays() {
        let owner = MembershipState { status: MembershipStatus::Active, role: Role::Owner };

        for action in [MembershipAction::Remove, MembershipAction::Ban, MembershipAction::Leave] {
            assert_eq!(owner.after(action).unwrap_err().code(), ErrorCode::OwnerRequired);
        }
        assert_eq!(owner.with_role(Role::Admin).unwrap_err().code(), ErrorCode::OwnerRequired);
        assert_eq!(owner.with_role(Role::Owner).unwrap(), owner);
    }

    #[test]
    fn only_a_member_who_is_in_gets_a_role() {
        let refused = state(MembershipStatus::Left).with_role(Role::Admin).unwrap_err();

        assert_eq!(refused.code(), ErrorCode::MembershipConflict);
        assert!(state(MembershipStatus::Left).with_role(Role::Member).is_ok());
    }
}
