//! The sandbox clock: shared by all processes on a database, and persistent across restarts. Invariants: it never goes back,
//! only one call moves it at a time, and live mode neither reads nor moves it.
//!
//! The call that moves it runs what becomes due on the way, job by job, each at its time; meanwhile the runners of all
//! processes pause (`jobs::service::claim`).

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quanzi_openapi::id::PartnerId;
use quanzi_openapi::sandbox::{Advance, ClockAdvanced, RAN_MAX, RanJob, RanOutcome, SandboxClock};
use quanzi_openapi::{ErrorCode, Time};

use super::store;
use crate::access::Access;
use crate::access::oauth;
use crate::platform::Platform;
use crate::platform::clock::Clock;
use crate::platform::db::{Db, Reader, Tx};
use crate::platform::fault::Fault;
use crate::platform::jobs::{self, Claimed, Ending, Jobs, Outcome};

/// How often each process looks whether another has moved the clock.
const PERIOD: Duration = Duration::from_secs(1);
/// How far ahead a sandbox can be in all: a hundred years.
const AHEAD_DAYS_MAX: i64 = 36_500;
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// How long one call may go on: clients wait 30 s for an answer, and the last job may take its whole time.
const CALL_TIME_MAX: Duration = Duration::from_secs(8);
/// How many jobs one call may do.
const CALL_JOBS_MAX: i64 = 100_000;
/// Lease of a call that moves the clock, in the machine's time: longer than a job may take.
const LEASE_SECONDS: i64 = 60;
/// How long to wait for what is being done when the clock is to be moved; what takes longer is left to itself.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The clock of a sandbox that starts: where it was.
pub async fn begin(db: &Db, clock: &Clock) -> Result<(), Fault> {
    let mut tx = db.begin().await?;
    store::make(&mut tx).await?;
    clock.put_ahead(store::ahead_micros(&mut tx).await?);
    Ok(tx.commit().await?)
}

/// Puts this process's clock where the others' are.
pub async fn catch_up(access: &Access) -> Result<(), Fault> {
    let mut tx = access.db.reading_newest().await?;
    let ahead = store::ahead_micros(&mut tx).await?;
    drop(tx);
    if ahead > access.clock.ahead_micros() {
        // What was revoked just before the clock jumped lies behind the window of the next reading.
        oauth::revocation::catch_up(access).await?;
        access.clock.put_ahead(ahead);
    }
    Ok(())
}

/// Catches up every second, for as long as the process lives.
pub async fn run(access: Arc<Access>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        if let Err(fault) = catch_up(&access).await {
            tracing::warn!(code = %fault.code(), cause = ?fault.cause(), "the sandbox's clock could not be read");
        }
    }
}

/// Whether somebody moves the clock just now; then jobs are left to it. If nobody does, nobody begins before `tx` ends.
pub async fn is_moving(tx: &mut Tx, clock: &Clock) -> Result<bool, Fault> {
    Ok(store::is_moving(tx, clock.machine()).await?)
}

/// The same for the runner of jobs.
pub fn is_paused<'t>(
    tx: &'t mut Tx,
    platform: &'t Platform,
) -> Pin<Box<dyn Future<Output = Result<bool, Fault>> + Send + 't>> {
    Box::pin(is_moving(tx, &platform.clock))
}

/// What time it is.
pub async fn read(tx: &mut Reader, clock: &Clock) -> Result<SandboxClock, Fault> {
    clock.put_ahead(store::ahead_micros(tx).await?);
    Ok(SandboxClock { now: clock.now(), ahead_seconds: clock.ahead_micros() / 1_000_000 })
}

/// Moves the clock, and does what becomes due on the way, in order; says what was done for this partner.
pub async fn advance(
    (access, jobs): (&Arc<Access>, &Arc<Jobs>),
    partner: PartnerId,
    by: &Advance,
) -> Result<ClockAdvanced, Fault> {
    let micros = by.micros().ok_or_else(|| Fault::field("/advance", "expected a duration such as PT36H"))?;
    let mut tx = access.db.begin().await?;
    store::make(&mut tx).await?;
    let token = access.clock.random_text();
    let machine = access.clock.machine();
    if !store::take(&mut tx, &token, machine, machine.plus_seconds(LEASE_SECONDS)).await? {
        return Err(ErrorCode::ClockMoving.into());
    }
    tx.commit().await?;
    let mut walk = Walk {
        access: Arc::clone(access),
        jobs: Arc::clone(jobs),
        token,
        partner,
        ran: Vec::new(),
        ran_count: 0,
        others_count: 0,
    };
    // On a task of its own: a caller who hangs up must not leave the clock half-way, held by nobody.
    let walked = tokio::spawn(async move {
        let walked = walk.all(micros).await;
        let released = walk.release().await;
        walked.and_then(|left| released.map(|()| walk.answer(left)))
    });
    walked.await.map_err(Fault::internal)?
}

