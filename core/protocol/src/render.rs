//! The one page renderer (section 10): what the token shows, the bank digests and the phone announces.

mod blocks;
mod layout;

use alloc::string::String;
use alloc::vec::Vec;

use crate::cbor::Field;
use crate::key::{Hash, OrderId, sha256};
use crate::order::{Order, Verified};

/// Cells in a line.
pub const COLUMNS: usize = 24;
/// Lines on a page.
pub const ROWS: usize = 6;
/// Most pages of an order.
pub const MAX_PAGES: usize = 32;

/// Language of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// A render profile: its meaning never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Profile 1: renderer 1, 24 x 6 cells, Chinese, widths 1, glyph set 1.
    Zh1,
    /// Profile 2: the same in English.
    En1,
}

impl Profile {
    /// The profile of a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Profile::Zh1),
            2 => Some(Profile::En1),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Profile::Zh1 => 1,
            Profile::En1 => 2,
        }
    }

    /// The language of labels.
    #[must_use]
    pub fn locale(self) -> Locale {
        match self {
            Profile::Zh1 => Locale::Zh,
            Profile::En1 => Locale::En,
        }
    }
}

/// What the token knows beside the order and must say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// The same payee, account and amount were approved before.
    pub paid_before: Option<PaidBefore>,
}

/// An order that was approved with the same creditor account, scheme, currency and amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidBefore {
    /// That order.
    pub order: OrderId,
    /// When it was issued.
    pub issued: u64,
}

impl PaidBefore {
    /// How far apart two orders may have been issued for the warning.
    pub const WINDOW: u64 = 86_400;
}

/// An order that a profile cannot show: the field at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unshowable {
    /// The field.
    pub field: Field,
}

impl From<Unshowable> for crate::refusal::Refusal {
    fn from(error: Unshowable) -> Self {
        Self::at(crate::code::Code::Unshowable, error.field)
    }
}

/// The pages of an order, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages(Vec<String>);

impl Pages {
    /// How many.
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// Page `index`, from 0: six lines joined by a newline.
    #[must_use]
    pub fn page(&self, index: u8) -> Option<&str> {
        self.0.get(usize::from(index)).map(String::as_str)
    }

    /// The pages in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The digest that an authorization carries.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let parts: Vec<&[u8]> = self.0.iter().flat_map(|page| [page.as_bytes(), b"\x0c"]).collect();
        sha256(&parts)
    }
}

/// Renders an order. Nothing is left out, elided or masked.
pub fn pages(order: &Order<Verified>, profile: Profile, notices: &Notices) -> Result<Pages, Unshowable> {
    let payload = order.payload();
    let locale = profile.locale();
    let blocks = blocks::of(payload, locale, notices)?;
    let pages = layout::pages(blocks::title(payload, locale), &blocks, locale);
    if pages.len() > MAX_PAGES { Err(Unshowable { field: Field::outer(10) }) } else { Ok(Pages(pages)) }
}
