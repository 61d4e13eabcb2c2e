//! The rules. Each returns its violations, as `path:line: what`.

use crate::closures;
use crate::functions::{generic_functions, methods};
use crate::source::{File, name, words};

/// Top to bottom. A module may name only the modules after it, and itself.
const LAYERS: [&str; 24] = [
    "guide",
    "io",
    "train",
    "data",
    "gradcheck",
    "network",
    "dense",
    "norm",
    "dropout",
    "optim",
    "schedule",
    "loss",
    "activation",
    "init",
    "gemm",
    "math",
    "parallel",
    "cpu",
    "simd",
    "rng",
    "tensor",
    "scratch",
    "error",
    "lib",
];

/// Functions generic over the token that are not inlined, each for a reason.
const NOT_INLINED: [(&str, &str); 3] = [
    // They are taken as function pointers, and switch the features on themselves.
    ("gemm/dot_kernel.rs", "run"),
    ("gemm/micro_kernel.rs", "run"),
    // It reads constants of the token, and no vector.
    ("gemm/plan.rs", "of"),
];

/// Files that may call rayon.
const RAYON: [&str; 2] = ["parallel.rs", "cpu.rs"];

/// Lines of the longest file.
const MOST_LINES: usize = 320;

/// Lines between an `unsafe` and its reason.
const BESIDE: usize = 8;

fn violation(file: &File, at: usize, what: &str) -> String {
    format!("src/{}:{}: {what}", file.path, file.line(at))
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|&layer| layer == module && layer != "lib")
}

/// Modules name only modules below them; nothing is named in a way that this rule cannot see.
pub fn layers(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != "lib.rs") {
        let Some(own) = rank(file.module()) else {
            found.push(violation(file, 0, "a module without a layer"));
            continue;
        };
        for at in words(&file.code, "crate::") {
            // `$crate::simd` in a macro names a module like any other.
            let used = name(&file.code[at + "crate::".len()..]);
            match rank(used) {
                Some(below) if below >= own => {}
                Some(_) => {
                    let what = format!("`{}` names `{used}`, which is above it", file.module());
                    found.push(violation(file, at, &what));
                }
                None if used.is_empty() => {
                    found.push(violation(file, at, "`crate::{` or `crate::*` hides what is named"));
                }
                None => {
                    let what = format!("`crate::{used}` is no module: name the one it is in");
                    found.push(violation(file, at, &what));
                }
            }
        }
        // As many `super::` as the file is deep would name a sibling without `crate::`. A child
        // module in the same text is one deeper.
        let depth = file.path.trim_end_matches("/mod.rs").matches('/').count() + 1;
        let chain = "super::".repeat(depth);
        for at in words(&file.code, &chain) {
            if words(&file.code[..at], "mod").all(|at| !is_inline_module(&file.code[at..])) {
                found.push(violation(file, at, "`super::` leaves the module: use `crate::`"));
            }
        }
    }
    found
}

/// True of `mod name {`.
fn is_inline_module(code: &str) -> bool {
    let rest = code["mod".len()..].trim_start();
    rest[name(rest).len()..].trim_start().starts_with('{')
}

/// Every function generic over the token is `#[inline(always)]`.
pub fn inlining(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for function in generic_functions(file) {
            let is_allowed = NOT_INLINED.contains(&(&file.path[..], function.name));
            if !function.is_inlined() && !is_allowed {
                let what = format!("`{}` is not #[inline(always)]", function.name);
                found.push(violation(file, function.at, &what));
            }
        }
    }
    found
}

/// Every method of a token is `#[inline(always)]`, except `vectorize` and the frame inside it.
pub fn token_methods(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for method in methods(file) {
            let switches_on = method.attributes.contains("#[target_feature(");
            if !method.is_inlined() && method.name != "vectorize" && !switches_on {
                let what = format!("`{}` is not #[inline(always)]", method.name);
                found.push(violation(file, method.at, &what));
            }
        }
    }
    found
}

