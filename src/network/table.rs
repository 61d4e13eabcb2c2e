//! [`Table`]: rows of text in columns, for what is printed about a network; and numbers as it shows them.

use core::fmt;
use core::iter::repeat_n;

/// The first row is the heading.
pub(super) struct Table {
    pub rows: Vec<Vec<String>>,
    /// So many columns begin at their left end, the others end at their right one.
    pub left: usize,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let len = |cell: &String| cell.chars().count();
        let widths: Vec<_> = (0..columns).map(|c| cells(c).map(len).max().unwrap_or(0)).collect();
        for (i, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Not by the formatter, which panics at widths of 16 bits.
                let gap = repeat_n(' ', width - len(cell));
                line.push_str(if column == 0 { "" } else { "  " });
                if column < self.left {
                    line.push_str(cell);
                    line.extend(gap);
                } else {
                    line.extend(gap);
                    line.push_str(cell);
                }
            }
            write!(f, "{}{}", if i == 0 { "" } else { "\n" }, line.trim_end())?;
        }
        Ok(())
    }
}

/// `1,234,567`
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Four decimals, or four digits and an exponent where they would say little.
pub(super) fn decimal(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_string(),
        size if (1e-2..1e5).contains(&size) => format!("{number:.4}"),
        _ => format!("{number:.3e}"),
    }
}
