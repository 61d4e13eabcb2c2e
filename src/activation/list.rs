//! The list of all activations: [`Activation`], its names and its dispatch are made from it.
//!
//! A new one is a file beside this one, its `mod` line, and a line here: the variant, the file, the
//! name and, in the second part, the settings.

use core::fmt;
use core::str::FromStr;

use super::{ActivationFn, Reads};
use crate::error::{Error, Excerpt, Result};

/// Makes everything that knows all activations. `$d` is a dollar sign, for the macro inside.
macro_rules! activations {
    (
        $d:tt
        plain { $($Plain:ident = $plain_file:ident $plain_name:literal,)* }
        with_settings { $($Set:ident = $set_file:ident $set_name:literal [$($setting:ident),+],)* }
    ) => {
        $(pub use super::$plain_file::$Plain;)*
        $(pub use super::$set_file::$Set;)*

        /// An activation chosen at run time.
        ///
        /// Written and parsed as its [`name`](Activation::name), with the settings of those that
        /// have some in parentheses, in the order of their fields: `relu`, `leaky_relu(0.01)`. The
        /// name alone has the settings of PyTorch.
        ///
        /// ```
        /// use densecore::Activation;
        /// use densecore::activation::LeakyRelu;
        /// let leaky: Activation = "leaky_relu(0.2)".parse()?;
        /// assert_eq!(leaky, LeakyRelu { slope: 0.2 }.into());
        /// assert_eq!(leaky.to_string(), "leaky_relu(0.2)");
        /// # Ok::<(), densecore::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Activation {
            $(#[doc = concat!("[`", stringify!($Plain), "`].")] $Plain,)*
            $(#[doc = concat!("[`", stringify!($Set), "`].")] $Set($Set),)*
        }

        /// Runs `$body` with `$f` bound to the function that `$activation` names.
        macro_rules! with_activation {
            ($d activation:expr, $d f:ident => $d body:expr) => {
                match $d activation {
                    $($crate::activation::Activation::$Plain => {
                        let $d f = $crate::activation::$Plain;
                        $d body
                    })*
                    $($crate::activation::Activation::$Set($d f) => $d body,)*
                }
            };
        }

        impl Activation {
            /// All of them, with the settings of PyTorch.
            pub const ALL: &[Activation] = &[
                $(Activation::$Plain,)*
                $(Activation::$Set($Set::DEFAULT),)*
            ];

            /// The function's name in lower case, such as `relu`, without settings.
            pub fn name(self) -> &'static str {
                match self {
                    $(Activation::$Plain => $plain_name,)*
                    $(Activation::$Set(_) => $set_name,)*
                }
            }

            /// The settings in the order of their fields.
            fn settings(&self) -> Settings {
                match self {
                    $(Activation::$Plain => Settings::new(&[]),)*
                    $(Activation::$Set(f) => Settings::new(&[$(f.$setting),+]),)*
                }
            }

            fn settings_mut(&mut self) -> [Option<&mut f32>; 2] {
                let mut found = [None, None];
                match self {
                    $(Activation::$Plain => {})*
                    $(Activation::$Set(f) => {
                        let all = [$(&mut f.$setting),+];
                        found.iter_mut().zip(all).for_each(|(to, from)| *to = Some(from));
                    })*
                }
                found
            }

            /// An error if a setting has no meaning: [`Value`](Error::Value) names it. Functions
            /// that do not return one compute something with it all the same.
            pub fn check(self) -> Result<()> {
                match self {
                    $(Activation::$Plain => Ok(()),)*
                    $(Activation::$Set(f) => f.check(),)*
                }
            }

            /// `f(z)` and `f'(z)` in f64, for tests and gradient checks.
            pub fn exact(self, z: f64) -> (f64, f64) {
                with_activation!(self, f => f.exact(z))
            }

            /// What `f'` is computed from.
            pub fn reads(self) -> Reads {
                fn of<F: ActivationFn>(_: F) -> Reads {
                    F::READS
                }
                with_activation!(self, f => of(f))
            }
        }

        $(
            impl From<$Plain> for Activation {
                fn from(_: $Plain) -> Self {
                    Activation::$Plain
                }
            }
        )*

        $(
            impl From<$Set> for Activation {
                fn from(f: $Set) -> Self {
                    Activation::$Set(f)
                }
            }

            impl Default for $Set {
                fn default() -> Self {
                    Self::DEFAULT
                }
            }
        )*
    };
}

activations! {
    $
    plain {
        Identity = identity "identity",
        Relu = relu "relu",
        Relu6 = relu6 "relu6",
        Selu = selu "selu",
        Silu = silu "silu",
        Mish = mish "mish",
        Gelu = gelu "gelu",
        GeluTanh = gelu_tanh "gelu_tanh",
        Sigmoid = sigmoid "sigmoid",
        LogSigmoid = logsigmoid "logsigmoid",
        Hardsigmoid = hardsigmoid "hardsigmoid",
        Tanh = tanh "tanh",
        Arctan = arctan "arctan",
        Tanhshrink = tanhshrink "tanhshrink",
        Softsign = softsign "softsign",
        Sqnl = sqnl "sqnl",
        Hardswish = hardswish "hardswish",
        Exp = exp "exp",
    }
    with_settings {
        LeakyRelu = leaky_relu "leaky_relu" [slope],
        Elu = elu "elu" [alpha],
        Celu = celu "celu" [alpha],
        Softplus = softplus "softplus" [beta, threshold],
        Hardtanh = hardtanh "hardtanh" [min, max],
        Hardshrink = hardshrink "hardshrink" [lambda],
        Softshrink = softshrink "softshrink" [lambda],
    }
}
pub(crate) use with_activation;

/// Up to two settings.
struct Settings([f32; 2], usize);

impl Settings {
    fn new(settings: &[f32]) -> Self {
        let mut all = [0.0; 2];
        all[..settings.len()].copy_from_slice(settings);
        Settings(all, settings.len())
    }
}

impl Default for Activation {
    /// The identity: a linear layer.
    fn default() -> Self {
        Activation::Identity
    }
}

impl Activation {
    /// The activation with this [`name`](Activation::name), if there is one, with the settings of
    /// PyTorch.
    ///
    /// ```
    /// use densecore::Activation;
    /// assert_eq!(Activation::from_name("relu"), Some(Activation::Relu));
    /// assert_eq!(Activation::from_name("ReLU"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|activation| activation.name() == name)
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.settings() {
            Settings(_, 0) => Ok(()),
            Settings([first, _], 1) => write!(f, "({first})"),
            Settings([first, second], _) => write!(f, "({first}, {second})"),
        }
    }
}

impl FromStr for Activation {
    type Err = Error;

    /// Errors: [`Name`](Error::Name) for a text that is no activation, [`Value`](Error::Value) for
    /// a setting without a meaning.
    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::Name {
            argument: "activation",
            expected: "a name such as relu or leaky_relu(0.01)",
            found: Excerpt::new(text),
        };
        let (name, settings) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(unknown)?)),
        };
        let mut activation = Self::from_name(name).ok_or_else(unknown)?;
        if let Some(settings) = settings {
            let mut values = settings.split(',');
            for setting in activation.settings_mut().into_iter().flatten() {
                let value = values.next().and_then(|value| value.trim().parse().ok());
                *setting = value.ok_or_else(unknown)?;
            }
            if values.next().is_some() {
                return Err(unknown());
            }
        }
        activation.check()?;
        Ok(activation)
    }
}
