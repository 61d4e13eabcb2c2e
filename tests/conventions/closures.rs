//! Closures that hold a token, or call an instruction. One is a function of its own: where it is not inlined into the frame of `vectorize`, it is
//! compiled without the features, and each of its instructions is a call.

use core::ops::Range;

use crate::functions::{Function, generic_functions, methods};
use crate::source::{File, name, words};

/// A part of a file's code in which `token` is one.
struct Region<'a> {
    range: Range<usize>,
    token: &'a str,
}

/// What a token of wider vectors is called, which another token has given.
const WIDE: &str = "w";

/// The places of closures that hold a token, or call an instruction, and are not `#[inline(always)]`.
pub fn not_inlined(file: &File) -> Vec<usize> {
    let mut found: Vec<usize> = regions(file)
        .flat_map(|Region { range, token }| {
            let closures = closures(&file.code, range);
            closures.filter(move |closure| holds(&file.code[closure.clone()], token))
        })
        .map(|closure| closure.start)
        .filter(|&at| !is_inlined(&file.code[..at]))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn regions(file: &File) -> impl Iterator<Item = Region<'_>> {
    let code = &file.code[..];
    let macros = ["dispatch!(", "at_level!("].into_iter().flat_map(move |call| {
        words(code, call).filter_map(move |at| {
            let range = at..end_of(code, at + call.len());
            let before = code[range.clone()].split("=>").next()?.trim_end();
            let token = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
            Some(Region { range, token })
        })
    });
    let body = |at: usize, token| {
        let start = code[at..].find('{').map_or(code.len(), |open| at + open + 1);
        Region { range: start..end_of(code, start), token }
    };
    // Of those that are not inlined another rule tells.
    let inlined = generic_functions(file).into_iter().filter(Function::is_inlined);
    let functions = inlined.map(move |function| body(function.at, "s"));
    let methods = methods(file).into_iter().map(move |method| body(method.at, "self"));
    macros.chain(functions).chain(methods)
}

/// Where the bracket closes that was opened before `start`.
fn end_of(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let end = code[start..].find(|c| {
        let closes = matches!(c, ')' | ']' | '}');
        let is_end = closes && depth == 0;
        match c {
            '(' | '[' | '{' => depth += 1,
            _ if closes && !is_end => depth -= 1,
            _ => {}
        }
        is_end
    });
    end.map_or(code.len(), |end| start + end)
}

/// The closures that begin in a part of the code, each from its `|` to the end of its body.
fn closures(code: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let start = range.start;
    code[range].match_indices('|').filter_map(move |(at, _)| {
        let at = start + at;
        // Elsewhere it is an operator, or between patterns.
        let before = before_moves(&code[..at]);
        let begins = ['(', ',', '=', '{', ';', '&'].iter().any(|&c| before.ends_with(c));
        if !begins && attribute(before).is_empty() {
            return None;
        }
        let parameters = at + 1 + code[at + 1..].find('|')?;
        Some(at..end_of_expression(code, parameters + 1))
    })
}

/// Where a closure begins apart from `move`.
fn before_moves(before: &str) -> &str {
    before.trim_end().trim_end_matches("move").trim_end()
}

/// The attribute at the end of the text; empty if there is none.
fn attribute(before: &str) -> &str {
    let open = before.rfind("#[").filter(|&open| end_of(before, open + 2) + 1 == before.len());
    open.map_or("", |open| &before[open..])
}

/// Where an argument or a statement ends that begins at `start`.
fn end_of_expression(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let end = code[start..].find(|c| match c {
        '(' | '[' | '{' => {
            depth += 1;
            false
        }
        ')' | ']' | '}' if depth > 0 => {
            depth -= 1;
            false
        }
        _ => depth == 0 && matches!(c, ')' | ']' | '}' | ',' | ';'),
    });
    end.map_or(code.len(), |end| start + end)
}

/// True if a token itself is named, not a field or a name of a struct's, or an instruction.
fn holds(closure: &str, token: &str) -> bool {
    let names = |token| {
        words(closure, token)
            .any(|at| !closure[..at].ends_with('.') && name(&closure[at..]) == token)
    };
    names(token) || names(WIDE) || closure.contains("_mm")
}

fn is_inlined(before: &str) -> bool {
    attribute(before_moves(before)) == "#[inline(always)]"
}
