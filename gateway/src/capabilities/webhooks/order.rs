//! Which event may be sent next. Pure. Invariant: at most one event of an object is in flight, and none starts before every
//! earlier event of the object was accepted; other objects continue meanwhile.
//!
//! An object is *busy* while one of its events is in flight, and *stuck* while it has rows to be retried: then all its later
//! events become rows behind the first. It is stuck *in vain* when it failed and nothing at all was accepted since: many of
//! these show that the receiver is down, while any number of the others only shows that the receiver rejects them.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use quanzi_openapi::Time;

/// Objects that may be stuck in vain before nothing new is begun: then the receiver is down, and the log can wait better than rows.
pub const IN_VAIN_MAX: usize = 50;
/// Rows that may wait before nothing new is begun: what a pump has in memory.
pub const ROWS_MAX: usize = 10_000;

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The log beyond the cursor.
    Live,
    /// A replay.
    Replay,
    /// A row to be tried again.
    Retry,
}

/// An event on its way; `E` is the event itself, which the rules do not look at.
#[derive(Debug, Clone)]
pub struct Item<E> {
    /// Its number.
    pub seq: i64,
    /// What it is about.
    pub object: String,
    /// Where it comes from.
    pub lane: Lane,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was first refused, if it was.
    pub first_refused_at: Option<Time>,
    /// The event.
    pub event: E,
}

/// What became of an event that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Its number.
    pub seq: i64,
    /// What it is about.
    pub object: String,
}

/// A row to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetriedEvent {
    /// The event's number.
    pub seq: i64,
    /// What it is about.
    pub object: String,
    /// Whether it was refused, and nothing was taken since.
    pub in_vain: bool,
}

/// The events of one endpoint that are loaded, under way or stuck.
#[derive(Debug)]
pub struct DeliveryOrder<E> {
    ready: VecDeque<Item<E>>,
    busy: HashSet<String>,
    waiting: HashMap<String, VecDeque<Item<E>>>,
    stuck: HashMap<String, BTreeSet<i64>>,
    in_vain: HashSet<String>,
    rows: usize,
    live: Progress,
    replay: Progress,
}

/// How far a lane has got.
#[derive(Debug)]
struct Progress {
    /// The log was read up to here.
    read_to: i64,
    /// Read, and neither taken nor a row.
    open: BTreeSet<i64>,
}

impl Progress {
    fn new(read_to: i64) -> Self {
        Self { read_to, open: BTreeSet::new() }
    }

    /// Everything up to here is taken, a row, or of no concern.
    fn settled_to(&self) -> i64 {
        self.open.first().map_or(self.read_to, |seq| seq - 1)
    }
}

impl<E> DeliveryOrder<E> {
    /// After this number, with these rows to be tried again.
    pub fn new(delivered_seq: i64, rows: impl IntoIterator<Item = RetriedEvent>) -> Self {
        let mut stuck: HashMap<String, BTreeSet<i64>> = HashMap::new();
        let mut in_vain = HashSet::new();
        let mut count = 0;
        for row in rows {
            if row.in_vain {
                in_vain.insert(row.object.clone());
            }
            stuck.entry(row.object).or_default().insert(row.seq);
            count += 1;
        }
        Self {
            ready: VecDeque::new(),
            busy: HashSet::new(),
            waiting: HashMap::new(),
            stuck,
            in_vain,
            rows: count,
            live: Progress::new(delivered_seq),
            replay: Progress::new(0),
        }
    }

    /// A replay begins (again) after this number.
    pub fn begin_replay(&mut self, after: i64) {
        self.replay = Progress::new(after);
    }

