//! What every command can be told, and how its run begins.

use rayon::ThreadPoolBuilder;

use crate::measure::limit_spinning;

#[derive(clap::Args)]
pub struct Options {
    /// Threads for every library.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Exit with an error that names the rows below their target.
    #[arg(long)]
    pub check: bool,
    /// Only rows whose name, such as `NT 4x1024x1024` or `784-128-10/64 SGD`, contains this.
    #[arg(long, alias = "rows", default_value = "")]
    only: String,
    /// Only these peers, by name.
    #[arg(long, value_delimiter = ',')]
    against: Vec<String>,
    /// Seconds that each library gets in each row.
    #[arg(long, default_value_t = 0.15)]
    pub seconds: f64,
}

impl Options {
    pub fn threads(&self) -> usize {
        self.threads.into()
    }

    /// Whether that row is asked for.
    pub fn has_row(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Whether that peer takes part, if it is there.
    pub fn has_peer(&self, name: &str) -> bool {
        self.against.is_empty() || self.against.iter().any(|peer| peer == name)
    }

    /// Tells every library, and rayon's pool, how many threads to use. To be called first.
    pub fn start(&self) {
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
            .build_global()
            .expect("the pool is built once");
    }
}
