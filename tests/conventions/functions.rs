//! The functions in a file's code, with what is written before their names and in their signatures.

use crate::source::{File, name, words};

/// A function and what stands before and in its signature.
#[derive(Debug)]
pub struct Function<'a> {
    pub at: usize,
    pub name: &'a str,
    pub attributes: &'a str,
    signature: &'a str,
    has_body: bool,
}

impl Function<'_> {
    /// True with the attribute that the law of inlining asks for.
    pub fn is_inlined(&self) -> bool {
        self.attributes.contains("#[inline(always)]")
    }
}

/// All functions with a name.
fn functions(code: &str) -> impl Iterator<Item = Function<'_>> {
    words(code, "fn").filter_map(|at| {
        let rest = code[at + 2..].trim_start();
        let name = name(rest);
        // Without a name it is the type of a pointer.
        if name.is_empty() || !code[at + 2..].starts_with(char::is_whitespace) {
            return None;
        }
        let end = signature_end(rest);
        let before = code[..at].rfind([';', '{', '}']).map_or(0, |at| at + 1);
        Some(Function {
            at,
            name,
            attributes: &code[before..at],
            signature: &rest[..end],
            has_body: rest[end..].starts_with('{'),
        })
    })
}

/// Where the body or the `;` of a declaration is; the `;` of an array's type is neither.
fn signature_end(code: &str) -> usize {
    let mut brackets = 0_usize;
    let end = code.find(|c| {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        brackets == 0 && (c == '{' || c == ';')
    });
    end.unwrap_or(code.len())
}

/// The functions with a body whose signature has a bound `Simd`, or a trait above it.
pub fn generic_functions(file: &File) -> Vec<Function<'_>> {
    let is_generic = |signature: &str| {
        let bounds = ["Simd", "TileShape", "Turn", "DotShape", "Fold"];
        bounds.iter().any(|bound| words(signature, bound).any(|at| is_bound(&signature[..at])))
    };
    let all = functions(&file.code);
    all.filter(|function| function.has_body && is_generic(function.signature)).collect()
}

/// True if a trait named after `before` is a bound: `S: Simd`, `S: Copy + crate::simd::Simd`,
/// `impl Simd`; not the one in `<S as Simd>::F32`.
fn is_bound(mut before: &str) -> bool {
    while let Some(path) = before.strip_suffix("::") {
        before = path.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    }
    let before = before.trim_end();
    [":", "+", "impl"].iter().any(|introduction| before.ends_with(introduction))
}

/// The functions of the implementations of `Simd`, `Turn` and `Fold` in a file.
pub fn methods(file: &File) -> Vec<Function<'_>> {
    let of = |name| words(&file.code, name);
    let implementations =
        of("Simd for").chain(of("Turn for")).chain(of("Fold for")).filter_map(|at| {
            let line = file.code[..at].rfind('\n').map_or(0, |at| at + 1);
            if !file.code[line..].starts_with("impl") {
                return None;
            }
            let end = file.code[at..].find("\n}").map_or(file.code.len(), |end| at + end);
            Some(at..end)
        });
    let ranges: Vec<_> = implementations.collect();
    let is_inside = |at: &usize| ranges.iter().any(|range| range.contains(at));
    functions(&file.code).filter(|function| is_inside(&function.at)).collect()
}
