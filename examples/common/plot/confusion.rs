//! How often each class was taken for each, as a table with colours.

use plotters::prelude::*;

use super::{
    Area, BLACK_INK, LABEL, Outcome, Plots, TEST, TITLE, TRAIN, centred, from_left, mix, to_right,
};
use crate::common::draw::share;

const CELL: i32 = 110;
const TOP: i32 = 190;
const RIGHT: i32 = 200;

impl Plots {
    /// `confusion.png`: `counts [n, n]`, a row for what a sample is, a column for what it was read
    /// as. Blue is right and orange wrong, the darker the more of its row.
    pub fn confusion(&self, names: &[String], counts: &[usize]) -> Outcome {
        let n = names.len() as i32;
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as i32;
        let left = (90 + 16 * longest).max(RIGHT);
        let (width, right) = (left + n * CELL + RIGHT, left + n * CELL + 30);
        let size = (width as u32, (TOP + n * CELL + 60) as u32);
        self.picture("confusion.png", size, |area| {
            let title = "Confusion on the test set: what a sample is, and what it is read as";
            let font = centred(TITLE.min(size.0 / 38), &BLACK_INK);
            area.draw_text(title, &font, (width / 2, 50))?;
            let label = centred(LABEL, &BLACK_INK);
            area.draw_text("read as", &label, (left + n * CELL / 2, 110))?;
            area.draw_text("is", &to_right(LABEL, &BLACK_INK), (left - 24, 110))?;
            area.draw_text("found", &from_left(LABEL, &BLACK_INK), (right, 110))?;
            for (i, (name, row)) in names.iter().zip(counts.chunks(names.len())).enumerate() {
                let (x, y) = (left + i as i32 * CELL, TOP + i as i32 * CELL);
                let size = if name.chars().count() > 5 { LABEL - 6 } else { LABEL };
                area.draw_text(name, &centred(size, &BLACK_INK), (x + CELL / 2, TOP - 34))?;
                let middle = y + CELL / 2;
                area.draw_text(name, &to_right(LABEL, &BLACK_INK), (left - 24, middle))?;
                let found = format!("{:.1} %", share(row, i));
                area.draw_text(&found, &from_left(LABEL, &BLACK_INK), (right, middle))?;
                cells(area, (left, y), i, row)?;
            }
            Ok(())
        })
    }
}

/// The counts of the samples of class `i`.
fn cells(area: &Area, (left, y): (i32, i32), i: usize, row: &[usize]) -> Outcome {
    let all = row.iter().sum::<usize>().max(1) as f64;
    for (j, &count) in row.iter().enumerate() {
        // The square root: one in a hundred shall be seen.
        let part = (count as f64 / all).sqrt();
        let color = mix(WHITE, if i == j { TRAIN } else { TEST }, part);
        let x = left + j as i32 * CELL;
        let cell = [(x, y), (x + CELL - 4, y + CELL - 4)];
        area.draw(&Rectangle::new(cell, color.filled()))?;
        if count > 0 {
            let ink = if part > 0.6 { &WHITE } else { &BLACK_INK };
            let at = (x + CELL / 2 - 2, y + CELL / 2 - 2);
            area.draw_text(&count.to_string(), &centred(LABEL, ink), at)?;
        }
    }
    Ok(())
}
