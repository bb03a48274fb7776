//! What payments add to tips.

use quanzi_openapi::Currency;
use quanzi_openapi::id::{CircleId, FanId, PartnerId, PostId};

/// What a payment adds to the tips, or a refund takes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TipChange {
    pub partner: PartnerId,
    pub circle: CircleId,
    pub post: Option<PostId>,
    pub fan: FanId,
    /// The member (as a fan) whose post it is for.
    pub author: Option<FanId>,
    pub currency: Currency,
    /// How many tips.
    pub tips: i64,
    /// How much.
    pub amount: i64,
}
