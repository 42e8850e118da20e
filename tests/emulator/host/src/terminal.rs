//! The terminal face: the display in a frame, arrow keys, Enter for OK, Esc for C.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor,
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    queue, style, terminal,
};

use ushield_token::Symbol;

use crate::{
    picture::{COLUMNS, LINES, ROWS, WIDTH},
    runner::{Handle, Key, Unheard},
    screen::{Frame, Screen},
};

/// Light modules around a pairing code.
const CODE_MARGIN: usize = 4;
/// Columns of a pairing code with its margin.
const CODE_SIDE: usize = Symbol::SIDE + 2 * CODE_MARGIN;
/// The column in which it begins, behind the box.
const CODE_AT: usize = COLUMNS + 5;

/// How often the face looks for a new frame while no key is pressed.
const GLANCE: Duration = Duration::from_millis(50);

/// Runs the face on the calling thread until the person quits, `stop` is set, or the token has stopped.
///
/// # Errors
/// The terminal's; it is restored in any case.
pub fn run(
    screen: &Screen,
    token: &Handle,
    tokio: &tokio::runtime::Handle,
    stop: &AtomicBool,
) -> io::Result<()> {
    let _restored = RawTerminal::enter()?;
    let mut out = io::stdout();
    let mut pixels = false;
    let mut drawn = None;
    while !stop.load(Ordering::Relaxed) {
        let frame = screen.now();
        if drawn != Some((frame.serial, pixels)) {
            draw(&mut out, &frame, pixels, terminal::size()?)?;
            out.flush()?;
            drawn = Some((frame.serial, pixels));
            // What was typed before the page was there was not meant for it.
            while event::poll(Duration::ZERO)? {
                if let Some(Meaning::Quit) = pressed(&event::read()?) {
                    return Ok(());
                }
            }
        }
        if !event::poll(GLANCE)? {
            continue;
        }
        let event = event::read()?;
        match pressed(&event) {
            Some(Meaning::Press(key)) => match tokio.block_on(token.press_on(key, frame.serial)) {
                Ok(()) | Err(Unheard::ScreenChanged | Unheard::Off) => {}
                Err(Unheard::Stopped(_)) => return Ok(()),
            },
            Some(Meaning::TogglePixels) => pixels = !pixels,
            Some(Meaning::Quit) => return Ok(()),
            None if matches!(event, Event::Resize(..)) => drawn = None,
            None => {}
        }
    }
    Ok(())
}

fn pressed(event: &Event) -> Option<Meaning> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => meaning(*key),
        _ => None,
    }
}

/// Starts the face on a thread of its own.
///
/// # Errors
/// No thread could be started.
pub(crate) fn spawn(
    screen: Screen,
    token: Handle,
    stop: Arc<AtomicBool>,
) -> io::Result<tokio::sync::oneshot::Receiver<io::Result<()>>> {
    let (ended, end) = tokio::sync::oneshot::channel();
    let tokio = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("face".into()).spawn(move || {
        // The program may be ending already; then nobody asks.
        let _ = ended.send(run(&screen, &token, &tokio, &stop));
    })?;
    Ok(end)
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Press(Key),
    TogglePixels,
    Quit,
}

fn meaning(pressed: KeyEvent) -> Option<Meaning> {
    if pressed.modifiers.contains(KeyModifiers::CONTROL) {
        return (pressed.code == KeyCode::Char('c')).then_some(Meaning::Quit);
    }
    match pressed.code {
        KeyCode::Enter => Some(Meaning::Press(Key::Ok)),
        KeyCode::Esc => Some(Meaning::Press(Key::Cancel)),
        KeyCode::Up => Some(Meaning::Press(Key::Up)),
        KeyCode::Down => Some(Meaning::Press(Key::Down)),
        KeyCode::Char('p') => Some(Meaning::TogglePixels),
        KeyCode::Char('q') => Some(Meaning::Quit),
        _ => None,
    }
}

