//! Typed ids: a prefix, `_`, and 26 characters Crockford base32 of a UUIDv7, so ids of one kind sort by time.
//!
//! The canonical text (lower-case prefix, upper-case base32) is the only one accepted: two spellings of one id would be
//! two cache keys and two idempotency fingerprints.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Characters of the base32 part: 26 × 5 bits hold the 128 bits of a UUID.
const TEXT_LEN: usize = 26;
/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The kind of object an id belongs to; the prefix prevents mixing kinds up.
pub trait Kind: 'static {
    /// Three lower-case letters, without the underscore.
    const PREFIX: &'static str;
    /// Name of the schema in the OpenAPI document.
    const NAME: &'static str;
}

/// An id of one kind, for example `cir_01JD8Z6T5M3Q9V0K7W2X4Y6Z8A`.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like {prefix}_ followed by 26 characters 0-9 A-Z (without I, L, O, U)")]
pub struct IdError {
    prefix: &'static str,
}

impl<K: Kind> Id<K> {
    /// The id with this UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The UUID of the id.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The smallest id that can be created at or after this time: ids begin with their creation time in milliseconds.
    pub fn first_at(time: crate::Time) -> Self {
        let millis = u128::try_from(time.micros() / 1_000).unwrap_or_default();
        Self::from_uuid(Uuid::from_u128(millis << 80))
    }

    /// A fixed id for examples in the document; never minted by a gateway.
    pub(crate) fn example() -> Self {
        Self::from_uuid(Uuid::from_u128(0x0193_51f3_0b40_7d2a_9c54_62b8_41d7_e0f5))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.uuid.as_u128();
        let mut text = [0_u8; TEXT_LEN];
        for place in text.iter_mut().rev() {
            let digit = usize::from((bits & 31) as u8);
            *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        let text = std::str::from_utf8(&text).map_err(|_| fmt::Error)?;
        write!(f, "{}_{text}", K::PREFIX)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = IdError { prefix: K::PREFIX };
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(refused.clone())?;
        if digits.len() != TEXT_LEN {
            return Err(refused);
        }
        let mut bits: u128 = 0;
        for (place, byte) in digits.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or(refused.clone())?;
            // 26 digits hold 130 bits: the first may only carry three of its five.
            if place == 0 && digit > 7 {
                return Err(refused);
            }
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(bits)))
    }
}

impl<K: Kind> TryFrom<String> for Id<K> {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// All kinds, one per line: prefix and schema name.
pub mod kind {
    use super::Kind;

