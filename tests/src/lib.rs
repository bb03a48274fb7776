//! What the tests stand on: a gateway on either engine, and a partner that signs by hand, so that everything a client
//! could get wrong can be got wrong on purpose. The stories themselves use the SDK.

pub mod postgres;
pub mod raw;
pub mod stage;
