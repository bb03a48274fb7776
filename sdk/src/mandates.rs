//! Mandates: fans' standing consent to be charged within limits.

use quanzi_openapi::Nothing;
use quanzi_openapi::id::MandateId;
pub use quanzi_openapi::mandates::{
    CreateSandboxMandate, GetMandate, ListMandates, Mandate, MandatePath, MandateStatus, MandatesQuery, NewMandate,
    RevokeMandate,
};

use crate::{Call, Client};

/// Calls about mandates; from [`Client::mandates`].
#[derive(Debug, Clone)]
pub struct MandateCalls(Client);

impl Client {
    /// Calls about fans' mandates.
    pub fn mandates(&self) -> MandateCalls {
        MandateCalls(self.clone())
    }
}

impl MandateCalls {
    /// Lists mandates, newest first.
    pub fn list(&self, query: MandatesQuery) -> Call<ListMandates> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets a mandate.
    pub fn get(&self, mandate: MandateId) -> Call<GetMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }

    /// Revokes a mandate.
    pub fn revoke(&self, mandate: MandateId) -> Call<RevokeMandate> {
        self.0.call(MandatePath { mandate }, Nothing {}, Nothing {})
    }
}