    /// Takes in what was read of a lane, in the order of the numbers, and how far that was. Gives back what has to be written as a
    /// row, because an earlier event of its object is stuck.
    pub fn load(&mut self, lane: Lane, items: impl IntoIterator<Item = Item<E>>, read_to: i64) -> Vec<Behind> {
        let mut behind = Vec::new();
        for item in items {
            if let Some(rows) = self.stuck.get_mut(&item.object) {
                if rows.insert(item.seq) {
                    self.rows += 1;
                    behind.push(Behind { seq: item.seq, object: item.object });
                }
                continue;
            }
            self.progress(lane).open.insert(item.seq);
            self.enqueue(item);
        }
        self.progress(lane).read_to = read_to;
        behind
    }

    /// Takes in rows that are due. A row whose object is busy, or that is not the first of its object, is left for later.
    pub fn load_due(&mut self, items: impl IntoIterator<Item = Item<E>>) {
        for item in items {
            let is_first = self.stuck.get(&item.object).and_then(BTreeSet::first) == Some(&item.seq);
            if is_first && !self.busy.contains(&item.object) {
                self.enqueue(item);
            }
        }
    }

    fn enqueue(&mut self, item: Item<E>) {
        if self.busy.insert(item.object.clone()) {
            self.ready.push_back(item);
        } else {
            self.waiting.entry(item.object.clone()).or_default().push_back(item);
        }
    }

    fn progress(&mut self, lane: Lane) -> &mut Progress {
        if lane == Lane::Replay { &mut self.replay } else { &mut self.live }
    }

    /// The next event that may go.
    pub fn start(&mut self) -> Option<Item<E>> {
        self.ready.pop_front()
    }

