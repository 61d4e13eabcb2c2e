//! Optimizers written out in [`Bounded`] numbers, formulas only.

use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd, UpdateRule,
};

use super::bounded::{Bounded, exact, rounded};

/// Every rule in every arrangement of its state, with learning rate `lr` and no weight decay.
pub fn all(lr: f64) -> Vec<Rule> {
    let rms = RmsProp::new(lr);
    vec![
        Sgd::new(lr).into(),
        Sgd::new(lr).momentum(0.9).into(),
        Sgd::new(lr).momentum(0.9).dampening(0.5).into(),
        Sgd::new(lr).momentum(0.9).nesterov().into(),
        Adam::new(lr).into(),
        Adam::new(lr).amsgrad().into(),
        Adam::adamw(lr).weight_decay(0.0).into(),
        Adamax::new(lr).into(),
        NAdam::new(lr).into(),
        RAdam::new(lr).into(),
        Adagrad { initial_accumulator: 0.5, learning_rate_decay: 0.1, ..Adagrad::new(lr) }.into(),
        Adadelta::new(lr).into(),
        rms.into(),
        rms.momentum(0.9).into(),
        rms.centered().into(),
        rms.momentum(0.9).centered().into(),
        Rprop::new(lr).into(),
        Lion::new(lr).into(),
    ]
}

/// An optimizer of some parameters.
pub struct Steps {
    rule: Rule,
    step: i32,
    /// NAdam's product of momenta.
    product: f64,
    /// Of each parameter.
    state: Vec<[Bounded; 3]>,
}

impl Steps {
    pub fn new(rule: Rule, len: usize) -> Self {
        let initial = rule.initial_state().map(|x| exact(x.into()));
        let initial = match rule {
            // The kernel rounds it.
            Rule::Rprop(r) => [initial[0], rounded(r.learning_rate), initial[2]],
            _ => initial,
        };
        Self { rule, step: 0, product: 1.0, state: vec![initial; len] }
    }

    pub fn step(&mut self, parameters: &mut [Bounded], gradients: &[Bounded]) {
        self.step += 1;
        if let Rule::NAdam(nadam) = self.rule {
            self.product *= momentum(&nadam, self.step);
        }
        for ((p, &g), state) in parameters.iter_mut().zip(gradients).zip(&mut self.state) {
            *p = moved(self.rule, (self.step, self.product), *p, g, state);
        }
    }
}

fn moved(
    rule: Rule,
    (t, product): (i32, f64),
    p: Bounded,
    g: Bounded,
    state: &mut [Bounded; 3],
) -> Bounded {
    let decayed = |weight_decay: f64| rounded(weight_decay) * p + g;
    let correction = |beta: f64| 1.0 - beta.powi(t);
    match rule {
        Rule::Sgd(r) => {
            let g = rounded(r.weight_decay) * p + if r.maximize { -g } else { g };
            let share = if t == 1 { 1.0 } else { 1.0 - r.dampening };
            state[0] = rounded(r.momentum) * state[0] + rounded(share) * g;
            let along = if r.nesterov { rounded(r.momentum) * state[0] + g } else { state[0] };
            p - rounded(r.learning_rate) * along
        }
        Rule::Adam(r) if r.decoupled => {
            let kept = rounded(1.0 - r.learning_rate * r.weight_decay) * p;
            kept - adam(&r, t, g, state)
        }
        Rule::Adam(r) => p - adam(&r, t, decayed(r.weight_decay), state),
        Rule::Adamax(r) => {
            let [m, u, _] = state;
            *m = mean(r.beta1, g, *m);
            *u = (rounded(r.beta2) * *u).max(g.abs() + rounded(r.epsilon));
            p - rounded(r.learning_rate / correction(r.beta1)) * (*m / *u)
        }
        Rule::NAdam(r) => p - nadam(&r, (t, product), g, state),
        Rule::RAdam(r) => p - radam(&r, t, g, state),
        Rule::Adagrad(r) => {
            state[0] = state[0] + g * g;
            let rate = r.learning_rate / (1.0 + f64::from(t - 1) * r.learning_rate_decay);
            p - rounded(rate) * (g / (state[0].sqrt() + rounded(r.epsilon)))
        }
        Rule::Adadelta(r) => {
            let (g, epsilon) = (decayed(r.weight_decay), rounded(r.epsilon));
            let [v, u, _] = state;
            *v = mean_square(r.rho, g, *v);
            let d = ((*u + epsilon) / (*v + epsilon)).sqrt() * g;
            *u = mean_square(r.rho, d, *u);
            p - rounded(r.learning_rate) * d
        }
        Rule::RmsProp(r) => {
            let d = rmsprop(&r, decayed(r.weight_decay), state);
            p - rounded(r.learning_rate) * d
        }
        Rule::Rprop(r) => rprop(&r, p, g, state),
        Rule::Lion(r) => {
            let along = rounded(r.beta1) * state[0] + rounded(1.0 - r.beta1) * g;
            state[0] = mean(r.beta2, g, state[0]);
            let kept = rounded(1.0 - r.learning_rate * r.weight_decay) * p;
            kept - rounded(r.learning_rate) * along.sign()
        }
        other => panic!("{other:?}"),
    }
}

