//! Payments: charge fans, refund them.

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
    /// Calls about fans' payments.
    pub fn payments(&self) -> PaymentCalls {
        PaymentCalls(self.clone())
    }
}

impl PaymentCalls {
    /// Charges a fan. Retry it with the same [`idempotency_key`](Call::idempotency_key), and the fan pays once; by default
    /// the SDK generates a key for this call and its retries.
    pub fn create(&self, payment: NewPayment) -> Call<CreatePayment> {
        self.0.call(Nothing {}, Nothing {}, payment)
    }

    /// Lists payments, newest first.
    pub fn list(&self, query: PaymentsQuery) -> Call<ListPayments> {
        self.0.call(Nothing {}, query, Nothing {})
    }

    /// Gets a payment.
    pub fn get(&self, payment: PaymentId) -> Call<GetPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Cancels a payment that is still waiting for approval.
    pub fn cancel(&self, payment: PaymentId) -> Call<CancelPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Refunds a payment, in full or in part.
    pub fn refund(&self, payment: PaymentId, refund: NewRefund) -> Call<CreateRefund> {
        self.0.call(PaymentPath { payment }, Nothing {}, refund)
    }

    /// Lists the refunds of a payment, newest first.
    pub fn refunds(&self, payment: PaymentId, query: RefundsQuery) -> Call<ListRefunds> {
        self.0.call(PaymentPath { payment }, query, Nothing {})
    }

    /// Gets a refund.
    pub fn get_refund(&self, refund: RefundId) -> Call<GetRefund> {
        self.0.call(RefundPath { refund }, Nothing {}, Nothing {})
    }
}
