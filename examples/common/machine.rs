//! What a network runs on, and how near its training comes to what that can do.

use std::fmt;
use std::time::Duration;

use densecore::Cpu;

use super::peak::peak;

/// The processor, and the operations that training the network takes.
pub struct Machine {
    cpu: Cpu,
    /// Operations a second of all threads, if each had a core for itself.
    peak: f64,
    operations: f64,
}

impl Machine {
    /// For a network of these widths.
    pub fn new(cpu: Cpu, widths: &[usize]) -> Self {
        Self { cpu, peak: peak() * cpu.threads() as f64, operations: operations(widths) }
    }

    /// The rate at which so many samples were trained on.
    pub fn speed(&self, samples: usize, time: Duration) -> String {
        let rate = samples as f64 / time.as_secs_f64();
        let percent = 100.0 * rate * self.operations / self.peak;
        format!("{rate:>8.0} samples/s {percent:>3.0} % of peak")
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, threads, peak) = (self.cpu.level(), self.cpu.threads(), self.peak / 1e9);
        write!(f, "running on {level} with {threads} thread(s), peak {peak:.0} GF/s")
    }
}

/// Operations of the products that a sample takes part in: forward, the gradient of the weights
/// and, but for the first layer, that of the input; each a multiplication and an addition.
fn operations(widths: &[usize]) -> f64 {
    let products: Vec<f64> = widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).collect();
    6.0 * products.iter().sum::<f64>() - 2.0 * products.first().unwrap_or(&0.0)
}
