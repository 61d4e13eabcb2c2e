//! Curves over the epochs, those of the training set and of another set in one picture.

use densecore::train::{Epoch, Evaluation};
use plotters::prelude::*;

use super::axis::{Axis, number};
use super::{Area, BLACK_INK, FONT, GREY_INK, LABEL, Outcome, Plots, TEST, TITLE, TRAIN};

/// One value of each evaluation, over the epochs.
pub struct Curve<'a> {
    pub title: &'a str,
    pub axis: &'a str,
    /// Whether the axis is logarithmic.
    pub log: bool,
    pub value: &'a dyn Fn(&Evaluation) -> f64,
}

const PANEL: (u32, u32) = (1300, 960);

impl Plots {
    /// `curves.png`: loss and accuracy, side by side.
    pub fn classifier_curves(&self, history: &[Epoch], beside: &str) -> Outcome {
        let loss = Curve {
            title: "Cross entropy",
            axis: "loss, logarithmic",
            log: true,
            value: &|evaluation| evaluation.loss,
        };
        let accuracy = Curve {
            title: "Accuracy",
            axis: "samples read rightly, %",
            log: false,
            value: &|evaluation| 100.0 * evaluation.accuracy.unwrap_or(f64::NAN),
        };
        self.curves(history, beside, &[loss, accuracy])
    }

    /// `curves.png`: each curve in a panel, side by side, of the training set and the one called
    /// `beside`. There is nothing to draw before the first epoch.
    pub fn curves(&self, history: &[Epoch], beside: &str, curves: &[Curve]) -> Outcome {
        if history.is_empty() {
            return Ok(());
        }
        let size = (PANEL.0 * curves.len() as u32, PANEL.1);
        self.picture("curves.png", size, |area| {
            for (panel, curve) in area.split_evenly((1, curves.len())).iter().zip(curves) {
                draw(panel, (history, beside), curve)?;
            }
            Ok(())
        })
    }
}

fn draw(panel: &Area, (history, beside): (&[Epoch], &str), curve: &Curve) -> Outcome {
    // A loss of 0 has no logarithm; a curve that small is drawn at the lowest value.
    let shown = |value: f64| if curve.log { value.max(1e-9).log10() } else { value };
    let point = |epoch: &Epoch, set: &Evaluation| (epoch.number as f64, shown((curve.value)(set)));
    let train: Vec<_> = history.iter().map(|epoch| point(epoch, &epoch.train)).collect();
    let test: Vec<_> =
        history.iter().filter_map(|epoch| Some(point(epoch, epoch.validation.as_ref()?))).collect();
    let values = || train.iter().chain(&test).map(|point| point.1).filter(|y| y.is_finite());
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(f64::NEG_INFINITY, f64::max);
    let margin = (0.06 * (highest - lowest)).max(1e-3);
    let (low, high) = (lowest - margin, highest + margin);
    let y = if curve.log { Axis::logarithmic(low, high) } else { Axis::linear(low, high) };
    let last = history.last().map_or(1, |epoch| epoch.number) as f64;

    let mut chart = ChartBuilder::on(panel)
        .caption(curve.title, (FONT, TITLE).into_font().color(&BLACK_INK))
        .margin(30)
        .margin_right(60)
        .x_label_area_size(100)
        .y_label_area_size(150)
        .build_cartesian_2d(Axis::counts(1.0, last.max(2.0)), y)?;
    let label = |y: &f64| number(if curve.log { 10.0_f64.powf(*y) } else { *y });
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc(curve.axis)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&label)
        .axis_style(BLACK_INK)
        .light_line_style(WHITE)
        .bold_line_style(GREY_INK.stroke_width(2))
        .label_style((FONT, LABEL).into_font().color(&BLACK_INK))
        .draw()?;
    for (name, color, points) in [("training", TRAIN, train), (beside, TEST, test)] {
        let last = points.last().map_or(f64::NAN, |point| point.1);
        let text = format!("{name} set, {} at the end", label(&last));
        let dots: Vec<_> = if points.len() <= 30 { points.clone() } else { Vec::new() };
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(5)))?
            .label(text)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 40, y)], color.stroke_width(5)));
        chart.draw_series(dots.into_iter().map(|dot| Circle::new(dot, 8, color.filled())))?;
    }
    // Losses fall and accuracies rise: the corner that stays free is on the right.
    let corner = match train_falls(history, curve) {
        true => SeriesLabelPosition::UpperRight,
        false => SeriesLabelPosition::LowerRight,
    };
    chart
        .configure_series_labels()
        .position(corner)
        .margin(24)
        .legend_area_size(56)
        .label_font((FONT, LABEL).into_font().color(&BLACK_INK))
        .background_style(WHITE.mix(0.9))
        .border_style(GREY_INK)
        .draw()?;
    Ok(())
}

fn train_falls(history: &[Epoch], curve: &Curve) -> bool {
    match (history.first(), history.last()) {
        (Some(first), Some(last)) => (curve.value)(&last.train) <= (curve.value)(&first.train),
        _ => true,
    }
}
