//! What holds of the source text: layers, inlining, where instructions, threads and `unsafe` may
//! stand. Each rule is a function from files to violations, and is tested on planted ones.

#[path = "conventions/closures.rs"]
mod closures;
#[path = "conventions/functions.rs"]
mod functions;
#[path = "conventions/planted.rs"]
mod planted;
#[path = "conventions/rules.rs"]
mod rules;
#[path = "conventions/source.rs"]
mod source;

use source::File;

/// Fails with the violations, one a line.
#[track_caller]
fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn modules_name_only_modules_below_them() {
    assert_none(rules::layers(&source::files()));
}

#[test]
fn whatever_is_generic_over_the_token_is_inlined() {
    assert_none(rules::inlining(&source::files()));
}

#[test]
fn every_method_of_a_token_is_inlined() {
    assert_none(rules::token_methods(&source::files()));
}

#[test]
fn a_closure_given_to_vectorize_is_inlined() {
    assert_none(rules::vectorized_closures(&source::files()));
}

#[test]
fn a_closure_that_holds_a_token_is_inlined() {
    assert_none(rules::token_closures(&source::files()));
}

#[test]
fn instructions_stand_in_simd_only() {
    assert_none(rules::instructions(&source::files()));
}

#[test]
fn rayon_is_called_in_two_files() {
    assert_none(rules::rayon(&source::files()));
}

#[test]
fn a_file_fits_the_head() {
    assert_none(rules::length(&source::files()));
}

#[test]
fn every_unsafe_has_its_reason_beside_it() {
    assert_none(rules::unsafety(&source::files()));
}

#[test]
fn nothing_is_left_to_be_done() {
    assert_none(rules::unfinished(&source::files()));
}

#[test]
fn the_rules_see_the_source() {
    // Rules that find nothing in nothing would pass: these are known to be there.
    let files = source::files();
    let text = |path: &str| -> &File {
        files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"))
    };
    assert!(files.len() > 20);
    assert!(text("simd/avx2.rs").code.contains("is_x86_feature_detected!"));
    assert!(text("parallel.rs").code.contains("rayon::"));
    assert!(text("gemm/pack.rs").code.contains("unsafe {"));
    let generic = functions::generic_functions(text("gemm/micro_kernel.rs"));
    assert!(generic.len() >= 4, "{generic:?}");
    assert!(functions::methods(text("simd/avx2.rs")).len() > 30);
}
