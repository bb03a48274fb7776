//! Records: what is checked, locked and written together with transfers, although the ledger does not know what it is.
//!
//! A capability implements [`RecordKind`] once for each kind of row and adds records of that kind to its orders. A batch gathers the
//! records of all its orders by kind, so that a kind is loaded with one statement and written with one, however many orders name it.
//!
//! Loading, deciding and writing are one trait and not one for guards and another for writes: a check has to count what earlier
//! orders of the same batch changed, and a write has to agree with what was read. Apart, both would need each other's state.
//!
//! Invariant: every process loads, locks and writes kinds in the same order, and each kind locks its rows in the order of their keys;
//! so two batches wait for each other instead of deadlocking.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use quanzi_openapi::Time;

use crate::platform::db::{self, Tx};
use crate::platform::fault::Fault;

/// A kind of record, and what is known of its rows while a batch is decided.
pub trait RecordKind: Sized + Send + 'static {
    /// What an order says about one row: what it must be like, or what it becomes.
    type Record: fmt::Debug + Send + Sync + 'static;

    /// Kinds are loaded and written in the order of their names: best the table's.
    const NAME: &'static str;

    /// When it is loaded.
    const STAGE: Stage = Stage::BeforeAccounts;

    /// Reads, and where it must not change locks, all rows that the orders of a batch name: in one statement, in the order of keys.
    fn load(tx: &mut Tx, records: &[&Self::Record]) -> impl Future<Output = Result<Self, db::Fault>> + Send;

    /// Whether an order with this record may be posted, those accepted before it counted.
    fn check(&self, _record: &Self::Record) -> Verdict {
        Verdict::Holds
    }

    /// Counts a record whose order is accepted.
    fn accept(&mut self, _record: &Self::Record) {}

    /// Writes what was accepted, in one statement. Where another process was faster with rows that are not locked, it gives
    /// [`db::Fault::Retry`], and the batch is decided anew.
    fn write(
        &mut self,
        _tx: &mut Tx,
        _accepted: &[&Self::Record],
        _now: Time,
    ) -> impl Future<Output = Result<(), db::Fault>> + Send {
        ready(Ok(()))
    }
}

/// When a kind is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before reservations and accounts: for all rows of capabilities, as accounts are what everybody waits for.
    BeforeAccounts,
    /// When everything is locked: what another process did that decides about an order is committed by then, and so is what
    /// such a kind remembers of it. Only for who remembers executed calls; it locks nothing.
    AfterAccounts,
}

/// What a record says about its order.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing against it.
    Holds,
    /// What the order was made for has changed: it has to be made anew.
    Moved,
    /// No, and this is what the caller is told.
    Refused(Fault),
    /// The order was executed before.
    Replayed(Replay),
}

/// What came of an order when it was executed before; only the kind that remembered it knows its type.
#[derive(Debug)]
pub struct Replay(Box<dyn Any + Send>);

impl Replay {
    /// This.
    pub fn new(of: impl Any + Send) -> Self {
        Self(Box::new(of))
    }

    /// As what it was given.
    pub fn take<T: 'static>(self) -> Result<T, Fault> {
        self.0.downcast().map(|of| *of).map_err(|_| Fault::internal("a replay of another kind"))
    }
}

/// The place of a kind among all; by its type too, so that two kinds of one name are not taken for one.
pub(super) type RecordOrder = (Stage, &'static str, TypeId);

/// A record whose kind is not known here.
#[derive(Clone)]
pub(super) struct AnyRecord(pub(super) Arc<dyn Erased>);

impl AnyRecord {
    pub fn new<K: RecordKind>(record: K::Record) -> Self {
        Self(Arc::new(Of::<K>(record)))
    }
}

impl fmt::Debug for AnyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

pub(super) trait Erased: Send + Sync {
    fn place(&self) -> RecordOrder;
    fn value(&self) -> &dyn Any;
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Room for all records of its kind.
    fn room<'o>(&self) -> Box<dyn Room<'o> + 'o>;
}

struct Of<K: RecordKind>(K::Record);

impl<K: RecordKind> Erased for Of<K> {
    fn place(&self) -> RecordOrder {
        (K::STAGE, K::NAME, TypeId::of::<K>())
    }

    fn value(&self) -> &dyn Any {
        &self.0
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", K::NAME, self.0)
    }

    fn room<'o>(&self) -> Box<dyn Room<'o> + 'o> {
        Box::new(KindRoom::<K> { named: Vec::new(), kind: None, accepted: Vec::new() })
    }
}

/// All records of one kind in a batch.
pub(super) trait Room<'o>: Send {
    fn gather(&mut self, record: &'o dyn Any);
    fn load<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<(), db::Fault>>;
    fn check(&self, record: &dyn Any) -> Verdict;
    fn accept(&mut self, record: &'o dyn Any);
    fn write<'t>(&'t mut self, tx: &'t mut Tx, now: Time) -> BoxFuture<'t, Result<(), db::Fault>>;
}

struct KindRoom<'o, K: RecordKind> {
    named: Vec<&'o K::Record>,
    kind: Option<K>,
    accepted: Vec<&'o K::Record>,
}

impl<'o, K: RecordKind> Room<'o> for KindRoom<'o, K> {
    fn gather(&mut self, record: &'o dyn Any) {
        self.named.extend(record.downcast_ref::<K::Record>());
    }

    fn load<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<(), db::Fault>> {
        Box::pin(async move {
            self.kind = Some(K::load(tx, &self.named).await?);
            Ok(())
        })
    }

    fn check(&self, record: &dyn Any) -> Verdict {
        match (&self.kind, record.downcast_ref()) {
            (Some(kind), Some(record)) => kind.check(record),
            _ => Verdict::Refused(Fault::internal("a record was checked before its kind was loaded")),
        }
    }

    fn accept(&mut self, record: &'o dyn Any) {
        if let (Some(kind), Some(record)) = (&mut self.kind, record.downcast_ref()) {
            kind.accept(record);
            self.accepted.push(record);
        }
    }

    fn write<'t>(&'t mut self, tx: &'t mut Tx, now: Time) -> BoxFuture<'t, Result<(), db::Fault>> {
        Box::pin(async move {
            match &mut self.kind {
                Some(kind) if !self.accepted.is_empty() => kind.write(tx, &self.accepted, now).await,
                _ => Ok(()),
            }
        })
    }
}
