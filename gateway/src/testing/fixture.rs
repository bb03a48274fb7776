//! The fixture of a test: a partner with circles and fans, and a clock that stands still until it is moved.

use quanzi_openapi::Time;
use quanzi_openapi::circles::{Circle, NewCircle};
use quanzi_openapi::fans::NewSandboxFan;
use quanzi_openapi::gates::{GateRule, NewGate};
use quanzi_openapi::id::{CircleId, FanId, PartnerId};
use quanzi_openapi::memberships::{Membership, NewMembership};

use crate::capabilities::circles;
use crate::capabilities::fans;
use crate::capabilities::gates;
use crate::capabilities::memberships;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, Sql, Tx};
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::sql;
use crate::workflows;

const ADD_PARTNER: Sql = sql!(
    "insert into partner (id, name, legal_name, version, created_at, updated_at) values ($1, 'Whisker', 'Whisker Ltd.', 1, 1, 1)"
);

pub struct Fixture {
    pub db: Db,
    pub clock: Clock,
    pub partner: PartnerId,
    pub now: Time,
}

impl Fixture {
    pub async fn new(db: Db) -> Self {
        let clock = Clock::system();
        let mut fixture = Self { db, partner: clock.id(), clock, now: Time::from_seconds(1_800_000_000) };
        fixture.partner = fixture.add_partner().await;
        fixture
    }

    /// Another partner on the same gateway.
    pub async fn add_partner(&self) -> PartnerId {
        let partner = self.clock.id();
        let mut tx = self.begin().await;
        tx.query(ADD_PARTNER).bind(partner).run().await.unwrap();
        tx.commit().await.unwrap();
        partner
    }

    pub async fn begin(&self) -> Tx {
        self.db.begin().await.unwrap()
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// Ends a transaction as the edge does: with a commit, or without one.
    pub async fn end<T>(&self, mut tx: Tx, outcome: Result<T, Fault>) -> Result<T, Fault> {
        match &outcome {
            Err(refused) if !refused.keeps_writes() => tx.rollback().await.unwrap(),
            _ => {
                outbox::service::write(&mut tx, &self.clock).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        outcome
    }

    pub async fn draft_circle(&self, new: &NewCircle) -> Circle {
        let mut tx = self.begin().await;
        let circle = workflows::circles::service::create(&mut tx, &self.clock, self.partner, self.now, new).await;
        self.end(tx, circle).await.unwrap()
    }

    pub async fn open_circle(&self, new: &NewCircle) -> CircleId {
        let circle = self.draft_circle(new).await.id;
        let mut tx = self.begin().await;
        let opened = circles::service::open(&mut tx, self.partner, self.now, circle).await;
        self.end(tx, opened).await.unwrap().id
    }

    pub async fn gated_circle(&self, name: &str, rules: impl IntoIterator<Item = GateRule>) -> CircleId {
        let circle = self.open_circle(&NewCircle::new(name)).await;
        self.put_gate(circle, rules).await.unwrap();
        circle
    }

    pub async fn put_gate(&self, circle: CircleId, rules: impl IntoIterator<Item = GateRule>) -> Result<i64, Fault> {
        let mut tx = self.begin().await;
        let held = gates::service::lock(&mut tx, self.partner, circle).await.unwrap();
        let new = NewGate::new(rules);
        let gate = gates::service::put(&mut tx, &self.clock, self.partner, self.now, &held, &new).await;
        self.end(tx, gate).await.map(|gate| gate.version)
    }

    pub async fn fan(&self, new: &NewSandboxFan) -> FanId {
        let mut tx = self.begin().await;
        let fan = fans::service::invent(&mut tx, &self.clock, self.partner, self.now, new).await;
        self.end(tx, fan).await.unwrap().id
    }

    pub async fn anybody(&self) -> FanId {
        self.fan(&NewSandboxFan::new("Mei")).await
    }

    pub async fn join(&self, circle: CircleId, fan: FanId) -> Result<Membership, Fault> {
        let mut tx = self.begin().await;
        let new = NewMembership::new(fan);
        let joined = memberships::service::join(&mut tx, &self.clock, self.partner, self.now, circle, &new).await;
        self.end(tx, joined).await
    }
}
