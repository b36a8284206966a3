//! Finding a row by its key: an open-addressing table of 64-bit slots that can be kept on disk as it is.
//!
//! A slot holds the key's 32-bit tag above the row's number plus one; 0 is free. A tag's home is
//! `tag × slots ÷ 2³²`, so growing is one sweep in order. Equal tags are told apart by the caller.

#![expect(clippy::cast_possible_truncation, reason = "the low half of a slot is a row, below 2^32; the high half is a 32-bit tag")]

use super::Row;
use crate::entry::Key;

/// The table; see the module.
#[derive(Debug, Default, Clone)]
pub struct KeyTable {
    slots: Vec<u64>,
    used: usize,
}

/// The key's tag. Part of the index file's format: a change needs a new version there.
pub fn tag(key: Key<'_>) -> u32 {
    let mut state = Mixer(0x243f_6a88_85a3_08d3);
    state.text(key.order_id.as_bytes());
    state.text(key.execution.as_bytes());
    state.word(u64::from(key.has_fill_id));
    (state.0 >> 32) as u32
}

struct Mixer(u64);

impl Mixer {
    #[inline]
    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        let mut word = [0; 8];
        let rest = chunks.remainder();
        word[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(word));
    }
}

impl KeyTable {
    fn home(tag: u32, slots: usize) -> usize {
        ((u64::from(tag) * slots as u64) >> 32) as usize
    }

    /// The row with this tag for which `is_it` holds.
    #[inline]
    pub fn find(&self, tag: u32, is_it: impl Fn(Row) -> bool) -> Option<Row> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = Self::home(tag, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            let row = (slot as u32).wrapping_sub(1);
            if (slot >> 32) as u32 == tag && is_it(row) {
                return Some(row);
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    /// Adds a row whose key is not in the table.
    pub fn insert(&mut self, tag: u32, row: Row) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.resize((self.slots.len() * 2).max(64));
        }
        self.place((u64::from(tag) << 32) | u64::from(row + 1));
        self.used += 1;
    }

    fn place(&mut self, slot: u64) {
        let mut at = Self::home((slot >> 32) as u32, self.slots.len());
        while self.slots[at] != 0 {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = slot;
    }

    /// Makes room for `rows` more rows at once.
    pub fn reserve(&mut self, rows: usize) {
        let needed = ((self.used + rows) * 4 / 3 + 1).next_power_of_two();
        if needed > self.slots.len() {
            self.resize(needed);
        }
    }

    fn resize(&mut self, size: usize) {
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            self.place(slot);
        }
    }

    /// Bytes held.
    pub fn memory_bytes(&self) -> usize {
        self.slots.capacity() * 8
    }

    /// The slots, to keep on disk.
    pub fn slots(&self) -> &[u64] {
        &self.slots
    }

    /// The table from kept slots of `rows` rows; `None` when they cannot be that.
    pub fn from_slots(slots: Vec<u64>, rows: usize) -> Option<Self> {
        let used = slots.iter().filter(|slot| **slot != 0).count();
        let in_range = slots.iter().all(|slot| (*slot as u32 as usize) <= rows);
        let roomy = used < slots.len() || slots.is_empty();
        (used == rows && in_range && roomy).then_some(Self { slots, used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        let texts: Vec<String> = (0..5000).map(|i| format!("order-{i}")).collect();
        let key = |text| Key { order_id: text, execution: "1", has_fill_id: true };
        let mut table = KeyTable::default();
        for (row, text) in texts.iter().enumerate().take(4000) {
            table.insert(tag(key(text)), row as Row);
        }
        for (row, text) in texts.iter().enumerate() {
            let found = table.find(tag(key(text)), |row| texts[row as usize] == *text);
            assert_eq!(found, (row < 4000).then_some(row as Row));
        }
        let again = KeyTable::from_slots(table.slots().to_vec(), 4000).expect("own slots");
        assert_eq!(again.find(tag(key("order-7")), |row| row == 7), Some(7));
        assert!(KeyTable::from_slots(table.slots().to_vec(), 3999).is_none());
    }

    #[test]
    fn ids_do_not_glue() {
        let key = |order_id, execution| Key { order_id, execution, has_fill_id: true };
        assert_ne!(tag(key("a/bc", "d")), tag(key("a/b", "cd")));
        assert_ne!(tag(key("", "x")), tag(key("x", "")));
    }
}
