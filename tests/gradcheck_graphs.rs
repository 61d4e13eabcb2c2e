//! The gradient check of networks that are no chains: what is right passes at every level, what is
//! wrong does not.

#[path = "gradcheck_graphs/wrong.rs"]
mod wrong;

use densecore::gemm::Accum;
use densecore::gradcheck::{check_gradients, check_gradients_all, check_network_all};
use densecore::network::Graph;
use densecore::simd::Level;
use densecore::{
    Activation, Cpu, Error, Loss, Network, Objective, Result, Rng, Target, Tensor, Workspace,
};

const LINEAR: Activation = Activation::Identity;
const ROWS: usize = 6;
const INPUTS: usize = 4;

/// The weights of the losses of outputs, of which the first is no multiplication.
const WEIGHTS: [f32; 3] = [1.0, 0.3, 2.5];

/// Graphs with an activation in their hidden layers, each with something that a chain has not.
fn graphs(f: Activation) -> Vec<(&'static str, Graph)> {
    let start = || Network::graph(INPUTS).seed(5);
    let skip = start()
        .dense("first", "input", 5, f)
        .dense("second", "first", 5, f)
        .add("sum", &["first", "second"])
        .dense("out", "sum", 3, LINEAR)
        .output("out");
    let heads = start()
        .dense("trunk", "input", 6, f)
        .dense("class", "trunk", 3, LINEAR)
        .dense_without_bias("hidden", "trunk", 5, f)
        .dense("size", "hidden", 2, LINEAR)
        .output("size")
        .output("class");
    let wide = start()
        .dense("first", "input", 5, f)
        .concat("wide", &["first", "input"])
        .dense("out", "wide", 3, f)
        .output("out");
    // By layers of different widths, a sum that has it twice, and a concatenation.
    let thrice = start()
        .dense("read", "input", 5, f)
        .dense("left", "read", 3, f)
        .dense("right", "read", 5, f)
        .add("sum", &["read", "right", "read"])
        .concat("wide", &["left", "sum", "read", "left"])
        .dense("out", "wide", 3, LINEAR)
        .output("out");
    let dropout = start()
        .dropout("thin", "input", 0.25)
        .dense("first", "thin", 6, f)
        .dropout("between", "first", 0.5)
        .dense("second", "between", 6, f)
        .add("sum", &["first", "between", "second"])
        .dropout("after", "sum", 0.3)
        .concat("wide", &["after", "thin"])
        .dense("out", "wide", 3, LINEAR)
        .output("out");
    let read = start()
        .dense("first", "input", 5, f)
        .dense("second", "first", 3, f)
        .dropout("quiet", "first", 0.5)
        .output("first")
        .output("second")
        .output("quiet");
    vec![
        ("a skip connection", skip),
        ("two heads on a trunk", heads),
        ("a concatenation with the input", wide),
        ("a node that is read several times", thrice),
        ("dropout", dropout),
        ("outputs that are read", read),
    ]
}

/// The network, with biases that are not zero, where a wrong one would not show.
fn built(graph: Graph) -> Result<Network> {
    let mut network = graph.build()?;
    let mut rng = Rng::new(7, 901);
    for i in 0..network.layers() {
        for b in network.layer_mut(i).map(|layer| layer.bias).into_iter().flatten() {
            *b = rng.normal() / 4.0;
        }
    }
    Ok(network)
}

/// An input, and values for each output.
struct Batch {
    input: Tensor,
    values: Vec<Tensor>,
    classes: Vec<u32>,
}

impl Batch {
    fn new(network: &Network) -> Result<Self> {
        let mut rng = Rng::new(11, 900);
        let mut normal = |cols: usize| {
            Tensor::from_vec(ROWS, cols, (0..ROWS * cols).map(|_| rng.normal()).collect())
        };
        let widths = (0..network.heads()).map_while(|k| network.output_width(k));
        let (input, values) = (normal(INPUTS)?, widths.map(normal).collect::<Result<_>>()?);
        Ok(Self { input, values, classes: (0..ROWS as u32).map(|i| i % 2).collect() })
    }

