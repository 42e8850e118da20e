//! Six digits, large enough to be compared with the token's screen at arm's length.

/// Five rows of three cells for each digit; `#` is drawn as two blocks.
const SHAPES: [[&str; 5]; 10] = [
    ["###", "# #", "# #", "# #", "###"],
    ["  #", "  #", "  #", "  #", "  #"],
    ["###", "  #", "###", "#  ", "###"],
    ["###", "  #", "###", "  #", "###"],
    ["# #", "# #", "###", "  #", "  #"],
    ["###", "#  ", "###", "  #", "###"],
    ["###", "#  ", "###", "# #", "###"],
    ["###", "  #", "  #", "  #", "  #"],
    ["###", "# #", "###", "# #", "###"],
    ["###", "# #", "###", "  #", "###"],
];

/// The digits of `text`, drawn; a gap after the third.
pub(crate) fn draw(text: &str) -> String {
    let shapes: Vec<&[&str; 5]> = text
        .chars()
        .filter_map(|c| c.to_digit(10))
        .filter_map(|digit| SHAPES.get(usize::try_from(digit).ok()?))
        .collect();
    let row = |at: usize| {
        let mut line = String::new();
        for (place, shape) in shapes.iter().enumerate() {
            line.push_str(if place == 3 { "      " } else { "  " });
            for cell in shape.get(at).unwrap_or(&"").chars() {
                line.push_str(if cell == '#' { "██" } else { "  " });
            }
        }
        line.trim_end().to_owned()
    };
    (0..5).map(row).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ten_digits_ten_shapes() {
        let drawn: BTreeSet<String> = (0..10).map(|digit| draw(&digit.to_string())).collect();
        assert_eq!(drawn.len(), 10);
        assert!(drawn.iter().all(|shape| shape.lines().count() == 5));
    }

    #[test]
    fn six_digits_fit_a_narrow_terminal() {
        assert!(draw("888888").lines().all(|line| line.chars().count() <= 60));
    }
}