/// One call's way through time.
struct Walk {
    access: Arc<Access>,
    jobs: Arc<Jobs>,
    /// Proves that it is still us who move the clock.
    token: String,
    partner: PartnerId,
    ran: Vec<RanJob>,
    ran_count: i64,
    others_count: i64,
}

/// Where one step has led.
enum Step {
    /// To something that is due.
    To(Claimed),
    /// Nowhere: what is due next is in the hands of another transaction.
    Held,
    /// To the end.
    End,
}

impl Walk {
    /// To the end, or as far as one call may go; then, how far it still is.
    async fn all(&mut self, micros: i64) -> Result<Option<Advance>, Fault> {
        catch_up(&self.access).await?;
        self.idle().await?;
        // Where to is said as so far ahead of the machine: its own time goes on meanwhile, and must not eat up what was asked for.
        let target = self.access.clock.ahead_micros().saturating_add(micros);
        if target > AHEAD_DAYS_MAX * DAY_MICROS {
            let detail = format!("A sandbox can be {AHEAD_DAYS_MAX} days ahead of the machine.");
            return Err(Fault::new(ErrorCode::ClockAtEnd).detail(detail));
        }
        oauth::revocation::catch_up(&self.access).await?;
        let began = Instant::now();
        while self.ran_count + self.others_count < CALL_JOBS_MAX
            && began.elapsed() < CALL_TIME_MAX
            && !self.access.stopping.is_set()
        {
            match self.step(target).await? {
                Step::End => return Ok(None),
                Step::Held => tokio::time::sleep(LOOK_AGAIN).await,
                Step::To(job) => {
                    let ending = jobs::service::work(&self.jobs, &job).await;
                    self.note(job, ending);
                }
            }
        }
        // Something may be left to do at the very end of the way.
        Ok(Some(Advance::of_micros(target.saturating_sub(self.access.clock.ahead_micros()).max(1))))
    }

    /// Puts the clock to the time of what is due next, for every process and after a crash, and takes it.
    async fn step(&self, target: i64) -> Result<Step, Fault> {
        let Self { access, token, .. } = self;
        let mut tx = access.db.begin().await?;
        let machine = access.clock.machine();
        let at_ahead = |ahead: i64| Time::from_micros(machine.micros().saturating_add(ahead));
        let now = at_ahead(access.clock.ahead_micros());
        let next =
            jobs::service::next_at(&mut tx, &self.jobs.handlers, now).await?.filter(|due| *due <= at_ahead(target));
        // What is overdue is done now.
        let at = next.unwrap_or(at_ahead(target)).max(now);
        let ahead = at.micros().saturating_sub(machine.micros());
        if !store::move_to(&mut tx, token, ahead, machine.plus_seconds(LEASE_SECONDS)).await? {
            return Err(ErrorCode::ClockMoving.into());
        }
        let claimed = match next {
            Some(_) => jobs::service::claim_at(&mut tx, &self.jobs, at, 1).await?.pop(),
            None => None,
        };
        tx.commit().await?;
        access.clock.put_ahead(ahead);
        Ok(match (claimed, next) {
            (Some(job), _) => Step::To(job),
            (None, Some(_)) => Step::Held,
            (None, None) => Step::End,
        })
    }

