//! Contract 6 of the design: after the first call nothing is allocated, serially and inside a
//! pool. At `Level::Portable` `matrixmultiply` allocates its packing buffer once in each product.

#[path = "allocation/graph.rs"]
mod graph;
#[path = "allocation/normalise.rs"]
mod normalise;
#[path = "allocation/steps.rs"]
mod steps;
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use densecore::activation::{log_softmax, softmax};
use densecore::dense::{self, Dense, Gradients, Saved};
use densecore::gemm::{Accum, Identity, PackedWeight, Start, matmul, matmul_packed};
use densecore::loss::{CrossEntropy, ElementLoss, Reduction, RowLoss, SquaredError};
use densecore::optim::{Adam, Ema, Group, Optimizer, Rule, Sgd, clip, max_norm, penalty};
use densecore::simd::{Caches, Level};
use densecore::{
    Activation, Cpu, Loss, Network, Result, Scratch, Target, Tensor, View, ViewMut, Workspace,
};
use support::{classes, levels, numbers, rules};

thread_local! {
    /// Where the allocations of this thread are counted: nowhere, or in the counter of the test
    /// that runs on it. Tests that run beside it, and the harness, count elsewhere.
    static COUNTER: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it is; `realloc` and `alloc_zeroed`
// of the trait call `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(counter) = COUNTER.with(Cell::get) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise about `layout`, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above with this `layout`, as the caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A counter of this test's own, to which this thread's allocations go from now on.
fn counter() -> &'static AtomicUsize {
    let counter = Box::leak(Box::default());
    COUNTER.with(|cell| cell.set(Some(counter)));
    drop(std::hint::black_box(Box::new(1)));
    assert!(counter.swap(0, Ordering::Relaxed) > 0, "the counter counts");
    counter
}

/// A pool whose threads count in `counter` too.
fn pool(threads: usize, counter: &'static AtomicUsize) -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| COUNTER.with(|cell| cell.set(Some(counter))))
        .build()
        .expect("a pool");
    // The first time that a thread looks for work, its deque registers itself somewhere.
    for _ in 0..3 {
        pool.broadcast(|_| std::thread::sleep(std::time::Duration::from_millis(1)));
    }
    pool
}

/// Allocations of the second to fourth call, which must all be as many.
fn repeated(counter: &AtomicUsize, mut call: impl FnMut() -> Result<()>) -> Result<usize> {
    call()?;
    let mut counts = [0; 3];
    for count in &mut counts {
        counter.store(0, Ordering::Relaxed);
        call()?;
        *count = counter.load(Ordering::Relaxed);
    }
    assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    Ok(counts[0])
}

/// Calls with the products that each makes.
type Calls<'a> = Vec<(&'static str, usize, Box<dyn FnMut(Cpu) -> Result<()> + Send + 'a>)>;

/// Three products forward, and backward five without dX.
const WIDTHS: [usize; 4] = [70, 300, 131, 10];
const BATCH: usize = 67;
/// Caches that nothing fits into, so that a training step is fused.
const NONE: Caches = Caches { l1: 32 << 10, l2: 64, l3: 64 };

