use alloc::vec;
use alloc::vec::Vec;
use std::string::String;

use proptest::prelude::*;

use super::*;

fn stages() -> Vec<(&'static str, Stage)> {
    let order = || vec![1];
    let answer = || vec![2];
    vec![
        ("requested", Stage::Requested),
        ("prepared", Stage::Prepared { order: order() }),
        ("sent", Stage::Sent { order: order() }),
        ("shown", Stage::Shown { order: order() }),
        ("decided", Stage::Decided { order: order(), answer: answer() }),
        ("submitted", Stage::Submitted { order: order(), answer: answer() }),
        ("settled", Stage::Settled { order: order(), answer: None, receipt: vec![3] }),
        ("not-created", Stage::NotCreated { code: Code::BadInput }),
    ]
}

fn name(stage: &Stage) -> &'static str {
    let at = core::mem::discriminant(stage);
    stages().into_iter().find(|(_, other)| core::mem::discriminant(other) == at).unwrap().0
}

/// The table of section 13, read from the document, against the code: every cell.
#[test]
fn the_documents_table_is_what_happens() {
    let document = include_str!("../../../../docs/protocol.md");
    let table = document.split("| event | requested |").nth(1).unwrap();
    let rows: Vec<Vec<String>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(|cell| String::from(cell.trim())).collect())
        .collect();
    let events = [
        ("created (order)", Event::Created(vec![1])),
        ("creation refused (4xx problem)", Event::CreationRefused(Code::BadInput)),
        ("delivering", Event::Delivering),
        ("shown", Event::Shown),
        ("answer (authorization)", Event::Answered(vec![2])),
        ("status from the token", Event::TokenStatus),
        ("submitting", Event::Submitting),
        ("receipt (verified, of this order)", Event::Receipt(vec![3])),
        ("cancel asked", Event::CancelAsked),
    ];
    let mut cells = 0;
    for (row, (label, event)) in rows.iter().zip(&events) {
        assert_eq!(&row[1], label);
        for ((from, stage), cell) in stages().into_iter().zip(&row[2..]) {
            let life = OrderLife { stage: stage.clone(), cancel: false };
            let result = life.apply(event.clone());
            let expected = cell.split([' ', ',']).next().unwrap();
            match expected {
                "!" => assert_eq!(result, Err(Code::UnexpectedEvent), "{label} in {from}"),
                "-" => assert_eq!(result, Ok(life), "{label} in {from}"),
                "+" => assert_eq!(result, Ok(OrderLife { stage, cancel: true }), "{label} in {from}"),
                to => assert_eq!(name(&result.unwrap().stage), to, "{label} in {from}"),
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 72);
}

#[test]
fn another_answer_or_receipt_is_refused() {
    for (from, stage) in stages() {
        let life = OrderLife { stage: stage.clone(), cancel: false };
        if matches!(from, "decided" | "submitted") {
            assert_eq!(life.apply(Event::Answered(vec![9])), Err(Code::UnexpectedEvent), "{from}");
        }
        if from == "settled" {
            assert_eq!(life.apply(Event::Receipt(vec![9])), Err(Code::UnexpectedEvent), "{from}");
        }
        let cancelled = OrderLife { stage, cancel: true };
        assert!(!matches!(cancelled.next(), Next::Submit | Next::Deliver), "{from}");
        assert_eq!(cancelled.apply(Event::Submitting), Err(Code::UnexpectedEvent), "{from}");
    }
}

proptest! {
    #[test]
    fn any_history_is_kept_and_never_steps_back_over_an_answer(
        events in proptest::collection::vec(0u8..9, 0..30),
    ) {
        let mut life = OrderLife::requested();
        let mut answered = false;
        for event in events {
            let event = match event {
                0 => Event::Created(vec![1]),
                1 => Event::CreationRefused(Code::BadInput),
                2 => Event::Delivering,
                3 => Event::Shown,
                4 => Event::Answered(vec![2]),
                5 => Event::TokenStatus,
                6 => Event::Submitting,
                7 => Event::Receipt(vec![3]),
                _ => Event::CancelAsked,
            };
            let cancelled = life.cancelled();
            if let Ok(next) = life.apply(event) {
                life = next;
            }
            prop_assert!(life.cancelled() >= cancelled, "a cancel is never taken back");
            let holds = matches!(life.stage(), Stage::Decided { .. } | Stage::Submitted { .. } | Stage::Settled { .. });
            prop_assert!(!answered || holds);
            answered |= matches!(life.stage(), Stage::Decided { .. });
            prop_assert_eq!(OrderLife::decode(&life.encode()), Ok(life.clone()));
        }
    }

    #[test]
    fn no_stored_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(life) = OrderLife::decode(&bytes) {
            prop_assert_eq!(life.encode(), bytes);
        }
    }
}

#[test]
fn debug_shows_no_order() {
    let canary = vec![b'6'; 19];
    let stage = Stage::Decided { order: canary.clone(), answer: canary.clone() };
    let life = OrderLife { stage, cancel: false };
    let text = std::format!("{life:?} {:?} {:?}", Event::Created(canary.clone()), Event::Answered(canary));
    assert!(!text.contains("54"), "{text}");
}
