//! Products of matrices, against the reference; the cases are those of `tests/fuzz_decoder.rs`.
#![no_main]

#[allow(dead_code, reason = "each target runs some of the cases")]
#[path = "../../tests/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fuzz::run("matmul", fuzz::matmul::check, bytes);
});
