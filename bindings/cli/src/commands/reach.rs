//! `ushield token list`: what this phone is paired with, and what is in reach.

use serde_json::{Map, Value, json};
use ushield_client::{Error, InReach, TokenRecord, Whose};

use super::token::record;
use crate::failure::{Failure, error_json, why};
use crate::output::table::{Align, table};
use crate::output::{Answer, Output, Tone};
use crate::session::Look;
use crate::words::Words;

/// What a look around found, by the names of the ways.
type Found = Vec<(&'static str, Result<Vec<InReach>, Error>)>;

pub(super) async fn list(look: &Look, live: bool, paired_only: bool) -> Result<Answer, Failure> {
    let output = look.output();
    let tokens = look.tokens()?;
    let paired = paired(&output.words, &tokens);
    let tokens: Vec<Value> = tokens.iter().map(record).collect();
    if paired_only {
        return Ok(Answer::done(json!({"tokens": tokens}), paired));
    }
    let mut shown = Shown::default();
    loop {
        // Once: a table that stands is not pushed away by a word about the next look.
        if shown.0.is_none() {
            output.wait(&json!({"moment": "looking-around"}), &output.words.say("looking-around"));
        }
        let found = look.in_reach().await;
        let (reach, text) = (reach_json(output, &found), reach_text(&output.words, &found));
        if !live {
            return Ok(Answer::done(with(reach, "tokens", tokens.into()), format!("{paired}\n\n{text}")));
        }
        shown.show(output, reach, &text);
        // Between two looks: a radio that has nothing to wait for would be asked without a pause.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

/// What stands on the screen: shown anew where it has changed.
#[derive(Default)]
struct Shown(Option<String>);

impl Shown {
    fn show(&mut self, output: &Output, reach: Map<String, Value>, text: &str) {
        if self.0.as_deref() == Some(text) {
            return;
        }
        if let Some(before) = &self.0 {
            output.take_back(before);
        }
        output.event(&with(reach, "moment", "in-reach".into()), text, Tone::Plain);
        self.0 = Some(text.to_owned());
    }
}

fn with(mut reach: Map<String, Value>, name: &str, value: Value) -> Value {
    reach.insert(name.to_owned(), value);
    reach.into()
}

fn paired(words: &Words, tokens: &[TokenRecord]) -> String {
    if tokens.is_empty() {
        return words.say("no-tokens");
    }
    let columns = [
        (words.say("name"), Align::Left),
        (words.say("brand"), Align::Left),
        (words.say("model"), Align::Left),
        (words.say("device-id"), Align::Left),
    ];
    let row = |token: &TokenRecord| {
        let pairing = &token.pairing;
        [pairing.name.clone(), pairing.brand.clone(), pairing.model.clone(), pairing.device.to_string()]
    };
    table(columns, &tokens.iter().map(row).collect::<Vec<_>>())
}

fn reach_json(output: &Output, found: &Found) -> Map<String, Value> {
    let mut reach = Vec::new();
    let mut links = Map::new();
    for (name, found) in found {
        match found {
            Ok(found) => reach.extend(found.iter().map(|token| one(name, token))),
            Err(error) => drop(links.insert((*name).to_owned(), error_json(error, &output.words))),
        }
    }
    Map::from_iter([("in_reach".to_owned(), reach.into()), ("links_without".to_owned(), links.into())])
}

fn one(link: &str, token: &InReach) -> Value {
    let ours = match &token.whose {
        Whose::Ours(ours) => Some(&ours.pairing),
        _ => None,
    };
    json!({
        "link": link, "place": token.place, "signal_dbm": token.signal, "state": token.whose.name(),
        "device_id": ours.map(|ours| ours.device.to_string()), "name": ours.map(|ours| &ours.name),
        "brand": ours.map(|ours| &ours.brand),
    })
}

fn reach_text(words: &Words, found: &Found) -> String {
    let columns = [
        (words.say("link"), Align::Left),
        (words.say("place"), Align::Left),
        (words.say("signal"), Align::Left),
        (words.say("name"), Align::Left),
        (words.say("brand"), Align::Left),
        (words.say("state"), Align::Left),
    ];
    let mut rows: Vec<[String; 6]> = Vec::new();
    let mut without = Vec::new();
    for (link, found) in found {
        match found {
            Ok(found) => rows.extend(found.iter().map(|token| row(words, link, token))),
            Err(error) => {
                without.push(format!("{link}: {}", why(error, words)));
            }
        }
    }
    let mut lines = match rows.is_empty() {
        true => vec![words.say("nothing-in-reach")],
        false => vec![table(columns, &rows)],
    };
    lines.extend(without);
    lines.join("\n")
}

fn row(words: &Words, link: &str, token: &InReach) -> [String; 6] {
    let (name, brand) = match &token.whose {
        Whose::Ours(ours) => (ours.pairing.name.clone(), ours.pairing.brand.clone()),
        _ => (String::new(), String::new()),
    };
    let state = match &token.whose {
        Whose::Ours(_) => words.say("reach-paired"),
        Whose::PairingMode => words.say("reach-pairing-mode"),
        Whose::Unpaired => words.say("reach-unpaired"),
        Whose::Others => words.say("reach-others"),
        Whose::Busy => words.say("reach-busy"),
    };
    let signal = token.signal.map_or_else(String::new, |dbm| format!("{} {dbm} dBm", bars(dbm)));
    [link.to_owned(), token.place.clone(), signal, name, brand, state]
}

/// Strength as a picture: what a person at a table has is between -40 and -80 dBm.
fn bars(dbm: i16) -> &'static str {
    match dbm {
        -55.. => "▂▄▆█",
        -67..-55 => "▂▄▆ ",
        -79..-67 => "▂▄  ",
        _ => "▂   ",
    }
}
