//! Trains a network on MNIST, or on Fashion-MNIST and whatever else has the same four files.
//!
//! ```text
//! sh data/fetch.sh
//! cargo run --release --example mnist -- --data data/mnist
//! cargo run --release --example mnist -- --data data/mnist --hidden 512,512 --dropout 0.2
//! cargo run --release --example mnist -- --data data/fashion-mnist --hidden 512,512 --dropout 0.2 \
//!     --names top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,boot
//! ```
//!
//! The last line of each is
//!
//! ```text
//! test accuracy 97.98 %
//! test accuracy 98.64 %
//! test accuracy 89.69 %
//! ```
//!
//! Files that end in `.gz` are read with `--features gzip`.

mod common;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::classify::{self, Task};
use common::training::Training;
use common::{Outcome, start};
use densecore::data::{Standardize, idx};

/// Train a network on 60,000 pictures of 28x28 pixels in ten classes.
#[derive(Parser)]
struct Options {
    /// Folder with the files train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Name of each class, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "0,1,2,3,4,5,6,7,8,9")]
    names: Vec<String>,
    #[command(flatten)]
    training: Training,
}

impl common::Options for Options {
    fn training(&self) -> &Training {
        &self.training
    }
}

fn main() -> ExitCode {
    let defaults = [("epochs", "10"), ("batch", "128"), ("lr", "1e-3"), ("hidden", "128")];
    start(&defaults, run)
}

fn run(options: &Options) -> Outcome {
    if !options.data.is_dir() {
        return Err(format!("{}: there is no such folder", options.data.display()).into());
    }
    let set = |part: &str| -> Outcome<_> {
        let images = file(&options.data, &format!("{part}-images-idx3-ubyte"))?;
        let labels = file(&options.data, &format!("{part}-labels-idx1-ubyte"))?;
        Ok((idx::dataset(&images, labels, options.names.len())?, images))
    };
    let ((train, train_path), (test, test_path)) = (set("train")?, set("t10k")?);
    let (pixels, found) = (train.inputs().cols(), test.inputs().cols());
    if pixels != found {
        let path = test_path.display();
        return Err(format!("{path}: expected pictures of {pixels} pixels, found {found}").into());
    }
    if pixels == 0 || pixels.isqrt().pow(2) != pixels {
        return Err(format!("{}: the pictures are no squares", train_path.display()).into());
    }
    // Of what is trained on only. A pixel is a pixel: one mean and one scale for all.
    let scale = Standardize::fit_whole(train.inputs().view())?;
    let (mean, deviation) = (scale.mean()[0], scale.scale()[0]);
    writeln!(io::stdout(), "ink from 0 to 1: mean {mean:.4}, standard deviation {deviation:.4}")?;
    let (train, test) = (scale.dataset(train)?, scale.dataset(test)?);
    classify::run(&Task { train, test, names: options.names.clone() }, &options.training)
}

/// The file of this name in the folder, plain or compressed.
fn file(folder: &Path, name: &str) -> Outcome<PathBuf> {
    let candidates = [folder.join(name), folder.join(format!("{name}.gz"))];
    let found = candidates.into_iter().find(|path| path.exists());
    found.ok_or_else(|| {
        let folder = folder.display();
        format!("{folder}: no {name}, plain or .gz; sh data/fetch.sh fetches MNIST").into()
    })
}
