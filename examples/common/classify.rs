//! What is the same for all sets of small pictures: train a classifier, say how good it is, show
//! what it takes for what.

use std::io::{self, Write};

use densecore::train::{Epoch, confusion_matrix, predicted_class};
use densecore::{Cpu, Dataset, Loss, Network, Targets, Tensor, Workspace};

use super::draw::{self, Picture};
use super::plot::Plots;
use super::training::{Trained, Training};
use super::{Outcome, plot};

/// Pictures to train on and to test with, and the name of each class.
pub struct Task {
    pub train: Dataset,
    pub test: Dataset,
    pub names: Vec<String>,
}

/// Wrongly read pictures that are drawn in letters, and in a file.
const DRAWN: usize = 3;
const PLOTTED: usize = 40;

pub fn run(task: &Task, options: &Training) -> Outcome {
    let mut out = io::stdout();
    let plots = options.plots()?;
    let side = task.train.inputs().cols().isqrt();
    let sets = (&task.train, &task.test);
    let trained = options.run(sets, task.names.len(), Loss::CROSS_ENTROPY, line)?;

    let result = Read::of(&trained.network, task)?;
    writeln!(out, "\n{} of {} are read wrongly:\n", result.wrong.len(), task.test.len())?;
    draw::confusion(&mut out, &task.names, &result.confusion)?;
    writeln!(out)?;
    draw::pictures(&mut out, side, &result.mistakes(task, DRAWN))?;
    if let Some(plots) = plots {
        plot_all(&plots, task, side, &trained, &result)?;
        writeln!(out, "pictures are in {}\n", plots.folder().display())?;
    }
    let accuracy = 1.0 - result.wrong.len() as f64 / task.test.len() as f64;
    writeln!(out, "test accuracy {:.2} %", 100.0 * accuracy)?;
    Ok(())
}

fn plot_all(plots: &Plots, task: &Task, side: usize, trained: &Trained, result: &Read) -> Outcome {
    plots.classifier_curves(&trained.history, trained.beside)?;
    plots.confusion(&task.names, &result.confusion)?;
    if let Some(layer) = trained.network.layer(0) {
        plots.first_layer(layer.weight, side)?;
    }
    let mistakes = result.mistakes(task, PLOTTED);
    let title = match result.wrong.len() {
        all if all > mistakes.len() => {
            format!("{} of {all} mistakes on the test set", mistakes.len())
        }
        all => format!("All {all} mistakes on the test set"),
    };
    plots.pictures("mistakes.png", &title, side, &mistakes, plot::Ink::Grey)
}

/// One line for an epoch.
fn line(epoch: &Epoch, beside: &str) -> String {
    let percent = |accuracy: Option<f64>| 100.0 * accuracy.unwrap_or(0.0);
    format!(
        "loss {:.3e}   train {:6.2} %   {beside} {:6.2} %",
        epoch.train.loss,
        percent(epoch.train.accuracy),
        percent(epoch.validation.and_then(|v| v.accuracy)),
    )
}

/// What a network makes of the test set.
struct Read {
    /// The class of each sample, if the scores say any.
    guesses: Vec<Option<usize>>,
    /// Samples whose class it is not.
    wrong: Vec<usize>,
    confusion: Vec<usize>,
}

impl Read {
    fn of(network: &Network, task: &Task) -> Outcome<Self> {
        let Targets::Classes { ids, .. } = task.test.targets() else {
            return Err("the test set has no classes".into());
        };
        let mut scores = Tensor::zeros(task.test.len(), network.outputs())?;
        let inputs = task.test.inputs().view();
        network.predict(Cpu::detect(), &mut Workspace::new(), inputs, scores.view_mut())?;
        let confusion = confusion_matrix(scores.view(), ids)?;
        let guesses: Vec<_> = scores.view().iter_rows().map(predicted_class).collect();
        let is_wrong = |&i: &usize| guesses[i] != Some(ids[i] as usize);
        let wrong = (0..ids.len()).filter(is_wrong).collect();
        Ok(Self { guesses, wrong, confusion })
    }

    /// The first samples that are read wrongly, and what for.
    fn mistakes(&self, task: &Task, most: usize) -> Vec<Picture> {
        let Targets::Classes { ids, .. } = task.test.targets() else { return Vec::new() };
        let name = |class: usize| task.names.get(class).map_or("?", String::as_str);
        let picture = |&i: &usize| Picture {
            pixels: task.test.inputs().row(i).unwrap_or(&[]).to_vec(),
            caption: match self.guesses[i] {
                Some(guess) => format!("is {}, reads {}", name(ids[i] as usize), name(guess)),
                None => format!("is {}, reads nothing", name(ids[i] as usize)),
            },
        };
        self.wrong.iter().take(most).map(picture).collect()
    }
}
