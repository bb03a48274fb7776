//! Memberships: fans in your circles.

use quanzi_openapi::Nothing;
use quanzi_openapi::circles::CirclePath;
use quanzi_openapi::id::{CircleId, MembershipId};
pub use quanzi_openapi::memberships::{
    ApproveMembership, BanMembership, ChangeMembership, GetMembership, JoinCircle, LeaveMembership, ListMemberships,
    Membership, MembershipChange, MembershipPath, MembershipStatus, MembershipsQuery, NewMembership, RejectMembership,
    RemoveMembership, Role, UnbanMembership,
};

use crate::{Call, Client};

/// Calls about memberships; from [`Client::memberships`].
#[derive(Debug, Clone)]
pub struct MembershipCalls(Client);

impl Client {
    /// The fans in your circles.
    pub fn memberships(&self) -> MembershipCalls {
        MembershipCalls(self.clone())
    }
}

impl MembershipCalls {
    /// Lets a fan in, if the gate agrees. A refusal says why: [`Error::evaluation`](crate::Error::evaluation).
    pub fn join(&self, circle: CircleId, membership: NewMembership) -> Call<JoinCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, membership)
    }

    /// Lists the memberships of a circle, newest first.
    pub fn list(&self, circle: CircleId, query: MembershipsQuery) -> Call<ListMemberships> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }

    /// Reads a membership.
    pub fn get(&self, membership: MembershipId) -> Call<GetMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Changes a membership's role; name the version you read with [`Call::if_match`].
    pub fn change(&self, membership: MembershipId, change: MembershipChange) -> Call<ChangeMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, change)
    }

    /// Lets a fan in who waits for approval.
    pub fn approve(&self, membership: MembershipId) -> Call<ApproveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Turns a fan away who waits for approval; the fan may try again.
    pub fn reject(&self, membership: MembershipId) -> Call<RejectMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Removes a member, who may come back through the gate.
    pub fn remove(&self, membership: MembershipId) -> Call<RemoveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Bans a fan, who cannot come back until the ban is lifted.
    pub fn ban(&self, membership: MembershipId) -> Call<BanMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Lifts a ban.
    pub fn unban(&self, membership: MembershipId) -> Call<UnbanMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Leaves the circle on the fan's own wish.
    pub fn leave(&self, membership: MembershipId) -> Call<LeaveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }
}
