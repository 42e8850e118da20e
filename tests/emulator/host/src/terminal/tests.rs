use super::*;
use crate::{font::Font, screen};

const PAGE: &str = "转账                 1/3\n收款人 李四\n\n\n\n↓下页             C拒绝";

fn frame(page: &str) -> Arc<Frame> {
    let (panel, seen) = screen::display(Arc::new(Font::load().unwrap()));
    // A fault is in the frame too.
    let _ = panel.show(page);
    seen.now()
}

/// A terminal that understands what the face uses: clear, move, print.
fn rendered(pixels: bool, size: (u16, u16), frame: &Frame) -> Vec<Vec<char>> {
    let mut bytes = Vec::new();
    draw(&mut bytes, frame, pixels, size).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut cells = vec![vec![' '; usize::from(size.0)]; usize::from(size.1)];
    let (mut x, mut y) = (0, 0);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            cells[y][x] = c;
            x += 1;
            continue;
        }
        assert_eq!(rest.next(), Some('['));
        let arguments: String = std::iter::from_fn(|| rest.next_if(|c| !c.is_ascii_alphabetic())).collect();
        match rest.next().unwrap() {
            'H' => {
                let (line, column) = arguments.split_once(';').unwrap();
                (y, x) = (line.parse::<usize>().unwrap() - 1, column.parse::<usize>().unwrap() - 1);
            }
            'J' | 'm' => {}
            other => panic!("{other}"),
        }
    }
    cells
}

#[test]
fn text_stands_at_its_cells() {
    let cells = rendered(false, (80, 24), &frame(PAGE));
    let at = |line: usize, cell: usize| cells[line + 1][cell + 1];
    assert_eq!((at(0, 0), at(0, 2), at(0, 21), at(0, 23)), ('转', '账', '1', '3'));
    assert_eq!((at(1, 0), at(1, 7), at(1, 9)), ('收', '李', '四'));
    assert_eq!((at(5, 0), at(5, 19), at(5, 22)), ('↓', 'C', '绝'));
    assert_eq!((cells[0][0], cells[0][25], cells[7][0], cells[7][25]), ('┌', '┐', '└', '┘'));
}

#[test]
fn pixels_are_half_blocks_where_there_is_room() {
    let frame = frame(PAGE);
    let cells = rendered(true, (200, 60), &frame);
    for y in 0..ROWS {
        for x in 0..WIDTH {
            let block = cells[y / 2 + 1][x + 1];
            let dark = matches!((block, y % 2), ('█', _) | ('▀', 0) | ('▄', 1));
            assert_eq!(dark, frame.picture.is_dark(x, y), "{x},{y}");
        }
    }
    let small = rendered(true, (80, 24), &frame);
    assert_eq!(small[1][1], '转');
}

/// What the terminal shows is the code, module for module, with light around it.
#[test]
fn a_code_stands_beside_the_box_where_there_is_room() {
    let (panel, seen) = screen::display(Arc::new(Font::load().unwrap()));
    let code = Symbol::of(&format!("USHIELD:1{}", "A7Q".repeat(18).split_at(52).0)).unwrap();
    panel.show_code("            配对手机\n\n\n\n\n", &code).unwrap();
    let cells = rendered(false, (80, 24), &seen.now());
    assert_eq!(cells[1][13], '配');
    for y in 0..38 {
        for x in 0..37 {
            let dark = matches!((cells[y / 2][CODE_AT + x], y % 2), ('█', _) | ('▀', 0) | ('▄', 1));
            let module = x.checked_sub(4).zip(y.checked_sub(4));
            assert_eq!(dark, module.is_some_and(|(x, y)| code.is_dark(x, y)), "{x},{y}");
        }
    }
    let foot: String = cells[19].iter().collect();
    assert!(foot.contains("Enter OK"), "{foot}");
    let small = rendered(false, (60, 24), &seen.now());
    let note: String = small[9].iter().collect();
    assert!(note.contains("the code needs a terminal"), "{note}");
}

#[test]
fn a_fault_is_told() {
    let cells = rendered(false, (80, 24), &frame("one line"));
    assert!(cells[9].iter().collect::<String>().contains("the page has 1 lines"));
}

#[test]
fn keys_mean_what_the_help_says() {
    let key = |code| meaning(KeyEvent::new(code, KeyModifiers::NONE));
    assert_eq!(key(KeyCode::Enter), Some(Meaning::Press(Key::Ok)));
    assert_eq!(key(KeyCode::Esc), Some(Meaning::Press(Key::Cancel)));
    assert_eq!(key(KeyCode::Up), Some(Meaning::Press(Key::Up)));
    assert_eq!(key(KeyCode::Down), Some(Meaning::Press(Key::Down)));
    assert_eq!(key(KeyCode::Char('q')), Some(Meaning::Quit));
    assert_eq!(key(KeyCode::Char('o')), None);
    assert_eq!(meaning(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Meaning::Quit));
    assert_eq!(meaning(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL)), None);
}
