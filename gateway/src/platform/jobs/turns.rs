//! Whose jobs are claimed next. Invariant: every partner that has due work gets its turn before any gets a second one, and who has
//! work is looked up anew at least once a second, however much one partner has.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quanzi_openapi::id::PartnerId;

/// How long the last look is believed while it still names partners: it reads every job that is due, so it is not made for each claim.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// The partners that have due work, as far as this process knows, in the order of their turns.
#[derive(Debug, Default)]
pub struct Turns(Mutex<Round>);

#[derive(Debug, Default)]
struct Round {
    waiting: VecDeque<PartnerId>,
    looked_at: Option<Instant>,
}

impl Turns {
    /// Whether it is time to look who has work.
    pub(super) fn are_over(&self) -> bool {
        let round = self.round();
        round.waiting.is_empty() || round.looked_at.is_none_or(|at| at.elapsed() >= BELIEVED_FOR)
    }

    /// Takes in who has work now. Those who waited for their turn already keep their places; the others come after them.
    pub(super) fn begin(&self, due: Vec<PartnerId>) {
        let mut round = self.round();
        round.looked_at = Some(Instant::now());
        round.waiting.retain(|partner| due.contains(partner));
        for partner in due {
            if !round.waiting.contains(&partner) {
                round.waiting.push_back(partner);
            }
        }
    }

    /// Whose turn it is, and among how many, itself counted.
    pub(super) fn next(&self) -> Option<(PartnerId, usize)> {
        let mut round = self.round();
        let waiting = round.waiting.len();
        round.waiting.pop_front().map(|partner| (partner, waiting))
    }

    /// There may be more of this partner: it gets another turn after the others.
    pub(super) fn again(&self, partner: PartnerId) {
        self.round().waiting.push_back(partner);
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::clock::Clock;

    #[test]
    fn everybody_has_a_turn_before_anybody_has_two() {
        let (clock, turns) = (Clock::system(), Turns::default());
        let (busy, quiet, late): (PartnerId, PartnerId, PartnerId) = (clock.id(), clock.id(), clock.id());

        turns.begin(vec![busy, quiet]);
        let first = turns.next();
        turns.again(busy);
        turns.begin(vec![busy, quiet, late]);

        assert_eq!(first, Some((busy, 2)));
        assert_eq!([turns.next(), turns.next(), turns.next()], [Some((quiet, 3)), Some((busy, 2)), Some((late, 1))]);
        assert!(turns.are_over());
    }

    #[test]
    fn who_has_nothing_left_loses_the_turn() {
        let (clock, turns) = (Clock::system(), Turns::default());
        let (one, two): (PartnerId, PartnerId) = (clock.id(), clock.id());

        turns.begin(vec![one, two]);
        turns.begin(vec![two]);

        assert!(!turns.are_over());
        assert_eq!([turns.next(), turns.next()], [Some((two, 1)), None]);
    }
}
