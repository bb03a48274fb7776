//! A gateway for one story: in this process, on a database of its own, on a port of its own.

use std::path::PathBuf;

use quanzi::apps::NewApp;
use quanzi::circles::{Circle, NewCircle};
use quanzi::gates::{GateRule, NewGate};
use quanzi::memberships::{Membership, NewMembership};
use quanzi::sandbox::{NewPartner, NewSandboxFan, SandboxFan};
use quanzi::{Client, Error, ErrorCode, Key};
use quanzi_gateway::app::testing::{Config, Db, Engine, Inside, Running, Scratch, start_with_site};
use quanzi_openapi::Time;
use quanzi_openapi::events::{EventType, Subject};
use quanzi_openapi::id::PartnerId;
use secrecy::ExposeSecret as _;

/// What a story may want otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Knobs {
    /// Reads of an app per second.
    pub reads_per_second: u32,
    /// Changes of an app per second.
    pub writes_per_second: u32,
    /// Requests of an address per second.
    pub address_per_second: u32,
    /// Sandbox registrations of an address per minute.
    pub registrations_per_minute: u32,
    /// Longest time for a body.
    pub body_timeout_seconds: u32,
    /// Whether loopback is a proxy that is believed.
    pub trusts_loopback: bool,
    /// Whether this is a live gateway.
    pub live: bool,
    /// The provider at which fans sign in there: its issuer.
    pub sign_in_issuer: Option<&'static str>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { body_timeout_seconds: 10, ..Self::unlimited() }
    }
}

impl Knobs {
    /// No limit that a story could reach by accident.
    pub const fn unlimited() -> Self {
        Self {
            reads_per_second: 100_000,
            writes_per_second: 100_000,
            address_per_second: 100_000,
            registrations_per_minute: 100_000,
            body_timeout_seconds: 30,
            trusts_loopback: false,
            live: false,
            sign_in_issuer: None,
        }
    }
}

/// Something an event can be about.
#[derive(serde::Serialize)]
struct BareFact {
    object: String,
    text: String,
}

impl Subject for BareFact {
    fn object(&self) -> String {
        self.object.clone()
    }
    fn object_version(&self) -> i64 {
        1
    }
}

/// A gateway and its database.
pub struct Stage {
    running: Running,
    scratch: Scratch,
    data_dir: PathBuf,
}

impl Stage {
    /// On SQLite.
    pub async fn sqlite() -> Self {
        Self::open(Scratch::migrated_sqlite().await.expect("a migrated file"), &Knobs::default()).await
    }

    /// On PostgreSQL.
    pub async fn postgres() -> Self {
        Self::open(Scratch::migrated_postgres().await.expect("a migrated database"), &Knobs::default()).await
    }

    /// On this database.
    pub async fn on(scratch: Scratch, knobs: &Knobs) -> Self {
        Self::open(scratch, knobs).await
    }

    async fn open(scratch: Scratch, knobs: &Knobs) -> Self {
        let data_dir = std::env::temp_dir().join(format!("quanzi-stage-{}", crate::raw::random_text()));
        let config = config(&scratch, &data_dir, knobs, None);
        let running = start_with_site(config, Some(quanzi_cli::site)).await.expect("the gateway starts");
        Self { running, scratch, data_dir }
    }

    /// The same database behind a gateway with other settings.
    pub async fn reopen(self, knobs: &Knobs) -> Self {
        let Self { running, scratch, data_dir } = self;
        running.stop().await.expect("the gateway stops");
        std::fs::remove_dir_all(data_dir).ok();
        Self::open(scratch, knobs).await
    }

    /// The same with these settings, restarted at the same address.
    pub async fn reopen_in_place(self, knobs: &Knobs) -> Self {
        let address = self.address();
        let Self { running, scratch, data_dir } = self;
        running.stop().await.expect("the gateway stops");
        let mut config = config(&scratch, &data_dir, knobs, None);
        config.listen = address.parse().expect("an address");
        let running = start_with_site(config, Some(quanzi_cli::site)).await.expect("the gateway starts");
        Self { running, scratch, data_dir }
    }

    /// A second gateway process on the same database, as far as anybody can tell from outside.
    pub async fn second_gateway(&self) -> Running {
        start_with_site(config(&self.scratch, &self.data_dir, &Knobs::default(), None), Some(quanzi_cli::site))
            .await
            .expect("the second gateway starts")
    }

