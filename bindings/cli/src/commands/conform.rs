//! `ushield conform`.

mod person;
mod wire;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use ushield_client::ports::{Link as _, Wanted};
use ushield_conform::bank::TestBank;
use ushield_conform::face::FaceHand;
use ushield_conform::{Entry, Hand, Outcome, Report, Setup, Skipped, Stop, Streams, Unfit};
use ushield_links::system::OsEntropy;
use ushield_protocol::code::Class;
use ushield_protocol::device::MakerRoot;

use super::init::certificates;
use crate::args::{Conform, LinkAddress};
use crate::failure::{Failure, exit_of};
use crate::link::{Ways, software_token};
use crate::output::table::{Align, table};
use crate::output::{Answer, Output, Tone};
use crate::session::Context;
use crate::words::Words;

use self::person::Person;
use self::wire::Wire;

pub(super) async fn run(context: &Context, options: Conform) -> Result<Answer, Failure> {
    let output = context.output();
    let words = &output.words;
    let bank = TestBank::open(&options.keys).map_err(|bad| {
        let file = bad.file.display().to_string();
        Failure::usage(
            "--keys",
            words.fill("conform-key-file", &[("file", &file), ("problem", &bad.problem)]),
        )
    })?;
    let makers: Vec<MakerRoot> =
        certificates(&options.maker, "--maker")?.iter().filter_map(|der| MakerRoot::from_der(der)).collect();
    if makers.is_empty() {
        let file = options.maker.display().to_string();
        return Err(Failure::usage("--maker", words.fill("conform-no-root", &[("file", &file)])));
    }
    let hand = hand(context, options.face.as_deref()).await?;
    let connector = Ways::to(&options.token, "--token")?.connector();
    // One that is not there is no token that fails.
    connector.connect(&Wanted::any()).await?.close().await;
    output.event(&json!({"moment": "conform-begins"}), &words.say("conform-begins"), Tone::Strong);
    // What is below messages is looked at where it is a stream.
    let streams: Option<Arc<dyn Streams>> = match &options.token {
        LinkAddress::Tcp(address) => Some(Arc::new(Wire::new(&software_token(address.clone())))),
        _ => None,
    };
    let setup = Setup {
        connector,
        streams,
        hand,
        bank,
        makers,
        entropy: Arc::new(OsEntropy),
        now: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs()),
        slow: options.slow,
        destructive: options.destructive,
        power: options.power,
    };
    let begins = |case: &ushield_conform::Case| {
        let json = json!({"moment": "case", "case": case.id, "rule": case.rule});
        output.wait(&json, &words.fill("conform-trying", &[("case", case.id), ("text", case.text)]));
    };
    let ended = |entry: &Entry| {
        if matches!(entry.outcome, Outcome::Fail { .. }) {
            let mut json = serde_json::to_value(entry).unwrap_or_default();
            if let Some(object) = json.as_object_mut() {
                object.insert("moment".to_owned(), "case-failed".into());
            }
            output.event(&json, &failure(words, entry), Tone::Bad);
        }
    };
    let report = ushield_conform::run(setup, begins, ended).await;
    match &report.stop {
        Some(Stop::Unfit(unfit)) => Err(unfitting(words, unfit, &options)),
        Some(Stop::Away { .. }) | None => Ok(answer(output, &report)),
    }
}

/// An input that is another token's: not this one's fault.
fn unfitting(words: &Words, unfit: &Unfit, options: &Conform) -> Failure {
    let keys = options.keys.join("trust.json").display().to_string();
    let maker = options.maker.display().to_string();
    match unfit {
        Unfit::Link { came } => {
            let link = options.token.to_string();
            Failure::usage("--token", words.fill("conform-other-link", &[("link", &link), ("came", came)]))
        }
        Unfit::Face { because } => {
            Failure::usage("--face", words.fill("conform-other-face", &[("reason", because)]))
        }
        Unfit::Maker { because } => {
            let values = [("file", maker.as_str()), ("reason", because)];
            Failure::usage("--maker", words.fill("conform-other-maker", &values))
        }
        Unfit::Used { code } => Failure::usage("--token", words.fill("conform-used", &[("code", code)])),
        Unfit::Keys { bank, root } => {
            let values = [("bank", bank.as_str()), ("root", root), ("file", &keys)];
            Failure::usage("--keys", words.fill("conform-other-keys", &values))
        }
    }
}

