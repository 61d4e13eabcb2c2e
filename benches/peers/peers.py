"""Networks in one Python library, for `steps`, `inference` and `functions` of benches/peers.

usage: peers.py torch|torch.compile|jax|onnxruntime|openvino THREADS

That program starts it and asks on standard input, a line at a time; nobody else needs to:

  (at the start)                                      ok VERSION
  work TASK RATE ACTIVATION BATCH WIDTH...            ok COUNT, and so many numbers
  function KIND NAME ROWS COLS BESIDE                 ok COUNT, and so many numbers
  time SECONDS                                        ok SECONDS CALLS

After the line `work` come, as little-endian `f32`, the weight [in, out] and the bias of each layer,
the input, and the target: class ids, or values if there is one output. The numbers of the answer are
the losses of the first three steps, or the predictions. After the line `function`, which only torch
understands, come a matrix and BESIDE further numbers; what they are, and those of the answer, says
functions.py. Any answer may be `error REASON`.

A library has a function that is given the work and returns two others: a call that is timed, and
what gives the numbers.
"""

import os
import sys
import time
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

STEPS = 3


def torch_peer(threads, compiled):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    activations = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}

    def prepare(work):
        torch.compiler.reset()
        layers = []
        for weight, bias in work.layers:
            layer = nn.Linear(*weight.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight).t())
                layer.bias.copy_(torch.from_numpy(bias))
            layers += [layer, activations[work.activation]()]
        model = nn.Sequential(*layers[:-1])
        x, target = torch.from_numpy(work.input), torch.from_numpy(work.target)

        if work.task == "predict":
            work.context = torch.inference_mode
            forward = torch.compile(model.eval(), dynamic=False) if compiled else model.eval()
            return partial(forward, x), lambda: forward(x).numpy()

        measure = nn.CrossEntropyLoss() if work.has_classes else nn.MSELoss()
        rule = torch.optim.SGD if work.task == "sgd" else torch.optim.Adam
        optimizer = rule(model.parameters(), lr=work.rate, fused=True)

        def loss():
            return measure(model(x), target)

        loss = torch.compile(loss, dynamic=False) if compiled else loss

        def step():
            optimizer.zero_grad(set_to_none=True)
            value = loss()
            value.backward()
            optimizer.step()
            return value

        return step, lambda: [step().item() for _ in range(STEPS)]

    return torch.__version__, prepare


def jax_peer(threads):
    if threads == 1:
        # XLA has a thread of its own beside the caller's.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["JAX_PLATFORMS"] = "cpu"
    eigen = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    os.environ["XLA_FLAGS"] = f"{eigen} intra_op_parallelism_threads={threads}"
    import jax
    from jax import nn, numpy as jnp

    erf_gelu = partial(nn.gelu, approximate=False)
    activations = {"relu": nn.relu, "tanh": jnp.tanh, "gelu": erf_gelu}

    def prepare(work):
        f = activations[work.activation]

        def forward(layers, x):
            for weight, bias in layers[:-1]:
                x = f(x @ weight + bias)
            weight, bias = layers[-1]
            return x @ weight + bias

        def loss(layers, x, target):
            output = forward(layers, x)
            if work.has_classes:
                return -jnp.mean(nn.log_softmax(output)[jnp.arange(len(target)), target])
            return jnp.mean((output - target) ** 2)

        def sgd(state, x, target):
            value, gradient = jax.value_and_grad(loss)(state, x, target)
            return value, jax.tree.map(lambda p, g: p - work.rate * g, state, gradient)

        def adam(state, x, target):
            layers, first, second, count = state
            value, gradient = jax.value_and_grad(loss)(layers, x, target)
            count += 1
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
            one, two = 1 - 0.9**count, 1 - 0.999**count

            def move(p, m, v):
                return p - work.rate * (m / one) / (jnp.sqrt(v / two) + 1e-8)

            return value, (jax.tree.map(move, layers, first, second), first, second, count)

        layers = [(jnp.array(weight), jnp.array(bias)) for weight, bias in work.layers]
        x, target = jnp.array(work.input), jnp.array(work.target)
        if work.task == "predict":
            predict = jax.jit(forward)

            def call():
                return predict(layers, x).block_until_ready()

            return call, call

        state = layers
        if work.task == "adam":
            moments = [jax.tree.map(jnp.zeros_like, layers) for _ in range(2)]
            state = (layers, *moments, jnp.array(0.0, "float32"))
        update = jax.jit(sgd if work.task == "sgd" else adam, donate_argnums=0)

        def step():
            nonlocal state
            value, state = jax.block_until_ready(update(state, x, target))
            return value

        return step, lambda: [float(step()) for _ in range(STEPS)]

    return jax.__version__, prepare


