//! Your partner: the tenant your app belongs to.

use quanzi_openapi::Nothing;
pub use quanzi_openapi::partners::{
    ChangePartner, GetPartner, LegalName, Partner, PartnerChange, PartnerName, WebAddress,
};

use crate::{Call, Client};

/// Calls about your partner; from [`Client::partner`].
#[derive(Debug, Clone)]
pub struct PartnerCalls(Client);

impl Client {
    /// Calls about your partner.
    pub fn partner(&self) -> PartnerCalls {
        PartnerCalls(self.clone())
    }
}

impl PartnerCalls {
    /// Gets your partner.
    pub fn get(&self) -> Call<GetPartner> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Updates your partner; pass the version you read to [`Call::if_match`].
    pub fn change(&self, change: PartnerChange) -> Call<ChangePartner> {
        self.0.call(Nothing {}, Nothing {}, change)
    }
}