    /// A second process that knows itself by the same public address, as behind a load balancer.
    pub async fn second_gateway_of_the_same_name(&self) -> Running {
        start_with_site(
            config(&self.scratch, &self.data_dir, &Knobs::default(), Some(self.url())),
            Some(quanzi_cli::site),
        )
        .await
        .expect("the second gateway starts")
    }

    /// Its origin.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// Where it listens, whatever its public address is.
    pub fn address(&self) -> String {
        self.running.address().to_string()
    }

    /// The gateway from the inside.
    pub fn inside(&self) -> Inside {
        Inside::of(&self.running)
    }

    /// The gateway's time.
    pub fn now(&self) -> Time {
        self.inside().now()
    }

    /// Where its database is, for another process.
    pub fn database_url(&self) -> &str {
        self.scratch.settings().url.expose_secret()
    }

    /// Its database.
    pub fn db(&self) -> Db {
        self.inside().db().clone()
    }

    /// The same database through pools of its own: connections belong to the runtime that opened them.
    pub async fn another_db(&self) -> Db {
        Db::open(self.scratch.settings()).await.expect("the database")
    }

    /// Moves the gateway's clock ahead.
    pub fn advance(&self, seconds: i64) {
        self.inside().advance(seconds);
    }

    /// Commits facts about these objects, all in one transaction: events without anything behind them, whose data is this text.
    pub async fn facts(&self, partner: PartnerId, objects: impl IntoIterator<Item = &str>, text: &str) {
        let bare = |object: &str| BareFact { object: object.to_owned(), text: text.to_owned() };
        let facts: Vec<BareFact> = objects.into_iter().map(bare).collect();
        self.inside().record(partner, EventType::CircleChanged, &facts).await.expect("recorded");
    }

    /// Does what is due by now, without waiting until the gateway looks.
    pub async fn run_due(&self) {
        self.inside().run_due().await.expect("what is due");
    }

    /// As if another call were moving the clock.
    pub async fn hold_clock(&self) {
        self.execute(
            "update sandbox_clock set advancing_by = 'another', advancing_until = 9000000000000000".to_owned(),
        )
        .await;
    }

    /// How many saved answers are left when the sweeper ran after so many days.
    pub async fn idempotency_rows_after_days(&self, days: i64) -> i64 {
        let now = self.now().plus_seconds(days * 24 * 3_600);
        self.inside().sweep_idempotency(now, 100).await.expect("swept");
        self.count("idempotency").await
    }

    /// Does one batch of the task of this name; how many rows went.
    pub async fn sweep(&self, name: &str) -> u64 {
        self.inside().sweep(name).await.expect("swept").expect("a task")
    }

