//! The golden files: tensors that PyTorch computed in f64, by name, and the list of cases.

use std::path::Path;

use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd,
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::bounded::Bounded;

/// A golden file in memory.
pub struct Golden(Vec<u8>);

/// A tensor in f64.
pub struct GoldenTensor {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl GoldenTensor {
    /// In f32, for inputs, which are exact in it.
    pub fn to_f32(&self) -> Vec<f32> {
        let exact = |&x: &f64| {
            assert_eq!(f64::from(x as f32), x, "an input that is not an f32");
            x as f32
        };
        self.data.iter().map(exact).collect()
    }

    /// Rounded to f32, and the tensor's numbers with the errors of that.
    pub fn to_rounded(&self) -> (Vec<f32>, Vec<Bounded>) {
        let bound =
            |&value: &f64| Bounded { value, error: (value - f64::from(value as f32)).abs() };
        (self.data.iter().map(|&x| x as f32).collect(), self.data.iter().map(bound).collect())
    }

    /// As class ids; -1 is the largest, and so on down.
    pub fn to_ids(&self) -> Vec<u32> {
        self.data.iter().map(|&x| x as i64 as u32).collect()
    }
}

impl Golden {
    /// `tests/golden/NAME.safetensors`.
    pub fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let file = folder.join(name).with_extension("safetensors");
        Self(std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    /// The cases, in the order in which they were made.
    pub fn cases(&self) -> Vec<Value> {
        let (_, header) = SafeTensors::read_metadata(&self.0).expect("a safetensors header");
        let metadata = header.metadata().as_ref().expect("metadata");
        serde_json::from_str(&metadata["cases"]).expect("a JSON list")
    }

    /// The case of that name.
    pub fn case(&self, name: &str) -> Value {
        let found = self.cases().into_iter().find(|case| case["name"] == name);
        found.unwrap_or_else(|| panic!("no case {name}"))
    }

    pub fn tensor(&self, name: &str) -> GoldenTensor {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let words = tensor.data().as_chunks::<8>().0.iter();
        let data = match tensor.dtype() {
            Dtype::F64 => words.map(|&word| f64::from_le_bytes(word)).collect(),
            Dtype::I64 => words.map(|&word| i64::from_le_bytes(word) as f64).collect(),
            other => panic!("{name}: {other:?}"),
        };
        GoldenTensor { shape: tensor.shape().to_vec(), data }
    }
}

/// The rule that a case describes, with all of the case's options.
pub fn rule(case: &Value) -> Rule {
    let set = |key: &str| case[key].as_bool() == Some(true);
    let number = |key: &str, default: f64| case[key].as_f64().unwrap_or(default);
    let beta = |i: usize, default: f64| case["betas"][i].as_f64().unwrap_or(default);
    let (learning_rate, weight_decay) = (number("lr", f64::NAN), number("weight_decay", 0.0));
    let name = case["rule"].as_str().or(case["optimizer"].as_str()).unwrap_or_default();
    match name {
        "SGD" => Rule::Sgd(Sgd {
            momentum: number("momentum", 0.0),
            dampening: number("dampening", 0.0),
            nesterov: set("nesterov"),
            maximize: set("maximize"),
            weight_decay,
            ..Sgd::new(learning_rate)
        }),
        "Adam" | "AdamW" => Rule::Adam(Adam {
            beta1: beta(0, 0.9),
            beta2: beta(1, 0.999),
            epsilon: number("eps", 1e-8),
            decoupled: name == "AdamW",
            amsgrad: set("amsgrad"),
            weight_decay,
            ..Adam::new(learning_rate)
        }),
        "Adamax" => Adamax::new(learning_rate).into(),
        "NAdam" => NAdam::new(learning_rate).into(),
        "RAdam" => RAdam::new(learning_rate).into(),
        "Adagrad" => Rule::Adagrad(Adagrad {
            learning_rate_decay: number("lr_decay", 0.0),
            ..Adagrad::new(learning_rate)
        }),
        "Adadelta" => Adadelta { weight_decay, ..Adadelta::new(learning_rate) }.into(),
        "RMSprop" => Rule::RmsProp(RmsProp {
            momentum: number("momentum", 0.0),
            centered: set("centered"),
            weight_decay,
            ..RmsProp::new(learning_rate)
        }),
        "Rprop" => Rprop::new(learning_rate).into(),
        "Lion" => Rule::Lion(Lion {
            beta1: beta(0, 0.9),
            beta2: beta(1, 0.99),
            weight_decay,
            ..Lion::new(learning_rate)
        }),
        other => panic!("{other}"),
    }
}

/// Counts comparisons, so that a test can say how many it made.
#[derive(Debug, Default)]
pub struct Compared {
    pub count: usize,
    /// The largest error as a share of its bound, which is below 1.
    pub worst: f64,
    /// The largest bound as a share of the largest number beside it.
    pub loosest: f64,
}

impl Compared {
    /// Each element of `found` is within the bound of the golden one. `bounds` are computed from
    /// the same formulas, so their values must agree with the golden ones to f64's precision.
    pub fn close(&mut self, what: &str, found: &[f32], golden: &[f64], bounds: &[Bounded]) {
        self.compare(what, found, golden, bounds, (1e-11, 0.0));
    }

    /// The same with golden numbers that are off by `apart` of their size, or of 1, themselves.
    pub fn close_to(
        &mut self,
        what: &str,
        found: &[f32],
        golden: &[f64],
        bounds: &[Bounded],
        apart: f64,
    ) {
        self.compare(what, found, golden, bounds, (apart, apart));
    }

    /// `apart` is how far the values of the bounds may be from the golden numbers, and `slack` what a
    /// result is granted beyond its bound because the golden number itself is off.
    fn compare(
        &mut self,
        what: &str,
        found: &[f32],
        golden: &[f64],
        bounds: &[Bounded],
        (apart, slack): (f64, f64),
    ) {
        assert_eq!((found.len(), bounds.len()), (golden.len(), golden.len()), "{what}");
        assert!(!golden.is_empty(), "{what}");
        for (i, ((&found, &golden), bound)) in found.iter().zip(golden).zip(bounds).enumerate() {
            let off = (bound.value - golden).abs();
            assert!(off <= apart * (1.0 + golden.abs()), "{what}[{i}]: {bound:?} for {golden}");
            let error = (f64::from(found) - golden).abs();
            self.worst = self.worst.max(error / bound.error.max(f64::MIN_POSITIVE));
            // `<=` is false for NaN.
            assert!(
                error <= bound.error + slack * (1.0 + golden.abs()),
                "{what}[{i}]: {found}, golden {golden}, {bound:?}"
            );
        }
        self.count += golden.len();
        let loosest = bounds.iter().fold(0.0, |most: f64, bound| most.max(bound.error));
        let scale = golden.iter().fold(f64::MIN_POSITIVE, |most, x| most.max(x.abs()));
        self.loosest = self.loosest.max(loosest / scale);
    }
}
