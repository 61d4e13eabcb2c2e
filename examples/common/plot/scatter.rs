//! Predictions beside what they should have been.

use plotters::prelude::*;

use super::axis::{Axis, number};
use super::{BLACK_INK, FONT, GREY_INK, LABEL, Outcome, Plots, TEST, TITLE, TRAIN};

impl Plots {
    /// `predictions.png`: a dot for each sample, `(target, prediction)`, and the line on which they
    /// would be equal. Targets that are whole numbers lie on columns; `spread` to either side lets
    /// the dots of one column be told apart.
    pub fn predictions(
        &self,
        title: &str,
        what: &str,
        dots: &[(f64, f64)],
        spread: f64,
    ) -> Outcome {
        self.picture("predictions.png", (1300, 1240), |area| {
            let all = || dots.iter().flat_map(|dot| [dot.0, dot.1]).filter(|x| x.is_finite());
            let low = all().fold(f64::INFINITY, f64::min) - 0.5;
            let high = all().fold(f64::NEG_INFINITY, f64::max) + 0.5;
            let axis = Axis::counts(low, high);
            let mut chart = ChartBuilder::on(area)
                .caption(title, (FONT, TITLE).into_font().color(&BLACK_INK))
                .margin(30)
                .x_label_area_size(100)
                .y_label_area_size(130)
                .build_cartesian_2d(axis.clone(), axis)?;
            chart
                .configure_mesh()
                .x_desc(format!("{what}, given"))
                .y_desc(format!("{what}, predicted"))
                .x_label_formatter(&|x| number(*x))
                .y_label_formatter(&|y| number(*y))
                .axis_style(BLACK_INK)
                .light_line_style(WHITE)
                .bold_line_style(GREY_INK.stroke_width(2))
                .label_style((FONT, LABEL).into_font().color(&BLACK_INK))
                .draw()?;
            let beside = |i: usize| spread * (2.0 * (i as f64 * 0.618_034).fract() - 1.0);
            let dots = dots.iter().enumerate().map(|(i, dot)| (dot.0 + beside(i), dot.1));
            let style = TRAIN.mix(0.45).filled();
            chart
                .draw_series(dots.map(|dot| Circle::new(dot, 9, style)))?
                .label("a wine of the test set, moved sideways to be seen")
                .legend(move |(x, y)| Circle::new((x + 20, y), 9, style));
            chart
                .draw_series(LineSeries::new([(low, low), (high, high)], TEST.stroke_width(4)))?
                .label("exactly right")
                .legend(|(x, y)| PathElement::new([(x, y), (x + 40, y)], TEST.stroke_width(4)));
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::LowerRight)
                .margin(24)
                .legend_area_size(56)
                .label_font((FONT, LABEL).into_font().color(&BLACK_INK))
                .background_style(WHITE.mix(0.9))
                .border_style(GREY_INK)
                .draw()?;
            Ok(())
        })
    }
}