fn mean(beta: f64, g: Bounded, m: Bounded) -> Bounded {
    m + rounded(1.0 - beta) * (g - m)
}

fn mean_square(beta: f64, g: Bounded, v: Bounded) -> Bounded {
    rounded(beta) * v + rounded(1.0 - beta) * g * g
}

fn adam(r: &Adam, step: i32, g: Bounded, [m, v, most]: &mut [Bounded; 3]) -> Bounded {
    *m = mean(r.beta1, g, *m);
    *v = mean_square(r.beta2, g, *v);
    *most = if r.amsgrad { most.max(*v) } else { *v };
    let (c1, c2) = (1.0 - r.beta1.powi(step), (1.0 - r.beta2.powi(step)).sqrt());
    let root = most.sqrt() + rounded(r.epsilon * c2);
    // By the inequality of Cauchy and Schwarz |m| / sqrt(v) has a bound, whatever the gradients:
    // where rounding decides on the sign of a gradient, it still moves by no more than this.
    let shares: f64 = (0..step).map(|i| (r.beta1 * r.beta1 / r.beta2).powi(i)).sum();
    let largest = (1.0 - r.beta1) / (1.0 - r.beta2).sqrt() * shares.sqrt() * (1.0 + 1e-4);
    let value = if root.value == 0.0 { 0.0 } else { m.value / root.value };
    let limit = value.abs() + largest;
    let ratio = if root.value > root.error { *m / root } else { Bounded { value, error: limit } };
    let ratio = Bounded { error: ratio.error.min(limit), ..ratio };
    rounded(r.learning_rate * c2 / c1) * ratio
}

fn momentum(r: &NAdam, step: i32) -> f64 {
    r.beta1 * (1.0 - 0.5 * 0.96_f64.powf(f64::from(step) * r.momentum_decay))
}

fn nadam(
    r: &NAdam,
    (step, product): (i32, f64),
    g: Bounded,
    [m, v, _]: &mut [Bounded; 3],
) -> Bounded {
    *m = mean(r.beta1, g, *m);
    *v = mean_square(r.beta2, g, *v);
    let c = (1.0 - r.beta2.powi(step)).sqrt();
    let (now, next) = (momentum(r, step), momentum(r, step + 1));
    let of_gradient = r.learning_rate * c * (1.0 - now) / (1.0 - product);
    let of_mean = r.learning_rate * c * next / (1.0 - product * next);
    let ahead = rounded(of_gradient) * g + rounded(of_mean) * *m;
    ahead / (v.sqrt() + rounded(r.epsilon * c))
}

fn radam(r: &RAdam, step: i32, g: Bounded, [m, v, _]: &mut [Bounded; 3]) -> Bounded {
    *m = mean(r.beta1, g, *m);
    *v = mean_square(r.beta2, g, *v);
    let (power, rate) = (r.beta2.powi(step), r.learning_rate / (1.0 - r.beta1.powi(step)));
    let most = 2.0 / (1.0 - r.beta2) - 1.0;
    let now = most - 2.0 * f64::from(step) * power / (1.0 - power);
    if now <= 5.0 {
        return rounded(rate) * *m;
    }
    let factor = ((now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now)).sqrt();
    let factor = rate * factor * (1.0 - power).sqrt();
    rounded(factor) * (*m / (v.sqrt() + rounded(r.epsilon)))
}

fn rmsprop(r: &RmsProp, g: Bounded, state: &mut [Bounded; 3]) -> Bounded {
    let [v, buffer, average] = state;
    *v = mean_square(r.alpha, g, *v);
    *average = mean(r.alpha, g, *average);
    let variance = if r.centered { *v - *average * *average } else { *v };
    let d = g / (variance.sqrt() + rounded(r.epsilon));
    if r.momentum == 0.0 {
        return d;
    }
    *buffer = rounded(r.momentum) * *buffer + d;
    *buffer
}

fn rprop(r: &Rprop, p: Bounded, g: Bounded, [before, size, _]: &mut [Bounded; 3]) -> Bounded {
    let turn = g.sign().value * before.sign().value;
    if turn != 0.0 {
        *size = *size * rounded(if turn > 0.0 { r.eta_plus } else { r.eta_minus });
    }
    // No golden case goes as far as the limits.
    assert!(r.step_min < size.value - size.error && size.bound() < r.step_max, "{size:?}");
    *before = if turn < 0.0 { exact(0.0) } else { g };
    p - *size * before.sign()
}
