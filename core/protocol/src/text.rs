//! Text that may be shown (section 9). A closed repertoire, so that what is shown cannot be reordered, hidden or composed.

pub mod glyph_set;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// A control character or a line separator.
    Control,
    /// A bidirectional control.
    Bidi,
    /// A character without width.
    ZeroWidth,
    /// A character outside the glyph set.
    NotShowable,
    /// A leading, trailing or double space.
    Spaces,
    /// Letters of scripts that do not go together.
    MixedScripts,
    /// A name with more digits than a name has.
    Digits,
}

impl TextError {
    /// The name in protocol.md.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TextError::Control => "control",
            TextError::Bidi => "bidi",
            TextError::ZeroWidth => "zero-width",
            TextError::NotShowable => "not-showable",
            TextError::Spaces => "spaces",
            TextError::MixedScripts => "mixed-scripts",
            TextError::Digits => "digits",
        }
    }
}

/// Checks a text. The empty text passes: length is the field's business.
pub fn check(text: &str) -> Result<(), TextError> {
    for c in text.chars() {
        if let Some(error) = refused(c) {
            return Err(error);
        }
    }
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
        return Err(TextError::Spaces);
    }
    scripts(text)
}

/// Most digits in the name of a payee or of a bank.
pub const MAX_NAME_DIGITS: usize = 5;

/// Checks the name of a payee or of a bank: a text that holds no account number.
pub fn check_name(text: &str) -> Result<(), TextError> {
    check(text)?;
    let digits = text.chars().filter(|c| c.is_numeric() && !is_han(*c)).count();
    if digits > MAX_NAME_DIGITS { Err(TextError::Digits) } else { Ok(()) }
}

fn is_han(c: char) -> bool {
    script(c) == Script::Han
}

/// Whether a text is shown with the look-alike mark.
#[must_use]
pub fn has_look_alikes(text: &str) -> bool {
    text.chars().any(|c| matches!(script(c), Script::Greek | Script::Cyrillic) || is_confusing_form(c))
}

/// Width on the token's screen in cells ("widths 1" of section 10).
#[must_use]
pub fn width(c: char) -> usize {
    if matches!(c, ' '..='~') { 1 } else { 2 }
}

fn refused(c: char) -> Option<TextError> {
    match c {
        '\u{2028}' | '\u{2029}' => Some(TextError::Control),
        c if c.is_control() => Some(TextError::Control),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(TextError::Bidi)
        }
        '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {
            Some(TextError::ZeroWidth)
        }
        '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => Some(TextError::ZeroWidth),
        c if glyph_set::contains(c) => None,
        _ => Some(TextError::NotShowable),
    }
}

/// Letters of the closed set by script; everything else is common to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Common,
    Latin,
    Han,
    Kana,
    Bopomofo,
    Greek,
    Cyrillic,
}

fn script(c: char) -> Script {
    match c {
        'A'..='Z' | 'a'..='z' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => Script::Latin,
        '\u{c0}'..='\u{24f}' | '\u{250}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' if c.is_alphabetic() => {
            Script::Latin
        }
        '\u{370}'..='\u{3ff}' => Script::Greek,
        '\u{400}'..='\u{4ff}' => Script::Cyrillic,
        '\u{3040}'..='\u{30ff}' => Script::Kana,
        '\u{3100}'..='\u{312f}' => Script::Bopomofo,
        '\u{3400}'..='\u{4db5}' | '\u{4e00}'..='\u{9fef}' | '\u{f900}'..='\u{faff}' | '\u{3007}' => {
            Script::Han
        }
        _ => Script::Common,
    }
}

/// UTS 39, highly restrictive, on the closed set.
fn scripts(text: &str) -> Result<(), TextError> {
    let with = |allowed: &[Script]| {
        text.chars().map(script).all(|script| script == Script::Common || allowed.contains(&script))
    };
    let allowed = with(&[Script::Latin, Script::Han, Script::Kana])
        || with(&[Script::Latin, Script::Han, Script::Bopomofo])
        || with(&[Script::Greek])
        || with(&[Script::Cyrillic]);
    if allowed { Ok(()) } else { Err(TextError::MixedScripts) }
}

/// Full-width letters and digits, Roman numerals, the IPA letters that look like a and g: easily taken for others.
fn is_confusing_form(c: char) -> bool {
    matches!(c,
        '\u{251}' | '\u{261}'
        | '\u{ff10}'..='\u{ff19}'
        | '\u{ff21}'..='\u{ff3a}'
        | '\u{ff41}'..='\u{ff5a}'
        | '\u{2160}'..='\u{217f}'
    )
}

#[cfg(test)]
mod tests;
