//! Tokens: `client_credentials` with a fresh assertion and a fresh proof each, beside npm `oidc-provider` in its FAPI 2.0 profile.
//!
//! Theirs is one Node process, as its users start it; the round of each follows the other's, so that a ratio is of two neighbours.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use quanzi_openapi::oauth::ASSERTION_TYPE;
use quanzi_tests::raw::{Partner, Ready, TestKey, now};
use quanzi_tests::stage::{Knobs, Stage};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::client::{send_all, wire};
use crate::figures::{Figures, median};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
/// So few that an assertion made before the round is still good at its end.
const TOKENS: usize = 12_000;
const TOKENS_THEIRS: usize = 4_000;
/// Before each round, so that nobody pays for what the round before left to collect and to write.
const PAUSE: Duration = Duration::from_secs(2);
const BAR_MEMORY: f64 = 3.0;
const BAR_POSTGRES: f64 = 5.0;

/// Everything, on both engines.
pub async fn run() {
    println!(
        "{CONNECTIONS} connections, {ROUNDS} rounds, medians; Ed25519 assertions and proofs, made before the clock starts; client, \
         servers and database share this machine.\n"
    );
    let scripts = scripts();
    if scripts.is_none() {
        println!("oidc-provider: skipped, its packages are not installed (tests/run does that)\n");
    }
    let key = TestKey::ed25519();
    let theirs = match &scripts {
        Some(scripts) => {
            Some((Theirs::start(scripts, &key, None), Theirs::start(scripts, &key, Some(&database().await))))
        }
        None => None,
    };
    for (name, stage) in [("SQLite", Stage::sqlite().await), ("PostgreSQL", Stage::postgres().await)] {
        let stage = stage.reopen(&Knobs::unlimited()).await;
        let partner = Partner::register(stage.url()).await;
        let (mut ours, mut memory, mut postgres) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let figures = tokens(&partner.key, &partner.app, stage.url(), "/oauth/token", TOKENS).await;
            let beside = match &theirs {
                Some((memory, postgres)) => Some((memory.tokens(&key).await, postgres.tokens(&key).await)),
                None => None,
            };
            // The first round warms caches and compilers.
            if round > 0 {
                ours.push(figures);
                memory.extend(beside.map(|(beside, _)| (beside.per_second, figures.per_second / beside.per_second)));
                postgres.extend(beside.map(|(_, beside)| (beside.per_second, figures.per_second / beside.per_second)));
            }
        }
        report(name, &ours);
        beside("in memory", &memory, BAR_MEMORY);
        beside("on PostgreSQL", &postgres, BAR_POSTGRES);
        stage.close().await;
    }
}

fn report(engine: &str, rounds: &[Figures]) {
    let middle = |pick: fn(&Figures) -> f64| median(rounds.iter().map(pick).collect());
    println!(
        "{engine}: {:.0} tokens/s (p50 {:.2} ms, p99 {:.2} ms)",
        middle(|round| round.per_second),
        middle(|round| round.p50.as_secs_f64() * 1_000.0),
        middle(|round| round.p99.as_secs_f64() * 1_000.0),
    );
}

fn beside(adapter: &str, rounds: &[(f64, f64)], bar: f64) {
    if rounds.is_empty() {
        return;
    }
    let middle = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
    println!(
        "  oidc-provider {adapter}: {:.0} tokens/s; ratio {:.1} (bar {bar})",
        middle(|round| round.0),
        middle(|round| round.1),
    );
}

/// One round: every request made anew, then sent.
async fn tokens(key: &TestKey, app: &str, issuer: &str, path: &str, count: usize) -> Figures {
    let url = format!("{issuer}{path}");
    let requests = (0..count).map(|_| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", "circles:read")
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", &key.assertion(app, issuer, now()))
            .finish();
        let headers = vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("dpop".to_owned(), key.proof("POST", &url, now(), None)),
        ];
        let (url, body) = (url.clone(), Some(form.into_bytes()));
        wire(&Ready { method: "POST".to_owned(), url, headers, body, base: String::new() })
    });
    let requests: Vec<Vec<u8>> = requests.collect();
    tokio::time::sleep(PAUSE).await;
    send_all(issuer.trim_start_matches("http://"), requests, CONNECTIONS).await
}

/// Their server.
struct Theirs {
    process: Child,
    issuer: String,
}

impl Theirs {
    /// With one client, named `load`, that has this key.
    fn start(scripts: &Path, key: &TestKey, database: Option<&str>) -> Self {
        let mut jwk = serde_json::to_value(key.jwk()).expect("json");
        jwk["kid"] = json!(key.kid());
        let mut command = Command::new("node");
        command.arg(scripts.join("server.mjs")).env("CLIENT_JWK", jwk.to_string()).env("NODE_ENV", "production");
        if let Some(database) = database {
            command.env("DATABASE_URL", database);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("node starts");
        let mut issuer = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut issuer).expect("its address");
        Self { process, issuer: issuer.trim_end().to_owned() }
    }

    async fn tokens(&self, key: &TestKey) -> Figures {
        tokens(key, "load", &self.issuer, "/token", TOKENS_THEIRS).await
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Where `tests/run` put their scripts beside their packages.
fn scripts() -> Option<PathBuf> {
    let target = std::env::current_exe().ok()?.ancestors().nth(2)?.to_owned();
    let scripts = target.join("node").join("oidc-provider");
    let is_installed = target.join("node").join("node_modules").join("oidc-provider").exists();
    (is_installed && scripts.join("server.mjs").exists()).then_some(scripts)
}

/// A database of theirs on the server of the run.
async fn database() -> String {
    let server = std::env::var(quanzi_gateway::app::testing::VARIABLE).expect("a PostgreSQL");
    let mut connection = PgConnection::connect(&server).await.expect("connected");
    let name = format!("oidc_{}", std::process::id());
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.expect("a database");
    let mut url = url::Url::parse(&server).expect("a URL");
    url.set_path(&name);
    url.into()
}