def onnx_model(work):
    """The network as a model of ONNX, serialised."""
    import onnx
    from onnx import helper, numpy_helper

    operators = {"relu": "Relu", "tanh": "Tanh", "gelu": "Gelu"}
    nodes, weights, last = [], [], len(work.layers) - 1
    for i, layer in enumerate(work.layers):
        names = [f"w{i}", f"b{i}"]
        weights += [numpy_helper.from_array(a, name) for a, name in zip(layer, names)]
        output = "y" if i == last else f"z{i}"
        nodes.append(helper.make_node("Gemm", [f"x{i}", *names], [output]))
        if i < last:
            nodes.append(helper.make_node(operators[work.activation], [output], [f"x{i + 1}"]))

    def matrix(name, cols):
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [work.batch, cols])

    ends = [matrix("x0", work.widths[0])], [matrix("y", work.widths[-1])]
    graph = helper.make_graph(nodes, "network", *ends, weights)
    format = {"opset_imports": [helper.make_opsetid("", 20)], "ir_version": 9}
    return helper.make_model(graph, **format).SerializeToString()


def onnxruntime_peer(threads):
    import numpy
    import onnx  # noqa: F401
    import onnxruntime

    def prepare(work):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(onnx_model(work), settings, providers=providers)
        output = numpy.empty((work.batch, work.widths[-1]), "float32")
        binding = session.io_binding()
        binding.bind_cpu_input("x0", work.input)
        binding.bind_output("y", "cpu", 0, numpy.float32, output.shape, output.ctypes.data)

        def call():
            session.run_with_iobinding(binding)
            return output

        return call, call

    return onnxruntime.__version__, prepare


def openvino_peer(threads):
    import onnx  # noqa: F401
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    settings["INFERENCE_NUM_THREADS"] = threads

    def prepare(work):
        core = openvino.Core()
        model = core.compile_model(core.read_model(onnx_model(work)), "CPU", settings)
        request = model.create_infer_request()
        request.set_input_tensor(openvino.Tensor(work.input))
        return request.infer, lambda: request.infer()[0]

    return openvino.__version__, prepare


def numbers_of(read, *shape):
    import numpy

    count = int(numpy.prod(shape))
    return numpy.frombuffer(bytearray(read(4 * count)), "<f4").reshape(shape)


def read_function(words, read):
    """A call that is timed, and what gives the numbers."""
    kind, name, *sizes = words
    rows, cols, beside = map(int, sizes)
    x, beside = numbers_of(read, rows, cols), numbers_of(read, beside)
    import functions

    return functions.prepare(kind, name, x, beside)


def read_work(words, read):
    task, rate, activation, batch, *widths = words
    work = SimpleNamespace(task=task, rate=float(rate), activation=activation, batch=int(batch))
    work.context = nullcontext  # what all its calls are made in
    work.widths = [int(width) for width in widths]
    work.has_classes = work.widths[-1] > 1
    matrix = partial(numbers_of, read)
    work.layers = [(matrix(n, m), matrix(m)) for n, m in zip(work.widths, work.widths[1:])]
    work.input = matrix(work.batch, work.widths[0])
    target = matrix(work.batch, 1)
    work.target = target[:, 0].astype("int64") if work.has_classes else target
    return work


def run(call, seconds):
    """Seconds and number of calls, as `batch` in measure.rs."""
    clock = time.perf_counter
    start, calls = clock(), 0
    while clock() - start < (seconds if calls < 2 else seconds / 3):
        call()
        calls += 1
    calls = int(2 * seconds * calls / (clock() - start)) + 1
    start = clock()
    for _ in range(calls):
        call()
    return clock() - start, calls


def rest():
    """Waits until the idle threads of the library sleep (those of ONNX Runtime spin for 40 ms),
    or they would hold a core while another library is timed."""
    for _ in range(100):
        before = time.process_time()
        time.sleep(0.005)
        if time.process_time() - before < 0.001:
            return


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    # What a library prints is not an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def answer(*words, numbers=b""):
        line = " ".join(str(word) for word in words).replace("\n", "; ")
        answers.write(line.encode() + b"\n" + numbers)
        answers.flush()

    libraries = {
        "torch": partial(torch_peer, compiled=False),
        "torch.compile": partial(torch_peer, compiled=True),
        "jax": jax_peer,
        "onnxruntime": onnxruntime_peer,
        "openvino": openvino_peer,
    }
    try:
        import numpy
        version, prepare = libraries[name](threads)
    except ImportError as error:
        return answer("error", error)
    answer("ok", version)

    for line in sys.stdin.buffer:
        question, *words = line.decode().split()
        if question == "time":
            with context():
                elapsed, calls = run(call, float(words[0]))
            if threads > 1:
                rest()
            answer("ok", elapsed, calls)
            continue
        call = results = None  # so that the last network's memory is free
        try:
            if question == "function":
                context = nullcontext
                call, results = read_function(words, sys.stdin.buffer.read)
            else:
                work = read_work(words, sys.stdin.buffer.read)
                call, results = prepare(work)
                context = work.context
            with context():
                numbers = numpy.array(results(), "<f4")
        except Exception as error:  # one row less, whatever it was
            answer("error", type(error).__name__, error)
            continue
        answer("ok", numbers.size, numbers=numbers.tobytes())


main()
