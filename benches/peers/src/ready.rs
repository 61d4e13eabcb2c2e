//! What a library that is ready for some work can be asked.

use crate::measure::Batch;
#[cfg(feature = "networks")]
use crate::measure::batch;

/// A library that is ready for its work.
pub trait Ready {
    /// What is compared before the time is taken.
    fn results(&mut self) -> Vec<f32>;
    /// A batch of calls that takes about so long.
    fn run(&mut self, seconds: f64) -> Batch;
}

/// Work in this process: a call, and how its result is read.
#[cfg(feature = "networks")]
pub struct Here<C, R> {
    pub call: C,
    pub read: R,
    /// Calls whose results are compared.
    pub compared: usize,
}

#[cfg(feature = "networks")]
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
