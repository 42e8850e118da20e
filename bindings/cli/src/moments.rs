//! Moments of the client's flows as JSON lines and as lines for a person.

use serde_json::{Value, json};
use ushield_client::{LinkEvent, Moment};

use crate::output::Tone;

/// A moment for programs: its name, and what it holds.
pub(crate) fn json(moment: &Moment) -> Value {
    let name = moment.name();
    match moment {
        Moment::Connecting { link } => json!({"moment": name, "link": link}),
        Moment::Reconnecting { attempt } => json!({"moment": name, "attempt": attempt}),
        Moment::Link(LinkEvent::SeveralTokens { found }) => json!({"moment": name, "found": found}),
        Moment::Link(LinkEvent::WrongToken { name: token }) => json!({"moment": name, "token": token}),
        Moment::Resuming { order } | Moment::OpenOrderFound { order } | Moment::Unknown { order } => {
            json!({"moment": name, "order_id": order.to_string()})
        }
        Moment::PressOkOnToken { screen } => json!({"moment": name, "screen": screen.name()}),
        Moment::ReviewOnToken { order, pages } => {
            json!({"moment": name, "order_id": order.to_string(), "pages": pages})
        }
        Moment::PinWrong { tries } => json!({"moment": name, "tries_left": tries}),
        Moment::Settled { order, outcome } => {
            json!({"moment": name, "order_id": order.to_string(), "outcome": outcome.name()})
        }
        _ => json!({"moment": name}),
    }
}

/// How its line stands out and stays; nothing for what only goes on.
pub(crate) fn tone(moment: &Moment) -> Option<Tone> {
    match moment {
        Moment::PinWrong { .. } | Moment::LastTry => Some(Tone::Bad),
        Moment::Approved => Some(Tone::Good),
        Moment::Link(_) => Some(Tone::Strong),
        Moment::Rejected | Moment::Unknown { .. } | Moment::OpenOrderFound { .. } => Some(Tone::Strong),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ushield_client::TokenScreen;
    use ushield_protocol::key::OrderId;
    use ushield_protocol::receipt::Outcome;

    use super::*;

    #[test]
    fn a_moment_is_a_json_object_with_its_name_and_values() {
        let order = OrderId::from_random([9; 16]);
        let id = order.to_string();
        for (moment, expected) in [
            (Moment::Connected, json!({"moment": "connected"})),
            (
                Moment::ReviewOnToken { order, pages: 5 },
                json!({"moment": "review-on-token", "order_id": id, "pages": 5}),
            ),
            (Moment::PinWrong { tries: 3 }, json!({"moment": "pin-wrong", "tries_left": 3})),
            (
                Moment::PressOkOnToken { screen: TokenScreen::Forget },
                json!({"moment": "press-ok-on-token", "screen": "forget"}),
            ),
            (
                Moment::Settled { order, outcome: Outcome::Expired },
                json!({"moment": "settled", "order_id": id, "outcome": "expired"}),
            ),
        ] {
            assert_eq!(json(&moment), expected);
        }
    }

    #[test]
    fn what_the_customer_must_not_miss_stays_on_the_screen() {
        let order = OrderId::from_random([9; 16]);
        for moment in
            [Moment::PinWrong { tries: 1 }, Moment::LastTry, Moment::Unknown { order }, Moment::Rejected]
        {
            assert!(tone(&moment).is_some(), "{}", moment.name());
        }
        assert_eq!(tone(&Moment::Connected), None);
    }
}
