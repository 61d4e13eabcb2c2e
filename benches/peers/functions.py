"""Functions, losses and optimizers of PyTorch, for `functions` of benches/peers; see peers.py.

The kinds, what stands beside the matrix x, and what the numbers of the answer are:

  forward   nothing                        f(x)
  backward  d_y, as many                   d_x
  rows      nothing                        softmax of each row
  loss      the class of each row          the gradient of the mean cross entropy, then its value
  step      the gradient, as many          the parameters, which were x, after STEPS steps

Every function writes where it is told to, if PyTorch has such a form of it.
"""

from functools import partial

import torch

STEPS = 8  # as in functions/work.rs
aten = torch.ops.aten


def forward(name, x):
    out = torch.empty_like(x)
    buffer = torch.empty_like(x)
    return {
        "relu": lambda: torch.clamp_min(x, 0, out=out),
        "relu6": lambda: aten.hardtanh.out(x, 0.0, 6.0, out=out),
        "selu": lambda: aten.elu.out(x, SELU_ALPHA, SELU_SCALE, 1.0, out=out),
        "silu": lambda: aten.silu.out(x, out=out),
        "mish": lambda: aten.mish.out(x, out=out),
        "gelu": lambda: aten.gelu.out(x, out=out),
        "gelu_tanh": lambda: aten.gelu.out(x, approximate="tanh", out=out),
        "sigmoid": lambda: torch.sigmoid(x, out=out),
        "logsigmoid": lambda: aten.log_sigmoid_forward.output(x, output=out, buffer=buffer)[0],
        "hardsigmoid": lambda: aten.hardsigmoid.out(x, out=out),
        "tanh": lambda: torch.tanh(x, out=out),
        "arctan": lambda: torch.atan(x, out=out),
        "tanhshrink": lambda: torch.nn.functional.tanhshrink(x),
        "softsign": lambda: torch.nn.functional.softsign(x),
        "hardswish": lambda: aten.hardswish.out(x, out=out),
        "exp": lambda: torch.exp(x, out=out),
        "log": lambda: torch.log(x, out=out),
        "leaky_relu": lambda: aten.leaky_relu.out(x, 0.01, out=out),
        "elu": lambda: aten.elu.out(x, 1.0, 1.0, 1.0, out=out),
        "celu": lambda: aten.elu.out(x, 1.0, 1.0, 1.0, out=out),
        "softplus": lambda: aten.softplus.out(x, out=out),
        "hardtanh": lambda: aten.hardtanh.out(x, out=out),
        "hardshrink": lambda: aten.hardshrink.out(x, out=out),
        "softshrink": lambda: aten.softshrink.out(x, out=out),
    }[name]


# The numbers of PyTorch's own SELU.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def backward(name, x, d):
    y = forward(name, x)().clone()
    buffer = aten.log_sigmoid_forward(x)[1] if name == "logsigmoid" else None
    out = torch.empty_like(x)
    to = {"grad_input": out}
    return {
        "relu": lambda: aten.threshold_backward.grad_input(d, y, 0.0, **to),
        "relu6": lambda: aten.hardtanh_backward.grad_input(d, x, 0.0, 6.0, **to),
        "selu": lambda: aten.elu_backward.grad_input(
            d, SELU_ALPHA, SELU_SCALE, 1.0, False, x, **to
        ),
        "silu": lambda: aten.silu_backward.grad_input(d, x, **to),
        "mish": lambda: aten.mish_backward(d, x),
        "gelu": lambda: aten.gelu_backward.grad_input(d, x, **to),
        "gelu_tanh": lambda: aten.gelu_backward.grad_input(d, x, approximate="tanh", **to),
        "sigmoid": lambda: aten.sigmoid_backward.grad_input(d, y, **to),
        "logsigmoid": lambda: aten.log_sigmoid_backward.grad_input(d, x, buffer, **to),
        "hardsigmoid": lambda: aten.hardsigmoid_backward.grad_input(d, x, **to),
        "tanh": lambda: aten.tanh_backward.grad_input(d, y, **to),
        "hardswish": lambda: aten.hardswish_backward.out(d, x, out=out),
        "leaky_relu": lambda: aten.leaky_relu_backward.grad_input(d, x, 0.01, False, **to),
        "elu": lambda: aten.elu_backward.grad_input(d, 1.0, 1.0, 1.0, False, x, **to),
        "celu": lambda: aten.elu_backward.grad_input(d, 1.0, 1.0, 1.0, False, x, **to),
        "softplus": lambda: aten.softplus_backward.grad_input(d, x, 1.0, 20.0, **to),
        "hardtanh": lambda: aten.hardtanh_backward.grad_input(d, x, -1.0, 1.0, **to),
        "hardshrink": lambda: aten.hardshrink_backward.grad_input(d, x, 0.5, **to),
        "softshrink": lambda: aten.softshrink_backward.grad_input(d, x, 0.5, **to),
    }[name]


def cross_entropy(x, classes):
    x, classes = x.requires_grad_(), classes.long()

    def call():
        x.grad = None
        loss = torch.nn.functional.cross_entropy(x, classes)
        loss.backward()
        return loss

    return call, lambda: torch.cat((call().detach().reshape(1), x.grad.flatten())).roll(-1).numpy()


def step(name, p, g):
    optim, foreach, rate = torch.optim, {"foreach": True}, 0.01
    rule = {
        "sgd": partial(optim.SGD, fused=True),
        "momentum": partial(optim.SGD, momentum=0.9, fused=True),
        "adagrad": partial(optim.Adagrad, fused=True),
        "adam": partial(optim.Adam, fused=True),
        "adamw": partial(optim.AdamW, fused=True),
        "rmsprop": partial(optim.RMSprop, **foreach),
        "adamax": partial(optim.Adamax, **foreach),
        "nadam": partial(optim.NAdam, **foreach),
        "radam": partial(optim.RAdam, **foreach),
        "adadelta": partial(optim.Adadelta, **foreach),
        "rprop": partial(optim.Rprop, **foreach),
    }[name]
    p = torch.nn.Parameter(p)
    p.grad = g.reshape(p.shape)
    call = rule([p], lr=rate).step

    def results():
        for _ in range(STEPS):
            call()
        return p.detach().numpy()

    return call, results


def prepare(kind, name, x, beside):
    """A call that is timed, and what gives the numbers that are compared."""
    # In memory of PyTorch's own, aligned as it likes.
    x, beside = torch.from_numpy(x).clone(), torch.from_numpy(beside).clone()
    if kind == "loss":
        return cross_entropy(x, beside)
    if kind == "step":
        return step(name, x, beside)
    if kind == "rows":
        call = partial(torch.softmax, x, 1, out=torch.empty_like(x))
    elif kind == "backward":
        call = backward(name, x, beside.reshape(x.shape))
    else:
        call = forward(name, x)
    return call, lambda: call().numpy()
