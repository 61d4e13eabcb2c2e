//! An exponential moving average of parameters (Polyak and Juditsky 1992), which often predicts
//! better than the last of them.
//!
//! ```text
//!   a <- a + (1 - d) (p - a)          after each step; a starts as p
//! ```

use super::check;
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::scratch::Buffer;
use crate::simd::slice::Update;
use crate::simd::{Simd, apply};

/// The average of a network's parameters over its training.
///
/// ```
/// use densecore::{Cpu, optim::Ema};
/// let mut ema = Ema::new(0.75, &[4.0, 0.0])?;
/// ema.update(Cpu::detect(), &[8.0, 4.0])?;
/// assert_eq!(ema.parameters(), [5.0, 1.0]);
///
/// // To predict with the average, and then to go on.
/// let mut parameters = [8.0, 4.0];
/// ema.swap(&mut parameters)?;
/// assert_eq!(parameters, [5.0, 1.0]);
/// ema.swap(&mut parameters)?;
/// assert_eq!(parameters, [8.0, 4.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ema {
    decay: f64,
    average: Buffer,
}

impl Ema {
    /// Starts with these parameters; `decay` is d, usually 0.99 to 0.9999.
    ///
    /// Errors: [`Value`](crate::Error::Value) names `decay` if it is not from 0 to below 1;
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(decay: f64, parameters: &[f32]) -> Result<Self> {
        check::below_one("decay", decay)?;
        let mut average = Buffer::zeros(parameters.len())?;
        average.as_mut_slice().copy_from_slice(parameters);
        Ok(Self { decay, average })
    }

    /// Takes in the parameters after a step. Error: [`Length`](crate::Error::Length) names
    /// `parameters`.
    pub fn update(&mut self, cpu: Cpu, parameters: &[f32]) -> Result<()> {
        let average = self.average.as_mut_slice();
        check_len("parameters", average.len(), parameters.len())?;
        let kernel = Towards((1.0 - self.decay) as f32);
        for_each_piece(cpu, [parameters], [average], &|p, a| {
            apply::update(cpu.level(), &kernel, p, a);
        });
        Ok(())
    }

    /// The average.
    pub fn parameters(&self) -> &[f32] {
        self.average.as_slice()
    }

    /// Exchanges the average with `parameters`. Error: [`Length`](crate::Error::Length) names them.
    pub fn swap(&mut self, parameters: &mut [f32]) -> Result<()> {
        let average = self.average.as_mut_slice();
        check_len("parameters", average.len(), parameters.len())?;
        average.swap_with_slice(parameters);
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Towards(f32);

impl Update<1, 1> for Towards {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [p]: [S::F32; 1], [a]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(s.splat(self.0), s.sub(p, a), a)]
    }
}