    /// Waits until no job is running; none starts, because this call has the clock.
    async fn idle(&self) -> Result<(), Fault> {
        let began = Instant::now();
        while jobs::service::is_busy(&self.jobs).await? && began.elapsed() < IDLE_WAIT_MAX {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    fn note(&mut self, job: Claimed, ending: Ending) {
        let outcome = match ending {
            Ending::Ended(Outcome::Done) => RanOutcome::Done,
            Ending::Ended(Outcome::Again(_)) => RanOutcome::Again,
            Ending::Failed(_) => RanOutcome::Failed,
            // Moved or cancelled in this moment: nothing happened.
            Ending::Lost => return,
        };
        if job.partner != Some(self.partner) {
            self.others_count += 1;
            return;
        }
        self.ran_count += 1;
        if self.ran.len() < RAN_MAX {
            let kind = job.kind.as_str().to_owned();
            self.ran.push(RanJob { kind, object: job.object, due_at: job.due_at, outcome: outcome.into() });
        }
    }

    async fn release(&self) -> Result<(), Fault> {
        let mut tx = self.access.db.begin().await?;
        store::release(&mut tx, &self.token).await?;
        Ok(tx.commit().await?)
    }

    fn answer(self, left: Option<Advance>) -> ClockAdvanced {
        let clock = &self.access.clock;
        let (now, ahead_seconds) = (clock.now(), clock.ahead_micros() / 1_000_000);
        let Self { ran, ran_count, others_count, .. } = self;
        ClockAdvanced { now, ahead_seconds, left, ran, ran_count, others_count }
    }
}

#[cfg(test)]
mod tests {
    use quanzi_openapi::id::PostId;

    use super::*;
    use crate::on_both_engines;
    use crate::platform::config::Mode;
    use crate::platform::jobs::Job;
    use crate::testing::{Client, process};

    const HOUR: i64 = 3_600;

    async fn schedule(app: &Access, partner: PartnerId, after_seconds: i64) -> String {
        let post: PostId = app.clock.id();
        let due_at = app.clock.now().plus_seconds(after_seconds);
        let mut tx = app.db.begin().await.unwrap();
        let job = Job::new(crate::capabilities::content::PUBLISH_POST, partner, post, due_at);
        jobs::service::enqueue(&mut tx, &app.clock, job).await.unwrap();
        tx.commit().await.unwrap();
        post.to_string()
    }

    async fn hold(app: &Access, by: &str, until: Time) -> bool {
        let mut tx = app.db.begin().await.unwrap();
        store::make(&mut tx).await.unwrap();
        let taken = store::take(&mut tx, by, app.clock.machine(), until).await.unwrap();
        tx.commit().await.unwrap();
        taken
    }

    on_both_engines! {
        async fn a_call_that_stops_on_its_way_says_what_is_left(db: Db) {
            let app = process(&db, Mode::Sandbox).await;
            let partner = Client::register(&app).await.partner;
            schedule(&app, partner, HOUR).await;
            app.stopping.set();

            let stopped = advance((app.access(), &app.jobs), partner, &"PT36H".into()).await.unwrap();

            assert_eq!((stopped.ran_count, stopped.ahead_seconds), (0, 0));
            assert_eq!(stopped.left.as_deref(), Some("PT36H"));
        }

        async fn what_was_left_by_a_dead_process_is_done_on_the_way(db: Db) {
            let app = process(&db, Mode::Sandbox).await;
            let partner = Client::register(&app).await.partner;
            let first = schedule(&app, partner, -2 * jobs::service::LEASE_SECONDS).await;
            let second = schedule(&app, partner, HOUR).await;
            let mut tx = app.db.begin().await.unwrap();
            let unknown_sign_in_time = app.clock.now().plus_seconds(-2 * jobs::service::LEASE_SECONDS);
            assert_eq!(jobs::service::claim_at(&mut tx, &app.jobs, unknown_sign_in_time, 1).await.unwrap().len(), 1);
            tx.commit().await.unwrap();

            let advanced = advance((app.access(), &app.jobs), partner, &"PT2H".into()).await.unwrap();

            let ran: Vec<_> = advanced.ran.iter().map(|job| job.object.clone()).collect();
            assert_eq!(ran, [first, second]);
        }

        async fn a_dead_process_holds_the_clock_no_longer_than_its_lease(db: Db) {
            let app = process(&db, Mode::Sandbox).await;
            let partner = Client::register(&app).await.partner;

            assert!(hold(&app, "dead", app.clock.machine().plus_seconds(-1)).await);
            assert!(advance((app.access(), &app.jobs), partner, &"PT1H".into()).await.is_ok());
            assert!(hold(&app, "alive", app.clock.machine().plus_seconds(60)).await);

            assert_eq!(advance((app.access(), &app.jobs), partner, &"PT1H".into()).await.unwrap_err().code(), ErrorCode::ClockMoving);
        }

        async fn runners_rest_while_the_clock_is_moved_but_not_in_live_mode(db: Db) {
            let app = process(&db, Mode::Sandbox).await;
            let partner = Client::register(&app).await.partner;
            schedule(&app, partner, -1).await;
            assert!(hold(&app, "another", app.clock.machine().plus_seconds(60)).await);

            assert!(jobs::service::claim(&app.jobs, 1).await.unwrap().is_empty());

            let live = process(&db, Mode::Live).await;
            assert_eq!(jobs::service::claim(&live.jobs, 1).await.unwrap().len(), 1);
        }

        async fn another_process_catches_up(db: Db) {
            let (app, other) = (process(&db, Mode::Sandbox).await, process(&db, Mode::Sandbox).await);
            let partner = Client::register(&app).await.partner;

            advance((app.access(), &app.jobs), partner, &"P30D".into()).await.unwrap();
            catch_up(&other).await.unwrap();

            assert_eq!(other.clock.ahead_micros(), 30 * DAY_MICROS);
        }
    }
}
