//! The display: takes pages from the token, hands the newest frame to everyone who looks.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use ushield_token::Symbol;

use crate::{
    font::Font,
    picture::{LINES, PageFault, Picture},
};

/// What the display shows from one redraw to the next.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Counts redraws from 0, the dark display before the token has drawn anything.
    pub serial: u64,
    /// Six lines joined by U+000A.
    pub text: String,
    /// The same, as pixels.
    pub picture: Picture,
    /// The pairing code in the picture, if there is one.
    pub code: Option<Symbol>,
    /// Why the page that the token wanted is not shown. Then a fault screen is.
    pub fault: Option<PageFault>,
}

impl Frame {
    /// The six lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }
}

/// The token's end of the display.
#[derive(Debug)]
pub struct Panel {
    font: Arc<Font>,
    frames: watch::Sender<Arc<Frame>>,
}

/// The viewer's end of the display.
#[derive(Debug, Clone)]
pub struct Screen(watch::Receiver<Arc<Frame>>);

/// A dark display and its two ends.
#[must_use]
pub fn display(font: Arc<Font>) -> (Panel, Screen) {
    let dark = Frame {
        serial: 0,
        text: "\n".repeat(LINES.saturating_sub(1)),
        picture: Picture::blank(),
        code: None,
        fault: None,
    };
    let (frames, seen) = watch::channel(Arc::new(dark));
    (Panel { font, frames }, Screen(seen))
}

impl Panel {
    /// Shows a page, or a fault screen when the page does not fit the display: part of a page is never shown.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn show(&self, page: &str) -> Result<(), PageFault> {
        self.show_with(page, None)
    }

    /// Shows a page with a pairing code over its left half, or a fault screen as [`Panel::show`].
    ///
    /// # Errors
    /// Why the page does not fit.
    pub fn show_code(&self, page: &str, code: &Symbol) -> Result<(), PageFault> {
        self.show_with(page, Some(code.clone()))
    }

    fn show_with(&self, page: &str, code: Option<Symbol>) -> Result<(), PageFault> {
        let (text, picture, code, fault) = match Picture::of_page(page, &self.font) {
            Ok(picture) => match code {
                Some(code) => (page.to_owned(), picture.with_code(&code), Some(code), None),
                None => (page.to_owned(), picture, None, None),
            },
            Err(fault) => {
                let text = "DISPLAY FAULT\n\n\n\n\n".to_owned();
                let picture = Picture::of_page(&text, &self.font).unwrap_or_else(|_| Picture::blank());
                (text, picture.inverted(), None, Some(fault))
            }
        };
        self.frames.send_modify(|frame| {
            *frame = Arc::new(Frame { serial: frame.serial.saturating_add(1), text, picture, code, fault });
        });
        fault.map_or(Ok(()), Err)
    }
}

impl Screen {
    /// What is shown now.
    #[must_use]
    pub fn now(&self) -> Arc<Frame> {
        Arc::clone(&self.0.borrow())
    }

    /// The first frame newer than `serial`, or after `patience` whatever is shown then.
    pub async fn after(&self, serial: u64, patience: Duration) -> Arc<Frame> {
        let mut frames = self.0.clone();
        let newer = frames.wait_for(|frame| frame.serial > serial);
        match tokio::time::timeout(patience, newer).await {
            Ok(Ok(frame)) => Arc::clone(&frame),
            Ok(Err(_)) | Err(_) => self.now(),
        }
    }

    /// Waits for the next frame without a limit; `None` when the token is gone.
    pub async fn next(&mut self) -> Option<Arc<Frame>> {
        self.0.changed().await.ok()?;
        Some(Arc::clone(&self.0.borrow_and_update()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "转账                 1/3\n\n\n\n\n↓下页             C拒绝";

    #[tokio::test]
    async fn every_redraw_is_a_new_frame_and_waiters_see_it() {
        let (panel, screen) = display(Arc::new(Font::load().unwrap()));
        assert_eq!(screen.now().serial, 0);
        panel.show(PAGE).unwrap();
        panel.show(PAGE).unwrap();
        assert_eq!(screen.now().serial, 2);
        assert_eq!(screen.now().lines().count(), 6);
        assert_eq!(screen.after(1, Duration::ZERO).await.serial, 2);
        let waiting = {
            let screen = screen.clone();
            tokio::spawn(async move { screen.after(2, Duration::MAX).await.serial })
        };
        tokio::task::yield_now().await;
        panel.show(PAGE).unwrap();
        assert_eq!(waiting.await.unwrap(), 3);
        assert_eq!(screen.after(3, Duration::ZERO).await.serial, 3);
    }

    #[test]
    fn a_page_that_does_not_fit_becomes_a_fault_not_a_part() {
        let (panel, screen) = display(Arc::new(Font::load().unwrap()));
        assert_eq!(panel.show("only one line"), Err(PageFault::Lines(1)));
        let frame = screen.now();
        assert_eq!(frame.fault, Some(PageFault::Lines(1)));
        assert!(!frame.text.contains("one"));
        assert!(frame.picture.is_dark(191, 95), "the fault screen is inverted");
    }
}
