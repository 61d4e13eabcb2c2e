//! How often each class was taken for each, as a table with colours.

use plotters::prelude::*;

use super::{
    BLACK_INK, LABEL, Outcome, Plots, TEST, TITLE, TRAIN, centred, from_left, mix, to_right,
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
        let size = ((left + n * CELL + RIGHT) as u32, (TOP + n * CELL + 60) as u32);
        self.picture("confusion.png", size, |area| {
            let middle = left + n * CELL / 2;
            let title = "Confusion on the test set: what a sample is, and what it is read as";
            area.draw_text(
                title,
                &centred(TITLE.min(size.0 / 38), &BLACK_INK),
                (size.0 as i32 / 2, 50),
            )?;
            area.draw_text("read as", &centred(LABEL, &BLACK_INK), (middle, 110))?;
            area.draw_text("is", &to_right(LABEL, &BLACK_INK), (left - 24, 110))?;
            area.draw_text("found", &from_left(LABEL, &BLACK_INK), (left + n * CELL + 30, 110))?;
            for (i, (name, row)) in names.iter().zip(counts.chunks(names.len())).enumerate() {
                let i = i as i32;
                let y = TOP + i * CELL + CELL / 2;
                let small = if name.chars().count() > 5 { LABEL - 6 } else { LABEL };
                area.draw_text(
                    name,
                    &centred(small, &BLACK_INK),
                    (left + i * CELL + CELL / 2, TOP - 34),
                )?;
                area.draw_text(name, &to_right(LABEL, &BLACK_INK), (left - 24, y))?;
                let found = format!("{:.1} %", share(row, names, name));
                area.draw_text(&found, &from_left(LABEL, &BLACK_INK), (left + n * CELL + 30, y))?;
                let all = row.iter().sum::<usize>().max(1) as f64;
                for (j, &count) in row.iter().enumerate() {
                    let j = j as i32;
                    // The square root: one in a hundred shall be seen.
                    let part = (count as f64 / all).sqrt();
                    let color = mix(WHITE, if i == j { TRAIN } else { TEST }, part);
                    let (x, top) = (left + j * CELL, TOP + i * CELL);
                    let cell = [(x, top), (x + CELL - 4, top + CELL - 4)];
                    area.draw(&Rectangle::new(cell, color.filled()))?;
                    let ink = if part > 0.6 { &WHITE } else { &BLACK_INK };
                    if count > 0 {
                        let at = (x + CELL / 2 - 2, top + CELL / 2 - 2);
                        area.draw_text(&count.to_string(), &centred(LABEL, ink), at)?;
                    }
                }
            }
            Ok(())
        })
    }
}
