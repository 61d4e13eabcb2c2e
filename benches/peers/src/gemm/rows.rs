//! The shapes that are compared.

use core::fmt;

use densecore::Rng;

/// Which operand is stored transposed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Nn,
    Nt,
    Tn,
}

/// `C[m, n] = A[m, k] . B[k, n]`, row-major.
#[derive(Clone, Copy)]
pub struct Row {
    pub layout: Layout,
    pub m: usize,
    pub n: usize,
    pub k: usize,
}

const SHAPES: [[usize; 3]; 35] = [
    [4, 3, 2],
    [1, 128, 784],
    [8, 128, 784],
    [64, 10, 128],
    [32, 128, 784],
    [64, 128, 784],
    [128, 256, 784],
    [256, 512, 512],
    [256, 1024, 1024],
    [512, 512, 512],
    [1024, 1024, 1024],
    [2048, 2048, 2048],
    [512, 4096, 4096],
    [100, 100, 100],
    [333, 777, 555],
    [1, 512, 512],
    [2, 300, 300],
    [4, 1024, 1024],
    [6, 512, 512],
    [10, 30, 784],
    [12, 256, 256],
    [13, 100, 50],
    [16, 16, 16],
    [31, 33, 35],
    [32, 32, 1024],
    [48, 48, 48],
    [64, 64, 64],
    [200, 200, 200],
    [1000, 10, 30],
    [30, 784, 10],
    [128, 784, 64],
    [784, 128, 64],
    [4096, 8, 256],
    [1024, 1024, 32],
    [2000, 2000, 17],
];

/// The largest size that is drawn.
const LARGEST: f32 = 2048.0;
/// The most multiply-adds of a shape that is drawn.
const MOST_WORK: usize = 1 << 28;

impl Row {
    /// Every shape in every layout.
    pub fn all() -> impl Iterator<Item = Row> {
        Row::in_every_layout(&SHAPES)
    }

    /// These shapes, in every layout.
    pub fn in_every_layout(shapes: &[[usize; 3]]) -> impl Iterator<Item = Row> {
        let layouts = [Layout::Nn, Layout::Nt, Layout::Tn];
        let rows = move |layout| shapes.iter().map(move |&[m, n, k]| Row { layout, m, n, k });
        layouts.into_iter().flat_map(rows)
    }

    /// Shapes that nobody has chosen, the layouts by turns, the same in every run. Each size is as likely to
    /// be in one octave as in another.
    pub fn random(count: usize) -> impl Iterator<Item = Row> {
        let mut rng = Rng::new(1, 3);
        let mut size = move || LARGEST.powf(rng.uniform()).round() as usize;
        let shapes = core::iter::repeat_with(move || [size(), size(), size()])
            .filter(|shape| shape.iter().product::<usize>() <= MOST_WORK);
        let layouts = [Layout::Nn, Layout::Nt, Layout::Tn].into_iter().cycle();
        layouts.zip(shapes).take(count).map(|(layout, [m, n, k])| Row { layout, m, n, k })
    }
}

/// The m, n and k of `64x1x128`.
pub fn shape(text: &str) -> Result<[usize; 3], String> {
    let sizes: Option<Vec<usize>> = text.split('x').map(|size| size.parse().ok()).collect();
    let sizes = sizes.and_then(|sizes| <[usize; 3]>::try_from(sizes).ok());
    sizes.filter(|sizes| !sizes.contains(&0)).ok_or("three numbers above 0, as in 64x1x128".into())
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = match self.layout {
            Layout::Nn => "NN",
            Layout::Nt => "NT",
            Layout::Tn => "TN",
        };
        write!(f, "{layout} {}x{}x{}", self.m, self.n, self.k)
    }
}
