//! Look-ups for payments that come at the same time.

use super::store::{PaymentFacts, PaymentLookup};
use crate::platform::db::{Batcher, Fault};

/// What decides about new payments, looked up for many at once; one per process.
#[derive(Default)]
pub struct PaymentLookups(Batcher<PaymentLookup, PaymentFacts>);

impl PaymentLookups {
    /// The answer to this look-up, by a statement that may serve others as well.
    pub async fn ask<F>(
        &self,
        lookup: PaymentLookup,
        look: impl Fn(Vec<PaymentLookup>) -> F + Send + 'static,
    ) -> Result<PaymentFacts, Fault>
    where
        F: Future<Output = Result<Vec<PaymentFacts>, Fault>> + Send + 'static,
    {
        self.0.ask(lookup, look).await
    }
}