/// Draws the whole face. Pixels need a terminal of 194 columns and 51 lines; a smaller one gets text.
fn draw(out: &mut impl Write, frame: &Frame, pixels: bool, (columns, lines): (u16, u16)) -> io::Result<()> {
    queue!(out, terminal::Clear(terminal::ClearType::All), cursor::MoveTo(0, 0))?;
    let room =
        usize::from(columns) >= WIDTH.saturating_add(2) && usize::from(lines) >= (ROWS / 2).saturating_add(3);
    let (down, hint) = match (pixels, room) {
        (true, true) => (ROWS / 2, "p text"),
        (true, false) => (LINES, "p text (pixels need a terminal of 194 x 51)"),
        (false, _) => (LINES, "p pixels"),
    };
    if down == LINES {
        draw_box(out, COLUMNS, LINES)?;
        draw_text(out, frame)?;
    } else {
        draw_box(out, WIDTH, ROWS / 2)?;
        draw_pixels(out, frame)?;
    }
    let mut foot = down.saturating_add(2);
    let mut note = frame.fault.map(|fault| format!("display fault: {fault}"));
    if let Some(code) = frame.code.as_ref().filter(|_| down == LINES) {
        if usize::from(columns) >= CODE_AT + CODE_SIDE && usize::from(lines) > CODE_SIDE.div_ceil(2) {
            draw_code(out, code)?;
            foot = CODE_SIDE.div_ceil(2);
        } else {
            note = Some("the code needs a terminal of 66 x 20".to_owned());
        }
    }
    at(out, 0, foot)?;
    queue!(out, style::Print(format!(" Enter OK  Esc C  ↑ ↓ pages  {hint}  q quit")))?;
    if let Some(note) = note {
        at(out, 0, foot.saturating_add(1))?;
        queue!(out, style::Print(format!(" {note}")))?;
    }
    Ok(())
}

fn draw_box(out: &mut impl Write, across: usize, down: usize) -> io::Result<()> {
    let bar = "─".repeat(across);
    queue!(out, style::Print(format!("┌{bar}┐")))?;
    for line in 1..=down {
        at(out, 0, line)?;
        queue!(out, style::Print("│"))?;
        at(out, across.saturating_add(1), line)?;
        queue!(out, style::Print("│"))?;
    }
    at(out, 0, down.saturating_add(1))?;
    queue!(out, style::Print(format!("└{bar}┘")))
}

/// Every character is put at its own cell: terminals disagree about the width of some.
fn draw_text(out: &mut impl Write, frame: &Frame) -> io::Result<()> {
    for (line, text) in (1..).zip(frame.lines()) {
        let mut cell = 1_usize;
        for character in text.chars() {
            at(out, cell, line)?;
            queue!(out, style::Print(character))?;
            cell = cell.saturating_add(if character.is_ascii() { 1 } else { 2 });
        }
    }
    Ok(())
}

/// A module is half a cell, dark on light whatever the terminal's colours are.
fn draw_code(out: &mut impl Write, code: &Symbol) -> io::Result<()> {
    let dark = |x: usize, y: usize| {
        let module = |at: usize| at.checked_sub(CODE_MARGIN);
        module(x).zip(module(y)).is_some_and(|(x, y)| code.is_dark(x, y))
    };
    queue!(out, style::SetColors(style::Colors::new(style::Color::Black, style::Color::White)))?;
    for line in 0..CODE_SIDE.div_ceil(2) {
        at(out, CODE_AT, line)?;
        let upper = line.saturating_mul(2);
        let row: String = (0..CODE_SIDE).map(|x| half_block(dark(x, upper), dark(x, upper + 1))).collect();
        queue!(out, style::Print(row))?;
    }
    queue!(out, style::ResetColor)
}

fn draw_pixels(out: &mut impl Write, frame: &Frame) -> io::Result<()> {
    for line in 0..ROWS / 2 {
        at(out, 1, line.saturating_add(1))?;
        let upper = line.saturating_mul(2);
        let row: String = (0..WIDTH)
            .map(|x| {
                half_block(frame.picture.is_dark(x, upper), frame.picture.is_dark(x, upper.saturating_add(1)))
            })
            .collect();
        queue!(out, style::Print(row))?;
    }
    Ok(())
}

fn half_block(upper: bool, lower: bool) -> char {
    match (upper, lower) {
        (false, false) => ' ',
        (true, false) => '▀',
        (false, true) => '▄',
        (true, true) => '█',
    }
}

fn at(out: &mut impl Write, column: usize, line: usize) -> io::Result<()> {
    let coordinate = |value| u16::try_from(value).unwrap_or(u16::MAX);
    queue!(out, cursor::MoveTo(coordinate(column), coordinate(line)))
}

/// The terminal in raw mode on its alternate screen, until this is dropped or the program panics.
struct RawTerminal;

impl RawTerminal {
    fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let before = std::panic::take_hook();
        // First restore, then report: a message in raw mode on the other screen would be lost.
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        let entered = Self;
        crossterm::execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(entered)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// A terminal that is gone cannot be restored, and nobody can be told.
fn restore() {
    let _ = crossterm::execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

#[cfg(test)]
mod tests;
