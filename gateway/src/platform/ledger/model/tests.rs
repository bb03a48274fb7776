//! The rules of the ledger on random chains of transfers, compared with a model that is too simple to be wrong.

use proptest::prelude::*;
use quanzi_openapi::id::{Id, Kind};

use super::*;

fn now() -> Time {
    Time::from_seconds(1_800_000_000)
}

fn id<K: Kind>(number: u128) -> Id<K> {
    Id::from_uuid(uuid::Uuid::from_u128(number))
}

const CHANNEL: usize = 0;
const ACCOUNTS: usize = 5;

/// The channel, two wallets and a circle; and a wallet in another currency.
fn key(number: usize) -> AccountKey {
    match number {
        CHANNEL => AccountKey::new("platform", None, AccountKind::ChannelClearing, Currency::CNY),
        1 => AccountKey::new("one", None, AccountKind::FanWallet, Currency::CNY),
        2 => AccountKey::new("two", None, AccountKind::FanWallet, Currency::CNY),
        3 => AccountKey::new("three", Some(id(3)), AccountKind::CircleEarnings, Currency::CNY),
        _ => AccountKey::new("one", None, AccountKind::FanWallet, Currency::USD),
    }
}

fn transfer(number: u128, from: usize, to: usize, amount: i64, phase: Phase) -> NewTransfer {
    NewTransfer { id: id(number), debit: key(from), credit: key(to), amount, code: TransferCode::Tip, phase }
}

/// One transfer of a chain; `which` names a reservation by how many were tried before it.
#[derive(Debug, Clone, Copy)]
struct Step {
    kind: u8,
    from: usize,
    to: usize,
    amount: i64,
    which: usize,
}

fn step() -> impl Strategy<Value = Step> {
    let accounts = prop_oneof![8 => 0..ACCOUNTS - 1, 1 => Just(ACCOUNTS - 1)];
    let amount = prop_oneof![20 => 1_i64..120, 1 => -3_i64..=0, 1 => Just(i64::MAX)];
    (0_u8..8, accounts.clone(), accounts, amount, 0_usize..12).prop_map(|(kind, from, to, amount, which)| {
        // Money has to come in before anything can happen.
        if kind == 0 {
            Step { kind: 1, from: CHANNEL, to, amount, which }
        } else {
            Step { kind, from, to, amount, which }
        }
    })
}

#[derive(Debug, Clone, Copy)]
struct Reserved {
    from: usize,
    to: usize,
    amount: i64,
    open: bool,
}

/// Balances as a list, reservations as a list; what is reserved is summed up anew each time.
#[derive(Debug, Clone, Default)]
struct Simple {
    balances: [i128; ACCOUNTS],
    moves: [i64; ACCOUNTS],
    reserved: Vec<(u128, Reserved)>,
}

impl Simple {
    fn reserved_from(&self, account: usize) -> i128 {
        self.reserved
            .iter()
            .filter(|(_, one)| one.open && one.from == account)
            .map(|(_, one)| i128::from(one.amount))
            .sum()
    }

    fn arriving_at(&self, account: usize) -> i128 {
        self.reserved
            .iter()
            .filter(|(_, one)| one.open && one.to == account)
            .map(|(_, one)| i128::from(one.amount))
            .sum()
    }

    fn shift(&mut self, from: usize, to: usize, amount: i64) {
        self.balances[from] -= i128::from(amount);
        self.balances[to] += i128::from(amount);
        self.moves[from] += 1;
        self.moves[to] += 1;
    }

