//! Gates: the rules to join a circle, and what they answer rule by rule.

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
    /// The gates of your circles.
    pub fn gates(&self) -> GateCalls {
        GateCalls(self.clone())
    }
}

impl GateCalls {
    /// Reads the gate that decides now.
    pub fn get(&self, circle: CircleId) -> Call<GetGate> {
        self.0.call(CirclePath { circle }, Nothing {}, Nothing {})
    }

    /// Puts a new gate before a circle; name the version of the old one with [`Call::if_match`].
    pub fn put(&self, circle: CircleId, gate: NewGate) -> Call<PutGate> {
        self.0.call(CirclePath { circle }, Nothing {}, gate)
    }

    /// Asks the gate about a fan, without letting anybody in.
    pub fn evaluate(&self, circle: CircleId, request: EvaluationRequest) -> Call<EvaluateGate> {
        self.0.call(CirclePath { circle }, Nothing {}, request)
    }
}