/// Every call of `vectorize` is given a closure that is `#[inline(always)]`.
pub fn vectorized_closures(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for at in words(&file.code, "vectorize(") {
            let arguments = &file.code[at + "vectorize(".len()..];
            let is_declaration = file.code[..at].ends_with("fn ");
            let closure = arguments.find("||").unwrap_or(arguments.len());
            if !is_declaration && !arguments[..closure].trim_end().ends_with("#[inline(always)]") {
                found.push(violation(file, at, "a closure that is not #[inline(always)]"));
            }
        }
    }
    found
}

/// Closures that hold a token are `#[inline(always)]`.
pub fn token_closures(files: &[File]) -> Vec<String> {
    let of = |file| closures::not_inlined(file).into_iter().map(move |at| (file, at));
    let found = files.iter().flat_map(of);
    found.map(|(file, at)| violation(file, at, "a closure with a token, not inlined")).collect()
}

/// Instructions, features and their detection are in `simd` only.
pub fn instructions(files: &[File]) -> Vec<String> {
    let forbidden = [
        "std::arch",
        "core::arch",
        "target_feature",
        "is_x86_feature_detected",
        "global_asm",
        "asm!",
    ];
    outside(files, &forbidden, |file| file.module() == "simd")
}

/// Rayon is called in two files.
pub fn rayon(files: &[File]) -> Vec<String> {
    outside(files, &["rayon::", "use rayon"], |file| RAYON.contains(&&file.path[..]))
}

fn outside(files: &[File], forbidden: &[&str], is_home: fn(&File) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_home(file)) {
        for word in forbidden {
            for at in words(&file.code, word) {
                found.push(violation(file, at, &format!("`{word}` does not belong here")));
            }
        }
    }
    found
}

/// No file is too long.
pub fn length(files: &[File]) -> Vec<String> {
    let too_long = files.iter().filter(|file| file.text.lines().count() > MOST_LINES);
    too_long.map(|file| format!("src/{}: {} lines", file.path, file.text.lines().count())).collect()
}

/// Every `unsafe` block and implementation has `SAFETY` in a comment beside it, and every
/// `unsafe fn` says under `# Safety` what it asks for.
pub fn unsafety(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let lines: Vec<&str> = file.text.lines().collect();
        for at in words(&file.code, "unsafe") {
            let line = file.line(at);
            let above = &lines[line.saturating_sub(BESIDE + 1)..line];
            let says = |word: &str| above.iter().any(|line| line.contains(word));
            let rest = file.code[at + "unsafe".len()..].trim_start();
            let (is_block, is_impl) = (rest.starts_with('{'), name(rest) == "impl");
            // The methods of an implementation have the promises of their trait.
            let is_function = name(rest) == "fn" && !is_pointer(rest) && !is_method(file, at);
            if (is_block || is_impl) && !says("// SAFETY:") {
                found.push(violation(file, at, "unsafe without SAFETY"));
            }
            if is_function && !says("# Safety") {
                found.push(violation(file, at, "an unsafe function without # Safety"));
            }
        }
    }
    found
}

/// True of `fn(`, a type.
fn is_pointer(code: &str) -> bool {
    name(code["fn".len()..].trim_start()).is_empty()
}

/// True inside of an implementation of a trait.
fn is_method(file: &File, at: usize) -> bool {
    let is_indented = file.code[..at].rfind('\n').is_some_and(|line| at - line > 4);
    let implementation = file.code[..at].rfind("\nimpl").map(|at| &file.code[at..]);
    let header = implementation.map(|code| &code[..code.find('{').unwrap_or(code.len())]);
    is_indented && header.is_some_and(|header| words(header, "for").next().is_some())
}

/// Nothing is left to be done.
pub fn unfinished(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for word in ["TODO", "FIXME", "XXX"] {
            for at in words(&file.text, word) {
                let line = file.text[..at].matches('\n').count() + 1;
                found.push(format!("src/{}:{line}: {word}", file.path));
            }
        }
        for word in ["todo!", "unimplemented!", "dbg!"] {
            for at in words(&file.code, word) {
                found.push(violation(file, at, word));
            }
        }
    }
    found
}