    /// Whether a transfer can be made, and makes it.
    fn post(&mut self, number: u128, from: usize, to: usize, amount: i64, phase: Phase) -> bool {
        if amount <= 0 || from == to || key(from).currency() != key(to).currency() {
            return false;
        }
        match phase {
            Phase::Single => self.shift(from, to, amount),
            Phase::Pending(_) => self.reserved.push((number, Reserved { from, to, amount, open: true })),
            Phase::Post(at) | Phase::Void(at) | Phase::Expire(at) => {
                let found = self.reserved.iter_mut().find(|(number, one)| id(*number) == at && one.open);
                let Some((_, one)) = found.filter(|(_, one)| one.from == from && one.to == to && one.amount >= amount)
                else {
                    return false;
                };
                one.open = false;
                if matches!(phase, Phase::Post(_)) {
                    self.shift(from, to, amount);
                }
            }
        }
        let fits = |number: i128| i64::try_from(number).is_ok();
        let is_in_range = [from, to].into_iter().all(|account| {
            fits(self.balances[account]) && fits(self.reserved_from(account)) && fits(self.arriving_at(account))
        });
        is_in_range && (from == CHANNEL || self.balances[from] >= self.reserved_from(from))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_books_are_what_a_simple_model_says(chains in proptest::collection::vec(proptest::collection::vec(step(), 1..4), 1..25)) {
        let (mut books, mut simple) = (Books::default(), Simple::default());
        let mut tried: Vec<(u128, Step)> = Vec::new();
        let mut number = 1_000_u128;
        for chain in chains {
            let mut draft = simple.clone();
            let mut fits = true;
            let mut transfers = Vec::new();
            for step in chain {
                number += 1;
                // What is decided is named with its own accounts, but for one time in four.
                let (known, own) = match tried.get(step.which) {
                    Some((known, reserved)) => (*known, *reserved),
                    None => (7, step),
                };
                let Step { from, to, .. } = if step.kind > 3 && step.amount % 4 != 0 { own } else { step };
                let whole = if step.amount % 2 == 0 { own.amount } else { step.amount };
                let (phase, amount) = match step.kind {
                    1 | 2 => (Phase::Single, step.amount),
                    3 => (Phase::Pending(now().plus_seconds(60)), step.amount),
                    4 | 5 => (Phase::Post(id(known)), whole),
                    6 => (Phase::Void(id(known)), own.amount),
                    _ => (Phase::Expire(id(known)), own.amount),
                };
                if step.kind == 3 {
                    tried.push((number, step));
                }
                fits = fits && draft.post(number, from, to, amount, phase);
                transfers.push(transfer(number, from, to, amount, phase));
            }
            let before: Vec<AccountState> = (0..ACCOUNTS).map(|account| books.state(key(account).id())).collect();

            let posted = books.post(&transfers, now());

            prop_assert_eq!(posted.is_ok(), fits, "{:?} {:?}", transfers, posted);
            if fits {
                simple = draft;
            } else {
                let after: Vec<AccountState> = (0..ACCOUNTS).map(|account| books.state(key(account).id())).collect();
                prop_assert_eq!(before, after, "all or nothing");
            }
            for account in 0..ACCOUNTS {
                let state = books.state(key(account).id());
                prop_assert_eq!(i128::from(state.balance), simple.balances[account]);
                prop_assert_eq!(i128::from(state.reserved), simple.reserved_from(account));
                prop_assert_eq!(i128::from(state.incoming), simple.arriving_at(account));
                prop_assert_eq!(state.entries, simple.moves[account]);
                prop_assert!(account == CHANNEL || state.available() >= 0);
            }
            prop_assert_eq!(simple.balances[..ACCOUNTS - 1].iter().sum::<i128>(), 0);
            for posted in posted.unwrap_or_default() {
                let moves = matches!(posted.transfer.phase, Phase::Single | Phase::Post(_));
                prop_assert_eq!((posted.debit.is_some(), posted.credit.is_some()), (moves, moves));
            }
        }
        let open = simple.reserved.iter().filter(|(_, one)| one.open).count();
        prop_assert_eq!(books.reservations.len(), open, "what is decided is not kept");
    }

    #[test]
    fn a_fee_is_the_nearest_and_of_two_the_even(amount in 0_i64..=i64::MAX, bps in 0_u16..=10_000) {
        let fee = fee(Money::new(amount, Currency::CNY), bps).amount;

        let (exact, taken) = (i128::from(amount) * i128::from(bps), i128::from(fee) * 10_000);
        prop_assert!((0..=amount).contains(&fee));
        prop_assert!((exact - taken).abs() * 2 <= 10_000);
        prop_assert!((exact - taken).abs() * 2 < 10_000 || fee % 2 == 0);
    }

    #[test]
    fn parts_of_a_fee_sum_to_the_fee_however_it_is_cut(
        amount in 1_i64..=i64::MAX, bps in 0_u16..=10_000, cuts in proptest::collection::vec(0.0_f64..1.0, 0..10),
    ) {
        let fee = fee(Money::new(amount, Currency::CNY), bps).amount;
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any place will do")]
        let mut given: Vec<i64> = cuts.iter().map(|cut| ((amount as f64 * cut) as i64).clamp(0, amount)).collect();
        given.push(amount);
        given.sort_unstable();

        let (mut before, mut returned) = (0, 0);
        for given in given {
            let share = fee_share(fee, given, amount);
            prop_assert!((0..=given - before).contains(&(share - returned)), "no part is more than what is given back");
            (before, returned) = (given, share);
        }
        prop_assert_eq!(returned, fee);
    }
}

#[test]
fn halves_are_rounded_to_even() {
    for (amount, bps, wanted) in
        [(50, 100, 0), (150, 100, 2), (250, 100, 2), (350, 100, 4), (1, 5_000, 0), (3, 5_000, 2)]
    {
        assert_eq!(fee(Money::new(amount, Currency::CNY), bps).amount, wanted, "{amount} at {bps}");
    }
    assert_eq!(fee(Money::new(i64::MAX, Currency::CNY), 10_000).amount, i64::MAX);
    assert_eq!(fee(Money::new(100, Currency::CNY), u16::MAX).amount, 100, "never more than all of it");
}

#[test]
fn a_reservation_whose_time_is_over_can_only_be_freed() {
    let money_in = transfer(1, CHANNEL, 1, 100, Phase::Single);
    let reserve = transfer(2, 1, 3, 80, Phase::Pending(now().plus_seconds(60)));
    let mut books = Books::default();
    books.post(&[money_in, reserve], now()).unwrap();
    let post = transfer(3, 1, 3, 80, Phase::Post(id(2)));

    assert_eq!(books.post(std::slice::from_ref(&post), now().plus_seconds(60)), Err(TransferRefusal::NotReserved));
    assert!(Books::clone(&books).post(&[post], now().plus_seconds(59)).is_ok());

    books.post(&[transfer(4, 1, 3, 80, Phase::Expire(id(2)))], now().plus_seconds(60)).unwrap();
    assert_eq!(books.state(key(1).id()).available(), 100);
}

#[test]
fn what_is_reserved_is_decided_once_in_part_or_whole() {
    let money_in = transfer(1, CHANNEL, 1, 100, Phase::Single);
    let reserve = transfer(2, 1, 3, 80, Phase::Pending(now().plus_seconds(60)));
    let mut books = Books::default();
    books.post(&[money_in, reserve], now()).unwrap();
    assert_eq!(
        books.post(&[transfer(3, 1, 2, 21, Phase::Single)], now()),
        Err(TransferRefusal::Insufficient { account: key(1), available: 20 })
    );
    assert_eq!(books.post(&[transfer(4, 1, 3, 81, Phase::Post(id(2)))], now()), Err(TransferRefusal::NotReserved));
    assert_eq!(books.post(&[transfer(5, 1, 2, 80, Phase::Post(id(2)))], now()), Err(TransferRefusal::NotReserved));

    let posted = books.post(&[transfer(6, 1, 3, 30, Phase::Post(id(2)))], now()).unwrap();

    assert_eq!((posted[0].debit, posted[0].credit), (Some((2, 70)), Some((1, 30))));
    for phase in [Phase::Post(id(2)), Phase::Void(id(2)), Phase::Expire(id(2))] {
        assert_eq!(books.post(&[transfer(7, 1, 3, 30, phase)], now()), Err(TransferRefusal::NotReserved));
    }
    let wallet = books.state(key(1).id());
    assert_eq!((wallet.balance, wallet.reserved, wallet.available()), (70, 0, 70), "the rest is free again");
    assert_eq!(books.state(key(3).id()).incoming, 0);
}
