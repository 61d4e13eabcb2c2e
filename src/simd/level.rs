//! [`Level`]: which instruction set to run, chosen once and passed as a value.

use core::fmt;
use core::str::FromStr;
use std::sync::OnceLock;

use crate::error::{Error, Excerpt, Result};

/// The environment variable that caps [`Level::detect`]: `portable`, `avx2` or `avx512`.
pub const LEVEL_VARIABLE: &str = "DENSECORE_LEVEL";

/// An instruction set that this processor has, with the proof of it.
///
/// ```
/// use densecore::simd::Level;
/// assert!(Level::available().any(|level| level == Level::detect()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Whatever every processor of the target has.
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(super::Avx2),
    /// AVX-512 (F, VL, DQ, BW).
    #[cfg(target_arch = "x86_64")]
    Avx512(super::Avx512),
}

/// Runs `$body` with `$s` bound to the token of `$level`, compiled for that instruction set.
/// The body is a closure: it cannot `return` or use `?` for the function around it.
macro_rules! dispatch {
    ($level:expr, $s:ident => $body:expr) => {
        match $level {
            $crate::simd::Level::Portable => {
                let $s = $crate::simd::Portable::<4>;
                $crate::simd::Simd::vectorize(
                    $s,
                    #[inline(always)]
                    || $body,
                )
            }
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx2($s) => $crate::simd::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Level::Avx512($s) => $crate::simd::Simd::vectorize(
                $s,
                #[inline(always)]
                || $body,
            ),
        }
    };
}
pub(crate) use dispatch;

impl Level {
    /// The best level of this processor, at most the one that [`LEVEL_VARIABLE`] names.
    ///
    /// Detected once and remembered. A value that names no level caps nothing;
    /// [`Level::check_environment`] tells a program that wants to report it.
    pub fn detect() -> Level {
        static DETECTED: OnceLock<Level> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let cap = Self::requested().ok().flatten().unwrap_or(usize::MAX);
            let capped = Self::available().filter(|level| level.rank() <= cap);
            capped.last().unwrap_or(Level::Portable)
        })
    }

    /// The levels of this processor, slowest first, whatever [`LEVEL_VARIABLE`] says.
    pub fn available() -> impl Iterator<Item = Level> {
        let levels = [
            Some(Level::Portable),
            #[cfg(target_arch = "x86_64")]
            super::Avx2::detect().map(Level::Avx2),
            #[cfg(target_arch = "x86_64")]
            super::Avx512::detect().map(Level::Avx512),
        ];
        levels.into_iter().flatten()
    }

    /// Checks [`LEVEL_VARIABLE`]: an error says that its value names no level.
    pub fn check_environment() -> Result<()> {
        Self::requested().map(|_| ())
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        NAMES[self.rank()]
    }

    /// Elements in a vector.
    pub fn lanes(self) -> usize {
        match self {
            Level::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => 16,
        }
    }

    fn rank(self) -> usize {
        match self {
            Level::Portable => 0,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => 1,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => 2,
        }
    }

    /// The rank of the level that the environment names, if it names one.
    fn requested() -> Result<Option<usize>> {
        match std::env::var_os(LEVEL_VARIABLE) {
            Some(name) if !name.is_empty() => {
                rank_of(LEVEL_VARIABLE, &name.to_string_lossy()).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Names by rank, on every target, so that a cap such as `avx2` means something everywhere.
const NAMES: [&str; 3] = ["portable", "avx2", "avx512"];

fn rank_of(argument: &'static str, name: &str) -> Result<usize> {
    let expected = "portable, avx2 or avx512";
    let unknown = Error::Name { argument, expected, found: Excerpt::new(name) };
    NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or(unknown)
}

impl FromStr for Level {
    type Err = Error;

    /// The level of that name, if this processor has it.
    fn from_str(name: &str) -> Result<Level> {
        let rank = rank_of("level", name)?;
        Level::available().find(|level| level.rank() == rank).ok_or(Error::Mismatch {
            argument: "level",
            expected: "a level that this processor has",
            found: NAMES[rank],
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
