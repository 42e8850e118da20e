//! The program's own words, in the language of the customer. Texts of errors are the client's catalogue's.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use ushield_client::catalogue::{Catalogue, Language};

/// Words of one language.
pub(crate) struct Words {
    /// Texts of errors, moments and outcomes.
    pub(crate) catalogue: Catalogue,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    pub(crate) fn new(language: Language) -> Self {
        let source = source(language);
        let mut bundle = FluentBundle::new_concurrent(vec![language.tag().parse().unwrap_or_default()]);
        // Invisible marks around values would come back when someone copies an account from a terminal.
        bundle.set_use_isolating(false);
        // What does not parse is left out and shows as its key; a test sees that nothing is.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
        Self { catalogue: Catalogue::new(language), bundle }
    }

    /// The text of a key.
    pub(crate) fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of a key, with values in it.
    pub(crate) fn fill(&self, key: &str, values: &[(&'static str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, *value);
        }
        self.format(key, Some(&args))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            return key.to_owned();
        };
        self.bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned()
    }
}

fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../locales/en.ftl"),
        Language::Zh => include_str!("../locales/zh.ftl"),
    }
}

/// The language of the environment, as POSIX ranks its variables.
pub(crate) fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable);
    Language::from_tag(&set.find(|value| !value.is_empty()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Keys of a language, each with the names of the values in it.
    fn keys(language: Language) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let lines = source(language).lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines
            .map(|line| {
                let (key, text) = line.split_once(" = ").unwrap();
                (key, text.split("{ $").skip(1).map(|rest| rest.split(' ').next().unwrap()).collect())
            })
            .collect()
    }

    /// The program's sources, without tests.
    fn sources(folder: &Path) -> Vec<String> {
        let below = |entry: std::io::Result<fs::DirEntry>| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return sources(&path);
            }
            vec![fs::read_to_string(path).unwrap().split("#[cfg(test)]").next().unwrap().to_owned()]
        };
        fs::read_dir(folder).unwrap().flat_map(below).collect()
    }

    #[test]
    fn both_languages_say_the_same_and_all_of_it_parses() {
        assert_eq!(keys(Language::En), keys(Language::Zh));
        for language in Language::ALL {
            assert!(FluentResource::try_new(source(language).to_owned()).is_ok(), "{language:?}");
            let words = Words::new(language);
            for (key, names) in keys(language) {
                let values: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
                let text = words.fill(key, &values);
                assert!(words.bundle.has_message(key) && !text.contains('{'), "{language:?} {key}: {text}");
                assert!(names.iter().all(|name| text.contains(name)), "{language:?} {key}: {text}");
            }
        }
    }

    #[test]
    fn what_the_program_says_is_there_and_what_is_there_it_says() {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let mut said = BTreeSet::new();
        for source in &sources {
            for call in ["say(", "fill("] {
                let after = source.split(call).skip(1).map(|rest| rest.trim_start());
                said.extend(after.filter_map(|rest| rest.strip_prefix('"')?.split('"').next()));
            }
        }
        assert_eq!(said, keys(Language::En).into_keys().collect());
    }

    #[test]
    fn the_language_is_that_of_the_strongest_variable_that_is_set() {
        let of = |set: &[(&str, &str)]| {
            language_of(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[]), Language::En);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Language::Zh);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), Language::En);
        assert_eq!(of(&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "zh_TW")]), Language::Zh);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "zh")]), Language::Zh);
    }
}
