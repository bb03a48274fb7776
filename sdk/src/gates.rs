//! Gates: the rules to join a circle, and their evaluation.

use quanzi_openapi::Nothing;
use quanzi_openapi::circles::CirclePath;
pub use quanzi_openapi::gates::{
    CreditBand, EvaluateGate, Evaluation, EvaluationRequest, Gate, GateRule, GetGate, InviteCode, NewGate, Outcome,
    PutGate, RuleAnswer, RuleKind,
};
use quanzi_openapi::id::CircleId;

use crate::{Call, Client};

/// Calls about gates; from [`Client::gates`].
#[derive(Debug, Clone)]
pub struct GateCalls(Client);

impl Client {
    /// Calls about the gates of your circles.
    pub fn gates(&self) -> GateCalls {
        GateCalls(self.clone())
    }
}

impl GateCalls {
    /// Gets a circle's current gate.
    pub fn get(&self, circle: CircleId) -> Call<GetGate> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Replaces a circle's gate; pass the version of the old one to [`Call::if_match`].
    pub fn put(&self, circle: CircleId, gate: NewGate) -> Call<PutGate> {
        self.0.call(CirclePath { circle }, Nothing {}, gate)
    }

    /// Evaluates a fan, without admitting the fan.
    pub fn evaluate(&self, circle: CircleId, request: EvaluationRequest) -> Call<EvaluateGate> {
        self.0.call(CirclePath { circle }, Nothing {}, request)
    }
}
