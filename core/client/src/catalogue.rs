//! Texts for people, Chinese and English, by the catalogue's names (protocol.md, section 14). The texts are in `locales`.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

use crate::customer::{LinkEvent, Moment, PinReason, TokenScreen};
use crate::error::{Detail, Error, Place};
use crate::orders::Status;

/// A language that texts exist in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Chinese, simplified.
    Zh,
    /// English.
    #[default]
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::Zh, Language::En];

    /// The language of a tag of BCP 47 or POSIX (`zh-CN`, `zh_CN.UTF-8`); English for what there is no text in.
    #[must_use]
    pub fn from_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_', '.', '@']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") { Language::Zh } else { Language::En }
    }

    /// The tag of BCP 47.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Language::Zh => include_str!("../locales/zh.ftl"),
            Language::En => include_str!("../locales/en.ftl"),
        }
    }
}

/// What a person is told about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In a few words.
    pub title: String,
    /// What happened.
    pub what: String,
    /// What to do now.
    pub remedy: String,
}

/// The texts of one language.
pub struct Catalogue {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// Stands for what is not known; the texts choose by it.
const NONE: &str = "none";

impl Catalogue {
    /// The texts of a language.
    #[must_use]
    pub fn new(language: Language) -> Self {
        // The texts are part of the program and a test reads them all: what cannot be parsed would be missing, not wrong.
        let resource =
            FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(partial, _)| partial);
        let mut bundle = FluentBundle::new_concurrent(vec![language.tag().parse().unwrap_or_default()]);
        // Isolation marks would be shown as boxes by many terminals; every argument is checked text, a number or ours.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// Which language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// What to tell about an error.
    #[must_use]
    pub fn text(&self, error: &Error) -> Text {
        let args = self.arguments(error);
        let id = error.code().name();
        // What the token may have done matters more than how its word was lost.
        let id = error.doubt().map_or_else(|| id.to_owned(), |doubt| format!("doubt-{}", doubt.name()));
        Text {
            title: self.format(&id, None, &args),
            what: self.format(&id, Some("what"), &args),
            remedy: self.format(&id, Some("remedy"), &args),
        }
    }

    /// The few words for a code.
    #[must_use]
    pub fn title(&self, code: Code) -> String {
        self.format(code.name(), None, &FluentArgs::new())
    }

    /// What to tell about a moment.
    #[must_use]
    pub fn moment(&self, moment: &Moment) -> String {
        let mut args = FluentArgs::new();
        match moment {
            Moment::Connecting { link } => {
                args.set("link", link.as_ref().map_or_else(|| NONE.to_owned(), |link| visible(link)))
            }
            Moment::Reconnecting { attempt } => args.set("attempt", *attempt),
            Moment::Link(LinkEvent::SeveralTokens { found }) => args.set("found", *found),
            Moment::Link(LinkEvent::WrongToken { name }) => {
                args.set("name", name.as_ref().map_or_else(|| NONE.to_owned(), |name| visible(name)))
            }
            Moment::Resuming { order } | Moment::OpenOrderFound { order } | Moment::Unknown { order } => {
                args.set("order", order.to_string())
            }
            Moment::PressOkOnToken { screen } => args.set("screen", self.screen(*screen)),
            Moment::ReviewOnToken { pages, .. } => args.set("pages", *pages),
            Moment::PinWrong { tries } => args.set("tries", *tries),
            Moment::Settled { outcome, .. } => args.set("outcome", self.outcome(*outcome)),
            Moment::Link(
                LinkEvent::RadioOff | LinkEvent::RadioForbidden | LinkEvent::NoReader | LinkEvent::TagLost,
            )
            | Moment::Connected
            | Moment::CreatingOrder
            | Moment::PinNeeded
            | Moment::LastTry
            | Moment::Approved
            | Moment::Rejected
            | Moment::Submitting
            | Moment::Cancelling
            | Moment::StoringCertificate => {}
        }
        self.format(&format!("moment-{}", moment.name()), None, &args)
    }

    /// What to ask a PIN with.
    #[must_use]
    pub fn ask_pin(&self, reason: PinReason) -> String {
        self.ask_pin_of(None, reason)
    }

    /// The same with the name of the token whose PIN it is, for a person who has several.
    #[must_use]
    pub fn ask_pin_of(&self, token: Option<&str>, reason: PinReason) -> String {
        let mut args = FluentArgs::new();
        args.set("token", token.map_or_else(|| NONE.to_owned(), visible));
        let name = match reason {
            PinReason::Approve => "approve",
            PinReason::WrongBefore { tries } => {
                args.set("tries", tries);
                "wrong-before"
            }
            PinReason::SecondPhone => "second-phone",
            PinReason::Current => "current",
            PinReason::New => "new",
        };
        self.format(&format!("ask-{name}"), None, &args)
    }

    /// What to do at a screen of the token.
    #[must_use]
    pub fn screen(&self, screen: TokenScreen) -> String {
        self.format(&format!("screen-{}", screen.name()), None, &FluentArgs::new())
    }

    /// What became of an order.
    #[must_use]
    pub fn status(&self, status: Status) -> String {
        self.format(&format!("status-{}", status.name()), None, &FluentArgs::new())
    }

    /// How an order ended.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> String {
        self.status(Status::Ended(outcome))
    }

    fn arguments(&self, error: &Error) -> FluentArgs<'static> {
        let mut args = FluentArgs::new();
        args.set("tries", error.tries_left().map_or(FluentValue::from(NONE), FluentValue::from));
        args.set("place", error.place().map_or_else(|| NONE.to_owned(), |place| self.place(place)));
        let (mut holder, mut path, mut host, mut device) = (None, None, None, None);
        match error.detail() {
            Some(Detail::Holder(found)) => holder = Some(found.to_string()),
            Some(Detail::SetAside(found) | Detail::Path(found)) => path = Some(found.display().to_string()),
            Some(Detail::Host(found)) => host = Some(found.clone()),
            Some(Detail::Device(found)) => device = Some(found.to_string()),
            None => {}
        }
        for (name, value) in [("holder", holder), ("path", path), ("host", host), ("device", device)] {
            args.set(name, value.map_or_else(|| NONE.to_owned(), |value| visible(&value)));
        }
        args
    }

    /// The name of an input, or where in a message something is.
    fn place(&self, place: &Place) -> String {
        let Place::Member(name) = place else { return place.to_string() };
        // `transfer.creditor_account` and `creditor_account` are one input.
        let short = name.strip_prefix("transfer.").unwrap_or(name);
        let id = format!("place-{}", short.replace(['_', '.'], "-"));
        if self.bundle.has_message(&id) {
            self.format(&id, None, &FluentArgs::new())
        } else {
            name.to_string()
        }
    }

    /// A text; its name where there is none.
    fn format(&self, id: &str, attribute: Option<&str>, args: &FluentArgs<'_>) -> String {
        let mut errors = Vec::new();
        self.try_format(id, attribute, args, &mut errors).unwrap_or_else(|| id.to_owned())
    }

    fn try_format(
        &self,
        id: &str,
        attribute: Option<&str>,
        args: &FluentArgs<'_>,
        errors: &mut Vec<FluentError>,
    ) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        let pattern = match attribute {
            None => message.value()?,
            Some(name) => message.get_attribute(name)?.value(),
        };
        Some(self.bundle.format_pattern(pattern, Some(args), errors).into_owned())
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalogue({})", self.language.tag())
    }
}

/// Without characters that steer a terminal: paths and hosts come from outside.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
