//! [`DeadUnits`]: units that return zero for every sample, which no gradient reaches.
//!
//! ```text
//!   unit j is dead on a batch:   Y[i, j] = f(Z[i, j]) = 0 for every i,   where f' = 0 too,
//!   so dZ[i, j] = dY[i, j] f' = 0,   dW[., j] = 0   and   db[j] = 0
//! ```

use core::fmt;

use super::Network;
use super::workspace::Workspace;
use crate::activation::{Activation, Hardtanh};

/// How many units of a layer are dead on a batch; see [`Network::dead_units`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadUnits {
    /// The layer's node.
    pub name: String,
    /// Its number, as in [`Network::layer`].
    pub layer: usize,
    /// Its units: columns of its output.
    pub units: usize,
    /// Those that are dead; none of a layer whose activation is not flat at zero anywhere, and none if
    /// the batch was empty.
    pub dead: Option<usize>,
}

impl DeadUnits {
    /// The share of the units that are dead.
    pub fn share(&self) -> Option<f64> {
        self.dead.map(|dead| dead as f64 / self.units as f64)
    }
}

impl fmt::Display for DeadUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, units, .. } = self;
        match self.dead {
            Some(dead) => write!(f, "{name}: {dead} of {units} units are dead"),
            None => write!(f, "{name}: none of {units} units can die"),
        }
    }
}

impl Network {
    /// For each layer, how many units returned 0 for every sample of the last forward pass with this
    /// workspace that trained. No gradient reaches them: they are dead on this batch, which says little
    /// of a small one. None if the workspace holds no forward pass of a network of these shapes.
    ///
    /// Asked of layers with an activation that is 0 with slope 0 over a stretch: ReLU, ReLU6,
    /// hardsigmoid and hardswish at their lower end, hardtanh at an end that is 0, the two shrinks in
    /// the middle, and leaky ReLU and ELU with a factor of 0. (A unit that saturates elsewhere, as
    /// ReLU6 does at 6, still returns something.)
    ///
    /// ```
    /// use densecore::{Activation, Cpu, Network, View, Workspace};
    /// let mut network = Network::mlp(&[2, 4, 1], Activation::Relu, 42)?;
    /// network.layer_mut(0).expect("a layer").bias[..3].fill(-1000.0);
    /// network.layer_mut(0).expect("a layer").bias[3] = 1000.0;
    /// let mut workspace = Workspace::new();
    /// assert_eq!(network.dead_units(&workspace), None);
    /// network.forward(Cpu::detect(), &mut workspace, View::new(2, 2, &[0.1, 0.2, 0.3, 0.4])?)?;
    /// let found = network.dead_units(&workspace).expect("a forward pass");
    /// assert_eq!(found[0].to_string(), "layers.0: 3 of 4 units are dead");
    /// assert_eq!((found[0].share(), found[1].share()), (Some(0.75), None));
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn dead_units(&self, workspace: &Workspace) -> Option<Vec<DeadUnits>> {
        let mut found = Vec::new();
        for (name, node, y) in self.activations(workspace)? {
            let Some(layer) = node.layer() else { continue };
            let (name, units) = (name.to_string(), node.width);
            let dead = (y.rows() > 0 && is_flat_at_zero(layer.activation)).then(|| {
                let mut is_dead = vec![true; units];
                for row in y.iter_rows() {
                    is_dead.iter_mut().zip(row).for_each(|(is_dead, &y)| *is_dead &= y == 0.0);
                }
                is_dead.into_iter().filter(|&is_dead| is_dead).count()
            });
            found.push(DeadUnits { name, layer: found.len(), units, dead });
        }
        Some(found)
    }
}

/// Whether there is a stretch over which both f and f' are 0. (That of hardswish is not all of its
/// zeros: a unit whose every z is exactly 0 is taken for a dead one.)
fn is_flat_at_zero(activation: Activation) -> bool {
    match activation {
        Activation::Relu | Activation::Relu6 => true,
        Activation::Hardsigmoid | Activation::Hardswish => true,
        Activation::Hardtanh(Hardtanh { min, max }) => min == 0.0 || max == 0.0,
        Activation::Hardshrink(f) => f.lambda > 0.0,
        Activation::Softshrink(f) => f.lambda > 0.0,
        Activation::LeakyRelu(f) => f.slope == 0.0,
        Activation::Elu(f) => f.alpha == 0.0,
        _ => false,
    }
}
