//! What every command can be told, and how its run begins.

use rayon::ThreadPoolBuilder;

use crate::measure::limit_spinning;

/// How a run is made.
#[derive(clap::Args)]
pub struct Run {
    /// Threads for every library.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Seconds that each library gets in each row.
    #[arg(long, default_value_t = 0.15)]
    pub seconds: f64,
}

/// How libraries are compared.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub run: Run,
    /// Exit with an error that names the rows below their target.
    #[arg(long)]
    pub check: bool,
    /// Only rows whose name, such as `NT 4x1024x1024` or `784-128-10/64 SGD`, contains this.
    #[arg(long, alias = "rows", default_value = "")]
    only: String,
    /// Only these peers, by name.
    #[arg(long, value_delimiter = ',')]
    against: Vec<String>,
}

impl Options {
    /// Whether that row is asked for.
    pub fn has_row(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Whether that peer takes part, if it is there.
    pub fn has_peer(&self, name: &str) -> bool {
        self.against.is_empty() || self.against.iter().any(|peer| peer == name)
    }
}

impl Run {
    pub fn threads(&self) -> usize {
        self.threads.into()
    }

    /// Tells every library, and rayon's pool, how many threads to use. To be called first.
    pub fn start(&self) {
        self.start_with(|_| ());
    }

    /// The same with each thread of the pool kept on a core of its own.
    pub fn start_pinned(&self) {
        self.start_with(pin);
    }

    fn start_with(&self, on_start: fn(usize)) {
        limit_spinning();
        for variable in [
            "RAYON_NUM_THREADS",
            "MATMUL_NUM_THREADS",
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
        ] {
            // SAFETY: no other thread runs yet.
            unsafe { std::env::set_var(variable, self.threads.to_string()) };
        }
        ThreadPoolBuilder::new()
            .num_threads(self.threads())
            .start_handler(on_start)
            .build_global()
            .expect("the pool is built once");
    }
}

/// Keeps each thread of the pool that runs already on a core of its own.
pub fn keep_pool_on_cores() {
    rayon::broadcast(|thread| pin(thread.index()));
}

/// Keeps a thread of the pool on a core of its own: it seems that one woken on the core of who woke it waits
/// there for milliseconds.
#[cfg(target_os = "linux")]
fn pin(thread: usize) {
    // SAFETY: a set of zeros is an empty one, and both calls are given a set of the size they are told.
    unsafe {
        let mut cores: libc::cpu_set_t = core::mem::zeroed();
        libc::CPU_SET(thread % libc::CPU_SETSIZE as usize, &mut cores);
        // A core that is not there for this process leaves the thread where it likes to be.
        libc::sched_setaffinity(0, size_of_val(&cores), &cores);
    }
}

#[cfg(not(target_os = "linux"))]
fn pin(_: usize) {}

/// Lets this thread, and what it starts, run on any core.
#[cfg(target_os = "linux")]
pub fn unpin() {
    // SAFETY: as above; the system leaves out cores that are not there.
    unsafe {
        let mut cores: libc::cpu_set_t = core::mem::zeroed();
        (0..libc::CPU_SETSIZE as usize).for_each(|core| libc::CPU_SET(core, &mut cores));
        libc::sched_setaffinity(0, size_of_val(&cores), &cores);
    }
}
