//! Answers look-ups that arrive at the same time with one statement.
//!
//! Invariants: a look-up never waits for others to arrive: the first starts immediately, and those that arrive meanwhile
//! form the next batch; a look-up that breaks its batch is repeated alone, and so breaks no other.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fault::Fault;

/// Looks under way at the same time: while one is answered the next one is asked.
const LOOKS_MAX: usize = 2;
/// How long a look may take. Only one that hangs takes this long: its server is silent, or the way to it is gone, which a
/// connection notices after minutes. Others shall not wait for it.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Most questions of one look.
const QUESTIONS_MAX: usize = 64;

/// Gathers questions of one kind.
pub struct Batcher<Q, A> {
    state: Arc<Mutex<BatcherState<Q, A>>>,
    patience: Duration,
}

struct BatcherState<Q, A> {
    waiting: VecDeque<PendingQuestion<Q, A>>,
    looks: usize,
}

struct PendingQuestion<Q, A> {
    question: Q,
    reply: oneshot::Sender<Result<A, Fault>>,
}

impl<Q, A> Default for Batcher<Q, A> {
    fn default() -> Self {
        let state = Arc::new(Mutex::new(BatcherState { waiting: VecDeque::new(), looks: 0 }));
        Self { state, patience: LOOK_TIMEOUT }
    }
}

impl<Q, A> fmt::Debug for Batcher<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("looks", &lock(&self.state).looks).finish_non_exhaustive()
    }
}

impl<Q: Clone + Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// The answer to this question. `look` answers many at once, each in its place.
    pub async fn ask<F>(&self, question: Q, look: impl Fn(Vec<Q>) -> F + Send + 'static) -> Result<A, Fault>
    where
        F: Future<Output = Result<Vec<A>, Fault>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let begins = {
            let mut state = lock(&self.state);
            state.waiting.push_back(PendingQuestion { question, reply });
            let begins = state.looks < LOOKS_MAX;
            state.looks += usize::from(begins);
            begins
        };
        if begins {
            // A separate task: the first caller may be cancelled, and the others still need the answer.
            let looker = Looker { state: Arc::clone(&self.state), patience: self.patience, counts: true };
            tokio::spawn(work(looker, look));
        }
        answer.await.unwrap_or(Err(Fault::Misuse("a batched look-up panicked")))
    }
}

/// Counts a running look-up; also counted out after a panic.
struct Looker<Q, A> {
    state: Arc<Mutex<BatcherState<Q, A>>>,
    patience: Duration,
    counts: bool,
}

impl<Q, A> Looker<Q, A> {
    /// What waits; none when there is nothing, and then this one is done.
    fn next(&mut self) -> Option<Vec<PendingQuestion<Q, A>>> {
        let mut state = lock(&self.state);
        let most = state.waiting.len().min(QUESTIONS_MAX);
        if most == 0 {
            // Counted out under the lock: the next look-up starts a new batch.
            state.looks -= 1;
            self.counts = false;
            return None;
        }
        Some(state.waiting.drain(..most).collect())
    }
}

impl<Q, A> Drop for Looker<Q, A> {
    fn drop(&mut self) {
        if self.counts {
            let mut state = lock(&self.state);
            state.looks -= 1;
            state.waiting.clear();
        }
    }
}

async fn work<Q: Clone, A, F>(mut looker: Looker<Q, A>, look: impl Fn(Vec<Q>) -> F)
where
    F: Future<Output = Result<Vec<A>, Fault>>,
{
    while let Some(asked) = looker.next() {
        let (questions, replies): (Vec<Q>, Vec<_>) =
            asked.into_iter().map(|asked| (asked.question, asked.reply)).unzip();
        match in_time(looker.patience, look(questions.clone())).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    reply.send(Ok(answer)).ok();
                }
            }
            // Asking again, one by one, would only keep the engine in its trouble.
            Err(fault) if fault.is_of_engine() => {
                for reply in replies {
                    reply.send(Err(Fault::Busy(fault.to_string().into()))).ok();
                }
            }
            Err(_) => {
                for (question, reply) in questions.into_iter().zip(replies) {
                    reply.send(alone(in_time(looker.patience, look(vec![question])).await)).ok();
                }
            }
        }
    }
}