    /// Rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.scalar(&format!("select count(*) from {table}")).await.parse().expect("a number")
    }

    /// What a partner could change, as one text: equal before and after a refused request. What changes by itself with time (a
    /// payment's state, what is delivered) counts by its rows only.
    pub async fn fingerprint(&self) -> String {
        const TABLES: [&str; 22] = [
            "partner",
            "app",
            "app_key",
            "circle",
            "gate",
            "person",
            "fan",
            "membership",
            "post",
            "comment",
            "idempotency",
            "account",
            "transfer",
            "payment",
            "refund",
            "mandate",
            "allowance",
            "tip_total",
            "tipper",
            "webhook_endpoint",
            "webhook_replay",
            "event",
        ];
        let parts = TABLES.map(|table| {
            let versions = match table {
                "partner" | "app" | "circle" | "membership" | "post" | "comment" | "person" => {
                    "coalesce(sum(version), 0)"
                }
                "app_key" => "count(removed_at)",
                "account" => "coalesce(sum(entries + abs(balance)), 0)",
                "allowance" => "coalesce(sum(used), 0)",
                "tip_total" | "refund" | "transfer" => "coalesce(sum(amount), 0)",
                "tipper" => "coalesce(sum(score), 0)",
                "webhook_endpoint" => "count(deleted_at)",
                _ => "0",
            };
            // Due work writes events of its own, independent of any request.
            let rows = if table == "event" {
                "event where type not in ('post.published', 'webhook_endpoint.disabled')"
            } else {
                table
            };
            format!("(select count(*) || '/' || cast({versions} as text) from {rows})")
        });
        self.scalar(&format!("select {}", parts.join(" || ' ' || "))).await
    }

    /// As if the person who signed in last were this fan.
    pub async fn make_newest_person_be(&self, fan: &str) {
        let columns = "nickname, real_name_verified, adult, credit_band";
        let newest = format!("select id, {columns} from person order by created_at desc, id desc limit 1");
        self.execute(format!("update fan set (person_id, {columns}) = ({newest}) where id = '{fan}'")).await;
    }

    /// Takes the database away under the running gateway.
    pub async fn break_database(&self) {
        self.db().close().await;
    }

    /// One value, as text, from a connection of its own.
    pub async fn scalar(&self, sql: &str) -> String {
        let url = self.scratch.settings().url.expose_secret().to_owned();
        let sql = sqlx::AssertSqlSafe(format!("select cast(({sql}) as text)"));
        match self.db().engine() {
            Engine::Sqlite => {
                let mut connection =
                    <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.expect("connected");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a value")
            }
            Engine::Postgres => {
                let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.expect("connected");
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a value")
            }
        }
    }

    /// Puts so many published posts into a circle, straight into the table.
    pub async fn seed_posts(&self, partner: &str, circle: &str, series: u32, posts: u32) {
        let numbers = match self.db().engine() {
            Engine::Sqlite => format!(
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < {posts}) insert into post \
                 (partner_id, id, circle_id, body, format, media_urls, pinned, publish_at, version, created_at, updated_at) \
                 select '{partner}', 'pst_{series}' || printf('%025d', i), '{circle}', 'Post number ' || i, 'markdown', '[]', 0, \
                 1700000000000000 + i * 1000000, 1, 1, 1 from n"
            ),
            Engine::Postgres => format!(
                "insert into post (partner_id, id, circle_id, body, format, media_urls, pinned, publish_at, version, created_at, updated_at) \
                 select '{partner}', 'pst_{series}' || lpad(i::text, 25, '0'), '{circle}', 'Post number ' || i, 'markdown', '[]', false, \
                 1700000000000000 + i::bigint * 1000000, 1, 1, 1 from generate_series(1, {posts}) as i"
            ),
        };
        self.execute(numbers).await;
        self.execute("analyze".to_owned()).await;
    }

    /// Appends so many events to a partner's log, straight into the table.
    pub async fn seed_events(&self, partner: &str, events: u32) {
        let (numbers, padded) = match self.db().engine() {
            Engine::Sqlite => (
                format!(
                    "(with recursive n(i) as (select 1 union all select i + 1 from n where i < {events}) select i from n) as n"
                ),
                "printf('%026d', i)",
            ),
            Engine::Postgres => (format!("generate_series(1, {events}) as n(i)"), "lpad(i::text, 26, '0')"),
        };
        let last = format!("(select last_seq from event_log where partner_id = '{partner}')");
        self.execute(format!(
            "insert into event (partner_id, seq, id, type, object, object_version, created_at, data) \
             select '{partner}', {last} + i, 'evt_' || {padded}, 'circle.changed', 'cir_' || (i % 1000), i, \
             1700000000000000 + i, '{{\"text\":\"0123456789012345678901234567890123456789\"}}' from {numbers}"
        ))
        .await;
        self.execute(format!("update event_log set last_seq = last_seq + {events} where partner_id = '{partner}'"))
            .await;
        self.execute("analyze".to_owned()).await;
    }

    /// Tells the planner what is in the tables, as the database itself does within a minute.
    pub async fn analyze(&self) {
        self.execute("analyze".to_owned()).await;
    }

    /// Runs a statement on a connection of its own, as somebody who can write to the tables.
    pub async fn execute(&self, sql: String) {
        let url = self.scratch.settings().url.expose_secret().to_owned();
        let sql = sqlx::AssertSqlSafe(sql);
        match self.db().engine() {
            Engine::Sqlite => {
                let mut connection =
                    <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.expect("connected");
                sqlx::query(sql).execute(&mut connection).await.expect("executed");
            }
            Engine::Postgres => {
                let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.expect("connected");
                sqlx::query(sql).execute(&mut connection).await.expect("executed");
            }
        }
    }

    /// Stops the gateway; the database goes with the stage.
    pub async fn close(self) {
        self.running.stop().await.expect("the gateway stops");
        std::fs::remove_dir_all(&self.data_dir).ok();
    }
}

