//! What the ledger's poster checks about mandates before it charges within them.

use std::collections::{BTreeSet, HashMap};

use quanzi_openapi::id::{MandateId, PartnerId};

use super::store;
use crate::platform::db::{Fault, Tx};
use crate::platform::ledger::{RecordKind, Verdict};

/// A mandate that an order charges within: it must still have this version.
#[derive(Debug)]
pub struct MandateVersion {
    pub partner: PartnerId,
    pub mandate: MandateId,
    pub version: i64,
}

/// The versions of mandates, which nobody changes meanwhile.
pub struct MandateVersions(HashMap<(PartnerId, MandateId), i64>);

impl RecordKind for MandateVersions {
    type Record = MandateVersion;
    const NAME: &'static str = "mandate";

    async fn load(tx: &mut Tx, records: &[&MandateVersion]) -> Result<Self, Fault> {
        let mandates: BTreeSet<_> = records.iter().map(|record| (record.partner, record.mandate)).collect();
        Ok(Self(store::lock_shared_versions(tx, &mandates).await?.into_iter().collect()))
    }

    fn check(&self, record: &MandateVersion) -> Verdict {
        let version = self.0.get(&(record.partner, record.mandate));
        if version == Some(&record.version) { Verdict::Holds } else { Verdict::Moved }
    }
}
