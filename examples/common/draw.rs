//! Pictures and tables in letters.

use std::io::{self, Write};

/// A picture of `side * side` pixels, any scale, and what is written below it.
pub struct Picture {
    pub pixels: Vec<f32>,
    pub caption: String,
}

/// Letters of a line of pictures that fits a terminal.
const LINE: usize = 96;

/// Writes pictures next to each other, each with its own scale of ink.
///
/// A letter is twice as high as wide: small pictures get two letters for a pixel, large ones a
/// letter for the mean of two pixels, one below the other.
pub fn pictures(out: &mut impl Write, side: usize, pictures: &[Picture]) -> io::Result<()> {
    let width = if side < 16 { 2 * side } else { side };
    for group in pictures.chunks((LINE / (width + 3)).max(1)) {
        let drawn: Vec<Vec<String>> = group.iter().map(|p| letters(side, &p.pixels)).collect();
        for y in 0..drawn.first().map_or(0, Vec::len) {
            let row: Vec<&str> = drawn.iter().map(|lines| lines[y].as_str()).collect();
            writeln!(out, "  {}", row.join("   "))?;
        }
        let captions: Vec<String> =
            group.iter().map(|p| format!("{:<width$}", p.caption)).collect();
        writeln!(out, "  {}\n", captions.join("   ").trim_end())?;
    }
    Ok(())
}

fn letters(side: usize, pixels: &[f32]) -> Vec<String> {
    let lowest = pixels.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = pixels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = (highest - lowest).max(f32::MIN_POSITIVE);
    let at =
        |x: usize, y: usize| pixels.get(y * side + x).map_or(0.0, |pixel| (pixel - lowest) / range);
    if side < 16 {
        let steps = ["  ", "..", "::", "oo", "##"];
        (0..side).map(|y| (0..side).map(|x| step(&steps, at(x, y))).collect()).collect()
    } else {
        let steps = [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"];
        let both = |x: usize, y: usize| (at(x, y) + at(x, y + 1)) / 2.0;
        let line = |y: usize| (0..side).map(|x| step(&steps, both(x, y))).collect();
        (0..side).step_by(2).map(line).collect()
    }
}

fn step(steps: &[&'static str], ink: f32) -> &'static str {
    let last = steps.len() - 1;
    steps[((ink * last as f32).round().max(0.0) as usize).min(last)]
}

/// Writes `counts [n, n]` as a table: a row for what a sample is, a column for what it was taken
/// for, and the share of each class that was recognised.
pub fn confusion(out: &mut impl Write, names: &[String], counts: &[usize]) -> io::Result<()> {
    let n = names.len();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let column = width.clamp(5, 8) + 1;
    let short = |name: &String| name.chars().take(column - 1).collect::<String>();
    write!(out, "{:>width$} |", "is")?;
    for name in names {
        write!(out, "{:>column$}", short(name))?;
    }
    writeln!(out, " <- read as\n{:->1$}", "+", width + 2)?;
    for (i, (name, row)) in names.iter().zip(counts.chunks(n)).enumerate() {
        write!(out, "{name:>width$} |")?;
        for &count in row {
            let text = if count == 0 { ".".to_string() } else { count.to_string() };
            write!(out, "{text:>column$}")?;
        }
        writeln!(out, "{:>8.2} %", share(row, i))?;
    }
    Ok(())
}

/// The percentage of the samples of class `i` that were recognised, `row` being that of the class.
pub fn share(row: &[usize], i: usize) -> f64 {
    100.0 * row[i] as f64 / row.iter().sum::<usize>().max(1) as f64
}