/// Every call that a training loop makes again and again, and the kernels it is made of.
fn calls<'a>() -> Result<Calls<'a>> {
    let mut calls: Calls<'a> = Vec::new();
    let input = Tensor::from_vec(BATCH, 70, numbers(BATCH * 70, 1))?;
    let values = Tensor::from_vec(BATCH, 10, numbers(BATCH * 10, 2))?;
    let ids = classes(BATCH, 10, 3);
    let network = Network::mlp(&WIDTHS, Activation::Relu, 1)?;
    let rules: [Rule; 4] = [
        Sgd::new(0.01).into(),
        Sgd::new(0.01).momentum(0.9).weight_decay(0.1).into(),
        Adam::adamw(1e-3).into(),
        Adam::new(1e-3).amsgrad().into(),
    ];
    // With gradients kept, and applied as they come out of the product.
    for (rule, is_fused) in rules.into_iter().flat_map(|rule| [(rule, false), (rule, true)]) {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            for loss in [Loss::SquaredError(reduction), Loss::CrossEntropy(reduction)] {
                let (mut network, mut workspace) = (network.clone(), Workspace::new());
                let mut optimizer = network.optimizer(rule)?;
                let (input, values, ids) = (input.clone(), values.clone(), ids.clone());
                calls.push((
                    "train_step",
                    8,
                    Box::new(move |cpu: Cpu| {
                        let target = match loss {
                            Loss::CrossEntropy(_) => Target::Classes(&ids),
                            _ => Target::Values(values.view()),
                        };
                        let sample = (input.view(), target);
                        let cpu = if is_fused { cpu.with_caches(NONE) } else { cpu };
                        network.train_step(cpu, &mut workspace, sample, loss, &mut optimizer)?;
                        Ok(())
                    }),
                ));
            }
        }
    }
    for rule in rules::all(1e-3) {
        let groups = [Group::range(100..50_000).weight_decay(0.0), Group::range(7..9)];
        let mut optimizer = Optimizer::with_groups(rule, 100_003, &groups)?;
        let (mut p, g) = (numbers(100_003, 4), numbers(100_003, 5));
        calls.push(("optimizer", 0, Box::new(move |cpu| optimizer.step(cpu, &mut p, &g))));
    }
    let (p, mut g) = (numbers(100_003, 4), numbers(100_003, 5));
    let mut ema = Ema::new(0.9, &p)?;
    let around = move |cpu| {
        penalty::l1(cpu, 0.1, &p, &mut g)?;
        penalty::l2(cpu, 0.1, &p, &mut g)?;
        clip::by_value(cpu, &mut g, 1.0)?;
        clip::by_global_norm(cpu, &mut g, 1.0)?;
        max_norm(cpu, ViewMut::new(100, 1000, &mut g[3..])?, 1.0)?;
        ema.update(cpu, &p)
    };
    calls.push(("around a step", 0, Box::new(around)));

    let (net, x, mut workspace) = (network.clone(), input.clone(), Workspace::new());
    let mut output = Tensor::zeros(BATCH, 10)?;
    calls.push((
        "predict",
        3,
        Box::new(move |cpu| net.predict(cpu, &mut workspace, x.view(), output.view_mut())),
    ));
    let (x, d_y, mut workspace) = (input.clone(), values.clone(), Workspace::new());
    let mut d_x = Tensor::zeros(BATCH, 70)?;
    calls.push((
        "forward, backward",
        9,
        Box::new(move |cpu| {
            network.forward(cpu, &mut workspace, x.view())?;
            network.backward(cpu, &mut workspace, x.view(), d_y.view(), Some(d_x.view_mut()))
        }),
    ));

    let mut scratch = Scratch::new();
    let (w, mut y) = (numbers(70 * 300, 6), Tensor::zeros(BATCH, 300)?);
    let (mut d_w, mut back) = (Tensor::zeros(70, 300)?, Tensor::zeros(BATCH, 70)?);
    let x = input.clone();
    calls.push((
        "matmul",
        3,
        Box::new(move |cpu| {
            let w = View::new(70, 300, &w)?;
            matmul(cpu, &mut scratch, x.view(), w, Accum::Replace, y.view_mut())?;
            matmul(cpu, &mut scratch, x.view().t(), y.view(), Accum::Add, d_w.view_mut())?;
            matmul(cpu, &mut scratch, y.view(), w.t(), Accum::Replace, back.view_mut())
        }),
    ));

    let (mut scratch, w, x) = (Scratch::new(), numbers(70 * 300, 9), numbers(3 * 70, 10));
    let best = levels().into_iter().find(|&level| level != Level::Portable);
    let cpu = Cpu::detect().with_level(best.unwrap_or(Level::Portable));
    let packed = PackedWeight::new(cpu, View::new(70, 300, &w)?)?;
    let mut y = Tensor::zeros(3, 300)?;
    calls.push((
        "matmul of few rows, matmul_packed",
        // The second runs at the level of its weight.
        1 + usize::from(packed.level() == Level::Portable),
        Box::new(move |cpu| {
            let (x, w) = (View::new(3, 70, &x)?, View::new(70, 300, &w)?);
            matmul(cpu, &mut scratch, x, w, Accum::Replace, y.view_mut())?;
            matmul_packed(cpu, &mut scratch, x, &packed, Start::Zero, &Identity, y.view_mut())
        }),
    ));

    let (mut scratch, mut output) = (Scratch::new(), Tensor::zeros(BATCH, 300)?);
    let (w, b, d) = (numbers(70 * 300, 6), numbers(300, 7), numbers(BATCH * 300, 8));
    let (mut d_weight, mut d_bias) = (Tensor::zeros(70, 300)?, [0.0; 300]);
    let (mut d_input, mut delta) = (Tensor::zeros(BATCH, 70)?, Tensor::zeros(BATCH, 300)?);
    calls.push((
        "dense",
        3,
        Box::new(move |cpu| {
            let weight = View::new(70, 300, &w)?;
            let layer = Dense { weight, bias: Some(&b), activation: Activation::Sigmoid };
            dense::forward(cpu, &mut scratch, layer, input.view(), output.view_mut())?;
            delta.as_mut_slice().copy_from_slice(&d);
            let to = Gradients {
                d_input: Some(d_input.view_mut()),
                below: None,
                d_weight: d_weight.view_mut(),
                d_bias: Some(&mut d_bias),
                accum: Accum::Add,
            };
            let saved = Saved { input: input.view(), slope_from: output.view() };
            dense::backward(cpu, &mut scratch, layer, saved, delta.view_mut(), to)
        }),
    ));

    let logits = Tensor::from_vec(900, 100, numbers(90_000, 9))?;
    let (ids, mut d) = (classes(900, 100, 3), Tensor::zeros(900, 100)?);
    calls.push((
        "losses",
        0,
        Box::new(move |cpu| {
            let (x, r) = (logits.view(), Reduction::Mean);
            CrossEntropy::new(&ids).value(cpu, x, r)?;
            CrossEntropy::new(&ids).value_and_gradient(cpu, x, r, d.view_mut())?;
            SquaredError.value(cpu, d.view(), x, r)?;
            SquaredError.value_and_gradient(cpu, x, x, r, d.view_mut())?;
            SquaredError.in_place(cpu, d.view_mut(), x, r)?;
            CrossEntropy::new(&ids).in_place(cpu, d.view_mut(), r)?;
            softmax::forward_in_place(cpu, d.view_mut());
            softmax::forward(cpu, x, d.view_mut())?;
            log_softmax::forward(cpu, x, d.view_mut())?;
            softmax::backward_in_place(cpu, x, d.view_mut())?;
            Activation::Tanh.forward(cpu, logits.as_slice(), d.as_mut_slice())?;
            Activation::Tanh.backward_in_place(cpu, logits.as_slice(), d.as_mut_slice())?;
            Activation::Tanh.forward_in_place(cpu, d.as_mut_slice());
            Ok(())
        }),
    ));
    calls.push(("normalise and drop", 0, Box::new(normalise::call()?)));
    calls.push(("graph", graph::PRODUCTS, Box::new(graph::call()?)));
    assert_eq!(calls.len(), 59);
    Ok(calls)
}

