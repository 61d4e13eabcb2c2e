//! What the losses with class ids as targets share: which class is right, and what it weighs.

use crate::error::{Error, Result, check_len};

/// The right class of each row, a weight for each class, and an id that marks rows to leave out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classes<'a> {
    pub ids: &'a [u32],
    pub weights: Option<&'a [f32]>,
    pub ignore_index: Option<u32>,
}

impl Classes<'_> {
    /// Ok if there is an id for each row, below the number of classes or to be ignored, and a
    /// weight for each class.
    pub fn check(&self, (rows, classes): (usize, usize)) -> Result<()> {
        check_len("classes", rows, self.ids.len())?;
        if let Some(weights) = self.weights {
            check_len("weights", classes, weights.len())?;
        }
        let is_wrong = |&id: &u32| id as usize >= classes && Some(id) != self.ignore_index;
        match self.ids.iter().position(is_wrong) {
            Some(row) => Err(Error::Class { row, found: self.ids[row] as usize, classes }),
            None => Ok(()),
        }
    }

    /// The right class of a row and its weight; `None` for a row to leave out.
    #[inline(always)]
    pub fn of_row(&self, row: usize) -> Option<(usize, f64)> {
        let id = self.ids[row];
        if Some(id) == self.ignore_index {
            return None;
        }
        let class = id as usize;
        Some((class, self.weights.map_or(1.0, |weights| f64::from(weights[class]))))
    }

    /// The sum of the weights of the right classes.
    pub fn divisor(&self) -> f64 {
        if self.weights.is_none() && self.ignore_index.is_none() {
            return self.ids.len() as f64;
        }
        (0..self.ids.len()).filter_map(|row| self.of_row(row)).map(|(_, weight)| weight).sum()
    }
}
