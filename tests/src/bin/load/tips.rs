//! Tips: signed `POST /v1/payments` within mandates, all to one hot circle, beside what `pgbench` does with the same rows by one
//! transaction per payment and row locks on the same PostgreSQL. All commits are durable.

use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use quanzi::circles::NewCircle;
use quanzi::mandates::NewMandate;
use quanzi::memberships::NewMembership;
use quanzi::sandbox::NewSandboxFan;
use quanzi::{Client, Currency, Key, Money};
use quanzi_tests::raw::{Partner, random_text};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::client::{send_all, wire};
use crate::figures::{Figures, median, millis};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const PAYMENTS: usize = 6_000;
const FANS: usize = 1_000;
const CIRCLES: usize = 1_000;
/// Calls at once while the scene is set.
const SETTING_AT_ONCE: usize = 32;
const BASELINE_CLIENTS: u32 = 32;
const BASELINE_SECONDS: u32 = 5;
/// Payments of one raw batch.
const RAW_BATCH: u32 = 128;
const RAW_TIME: Duration = Duration::from_secs(3);

/// Everything, on both engines.
pub async fn run() {
    println!(
        "{CONNECTIONS} connections, {FANS} fans, {ROUNDS} rounds, medians; signed before the clock starts; commits are durable \
         (synchronous=full, fsync=on); client, gateway and database share this machine.\n"
    );
    let baseline = Baseline::make().await;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        rates.push(tokio::task::block_in_place(|| baseline.row_locks()));
    }
    let row_locks = median(rates);
    let raw = baseline.batches().await;
    println!(
        "PostgreSQL, row locks, hot (pgbench, {BASELINE_CLIENTS} clients): {row_locks:.0}/s; raw batches of {RAW_BATCH}: {raw:.0}/s\n"
    );
    for (name, stage) in [("PostgreSQL", Stage::postgres().await), ("SQLite", Stage::sqlite().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        let scene = Scene::set(&stage).await;
        for (case, circles) in [("hot circle", 1), ("1,000 circles", CIRCLES)] {
            let (mut rounds, mut again) = (Vec::new(), Vec::new());
            for round in 0..=ROUNDS {
                let figures = scene.tips(&stage, circles).await;
                // The baseline again, so that a ratio is of two neighbours on a noisy machine.
                let beside = tokio::task::block_in_place(|| baseline.row_locks());
                if round > 0 {
                    again.push(figures.per_second / beside);
                    rounds.push(figures);
                }
            }
            report(name, case, &rounds, again, raw);
        }
        let check = stage.inside().check_ledger().await.expect("checked");
        println!(
            "{name}: the books are {} after {} payments\n",
            if check.clean { "clean" } else { "WRONG" },
            check.payments
        );
        stage.close().await;
    }
}

fn report(engine: &str, case: &str, rounds: &[Figures], ratios: Vec<f64>, raw: f64) {
    let middle = |pick: fn(&Figures) -> f64| median(rounds.iter().map(pick).collect());
    let per_second = middle(|round| round.per_second);
    let p99 = Duration::from_secs_f64(middle(|round| round.p99.as_secs_f64()));
    let p50 = Duration::from_secs_f64(middle(|round| round.p50.as_secs_f64()));
    println!(
        "{engine}, {case}: {per_second:.0} payments/s (p50 {}, p99 {}; bar 100 ms), {:.2} x row locks (bar 2.5), {:.0} % of raw batches",
        millis(p50),
        millis(p99),
        median(ratios),
        per_second / raw * 100.0,
    );
}

/// Fans with money and mandates, members of the hot circle and of one more each.
struct Scene {
    partner: Partner,
    hot: String,
    fans: Vec<(String, String, String)>,
}

impl Scene {
    async fn set(stage: &Stage) -> Self {
        let partner = Partner::register(stage.url()).await;
        // The SDK sets the scene, with a key of its own.
        let key = Key::generate().expect("a key");
        let keys = format!("/v1/apps/{}/keys", partner.app);
        partner.post(&keys, json!({ "key": key.public() })).await.expect_status(201);
        let client = Client::builder(stage.url()).app(partner.app.clone(), key).build().expect("a client");
        let hot = open(&client, "Hot".to_owned()).await;
        let cny = |amount| Money::new(amount, Currency::CNY);
        let fans = futures_util::stream::iter(0..FANS).map(|number| {
            let client = &client;
            async move {
                let circle = open(client, format!("Circle {number}")).await;
                let fan = client.sandbox().create_fan(NewSandboxFan::new("Mei").adult()).await.expect("a fan").id;
                for circle in [hot, circle] {
                    client.memberships().join(circle, NewMembership::new(fan)).await.expect("a member");
                }
                client.sandbox().top_up(fan, cny(1_000_000_000)).await.expect("topped up");
                let mandate = NewMandate::new(fan, cny(1_000_000), cny(1_000_000_000));
                let mandate = client.sandbox().create_mandate(mandate).await.expect("a mandate").id;
                (fan.to_string(), mandate.to_string(), circle.to_string())
            }
        });
        let fans = fans.buffer_unordered(SETTING_AT_ONCE).collect().await;
        stage.analyze().await;
        Self { partner, hot: hot.to_string(), fans }
    }

