//! [`PackedNetwork`]: a network that predicts with weights that are packed once.

use core::borrow::Borrow;
use core::fmt;

use super::Network;
use super::node::Node;
use super::workspace::Workspace;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::PackedWeight;
use crate::simd::Level;
use crate::tensor::{View, ViewMut};

/// A network for inference: its weights stand once more in the order in which products read them, so
/// that no call has to bring them into it.
///
/// It predicts the same bits as the [`Network`] does at the level it was packed for, in less time
/// where products pack: not at [`Level::Portable`], and not where all weights are small. `N` is the
/// network or whatever holds it, such as `&Network` or `Arc<Network>`. Weights that change would not
/// be noticed, so there is no way to change them: [`into_network`](PackedNetwork::into_network) gives
/// back what was packed.
///
/// ```
/// use densecore::{Activation, Cpu, Network, PackedNetwork, View, ViewMut, Workspace};
/// let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
/// let network = Network::mlp(&[64, 100, 3], Activation::Relu, 42)?;
/// let (input, mut expected, mut found) = ([0.5; 2 * 64], [0.0; 6], [0.0; 6]);
/// let input = View::new(2, 64, &input)?;
/// network.predict(cpu, &mut workspace, input, ViewMut::new(2, 3, &mut expected)?)?;
///
/// let packed = PackedNetwork::new(cpu, &network)?;
/// packed.predict(cpu, &mut workspace, input, ViewMut::new(2, 3, &mut found)?)?;
/// assert_eq!(found, expected);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone)]
pub struct PackedNetwork<N = Network> {
    network: N,
    /// Of each node: none where there is no weight, or one that is read where it is.
    weights: Vec<Option<PackedWeight>>,
    level: Level,
}

/// Elements up to which a weight is not packed: in a first-level cache its rows are read as fast, and
/// without a panel's padding.
const SMALL_WEIGHT: usize = 2048;

impl<N: Borrow<Network>> PackedNetwork<N> {
    /// Packs the weights of `network` for the level of `cpu`.
    ///
    /// Errors: [`OutOfMemory`](crate::Error::OutOfMemory), or [`Overflow`](crate::Error::Overflow),
    /// if the copy cannot be held.
    pub fn new(cpu: Cpu, network: N) -> Result<Self> {
        let Network { plan, parameters, .. } = network.borrow();
        let pack = |node: &Node| {
            let layer = node.layer().filter(|layer| layer.weight.len() > SMALL_WEIGHT);
            let weight = layer.map(|layer| layer.dense(parameters.as_slice()).weight);
            weight.map(|weight| PackedWeight::new(cpu, weight)).transpose()
        };
        let weights = plan.nodes.iter().map(pack).collect::<Result<_>>()?;
        Ok(Self { network, weights, level: cpu.level() })
    }

    /// The network that was packed.
    pub fn network(&self) -> &Network {
        self.network.borrow()
    }

    /// What was packed, to be changed.
    pub fn into_network(self) -> N {
        self.network
    }

    /// The level at which it predicts, whatever that of the `cpu` of a call.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Bytes that the packed weights take, besides the network itself.
    pub fn bytes(&self) -> usize {
        self.weights.iter().flatten().map(PackedWeight::bytes).sum()
    }

    /// As [`Network::predict`].
    pub fn predict(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        output: ViewMut<'_>,
    ) -> Result<()> {
        self.predict_all(cpu, workspace, input, &mut [output])
    }

    /// As [`Network::predict_all`].
    pub fn predict_all(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        outputs: &mut [ViewMut<'_>],
    ) -> Result<()> {
        let (cpu, weights) = (cpu.with_level(self.level), Some(&self.weights[..]));
        self.network().predict_with(cpu, workspace, weights, input, outputs)
    }
}

impl<N: Borrow<Network>> fmt::Debug for PackedNetwork<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, level) = (self.network(), self.level);
        let mut f = f.debug_struct("PackedNetwork");
        f.field("network", network).field("level", &level).field("bytes", &self.bytes()).finish()
    }
}
