//! Content that is cut off, too long, of another format, or that announces what is not there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Read};

use densecore::data::idx::{Problem, read};

use super::{Result, file, pictures_and_labels};

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, remembering the largest request of each thread.
struct Watching;

// SAFETY: every call is handed to the system's allocator as it is; `realloc` and `alloc_zeroed`
// of the trait call `alloc`.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promise about `layout`, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above with this `layout`, as the caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static WATCHING: Watching = Watching;

#[test]
fn a_file_cut_off_anywhere_says_so() -> Result {
    let [pictures, _] = pictures_and_labels(4);
    for len in 0..pictures.len() {
        match read::<3>(&pictures[..len]) {
            Err(Problem::Header) => assert!(len < 16, "{len}"),
            Err(Problem::Truncated { expected: 24, found }) => assert_eq!(found + 16, len),
            other => panic!("{len}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn nothing_may_follow_the_last_element() {
    let [mut pictures, _] = pictures_and_labels(4);
    pictures.push(0);
    let problem = read::<3>(&pictures[..]);
    assert!(matches!(problem, Err(Problem::Trailing { expected: 24 })), "{problem:?}");
}

#[test]
fn the_first_four_bytes_are_checked_each() -> Result {
    let [pictures, _] = pictures_and_labels(1);
    for at in 0..4 {
        for byte in (0..=255).filter(|&byte| byte != pictures[at]) {
            let mut damaged = pictures.clone();
            damaged[at] = byte;
            match (at, read::<3>(&damaged[..])) {
                (0 | 1, Err(Problem::Format)) => {}
                // Signed bytes, and integers and floats of more bytes.
                (2, Err(Problem::Type { found })) => {
                    assert!(found == byte && [9, 11, 12, 13, 14].contains(&byte), "{byte}");
                }
                (2, Err(Problem::Format)) => assert!(![9, 11, 12, 13, 14].contains(&byte)),
                (3, Err(Problem::Rank { expected: 3, found })) => {
                    assert_eq!(found, usize::from(byte))
                }
                (_, other) => panic!("byte {at} is {byte}: {other:?}"),
            }
        }
    }
    Ok(())
}

#[test]
fn sizes_beyond_the_address_space_are_refused() {
    const MAX: u32 = u32::MAX;
    // 2^96; 2^64, which is 0 modulo 2^64; 2^63, one more than a slice may have.
    for sizes in [[MAX, MAX, MAX], [1 << 31, 1 << 31, 4], [1 << 31, 1 << 31, 2]] {
        let problem = read::<3>(&file(&sizes, &[1, 2, 3])[..]);
        assert!(matches!(problem, Err(Problem::Size)), "{sizes:?}: {problem:?}");
    }
    assert!(matches!(read::<2>(&file(&[MAX, MAX], &[1])[..]), Err(Problem::Size)));
    // Nothing, however wide.
    assert!(read::<3>(&file(&[MAX, 0, MAX], &[])[..]).is_ok());
}

#[test]
fn a_header_alone_gets_no_memory() {
    let small = 1 << 16;
    let bytes = file(&[1 << 20, 28, 28], &[5; 100]);
    LARGEST.with(|largest| largest.set(0));
    let problem = read::<3>(&bytes[..]);
    let largest = LARGEST.with(Cell::get);
    assert!(matches!(problem, Err(Problem::Truncated { found: 100, .. })), "{problem:?}");
    assert!((1..small).contains(&largest), "{largest} bytes at once");
}

/// Bytes one at a time, then an error.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some((first, rest)) = self.0.split_first() else {
            return Err(io::Error::other("the cable was pulled"));
        };
        out[0] = *first;
        self.0 = rest;
        Ok(1)
    }
}

#[test]
fn an_error_of_the_reader_is_passed_on() -> Result {
    let [pictures, _] = pictures_and_labels(2);
    // Also behind the last element, where the end is looked for.
    for len in 0..=pictures.len() {
        let problem = read::<3>(Failing(&pictures[..len])).err().ok_or("no error")?;
        assert!(matches!(problem, Problem::Io(_)), "{len}: {problem:?}");
        assert_eq!(problem.to_string(), "the cable was pulled");
    }
    Ok(())
}
