//! The sandbox: self-service registration, test fans, the clock, signature checks.

pub use quanzi_openapi::fans::{
    ChangeSandboxFan, CreateSandboxFan, FanPath, GetSandboxFan, NewSandboxFan, Nickname, SandboxFan, SandboxFanChange,
};
use quanzi_openapi::id::{FanId, PaymentId};
use quanzi_openapi::ledger::CheckLedger;
use quanzi_openapi::mandates::{CreateSandboxMandate, NewMandate};
use quanzi_openapi::payments::PaymentPath;
pub use quanzi_openapi::sandbox::{
    Advance, AdvanceClock, CheckSignature, CheckedHeader, ClockAdvance, ClockAdvanced, GetClock, NewPartner, RanJob,
    RanOutcome, RegisterPartner, Registration, SandboxClock, SignatureCheck, SignatureFinding,
};
pub use quanzi_openapi::wallets::{ApproveSandboxPayment, DeclineSandboxPayment, TopUp, TopUpWallet, Wallet};
use quanzi_openapi::{Money, Nothing};

use crate::{Call, Client};

/// Calls that only exist in a sandbox; from [`Client::sandbox`].
#[derive(Debug, Clone)]
pub struct SandboxCalls(Client);

impl Client {
    /// Calls that only exist in a sandbox.
    pub fn sandbox(&self) -> SandboxCalls {
        SandboxCalls(self.clone())
    }
}

impl SandboxCalls {
    /// Registers a partner with its first app. The client needs no app for this; continue with [`Client::with_app`].
    pub fn register_partner(&self, partner: NewPartner) -> Call<RegisterPartner> {
        self.0.call(Nothing {}, Nothing {}, partner)
    }

    /// Checks the signature of a request, without executing it. The client needs no app for this.
    pub fn check_signature(&self, check: SignatureCheck) -> Call<CheckSignature> {
        self.0.call(Nothing {}, Nothing {}, check)
    }

    /// Creates a test person; returns the fan id under which you know it.
    pub fn create_fan(&self, fan: NewSandboxFan) -> Call<CreateSandboxFan> {
        self.0.call(Nothing {}, Nothing {}, fan)
    }

    /// Gets a test person.
    pub fn get_fan(&self, fan: FanId) -> Call<GetSandboxFan> {
        self.0.call(FanPath { fan }, Nothing {}, Nothing {})
    }

    /// Gets the sandbox clock.
    pub fn clock(&self) -> Call<GetClock> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Moves the clock of the whole sandbox, for example by `"PT36H"` or `"P30D"`: everything that becomes due on the way
    /// happens, in order.
    ///
    /// When very much is due, the call stops early: continue with [`ClockAdvanced::left`]. The client keeps working
    /// afterwards, with the new time and a new token.
    pub fn advance_clock(&self, by: impl Into<Advance>) -> Call<AdvanceClock> {
        self.0.call(Nothing {}, Nothing {}, ClockAdvance::new(by))
    }

    /// Tops up a test person's wallet.
    pub fn top_up(&self, fan: FanId, amount: Money) -> Call<TopUpWallet> {
        self.0.call(FanPath { fan }, Nothing {}, TopUp::new(amount))
    }

    /// Approves a payment as the fan.
    pub fn approve_payment(&self, payment: PaymentId) -> Call<ApproveSandboxPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Declines a payment as the fan.
    pub fn decline_payment(&self, payment: PaymentId) -> Call<DeclineSandboxPayment> {
        self.0.call(PaymentPath { payment }, Nothing {}, Nothing {})
    }

    /// Creates a mandate of a test person.
    pub fn create_mandate(&self, mandate: NewMandate) -> Call<CreateSandboxMandate> {
        self.0.call(Nothing {}, Nothing {}, mandate)
    }

    /// Checks and reconciles the ledger of the whole sandbox.
    pub fn check_ledger(&self) -> Call<CheckLedger> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Updates a test person.
    pub fn change_fan(&self, fan: FanId, change: SandboxFanChange) -> Call<ChangeSandboxFan> {
        self.0.call(FanPath { fan }, Nothing {}, change)
    }
}
