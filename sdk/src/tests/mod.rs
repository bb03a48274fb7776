//! Tests against a small gateway in this very process: real connections, real signatures, moved time.

mod answers;
mod authorize;
mod calls;
mod consumer;
mod gateway;
mod keys;
mod retries;
mod secrets;
mod tokens;
