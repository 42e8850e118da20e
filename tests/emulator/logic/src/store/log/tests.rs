use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::flash::{Cut, FlashFault, Model};

/// What the store is said to be: a map.
type Map = BTreeMap<(u8, [u8; 4]), Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, [u8; 4], Vec<u8>),
    Delete(u8, [u8; 4]),
}

fn steps(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![Just([0; 4]), Just([1; 4]), Just([255; 4])];
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(Just(255), 0..20),
        proptest::collection::vec(any::<u8>(), 300..600),
    ];
    let put = (1u8..4, key.clone(), value).prop_map(|(kind, key, value)| Step::Put(kind, key, value));
    let delete = (1u8..4, key).prop_map(|(kind, key)| Step::Delete(kind, key));
    proptest::collection::vec(prop_oneof![4 => put, 1 => delete], 1..longest)
}

fn act(log: &mut Log, flash: &mut Model, step: &Step) -> Result<(), StoreFault> {
    match step {
        Step::Put(kind, key, value) => {
            let (head, tail) = value.split_at(value.len() / 3);
            log.put(flash, *kind, key, &[head, tail])
        }
        Step::Delete(kind, key) => log.delete(flash, *kind, key),
    }
}

fn expect(map: &mut Map, step: &Step) {
    match step {
        Step::Put(kind, key, value) => map.insert((*kind, *key), value.clone()),
        Step::Delete(kind, key) => map.remove(&(*kind, *key)),
    };
}

fn read(log: &Log, flash: &Model) -> Map {
    let mut map = Map::new();
    for kind in 1..4 {
        for entry in log.all(flash, kind) {
            let key = *entry.key(flash).first_chunk().unwrap();
            let bytes = value(flash, &entry).to_vec();
            assert_eq!(log.get(flash, kind, &key).unwrap().to_vec(), bytes);
            assert!(map.insert((kind, key), bytes).is_none(), "a key once");
        }
    }
    map
}

fn first(pages: usize) -> (Model, Log) {
    let mut flash = Model::erased(pages);
    let draft = Draft::first(&mut flash).unwrap();
    let log = draft.commit(&mut flash).unwrap();
    (flash, log)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Many compactions: the map's content is always what was put, also after a restart.
    #[test]
    fn is_a_map(steps in steps(120)) {
        let (mut flash, mut log) = first(4);
        let mut map = Map::new();
        for step in &steps {
            act(&mut log, &mut flash, step).unwrap();
            expect(&mut map, step);
        }
        prop_assert_eq!(&read(&log, &flash), &map);
        let log = Log::open(&mut flash).unwrap();
        prop_assert_eq!(&read(&log, &flash), &map);
    }

    /// A cut anywhere, also in a compaction, and another one in the repair: before or after, never between.
    #[test]
    fn a_cut_leaves_before_or_after(
        steps in steps(60), at in 0u64..4000, bits in any::<u32>(), again in 0u64..1200, others in any::<u32>(),
    ) {
        let (mut flash, mut log) = first(4);
        flash.cut(Cut { at, bits });
        let mut map = Map::new();
        for step in &steps {
            let before = map.clone();
            expect(&mut map, step);
            match act(&mut log, &mut flash, step) {
                Ok(()) => {}
                Err(StoreFault::Flash(FlashFault::PowerLost)) => {
                    flash.reboot();
                    flash.cut(Cut { at: again, bits: others });
                    log = match Log::open(&mut flash) {
                        Ok(log) => log,
                        Err(StoreFault::Flash(FlashFault::PowerLost)) => {
                            flash.reboot();
                            Log::open(&mut flash).unwrap()
                        }
                        Err(fault) => return Err(TestCaseError::fail(std::format!("{fault:?}"))),
                    };
                    flash.reboot();
                    let found = read(&log, &flash);
                    prop_assert!(found == before || found == map, "between {before:?} and {map:?}: {found:?}");
                    map = found;
                }
                Err(fault) => return Err(TestCaseError::fail(std::format!("{fault:?}"))),
            }
        }
        let log = Log::open(&mut flash).unwrap();
        prop_assert_eq!(&read(&log, &flash), &map);
    }
}

