//! Tips as they arrive: the log is followed by one task, and what it says is passed on to every owner who looks.
//!
//! Invariant: the place in the log is kept, so nothing is missed while the site is down; what is shown is only shown, so showing a tip
//! twice after a crash does no harm.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quanzi::events::EventType;
use quanzi::id::FanId;
use quanzi::payments::Payment;
use tokio::sync::broadcast;

use crate::house::House;
use crate::pages::money;

/// Tips that a new page begins with.
const RECENT_MAX: usize = 20;
/// After the log could not be followed for a reason that does not pass by itself.
const PAUSE: Duration = Duration::from_secs(10);

/// A tip.
#[derive(Debug, Clone)]
pub struct Tip {
    pub amount: String,
    pub fan: FanId,
    pub message: String,
    pub time: String,
}

/// What arrives.
#[derive(Clone)]
pub struct Live {
    recent: Arc<Mutex<VecDeque<Tip>>>,
    sender: broadcast::Sender<Tip>,
}

impl Live {
    /// Follows the log for as long as the program runs.
    pub fn follow(house: &House, folder: &str) -> Self {
        let live = Self { recent: Arc::default(), sender: broadcast::channel(64).0 };
        let (told, events, path) = (live.clone(), house.client.events(), PathBuf::from(folder).join("place"));
        tokio::spawn(async move {
            let place = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            let mut consumer = events.consumer(place.unwrap_or(0)).types([EventType::PaymentSucceeded]);
            loop {
                match consumer.next().await {
                    Ok(event) => {
                        if let Ok(payment) = event.data::<Payment>() {
                            told.tell(&payment, event.created_at.to_string());
                        }
                        std::fs::write(&path, consumer.place().to_string()).ok();
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        });
        live
    }

    fn tell(&self, payment: &Payment, time: String) {
        let message = payment.message.as_ref().map(ToString::to_string).unwrap_or_default();
        let time = time.get(11..16).unwrap_or_default().to_owned();
        let tip = Tip { amount: money(payment.amount), fan: payment.fan, message, time };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(tip.clone());
        recent.truncate(RECENT_MAX);
        drop(recent);
        // Nobody looking is no failure.
        self.sender.send(tip).ok();
    }

    /// The last ones, newest first.
    pub fn recent(&self) -> Vec<Tip> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Those to come.
    pub fn listen(&self) -> broadcast::Receiver<Tip> {
        self.sender.subscribe()
    }
}