    /// A partner: the tenant.
    pub enum Partner {}
    impl Kind for Partner {
        const PREFIX: &'static str = "ptn";
        const NAME: &'static str = "PartnerId";
    }
    /// An app: an OAuth client of a partner.
    pub enum App {}
    impl Kind for App {
        const PREFIX: &'static str = "app";
        const NAME: &'static str = "AppId";
    }
    /// A fan: a person as one partner knows them.
    pub enum Fan {}
    impl Kind for Fan {
        const PREFIX: &'static str = "fan";
        const NAME: &'static str = "FanId";
    }
    /// A person inside the platform; never on the wire.
    pub enum Person {}
    impl Kind for Person {
        const PREFIX: &'static str = "psn";
        const NAME: &'static str = "PersonId";
    }
    /// A circle: the community.
    pub enum Circle {}
    impl Kind for Circle {
        const PREFIX: &'static str = "cir";
        const NAME: &'static str = "CircleId";
    }
    /// A gate: one version of the rules to join.
    pub enum Gate {}
    impl Kind for Gate {
        const PREFIX: &'static str = "gat";
        const NAME: &'static str = "GateId";
    }
    /// A membership: a fan in a circle.
    pub enum Membership {}
    impl Kind for Membership {
        const PREFIX: &'static str = "mem";
        const NAME: &'static str = "MembershipId";
    }
    /// An evaluation: the answer of a gate.
    pub enum Evaluation {}
    impl Kind for Evaluation {
        const PREFIX: &'static str = "evl";
        const NAME: &'static str = "EvaluationId";
    }
    /// A post.
    pub enum Post {}
    impl Kind for Post {
        const PREFIX: &'static str = "pst";
        const NAME: &'static str = "PostId";
    }
    /// A comment on a post.
    pub enum Comment {}
    impl Kind for Comment {
        const PREFIX: &'static str = "cmt";
        const NAME: &'static str = "CommentId";
    }
    /// A ledger account.
    pub enum Account {}
    impl Kind for Account {
        const PREFIX: &'static str = "acc";
        const NAME: &'static str = "AccountId";
    }
    /// A transfer between two accounts.
    pub enum Transfer {}
    impl Kind for Transfer {
        const PREFIX: &'static str = "trf";
        const NAME: &'static str = "TransferId";
    }
    /// A payment by a fan.
    pub enum Payment {}
    impl Kind for Payment {
        const PREFIX: &'static str = "pay";
        const NAME: &'static str = "PaymentId";
    }
    /// A refund of a payment, in full or in part.
    pub enum Refund {}
    impl Kind for Refund {
        const PREFIX: &'static str = "rfd";
        const NAME: &'static str = "RefundId";
    }
    /// A mandate: a fan's standing consent to be charged within limits.
    pub enum Mandate {}
    impl Kind for Mandate {
        const PREFIX: &'static str = "mdt";
        const NAME: &'static str = "MandateId";
    }
    /// A grant: what a fan lets an app do.
    pub enum Grant {}
    impl Kind for Grant {
        const PREFIX: &'static str = "grt";
        const NAME: &'static str = "GrantId";
    }
    /// An event: a fact in the partner's numbered log.
    pub enum Event {}
    impl Kind for Event {
        const PREFIX: &'static str = "evt";
        const NAME: &'static str = "EventId";
    }
    /// An endpoint: where webhooks go.
    pub enum WebhookEndpoint {}
    impl Kind for WebhookEndpoint {
        const PREFIX: &'static str = "whe";
        const NAME: &'static str = "WebhookEndpointId";
    }
    /// A delivery: one attempt at an endpoint.
    pub enum Delivery {}
    impl Kind for Delivery {
        const PREFIX: &'static str = "dlv";
        const NAME: &'static str = "DeliveryId";
    }
    /// A job: work that is due at a certain time.
    pub enum Job {}
    impl Kind for Job {
        const PREFIX: &'static str = "job";
        const NAME: &'static str = "JobId";
    }
}

/// `ptn_…`
pub type PartnerId = Id<kind::Partner>;
/// `app_…`
pub type AppId = Id<kind::App>;
/// `fan_…`: pairwise, different at every partner.
pub type FanId = Id<kind::Fan>;
/// `psn_…`: never leaves the platform.
pub type PersonId = Id<kind::Person>;
/// `cir_…`
pub type CircleId = Id<kind::Circle>;
/// `gat_…`
pub type GateId = Id<kind::Gate>;
/// `mem_…`
pub type MembershipId = Id<kind::Membership>;
/// `evl_…`
pub type EvaluationId = Id<kind::Evaluation>;
/// `pst_…`
pub type PostId = Id<kind::Post>;
/// `cmt_…`
pub type CommentId = Id<kind::Comment>;
/// `acc_…`
pub type AccountId = Id<kind::Account>;
/// `trf_…`
pub type TransferId = Id<kind::Transfer>;
/// `pay_…`
pub type PaymentId = Id<kind::Payment>;
/// `rfd_…`
pub type RefundId = Id<kind::Refund>;
/// `mdt_…`
pub type MandateId = Id<kind::Mandate>;
/// `grt_…`
pub type GrantId = Id<kind::Grant>;
/// `evt_…`
pub type EventId = Id<kind::Event>;
/// `whe_…`
pub type WebhookEndpointId = Id<kind::WebhookEndpoint>;
/// `dlv_…`
pub type DeliveryId = Id<kind::Delivery>;
/// `job_…`
pub type JobId = Id<kind::Job>;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_its_text(bits: u128) {
            let id = CircleId::from_uuid(Uuid::from_u128(bits));

            prop_assert_eq!(id.to_string().parse::<CircleId>(), Ok(id));
        }

        #[test]
        fn the_text_sorts_as_the_id(a: u128, b: u128) {
            let (a, b) = (PostId::from_uuid(Uuid::from_u128(a)), PostId::from_uuid(Uuid::from_u128(b)));

            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn no_text_panics_and_only_the_canonical_one_parses(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<FanId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let circle = CircleId::example().to_string();

        assert!(circle.parse::<PostId>().is_err());
    }

    #[test]
    fn a_first_digit_that_overflows_is_refused() {
        assert!("cir_8ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<CircleId>().is_err());
    }
}
