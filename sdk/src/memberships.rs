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
    /// Calls about the fans in your circles.
    pub fn memberships(&self) -> MembershipCalls {
        MembershipCalls(self.clone())
    }
}

impl MembershipCalls {
    /// Admits a fan, if the gate does. If it does not, [`Error::evaluation`](crate::Error::evaluation) says why.
    pub fn join(&self, circle: CircleId, membership: NewMembership) -> Call<JoinCircle> {
        self.0.call(CirclePath { circle }, Nothing {}, membership)
    }

    /// Lists the memberships of a circle, newest first.
    pub fn list(&self, circle: CircleId, query: MembershipsQuery) -> Call<ListMemberships> {
        self.0.call(CirclePath { circle }, query, Nothing {})
    }

    /// Gets a membership.
    pub fn get(&self, membership: MembershipId) -> Call<GetMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Changes a member's role; pass the version you read to [`Call::if_match`].
    pub fn change(&self, membership: MembershipId, change: MembershipChange) -> Call<ChangeMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, change)
    }

    /// Approves a fan who is waiting.
    pub fn approve(&self, membership: MembershipId) -> Call<ApproveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Rejects a fan who is waiting; the fan may try again.
    pub fn reject(&self, membership: MembershipId) -> Call<RejectMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Removes a member, who can rejoin through the gate.
    pub fn remove(&self, membership: MembershipId) -> Call<RemoveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Bans a fan, who cannot rejoin until the ban is lifted.
    pub fn ban(&self, membership: MembershipId) -> Call<BanMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Lifts a ban.
    pub fn unban(&self, membership: MembershipId) -> Call<UnbanMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }

    /// Leaves the circle on the fan's behalf.
    pub fn leave(&self, membership: MembershipId) -> Call<LeaveMembership> {
        self.0.call(MembershipPath { membership }, Nothing {}, Nothing {})
    }
}
