//! The connection is lost while a batch commits: the outcome is unknown, so the callers get `outcome_unknown` and retry with
//! the same key.
//!
//! On PostgreSQL only, through a proxy that sees the commit pass. SQLite has no connection to lose: its commit is a call in
//! this process, which either returns or dies with the process, and `tests/crash.rs` kills that. SQLite's own case, a full
//! disk, is tested here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use quanzi_openapi::ErrorCode;
use quanzi_openapi::id::PersonId;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use super::fixture::Fixture;
use super::order::{LedgerOrder, LedgerOutcome};
use super::poster;
use crate::platform::db::scratch::Scratch;
use crate::platform::db::{Db, Settings, Sql};
use crate::platform::fault::Fault;
use crate::platform::outbox;
use crate::sql;

/// What the proxy does with the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It never arrives: the connection is gone before.
    Before,
    /// It is done, and the answer is lost with the connection.
    After,
    /// The server ends the session at that moment, as an administrator does.
    Terminate,
    /// It never arrives, and nobody says so: the connection stays open and silent.
    Silence,
}

/// Simple query, length 11, zero-terminated: how the driver sends it.
const COMMIT: &[u8] = b"Q\x00\x00\x00\x0bCOMMIT\x00";
const RENAME: Sql = sql!("update partner set version = version + 1 where id = $1");
const ROUNDS: usize = 2;
const TIPS: usize = 5;
const ASKED_MAX: usize = 60;
/// How long a batch may take when nothing is silent: longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_mins(1);
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// When the server gives up a session that says nothing in the middle of a transaction.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(1);
const SERVER: &str = "the test's own PostgreSQL";

/// A way to the database that can be cut.
struct Proxy {
    address: SocketAddr,
    next: Arc<Mutex<Option<Cut>>>,
    listener: JoinHandle<()>,
}

impl Proxy {
    async fn start(upstream: &Url) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let next = Arc::new(Mutex::new(None));
        let (cuts, upstream) = (Arc::clone(&next), upstream.clone());
        let listener = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, upstream.clone(), Arc::clone(&cuts)));
            }
        });
        Self { address, next, listener }
    }

    fn cut_next(&self, cut: Cut) {
        *self.next.lock().unwrap() = Some(cut);
    }

    fn has_cut(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

async fn pass(client: TcpStream, upstream: Url, cuts: Arc<Mutex<Option<Cut>>>) {
    let address = (upstream.host_str().expect(SERVER), upstream.port().unwrap_or(5432));
    let server = TcpStream::connect(address).await.unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let answers = tokio::spawn(copy(from_server, to_client));
    // Both ways end together, and with them both connections.
    asks(from_client, to_server, answers, &upstream, &cuts).await;
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    tokio::io::copy(&mut from, &mut to).await.ok();
}

async fn asks(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    answers: JoinHandle<()>,
    upstream: &Url,
    cuts: &Mutex<Option<Cut>>,
) {
    let mut bytes = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let said = bytes.get(..read).unwrap();
        let cut = if said == COMMIT { cuts.lock().unwrap().take() } else { None };
        match cut {
            None => to.write_all(said).await.unwrap(),
            Some(Cut::Before) => {
                answers.abort();
                return;
            }
            Some(Cut::After) => {
                // No one receives the response; it was sent when the session is idle.
                answers.abort();
                to.write_all(said).await.unwrap();
                until_committed(upstream).await;
                return;
            }
            Some(Cut::Terminate) => {
                in_transaction(upstream, "pg_terminate_backend(pid)").await;
                // The server's farewell goes through, and then its end of the connection.
                answers.await.ok();
                return;
            }
            Some(Cut::Silence) => std::future::pending().await,
        }
    }
    answers.abort();
}

/// Asks this of every session that is in the middle of a transaction.
async fn in_transaction(upstream: &Url, what: &str) -> usize {
    let mut connection = PgConnection::connect(upstream.as_str()).await.unwrap();
    let sql = format!(
        "select {what} from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
         and xact_start is not null and backend_type = 'client backend'"
    );
    connection.fetch_all(AssertSqlSafe(sql)).await.unwrap().len()
}

async fn until_committed(upstream: &Url) {
    while in_transaction(upstream, "1").await > 0 {
        tokio::task::yield_now().await;
    }
}

/// A fixture on a database that is reached through a proxy; and the database without it.
struct Stage {
    fixture: Fixture,
    proxy: Proxy,
    direct: Db,
    _scratch: Scratch,
}

impl Stage {
    async fn new() -> Self {
        let scratch = Scratch::postgres().await.unwrap();
        let direct = scratch.open().await.unwrap();
        let mut url = Url::parse(scratch.settings().url.expose_secret()).unwrap();
        let proxy = Proxy::start(&url).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(proxy.address.port())).unwrap();
        let url = String::from(url).into();
        let settings = Settings { url, transaction_idle_max: FORGOTTEN_AFTER, ..scratch.settings().clone() };
        let fixture = Fixture::new(&Db::open(&settings).await.unwrap()).await;
        Self { fixture, proxy, direct, _scratch: scratch }
    }
}

/// Tips of a round, asked for at once: what became of each.
async fn ask(fixture: &Fixture, person: PersonId, round: usize) -> Vec<Result<LedgerOutcome, Fault>> {
    let orders = (0..TIPS).map(|number| fixture.keyed(&format!("{round}/{number}"), fixture.tip(person, 10)));
    join_all(orders.map(|order: LedgerOrder| fixture.app.poster.post(order))).await
}

