//! Steps, questions and ends of an operation.

use std::future::pending;
use std::sync::Arc;

use ushield_client::Customer as _;
use ushield_client::catalogue::Language;
use ushield_client::customer::{Moment, PinReason};

use super::*;
use crate::failure::Code as Shown;

fn begin<F>(work: impl FnOnce(Arc<Person>) -> F) -> Arc<Operation>
where
    F: Future<Output = Result<Ending, Error>> + Send + 'static,
{
    Operation::begin(Arc::new(Catalogue::new(Language::En)), work)
}

/// All steps until the last one.
async fn all(operation: &Operation) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        match operation.next().await {
            more if more.is_empty() => return steps,
            more => steps.extend(more),
        }
    }
}

/// The first `count` questions.
async fn asked(operation: &Operation, count: usize) -> Vec<u32> {
    let mut prompts = Vec::new();
    while prompts.len() < count {
        let steps = operation.next().await;
        assert!(!steps.is_empty(), "it ended after {prompts:?}");
        prompts.extend(steps.iter().filter_map(|step| match step {
            Step::PinAsked { prompt, .. } => Some(*prompt),
            _ => None,
        }));
    }
    prompts
}

fn failed(steps: &[Step]) -> Option<Shown> {
    match steps.last() {
        Some(Step::Failed { problem }) => Some(problem.code),
        _ => None,
    }
}

#[tokio::test]
async fn steps_come_in_order_and_then_nothing_for_ever() {
    let operation = begin(|person| async move {
        for _ in 0..3 {
            person.tell(&Moment::Submitting);
        }
        Ok(Ending::Done)
    });
    let steps = all(&operation).await;
    assert_eq!(steps.len(), 4);
    assert!(matches!(steps.last(), Some(Step::Ended { ending: Ending::Done })));
    assert!(operation.next().await.is_empty());
    operation.stop();
    assert!(operation.next().await.is_empty(), "what has ended is not stopped");
}

#[tokio::test]
async fn a_pin_answers_its_own_question_and_no_other() {
    let operation = begin(|person| async move {
        // Given up: as when the token does not need it any more.
        tokio::select! {
            biased;
            _ = person.pin(PinReason::Approve) => {}
            () = tokio::task::yield_now() => {}
        }
        let block = person.pin(PinReason::Approve).await?;
        assert_eq!(block.expose()[..7], *b"\x06876542");
        Ok(Ending::Done)
    });
    let prompts = asked(&operation, 2).await;
    let (first, second) = (prompts[0], prompts[1]);
    assert_ne!(first, second);
    assert_eq!(operation.answer_pin(first, b"111222".to_vec()), Ok(false));
    for wrong in [b"12345".as_slice(), b"1234567890123", b"12 456", &[0xff; 8], b""] {
        let refused = operation.answer_pin(second, wrong.to_vec()).unwrap_err();
        assert!(matches!(refused, Failure::Act { problem } if problem.code == Shown::BadPinFormat));
    }
    assert_eq!(operation.answer_pin(second, b"876542".to_vec()), Ok(true));
    assert_eq!(operation.answer_pin(second, b"876542".to_vec()), Ok(false));
    let steps = all(&operation).await;
    assert!(matches!(steps.last(), Some(Step::Ended { .. })), "{steps:?}");
}

#[tokio::test]
async fn a_question_that_is_not_open_any_more_is_taken_back() {
    let operation = begin(|person| async move {
        tokio::select! {
            biased;
            _ = person.pin(PinReason::Approve) => {}
            () = tokio::task::yield_now() => {}
        }
        Ok(Ending::Done)
    });
    let steps = all(&operation).await;
    let prompts: Vec<(bool, u32)> = steps
        .iter()
        .filter_map(|step| match step {
            Step::PinAsked { prompt, .. } => Some((true, *prompt)),
            Step::PinDropped { prompt } => Some((false, *prompt)),
            _ => None,
        })
        .collect();
    assert_eq!(prompts, [(true, 1), (false, 1)]);
}

#[tokio::test]
async fn whoever_refuses_a_pin_is_told_so() {
    let operation = begin(|person| async move { person.pin(PinReason::Current).await.map(|_| Ending::Done) });
    let prompt = asked(&operation, 1).await[0];
    assert!(operation.refuse_pin(prompt) && !operation.refuse_pin(prompt));
    assert_eq!(failed(&all(&operation).await), Some(Shown::Interrupted));
}

#[tokio::test]
async fn what_is_stopped_or_panics_has_an_end_too() {
    let stopped = begin(|_| pending());
    stopped.stop();
    assert_eq!(failed(&all(&stopped).await), Some(Shown::Interrupted));
    let panicked = begin(|_| async { panic!("a defect") });
    assert_eq!(failed(&all(&panicked).await), Some(Shown::UnexpectedEvent), "nobody stopped it");
}

#[tokio::test]
async fn freeing_an_operation_ends_its_work() {
    let (held, mut released) = tokio::sync::oneshot::channel::<()>();
    let operation = begin(move |_| async move {
        let _held = held;
        pending().await
    });
    assert!(released.try_recv().is_err());
    drop(operation);
    assert!(released.await.is_err(), "the work was dropped with all that it held");
}

#[tokio::test]
async fn a_host_that_fetches_nothing_fills_no_memory() {
    let operation = begin(|person| async move {
        let asking = person.pin(PinReason::Approve);
        let telling = async {
            for _ in 0..100_000 {
                person.tell(&Moment::Submitting);
            }
        };
        tokio::select! {
            biased;
            _ = asking => {}
            () = telling => {}
        }
        Ok(Ending::Done)
    });
    // Not fetched until all is said.
    while !operation.person.is_over() {
        tokio::task::yield_now().await;
    }
    let steps = all(&operation).await;
    assert_eq!(steps.len(), 1_024);
    assert!(matches!(steps.first(), Some(Step::PinAsked { prompt: 1, .. })), "an answer is waited for");
    assert!(matches!(steps.last(), Some(Step::Ended { .. })));
}

#[tokio::test]
async fn a_cancel_is_heard_before_and_after_it_is_waited_for() {
    for early in [true, false] {
        let (waiting, begun) = tokio::sync::oneshot::channel::<()>();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let operation = begin(move |person| async move {
            if early {
                let _ = gone.await;
            }
            let wanted = person.cancel_wanted();
            let _ = waiting.send(());
            wanted.await;
            Ok(Ending::Done)
        });
        if early {
            operation.cancel_order();
            let _ = go.send(());
        } else {
            let _ = begun.await;
            operation.cancel_order();
        }
        assert_eq!(all(&operation).await.len(), 1);
    }
}
