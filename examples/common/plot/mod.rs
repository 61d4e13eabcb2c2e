//! Pictures of what was learned, as PNG files. Letters are drawn from a font within the program, so
//! that nothing of the system is needed.
//!
//! Everything is drawn at twice its size and then shrunk, which makes lines smooth: lengths in
//! these files are halves of a pixel.

mod axis;
mod confusion;
mod curves;
mod scatter;
mod tiles;

pub use curves::Curve;
pub use tiles::Ink;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle, register_font};

use super::Outcome;

/// Where a picture is drawn, or a part of it.
type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

const FONT: &str = "DejaVu Sans";
const TITLE: u32 = 40;
const LABEL: u32 = 28;

const BLACK_INK: RGBColor = RGBColor(40, 40, 40);
const GREY_INK: RGBColor = RGBColor(225, 225, 225);
const TRAIN: RGBColor = RGBColor(31, 119, 180);
const TEST: RGBColor = RGBColor(214, 90, 14);

/// The folder that pictures go to.
pub struct Plots(PathBuf);

impl Plots {
    /// Makes the folder, unless it is there.
    pub fn new(folder: &Path) -> Outcome<Self> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let sans = dejavu::sans::regular();
        register_font(FONT, FontStyle::Normal, sans).map_err(|_| "the font cannot be read")?;
        Ok(Self(folder.into()))
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Draws a picture of `size` and writes it to the file `name`.
    fn picture(
        &self,
        name: &str,
        size: (u32, u32),
        draw: impl FnOnce(&Area) -> Outcome,
    ) -> Outcome {
        // Even, so that it can be halved.
        let (width, height) = (size.0.next_multiple_of(2), size.1.next_multiple_of(2));
        let mut pixels = vec![0; 3 * width as usize * height as usize];
        {
            let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
            area.fill(&WHITE)?;
            draw(&area)?;
            area.present()?;
        }
        let path = self.0.join(name);
        let written = write_png(&path, (width / 2, height / 2), &halved(&pixels, width as usize));
        Ok(written.map_err(|error| format!("{}: {error}", path.display()))?)
    }
}

/// Each pixel the mean of four.
fn halved(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut half = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(2 * 3 * width) {
        let (above, below) = rows.split_at(3 * width);
        for (a, b) in above.chunks_exact(6).zip(below.chunks_exact(6)) {
            let mean =
                |i: usize| [a[i], a[i + 3], b[i], b[i + 3]].map(u16::from).iter().sum::<u16>();
            half.extend((0..3).map(|channel| ((mean(channel) + 2) / 4) as u8));
        }
    }
    half
}

fn write_png(path: &Path, (width, height): (u32, u32), pixels: &[u8]) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    Ok(writer.finish()?)
}

/// Letters of this size, whose position names their middle.
fn centred(size: u32, color: &RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(color).pos(Pos::new(HPos::Center, VPos::Center))
}

/// Letters of this size that begin at their position and are as high above as below it.
fn from_left(size: u32, color: &RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(color).pos(Pos::new(HPos::Left, VPos::Center))
}

/// Letters of this size that end at their position.
fn to_right(size: u32, color: &RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(color).pos(Pos::new(HPos::Right, VPos::Center))
}

/// A mixture of two colours: `share` from 0 to 1 of the second.
fn mix(first: RGBColor, second: RGBColor, share: f64) -> RGBColor {
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let channel = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))) as u8;
    RGBColor(channel(first.0, second.0), channel(first.1, second.1), channel(first.2, second.2))
}
