//! The kinds of due work that payments enqueue.

use crate::platform::jobs::JobKind;

/// A payment: nobody decided about it in time.
pub const EXPIRE_PAYMENT: JobKind = JobKind::new("expire_payment");
/// A payment: the channel has finished what took its time.
pub const COMPLETE_PAYMENT: JobKind = JobKind::new("complete_payment");
