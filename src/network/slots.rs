//! [`Slots`]: buffers that are shared by things which do not live at the same time.

#[derive(Default)]
pub(super) struct Slots {
    /// Elements per sample of each slot.
    pub widths: Vec<usize>,
    free: Vec<usize>,
}

impl Slots {
    /// A free slot, the one that fits best, made wider if need be.
    pub fn acquire(&mut self, width: usize) -> usize {
        let growth = |&slot: &usize| {
            let have = self.widths[slot];
            (width.saturating_sub(have), have.saturating_sub(width))
        };
        match (0..self.free.len()).min_by_key(|&i| growth(&self.free[i])) {
            Some(i) => {
                let slot = self.free.swap_remove(i);
                self.widths[slot] = self.widths[slot].max(width);
                slot
            }
            None => {
                self.widths.push(width);
                self.widths.len() - 1
            }
        }
    }

    pub fn release(&mut self, slot: usize) {
        self.free.push(slot);
    }
}