/// The software token's face, or the person at this terminal.
async fn hand(context: &Context, face: Option<&str>) -> Result<Box<dyn Hand>, Failure> {
    let output = context.output();
    let words = &output.words;
    match face {
        Some(url) => {
            let mut hand =
                FaceHand::new(url).ok_or_else(|| Failure::usage("--face", words.say("conform-face-form")))?;
            hand.screen().await.map_err(|unable| {
                let values = [("url", url), ("reason", unable.0.as_str())];
                Failure::usage("--face", words.fill("conform-not-heard", &values))
            })?;
            Ok(Box::new(hand))
        }
        None if output.interactive => Ok(Box::new(Person::new(Arc::clone(output)))),
        None => Err(Failure::usage("--face", words.say("conform-nobody"))),
    }
}

fn answer(output: &Output, report: &Report) -> Answer {
    let words = &output.words;
    let (passed, failed, skipped) = report.counts();
    let columns = [
        (words.say("conform-rule"), Align::Left),
        (words.say("conform-case"), Align::Left),
        (words.say("conform-result"), Align::Left),
    ];
    let rows: Vec<[String; 3]> = report
        .cases
        .iter()
        .map(|entry| [entry.rule.to_owned(), entry.case.to_owned(), state(words, &entry.outcome)])
        .collect();
    let mut parts = vec![table(columns, &rows)];
    parts.extend(report.failures().map(|entry| failure(words, entry)));
    let counts = [passed, failed, skipped].map(|count| count.to_string());
    let [p, f, s] = counts.each_ref();
    parts.push(words.fill("conform-sum", &[("passed", p), ("failed", f), ("skipped", s)]));
    let (verdict, exit) = verdict(words, report);
    let tone = if exit == 0 { Tone::Good } else { Tone::Bad };
    parts.push(output.paint(&verdict, tone));
    let json = json!({
        "passes": report.passes(), "passed": passed, "failed": failed, "skipped": skipped, "stop": report.stop,
        "cases": report.cases,
    });
    Answer { json, text: parts.join("\n\n"), exit }
}

/// The last word, and the exit code: a token that has gone may be there the next time.
fn verdict(words: &Words, report: &Report) -> (String, u8) {
    if let Some(Stop::Away { case, returns }) = &report.stop {
        let (case, returns) = (case.unwrap_or("-"), returns.to_string());
        let values = [("case", case), ("returns", returns.as_str())];
        let exit = exit_of(if report.failures().next().is_some() { Class::Terminal } else { Class::Retry });
        return (words.fill("conform-away", &values), exit);
    }
    if report.passes() {
        return (words.say("conform-passes"), 0);
    }
    let failed = report.failures().next().is_some();
    let verdict = if failed { words.say("conform-fails") } else { words.say("conform-incomplete") };
    (verdict, exit_of(Class::Terminal))
}

/// What was done, what is right, what came, and where the remedy stands.
fn failure(words: &Words, entry: &Entry) -> String {
    let Outcome::Fail { expected, came } = &entry.outcome else { return String::new() };
    let remedy = words.fill("conform-remedy", &[("rule", entry.rule)]);
    let tried = words.fill("conform-trying", &[("case", entry.case), ("text", entry.text)]);
    let (should, did) = (words.say("conform-expected"), words.say("conform-came"));
    format!("✗ {} {tried}\n  {should} {expected}\n  {did} {came}\n  → {remedy}", entry.rule)
}

