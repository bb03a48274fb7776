//! The signals that the gateway acts on.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::platform::config::Config;

/// A signal this soon after the first is the same one: shells and supervisors send it to a process and to its group.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a signal asks for.
#[derive(PartialEq, Eq)]
pub enum SignalAction {
    /// Stop the gateway.
    Stop,
    /// Read the TLS certificate again.
    Reload,
}

/// The signals that concern us. Taken before the start, so that none is lost.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Only with TLS: otherwise a closed terminal ends the gateway as it ends any program.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes them from the system.
    pub fn take(config: &Config) -> io::Result<Self> {
        let hangup = config.tls.is_some().then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hangup })
    }

    /// The next signal.
    pub async fn next(&mut self) -> SignalAction {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => SignalAction::Stop,
            _ = self.interrupt.recv() => SignalAction::Stop,
            _ = hangup => SignalAction::Reload,
        }
    }

    /// Until the gateway is to stop.
    pub async fn stop(&mut self) {
        while self.next().await != SignalAction::Stop {}
    }

    /// Until it is to stop a second time.
    pub async fn stop_again(&mut self) {
        let first = Instant::now();
        self.stop().await;
        while first.elapsed() < AGAIN_AFTER {
            self.stop().await;
        }
    }
}