/// Asks again with the same keys as long as nobody knows.
async fn ask_until_known(fixture: &Fixture, person: PersonId, round: usize) -> Vec<LedgerOutcome> {
    for _ in 0..ASKED_MAX {
        let outcomes: Result<Vec<LedgerOutcome>, Fault> = ask(fixture, person, round).await.into_iter().collect();
        match outcomes {
            Ok(outcomes) => return outcomes,
            Err(fault) => assert!(is_worth_asking(&fault), "{fault}"),
        }
    }
    panic!("asked {ASKED_MAX} times in vain");
}

fn is_worth_asking(fault: &Fault) -> bool {
    matches!(fault.code(), ErrorCode::OutcomeUnknown | ErrorCode::Overloaded)
}

async fn a_lost_commit(cut: Cut) {
    let Stage { fixture, proxy, direct, _scratch } = Stage::new().await;
    let person = fixture.person(10_000).await;
    let app = Arc::clone(&fixture.app);
    fixture.app.poster.waits_at_most(if cut == Cut::Silence { SILENCE_MAX } else { PATIENCE });
    let poster = tokio::spawn(async move { poster::run(&app).await });

    for round in 0..ROUNDS {
        proxy.cut_next(cut);
        let first = ask(&fixture, person, round).await;
        let had_cut = proxy.has_cut();
        let second = ask_until_known(&fixture, person, round).await;

        assert!(had_cut, "the proxy saw no commit");
        let unknown = |outcome: &Result<LedgerOutcome, Fault>| {
            outcome.as_ref().is_err_and(|fault| fault.code() == ErrorCode::OutcomeUnknown)
        };
        assert!(first.iter().any(unknown), "{cut:?}: {first:?}");
        for (first, second) in first.iter().zip(&second) {
            let was_kept = cut == Cut::After || matches!(first, Ok(LedgerOutcome::Posted));
            assert!(unknown(first) || was_kept || is_late(cut, first), "{cut:?}: {first:?}");
            // Posted is who asked in vain, and Again who did not. After silence it may have been asked more than twice.
            let is_right = if was_kept {
                matches!(second, LedgerOutcome::Replayed(_))
            } else {
                matches!(second, LedgerOutcome::Posted)
            };
            assert!(is_right || cut == Cut::Silence, "{cut:?}: {first:?}, then {second:?}");
        }
        assert_eq!(fixture.taken().await, i64::try_from((round + 1) * TIPS).unwrap() * 10);
    }

    fixture.app.poster.close();
    poster.await.unwrap();
    let report = crate::app::LEDGER_CHECKS.run(&direct).await.unwrap();
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    proxy.listener.abort();
}

/// After a silence the locks of the lost session are still there for a while.
fn is_late(cut: Cut, outcome: &Result<LedgerOutcome, Fault>) -> bool {
    cut == Cut::Silence && outcome.as_ref().is_err_and(is_worth_asking)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_unknown_and_done_by_asking_again() {
    a_lost_commit(Cut::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_unknown_and_answered_by_asking_again() {
    a_lost_commit(Cut::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ended_at_its_commit_is_unknown_and_done_by_asking_again() {
    a_lost_commit(Cut::Terminate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_holds_nobody_for_ever() {
    a_lost_commit(Cut::Silence).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_outside_the_ledger_a_lost_commit_is_not_said_to_be_nothing() {
    let Stage { fixture, proxy, direct: _direct, _scratch } = Stage::new().await;

    for cut in [Cut::Before, Cut::After, Cut::Terminate] {
        let mut tx = fixture.app.db.begin().await.unwrap();
        tx.query(RENAME).bind(fixture.partner).run().await.unwrap();
        proxy.cut_next(cut);
        let lost = outbox::service::commit(&fixture.app, tx).await.unwrap_err();

        assert_eq!(Fault::from(lost).code(), ErrorCode::OutcomeUnknown, "{cut:?}");
    }
    proxy.listener.abort();
}

#[tokio::test]
async fn a_full_disk_keeps_nothing_and_the_poster_goes_on_when_there_is_room() {
    let scratch = Scratch::sqlite().unwrap();
    let db = scratch.open().await.unwrap();
    let fixture = Fixture::new(&db).await;
    let person = fixture.person(1_000_000).await;
    let app = Arc::clone(&fixture.app);
    let poster = tokio::spawn(async move { poster::run(&app).await });
    let before = fixture.counts().await;
    let ask = async || {
        let orders = (0..200).map(|number| fixture.keyed(&format!("k-{number}"), fixture.tip(person, 10)));
        join_all(orders.map(|order: LedgerOrder| fixture.app.poster.post(order))).await
    };

    // There is one connection that writes: what is said to it holds.
    limit_pages(&db, "(select page_count + 1 from pragma_page_count)").await;
    let full = ask().await;
    let meanwhile = fixture.counts().await;
    limit_pages(&db, "1000000").await;
    let again = ask().await;

    for outcome in &full {
        let code = outcome.as_ref().err().map(Fault::code);
        assert!(matches!(code, Some(ErrorCode::Overloaded | ErrorCode::OutcomeUnknown)), "{outcome:?}");
    }
    assert_eq!(meanwhile, before);
    assert!(again.iter().all(|outcome| matches!(outcome, Ok(LedgerOutcome::Posted))));
    assert_eq!(fixture.taken().await, 2_000);
    fixture.app.poster.close();
    poster.await.unwrap();
    fixture.books_are_clean().await;
    db.close().await;
}

async fn limit_pages(db: &Db, pages: &str) {
    let mut tx = db.begin().await.unwrap();
    let connection = tx.held_sqlite().unwrap();
    let pages: i64 =
        sqlx::query_scalar(AssertSqlSafe(format!("select {pages}"))).fetch_one(&mut *connection).await.unwrap();
    connection.execute(AssertSqlSafe(format!("pragma max_page_count = {pages}"))).await.unwrap();
    tx.commit().await.unwrap();
}