/// Every word of a put that compacts into a half that holds an older log, with several patterns of bits.
#[test]
fn every_word_of_a_compaction() {
    let (mut flash, mut log) = first(2);
    let mut before = Map::new();
    // Until the third compaction is due.
    for round in 0..u8::MAX {
        let step = Step::Put(1 + round % 3, [round % 2; 4], vec![round; 350]);
        if log.generation == 3 && log.half.end - log.end < 400 {
            break;
        }
        act(&mut log, &mut flash, &step).unwrap();
        expect(&mut before, &step);
    }
    let step = Step::Put(1, [0; 4], vec![7; 400]);
    let mut after = before.clone();
    expect(&mut after, &step);
    let (saved, half, generation, end) = (flash.clone(), log.half, log.generation, log.end);
    act(&mut log, &mut flash, &step).unwrap();
    let length = flash.operations() - saved.operations();
    assert_eq!((generation, log.generation), (3, 4), "the step compacts");
    for at in 0..length {
        for bits in [0, 1, u32::MAX, 0x5555_5555, 0x8000_0001, 0xffff_0000] {
            let mut flash = saved.clone();
            let mut log = Log { half, generation, end };
            flash.cut(Cut { at, bits });
            assert_eq!(act(&mut log, &mut flash, &step), Err(StoreFault::Flash(FlashFault::PowerLost)));
            flash.reboot();
            let log = Log::open(&mut flash).unwrap();
            let found = read(&log, &flash);
            assert!(found == before || found == after, "cut at {at}, {bits:#x}");
        }
    }
}

/// An erase that is cut can leave the older log's head with another generation: its complement tells.
#[test]
fn a_half_erased_head_does_not_count() {
    let (mut flash, mut log) = first(2);
    while log.generation < 3 {
        let round = [0x40; 350];
        log.put(&mut flash, 1, &[], &[&round]).unwrap();
    }
    let older = if log.half.start == 0 { PAGE } else { 0 };
    let mut erased = flash.clone();
    erased.erase(older / PAGE).unwrap();
    program(&mut erased, older, MAGIC).unwrap();
    // The generation's word has risen; its complement is still what it was.
    program(&mut erased, older + 2 * WORD, (!2u32).to_le_bytes()).unwrap();
    let log = Log::open(&mut erased).unwrap();
    assert_eq!(log.generation, 3, "not the one with all bits of its generation risen");
    assert_eq!(log.get(&erased, 1, &[]).unwrap().to_vec(), vec![0x40; 350]);
}

#[test]
fn what_does_not_fit_is_full_and_changes_nothing() {
    let (mut flash, mut log) = first(2);
    log.put(&mut flash, 1, &[], &[&[1; 3000]]).unwrap();
    assert_eq!(log.put(&mut flash, 2, &[], &[&[2; 3000]]), Err(StoreFault::Full));
    log.put(&mut flash, 1, &[], &[&[3; 1000]]).unwrap();
    assert_eq!(log.get(&flash, 1, &[]).unwrap().to_vec(), vec![3; 1000]);
    assert!(log.get(&flash, 2, &[]).is_none());
    assert_eq!(log.put(&mut flash, 1, &[], &[&[0; MAX_VALUE + 1]]), Err(StoreFault::Full));
    assert_eq!(log.put(&mut flash, 1, &[0; 3], &[]), Err(StoreFault::Full), "a key is whole words");
}

#[test]
fn damage_before_the_end_is_not_taken_for_a_torn_end() {
    let (mut flash, mut log) = first(2);
    for kind in 1..4 {
        log.put(&mut flash, kind, &[], &[&[kind; 50]]).unwrap();
    }
    let mut damaged = flash.clone();
    damaged.program(HEAD + 2 * WORD, 0).unwrap();
    assert_eq!(Log::open(&mut damaged).unwrap_err(), StoreFault::Corrupt);
    // The same in the last record is what a power cut leaves.
    let at = log.end - 2 * WORD;
    flash.program(at, 0).unwrap();
    let log = Log::open(&mut flash).unwrap();
    assert!(log.get(&flash, 2, &[]).is_some() && log.get(&flash, 3, &[]).is_none());
}

#[test]
fn a_blank_flash_is_blank_and_a_first_log_forgets_what_was_there() {
    let mut flash = Model::erased(4);
    assert_eq!(Log::open(&mut flash).unwrap_err(), StoreFault::Blank);
    assert_eq!(Log::open(&mut Model::erased(3)).unwrap_err(), StoreFault::Size);
    let (mut flash, mut log) = first(4);
    for round in 0..40 {
        log.put(&mut flash, 1, &[], &[&[round; 400]]).unwrap();
    }
    let log = Draft::first(&mut flash).unwrap().commit(&mut flash).unwrap();
    assert_eq!(log.generation, 1);
    assert!(Log::open(&mut flash).unwrap().get(&flash, 1, &[]).is_none());
}