async fn in_time<A>(patience: Duration, look: impl Future<Output = Result<A, Fault>>) -> Result<A, Fault> {
    timeout(patience, look).await.unwrap_or_else(|_| Err(Fault::Busy("the database does not respond".into())))
}

fn alone<A>(answers: Result<Vec<A>, Fault>) -> Result<A, Fault> {
    answers?.pop().ok_or(Fault::Misuse("a batched look-up left out an answer"))
}

fn lock<Q, A>(state: &Mutex<BatcherState<Q, A>>) -> MutexGuard<'_, BatcherState<Q, A>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn gathers() -> (Arc<Batcher<u32, u32>>, Arc<AtomicUsize>) {
        (Arc::default(), Arc::default())
    }

    /// Doubles; knows nothing of 13, and panics at 99.
    async fn ask(batcher: Arc<Batcher<u32, u32>>, looks: Arc<AtomicUsize>, question: u32) -> Result<u32, Fault> {
        let look = move |questions: Vec<u32>| {
            looks.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                assert!(!questions.contains(&99), "as told");
                if questions.contains(&13) {
                    return Err(Fault::ZeroByte);
                }
                Ok(questions.iter().map(|question| question * 2).collect())
            }
        };
        batcher.ask(question, look).await
    }

    #[tokio::test]
    async fn everybody_gets_their_own_answer_in_few_looks() {
        let (batcher, looks) = gathers();

        let asked = (1000..2000).map(|question| ask(Arc::clone(&batcher), Arc::clone(&looks), question));
        let answers = futures_util::future::join_all(asked).await;

        for (question, answer) in (1000..2000).zip(answers) {
            assert_eq!(answer.unwrap(), question * 2);
        }
        assert!(looks.load(Ordering::Relaxed) <= 1000 / QUESTIONS_MAX + LOOKS_MAX, "{looks:?}");
    }

    #[tokio::test]
    async fn a_question_that_breaks_the_look_breaks_it_for_nobody_else() {
        let (batcher, looks) = gathers();

        let asked = [7, 13, 8].map(|question| ask(Arc::clone(&batcher), Arc::clone(&looks), question));
        let answers = futures_util::future::join_all(asked).await;

        assert!(matches!(answers.as_slice(), [Ok(14), Err(Fault::ZeroByte), Ok(16)]), "{answers:?}");
    }

    #[tokio::test]
    async fn after_a_panic_it_goes_on() {
        let (batcher, looks) = gathers();

        let broken = ask(Arc::clone(&batcher), Arc::clone(&looks), 99).await;
        let after = ask(Arc::clone(&batcher), Arc::clone(&looks), 4).await;

        assert!(matches!(broken, Err(Fault::Misuse(_))), "{broken:?}");
        assert_eq!(after.unwrap(), 8);
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_given_up_and_the_next_one_is_made() {
        let batcher = Batcher { patience: Duration::from_millis(20), ..Batcher::<u32, u32>::default() };
        let look = |questions: Vec<u32>| async move {
            if questions.contains(&0) {
                std::future::pending::<()>().await;
            }
            Ok(questions)
        };

        let hung = futures_util::future::join_all([batcher.ask(0, look), batcher.ask(0, look)]).await;

        assert!(hung.iter().all(|answer| matches!(answer, Err(Fault::Busy(_)))), "{hung:?}");
        assert_eq!(batcher.ask(1, look).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_the_others_their_answer() {
        let (batcher, looks) = gathers();
        let first = tokio::spawn(ask(Arc::clone(&batcher), Arc::clone(&looks), 1));
        tokio::task::yield_now().await;

        first.abort();
        let second = ask(Arc::clone(&batcher), Arc::clone(&looks), 2).await;

        assert_eq!(second.unwrap(), 4);
    }
}