    /// One round: every request signed anew, then sent.
    async fn tips(&self, stage: &Stage, circles: usize) -> Figures {
        let requests = (0..PAYMENTS).map(|number| {
            let (fan, mandate, circle) = &self.fans[number % self.fans.len()];
            let circle = if circles == 1 { &self.hot } else { circle };
            let body = json!({
                "kind": "tip", "fan": fan, "circle": circle, "mandate": mandate, "message": "For the cats!",
                "amount": { "amount": 100, "currency": "CNY" },
            });
            let request = self.partner.request("POST", "/v1/payments").header("idempotency-key", &random_text());
            wire(&request.json(&body).ready())
        });
        let requests: Vec<Vec<u8>> = requests.collect();
        send_all(stage.url().trim_start_matches("http://"), requests, CONNECTIONS).await
    }
}

async fn open(client: &Client, name: String) -> quanzi::id::CircleId {
    let circle = client.circles().create(NewCircle::new(name)).await.expect("a circle");
    client.circles().open(circle.id).await.expect("open").id
}

/// The same rows without a gateway.
struct Baseline {
    url: String,
    script: std::path::PathBuf,
}

const TABLES: [&str; 6] = [
    "create table wallet (id bigint primary key, balance bigint not null, entries bigint not null)",
    "create table pay (id bigserial primary key, fan bigint not null, circle bigint not null, amount bigint not null, \
     body text not null, created_at timestamptz not null)",
    "create table entry (id bigserial primary key, account bigint not null, amount bigint not null, pay bigint not null)",
    "create index entry_account on entry (account, id)",
    "create index pay_circle on pay (circle, id)",
    "insert into wallet select n, 1000000000000, 0 from generate_series(-1, 1000) as n",
];
/// Wallet `-1` is the platform's, `0` the circle's.
const SCRIPT: &str = "\\set fan random(1, 1000)
begin;
insert into pay (fan, circle, amount, body, created_at) values (:fan, 0, 100, repeat('x', 600), now());
update wallet set balance = balance - 100, entries = entries + 1 where id = :fan;
update wallet set balance = balance + 97, entries = entries + 1 where id = 0;
update wallet set balance = balance + 3, entries = entries + 1 where id = -1;
insert into entry (account, amount, pay) values (:fan, -100, 1);
insert into entry (account, amount, pay) values (0, 97, 1);
insert into entry (account, amount, pay) values (-1, 3, 1);
end;
";

impl Baseline {
    async fn make() -> Self {
        let server = std::env::var(quanzi_gateway::app::testing::VARIABLE).expect("a PostgreSQL");
        let mut connection = PgConnection::connect(&server).await.expect("connected");
        let name = format!("baseline_{}", std::process::id());
        connection.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a database");
        let mut url = url::Url::parse(&server).expect("a URL");
        url.set_path(&name);
        let mut connection = PgConnection::connect(url.as_str()).await.expect("connected");
        for sql in TABLES {
            connection.execute(sql).await.expect("made");
        }
        let script = std::env::temp_dir().join(format!("quanzi-baseline-{}.sql", std::process::id()));
        std::fs::write(&script, SCRIPT).expect("written");
        Self { url: url.into(), script }
    }

    /// Payments per second, one transaction each.
    fn row_locks(&self) -> f64 {
        let programs = quanzi_tests::postgres::programs().expect("PostgreSQL's programs");
        let clients = BASELINE_CLIENTS.to_string();
        let output = Command::new(programs.join("pgbench"))
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--client", &clients])
            .args(["--time", &BASELINE_SECONDS.to_string(), "--file"])
            .arg(&self.script)
            .arg(&self.url)
            .output()
            .expect("pgbench");
        let text = String::from_utf8_lossy(&output.stdout);
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|text| text.split_whitespace().next()?.parse().ok());
        tps.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Payments per second when a batch of them is one transaction, straight in SQL.
    async fn batches(&self) -> f64 {
        let mut connection = PgConnection::connect(&self.url).await.expect("connected");
        let batch = RAW_BATCH;
        let statements = [
            "begin".to_owned(),
            format!(
                "insert into pay (fan, circle, amount, body, created_at) select n, 0, 100, repeat('x', 600), now() from generate_series(1, {batch}) as n"
            ),
            format!("update wallet set balance = balance - 100, entries = entries + 1 where id between 1 and {batch}"),
            format!("update wallet set balance = balance + 97 * {batch}, entries = entries + {batch} where id = 0"),
            format!("update wallet set balance = balance + 3 * {batch}, entries = entries + {batch} where id = -1"),
            format!(
                "insert into entry (account, amount, pay) select case k when 0 then n when 1 then 0 else -1 end, case k when 0 then -100 when 1 then 97 else 3 end, 1 from generate_series(1, {batch}) as n, generate_series(0, 2) as k"
            ),
            "commit".to_owned(),
        ];
        let (started, mut done) = (Instant::now(), 0_u32);
        while started.elapsed() < RAW_TIME {
            for statement in &statements {
                connection.execute(AssertSqlSafe(statement.clone())).await.expect("executed");
            }
            done += batch;
        }
        f64::from(done) / started.elapsed().as_secs_f64()
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        std::fs::remove_file(&self.script).ok();
    }
}
