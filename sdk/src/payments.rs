//! Payments: charge fans, give money back.

use quanzi_openapi::Nothing;
use quanzi_openapi::id::{PaymentId, RefundId};
pub use quanzi_openapi::payments::{
    CancelPayment, CreatePayment, DeclineReason, GetPayment, ListPayments, MerchantReference, NewPayment, Payment,
    PaymentKind, PaymentMessage, PaymentPath, PaymentStatus, PaymentsQuery,
};
pub use quanzi_openapi::refunds::{
    CreateRefund, GetRefund, ListRefunds, NewRefund, Refund, RefundPath, RefundReason, RefundsQuery,
};

use crate::{Call, Client};

/// Calls about payments; from [`Client::payments`].
#[derive(Debug, Clone)]
pub struct PaymentCalls(Client);

impl Client {
    /// What fans pay you.
    pub fn payments(&self) -> PaymentCalls {
        PaymentCalls(self.clone())
    }
}

impl PaymentCalls {
    /// Charges a fan. Repeat it with the same [`idempotency_key`](Call::idempotency_key), and the fan pays once; without one
    /// of yours the SDK makes one for this call and its own repetitions.
    pub fn create(&self, payment: NewPayment) -> Call<CreatePayment> {
        self.0.call(Nothing {}, Nothing {}, payment)
    }

    /// Lists payments, newest first.
    pub fn list(&self, query: PaymentsQuery) -> Call<ListPayments> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Reads a payment.
    pub fn get(&self, payment: PaymentId) -> Call<GetPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Takes back a payment that nobody decided about yet.
    pub fn cancel(&self, payment: PaymentId) -> Call<CancelPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Gives money back, in full or in part.
    pub fn refund(&self, payment: PaymentId, refund: NewRefund) -> Call<CreateRefund> {
        self.0.call(PaymentPath { payment }, Nothing {}, refund)
    }

    /// Lists the refunds of a payment, newest first.
    pub fn refunds(&self, payment: PaymentId, query: RefundsQuery) -> Call<ListRefunds> {
        self.0.call(PaymentPath { payment }, query, Nothing {})
    }

    /// Reads a refund.
    pub fn get_refund(&self, refund: RefundId) -> Call<GetRefund> {
        self.0.call(RefundPath { refund }, Nothing {}, Nothing {})
    }
}