    /// The event was taken.
    pub fn taken(&mut self, item: &Item<E>) {
        let Item { seq, object, lane, .. } = item;
        self.in_vain.clear();
        self.busy.remove(object);
        if *lane == Lane::Retry {
            self.unstick(*seq, object);
        } else {
            self.progress(*lane).open.remove(seq);
        }
        if let Some(next) = self.waiting.get_mut(object).and_then(VecDeque::pop_front) {
            self.busy.insert(object.clone());
            self.ready.push_back(next);
        }
        if self.waiting.get(object).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(object);
        }
    }

    fn unstick(&mut self, seq: i64, object: &str) {
        let Some(rows) = self.stuck.get_mut(object) else { return };
        if rows.remove(&seq) {
            self.rows -= 1;
        }
        if rows.is_empty() {
            self.stuck.remove(object);
        }
    }

    /// The event was not taken: it is a row now, and so are those that waited behind it, which are given back.
    pub fn refused(&mut self, item: &Item<E>) -> Vec<Behind> {
        let Item { seq, object, lane, .. } = item;
        if item.first_refused_at.is_none() {
            self.in_vain.insert(object.clone());
        }
        self.busy.remove(object);
        if *lane != Lane::Retry {
            self.progress(*lane).open.remove(seq);
        }
        let waiting = self.waiting.remove(object).unwrap_or_default();
        let rows = self.stuck.entry(object.clone()).or_default();
        let before = rows.len();
        rows.insert(*seq);
        let mut behind = Vec::new();
        let mut settled = Vec::new();
        for item in waiting {
            settled.push((item.lane, item.seq));
            if rows.insert(item.seq) {
                behind.push(Behind { seq: item.seq, object: object.clone() });
            }
        }
        self.rows += rows.len() - before;
        for (lane, seq) in settled {
            self.progress(lane).open.remove(&seq);
        }
        behind
    }

    /// Everything of the log up to here is taken or a row.
    pub fn delivered_seq(&self) -> i64 {
        self.live.settled_to()
    }

    /// Everything of the replay up to here is taken or a row.
    pub fn replayed_seq(&self) -> i64 {
        self.replay.settled_to()
    }

    /// How far a lane was read.
    pub fn read_to(&self, lane: Lane) -> i64 {
        if lane == Lane::Replay { self.replay.read_to } else { self.live.read_to }
    }

    /// Events of a lane that are loaded and neither taken nor rows.
    pub fn open(&self, lane: Lane) -> usize {
        if lane == Lane::Replay { self.replay.open.len() } else { self.live.open.len() }
    }

    /// Rows to be tried again.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether anything new may be begun.
    pub fn takes_more(&self) -> bool {
        self.in_vain.len() < IN_VAIN_MAX && self.rows < ROWS_MAX
    }

    /// Whether anything is loaded and not under way that may go now.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(seq: i64, object: u8, lane: Lane) -> Item<()> {
        Item { seq, object: format!("o{object}"), lane, attempts: 0, first_refused_at: None, event: () }
    }

    /// A receiver, a log and a table of rows, and everything that happened.
    struct World {
        log: Vec<u8>,
        order: DeliveryOrder<()>,
        table: HashMap<i64, u8>,
        under_way: Vec<Item<()>>,
        started: Vec<i64>,
        taken: Vec<i64>,
    }

    impl World {
        fn new(log: Vec<u8>) -> Self {
            Self {
                log,
                order: DeliveryOrder::new(0, []),
                table: HashMap::new(),
                under_way: vec![],
                started: vec![],
                taken: vec![],
            }
        }

        fn object(&self, seq: i64) -> u8 {
            self.log[usize::try_from(seq).unwrap() - 1]
        }

        fn note(&mut self, behind: Vec<Behind>) {
            for row in behind {
                let object = self.object(row.seq);
                assert!(self.table.insert(row.seq, object).is_none(), "a row twice");
            }
        }

        fn load(&mut self, rows: i64) {
            let from = self.order.read_to(Lane::Live);
            let to = (from + rows).min(i64::try_from(self.log.len()).unwrap());
            let items: Vec<_> = (from + 1..=to).map(|seq| item(seq, self.object(seq), Lane::Live)).collect();
            let behind = self.order.load(Lane::Live, items, to);
            self.note(behind);
        }

        fn load_due(&mut self) {
            let heads = self
                .table
                .iter()
                .filter(|(seq, object)| !self.table.iter().any(|(other, of)| of == *object && other < *seq));
            let heads: Vec<_> = heads.map(|(seq, object)| item(*seq, *object, Lane::Retry)).collect();
            self.order.load_due(heads);
        }

        fn start(&mut self) {
            if let Some(item) = self.order.start() {
                let object = self.object(item.seq);
                for earlier in 1..item.seq {
                    if self.object(earlier) == object {
                        assert!(self.taken.contains(&earlier), "{} before {earlier}", item.seq);
                    }
                }
                assert!(!self.under_way.iter().any(|other| other.object == item.object), "two of one object");
                self.started.push(item.seq);
                self.under_way.push(item);
            }
        }

        fn finish(&mut self, place: usize, is_taken: bool) {
            if self.under_way.is_empty() {
                return;
            }
            let item = self.under_way.remove(place % self.under_way.len());
            if is_taken {
                self.order.taken(&item);
                self.table.remove(&item.seq);
                self.taken.push(item.seq);
            } else {
                let behind = self.order.refused(&item);
                let object = self.object(item.seq);
                self.table.insert(item.seq, object);
                self.note(behind);
            }
            assert_eq!(self.order.rows(), self.table.len());
        }

        /// The process dies: only cursor and table are left.
        fn crash(&mut self) {
            let row =
                |(seq, object): (&i64, &u8)| RetriedEvent { seq: *seq, object: format!("o{object}"), in_vain: false };
            let rows: Vec<_> = self.table.iter().map(row).collect();
            self.order = DeliveryOrder::new(self.order.delivered_seq(), rows);
            self.under_way.clear();
            let cursor = self.order.delivered_seq();
            // What lies beyond the cursor comes again; the receiver knows it by its id.
            for seq in 1..=cursor {
                assert!(self.taken.contains(&seq) || self.table.contains_key(&seq), "{seq} is lost");
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Load(i64),
        LoadDue,
        Start,
        Finish(usize, bool),
        Crash,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (1_i64..9).prop_map(Step::Load),
            1 => Just(Step::LoadDue),
            6 => Just(Step::Start),
            6 => (any::<usize>(), prop::bool::weighted(0.7)).prop_map(|(place, taken)| Step::Finish(place, taken)),
            1 => Just(Step::Crash),
        ]
    }

    proptest! {
        #[test]
        fn events_of_an_object_come_in_order_and_none_is_lost(
            log in prop::collection::vec(0_u8..4, 1..60),
            steps in prop::collection::vec(step(), 1..200),
        ) {
            let mut world = World::new(log);

            for step in steps {
                match step {
                    Step::Load(rows) => world.load(rows),
                    Step::LoadDue => world.load_due(),
                    Step::Start => world.start(),
                    Step::Finish(place, is_taken) => world.finish(place, is_taken),
                    Step::Crash => world.crash(),
                }
            }
            // The receiver is well again.
            for _ in 0..world.log.len() * 3 {
                world.load(8);
                world.load_due();
                world.start();
                world.finish(0, true);
            }

            let all: HashSet<i64> = world.taken.iter().copied().collect();
            prop_assert_eq!(all.len(), world.log.len());
            prop_assert_eq!(world.order.delivered_seq(), i64::try_from(world.log.len()).unwrap());
            prop_assert_eq!(world.order.rows(), 0);
        }
    }

    #[test]
    fn a_stuck_object_does_not_hold_the_others() {
        let mut order = DeliveryOrder::new(0, []);
        order.load(Lane::Live, [item(1, 1, Lane::Live), item(2, 1, Lane::Live), item(3, 2, Lane::Live)], 3);
        let first = order.start().unwrap();

        let behind = order.refused(&first);

        assert_eq!(behind, [Behind { seq: 2, object: "o1".to_owned() }]);
        assert_eq!((order.delivered_seq(), order.start().unwrap().seq), (2, 3));
    }

    #[test]
    fn a_replayed_event_waits_behind_the_one_that_is_stuck() {
        let mut order = DeliveryOrder::new(9, [RetriedEvent { seq: 4, object: "o1".to_owned(), in_vain: true }]);
        order.begin_replay(0);

        let behind = order.load(Lane::Replay, [item(4, 1, Lane::Replay), item(5, 1, Lane::Replay)], 5);

        assert_eq!(behind, [Behind { seq: 5, object: "o1".to_owned() }]);
        assert_eq!((order.replayed_seq(), order.delivered_seq(), order.rows()), (5, 9, 2));
        assert!(order.start().is_none());
    }

    #[test]
    fn a_receiver_that_takes_nothing_gets_nothing_new() {
        let mut order = DeliveryOrder::new(0, []);
        let count = u8::try_from(IN_VAIN_MAX).unwrap();
        order.load(Lane::Live, (1..=count).map(|n| item(n.into(), n, Lane::Live)), count.into());

        while let Some(next) = order.start() {
            assert!(order.takes_more());
            order.refused(&next);
        }

        assert!(!order.takes_more());
        let rows = (1..=count).map(|n| RetriedEvent { seq: n.into(), object: format!("o{n}"), in_vain: true });
        assert!(!DeliveryOrder::<()>::new(count.into(), rows).takes_more(), "neither does one that begins again");
    }

    #[test]
    fn objects_that_are_refused_among_others_hold_no_other() {
        let mut order = DeliveryOrder::new(0, []);
        let count = u8::try_from(3 * IN_VAIN_MAX).unwrap();
        order.load(Lane::Live, (1..=count).map(|n| item(n.into(), n, Lane::Live)), count.into());

        // Of every ten one is taken.
        while let Some(next) = order.start() {
            if next.seq % 10 == 0 {
                order.taken(&next);
            } else {
                order.refused(&next);
            }
            assert!(order.takes_more());
        }

        assert_eq!(order.rows(), 9 * usize::from(count) / 10);
        let rows = (1..=count).map(|n| RetriedEvent { seq: n.into(), object: format!("o{n}"), in_vain: false });
        assert!(DeliveryOrder::<()>::new(count.into(), rows).takes_more(), "nor when it begins again");
    }
}
