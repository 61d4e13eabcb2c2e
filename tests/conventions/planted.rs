//! The rules on planted violations: each is found, and what only looks like one is not.

use crate::rules;
use crate::source::{File, code_of, name, words};

/// The violations of one file, without its path.
fn found(rule: fn(&[File]) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    let prefix = format!("src/{path}:");
    let violations = rule(&[File::new(path, text)]);
    violations.into_iter().map(|v| v.replacen(&prefix, "", 1)).collect()
}

#[test]
fn comments_and_strings_are_no_code() {
    for (text, code) in [
        ("a // b\nc", "a     \nc"),
        ("/// a\n//! b\nc", "     \n     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("a /* b\n */ c", "a     \n    c"),
        (r#"f("a // b") g"#, r#"f(        ) g"#),
        (r#"f("a \" b") g"#, r#"f(        ) g"#),
        ("f(r\"a\\\") g", "f(     ) g".trim_end()),
        ("f(r#\"a \" b\"#) g", "f(          ) g"),
        ("for r in x", "for r in x"),
        ("f('\"') g", "f(   ) g"),
        (r"f('\'') g", "f(    ) g"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("let x = 'a'; 'outer: loop {}", "let x =    ; 'outer: loop {}"),
        ("b\"ab\" c", "b     c"),
    ] {
        let stripped = code_of(text);
        assert_eq!(stripped.trim_end().replace(['r', 'b'], "?"), code.replace(['r', 'b'], "?"));
        assert_eq!(stripped.matches('\n').count(), text.matches('\n').count());
    }
}

#[test]
fn words_stand_alone() {
    let places: Vec<usize> = words("fn afn fn_ fn; (fn)", "fn").collect();
    assert_eq!(places, [0, 11, 16]);
    assert_eq!(words("rayon::join brayon::x", "rayon::").count(), 1);
    assert_eq!((name("abc_1::d"), name("{a")), ("abc_1", ""));
}

#[test]
fn a_module_above_is_found() {
    let layers = |path, text| found(rules::layers, path, text);
    assert_eq!(
        layers("gemm/mod.rs", "use crate::simd::Simd;\nuse crate::activation::relu;"),
        ["2: `gemm` names `activation`, which is above it"]
    );
    assert_eq!(layers("error.rs", "fn f() { crate::tensor::g() }").len(), 1);
    assert_eq!(layers("simd/level.rs", "$crate::gemm::x").len(), 1);
    assert_eq!(layers("cpu.rs", "use crate::parallel::join;").len(), 1);
    assert_eq!(layers("tensor/view.rs", "use crate::{error, gemm};").len(), 1);
    assert_eq!(layers("tensor/view.rs", "use crate::*;").len(), 1);
    assert_eq!(layers("tensor/view.rs", "use crate::Error;").len(), 1);
    assert_eq!(layers("unheard_of.rs", "").len(), 1);
    // Around the rule, by way of the parent.
    assert_eq!(layers("cpu.rs", "use super::gemm;").len(), 1);
    assert_eq!(layers("gemm/mod.rs", "use super::dense;").len(), 1);
    assert_eq!(layers("gemm/pack.rs", "use super::super::dense;").len(), 1);
    assert_eq!(layers("cpu.rs", "fn f() {}\nmod tests { use super::super::gemm; }").len(), 0);
    for (path, text) in [
        ("gemm/mod.rs", "use crate::simd::Simd; use crate::gemm::pack;"),
        ("gemm/pack.rs", "use super::operand; use super::operand::Operand;"),
        (
            "gemm/pack.rs",
            "//! [`x`](crate::dense::x)\n/// crate::{dense}\nconst X: &str = \"crate::train\";",
        ),
        ("cpu.rs", "mod tests { use super::Cpu; }"),
        ("lib.rs", "pub use crate::{dense, gemm};"),
        ("train/mod.rs", "use crate::network::Network; use crate::error::Error;"),
    ] {
        assert_eq!(layers(path, text), [""; 0], "{path}");
    }
}

#[test]
fn a_generic_function_that_is_not_inlined_is_found() {
    let inlining = |text| found(rules::inlining, "math/exp.rs", text);
    for text in [
        "fn f<S: Simd>(s: S) {}",
        "#[inline]\npub fn f<S: Simd>(s: S) {}",
        "#[inline(always)]\nfn g() {}\nfn f<S: TileShape, const N: usize>(s: S) {}",
        "pub(super) unsafe fn f<\n    S: Simd,\n    const MR: usize,\n>(\n    s: S,\n) -> u8 {}",
        "fn f<S: Simd, const N: usize>(s: S, x: [S::F32; N]) -> [S::F32; N] {}",
        "fn f<S>(s: S) where S: Simd {}",
        "fn f<S: Fold>(s: S) {}",
        "fn f<S: Copy + Simd>(s: S) {}",
        "fn f<S: crate::simd::Simd>(s: S) {}",
        "fn f(s: impl Simd) {}",
        "impl A { /* #[inline(always)] */ fn f<S: Simd>(s: S) {} }",
        "fn f<F: Unary, S: Simd>(s: S, x: <S as Simd>::F32) {}",
    ] {
        let violations = inlining(text);
        assert_eq!(violations.len(), 1, "{text}: {violations:?}");
        assert!(violations[0].ends_with("`f` is not #[inline(always)]"), "{violations:?}");
    }
    for text in [
        "#[inline(always)]\nfn f<S: Simd>(s: S) {}",
        "/// A.\n#[inline(always)]\n#[expect(dead_code, reason = \"b; {\")]\npub unsafe fn f<S: Simd>(s: S) {}",
        "trait A { fn f<S: Simd>(&self, s: S) -> [S::F32; 2]; }\nfn g() {}",
        "fn f<T: Kernel>(x: <T as Simd>::F32) {}",
        "fn f<T: Copy>(x: T) {}",
        "type K<S: Simd> = unsafe fn(S);",
        "// fn f<S: Simd>(s: S) {}",
        "fn f(x: SimdLike) -> Level {}",
    ] {
        assert_eq!(inlining(text), [""; 0], "{text}");
    }
    let run = "unsafe fn run<S: Simd>(s: S) {}";
    assert_eq!(found(rules::inlining, "gemm/micro_kernel.rs", run), [""; 0]);
    assert_eq!(found(rules::inlining, "gemm/pack.rs", run).len(), 1);
}

#[test]
fn a_method_of_a_token_that_is_not_inlined_is_found() {
    let text = "impl Simd for Neon {\n    fn vectorize() {\n        #[target_feature(enable = \"x\")]\n        fn inner() {}\n    }\n    #[inline(always)]\n    fn add() {}\n    #[inline]\n    fn sub() {}\n}\nfn outside() {}\n";
    let violations = found(rules::token_methods, "simd/neon.rs", text);
    assert_eq!(violations, ["9: `sub` is not #[inline(always)]"]);
    let generic = text.replace("impl Simd for Neon", "impl<const N: usize> Simd for Portable<N>");
    assert_eq!(found(rules::token_methods, "simd/portable.rs", &generic).len(), 1);
}

#[test]
fn a_closure_that_is_not_inlined_is_found() {
    let closures = |text| found(rules::vectorized_closures, "gemm/parallel.rs", text);
    assert_eq!(closures("s.vectorize(|| f(s))").len(), 1);
    assert_eq!(closures("Simd::vectorize(s, || f(s))").len(), 1);
    assert_eq!(closures("s.vectorize(f)").len(), 1);
    assert_eq!(closures("s.vectorize(\n    #[inline(always)]\n    || f(s),\n)"), [""; 0]);
    assert_eq!(closures("Simd::vectorize($s, #[inline(always)] || $body)"), [""; 0]);
    assert_eq!(closures("fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {}"), [""; 0]);
}

#[test]
fn a_closure_with_a_token_that_is_not_inlined_is_found() {
    let closures = |text| found(rules::token_closures, "loss/row.rs", text);
    for text in [
        "fn f() { dispatch!(level, s => rows.each(|i, row| update(s, row))); }",
        "fn f() { dispatch!(cpu.level(), s => { rows.each(move |row| { update(s, row) }); }) }",
        "fn f() { at_level!(level, (), s => x.map(#[inline] |x| s.add(x, x))); }",
        "fn f() { dispatch!(level, t => { let g = |x| t.add(x, x); }) }",
        "#[inline(always)] fn f<S: Simd>(s: S) -> [S::F32; 4] { array::from_fn(|i| s.splat(1.0)) }",
        "#[inline(always)] fn f<S: Simd>(s: S) { g(a, &|| (1, s.splat(1.0))) }",
        "#[inline(always)] fn f<S: Fold>(s: S) { let w = s.wide(); g(|i| w.splat(i)) }",
        "impl Turn for Neon {\n    fn quads(self) {\n        g(|x| _mm_loadu_ps(x))\n    }\n}",
        "impl Simd for Neon {\n    fn add(self) {\n        g(|x| self.load(x))\n    }\n}",
    ] {
        let violations = closures(text);
        assert_eq!(violations.len(), 1, "{text}: {violations:?}");
    }
    for text in [
        "fn f() { dispatch!(level, s => rows.each(#[inline(always)] |i, row| update(s, row))); }",
        "fn f() { dispatch!(level, s => for row in rows { update(s, row.map(|x| x + 1)) }); }",
        "fn f() { dispatch!(level, s => for row in rows { if a[0] || b(s) { update(s, row) } }); }",
        "#[inline(always)] fn f<S: Simd>(s: S) { match x { A | B => g(s), _ => h(s | 1) } }",
        "#[inline(always)] fn f<S: Simd>(s: S) { let all = x.map(|y| y.s); g(s) }",
        "#[inline(always)] fn f<S: Simd>(s: S) { }\nfn g(s: usize) { x.map(|x| x + s) }",
        "fn f(s: usize) { let y = x.map(|x| x + s); dispatch!(level, s => g(s, y)); }",
    ] {
        assert_eq!(closures(text), [""; 0], "{text}");
    }
}

#[test]
fn instructions_outside_of_simd_are_found() {
    for text in [
        "use std::arch::x86_64::*;",
        "use core::arch::x86_64::_mm256_add_ps;",
        "#[target_feature(enable = \"avx2\")] fn f() {}",
        "#[cfg(target_feature = \"avx2\")] fn f() {}",
        "if is_x86_feature_detected!(\"avx2\") {}",
    ] {
        assert_eq!(found(rules::instructions, "gemm/pack.rs", text).len(), 1, "{text}");
        assert_eq!(found(rules::instructions, "simd/avx2.rs", text), [""; 0]);
    }
    let harmless = "#[cfg(target_arch = \"x86_64\")] fn f() {} // std::arch";
    assert_eq!(found(rules::instructions, "gemm/pack.rs", harmless), [""; 0]);
}

#[test]
fn rayon_elsewhere_is_found() {
    for text in ["rayon::join(a, b)", "use rayon::prelude::*;", "let n = ::rayon::scope(f);"] {
        assert!(!found(rules::rayon, "gemm/parallel.rs", text).is_empty(), "{text}");
        assert_eq!(found(rules::rayon, "parallel.rs", text), [""; 0]);
    }
    let harmless = "#[cfg(feature = \"rayon\")] Parallelism::Rayon // rayon::join";
    assert_eq!(found(rules::rayon, "gemm/parallel.rs", harmless), [""; 0]);
}

#[test]
fn a_long_file_is_found() {
    assert_eq!(found(rules::length, "a.rs", &"\n".repeat(320)), [""; 0]);
    assert_eq!(found(rules::length, "a.rs", &"\n".repeat(321)), [" 321 lines"]);
}

#[test]
fn an_unsafe_without_a_reason_is_found() {
    let unsafety = |text: &str| found(rules::unsafety, "a.rs", text);
    let far = format!("// SAFETY: far away\n{}unsafe {{ f() }}", "\n".repeat(12));
    for text in [
        "fn f() { unsafe { g() } }",
        "unsafe impl Send for A {}",
        "let s = \"// SAFE\"; unsafe { g() }",
        "/// A.\nunsafe fn f() {}",
        &far,
    ] {
        assert_eq!(unsafety(text).len(), 1, "{text}");
    }
    for text in [
        "// SAFETY: so.\nunsafe { g() }",
        "// SAFETY: so.\nunsafe impl Send for A {}",
        "/// A.\n///\n/// # Safety\n/// So.\nunsafe fn f() {}",
        "type K = unsafe fn(u8);",
        "// unsafe { g() }",
        "\nimpl Simd for A {\n    unsafe fn load() {}\n}",
    ] {
        assert_eq!(unsafety(text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_unfinished_is_found() {
    for text in ["// TODO: later", "/// FIXME", "fn f() { todo!() }", "unimplemented!()", "dbg!(x)"]
    {
        assert_eq!(found(rules::unfinished, "a.rs", text).len(), 1, "{text}");
    }
    let harmless = "fn todo() {} // nothing to do, unimplemented";
    assert_eq!(found(rules::unfinished, "a.rs", harmless), [""; 0]);
}