#[test]
fn the_second_call_allocates_nothing_serially() -> Result<()> {
    let counter = counter();
    for level in levels() {
        let cpu = Cpu::serial().with_level(level);
        for (what, products, mut call) in calls()? {
            let expected = if level == Level::Portable { products } else { 0 };
            assert_eq!(repeated(counter, || call(cpu))?, expected, "{what} at {level}");
        }
    }
    Ok(())
}

#[test]
fn the_second_call_allocates_nothing_inside_a_pool() -> Result<()> {
    let counter = counter();
    for level in levels() {
        let cpu = Cpu::detect().with_level(level);
        for threads in [1, 2, 3] {
            let pool = pool(threads, counter);
            // Entered once, around everything.
            pool.install(|| {
                for (what, products, mut call) in calls()? {
                    let found = repeated(counter, || call(cpu))?;
                    let what = format!("{what} at {level} on {threads} threads");
                    if level == Level::Portable {
                        // One for each part of a product: at least one, at most one a thread.
                        assert!(
                            (products..=products * threads).contains(&found),
                            "{what}: {found}"
                        );
                    } else {
                        assert_eq!(found, 0, "{what}");
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn entering_a_pool_allocates_at_most_once_in_63_times() -> Result<()> {
    // Rayon's queue of work from outside comes in blocks of 63 places. No more than that:
    let counter = counter();
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        let (cpu, pool) = (Cpu::detect().with_level(level), pool(2, counter));
        let network = Network::mlp(&WIDTHS, Activation::Relu, 1)?;
        let input = Tensor::from_vec(BATCH, 70, numbers(BATCH * 70, 1))?;
        let (mut workspace, mut output) = (Workspace::new(), Tensor::zeros(BATCH, 10)?);
        let mut predict = || {
            let to = output.view_mut();
            pool.install(|| network.predict(cpu, &mut workspace, input.view(), to))
        };
        predict()?;
        counter.store(0, Ordering::Relaxed);
        for _ in 0..630 {
            predict()?;
        }
        // One more, as the first block may be nearly full already.
        assert!(counter.load(Ordering::Relaxed) <= 630 / 63 + 1, "{counter:?}");
    }
    Ok(())
}

#[test]
fn smaller_batches_than_the_largest_allocate_nothing() -> Result<()> {
    let counter = counter();
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        let cpu = Cpu::serial().with_level(level);
        let mut network = Network::mlp(&WIDTHS, Activation::Relu, 1)?;
        let mut optimizer = network.optimizer(Adam::new(1e-3))?;
        let (mut workspace, ids) = (Workspace::new(), classes(BATCH, 10, 3));
        let input = Tensor::from_vec(BATCH, 70, numbers(BATCH * 70, 1))?;
        let (loss, mut output) = (Loss::CrossEntropy(Reduction::Mean), Tensor::zeros(BATCH, 10)?);
        for batch in [BATCH, 66, 1, 0, 12, BATCH] {
            counter.store(0, Ordering::Relaxed);
            let input = input.view().rows_range(0, batch);
            let sample = (input, Target::Classes(&ids[..batch]));
            network.train_step(cpu, &mut workspace, sample, loss, &mut optimizer)?;
            let to = output.view_mut().split_rows_at(batch).0;
            network.predict(cpu, &mut workspace, input, to)?;
            let found = counter.load(Ordering::Relaxed);
            assert!(found == 0 || optimizer.steps() == 1, "{found} for {batch} rows at {level}");
        }
    }
    Ok(())
}
