//! A power switch for tests: the token's power goes at once, or in the middle of a flash operation to come.

/// The token's power, as its board sees it.
#[derive(Debug)]
pub(crate) struct Power {
    on: bool,
    /// Operations until the one that is torn, if one is to be.
    left: Option<u32>,
}

/// What becomes of a flash operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// It is done.
    Whole,
    /// The power goes while it is done: half of it is.
    Torn,
    /// There is no power.
    None,
}

impl Default for Power {
    fn default() -> Self {
        Self { on: true, left: None }
    }
}

impl Power {
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// At once, or at the operation with this number, counted from 1.
    pub(crate) fn cut(&mut self, at: Option<u32>) {
        match at.filter(|at| *at > 0) {
            Some(at) => self.left = Some(at),
            None => self.on = false,
        }
    }

    pub(crate) fn switch_on(&mut self) {
        *self = Self::default();
    }

    /// One more flash operation begins.
    pub(crate) fn operation(&mut self) -> Operation {
        if !self.on {
            return Operation::None;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left == Some(0) {
            self.on = false;
            return Operation::Torn;
        }
        Operation::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_that_was_named_is_torn_and_none_follows() {
        let mut power = Power::default();
        power.cut(Some(2));
        assert_eq!([power.operation(), power.operation()], [Operation::Whole, Operation::Torn]);
        assert!(!power.is_on());
        assert_eq!(power.operation(), Operation::None);
        power.switch_on();
        assert_eq!(power.operation(), Operation::Whole);
        power.cut(None);
        assert!(!power.is_on());
    }
}
