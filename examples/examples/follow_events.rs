//! Follows the log: every event once and in order, even after a crash. Needs a sandbox gateway (`cargo run --release`) at
//! `QUANZI_URL`, by default `http://127.0.0.1:8080`. Exits by itself.
//!
//! The partner stores its position in the log in a file, together with the effects of the events: a real application would
//! use one transaction of its database for both.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use quanzi::events::{Event, EventType};
use quanzi::payments::{NewPayment, Payment};
use quanzi::{Currency, Money};
use serde::{Deserialize, Serialize};

#[path = "shared/scene.rs"]
mod scene;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The partner's total of tips, and the position in the log.
#[derive(Default, Serialize, Deserialize)]
struct Books {
    place: i64,
    tips: BTreeMap<String, i64>,
}

impl Books {
    fn open(path: &Path) -> Result<Self, Failure> {
        if !path.exists() {
            return Ok(Self::default());
        }
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Applies an event.
    fn note(&mut self, event: &Event) -> Result<(), Failure> {
        if event.r#type == EventType::PaymentSucceeded {
            let payment: Payment = event.data()?;
            *self.tips.entry(payment.circle.to_string()).or_default() += payment.net.amount;
        }
        self.place = event.seq;
        Ok(())
    }

    /// Stores effect and position atomically: the new file replaces the old one, or nothing happened.
    fn save(&self, path: &Path) -> Result<(), Failure> {
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        Ok(fs::rename(new, path)?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (client, circle, mei) = scene::with_a_member("follow_events").await.map_err(|error| error.to_string())?;
    let yuan = |yuan: i64| Money::new(yuan * 100, Currency::CNY);
    let folder = std::env::temp_dir().join(format!("quanzi-follow-events-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let path: PathBuf = folder.join("books.json");

    // Something happens: three tips.
    client.sandbox().top_up(mei.id, yuan(100)).await?;
    for amount in [5, 10, 20] {
        let payment = client.payments().create(NewPayment::tip(mei.id, circle.id, yuan(amount))).await?;
        client.sandbox().approve_payment(payment.id).await?;
    }

    // Three runs, one after the other: each starts where the previous one crashed.
    for life in 1..=3 {
        let mut books = Books::open(&path)?;
        let mut consumer = client.events().consumer(books.place);
        println!("Life {life} begins after event {}.", books.place);
        while let Some(event) = consumer.try_next().await? {
            books.note(&event)?;
            books.save(&path)?;
            println!("  {} {} {}", event.seq, event.r#type, event.object);
            if life < 3 && event.seq % 5 == 0 {
                println!("  … and crashes.");
                break;
            }
        }
    }
    let total = Books::open(&path)?.tips.into_values().sum::<i64>();
    println!("Tips for the circle: {}", Money::new(total, Currency::CNY));
    assert_eq!(total, 3_395, "each tip counted once: 35.00 less a fee of 3 %");

    // A server would wait forever: `next` returns as soon as there is an event.
    let mut consumer = client.events().consumer(Books::open(&path)?.place);
    let (next, made) = tokio::join!(consumer.next(), async {
        client.payments().create(NewPayment::tip(mei.id, circle.id, yuan(1))).await
    });
    made?;
    println!("Received immediately: {}", next?.r#type);
    fs::remove_dir_all(folder)?;
    Ok(())
}
