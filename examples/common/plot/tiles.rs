//! Small pictures in rows: the weights of units as pictures, and samples.

use densecore::View;
use plotters::prelude::*;

use super::{
    Area, BLACK_INK, GREY_INK, LABEL, Outcome, Plots, TITLE, centred, from_left, mix, to_right,
};
use crate::common::draw::Picture;

/// How numbers become colours.
#[derive(Clone, Copy)]
pub enum Ink {
    /// From white to black, each picture from its lowest to its highest number.
    Grey,
    /// Blue below 0, white, red above; the darkest colours at the number given and its negative.
    Signed(f32),
}

/// Most units whose weights are shown.
const UNITS: usize = 96;

const BLUE: RGBColor = RGBColor(5, 48, 130);
const RED: RGBColor = RGBColor(150, 10, 20);

/// Width of a tile, about, and what lies between two.
const TILE: usize = 150;
const GAP: i32 = 16;
const HEAD: i32 = 170;
const EDGE: i32 = 60;
const COLUMNS: usize = 12;

/// What a title needs.
const LEAST_WIDTH: i32 = 1000;

impl Plots {
    /// `weights.png`: what each unit of the first layer looks for, `weight [side * side, units]`;
    /// of many units those with the largest weights.
    pub fn first_layer(&self, weight: View, side: usize) -> Outcome {
        let column = |j: usize| -> Vec<f32> { weight.iter_rows().map(|row| row[j]).collect() };
        let length = |j: usize| column(j).iter().map(|w| w * w).sum::<f32>();
        let mut order: Vec<usize> = (0..weight.cols()).collect();
        order.sort_by(|&a, &b| length(b).total_cmp(&length(a)));
        order.truncate(UNITS);
        let mut sizes: Vec<f32> = order.iter().flat_map(|&j| column(j)).map(f32::abs).collect();
        sizes.sort_by(f32::total_cmp);
        // A few extreme weights shall not leave all others pale.
        let scale = sizes.get(sizes.len() * 995 / 1000).copied().unwrap_or(1.0);
        let of = match weight.cols() {
            all if all > order.len() => format!("{} largest of {all} units", order.len()),
            all => format!("all {all} units, largest first"),
        };
        let title = format!("Weights of the first layer, {of}");
        let picture = |&j: &usize| Picture { pixels: column(j), caption: String::new() };
        let pictures: Vec<Picture> = order.iter().map(picture).collect();
        self.pictures("weights.png", &title, side, &pictures, Ink::Signed(scale))
    }

    /// `weights.png`: `weight [names, units]` as a table of colours, units from left to right.
    pub fn first_layer_table(&self, weight: View, names: &[String]) -> Outcome {
        const LEFT: i32 = 400;
        let scale = weight.iter_rows().flatten().fold(0.0_f32, |most, w| most.max(w.abs()));
        let (rows, columns) = (weight.rows() as i32, weight.cols() as i32);
        let cell = (2400 / columns.max(1)).clamp(20, 56);
        let width = LEFT + columns * cell + EDGE;
        let size = (width as u32, (HEAD + rows * cell + 100) as u32);
        self.picture("weights.png", size, |area| {
            let middle = width / 2;
            area.draw_text(
                "Weights of the first layer",
                &centred(TITLE, &BLACK_INK),
                (middle, 50),
            )?;
            colour_bar(area, middle, scale, ["lowers the unit", "raises it"])?;
            for (i, (row, name)) in weight.iter_rows().zip(names).enumerate() {
                let y = HEAD + i as i32 * cell;
                area.draw_text(name, &to_right(LABEL, &BLACK_INK), (LEFT - 20, y + cell / 2))?;
                for (j, w) in row.iter().enumerate() {
                    let x = LEFT + j as i32 * cell;
                    let corners = [(x, y), (x + cell - 4, y + cell - 4)];
                    area.draw(&Rectangle::new(corners, signed(w / scale).filled()))?;
                }
            }
            let below = (LEFT + columns * cell / 2, HEAD + rows * cell + 40);
            area.draw_text("unit of the first layer", &centred(LABEL, &BLACK_INK), below)?;
            Ok(())
        })
    }

