//! Networks and checkpoints in files, with the feature `safetensors`.

use std::path::Path;

use densecore::train::{Snapshot, State};
use densecore::{Network, Optimizer};

use super::Outcome;

#[cfg(feature = "safetensors")]
mod in_files {
    use densecore::io;

    use super::*;

    pub fn is_possible() -> Outcome {
        Ok(())
    }

    pub fn save(network: &Network, path: &Path) -> Outcome {
        Ok(io::save(network, path)?)
    }

    pub fn save_checkpoint(at: &Snapshot<'_>, path: &Path) -> Outcome {
        Ok(io::save_training(path, at.network, at.optimizer, at.state)?)
    }

    pub fn load_checkpoint(
        network: &mut Network,
        optimizer: &mut Optimizer,
        path: &Path,
    ) -> Outcome<State> {
        io::load_training(path, network, optimizer)
            .map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

#[cfg(not(feature = "safetensors"))]
mod in_files {
    use super::*;

    pub fn is_possible() -> Outcome {
        Err("--save and --checkpoint need the feature: cargo run --features safetensors".into())
    }

    pub fn save(_: &Network, _: &Path) -> Outcome {
        is_possible()
    }

    pub fn save_checkpoint(_: &Snapshot<'_>, _: &Path) -> Outcome {
        is_possible()
    }

    pub fn load_checkpoint(_: &mut Network, _: &mut Optimizer, _: &Path) -> Outcome<State> {
        is_possible().map(|()| State::default())
    }
}

pub use in_files::{is_possible, load_checkpoint, save, save_checkpoint};