fn config(scratch: &Scratch, data_dir: &std::path::Path, knobs: &Knobs, public_url: Option<&str>) -> Config {
    let number = |number: u32| number.to_string();
    let (reads, writes) = (number(knobs.reads_per_second), number(knobs.writes_per_second));
    let (addresses, registrations) = (number(knobs.address_per_second), number(knobs.registrations_per_minute));
    let body_timeout = number(knobs.body_timeout_seconds);
    let data_dir = data_dir.display().to_string();
    let mut given = vec![
        ("listen", "127.0.0.1:0"),
        ("database_url", scratch.settings().url.expose_secret()),
        ("data_dir", &data_dir),
        ("workers", "2"),
        ("sandbox_demo", "false"),
        ("shutdown_seconds", "5"),
        ("shutdown_delay_seconds", "0"),
        ("rate_reads_per_second", &reads),
        ("rate_writes_per_second", &writes),
        ("rate_address_per_second", &addresses),
        ("rate_registrations_per_minute", &registrations),
        ("body_timeout_seconds", &body_timeout),
    ];
    given.extend(public_url.map(|url| ("public_url", url)));
    if knobs.trusts_loopback {
        given.push(("trusted_proxies", "127.0.0.0/8"));
    }
    if knobs.live {
        given.extend([
            ("mode", "live"),
            ("public_url", "https://api.quanzi.example"),
            ("sealing_key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ]);
    }
    if let Some(issuer) = knobs.sign_in_issuer {
        given.extend([
            ("sign_in_issuer", issuer),
            ("sign_in_client_id", crate::provider::CLIENT_ID),
            ("sign_in_client_secret", crate::provider::CLIENT_SECRET),
        ]);
    }
    Config::of(&given).expect("a right configuration")
}

/// Makes two tests of each story: of `async fn a_claim(stage: Stage) { … }` the tests `a_claim::sqlite` and `a_claim::postgres`.
///
/// A story may trade its stage for one with other settings; what is dropped at its end cleans up after itself. One that is missing
/// from the list is dead code, which the compiler reports.
#[macro_export]
macro_rules! both_engines {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$story($crate::stage::Stage::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$story($crate::stage::Stage::postgres().await).await;
            }
        }
    )+};
}

/// A partner with the SDK: registered, signing, verifying.
pub async fn partner(stage: &Stage) -> Client {
    partner_with(stage, Key::generate().expect("a key")).await
}

/// A partner with this key.
pub async fn partner_with(stage: &Stage, key: Key) -> Client {
    partner_at(stage.url(), key).await
}

/// A partner with this key at the gateway of this origin.
pub async fn partner_at(url: &str, key: Key) -> Client {
    let visitor = Client::builder(url).build().expect("a client");
    let app = NewApp::new("Circle server", [key.public()]);
    let partner = NewPartner::new("Whisker & Co", "Whisker Pet Supplies (Hangzhou) Co., Ltd.", app);
    let registered = visitor.sandbox().register_partner(partner).await.expect("registered");
    visitor.with_app(registered.app.id, key)
}

/// An open circle of this name.
pub async fn open_circle(client: &Client, name: &str) -> Circle {
    let circle = client.circles().create(NewCircle::new(name)).await.expect("a circle");
    client.circles().open(circle.id).await.expect("an open circle")
}

/// An open circle behind a gate of these rules.
pub async fn gated_circle(client: &Client, name: &str, rules: impl IntoIterator<Item = GateRule>) -> Circle {
    let circle = open_circle(client, name).await;
    client.gates().put(circle.id, NewGate::new(rules)).if_match(circle.gate_version).await.expect("a gate");
    client.circles().get(circle.id).await.expect("the circle")
}

/// A person of whom nothing is known.
pub async fn fan(client: &Client) -> SandboxFan {
    client.sandbox().create_fan(NewSandboxFan::new("Mei")).await.expect("a fan")
}

/// A member of an open circle.
pub async fn member(client: &Client, circle: &Circle) -> Membership {
    let fan = fan(client).await;
    client.memberships().join(circle.id, NewMembership::new(fan.id)).await.expect("a member")
}

/// The code of a refusal; anything else fails the story.
#[track_caller]
pub fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> ErrorCode {
    let error = outcome.expect_err("a refusal");
    error.code().unwrap_or_else(|| panic!("a refusal with a code: {error}"))
}