fn state(words: &Words, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Pass => words.say("conform-state-passed"),
        Outcome::Fail { .. } => words.say("conform-state-failed"),
        Outcome::Skipped(why) => match why {
            Skipped::Slow => words.say("conform-skip-slow"),
            Skipped::Destructive => words.say("conform-skip-destructive"),
            Skipped::Power => words.say("conform-skip-power"),
            Skipped::NoSwitch => words.say("conform-skip-switch"),
            Skipped::Stopped => words.say("conform-skip-stopped"),
            Skipped::Needs(case) => words.fill("conform-skip-needs", &[("case", case)]),
            Skipped::NotFresh => words.say("conform-skip-fresh"),
            Skipped::NoScreen => words.say("conform-skip-screen"),
            Skipped::NoCode => words.say("conform-skip-code"),
            Skipped::NoStream => words.say("conform-skip-stream"),
            Skipped::Hand(reason) => words.fill("conform-skip-hand", &[("reason", reason)]),
        },
    }
}

#[cfg(test)]
mod tests {
    use ushield_client::catalogue::Language;

    use super::*;
    use crate::args::Colour;

    fn entry(case: &'static str, outcome: Outcome) -> Entry {
        Entry { case, rule: "T9", text: "what is done", outcome }
    }

    fn told(lang: Language, outcomes: Vec<Outcome>) -> Answer {
        let output = Output::new(Words::new(lang), false, Colour::Never);
        let cases = outcomes.into_iter().map(|outcome| entry("a-case", outcome)).collect();
        answer(&output, &Report { cases, stop: None })
    }

    #[test]
    fn a_failure_is_told_with_its_rule_and_ends_otherwise() {
        let fail = Outcome::Fail { expected: "this".to_owned(), came: "that".to_owned() };
        for lang in Language::ALL {
            let failed = told(lang, vec![Outcome::Pass, fail.clone(), Outcome::Skipped(Skipped::Slow)]);
            assert_eq!(failed.exit, 13);
            for part in ["a-case", "this", "that", "docs/token.md", "T9", "--slow"] {
                assert!(failed.text.contains(part), "{lang:?} {part}: {}", failed.text);
            }
            let counts = ["passed", "failed", "skipped"].map(|name| failed.json[name].as_u64());
            assert_eq!(counts, [Some(1); 3]);
            assert_eq!(failed.json["cases"][1]["came"], "that");
        }
    }

    #[test]
    fn only_what_nobody_asked_for_may_be_left_out() {
        let exit = |outcomes| told(Language::En, outcomes).exit;
        assert_eq!(exit(vec![Outcome::Pass, Outcome::Skipped(Skipped::Slow)]), 0);
        assert_eq!(exit(vec![Outcome::Pass, Outcome::Skipped(Skipped::Needs("pairing-good"))]), 13);
        let unable = Skipped::Hand("no light".to_owned());
        assert_eq!(exit(vec![Outcome::Pass, Outcome::Skipped(unable)]), 13);
        assert_eq!(exit(vec![]), 13, "nothing was tried");
    }

    #[test]
    fn a_token_that_has_gone_has_not_failed() {
        for lang in Language::ALL {
            let output = Output::new(Words::new(lang), false, Colour::Never);
            let mut report = Report {
                cases: vec![
                    entry("a-case", Outcome::Pass),
                    entry("next", Outcome::Skipped(Skipped::Stopped)),
                ],
                stop: Some(Stop::Away { case: Some("a-case"), returns: 2 }),
            };
            let gone = answer(&output, &report);
            assert_eq!(gone.exit, 10, "{}", gone.text);
            assert_eq!(gone.json["stop"]["case"], "a-case");
            let last = gone.text.lines().last().unwrap();
            assert!(last.contains("a-case") && last.contains('2'), "{last}");
            let fail = Outcome::Fail { expected: "this".to_owned(), came: "that".to_owned() };
            report.cases.push(entry("wrong", fail));
            assert_eq!(answer(&output, &report).exit, 13, "what failed before has failed");
        }
    }
}