    /// Losses of two kinds in turn.
    fn objectives(&self) -> Vec<Objective<'_>> {
        let of = |(k, values)| match k % 2 {
            0 => Objective::new(Target::Values(Tensor::view(values)), Loss::MSE),
            _ => Objective::new(Target::Classes(&self.classes), Loss::CROSS_ENTROPY),
        };
        let all = self.values.iter().enumerate().map(of);
        all.zip(WEIGHTS).map(|(objective, weight)| objective.weight(weight)).collect()
    }
}

/// The weighted loss and the gradients of the first pass at that level.
fn passes(
    level: Level,
    network: &Network,
    input: &Tensor,
    objectives: &[Objective<'_>],
) -> Result<(f32, Vec<f32>)> {
    let (cpu, mut workspace) = (Cpu::detect().with_level(level), Workspace::new());
    let (input, replace) = (input.view(), Accum::Replace);
    let value = network.loss_and_gradients_all(cpu, &mut workspace, input, objectives, replace)?;
    Ok((value, network.gradients(&workspace).to_vec()))
}

#[test]
fn every_graph_passes_with_every_activation_at_every_level() -> Result<()> {
    let (mut worst, mut skipped) = ([0.0_f64; 3], 0);
    for level in Level::available() {
        for f in [Activation::Tanh, Activation::Relu, Activation::Gelu] {
            for (what, graph) in graphs(f) {
                let network = built(graph)?;
                let batch = Batch::new(&network)?;
                let (input, objectives) = (&batch.input, batch.objectives());
                let (value, gradients) = passes(level, &network, input, &objectives)?;
                let found = (value, &gradients[..]);
                let report = check_gradients_all(&network, input.view(), &objectives, found)?;
                assert!(report.passes(), "{what}, {f}, {level:?}: {report}");
                let all = report.mathematics.compared + report.skipped;
                assert_eq!((all, report.kernels.compared), (network.parameter_count(), all));
                assert!(report.skipped == 0 || f == Activation::Relu, "{what}, {f}: {report}");
                skipped += report.skipped;
                let errors = [report.mathematics.error, report.kernels.error, report.loss_error];
                worst = [0, 1, 2].map(|i| worst[i].max(errors[i]));
            }
        }
    }
    let [mathematics, kernels, loss] = worst;
    println!(
        "worst: mathematics {mathematics:.1e}, kernels {kernels:.2}, loss {loss:.2}; {skipped} skipped"
    );
    Ok(())
}

#[test]
fn a_chain_is_checked_as_a_graph_of_one_output() -> Result<()> {
    let network = Network::builder(INPUTS)
        .dropout(0.25)
        .dense(5, Activation::Tanh)
        .dropout(0.5)
        .dense(3, LINEAR)
        .seed(2)
        .build()?;
    let batch = Batch::new(&network)?;
    let (input, objectives) = (&batch.input, batch.objectives());
    let all = check_network_all(&network, input.view(), &objectives)?;
    assert!(all.passes(), "{all}");
    let (value, gradients) = passes(Cpu::detect().level(), &network, input, &objectives)?;
    let Objective { target, loss, .. } = objectives[0];
    let one = check_gradients(&network, input.view(), target, loss, (value, &gradients))?;
    assert_eq!(one.to_string(), all.to_string());
    assert_eq!((one.mathematics, one.kernels), (all.mathematics, all.kernels));
    assert_eq!(one.place(0).as_deref(), Some("layers.0.weight[0, 0]"));
    Ok(())
}

#[test]
fn objectives_that_do_not_fit_are_named() -> Result<()> {
    let [_, (_, heads), ..] = &graphs(Activation::Tanh)[..] else { panic!("no heads") };
    let network = built(heads.clone())?;
    let batch = Batch::new(&network)?;
    let (input, objectives) = (batch.input.view(), batch.objectives());
    let few = check_network_all(&network, input, &objectives[..1]).err();
    assert_eq!(few, Some(Error::Length { argument: "objectives", expected: 2, found: 1 }));
    let endless = [objectives[0], objectives[1].weight(f32::NAN)];
    let endless = check_network_all(&network, input, &endless).err();
    assert!(matches!(endless, Some(Error::Value { argument: "weight", .. })), "{endless:?}");
    let short = check_gradients_all(&network, input, &objectives, (0.0, &[0.0])).err();
    let expected = network.parameters().len();
    assert_eq!(short, Some(Error::Length { argument: "gradients", expected, found: 1 }));
    Ok(())
}
