//! MKL and OpenBLAS, loaded at run time through their C interface.

use libloading::Library as Shared;

use super::libraries::Library;
use super::rows::{Layout, Row};

const ROW_MAJOR: i32 = 101;
const AS_STORED: i32 = 111;
const TRANSPOSED: i32 = 112;

/// `cblas_sgemm` with its integers of type `I`.
type Sgemm<I> = unsafe extern "C" fn(
    i32,
    i32,
    i32,
    I,
    I,
    I,
    f32,
    *const f32,
    I,
    *const f32,
    I,
    f32,
    *mut f32,
    I,
);

struct Blas<I> {
    name: &'static str,
    sgemm: Sgemm<I>,
    /// Keeps `sgemm` where it is.
    _shared: Shared,
}

/// Those whose libraries the environment names.
pub fn found() -> Vec<Box<dyn Library>> {
    let mut found: Vec<Box<dyn Library>> = Vec::new();
    if let Some(mkl) = load::<i32>("MKL", "MKL_RT", b"cblas_sgemm") {
        found.push(Box::new(mkl));
    }
    if let Some(openblas) = load::<i64>("OpenBLAS", "OPENBLAS", b"scipy_cblas_sgemm64_") {
        found.push(Box::new(openblas));
    }
    found
}

fn load<I: Copy>(name: &'static str, variable: &str, symbol: &[u8]) -> Option<Blas<I>> {
    let Ok(path) = std::env::var(variable) else {
        eprintln!("{name} does not take part: {variable} is not set");
        return None;
    };
    // SAFETY: the library is what its user says, and the symbol has the type of the C interface
    // of BLAS with integers of that size.
    let loaded = unsafe {
        Shared::new(&path).and_then(|shared| {
            let sgemm = *shared.get::<Sgemm<I>>(symbol)?;
            Ok(Blas { name, sgemm, _shared: shared })
        })
    };
    match loaded {
        Ok(blas) => Some(blas),
        Err(error) => {
            eprintln!("{name} does not take part: {error}");
            None
        }
    }
}

impl<I: TryFrom<usize>> Library for Blas<I> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]) {
        let Row { layout, m, n, k } = *row;
        let int = |size: usize| I::try_from(size).ok().expect("sizes are small");
        let (a_as, a_step) = if layout == Layout::Tn { (TRANSPOSED, m) } else { (AS_STORED, k) };
        let (b_as, b_step) = if layout == Layout::Nt { (TRANSPOSED, k) } else { (AS_STORED, n) };
        // SAFETY: the slices hold `m x k`, `k x n` and `m x n` elements at these strides.
        unsafe {
            (self.sgemm)(
                ROW_MAJOR,
                a_as,
                b_as,
                int(m),
                int(n),
                int(k),
                1.0,
                a.as_ptr(),
                int(a_step),
                b.as_ptr(),
                int(b_step),
                0.0,
                c.as_mut_ptr(),
                int(n),
            );
        }
    }
}
