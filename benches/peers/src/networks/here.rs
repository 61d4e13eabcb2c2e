//! Work of a library in this process.

use super::work::Ready;
use crate::measure::{Batch, batch};

/// Work in this process: a call, and how its result is read.
pub struct Here<C, R> {
    pub call: C,
    pub read: R,
    /// Calls whose results are compared.
    pub compared: usize,
}

impl<T, C: FnMut() -> T, R: Fn(T) -> Vec<f32>> Ready for Here<C, R> {
    fn results(&mut self) -> Vec<f32> {
        (0..self.compared).flat_map(|_| (self.read)((self.call)())).collect()
    }
    fn run(&mut self, seconds: f64) -> Batch {
        batch(seconds, || {
            std::hint::black_box((self.call)());
        })
    }
}
