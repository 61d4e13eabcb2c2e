//! Factors for the `gain` of an initialiser, by the activation that follows the layer: the values
//! of `torch.nn.init.calculate_gain`.

/// For no activation, that is for the identity.
pub const LINEAR: f32 = 1.0;
/// For the sigmoid.
pub const SIGMOID: f32 = 1.0;
/// For the hyperbolic tangent.
pub const TANH: f32 = 5.0 / 3.0;
/// For ReLU.
pub const RELU: f32 = core::f32::consts::SQRT_2;
/// For a leaky ReLU with its default slope of 0.01 below zero.
pub const LEAKY_RELU: f32 = 1.414_142_8;
/// For SELU.
pub const SELU: f32 = 0.75;

/// For a leaky ReLU with this slope below zero: `sqrt(2 / (1 + slope^2))`.
pub fn leaky_relu(slope: f32) -> f32 {
    let slope = f64::from(slope);
    (2.0 / (1.0 + slope * slope)).sqrt() as f32
}