    /// Pictures of `side * side` pixels with their captions, in rows, in the file `name`.
    pub fn pictures(
        &self,
        name: &str,
        title: &str,
        side: usize,
        pictures: &[Picture],
        ink: Ink,
    ) -> Outcome {
        let captions = pictures.iter().map(|picture| picture.caption.chars().count());
        let longest = captions.max().unwrap_or(0) as i32;
        let pixel = (TILE / side).max(1) as i32;
        let tile = side as i32 * pixel;
        // Captions are about half as wide as high, for each letter.
        let (caption, letter) = if longest > 0 { (48, 12) } else { (0, 0) };
        let (dx, dy) = (tile.max(longest * letter) + GAP, tile + caption + GAP);
        let columns =
            if longest > 0 { COLUMNS * (TILE + GAP as usize) / dx as usize } else { COLUMNS };
        let columns = columns.min(pictures.len()).max(1);
        let rows = pictures.len().div_ceil(columns) as i32;
        let head = if let Ink::Signed(_) = ink { HEAD } else { HEAD - 60 };
        let inner = columns as i32 * dx - GAP;
        let width = (inner + 2 * EDGE).max(LEAST_WIDTH);
        let left = (width - inner) / 2;
        let size = (width as u32, (head + rows * dy + EDGE) as u32);
        self.picture(name, size, |area| {
            area.draw_text(title, &centred(TITLE, &BLACK_INK), (width / 2, 50))?;
            if let Ink::Signed(scale) = ink {
                let meanings = ["ink speaks against the unit", "ink speaks for it"];
                colour_bar(area, width / 2, scale, meanings)?;
            }
            for (i, picture) in pictures.iter().enumerate() {
                let (column, row) = ((i % columns) as i32, (i / columns) as i32);
                let x = left + column * dx + (dx - GAP - tile) / 2;
                let y = head + row * dy;
                draw(area, (x, y), (side, pixel), &picture.pixels, ink)?;
                let at = (x + tile / 2, y + tile + 22);
                area.draw_text(&picture.caption, &centred(22, &BLACK_INK), at)?;
            }
            Ok(())
        })
    }
}

fn draw(
    area: &Area,
    (x, y): (i32, i32),
    (side, pixel): (usize, i32),
    pixels: &[f32],
    ink: Ink,
) -> Outcome {
    let lowest = pixels.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = pixels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (i, &value) in pixels.iter().enumerate() {
        let (column, row) = ((i % side) as i32, (i / side) as i32);
        let at = (x + column * pixel, y + row * pixel);
        let colour = match ink {
            Ink::Grey => mix(WHITE, BLACK, f64::from((value - lowest) / (highest - lowest))),
            Ink::Signed(scale) => signed(value / scale),
        };
        area.draw(&Rectangle::new([at, (at.0 + pixel, at.1 + pixel)], colour.filled()))?;
    }
    let end = side as i32 * pixel;
    area.draw(&Rectangle::new([(x - 1, y - 1), (x + end, y + end)], GREY_INK))?;
    Ok(())
}

/// From -1, blue, over white to 1, red.
fn signed(value: f32) -> RGBColor {
    mix(WHITE, if value < 0.0 { BLUE } else { RED }, value.abs().into())
}

/// What the colours mean, below the title.
fn colour_bar(area: &Area, middle: i32, scale: f32, [low, high]: [&str; 2]) -> Outcome {
    const HALF: i32 = 240;
    for x in -HALF..HALF {
        let colour = signed(x as f32 / HALF as f32);
        let strip = [(middle + x, 96), (middle + x + 1, 124)];
        area.draw(&Rectangle::new(strip, colour.filled()))?;
    }
    let (low, high) = (format!("{low}, {:.2}", -scale), format!("{scale:.2}, {high}"));
    area.draw_text(&low, &to_right(LABEL, &BLACK_INK), (middle - HALF - 16, 110))?;
    area.draw_text(&high, &from_left(LABEL, &BLACK_INK), (middle + HALF + 16, 110))?;
    Ok(())
}
