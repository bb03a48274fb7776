//! The sandbox: register without asking anybody, invent fans, move the clock, look into signatures.

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

/// Calls that only a sandbox answers; from [`Client::sandbox`].
#[derive(Debug, Clone)]
pub struct SandboxCalls(Client);

impl Client {
    /// What only a sandbox has.
    pub fn sandbox(&self) -> SandboxCalls {
        SandboxCalls(self.clone())
    }
}

impl SandboxCalls {
    /// Registers a partner with its first app. The client needs no app for this; go on with
    /// [`Client::with_app`].
    pub fn register_partner(&self, partner: NewPartner) -> Call<RegisterPartner> {
        self.0.call(Nothing {}, Nothing {}, partner)
    }

    /// Has the gateway look into a signed request, without executing it. The client needs no app for this.
    pub fn check_signature(&self, check: SignatureCheck) -> Call<CheckSignature> {
        self.0.call(Nothing {}, Nothing {}, check)
    }

    /// Invents a person; you get the fan id under which you know it.
    pub fn create_fan(&self, fan: NewSandboxFan) -> Call<CreateSandboxFan> {
        self.0.call(Nothing {}, Nothing {}, fan)
    }

    /// Reads an invented person.
    pub fn get_fan(&self, fan: FanId) -> Call<GetSandboxFan> {
        self.0.call(FanPath { fan }, Nothing {}, Nothing {})
    }

    /// What time it is in the sandbox.
    pub fn clock(&self) -> Call<GetClock> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Moves the clock of the whole sandbox, such as by `"PT36H"` or `"P30D"`: what becomes due on the way happens, in order.
    ///
    /// When very much is due, the call stops on its way: go on with [`ClockAdvanced::left`]. The client goes on working
    /// afterwards, with the new time and a new token.
    pub fn advance_clock(&self, by: impl Into<Advance>) -> Call<AdvanceClock> {
        self.0.call(Nothing {}, Nothing {}, ClockAdvance::new(by))
    }

    /// Puts money into an invented person's wallet.
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

    /// Lets an invented person consent to be charged.
    pub fn create_mandate(&self, mandate: NewMandate) -> Call<CreateSandboxMandate> {
        self.0.call(Nothing {}, Nothing {}, mandate)
    }

    /// Holds the books of the whole sandbox against themselves.
    pub fn check_ledger(&self) -> Call<CheckLedger> {
        self.0.call(Nothing {}, Nothing {}, Nothing {})
    }

    /// Changes an invented person.
    pub fn change_fan(&self, fan: FanId, change: SandboxFanChange) -> Call<ChangeSandboxFan> {
        self.0.call(FanPath { fan }, Nothing {}, change)
    }
}
