//! The handlers of job kinds. Each capability adds its own kinds; the app collects them.
//!
//! A handler ends with [`service::end`](super::service::end), on the transaction that has its effect: effect and end are then
//! committed together, or neither. Work that does IO, or goes through a writer of its own, does that first, without a
//! transaction, must be idempotent, and ends with [`service::end_after`](super::service::end_after). A kind is repeated by
//! returning [`Outcome::Again`](super::Outcome::Again), never by enqueueing itself: that would invalidate its own claim.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use super::model::{Claimed, Ended, JobKind};
use super::turns::Turns;
use crate::platform::Platform;
use crate::platform::db::{List, Tx};
use crate::platform::fault::Fault;

type JobFuture = Pin<Box<dyn Future<Output = Result<Ended, Fault>> + Send>>;
type Handler = Box<dyn Fn(Claimed) -> JobFuture + Send + Sync>;
/// Whether jobs are to rest, asked in the transaction that would claim them.
pub type PauseCheck =
    for<'t> fn(&'t mut Tx, &'t Platform) -> Pin<Box<dyn Future<Output = Result<bool, Fault>> + Send + 't>>;

/// A handler for each kind that this binary can do.
#[derive(Default)]
pub struct Handlers {
    by_kind: BTreeMap<JobKind, Handler>,
    pause: Option<PauseCheck>,
}

impl Handlers {
    /// Adds a kind.
    ///
    /// # Panics
    /// When the kind has a handler already: a mistake that the first start shows.
    #[must_use]
    pub fn on<F>(mut self, kind: JobKind, handler: impl Fn(Claimed) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Ended, Fault>> + Send + 'static,
    {
        let taken = self.by_kind.insert(kind, Box::new(move |job| Box::pin(handler(job))));
        assert!(taken.is_none(), "two handlers for jobs of kind {kind}");
        self
    }

    /// Has jobs rest while this says so.
    #[must_use]
    pub fn pause_while(self, is_paused: PauseCheck) -> Self {
        Self { pause: Some(is_paused), ..self }
    }

    /// Every kind, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = JobKind> {
        self.by_kind.keys().copied()
    }

    pub(super) fn list(&self) -> List {
        List::of(self.kinds().map(JobKind::as_str))
    }

    pub(super) fn find(&self, name: &str) -> Option<JobKind> {
        self.kinds().find(|kind| kind.as_str() == name)
    }

    pub(super) async fn are_paused(&self, tx: &mut Tx, platform: &Platform) -> Result<bool, Fault> {
        match self.pause {
            Some(is_paused) => is_paused(tx, platform).await,
            None => Ok(false),
        }
    }

    pub(super) async fn run(&self, job: &Claimed) -> Result<Ended, Fault> {
        match self.by_kind.get(&job.kind) {
            Some(handler) => handler(job.clone()).await,
            None => Err(Fault::internal(format!("no handler for jobs of kind {}", job.kind))),
        }
    }
}

/// Due work of one process: the platform it runs on, and who does what.
pub struct Jobs {
    /// The platform.
    pub platform: Arc<Platform>,
    /// Who does what.
    pub handlers: Handlers,
    /// Whose turn it is.
    pub turns: Turns,
}
