//! Several narrow rows as one slice, whether or not gaps lie between them.

use super::copy;
use crate::tensor::{View, ViewMut};

/// Elements of the longest strip.
pub(super) const LONGEST: usize = 1024;

/// Where rows with gaps between them are gathered.
pub(super) type Room = Option<[f32; LONGEST]>;

/// At most [`LONGEST`] elements, row after row.
#[inline(always)]
pub(super) fn strip<'a>(rows: View<'a>, room: &'a mut Room) -> &'a [f32] {
    match rows.as_contiguous() {
        Some(all) => all,
        None => gather(rows, room),
    }
}

/// The same to be changed; [`put_back`] must follow.
#[inline(always)]
pub(super) fn strip_mut<'a>(rows: &'a mut ViewMut<'_>, room: &'a mut Room) -> &'a mut [f32] {
    match rows.as_contiguous_mut().is_some() {
        true => rows.as_contiguous_mut().unwrap_or_default(),
        false => gather(rows.as_view(), room),
    }
}

/// Copies a changed strip to the rows that it was gathered from, if it was.
#[inline(always)]
pub(super) fn put_back(room: &Room, rows: &mut ViewMut<'_>) {
    let (count, cols) = rows.shape();
    if let (None, Some(room)) = (rows.as_contiguous_mut(), room) {
        copy(View::contiguous(count, cols, &room[..count * cols]), rows);
    }
}

#[cold]
fn gather<'a>(rows: View<'_>, room: &'a mut Room) -> &'a mut [f32] {
    let (count, cols) = rows.shape();
    let strip = &mut room.get_or_insert_with(|| [0.0; LONGEST])[..count * cols];
    copy(rows, &mut ViewMut::contiguous(count, cols, strip));
    strip
}
