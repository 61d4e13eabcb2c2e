//! The source files, and their text without comments and without what strings say.

use std::path::Path;

/// One file below `src`.
#[derive(Clone, Debug)]
pub struct File {
    /// Relative to `src`, with `/` on every system.
    pub path: String,
    /// As it is.
    pub text: String,
    /// With blanks for comments and for the content of strings, line for line.
    pub code: String,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: code_of(text) }
    }

    /// The module that the file belongs to, directly below the crate's root.
    pub fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The number of the line that byte `at` of the code is in, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// All files below `src`.
pub fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                let below = path.strip_prefix(&root).expect("below src");
                let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
                files.push(File::new(&names.join("/"), &text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The text with blanks for comments and for the content of strings and characters. Every other
/// character, and every line, stays where it is.
pub fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let starts = |i: usize, with: &str| with.chars().enumerate().all(|(j, c)| at(i + j) == c);
    let mut code = String::with_capacity(text.len());
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let mut i = 0;
    while i < chars.len() {
        // How many characters from `i` on are not code.
        let skipped = if starts(i, "//") {
            chars[i..].iter().take_while(|&&c| c != '\n').count()
        } else if starts(i, "/*") {
            block_comment(&chars[i..])
        } else if let Some(hashes) = raw_string(&chars, i) {
            let end: String = core::iter::once('"').chain((0..hashes).map(|_| '#')).collect();
            let open = hashes + 2;
            let close = (i + open..chars.len()).find(|&j| starts(j, &end));
            close.map_or(chars.len(), |j| j + end.len()) - i
        } else if at(i) == '"' {
            quoted(&chars[i..], '"')
        } else if at(i) == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            quoted(&chars[i..], '\'')
        } else {
            0
        };
        for &c in chars[i..].iter().take(skipped) {
            code.push(blank(c));
        }
        if skipped == 0 {
            code.push(at(i));
        }
        i += skipped.max(1);
    }
    code
}

/// Characters of the block comment that the text starts with; comments may hold comments.
fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut i) = (0, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The number of `#` of the raw string that starts at `i`, if one does.
fn raw_string(chars: &[char], i: usize) -> Option<usize> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let follows_name = i > 0 && is_name(chars[i - 1]) && chars[i - 1] != 'b';
    if chars[i] != 'r' || follows_name {
        return None;
    }
    let hashes = chars[i + 1..].iter().take_while(|&&c| c == '#').count();
    (chars.get(i + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Characters of the string or character that the text starts with.
fn quoted(chars: &[char], quote: char) -> usize {
    let mut i = 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// The places of `word` in `code` where no letter, digit or `_` stands beside it.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let joins = |end: bool, beside: Option<char>| end && beside.is_some_and(is_name);
        let joined_before = joins(word.starts_with(is_name), before);
        !joined_before && !joins(word.ends_with(is_name), after)
    })
}

/// The name at the start of `code`; empty if there is none.
pub fn name(code: &str) -> &str {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    &code[..end]
}
